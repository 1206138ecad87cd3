"""Shards by dimension: whole chunks, whole objects, and one task for each."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("dask")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video import VideoCodecError  # noqa: E402

SHAPE = (8, 40, 48)
VALUES = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")
SAID = {"max_error": 0.1, "effort": 1}


@pytest.fixture
def ds() -> xr.Dataset:
    """A cube, and one without the dimension x."""
    return xr.Dataset(
        {"v": (("time", "y", "x"), VALUES), "w": (("time", "lat", "lon"), VALUES[:, :20, :24])}
    )


@pytest.mark.parametrize(
    ("chunks", "shards", "expected"),
    [
        ({"y": 10, "x": 12}, {"y": 20, "x": 24}, ((8, 10, 12), (8, 20, 24))),
        ({"time": 4, "y": 10}, {"time": -1}, ((4, 10, 48), (8, 10, 48))),
        ({"time": 3}, {"time": -1}, ((3, 40, 48), (9, 40, 48))),
        ({"time": 4, "y": 16}, {"time": 400, "y": 32}, ((4, 16, 48), (8, 32, 48))),
        # Chunks that are left to us divide the shards.
        (None, {"time": 6}, ((6, 40, 48), (6, 40, 48))),
        (None, {"y": 20}, ((8, 20, 48), (8, 20, 48))),
    ],
)
def test_shards_are_whole_chunks(tmp_path, ds, chunks, shards, expected):
    """By dimension, those left out one chunk long, none longer than the array."""
    ncv.to_zarr(ds, tmp_path / "a", chunks=chunks, shards=shards, **SAID)
    array = zarr.open_group(tmp_path / "a", mode="r")["v"]
    assert (array.chunks, array.shards) == expected
    assert 0 < np.abs(array[:] - VALUES).max() <= 0.1
    assert 0 < array.attrs["lossy_compression_realised_max_error"] <= 0.1


def test_variables_without_these_dimensions_have_none(ds):
    """The encoding of xarray itself leaves them out."""
    chosen = ncv.encoding(ds, shards={"x": -1}, chunks={"x": 24})
    assert chosen["v"]["shards"] == SHAPE
    assert "shards" not in chosen["w"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"shards": {"y": 25}, "chunks": {"y": 10}},
            r"chunks of 10 along 'y', got 25: take 20 or 30, or give chunks={.y.: ...} that divide",
        ),
        ({"shards": {"y": 5}, "chunks": {"y": 10}}, r"got 5: take 10, or give chunks=\{'y'"),
        ({"shards": {"y": 0}}, "shards must be whole numbers from 1, or -1 .*got y=0"),
        ({"shards": {"level": 4}}, "shards names level"),
        ({"shards": {"y": 20}, "zarr_format": 2}, "format 2 has no shards"),
    ],
)
def test_shards_that_cannot_be_are_refused(tmp_path, ds, said, message):
    """Before anything is written, with the nearest that can."""
    for function in (ncv.encoding, lambda ds, **said: ncv.to_zarr(ds, tmp_path / "a", **said)):
        with pytest.raises(VideoCodecError, match=message):
            function(ds, **said)
    assert not (tmp_path / "a").exists()


def test_one_task_writes_a_shard(tmp_path, ds):
    """Dask's chunks hold whole shards, or it is an error that says how to cut them."""
    said = {"chunks": {"time": 2}, "shards": {"time": 4}, **SAID}
    with pytest.raises(VideoCodecError, match=r"Dask chunks of 2 .* call \.chunk\(\{'time': 4"):
        ncv.to_zarr(ds.chunk(time=2), tmp_path / "a", **said)
    ncv.to_zarr(ds.chunk(time=4), tmp_path / "a", **said)
    array = zarr.open_group(tmp_path / "a", mode="r")["v"]
    assert (array.chunks, array.shards) == ((2, 40, 48), (4, 40, 48))
    assert 0 < np.abs(array[:] - VALUES).max() <= 0.1


def test_evaluating_knows_them_too(ds):
    """They lie around chunks and change nothing within."""
    plain, sharded = (
        ncv.evaluate(ds.v, chunks={"time": 4}, **said, **SAID)
        for said in ({}, {"shards": {"time": 8}})
    )
    assert plain.stored_bytes == sharded.stored_bytes
