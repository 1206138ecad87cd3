"""Floats near a lattice under a bound: runs of points as levels, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from numcodecs_video.transform.levels import Levels, to_values
from numcodecs_video.transform.near_lattice import (
    Lattice,
    find_lattice,
    lattice_numbers,
    run_levels,
)
from tests.strategies import FLOATS, packed, same_bits, worst_error

SHAPE = (4, 2, 9, 8)


def _values(array: np.ndarray, levels: Levels, dtype: np.dtype) -> np.ndarray:
    return to_values(array.astype("i8"), levels.values, dtype)


def _counts(top: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, top + 1, SHAPE)


@given(packed())
def test_no_level_is_off_by_more_than_the_bound(given_cube):
    """In exact arithmetic, after the last rounding to the dtype."""
    cube, valid, bound = given_cube
    lattice = find_lattice(cube, valid, bound)
    if lattice is None:
        return
    levels = run_levels(lattice_numbers(cube, valid, lattice), lattice)
    assert 0 <= levels.array[valid].min() <= levels.array[valid].max() <= levels.top
    decoded = _values(levels.array, levels, cube.dtype)
    assert worst_error(cube[valid], decoded[valid]) <= bound


@given(packed())
def test_no_number_of_a_run_is_off_by_more_than_the_bound(given_cube):
    """Wherever a base puts the run that a cell is in."""
    cube, valid, bound = given_cube
    lattice = find_lattice(cube, valid, bound)
    if lattice is None:
        return
    numbers = lattice_numbers(cube, valid, lattice)
    for shift in range(-lattice.before, lattice.run - lattice.before):
        decoded = _values(numbers.array - shift, numbers, cube.dtype)
        assert worst_error(cube[valid], decoded[valid]) <= bound


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "f8"])
@pytest.mark.parametrize(
    ("step", "bound", "run"),
    [(1, 1, 3), (1, 0.4, 1), (1, 0.5, 2), (4, 10, 6), (10, 4, 1), (0.25, 0.25, 3), (1, 20, 41)],
)
def test_a_level_stands_for_as_many_points_as_the_bound_allows(dtype, step, bound, run):
    """For 2 * bound / step and one more, exactly."""
    cube = (_counts(1000) * step + 3 * step).astype(dtype)
    lattice = find_lattice(cube, True, bound)
    assert (lattice.step, lattice.run) == (step, run)
    levels = run_levels(lattice_numbers(cube, True, lattice), lattice)
    assert levels.top <= 1000 // run + 1


@pytest.mark.parametrize(
    ("scale", "offset"), [(0.0013179950, 395.2), (0.01, 273.15), (2.7e-6, 0.0), (1 / 3, -50)]
)
def test_packed_values_are_found_although_rounding_puts_them_off(scale, offset):
    """The step to a millionth, and runs as long as those of exact values."""
    cube = (np.float64(scale) * _counts(5000) + offset).astype("f4")
    lattice = find_lattice(cube, True, 1.8 * scale)
    assert lattice.step == pytest.approx(scale, rel=1e-6)
    assert lattice.run == 4


def test_exact_points_come_back_bit_for_bit_where_runs_are_of_one():
    """A bound below half a step loses nothing."""
    cube = _counts(300).astype("f4") * 0.5 - 20
    lattice = find_lattice(cube, True, 0.1)
    numbers = lattice_numbers(cube, True, lattice)
    assert run_levels(numbers, lattice) is numbers
    assert same_bits(_values(numbers.array, numbers, cube.dtype), cube)


def test_a_least_value_that_is_nearly_zero_is_no_matter():
    """The smallest double has a denominator beyond all doubles."""
    cube = _counts(50).astype("f8")
    cube[cube == 0] = 5e-324
    assert find_lattice(cube, True, 1).run == 2


def test_decimals_keep_their_zero():
    """Zero is a point of its own, not what a fit makes of it."""
    cube = (_counts(80) * 0.1).astype("f4")
    assert find_lattice(cube, True, 0.03) == Lattice(0.0, 0.1, 1)


def test_neighbours_need_not_be_there():
    """Multiples of six and nine lie on one of three."""
    cube = np.array([0, 6, 15, 24, 30, 39] * 12, "f4").reshape(1, 1, 8, 9)
    assert find_lattice(cube, True, 1).step == 3


def test_a_cell_beside_the_sample_counts_as_well():
    """What lies between the points makes a finer lattice, or none."""
    cube = np.repeat(np.arange(200.0), 400).reshape(4, 1, 200, 100)
    assert find_lattice(cube, True, 0.9) == Lattice(0.0, 1.0, 2)
    cube[0, 0, 3, 3] = 1.5
    assert find_lattice(cube, True, 0.9) == Lattice(0.0, 0.5, 4)
    cube[0, 0, 3, 3] = 1.41
    assert find_lattice(cube, True, 0.9) is None


@pytest.mark.parametrize("dtype", FLOATS)
def test_reals_are_on_no_lattice(dtype):
    """Nor are a constant, one cell, none, or numbers from end to end of the dtype."""
    info = np.finfo(dtype)
    reals = np.random.default_rng(1).normal(0, 1, SHAPE).astype(dtype)
    ends = np.array([info.min, info.min / 2, 0.3 * info.max, info.max], dtype).reshape(1, 1, 1, 4)
    least = np.array([0, info.smallest_subnormal, 1, info.max], dtype).reshape(1, 1, 1, 4)
    only = np.zeros(SHAPE, bool)
    with np.errstate(all="raise"):
        assert find_lattice(reals, True, 0.3) is None
        assert find_lattice(np.full(SHAPE, 7, dtype), True, 0.1) is None
        assert find_lattice(reals, only, 0.1) is None
        only[0, 0, 2, 3] = True
        assert find_lattice(reals, only, 0.1) is None
        for cube in (ends, least):
            for bound in (5e-324, 1e-9, 1.0, 0.2 * float(info.max), 1e308):
                find_lattice(cube, True, bound)


def test_bounds_far_above_the_step_or_below_the_rounding_find_nothing():
    """Levels of runs are hardly fewer there, or there are none."""
    cube = _counts(10**5).astype("f4")
    assert find_lattice(cube, True, 200) is None
    assert find_lattice(cube + np.float32(0.25), True, 1e-4) is None


@pytest.mark.parametrize("many", [False, True])
def test_dry_cells_stay_dry(many):
    """Runs of two would make a tenth of a millimetre's half of each dry cell, and of their sum."""
    cube = (_counts(80) * 0.1).astype("f4")
    cube[:, :, : 5 if many else 0] = 0
    assert (find_lattice(cube, True, 0.08) is None) is many
    assert find_lattice(cube, True, 0.12).run == 3
