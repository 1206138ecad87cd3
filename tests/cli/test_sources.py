"""What a command reads and what it replaces: by name, by content, and after an interruption."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

from numcodecs_video.xarray.opening import names_zarr  # noqa: E402
from tests.cli.running import run  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

SHAPE = (6, 20, 24)
VALUES = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")


@pytest.fixture
def ds() -> xr.Dataset:
    """A cube."""
    return xr.Dataset({"v": (("time", "y", "x"), VALUES)})


@pytest.mark.parametrize(
    ("name", "is_zarr"),
    [
        ("https://host/a.nc", False),
        ("https://host/A.NC?key=1", False),
        ("https://thredds/dodsC/a.nc4#mode=bytes", False),
        ("s3://bucket/a.h5", False),
        ("s3://bucket/a.nc/store", True),
        ("s3://bucket/a.zarr/", True),
        ("s3://bucket/a", True),
        ("a.zip", True),
        ("a.nc", False),
    ],
)
def test_names(name, is_zarr):
    """One rule for all commands."""
    assert names_zarr(name) is is_zarr


def test_a_netcdf_url_is_netcdf_for_every_command(tmp_path, ds, monkeypatch):
    """compress, evaluate, compare and extract open the same thing."""
    opened = []

    def open_dataset(path, *, engine=None, **_):
        opened.append((path, engine))
        return ds.copy()

    monkeypatch.setattr(xr, "open_dataset", open_dataset)
    monkeypatch.setattr(
        xr, "open_groups", lambda path, **said: {"/": open_dataset(path, engine=said["engine"])}
    )
    url = "https://host.invalid/a.nc#mode=bytes"
    run("compress", url, tmp_path / "a.zarr")
    run("evaluate", url, "--max-error", "0.1")
    run("compare", url, url)
    run("extract", url, tmp_path / "a.webm", "--preview")
    assert set(opened) == {(url, None)}


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_a_store_in_a_folder_of_an_archive(tmp_path, ds, zarr_format):
    """As file managers zip a folder: every command says how to name it, and reads it then."""
    ds.to_zarr(tmp_path / "a.zarr", zarr_format=zarr_format)
    file = shutil.make_archive(str(tmp_path / "b"), "zip", tmp_path, "a.zarr")
    place, out = f"{file}/a.zarr", iter(range(100))
    for command, *more in (
        ["info"], ["doctor"], ["evaluate", "--max-error", "0.1"], ["extract", ".mp4"],
        ["compress", ".zarr", "--effort", "1"], ["convert", ".zarr"], ["convert", ".nc"],
    ):  # fmt: skip
        made = [tmp_path / f"{next(out)}{end}" for end in more[:1] if end.startswith(".")]
        options = more[len(made) :]
        assert f"name {place}" in run(command, file, *made, *options, exit_code=1)
        run(command, place, *made, *options)
    assert "yes" in run("compare", tmp_path / "a.zarr", place)
    assert "no group" in run("compress", f"{file}/b.zarr", tmp_path / "c", exit_code=1).lower()


def test_what_a_store_cannot_hold_is_named(tmp_path):
    """Lists of several lengths of NetCDF, and attributes that are no JSON."""
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(tmp_path / "a.nc", "w") as file:
        for dim, size in zip(("time", "y", "x"), SHAPE, strict=True):
            file.createDimension(dim, size)
        file.createVariable("v", "f4", ("time", "y", "x"))[:] = VALUES
        ragged = file.createVariable("r", file.createVLType("i4", "list"), ("time",))
        for i in range(SHAPE[0]):
            ragged[i] = np.arange(i + 1, dtype="i4")
    said = run("compress", tmp_path / "a.nc", tmp_path / "b.zarr", "--effort", 1, exit_code=1)
    assert "Error: cannot write r to Zarr: " in said
    assert "choose other variables by --var" in said
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"]
    run("compress", tmp_path / "a.nc", tmp_path / "b.zarr", "--effort", 1, "--var", "v")


def test_names_of_enumerations_are_kept(tmp_path):
    """As flags of CF, which have a dtype again where they are exported."""
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(tmp_path / "a.nc", "w") as file:
        for dim, size in zip(("time", "y", "x"), SHAPE, strict=True):
            file.createDimension(dim, size)
        kind = file.createEnumType("u1", "sky", {"clear": 0, "thin cloud": 3})
        file.createVariable("v", kind, ("time", "y", "x"))[:] = np.where(VALUES > 280, 3, 0)
    run("compress", tmp_path / "a.nc", tmp_path / "b.zarr", "--effort", 1)
    run("convert", tmp_path / "b.zarr", tmp_path / "c.nc")
    with xr.open_zarr(tmp_path / "b.zarr") as after:
        assert after.v.attrs["flag_values"] == [0, 3]
        assert after.v.attrs["flag_meanings"] == "clear thin_cloud"
    with netcdf.Dataset(tmp_path / "c.nc") as file:
        np.testing.assert_array_equal(file["v"][:], np.where(VALUES > 280, 3, 0))
        assert file["v"].getncattr("flag_values").dtype == "u1"


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("kind", ["folder", "zip", "group"])
def test_one_array_of_a_store(tmp_path, ds, zarr_format, kind):
    """By its path: under its name, with its coordinates, and missing cells as they are."""
    ds.v[0, :3] = np.nan
    ds.v.encoding = {"_FillValue": np.float32(-9999)}
    ds = ds.assign(w=ds.v + 1).assign_coords(
        time=np.arange("2020-01-01", "2020-01-07", dtype="M8[D]").astype("M8[ns]"),
        area=(("y", "x"), np.ones(SHAPE[1:])),
    )
    group = "g/h" if kind == "group" else None
    ds.to_zarr(tmp_path / "a", zarr_format=zarr_format, group=group)
    place = tmp_path / "a" / (group or "")
    if kind == "zip":
        place = shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "a")
    run("compress", f"{place}/v", tmp_path / "b", "--effort", 1, "--zarr-format", zarr_format)
    with xr.open_zarr(tmp_path / "b") as after:
        xr.testing.assert_identical(after.load(), ds.drop_vars("w"))
    (row,) = json.loads(run("compare", tmp_path / "b", f"{place}/v/", "--json"))
    assert (row["name"], row["identical"]) == ("v", True)
    (row,) = json.loads(run("evaluate", f"{place}/v", "--effort", 1, "--json"))
    assert (row["name"], row["missing_changed"]) == ("v", 0)
    run("plot", f"{place}/v", "--out", tmp_path / "v.png", "--date", "2020-01-02")


def test_an_archive_without_a_store_is_called_so(tmp_path):
    """Whatever it is named."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "text").write_text("")
    file = shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path, "d")
    for command, *more in (["info"], ["compress", tmp_path / "b"], ["evaluate"]):
        said = run(command, file, *more, exit_code=1)
        assert "it is a ZIP file without a Zarr store" in said


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_what_an_interruption_left_is_cleared_before_the_encode(tmp_path, ds, zarr_format):
    """Where the store itself is in its place."""
    form = ["--zarr-format", zarr_format, "--effort", "1"]
    ds.to_zarr(tmp_path / "a")
    run("compress", tmp_path / "a", tmp_path / "b", *form)
    for left in ("b.replaced", "b.partial"):
        ds.to_zarr(tmp_path / left)
    run("compress", tmp_path / "a", tmp_path / "b", *form, "--overwrite")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert "no faults" in run("doctor", tmp_path / "b")


def test_what_an_interruption_left_alone_is_kept(tmp_path, ds):
    """The old store, and the new one that is complete; the message says which is which."""
    for name in ("a", "b.replaced", "b.partial"):
        ds.to_zarr(tmp_path / name)
    said = run("compress", tmp_path / "a", tmp_path / "b", exit_code=1)
    assert "b.partial to b, which is complete, or rename" in said
    assert "b.replaced to b, which is what was there" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b.partial", "b.replaced"]


@pytest.mark.parametrize("name", ["b.partial", "b.replaced"])
def test_what_is_no_store_is_never_cleared(tmp_path, ds, name):
    """A folder of somebody else."""
    for store in ("a", "b"):
        ds.to_zarr(tmp_path / store)
    (tmp_path / name).mkdir()
    (tmp_path / name / "thesis.txt").write_text("mine")
    said = run("compress", tmp_path / "a", tmp_path / "b", "--overwrite", exit_code=1)
    assert f"{name} is in the way: move it" in said
    assert (tmp_path / name / "thesis.txt").exists()
    assert "no faults" in run("doctor", tmp_path / "b")
    assert json.loads(run("info", tmp_path / "b", "--json"))[0]["promise"] is None


def test_a_folder_of_files_is_no_store(tmp_path, ds):
    """Its files are what to name."""
    (tmp_path / "maps").mkdir()
    ds.to_netcdf(tmp_path / "maps" / "a.nc")
    for command in ("compress", "evaluate", "info", "doctor"):
        target = [tmp_path / "b"] * (command == "compress")
        said = run(command, tmp_path / "maps", *target, exit_code=1)
        assert (
            f"it is a folder without a Zarr store: name the files in it, as in {tmp_path}/maps/*.nc"
            in said
        )


def test_what_can_be_read_deep_in_a_folder_is_named(tmp_path, ds):
    """The pictures of a satellite's product, beside much else; a store among others."""
    product = tmp_path / "S2A.SAFE"
    pictures = product / "GRANULE" / "L2A" / "IMG_DATA" / "R10m"
    pictures.mkdir(parents=True)
    (product / "manifest.safe").write_text("<xml>")
    (product / "AUX_DATA").mkdir()
    (product / "AUX_DATA" / "weather.grib").write_bytes(b"GRIB")
    (pictures / "B02.jp2").write_bytes(b"\0\0\0\x0cjP  \r\n")
    for command in (["evaluate", product], ["compress", product, tmp_path / "b"]):
        said = run(*command, exit_code=1)
        assert f"name the files in it, as in {pictures}/*.jp2" in said
    (tmp_path / "stores").mkdir()
    ds.to_zarr(tmp_path / "stores" / "a.zarr")
    said = run("evaluate", tmp_path / "stores", exit_code=1)
    assert f"name what is in it, such as {tmp_path / 'stores' / 'a.zarr'}" in said


def test_references_are_read(tmp_path, ds):
    """As kerchunk makes them; info says who reads them."""
    pytest.importorskip("kerchunk")
    ds.to_zarr(tmp_path / "a", zarr_format=2)
    refs: dict[str, object] = {}
    for file in sorted((tmp_path / "a").rglob("*")):
        if file.is_file():
            key = file.relative_to(tmp_path / "a").as_posix()
            refs[key] = file.read_text() if file.name.startswith(".z") else [str(file)]
    (tmp_path / "refs.json").write_text(json.dumps({"version": 1, "refs": refs}))
    run("compress", tmp_path / "refs.json", tmp_path / "b", "--effort", 1)
    np.testing.assert_array_equal(xr.open_zarr(tmp_path / "b").v.values, ds.v.values)
    said = run("info", tmp_path / "refs.json", exit_code=1)
    assert "references that kerchunk made are read by compress" in said


def test_an_icechunk_repository_is_none_either(tmp_path, ds):
    """And is named as what it is."""
    icechunk = pytest.importorskip("icechunk")
    storage = icechunk.local_filesystem_storage(str(tmp_path / "ice"))
    session = icechunk.Repository.create(storage).writable_session("main")
    ds.to_zarr(session.store, consolidated=False)
    session.commit("a cube")
    for command in ("evaluate", "info"):
        said = run(command, tmp_path / "ice", exit_code=1)
        assert "it is an Icechunk repository: in Python, give the store of a session to" in said


def test_a_target_that_cannot_be_is_named_before_anything_is_read(tmp_path, ds, monkeypatch):
    """A folder that is a file, or closed."""
    ds.to_netcdf(tmp_path / "a.nc")
    said = run("compress", tmp_path / "a.nc", tmp_path / "a.nc" / "b.zarr", exit_code=1)
    assert f"b.zarr cannot be: {tmp_path / 'a.nc'} is a file" in said
    monkeypatch.setattr("os.access", lambda *_: False)
    said = run("compress", tmp_path / "a.nc", tmp_path / "c" / "b.zarr", exit_code=1)
    assert f"b.zarr cannot be written: {tmp_path} is not for writing" in said
    assert not (tmp_path / "c").exists()


def test_a_command_that_is_nearly_one_is_guessed():
    """As options are."""
    assert "No such command 'compres'. Did you mean 'compress'?" in run("compres", exit_code=2)
    assert "Did you mean" not in run("a.nc", exit_code=2)


def test_one_path_is_not_enough(tmp_path, ds):
    """What is missing is named."""
    ds.to_netcdf(tmp_path / "a.nc")
    said = run("compress", tmp_path / "a.nc", exit_code=2)
    assert (
        f"name what to read and where to write to, as in compress {tmp_path / 'a.nc'} DST" in said
    )


def test_a_matrix_over_one_dimension_is_copied(tmp_path, ds):
    """Beside cubes; xarray warns of it at every turn."""
    file = zarr.open_group(tmp_path / "a", mode="w")
    file.create_array("m", data=np.eye(20), dimension_names=("y", "y"))
    file.create_array("s", data=np.ones((6, 20, 20)), dimension_names=("time", "y", "y"))
    values = ds["v"].values
    file.create_array("v", data=values, dimension_names=("time", "y", "x"))
    said = run("compress", tmp_path / "a", tmp_path / "b", "--effort", 1)
    assert "Duplicate" not in said
    group = zarr.open_group(tmp_path / "b", mode="r")
    np.testing.assert_array_equal(group["m"][...], np.eye(20))
    assert group["s"].metadata.dimension_names == ("time", "y", "y")
    rows = json.loads(run("compare", tmp_path / "a", tmp_path / "b", "--json"))
    assert {row["name"]: row["identical"] for row in rows} == {"m": True, "s": True, "v": True}
    rows = json.loads(run("evaluate", tmp_path / "a", "--effort", 1, "--json"))
    assert [row["name"] for row in rows] == ["v"]


def test_times_of_no_calendar_stay_numbers(tmp_path, ds):
    """As months since a day, which all commands read."""
    months = ds.assign_coords(time=("time", np.arange(ds.sizes["time"])))
    months.time.attrs["units"] = "months since 2000-01-01"
    months.to_zarr(tmp_path / "a")
    run("compress", tmp_path / "a", tmp_path / "b", "--effort", 1)
    (row,) = json.loads(run("compare", tmp_path / "a", tmp_path / "b", "--var", "v", "--json"))
    assert row["held"]
    assert "v" in run("evaluate", tmp_path / "a", "--effort", 1)


def test_a_coordinate_above_groups_is_no_variable_to_evaluate(tmp_path, ds):
    """The groups are what to name."""
    tree = xr.DataTree.from_dict({"/": xr.Dataset(coords={"time": np.arange(6)}), "/a": ds})
    tree.to_zarr(tmp_path / "a")
    for command in ("evaluate", "suggest"):
        said = run(command, tmp_path / "a", exit_code=1)
        assert f"holds groups: name one, such as {tmp_path / 'a'}/a (there are a)" in said
