"""How much of a value its neighbours do not tell, before anything is rounded to the bound."""

from __future__ import annotations

import math

import numpy as np

from numcodecs_video.encode.levels import ChunkLevels

__all__ = ["innovation"]

#: cells that are predicted
_CELLS = 4096
#: neighbours of a cell as (t, y, x) from it, in its frame and in the one before
_AROUND = ((0, 0, -1), (0, -1, 0), (0, -1, -1))
_BEFORE = ((-1, 0, 0), (-1, 0, -1), (-1, -1, 0), (-1, 0, 1), (-1, 1, 0))


def innovation(levels: ChunkLevels) -> float:
    """The mean error of the best linear prediction from exact neighbours, in the bound's steps.

    Coders of levels see neighbours that are rounded, to a mean error of a quarter of a step. Where
    this one is far below, most of the bits tell how they were rounded, and a base saves them.

    Parameters
    ----------
    levels : ChunkLevels
        Of a part of a chunk.

    Returns
    -------
    float
        Infinite where there is too little to tell.
    """
    fine = levels.fine
    if fine is None:
        return math.inf
    cells, valid = fine.array, np.broadcast_to(levels.chunk.valid, fine.array.shape)
    first = 1 if len(cells) > 1 else 0
    places = (*_AROUND, *_BEFORE) if first else _AROUND
    bands, height, width = cells.shape[1:]
    if height < 3 or width < 3:
        return math.inf
    known = valid[first:, :, 1:-1, 1:-1].ravel()
    every = max(1, int(known.sum()) // _CELLS)
    chosen = np.flatnonzero(known)[::every]
    t, c, y, x = np.unravel_index(chosen, (len(cells) - first, bands, height - 2, width - 2))
    t, y, x = t + first, y + 1, x + 1
    if len(chosen) < 16 * len(places):
        return math.inf
    near = np.stack([cells[t + dt, c, y + dy, x + dx] for dt, dy, dx in places], axis=1)
    centre = near[:, :2].mean(axis=1)
    near, value = near - centre[:, None], cells[t, c, y, x] - centre
    # By loops: threads of a BLAS take longer to start than these sums.
    squares, products = np.einsum("ij,ik->jk", near, near), np.einsum("ij,i->j", near, value)
    squares += np.eye(len(places)) * (1e-9 * np.trace(squares) + 1e-9)
    weights = np.linalg.solve(squares, products)
    misses = np.abs(value - np.einsum("ij,j->i", near, weights))
    return float(misses.mean() / levels.residual_step)
