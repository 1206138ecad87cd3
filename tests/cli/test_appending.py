"""Dates are added to a store that is there."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")
pytest.importorskip("netCDF4")

from click.testing import CliRunner  # noqa: E402

from numcodecs_video.cli import copying  # noqa: E402
from numcodecs_video.cli.commands import commands  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

T = ("time", "lat", "lon")
SHAPE = (9, 12, 16)


def compress(*arguments: object, exit_code: int = 0) -> str:
    """Run compress, and return what it printed."""
    done = CliRunner().invoke(commands, ["compress", *map(str, arguments)])
    assert done.exit_code == exit_code, done.output
    return done.output


@pytest.fixture
def ds() -> xr.Dataset:
    """Packed temperatures, a label a day, bounds of time, a mask."""
    rng = np.random.default_rng(0)
    time = xr.date_range("2020-01-30", periods=SHAPE[0], use_cftime=False)
    packing = {"dtype": "i2", "scale_factor": 0.01, "add_offset": 280.0, "_FillValue": -32768}
    result = xr.Dataset(
        {
            "t2m": (T, rng.normal(280, 3, SHAPE), {"units": "K"}, packing),
            "label": ("time", np.array(list("abcdefghi"))),
            "mask": (("lat", "lon"), np.ones(SHAPE[1:])),
            "edges": (("time", "side"), np.stack([time, time + np.timedelta64(1, "D")], 1)),
        },
        coords={"time": ("time", time, {"bounds": "edges"}), "lat": np.linspace(50, 40, SHAPE[1])},
    )
    return result


@pytest.fixture
def parts(tmp_path, ds):
    """Days 0-3, 4-6 and 7-8, each counting hours from its first."""
    paths = []
    for number, days in enumerate((slice(0, 4), slice(4, 7), slice(7, 9))):
        part = ds.isel(time=days)
        day = np.datetime_as_string(part.time.values[0], "D")
        part.time.encoding = {"units": f"hours since {day}", "dtype": "int32"}
        paths.append(tmp_path / f"{number}.nc")
        part.to_netcdf(paths[-1])
    return paths


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_days_are_appended(tmp_path, ds, parts, zarr_format):
    """In the units and the codecs that are there, and found by every reader."""
    store = tmp_path / "a"
    form = ["--zarr-format", zarr_format, "--chunks", "time=2", "--effort", 1]
    compress(parts[0], store, *form, "--max-error", "t2m=0.05")
    printed = compress(parts[1], store, "--append", "time")
    assert "±0.05 K" in printed
    assert "Note" not in printed
    said = compress(parts[2], store, "--append", "time", "--max-error", "t2m=0.05")
    assert "Note: 't2m' is written from cell 7 of 'time' in chunks of 2" in said
    for consolidated in (True, False):
        with xr.open_zarr(store, consolidated=consolidated) as after:
            xr.testing.assert_equal(after.drop_vars("t2m").load(), ds.drop_vars("t2m"))
            assert after.time.encoding["units"] == "hours since 2020-01-30"
            error = np.abs(after.t2m - ds.t2m).values
            assert 0 < error.max() <= 2 * 0.05 + 0.005
            assert after.t2m.attrs["lossy_compression_realised_max_error"] <= 0.05 + 1e-6
    group = zarr.open_group(store, mode="r")
    assert group["t2m"].metadata.zarr_format == zarr_format
    assert group["t2m"].chunks[0] == 2


@pytest.mark.slow
def test_groups_grow_each(tmp_path, ds):
    """Those that have the dimension; the others must be as they are."""
    for number, days in enumerate((slice(0, 4), slice(4, 9))):
        part = ds.drop_encoding().isel(time=days)
        mask = ds[["mask"]].drop_encoding()
        xr.DataTree.from_dict({"/a": part, "/b": part[["t2m"]], "/c": mask}).to_zarr(
            tmp_path / str(number)
        )
    compress(tmp_path / "0", tmp_path / "s", "--effort", 1)
    compress(tmp_path / "1", tmp_path / "s", "--append", "time")
    with xr.open_datatree(tmp_path / "s", engine="zarr") as after:
        for group in "ab":
            np.testing.assert_array_equal(after[group].t2m, ds.t2m)


@pytest.mark.slow
def test_a_promise_of_one_group_is_held_to_that_of_its_array(tmp_path, ds):
    """By its path; and what the store does not have is said to stay out."""
    for number, days in enumerate((slice(0, 4), slice(4, 8))):
        part = ds[["t2m"]].drop_encoding().isel(time=days)
        part["t2m"].encoding = {}
        second = part.assign(area=ds.mask) if number else part
        xr.DataTree.from_dict({"/a": part, "/b": second}).to_zarr(tmp_path / str(number))
    said = ["--max-error", "b/t2m=0.05"]
    compress(tmp_path / "0", tmp_path / "s", "--effort", 1, "--chunks", "time=4", *said)
    other = compress(
        tmp_path / "1", tmp_path / "s", "--append", "time", "--max-error", "b/t2m=1", exit_code=1
    )
    assert "'t2m' is stored with max_error=0.05, and max_error=1 is asked for" in other
    printed = compress(tmp_path / "1", tmp_path / "s", "--append", "time", *said)
    assert "Note: area is not in" in printed
    with xr.open_datatree(tmp_path / "s", engine="zarr") as after:
        np.testing.assert_array_equal(after["a"].t2m, ds.t2m[:8])
        assert 0 < np.abs(after["b"].t2m - ds.t2m[:8]).max() <= 0.05


@pytest.mark.parametrize(
    "said", [pytest.param((), marks=pytest.mark.slow), ("--max-error", "t2m=0.05")]
)
def test_what_is_appended_may_have_lost_something(tmp_path, parts, said):
    """Which the store says from then on, whatever it promises itself."""
    compress(parts[0], tmp_path / "a", "--effort", 1, "--chunks", "time=4", *said)
    compress(parts[1], tmp_path / "b", "--effort", 1, "--max-error", "t2m=0.5")
    for source in (tmp_path / "b", parts[2]):
        compress(source, tmp_path / "a", "--append", "time")
        attributes = xr.open_zarr(tmp_path / "a").t2m.attrs
        assert "lossy_compression_max_error: 0.5" in attributes["lossy_compression_earlier"]
        assert attributes.get("lossy_compression_max_error") == (0.05 if said else None)


def test_members_are_appended(tmp_path):
    """Whose names are text, of which zarr says nothing that a user can change."""
    ds = xr.Dataset(
        {"v": (("member", *T), np.ones((3, 4, *SHAPE[1:]), "f4"))}, {"member": ["r1", "r2", "r3"]}
    )
    ds.to_zarr(tmp_path / "a")
    compress(tmp_path / "a", tmp_path / "b", "--effort", 1, "--isel", "member=0:2")
    said = compress(tmp_path / "a", tmp_path / "b", "--append", "member", "--isel", "member=2:3")
    assert "Note" not in said
    with xr.open_zarr(tmp_path / "b") as after:
        xr.testing.assert_equal(after.load(), ds)


def test_what_cannot_be_appended(tmp_path, ds, parts):
    """Is named, and the store is as it was."""
    store = tmp_path / "a"
    compress(parts[0], store, "--effort", 1, "--max-error", "t2m=0.05")
    before = xr.open_zarr(store).load()

    def refused(source, *said, exit_code=1):
        printed = compress(source, store, "--append", "time", *said, exit_code=exit_code)
        xr.testing.assert_identical(xr.open_zarr(store).load(), before)
        return printed

    assert "does not come after" in refused(parts[0])
    assert "leave out --effort" in refused(parts[1], "--effort", 2, exit_code=2)
    assert "max_error=0.05" in refused(parts[1], "--max-error", "t2m=0.5")
    assert "label is in the store and not in what is to be added" in refused(
        parts[1], "--var", "t2m"
    )
    other = ds.isel(time=slice(4, 6))
    other.t2m.encoding["scale_factor"] = 0.02
    other.time.encoding = {"units": "hours since 2020-01-01"}
    other.to_netcdf(tmp_path / "other.nc")
    assert "t2m has scale_factor 0.02, and 0.01 in" in refused(tmp_path / "other.nc")
    marked = ds.isel(time=slice(4, 6))
    marked.t2m.attrs["nodata"] = -1  # which no codec there knows
    marked.time.encoding = {"units": "hours since 2020-01-01"}
    marked.to_netcdf(tmp_path / "marked.nc")
    assert "t2m has nodata -1, and None in" in refused(tmp_path / "marked.nc")
    half = ds.isel(time=slice(4, 6), lat=slice(0, 6))
    half.time.encoding = {"units": "hours since 2020-01-01"}
    half.to_netcdf(tmp_path / "half.nc")
    assert "than in" in refused(tmp_path / "half.nc")
    late = ds.isel(time=slice(4, 6)).assign_coords(time=ds.time[4:6] + np.timedelta64(30, "m"))
    late.time.encoding = {"units": "minutes since 2020-01-01"}
    late.to_netcdf(tmp_path / "late.nc")
    assert "cannot count as it does in the store" in refused(tmp_path / "late.nc")
    said = compress(parts[1], store, "--append", "day", exit_code=1)
    assert "--append names day, which is no dimension" in said
    assert "does not exist" in compress(parts[1], tmp_path / "no", "--append", "time", exit_code=1)
    assert "unzipped" in compress(parts[1], tmp_path / "a.zip", "--append", "time", exit_code=1)


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_fault_leaves_the_dates_that_were_there(tmp_path, monkeypatch, parts, fault):
    """All arrays as long as before."""
    store = tmp_path / "a"
    compress(parts[0], store, "--effort", 1, "--chunks", "time=2")
    before = xr.open_zarr(store).load()
    write = copying._write_chunk
    written = []

    def fail(target, region, values):
        written.append(region)
        if len(written) > 2:
            raise fault
        return write(target, region, values)

    monkeypatch.setattr(copying, "_write_chunk", fail)
    interrupted = isinstance(fault, KeyboardInterrupt)
    printed = compress(parts[1], store, "--append", "time", exit_code=130 if interrupted else 1)
    assert "No space left" in printed or "as much of time as before" in printed
    xr.testing.assert_identical(xr.open_zarr(store).load(), before)
    monkeypatch.undo()
    compress(parts[1], store, "--append", "time")
    assert xr.open_zarr(store).sizes["time"] == 7
