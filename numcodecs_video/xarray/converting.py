"""Move a store from one Zarr format to the other without decoding its video.

Both formats hold the same payloads, so the bytes of every chunk are copied and only the metadata
are written anew: nothing is lost once more, and nothing takes the time of an encode.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import zarr

from numcodecs_video.codec import Jpeg2kCodec, VideoCodec
from numcodecs_video.config import Jpeg2kSettings
from numcodecs_video.errors import DecodeError, VideoCodecError
from numcodecs_video.sampling import regions_of
from numcodecs_video.stored import (
    batches,
    chunk_counts,
    chunk_lengths,
    filters_of,
    holds_payloads,
    pack_shard,
    read_headers,
    read_payloads,
    settings_of,
    stored_chunks,
    write_object,
)
from numcodecs_video.xarray.internals import FillValueCoder
from numcodecs_video.xarray.recording import open_group, silent_about_format_3

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numcodecs_video.stored import StoredChunk

__all__ = ["Conversion", "convert"]

DIMENSIONS = "_ARRAY_DIMENSIONS"  # where xarray keeps them in format 2
COPY_BYTES = 2**26  # of an array that holds no video, at once


@dataclass(frozen=True)
class Conversion:
    """What became of one array.

    Attributes
    ----------
    name : str
    moved : bool
        Its chunks are the same payloads; else its values were read and written as Zarr does.
    chunks, stored_bytes : int
        Those moved.
    """

    name: str
    moved: bool
    chunks: int
    stored_bytes: int


def convert(
    source: Any,
    target: Any,
    *,
    zarr_format: Literal[2, 3] | None = None,
    shards: Mapping[str, int] | None = None,
    advance: Callable[[int], None] | None = None,
) -> list[Conversion]:
    """Copy a store into a new one of the other Zarr format, video as the bytes that it is.

    Groups, attributes, dimensions, chunks and missing values stay. What is no video, or has filters
    before it, is read and written with Zarr's defaults.

    Parameters
    ----------
    source, target : str, path, zarr store or mapping
        A Zarr group, and where to write: nothing may be there yet.
    zarr_format : {2, 3}, optional
        Of the target; the one that the source has not, unless given.
    shards : mapping of str to int, optional
        Put chunks of format 3 into shards, so many cells long by dimension, rounded up to whole
        chunks; -1 is the whole dimension. Those left out are one chunk long.
    advance : callable, optional
        Told the stored bytes of every chunk that is moved.

    Returns
    -------
    list of Conversion

    Raises
    ------
    FileExistsError
        If there is a store at the target.
    VideoCodecError
        If `source` is an array; if an array cannot be moved: codec settings that this release does
        not know; chunks of more than one memory order, byte order or length, which format 2 does
        not have.

    Examples
    --------
    >>> import numpy as np
    >>> before, after = {}, {}
    >>> array = zarr.create_array(
    ...     before, name="v", shape=(4, 8, 8), chunks=(2, 8, 8), dtype="f4", zarr_format=2,
    ...     **VideoCodec(max_error=0.1).encoding(2),
    ... )
    >>> array[:] = np.random.default_rng(0).normal(size=array.shape)
    >>> convert(before, after)[0].chunks
    2
    >>> before["v/1.0.0"].to_bytes() == after["v/c/1/0/0"].to_bytes()
    True
    """
    group = open_group(source)
    number = zarr_format or (3 if group.metadata.zarr_format == 2 else 2)
    if shards and number == 2:
        raise VideoCodecError("format 2 has no shards: leave shards out, or take zarr_format=3")
    _check_shards(group, shards or {})
    root = _create_group(target, number)
    root.attrs.put(group.attrs.asdict())
    done = []
    with silent_about_format_3():
        for path, member in sorted(group.members(max_depth=None), key=lambda item: item[0]):
            if isinstance(member, zarr.Group):
                root.require_group(path).attrs.put(member.attrs.asdict())
            else:
                done.append(_convert_array(member, root, path, number, shards or {}, advance))
        if zarr.open_group(group.store, path=group.path, mode="r").metadata.consolidated_metadata:
            zarr.consolidate_metadata(root.store, path=root.path or None)
    return done


def _check_shards(group: zarr.Group, shards: Mapping[str, int]) -> None:
    """Refuse dimensions that no array has, before anything is written."""
    members = group.members(max_depth=None) if shards else ()
    arrays = [member for _, member in members if isinstance(member, zarr.Array)]
    dims = sorted({dim for array in arrays for dim in _attributes_of(array)[1] or ()})
    unknown = sorted(set(shards) - set(dims))
    if unknown:
        raise VideoCodecError(
            f"shards names {', '.join(unknown)}; the dimensions are {', '.join(dims) or 'none'}"
        )


def _create_group(target: Any, zarr_format: Literal[2, 3]) -> zarr.Group:
    """Create the group of a store that must not exist."""
    place = os.path.expanduser(target) if isinstance(target, (str, os.PathLike)) else target
    try:
        return zarr.open_group(place, mode="w-", zarr_format=zarr_format)
    except FileExistsError as error:
        raise FileExistsError(f"{place} exists: name another, or remove it beforehand") from error


def _convert_array(
    array: zarr.Array[Any],
    root: zarr.Group,
    path: str,
    zarr_format: Literal[2, 3],
    shards: Mapping[str, int],
    advance: Callable[[int], None] | None,
) -> Conversion:
    attributes, dims = _attributes_of(array)
    moves = holds_payloads(array) and not filters_of(array)
    options: dict[str, Any] = {"dtype": _dtype_of(array)}
    if moves:
        options = _video_options(array, path, zarr_format)
        sizes = _shard_of(array, dims, shards)
        if sizes is not None:
            options["shards"] = sizes
    elif all(isinstance(n, int) for n in chunk_lengths(array)):
        options["chunks"] = tuple(max(1, n) for n in chunk_lengths(array) if isinstance(n, int))
    fill, attributes = _fill_in(array, attributes, zarr_format)
    if fill is not None or zarr_format == 2:
        options["fill_value"] = fill
    if zarr_format == 3:
        options["dimension_names"] = dims
    elif dims is not None:
        attributes[DIMENSIONS] = list(dims)
    made = root.create_array(path, shape=array.shape, attributes=attributes, **options)
    if not moves:
        try:
            _copy_values(array, made)
        except Exception as error:  # codecs raise what they like on damaged bytes
            if isinstance(error, OSError):
                raise
            raise DecodeError(f"cannot read {path}: {error}") from error
        return Conversion(path, moved=False, chunks=0, stored_bytes=0)
    chunks = list(stored_chunks(array))
    moved = _move_chunks(chunks, made, advance)
    if fill is None or not _same(fill, array.fill_value):
        _fill_holes(array, made, {chunk.coordinates for chunk in chunks})
    return Conversion(path, moved=True, chunks=len(chunks), stored_bytes=moved)


def _video_options(array: zarr.Array[Any], path: str, zarr_format: Literal[2, 3]) -> dict[str, Any]:
    """Say how to create the array that takes the payloads of another."""
    settings, lengths = settings_of(array), chunk_lengths(array)
    if settings is None:
        raise VideoCodecError(f"{path}: this version cannot read the settings of its codec")
    if not all(isinstance(n, int) for n in lengths):
        raise VideoCodecError(
            f"{path} has chunks of several lengths, which are moved to no other grid"
        )
    kind = Jpeg2kCodec if isinstance(settings, Jpeg2kSettings) else VideoCodec
    options: dict[str, Any] = kind.from_settings(settings).encoding(zarr_format)
    options |= {"chunks": lengths, "dtype": _dtype_of(array)}
    if zarr_format == 2:
        # A reader of format 2 takes decoded bytes for the array's dtype and order, as they come.
        layouts = {(h.dtype, h.order) for h in read_headers(stored_chunks(array))}
        if len(layouts) > 1:
            raise VideoCodecError(
                f"{path} has chunks of several memory or byte orders, which format 2 keeps for a "
                "whole array: write it anew with compress"
            )
        for dtype, order in layouts:
            options |= {"dtype": np.dtype(dtype), "order": order}
    return options


def _move_chunks(
    chunks: Sequence[StoredChunk], made: zarr.Array[Any], advance: Callable[[int], None] | None
) -> int:
    """Write the payloads of chunks as chunks, or as shards, of another array."""
    total = 0
    for several in _by_object(chunks, made):
        found: dict[tuple[int, ...], bytes] = {}
        for batch in batches(several):
            payloads = read_payloads(batch)
            found |= {c.coordinates: data for c, data in zip(batch, payloads, strict=True)}
        for key, data in _objects(found, made):
            write_object(made, key, data)
        moved = sum(map(len, found.values()))
        total += moved
        if advance is not None:
            advance(moved)
    return total


def _by_object(chunks: Sequence[StoredChunk], made: zarr.Array[Any]) -> list[list[StoredChunk]]:
    """Group chunks by the shard that is to hold them; without shards, so many at once."""
    if made.shards is None:
        return list(batches(chunks))
    groups: dict[tuple[int, ...], list[StoredChunk]] = {}
    for chunk in chunks:
        groups.setdefault(_shard_at(chunk.coordinates, made), []).append(chunk)
    return list(groups.values())


def _objects(
    payloads: Mapping[tuple[int, ...], bytes], made: zarr.Array[Any]
) -> list[tuple[tuple[int, ...], bytes]]:
    if made.shards is None:
        return list(payloads.items())
    place = _shard_at(next(iter(payloads)), made)
    counts = _chunks_in_shard(made)
    within = {
        tuple(i - p * n for i, p, n in zip(at, place, counts, strict=True)): data
        for at, data in payloads.items()
    }
    return [(place, pack_shard(within, counts))]


def _shard_at(coordinates: tuple[int, ...], made: zarr.Array[Any]) -> tuple[int, ...]:
    return tuple(i // n for i, n in zip(coordinates, _chunks_in_shard(made), strict=True))


def _chunks_in_shard(made: zarr.Array[Any]) -> tuple[int, ...]:
    return tuple(s // n for s, n in zip(made.shards or made.chunks, made.chunks, strict=True))


def _shard_of(
    array: zarr.Array[Any], dims: tuple[str, ...] | None, shards: Mapping[str, int]
) -> tuple[int, ...] | None:
    """Round the lengths asked for to whole chunks; None where none is of this array."""
    if dims is None or not set(shards) & set(dims):
        return None
    sizes = []
    for dim, size, chunk in zip(dims, array.shape, chunk_lengths(array), strict=True):
        asked = shards.get(dim, 1)
        if not isinstance(chunk, int) or (asked < 1 and asked != -1):
            raise VideoCodecError(f"shards must be whole numbers from 1, or -1, got {dim}={asked}")
        sizes.append(max(1, math.ceil((size if asked == -1 else asked) / chunk)) * chunk)
    return tuple(sizes)


def _attributes_of(array: zarr.Array[Any]) -> tuple[dict[str, Any], tuple[str, ...] | None]:
    """Split what either format says of an array into its attributes and dimensions."""
    attributes = dict(array.attrs.asdict())
    dims: Any = attributes.pop(DIMENSIONS, None)
    named = getattr(array.metadata, "dimension_names", None)
    found = named if named is not None and None not in named else dims
    if array.ndim == 0:
        found = ()
    return attributes, None if found is None else tuple(map(str, found))


def _fill_in(
    array: zarr.Array[Any], attributes: dict[str, Any], zarr_format: Literal[2, 3]
) -> tuple[Any, dict[str, Any]]:
    """Keep apart what xarray reads as missing and what Zarr puts where no chunk is.

    Format 2 has one value for both, format 3 one in the metadata and one in an attribute.
    """
    fill, dtype = array.fill_value, array.dtype
    if array.metadata.zarr_format == zarr_format or dtype.kind not in "biufc":
        return (fill if zarr_format == 3 else array.metadata.fill_value), attributes
    if zarr_format == 3:
        if array.metadata.fill_value is not None and "_FillValue" not in attributes:
            attributes["_FillValue"] = FillValueCoder.encode(fill, dtype)
        return fill, attributes
    missing = attributes.pop("_FillValue", None)
    if missing is None:
        # A number would be taken for a missing value; NaN is one in any case.
        return (fill if dtype.kind == "f" and np.isnan(fill) else None), attributes
    coded = isinstance(missing, (str, list)) and dtype.kind in "fc"
    return (FillValueCoder.decode(missing, dtype) if coded else missing), attributes


def _fill_holes(array: zarr.Array[Any], made: zarr.Array[Any], there: set[tuple[int, ...]]) -> None:
    """Write the chunks that hold the old fill value alone, where the new one is another."""
    if _same(made.fill_value, array.fill_value):
        return
    lengths = [n for n in chunk_lengths(array) if isinstance(n, int)]
    if math.prod(chunk_counts(array)) == len(there):
        return
    counts = chunk_counts(array)
    for region in regions_of(counts, [1] * len(counts)):
        place = tuple(part.start for part in region)
        if place not in there:
            cells = tuple(
                slice(i * n, min((i + 1) * n, size))
                for i, n, size in zip(place, lengths, array.shape, strict=True)
            )
            made[cells] = array.fill_value


def _copy_values(array: zarr.Array[Any], made: zarr.Array[Any]) -> None:
    if array.ndim == 0:
        made[...] = array[...]
        return
    lengths = list(made.chunks)
    row = max(1, math.prod(array.shape[1:]) * max(1, array.dtype.itemsize))
    lengths[0] *= max(1, COPY_BYTES // (row * lengths[0]))
    for region in regions_of(array.shape, [lengths[0], *(max(1, n) for n in array.shape[1:])]):
        made[region] = array[region]


def _dtype_of(array: zarr.Array[Any]) -> Any:
    metadata: Any = array.metadata
    return metadata.dtype if metadata.zarr_format == 2 else metadata.data_type


def _same(a: Any, b: Any) -> bool:
    return bool(a == b or (a != a and b != b))
