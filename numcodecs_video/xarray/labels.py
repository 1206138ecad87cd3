"""Dates and bands of a cube: found by position or by label, and written for people.

Knows coordinates and attributes; nothing of codecs or pictures.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from numcodecs_video.config import default_axes
from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.conventions import nodata_of, scale_in, units_of
from numcodecs_video.xarray.dimensions import letters_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numcodecs_video.metrics import Nodata

    Bands = Sequence[int | str] | int | str

__all__ = [
    "axes_of",
    "band_names",
    "band_positions",
    "date_labels",
    "date_position",
    "nodata_seen",
    "promised_error",
    "time_of",
    "units_shown",
    "upright",
]

LONGEST_UNITS = 30  # of a label


def axes_of(variable: xr.DataArray) -> str:
    """Give each dimension its axis letter, by its name or, where names do not tell, by its place.

    Unlike `letters_of`, also of one date and of what is no video.

    Examples
    --------
    >>> axes_of(xr.DataArray(np.zeros((3, 4, 5)), dims=("band", "y", "x")))
    'cyx'
    """
    letters = letters_of(variable)
    if letters is None and "time" not in variable.dims:
        with_time = letters_of(variable.expand_dims("time"))
        letters = with_time and with_time[1:]
    return letters or default_axes(variable.ndim)


def time_of(variable: xr.DataArray, letters: str) -> str | None:
    """Name the time axis; None where there is none or several."""
    names = [str(dim) for dim, letter in zip(variable.dims, letters, strict=True) if letter == "t"]
    return names[0] if len(names) == 1 else None


def upright(variable: xr.DataArray, letters: str) -> xr.DataArray:
    """Turn rows so that the first is the top of a picture: that of the largest y, where y is known.

    Examples
    --------
    >>> south_up = xr.DataArray(np.zeros((3, 4)), {"lat": [-10, 0, 10]}, ("lat", "lon"))
    >>> upright(south_up, "yx").lat.values.tolist()
    [10, 0, -10]
    """
    dim = variable.dims[letters.index("y")]
    index = variable.indexes.get(dim)
    if index is None or index.size < 2 or not index[-1] > index[0]:
        return variable
    return variable.isel({dim: slice(None, None, -1)})


def date_labels(variable: xr.DataArray, dim: str) -> list[str]:
    """Write the labels of a time axis: no more of a date than tells them apart.

    Examples
    --------
    >>> dates = np.array(["2020-05-01T06:00", "2020-05-01T12:00"], "datetime64[ns]")
    >>> date_labels(xr.DataArray([1, 2], dims="time", coords={"time": dates}), "time")
    ['2020-05-01 06:00', '2020-05-01 12:00']
    """
    index = variable.indexes.get(dim)
    if index is None:
        return [f"{dim} {position}" for position in range(variable.sizes[dim])]
    if not _holds_dates(index):
        return [f"{dim} {value}" for value in index]
    texts = _iso(index)
    if all(text.endswith("00:00:00") for text in texts):
        length = len("2020-05-01")
    else:
        length = len("2020-05-01T06:00")
        if len({text[:length] for text in texts}) < len(set(texts)):
            length = len("2020-05-01T06:00:00")
    return [text[:length].replace("T", " ") for text in texts]


def date_position(variable: xr.DataArray, dim: str, date: int | str) -> int:
    """Find a date along a time axis.

    Parameters
    ----------
    variable : xarray.DataArray
    dim : str
        Its time axis.
    date : int or str
        A position, from the end where negative; or a label. Of a date that is partly given, such as
        a month, the first that lies in it; else the nearest. A text of up to three digits is no
        date, but a position.

    Returns
    -------
    int

    Raises
    ------
    VideoCodecError
        If there is no such position, the label cannot be read, or lies beyond the first and last.

    Examples
    --------
    >>> time = xr.date_range("2020-01-01T10:30", periods=3, use_cftime=False)
    >>> cube = xr.DataArray(np.zeros(3), dims="time", coords={"time": time})
    >>> date_position(cube, "time", "2020-01-02"), date_position(cube, "time", -1)
    (1, 2)
    """
    count = variable.sizes[dim]
    index = variable.indexes.get(dim)
    short = isinstance(date, str) and re.fullmatch(r"-?\d{1,3}", date.strip())
    if isinstance(date, str) and not (short and (index is None or _holds_dates(index))):
        if index is None:
            raise VideoCodecError(f"{dim} has no coordinate: give dates as positions, got {date!r}")
        return _labelled(index, dim, date)
    position = int(date)
    if not -count <= position < count:
        raise VideoCodecError(f"date {date} is beyond the {count} of {dim}, counted from 0")
    return position % count


def band_names(variable: xr.DataArray, letters: str) -> list[str]:
    """Name the bands of a cube: by the coordinate of a single band axis, else by position."""
    dims = [str(dim) for dim, letter in zip(variable.dims, letters, strict=True) if letter == "c"]
    if len(dims) == 1 and dims[0] in variable.coords:
        return [_written(value) for value in variable[dims[0]].values]
    count = int(np.prod([variable.sizes[dim] for dim in dims], dtype=int))
    return [str(band) for band in range(count)]


def band_positions(variable: xr.DataArray, letters: str, bands: Bands) -> list[int]:
    """Find the bands that a picture shows.

    Parameters
    ----------
    variable : xarray.DataArray
    letters : str
        Its axes.
    bands : sequence of int or str
        Three for red, green and blue, or one: positions, or names of the band coordinate. Several
        band axes count as one.

    Returns
    -------
    list of int

    Raises
    ------
    VideoCodecError
        If there are neither one nor three, or one is not there.

    Examples
    --------
    >>> s2 = xr.DataArray(np.zeros((2, 4, 5)), {"band": ["B04", "B08"]}, ("band", "y", "x"))
    >>> band_positions(s2, "cyx", "B08"), band_positions(s2, "cyx", [0])
    ([1], [0])
    """
    wanted = [bands] if isinstance(bands, (int, str)) else list(bands)
    names = band_names(variable, letters)
    found = [names.index(b) if isinstance(b, str) and b in names else b for b in wanted]
    at = [int(band) for band in found if not isinstance(band, str)]
    if len(wanted) not in (1, 3) or len(at) < len(wanted) or not set(at) <= set(range(len(names))):
        known = ", ".join(names)
        if names == [str(band) for band in range(len(names))]:
            known = f"0 to {len(names) - 1}" if len(names) > 1 else "0 alone"
        raise VideoCodecError(
            f"bands must be one or three of those of {_named(variable)}, {known}: got "
            f"{', '.join(map(str, wanted)) or 'none'}"
        )
    return at


def units_shown(variable: xr.DataArray) -> str:
    """Write the units as a label, where there is more room than beside a number."""
    return units_of(variable, longest=LONGEST_UNITS)


def nodata_seen(variable: xr.DataArray) -> Nodata:
    """Collect the sentinels as the values in memory hold them, which unpacking has scaled.

    Examples
    --------
    >>> packed = xr.DataArray(np.array([0, 7], "i2"), attrs={"nodata": 0, "add_offset": 0.5})
    >>> nodata_seen(packed), nodata_seen(xr.decode_cf(packed.to_dataset(name="v")).v)
    (0, (0.5,))
    """
    stored = nodata_of(variable)
    scale, offset = (variable.encoding.get(key) for key in ("scale_factor", "add_offset"))
    if stored is None or (scale is None and offset is None):
        return stored
    values = np.asarray(stored, variable.dtype) * (1 if scale is None else scale)
    return tuple(np.ravel(values + (0 if offset is None else offset)).tolist())


def promised_error(variable: xr.DataArray) -> float | None:
    """Read the largest error that a store promises, in the units of the values in memory."""
    promise = variable.attrs.get("lossy_compression_max_error")
    return None if promise is None else float(promise) / scale_in(variable.attrs)


def _written(label: object) -> str:
    """Write a label as a person would: a level of 50000.0 Pa is called 50000."""
    whole = isinstance(label, np.floating) and label.is_integer()
    return f"{label:.0f}" if whole else str(label)


def _named(variable: xr.DataArray) -> str:
    return "the array" if variable.name is None else str(variable.name)


def _labelled(index: Any, dim: str, date: str) -> int:
    """Find the first label that begins as the date does, else the nearest."""
    dates = _holds_dates(index)
    texts = _iso(index) if dates else [str(value) for value in index]
    begin = date.strip().replace(" ", "T") if dates else date.strip()
    for position, text in enumerate(texts):
        if text.startswith(begin) if dates else text == begin:
            return position
    try:
        wanted = _parsed(index, begin)
        beyond = bool(wanted < index.min() or wanted > index.max())
        distances = np.abs(np.asarray(index - wanted))
    except (TypeError, ValueError) as error:
        raise VideoCodecError(f"{date!r} is no label of {dim}, such as {texts[0]!r}") from error
    if beyond:
        raise VideoCodecError(f"{date} is beyond {dim}, {texts[0]} to {texts[-1]}")
    return int(distances.argmin())


def _parsed(index: Any, date: str) -> Any:
    """Read a label as what the index holds."""
    if isinstance(index, xr.CFTimeIndex):
        return xr.date_range(date, periods=1, calendar=index.calendar, use_cftime=True)[0]
    return np.datetime64(date) if index.dtype.kind == "M" else float(date)


def _holds_dates(index: Any) -> bool:
    return index.dtype.kind == "M" or isinstance(index, xr.CFTimeIndex)


def _iso(index: Any) -> list[str]:
    return list(index.strftime("%Y-%m-%dT%H:%M:%S"))
