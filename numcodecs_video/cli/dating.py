"""Give what several sources hold, one date each and no axis of time, that axis.

Dates are those that the sources state, or that their names hold, as those of satellite pictures do.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import xarray as xr

from numcodecs_video.cli.lazy import stacked
from numcodecs_video.cli.packing import PACKING, first_difference
from numcodecs_video.xarray import letters_of
from numcodecs_video.xarray.opening import NETCDF, names_zarr

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["TIME", "dated", "dates_in_names", "is_dated_picture", "lacks_time"]

#: the axis that is added
TIME = "time"
OF_DAY = r"(?:T?(?P<hour>\d\d):?(?P<minute>\d\d):?(?P<second>\d\d))?"
#: what a name may hold, in the order of what is believed
DAYS = (
    rf"(?<!\d)(?P<year>\d{{4}})(?P<sign>[-_.]?)(?P<month>\d\d)(?P=sign)(?P<day>\d\d){OF_DAY}(?!\d)",
    rf"(?<!\d)(?P<year>\d{{4}})-?(?P<yearday>\d{{3}}){OF_DAY}(?!\d)",  # MODIS, HLS
    r"L[A-Z]\d{7}(?P<year>\d{4})(?P<yearday>\d{3})(?=[A-Z]{3})",  # Landsat before collections
)
MONTHS = (r"(?<!\d)(?P<year>\d{4})[-_]?(?P<month>\d\d)(?!\d)",)
YEARS = (r"(?<!\d)(?P<year>\d{4})(?!\d)",)
PLAUSIBLE = range(1900, 2101)
#: attributes that are compared where sources are joined
COMPARED = {*PACKING, "units", "nodata"}


def lacks_time(variable: xr.DataArray, axes: Mapping[str, str] | None) -> bool:
    """Tell whether a time axis is all that a variable lacks to become video."""
    if letters_of(variable, axes) is not None:
        return False
    empty = np.broadcast_to(np.zeros((), variable.dtype), variable.shape)  # reads nothing
    with_time = variable.copy(data=empty).expand_dims("time axis")
    return letters_of(with_time, {**(axes or {}), "time axis": "t"}) is not None


def dated(
    sources: Sequence[tuple[str, xr.Dataset]], axes: Mapping[str, str] | None
) -> list[tuple[str, xr.Dataset]] | None:
    """Give datasets of one date each an axis of time, and say where the dates are from.

    Parameters
    ----------
    sources : sequence of (str, xarray.Dataset)
        Names and contents, undecoded.
    axes : mapping of str to str, or None
        Letters of dimensions whose names do not tell.

    Returns
    -------
    list of (str, xarray.Dataset), or None
        With a first dimension ``time`` of length 1, or None where nothing lacks just that.
    """
    names = [str(n) for n, v in sources[0][1].data_vars.items() if lacks_time(v, axes)]
    if not names:
        return None
    times = _stated(sources)
    if times is None:
        times = _named([source for source, _ in sources])
    kept = {name: _agreed([ds.variables[name] for _, ds in sources]) for name in names}
    return [
        (source, _with_time(ds, time, kept))
        for (source, ds), time in zip(sources, times, strict=True)
    ]


def is_dated_picture(name: str) -> bool:
    """Tell whether a name is that of a picture with a date, in a format that has no time."""
    in_time = names_zarr(name) or name.lower().endswith(NETCDF)
    return not in_time and dates_in_names([name]) is not None


def _stated(sources: Sequence[tuple[str, xr.Dataset]]) -> list[xr.Variable] | None:
    """Find the date that each source states as a scalar."""
    found = [ds.variables.get(TIME) for _, ds in sources]
    times = [v for v in found if v is not None and not v.ndim and v.dtype.kind in "iuf"]
    if len(times) < len(sources):
        return None
    return [xr.Variable((TIME,), v.values[np.newaxis], v.attrs) for v in times]


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
                "out, or put bands of a date into one file beforehand"
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


def dates_in_names(sources: Sequence[str]) -> list[datetime] | None:
    """Read one date from the name of each source, or from that of its folder.

    The first of a name counts: satellite pictures name the day on which they were taken before that
    on which they were made. Months and years alone count where they tell all sources apart.

    Examples
    --------
    >>> [str(date) for date in dates_in_names(["a/T31UFS_20200101T105441_B02_10m.jp2"])]
    ['2020-01-01 10:54:41']
    >>> dates_in_names(["HLS.L30.T31UFS.2020011T105441.v2.0.tif"])[0].date()
    datetime.date(2020, 1, 11)
    >>> dates_in_names(["a.tif", "b.tif"])
    """
    names = [Path(source).name for source in sources]
    folders = [Path(source).resolve().parent.name for source in sources]
    for texts, patterns in ((names, DAYS), (folders, DAYS), (names, MONTHS), (names, YEARS)):
        found = [_first_date(text, patterns) for text in texts]
        dates = [date for date in found if date is not None]
        if len(dates) == len(sources) and (patterns is DAYS or len(set(dates)) == len(dates)):
            return dates
    return None


def _first_date(name: str, patterns: Iterable[str]) -> datetime | None:
    matches = [match for pattern in patterns for match in re.finditer(pattern, name)]
    dates = (_date_of(match) for match in sorted(matches, key=lambda match: match.start()))
    return next((date for date in dates if date is not None), None)


def _date_of(match: re.Match[str]) -> datetime | None:
    """Make a date of what was found, unless no calendar has it."""
    found = {k: int(v) for k, v in match.groupdict().items() if v and k != "sign"}
    if found["year"] not in PLAUSIBLE:
        return None
    try:
        start = datetime(found["year"], found.get("month", 1), found.get("day", 1))
        day = start + timedelta(found.get("yearday", 1) - 1)
        time = day.replace(
            hour=found.get("hour", 0), minute=found.get("minute", 0), second=found.get("second", 0)
        )
    except ValueError:
        return None
    return time if time.year == start.year else None


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
