"""Arrays one behind the other, of which nothing is read but the parts that are asked for.

Dask reads an array whole where its backend tells no chunks, and its chunks would pass for those of
the store to be written; so this is a backend array of its own, as xarray's documentation has them.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["concatenated", "stacked"]


def concatenated(parts: Sequence[xr.Variable], dim: str) -> xr.Variable:
    """Put variables of the same dimensions one behind the other along one of them."""
    axis = parts[0].dims.index(dim)
    data = _Joined([(part, part.shape[axis]) for part in parts], axis, stacks=False)
    return xr.Variable(parts[0].dims, indexing.LazilyIndexedArray(data), parts[0].attrs)


def stacked(parts: Sequence[xr.Variable], dims: Sequence[str], dim: str) -> xr.Variable:
    """Put variables of the same shape one behind the other along a new dimension among `dims`."""
    data = _Joined([(part, 1) for part in parts], list(dims).index(dim), stacks=True)
    return xr.Variable(dims, indexing.LazilyIndexedArray(data))


class _Joined(BackendArray):
    """Variables with their lengths along the axis that joins them."""

    def __init__(
        self, parts: Sequence[tuple[xr.Variable, int]], axis: int, *, stacks: bool
    ) -> None:
        self.parts = [part for part, _ in parts]
        self.starts = list(itertools.accumulate((n for _, n in parts), initial=0))
        self.axis = axis
        self.stacks = stacks
        shape = list(self.parts[0].shape)
        shape[axis : axis + (not stacks)] = [self.starts[-1]]
        self.shape = tuple(shape)
        self.dtype = np.result_type(*(part.dtype for part in self.parts))

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )

    def _read(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        """Read what integers and slices select."""
        along = range(self.starts[-1])[key[self.axis]]
        if isinstance(along, int):
            (found,) = self._parts_of(range(along, along + 1))
            kept = self._from_part(*found, key)
            return kept if self.stacks else kept.squeeze(self._axis_in(key))
        found_parts = [self._from_part(*found, key) for found in self._parts_of(along)]
        if not found_parts:
            shape = np.empty(self.shape, dtype=np.bool_)[key].shape
            return np.empty(shape, self.dtype)
        join = np.stack if self.stacks else np.concatenate
        return join(found_parts, axis=self._axis_in(key))

    def _parts_of(self, along: range) -> list[tuple[int, range]]:
        """Say which parts hold cells of a run of them, and which of their own."""
        found: list[tuple[int, list[int]]] = []
        for cell in along:
            number = int(np.searchsorted(self.starts, cell, side="right")) - 1
            if self.stacks or not found or found[-1][0] != number:
                found.append((number, []))
            found[-1][1].append(cell - self.starts[number])
        return [
            (number, range(cells[0], cells[-1] + (1 if along.step > 0 else -1), along.step))
            for number, cells in found
        ]

    def _from_part(self, number: int, cells: range, key: tuple[int | slice, ...]) -> NDArray[Any]:
        before, after = key[: self.axis], key[self.axis + 1 :]
        stop = cells.stop if cells.stop >= 0 else None
        own = () if self.stacks else (slice(cells.start, stop, cells.step),)
        values = self.parts[number][(*before, *own, *after)].values
        return np.asarray(values, self.dtype)

    def _axis_in(self, key: tuple[int | slice, ...]) -> int:
        """Say where the joined axis is once integers before it have taken theirs away."""
        return self.axis - sum(isinstance(part, int) for part in key[: self.axis])
