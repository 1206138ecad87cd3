"""A Zarr array as a variable of xarray, of which nothing is read but the parts that are asked for.

Dask would read as well, but its chunks would pass for those that are wished for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from numcodecs_video.stored import chunk_lengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    import zarr

__all__ = ["OWN_DIMENSIONS", "from_zarr", "own_names"]

#: where a variable's encoding has the names of its dimensions in the store, if they are others
OWN_DIMENSIONS = "own_dimensions"
#: where xarray keeps the names of an array's dimensions in format 2
NAMES = "_ARRAY_DIMENSIONS"


def own_names(array: zarr.Array[Any]) -> list[str] | None:
    """Return the names that an array's metadata give its dimensions; None without."""
    if array.ndim == 0:
        return []
    named: Any = getattr(array.metadata, "dimension_names", None) or array.attrs.get(NAMES)
    return None if named is None or None in named else list(map(str, named))


def from_zarr(
    array: zarr.Array[Any], dims: Sequence[str], own: Sequence[str] | None = None
) -> xr.Variable:
    """Make an array a variable with dimensions of these names, which may be `own` in the store."""
    attributes = {k: v for k, v in array.attrs.asdict().items() if k != NAMES}
    data = indexing.LazilyIndexedArray(_Stored(array))
    chunks = chunk_lengths(array)
    encoding: dict[str, Any] = {}
    if all(isinstance(n, int) for n in chunks):
        encoding["chunks"] = chunks
    if own is not None and list(own) != list(dims):
        encoding[OWN_DIMENSIONS] = tuple(own)
    return xr.Variable(dims, data, attributes, encoding)


class _Stored(BackendArray):
    """A Zarr array as it is."""

    def __init__(self, array: zarr.Array[Any]) -> None:
        self.array = array
        self.shape = array.shape
        self.dtype = array.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )

    def _read(self, key: tuple[int | slice, ...]) -> Any:
        """Read what integers and slices select; zarr takes no negative steps."""
        back = [isinstance(part, slice) and (part.step or 1) < 0 for part in key]
        found = self.array[
            tuple(
                _forwards(part, size) if turned and isinstance(part, slice) else part
                for part, turned, size in zip(key, back, self.shape, strict=True)
            )
        ]
        left = [turned for part, turned in zip(key, back, strict=True) if isinstance(part, slice)]
        return np.asarray(found)[tuple(slice(None, None, -1 if t else None) for t in left)]


def _forwards(part: slice, size: int) -> slice:
    """Select the cells of a slice with a negative step from their other end."""
    cells = range(size)[part]
    return slice(cells[-1], cells[0] + 1, -cells.step) if cells else slice(0, 0)
