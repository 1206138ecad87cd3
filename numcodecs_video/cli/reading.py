"""Open what is to be copied as it is stored, so that nothing is decoded on the way but video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import numpy as np
import xarray as xr

from numcodecs_video.cli.opening import check_existence, unreadable
from numcodecs_video.cli.unnamed import open_unnamed
from numcodecs_video.xarray.opening import names_zarr, open_groups, quietly, store_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

__all__ = ["Groups", "open_as_stored"]

# All that decode_cf=False stands for, which xarray.open_groups alone ignores (seen in 2026.9); the
# copies of packed data in tests/cli/test_cli.py guard it.
UNDECODED: dict[str, Any] = dict.fromkeys(
    ("mask_and_scale", "decode_times", "decode_timedelta", "decode_coords", "concat_characters"),
    False,
)

#: datasets by the path of their group: "/" and, in the order in which they are made, "/a", "/a/b"
Groups = dict[str, xr.Dataset]


def open_as_stored(path: str, stack: ExitStack, axes: Mapping[str, str] | None = None) -> Groups:
    """Open every group of a Zarr store, its URL or a NetCDF file, without decoding anything.

    Parameters
    ----------
    path : str
    stack : ExitStack
        That closes them.
    axes : mapping of str to str, optional
        Letters by dimension, which name those of Zarr arrays that name none, in this order.
    """
    check_existence(path)
    try:
        groups = _open(path, list(axes or ()))
    except (ImportError, click.ClickException):
        raise
    except Exception as error:  # readers raise what they like on what is not theirs
        raise unreadable(path, error) from error
    for ds in groups.values():
        stack.callback(ds.close)
        _keep_names_of_values(ds)
    if not any(ds.variables for ds in groups.values()):
        raise click.ClickException(f"{path} holds no variables")
    return {group: groups[group] for group in sorted(groups)}


def _keep_names_of_values(ds: xr.Dataset) -> None:
    """Write what an enumeration of NetCDF names its values as CF does: other formats have none."""
    for variable in ds.variables.values():
        stated = getattr(variable.encoding.get("dtype"), "metadata", None) or {}
        if "enum" in stated and "flag_values" not in variable.attrs:
            names, values = zip(*stated["enum"].items(), strict=True)
            variable.attrs["flag_values"] = np.array(values, variable.dtype)
            variable.attrs["flag_meanings"] = " ".join("_".join(name.split()) for name in names)


def _open(path: str, names: list[str]) -> Groups:
    try:
        return open_groups(path, cache=False, **UNDECODED)
    except Exception:
        other = _open_otherwise(path, names)
        if other is None:
            raise
        return other


def _open_otherwise(path: str, names: list[str]) -> Groups | None:
    """Open what xarray cannot open as groups: arrays without names, or a file of one dataset."""
    if names_zarr(path):
        try:
            store = store_of(path)
        except FileNotFoundError:  # no such group
            return None
        return open_unnamed(store, path, names)
    try:  # readers of one dataset, such as rioxarray's, know some of the words alone
        with quietly():
            ds = xr.open_dataset(path, cache=False, mask_and_scale=False, decode_times=False)
    except Exception:  # noqa: BLE001 - what `open_groups` said is what is said
        return None
    for variable in ds.variables.values():
        if "grid_mapping" in variable.encoding:
            variable.attrs["grid_mapping"] = variable.encoding["grid_mapping"]
        variable.encoding = {}
        if [variable.attrs.get(key) for key in ("scale_factor", "add_offset")] == [1.0, 0.0]:
            # What rasterio says of everything would make readers decode counts to float64.
            del variable.attrs["scale_factor"], variable.attrs["add_offset"]
    return {"/": _with_band_names(ds.reset_coords())}


def _with_band_names(ds: xr.Dataset) -> xr.Dataset:
    """Name bands as a raster file describes them, where that tells them apart.

    Readers of such files put the descriptions of all bands into ``long_name``.
    """
    for variable in ds.data_vars.values():
        names = variable.attrs.get("long_name")
        dim = str(variable.dims[0]) if variable.ndim == 3 else ""
        if not isinstance(names, (list, tuple)) or len(names) != ds.sizes.get(dim):
            continue
        if len({name for name in names if isinstance(name, str) and name}) == len(names):
            del variable.attrs["long_name"]
            return ds.assign_coords({dim: list(names)})
    return ds
