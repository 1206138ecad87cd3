"""Unsigned integers that NetCDF stores as signed ones: a bound holds for what they stand for."""

from __future__ import annotations

import numpy as np
import pytest

xr = pytest.importorskip("xarray")

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video.errors import VideoCodecError  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

SHAPE = (6, 20, 24)
ATTRS = {"_Unsigned": "true", "scale_factor": np.float32(0.5), "add_offset": np.float32(10)}


@pytest.fixture(params=["i1", "i2"])
def stored(request) -> xr.Dataset:
    """Counts over the whole range of an unsigned dtype, as NetCDF 3 holds them."""
    unsigned = np.dtype(request.param.replace("i", "u"))
    top = np.iinfo(unsigned).max
    counts = np.random.default_rng(0).normal(top / 2, top / 3, SHAPE).clip(0, top - 1)
    counts = counts.astype(unsigned)
    counts[1, :3] = top
    attrs = {**ATTRS, "_FillValue": np.array(-1, request.param)[()]}
    return xr.Dataset({"v": (("time", "y", "x"), counts.view(request.param), attrs)})


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_decoded_ones_are_stored_as_unsigned(tmp_path, stored, zarr_format):
    """Which Zarr has, so that no error takes 0 to 255."""
    decoded = xr.decode_cf(stored)
    ncv.to_zarr(decoded, tmp_path / "a", zarr_format=zarr_format, max_error=1.5, effort=1)
    with xr.open_zarr(tmp_path / "a") as after:
        assert after.v.encoding["dtype"].kind == "u"
        error = np.abs(after.v.values.astype("f8") - decoded.v.values)
        assert 0 < np.nanmax(error) <= 1.5 + 1e-3
        np.testing.assert_array_equal(np.isnan(after.v), np.isnan(decoded.v))
    assert ncv.evaluate(decoded.v, max_error=1.5, effort=1).largest_error <= 1.5 + 1e-3


def test_as_stored_they_take_no_bound(stored):
    """The error says what to open instead; without a promise they are copied."""
    with pytest.raises(VideoCodecError, match=r"'v' as stored: its signed.*mask_and_scale=True"):
        ncv.encoding(stored, max_error=1.5)
    assert ncv.encoding(stored, zarr_format=2)["v"]["compressors"].settings.fidelity.value == 0
