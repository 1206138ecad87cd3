"""What coders made of a chunk: layers and their bytes, in the order in which to try them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from numcodecs_video.format.header import Layer, LayerKind, Transform, Values

__all__ = ["EncodedChunk", "Ranked"]


@dataclass(frozen=True)
class EncodedChunk:
    """Layers and their bytes: all of a payload but its header.

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
        """Bytes of all sections, and of the transform."""
        return sum(len(part) for section in self.sections for part in section) + self.transform_size

    @property
    def transform_size(self) -> int:
        """Bytes of the transform's numbers in the header: 7 bits of a zigzag number each."""
        numbers = (*self.transform.weights, *self.transform.bias)
        return sum(max(1, -(-(2 * abs(n)).bit_length() // 7)) for n in numbers)

    def add(self, layer: Layer, shared: bytes, streams: Sequence[bytes]) -> Self:
        """The same with one more layer."""
        parts = (shared, *streams)
        before = self.sections or ((),) * len(parts)
        sections = tuple((*s, p) for s, p in zip(before, parts, strict=True))
        return replace(self, layers=(*self.layers, layer), sections=sections)

    def without(self, kind: LayerKind) -> Self:
        """The same without the layers of a kind."""
        kept = [i for i, layer in enumerate(self.layers) if layer.kind != kind]
        sections = tuple(tuple(section[i] for i in kept) for section in self.sections)
        return replace(self, layers=tuple(self.layers[i] for i in kept), sections=sections)


class Ranked(NamedTuple):
    """What a strategy offers: nothing of it is verified yet.

    Attributes
    ----------
    encoded : iterator of EncodedChunk
        The most promising first, each made when it is asked for.
    keep : int
        So many that keep the promise are enough to choose the smallest from.
    """

    encoded: Iterator[EncodedChunk]
    keep: int = 1
