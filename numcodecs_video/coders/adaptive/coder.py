"""The adaptive coder as one coder of planes among the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from numpy.typing import NDArray

from numcodecs_video.coders import (
    NOTHING,
    Coder,
    EncodedPlanes,
    EncodeSpec,
    Known,
    sample_dtype,
)
from numcodecs_video.coders.adaptive import Model, decode, encode
from numcodecs_video.errors import DecodeError
from numcodecs_video.format.header import Layer
from numcodecs_video.format.varint import append_varint, read_varint

__all__ = ["CODERS", "Adaptive"]


class Adaptive:
    """The coder. Options: ``effort``, 1 to 9, and ``model``; the highest sample goes ahead."""

    name = "adaptive"
    depths: Sequence[int] = (8, 16)
    lossy = key_picture = structured = False
    predicts_in_time = exact_decoder = contextual = True
    least_quantiser = 0

    def available_depths(self) -> list[int]:
        """Both: the kernel is in the package."""
        return list(self.depths)

    def require(self, bits: int | None, options: Sequence[tuple[str, str]]) -> None:
        """Nothing to check."""

    def encode(
        self,
        planes: NDArray[Any],
        segments: Sequence[range],
        spec: EncodeSpec,
        known: Known = NOTHING,
    ) -> EncodedPlanes:
        """Encode planes without loss."""
        options = dict(spec.options)
        top = int(planes.max(initial=0, where=True if known.valid is None else known.valid))
        shared, streams = encode(
            planes,
            [len(segment) for segment in segments],
            top=top,
            valid=known.valid,
            beside=known.picture,
            effort=int(options.get("effort", "5")),
            model=cast(Model, options.get("model", "whole")),
        )
        head = bytearray()
        append_varint(head, top)
        return EncodedPlanes(Layer("base", self.name, spec.bits), bytes(head) + shared, streams)

    def decode(
        self,
        layer: Layer,
        shared: bytes,
        data: bytes,
        shape: tuple[int, int, int, int],
        known: Known = NOTHING,
    ) -> NDArray[Any]:
        """Decode the planes of one segment."""
        top, start = read_varint(shared, 0)
        if layer.bits not in self.depths or top >= 2**layer.bits:
            raise DecodeError(f"the adaptive coder has no samples of {layer.bits} bits up to {top}")
        found = decode(
            shared[start:], data, shape, top=top, valid=known.valid, beside=known.picture
        )
        return found.astype(sample_dtype(layer.bits), copy=False)


CODERS: dict[str, Coder] = {"adaptive": Adaptive()}
