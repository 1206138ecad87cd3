"""What the measures of error and size promise, missing cells and integer widths included."""

from __future__ import annotations

import math
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video.metrics import (
    bits_per_pixel_per_band,
    compression_ratio,
    integer_view,
    largest_error,
    largest_relative_error,
    missing_changed,
    psnr,
    rmse,
    spectral_angle,
    ssim,
    valid_cells,
    value_range,
)
from tests.strategies import INTEGERS, WIDE_INTEGERS, samples, worst_error

needs_skimage = pytest.mark.skipif(find_spec("skimage") is None, reason="needs scikit-image")


@pytest.fixture
def picture() -> np.ndarray:
    """A smooth plane with noise: float64 array, shape (40, 50)."""
    y, x = np.mgrid[:40, :50]
    return np.sin(y / 7) + np.cos(x / 9) + np.random.default_rng(1).normal(0, 0.05, (40, 50))


@pytest.mark.parametrize("measure", [rmse, largest_error])
def test_equal_arrays_have_no_error(measure, picture):
    """An array measured against itself is without error, and its PSNR is infinite."""
    assert measure(picture, picture) == 0.0
    assert psnr(picture, picture) == np.inf


def test_rmse_and_psnr_follow_their_definitions(picture):
    """An offset of e has an RMSE of e and a PSNR of 20 log10(range / e)."""
    decoded = picture + 0.25
    assert rmse(picture, decoded) == pytest.approx(0.25)
    assert psnr(picture, decoded) == pytest.approx(20 * np.log10(np.ptp(picture) / 0.25))


def test_psnr_of_a_changed_constant_is_minus_infinity():
    """A constant has no range for an error to be small against."""
    assert psnr(np.ones(4), np.full(4, 2.0)) == -np.inf


@pytest.mark.parametrize(
    ("dtype", "before", "after", "expected"),
    [
        ("u1", 0, 255, 255.0),
        ("i1", -128, 127, 255.0),
        ("u2", 65535, 0, 65535.0),
        ("i8", -(2**63), 2**63 - 1, float(2**64 - 1)),
        ("i8", 2**53 + 1, 2**53, 1.0),
        ("u8", 2**64 - 1, 2**64 - 2, 1.0),
        ("f4", -1.5, 2.0, 3.5),
    ],
)
def test_largest_error_never_wraps_or_rounds(dtype, before, after, expected):
    """Differences of integers are exact over the whole range of every dtype, in both orders."""
    before, after = np.array([before], dtype), np.array([after], dtype)
    assert largest_error(before, after) == expected
    assert largest_error(after, before) == expected


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_a_valid_cell_that_came_back_missing_is_infinitely_wrong(lost):
    """Losing a measurement is never ignored."""
    assert largest_error(np.array([1.0, 2.0]), np.array([1.0, lost])) == np.inf
    assert rmse(np.array([1.0, 2.0]), np.array([1.0, lost])) == np.inf


def test_missing_cells_do_not_count(picture):
    """NaN, infinities and the sentinel are left out of every measure."""
    original, decoded = picture.copy(), picture + 0.125
    original[:3, 0] = np.nan, np.inf, -9999
    valid = valid_cells(original, nodata=-9999)
    assert np.count_nonzero(~valid) == 3
    assert largest_error(original, decoded, valid=valid) == pytest.approx(0.125)
    assert psnr(original, decoded, valid=valid) == pytest.approx(
        psnr(picture[valid], decoded[valid])
    )


def test_without_a_valid_cell_nothing_is_wrong():
    """All-missing arrays have no error, and no similarity or angle either."""
    hole = np.full((2, 8, 8), np.nan)
    assert rmse(hole, hole) == largest_error(hole, hole) == 0.0
    assert np.isnan(ssim(hole, hole))
    assert np.isnan(spectral_angle(hole, hole, band_axis=0))


def test_missing_changed_counts_each_kind_of_missing_cell():
    """NaN for NaN is kept; another infinity, a filled hole and another sentinel are changes."""
    original = np.array([np.nan, np.nan, np.inf, -9999.0, -9999.0, 1.0])
    decoded = np.array([np.nan, 0.0, -np.inf, -9999.0, -9998.0, 5.0])
    assert missing_changed(original, decoded, valid=valid_cells(original, nodata=-9999)) == 3


def test_missing_changed_of_integers():
    """Integers are missing where they hold the sentinel."""
    original, decoded = np.array([0, 0, 7], "u2"), np.array([0, 1, 9], "u2")
    assert missing_changed(original, decoded, valid=valid_cells(original, nodata=0)) == 1


@needs_skimage
def test_ssim_falls_with_noise_and_is_one_for_equal_planes(picture):
    """Structural similarity is 1 without error and falls as noise grows."""
    noise = np.random.default_rng(2).normal(size=picture.shape)
    scores = [ssim(picture, picture + amount * noise) for amount in (0.0, 0.1, 1.0)]
    assert scores[0] == pytest.approx(1.0)
    assert scores[0] > scores[1] > scores[2]


@needs_skimage
@pytest.mark.parametrize("exponent", [-1040, -500, 900])
def test_ssim_is_the_same_in_any_unit(picture, exponent):
    """Squares of the values need not be within the doubles."""
    rough = picture + np.random.default_rng(2).normal(size=picture.shape)
    small, large = (np.ldexp(values.astype("f8"), exponent) for values in (picture, rough))
    assert ssim(small, large) == pytest.approx(ssim(picture, rough), rel=1e-6)


@needs_skimage
@pytest.mark.parametrize("shape", [(3, 4), (6, 50), (2, 5, 5)])
def test_ssim_takes_small_planes(shape):
    """Planes narrower than the window are compared through a narrower one."""
    plane = np.random.default_rng(3).normal(size=shape)
    assert ssim(plane, plane) == pytest.approx(1.0)


@pytest.mark.parametrize("shape", [(9,), (2, 9), (4, 9, 2)])
def test_ssim_of_planes_too_small_is_nan(shape):
    """Below 3 x 3 there is no structure to compare."""
    assert np.isnan(ssim(np.ones(shape), np.ones(shape)))


@needs_skimage
def test_ssim_does_not_see_missing_cells(picture):
    """What stands in a hole, or came back in it, does not change the score."""
    original, decoded = picture.copy(), picture.copy()
    original[5:9, 5:9], decoded[5:9, 5:9] = np.nan, 1e6
    assert ssim(original, decoded) == pytest.approx(1.0)


@needs_skimage
def test_ssim_is_an_average_over_planes(picture):
    """Two planes score the mean of what each scores in the cube's range."""
    spoilt = picture + np.random.default_rng(4).normal(0, 0.3, picture.shape)
    both = ssim(np.stack([picture, picture]), np.stack([picture, spoilt]))
    assert both == pytest.approx((1.0 + ssim(picture, spoilt)) / 2)


def test_spectral_angle_is_blind_to_brightness():
    """A spectrum scaled as a whole has not turned."""
    spectra = np.random.default_rng(5).uniform(0.1, 1, (6, 4, 10, 10))
    assert spectral_angle(spectra, 3 * spectra, band_axis=1) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("angle", [90.0, 1.0, 1e-9])
def test_spectral_angle_resolves_angles_of_every_size(angle):
    """Tiny angles do not drown in rounding."""
    turned = np.array([[np.cos(np.radians(angle)), np.sin(np.radians(angle))]])
    assert spectral_angle(np.array([[1.0, 0.0]]), turned, band_axis=1) == pytest.approx(angle)


def test_spectral_angle_leaves_out_incomplete_and_black_pixels():
    """A pixel counts where all of its bands are valid and it is not black."""
    original = np.array([[1.0, 0.0], [np.nan, 1.0], [0.0, 0.0]])
    decoded = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    assert spectral_angle(original, decoded, band_axis=1) == 0.0


@pytest.mark.parametrize("measure", [rmse, psnr, largest_error, missing_changed, ssim])
def test_shapes_must_agree(measure):
    """Arrays that would broadcast are refused, not compared by accident."""
    with pytest.raises(ValueError, match="one shape"):
        measure(np.zeros((3, 1)), np.zeros((3, 3)))


def test_sizes():
    """Bits per cell and the ratio follow their definitions; nothing stored is no division."""
    assert bits_per_pixel_per_band(10, cells=40) == 2.0
    assert compression_ratio(100, 25) == 4.0
    assert compression_ratio(100, 0) == np.inf


def test_integer_view_keeps_bits_and_byte_order():
    """Booleans and times are integers to the coders."""
    times = np.array(["2020-01-01", "NaT"], ">M8[s]")
    assert integer_view(times).dtype == ">i8"
    assert integer_view(times).tobytes() == times.tobytes()
    assert integer_view(np.array([True])).dtype == "u1"


@given(
    samples((*INTEGERS, *WIDE_INTEGERS, "<f4", ">f8"), least_ndim=1, sentinel=False),
    st.integers(0, 99),
)
def test_largest_error_is_the_exact_one(sample, seed):
    """Measured in doubles, or in integers where doubles are too short."""
    original = sample.array.reshape(-1)
    decoded = np.random.default_rng(seed).permutation(original.copy())
    valid = np.isfinite(original) & np.isfinite(decoded)
    exact = worst_error(original[valid], decoded[valid])
    measured = largest_error(original, decoded, valid=valid)
    if math.isfinite(measured):
        assert measured == pytest.approx(float(exact), rel=1e-15)


@pytest.mark.parametrize(
    ("dtype", "magnitude"),
    [("i8", 4), ("i8", 2**62), ("u8", 4), ("u8", 2**62), ("f8", 1e300), ("f8", 1e-300)],
)
def test_rmse_has_no_magnitude_where_it_fails(dtype, magnitude):
    """Neither squares nor 64-bit integers are too large or too small for it."""
    start = np.iinfo(dtype).max - 2**62 if dtype != "f8" else 0
    original = np.array([start, start, start, start], dtype)
    decoded = original.copy()
    decoded[0] += np.dtype(dtype).type(magnitude)
    measured = rmse(original, decoded)
    assert measured == pytest.approx(magnitude / 2, rel=1e-12)


def test_value_range_tells_64_bit_integers_apart():
    """Neighbours near the end of the dtype are equal as doubles."""
    assert value_range(np.array([2**63 - 4, 2**63 - 1])) == 3.0


@pytest.mark.parametrize(("values", "expected"), [([1.0, 5.0, np.nan], 4.0), ([np.nan], 0.0)])
def test_value_range_is_that_of_valid_cells(values, expected):
    """Missing cells do not stretch the range."""
    array = np.array(values)
    assert value_range(array, np.isfinite(array)) == expected


@pytest.mark.parametrize("measure", [rmse, largest_error, largest_relative_error])
@pytest.mark.parametrize("changed", [np.nan, np.inf, -np.inf])
def test_a_value_that_came_back_as_none_is_infinitely_wrong(measure, changed):
    """Never ignored, whatever the measure: an encode that loses a value keeps no promise."""
    assert measure(np.array([1.0, 2.0]), np.array([1.0, changed])) == np.inf


def test_relative_errors_of_changed_zeros_are_infinite():
    """Zeros have no magnitude; those that stay are without error."""
    assert largest_relative_error(np.array([0.0, 4.0]), np.array([0.0, 5.0])) == 0.25
    assert largest_relative_error(np.array([0.0, 4.0]), np.array([1e-30, 4.0])) == np.inf
