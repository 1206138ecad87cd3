"""Zstandard of shuffled bytes, on imagecodecs: for masks, tables, sparse residuals, odd arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from numcodecs_video.coders import (
    NOTHING,
    Coder,
    EncodedPlanes,
    EncodeSpec,
    Known,
    ValueCoder,
    sample_dtype,
)
from numcodecs_video.errors import DecodeError
from numcodecs_video.format.header import Layer

__all__ = ["CODERS", "VALUE_CODERS", "Zstandard", "compress", "decompress"]


class Zstandard:
    """The coder, of planes and of values. Its one option is ``level``, Zstandard's own, to 22."""

    name = "zstd"
    depths: Sequence[int] = (8, 16)
    lossy = predicts_in_time = key_picture = contextual = structured = False
    exact_decoder = True
    least_quantiser = 0

    def available_depths(self) -> list[int]:
        """Both: every imagecodecs has Zstandard."""
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
        """Compress planes."""
        streams = [self.encode_values(planes[s.start : s.stop], spec.options) for s in segments]
        return EncodedPlanes(Layer("base", self.name, spec.bits), b"", streams)

    def decode(
        self,
        layer: Layer,
        shared: bytes,
        data: bytes,
        shape: tuple[int, int, int, int],
        known: Known = NOTHING,
    ) -> NDArray[Any]:
        """Decompress the planes of one segment."""
        values = self.decode_values(data, math.prod(shape), sample_dtype(layer.bits))
        return values.reshape(shape)

    def accepts(self, dtype: np.dtype[Any]) -> bool:
        """All dtypes."""
        return True

    def encode_values(self, values: NDArray[Any], options: Sequence[tuple[str, str]] = ()) -> bytes:
        """Compress values: all first bytes before all second ones."""
        return compress(_shuffle(values), options)

    def decode_values(self, data: bytes, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Decompress ``count`` values."""
        planes = decompress(data, count * dtype.itemsize).reshape(dtype.itemsize, -1)
        return np.ascontiguousarray(planes.T).reshape(-1).view(dtype)


CODERS: dict[str, Coder] = {"zstd": Zstandard()}
VALUE_CODERS: dict[str, ValueCoder] = {"zstd": Zstandard()}


def compress(data: bytes, options: Sequence[tuple[str, str]] = ()) -> bytes:
    """Compress bytes; empty stays empty, so that a layer without content costs nothing."""
    if not data:
        return b""
    return bytes(imagecodecs.zstd_encode(data, level=int(dict(options).get("level", "9"))))


def decompress(data: bytes, size: int) -> NDArray[np.uint8]:
    """Decompress to exactly ``size`` bytes, an array of their own.

    Raises
    ------
    DecodeError
        When the data are damaged or hold another number of bytes.
    """
    if not data:
        if size:
            raise DecodeError(f"a stream is empty instead of holding {size} bytes")
        return np.empty(0, np.uint8)
    # Unlike a bytearray, which is zeroed, this takes no more memory than is filled.
    out = np.empty(size, np.uint8)
    try:
        filled = imagecodecs.zstd_decode(data, out=out.data)
    except (imagecodecs.ZstdError, ValueError, MemoryError) as error:
        raise DecodeError(f"a Zstandard stream cannot be decoded: {error}") from error
    if len(filled) != size:
        raise DecodeError(f"a Zstandard stream holds {len(filled)} bytes instead of {size}")
    return out


def _shuffle(values: NDArray[Any]) -> bytes:
    flat = np.ascontiguousarray(values).reshape(-1)
    return flat.view(np.uint8).reshape(flat.size, -1).T.tobytes()
