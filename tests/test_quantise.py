"""Values to levels and back under a bound: integers in counts, floats in steps."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    FLOATS,
    INTEGERS,
    WIDE_INTEGERS,
    bounds,
    same_bits,
    samples,
    span_of,
    worst_error,
)

from numcodecs_video.disguise import disguised_integers, ordered_levels
from numcodecs_video.quantise import (
    MOST_LEVELS,
    integer_levels,
    integer_view,
    real_levels,
    rounding_margin,
    to_values,
    value_range,
)
from numcodecs_video.realised import largest_error, root_mean_square_error


@given(samples((*INTEGERS, *WIDE_INTEGERS), least_ndim=1, sentinel=False), st.integers(0, 2**40))
def test_integer_levels_keep_their_bound(sample, bound):
    """No value is off by more than the bound in counts, at either end of the dtype."""
    found = integer_levels(sample.array, True, bound)
    if found is None:
        return
    levels, values = found
    decoded = to_values(levels, values, sample.array.dtype)
    assert worst_error(sample.array.reshape(-1), decoded.reshape(-1)) <= bound


@given(samples(INTEGERS, least_ndim=1, sentinel=False), st.integers(0, 300))
def test_integer_levels_are_as_few_as_the_bound_allows(sample, bound):
    """A step covers 2 * bound + 1 counts."""
    levels, values = integer_levels(sample.array, True, bound)
    if not sample.array.size:
        return
    span = int(sample.array.max()) - int(sample.array.min())
    assert levels.min() >= 0
    assert levels.max() <= values.top
    assert values.top + 1 <= span // (2 * min(bound, span) + 1) + 1 + (span > 0)


@pytest.mark.parametrize("dtype", ["i8", "u8"])
@pytest.mark.parametrize("bound", [0, 2**40, 2**61, 2**62 + 7, 2**63, 2**70])
def test_integer_levels_of_the_whole_64_bit_range(dtype, bound):
    """Neither the differences nor the step overflow."""
    info = np.iinfo(dtype)
    middle = (int(info.min) + int(info.max)) // 2
    cube = np.array([info.min, middle - 1, middle, info.max - 1, info.max], dtype)
    found = integer_levels(cube, True, bound)
    if found is not None:
        levels, values = found
        assert worst_error(cube, to_values(levels, values, cube.dtype)) <= bound


@given(st.data(), samples(FLOATS, least_ndim=1, sentinel=False))
def test_real_levels_keep_their_bound_after_every_rounding(data, sample):
    """No finite value is off by more than the bound, in exact arithmetic, in its own dtype."""
    bound = data.draw(bounds(sample))
    valid = np.isfinite(sample.array)
    found = real_levels(sample.array, valid, bound)
    if found is None:
        return
    levels, values = found
    assert 0 <= levels.min(initial=0) <= levels.max(initial=0) <= values.top < MOST_LEVELS
    decoded = to_values(levels, values, sample.array.dtype)
    assert worst_error(sample.array[valid], decoded[valid]) <= bound


@given(samples(FLOATS, least_ndim=1, sentinel=False))
def test_real_levels_serve_bounds_well_above_the_rounding(sample):
    """A bound of a thousandth of the range is refused only where the dtype cannot hold it."""
    valid = np.isfinite(sample.array)
    span = span_of(sample.array)
    largest = float(np.abs(sample.array[valid].astype("f8")).max(initial=0))
    margin = rounding_margin(largest, sample.array.dtype)
    if not (0 < span < 1e300) or largest > 1e300 or span * 1e-3 < 4 * margin:
        return
    assert real_levels(sample.array, valid, span * 1e-3) is not None


@pytest.mark.parametrize("dtype", FLOATS)
def test_rounding_margin_covers_the_rounding_to_the_dtype(dtype):
    """Half a unit in the last place at the largest magnitude."""
    dtype = np.dtype(dtype)
    for value in (1.0, 280.0, 3e4):
        below = Fraction(float(np.nextafter(dtype.type(value), dtype.type(0))))
        assert rounding_margin(value, dtype) >= (Fraction(value) - below) / 2


@pytest.mark.parametrize("dtype", FLOATS)
def test_rounding_margin_is_finite_at_the_end_of_the_dtype(dtype):
    """The largest number of a dtype has no next one."""
    assert math.isfinite(rounding_margin(float(np.finfo(dtype).max), np.dtype(dtype)))


@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_from_end_to_end_of_their_dtype_are_tried_without_a_warning(dtype):
    """A range that is no finite double lies on no lattice, but may have few values."""
    info = np.finfo(dtype)
    cube = np.array([info.min, info.min / 2, 0.25 * info.max, info.max], dtype).reshape(1, 1, 1, 4)
    with np.errstate(all="raise"):
        levels, values, table = disguised_integers(cube, True)
    decoded = table[levels] if values.kind == "table" else to_values(levels, values, cube.dtype)
    assert same_bits(decoded, cube)


@pytest.mark.parametrize("dtype", ["<f2", ">f2", "<f4", ">f4"])
@given(st.data())
def test_floats_are_numbered_in_their_order(dtype, data):
    """Bit for bit back from their numbers: signs of zeros, denormals and byte order included."""
    width = 8 * np.dtype(dtype).itemsize
    elements = st.floats(width=width, allow_nan=False, allow_infinity=False)
    listed = data.draw(st.lists(st.one_of(st.sampled_from([0.0, -0.0]), elements), min_size=1))
    cube = np.array(listed, dtype).reshape(1, 1, 1, -1)
    found = ordered_levels(cube, True)
    assert found is not None
    levels, values = found
    assert levels.min() >= 0
    assert levels.max() <= values.top
    assert same_bits(to_values(levels.astype("i8"), values, cube.dtype), cube)
    order = np.argsort(levels.reshape(-1), kind="stable")
    assert (np.diff(cube.reshape(-1)[order].astype("f8")) >= 0).all()


def test_doubles_are_not_numbered():
    """Their numbers would leave no low part of 16 bits."""
    assert ordered_levels(np.ones((1, 1, 2, 2)), True) is None


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
    measured = largest_error(original, decoded, valid)
    if math.isfinite(measured):
        assert measured == pytest.approx(float(exact), rel=1e-15)


@pytest.mark.parametrize(
    ("dtype", "magnitude"),
    [("i8", 4), ("i8", 2**62), ("u8", 4), ("u8", 2**62), ("f8", 1e300), ("f8", 1e-300)],
)
def test_root_mean_square_error_has_no_magnitude_where_it_fails(dtype, magnitude):
    """Neither squares nor 64-bit integers are too large or too small for it."""
    start = np.iinfo(dtype).max - 2**62 if dtype != "f8" else 0
    original = np.array([start, start, start, start], dtype)
    decoded = original.copy()
    decoded[0] += np.dtype(dtype).type(magnitude)
    measured = root_mean_square_error(original, decoded, True)
    assert measured == pytest.approx(magnitude / 2, rel=1e-12)


def test_value_range_tells_64_bit_integers_apart():
    """Neighbours near the end of the dtype are equal as doubles."""
    assert value_range(np.array([2**63 - 4, 2**63 - 1]), True) == 3.0


@pytest.mark.parametrize(("values", "expected"), [([1.0, 5.0, np.nan], 4.0), ([np.nan], 0.0)])
def test_value_range_is_that_of_valid_cells(values, expected):
    """Missing cells do not stretch the range."""
    array = np.array(values)
    assert value_range(array, np.isfinite(array)) == expected
