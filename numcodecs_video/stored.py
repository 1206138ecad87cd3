"""The chunks of a Zarr array as they are stored: which there are, and what their headers say.

Knows Zarr's two formats, its shards and its stores, remote ones included; decodes no picture.

The only module here that leans on parts of zarr that its documentation does not promise to keep:

- ``zarr.core.sync.sync``, which runs what stores do asynchronously;
- of an array's metadata, ``encode_chunk_key``, ``codecs``, ``chunk_grid``, and of that
  ``chunk_shape`` or (rectilinear grids) ``chunk_shapes``;
- of the sharding codec, ``chunk_shape``, ``codecs``, ``index_codecs`` and ``index_location``.

Each is there in zarr 3.1.6 to 3.4.2; tests/stores/test_private_parts.py says which one a release
lacks.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import re
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import google_crc32c
from zarr.abc.store import ByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.buffer.cpu import buffer_prototype
from zarr.core.sync import sync
from zarr.storage import LocalStore

from numcodecs_video.config import Settings, UnreadableSettings
from numcodecs_video.errors import DecodeError
from numcodecs_video.format.header import Header
from numcodecs_video.format.payload import PREFIX_SIZE, header_size, parse_header

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence

    import zarr

__all__ = [
    "Lengths",
    "StoredChunk",
    "batches",
    "chunk_counts",
    "chunk_lengths",
    "codecs_of",
    "filters_of",
    "holds_payloads",
    "pack_shard",
    "read_headers",
    "read_heads",
    "read_payloads",
    "settings_of",
    "stored_bytes",
    "stored_chunks",
    "stored_objects",
    "write_object",
]

#: read at first: most headers are smaller, so that one request does
HEAD_BYTES = 4096
#: requests that are under way together: stores far away answer them in the time of one
AT_ONCE = 64
_NOT_THERE = 2**64 - 1  # what a shard's index says of a chunk that was never written

Lengths = int | tuple[int, ...]  # of the chunks along one dimension: all the same, or each its own
_T = TypeVar("_T")


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
    def shape(self) -> tuple[int, ...]:
        """The shape that the array's metadata declare for the chunk, padding included."""
        return tuple(stop - start for start, stop in self._bounds())

    @property
    def region(self) -> tuple[slice, ...]:
        """The cells of the array that the chunk holds."""
        return tuple(
            slice(start, min(stop, size))
            for (start, stop), size in zip(self._bounds(), self.array.shape, strict=True)
        )

    def read(self) -> bytes:
        """Read all bytes of the chunk."""
        return sync(self._read(self.start, self.stop))

    def read_header(self) -> Header:
        """Read and parse the header of a payload.

        Raises
        ------
        DecodeError
            If the chunk is no payload, or its header is damaged; the message names the chunk.
        """
        return next(read_headers([self]))

    def _bounds(self) -> list[tuple[int, int]]:
        lengths = chunk_lengths(self.array)
        return [_bounds_at(n, i) for n, i in zip(lengths, self.coordinates, strict=True)]

    async def _read_head(self) -> bytes:
        head = await self._read(self.start, self._end(HEAD_BYTES))
        try:
            size = header_size(head[:PREFIX_SIZE])
        except DecodeError as error:
            raise DecodeError(f"{self.name}: {error}") from error
        return head if size <= len(head) else await self._read(self.start, self._end(size))

    def _end(self, length: int) -> int:
        end = self.start + length
        return end if self.stop is None else min(end, self.stop)

    async def _read(self, start: int, stop: int | None) -> bytes:
        request = None if stop is None else RangeByteRequest(start, stop)
        try:
            data = await _read(self.array, self.key, request)
        except ValueError:  # a range beyond the end, to Icechunk
            if self.stop is not None:
                raise
            data = await _read(self.array, self.key)
        if data is None:
            raise DecodeError(f"{self.name} has vanished from the store")
        return data


def read_headers(chunks: Iterable[StoredChunk]) -> Iterator[Header]:
    """Read and parse the headers of payloads, a bounded number of requests at once.

    Raises
    ------
    DecodeError
        If a chunk is no payload, or its header is damaged; the message names the chunk.
    """
    return (header for header, _ in read_heads(chunks))


def read_heads(chunks: Iterable[StoredChunk]) -> Iterator[tuple[Header, str]]:
    """Read headers as `read_headers` does, each with a fingerprint of the payload.

    The fingerprint is eight digits that tell a header, the checksums of its content included.
    """
    for batch in batches(chunks):
        heads = _at_once(chunk._read_head() for chunk in batch)
        for chunk, head in zip(batch, heads, strict=True):
            try:
                header = parse_header(head)
            except DecodeError as error:
                raise DecodeError(f"{chunk.name}: {error}") from error
            yield header, f"{zlib.crc32(head[: header_size(head[:PREFIX_SIZE])]):08x}"


def read_payloads(chunks: Sequence[StoredChunk]) -> list[bytes]:
    """Read all bytes of some chunks at once."""
    return _at_once(chunk._read(chunk.start, chunk.stop) for chunk in chunks)


def write_object(array: zarr.Array[Any], coordinates: tuple[int, ...], data: bytes) -> None:
    """Put bytes into the store as one chunk, or shard, of an array."""
    key = array.metadata.encode_chunk_key(coordinates)
    path = f"{array.path}/{key}" if array.path else key
    sync(array.store.set(path, buffer_prototype.buffer.from_bytes(data)))


def pack_shard(payloads: Mapping[tuple[int, ...], bytes], counts: tuple[int, ...]) -> bytes:
    """Put chunks, by their places in a shard of so many, into its bytes; the index at the end."""
    parts, places, at = [], [], 0
    for place in itertools.product(*map(range, counts)):
        data = payloads.get(place)
        places.append((_NOT_THERE, _NOT_THERE) if data is None else (at, len(data)))
        parts.append(data or b"")
        at += len(parts[-1])
    index = b"".join(struct.pack("<2Q", *place) for place in places)
    return b"".join(parts) + index + struct.pack("<I", google_crc32c.value(index))


def chunk_lengths(array: zarr.Array[Any]) -> tuple[Lengths, ...]:
    """Say how long chunks are along each dimension; those in shards, where there are shards."""
    sharding = _sharding_of(array)
    return _outer_lengths(array) if sharding is None else tuple(sharding.chunk_shape)


def chunk_counts(array: zarr.Array[Any]) -> tuple[int, ...]:
    """Count the chunks along each dimension, those in shards one by one."""
    return tuple(
        -(-size // n) if isinstance(n, int) else len(n)
        for size, n in zip(array.shape, chunk_lengths(array), strict=True)
    )


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


def filters_of(array: zarr.Array[Any]) -> list[Any]:
    """List what changes the values of a chunk before the video codec sees them."""
    codecs = codecs_of(array)
    ours = (isinstance(getattr(codec, "settings", None), Settings) for codec in codecs)
    at = next((i for i, found in enumerate(ours) if found), 0)
    return codecs[:at]


def stored_chunks(
    array: zarr.Array[Any], *, on_fault: Callable[[str, DecodeError], None] | None = None
) -> Iterator[StoredChunk]:
    """Walk the chunks that are in the store; those of fill values alone are not.

    Takes time by what is stored, never by the grid that is declared.

    Parameters
    ----------
    array : zarr.Array
    on_fault : callable, optional
        Told the key of a shard whose index is damaged, and how; the walk then goes on.

    Yields
    ------
    StoredChunk
        In C order; in shards, shard by shard.

    Raises
    ------
    DecodeError
        If the index of a shard is damaged; the message names the shard.
    """
    objects = stored_objects(array)
    sharding = _sharding_of(array)
    if sharding is None:
        for coordinates, key in objects:
            yield StoredChunk(array, coordinates, key)
        return
    for batch in batches(objects):
        indexes = _at_once(_read_index(array, coordinates, key) for coordinates, key in batch)
        for (_, key), found in zip(batch, indexes, strict=True):
            if not isinstance(found, DecodeError):
                yield from found
            elif on_fault is None:
                raise found
            else:
                on_fault(key, found)


def stored_bytes(array: zarr.Array[Any]) -> int:
    """Return how many bytes an array takes in its store, its metadata included.

    Raises
    ------
    OSError
        If a folder of it is closed to the reader.
    """
    _check_open(array)
    return array.nbytes_stored()


def stored_objects(array: zarr.Array[Any]) -> list[tuple[tuple[int, ...], str]]:
    """List the objects of an array in its store, chunks or shards, by grid position and key."""
    prefix = f"{array.path}/" if array.path else ""
    found = ((_position_of(array, key.removeprefix(prefix)), key) for key in _keys(array, prefix))
    return sorted((position, key) for position, key in found if position is not None)


def _position_of(array: zarr.Array[Any], key: str) -> tuple[int, ...] | None:
    """Read the grid position out of a key; None where it is no chunk of the array."""
    numbers = re.findall(r"\d+", key)
    position = tuple(map(int, numbers)) if array.ndim else ()
    if len(position) != array.ndim or array.metadata.encode_chunk_key(position) != key:
        return None
    inside = zip(_outer_lengths(array), position, array.shape, strict=True)
    return position if all(_is_inside(n, i, size) for n, i, size in inside) else None


def _is_inside(lengths: Lengths, i: int, size: int) -> bool:
    return (isinstance(lengths, int) or i < len(lengths)) and _bounds_at(lengths, i)[0] < size


def _bounds_at(lengths: Lengths, i: int) -> tuple[int, int]:
    """Return where the chunk at a position starts and ends along one dimension."""
    if isinstance(lengths, int):
        return i * lengths, (i + 1) * lengths
    ends = _ends(lengths)
    return ends[i] - lengths[i], ends[i]


@lru_cache
def _ends(lengths: tuple[int, ...]) -> list[int]:
    return list(itertools.accumulate(lengths))


def _outer_lengths(array: zarr.Array[Any]) -> tuple[Lengths, ...]:
    """Say how long chunks or shards are: one number a dimension, or one for each of them."""
    metadata: Any = array.metadata
    if metadata.zarr_format == 2:
        return tuple(metadata.chunks)
    grid = metadata.chunk_grid  # rectilinear ones (zarr >= 3.4) have a plural
    lengths = grid.chunk_shapes if hasattr(grid, "chunk_shapes") else grid.chunk_shape
    return tuple(n if isinstance(n, int) else tuple(n) for n in lengths)


def _sharding_of(array: zarr.Array[Any]) -> Any:
    """Return the sharding codec; None where chunks are objects of their own."""
    codec = getattr(array.metadata, "codecs", (None,))[0]
    return codec if hasattr(codec, "index_codecs") else None


def _keys(array: zarr.Array[Any], prefix: str) -> list[str]:
    """List the objects below an array: one listing costs less than asking for every chunk."""
    _check_open(array)

    async def collect() -> list[str]:
        return [key async for key in array.store.list_prefix(prefix)]

    return sync(collect())


def _check_open(array: zarr.Array[Any]) -> None:
    """Raise of a folder that may not be listed, whose chunks would pass for absent ones.

    ``LocalStore`` leaves them out in silence (seen in zarr 3.1.6 to 3.4.2).
    """
    if not isinstance(array.store, LocalStore):
        return

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for _ in os.walk(array.store.root / array.path, onerror=refuse):
        pass


def batches(items: Iterable[_T]) -> Iterator[list[_T]]:
    """Cut what there is to read into parts that are read at once."""
    rest = iter(items)
    while batch := list(itertools.islice(rest, AT_ONCE)):
        yield batch


def _at_once(reads: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    async def gather() -> list[_T]:
        return await asyncio.gather(*reads)

    return sync(gather())


async def _read(
    array: zarr.Array[Any], key: str, request: ByteRequest | None = None
) -> bytes | None:
    found = await array.store.get(key, buffer_prototype, request)
    return None if found is None else found.to_bytes()


async def _read_index(
    array: zarr.Array[Any], coordinates: tuple[int, ...], key: str
) -> list[StoredChunk] | DecodeError:
    """Find the chunks that a shard holds, or what is wrong with its index.

    Little-endian pairs of offset and length, and a CRC32C: see the sharding codec in the
    specification of Zarr 3; zarr has no public reader of it.
    """
    codec = _sharding_of(array)
    if [type(c).__name__ for c in codec.index_codecs] != ["BytesCodec", "Crc32cCodec"]:
        return DecodeError(f"{key} codes the index of its shard in a way that is unknown here")
    bounds = [_bounds_at(n, i) for n, i in zip(_outer_lengths(array), coordinates, strict=True)]
    first = [start // n for (start, _), n in zip(bounds, codec.chunk_shape, strict=True)]
    counts = [
        (stop - start) // n for (start, stop), n in zip(bounds, codec.chunk_shape, strict=True)
    ]
    size = 16 * math.prod(counts) + 4
    # An enumeration in zarr 3.1, a word in 3.4.
    at_end = getattr(codec.index_location, "value", codec.index_location) == "end"
    request = SuffixByteRequest(size) if at_end else RangeByteRequest(0, size)
    data = await _read(array, key, request)
    if data is None or len(data) != size:
        return DecodeError(f"{key} is too short for the index of its shard")
    if google_crc32c.value(data[:-4]) != int.from_bytes(data[-4:], "little"):
        return DecodeError(f"{key}: the index of the shard fails its checksum")
    within = itertools.product(
        *(range(n, n + count) for n, count in zip(first, counts, strict=True))
    )
    return [
        StoredChunk(array, position, key, start, start + length)
        for position, (start, length) in zip(
            within, struct.iter_unpack("<2Q", data[:-4]), strict=True
        )
        if (start, length) != (_NOT_THERE, _NOT_THERE)
    ]
