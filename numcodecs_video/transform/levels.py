"""Values to integer levels and back: steps, offsets, rounding margins.

A level is a non-negative integer; ``Values`` in the header says which value it stands for. All
arithmetic that a reader repeats is in integers or in single float64 operations, which give the
same bits on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.errors import DecodeError
from numcodecs_video.format.header import Values
from numcodecs_video.metrics import integer_view, valid_extremes

__all__ = [
    "MOST_LEVELS",
    "PART_CELLS",
    "Levels",
    "common_unit",
    "entropy",
    "flat_parts",
    "integer_levels",
    "level_dtype",
    "many_lowest",
    "one_level",
    "real_levels",
    "relative_levels",
    "to_values",
]

#: more levels than this take the exact path: three planes of 16 bits carry them
MOST_LEVELS = 2**48
#: levels so many that one more makes no larger payload
_MANY_LEVELS = 2**10
#: cells that arithmetic is done on at a time
PART_CELLS = 2**16
#: cells whose distances must share a divisor before all are asked
_FEW_CELLS = 2**12
#: cells of which entropies are taken
_COUNTED_CELLS = 50_000
#: a part of the cells that is many
_MANY = 0.1


@dataclass(frozen=True, eq=False)
class Levels:
    """A cube as levels, and what they stand for.

    Parameters
    ----------
    array : int array, shape (T, C, Y, X)
        0 to ``values.top`` in the valid cells, anything in the others until they are filled.
    values : Values
    table : array, optional
        The sorted values of the cube, one a level, where no arithmetic makes them.
    """

    array: NDArray[Any]
    values: Values
    table: NDArray[Any] | None = None

    @property
    def top(self) -> int:
        """The largest level."""
        return self.values.top

    @property
    def constant(self) -> bool:
        """There is one level only, so nothing to code."""
        return self.values.top == 0


def common_unit(cube: NDArray[Any], valid: NDArray[np.bool_] | bool) -> int:
    """The greatest common divisor of the distances between valid integers; 1 where they are equal.

    Parameters
    ----------
    cube : integer array, shape (T, C, Y, X)
    valid : bool array or True
        Cells that count.
    """
    found, where = valid_extremes(cube, valid), np.broadcast_to(valid, cube.shape).reshape(-1)
    if found is None:
        return 1
    low, unit, flat = int(found[0]) % 2**64, 0, cube.reshape(-1)
    every = max(1, cube.size // _FEW_CELLS)
    for part in (slice(None, None, every), *(part for part, _ in flat_parts(cube))):
        distance = flat[part][where[part]].astype(np.uint64) - np.uint64(low)
        if unit:
            distance %= np.uint64(unit)
        unit = math.gcd(unit, int(np.gcd.reduce(distance, initial=0)))
        if unit == 1:
            break
    return unit or 1


def many_lowest(cube: NDArray[Any], valid: NDArray[np.bool_] | bool) -> bool:
    """Whether more than a tenth of the valid cells hold the lowest value.

    What a level made of it would be off by would be off in sums and means as well.
    """
    found, where = valid_extremes(cube, valid), np.broadcast_to(valid, cube.shape)
    count = 0 if found is None else np.count_nonzero((cube == found[0]) & where)
    return bool(count > _MANY * np.count_nonzero(where))


def integer_levels(
    cube: NDArray[Any],
    valid: NDArray[np.bool_] | bool,
    bound: int,
    unit: int = 1,
    *,
    apart: bool = False,
) -> Levels | None:
    """Quantise integers so that no error exceeds ``bound``: a level for each ``2 * bound + 1``.

    Where only every ``unit``-th integer is there, a level stands for the run of those that lie
    within the bound of their middle, rounded down.

    Parameters
    ----------
    cube : integer array, shape (T, C, Y, X)
    valid : bool array or True
        Cells that count; the others get arbitrary levels.
    bound : int
        Largest error in counts; 0 is lossless.
    unit : int
        Divides all distances between valid cells.
    apart : bool
        Keep a level for each unit, which stands for the middle of the run around it.

    Returns
    -------
    Levels or None
        None when there are ``MOST_LEVELS`` or more.
    """
    limits, found = np.iinfo(cube.dtype), valid_extremes(cube, valid)
    if found is None:
        return one_level(cube, Values("integer", 0, 1, 0))
    low, high = map(int, found)
    if high - low <= 2 * bound and not apart:
        return one_level(cube, Values("integer", (low + high) // 2, 1, 0))
    run = 2 * bound // unit + 1
    step, before = (unit, 0) if apart else (run * unit, (run - 1) // 2 * unit)
    first = low + (0 if run % 2 else unit // 2)
    top = (high - low + before) // step
    if top >= MOST_LEVELS or (cube.dtype.itemsize == 8 and first + step * top > limits.max):
        return None
    small = limits.min >= -(2**62) and limits.max < 2**62
    levels = np.empty(cube.size, level_dtype(top))
    for part, cells in flat_parts(cube):
        if small:
            distance = cells.astype(np.int64)
            distance -= low - before
            levels[part] = distance // step if step > 1 else distance
        else:  # modular arithmetic: the differences fit although the values may not
            modular = cells.astype(np.uint64) - np.uint64(low % 2**64)
            whole, rest = np.divmod(modular, np.uint64(step))
            levels[part] = whole + (rest >= step - before)
    return Levels(levels.reshape(cube.shape), Values("integer", first, step, top))


def real_levels(
    cube: NDArray[Any],
    valid: NDArray[np.bool_] | bool,
    max_error: float,
    *,
    within: bool = False,
) -> Levels | None:
    """Quantise floats uniformly, so that no error exceeds ``max_error`` after every rounding.

    The step is twice what is left of the bound after the last rounding to the dtype (half a unit
    in the last place of the largest value) and the float64 operations of the reader.

    Parameters
    ----------
    cube : float array, shape (T, C, Y, X)
    valid : bool array or True
        Cells that count; the others get arbitrary levels.
    max_error : float
        In the data's units.
    within : bool
        Let no level stand for more than the largest value, at the price of a smaller step where
        levels are few; where they are many, none does.

    Returns
    -------
    Levels or None
        None when the bound is below that rounding, or needs ``MOST_LEVELS`` or more: the exact
        path serves then.
    """
    found = valid_extremes(cube, valid)
    if found is None:
        return one_level(cube, Values("real", 0.0, 1.0, 0))
    low, high = map(float, found)
    largest = max(abs(low), abs(high))
    step = 2 * (max_error - rounding_margin(largest, cube.dtype))
    span = high - low
    if not (step > 0 and math.isfinite(span) and math.isfinite(2 * largest)):
        return None
    if span <= step:
        return one_level(cube, Values("real", low + span / 2, 1.0, 0))
    if span / step >= MOST_LEVELS:
        return None
    top = round(span / step)
    if within or top >= _MANY_LEVELS:
        top = math.ceil(span / step)
        step = span / top
    levels = np.empty(cube.size, level_dtype(top))
    with np.errstate(invalid="ignore", over="ignore"):  # the holes may hold anything
        for part, cells in flat_parts(cube):
            scaled = cells.astype(np.float64)
            scaled -= low
            scaled /= step
            levels[part] = np.rint(scaled, out=scaled)
            np.clip(levels[part], 0, top, out=levels[part])
    return Levels(levels.reshape(cube.shape), Values("real", low, step, top))


def flat_parts(array: NDArray[Any]) -> Iterator[tuple[slice, NDArray[Any]]]:
    """An array in C order, some cells at a time: arithmetic then stays in the cache."""
    flat = array.reshape(-1)
    for start in range(0, flat.size, PART_CELLS):
        part = slice(start, start + PART_CELLS)
        yield part, flat[part]


def level_dtype(top: int) -> np.dtype[Any]:
    """The dtype of levels up to ``top``: half the memory where 32 bits hold twice as many."""
    return np.dtype(np.int32 if top < 2**30 else np.int64)


def one_level(cube: NDArray[Any], values: Values) -> Levels:
    """Level 0 in every cell."""
    return Levels(np.zeros(cube.shape, np.int32), values)


def rounding_margin(largest: float, dtype: np.dtype[Any]) -> float:
    """The most that rounding can add to the error of a reader's value of magnitude ``largest``."""
    native = dtype.newbyteorder("=")
    with np.errstate(over="ignore", invalid="ignore"):
        ulp = float(np.spacing(np.asarray(largest).astype(native)))
    if not math.isfinite(ulp):
        ulp = float(np.finfo(native).max) * float(np.finfo(native).eps)
    return 0.5 * ulp + 8 * float(np.finfo(np.float64).eps) * largest + 5e-324


def relative_levels(
    cube: NDArray[Any], valid: NDArray[np.bool_] | bool, max_relative_error: float
) -> Levels | None:
    """Quantise floats geometrically, so that every relative error stays within the bound.

    Neighbouring levels differ by a factor ``(1 + e)**2``, so the nearest one in the logarithm is
    off by at most a factor ``1 + e``. Zeros and signs are exact.

    Returns
    -------
    Levels or None
        None when the bound is below the dtype's precision, or there is no magnitude to scale by.
    """
    where = np.broadcast_to(valid, cube.shape)
    error = max_relative_error - 1.01 * float(np.finfo(cube.dtype).eps)
    if error <= 0:
        return None
    where, least, negatives = where.reshape(-1), math.inf, False
    for part, cells in flat_parts(cube):
        magnitude, present = _magnitudes(cells, where[part])
        least = min(least, float(magnitude.min(where=present, initial=np.inf)))
        negatives = negatives or bool((cells < 0).any(where=present))
    if least == math.inf:
        return None
    ratio = (1 + error * (1 - 1e-9)) ** 2
    signed, most = np.empty(cube.size, np.int64), 0
    for part, cells in flat_parts(cube):
        magnitude, present = _magnitudes(cells, where[part])
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            steps = np.rint(np.log(magnitude / least) / math.log(ratio))
        steps[~present] = -1
        most = max(most, int(steps.max()) + 1)
        if most >= MOST_LEVELS:
            return None
        signed[part] = steps + 1
        np.negative(signed[part], out=signed[part], where=present & (cells < 0))
    zero = most if negatives else 0
    signed += zero
    levels = signed.reshape(cube.shape).astype(level_dtype(zero + most), copy=False)
    return Levels(levels, Values("relative", least, ratio, zero + most, zero))


def _magnitudes(
    cells: NDArray[Any], where: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Absolute values, and where they are valid and not zero."""
    with np.errstate(invalid="ignore"):
        magnitude = np.abs(cells.astype(np.float64))
        return magnitude, where & (magnitude > 0)


def _relative_values(levels: NDArray[np.int64], values: Values) -> NDArray[np.float64]:
    """Powers by repeated squaring: multiplications alone, the same bits on every machine."""
    signed = levels - values.zero
    exponent = np.abs(signed) - 1
    out = np.full(levels.shape, float(values.offset))
    power = float(values.step)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for bit in range(max(0, int(exponent.max(initial=0))).bit_length()):
            np.multiply(out, power, out=out, where=(exponent >> bit & 1).astype(bool))
            power *= power
    out[signed == 0] = 0.0
    np.negative(out, out=out, where=signed < 0)
    return out


def to_values(
    levels: NDArray[Any],
    values: Values,
    dtype: np.dtype[Any],
    table: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """The values that levels stand for, in ``dtype``; levels beyond the top count as the top.

    Levels are integers, or whole numbers below 2**53 in float64.

    Raises
    ------
    DecodeError
        When such levels make no values of the dtype, or their table is not as long as they need.
    """
    if values.kind != "table" and (values.kind == "integer") == (dtype.kind == "f"):
        raise DecodeError(f"the payload's {values.kind} levels make no values of dtype {dtype}")
    if levels.dtype != np.float64 or not _fits_doubles(values, dtype):
        levels = levels.astype(np.int64, copy=False)
    levels = np.clip(levels, 0, values.top)
    if values.kind == "table":
        if table is None or len(table) <= values.top:
            raise DecodeError("the payload lacks the table of its values")
        found: NDArray[Any] = table[levels]
        return found
    if values.kind == "integer":
        view = integer_view(np.empty(0, dtype)).dtype
        return _integer_values(levels, values, view).view(dtype)
    if values.kind == "ordered":
        return _ordered_values(levels, values, dtype)
    if values.kind == "relative":
        out = _relative_values(levels, values)
    else:
        out = levels.astype(np.float64, copy=False)
        with np.errstate(over="ignore"):
            out *= values.step
            out += values.offset
    limit = float(np.finfo(dtype).max)
    first, last = float(values.offset), float(values.offset + values.step * values.top)
    if values.kind != "real" or not max(abs(first), abs(last)) <= limit:
        np.clip(out, -limit, limit, out=out)
    return out.astype(dtype)


def _ordered_values(
    levels: NDArray[np.int64], values: Values, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Floats by their numbers in increasing order: :func:`~.lattice.ordered_levels` undone."""
    bits = 8 * dtype.itemsize
    if bits == 64 or values.offset + values.top >= 2**bits:
        raise DecodeError(f"the payload's levels number no floats of dtype {dtype}")
    numbers = levels + int(values.offset)
    sign = 1 << (bits - 1)
    patterns = np.where(numbers & sign, numbers ^ sign, ~numbers & (2 * sign - 1))
    native = dtype.newbyteorder("=")
    return patterns.astype(f"u{dtype.itemsize}").view(native).astype(dtype, copy=False)


def _fits_doubles(values: Values, dtype: np.dtype[Any]) -> bool:
    """Whether doubles make the same values of levels as integers do."""
    if values.kind != "integer" or dtype.itemsize > 4:
        return values.kind == "real"
    low, step = int(values.offset), int(values.step)
    return max(abs(low), step, abs(low + step * values.top)) < 2**53


def _integer_values(levels: NDArray[Any], values: Values, dtype: np.dtype[Any]) -> NDArray[Any]:
    limits = np.iinfo(dtype)
    low, step = int(values.offset), int(values.step)
    if low >= -(2**63) and max(step, low + step * values.top) < 2**63:
        if step != 1:
            levels *= step
        levels += low
        if limits.max < 2**63 and not limits.min <= low <= low + step * values.top <= limits.max:
            np.clip(levels, limits.min, limits.max, out=levels)
        return levels.astype(dtype)
    return (levels.astype(np.uint64) * np.uint64(step) + np.uint64(low % 2**64)).astype(dtype)


def entropy(cube: NDArray[Any], valid: NDArray[np.bool_] | bool) -> float:
    """Bits that valid cells take by themselves, each, of a regular part of them."""
    every = max(1, cube.size // _COUNTED_CELLS)
    cells = cube.flat[::every][np.broadcast_to(valid, cube.shape).flat[::every]]
    shares = np.unique(cells, return_counts=True)[1] / max(1, cells.size)
    return float(-(shares * np.log2(shares)).sum())
