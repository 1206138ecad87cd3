"""Several variables as one array with a band axis, and back.

One array lets the codec use what bands share. Everything needed to undo it travels with the stacked
variable: names in the band coordinate, attributes and dtypes in one attribute, as JSON.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.conventions import kept_encoding
from numcodecs_video.xarray.dimensions import letters_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["stack_bands", "unstack_bands"]

BANDS = "stacked_bands"


def stack_bands(
    ds: xr.Dataset, names: Sequence[str], name: str = "bands", *, dim: str = "band"
) -> xr.Dataset:
    """Put several variables into one array with a band axis before y and x.

    Dask arrays stay lazy, with all bands in one chunk.

    Parameters
    ----------
    ds : xarray.Dataset
    names : sequence of str
        Variables of the same dimensions, in the order of the bands.
    name : str
        Of the new variable.
    dim : str
        Of the new dimension, whose coordinate holds the names.

    Returns
    -------
    xarray.Dataset
        With the variables replaced by the stack; all else is as it was.

    Raises
    ------
    VideoCodecError
        If variables are unknown, differ in dimensions or packing, or have no common dtype that
        holds all their values, or if a new name is taken.

    See Also
    --------
    unstack_bands : the inverse.

    Examples
    --------
    >>> red = xr.DataArray(np.zeros((2, 3, 4), "u2"), dims=("time", "y", "x"))
    >>> ds = xr.Dataset({"B04": red, "B08": red + 1})
    >>> stacked = stack_bands(ds, ["B04", "B08"], "s2")
    >>> stacked.s2.dims, stacked.band.values.tolist()
    (('time', 'band', 'y', 'x'), ['B04', 'B08'])
    >>> unstack_bands(stacked).identical(ds)
    True
    """
    _check_names(ds, names, name, dim)
    first = ds[names[0]]
    dtype = _common_dtype(ds, names)
    packing = _common_encoding(ds, names)
    planes = [xr.DataArray(ds[band].variable.astype(dtype, copy=False)) for band in names]
    stacked = xr.concat(planes, dim=dim).variable.transpose(*_dims_with(first, dim))
    if stacked.chunks is not None:
        stacked = stacked.chunk({dim: -1})
    own = [ds[band].attrs for band in names]
    common = {
        key: value
        for key, value in own[0].items()
        if all(key in attrs and _same(attrs[key], value) for attrs in own)
    }
    kept = {
        str(band): {
            "dtype": ds[band].dtype.str,
            "attrs": {key: _to_json(value) for key, value in attrs.items()},
        }
        for band, attrs in zip(names, own, strict=True)
    }
    result = ds.drop_vars(list(names))
    result[name] = xr.Variable(
        stacked.dims, stacked.data, {**common, BANDS: json.dumps(kept)}, packing
    )
    return result.assign_coords({dim: (dim, np.asarray(names, dtype=str))})


def unstack_bands(ds: xr.Dataset) -> xr.Dataset:
    """Give every band that `stack_bands` put into one array its own variable again.

    Works on what was read back from a store, and on a selection of the bands. Where a lossy codec
    has moved values beyond a band's integer dtype, they are set to its nearest limit.

    Parameters
    ----------
    ds : xarray.Dataset

    Returns
    -------
    xarray.Dataset
        With names, attributes and dtypes as before the stacking.

    Raises
    ------
    VideoCodecError
        If no variable is a stack of bands, or a band's name is taken.
    """
    stacks = [name for name, variable in ds.data_vars.items() if BANDS in variable.attrs]
    if not stacks:
        raise VideoCodecError(
            f"no variable here was made by stack_bands: none has the attribute {BANDS}"
        )
    result = ds.drop_vars(stacks)
    for name in stacks:
        stacked = ds[name]
        kept = json.loads(stacked.attrs[BANDS])
        dim = _band_dim(stacked, kept)
        result = result.drop_vars(dim, errors="ignore")
        for i, band in enumerate(map(str, stacked[dim].values)):
            if band in result.variables:
                raise VideoCodecError(f"band {band!r} of {name!r} is already a variable: rename it")
            values = stacked.variable.isel({dim: i})
            encoding = kept_encoding(stacked)
            if not _is_packed(encoding):
                encoding.pop("dtype", None)
                values = _as_dtype(values, np.dtype(kept[band]["dtype"]))
            attrs = {key: _from_json(value) for key, value in kept[band]["attrs"].items()}
            result[band] = xr.Variable(values.dims, values.data, attrs, encoding)
    return result


def _check_names(ds: xr.Dataset, names: Sequence[str], name: str, dim: str) -> None:
    if isinstance(names, str) or len(names) == 0:
        raise VideoCodecError(f"names must list the variables to stack, got {names!r}")
    if len(set(names)) != len(names):
        raise VideoCodecError("names lists a variable twice")
    unknown = [band for band in names if band not in ds.data_vars]
    if unknown:
        raise VideoCodecError(
            f"no variable {', '.join(unknown)}: there are {', '.join(map(str, ds.data_vars))}"
        )
    if dim in ds.dims or dim in ds.variables:
        raise VideoCodecError(f"{dim!r} is already in the dataset: name another dim")
    if name in ds.variables and name not in names:
        raise VideoCodecError(f"{name!r} is already in the dataset: give the stack another name")
    first = ds[names[0]]
    for band in names:
        if ds[band].dims != first.dims:
            raise VideoCodecError(
                f"{band!r} has dimensions {ds[band].dims}, {names[0]!r} has {first.dims}: stack "
                "those that agree, or bring them onto one grid beforehand"
            )


def _common_dtype(ds: xr.Dataset, names: Sequence[str]) -> np.dtype[Any]:
    """Find the dtype that holds every band exactly."""
    dtypes = [ds[band].dtype for band in names]
    common = np.result_type(*dtypes)
    for band, dtype in zip(names, dtypes, strict=True):
        if not np.can_cast(dtype, common, "safe") or (
            common.kind == "f" and dtype.kind in "iu" and dtype.itemsize >= common.itemsize
        ):
            raise VideoCodecError(
                f"{band!r} is {dtype}, which {common} does not hold exactly: stack it apart, or "
                "cast it beforehand"
            )
    return common


def _common_encoding(ds: xr.Dataset, names: Sequence[str]) -> dict[str, Any]:
    """Take the CF encoding of the bands, which one array can have only one of."""
    own = [kept_encoding(ds[band]) for band in names]
    for encoding in own:
        if not _is_packed(encoding):
            encoding.pop("dtype", None)  # each band keeps its own
    for band, encoding in zip(names, own, strict=True):
        if encoding.keys() != own[0].keys() or not all(
            _same(value, own[0][key]) for key, value in encoding.items()
        ):
            raise VideoCodecError(
                f"{band!r} is packed as {encoding}, {names[0]!r} as {own[0]}: open the dataset "
                "with mask_and_scale=False, or drop_encoding() beforehand"
            )
    return own[0]


def _is_packed(encoding: Mapping[str, object]) -> bool:
    """Tell whether values in memory are others than those stored."""
    return any(
        key in encoding for key in ("scale_factor", "add_offset", "_FillValue", "missing_value")
    )


def _dims_with(variable: xr.DataArray, dim: str) -> list[str]:
    """Place the band axis before y and x; last but two where these are not known."""
    dims = [str(d) for d in variable.dims]
    letters = letters_of(variable)
    at = min(letters.index("y"), letters.index("x")) if letters else max(0, len(dims) - 2)
    return [*dims[:at], dim, *dims[at:]]


def _band_dim(stacked: xr.DataArray, kept: Mapping[str, object]) -> str:
    """Find the axis whose coordinate names the bands."""
    for dim in map(str, stacked.dims):
        if dim in stacked.coords and {str(band) for band in stacked[dim].values} <= set(kept):
            return dim
    raise VideoCodecError(
        f"{stacked.name!r} has lost the coordinate that names its bands: {', '.join(kept)}"
    )


def _as_dtype(values: xr.Variable, dtype: np.dtype[Any]) -> xr.Variable:
    """Cast back to a band's own dtype, within its limits."""
    if dtype.kind in "iu" and values.dtype != dtype:
        limits = np.iinfo(dtype)
        data = values.data.clip(limits.min, limits.max)
        values = values.copy(data=data.round() if data.dtype.kind == "f" else data)
    return values.astype(dtype, copy=False)


def _same(a: object, b: object) -> bool:
    """Compare attributes; NaN equals NaN."""
    left, right = np.asarray(a), np.asarray(b)
    reals = left.dtype.kind == right.dtype.kind == "f"
    return type(a) is type(b) and np.array_equal(left, right, equal_nan=reals)


def _to_json(value: object) -> object:
    """Attributes may be numpy's: their dtype is kept beside the value."""
    if isinstance(value, (np.ndarray, np.generic)):
        return {"dtype": value.dtype.str, "value": value.tolist()}
    return value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"dtype", "value"}:
        array = np.asarray(value["value"], dtype=value["dtype"])
        return array if array.ndim else array[()]
    return value
