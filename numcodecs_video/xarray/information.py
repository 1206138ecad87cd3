"""How far down the digits of measurements carry information: what a bound may leave out.

The real information of Klöwer et al. (2021), https://doi.org/10.1038/s43588-021-00156-2: the mutual
information of a bit with the same bit of the neighbouring cell. As a bound is absolute, the bits
are those of fixed-point numbers rather than of a float's mantissa. Knows arrays; nothing of codecs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_video.transform.lattice import lattice_levels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

__all__ = ["informative_step", "round_down"]

KEPT = 0.99  # of the information, as in the paper
FADED = 0.01  # of the most informative bit, below which there is nothing more to expect
MOST_BITS = 24  # below the largest value: those of single precision
MOST_CLASSES = 256  # distinct values that lie on no lattice
FEWEST_PAIRS = 1000
SIGMAS = 4.0  # what chance makes of a bit: more than the paper's 2.6, as many bits are looked at


def informative_step(
    blocks: Iterable[tuple[NDArray[Any], NDArray[np.bool_]]], axes: Iterable[int]
) -> float | None:
    """Find the coarsest step in which values keep 99 % of their information.

    Parameters
    ----------
    blocks : iterable of (ndarray, ndarray of bool)
        Values, and which of them are valid.
    axes : iterable of int
        Along which cells are neighbours; the one that needs the finest step counts.

    Returns
    -------
    float or None
        Half of it is a bound. None where there is nothing to leave out: no information, information
        in every digit, or values that are classes rather than measurements.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> waves = np.sin(np.linspace(0, 20, 20_000)) + rng.normal(0, 0.01, 20_000)
    >>> 0.005 < informative_step([(waves, np.ones(20_000, bool))], [0]) < 0.1
    True
    """
    kept = [(values, valid) for values, valid in blocks if valid.any()]
    if not kept:
        return None
    measured = np.concatenate([values[valid].ravel() for values, valid in kept])
    step = _finest_step(measured)
    if step is None:
        return None
    low = math.floor(float(measured.min()) / step)
    levels = [(_levels(values, valid, step, low), valid) for values, valid in kept]
    bits = max(int(block.max()) for block, _ in levels).bit_length()
    lowest = [bit for axis in axes if (bit := _lowest_informative(levels, axis, bits)) is not None]
    return step * 2 ** min(lowest) if lowest and min(lowest) > 0 else None


def round_down(value: float) -> float:
    """Return the next number down of 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> round_down(0.0156), round_down(7.9), round_down(200.0)
    (0.01, 5.0, 200.0)
    """
    exponent = math.floor(math.log10(value))
    digit = max(d for d in (1, 2, 5) if float(f"{d}e{exponent}") <= value * (1 + 1e-9))
    return float(f"{digit}e{exponent}")


def _finest_step(measured: NDArray[Any]) -> float | None:
    """Return the step of the lattice of the values, or one of single precision; None of classes."""
    if measured.dtype.kind in "iu":
        return 1.0
    found = lattice_levels(measured, True)
    if found is not None and found.values.kind == "real":
        return float(found.values.step) if found.values.top else None
    if found is not None and found.values.top < MOST_CLASSES:
        return None
    largest = max(abs(float(measured.min())), abs(float(measured.max())))
    return math.ldexp(1.0, math.frexp(largest)[1] - MOST_BITS)


def _levels(
    values: NDArray[Any], valid: NDArray[np.bool_], step: float, low: int
) -> NDArray[np.int64]:
    known = np.where(valid, values, values[valid].flat[0])
    if known.dtype.kind in "iu":
        return known.astype(np.int64) - low
    return np.rint(known.astype(np.float64) / step).astype(np.int64) - low


def _lowest_informative(
    levels: list[tuple[NDArray[np.int64], NDArray[np.bool_]]], axis: int, bits: int
) -> int | None:
    """Return the lowest bit that it takes for 99 % of the information between neighbours."""
    pairs = list(_pairs(levels, axis))
    count = sum(before.size for before, _ in pairs)
    if count < FEWEST_PAIRS:
        return None
    information: list[float] = []
    for bit in reversed(range(bits)):
        found = _mutual_information(pairs, bit, count)
        if found < FADED * max(information, default=0.0):
            break  # what resumes below a bit with hardly any is of an earlier rounding or packing
        information.append(found)
    total = sum(information)
    if total == 0.0:
        return None
    kept = next(
        i for i in range(len(information)) if sum(information[: i + 1]) >= KEPT * total - 1e-12
    )
    return bits - 1 - kept


def _pairs(
    levels: list[tuple[NDArray[np.int64], NDArray[np.bool_]]], axis: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield levels of neighbours that are both valid."""
    for block, valid in levels:
        first, second = (
            tuple(part if a == axis else slice(None) for a in range(block.ndim))
            for part in (slice(None, -1), slice(1, None))
        )
        both = valid[first] & valid[second]
        yield block[first][both], block[second][both]


def _mutual_information(
    pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]], bit: int, count: int
) -> float:
    """Measure it in bits; 0 where chance alone would make as much."""
    joint = np.zeros(4)
    for before, after in pairs:
        places = 2 * ((before >> bit) & 1) + ((after >> bit) & 1)
        joint += np.bincount(places, minlength=4)
    shares = (joint / count).reshape(2, 2)
    expected = np.outer(shares.sum(axis=1), shares.sum(axis=0))
    known = shares > 0
    found = float((shares[known] * np.log2(shares[known] / expected[known])).sum())
    return found if found > _by_chance(count) else 0.0


def _by_chance(count: int) -> float:
    """Return what independent bits hardly ever appear to share more than."""
    one = 0.5 + SIGMAS / (2 * math.sqrt(count))
    return 1.0 + one * math.log2(one) + (1 - one) * math.log2(1 - one)
