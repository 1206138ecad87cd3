"""Files of one band each become one array with a band axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")
pytest.importorskip("netCDF4")

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video.cli.banding import bands_in_names  # noqa: E402
from tests.cli.running import compress, run  # noqa: E402

#: rasterio's own
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")
RNG = np.random.default_rng(0)


def write_raster(path: Path, shape=(16, 24), dtype="uint16", pixel=10, **said) -> np.ndarray:
    """Write a GeoTIFF of one band of random counts, and return them."""
    rasterio = pytest.importorskip("rasterio")
    pytest.importorskip("rioxarray")
    values = RNG.integers(1, 200, shape).astype(dtype)
    path.parent.mkdir(exist_ok=True, parents=True)
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=shape[0], width=shape[1], dtype=dtype,
        transform=rasterio.transform.from_origin(5e5, 5.6e6, pixel, pixel),
        **{"crs": "EPSG:32631", "nodata": 0, **said},
    ) as file:  # fmt: skip
        file.write(values, 1)
    return values


def write_map(path: Path, **coordinates) -> np.ndarray:
    """Write a NetCDF file of one map of random counts without a band axis, and return them."""
    values = RNG.integers(1, 200, (16, 24)).astype("u2")
    xr.DataArray(values, coordinates, dims=("y", "x"), name="v").to_netcdf(path)
    return values


@pytest.mark.parametrize(
    ("names", "bands"),
    [
        (["B02.tif", "B8A.tif"], ["B02", "B8A"]),
        (["T31_20200101T105441_B02_10m.jp2", "T31_20200101T105441_B03_10m.jp2"], ["B02", "B03"]),
        (["LC08_L2SP_20200101_02_T1_SR_B4.TIF", "LC08_L2SP_20200101_02_T1_ST_B10.TIF"],
         ["SR_B4", "ST_B10"]),
        (["HLS.S30.2020060T105441.v2.0.B02.tif", "HLS.S30.2020060T105441.v2.0.B8A.tif"],
         ["B02", "B8A"]),
        (["ndvi_20200101.tif", "evi_20200101.tif"], ["ndvi", "evi"]),
        (["s1-vv-2020.tif", "s1-vh-2020.tif"], ["vv", "vh"]),
        (["band_1.tif", "band_2.tif"], ["band_1", "band_2"]),
        (["red/1.tif", "nir/1.tif"], ["red", "nir"]),
        (["a.tif", "a_b.tif"], None),
        (["1.tif", "2.tif"], None),
        (["a/1.tif", "a/1.tif"], None),
    ],
)  # fmt: skip
def test_names_tell_bands(names, bands):
    """By the words in which they differ; a number takes the word before it."""
    assert bands_in_names(names) == bands


def test_bands_of_one_scene(tmp_path):
    """Without any date, in the order given; and back again, each under its own name."""
    files = [tmp_path / f"{band}.tif" for band in ("B04", "B03", "B02")]
    before = [write_raster(file) for file in files]
    printed = compress(*files, tmp_path / "a.zarr")
    assert "Note: band is as the names of sources say: B04, B03, B02" in printed
    with xr.open_zarr(tmp_path / "a.zarr") as after:
        assert after.band_data.dims == ("time", "band", "y", "x")
        assert after.band.values.tolist() == ["B04", "B03", "B02"]
        np.testing.assert_array_equal(after.band_data.values[0], before)
        assert "32631" in after.spatial_ref.attrs["crs_wkt"]
        np.testing.assert_array_equal(ncv.unstack_bands(after).B03.values[0], before[1])


def test_bands_of_several_dates(tmp_path):
    """Files in any order, under a bound; what was made of them is compared with them."""
    days = ("20200111", "20200101")
    files = [tmp_path / f"T31_{day}T105441_{b}.tif" for day in days for b in ("B02", "B03")]
    before = {file.stem: write_raster(file) for file in files}
    shuffled = [files[0], files[3], files[1], files[2]]
    printed = compress(*shuffled, tmp_path / "a.zarr", "--max-error", "band_data=3")
    assert "Note: time is as the names of sources say: 2020-01-01T10:54:41 to" in printed
    with xr.open_zarr(tmp_path / "a.zarr") as after:
        assert after.band.values.tolist() == ["B02", "B03"]
        assert after.time.dt.strftime("%Y%m%d").values.tolist() == sorted(days)
        for file in files:
            _, day, band = file.stem.split("_")
            decoded = after.band_data.sel(band=band, time=day[:8]).values[0]
            assert 0 < np.abs(decoded - before[file.stem]).max() <= 3
    assert "held" in run("compare", *files, tmp_path / "a.zarr")


def test_one_band_alone_has_its_name(tmp_path):
    """So that one file is compared with a store of all, and dates of one band are that band's."""
    files = [
        tmp_path / f"T31_{day}_{band}.tif" for day in (20200101, 20200102) for band in ["B2", "B3"]
    ]
    for file in files:
        write_raster(file)
    compress(*files, tmp_path / "a.zarr")
    assert '"identical": true' in run("compare", files[2], tmp_path / "a.zarr", "--json")
    compress(files[0], files[2], tmp_path / "b.zarr")
    with xr.open_zarr(tmp_path / "b.zarr") as after:
        assert after.band.values.tolist() == ["B2"]


@pytest.mark.parametrize(
    "pattern", ["{year}-01-05/{band}.nc", "{band}/{year}-01-05.nc", "{band}_{year}.nc"]
)
def test_folders_and_years_tell_as_well(tmp_path, pattern):
    """A folder a date or a band; years where what is left is the name of a band."""
    before = {}
    for year in (2019, 2020):
        for band in ("red", "nir"):
            file = tmp_path / pattern.format(year=year, band=band)
            file.parent.mkdir(exist_ok=True)
            before[year, band] = file, write_map(file)
    compress(*(file for file, _ in before.values()), tmp_path / "a.zarr")
    with xr.open_zarr(tmp_path / "a.zarr") as after:
        for (year, band), (_, values) in before.items():
            found = after.v.sel(band=band, time=str(year)).values[0]
            np.testing.assert_array_equal(found, values)


def test_dates_that_are_stated(tmp_path):
    """Sources of one stated date are its bands, whatever they are called."""
    day = np.datetime64("2020-01-01", "ns")
    before = [write_map(tmp_path / f"{name}.nc", time=day) for name in ("u", "v")]
    compress(tmp_path / "u.nc", tmp_path / "v.nc", tmp_path / "a.zarr")
    with xr.open_zarr(tmp_path / "a.zarr") as after:
        assert after.band.values.tolist() == ["u", "v"]
        assert after.time.values == [day]
        np.testing.assert_array_equal(after.v.values[0], before)


def test_join_says_what_differs(tmp_path):
    """Where names do not tell: bands, or dates."""
    files = [tmp_path / f"{name}.nc" for name in ("mean", "spread")]
    before = [write_map(file) for file in files]
    for said, shape in (("band", (1, 2)), ("time", (2, 1))):
        compress(*files, tmp_path / said, "--join", said)
        with xr.open_zarr(tmp_path / said) as after:
            found = after.v.values.reshape(2, 16, 24)
            np.testing.assert_array_equal(found, before)
            assert (after.sizes["time"], after.sizes.get("band", 1)) == shape
    (tmp_path / "1.nc").write_bytes(files[0].read_bytes())
    (tmp_path / "2.nc").write_bytes(files[1].read_bytes())
    bare = [tmp_path / "1.nc", tmp_path / "2.nc"]
    printed = compress(*bare, tmp_path / "b", "--join", "band", exit_code=1)
    assert "1.nc" in printed
    assert "2.nc do not tell" in printed


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"shape": (8, 12), "pixel": 20}, "has 16 x 24 cells, and {other} has 8 x 12"),
        ({"dtype": "uint8"}, "holds uint16, and {other} holds uint8"),
        ({"nodata": 1}, "has _FillValue 0, and {other} has 1"),
        ({"crs": "EPSG:32632"}, "{other} are in different projections"),
        ({"pixel": 20}, "is another in {one} than in {other}"),
    ],
)
def test_bands_that_do_not_fit_are_named(tmp_path, said, message):
    """With both files, and nothing is written."""
    one, other = tmp_path / "a_B02.tif", tmp_path / "a_B05.tif"
    write_raster(one)
    write_raster(other, **said)
    printed = compress(one, other, tmp_path / "a.zarr", exit_code=1)
    assert message.format(one=one, other=other) in printed
    assert str(one) in printed
    assert not (tmp_path / "a.zarr").exists()


def test_classes_do_not_become_a_band(tmp_path):
    """They would share its promise."""
    files = [tmp_path / "LC08_20200101_SR_B4.TIF", tmp_path / "LC08_20200101_QA_PIXEL.TIF"]
    for file in files:
        write_raster(file)
    printed = compress(*files, tmp_path / "a.zarr", "--max-error", "band_data=9", exit_code=1)
    assert f"{files[1]} holds classes or flags, says its name (QA_PIXEL)" in printed


def test_every_date_has_all_bands(tmp_path):
    """The one that lacks some is named, with what it lacks."""
    files = [tmp_path / f"2020010{n}_{band}.tif" for n in (1, 2) for band in ("B02", "B03", "B04")]
    for file in files:
        write_raster(file)
    printed = compress(*files[:5], tmp_path / "a.zarr", exit_code=1)
    assert f"{files[3]}, {files[4]} of another: every date needs the same bands" in printed
    assert "lacks B04" in printed
    printed = compress(*files[:4], tmp_path / "a.zarr", exit_code=1)
    assert f"{files[3]} of another" in printed
