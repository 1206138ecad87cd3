"""Copy datasets into a new Zarr store: values as stored, in bounded memory, with real progress.

Large arrays are created empty and then filled in blocks of whole chunks, so that no chunk is ever
encoded twice. Knows xarray and zarr; nothing of video, which is one more codec to it.
"""

from __future__ import annotations

import errno
import math
import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
import zarr

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.sampling import regions_of
from numcodecs_video.xarray.lazily import OWN_DIMENSIONS
from numcodecs_video.xarray.nodes import nodes_of
from numcodecs_video.xarray.quality import name_region
from numcodecs_video.xarray.recording import silent_about_format_3
from numcodecs_video.xarray.tuning import WORKERS
from numcodecs_video.xarray.writable import check_writable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from numcodecs_video.sampling import Region

__all__ = [
    "WORKERS",
    "Copy",
    "Encodings",
    "check_readable",
    "copied_bytes",
    "copy_groups",
    "counted_chunks",
    "fill_arrays",
    "read_region",
    "reason_of",
]

LARGE_BYTES = 2**24  # what is smaller xarray writes at once
CLOSED = (errno.EACCES, errno.EPERM)
BLOCK_BYTES = 2**28  # read at once: many chunks, where the source is laid out across ours
#: what ``Dataset.to_zarr`` takes as encoding, by group
Encodings = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Copy:
    """An array that is filled chunk by chunk.

    Attributes
    ----------
    name : str
        With the path of its group.
    source : xarray.Variable
    target : zarr.Array
    start : tuple of int
        Where in the target the first cell of the source goes.
    """

    name: str
    source: xr.Variable
    target: zarr.Array[Any]
    start: tuple[int, ...]

    @property
    def region(self) -> Region:
        """Of the target."""
        ends = zip(self.start, self.source.shape, strict=True)
        return tuple(slice(start, start + length) for start, length in ends)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Of what is written at once: shards, where there are some."""
        return self.target.shards or self.target.chunks


def copy_groups(
    groups: Mapping[str, xr.Dataset],
    path: str,
    encodings: Encodings,
    *,
    zarr_format: Literal[2, 3],
    advance: Callable[[int], None],
) -> None:
    """Write datasets to the groups of a store that does not exist yet.

    Parameters
    ----------
    groups : mapping of str to xarray.Dataset
        By the path of the group, "/" first; opened without any decoding, so that what is copied is
        what is stored.
    path : str
        Path or URL of the new store.
    encodings : mapping
        By group, as ``Dataset.to_zarr`` takes them; variables left out get Zarr's defaults.
    zarr_format : {2, 3}
        Format of the new store.
    advance : callable
        Told the raw bytes of each chunk once it is written; `copied_bytes` is where they end.

    Raises
    ------
    VideoCodecError
        If a chunk cannot be read or encoded, or a variable or an attribute is none that a store can
        hold; the message says which.
    """
    check_writable(nodes_of(dict(groups)))
    copies = []
    for group, ds in groups.items():
        copies += _create(ds, path, group, encodings.get(group, {}), zarr_format)
    fill_arrays(copies, advance)
    with silent_about_format_3():
        for group in reversed(list(groups)):  # from within, so that the root knows all
            zarr.consolidate_metadata(path, path=group.strip("/"), zarr_format=zarr_format)


def copied_bytes(groups: Mapping[str, xr.Dataset], encodings: Encodings) -> int:
    """Return how many bytes `copy_groups` will report."""
    return sum(
        ds.variables[name].nbytes
        for group, ds in groups.items()
        for name in _large_variables(ds, encodings.get(group, {}))
    )


def counted_chunks(groups: Mapping[str, xr.Dataset], encodings: Encodings) -> int:
    """Return how many chunks of video there are."""
    return sum(
        math.prod(
            math.ceil(size / length)
            for size, length in zip(groups[group][name].shape, given["chunks"], strict=True)
        )
        for group, chosen in encodings.items()
        for name, given in chosen.items()
        if "chunks" in given
    )


def _create(
    ds: xr.Dataset,
    path: str,
    group: str,
    encodings: Mapping[str, Mapping[str, Any]],
    zarr_format: Literal[2, 3],
) -> list[Copy]:
    """Write a group with its small arrays, and say what is left to fill."""
    large = _large_variables(ds, encodings)
    # xarray writes a float array without a fill value as if NaN were one, unless told otherwise.
    said = {
        str(name): {
            **({} if "_FillValue" in variable.attrs else {"_FillValue": None}),
            **encodings.get(str(name), {}),
        }
        for name, variable in ds.variables.items()
    }
    mode: Literal["w-", "a"] = "w-"
    for part in _by_own_dimensions(ds, _with_empty(ds, group, large, said, zarr_format)):
        given = {name: said[name] for name in map(str, part.variables)}
        try:
            with silent_about_format_3():
                part.to_zarr(
                    path, group=group, mode=mode, zarr_format=zarr_format, encoding=given,
                    consolidated=False,
                )  # fmt: skip
        except (OSError, VideoCodecError):
            raise
        except (KeyError, NotImplementedError, TypeError, ValueError) as error:  # whatever it is of
            _name_unwritable(part.drop_vars(large, errors="ignore"), group, zarr_format)
            raise VideoCodecError(f"cannot write group {group}: {reason_of(error)}") from error
        mode = "a"
    made = zarr.open_group(path, path=group.strip("/"), mode="r+", use_consolidated=False)
    copies = []
    for name in large:
        target = made[name]
        if not isinstance(target, zarr.Array):
            raise TypeError(f"{name} in {path} is no array")
        start = (0,) * target.ndim
        copies.append(Copy(f"{group}/{name}".lstrip("/"), ds.variables[name], target, start))
    return copies


def _name_unwritable(ds: xr.Dataset, group: str, zarr_format: Literal[2, 3]) -> None:
    """Write variables to memory one by one, to name the first that Zarr has nothing for.

    Raises
    ------
    VideoCodecError
        If there is one.
    """
    for name in ds.variables:
        try:
            with silent_about_format_3():
                ds[[name]].reset_coords().to_zarr({}, zarr_format=zarr_format, consolidated=False)
        except Exception as error:
            raise VideoCodecError(
                f"cannot write {f'{group}/{name}'.lstrip('/')} to Zarr: "
                f"{reason_of(error).rstrip('.')}; choose other variables by --var"
            ) from error


def _by_own_dimensions(ds: xr.Dataset, filled: xr.Dataset) -> Iterator[xr.Dataset]:
    """Give resolutions of a pyramid the names that their dimensions have in the source again.

    A dataset has one size for a name, so each of them is one.
    """
    own = {
        str(name): variable.encoding[OWN_DIMENSIONS]
        for name, variable in ds.variables.items()
        if OWN_DIMENSIONS in variable.encoding
    }
    yield filled.drop_vars(list(own))
    for name, dims in own.items():
        variable = filled.variables[name]
        renamed = xr.Variable(dims, variable.data, variable.attrs)
        yield xr.Dataset({name: renamed}, attrs=filled.attrs)


def _large_variables(ds: xr.Dataset, encodings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Name the variables that are copied in blocks: all video, and other large numbers."""
    return [
        str(name)
        for name, variable in ds.variables.items()
        if name in encodings
        or (
            variable.nbytes > LARGE_BYTES
            and variable.dtype.kind in "biufc"
            and name not in ds.indexes  # which xarray holds in memory anyway
        )
    ]


def _with_empty(
    ds: xr.Dataset,
    group: str,
    names: Sequence[str],
    encodings: Mapping[str, Mapping[str, Any]],
    zarr_format: Literal[2, 3],
) -> xr.Dataset:
    """Read the small arrays, and stand one fill value in for each of the large ones.

    Zarr does not write chunks that hold its fill value alone, so xarray creates the arrays with all
    their metadata and no data, whatever their size.
    """
    stand_ins = {}
    for name, variable in ds.variables.items():
        if name not in names:
            whole = tuple(slice(0, size) for size in variable.shape)
            values = read_region(f"{group}/{name}".lstrip("/"), variable, whole, variable.shape)
            stand_ins[name] = variable.copy(deep=False, data=values)
    for name in names:
        variable = ds.variables[name]
        fill = _fill_value(variable, encodings[name], zarr_format)
        empty = np.broadcast_to(np.asarray(fill).astype(variable.dtype), variable.shape)
        stand_ins[name] = xr.Variable(variable.dims, empty, variable.attrs)
    result = ds.assign(stand_ins)
    for variable in result.variables.values():
        variable.encoding = {}  # chunks and compressors of the source are not the copy's
    return result


def _fill_value(
    variable: xr.Variable, encoding: Mapping[str, Any], zarr_format: Literal[2, 3]
) -> Any:
    """Return the fill value that xarray will give to the array: its rule differs by format."""
    if zarr_format == 2:
        return variable.attrs.get("_FillValue", 0)
    return encoding.get("fill_value", np.nan if variable.dtype.kind == "f" else 0)


def fill_arrays(copies: Iterable[Copy], advance: Callable[[int], None]) -> None:
    """Copy all values, reading in one thread and encoding in several, whosever chunks they are.

    Parameters
    ----------
    copies : iterable of Copy
    advance : callable
        Told the raw bytes of each chunk once it is written.
    """
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="numcodecs_video_copy")
    pending: set[Future[int]] = set()
    waiting = 0  # bytes that were read and are not written yet

    def take(done: Iterable[Future[int]]) -> None:
        nonlocal waiting
        for task in done:
            pending.discard(task)
            size = task.result()
            waiting -= size
            advance(size)

    try:
        for copy in copies:
            for block in _blocks(copy.region, copy.lengths, copy.source.dtype.itemsize):
                size = _bytes_in(block, copy.source.dtype.itemsize)
                while pending and waiting + size > BLOCK_BYTES:
                    take(wait(pending, return_when=FIRST_COMPLETED).done)
                values = _read(copy, block)
                waiting += size
                for chunk in regions_of(block, copy.lengths):
                    part = values[_relative(chunk, block)]
                    run = copy_context().run  # of a bar that watches what is encoded
                    pending.add(pool.submit(run, _write_chunk, copy.target, chunk, part))
        while pending:
            take(wait(pending, return_when=FIRST_COMPLETED).done)
    except BaseException as error:
        # Not the rest of the block; and whoever interrupts does not wait for what is being encoded.
        pool.shutdown(wait=not isinstance(error, KeyboardInterrupt), cancel_futures=True)
        raise
    pool.shutdown()


def _read(copy: Copy, block: Region) -> NDArray[Any]:
    """Read a block of the target."""
    return read_region(copy.name, copy.source, _relative(block, copy.region), copy.lengths)


def read_region(
    name: str, source: xr.Variable, region: Region, lengths: Sequence[int]
) -> NDArray[Any]:
    """Read cells, and name what cannot be read as closely as chunks allow.

    Parameters
    ----------
    name : str
        Of the variable, with the path of its group.
    source : xarray.Variable
    region : tuple of slice
    lengths : sequence of int
        Of the pieces to try, where the source does not tell its chunks.

    Raises
    ------
    VideoCodecError
        If they cannot be read.
    """
    try:
        return np.asarray(source[region].values)
    except Exception as error:
        chunks = source.encoding.get("chunks") or source.encoding.get("chunksizes")
        for chunk in regions_of(
            region, chunks if chunks and len(chunks) == len(region) else lengths
        ):
            try:
                _ = source[chunk].values
            except Exception as cause:
                place = name_region(name, chunk) if chunk else name
                hint = "; doctor lists all chunks of a store that are damaged"
                if isinstance(cause, OSError) and cause.errno in CLOSED:
                    hint = ""
                raise VideoCodecError(f"cannot read {place}: {reason_of(cause)}{hint}") from cause
        place = name_region(name, region) if region else name
        raise VideoCodecError(f"cannot read {place}: {reason_of(error)}") from error


def check_readable(groups: Mapping[str, xr.Dataset]) -> None:
    """Read all variables piece by piece, to name the first that cannot be read.

    Raises
    ------
    VideoCodecError
        If there is one.
    """
    for group, ds in groups.items():
        for name, variable in ds.variables.items():
            chunks = variable.encoding.get("chunks") or variable.shape
            whole = tuple(slice(0, size) for size in variable.shape)
            for piece in regions_of(whole, [max(1, length) for length in chunks]):
                read_region(f"{group}/{name}".lstrip("/"), variable, piece, chunks)


def _write_chunk(target: zarr.Array[Any], region: Region, values: NDArray[Any]) -> int:
    """Write one chunk and return its raw size."""
    try:
        target[region] = values
    except VideoCodecError as error:
        raise VideoCodecError(f"{name_region(target.basename, region)}: {error}") from error
    return int(values.nbytes)


def reason_of(error: Exception) -> str:
    """Say in one line what an error says, or what it is where it says nothing.

    Examples
    --------
    >>> reason_of(PermissionError(13, "Permission denied", "a.nc"))
    'a.nc: Permission denied, which its owner may grant'
    """
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        grant = ", which its owner may grant" if error.errno in CLOSED else ""
        return f"{os.fsdecode(error.filename)}: {error.strerror}{grant}"
    return " ".join(str(error).split()) or type(error).__name__


def _bytes_in(region: Region, itemsize: int) -> int:
    return itemsize * int(math.prod(part.stop - part.start for part in region))


def _blocks(region: Region, chunks: Sequence[int], itemsize: int) -> Iterator[Region]:
    """Cut a region into blocks of whole chunks, as large as `BLOCK_BYTES` allows.

    A source with one date a chunk has to be read for every block that cuts through its pictures:
    blocks grow along the last axes first, which cuts them least often.
    """
    lengths = list(chunks)
    for axis in reversed(range(len(region))):
        slab = math.prod(lengths) * itemsize  # what one more chunk along this axis adds
        room = max(1, BLOCK_BYTES // slab)
        size = region[axis].stop - region[axis].start
        lengths[axis] *= max(1, min(room, math.ceil(size / chunks[axis])))
    return regions_of(region, lengths)


def _relative(region: Region, block: Region) -> Region:
    """Give a region of an array as a region of the block that holds it."""
    return tuple(
        slice(part.start - whole.start, part.stop - whole.start)
        for part, whole in zip(region, block, strict=True)
    )
