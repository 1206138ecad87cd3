"""Bounds that rival the range of what they are for: they would make all of it one value.

Knows values and attributes; nothing of chunks' encodings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.sampling import regions_of
from numcodecs_video.xarray.conventions import nodata_of, packing, show_units, units_of
from numcodecs_video.xarray.internals import is_in_memory
from numcodecs_video.xarray.quality import range_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["doubt_of_bound"]

MOST, MUCH = 0.5, 0.25  # of the range: at half of it one value stands for all, at a quarter three
CELLS = 2**22  # that are looked at together


def doubt_of_bound(
    variable: xr.DataArray, word: str, bound: float, sample: Sequence[NDArray[Any]]
) -> str | None:
    """Hold a bound to the range of a variable, as far as that is known without reading it all.

    Parameters
    ----------
    variable : xarray.DataArray
    word : str
        ``max_error`` or ``rmse``.
    bound : float
        In the units that a reader sees.
    sample : sequence of ndarray
        Some of the values, as stored; of variables that are not in memory.

    Returns
    -------
    str or None
        Advice; None where there is none to give.

    Raises
    ------
    VideoCodecError
        If the bound is more than half the range.
    """
    known, partly = _span_in_memory(variable) or _span_stated(variable), False
    if known is None:
        known = _span_of(variable, sample)
        partly = sum(part.size for part in sample) < variable.size
    low, high = known
    if not high > low or bound <= MUCH * (high - low):
        return None
    part = "half" if bound > MOST * (high - low) else "a quarter"
    text = (
        f"{word}={bound:g} of {variable.name!r} is more than {part} of its range, {low:g} to "
        f"{high:g}{show_units(units_of(variable))}{' in the chunks looked at' if partly else ''}: "
        f"{'all values could' if part == 'half' else 'hardly three values would'} come back as "
        f"{'one' if part == 'half' else 'what they were'}; state less, such as "
        f"{word}={{{variable.name!r}: {0.01 * (high - low):.1g}}}, or lose nothing"
    )
    if part == "half" and not partly:
        raise VideoCodecError(text)
    return text


def _span_in_memory(variable: xr.DataArray) -> tuple[float, float] | None:
    """Find the range of values that are at hand, whether decoded or as stored."""
    if not is_in_memory(variable.variable):
        return None
    decoded = any(key in variable.encoding for key in ("scale_factor", "add_offset"))
    rows = max(1, CELLS * variable.shape[0] // max(1, variable.size))
    regions = regions_of(variable.shape, [rows, *(max(1, n) for n in variable.shape[1:])])
    nodata = None if decoded else nodata_of(variable)
    span = range_of((variable.variable[region].values for region in regions), nodata)
    return span if decoded else _unpacked(variable, span)


def _span_stated(variable: xr.DataArray) -> tuple[float, float] | None:
    """Read the range that CF's attributes state, in packed units as the values are."""
    limits = variable.attrs.get("valid_range")
    if limits is None:
        limits = [variable.attrs.get(key) for key in ("valid_min", "valid_max")]
    try:
        low, high = np.asarray(limits, np.float64)
    except (TypeError, ValueError):
        return None
    return _unpacked(variable, (float(low), float(high))) if low < high else None


def _span_of(variable: xr.DataArray, sample: Sequence[NDArray[Any]]) -> tuple[float, float]:
    return _unpacked(variable, range_of(sample, nodata_of(variable)))


def _unpacked(variable: xr.DataArray, span: tuple[float, float]) -> tuple[float, float]:
    scale, offset = packing(variable, "scale_factor") or 1.0, packing(variable, "add_offset") or 0.0
    low, high = sorted(value * scale + offset for value in span)
    return low, high
