"""Every missing value of a variable comes back as it was, and nothing else becomes one of them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")

from click.testing import CliRunner  # noqa: E402

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video.cli.commands import commands  # noqa: E402
from numcodecs_video.xarray.conventions import nodata_of  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

T = ("time", "y", "x")
SHAPE = (6, 20, 24)
NOISE = np.random.default_rng(0).normal(0, 4, SHAPE)
PLACES = np.random.default_rng(1).random(SHAPE)

# Name: dtype, attributes, all sentinels, the mean of the valid cells: next to a sentinel.
SEVERAL = {
    "two of CF": ("u2", {"_FillValue": 65535, "missing_value": 65534}, (65535, 65534), 65520),
    "NaN and a number": (
        "f4", {"_FillValue": np.nan, "missing_value": 999.0}, (np.nan, 999.0), 996
    ),
    "a vector": (
        "i2", {"missing_value": np.array([-9999, -3000], "i2")}, (-9999, -3000), -2990
    ),
    "a list beside a fill value": (
        "i4", {"_FillValue": -1, "missing_value": [-2, -3]}, (-1, -2, -3), 8
    ),
    "nodata beside CF": ("u1", {"_FillValue": 255, "nodata": 0}, (255, 0), 10),
    "nodata as text": ("u2", {"nodata": "0, 65535"}, (0, 65535), 12),
    "doubles": ("f8", {"_FillValue": 1e20, "nodata": [-999.0]}, (1e20, -999.0), -990),
    "signed bytes": ("i1", {"nodata": 100, "_FillValue": -128}, (100, -128), 95),
}  # fmt: skip


def dataset(name: str) -> xr.Dataset:
    """Values around the sentinels, and all of the sentinels among them."""
    dtype, attrs, sentinels, mean = SEVERAL[name]
    values = (mean + NOISE).round().astype(dtype)
    for sentinel in sentinels:
        # The neighbours on both sides, so that an error of one step would make more of them.
        values[values == sentinel] = np.array(mean).astype(dtype)
    for number, sentinel in enumerate(sentinels):
        values[(0.1 * number < PLACES) & (0.1 * number + 0.05 > PLACES)] = sentinel
    return xr.Dataset({"v": (T, values, attrs)})


def assert_missing_kept(before: np.ndarray, after: np.ndarray, sentinels) -> None:
    """The same cells hold each sentinel, and the others are within the bound."""
    valid = np.ones(before.shape, bool)
    for sentinel in sentinels:
        same = np.isnan if np.isnan(sentinel) else lambda cells, value=sentinel: cells == value
        np.testing.assert_array_equal(same(after), same(before))
        valid &= ~same(before)
    error = np.abs(after[valid].astype("f8") - before[valid].astype("f8"))
    assert error.max() <= 3


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("name", SEVERAL)
def test_all_sentinels_come_back(tmp_path, name, zarr_format):
    """As stored, under a bound that would take cells across them."""
    before = dataset(name)
    ncv.to_zarr(before, tmp_path / "a", zarr_format=zarr_format, max_error={"v": 3}, effort=1)
    with xr.open_zarr(tmp_path / "a", decode_cf=False) as after:
        assert_missing_kept(before.v.values, after.v.values, SEVERAL[name][2])


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("name", SEVERAL)
def test_the_command_line_collects_them_too(tmp_path, name, zarr_format):
    """From the attributes of a store."""
    before = dataset(name)
    before.to_zarr(tmp_path / "a", zarr_format=zarr_format)
    arguments = ["--max-error", "v=3", "--effort", "1", "--zarr-format", str(zarr_format)]
    done = CliRunner().invoke(
        commands, ["compress", str(tmp_path / "a"), str(tmp_path / "b"), *arguments]
    )
    assert done.exit_code == 0, done.output
    with xr.open_zarr(tmp_path / "b", decode_cf=False) as after:
        assert_missing_kept(before.v.values, after.v.values, SEVERAL[name][2])


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.filterwarnings("ignore:.*has multiple fill values:xarray.SerializationWarning")
def test_decoded_datasets_are_written_with_one_of_them(tmp_path, name, zarr_format):
    """All are NaN in memory by then, and what is valid stays valid."""
    dataset(name).to_zarr(tmp_path / "a")
    with xr.open_zarr(tmp_path / "a") as before:
        said = {"max_error": {"v": 3}, "zarr_format": zarr_format, "effort": 1}
        ncv.to_zarr(before, tmp_path / "b", **said)
        assert ncv.evaluate(before, **said)["v"].missing_changed == 0
        with xr.open_zarr(tmp_path / "b") as after:
            error = np.abs(after.v.values.astype("f8") - before.v.values)
            assert np.nanmax(error) <= 3
            np.testing.assert_array_equal(np.isnan(after.v.values), np.isnan(before.v.values))


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("decoded", [True, False], ids=["decoded", "as stored"])
@pytest.mark.parametrize("dtype", ["f4", "i2"])
def test_xarray_alone_writes_again_what_it_reads(tmp_path, zarr_format, decoded, dtype):
    """Of two missing values, one of them a NaN that nobody asked for, it would not."""
    values = np.where(PLACES < 0.1, -9999, NOISE.round()).astype(dtype)
    stored = xr.Dataset({"v": (T, values, {"missing_value": values.dtype.type(-9999)})})
    before = xr.decode_cf(stored) if decoded else stored
    ncv.to_zarr(before, tmp_path / "a", zarr_format=zarr_format, effort=1)
    with xr.open_zarr(tmp_path / "a", chunks=None) as after:
        after.to_zarr(tmp_path / "b", zarr_format=zarr_format)
    with xr.open_zarr(tmp_path / "b", chunks=None) as again:
        np.testing.assert_array_equal(again.v, xr.decode_cf(stored).v)


def test_sentinels_are_counted_as_missing():
    """By evaluate, whose figures are of the valid cells."""
    for name in SEVERAL:
        said = ncv.evaluate(dataset(name).v, max_error=3, effort=1)
        assert said.missing_changed == 0, name
        assert said.largest_error <= 3, name


@pytest.mark.parametrize(
    ("dtype", "attrs", "nodata"),
    [
        ("f8", {"_FillValue": -9999, "nodata": 0}, (-9999.0, 0.0)),
        ("u1", {"_FillValue": 255, "missing_value": [255, 0, -1, 256]}, (255, 0)),
        ("u8", {"_FillValue": np.uint64(2**64 - 1), "nodata": 0}, (2**64 - 1, 0)),
        ("f4", {"nodata": (0, "1", b"2")}, (0.0, 1.0, 2.0)),
        ("i1", {"_FillValue": 255, "_Unsigned": "true", "nodata": 3}, (-1, 3)),
        ("f4", {"_FillValue": np.nan, "nodata": "n/a"}, None),
    ],
)
def test_sentinels_are_collected(dtype, attrs, nodata):
    """Once each, as the stored dtype holds them."""
    assert nodata_of(xr.DataArray(np.zeros(SHAPE, dtype), dims=T, attrs=attrs)) == nodata
