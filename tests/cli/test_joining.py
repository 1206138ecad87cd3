"""Several sources become one store."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")
pytest.importorskip("netCDF4")

from tests.cli.running import compress  # noqa: E402

T = ("time", "lat", "lon")
SHAPE = (9, 12, 16)
RNG = np.random.default_rng(0)


@pytest.fixture
def ds() -> xr.Dataset:
    """Two variables over nine days, a mask, and bounds of time."""
    time = xr.date_range("2020-01-30", periods=SHAPE[0], use_cftime=False)
    edges = np.stack([time, time + np.timedelta64(1, "D")], 1)
    result = xr.Dataset(
        {
            "t2m": (T, RNG.normal(280, 3, SHAPE).astype("f4"), {"units": "K"}),
            "u10": (T, RNG.normal(0, 3, SHAPE).astype("f4"), {"units": "m s-1"}),
            "mask": (("lat", "lon"), np.ones(SHAPE[1:])),
        },
        coords={
            "time": ("time", time, {"bounds": "edges"}),
            "edges": (("time", "side"), edges),
            "lat": np.linspace(50, 40, SHAPE[1]),
            "lon": np.linspace(0, 10, SHAPE[2]).astype("f4"),
        },
        attrs={"title": "a cube"},
    ).reset_coords("edges")
    result.time.encoding = {"units": "hours since 2020-01-01", "dtype": "int32"}
    return result


@pytest.fixture
def parts(tmp_path, ds):
    """Three days a file, each counting hours from its own first day."""
    paths = []
    for number in range(3):
        part = ds.isel(time=slice(3 * number, 3 * number + 3))
        day = np.datetime_as_string(part.time.values[0], "D")
        part.time.encoding = {"units": f"hours since {day}", "dtype": "int32"}
        paths.append(tmp_path / f"{number}.nc")
        part.to_netcdf(paths[-1])
    return paths


def test_files_one_behind_the_other(tmp_path, ds, parts):
    """In the order of their dates, whatever those count from."""
    compress(*reversed(parts), tmp_path / "a")
    with xr.open_zarr(tmp_path / "a") as after:
        xr.testing.assert_identical(after.load(), ds)
        assert after.time.encoding["dtype"].kind == "i"


def test_different_variables_together(tmp_path, ds, parts):
    """Of the same dates; each from several files."""
    sources = []
    for path in parts:
        for name in ("t2m", "u10"):
            with xr.open_dataset(path, decode_cf=False) as part:
                sources.append(path.with_name(f"{name}-{path.name}"))
                part[[name, "edges"]].to_netcdf(sources[-1])
    with xr.open_dataset(parts[0]) as part:
        part[["mask"]].to_netcdf(tmp_path / "mask.nc")
    compress(*sources, tmp_path / "mask.nc", tmp_path / "a")
    with xr.open_zarr(tmp_path / "a") as after:
        xr.testing.assert_equal(after.load(), ds)


def test_different_packing_is_undone(tmp_path, ds):
    """And said: one array has one scale. Bounds hold in the units that a reader sees."""
    for number in range(3):
        part = ds[["t2m"]].isel(time=slice(3 * number, 3 * number + 3))
        packing = {"dtype": "i2", "scale_factor": 0.01 * (number + 1), "add_offset": 280.0}
        part.to_netcdf(tmp_path / f"{number}.nc", encoding={"t2m": {**packing, "_FillValue": -1}})
    sources = sorted(tmp_path.glob("*.nc"))
    said = compress(*sources, tmp_path / "a", "--max-error", "t2m=0.05")
    assert "Note: t2m is packed in different ways" in said
    before = xr.concat([xr.open_dataset(path).load() for path in sources], "time")
    with xr.open_zarr(tmp_path / "a") as after:
        assert 0 < float(np.abs(after.t2m - before.t2m).max()) <= 0.05
        assert np.array_equal(np.isnan(after.t2m), np.isnan(before.t2m))


def test_any_dimension(tmp_path, ds):
    """One that is not time, falling, by its name; a dimension without labels in the order given."""
    north, south = ds.isel(lat=slice(0, 5)), ds.isel(lat=slice(5, None))
    for name, part in (("north", north), ("south", south)):
        part.to_netcdf(tmp_path / f"{name}.nc")
        part.drop_vars("lat").to_netcdf(tmp_path / f"bare-{name}.nc")
    files = [tmp_path / "south.nc", tmp_path / "north.nc"]
    compress(*files, tmp_path / "a", "--join", "lat")
    with xr.open_zarr(tmp_path / "a") as after:
        xr.testing.assert_equal(after.load(), ds)
    bare = [tmp_path / "bare-south.nc", tmp_path / "bare-north.nc"]
    compress(*bare, tmp_path / "b", "--join", "lat")
    with xr.open_zarr(tmp_path / "b") as after:
        np.testing.assert_array_equal(after.t2m[:, :7], south.t2m)


def test_groups_are_joined_each(tmp_path, ds):
    """Those of the same path."""
    for number, days in enumerate((slice(0, 5), slice(5, None))):
        tree = xr.DataTree.from_dict(
            {"/": ds.isel(time=days), "/fine": ds[["u10"]].isel(time=days)}
        )
        tree.to_zarr(tmp_path / str(number))
    compress(tmp_path / "0", tmp_path / "1", tmp_path / "a")
    with xr.open_datatree(tmp_path / "a", engine="zarr") as after:
        xr.testing.assert_equal(after.to_dataset().load(), ds)
        xr.testing.assert_equal(after["fine"].u10.load(), ds.u10)


def test_what_does_not_fit_is_named(tmp_path, ds, parts):
    """With both sources, and nothing is written."""
    said = compress(parts[0], parts[0], tmp_path / "a", exit_code=1)
    assert "overlap in time" in said
    said = compress(*parts, tmp_path / "a", "--join", "day", exit_code=1)
    assert "--join names day" in said
    assert "lat, lon" in said
    coarse = ds.isel(lat=slice(0, None, 2), time=slice(3, 6))
    coarse.to_netcdf(tmp_path / "coarse.nc")
    said = compress(parts[0], tmp_path / "coarse.nc", tmp_path / "a", exit_code=1)
    assert "t2m" in said or "lat" in said
    assert "coarse.nc" in said
    celsius = ds.isel(time=slice(3, 6)).copy()
    celsius["t2m"] = celsius.t2m.assign_attrs(units="degC")
    celsius.to_netcdf(tmp_path / "celsius.nc")
    said = compress(parts[0], tmp_path / "celsius.nc", tmp_path / "a", exit_code=1)
    assert "K" in said
    assert "degC" in said
    marked = ds.isel(time=slice(3, 6)).copy()
    marked["t2m"] = marked.t2m.assign_attrs(nodata=-1)
    marked.to_netcdf(tmp_path / "marked.nc")
    said = compress(parts[0], tmp_path / "marked.nc", tmp_path / "a", exit_code=1)
    assert "t2m has nodata None in" in said
    assert not (tmp_path / "a").exists()


def test_what_one_source_has_lost_is_on_record(tmp_path, parts):
    """Whichever it is: losses add up."""
    compress(parts[1], tmp_path / "1", "--max-error", "t2m=0.5")
    compress(parts[0], tmp_path / "1", tmp_path / "a", "--max-error", "t2m=0.1")
    attributes = xr.open_zarr(tmp_path / "a").t2m.attrs
    assert attributes["lossy_compression_max_error"] == 0.1
    assert "lossy_compression_max_error: 0.5" in attributes["lossy_compression_earlier"]
