"""What the names of files say of dates, as those of satellite pictures do."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from numcodecs_video.xarray.opening import NETCDF, names_zarr

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["DAYS", "MONTHS", "YEARS", "dates_by", "dates_in_names", "is_dated_picture"]

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


def is_dated_picture(name: str) -> bool:
    """Tell whether a name is that of a picture with a date, in a format that has no time."""
    in_time = names_zarr(name) or name.lower().endswith(NETCDF)
    return not in_time and dates_in_names([name]) is not None


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
    for patterns in (DAYS, MONTHS, YEARS):
        dates = dates_by(patterns, sources)
        if dates is not None and (patterns is DAYS or len(set(dates)) == len(dates)):
            return dates
    return None


def dates_by(patterns: Sequence[str], sources: Sequence[str]) -> list[datetime] | None:
    """Read a date of some precision from each name, or a day from that of each folder."""
    texts = [[Path(source).name for source in sources]]
    if patterns is DAYS:
        texts.append([Path(source).resolve().parent.name for source in sources])
    for each in texts:
        dates = [date for date in (_first_date(text, patterns) for text in each) if date]
        if len(dates) == len(sources):
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
