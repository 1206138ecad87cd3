"""Which store the values of a dataset are yet to be read from, and so must not be replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.internals import place_of, sources_of

if TYPE_CHECKING:
    import xarray as xr
    import zarr

__all__ = ["refuse_own_source"]


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


def _is_within(array: zarr.Array[Any], group: zarr.Group) -> bool:
    """Tell whether an array lies below a group, in whichever way its store was opened."""
    root, place = place_of(group.store, group.path)
    array_root, array_place = place_of(array.store, array.path)
    return root == array_root and array_place[: len(place)] == place
