"""Stores move between Zarr's formats as the bytes that they are."""

from __future__ import annotations

import json

import numcodecs
import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video import VideoCodec, VideoCodecError  # noqa: E402
from numcodecs_video.cli import exporting  # noqa: E402
from numcodecs_video.stored import read_payloads, stored_chunks  # noqa: E402
from tests.cli.running import run  # noqa: E402

T = ("time", "y", "x")
SHAPE = (10, 20, 24)
VALUES = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")
BOTH = pytest.mark.parametrize("source", [pytest.param(2, marks=pytest.mark.slow), 3])


@pytest.fixture
def ds() -> xr.Dataset:
    """Reals with NaN, packed counts with a sentinel, other byte order, classes, text, dates."""
    holes = VALUES.copy()
    holes[2, :5] = np.nan
    packing = {"dtype": "int16", "scale_factor": 0.01, "add_offset": 280.0, "_FillValue": -32768}
    result = xr.Dataset(
        {
            "v": (T, holes, {"units": "K", "grid_mapping": "crs"}),
            "packed": (T, holes, {"units": "K"}, packing),
            "swapped": (T, VALUES.astype(">f4")),
            "classes": (T, (VALUES % 5).astype("u1")),
            "masked": (T, (VALUES % 5).astype("u1"), {"_FillValue": np.uint8(255)}),
            "area": (("y", "x"), np.ones(SHAPE[1:])),
            "crs": ((), np.int32(0), {"grid_mapping_name": "latitude_longitude"}),
            "text": ("time", np.array(list("abcdefghij"), object)),
        },
        coords={"time": xr.date_range("2020-01-01", periods=10, use_cftime=False)},
        attrs={"title": "a cube"},
    )
    return result


def write(ds: xr.Dataset, store, zarr_format: int) -> None:
    """As video, in several chunks that are not all full."""
    said = {"max_error": {"v": 0.1, "packed": 0.1}, "chunks": {"time": 4}, "effort": 1}
    ncv.to_zarr(ds, store, zarr_format=zarr_format, **said)


def payloads(store) -> dict[str, list[bytes]]:
    """Those of every array of video."""
    group = zarr.open_group(store, mode="r")
    return {
        name: read_payloads(list(stored_chunks(array)))
        for name, array in group.arrays()
        if array.ndim == 3
    }


@BOTH
def test_there_and_back(tmp_path, ds, source):
    """The same bytes, and the same dataset, decoded or not."""
    write(ds, tmp_path / "a", source)
    assert "15 chunks of 5 arrays moved" in run("convert", tmp_path / "a", tmp_path / "b")
    done = ncv.convert(tmp_path / "b", tmp_path / "c")
    assert sum(array.chunks for array in done) == 15
    opened = [xr.open_zarr(tmp_path / name).load() for name in "abc"]
    formats = [zarr.open_group(tmp_path / n, mode="r").metadata.zarr_format for n in "abc"]
    assert formats == [source, 5 - source, source]
    for other in opened[1:]:
        xr.testing.assert_identical(opened[0], other)
        assert other.packed.encoding["_FillValue"] == -32768
        assert other.masked.encoding["_FillValue"] == 255
        assert "_FillValue" not in other.classes.encoding
    assert payloads(tmp_path / "a") == payloads(tmp_path / "b") == payloads(tmp_path / "c")
    for name in "bc":
        assert "no faults" in run("doctor", tmp_path / name)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "c"]
        record = xr.open_zarr(tmp_path / name).v.attrs
        ncv.record_loss(tmp_path / name)
        assert xr.open_zarr(tmp_path / name).v.attrs == record


@BOTH
def test_shards(tmp_path, ds, source):
    """Whole chunks each, and back again."""
    write(ds, tmp_path / "a", source)
    run("convert", tmp_path / "a", tmp_path / "b", "--zarr-format", 3, "--shards", "time=7,y=-1")
    array = zarr.open_group(tmp_path / "b", mode="r")["v"]
    assert (array.shards, array.chunks) == ((8, 20, 24), (4, 20, 24))
    run("convert", tmp_path / "b", tmp_path / "c")
    before = xr.open_zarr(tmp_path / "a").load()
    for name in "bc":
        xr.testing.assert_identical(xr.open_zarr(tmp_path / name).load(), before)
        assert payloads(tmp_path / name) == payloads(tmp_path / "a")
        assert "no faults" in run("doctor", tmp_path / name)


@BOTH
def test_trees(tmp_path, source):
    """Groups, with their attributes, and consolidated as they were."""
    inner = xr.Dataset({"v": (T, VALUES)}, attrs={"level": 1})
    tree = xr.DataTree.from_dict({"/": xr.Dataset(attrs={"level": 0}), "/a/b": inner})
    tree.to_zarr(
        tmp_path / "a", zarr_format=source,
        encoding={"/a/b": ncv.encoding(inner, zarr_format=source, effort=1)},
    )  # fmt: skip
    ncv.convert(tmp_path / "a", tmp_path / "b")
    with xr.open_datatree(tmp_path / "b", engine="zarr") as after:
        xr.testing.assert_identical(after["a/b"].to_dataset().load(), inner)
        assert after.attrs == {"level": 0}
    root = zarr.open_group(tmp_path / "b", mode="r")
    assert root.metadata.consolidated_metadata is not None


@BOTH
def test_chunks_that_are_not_there_stay_what_they_are(source):
    """Fill values, whatever the other format calls missing."""
    before, after = {}, {}
    group = zarr.open_group(before, mode="w", zarr_format=source)
    attributes = {"_FillValue": 7} if source == 3 else {}
    array = group.create_array(
        "v", shape=SHAPE, chunks=(5, 20, 24), dtype="i2", fill_value=3, attributes=attributes,
        **VideoCodec(effort=1).encoding(source),
    )  # fmt: skip
    array[:5] = VALUES[:5].astype("i2")
    ncv.convert(before, after)
    again = zarr.open_group(after, mode="r")["v"]
    np.testing.assert_array_equal(again[:], array[:])


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_orders(order):
    """Format 2 has one for the array, format 3 none."""
    before, after, back = {}, {}, {}
    array = zarr.create_array(
        before, name="v", shape=SHAPE, chunks=SHAPE, dtype=">f4", order=order, zarr_format=2,
        **VideoCodec(effort=1).encoding(2),
    )  # fmt: skip
    array[:] = VALUES
    ncv.convert(before, after)
    ncv.convert(after, back)
    for store in (after, back):
        np.testing.assert_array_equal(zarr.open_group(store, mode="r")["v"][:], VALUES)


@BOTH
def test_what_has_filters_is_copied(source):
    """A filter of one format is none of the other."""
    filters = {2: numcodecs.Delta("i4"), 3: zarr.codecs.TransposeCodec(order=(2, 0, 1))}
    before, after = {}, {}
    array = zarr.create_array(
        before, name="v", shape=SHAPE, chunks=SHAPE, dtype="i4", zarr_format=source,
        **{**VideoCodec(effort=1).encoding(source), "filters": [filters[source]]},
    )  # fmt: skip
    array[:] = VALUES
    (done,) = ncv.convert(before, after)
    assert not done.moved
    np.testing.assert_array_equal(zarr.open_group(after, mode="r")["v"][:], array[:])


def test_zip_files(tmp_path, ds):
    """From one file into another: the same payloads and the same dataset."""
    write(ds, tmp_path / "a", 3)
    run("convert", tmp_path / "a", tmp_path / "b.zip", "--zarr-format", 3)
    run("convert", tmp_path / "b.zip", tmp_path / "c")
    xr.testing.assert_identical(
        xr.open_zarr(tmp_path / "a").load(), xr.open_zarr(tmp_path / "c").load()
    )
    assert payloads(tmp_path / "a") == payloads(tmp_path / "c")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b.zip", "c"]


@BOTH
def test_export_to_netcdf(tmp_path, ds, source):
    """Decoded by the codec alone: packing, sentinels, dates and attributes as they are."""
    netcdf = pytest.importorskip("netCDF4")
    ds.attrs["of Zarr alone"] = {"a": [True, None]}
    ds.v.attrs["flag"] = True
    write(ds, tmp_path / "a", source)
    assert "9 variables exported" in run("convert", tmp_path / "a", tmp_path / "b.nc")
    with xr.open_zarr(tmp_path / "a") as before, xr.open_dataset(tmp_path / "b.nc") as after:
        assert json.loads(after.attrs.pop("of Zarr alone")) == before.attrs.pop("of Zarr alone")
        assert after.v.attrs["flag"] == 1
        xr.testing.assert_identical(before.load(), after.load())
        assert after.packed.encoding["_FillValue"] == -32768
        assert after.packed.encoding["scale_factor"] == 0.01
    with netcdf.Dataset(tmp_path / "b.nc") as file:
        assert file["v"].filters()["zlib"]
        assert file["packed"].dtype == "i2"
    run("convert", tmp_path / "a", tmp_path / "c.netcdf")  # as compress would read it
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b.nc", "c.netcdf"]


@BOTH
def test_exported_attributes_have_the_dtype_of_the_values(tmp_path, ds, source):
    """As CF wants those that hold some; JSON does not tell a byte from another number."""
    netcdf = pytest.importorskip("netCDF4")
    flags = np.array([0, 1, 255], "u1")
    ds.classes.attrs.update(flag_values=flags, flag_meanings="a b c", valid_max=300, said=7)
    ds.packed.attrs.update(valid_range=np.array([-100, 100], "i2"))
    ds.v.attrs.update(valid_min=np.float32(0.1), valid_max=0.1)
    ds.swapped.attrs.update(missing_value=-1)
    write(ds, tmp_path / "a", source)
    run("convert", tmp_path / "a", tmp_path / "b.nc")
    with netcdf.Dataset(tmp_path / "b.nc") as file:
        found = {
            (name, key): file[name].getncattr(key).dtype.name
            for name, key in [
                ("classes", "flag_values"), ("classes", "valid_max"), ("classes", "said"),
                ("packed", "valid_range"), ("v", "valid_min"), ("v", "valid_max"),
                ("swapped", "missing_value"),
            ]
        }  # fmt: skip
        np.testing.assert_array_equal(file["classes"].getncattr("flag_values"), flags)
    assert list(found.values()) == [
        "uint8", "int64", "int64", "int16", "float32", "float64", "float32"
    ]  # fmt: skip


@pytest.mark.slow
def test_export_of_groups(tmp_path, monkeypatch, ds):
    """Each with its attributes, large arrays in parts."""
    pytest.importorskip("netCDF4")
    monkeypatch.setattr(exporting, "LARGE_BYTES", 100)
    write(ds, tmp_path / "a", 3)
    run("compress", tmp_path / "a", tmp_path / "b", "--effort", 1, "--chunks", "time=4")
    tree = xr.DataTree.from_dict({"/": xr.Dataset(attrs={"n": "1"}), "/x/y": ds.drop_encoding()})
    tree.to_zarr(tmp_path / "t")
    run("convert", tmp_path / "t", tmp_path / "t.nc")
    run("convert", tmp_path / "b", tmp_path / "b.nc")
    with xr.open_datatree(tmp_path / "t.nc") as after:
        xr.testing.assert_equal(after["x/y"].to_dataset().load(), ds)
        assert after.attrs == {"n": "1"}
    with xr.open_dataset(tmp_path / "b.nc") as after, xr.open_zarr(tmp_path / "b") as before:
        xr.testing.assert_identical(before.load(), after.load())


def test_exports_that_cannot_be(tmp_path, ds):
    """In one line each, and nothing is left."""
    write(ds, tmp_path / "a", 3)
    said = run("convert", tmp_path / "a", tmp_path / "b.nc", "--shards", "time=4", exit_code=2)
    assert "leave out --zarr-format and --shards" in said
    assert "local" in run("convert", tmp_path / "a", "s3://bucket/b.nc", exit_code=1)
    inside = tmp_path / "a" / "b.nc"
    assert "is inside" in run("convert", tmp_path / "a", inside, exit_code=1)
    said = run("convert", tmp_path / "a", tmp_path / "b", "--zarr-format", 3, "--shards", "tim=4",
               exit_code=1)  # fmt: skip
    assert "Error: --shards names tim; the dimensions are" in said
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_errors_leave_nothing(tmp_path, ds):
    """Each in one line."""
    write(ds, tmp_path / "a", 3)
    with pytest.raises(VideoCodecError, match="format 2 has no shards"):
        ncv.convert(tmp_path / "a", tmp_path / "b", shards={"time": 8})
    assert "no shards" in run(
        "convert", tmp_path / "a", tmp_path / "b", "--shards", "time=8", exit_code=1
    )
    assert "exists" in run("convert", tmp_path / "a", tmp_path / "a", exit_code=1)
    assert "does not exist" in run("convert", tmp_path / "no", tmp_path / "b", exit_code=1)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_figures_for_programs(tmp_path, ds):
    """By --json."""
    write(ds, tmp_path / "a", 2)
    rows = json.loads(run("convert", tmp_path / "a", tmp_path / "b", "--json"))
    assert {row["name"]: row["moved"] for row in rows}["v"] is True
    assert {row["name"]: row["moved"] for row in rows}["text"] is False


def test_overwrite(tmp_path, ds):
    """Of stores and NetCDF files, and of nothing else."""
    pytest.importorskip("netCDF4")
    write(ds, tmp_path / "a", 3)
    (tmp_path / "notes").write_text("mine")
    for target in ("b", "b.zip", "b.nc"):
        run("convert", tmp_path / "a", tmp_path / target)
        assert "--overwrite" in run("convert", tmp_path / "a", tmp_path / target, exit_code=1)
        run("convert", tmp_path / "a", tmp_path / target, "--overwrite")
    said = run("convert", tmp_path / "a", tmp_path / "notes", "--overwrite", exit_code=1)
    assert "no Zarr store" in said
    assert (tmp_path / "notes").read_text() == "mine"
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["a", "b", "b.nc", "b.zip", "notes"]


def test_damaged_arrays_are_named(tmp_path, ds):
    """Those whose values are read; payloads are moved as they are, and doctor reads them."""
    write(ds, tmp_path / "a", 3)
    chunk = tmp_path / "a" / "area" / "c" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-9])
    assert "cannot read area: " in run("convert", tmp_path / "a", tmp_path / "b", exit_code=1)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
