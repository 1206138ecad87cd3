"""Values to levels and back under a bound: integers in counts, floats in steps."""

from __future__ import annotations

import math
from dataclasses import replace
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
    common_unit,
    entropy,
    integer_levels,
    many_lowest,
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


@pytest.mark.parametrize("dtype", [*INTEGERS, *WIDE_INTEGERS])
@pytest.mark.parametrize("apart", [False, True])
@given(st.data())
def test_integer_levels_of_a_unit_keep_their_bound(dtype, apart, data):
    """Multiples of it above any number, wherever in their run a base puts them."""
    unit, bound = data.draw(st.integers(1, 9)), data.draw(st.integers(0, 30))
    info, rng = np.iinfo(dtype), np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    low = data.draw(st.sampled_from([int(info.min), 0, int(info.max) - 9 * 12]))
    listed = [low + unit * int(n) for n in rng.integers(0, 13, 60)]
    cube = np.array(listed, dtype).reshape(3, 1, 4, 5)
    valid = rng.random(cube.shape) < 0.9
    found = integer_levels(cube, valid, bound, unit, apart=apart)
    if found is None:
        return
    run = 2 * bound // unit + 1
    for shift in range(-((run - 1) // 2), run // 2 + 1) if apart else [0]:
        decoded = _values(replace(found, array=found.array - shift), cube.dtype)
        assert worst_error(cube[valid], decoded[valid]) <= bound
    if not apart:
        assert found.top <= 12 // run + 1


@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i4", "i8", "u8"])
def test_the_common_unit_divides_all_distances(dtype):
    """Of valid cells, at either end of the dtype; 1 where there is nothing to divide."""
    info = np.iinfo(dtype)
    cube = np.array([info.min, info.min + 12, info.min + 20] * 4, dtype).reshape(1, 1, 3, 4)
    assert common_unit(cube, True) == 4
    cube[0, 0, 2, 2] = info.max
    assert common_unit(cube, cube < info.max) == 4
    assert common_unit(cube, True) == math.gcd(4, 2 ** (8 * cube.itemsize) - 1) == 1
    assert common_unit(cube[:, :, :1, :1], True) == 1
    assert common_unit(cube, np.zeros(cube.shape, bool)) == 1


def test_a_common_unit_holds_for_cells_beside_the_first_few():
    """All cells are asked, not only a sample of them."""
    cube = np.zeros((2, 1, 200, 100), "u2")
    cube[0] = 6
    assert common_unit(cube, True) == 6
    cube[0, 0, 3, 3] = 4
    assert common_unit(cube, True) == 2


def test_many_cells_are_the_lowest():
    """More than a tenth of the valid ones."""
    cube = np.arange(40).reshape(1, 1, 5, 8)
    assert not many_lowest(cube, True)
    assert not many_lowest(cube, np.zeros(cube.shape, bool))
    assert not many_lowest(np.maximum(cube, 3), True)
    assert many_lowest(np.maximum(cube, 4), True)
    assert many_lowest(np.maximum(cube, 3), cube < 30)


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


def test_entropies_are_of_valid_cells():
    levels = np.array([[[[0, 1, 2, 3, 7, 7]]]])
    assert entropy(levels, True) == pytest.approx(4 / 6 * np.log2(6) + 2 / 6 * np.log2(3))
    assert entropy(levels, levels < 4) == pytest.approx(2)
    assert entropy(levels, levels < 0) == 0
