"""Zarr arrays whose metadata name no dimensions, such as images, which xarray does not open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click
import xarray as xr
import zarr

from numcodecs_video.xarray.images import axis_names, told_apart
from numcodecs_video.xarray.lazily import from_zarr, own_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["for_resolutions", "open_unnamed"]

T = TypeVar("T")


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
        group. A dimension that is shorter in another array of the group, as in a pyramid of
        resolutions, bears that array's name, too, and in a copy its own again.
    """
    node = zarr.open(store, mode="r")
    if isinstance(node, zarr.Array):
        dims, _ = _names_in(node, names, {})
        return {"/": xr.Dataset({"image": _variable(node, name, dims, {}, stated=False)})}
    groups: dict[str, zarr.Group] = {"/": node}
    arrays = []
    for path, member in sorted(node.members(max_depth=None), key=lambda item: item[0]):
        if isinstance(member, zarr.Group):
            groups[f"/{path}"] = member
        else:
            arrays.append((path, member))
    if all(own_names(array) is not None for _, array in arrays) and not _differ_in_size(arrays):
        return None
    found: dict[str, dict[str, xr.Variable]] = {group: {} for group in groups}
    for path, array in arrays:
        parent, _, own = f"/{path}".rpartition("/")
        group = parent or "/"
        dims, stated = _names_in(array, names, groups[group].attrs.asdict())
        found[group][own] = _variable(array, f"{name}/{path}", dims, found[group], stated=stated)
    return {
        group: xr.Dataset(variables, attrs=groups[group].attrs.asdict())
        for group, variables in found.items()
    }


def for_resolutions(
    groups: Mapping[str, xr.Dataset], said: Mapping[str, T] | None
) -> dict[str, T] | None:
    """Give dimensions of a pyramid, ``y_1`` say, what is said of the one that they are named by."""
    if said is None:
        return None
    bases = {
        str(dim): str(dim) if dim in said else str(dim).removesuffix(f"_{name}")
        for ds in groups.values()
        for name, variable in ds.variables.items()
        for dim in variable.dims
    }
    found = {dim: said[base] for dim, base in bases.items() if base in said}
    # What is left names nothing here, which whoever takes it has to say.
    return {**found, **{d: value for d, value in said.items() if d not in bases.values()}}


def _differ_in_size(arrays: Sequence[tuple[str, zarr.Array[Any]]]) -> bool:
    """Tell whether a dimension has several sizes in a group, as in a pyramid of resolutions."""
    sizes: dict[tuple[str, str], int] = {}
    return any(
        sizes.setdefault((path.rpartition("/")[0], name), size) != size
        for path, array in arrays
        for name, size in zip(own_names(array) or (), array.shape, strict=True)
    )


def _names_in(
    array: zarr.Array[Any], names: Sequence[str], attributes: Mapping[str, Any]
) -> tuple[list[str] | None, bool]:
    """Name dimensions, and tell whether the names are from the metadata, which a copy has too."""
    for known in (own_names(array), list(names), axis_names(attributes)):
        if known is not None and len(known) == array.ndim:
            return known, known != list(names)
    return None, False


def _variable(
    array: zarr.Array[Any],
    name: str,
    dims: Sequence[str] | None,
    others: Mapping[str, xr.Variable],
    *,
    stated: bool,
) -> xr.Variable:
    if dims is None:
        example = {4: "tcyx", 5: "tczyx"}.get(array.ndim, "tyx")
        raise click.ClickException(
            f"{name} names no dimensions and has {array.ndim}: name them, as in --axes {example}"
        )
    apart = told_apart(dims, array.shape, array.basename, others)
    return from_zarr(array, apart, dims if stated else None)
