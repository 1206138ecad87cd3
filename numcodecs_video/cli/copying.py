"""Copy a dataset into a new Zarr store: values as stored, in bounded memory, with real progress.

Large arrays are created empty and then filled in blocks of whole chunks, so that no chunk is ever
encoded twice. Knows xarray and zarr; nothing of video, which is one more codec to it.
"""

from __future__ import annotations

import itertools
import math
import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
import zarr

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.recording import silent_about_format_3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["copied_bytes", "copy_dataset"]

LARGE_BYTES = 2**24  # what is smaller xarray writes at once
BLOCK_BYTES = 2**28  # read at once: many chunks, where the source is laid out across ours
WORKERS = min(8, os.cpu_count() or 1)  # each holds one chunk while it encodes

Region = tuple[slice, ...]


def copy_dataset(
    ds: xr.Dataset,
    path: str,
    encodings: Mapping[str, Mapping[str, Any]],
    *,
    zarr_format: Literal[2, 3],
    advance: Callable[[int], None],
) -> None:
    """Write a dataset to a store that does not exist yet.

    Parameters
    ----------
    ds : xarray.Dataset
        Opened without any decoding, so that what is copied is what is stored.
    path : str
        Path or URL of the new store.
    encodings : mapping of str to mapping
        As ``Dataset.to_zarr`` takes them; variables left out get Zarr's defaults.
    zarr_format : {2, 3}
        Format of the new store.
    advance : callable
        Told the raw bytes of each chunk once it is written; `copied_bytes` is where they end.

    Raises
    ------
    VideoCodecError
        If a chunk cannot be encoded; the message says which.
    """
    large = _large_variables(ds, encodings)
    # xarray writes a float array without a fill value as if NaN were one, unless told otherwise.
    said = {
        str(name): {
            **({} if "_FillValue" in variable.attrs else {"_FillValue": None}),
            **encodings.get(str(name), {}),
        }
        for name, variable in ds.variables.items()
    }
    with silent_about_format_3():
        _with_empty(ds, large, said, zarr_format).to_zarr(
            path, mode="w-", zarr_format=zarr_format, encoding=said
        )
    group = zarr.open_group(path, mode="r+", use_consolidated=False)
    for name in large:
        target = group[name]
        if not isinstance(target, zarr.Array):
            raise TypeError(f"{name} in {path} is no array")
        _fill_array(ds.variables[name], target, advance)


def copied_bytes(ds: xr.Dataset, encodings: Mapping[str, Mapping[str, Any]]) -> int:
    """Return how many bytes `copy_dataset` will report."""
    return sum(ds.variables[name].nbytes for name in _large_variables(ds, encodings))


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
    names: Sequence[str],
    encodings: Mapping[str, Mapping[str, Any]],
    zarr_format: Literal[2, 3],
) -> xr.Dataset:
    """Stand one fill value in for each of the large arrays.

    Zarr does not write chunks that hold its fill value alone, so xarray creates the arrays with all
    their metadata and no data, whatever their size.
    """
    stand_ins = {}
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


def _fill_array(
    source: xr.Variable, target: zarr.Array[Any], advance: Callable[[int], None]
) -> None:
    """Copy all values, reading in one thread and encoding in several."""
    pool = ThreadPoolExecutor(WORKERS)
    try:
        for block in _blocks(source.shape, target.chunks, source.dtype.itemsize):
            values = source[block].values
            tasks = [
                pool.submit(_write_chunk, target, chunk, values[_relative(chunk, block)])
                for chunk in _grid(block, target.chunks)
            ]
            for task in as_completed(tasks):
                advance(task.result())
    finally:
        pool.shutdown(cancel_futures=True)  # after an interruption, not the rest of the block


def _write_chunk(target: zarr.Array[Any], region: Region, values: NDArray[Any]) -> int:
    """Write one chunk and return its raw size."""
    try:
        target[region] = values
    except VideoCodecError as error:
        cells = ", ".join(f"{part.start}:{part.stop}" for part in region)
        raise VideoCodecError(f"{target.basename}[{cells}]: {error}") from error
    return values.nbytes


def _blocks(shape: Sequence[int], chunks: Sequence[int], itemsize: int) -> Iterator[Region]:
    """Cut an array into blocks of whole chunks, as large as `BLOCK_BYTES` allows.

    A source with one date a chunk has to be read for every block that cuts through its pictures:
    blocks grow along the last axes first, which cuts them least often.
    """
    lengths = list(chunks)
    for axis in reversed(range(len(shape))):
        slab = math.prod(lengths) * itemsize  # what one more chunk along this axis adds
        room = max(1, BLOCK_BYTES // slab)
        lengths[axis] *= max(1, min(room, math.ceil(shape[axis] / chunks[axis])))
    return _grid(tuple(slice(0, length) for length in shape), lengths)


def _grid(region: Region, lengths: Sequence[int]) -> Iterator[Region]:
    """Cut a region into boxes of the given lengths, smaller at its far edges."""
    per_axis = (
        [slice(at, min(at + length, part.stop)) for at in range(part.start, part.stop, length)]
        for part, length in zip(region, lengths, strict=True)
    )
    return itertools.product(*per_axis)


def _relative(region: Region, block: Region) -> Region:
    """Give a region of an array as a region of the block that holds it."""
    return tuple(
        slice(part.start - whole.start, part.stop - whole.start)
        for part, whole in zip(region, block, strict=True)
    )
