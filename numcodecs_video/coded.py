"""What a coder made of a chunk, and the layer that every candidate has: the missing cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from numcodecs_video.chunk import Chunk
from numcodecs_video.missing import pack_classes
from numcodecs_video.payload import Layer, Transform, Values
from numcodecs_video.streams import zstd

__all__ = ["Coded", "start_coded"]


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


def start_coded(
    chunk: Chunk, name: str, values: Values, transform: Transform | None = None
) -> Coded:
    """The map of missing cells, to which other layers are added; no layer when all are valid.

    The shared section holds the map that segments start from, so that a land mask which every
    segment repeats costs one frame.
    """
    transform = transform or Transform()
    coded = Coded(name, (), (), values, transform)
    if chunk.missing is None:
        return coded
    classes, count = chunk.missing.classes, len(chunk.missing.patterns)
    effort, before, shared = chunk.settings.effort, np.zeros(classes.shape[1:], np.uint8), b""
    if len(chunk.segments) > 1:
        first = classes[0]
        shared, before = zstd.compress(pack_classes(first[None], count, before), effort), first
    streams = [
        zstd.compress(pack_classes(classes[s.start : s.stop], count, before), effort)
        for s in chunk.segments
    ]
    return coded.add(Layer("missing", "zstd"), shared, streams)
