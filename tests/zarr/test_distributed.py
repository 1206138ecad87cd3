"""Dask's schedulers, forked and spawned processes: codecs travel and chunks are coded there."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from numcodecs_video import VideoCodec

xr = pytest.importorskip("xarray")
dask = pytest.importorskip("dask")

pytestmark = pytest.mark.xdist_group("processes")  # they share a pool, which is slow to start
BOUND = 0.05
CODEC = VideoCodec(max_error=BOUND, gop=4, effort=1)
ENCODING = {"t2m": {**CODEC.encoding(3), "chunks": (8, 20, 30)}}


@pytest.fixture(scope="module")
def dataset() -> xr.Dataset:
    """Sixteen dates in two chunks of time and two of space."""
    t, y, x = np.mgrid[:16, :40, :30]
    noise = np.random.default_rng(7).normal(0, 0.1, t.shape)
    values = (280 + np.sin((x + t) / 5) + np.cos(y / 4) + noise).astype("f4")
    values[3:6, 2:9, 5:20] = np.nan
    return xr.Dataset({"t2m": (("time", "y", "x"), values)})


@pytest.fixture(scope="module")
def cluster():
    """A local cluster of two worker processes."""
    distributed = pytest.importorskip("distributed")
    with (
        dask.config.set({"distributed.scheduler.active-memory-manager.start": False}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def pool():
    """Two fresh processes, which import everything once."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(
    params=[
        "synchronous",
        "threads",
        pytest.param("processes", marks=pytest.mark.slow),
        pytest.param("distributed", marks=pytest.mark.slow),
    ]
)
def scheduler(request):
    """Each way that dask runs its tasks."""
    if request.param == "distributed":
        request.getfixturevalue("cluster")
        yield
        return
    pool = request.getfixturevalue("pool") if request.param == "processes" else None
    with dask.config.set(scheduler=request.param, num_workers=2, pool=pool):
        yield


def _close(store, dataset: xr.Dataset) -> None:
    """What a store holds keeps the bound, and is read chunk by chunk."""
    with xr.open_zarr(store, chunks={}) as back:
        error = abs(back.t2m.astype("f8") - dataset.t2m)
        assert float(error.max()) <= BOUND
        assert int((back.t2m.isnull() != dataset.t2m.isnull()).sum()) == 0
        part = back.t2m[5, 30:].compute()
        np.testing.assert_array_equal(part, back.t2m.values[5, 30:])


def test_every_scheduler_writes_and_reads(scheduler, dataset, tmp_path):
    """A chunk a task, in whatever thread or process; then more dates are appended."""
    store = tmp_path / "d.zarr"
    chunked = dataset.chunk(time=8, y=20)
    chunked.to_zarr(store, encoding=ENCODING)
    _close(store, dataset)
    chunked.to_zarr(store, append_dim="time")
    _close(store, xr.concat([dataset, dataset], "time"))


def test_regions_are_written_one_after_the_other(dataset, tmp_path):
    """The store is laid out first, then filled a region at a time."""
    store = tmp_path / "d.zarr"
    chunked = dataset.chunk(time=8, y=20)
    chunked.to_zarr(store, encoding=ENCODING, compute=False)
    for start in (8, 0):
        part = slice(start, start + 8)
        chunked.isel(time=part).to_zarr(store, region={"time": part})
    _close(store, dataset)


def test_tasks_that_share_a_chunk_are_refused(dataset, tmp_path):
    """Xarray says so before anything is written: the docs say how to align."""
    with pytest.raises(ValueError, match="chunk"):
        dataset.chunk(time=3).to_zarr(tmp_path / "d.zarr", encoding=ENCODING)


def test_codecs_pickle_small():
    """They travel with every task."""
    assert len(pickle.dumps(CODEC)) < 1000
    assert len(pickle.dumps(CODEC.serializer())) < 1000


def _round_trip(codec: VideoCodec, values: np.ndarray) -> tuple[bytes, np.ndarray]:
    encoded = codec.encode(values)
    return encoded, codec.decode(encoded)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(
    "method",
    ["fork", *(pytest.param(name, marks=pytest.mark.slow) for name in ("spawn", "forkserver"))],
)
def test_processes_however_started(method, dataset, pool):
    """A fork after an encode inherits no pool and no lock."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} on this system")
    values = dataset.t2m.values
    expected = _round_trip(CODEC, values)
    if method == "spawn":
        encoded, decoded = pool.submit(_round_trip, CODEC, values).result(120)
    else:
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(1, mp_context=context) as other:
            encoded, decoded = other.submit(_round_trip, CODEC, values).result(120)
    assert encoded == expected[0]
    np.testing.assert_array_equal(decoded, expected[1])
