"""The README's five lines, from every source that their comment names and from GeoTIFFs."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("dask")
xr = pytest.importorskip("xarray")

import numcodecs_video.xarray as ncv  # noqa: E402

T = ("time", "y", "x")
SHAPE = (6, 40, 48)
RNG = np.random.default_rng(0)
COUNTS = RNG.integers(0, 9000, SHAPE, dtype="u2")
CLASSES = RNG.integers(0, 12, SHAPE, dtype="u1")


@pytest.fixture
def ds() -> xr.Dataset:
    """Reflectances, packed ones, classes, dates as reals, a grid mapping."""
    reals = (COUNTS / 1e4).astype("f4")
    reals[1, :9, :9] = np.nan
    packing = {"dtype": "uint16", "scale_factor": 1e-4, "_FillValue": 65535}
    return xr.Dataset(
        {
            "real": (T, reals, {"grid_mapping": "spatial_ref"}),
            "packed": (T, reals, {}, packing),
            "scl": (T, CLASSES, {"flag_meanings": "clouds and so on"}),
            "seen": (T, 18000.0 + COUNTS / 9000, {"units": "days since 1970-01-01"}),
        },
        coords={
            "time": xr.date_range("2020-01-01", periods=6, use_cftime=False),
            "spatial_ref": ((), np.int32(0), {"crs_wkt": "WGS 84"}),
        },
    )


def run_the_lines(ds: xr.Dataset, folder) -> tuple[xr.Dataset, ncv.Report]:
    """As they stand in the README, but for the first."""
    ncv.to_zarr(ds, folder / "s2.zarr", max_error=0.002)
    report = ncv.compare(ds, folder / "s2.zarr")
    assert str(report)
    return xr.open_zarr(folder / "s2.zarr", mask_and_scale=True), report


def open_source(ds: xr.Dataset, folder, kind: str) -> xr.Dataset:
    """Write a source, and open it as a user would."""
    if kind == "netcdf":
        ds.to_netcdf(folder / "cube.nc")
        return xr.open_dataset(folder / "cube.nc")
    ds.to_zarr(folder / "cube.zarr", zarr_format=int(kind))
    return xr.open_zarr(folder / "cube.zarr")


@pytest.mark.parametrize("kind", [pytest.param("2", marks=pytest.mark.slow), "3", "netcdf"])
def test_datasets(tmp_path, ds, kind):
    """Measurements within the bound; classes and dates as they were."""
    if kind == "netcdf":
        pytest.importorskip("netCDF4")
    with open_source(ds, tmp_path, kind) as source:
        decoded, report = run_the_lines(source, tmp_path)
        for name in ("real", "packed"):
            assert report[name].largest_error <= 0.0021
            assert report[name].missing_changed == 0
        np.testing.assert_array_equal(decoded["real"].isnull(), ds["real"].isnull())
        for name in ("scl", "seen"):
            assert report[name].identical
            assert decoded[name].dtype == source[name].dtype
        assert set(decoded.variables) == set(source.variables)


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rasterio's own
@pytest.mark.parametrize(
    ("lazy", "masked"),
    [
        (False, True),
        (True, False),
        pytest.param(False, False, marks=pytest.mark.slow),
        pytest.param(True, True, marks=pytest.mark.slow),
    ],
)
def test_a_stack_of_geotiffs(tmp_path, masked, lazy):
    """As rioxarray opens them: with a scale of one on classes, and a place on earth."""
    rioxarray = pytest.importorskip("rioxarray")
    rasterio = pytest.importorskip("rasterio")
    place = rasterio.transform.from_origin(500_000, 5_000_000, 10, 10)
    for name, cube, nodata in (("b04", COUNTS, 0), ("scl", CLASSES, 255)):
        for date, picture in enumerate(cube):
            with rasterio.open(
                tmp_path / f"{name}-{date}.tif", "w", driver="GTiff", height=SHAPE[1],
                width=SHAPE[2], count=1, dtype=picture.dtype, crs="EPSG:32631", transform=place,
                nodata=nodata,
            ) as file:  # fmt: skip
                file.write(picture, 1)
                if name == "b04":
                    file.scales = (1e-4,)
    stacks = {
        name: xr.concat(
            [
                rioxarray.open_rasterio(
                    tmp_path / f"{name}-{date}.tif",
                    mask_and_scale=masked,
                    chunks={} if lazy else None,
                ).squeeze("band", drop=True)
                for date in range(SHAPE[0])
            ],
            xr.date_range("2020-01-01", periods=SHAPE[0], name="time", use_cftime=False),
        )
        for name in ("b04", "scl")
    }
    source = xr.Dataset(stacks)
    if lazy:
        source = source.chunk(time=-1)
    decoded, report = run_the_lines(source, tmp_path)
    assert report["scl"].identical
    assert report["b04"].missing_changed == 0
    with xr.open_zarr(tmp_path / "s2.zarr", mask_and_scale=False) as stored:
        np.testing.assert_array_equal(stored.scl.values, CLASSES)
        np.testing.assert_array_equal(stored.b04.values == 0, COUNTS == 0)
        error = np.abs(stored.b04.values.astype(int) - COUNTS)
        assert 0 < error.max() <= 20
    assert "spatial_ref" in decoded.variables
