"""Floats as integers without loss: on a lattice, by rank, or by number among all floats."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.format.header import Values
from numcodecs_video.metrics import valid_extremes
from numcodecs_video.transform.levels import (
    PART_CELLS,
    Levels,
    common_unit,
    flat_parts,
    level_dtype,
    one_level,
)

__all__ = ["lattice_levels", "ordered_levels", "table_levels"]

#: distinct values are counted on so many cells first
_SAMPLE_CELLS = 20_000
#: ranks among more distinct values than this take more than 16 bits
_MOST_VALUES = 2**16
#: points of a lattice and cells that there must be for each value of a table instead
_POINTS_A_VALUE, _CELLS_A_VALUE = 8, 16


def lattice_levels(cube: NDArray[Any], valid: NDArray[np.bool_] | bool) -> Levels | None:
    """Floats that are integers at heart: on a lattice, or of few distinct values.

    Any float lies on a lattice that is finer than its own precision, so a table goes before one
    most of whose points hold nothing: packed integers, unpacked in single precision, are such.

    Returns
    -------
    Levels or None
        They give every valid float back bit for bit, by a table of the values where these do not
        lie on a lattice. None when there are more than 65,536 of them.
    """
    where = np.broadcast_to(valid, cube.shape)
    cells = cube.reshape(-1) if where.all() else cube[where]
    if not cells.size:
        return one_level(cube, Values("real", 0.0, 1.0, 0))
    few = np.unique(cells[:: max(1, cells.size // _SAMPLE_CELLS)])
    for offset, step in _lattices(few):
        found = _on_lattice(cells, offset, step)
        if found is not None:
            levels, values = _coarsest(cells, *found)
            most = min(values.top // _POINTS_A_VALUE, cells.size // _CELLS_A_VALUE)
            table = _by_rank(cells, few, where, most)
            return Levels(_spread(levels, where), values) if table is None else table
    return _by_rank(cells, few, where)


def table_levels(
    cube: NDArray[Any], valid: NDArray[np.bool_] | bool, most: int = _MOST_VALUES
) -> Levels | None:
    """Floats by their ranks among all their values; None where these are more than ``most``."""
    where, every = np.broadcast_to(valid, cube.shape), max(1, cube.size // _SAMPLE_CELLS)
    few = np.unique(cube.reshape(-1)[::every][where.reshape(-1)[::every]])
    if few.size > most:
        return None
    cells = cube.reshape(-1) if where.all() else cube[where]
    return _by_rank(cells, few, where, most) if cells.size else None


def _by_rank(
    cells: NDArray[Any], few: NDArray[Any], where: NDArray[np.bool_], most: int = _MOST_VALUES
) -> Levels | None:
    """Ranks of the valid cells; ``few`` of their values tell whether there are too many."""
    most = min(most, _MOST_VALUES)
    if few.size > min(most, 0.5 * _SAMPLE_CELLS):
        return None
    table = np.unique(cells)
    negative = _has_negative_zero(cells)
    if negative:  # it equals 0, but has other bits: a rank of its own, below
        zero = int(np.searchsorted(table, 0))
        table = np.insert(table, zero, -table.dtype.type(0))
        table[zero + 1] = 0
    if table.size > most:
        return None
    ranks = np.empty(cells.size, np.int32)
    for part, some in flat_parts(cells):
        ranks[part] = np.searchsorted(table, some, side="right") - 1
        if negative:
            ranks[part] -= (some == 0) & np.signbit(some)
    return Levels(_spread(ranks, where), Values("table", 0, 1, table.size - 1), table)


def _spread(levels: NDArray[Any], where: NDArray[np.bool_]) -> NDArray[Any]:
    """Levels of the valid cells in the shape of the cube, the others zero."""
    if levels.size == where.size:
        return levels.reshape(where.shape)
    out = np.zeros(where.shape, levels.dtype)
    out[where] = levels
    return out


def _has_negative_zero(cells: NDArray[Any]) -> bool:
    return any(bool(np.signbit(some[some == 0]).any()) for _, some in flat_parts(cells))


def _lattices(values: NDArray[Any]) -> list[tuple[float, float]]:
    """Plausible (offset, step) of sorted distinct values: decimal, binary, their least gap."""
    found = [(0.0, 10.0**-d) for d in range(-1, 7)] + [(0.0, 2.0**-d) for d in range(1, 17)]
    if values.size > 1:
        reals = values.astype(np.float64)
        low, span = float(reals[0]), float(reals[-1]) - float(reals[0])
        with np.errstate(over="ignore"):
            gap = float(np.diff(reals).min())
        if gap > 0 and math.isfinite(span) and span / gap < 2**32:
            found.append((low, span / round(span / gap)))
    return found


def _on_lattice(
    cells: NDArray[Any], offset: float, step: float
) -> tuple[NDArray[Any], Values] | None:
    """Levels (1-D) of the valid cells, if a lattice gives every one back bit for bit."""
    native = cells.dtype.newbyteorder("=")
    bits = f"u{native.itemsize}"

    def numbers_of(part: NDArray[Any]) -> NDArray[np.float64]:
        with np.errstate(over="ignore"):
            numbers: NDArray[np.float64] = np.rint((part.astype(np.float64) - offset) / step)
        return numbers

    # Rounding keeps the order, so the extremes of the cells are those of their numbers.
    low, high = map(float, numbers_of(np.array([cells.min(), cells.max()])))
    if not max(abs(low), abs(high)) < 2.0**40 or high - low >= 2.0**24:
        return None
    start = offset + step * low
    levels = np.empty(cells.size, np.int32)
    parts = [(0, 256), *((i, i + PART_CELLS) for i in range(256, cells.size, PART_CELLS))]
    for part in (slice(*ends) for ends in parts):
        numbers = numbers_of(cells[part]) - low
        with np.errstate(over="ignore"):
            again = (numbers * step + start).astype(native)
        if (again.view(bits) != cells[part].astype(native).view(bits)).any():
            return None
        levels[part] = numbers
    return levels, Values("real", start, step, int(high - low))


def _coarsest(
    cells: NDArray[Any], levels: NDArray[Any], values: Values
) -> tuple[NDArray[Any], Values]:
    """The same on the coarsest lattice: steps of 0.1 may be steps of 0.5."""
    unit = common_unit(levels, True)
    coarser = None
    if unit > 1:
        coarser = _on_lattice(cells, float(values.offset), float(values.step) * unit)
    return (levels, values) if coarser is None else coarser


def ordered_levels(cube: NDArray[Any], valid: NDArray[np.bool_] | bool) -> Levels | None:
    """Floats as their numbers among all floats of the dtype in increasing order (-0 before 0).

    The bit pattern of a float, its sign bit set, grows with a positive value and falls with a
    negative one, as Lindstrom and Isenburg use it (Fast and Efficient Compression of
    Floating-Point Data, 2006). Neighbouring values have neighbouring numbers.

    Parameters
    ----------
    cube : float16 or float32 array, shape (T, C, Y, X)
    valid : bool array or True
        Cells that count; the others get arbitrary levels.

    Returns
    -------
    Levels or None
        None for other dtypes, or when no cell is valid.
    """
    found = valid_extremes(cube, valid)
    if cube.dtype.itemsize > 4 or found is None:
        return None
    low, high = (int(_numbers(np.array([value]))[0]) for value in found)
    low -= int(found[0] == 0)  # -0 may be there, which is no less than 0
    high += int(found[1] == 0)
    levels = np.empty(cube.size, level_dtype(high - low))
    for part, cells in flat_parts(cube):
        levels[part] = np.clip(_numbers(cells) - low, 0, high - low)
    return Levels(levels.reshape(cube.shape), Values("ordered", low, 1, high - low))


def _numbers(cells: NDArray[Any]) -> NDArray[np.int64]:
    """Positions of floats among all floats of their dtype."""
    bits = 8 * cells.dtype.itemsize
    patterns = np.ascontiguousarray(cells, cells.dtype.newbyteorder("=")).view(f"u{bits // 8}")
    numbers: NDArray[np.int64] = patterns.astype(np.int64)
    sign = 1 << (bits - 1)
    return np.where(numbers & sign, ~numbers & (2 * sign - 1), numbers | sign)
