"""What CF says of a variable: how it is packed, what marks a missing cell, what may lose digits.

Knows attributes and encodings; nothing of dimensions, chunks or codecs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["is_measurement", "kept_encoding", "nodata_of", "packing", "stored_dtype"]

# xarray drops a variable's own encoding as soon as another is passed for it, so this much of it is
# passed on.
CF_ENCODING = (
    "dtype", "_FillValue", "missing_value", "scale_factor", "add_offset", "_Unsigned", "units",
    "calendar", "bounds", "grid_mapping", "cell_measures", "formula_terms",
)  # fmt: skip


def is_measurement(variable: xr.DataArray) -> bool:
    """Tell real numbers, which may lose digits, from counts, categories and flags."""
    if any(key in variable.attrs for key in ("flag_values", "flag_masks", "flag_meanings")):
        return False
    return stored_dtype(variable).kind == "f" or packing(variable, "scale_factor") is not None


def packing(variable: xr.DataArray, key: str) -> float | None:
    """Read ``scale_factor`` or ``add_offset``, from wherever xarray has put it."""
    value = variable.encoding.get(key, variable.attrs.get(key))
    return None if value is None else float(np.asarray(value).item())


def stored_dtype(variable: xr.DataArray) -> np.dtype[Any]:
    """Return the dtype that the codec will see, which packing makes another than the values'."""
    try:
        dtype: np.dtype[Any] = np.dtype(variable.encoding.get("dtype", variable.dtype))
    except TypeError:  # a pandas extension type, such as a categorical
        return np.dtype(object)
    return dtype


def nodata_of(variable: xr.DataArray) -> float | int | None:
    """Find the sentinel of a variable, where it has one that its stored dtype can hold."""
    dtype = stored_dtype(variable)
    for key in ("_FillValue", "missing_value", "nodata"):
        value = variable.encoding.get(key, variable.attrs.get(key))
        if value is None or np.size(value) != 1:
            continue
        try:
            number = float(np.asarray(value).item())
        except (TypeError, ValueError):  # text, or bytes that xarray has not decoded
            continue
        if dtype.kind == "f":
            # As the stored values hold it: 1e20 is another number in float32.
            sentinel = float(dtype.type(number))
            return sentinel if math.isfinite(sentinel) else None
        if dtype.kind in "iu" and number.is_integer():
            limits = np.iinfo(dtype)
            exact = int(np.asarray(value).item())
            return exact if limits.min <= exact <= limits.max else None
    return None


def kept_encoding(variable: xr.DataArray) -> dict[str, Any]:
    """Pass on what xarray must still know when another encoding is given."""
    return {key: variable.encoding[key] for key in CF_ENCODING if key in variable.encoding}
