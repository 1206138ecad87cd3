"""The command line: what its commands write, print and refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("rich")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

import click  # noqa: E402
from click.testing import Result  # noqa: E402

from numcodecs_video import VideoCodec  # noqa: E402
from numcodecs_video.cli import compress as compress_module  # noqa: E402
from numcodecs_video.cli import copying, demo  # noqa: E402
from numcodecs_video.cli.commands import COMMANDS, INTERRUPTED, commands  # noqa: E402
from numcodecs_video.errors import VideoCodecError  # noqa: E402
from numcodecs_video.format.payload import MAGIC  # noqa: E402
from tests.cli.running import compress  # noqa: E402
from tests.cli.running import invoke as run  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

SHAPE = (7, 33, 40)


def run_well(*arguments: object) -> str:
    """Run a command that succeeds, and return what it printed."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def assert_ends_in_one_line(result: Result, message: str) -> None:
    """A foreseeable trouble: exit status 1, one line that holds the message, no traceback."""
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    lines = result.output.strip().splitlines()
    assert len(lines) == 1, result.output
    assert lines[0].startswith("Error: ")
    assert message in lines[0]


def as_stored(path: Path) -> xr.Dataset:
    """A store's contents without any decoding."""
    return xr.open_zarr(path, decode_cf=False, chunks=None, consolidated=False)


@pytest.fixture
def ds() -> xr.Dataset:
    """A dataset with every kind of variable that a copy may spoil, as stored."""
    rng = np.random.default_rng(0)
    smooth = np.add.outer(np.arange(7), np.add.outer(np.arange(33.0), np.arange(40.0)))
    packed = (20 * smooth + rng.integers(0, 9, SHAPE)).astype("i2")
    packed[2, :5] = -999
    real = (smooth / 10 + rng.normal(0, 0.1, SHAPE)).astype("f4")
    real[:, 0, 0] = np.nan
    dims = ("time", "y", "x")
    return xr.Dataset(
        {
            "packed": (
                dims,
                packed,
                {
                    "scale_factor": 0.01,
                    "add_offset": 273.15,
                    "_FillValue": np.int16(-999),
                    "units": "K",
                    "grid_mapping": "crs",
                    "coordinates": "area",
                },
            ),
            "height": (dims, real, {"units": "m"}),
            "classes": (dims, rng.integers(0, 4, SHAPE, "u1"), {"flag_values": [0, 1, 2, 3]}),
            "area": (("y", "x"), np.ones(SHAPE[1:])),
            "crs": ((), np.int32(0), {"grid_mapping_name": "latitude_longitude"}),
            "label": (("time",), np.array(list("abcdefg"))),
        },
        coords={
            "time": ("time", np.arange(7), {"units": "days since 2001-01-01", "bounds": "edges"}),
            "edges": (("time", "side"), np.arange(14).reshape(7, 2)),
        },
        attrs={"title": "a test"},
    )


@pytest.fixture
def source(tmp_path: Path, ds: xr.Dataset) -> Path:
    """The dataset as a Zarr store."""
    ds.drop_encoding().reset_coords().to_zarr(tmp_path / "source.zarr")
    return tmp_path / "source.zarr"


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("container", ["zarr2", "zarr3", "netcdf4", "netcdf3"])
def test_compress_changes_nothing_but_the_coding(tmp_path, ds, container, zarr_format):
    """Without a promise every value, attribute and dimension of every variable is as it was."""
    if container.startswith("zarr"):
        path = tmp_path / "source.zarr"
        ds.reset_coords().to_zarr(path, zarr_format=int(container[-1]))
    else:
        pytest.importorskip("netCDF4")
        path = tmp_path / "source.nc"
        kind = "NETCDF3_64BIT" if container == "netcdf3" else "NETCDF4"
        ds.reset_coords().to_netcdf(path, engine="netcdf4", format=kind, unlimited_dims=["time"])
    compress(path, tmp_path / "copy.zarr", "--zarr-format", zarr_format)
    engine = "zarr" if path.is_dir() else None
    with (
        xr.open_dataset(path, engine=engine) as before,
        xr.open_zarr(tmp_path / "copy.zarr") as after,
    ):
        xr.testing.assert_identical(before.load(), after.load())
        assert before.packed.encoding["scale_factor"] == after.packed.encoding["scale_factor"]
    with (
        xr.open_dataset(path, engine=engine, decode_cf=False) as before,
        as_stored(tmp_path / "copy.zarr") as after,
    ):
        for name in ("packed", "height", "classes", "time"):
            np.testing.assert_array_equal(before[name].values, after[name].values)
            assert before[name].dtype.newbyteorder("=") == after[name].dtype.newbyteorder("=")


def test_compress_keeps_bounds_in_the_units_of_the_data(tmp_path, source, ds):
    """A bound on a packed variable is one on what a reader sees; missing cells come back."""
    bounds = ["--max-error", "packed=0.035", "--max-error", "height=0.05"]
    printed = compress(source, tmp_path / "copy.zarr", *bounds)
    assert "±0.035 K" in printed
    with as_stored(tmp_path / "copy.zarr") as copy:
        error = np.abs(copy.packed.values.astype(int) - ds.packed.values)
        assert 0 < error.max() <= 3  # of 0.01 K each
        assert (copy.packed.values[2, :5] == -999).all()
        error = np.abs(copy.height.values - ds.height.values)
        assert 0 < np.nanmax(error) <= 0.05
        assert np.array_equal(np.isnan(error), np.isnan(ds.height.values))
        assert np.array_equal(copy.classes.values, ds.classes.values)


@pytest.mark.slow
def test_a_reader_of_the_copy_needs_no_import(tmp_path, source):
    """A fresh process reads what compress wrote with xarray alone."""
    compress(source, tmp_path / "copy.zarr")
    program = "import sys, xarray; xarray.open_zarr(sys.argv[1]).load()"
    subprocess.run([sys.executable, "-c", program, tmp_path / "copy.zarr"], check=True)


def test_only_cubes_become_video(tmp_path, source):
    """Maps, axes and labels are written as Zarr does by default."""
    compress(source, tmp_path / "copy.zarr")
    group = zarr.open_group(tmp_path / "copy.zarr", mode="r")
    ours = {
        name
        for name, array in group.arrays()
        if array.serializer.to_dict()["name"] == "numcodecs_video"
    }
    assert ours == {"packed", "height", "classes"}
    assert [codec.to_dict()["name"] for codec in group["area"].compressors] == ["zstd"]


def test_var_takes_along_what_it_refers_to(tmp_path, source):
    """A chosen variable brings its axes, their bounds, its coordinates and its grid mapping."""
    compress(source, tmp_path / "copy.zarr", "--var", "packed")
    with as_stored(tmp_path / "copy.zarr") as copy:
        assert set(copy.variables) == {"packed", "time", "edges", "area", "crs"}


def test_chunks_and_codec_are_what_was_asked(tmp_path, source):
    """Settings reach the array; --chunks cuts the dimensions that it names."""
    settings = ["--chunks", "time=4,x=-1,y=16", "--codec", "ffv1", "--effort", "2"]
    run_well("compress", source, tmp_path / "copy.zarr", *settings)
    array = zarr.open_group(tmp_path / "copy.zarr", mode="r")["height"]
    assert array.chunks == (4, 16, 40)
    configuration = array.serializer.to_dict()["configuration"]
    assert configuration["codec"] == "ffv1"
    assert configuration["effort"] == 2
    assert configuration["axes"] == "tyx"


@pytest.mark.parametrize("zarr_format", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_large_arrays_are_copied_in_blocks(tmp_path, monkeypatch, ds, source, zarr_format):
    """However small the blocks, every chunk is written once and progress ends at the whole size."""
    monkeypatch.setattr(copying, "LARGE_BYTES", 1000)
    monkeypatch.setattr(copying, "BLOCK_BYTES", 10_000)
    written = []
    write_chunk = copying._write_chunk

    def record(target, region, values):
        written.append((target.basename, region))
        return write_chunk(target, region, values)

    monkeypatch.setattr(copying, "_write_chunk", record)
    chunks = ["--chunks", "time=4,y=17,x=20"]
    compress(source, tmp_path / "copy.zarr", "--zarr-format", zarr_format, *chunks)
    for name in ("packed", "height", "classes"):
        assert len([region for array, region in written if array == name]) == 2 * 2 * 2
    assert "area" in {array for array, _ in written}
    assert len(written) == len({(name, str(region)) for name, region in written})
    with as_stored(tmp_path / "copy.zarr") as copy:
        for name in ("packed", "height", "classes", "area"):
            np.testing.assert_array_equal(copy[name].values, ds[name].values)


def test_blocks_cover_an_array_once_and_respect_their_size(monkeypatch):
    """Blocks are whole chunks, no larger than allowed unless one chunk is, and tile the array."""
    monkeypatch.setattr(copying, "BLOCK_BYTES", 2 * 4 * 8 * 8 * 3)
    counts = np.zeros((9, 20, 30), int)
    for first in (0, 3):
        region = (slice(first, 9), slice(0, 20), slice(0, 30))
        for block in copying._blocks(region, (4, 8, 8), 2):
            assert counts[block].size * 2 <= 2 * 4 * 8 * 8 * 3
            assert block[0].start == first or block[0].start % 4 == 0
            assert all(part.start % 8 == 0 for part in block[1:])
            counts[block] += 1
    assert (counts[:3] == 1).all()
    assert (counts[3:] == 2).all()


def test_an_existing_destination_is_kept(tmp_path, source):
    """Without --overwrite nothing is replaced; with it a store is, and no other directory."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    assert_ends_in_one_line(run("compress", source, other), "--overwrite")
    assert_ends_in_one_line(run("compress", source, other, "--overwrite"), "no Zarr store")
    assert (other / "thesis.txt").exists()
    compress(source, tmp_path / "copy.zarr", "--var", "height")
    compress(source, tmp_path / "copy.zarr", "--var", "classes", "--overwrite")
    with as_stored(tmp_path / "copy.zarr") as copy:
        assert "height" not in copy
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.zarr", "other", "source.zarr"]


def test_a_store_cannot_replace_what_it_is_read_from(tmp_path, source):
    """SRC is refused as DST."""
    result = run("compress", source, source, "--overwrite")
    assert_ends_in_one_line(result, "cannot replace what it is read from")
    assert as_stored(source).sizes["time"] == 7


def test_an_interrupted_copy_is_never_mistaken_for_a_whole_one(tmp_path, monkeypatch, source):
    """An interruption leaves DST absent, says how to go on, and the same command then succeeds."""
    calls = []

    def interrupt(target, region, values):
        calls.append(region)
        if len(calls) == 2:
            raise KeyboardInterrupt
        target[region] = values
        return values.nbytes

    with monkeypatch.context() as patched:
        patched.setattr(copying, "_write_chunk", interrupt)
        result = run("compress", source, tmp_path / "copy.zarr", "--chunks", "time=2")
    assert result.exit_code == INTERRUPTED
    assert "run the same command to start over" in result.output
    assert not (tmp_path / "copy.zarr").exists()
    assert (tmp_path / "copy.zarr.partial").exists()
    compress(source, tmp_path / "copy.zarr")
    assert not (tmp_path / "copy.zarr.partial").exists()


def test_a_failed_copy_leaves_nothing(tmp_path, monkeypatch, source):
    """An error ends in one line, without DST and without a part of it."""

    def fail(target, region, values):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copying, "_write_chunk", fail)
    target = tmp_path / "copy.zarr"
    assert_ends_in_one_line(
        run("compress", source, target), f"No space left on the disk of {target}"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["source.zarr"]


def test_a_chunk_that_cannot_be_encoded_is_named():
    """An error in one chunk says which variable and cells it is about."""

    class Refusing:
        basename = "height"

        def __setitem__(self, region, values):
            raise VideoCodecError("no")

    with pytest.raises(VideoCodecError, match=r"height\[0:4, 8:16\]: no"):
        copying._write_chunk(Refusing(), (slice(0, 4), slice(8, 16)), np.zeros((4, 8)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--var", "none"], "no variable none: there are area"),
        (["--max-error", "none=1"], "--max-error names 'none'"),
        (["--max-error", "area=1"], "no time, y and x axes"),
        (["--chunks", "z=1"], "chunks names z"),
    ],
)
def test_names_that_are_not_there_end_in_one_line(tmp_path, source, arguments, message):
    """A promise or choice that cannot hold is no silent success."""
    assert_ends_in_one_line(run("compress", source, tmp_path / "copy.zarr", *arguments), message)
    assert not (tmp_path / "copy.zarr.partial").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--max-error", "height"],
        ["--max-error", "height=-1"],
        ["--max-error", "height=nan"],
        ["--max-error", "height=1", "--max-error", "height=2"],
        ["--max-error", "height=1", "--lossless"],
        ["--chunks", "time"],
        ["--chunks", "time=0"],
        ["--chunks", "time=1.5"],
        ["--codec", "mpeg"],
        ["--effort", "10"],
        ["--zarr-format", "1"],
    ],
)
def test_wrong_usage_exits_with_2(tmp_path, source, arguments):
    """What is wrong whatever the data is a usage error."""
    result = run("compress", source, tmp_path / "copy.zarr", *arguments)
    assert result.exit_code == 2
    assert "Error" in result.output


@pytest.mark.parametrize("command", ["info", "compress"])
@pytest.mark.parametrize("content", [None, b"", b"no payload at all", MAGIC + b"\x01\0\0\0" * 3])
def test_sources_that_are_none_end_in_one_line(tmp_path, command, content):
    """Missing files and files of another kind are named, without a traceback."""
    path = tmp_path / "thing"
    if content is not None:
        path.write_bytes(content)
    arguments = [path] if command == "info" else [path, tmp_path / "copy.zarr"]
    assert_ends_in_one_line(run(command, *arguments), str(path))


def test_urls_are_read_and_written(source, ds):
    """Through fsspec, whose memory stands for any remote store."""
    fsspec = pytest.importorskip("fsspec")
    copy, again = "memory://copy.zarr", "memory://again.zarr"
    try:
        compress(source, copy, "--max-error", "height=0.1", "--chunks", "time=4")
        rows = {row["name"]: row for row in json.loads(run_well("info", copy, "--json"))}
        assert 0 < rows["height"]["realised"] <= 0.1
        compress(copy, again)
        rows = json.loads(run_well("compare", copy, again, "--json"))
        assert all(row["identical"] and row["bytes_after"] for row in rows)
        run_well("doctor", copy)
        assert_ends_in_one_line(run("compress", source, copy), "exists")
    finally:
        fsspec.filesystem("memory").rm("/", recursive=True)


def test_every_promise_reaches_the_codec(tmp_path, source):
    """By variable or for all measurements, and into the attributes of the copy."""
    said = ["--rmse", "0.05", "--psnr", "classes=30", "--effort", 1, "--json"]
    result = run("compress", source, tmp_path / "a.zarr", *said)
    assert result.exit_code == 0, result.output
    assert "height (m), packed (K): name each, as in --rmse height=0.05" in result.stderr
    sizes = json.loads(result.stdout)
    said = {size["name"]: size["attributes"] for size in sizes}
    assert said["height"]["lossy_compression_rmse"] == pytest.approx(0.05)
    assert said["packed"]["lossy_compression_rmse"] == pytest.approx(0.05)
    assert said["classes"]["lossy_compression_psnr"] == 30
    assert said["area"] == {}
    with as_stored(tmp_path / "a.zarr") as copy:
        assert copy.packed.attrs["lossy_compression_realised_rmse"] <= 0.05 + 1e-9


def test_unsuitable_chunks_are_noted(tmp_path, source):
    """With the option that would be better."""
    result = run("compress", source, tmp_path / "a.zarr", "--chunks", "time=1", "--var", "height")
    assert result.exit_code == 0
    assert "Note: 'height'" in result.output
    assert "add --chunks time=7,y=33,x=40" in result.output


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_doctor_names_each_bad_chunk(tmp_path, source, zarr_format):
    """Whole stores pass; damaged chunks of ours and of other codecs are named, with status 1."""
    path = tmp_path / "a.zarr"
    chunks = ["--chunks", "time=4,y=20", "--zarr-format", zarr_format]
    compress(source, path, *chunks)
    assert "no fault" in run_well("doctor", path)
    group = zarr.open_group(path)
    bad = [f"{n}/{group[n].metadata.encode_chunk_key((1, 0, 0))}" for n in ("height", "classes")]
    bad.append(f"area/{group['area'].metadata.encode_chunk_key((0, 0))}")
    for key in bad:
        data = bytearray((path / key).read_bytes())
        data[len(data) // 2] ^= 0x55
        data[2] ^= 0x55
        (path / key).write_bytes(data)
    result = run("doctor", path)
    assert result.exit_code == 1
    assert all(key in result.output for key in bad)
    report = json.loads(run("doctor", path, "--json").output)
    assert sorted(fault["chunk"] for fault in report["faults"]) == sorted(bad)
    assert report["chunks"] > len(bad)


def test_doctor_looks_inside_shards(tmp_path):
    """A bad chunk within a shard is named by its place, a bad index by its shard."""
    from numcodecs_video import VideoCodec

    array = zarr.create_array(
        tmp_path / "a.zarr",
        shape=(8, 20, 20),
        dtype="f4",
        chunks=(4, 20, 20),
        shards=(8, 20, 20),
        serializer=VideoCodec(max_error=0.5).serializer(),
        compressors=None,
    )
    array[:] = np.random.default_rng(0).normal(size=array.shape)
    (file,) = (tmp_path / "a.zarr" / "c").rglob("0/0/0")
    data = file.read_bytes()
    file.write_bytes(data[:60] + bytes([data[60] ^ 1]) + data[61:])
    (fault,) = json.loads(run("doctor", tmp_path / "a.zarr", "--json").output)["faults"]
    assert fault["chunk"] == "c/0/0/0 [0, 0, 0]"
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    (fault,) = json.loads(run("doctor", tmp_path / "a.zarr", "--json").output)["faults"]
    assert fault["chunk"] == "c/0/0/0"
    assert "checksum" in fault["error"]


def test_evaluate_prints_what_it_would_cost(source):
    """A row a variable, nothing written; the codec's promise is kept."""
    promise = ["--max-error", "height=0.1", "--effort", 1]
    rows = json.loads(run_well("evaluate", source, *promise, "--json"))
    assert {row["name"] for row in rows} == {"packed", "height", "classes"}
    assert next(row for row in rows if row["name"] == "packed")["psnr"] is None  # no JSON infinity
    height = next(row for row in rows if row["name"] == "height")
    assert 0 < height["largest_error"] <= 0.1
    assert "per band" in run_well("evaluate", source, "--var", "height", *promise)
    assert_ends_in_one_line(run("evaluate", source, "--var", "label"), "label holds text")


def test_suggest_prints_settings(source):
    """As options that compress takes."""
    printed = run_well("suggest", source, "--var", "height", "--max-error", "0.1")
    assert "--max-error height=0.1" in printed
    rows = json.loads(run_well("suggest", source, "--var", "height", "--psnr", "40", "--json"))
    assert rows["settings"]["psnr"] == {"height": 40.0}
    assert_ends_in_one_line(
        run("suggest", source), "choose by --var one of classes, height, packed"
    )


def test_suggest_needs_no_name_where_there_is_one_cube(tmp_path, ds):
    """Maps and labels beside it are none."""
    ds[["height", "area", "label"]].to_netcdf(tmp_path / "one.nc")
    printed = run_well("suggest", tmp_path / "one.nc", "--max-error", "height=0.1")
    assert "--max-error height=0.1" in printed
    ds[["area"]].to_netcdf(tmp_path / "map.nc")
    assert_ends_in_one_line(run("suggest", tmp_path / "map.nc", "--var", "label"), "no variable")


def test_compare_prints_what_differs(tmp_path, source):
    """An original and its copy; variables that are the same say so."""
    run_well("compress", source, tmp_path / "a.zarr", "--max-error", "height=0.1", "--effort", 1)
    rows = json.loads(run_well("compare", source, tmp_path / "a.zarr", "--json"))
    rows = {row["name"]: row for row in rows}
    assert rows["packed"]["identical"]
    assert 0 < rows["height"]["largest_error"] <= 0.1
    assert "largest" in run_well("compare", source, tmp_path / "a.zarr")


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_info_describes_each_array(tmp_path, source, zarr_format):
    """Shapes, codecs, promises and worst errors of all arrays, in the units of the data."""
    settings = ["--max-error", "packed=0.035", "--zarr-format", zarr_format, "--chunks", "time=4"]
    run_well("compress", source, tmp_path / "copy.zarr", *settings)
    rows = json.loads(run_well("info", tmp_path / "copy.zarr", "--json"))
    packed, height, area = (
        next(r for r in rows if r["name"] == n) for n in ("packed", "height", "area")
    )
    assert packed["shape"] == [7, 33, 40]
    assert packed["chunks"] == [4, 33, 40]
    assert packed["codec"] == "video (auto)"
    assert (packed["promise"], packed["units"]) == ("max_error", "K")
    assert packed["requested"] == pytest.approx(0.035)
    assert 0 < packed["realised"] <= 0.035
    assert packed["raw_bytes"] == 2 * 7 * 33 * 40
    assert 0 < packed["stored_bytes"] < packed["raw_bytes"]
    assert (height["promise"], height["realised"]) == ("lossless", 0.0)
    assert (area["promise"], area["realised"]) == (None, None)
    printed = run_well("info", tmp_path / "copy.zarr")
    assert "7×33×40" in printed
    assert "±0.035 K" in printed


def test_info_takes_an_array_of_a_store(tmp_path, source):
    """A path within a store names one array."""
    rows = json.loads(run_well("info", source / "height", "--json"))
    assert [row["name"] for row in rows] == ["height"]


def test_info_reads_inside_shards(tmp_path):
    """The codec of a sharded array is found, and the worst error of its chunks."""
    from numcodecs_video import VideoCodec

    array = zarr.create_array(
        tmp_path / "a.zarr",
        shape=(8, 20, 20),
        dtype="f4",
        chunks=(4, 20, 20),
        shards=(8, 20, 20),
        serializer=VideoCodec(max_error=0.5).serializer(),
        compressors=None,
    )
    array[:] = np.random.default_rng(0).normal(size=array.shape)
    (row,) = json.loads(run_well("info", tmp_path / "a.zarr", "--json"))
    assert "video (auto)" in row["codec"]
    assert (row["promise"], row["requested"]) == ("max_error", 0.5)
    assert 0 < row["realised"] <= 0.5


def test_info_prints_the_header_of_a_chunk(tmp_path, source):
    """One chunk says how it is coded, in a table and as JSON."""
    compress(source, tmp_path / "copy.zarr", "--max-error", "height=0.05")
    chunk = tmp_path / "copy.zarr" / "height" / "c" / "0" / "0" / "0"
    header = json.loads(run_well("info", chunk, "--json"))
    assert header["promise"] == "max_error"
    assert header["requested"] == 0.05
    printed = run_well("info", chunk)
    assert "max_error" in printed
    assert "tyx" in printed


def test_info_notices_a_chunk_that_was_cut(tmp_path, source):
    """A chunk shorter than its header says is an error, in a store as by itself."""
    compress(source, tmp_path / "copy.zarr")
    chunk = tmp_path / "copy.zarr" / "height" / "c" / "0" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-10])
    result = run("info", chunk)
    assert result.exit_code == 1
    assert "its header says" in result.output
    chunk.write_bytes(chunk.read_bytes()[:20])
    result = run("info", tmp_path / "copy.zarr")
    assert result.exit_code == 1
    assert f"Error: {chunk}: " in result.stderr


@pytest.mark.slow
def test_demo_compares_and_draws(tmp_path, monkeypatch):
    """The demo reads its stores in another process, keeps its bound and saves a picture."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(demo, "SIDE", 48)
    monkeypatch.setattr(demo, "TIMES", 6)
    printed = run_well("demo", "--out", tmp_path / "out", "--seed", "5")
    rows = [row.split() for row in printed.splitlines() if row.startswith(("  Zarr", "  video"))]
    errors = [row[-4] for row in rows]
    assert errors[:2] == ["0", "0"]
    assert 0 < float(errors[2]) <= demo.BOUND
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"default.zarr", "lossless.zarr", "bounded.zarr", "side_by_side.png"}


def test_demo_replaces_a_folder_on_request_alone(tmp_path):
    """Whatever is in it."""
    (tmp_path / "default.zarr").mkdir()
    assert_ends_in_one_line(run("demo", "--out", tmp_path), f"{tmp_path} exists: name another")


def test_demo_says_why_the_second_process_failed(tmp_path, monkeypatch):
    """A reader that fails is reported by its last line."""
    monkeypatch.setattr(demo, "SIDE", 16)
    monkeypatch.setattr(demo, "TIMES", 2)
    monkeypatch.setattr(demo, "READER", "raise SystemExit('codec not available')")
    assert_ends_in_one_line(run("demo", "--out", tmp_path), "codec not available")


def test_the_command_line_runs_as_a_module():
    """``python -m numcodecs_video.cli`` is the entry point where no script is installed."""
    done = subprocess.run(
        [sys.executable, "-m", "numcodecs_video.cli", "--version"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("numcodecs-video")


@pytest.mark.parametrize(
    "package", ["click", "xarray", pytest.param("rich", marks=pytest.mark.slow)]
)
def test_a_missing_package_is_named_with_what_to_install(package):
    """Without the extra, the command line ends in one line."""
    hide = f"import sys; sys.modules[{package!r}] = None"
    program = f"{hide}; from numcodecs_video.cli import main; main()"
    command = [sys.executable, "-c", program, "info", "a.zarr"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines() == [
        f"numcodecs-video: the command line needs {package}: pip install 'numcodecs-video[cli]'"
    ]


def test_the_command_line_is_not_imported_with_the_library():
    """The codec does not pay for the command line."""
    program = (
        "import sys, numcodecs_video.codec; print('click' in sys.modules, 'rich' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


def test_help_loads_neither_arrays_nor_stores():
    """It is there at once: the commands' own modules wait until one is called.

    What their own help loads is in `test_help_page`.
    """
    program = (
        "import sys\n"
        "from numcodecs_video.cli.commands import commands\n"
        "commands(sys.argv[1:], standalone_mode=False)\n"
        "print('loaded:', [n for n in ('numpy', 'zarr', 'xarray') if n in sys.modules])"
    )
    command = [sys.executable, "-c", program, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "loaded: []" in done.stdout


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_list_of_commands_says_what_they_say(name):
    """Its lines are those of the commands, which it does not load."""
    command = commands.get_command(click.Context(commands), name)
    assert command is not None
    assert command.short_help == COMMANDS[name][1]


def test_ctrl_c_ends_at_once_with_130(tmp_path):
    """Whatever threads are still busy with."""
    program = (
        "import threading, time\n"
        "from numcodecs_video.cli import commands, main\n"
        "def busy(*_):\n"
        "    threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "    raise KeyboardInterrupt\n"
        "commands._Group.get_command = busy\n"
        "main()"
    )
    command = [sys.executable, "-c", program, "info"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == INTERRUPTED
    assert done.stderr.splitlines() == ["Interrupted"]


def test_help_names_every_option():
    """Each option has a line of help."""
    printed = run_well("compress", "--help")
    for option in compress_module.compress.params:
        assert option.param_type_name == "argument" or option.opts[0] in printed


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_shows_an_example_of_every_command(name):
    """And the first word of each is the command's own."""
    printed = run_well(name, "--help")
    assert f"  numcodecs-video {name} " in printed.partition("Examples:")[2]


def test_tab_completion_is_as_the_help_says():
    """The line in the help makes a shell know the commands."""
    line = next(line for line in run_well("--help").splitlines() if "_COMPLETE=" in line)
    variable = line.partition("$(")[2].partition("=")[0]
    words = {"COMP_WORDS": "numcodecs-video com", "COMP_CWORD": "1", variable: "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-c", "from numcodecs_video.cli import main; main()"],
        capture_output=True,
        text=True,
        env={**os.environ, **words},
    )
    assert sorted(done.stdout.split()) == ["plain,compare", "plain,compress"]


def test_advice_names_the_option(tmp_path):
    """What the library says as a keyword, the command line says as its option."""
    counts = np.random.default_rng(0).integers(0, 900, (4, 20, 30)).astype("uint16")
    xr.Dataset({"n": (("time", "y", "x"), counts)}).to_zarr(tmp_path / "a.zarr", zarr_format=2)
    result = run("compress", tmp_path / "a.zarr", tmp_path / "b.zarr", "--max-error", "20")
    assert result.exit_code == 0, result.output
    assert "n are integers and stay without loss" in result.output
    assert "as in --max-error n=20" in result.output


def test_info_says_what_it_cannot_read(tmp_path):
    """A newer version's settings are no lossless ones; the chunks are read all the same."""
    path = tmp_path / "a.zarr"
    array = zarr.create_array(
        path / "v", shape=(4, 40, 44), chunks=(4, 40, 44), dtype="u2", **VideoCodec().encoding(3)
    )
    zarr.open_group(path, mode="a")
    values = np.random.default_rng(0).integers(0, 99, array.shape).astype("u2")
    array[...] = values
    metadata = path / "v" / "zarr.json"
    metadata.write_text(metadata.read_text().replace('"codec": "auto"', '"codec": "newer"'))
    done = run("info", path, "--json")
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)
    assert row["promise"] is None
    assert row["doubt"] == "settings that this version cannot read"
    np.testing.assert_array_equal(zarr.open_array(path / "v")[...], values)
