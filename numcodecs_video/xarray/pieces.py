"""Pieces spread over an array that stand for all of it, and how well they do.

Knows shapes and axes; reads nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from numcodecs_video.sampling import regions_of
from numcodecs_video.xarray.dimensions import NARROWEST_TILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numcodecs_video.sampling import Region

__all__ = ["choose_pieces", "uncertainty_of"]

WHOLE_CELLS = 2**21  # an array of so many is its own sample
PIECES = 8
PIECE_CELLS = 2**18  # of each: seconds at the highest effort
TRIES = 20  # for each piece, to find one beside the others
SMALL_PIECES = 0.1  # what a cell costs more or less in a piece than in the chunk it was cut from
CONFIDENCE = 2.0  # standard errors: some 95 %


def choose_pieces(
    letters: str, shape: Sequence[int], chunks: Sequence[int], count: int | None = None
) -> tuple[list[Region], bool]:
    """Choose chunks of an array, or tiles of large ones with all their dates and bands.

    Parameters
    ----------
    letters : str
        One of ``t``, ``c``, ``y``, ``x`` a dimension.
    shape, chunks : sequence of int
    count : int, optional
        Of pieces at most; unless given eight, and all chunks of an array of two million cells.

    Returns
    -------
    list of tuple of slice
        None overlaps another.
    bool
        Whether each is a whole chunk.

    Examples
    --------
    >>> choose_pieces("tyx", (9, 512, 512), (9, 256, 256), count=1)
    ([(slice(0, 9, None), slice(2, 172, None), slice(0, 170, None))], False)
    """
    if count is None and math.prod(shape) <= WHOLE_CELLS:
        return list(regions_of(shape, chunks)), True
    tile = _tile_of(letters, chunks)
    whole = all(part >= length for part, length in zip(tile, chunks, strict=True))
    wanted = PIECES if count is None else count
    if whole:
        parts = (-(-size // length) for size, length in zip(shape, chunks, strict=True))
        wanted = min(wanted, math.prod(parts))
    chosen: list[Region] = []
    for point in _spread(len(shape), TRIES * wanted):
        piece = _piece_around(point, shape, chunks, tile)
        if not any(_overlap(piece, other) for other in chosen):
            chosen.append(piece)
        if len(chosen) == wanted:
            break
    return chosen, whole


def uncertainty_of(rates: Sequence[float], sampled: float, *, whole: bool) -> float | None:
    """Say how far the mean rate of pieces may be from that of the array, with 95 % confidence.

    The standard error of the mean without replacement, and where pieces are smaller than chunks
    what cutting them costs or saves.

    Parameters
    ----------
    rates : sequence of float
        Bytes a cell, one a piece.
    sampled : float
        The part of the cells that the pieces hold.
    whole : bool
        Whether pieces are whole chunks.

    Returns
    -------
    float or None
        As a fraction of the mean; None where one piece cannot say.

    Examples
    --------
    >>> uncertainty_of([1.0, 1.0], 1.0, whole=True), uncertainty_of([1.0], 0.5, whole=True)
    (0.0, None)
    >>> round(uncertainty_of([1.0, 1.2, 1.1, 0.9], 0.1, whole=True), 3)
    0.117
    """
    if whole and sampled >= 1.0:
        return 0.0
    if len(rates) < 2:
        return None
    mean = float(np.mean(rates))
    error = float(np.std(rates, ddof=1)) / math.sqrt(len(rates)) * math.sqrt(max(0.0, 1 - sampled))
    return math.hypot(CONFIDENCE * error / mean, 0.0 if whole else SMALL_PIECES)


def _tile_of(letters: str, chunks: Sequence[int]) -> list[int]:
    """Return the lengths of a piece: all of a chunk, or as much of y and x as is quickly tried."""
    planes = math.prod(n for n, letter in zip(chunks, letters, strict=True) if letter in "tc")
    side = max(NARROWEST_TILE, math.isqrt(max(1, PIECE_CELLS // max(1, planes))))
    return [
        min(n, side) if letter in "yx" else n for n, letter in zip(chunks, letters, strict=True)
    ]


def _spread(dimensions: int, count: int) -> list[tuple[float, ...]]:
    """Return points that fill the unit cube evenly: a generalised golden ratio's multiples."""
    ratio = 2.0
    for _ in range(50):
        ratio = (1 + ratio) ** (1 / (dimensions + 1))
    return [
        tuple((0.5 + (i + 1) * ratio ** -(d + 1)) % 1.0 for d in range(dimensions))
        for i in range(count)
    ]


def _piece_around(
    point: Sequence[float], shape: Sequence[int], chunks: Sequence[int], tile: Sequence[int]
) -> Region:
    """Cut a tile out of the chunk that a point is in, around it if there is room."""
    parts = []
    for at, size, chunk, length in zip(point, shape, chunks, tile, strict=True):
        cell = min(int(at * size), size - 1)
        first = cell // chunk * chunk
        last = min(first + chunk, size)
        start = max(first, min(cell - length // 2, last - length))
        parts.append(slice(start, min(start + length, last)))
    return tuple(parts)


def _overlap(one: Region, other: Region) -> bool:
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))
