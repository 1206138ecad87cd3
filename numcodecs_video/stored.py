"""The chunks of a Zarr array as they are stored: which there are, and what their headers say.

Knows Zarr's two formats, its shards and its stores, remote ones included; decodes no picture.
"""

from __future__ import annotations

import itertools
import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import google_crc32c  # which zarr needs itself
from zarr.abc.store import ByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from numcodecs_video.config import Settings, UnreadableSettings
from numcodecs_video.errors import DecodeError
from numcodecs_video.format.header import Header
from numcodecs_video.format.payload import PREFIX_SIZE, header_size, parse_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    import zarr

__all__ = [
    "StoredChunk",
    "chunks_of_object",
    "codecs_of",
    "holds_payloads",
    "settings_of",
    "stored_chunks",
    "stored_objects",
]

#: read at first: most headers are smaller, so that one request does
HEAD_BYTES = 4096
_NOT_THERE = 2**64 - 1  # what a shard's index says of a chunk that was never written


@dataclass(frozen=True)
class StoredChunk:
    """One chunk of an array, where it lies in its store.

    Attributes
    ----------
    array : zarr.Array
    coordinates : tuple of int
        Of the chunk in the array's grid of chunks.
    key : str
        Of the object in the store that holds it.
    start, stop : int
        Its bytes within that object, when it is in a shard; else 0 and None for all of it.
    """

    array: zarr.Array[Any]
    coordinates: tuple[int, ...]
    key: str
    start: int = 0
    stop: int | None = None

    @property
    def name(self) -> str:
        """The key, and within a shard the chunk's coordinates too."""
        inner = "" if self.stop is None else f" [{', '.join(map(str, self.coordinates))}]"
        return self.key + inner

    @property
    def region(self) -> tuple[slice, ...]:
        """The cells of the array that the chunk holds."""
        return tuple(
            slice(i * length, min((i + 1) * length, size))
            for i, length, size in zip(
                self.coordinates, self.array.chunks, self.array.shape, strict=True
            )
        )

    def read(self) -> bytes:
        """Read all bytes of the chunk."""
        return self._read(self.start, self.stop)

    def read_header(self) -> Header:
        """Read and parse the header of a payload.

        Raises
        ------
        DecodeError
            If the chunk is no payload, or its header is damaged; the message names the chunk.
        """
        try:
            head = self._read(self.start, self._end(HEAD_BYTES))
            size = header_size(head[:PREFIX_SIZE])
            if size > len(head):
                head = self._read(self.start, self._end(size))
            return parse_header(head)
        except DecodeError as error:
            raise DecodeError(f"{self.name}: {error}") from error

    def _end(self, length: int) -> int:
        end = self.start + length
        return end if self.stop is None else min(end, self.stop)

    def _read(self, start: int, stop: int | None) -> bytes:
        request = None if stop is None else RangeByteRequest(start, stop)
        data = _read(self.array, self.key, request)
        if data is None:
            raise DecodeError(f"{self.name} has vanished from the store")
        return data


def codecs_of(array: zarr.Array[Any]) -> list[Any]:
    """List what turns a chunk into bytes, in order; inside of shards, what codes their chunks."""
    coders = [*array.filters, array.serializer, *array.compressors]
    flat = [inner for coder in coders for inner in getattr(coder, "codecs", (coder,))]
    return [coder for coder in flat if coder is not None]


def settings_of(array: zarr.Array[Any]) -> Settings | None:
    """Return the settings of the video codec of an array; None where it has another codec."""
    found = (getattr(codec, "settings", None) for codec in codecs_of(array))
    return next((settings for settings in found if isinstance(settings, Settings)), None)


def holds_payloads(array: zarr.Array[Any]) -> bool:
    """Tell whether the stored bytes of a chunk are a payload: nothing codes them any further."""
    last = codecs_of(array)[-1:]
    return bool(last) and isinstance(
        getattr(last[0], "settings", None), Settings | UnreadableSettings
    )


def stored_chunks(array: zarr.Array[Any]) -> Iterator[StoredChunk]:
    """Walk the chunks that are in the store; those of fill values alone are not.

    Parameters
    ----------
    array : zarr.Array

    Yields
    ------
    StoredChunk
        In C order; in shards, shard by shard.

    Raises
    ------
    DecodeError
        If the index of a shard is damaged; the message names the shard.
    """
    for coordinates, key in stored_objects(array):
        yield from chunks_of_object(array, coordinates, key)


def stored_objects(array: zarr.Array[Any]) -> Iterator[tuple[tuple[int, ...], str]]:
    """Walk the objects of an array in its store, chunks or shards, by grid position and key."""
    keys = set(_keys(array))
    for coordinates in _grid(array.shape, array.shards or array.chunks):
        key = array.metadata.encode_chunk_key(coordinates)
        key = f"{array.path}/{key}" if array.path else key
        if key in keys:
            yield coordinates, key


def chunks_of_object(
    array: zarr.Array[Any], coordinates: tuple[int, ...], key: str
) -> list[StoredChunk]:
    """List the chunks of one object: itself, or those in a shard that hold something.

    Raises
    ------
    DecodeError
        If the index of a shard is damaged.
    """
    if array.shards is None:
        return [StoredChunk(array, coordinates, key)]
    inner = tuple(s // c for s, c in zip(array.shards, array.chunks, strict=True))
    places = zip(_grid(inner, (1,) * len(inner)), _read_index(array, key, inner), strict=True)
    return [
        StoredChunk(
            array,
            tuple(s * n + i for s, n, i in zip(coordinates, inner, within, strict=True)),
            key,
            start,
            start + length,
        )
        for within, (start, length) in places
        if (start, length) != (_NOT_THERE, _NOT_THERE)
    ]


def _grid(shape: tuple[int, ...], lengths: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    counts = (-(-size // length) for size, length in zip(shape, lengths, strict=True))
    return itertools.product(*map(range, counts))


def _keys(array: zarr.Array[Any]) -> list[str]:
    """List the objects below an array: one listing costs less than asking for every chunk."""
    prefix = f"{array.path}/" if array.path else ""

    async def collect() -> list[str]:
        return [key async for key in array.store.list_prefix(prefix)]

    return sync(collect())


def _read(array: zarr.Array[Any], key: str, request: ByteRequest | None = None) -> bytes | None:
    found = sync(array.store.get(key, default_buffer_prototype(), request))
    return None if found is None else found.to_bytes()


def _read_index(array: zarr.Array[Any], key: str, inner: tuple[int, ...]) -> list[tuple[int, int]]:
    """Read where a shard's chunks lie: little-endian pairs of offset and length, and a CRC32C.

    See the sharding codec in the specification of Zarr 3; zarr has no public reader of it.
    """
    metadata: Any = array.metadata
    codec = metadata.codecs[0]
    if [type(c).__name__ for c in codec.index_codecs] != ["BytesCodec", "Crc32cCodec"]:
        raise DecodeError(f"{key} codes the index of its shard in a way that is unknown here")
    count = math.prod(inner)
    size = 16 * count + 4
    # An enumeration in zarr 3.1, a word in 3.4.
    at_end = getattr(codec.index_location, "value", codec.index_location) == "end"
    data = _read(array, key, SuffixByteRequest(size) if at_end else RangeByteRequest(0, size))
    if data is None or len(data) != size:
        raise DecodeError(f"{key} is too short for the index of its shard")
    if google_crc32c.value(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise DecodeError(f"{key}: the index of the shard fails its checksum")
    flat = struct.unpack_from(f"<{2 * count}Q", data)
    return list(zip(flat[::2], flat[1::2], strict=True))
