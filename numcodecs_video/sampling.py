"""A few chunks spread over an array: what a search for the sake of all of it looks at."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numcodecs.compat import ensure_ndarray
from numpy.typing import NDArray

__all__ = ["sample_chunks", "spread_windows"]

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
    """
    if isinstance(sample, (list, tuple)):
        return [ensure_ndarray(sample[i]) for i in _spread(len(sample))]
    lengths = _lengths(sample)
    if lengths is None:
        return [np.asarray(sample)] if np.size(sample) else []
    data = getattr(sample, "variable", sample)  # an xarray.DataArray's, without its index
    found = [np.asarray(data[window]) for window in _windows(lengths)]
    return [chunk for chunk in found if chunk.size]


def spread_windows(shape: Sequence[int], chunks: Sequence[int]) -> list[tuple[slice, ...]]:
    """The places of a few chunks from all over an array.

    >>> spread_windows((10, 8), (5, 8))
    [(slice(5, 10, None), slice(0, 8, None))]
    """
    return _windows([_repeated(*axis) for axis in zip(chunks, shape, strict=True)])


def _windows(lengths: Sequence[Sequence[int]]) -> list[tuple[slice, ...]]:
    edges = [tuple(itertools.accumulate(axis, initial=0)) for axis in lengths]
    counts = [len(axis) for axis in lengths]
    places = [np.unravel_index(n, counts) for n in _spread(math.prod(counts))]
    return [
        tuple(slice(e[i], e[i + 1]) for e, i in zip(edges, place, strict=True)) for place in places
    ]


def _lengths(array: Any) -> Sequence[Sequence[int]] | None:
    """Lengths of the chunks along each dimension; None where there are none to tell apart."""
    chunks = getattr(array, "chunks", None)
    if not chunks:
        return None
    return [
        # Dask and xarray give all lengths, zarr one for all.
        axis if isinstance(axis, (tuple, list)) else _repeated(axis, size)
        for axis, size in zip(chunks, array.shape, strict=True)
    ]


def _repeated(length: int, size: int) -> list[int]:
    return [min(length, size - start) for start in range(0, size, max(1, length))]


def _spread(count: int) -> list[int]:
    """Numbers of a few of so many chunks, none of them the first or the last of many."""
    chosen = max((few for few, least in _MOST_CHUNKS if count >= least), default=0)
    return [(2 * i + 1) * count // (2 * chosen) for i in range(chosen)]
