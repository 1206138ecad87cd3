"""What is stored is found in time by what there is, in every layout that zarr writes."""

from __future__ import annotations

import json
import time

import numcodecs
import numpy as np
import pytest

pytest.importorskip("click")
zarr = pytest.importorskip("zarr")

from click.testing import CliRunner  # noqa: E402

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video import DecodeError, VideoCodec  # noqa: E402
from numcodecs_video.cli.commands import commands  # noqa: E402
from numcodecs_video.stored import (  # noqa: E402
    AT_ONCE,
    chunk_counts,
    read_headers,
    read_payloads,
    stored_chunks,
)
from numcodecs_video.xarray.recording import worst_realised  # noqa: E402

SHAPE = (8, 20, 24)
VALUES = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")
CODEC = VideoCodec("hevc", max_error=0.1, effort=1)


def run(*arguments: object, exit_code: int = 0) -> str:
    """Run a command, and return what it printed."""
    done = CliRunner().invoke(commands, list(map(str, arguments)))
    assert done.exit_code == exit_code, done.output
    return done.stdout


def create(store, shape, chunks, zarr_format=3, **options) -> zarr.Array:
    """An array of video."""
    options = {**CODEC.encoding(zarr_format), "fill_value": 0, **options}
    return zarr.create_array(
        store, name="v", shape=shape, chunks=chunks, dtype="f4", zarr_format=zarr_format, **options
    )


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.xdist_group("timed")
@pytest.mark.parametrize("shards", [False, True])
def test_a_grid_of_billions_takes_no_time(tmp_path, zarr_format, shards):
    """One chunk that is stored is one to look at."""
    if zarr_format == 2 and shards:
        pytest.skip("format 2 has no shards")
    options = {"shards": (16, 40, 48)} if shards else {}
    zarr.open_group(tmp_path / "a", mode="w", zarr_format=zarr_format)
    array = create(tmp_path / "a", (10**7, 10**6, 10**6), SHAPE, zarr_format, **options)
    place = tuple(slice(16 * 40 * 48, 16 * 40 * 48 + n) for n in SHAPE)
    array[place] = VALUES
    start = time.perf_counter()
    (chunk,) = stored_chunks(array)
    assert chunk.region == place
    assert 0 < worst_realised(array, CODEC.settings.fidelity) <= 0.1
    (row,) = json.loads(run("info", tmp_path / "a", "--json"))
    assert 0 < row["realised"] <= 0.1
    assert "1 chunks decoded, no faults" in run("doctor", tmp_path / "a")
    assert ncv.record_loss(tmp_path / "a")["v"]["lossy_compression_realised_max_error"] <= 0.1
    assert time.perf_counter() - start < 5


@pytest.mark.xdist_group("timed")
@pytest.mark.parametrize("shards", [None, pytest.param((2, 20, 24), marks=pytest.mark.slow)])
def test_headers_come_together(shards):
    """Many requests are under way at once: a store far away costs its delay a few times."""
    latency = pytest.importorskip("zarr.testing.store").LatencyStore
    memory = zarr.storage.MemoryStore()
    shape = (2 * AT_ONCE, 20, 24)
    quick = VideoCodec("ffv1", max_error=0.1, effort=1).encoding(3)
    array = create(memory, shape, (1, 20, 24), shards=shards, **quick)
    array[:] = np.resize(VALUES, shape)
    slow = zarr.open_array(latency(memory, get_latency=0.1), path="v", mode="r")
    start = time.perf_counter()
    headers = list(read_headers(stored_chunks(slow)))
    assert len(headers) == shape[0]
    # One by one it would be 0.1 s for each chunk, 12.8 s.
    assert time.perf_counter() - start < 3
    assert all(header.promise.realised <= 0.1 for header in headers)


def test_bytes_come_together():
    """Whole chunks, within shards too."""
    plain = create({}, SHAPE, (4, 10, 24))
    sharded = create({}, SHAPE, (4, 10, 24), shards=SHAPE)
    for array in (plain, sharded):
        array[:] = VALUES
    assert chunk_counts(plain) == chunk_counts(sharded) == (2, 2, 1)
    places = [chunk.coordinates for chunk in stored_chunks(plain)]
    assert places == [chunk.coordinates for chunk in stored_chunks(sharded)]
    assert read_payloads(list(stored_chunks(plain))) == read_payloads(list(stored_chunks(sharded)))


def test_a_damaged_index_stops_no_other_shard(tmp_path):
    """It is told of, where somebody listens."""
    array = create(tmp_path / "a", (16, 20, 24), (4, 20, 24), shards=SHAPE)
    array[:] = np.resize(VALUES, (16, 20, 24))
    file = tmp_path / "a" / "v" / "c" / "0" / "0" / "0"
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    with pytest.raises(DecodeError, match="v/c/0/0/0: the index of the shard fails"):
        list(stored_chunks(array))
    told: list[str] = []
    assert len(list(stored_chunks(array, on_fault=lambda key, _: told.append(key)))) == 2
    assert told == ["v/c/0/0/0"]


def test_other_objects_are_no_chunks(tmp_path):
    """Metadata, files of people, and chunks that an array lost as it shrank."""
    array = create(tmp_path / "a", SHAPE, (4, 20, 24))
    array[:] = VALUES
    folder = tmp_path / "a" / "v" / "c"
    (folder / "notes 1 2 3.txt").write_text("x")
    (folder / "7" / "0").mkdir(parents=True)
    (folder / "7" / "0" / "0").write_text("x")
    assert [chunk.coordinates for chunk in stored_chunks(array)] == [(0, 0, 0), (1, 0, 0)]


@pytest.mark.parametrize("shards", [False, True])
def test_rectilinear_grids(tmp_path, shards):
    """`info`, `doctor`, `record_loss` and `extract` take them as any other."""
    key = "array.rectilinear_chunks"
    if zarr.config.get(key, None) is None:
        pytest.skip("this zarr has no rectilinear chunk grids")
    lengths = [[2, 6], [10, 10], [24]]
    with zarr.config.set({key: True}):
        zarr.open_group(tmp_path / "a", mode="w")
        if shards:
            array = create(tmp_path / "a", SHAPE, (2, 10, 12), shards=lengths)
            expected = [2, 10, 12]
        else:
            array = create(tmp_path / "a", SHAPE, lengths)
            expected = lengths
        array[:] = VALUES
        found = list(stored_chunks(array))
        assert len(found) == (16 if shards else 4)
        seen = np.zeros(SHAPE, int)
        for chunk in found:
            seen[chunk.region] += 1
            assert chunk.read_header().shape == chunk.shape
        assert (seen == 1).all()
        (row,) = json.loads(run("info", tmp_path / "a", "--json"))
        assert [np.unique(n).tolist() for n in row["chunks"]] == [
            np.unique(n).tolist() for n in expected
        ]
        assert "v" in run("info", tmp_path / "a")
        assert "no faults" in run("doctor", tmp_path / "a")
        assert ncv.record_loss(tmp_path / "a")["v"]["lossy_compression_max_error"] == 0.1
        if not shards:  # whose chunks are too small for pictures
            run("extract", tmp_path / "a", tmp_path / "a.mkv", "--chunk", "1.0.0")


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_doctor_looks_before_it_decodes(tmp_path, zarr_format, monkeypatch):
    """A few bytes that declare gigabytes take none of them."""
    zarr.open_group(tmp_path / "a", mode="w", zarr_format=zarr_format)
    array = create(tmp_path / "a", SHAPE, SHAPE, zarr_format)
    array[:] = VALUES
    (chunk,) = stored_chunks(array)
    (tmp_path / "a" / chunk.key).write_bytes(CODEC.encode(np.zeros((64, 64, 2**10), "f4")))
    monkeypatch.setattr(
        "numcodecs_video.decode.chunk.decode_chunk", lambda _: pytest.fail("decoded")
    )
    report = run("doctor", tmp_path / "a", exit_code=1)
    assert f"{chunk.key}: the chunk has shape (64, 64, 1024)" in report


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_doctor_leaves_filters_to_zarr(tmp_path, zarr_format):
    """What a filter made of a chunk is not what the array's metadata say."""
    filters = {
        2: [numcodecs.Delta(dtype="i4")],
        3: [zarr.codecs.TransposeCodec(order=(2, 0, 1))],
    }[zarr_format]
    zarr.open_group(tmp_path / "a", mode="w", zarr_format=zarr_format)
    array = zarr.create_array(
        tmp_path / "a", name="v", shape=SHAPE, chunks=SHAPE, dtype="i4", zarr_format=zarr_format,
        **{**VideoCodec(effort=1).encoding(zarr_format), "filters": filters},
    )  # fmt: skip
    array[:] = VALUES.astype("i4")
    assert "no faults" in run("doctor", tmp_path / "a")
