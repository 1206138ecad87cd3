"""Zarr format 3: the codecs as array-to-bytes serializers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from zarr.abc.codec import ArrayBytesCodec

from numcodecs_video.config import Settings
from numcodecs_video.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer, NDBuffer

__all__ = ["VideoSerializer"]


@dataclass(frozen=True, init=False)
class VideoSerializer(ArrayBytesCodec):
    """:class:`numcodecs_video.VideoCodec` as a Zarr format 3 serializer.

    Parameters
    ----------
    settings : Settings, optional
        Validated settings, as of :meth:`VideoCodec.serializer`; instead of keyword settings.
    **words
        The keyword settings of :class:`numcodecs_video.VideoCodec`.

    Examples
    --------
    >>> VideoSerializer(max_error=0.1).to_dict()
    {'name': 'numcodecs_video', 'configuration': {'codec': 'auto', 'max_error': 0.1, 'effort': 5}}
    """

    is_fixed_size = False

    settings: Settings

    def __init__(self, settings: Settings | None = None, **words: Any) -> None:
        object.__setattr__(self, "settings", settings or Settings.parse(words))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the metadata of an array; never raises, so that every store opens."""
        return cls(Settings.from_json(data.get("configuration") or {}))

    def to_dict(self) -> dict[str, Any]:
        """The entry in an array's ``zarr.json``."""
        return {"name": "numcodecs_video", "configuration": self.settings.to_json()}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Not known before encoding."""
        raise NotImplementedError

    def _encode_sync(self, chunk_array: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        from numcodecs_video.pipeline import encode_chunk

        array = np.asarray(chunk_array.as_ndarray_like()).reshape(chunk_spec.shape)
        # Metadata of format 3 has no byte order: the payload is always little-endian, so that a
        # chunk has the same bytes on every machine.
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        return chunk_spec.prototype.buffer.from_bytes(encode_chunk(array, self.settings))

    def _decode_sync(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        from numcodecs_video.decoding import decode_chunk

        decoded = decode_chunk(chunk_bytes.to_bytes())
        return chunk_spec.prototype.nd_buffer.from_numpy_array(_as_declared(decoded, chunk_spec))

    async def _encode_single(self, chunk_array: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        return await asyncio.to_thread(self._encode_sync, chunk_array, chunk_spec)

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        return await asyncio.to_thread(self._decode_sync, chunk_bytes, chunk_spec)


def _as_declared(decoded: np.ndarray[Any, Any], chunk_spec: ArraySpec) -> np.ndarray[Any, Any]:
    """Hold a decoded chunk to the array's metadata: zarr would broadcast and cast silently."""
    declared = chunk_spec.dtype.to_native_dtype()
    if decoded.shape != chunk_spec.shape:
        raise DecodeError(
            f"the chunk has shape {decoded.shape}, the array's metadata say {chunk_spec.shape}"
        )
    if decoded.dtype.newbyteorder("=") != declared.newbyteorder("="):
        raise DecodeError(
            f"the chunk has dtype {decoded.dtype}, the array's metadata say {declared}"
        )
    return decoded.astype(declared, copy=False)
