"""Frames in the order of their likeness: cloudy dates next to cloudy ones, dry next to dry."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["similarity_order"]

#: cells of a frame that are compared
_CELLS = 4096
#: frames that are tried as the first
_STARTS = 8


def similarity_order(cube: NDArray[Any], valid: NDArray[np.bool_]) -> tuple[int, ...]:
    """A short path through all frames: from each to the most similar one that is left.

    Parameters
    ----------
    cube : ndarray, shape (T, C, Y, X)
    valid : bool array, broadcastable to the cube
        Cells that count; the others are taken as the mean over time.

    Returns
    -------
    tuple of int
        Positions of the frames; the shortest of the paths from some of them, by the mean square
        differences from frame to frame.
    """
    frames, bands, height, width = cube.shape
    every = max(1, math.isqrt(bands * height * width // _CELLS))
    where = np.broadcast_to(valid, cube.shape)[:, :, ::every, ::every].reshape(frames, -1)
    values = cube[:, :, ::every, ::every].reshape(frames, -1)
    values = np.where(where, values, 0).astype(np.float64)
    values /= float(np.abs(values).max(initial=0)) or 1.0  # squares of any double stay finite
    mean = values.sum(axis=0) / np.maximum(1, where.sum(axis=0))
    values = np.where(where, values - mean, 0)
    square = (values**2).sum(axis=1)
    distance = np.maximum(0, square[:, None] + square - 2 * values @ values.T)
    starts = sorted({i * (frames - 1) // (_STARTS - 1) for i in range(_STARTS)})
    paths = [_greedy_path(distance, start) for start in starts]
    shortest = min(paths, key=lambda path: float(distance[path[:-1], path[1:]].sum()))
    return tuple(shortest)


def _greedy_path(distance: NDArray[np.float64], start: int) -> list[int]:
    """From a frame to the nearest that is left, until none is."""
    path, left = [start], np.ones(len(distance), bool)
    left[start] = False
    while left.any():
        path.append(int(np.where(left, distance[path[-1]], np.inf).argmin()))
        left[path[-1]] = False
    return path
