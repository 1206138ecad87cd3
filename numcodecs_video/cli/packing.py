"""What says how stored values are to be read, so that one array can have only one of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["PACKING", "first_difference", "stated"]

PACKING = ("scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned")


def stated(variable: xr.Variable, key: str) -> Any:
    """Return what an attribute says, in plain Python; None where there is none."""
    return np.asarray(variable.attrs.get(key)).tolist()


def first_difference(
    one: xr.Variable, other: xr.Variable, keys: tuple[str, ...] = PACKING
) -> str | None:
    """Name the first attribute in which two variables differ; NaN is the same as NaN.

    Examples
    --------
    >>> import xarray as xr
    >>> packed = xr.Variable("x", [1], {"scale_factor": np.float64(0.1), "units": "K"})
    >>> first_difference(packed, xr.Variable("x", [1], {"scale_factor": 0.1}))
    >>> first_difference(packed, xr.Variable("x", [1]))
    'scale_factor'
    """
    return next((key for key in keys if repr(stated(one, key)) != repr(stated(other, key))), None)
