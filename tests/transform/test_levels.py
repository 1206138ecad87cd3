"""Values to levels and back under a bound: integers in counts, floats in steps."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video import DecodeError
from numcodecs_video.format.header import Values
from numcodecs_video.transform.levels import (
    MOST_LEVELS,
    Levels,
    integer_levels,
    real_levels,
    rounding_margin,
    to_values,
)
from tests.strategies import (
    FLOATS,
    INTEGERS,
    WIDE_INTEGERS,
    bounds,
    samples,
    span_of,
    worst_error,
)


def _values(levels: Levels, dtype: np.dtype) -> np.ndarray:
    return to_values(levels.array.astype("i8"), levels.values, dtype, levels.table)


@given(samples((*INTEGERS, *WIDE_INTEGERS), least_ndim=1, sentinel=False), st.integers(0, 2**40))
def test_integer_levels_keep_their_bound(sample, bound):
    """No value is off by more than the bound in counts, at either end of the dtype."""
    found = integer_levels(sample.array, True, bound)
    if found is None:
        return
    decoded = _values(found, sample.array.dtype)
    assert worst_error(sample.array.reshape(-1), decoded.reshape(-1)) <= bound


@given(samples(INTEGERS, least_ndim=1, sentinel=False), st.integers(0, 300))
def test_integer_levels_are_as_few_as_the_bound_allows(sample, bound):
    """A step covers 2 * bound + 1 counts."""
    found = integer_levels(sample.array, True, bound)
    if not sample.array.size:
        return
    span = int(sample.array.max()) - int(sample.array.min())
    assert found.array.min() >= 0
    assert found.array.max() <= found.top
    assert found.top + 1 <= span // (2 * min(bound, span) + 1) + 1 + (span > 0)


@pytest.mark.parametrize("dtype", ["i8", "u8"])
@pytest.mark.parametrize("bound", [0, 2**40, 2**61, 2**62 + 7, 2**63, 2**70])
def test_integer_levels_of_the_whole_64_bit_range(dtype, bound):
    """Neither the differences nor the step overflow."""
    info = np.iinfo(dtype)
    middle = (int(info.min) + int(info.max)) // 2
    cube = np.array([info.min, middle - 1, middle, info.max - 1, info.max], dtype)
    found = integer_levels(cube, True, bound)
    if found is not None:
        assert worst_error(cube, _values(found, cube.dtype)) <= bound


@given(st.data(), samples(FLOATS, least_ndim=1, sentinel=False))
def test_real_levels_keep_their_bound_after_every_rounding(data, sample):
    """No finite value is off by more than the bound, in exact arithmetic, in its own dtype."""
    bound = data.draw(bounds(sample))
    valid = np.isfinite(sample.array)
    found = real_levels(sample.array, valid, bound)
    if found is None:
        return
    levels = found.array
    assert 0 <= levels.min(initial=0) <= levels.max(initial=0) <= found.top < MOST_LEVELS
    decoded = _values(found, sample.array.dtype)
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


@pytest.mark.parametrize("table", [None, np.zeros(2, "f4")], ids=["no table", "too short"])
def test_levels_of_a_table_need_all_of_it(table):
    """Nothing is made up where a value is not there."""
    values = Values("table", 0, 1, 2)
    with pytest.raises(DecodeError, match="table of its values"):
        to_values(np.array([0, 1, 2]), values, np.dtype("f4"), table)
