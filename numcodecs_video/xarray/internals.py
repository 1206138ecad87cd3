"""Parts of xarray, Dask and zarr that their documentation does not promise to keep.

All that this package leans on of them is here, but for what `numcodecs_video.stored` reads of
arrays and shards. Of xarray: ``Variable._data``, the ``array`` that each of its lazy arrays wraps
and ``_array`` of the innermost one for Zarr, the name of an array without one, and how its Zarr
backend writes fill values. Of Dask: the ``original-...`` layers of its graphs. Of zarr: the dict of
a store in memory, and the file system within an asynchronous one.

tests/xarray/test_internals.py says which one a release lacks.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from xarray.backends.api import DATAARRAY_NAME, DATAARRAY_VARIABLE
from xarray.backends.zarr import FillValueCoder
from xarray.conventions import encode_cf_variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

__all__ = [
    "DATAARRAY_NAME",
    "DATAARRAY_VARIABLE",
    "FillValueCoder",
    "encode_cf_variable",
    "is_in_memory",
    "place_of",
    "sources_of",
]


def is_in_memory(variable: xr.Variable) -> bool:
    """Tell whether the values of a variable are at hand, with nothing to read or to compute."""
    return isinstance(variable._data, np.ndarray)


def sources_of(variable: xr.Variable) -> Iterator[zarr.Array[Any]]:
    """Find the Zarr arrays that a variable is lazily read from; none where it is in memory."""
    data: Any = variable._data
    values: list[Any]
    if hasattr(data, "__dask_graph__"):
        graph = data.__dask_graph__()
        layers = getattr(graph, "layers", {})
        originals = (layer for name, layer in layers.items() if name.startswith("original-"))
        values = list(itertools.chain.from_iterable(layer.values() for layer in originals))
    else:
        values = [data]
    for value in values:
        innermost = getattr(value, "value", value)  # of Dask's nodes that hold data
        while hasattr(innermost, "array"):
            innermost = innermost.array
        innermost = getattr(innermost, "_array", innermost)
        if isinstance(innermost, zarr.Array):
            yield innermost


def place_of(store: Any, path: str) -> tuple[Any, tuple[str, ...]]:
    """Split a store and a path in it into what tells stores apart, and the parts of the place."""
    inner = tuple(part for part in path.split("/") if part)
    if isinstance(store, zarr.storage.LocalStore):
        return "file", (*Path(store.root).resolve().parts, *inner)
    if isinstance(store, zarr.storage.FsspecStore):
        # The file system by what it is made of: one that is asynchronous may wrap another.
        files = getattr(store.fs, "sync_fs", store.fs)
        return files, (*(part for part in store.path.split("/") if part), *inner)
    if isinstance(store, zarr.storage.MemoryStore):
        return id(store._store_dict), inner
    return store, inner
