"""Cells are compared with those of the same labels, and what differs in the labels is said."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")

from click.testing import CliRunner  # noqa: E402

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video import VideoCodecError  # noqa: E402
from numcodecs_video.cli.commands import commands  # noqa: E402

SHAPE = (6, 20, 24)
VALUES = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")
COORDS = {
    "time": np.arange("2020-01", "2020-07", dtype="M8[M]").astype("M8[ns]"),
    "lat": np.linspace(50, 40.5, 20),
    "lon": np.linspace(5, 16.5, 24),
}


@pytest.fixture
def ds() -> xr.Dataset:
    """A cube with labels."""
    return xr.Dataset({"v": (("time", "lat", "lon"), VALUES)}, COORDS)


SAME = {
    "reversed": (lambda ds: ds.isel(lat=slice(None, None, -1)), ("lat in another order",)),
    "shuffled": (lambda ds: ds.isel(time=[3, 0, 5, 1, 2, 4]), ("time in another order",)),
    "transposed": (
        lambda ds: ds.transpose("lat", "lon", "time"),
        ("dimensions in the order ('lat', 'lon', 'time')",),
    ),
    "both": (
        lambda ds: ds.isel(lat=slice(None, None, -1), lon=slice(None, None, -1)),
        ("lat in another order", "lon in another order"),
    ),
    "without labels": (lambda ds: ds.drop_vars(["lat", "time"]), ()),
    "as it is": (lambda ds: ds, ()),
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("zarr_format", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_order_is_no_difference(tmp_path, ds, name, zarr_format):
    """From Python, from stores, and from the command line."""
    change, notes = SAME[name]
    other = change(ds)
    for store, held in (("a", ds), ("b", other)):
        held.to_zarr(tmp_path / store, zarr_format=zarr_format)
    paths = [str(tmp_path / "a"), str(tmp_path / "b")]
    for found in (ncv.compare(ds, other)["v"], ncv.compare(*paths)["v"]):
        assert found.identical
        assert found.largest_error == 0
        assert found.notes == notes
    (row,) = json.loads(CliRunner().invoke(commands, ["compare", *paths, "--json"]).stdout)
    assert row["identical"]
    assert tuple(row["notes"]) == notes
    printed = CliRunner().invoke(commands, ["compare", *paths]).stderr
    assert printed.splitlines() == [f"Note: v: {note}" for note in notes]


def test_differences_stay_with_their_labels(ds):
    """An error is found at its own place."""
    other = ds.copy(deep=True)
    other.v.loc[{"lat": 50, "lon": 5}] += 2
    found = ncv.compare(ds, other.isel(lat=slice(None, None, -1)))["v"]
    assert found.largest_error == pytest.approx(2, rel=1e-4)
    assert not found.identical


def test_only_what_both_have_is_compared(ds):
    """And is not called identical."""
    found = ncv.compare(ds, ds.isel(time=slice(2, 5)))["v"]
    assert found.largest_error == 0
    assert not found.identical
    assert found.notes == ("time: 3 labels in both, of 6 and 3",)


def test_the_ratio_is_of_what_the_store_holds(ds, tmp_path):
    """Dates that it does not have are no part of its raw bytes."""
    ncv.to_zarr(ds.isel(time=slice(3)), tmp_path / "part.zarr", max_error=0.1, effort=1)
    found = ncv.compare(ds, tmp_path / "part.zarr")["v"]
    assert (found.cells, found.raw_bytes) == (VALUES.size // 2, VALUES.nbytes // 2)
    assert found.ratio == VALUES.nbytes / 2 / found.bytes_after


def test_a_lossless_copy_that_differs_by_rounding_says_so(ds, tmp_path):
    """Zarr's attributes have a scale of double precision, with which values are unpacked."""
    ds.v.encoding = {"dtype": "i2", "scale_factor": np.float32(0.01), "_FillValue": -32768}
    ds.to_netcdf(tmp_path / "packed.nc")
    with xr.open_dataset(tmp_path / "packed.nc") as packed:
        ncv.to_zarr(packed, tmp_path / "copy.zarr", effort=1)
    found = ncv.compare(tmp_path / "packed.nc", tmp_path / "copy.zarr")["v"]
    assert (found.held, found.identical) == (True, False)
    rounds = "differs only by what packing and dtypes round: float32 in one, float64 in the other"
    assert found.notes == (rounds,)


def test_rounded_labels_are_the_same(ds):
    """Single precision moves them by less than any distance of labels; it is said."""
    rounded = ds.assign_coords(lat=ds.lat.astype("f4") + np.float32(1e-5))
    for other in (rounded, rounded.isel(lat=slice(None, None, -1))):
        found = ncv.compare(ds, other)["v"]
        assert found.identical
        assert any("lat differs by up to 1" in note for note in found.notes)


@pytest.mark.parametrize("kind", ["array of numpy", "tree", "store"])
def test_what_is_no_dataset_is_named(ds, kind):
    """With what to give instead."""
    given = {
        "array of numpy": lambda: VALUES,
        "tree": lambda: xr.DataTree(ds),
        "store": dict,
    }[kind]()
    with pytest.raises(TypeError, match=f"got .*{type(given).__name__}: open a store with xr.open"):
        ncv.compare(ds, given)


def test_nothing_in_common_is_an_error(ds):
    """It says what the labels are, and the way out."""
    with pytest.raises(VideoCodecError, match=r"no label of 'lat' in common: 40.5 to 50.*drop_"):
        ncv.compare(ds, ds.assign_coords(lat=ds.lat + 100))
    with pytest.raises(VideoCodecError, match="dimensions"):
        ncv.compare(ds, ds.rename(lat="y"))
    with pytest.raises(VideoCodecError, match="shape"):
        ncv.compare(ds.drop_vars("time"), ds.drop_vars("time").isel(time=slice(3)))


def test_labels_that_stand_twice_are_positions(ds):
    """Nothing else could be meant, and it is said."""
    twice = ds.assign_coords(time=[0, 0, 1, 2, 3, 4])
    assert ncv.compare(twice, twice)["v"].notes == ()
    (note,) = ncv.compare(twice, ds.assign_coords(time=np.arange(6)))["v"].notes
    assert "by position" in note


def test_other_coordinates_are_named(ds):
    """Such as those of two dimensions."""
    flat = ds.assign_coords(height=(("lat", "lon"), np.zeros(SHAPE[1:])))
    assert ncv.compare(flat, flat.assign_coords(height=flat.height + 1))["v"].notes == (
        "height differs",
    )


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_what_is_as_stored_is_compared_as_it_reads(tmp_path, ds, zarr_format):
    """Where the other is decoded; both as stored are compared as they are."""
    packing = {"scale_factor": 0.5, "add_offset": 3.0, "_FillValue": np.int16(-1)}
    dims = ("time", "lat", "lon")
    stored = ds.assign(v=(dims, VALUES.astype("i2"), packing))
    stored.v[0, 0] = -1
    stored.to_zarr(tmp_path / "a", zarr_format=zarr_format)
    for a, b in ((stored, tmp_path / "a"), (tmp_path / "a", stored), (stored, stored)):
        found = ncv.compare(a, b)["v"]
        assert found.identical
        assert found.missing_changed == 0


def test_a_lost_cell_has_no_ratio(ds):
    """It is infinitely wrong."""
    lost = ds.copy(deep=True)
    lost.v[0, 0, 0] = np.nan
    found = ncv.compare(ds, lost)["v"]
    assert (found.psnr, found.rmse) == (-np.inf, np.inf)


def test_sentinels_are_missing_cells(tmp_path, ds):
    """They count in no figure, but for those that became something else."""
    counts = ds.assign(v=(ds.v.dims, (10 * VALUES).astype("u2"), {"nodata": 65535}))
    counts.v[:, :10] = 65535
    ncv.to_zarr(counts, tmp_path / "a", psnr={"v": 40}, effort=1)
    found = ncv.compare(counts, tmp_path / "a")["v"]
    clear = ncv.compare(counts.isel(lat=slice(10, None)), tmp_path / "a")["v"]
    assert found.psnr == pytest.approx(clear.psnr)
    assert found.psnr < 42
    assert found.realised == pytest.approx(found.psnr)
    assert found.held
    lost = counts.copy(deep=True)
    lost.v[0, 0, 0] = 7
    found = ncv.compare(counts, lost)["v"]
    assert (found.missing_changed, found.rmse) == (1, 0)


def test_dates_of_both_kinds_are_the_same_dates():
    """As of a store whose units pandas is too narrow for."""
    dates = xr.date_range("2020-01-01", periods=4, use_cftime=False)
    one = xr.DataArray(np.arange(4.0), dims="time", coords={"time": dates}, name="v")
    cftime = xr.date_range("2020-01-01", periods=4, use_cftime=True, calendar="proleptic_gregorian")
    other = one.assign_coords(time=cftime)
    result = ncv.compare(one[:3], other)["v"]
    assert result.identical or result.largest_error == 0
    assert result.notes == ("time: 3 labels in both, of 3 and 4",)
