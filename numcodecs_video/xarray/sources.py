"""Which Zarr arrays the values of a dataset are yet to be read from.

Leans on parts of xarray and Dask that their documentation does not promise: ``Variable._data``, the
``array`` that each of xarray's lazy arrays wraps, ``_array`` of its innermost one for Zarr, and the
``original-...`` layers of Dask's graphs. `test_sources_are_found` says when one is lost.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from numcodecs_video.errors import VideoCodecError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

__all__ = ["is_in_memory", "refuse_own_source", "sources_of"]


def refuse_own_source(ds: xr.Dataset, target: zarr.Group) -> None:
    """Keep a dataset from replacing the store that its values are yet to be read from.

    Raises
    ------
    VideoCodecError
        If one of its variables is not in memory, and comes from within the group to be replaced.
    """
    for name, variable in ds.variables.items():
        for array in sources_of(variable):
            if _is_within(array, target):
                raise VideoCodecError(
                    f"{name!r} is yet to be read from the store that mode='w' is to replace, which "
                    "would leave neither: load() the dataset first, or write to another store and "
                    "rename it"
                )


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


def _is_within(array: zarr.Array[Any], group: zarr.Group) -> bool:
    """Tell whether an array lies below a group, in whichever way its store was opened."""
    root, place = _place_of(group.store, group.path)
    array_root, array_place = _place_of(array.store, array.path)
    return root == array_root and array_place[: len(place)] == place


def _place_of(store: Any, path: str) -> tuple[Any, tuple[str, ...]]:
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
