"""Bring two arrays onto the same cells: by their labels where they have some, else by position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_video.errors import VideoCodecError

if TYPE_CHECKING:
    from collections.abc import Hashable

    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["aligned"]

NEAR = 1e-3  # of the least distance of two labels: what single precision makes of coordinates


def aligned(
    before: xr.DataArray, after: xr.DataArray
) -> tuple[xr.DataArray, xr.DataArray, tuple[str, ...]]:
    """Choose and order the cells that two arrays have in common, and say what was done.

    Returns
    -------
    before, after : xarray.DataArray
        Of the same dimensions and shape; still lazy, where they were.
    notes : tuple of str
        One a coordinate that differs.

    Raises
    ------
    VideoCodecError
        If dimensions differ, or lengths where there are no labels, or no label is in both.
    """
    name = before.name
    if set(before.dims) != set(after.dims):
        raise VideoCodecError(
            f"{name!r} has dimensions {before.dims} in one and {after.dims} in the other"
        )
    notes = [] if before.dims == after.dims else [f"dimensions in the order {after.dims}"]
    after = after.transpose(*before.dims)
    for dim in before.dims:
        before, after, note = _aligned_along(before, after, dim)
        notes += [note] * bool(note)
    if before.shape != after.shape:
        raise VideoCodecError(
            f"{name!r} has shape {before.shape} in one and {after.shape} in the other"
        )
    shared = [key for key in before.coords if key in after.coords and key not in before.dims]
    for key in shared:
        if not _equal(before[key].variable, after[key].variable):
            notes.append(f"{key} differs")
    return before, after, tuple(notes)


def _aligned_along(
    before: xr.DataArray, after: xr.DataArray, dim: Hashable
) -> tuple[xr.DataArray, xr.DataArray, str]:
    if dim not in before.indexes or dim not in after.indexes:
        return before, after, ""
    old: Any = before.indexes[dim]
    new: Any = after.indexes[dim]
    if _equal(before[dim].variable, after[dim].variable):
        return before, after, ""
    if not (old.is_unique and new.is_unique):
        return before, after, f"{dim} by position: labels differ, and some stand twice"
    at = _positions(old, new)
    found = np.flatnonzero(at >= 0)
    if found.size == 0:
        raise VideoCodecError(
            f"{before.name!r} has no label of {dim!r} in common: {_span(old)} in one, "
            f"{_span(new)} in the other; drop_vars({dim!r}) compares by position"
        )
    notes = []
    if found.size < max(old.size, new.size):
        notes.append(f"{dim}: {found.size} labels in both, of {old.size} and {new.size}")
        before = before.isel({dim: found})
    chosen = at[found]
    if not np.array_equal(chosen, np.arange(new.size)):
        after = after.isel({dim: chosen})
        if (np.diff(chosen) < 0).any():
            notes.append(f"{dim} in another order")
    if {old.dtype.kind, new.dtype.kind} - set("biuf"):
        pass  # dates of two kinds are the same where they were found
    elif not np.array_equal(old[found], new[chosen]):
        largest = np.abs(_numbers(old[found]) - _numbers(new[chosen])).max()
        notes.append(f"{dim} differs by up to {largest:.2g}")
    return before, after, ", ".join(notes)


def _positions(old: Any, new: Any) -> NDArray[np.intp]:
    """Find each label of one index in the other; -1 where it is not there.

    Real numbers count as the same within a thousandth of the distance of labels.
    """
    at: NDArray[np.intp] = np.asarray(new.get_indexer(old))
    if (
        (at >= 0).all()
        or "f" not in (old.dtype.kind, new.dtype.kind)
        or min(len(old), len(new)) < 2
    ):
        return at
    if not {old.dtype.kind, new.dtype.kind} <= set("iuf"):
        return at
    order = np.argsort(_numbers(new))
    labels, wanted = _numbers(new)[order], _numbers(old)
    right = np.clip(np.searchsorted(labels, wanted), 1, len(labels) - 1)
    nearest = np.where(wanted - labels[right - 1] <= labels[right] - wanted, right - 1, right)
    near = np.abs(labels[nearest] - wanted) <= NEAR * np.diff(labels).min()
    found: NDArray[np.intp] = np.where(near, order[nearest], -1)
    return found


def _equal(before: Any, after: Any) -> bool:
    return bool(before.equals(after))


def _numbers(index: Any) -> NDArray[np.float64]:
    return np.asarray(index, np.float64)


def _span(index: Any) -> str:
    return f"{index.min()} to {index.max()}" if len(index) else "none"
