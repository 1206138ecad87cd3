"""The planes of a time step or of a group in one frame: how FFmpeg's grey pictures carry them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.format.header import Mosaic

__all__ = ["cut_mosaic", "plan_mosaic", "tile_mosaic"]

#: the smallest coding block of the block coders
_BLOCK = 8


def plan_mosaic(
    planes: int, height: int, width: int, shortest_side: int = 1, unsafe_side: int = 0
) -> Mosaic:
    """Choose the near-square frame for ``planes`` planes of ``height`` x ``width``.

    Parameters
    ----------
    planes, height, width : int
        Planes of one time step or group, and their size in samples.
    shortest_side : int
        What the coder needs at least. Above 1 it is a block coder: sides are padded to even
        numbers.
    unsafe_side : int
        A length of either side that the coder cannot be trusted with: padded by a block.
    """
    columns = min(
        range(1, planes + 1),
        key=lambda n: (_squareness(n * width, -(-planes // n) * height, planes, n), n),
    )
    frame_height, frame_width = -(-planes // columns) * height, columns * width
    if shortest_side > 1:
        frame_height, frame_width = (
            side + _BLOCK if side == unsafe_side else side
            for side in (
                max(shortest_side, frame_height + frame_height % 2),
                max(shortest_side, frame_width + frame_width % 2),
            )
        )
    return Mosaic(planes, height, width, columns, frame_height, frame_width)


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
