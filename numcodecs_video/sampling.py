"""The chunks of an array as regions: all of them, or a few spread over it to search on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Region", "regions_of", "sample_chunks", "spread_windows"]

Region = tuple[slice, ...]

#: chunks that are looked at, of more than so many
_MOST_CHUNKS = ((1, 1), (2, 8), (3, 64))


def sample_chunks(sample: Any) -> list[NDArray[Any]]:
    """Chunks of an array or a list of chunks, a few from all over it.

    Parameters
    ----------
    sample : ndarray, sequence of ndarray, zarr.Array or xarray.DataArray
        A chunk, chunks, or an array that says its ``chunks``.

    Returns
    -------
    list of ndarray
        One to three; none of an empty sequence or array.

    Raises
    ------
    TypeError
        When it is none of these.
    """
    several = isinstance(sample, (list, tuple))
    for each in sample if several else [sample]:
        if not hasattr(each, "shape"):
            raise TypeError(
                "a sample is a chunk, a list of chunks, a zarr.Array or an xarray.DataArray, got "
                f"{type(each).__qualname__}{' in a list' if several else ''}"
            )
    if several:
        return [np.asarray(sample[i]) for i in _spread(len(sample))]
    chunks = getattr(sample, "chunks", None)
    if not chunks:
        return [np.asarray(sample)] if np.size(sample) else []
    data = getattr(sample, "variable", sample)  # an xarray.DataArray's, without its index
    found = [np.asarray(data[window]) for window in _windows(sample.shape, chunks)]
    return [chunk for chunk in found if chunk.size]


def regions_of(
    extent: Sequence[int | slice], lengths: Sequence[int | Sequence[int]]
) -> Iterator[Region]:
    """Cut an array into its chunks, in C order; or list what of them a region of it holds.

    Parameters
    ----------
    extent : sequence of int or slice
        The shape of the array, or the region.
    lengths : sequence of int or sequence of int
        Of the chunks along each dimension: one for all of them, the last being shorter, or each its
        own, as Dask has them.

    Yields
    ------
    tuple of slice

    Examples
    --------
    >>> len(list(regions_of((4, 10), (2, 4))))
    6
    >>> list(regions_of([slice(3, 8)], [4]))
    [(slice(3, 4, None),), (slice(4, 8, None),)]
    """
    return itertools.product(*map(_parts, extent, lengths))


def spread_windows(shape: Sequence[int], chunks: Sequence[int]) -> list[Region]:
    """The places of a few chunks from all over an array.

    >>> spread_windows((10, 8), (5, 8))
    [(slice(5, 10, None), slice(0, 8, None))]
    """
    return _windows(shape, chunks)


def _windows(shape: Sequence[int], lengths: Sequence[int | Sequence[int]]) -> list[Region]:
    axes = [_parts(*axis) for axis in zip(shape, lengths, strict=True)]
    counts = [len(parts) for parts in axes]
    places = [np.unravel_index(n, counts) for n in _spread(math.prod(counts))]
    return [tuple(parts[i] for parts, i in zip(axes, place, strict=True)) for place in places]


def _parts(extent: int | slice, length: int | Sequence[int]) -> list[slice]:
    start, stop = (extent.start, extent.stop) if isinstance(extent, slice) else (0, extent)
    if isinstance(length, Sequence):
        inner = list(itertools.accumulate(length))
    else:
        step = max(1, length)
        inner = list(range(start - start % step + step, stop, step))
    edges = [start, *(edge for edge in inner if start < edge < stop), stop]
    return list(itertools.starmap(slice, itertools.pairwise(edges))) if start < stop else []


def _spread(count: int) -> list[int]:
    """Numbers of a few of so many chunks, none of them the first or the last of many."""
    chosen = max((few for few, least in _MOST_CHUNKS if count >= least), default=0)
    return [(2 * i + 1) * count // (2 * chosen) for i in range(chosen)]
