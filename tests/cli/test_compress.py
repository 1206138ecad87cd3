"""What compress copies, from where and to where."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

from tests.cli.running import run  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

T = ("time", "y", "x")
SHAPE = (6, 20, 24)
VALUES = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")
BOUND = "lossy_compression_max_error"
QUICK = ("--effort", "1")


@pytest.fixture
def ds() -> xr.Dataset:
    """A cube, a map and dates."""
    return xr.Dataset(
        {"v": (T, VALUES, {"units": "K"}), "m": (("y", "x"), np.ones(SHAPE[1:]))},
        coords={"time": xr.date_range("2020-01-01", periods=SHAPE[0], use_cftime=False)},
        attrs={"title": "a cube"},
    )


@pytest.fixture
def tree(ds) -> xr.DataTree:
    """Two resolutions and a map in groups, as products of Sentinel-2 come."""
    return xr.DataTree.from_dict(
        {
            "/": xr.Dataset(attrs={"product": "a"}),
            "/measurements/r10m": ds,
            "/measurements/r20m": ds[["v"]].isel(y=slice(0, 10), x=slice(0, 12)),
            "/quality": ds[["m"]].rename(m="mask"),
        }
    )


def pack(folder: Path, archive: Path) -> None:
    """Zip a store, its members at the top."""
    shutil.make_archive(str(archive.with_suffix("")), "zip", folder)


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("container", ["zarr", "nc"])
def test_groups_are_copied(tmp_path, tree, container, zarr_format):
    """Every group with its attributes, its cubes as video, found from the root and alone."""
    source, copy = tmp_path / f"a.{container}", tmp_path / "b.zarr"
    if container == "nc":
        tree.to_netcdf(source)
    else:
        tree.to_zarr(source, consolidated=False)
    printed = run("compress", source, copy, "--zarr-format", zarr_format, *QUICK)
    assert "measurements/r20m/v" in printed
    with xr.open_datatree(copy, engine="zarr") as after:
        xr.testing.assert_identical(after.load(), tree)
    with xr.open_zarr(copy, group="measurements/r10m") as after:
        xr.testing.assert_identical(after.load(), tree["measurements/r10m"].to_dataset())
    rows = {row["name"]: row["codec"] for row in json.loads(run("info", copy, "--json"))}
    assert [name for name, codec in rows.items() if "video" in codec] == [
        "measurements/r10m/v",
        "measurements/r20m/v",
    ]
    assert "no faults" in run("doctor", copy)


def test_bounds_in_groups(tmp_path, tree):
    """A path means one variable, a name those of all groups, a pattern what it matches."""
    tree.to_zarr(tmp_path / "a")
    said = ["--max-error", "v=0.5", "--max-error", "measurements/r2*=0.1"]
    sizes = json.loads(run("compress", tmp_path / "a", tmp_path / "b", *said, "--json", *QUICK))
    promised = {size["name"]: size["attributes"].get(BOUND) for size in sizes}
    assert promised["measurements/r10m/v"] == pytest.approx(0.5)
    assert promised["measurements/r20m/v"] == pytest.approx(0.5)
    said = ["--max-error", "*=0.5", "--max-error", "measurements/r20m/v=0.1"]
    sizes = json.loads(run("compress", tmp_path / "a", tmp_path / "c", *said, "--json", *QUICK))
    promised = {size["name"]: size["attributes"].get(BOUND) for size in sizes}
    assert promised["measurements/r20m/v"] == pytest.approx(0.1)
    assert promised["quality/mask"] is None
    for said in ("r10m/none=1", "q*=1"):
        printed = run("compress", tmp_path / "a", tmp_path / "d", "--max-error", said, exit_code=1)
        assert f"--max-error names {said.partition('=')[0]!r}" in printed


def test_variables_of_groups_are_chosen(tmp_path, tree):
    """With the groups above them and no other."""
    tree.to_zarr(tmp_path / "a")
    run("compress", tmp_path / "a", tmp_path / "b", "--var", "r10m/v", *QUICK, exit_code=1)
    run("compress", tmp_path / "a", tmp_path / "b", "--var", "measurements/r10m/v", *QUICK)
    with xr.open_datatree(tmp_path / "b", engine="zarr") as after:
        assert set(after.groups) == {"/", "/measurements", "/measurements/r10m"}
        assert set(after["measurements/r10m"].variables) == {"v", "time"}
        assert after.attrs == {"product": "a"}


def test_zip_files_are_sources_and_targets(tmp_path, ds):
    """Whole stores in one file, stored and not deflated; replaced only when asked to."""
    ds.to_zarr(tmp_path / "a")
    pack(tmp_path / "a", tmp_path / "a.zip")
    run("compress", tmp_path / "a.zip", tmp_path / "b.zip", *QUICK)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.zip", "b.zip"]
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}
        assert len(archive.namelist()) == len(set(archive.namelist()))
    with xr.open_zarr(zarr.storage.ZipStore(tmp_path / "b.zip", mode="r")) as after:
        xr.testing.assert_identical(after.load(), ds)
    assert "no faults" in run("doctor", tmp_path / "b.zip")
    assert "v" in run("evaluate", tmp_path / "b.zip", *QUICK)
    rows = json.loads(run("compare", tmp_path / "a.zip", tmp_path / "b.zip", "--json"))
    assert all(row["identical"] and row["bytes_after"] for row in rows)
    assert "exists" in run("compress", tmp_path / "a", tmp_path / "b.zip", exit_code=1)
    run("compress", tmp_path / "a", tmp_path / "b.zip", "--overwrite", "--var", "m")
    assert [row["name"] for row in json.loads(run("info", tmp_path / "b.zip", "--json"))] == ["m"]
    shutil.make_archive(str(tmp_path / "c"), "zip", tmp_path, "a")  # no store at its top
    printed = run("compress", tmp_path / "a", tmp_path / "c.zip", "--overwrite", exit_code=1)
    assert "no Zarr store" in printed


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (".", "exists"),
        ("a.zarr/sub.zarr", "is inside"),
        ("b.nc", "name it b.zarr; convert exports"),
        ("b.NC", "name it b.zarr"),
    ],
)
def test_targets_that_are_none(tmp_path, ds, monkeypatch, target, message):
    """Nothing is written, and the message says what to name."""
    monkeypatch.chdir(tmp_path)
    ds.to_zarr("a.zarr")
    files = sorted(tmp_path.rglob("*"))
    assert message in run("compress", "a.zarr", target, exit_code=1)
    assert sorted(tmp_path.rglob("*")) == files


def test_a_store_around_its_source_is_not_replaced(tmp_path, ds):
    """Nor one that the source lies in."""
    ds.to_zarr(tmp_path / "a")
    ds.to_zarr(tmp_path / "a", group="sub", consolidated=False)
    printed = run("compress", tmp_path / "a/sub", tmp_path / "a", "--overwrite", exit_code=1)
    assert "cannot replace" in printed
    with xr.open_zarr(tmp_path / "a", group="sub", consolidated=False) as kept:
        xr.testing.assert_identical(kept.load(), ds)


def test_shards(tmp_path, ds):
    """Lengths by dimension, spelled as those of chunks."""
    ds.to_zarr(tmp_path / "a")
    cut = ["--chunks", "time=2", "--shards", "time=4,x=-1", *QUICK]
    run("compress", tmp_path / "a", tmp_path / "b", *cut)
    array = zarr.open_group(tmp_path / "b", mode="r")["v"]
    assert (array.shards, array.chunks) == ((4, 20, 24), (2, 20, 24))
    with xr.open_zarr(tmp_path / "b") as after:
        xr.testing.assert_identical(after.load(), ds)
    said = run("compress", tmp_path / "a", tmp_path / "c", *cut, "--zarr-format", 2, exit_code=1)
    assert "format 2 has no shards" in said
    said = run("compress", tmp_path / "a", tmp_path / "c", "--shards", "day=4", exit_code=1)
    assert "shards names day" in said


def test_variables_that_cannot_be_video(tmp_path, ds):
    """A promise for all says whom it does not hold for, and holds for somebody."""
    ds["mesh"] = (("time", "cells"), np.ones((SHAPE[0], 9)))
    ds.to_zarr(tmp_path / "a")
    printed = run("compress", tmp_path / "a", tmp_path / "b", "--max-error", "0.1", *QUICK)
    assert (
        "Note: --max-error 0.1 does not touch what is stored as Zarr does by default: "
        "m (y, x) has no time axis; mesh (time, cells) has no time, y and x axes" in printed
    )
    said = ["--max-error", "0.1", "--var", "mesh"]
    printed = run("compress", tmp_path / "a", tmp_path / "c", *said, exit_code=1)
    assert "--max-error 0.1 holds for no variable" in printed
    assert "mesh (time, cells)" in printed
    assert not (tmp_path / "c").exists()
    printed = run("compress", tmp_path / "a", tmp_path / "c", "--var", "mesh")
    assert "Note: nothing becomes video: mesh (time, cells) has no time, y and x axes" in printed
    ds["icon"] = (("time", "height", "cells"), np.ones((SHAPE[0], 2, 9)))
    ds[["icon"]].to_zarr(tmp_path / "icon")
    said = run("compress", tmp_path / "icon", tmp_path / "f", "--max-error", "0.1", exit_code=1)
    assert "Name axes, as in --axes height=y,cells=x, or leave the promise out" in said
    run("compress", tmp_path / "icon", tmp_path / "f", *QUICK, "--axes", "height=y,cells=x")
    maps = xr.Dataset({f"m{n}": ds.m for n in range(7)})
    maps.to_zarr(tmp_path / "maps")
    printed = run("compress", tmp_path / "maps", tmp_path / "d")
    assert "m4 (y, x) has no time axis; and 2 more" in printed
    printed = run("compress", tmp_path / "a", tmp_path / "e", *QUICK)
    assert "Note" not in printed


def damage(chunk: Path) -> None:
    """Change a few bytes."""
    data = bytearray(chunk.read_bytes())
    data[4] ^= 0x55
    data[len(data) // 2] ^= 0x55
    chunk.write_bytes(data)


@pytest.mark.parametrize("target", ["b.zarr", "b.nc"])
def test_damaged_sources(tmp_path, ds, target):
    """The variable and the cells are named, and nothing is left."""
    run_into = ("convert",) if target.endswith(".nc") else ("compress",)
    source = tmp_path / "a.zarr"
    ds.to_zarr(tmp_path / "original", encoding={"v": {"chunks": (3, 20, 24)}})
    run("compress", tmp_path / "original", source, "--chunks", "time=3", *QUICK)
    damage(source / "v" / "c" / "1" / "0" / "0")
    printed = run(*run_into, source, tmp_path / target, exit_code=1)
    assert "cannot read v[3:6, 0:20, 0:24]: " in printed
    assert "doctor lists all chunks" in printed
    damage(tmp_path / "original" / "m" / "c" / "0" / "0")
    printed = run(*run_into, tmp_path / "original", tmp_path / target, exit_code=1)
    assert "cannot read m[0:20, 0:24]: " in printed
    assert "v/c/1/0/0" in run("doctor", source, exit_code=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zarr", "original"]


@pytest.mark.parametrize("target", ["b.zarr", "b.zip", "b.nc"])
def test_full_disks(tmp_path, ds, monkeypatch, target):
    """The path is named, and what is under it is as it was."""
    from numcodecs_video.cli import exporting

    source = tmp_path / "a.zarr"
    ds.to_zarr(source)

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    def fail_as_hdf5(*_, **__):
        raise RuntimeError("NetCDF: HDF error")

    if target.endswith(".nc"):
        monkeypatch.setattr(xr.Dataset, "to_netcdf", fail_as_hdf5)
        assert "NetCDF: HDF error" in run("convert", source, tmp_path / target, exit_code=1)
        monkeypatch.setattr(exporting, "ROOM", 2**63)
    elif target.endswith(".zip"):
        monkeypatch.setattr(zipfile.ZipFile, "write", fail)
    else:
        monkeypatch.setattr(xr.Dataset, "to_zarr", fail)
    command = "convert" if target.endswith(".nc") else "compress"
    printed = run(command, source, tmp_path / target, exit_code=1)
    assert f"No space left on the disk of {tmp_path / target}" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_readers_without_groups(tmp_path, ds, monkeypatch):
    """Such as those of GeoTIFF: what they open is the root."""

    def fail(*_, **__):
        raise NotImplementedError("no groups")

    ds.to_netcdf(tmp_path / "a.nc")
    monkeypatch.setattr(xr, "open_groups", fail)
    run("compress", tmp_path / "a.nc", tmp_path / "b", *QUICK)
    with xr.open_zarr(tmp_path / "b") as after:
        xr.testing.assert_identical(after.load(), ds)
    (tmp_path / "c.nc").write_text("nothing")
    printed = run("compress", tmp_path / "c.nc", tmp_path / "d", exit_code=1)
    assert f"cannot read {tmp_path / 'c.nc'} as a Zarr group or a NetCDF file: it is " in printed


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rasterio's own
def test_geotiff(tmp_path):
    """Where rioxarray is installed: as stored, with its sentinel and its projection."""
    rasterio = pytest.importorskip("rasterio")
    pytest.importorskip("rioxarray")
    values = np.random.default_rng(0).integers(1, 900, (5, 20, 24)).astype("u2")
    form = {"driver": "GTiff", "height": 20, "width": 24, "count": 5, "dtype": "uint16"}
    place = rasterio.transform.from_origin(5e5, 5.6e6, 10, 10)
    with rasterio.open(
        tmp_path / "a.tif", "w", crs="EPSG:32632", transform=place, nodata=0, **form
    ) as file:
        file.write(values)
    said = ["--axes", "band=t", "--max-error", "band_data=2"]
    run("compress", tmp_path / "a.tif", tmp_path / "b", *said, *QUICK)
    with xr.open_zarr(tmp_path / "b", mask_and_scale=False) as after:
        error = np.abs(after.band_data.values.astype(int) - values)
        assert 0 < error.max() <= 2
        assert after.band_data.attrs["_FillValue"] == 0
        assert after.band_data.attrs.get("grid_mapping") or "spatial_ref" in after.variables
        assert "32632" in after.spatial_ref.attrs["crs_wkt"]


def test_a_store_within_another_is_known_there_by_its_own_name(ds, tmp_path) -> None:
    """Consolidated metadata of the store around it name it, and not what it was called before."""
    xr.DataTree.from_dict({"/a": ds}).to_zarr(tmp_path / "tree.zarr")
    ds.to_netcdf(tmp_path / "b.nc")
    run("compress", tmp_path / "b.nc", tmp_path / "tree.zarr/b", "--max-error", "v=0.5", *QUICK)
    group = zarr.open_consolidated(tmp_path / "tree.zarr")
    assert sorted(group.group_keys()) == ["a", "b"]
    assert group["b/v"].attrs[BOUND] == 0.5
    run("convert", tmp_path / "tree.zarr/b", tmp_path / "tree.zarr/c", "--zarr-format", "3")
    assert sorted(zarr.open_consolidated(tmp_path / "tree.zarr").group_keys()) == ["a", "b", "c"]


def test_nought_is_said_and_not_left_out(ds, tmp_path) -> None:
    """All frames of a chunk in one segment; the finest quantiser; a bound that cannot be."""
    ds.to_netcdf(tmp_path / "a.nc")
    run("compress", tmp_path / "a.nc", tmp_path / "a.zarr", "--qp", "v=0", "--gop", "0", *QUICK)
    (serializer,) = (
        codec["configuration"]
        for codec in zarr.open_group(tmp_path / "a.zarr")["v"].metadata.to_dict()["codecs"]
        if codec["name"] == "numcodecs_video"
    )
    assert (serializer["qp"], serializer["gop"]) == (0, 0)
    said = run("compress", tmp_path / "a.nc", tmp_path / "b.zarr", "--max-error", "0", exit_code=1)
    assert "must be a positive finite number" in said
