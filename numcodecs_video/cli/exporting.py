"""Write a store as a NetCDF file: the values that a reader gets, in their own packing."""

from __future__ import annotations

import errno
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_video.cli.copying import check_readable
from numcodecs_video.errors import VideoCodecError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import xarray as xr

__all__ = ["export_netcdf"]

LARGE_BYTES = 2**26  # what is smaller is written at once
ROOM = 2**20  # a disk with less is as good as full
#: attributes that hold values of the variable, as it is stored (CF 2.5.1 and 3.5)
OF_VALUES = ("missing_value", "valid_min", "valid_max", "valid_range", "flag_values", "flag_masks")
DEFLATED: dict[str, Any] = {"zlib": True, "complevel": 4, "shuffle": True}


def export_netcdf(groups: Mapping[str, xr.Dataset], path: Path) -> None:
    """Write groups to a new file of NetCDF 4.

    Parameters
    ----------
    groups : mapping of str to xarray.Dataset
        By path, "/" first; opened without any decoding but that of the codecs.
    path : Path
        Nothing may be there.

    Raises
    ------
    VideoCodecError
        If a variable cannot be read, by its name; if it cannot be written.
    """
    try:
        _write(groups, path)
    except Exception as error:
        check_readable(groups)
        full = shutil.disk_usage(path.parent).free < ROOM
        if full:  # HDF5 says only that something is wrong
            raise OSError(errno.ENOSPC, "No space left on device", str(path)) from error
        raise VideoCodecError(f"cannot write NetCDF: {error}") from error


def _write(groups: Mapping[str, xr.Dataset], path: Path) -> None:
    for group, ds in groups.items():
        result = ds.assign({name: _lazy(variable) for name, variable in ds.variables.items()})
        result.attrs = _plain(ds.attrs)
        for variable in result.variables.values():
            variable.attrs = _as_stored(_plain(variable.attrs), variable.dtype)
            variable.encoding = {}
        result.to_netcdf(
            path,
            mode="w" if group == "/" else "a",
            group=None if group == "/" else group,
            engine="netcdf4",
            encoding={str(name): _encoding(v) for name, v in result.variables.items()},
        )


def _lazy(variable: xr.Variable) -> xr.Variable:
    """Let a large variable be written in parts, those in which it is stored; text, as text."""
    if variable.dtype.kind == "O" and all(isinstance(v, str) for v in variable.values.flat):
        return variable.astype(str)  # objects need a hint that older xarray does not give itself
    chunks = variable.encoding.get("chunks")
    if chunks is None or variable.nbytes <= LARGE_BYTES:
        return variable.copy(deep=False)
    return variable.chunk(dict(zip(variable.dims, chunks, strict=True)))


def _encoding(variable: xr.Variable) -> dict[str, Any]:
    # xarray gives floats a fill value unless told otherwise.
    said: dict[str, Any] = {} if "_FillValue" in variable.attrs else {"_FillValue": None}
    return {**said, **(DEFLATED if variable.dtype.kind in "biufc" and variable.ndim else {})}


def _as_stored(attributes: Mapping[Any, Any], dtype: np.dtype[Any]) -> dict[Any, Any]:
    """Give attributes that hold values of a variable its dtype: CF wants it, JSON has lost it."""
    return {
        key: _typed(value, dtype) if key in OF_VALUES else value
        for key, value in attributes.items()
    }


def _typed(value: Any, dtype: np.dtype[Any]) -> Any:
    """Values in a dtype, or as they are where it cannot hold them."""
    given = np.asarray(value)
    if dtype.kind not in "iuf" or given.dtype.kind not in "iuf":
        return value
    with np.errstate(all="ignore"):
        typed = given.astype(dtype.newbyteorder("="))
    return typed if np.array_equal(typed, given, equal_nan=True) else value


def _plain(attributes: Mapping[Any, Any]) -> dict[Any, Any]:
    """Write as text what attributes of Zarr may be, and those of NetCDF not."""
    return {key: _plain_value(value) for key, value in attributes.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, bool):
        return np.int8(value)
    if isinstance(value, (list, tuple)):
        kinds = {type(part) for part in value}
        if kinds and (kinds <= {int, float} or kinds == {str}):
            return list(value)
    elif not isinstance(value, dict) and value is not None:
        return value
    return json.dumps(value)
