"""Zarr format 3: the codecs as array-to-bytes serializers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from zarr.abc.codec import ArrayBytesCodec, ArrayBytesCodecPartialDecodeMixin
from zarr.abc.store import RangeByteRequest

from numcodecs_video.config import Jpeg2kSettings, Settings
from numcodecs_video.errors import noting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zarr.abc.store import ByteGetter
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer, NDBuffer

    from numcodecs_video.decode.partial import PartialRead

__all__ = ["ChunkSerializer", "Jpeg2kSerializer", "VideoSerializer"]


@dataclass(frozen=True, init=False)
class ChunkSerializer(ArrayBytesCodec, ArrayBytesCodecPartialDecodeMixin):
    """What the serializers share. Not one by itself."""

    is_fixed_size = False
    codec_name: ClassVar[str]
    settings_type: ClassVar[type[Settings]]

    settings: Settings

    def __init__(self, settings: Settings | None = None, **words: Any) -> None:
        object.__setattr__(self, "settings", settings or self.settings_type.parse(words))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the metadata of an array; never raises, so that every store opens."""
        return cls(cls.settings_type.from_json(data.get("configuration") or {}))

    def to_dict(self) -> dict[str, Any]:
        """The entry in an array's ``zarr.json``."""
        return {"name": self.codec_name, "configuration": self.settings.to_json()}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Not known before encoding."""
        raise NotImplementedError

    def _encode_sync(self, chunk_array: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        from numcodecs_video.encode.pipeline import encode_chunk

        array = np.asarray(chunk_array.as_ndarray_like()).reshape(chunk_spec.shape)
        # Metadata of format 3 has no byte order: the payload is always little-endian, so that a
        # chunk has the same bytes on every machine.
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        with noting(f"while encoding with {self.codec_name} {self.settings.to_json()}"):
            return chunk_spec.prototype.buffer.from_bytes(encode_chunk(array, self.settings))

    def _decode_sync(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        from numcodecs_video.decode.chunk import decode_chunk
        from numcodecs_video.decode.partial import check_declared
        from numcodecs_video.format.payload import parse_header

        with noting(f"while decoding with {self.codec_name}"):
            data = chunk_bytes.to_bytes()
            header = parse_header(data)
            # First, so that a forged chunk takes no more memory than the array's metadata say.
            dtype = np.dtype(header.dtype)
            check_declared(header.shape, dtype, chunk_spec.shape, _dtype(chunk_spec))
            return _nd_buffer(decode_chunk(data), chunk_spec)

    async def _encode_single(self, chunk_array: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        return await asyncio.to_thread(self._encode_sync, chunk_array, chunk_spec)

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        return await asyncio.to_thread(self._decode_sync, chunk_bytes, chunk_spec)

    # Reading a part of a chunk: zarr gives the selection and the means to fetch byte ranges. The
    # fused pipeline of zarr >= 3.3 calls the synchronous twin.

    async def _decode_partial_single(
        self, byte_getter: ByteGetter, selection: Any, chunk_spec: ArraySpec
    ) -> NDBuffer | None:
        with noting(self._at(byte_getter)):
            read = self._start_partial(selection, chunk_spec)
            while ranges := read.missing():
                try:
                    buffers = await asyncio.gather(
                        *(byte_getter.get(chunk_spec.prototype, _request(r)) for r in ranges)
                    )
                except Exception:
                    if read.ask_for_all():
                        continue
                    raise
                if any(buffer is None for buffer in buffers):
                    return None
                read.add(ranges, [buffer.to_bytes() for buffer in buffers if buffer is not None])
            return _nd_buffer(await asyncio.to_thread(read.decode), chunk_spec)

    def _decode_partial_sync(
        self, byte_getter: Any, selection: Any, chunk_spec: ArraySpec
    ) -> NDBuffer | None:
        with noting(self._at(byte_getter)):
            read = self._start_partial(selection, chunk_spec)
            while ranges := read.missing():
                try:
                    buffers = [
                        byte_getter.get_sync(prototype=chunk_spec.prototype, byte_range=_request(r))
                        for r in ranges
                    ]
                except Exception:
                    if read.ask_for_all():
                        continue
                    raise
                if any(buffer is None for buffer in buffers):
                    return None
                read.add(ranges, [buffer.to_bytes() for buffer in buffers])
            return _nd_buffer(read.decode(), chunk_spec)

    def _at(self, byte_getter: Any) -> str:
        """Where an error arose: a store's path has the variable's name, an inner chunk none."""
        path = getattr(byte_getter, "path", "a shard")
        return f"while decoding {path} with {self.codec_name}"

    def _start_partial(self, selection: Any, chunk_spec: ArraySpec) -> PartialRead:
        from numcodecs_video.decode.partial import PartialRead

        return PartialRead(selection, chunk_spec.shape, _dtype(chunk_spec), self.settings)


class VideoSerializer(ChunkSerializer):
    """:class:`numcodecs_video.VideoCodec` as a Zarr format 3 serializer.

    Parameters
    ----------
    settings : Settings, optional
        Validated settings, as of :meth:`numcodecs_video.VideoCodec.serializer`; instead of
        keyword settings.
    **words
        The keyword settings of :class:`numcodecs_video.VideoCodec`.

    Examples
    --------
    >>> VideoSerializer(max_error=0.1).to_dict()
    {'name': 'numcodecs_video', 'configuration': {'codec': 'auto', 'max_error': 0.1, 'effort': 5}}
    """

    codec_name = "numcodecs_video"
    settings_type = Settings


class Jpeg2kSerializer(ChunkSerializer):
    """:class:`numcodecs_video.Jpeg2kCodec` as a Zarr format 3 serializer.

    Parameters
    ----------
    settings : Jpeg2kSettings, optional
        Validated settings, as of :meth:`numcodecs_video.Jpeg2kCodec.serializer`; instead of
        keyword settings.
    **words
        The keyword settings of :class:`numcodecs_video.Jpeg2kCodec`.

    Examples
    --------
    >>> Jpeg2kSerializer(max_error=0.1).to_dict()
    {'name': 'numcodecs_video_jpeg2k', 'configuration': {'max_error': 0.1, 'effort': 5}}
    """

    codec_name = "numcodecs_video_jpeg2k"
    settings_type = Jpeg2kSettings


def _request(wanted: tuple[int, int | None]) -> RangeByteRequest | None:
    start, stop = wanted
    return None if stop is None else RangeByteRequest(start, stop)


def _dtype(chunk_spec: ArraySpec) -> np.dtype[Any]:
    return chunk_spec.dtype.to_native_dtype()


def _nd_buffer(values: np.ndarray[Any, Any], chunk_spec: ArraySpec) -> NDBuffer:
    """Decoded values in the array's own byte order."""
    native = np.asarray(values).astype(_dtype(chunk_spec), copy=False)
    return chunk_spec.prototype.nd_buffer.from_numpy_array(native)
