"""What one number may make lossy: measurements alone, never classes, flags, booleans or times."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")

from click.testing import CliRunner  # noqa: E402

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video.cli.commands import commands  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

T = ("time", "y", "x")
SHAPE = (6, 20, 24)
REAL = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")
CLASSES = np.random.default_rng(1).integers(0, 12, SHAPE)

# Name: dtype of the values, attributes.
EXACT = {
    "read through rasterio": ("u1", {"scale_factor": 1.0, "add_offset": 0.0}),
    "a scale in a list": ("i2", {"scale_factor": [1.0], "add_offset": [0.0]}),
    "a scale as text": ("u2", {"scale_factor": "1", "add_offset": "0.0"}),
    "a scale alone": ("i4", {"scale_factor": 1}),
    "values": ("u1", {"scale_factor": 0.1, "flag_values": np.arange(12, dtype="u1")}),
    "masks": ("u2", {"scale_factor": 0.1, "flag_masks": np.array([1, 2, 4], "u2")}),
    "meanings": ("f4", {"flag_meanings": "land sea ice"}),
    "a flag by its standard name": ("f4", {"standard_name": "sea_ice_area_fraction status_flag"}),
    "booleans as xarray stores them": ("i1", {"dtype": "bool", "scale_factor": 0.5}),
    "dates as stored": ("f8", {"units": "days since 2020-01-01"}),
    "durations as stored": ("f8", {"units": "days", "dtype": "timedelta64[ns]"}),
    "durations of older releases": ("f4", {"units": "hours"}),
}


def dataset(dtype: str, attrs: dict) -> xr.Dataset:
    """A measurement, and a variable that one number must not touch."""
    values = CLASSES % 2 if attrs.get("dtype") == "bool" else CLASSES
    return xr.Dataset({"height": (T, REAL), "v": (T, values.astype(dtype), attrs)})


def assert_exact(before: xr.Dataset, store, **options) -> None:
    """The measurement lost something within its bound, the other variable nothing."""
    with xr.open_zarr(store, decode_cf=False, **options) as after:
        assert 0 < np.abs(after.height.values - REAL).max() <= 1.5
        np.testing.assert_array_equal(after.v.values, before.v.values)
        assert not [key for key in after.v.attrs if key.startswith("lossy")]


@pytest.mark.parametrize("zarr_format", [pytest.param(2, marks=pytest.mark.slow), 3])
@pytest.mark.parametrize("name", EXACT)
def test_one_number_spares_what_is_no_measurement(tmp_path, name, zarr_format):
    """As stored, whatever the attributes make of it."""
    before = dataset(*EXACT[name])
    ncv.to_zarr(before, tmp_path / "a", zarr_format=zarr_format, max_error=1.5, effort=1)
    assert_exact(before, tmp_path / "a")


@pytest.mark.parametrize("zarr_format", [pytest.param(2, marks=pytest.mark.slow), 3])
@pytest.mark.parametrize("name", EXACT)
def test_the_command_line_spares_it_too(tmp_path, name, zarr_format):
    """From a store, in the format that it is to become."""
    before = dataset(*EXACT[name])
    before.to_zarr(tmp_path / "a", zarr_format=zarr_format)
    arguments = ["--max-error", "1.5", "--effort", "1", "--zarr-format", str(zarr_format)]
    done = CliRunner().invoke(
        commands, ["compress", str(tmp_path / "a"), str(tmp_path / "b"), *arguments]
    )
    assert done.exit_code == 0, done.output
    assert_exact(before, tmp_path / "b")


DECODED = {
    "classes": (CLASSES.astype("u1"), {"scale_factor": 1.0, "add_offset": 0.0}),
    "classes with holes": (
        np.where(CLASSES == 3, np.nan, CLASSES).astype("f4"),
        {"dtype": "uint8", "_FillValue": 255, "scale_factor": 1.0, "add_offset": 0.0},
    ),
    "booleans": (CLASSES > 5, {}),
    "dates": (
        np.datetime64("2020-01-01", "ns") + (CLASSES * 3_600_000_000_000).astype("m8[ns]"),
        {"dtype": "float64", "units": "days since 2019-01-01"},
    ),
    "durations": (
        (CLASSES * 3_600_000_000_000).astype("m8[ns]"),
        {"dtype": "float64", "units": "days"},
    ),
}


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("name", DECODED)
@pytest.mark.filterwarnings("ignore:.*decode.*timedelta:FutureWarning")
def test_decoded_variables_come_back_as_they_were(tmp_path, name, zarr_format):
    """What an encoding stores as floats or as packed counts is judged by what it is."""
    values, encoding = DECODED[name]
    before = xr.Dataset({"height": (T, REAL), "v": (T, values, {}, encoding)})
    ncv.to_zarr(before, tmp_path / "a", zarr_format=zarr_format, max_error=1.5, effort=1)
    with xr.open_zarr(tmp_path / "a", decode_timedelta=True) as after:
        assert np.abs(after.height.values - REAL).max() > 0
        np.testing.assert_array_equal(after.v.values, values)


def test_times_and_classes_may_lose_something_once_named(tmp_path):
    """A mapping says what one number does not."""
    for dtype, attrs in (EXACT["dates as stored"], EXACT["read through rasterio"]):
        chosen = ncv.encoding(dataset(dtype, attrs), zarr_format=2, max_error={"v": 1.4})
        assert chosen["v"]["compressors"].settings.fidelity.value == pytest.approx(1.4)


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_booleans_record_no_ratio(tmp_path, zarr_format):
    """They lose nothing, whatever is promised for them."""
    before = xr.Dataset({"v": (T, CLASSES > 5)})
    ncv.to_zarr(before, tmp_path / "a", zarr_format=zarr_format, psnr={"v": 40})
    with xr.open_zarr(tmp_path / "a") as after:
        xr.testing.assert_identical(after.load(), before)


def test_a_scale_that_packs_makes_a_measurement():
    """So does an offset beside a scale of one."""
    packed = {"scale_factor": 0.5}, {"scale_factor": 1.0, "add_offset": 273.0}
    for attrs in packed:
        chosen = ncv.encoding(dataset("i2", attrs), zarr_format=2, max_error=1.2)
        assert chosen["v"]["compressors"].settings.fidelity.kind == "max_error"


def test_the_warning_says_why_nothing_is_lossy():
    """Times are no integers."""
    only = dataset(*EXACT["dates as stored"])[["v"]]
    with pytest.warns(UserWarning, match="v are integers, flags or times and stay without loss"):
        ncv.encoding(only, max_error=1)
