"""What a coder made of a chunk, and the layer that every candidate has: the missing cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from numcodecs_video.chunk import Chunk
from numcodecs_video.header import Layer, Transform, Values
from numcodecs_video.missing import MissingCells, pack_classes
from numcodecs_video.streams import jpegxl, zstd

__all__ = ["Coded", "code_missing"]

#: bytes of differences from which pictures are worth trying
_WORTH_PICTURES = 128
#: JPEG XL gains nothing on masks beyond it
_PICTURE_EFFORT = 3
#: pictures that take so many times the differences by one frame's size are not tried on all
_HOPELESS = 2.0


@dataclass(frozen=True)
class Coded:
    """Layers and their bytes.

    Parameters
    ----------
    name : str
        The candidate, for the header and ``info``.
    layers : tuple of Layer
    sections : tuple of tuple of bytes
        The layers' bytes: the shared section first, then each segment; nothing without layers.
    values : Values
    transform : Transform
    """

    name: str
    layers: tuple[Layer, ...]
    sections: tuple[tuple[bytes, ...], ...]
    values: Values
    transform: Transform

    @property
    def size(self) -> int:
        """Bytes of all sections."""
        return sum(len(part) for section in self.sections for part in section)

    def add(self, layer: Layer, shared: bytes, streams: Sequence[bytes]) -> Self:
        """The same with one more layer."""
        parts = (shared, *streams)
        before = self.sections or ((),) * len(parts)
        sections = tuple((*s, p) for s, p in zip(before, parts, strict=True))
        return replace(self, layers=(*self.layers, layer), sections=sections)


def code_missing(chunk: Chunk) -> tuple[Layer, bytes, list[bytes]] | None:
    """The map of missing cells, by the smaller of its two coders; None when all cells are valid.

    Differences in time suit land masks, which then cost about one frame; JPEG XL suits clouds. It
    is slow, so effort 1 does without, and one frame tells where it is no use.
    """
    if chunk.missing is None:
        return None
    packed, classes = _code_differences(chunk, chunk.missing), chunk.missing.classes
    changes = sum(map(len, packed[2]))
    if chunk.settings.effort == 1 or changes < _WORTH_PICTURES or not jpegxl.available():
        return packed
    middle = len(classes) // 2
    frame = jpegxl.encode(classes, [range(middle, middle + 1)], _PICTURE_EFFORT)[0]
    size = len(packed[1]) + changes
    if len(frame) * len(classes) > _HOPELESS * size:
        return packed
    streams = jpegxl.encode(classes, chunk.segments, _PICTURE_EFFORT)
    return packed if sum(map(len, streams)) >= size else (Layer("missing", "jpegxl"), b"", streams)


def _code_differences(chunk: Chunk, missing: MissingCells) -> tuple[Layer, bytes, list[bytes]]:
    """Differences in time, by Zstandard; segments start from the first map, which they share."""
    classes, count = missing.classes, len(missing.patterns)
    effort, before, shared = chunk.settings.effort, np.zeros(classes.shape[1:], np.uint8), b""
    if len(chunk.segments) > 1:
        first = classes[0]
        shared, before = zstd.compress(pack_classes(first[None], count, before), effort), first
    streams = [
        zstd.compress(pack_classes(classes[s.start : s.stop], count, before), effort)
        for s in chunk.segments
    ]
    return Layer("missing", "zstd"), shared, streams
