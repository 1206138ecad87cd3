"""Zarr format 3: the codecs as array-to-bytes serializers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from zarr.abc.codec import ArrayBytesCodec, ArrayBytesCodecPartialDecodeMixin
from zarr.abc.store import RangeByteRequest

from numcodecs_video.config import (
    Jpeg2kParameters,
    Jpeg2kSettings,
    Settings,
    UnreadableSettings,
    VideoParameters,
)
from numcodecs_video.errors import VideoCodecError, noting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from zarr.abc.store import ByteGetter
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer, NDBuffer

    from numcodecs_video.decode.partial import PartialRead

__all__ = ["ChunkSerializer", "Jpeg2kSerializer", "VideoSerializer"]


@dataclass(frozen=True, init=False, repr=False)
class ChunkSerializer(ArrayBytesCodec, ArrayBytesCodecPartialDecodeMixin):
    """What the serializers share. Not one by itself."""

    is_fixed_size = False
    codec_name: ClassVar[str]
    settings_type: ClassVar[type[Settings]]

    settings: Settings | UnreadableSettings

    @classmethod
    def from_settings(cls, settings: Settings | UnreadableSettings) -> Self:
        """The serializer of settings that were validated, or read from a store."""
        serializer = cls.__new__(cls)
        object.__setattr__(serializer, "settings", settings)
        return serializer

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the metadata of an array; never raises, so that every store opens."""
        return cls.from_settings(cls.settings_type.from_json(data.get("configuration") or {}))

    def to_dict(self) -> dict[str, Any]:
        """The entry in an array's ``zarr.json``."""
        return {"name": self.codec_name, "configuration": self.settings.to_json()}

    def __repr__(self) -> str:
        words = ", ".join(f"{k}={v!r}" for k, v in self.settings.to_json().items())
        return f"{type(self).__name__}({words})"

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Not known before encoding."""
        raise NotImplementedError

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid) -> None:  # type: ignore[no-untyped-def]
        """Refuse, when an array is created, what no chunk of it could be encoded with.

        Raises
        ------
        TypeError
            When no path carries the dtype.
        VideoCodecError
            When the axes do not fit the dimensions, or the fixed basis the bands.
        """
        if isinstance(self.settings, UnreadableSettings):
            return  # the array is there already, and reads
        from numcodecs_video.encode.chunk import check_basis, check_dtype, choose_axes

        check_dtype(dtype.to_native_dtype())
        # The shape of a chunk says how many bands a basis meets; some grids have none.
        chunk = getattr(chunk_grid, "chunk_shape", None) or shape
        check_basis(chunk, choose_axes(chunk, self.settings), self.settings)

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """Check what :meth:`validate` does, but for the basis: within shards, zarr calls this one.

        The shape here may be that of the whole array.
        """
        if isinstance(self.settings, Settings):
            from numcodecs_video.encode.chunk import check_dtype, choose_axes

            check_dtype(_dtype(array_spec))
            choose_axes(array_spec.shape, self.settings)
        return self

    def _encode_sync(self, chunk_array: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        from numcodecs_video.encode.pipeline import encode_chunk

        with noting(f"while encoding with {self!r}"):
            array = _declared(chunk_array.as_numpy_array(), _dtype(chunk_spec))
            # Metadata of format 3 have neither byte order nor memory order: the same chunk has the
            # same bytes on every machine, however it lay in memory.
            array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            payload = encode_chunk(array.reshape(chunk_spec.shape), self.settings)
            return chunk_spec.prototype.buffer.from_bytes(payload)

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
            return _nd_buffer(decode_chunk(data, header), chunk_spec)

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
                except ValueError:  # a range beyond the end, to Icechunk
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
                except ValueError:  # a range beyond the end, to Icechunk
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

        hint = self.settings if isinstance(self.settings, Settings) else self.settings_type()
        return PartialRead(selection, chunk_spec.shape, _dtype(chunk_spec), hint)


class VideoSerializer(VideoParameters, ChunkSerializer):
    """:class:`numcodecs_video.VideoCodec` as a Zarr format 3 serializer, with its parameters.

    Raises
    ------
    VideoCodecError
        When a setting is not allowed, or two fidelities are stated.

    Examples
    --------
    >>> VideoSerializer(max_error=0.1).to_dict()
    {'name': 'numcodecs_video', 'configuration': {'codec': 'auto', 'max_error': 0.1, 'effort': 5}}
    """

    codec_name = "numcodecs_video"
    settings_type = Settings


class Jpeg2kSerializer(Jpeg2kParameters, ChunkSerializer):
    """:class:`numcodecs_video.Jpeg2kCodec` as a Zarr format 3 serializer, with its parameters.

    Raises
    ------
    VideoCodecError
        When a setting is not allowed, or two fidelities are stated.

    Examples
    --------
    >>> Jpeg2kSerializer(max_error=0.1).to_dict()
    {'name': 'numcodecs_video_jpeg2k', 'configuration': {'max_error': 0.1, 'effort': 5}}
    """

    codec_name = "numcodecs_video_jpeg2k"
    settings_type = Jpeg2kSettings


def _declared(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array in the dtype that the metadata declare, which readers will look for.

    A filter may deliver another one than it says: `BitRound` the bits of floats as integers.

    Raises
    ------
    VideoCodecError
        When values of the one cannot stand for the other, bit for bit.
    """
    if array.dtype.newbyteorder("=") == dtype.newbyteorder("="):
        return array
    if array.dtype.itemsize != dtype.itemsize:
        raise VideoCodecError(
            f"a filter before the serializer delivers {array.dtype} where the array's metadata say "
            f"{dtype}: readers would not find their way back; leave the filter out"
        )
    return np.ascontiguousarray(array).view(dtype)


def _request(wanted: tuple[int, int | None]) -> RangeByteRequest | None:
    start, stop = wanted
    return None if stop is None else RangeByteRequest(start, stop)


def _dtype(chunk_spec: ArraySpec) -> np.dtype[Any]:
    return chunk_spec.dtype.to_native_dtype()


def _nd_buffer(values: np.ndarray[Any, Any], chunk_spec: ArraySpec) -> NDBuffer:
    """Decoded values in the array's own byte order."""
    native = np.asarray(values).astype(_dtype(chunk_spec), copy=False)
    return chunk_spec.prototype.nd_buffer.from_numpy_array(native)
