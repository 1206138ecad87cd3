"""Bounds that would leave nothing, or take nothing: they are refused, or said to be lossless."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("dask")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video import VideoCodec, VideoCodecError  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

T = ("time", "y", "x")
SHAPE = (6, 20, 24)
KELVIN = np.linspace(250, 310, np.prod(SHAPE), dtype="f4").reshape(SHAPE)
COUNTS = np.random.default_rng(1).integers(0, 900, SHAPE, dtype="u2")
PACKING = {"dtype": "int16", "scale_factor": 0.01, "add_offset": 273.15, "_FillValue": -32768}
BOTH = pytest.mark.parametrize("zarr_format", FORMATS)


def temperature(**encoding) -> xr.Dataset:
    """60 K of them, with a hole."""
    values = KELVIN.copy()
    values[2, :4] = np.nan
    return xr.Dataset({"t2m": (T, values, {"units": "K"}, encoding)})


SOURCES = {
    "reals": temperature,
    "packed": lambda: temperature(**PACKING),
    "as stored": lambda: xr.Dataset(
        {"t2m": xr.conventions.encode_cf_variable(temperature(**PACKING).t2m.variable)}
    ),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("word", ["max_error", "rmse"])
def test_a_bound_above_half_the_range_is_refused(tmp_path, source, word):
    """It would make one value of all; the error names the range, in the units of a reader."""
    ds = SOURCES[source]()
    with pytest.raises(
        VideoCodecError, match=rf"{word}=500 of 't2m' .*half of its range, 250 to 310 K"
    ):
        ncv.to_zarr(ds, tmp_path / "a", **{word: 500})
    assert not (tmp_path / "a").exists()
    with pytest.raises(VideoCodecError, match=r"such as max_error=\{'t2m': 0\.6\}"):
        ncv.encoding(ds, max_error=31)
    with pytest.warns(UserWarning, match=r"max_error=20 .*quarter of its range, 250 to 310 K"):
        ncv.encoding(ds, max_error=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ncv.encoding(ds, max_error=14)


def test_limits_in_attributes_tell_where_values_are_yet_to_be_read():
    """CF's are in packed units; without any, nothing is read to find out."""
    lazy = temperature().chunk()
    ncv.encoding(lazy, max_error=500)
    lazy.t2m.attrs |= {"valid_min": 200.0, "valid_max": 400.0}
    with pytest.raises(VideoCodecError, match="of its range, 200 to 400 K"):
        ncv.encoding(lazy, max_error=500)
    packed = xr.DataArray(np.zeros(SHAPE, "i2"), dims=T, name="v").chunk()
    packed.attrs = {"valid_range": [0, 100], "scale_factor": 0.5, "add_offset": 10.0}
    with pytest.raises(VideoCodecError, match="of its range, 10 to 60:"):
        ncv.encoding(packed, max_error=26)


def test_of_lazy_values_the_chunks_looked_at_tell():
    """They are no proof, so it is a warning."""
    lazy = temperature().chunk(time=1, y=10)
    with pytest.warns(UserWarning, match=r"half of its range, .* K in the chunks looked at"):
        ncv.encoding(lazy, max_error=500, effort=1, tune=True, chunks={"time": 2})


def test_a_lazy_variable_of_one_chunk_is_looked_at_as_a_whole(tmp_path):
    """As of a file that a command opens: it is refused like values at hand."""
    temperature().to_netcdf(tmp_path / "t2m.nc")
    with xr.open_dataset(tmp_path / "t2m.nc", chunks={}) as lazy:
        with pytest.raises(VideoCodecError, match="half of its range, 250 to 310 K: all values"):
            ncv.to_zarr(lazy, tmp_path / "a", max_error=500, effort=1)
        ncv.to_zarr(lazy, tmp_path / "a", max_error=5, effort=1)


def test_constants_and_what_is_appended_are_not_held_to_their_range(tmp_path):
    """Nothing is lost of the first, and the promise of the second is that of the store."""
    ncv.encoding(temperature() * 0, max_error=500)
    ncv.to_zarr(temperature(), tmp_path / "a", max_error=0.5, effort=1)
    ncv.to_zarr(temperature() * 0 + KELVIN / 1e4, tmp_path / "a", append_dim="time", max_error=0.5)


@BOTH
@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"max_error": {"v": 0.9}}, r"max_error=0\.9 is less than one step of 1"),
        ({"max_relative_error": {"v": 0.02}}, "would be nothing for small counts"),
    ],
)
def test_what_takes_nothing_of_integers_is_lossless(tmp_path, zarr_format, said, why):
    """It says so, is the same bytes, and no attribute claims a loss."""
    ds = xr.Dataset({"v": (T, COUNTS)})
    with pytest.warns(
        UserWarning, match=f"{why} in the integers that 'v' is .*: nothing of it is lost"
    ):
        ncv.to_zarr(ds, tmp_path / "a", zarr_format=zarr_format, effort=1, **said)
    ncv.to_zarr(ds, tmp_path / "b", zarr_format=zarr_format, effort=1)
    files = [sorted(p for p in (tmp_path / name).rglob("*") if p.is_file()) for name in "ab"]
    assert len(files[0]) > 1
    for one, other in zip(*files, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_steps_of_packed_integers_count():
    """In the units of a reader."""
    ds = temperature(**PACKING)
    with pytest.warns(UserWarning, match=r"max_error=0\.005 is less than one step of 0\.01"):
        chosen = ncv.encoding(ds, zarr_format=2, max_error=0.005)
    assert chosen["t2m"]["compressors"].settings.fidelity.kind == "lossless"
    # What says so of itself, in another way, is not said to have lost anything either.
    array = zarr.create_array(
        {}, name="v", shape=SHAPE, dtype="u2", chunks=SHAPE, **VideoCodec(max_error=0.5).encoding(3)
    )
    array[:] = COUNTS
    assert ncv.record_loss(array.store) == {}


@pytest.mark.parametrize("bound", [-1, 0, np.nan, "much", True])
def test_bounds_that_are_none_are_said_as_they_were(bound):
    """In the user's number and units, not in steps of the packing."""
    ds = temperature(**PACKING)
    with pytest.raises(VideoCodecError, match=rf"max_error of 't2m' .*units \(K\), got {bound!r}$"):
        ncv.encoding(ds, max_error={"t2m": bound})
