"""What an encode realised: errors over the valid cells.

A few cells at a time, so that no measure takes memory in proportion to the chunk.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.quantise import PART_CELLS, integer_view

__all__ = [
    "largest_error",
    "largest_relative_error",
    "mean_square_difference",
    "parts",
    "root_mean_square_error",
]


def _absolute_error(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Absolute differences: uint64 among 64-bit integers, which doubles cannot tell apart."""
    with np.errstate(invalid="ignore", over="ignore"):
        if a.dtype.kind in "iu" and a.dtype.itemsize == 8:
            gap: NDArray[Any] = a.astype(np.uint64) - b.astype(np.uint64)
            return np.where(a > b, gap, -gap)
        difference: NDArray[Any] = np.subtract(a, b, dtype=np.float64)
        np.abs(difference, out=difference)
        return difference


def _relative_error(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Absolute differences as fractions of the first; infinite where a zero changed."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        error = np.abs(np.subtract(a, b, dtype=np.float64))
        return np.where(error == 0, 0.0, error / np.abs(a.astype(np.float64)))


_Part = tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]


def parts(
    original: NDArray[Any], decoded: NDArray[Any], valid: NDArray[np.bool_] | bool
) -> Iterator[_Part]:
    """Both arrays and their valid cells, a few indices of the first dimension at a time."""
    a, b = np.atleast_1d(integer_view(original), integer_view(decoded))
    where = np.broadcast_to(valid, a.shape)
    count = max(1, PART_CELLS * len(a) // max(1, a.size))
    for i in range(0, len(a), count):
        yield a[i : i + count], b[i : i + count], where[i : i + count]


def largest_error(
    original: NDArray[Any], decoded: NDArray[Any], valid: NDArray[np.bool_] | bool
) -> float:
    """The largest absolute difference over valid cells, exact for integers up to 2**53."""
    found = parts(original, decoded, valid)
    return max(
        (float(_absolute_error(a, b).max(initial=0, where=w)) for a, b, w in found), default=0
    )


def mean_square_difference(
    a: NDArray[Any], b: NDArray[Any], valid: NDArray[np.bool_] | bool
) -> float:
    """Mean square difference of two cubes of levels over valid cells."""
    total, count = 0.0, 0
    for x, y, where in parts(a, b, valid):
        error = np.subtract(x, y, dtype=np.float64)
        total += float(np.sum(error * error, where=where))
        count += int(np.count_nonzero(where))
    return total / max(1, count)


def root_mean_square_error(
    original: NDArray[Any], decoded: NDArray[Any], valid: NDArray[np.bool_] | bool
) -> float:
    """Root mean square difference over valid cells, 0 when there is none."""
    largest = largest_error(original, decoded, valid)
    if not 0 < largest < math.inf:
        return largest
    total, count = 0.0, 0
    for a, b, where in parts(original, decoded, valid):
        # Divided so that no square is beyond the doubles, nor below.
        with np.errstate(over="ignore", invalid="ignore"):
            error = _absolute_error(a, b) / largest
            total += float(np.sum(error * error, where=where))
        count += int(np.count_nonzero(where))
    return largest * math.sqrt(total / count)


def largest_relative_error(
    original: NDArray[Any], decoded: NDArray[Any], valid: NDArray[np.bool_] | bool
) -> float:
    """The largest error as a fraction of the cell's magnitude; infinite where a zero changed."""
    found = parts(original, decoded, valid)
    return max(
        (float(_relative_error(a, b).max(initial=0.0, where=w)) for a, b, w in found), default=0.0
    )
