"""Axes to the canonical cube (T, C, Y, X) and back, and its blocks and segments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "blocks",
    "frames_per_segment",
    "from_cube",
    "group_frames",
    "grouped_segments",
    "to_cube",
    "ungroup_frames",
]

_CANONICAL = "tcyx"
#: cells that arithmetic is done on at a time: few enough for the processor's cache
_BLOCK_CELLS = 2**16
_SEGMENT_FRAMES = 24


def _order(axes: str) -> list[int]:
    """Positions of the chunk's dimensions in canonical order, ``t`` first."""
    return sorted(range(len(axes)), key=lambda i: _CANONICAL.index(axes[i]))


def to_cube(array: NDArray[Any], axes: str) -> NDArray[Any]:
    """Transpose a chunk to (T, C, Y, X); a view where the strides allow it.

    >>> to_cube(np.zeros((4, 5, 7)), "yxt").shape
    (7, 1, 4, 5)
    """
    extent = dict.fromkeys(_CANONICAL, 1)
    for letter, length in zip(axes, array.shape, strict=True):
        extent[letter] *= length
    return array.transpose(_order(axes)).reshape([extent[letter] for letter in _CANONICAL])


def from_cube(cube: NDArray[Any], shape: tuple[int, ...], axes: str) -> NDArray[Any]:
    """Give a cube back the chunk's shape and axes: the inverse of :func:`to_cube`."""
    order = _order(axes)
    return cube.reshape([shape[i] for i in order]).transpose(np.argsort(order))


def blocks(shape: Sequence[int]) -> Iterator[tuple[slice, slice, slice]]:
    """Index blocks of whole rows of a cube (T, C, Y, X), all bands, small enough for the cache."""
    frames, bands, height, width = shape
    rows = max(1, min(height, _BLOCK_CELLS // max(1, bands * width)))
    count = max(1, _BLOCK_CELLS // max(1, bands * height * width))
    for t in range(0, frames, count):
        for y in range(0, height, rows):
            yield slice(t, t + count), slice(None), slice(y, y + rows)


def frames_per_segment(frames: int, gop: int | None) -> int:
    """The user's choice, or segments of about 24 frames, all of nearly the same length.

    One date then costs a reader some 24 frames of decoding and bytes, whatever the chunk's length.

    >>> frames_per_segment(100, None), frames_per_segment(100, 0), frames_per_segment(5, 8)
    (25, 100, 5)
    """
    if gop is not None:
        return min(gop or frames, frames)
    return -(-frames // max(1, round(frames / _SEGMENT_FRAMES)))


def grouped_segments(segments: Sequence[range], group: int) -> tuple[range, ...]:
    """The groups of each segment, where ``group`` frames are one.

    >>> grouped_segments([range(0, 5), range(5, 8)], 2)
    (range(0, 3), range(3, 5))
    """
    ends = list(accumulate((-(-len(s) // group) for s in segments), initial=0))
    return tuple(map(range, ends, ends[1:]))


def group_frames(cube: NDArray[Any], segments: Sequence[range], group: int) -> NDArray[Any]:
    """A cube (T, C, Y, X) as (G, group * C, Y, X): a segment's last frame fills its last group."""
    frames = [
        min(t, s.stop - 1)
        for s in segments
        for t in range(s.start, s.start + -(-len(s) // group) * group)
    ]
    bands, height, width = cube.shape[1:]
    filled = cube if len(frames) == len(cube) else cube[frames]
    return filled.reshape(-1, group * bands, height, width)


def ungroup_frames(cube: NDArray[Any], segments: Sequence[range], group: int) -> NDArray[Any]:
    """The frames of a cube (T, C, Y, X) that holds those of whole groups: what filled them goes."""
    groups = grouped_segments(segments, group)
    kept = [
        g.start * group + i for s, g in zip(segments, groups, strict=True) for i in range(len(s))
    ]
    return cube if len(kept) == len(cube) else cube[kept]
