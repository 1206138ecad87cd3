"""Zarr arrays whose metadata name no dimensions, such as images, which xarray does not open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import xarray as xr
import zarr

from numcodecs_video.xarray.images import axis_names
from numcodecs_video.xarray.lazily import from_zarr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["letters_of_dimensions", "open_unnamed"]

DIMENSIONS = "_ARRAY_DIMENSIONS"  # where xarray keeps them in format 2


def open_unnamed(store: Any, name: str, names: Sequence[str]) -> dict[str, xr.Dataset] | None:
    """Open all groups of a store, dimensions named by the user or by OME-Zarr.

    Parameters
    ----------
    store : store-like
    name : str
        Of the store, for messages.
    names : sequence of str
        Of the dimensions of those arrays that have none, and as many of them.

    Returns
    -------
    dict of str to xarray.Dataset, or None
        By the path of the group; None where all arrays have names, and each name one size in its
        group. A dimension that is shorter in
        another array of the group, as in a pyramid of resolutions, bears that array's name, too.
    """
    node = zarr.open(store, mode="r")
    if isinstance(node, zarr.Array):
        return {"/": xr.Dataset({"image": _variable(node, name, _names_in(node, names, {}))})}
    groups: dict[str, zarr.Group] = {"/": node}
    arrays = []
    for path, member in sorted(node.members(max_depth=None), key=lambda item: item[0]):
        if isinstance(member, zarr.Group):
            groups[f"/{path}"] = member
        else:
            arrays.append((path, member))
    if all(_own_names(array) is not None for _, array in arrays) and not _differ_in_size(arrays):
        return None
    found: dict[str, dict[str, xr.Variable]] = {group: {} for group in groups}
    for path, array in arrays:
        parent, _, own = f"/{path}".rpartition("/")
        group = parent or "/"
        dims = _names_in(array, names, groups[group].attrs.asdict())
        known = {d: n for v in found[group].values() for d, n in v.sizes.items()}
        if dims is not None:
            dims = [
                d if known.get(d, n) == n else f"{d}_{own}"
                for d, n in zip(dims, array.shape, strict=True)
            ]
        found[group][own] = _variable(array, f"{name}/{path}", dims)
    return {
        group: xr.Dataset(variables, attrs=groups[group].attrs.asdict())
        for group, variables in found.items()
    }


def letters_of_dimensions(
    groups: Mapping[str, xr.Dataset], axes: Mapping[str, str] | None
) -> dict[str, str] | None:
    """Give dimensions of a pyramid, ``y_1`` say, the letter of the one that they are named by."""
    if axes is None:
        return None
    dims = dict.fromkeys(str(d) for ds in groups.values() for d in ds.dims)
    bases = {dim: dim if dim in axes else dim.partition("_")[0] for dim in dims}
    found = {dim: axes[base] for dim, base in bases.items() if base in axes}
    # What is left names nothing here, which whoever takes the letters has to say.
    return {**found, **{d: a for d, a in axes.items() if d not in bases.values()}}


def _differ_in_size(arrays: Sequence[tuple[str, zarr.Array[Any]]]) -> bool:
    """Tell whether a dimension has several sizes in a group, as in a pyramid of resolutions."""
    sizes: dict[tuple[str, str], int] = {}
    return any(
        sizes.setdefault((path.rpartition("/")[0], name), size) != size
        for path, array in arrays
        for name, size in zip(_own_names(array) or (), array.shape, strict=True)
    )


def _own_names(array: zarr.Array[Any]) -> list[str] | None:
    if array.ndim == 0:
        return []
    named: Any = getattr(array.metadata, "dimension_names", None) or array.attrs.get(DIMENSIONS)
    return None if named is None or None in named else list(map(str, named))


def _names_in(
    array: zarr.Array[Any], names: Sequence[str], attributes: Mapping[str, Any]
) -> list[str] | None:
    for known in (_own_names(array), list(names), axis_names(attributes)):
        if known is not None and len(known) == array.ndim:
            return known
    return None


def _variable(array: zarr.Array[Any], name: str, dims: Sequence[str] | None) -> xr.Variable:
    if dims is None:
        example = {4: "tcyx", 5: "tczyx"}.get(array.ndim, "tyx")
        raise click.ClickException(
            f"{name} names no dimensions and has {array.ndim}: name them, as in --axes {example}"
        )
    return from_zarr(array, dims)
