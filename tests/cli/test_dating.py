"""Maps of one date each become a store with an axis of time."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")
pytest.importorskip("netCDF4")

from numcodecs_video.cli.naming import dates_in_names  # noqa: E402
from tests.cli.running import compress, run  # noqa: E402

DATES = ("20200101", "20200111", "20200121")
SHAPE = (2, 24, 32)
#: rasterio's own
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")


@pytest.fixture
def maps() -> list[xr.DataArray]:
    """Counts of two bands on three dates, with what is missing."""
    rng = np.random.default_rng(0)
    field = rng.normal(1000, 50, SHAPE)
    values = [(field + rng.normal(0, 5, SHAPE)).astype("u2") for _ in DATES]
    coords = {"band": [1, 2], "y": np.arange(24)[::-1] * 10.0, "x": np.arange(32) * 10.0}
    attrs = {"units": "1", "title": "map"}
    return [
        xr.DataArray(v, dims=("band", "y", "x"), coords=coords, attrs={**attrs, "made": day})
        for v, day in zip(values, DATES, strict=True)
    ]


def write_rasters(folder, maps, crs: int = 32631) -> list[str]:
    """Write a GeoTIFF a date, named by it."""
    rasterio = pytest.importorskip("rasterio")
    pytest.importorskip("rioxarray")
    paths = []
    for day, each in zip(DATES, maps, strict=False):
        bands, height, width = each.shape
        paths.append(str(folder / f"s2_{day}.tif"))
        with rasterio.open(
            paths[-1], "w", driver="GTiff", count=bands, height=height, width=width,
            dtype="uint16", nodata=0, crs=f"EPSG:{crs}",
            transform=rasterio.transform.from_origin(5e5, 5.6e6, 10, 10),
        ) as file:  # fmt: skip
            file.write(each.values)
            file.descriptions = tuple(f"B0{4 - band}" for band in range(bands))
    return paths


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("a_20200229.tif", datetime(2020, 2, 29)),
        ("2020-02-29.tif", datetime(2020, 2, 29)),
        ("a.2020_02_29.tif", datetime(2020, 2, 29)),
        ("ndvi2020060.tif", datetime(2020, 2, 29)),
        ("T31UFS_20200229T105441_B02_10m.jp2", datetime(2020, 2, 29, 10, 54, 41)),
        (
            "S2A_MSIL2A_20200229T105441_N0213_R051_T31UFS_20200301T1.tif",
            datetime(2020, 2, 29, 10, 54, 41),
        ),
        ("LC08_L1TP_198024_20200229_20200313_01_T1_B4.TIF", datetime(2020, 2, 29)),
        ("LC81980242020060LGN00_B4.TIF", datetime(2020, 2, 29)),
        ("HLS.S30.T31UFS.2020060T105441.v2.0.B02.tif", datetime(2020, 2, 29, 10, 54, 41)),
        ("MOD13Q1.A2020060.h18v04.006.2020078123456.tif", datetime(2020, 2, 29)),
        ("2020-02-29/B04.tif", datetime(2020, 2, 29)),
        ("snow_2020-02.tif", datetime(2020, 2, 1)),
        ("cover_2020.tif", datetime(2020, 1, 1)),
    ],
)
def test_names_tell_dates(name, date):
    """As satellite pictures are named, the day they were taken on first."""
    assert dates_in_names([name]) == [date]


@pytest.mark.parametrize(
    "names",
    [
        ["a.tif", "b_20200101.tif"],
        ["a_20201301.tif", "b_20209999.tif"],
        ["tile_12345678.tif", "x_00010101.tif"],
        ["cover_2020_a.tif", "cover_2020_b.tif"],
        ["a_2021366.tif"],
    ],
)
def test_no_date_is_made_up(names):
    """Where some name holds none, the calendar has it not, or years do not tell names apart."""
    assert dates_in_names(names) is None


def test_rasters_become_a_cube(tmp_path, maps, capsys):
    """In the order of their dates, with their projection, their sentinel and a bound."""
    paths = write_rasters(tmp_path, maps)
    printed = compress(*reversed(paths), tmp_path / "a.zarr", "--max-error", "band_data=4")
    assert "Note: time is as the names of sources say: 2020-01-01 to 2020-01-21" in printed
    with xr.open_zarr(tmp_path / "a.zarr") as after:
        assert after.band_data.dims == ("time", "band", "y", "x")
        assert after.band_data.dtype == np.float32  # with NaN for what is missing, and no scale
        assert list(after.time.dt.strftime("%Y%m%d").values) == list(DATES)
        assert list(after.band.values) == ["B04", "B03"]  # as the files describe them
        assert "long_name" not in after.band_data.attrs
        assert "32631" in after.spatial_ref.attrs["crs_wkt"]
        for decoded, before in zip(after.band_data.values, maps, strict=True):
            assert np.abs(decoded - before.values).max() <= 4


def test_what_was_joined_is_compared(tmp_path, maps):
    """With all that it was made of, or with one of them."""
    paths = write_rasters(tmp_path, maps)
    compress(*paths, tmp_path / "a.zarr", "--max-error", "band_data=4")
    (row,) = json.loads(_without_notes(run("compare", *paths, tmp_path / "a.zarr", "--json")))
    assert (row["held"], row["identical"]) == (True, False)
    assert row["cells"] == 3 * np.prod(SHAPE)
    (row,) = json.loads(_without_notes(run("compare", paths[1], tmp_path / "a.zarr", "--json")))
    assert row["cells"] == 3 * np.prod(SHAPE)  # of the store, whose bytes they take
    assert "as in compare ORIGINAL x" in run("compare", "x", exit_code=2)


def test_a_picture_is_a_cube_of_its_date(tmp_path, maps):
    """For the commands that read one source."""
    path, *_ = write_rasters(tmp_path, maps)
    assert "band_data" in run("evaluate", path, "--effort", 1)
    pytest.importorskip("matplotlib")
    printed = run("plot", path, "--date", "2020-01-01", "--out", tmp_path / "a.png")
    assert "band_data (B04), 2020-01-01" in printed


def _without_notes(printed: str) -> str:
    return "\n".join(line for line in printed.splitlines() if not line.startswith("Note: "))


def test_one_raster_starts_a_store_that_grows(tmp_path, maps):
    """Its name says when it is of; what comes later goes behind it."""
    first, second, _ = write_rasters(tmp_path, maps)
    compress(first, tmp_path / "a.zarr", "--chunks", "time=3")
    printed = run("compress", second, tmp_path / "a.zarr", "--append", "time")
    assert "Note: time is as the names of sources say: 2020-01-11" in printed
    with xr.open_zarr(tmp_path / "a.zarr") as after:
        assert list(after.time.dt.strftime("%Y%m%d").values) == list(DATES[:2])
        np.testing.assert_array_equal(after.band_data.values[1], maps[1].values)


def test_rasters_that_do_not_fit_are_named(tmp_path, maps):
    """Of another projection, grid or bands."""
    first, *_ = write_rasters(tmp_path, maps)
    for name, others, crs in (
        ("crs", maps, 32632),
        ("cut", [each[:, :, :20] for each in maps], 32631),
        ("bands", [each[:1] for each in maps], 32631),
    ):
        (tmp_path / name).mkdir()
        _, other, _ = write_rasters(tmp_path / name, others, crs)
        printed = compress(first, other, tmp_path / "a.zarr", exit_code=1)
        assert first in printed
        assert other in printed
    assert not (tmp_path / "a.zarr").exists()


def test_a_date_comes_once(tmp_path, maps):
    """Two files of one date are named."""
    sources = [tmp_path / "a_20200101.nc", tmp_path / "a_20200101_2.nc"]
    for source in sources:
        maps[0].to_dataset(name="v").to_netcdf(source)
    printed = compress(*sources, tmp_path / "a.zarr", exit_code=1)
    assert f"{sources[0]} and {sources[1]} are both of 2020-01-01" in printed


def test_dates_that_are_stated_go_before_names(tmp_path, maps):
    """A scalar coordinate is the date, whatever a file is called; what differs by date is left."""
    paths = []
    for number, each in enumerate(maps):
        day = np.datetime64("2019-05-01", "ns") + np.timedelta64(number, "D")
        paths.append(tmp_path / f"v_2020010{9 - number}.nc")
        each.assign_coords(time=day).to_dataset(name="v").to_netcdf(paths[-1])
    printed = compress(*paths, tmp_path / "a.zarr")
    assert "names of sources" not in printed
    with xr.open_zarr(tmp_path / "a.zarr") as after:
        np.testing.assert_array_equal(
            after.time.values, np.arange("2019-05-01", "2019-05-04", dtype="M8[D]")
        )
        np.testing.assert_array_equal(after.v.values, np.stack([each.values for each in maps]))
        assert after.v.attrs["title"] == "map"
        assert "made" not in after.v.attrs


def test_maps_without_dates_are_numbered(tmp_path, maps):
    """And that is said."""
    paths = [tmp_path / f"{name}.nc" for name in "cab"]
    for path, each in zip(paths, maps, strict=True):
        each.to_dataset(name="v").to_netcdf(path)
    printed = compress(*paths, tmp_path / "a.zarr")
    assert "hold no dates, so time numbers them from 0, as given" in printed
    with xr.open_zarr(tmp_path / "a.zarr") as after:
        assert list(after.time.values) == [0, 1, 2]
        np.testing.assert_array_equal(after.v.values, np.stack([each.values for each in maps]))


def test_maps_go_with_what_has_time(tmp_path, maps):
    """As with what has none."""
    days = np.array(["2020-01-01", "2020-01-11"], "M8[ns]")
    for each, day in zip(maps, ("2020-01-01", "2020-01-11"), strict=False):
        each.to_dataset(name="v").to_netcdf(tmp_path / f"v_{day}.nc")
    both = xr.concat(maps[:2], dim=xr.Variable("time", days))
    both.to_dataset(name="w").to_netcdf(tmp_path / "w.nc")
    sources = [*sorted(tmp_path.glob("v*.nc")), tmp_path / "w.nc"]
    compress(*sources, tmp_path / "a.zarr")
    with xr.open_zarr(tmp_path / "a.zarr") as after:
        np.testing.assert_array_equal(after.v.values, after.w.values)
        np.testing.assert_array_equal(after.time.values, days)
