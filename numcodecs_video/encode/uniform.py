"""Levels one step apart, without a base, that are as coarse as a distortion allows."""

from __future__ import annotations

import math

from numcodecs_video.encode.chunk import Chunk
from numcodecs_video.encode.levels import ChunkLevels
from numcodecs_video.metrics import rmse as rmse_of
from numcodecs_video.transform.levels import to_values

__all__ = ["uniform_bound", "uniform_levels"]

#: coarser bounds tried, and by how much one may be coarser than that before
_COARSER, _MOST_COARSER = 6, 4.0
#: of a target, what a distortion may be where values are rounded once more, and what is near: a
#: step that is a little coarser takes as many bits as not
_MARGIN, _NEAR = 0.9995, 0.85


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
    by more than a uniform error is.

    Parameters
    ----------
    chunk : Chunk
    rmse : float
        In the data's units.
    slack : float
        The mean square error may fall below its target by this factor.
    """
    bound, above = uniform_bound(chunk, rmse), math.inf
    best = ChunkLevels(chunk, bound)
    error, aim = _distortion(best), (1 + math.sqrt(slack)) / 2 * rmse
    for _ in range(_COARSER):
        if error >= _NEAR * rmse or (best.direct is not None and best.direct.constant):
            break
        wider = bound * min(_MOST_COARSER, aim / error if error else math.inf)
        wider = min(wider, math.sqrt(bound * above))
        if chunk.cube.dtype.kind != "f":
            wider = max(bound + 1, math.floor(wider))
        if wider >= above:
            break
        levels = ChunkLevels(chunk, wider)
        found = _distortion(levels)
        if found <= _MARGIN * rmse:
            best, bound, error = levels, wider, found
        else:
            above = wider
    return best


def _distortion(levels: ChunkLevels) -> float:
    """The root mean square error of the levels alone; infinite where there are none."""
    direct, chunk = levels.direct, levels.chunk
    if direct is None:
        return math.inf
    values = to_values(direct.array, direct.values, chunk.cube.dtype, direct.table)
    return rmse_of(chunk.cube, values, valid=chunk.valid)
