"""Values to integer levels and back: steps, offsets, rounding margins, realised errors.

A level is a non-negative integer; ``Values`` in the header says which value it stands for. All
arithmetic that a reader repeats is in integers or in single float64 operations, which give the
same bits on every machine.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.errors import DecodeError
from numcodecs_video.payload import Values

__all__ = [
    "MOST_LEVELS",
    "disguised_integers",
    "integer_levels",
    "integer_view",
    "largest_error",
    "largest_relative_error",
    "real_levels",
    "relative_levels",
    "rmse_of_psnr",
    "root_mean_square_error",
    "to_values",
    "value_range",
]

#: more levels than this take the exact path: three planes of 16 bits carry them
MOST_LEVELS = 2**48
#: distinct values are counted on so many cells first
_SAMPLE_CELLS = 20_000
#: ranks among more distinct values than this take more than 16 bits
_MOST_VALUES = 2**16


def integer_view(cube: NDArray[Any]) -> NDArray[Any]:
    """Booleans as uint8, datetimes and timedeltas as int64, in the same byte order."""
    if cube.dtype.kind == "b":
        return cube.view(np.uint8)
    if cube.dtype.kind in "mM":
        return cube.view(cube.dtype.str[0] + "i8")
    return cube


def integer_levels(
    cube: NDArray[Any], valid: NDArray[np.bool_] | bool, bound: int
) -> tuple[NDArray[np.int64], Values] | None:
    """Quantise integers with step ``2 * bound + 1``, so that no error exceeds ``bound``.

    Parameters
    ----------
    cube : integer array, shape (T, C, Y, X)
    valid : bool array or True
        Cells that count; the others get arbitrary levels.
    bound : int
        Largest error in counts; 0 is lossless.

    Returns
    -------
    (levels, values) or None
        None when there are ``MOST_LEVELS`` or more.
    """
    limits = np.iinfo(cube.dtype)
    where = np.broadcast_to(valid, cube.shape)
    low = int(cube.min(initial=limits.max, where=where))
    high = int(cube.max(initial=limits.min, where=where))
    if low > high:
        return np.zeros(cube.shape, np.int64), Values("integer", 0, 1, 0)
    if high - low <= 2 * bound:
        return np.zeros(cube.shape, np.int64), Values("integer", (low + high) // 2, 1, 0)
    step = 2 * bound + 1
    top = (high - low + bound) // step
    if top >= MOST_LEVELS or (cube.dtype.itemsize == 8 and low + step * top > limits.max):
        return None
    if limits.min >= -(2**62) and limits.max < 2**62:
        levels = cube.astype(np.int64) - (low - bound)
        levels //= step
    else:  # modular arithmetic: the differences fit although the values may not
        distance = cube.astype(np.uint64) - np.uint64(low % 2**64)
        whole, rest = np.divmod(distance, np.uint64(step))
        levels = (whole + (rest > bound)).astype(np.int64)
    return levels, Values("integer", low, step, top)


def real_levels(
    cube: NDArray[Any], valid: NDArray[np.bool_] | bool, max_error: float
) -> tuple[NDArray[np.int64], Values] | None:
    """Quantise floats uniformly, so that no error exceeds ``max_error`` after every rounding.

    The step is twice what is left of the bound after the last rounding to the dtype (half a unit
    in the last place of the largest value) and the float64 operations of the reader.

    Returns
    -------
    (levels, values) or None
        None when the bound is below that rounding, or needs ``MOST_LEVELS`` or more: the exact
        path serves then.
    """
    where = np.broadcast_to(valid, cube.shape)
    low = float(cube.min(initial=np.inf, where=where))
    high = float(cube.max(initial=-np.inf, where=where))
    if low > high:
        return np.zeros(cube.shape, np.int64), Values("real", 0.0, 1.0, 0)
    largest = max(abs(low), abs(high))
    step = 2 * (max_error - rounding_margin(largest, cube.dtype))
    span = high - low
    if not (step > 0 and math.isfinite(span) and math.isfinite(2 * largest)):
        return None
    if span <= step:
        return np.zeros(cube.shape, np.int64), Values("real", low + span / 2, 1.0, 0)
    if span / step >= MOST_LEVELS:
        return None
    top = round(span / step)
    with np.errstate(invalid="ignore", over="ignore"):  # the holes may hold anything
        scaled = cube.astype(np.float64)
        scaled -= low
        scaled /= step
        np.rint(scaled, out=scaled)
        np.clip(scaled, 0, top, out=scaled)
    levels = np.nan_to_num(scaled, copy=False, nan=0.0).astype(np.int64)
    return levels, Values("real", low, step, top)


def value_range(cube: NDArray[Any], valid: NDArray[np.bool_] | bool) -> float:
    """Largest minus smallest valid value; 0 when there is none."""
    where = np.broadcast_to(valid, cube.shape)
    if not where.any():
        return 0.0
    first = cube[where][0]
    low, high = cube.min(where=where, initial=first), cube.max(where=where, initial=first)
    # As Python numbers: 64-bit integers that differ by little are equal as doubles.
    return float(high.item() - low.item())


def rounding_margin(largest: float, dtype: np.dtype[Any]) -> float:
    """The most that rounding can add to the error of a reader's value of magnitude ``largest``."""
    native = dtype.newbyteorder("=")
    with np.errstate(over="ignore"):
        ulp = float(np.spacing(np.asarray(largest).astype(native)))
    if not math.isfinite(ulp):
        ulp = float(np.finfo(native).max) * float(np.finfo(native).eps)
    return 0.5 * ulp + 8 * float(np.finfo(np.float64).eps) * largest + 5e-324


def disguised_integers(
    cube: NDArray[Any], valid: NDArray[np.bool_] | bool
) -> tuple[NDArray[np.int64], Values, NDArray[Any] | None] | None:
    """Floats that are integers in disguise: on a lattice, or of few distinct values.

    Returns
    -------
    (levels, values, table) or None
        Levels that give every valid float back bit for bit, and the sorted table of values where
        they do not lie on a lattice; None when there are more than 65,536 of them.
    """
    where = np.broadcast_to(valid, cube.shape)
    cells = cube[where]
    if not cells.size:
        return np.zeros(cube.shape, np.int64), Values("real", 0.0, 1.0, 0), None
    few = np.unique(cells[:: max(1, cells.size // _SAMPLE_CELLS)])
    for offset, step in _lattices(few):
        found = _on_lattice(cells, offset, step)
        if found is not None:
            levels = np.zeros(cube.shape, np.int64)
            levels[where] = found[0]
            return levels, found[1], None
    if few.size > _MOST_VALUES or (few.size > 0.5 * _SAMPLE_CELLS):
        return None
    table = np.unique(cells)
    zeros = cells[cells == 0]
    if table.size > _MOST_VALUES or (zeros.size and np.signbit(zeros).any()):
        return None
    levels = np.zeros(cube.shape, np.int64)
    levels[where] = np.searchsorted(table, cells)
    return levels, Values("table", 0, 1, table.size - 1), table


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
) -> tuple[NDArray[np.int64], Values] | None:
    """Levels (1-D) of the valid cells, if a lattice gives every one back bit for bit."""
    native = cells.dtype.newbyteorder("=")
    for part in (cells[:256], cells):
        with np.errstate(over="ignore"):
            numbers = np.rint((part.astype(np.float64) - offset) / step)
        low, high = float(numbers.min()), float(numbers.max())
        if not max(abs(low), abs(high)) < 2.0**40 or high - low >= 2.0**24:
            return None
        start = offset + step * low
        with np.errstate(over="ignore"):
            again = ((numbers - low) * step + start).astype(native)
        bits = f"u{native.itemsize}"
        if (again.view(bits) != part.astype(native).view(bits)).any():
            return None
    return (numbers - low).astype(np.int64), Values("real", start, step, int(high - low))


def relative_levels(
    cube: NDArray[Any], valid: NDArray[np.bool_] | bool, max_relative_error: float
) -> tuple[NDArray[np.int64], Values] | None:
    """Quantise floats geometrically, so that every relative error stays within the bound.

    Neighbouring levels differ by a factor ``(1 + e)**2``, so the nearest one in the logarithm is
    off by at most a factor ``1 + e``. Zeros and signs are exact.

    Returns
    -------
    (levels, values) or None
        None when the bound is below the dtype's precision, or there is no magnitude to scale by.
    """
    where = np.broadcast_to(valid, cube.shape)
    error = max_relative_error - 1.01 * float(np.finfo(cube.dtype).eps)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        magnitude = np.abs(cube.astype(np.float64))
        present = where & (magnitude > 0)
        if error <= 0 or not present.any():
            return None
        least = float(magnitude.min(where=present, initial=np.inf))
        ratio = (1 + error * (1 - 1e-9)) ** 2
        steps = np.rint(np.log(magnitude / least) / math.log(ratio))
    steps[~present] = -1
    most = int(steps.max()) + 1
    if most >= MOST_LEVELS:
        return None
    signed = (steps + 1).astype(np.int64)
    negative = present & (cube < 0)
    signed[negative] *= -1
    zero = most if negative.any() else 0
    signed += zero
    return signed, Values("relative", least, ratio, zero + most, zero)


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
    levels: NDArray[np.int64],
    values: Values,
    dtype: np.dtype[Any],
    table: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """The values that levels stand for, in ``dtype``; levels beyond the top count as the top.

    Raises
    ------
    DecodeError
        When such levels make no values of the dtype.
    """
    if values.kind != "table" and (values.kind == "integer") == (dtype.kind == "f"):
        raise DecodeError(f"the payload's {values.kind} levels make no values of dtype {dtype}")
    levels = np.clip(levels, 0, values.top)
    if values.kind == "table":
        return np.empty(levels.shape, dtype) if table is None else table[levels]
    if values.kind == "integer":
        view = integer_view(np.empty(0, dtype)).dtype
        return _integer_values(levels, values, view).view(dtype)
    if values.kind == "relative":
        out = _relative_values(levels, values)
    else:
        out = levels.astype(np.float64)
        with np.errstate(over="ignore"):
            out *= values.step
            out += values.offset
    limit = float(np.finfo(dtype).max)
    first, last = float(values.offset), float(values.offset + values.step * values.top)
    if values.kind != "real" or not max(abs(first), abs(last)) <= limit:
        np.clip(out, -limit, limit, out=out)
    return out.astype(dtype)


def _integer_values(
    levels: NDArray[np.int64], values: Values, dtype: np.dtype[Any]
) -> NDArray[Any]:
    limits = np.iinfo(dtype)
    low, step = int(values.offset), int(values.step)
    if low >= -(2**63) and max(step, low + step * values.top) < 2**63:
        levels *= step
        levels += low
        if limits.max < 2**63 and not limits.min <= low <= low + step * values.top <= limits.max:
            np.clip(levels, limits.min, limits.max, out=levels)
        return levels.astype(dtype)
    return (levels.astype(np.uint64) * np.uint64(step) + np.uint64(low % 2**64)).astype(dtype)


def _absolute_error(original: NDArray[Any], decoded: NDArray[Any]) -> NDArray[Any]:
    """Absolute differences: uint64 among 64-bit integers, which doubles cannot tell apart."""
    a, b = integer_view(original), integer_view(decoded)
    with np.errstate(invalid="ignore", over="ignore"):
        if a.dtype.kind in "iu" and a.dtype.itemsize == 8:
            gap: NDArray[Any] = a.astype(np.uint64) - b.astype(np.uint64)
            return np.where(a > b, gap, -gap)
        difference: NDArray[Any] = np.subtract(a, b, dtype=np.float64)
        return abs(difference)


def largest_error(
    original: NDArray[Any], decoded: NDArray[Any], valid: NDArray[np.bool_] | bool
) -> float:
    """The largest absolute difference over valid cells, exact for integers up to 2**53."""
    where = np.broadcast_to(valid, original.shape)
    return float(_absolute_error(original, decoded).max(initial=0, where=where))


def root_mean_square_error(
    original: NDArray[Any], decoded: NDArray[Any], valid: NDArray[np.bool_] | bool
) -> float:
    """Root mean square difference over valid cells, 0 when there is none."""
    where = np.broadcast_to(valid, original.shape)
    error = _absolute_error(original, decoded)[where].astype(np.float64)
    largest = float(error.max(initial=0.0))
    if not 0 < largest < math.inf:
        return largest
    error /= largest  # so that no square is beyond the doubles, nor below
    return largest * math.sqrt(float(np.mean(error * error)))


def rmse_of_psnr(psnr: float, span: float) -> float:
    """The root mean square error that gives a PSNR in dB, for a peak of ``span``."""
    return float(span * 10 ** (-psnr / 20))


def largest_relative_error(
    original: NDArray[Any], decoded: NDArray[Any], valid: NDArray[np.bool_] | bool
) -> float:
    """The largest error as a fraction of the cell's magnitude; infinite where a zero changed."""
    where = np.broadcast_to(valid, original.shape)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        error = np.abs(np.subtract(original, decoded, dtype=np.float64))
        error = np.where(error == 0, 0.0, error / np.abs(original.astype(np.float64)))
    return float(error.max(initial=0.0, where=where))
