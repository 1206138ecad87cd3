"""Give what several sources hold, one date each and no axis of time, that axis.

Dates are those that the sources state, or that their names hold, as those of satellite pictures do.
Sources of one date are its bands.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click
import numpy as np
import xarray as xr

from numcodecs_video.cli.banding import BAND, with_band_name
from numcodecs_video.cli.lazy import stacked
from numcodecs_video.cli.naming import dates_in_names
from numcodecs_video.cli.packing import PACKING, first_difference
from numcodecs_video.cli.scenes import TIME, has_bands, stated_times, with_bands
from numcodecs_video.xarray import letters_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numcodecs_video.cli.scenes import Source

__all__ = ["dated", "example_axes", "lacks_time"]

#: attributes that are compared where sources are joined
COMPARED = {*PACKING, "units", "nodata"}


def lacks_time(variable: xr.DataArray, axes: Mapping[str, str] | None) -> bool:
    """Tell whether a time axis is all that a variable lacks to become video."""
    return _letters_without_time(variable, axes) is not None


def example_axes(variable: xr.DataArray, axes: Mapping[str, str] | None) -> str | None:
    """Show how to name the axes of a variable that lacks some; None of a map or a series.

    Examples
    --------
    >>> example_axes(xr.DataArray(np.zeros((5, 3, 90)), dims=("time", "height", "cell")), None)
    'height=y,cell=x'
    >>> example_axes(xr.DataArray(np.zeros((5, 9, 9)), dims=("run", "y", "x")), None)
    'run=t'
    """
    if variable.ndim < 3:
        return None
    letters = _letters_without_time(variable, axes)
    if letters is not None:
        return f"{variable.dims[letters.index('c')]}=t"
    return "{}=y,{}=x".format(*variable.dims[-2:])


def _letters_without_time(variable: xr.DataArray, axes: Mapping[str, str] | None) -> str | None:
    """Give the letters that the dimensions of a variable have once it has a time axis."""
    if letters_of(variable, axes) is not None or len(set(variable.dims)) < variable.ndim:
        return None
    empty = np.broadcast_to(np.zeros((), variable.dtype), variable.shape)  # reads nothing
    with_time = variable.copy(data=empty).expand_dims("time axis")
    letters = letters_of(with_time, {**(axes or {}), "time axis": "t"})
    return None if letters is None else letters[1:]


def dated(
    sources: Sequence[Source], axes: Mapping[str, str] | None, dim: str | None = None
) -> list[Source] | None:
    """Give datasets of one date each an axis of time, and say where the dates are from.

    Parameters
    ----------
    sources : sequence of (str, xarray.Dataset)
        Names and contents, undecoded.
    axes : mapping of str to str, or None
        Letters of dimensions whose names do not tell.
    dim : str or None
        What differs between them, ``time`` or ``band``; as their names tell unless given.

    Returns
    -------
    list of (str, xarray.Dataset), or None
        One a date, with a first dimension ``time`` of length 1, and where several sources are bands
        of a date with their axis; or None where nothing lacks just that.
    """
    first = sources[0][1]
    letters = {n: _letters_without_time(v, axes) for n, v in first.data_vars.items()}
    names = [str(name) for name, found in letters.items() if found is not None]
    if not names or (dim == BAND and has_bands(sources, names[0])):
        return None
    if dim != TIME and len(names) == 1:
        plane = [
            str(d)
            for d, letter in zip(first[names[0]].dims, letters[names[0]] or "", strict=True)
            if letter in "yx"
        ]
        sources = with_bands(sources, names[0], plane, surely=dim == BAND)
        sources = [(name, with_band_name(name, ds, names[0], plane)) for name, ds in sources]
    times = stated_times(sources)
    if times is None:
        times = _named([source for source, _ in sources])
    kept = {name: _agreed([ds.variables[name] for _, ds in sources]) for name in names}
    return [
        (source, _with_time(ds, time, kept))
        for (source, ds), time in zip(sources, times, strict=True)
    ]


def _named(sources: Sequence[str]) -> list[xr.Variable]:
    """Read dates from the names of sources, or number them."""
    dates = dates_in_names(sources)
    if dates is None:
        click.echo(
            f"Note: names of sources hold no dates, so {TIME} numbers them from 0, as given",
            err=True,
        )
        return [xr.Variable((TIME,), [number]) for number in range(len(sources))]
    first: dict[datetime, str] = {}
    for source, date in zip(sources, dates, strict=True):
        if date in first:
            raise click.ClickException(
                f"{first[date]} and {source} are both of {_written([date])}: leave one of them "
                "out, or name files of bands by them, as in 20200101_B02.tif and 20200101_B03.tif"
            )
        first[date] = source
    click.echo(f"Note: {TIME} is as the names of sources say: {_written(dates)}", err=True)
    days = np.array(dates, "M8[ns]")
    counted = xr.coders.CFDatetimeCoder().encode(xr.Variable((TIME,), days), TIME)
    said = {**counted.attrs, "standard_name": "time"}
    return [xr.Variable((TIME,), counted.values[i : i + 1], said) for i in range(len(dates))]


def _written(dates: Sequence[datetime]) -> str:
    """Write one date, or the first and the last."""
    precision = "D" if all(date == datetime(*date.timetuple()[:3]) for date in dates) else "s"
    texts = np.datetime_as_string(np.array([min(dates), max(dates)], f"M8[{precision}]"))
    return " to ".join(dict.fromkeys(map(str, texts)))


def _agreed(variables: Sequence[xr.Variable]) -> set[str]:
    """Name the attributes that hold of all dates, and those that are compared later."""
    first, *others = variables
    differing = {
        key
        for key in map(str, first.attrs)
        if any(first_difference(first, other, (key,)) for other in others)
    }
    return {str(key) for each in variables for key in each.attrs} & COMPARED | (
        set(map(str, first.attrs)) - differing
    )


def _with_time(ds: xr.Dataset, time: xr.Variable, kept: Mapping[str, set[str]]) -> xr.Dataset:
    """Put time before the axes of variables, reading none of them."""
    variables = dict(ds.variables)
    variables[TIME] = time
    for name, attributes in kept.items():
        own = ds.variables[name]
        variables[name] = stacked([own], [TIME, *map(str, own.dims)], TIME)
        variables[name].attrs = {k: v for k, v in own.attrs.items() if k in attributes}
    return xr.Dataset(variables, attrs=ds.attrs)
