"""Floats that lie on a lattice, or nearly, under a bound: levels for runs of neighbouring points.

Counts read as floats, values of so many decimals, and integers unpacked by a scale and an offset
have a step of their own. A level of just any width stands for now two of their points, now three,
which is noise to a coder; one that begins and ends with a point stands for as many as the bound
allows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.format.header import Values
from numcodecs_video.metrics import valid_extremes
from numcodecs_video.transform.levels import (
    Levels,
    flat_parts,
    level_dtype,
    many_lowest,
    one_level,
    rounding_margin,
)

__all__ = ["Lattice", "find_lattice", "lattice_numbers", "run_levels"]

#: the step of a lattice is looked for among so many cells
_SAMPLE_CELLS = 20_000
#: twice the bound in steps of a lattice: from more on, levels of runs are hardly fewer
_LONGEST_RUN = 256
#: values may be off their point by this part of the step
_OFF = 1 / 8
#: parts of the least gap that are tried as the step, where no two neighbours are there
_DIVISORS = (1, 2, 3)
#: steps in a gap that tells the step at first, and how many more the next ones may have
_FIRST_GAPS, _WIDER = 4, 8
#: points that are not worth a search
_MOST_POINTS = 2.0**40
#: steps below have no inverse, nor those above its own
_LEAST_STEP = 1e-280
#: a step so near to that of the bound is an earlier generation's, whose levels are found again
_OWN_STEP = 1e-3
#: times that a lattice is fitted to cells that are off it as well
_FITS = 3


@dataclass(frozen=True)
class Lattice:
    """Where values lie, and how many neighbouring points one level may stand for.

    Parameters
    ----------
    offset : float
        A point.
    step : float
        Between neighbouring points.
    run : int
        So many neighbours are within the bound of their middle.
    """

    offset: float
    step: float
    run: int

    @property
    def middle(self) -> float:
        """How far the middle of a run is above a point: half a step where it is even."""
        return 0.0 if self.run % 2 else self.step / 2

    @property
    def before(self) -> int:
        """Points of a run below the one in its middle, or below its middle."""
        return (self.run - 1) // 2


def find_lattice(
    cube: NDArray[Any], valid: NDArray[np.bool_] | bool, max_error: float
) -> Lattice | None:
    """Find the coarsest lattice that all valid floats lie on, or nearly.

    How far they are off it, as rounding leaves packed ones, comes off the bound.

    Parameters
    ----------
    cube : float array, shape (T, C, Y, X)
    valid : bool array or True
        Cells that count.
    max_error : float
        In the data's units.

    Returns
    -------
    Lattice or None
        None where there is none on which a level may stand for more than without one, and where
        runs are even, so that no level is the lowest value, but many cells are (dry, dark ones).
    """
    found = valid_extremes(cube, valid)
    if found is None:
        return None
    low, high = map(float, found)
    largest = max(abs(low), abs(high)) + max_error
    margin = rounding_margin(largest, cube.dtype)
    span, plain = high - low, 2 * (max_error - margin)
    if not _LEAST_STEP < plain < span < 1 / _LEAST_STEP:
        return None
    least = plain / _LONGEST_RUN
    if span / least >= _MOST_POINTS:
        return None
    where = np.broadcast_to(valid, cube.shape).reshape(-1)
    every = max(1, cube.size // _SAMPLE_CELLS)
    some = cube.reshape(-1)[::every][where[::every]].astype(np.float64)
    few = np.union1d(some, [low, high])
    with np.errstate(all="ignore"):  # the holes may hold anything
        for _ in range(_FITS):
            lattice = _fit(few, least, margin)
            if lattice is None:
                return None
            off, strays = _distance(cube, where, lattice)
            if not strays.size:
                run = math.floor(2 * (max_error - margin - off) / lattice.step) + 1
                lattice = replace(lattice, run=run)
                if not off and _exact(lattice, largest + max_error):
                    lattice = _lengthen(cube, where, lattice, max_error)
                elif abs(lattice.step / plain - 1) < _OWN_STEP:
                    return None
                if lattice.run * lattice.step < plain:
                    return None
                return lattice if lattice.run % 2 or not many_lowest(cube, valid) else None
            few = np.union1d(few, strays)
    return None


def _fit(values: NDArray[np.float64], least: float, margin: float) -> Lattice | None:
    """The coarsest lattice near all of sorted values; None where its step is below ``least``.

    Round ones go before closer ones where the difference may be that of rounding, ``margin``.
    """
    gaps = np.diff(values)
    wide = gaps[gaps > least / 2]  # others are within one point, rounded in two ways
    for divisor in _DIVISORS if wide.size else ():
        step = float(wide[wide < 1.5 * wide.min()].mean()) / divisor
        if step < least:
            return None
        believed = float(_FIRST_GAPS * divisor)
        while believed < _MOST_POINTS:  # the better the step is known, the wider gaps it can count
            numbers = np.rint(wide / step)
            some = numbers <= believed
            step = float((numbers * wide)[some].sum() / (numbers * numbers)[some].sum())
            believed = math.inf if some.all() else believed * _WIDER
        numbers = np.concatenate([[0.0], np.cumsum(np.rint(gaps / step))])
        found = [
            (float(np.abs(numbers * lattice.step + lattice.offset - values).max()), lattice)
            for lattice in _lines(values, numbers)
        ]
        best = min(off for off, _ in found)
        enough = 2 * (best + margin) if best else 0.0
        off, lattice = next((off, lattice) for off, lattice in found if off <= enough)
        if off <= _OFF * lattice.step:
            return lattice
    return None


def _lines(values: NDArray[np.float64], numbers: NDArray[np.float64]) -> Iterator[Lattice]:
    """Least squares of values over their numbers, first as what round number they may mean."""
    first, middle = float(values[0]), numbers - numbers.mean()
    distance = values - first
    step = float((middle * distance).sum() / (middle * middle).sum())
    offset = first + float((distance - numbers * step).mean())
    for short in (float(f"{step:.7g}"), 1 / float(f"{1 / step:.7g}")):
        yield Lattice(short * round(offset / short), short, 1)
        yield Lattice(first, short, 1)
    yield Lattice(offset, step, 1)


def _distance(
    cube: NDArray[Any], where: NDArray[np.bool_], lattice: Lattice
) -> tuple[float, NDArray[np.float64]]:
    """How far valid cells are off their points at most, and some that are too far."""
    most, too_far = 0.0, _OFF * lattice.step
    for part, cells in flat_parts(cube):
        reals = cells.astype(np.float64)
        points = np.rint((reals - lattice.offset) / lattice.step) * lattice.step + lattice.offset
        off = np.where(where[part], np.abs(points - reals), 0)
        most = max(most, float(off.max()))
        if most > too_far:
            return most, np.unique(reals[off > too_far])
    return most, np.empty(0)


def _exact(lattice: Lattice, largest: float) -> bool:
    """Whether all points and middles up to a magnitude, and their sums, are exact doubles."""
    parts = (number.as_integer_ratio()[1] for number in (lattice.offset, lattice.step / 2))
    return largest < math.ldexp(2.0**53, 1 - max(parts).bit_length())


def _lengthen(
    cube: NDArray[Any], where: NDArray[np.bool_], lattice: Lattice, max_error: float
) -> Lattice:
    """Runs as long as the bound allows without any margin, where all arithmetic is exact."""
    most = math.floor(2 * max_error / lattice.step) + 1
    longer = (replace(lattice, run=run) for run in range(most, lattice.run, -1))
    return next((found for found in longer if _keeps(cube, where, found, max_error)), lattice)


def _keeps(
    cube: NDArray[Any], where: NDArray[np.bool_], lattice: Lattice, max_error: float
) -> bool:
    """Whether the ends of all runs that cells are in are within the bound of their middle."""
    start = lattice.offset + lattice.middle
    for part, cells in flat_parts(cube):
        reals = cells.astype(np.float64)
        numbers = np.rint((reals - lattice.offset) / lattice.step)
        for shift in (lattice.before, lattice.before + 1 - lattice.run):
            again = ((numbers + shift) * lattice.step + start).astype(cube.dtype)
            if (np.abs(again.astype(np.float64) - reals) > max_error).any(where=where[part]):
                return False
    return True


def lattice_numbers(
    cube: NDArray[Any], valid: NDArray[np.bool_] | bool, lattice: Lattice
) -> Levels:
    """Number floats by their points, from that of the smallest on.

    A number stands for the middle of the run around it: half a step above its point where runs are
    even.

    Parameters
    ----------
    cube : float array, shape (T, C, Y, X)
    valid : bool array or True
        Cells that count; the others get arbitrary numbers.
    lattice : Lattice
    """
    found = valid_extremes(cube, valid)
    if found is None:
        return one_level(cube, Values("real", 0.0, 1.0, 0))
    first, last = (round((float(value) - lattice.offset) / lattice.step) for value in found)
    low, top = lattice.offset + first * lattice.step, last - first
    numbers = np.empty(cube.size, level_dtype(top))
    with np.errstate(all="ignore"):  # the holes may hold anything
        for part, cells in flat_parts(cube):
            scaled = cells.astype(np.float64)
            scaled -= low
            scaled /= lattice.step
            numbers[part] = np.clip(np.rint(scaled, out=scaled), 0, top, out=scaled)
    values = Values("real", low + lattice.middle, lattice.step, top)
    return Levels(numbers.reshape(cube.shape), values)


def run_levels(numbers: Levels, lattice: Lattice) -> Levels:
    """Make one level of each run of numbers; the first is around the first of them."""
    if lattice.run == 1:
        return numbers
    values = replace(
        numbers.values,
        step=lattice.step * lattice.run,
        top=(numbers.top + lattice.before) // lattice.run,
    )
    return Levels((numbers.array + lattice.before) // lattice.run, values)
