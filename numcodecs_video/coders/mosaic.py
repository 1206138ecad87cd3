"""The planes of a time step in one frame: how FFmpeg's coders of grey pictures carry them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.format.header import Mosaic

__all__ = ["cut_mosaic", "plan_mosaic", "tile_mosaic"]

#: of the coding tree units of HEVC (H.265, 7.4.3.2)
_CTU_SIDES = (16, 32, 64)
#: the smallest coding block
_BLOCK = 8


def plan_mosaic(planes: int, height: int, width: int, shortest_side: int = 1) -> Mosaic:
    """Choose the near-square frame for ``planes`` planes of ``height`` x ``width``.

    Parameters
    ----------
    planes, height, width : int
        Planes of one time step and their size in samples.
    shortest_side : int
        What the coder needs at least. Above 1 it is a block coder: sides are padded to even
        numbers, and none is 16, 32 or 64. libx265 (PyAV 13 to 19) codes pictures exactly one CTU
        wide wrongly, and pictures one CTU tall by what the process encoded before them;
        ``tests/safety`` guards both.
    """
    columns = min(
        range(1, planes + 1),
        key=lambda n: (_squareness(n * width, -(-planes // n) * height, planes, n), n),
    )
    frame_height, frame_width = -(-planes // columns) * height, columns * width
    if shortest_side > 1:
        frame_height, frame_width = (
            _padded(max(shortest_side, side + side % 2)) for side in (frame_height, frame_width)
        )
    return Mosaic(planes, height, width, columns, frame_height, frame_width)


def _padded(side: int) -> int:
    """A side that is none of a CTU."""
    return side + 8 if side in _CTU_SIDES else side


def _squareness(width: int, height: int, planes: int, columns: int) -> float:
    """How far a frame is from square and from full; 0 is a full square."""
    rows = -(-planes // columns)
    return abs(math.log(width / height)) + 2 * math.log(rows * columns / planes)


def tile_mosaic(planes: NDArray[Any], mosaic: Mosaic) -> NDArray[Any]:
    """Tile planes (T, P, Y, X) into frames (T, frame_height, frame_width).

    Tiles without a plane repeat the last one; the margins repeat the edge: both are cheap to code.
    """
    count, height, width = planes.shape[0], mosaic.height, mosaic.width
    if mosaic.planes == 1 and (mosaic.frame_height, mosaic.frame_width) == (height, width):
        return np.ascontiguousarray(planes[:, 0])
    rows = -(-mosaic.planes // mosaic.columns)
    frames = np.empty((count, mosaic.frame_height, mosaic.frame_width), planes.dtype)
    for tile in range(rows * mosaic.columns):
        y, x = tile // mosaic.columns * height, tile % mosaic.columns * width
        frames[:, y : y + height, x : x + width] = planes[:, min(tile, mosaic.planes - 1)]
    bottom, right = rows * height, mosaic.columns * width
    frames[:, :bottom, right:] = frames[:, :bottom, right - 1 : right]
    frames[:, bottom:] = frames[:, bottom - 1 : bottom]
    # What is more than the next whole block never changes, so that it costs nothing.
    still = frames[:1].mean(axis=(1, 2), keepdims=True).astype(planes.dtype)
    frames[:, -(-bottom // _BLOCK) * _BLOCK :] = still
    frames[:, :, -(-right // _BLOCK) * _BLOCK :] = still
    return frames


def cut_mosaic(
    frames: NDArray[Any], mosaic: Mosaic, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Cut frames (T, frame_height, frame_width) into planes (T, P, Y, X), those of ``out``."""
    height, width = mosaic.height, mosaic.width
    if out is None:
        out = np.empty((frames.shape[0], mosaic.planes, height, width), frames.dtype)
    for p in range(mosaic.planes):
        y, x = p // mosaic.columns * height, p % mosaic.columns * width
        out[:, p] = frames[:, y : y + height, x : x + width]
    return out
