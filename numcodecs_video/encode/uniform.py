"""Levels one step apart, without a base, that are as coarse as a distortion allows."""

from __future__ import annotations

import math

from numcodecs_video.encode.chunk import Chunk
from numcodecs_video.encode.levels import ChunkLevels
from numcodecs_video.metrics import rmse as rmse_of
from numcodecs_video.transform.levels import to_values

__all__ = ["uniform_bound", "uniform_levels"]

#: bounds tried beside that of uniform errors, and how far one may be from that before
_TRIES, _FARTHEST = 6, 4.0
#: of a target, what a distortion may be where values are rounded once more, and what is near: a
#: step that is a little coarser takes as many bits as not
_MARGIN, _NEAR = 0.9999, 0.85


def uniform_bound(chunk: Chunk, rmse: float) -> float:
    """The bound of uniform quantisation whose error has this root mean square.

    A step ``s`` makes ``s**2 / 12``; among integers, errors up to ``b`` make ``b * (b + 1) / 3``.
    """
    if chunk.cube.dtype.kind == "f":
        return math.sqrt(3) * rmse * 0.995
    return math.floor((math.sqrt(1 + 12 * rmse**2) - 1) / 2)


def uniform_levels(chunk: Chunk, rmse: float, slack: float) -> ChunkLevels:
    """Levels whose error has at most this root mean square, and not much less.

    Where many cells lie on a level (dry ones, dark ones, repeated counts), the others may be off
    by more than a uniform error is; where many lie between two (codes, bits), by less.

    Parameters
    ----------
    chunk : Chunk
    rmse : float
        In the data's units.
    slack : float
        The mean square error may fall below its target by this factor.
    """
    integers = chunk.cube.dtype.kind != "f"
    bound = uniform_bound(chunk, rmse)
    first, best = ChunkLevels(chunk, bound), ChunkLevels(chunk, 0) if integers else None
    below, above, levels = 0.0, math.inf, first
    for _ in range(_TRIES):
        error = _distortion(levels)
        if error == math.inf:
            break
        if error <= _MARGIN * rmse:
            best, below = levels, bound
            if error >= _NEAR * rmse or (levels.direct is not None and levels.direct.constant):
                break
        else:
            above = bound
        aim = (1 + math.sqrt(slack)) / 2 * rmse
        bound *= max(1 / _FARTHEST, min(_FARTHEST, aim / error if error else math.inf))
        if not below < bound < above:
            bound = math.sqrt(below * above) if above < math.inf else 0
        if integers:
            bound = max(below + 1, math.floor(bound))
        if not below < bound < above:
            break
        levels = ChunkLevels(chunk, bound)
    return first if best is None else best


def _distortion(levels: ChunkLevels) -> float:
    """The root mean square error of the levels alone; infinite where there are none."""
    direct, chunk = levels.direct, levels.chunk
    if direct is None:
        return math.inf
    values = to_values(direct.array, direct.values, chunk.cube.dtype, direct.table)
    return rmse_of(chunk.cube, values, valid=chunk.valid)
