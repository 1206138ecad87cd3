"""Figures of what a command line names: dates of a cube, or what compressing lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from numcodecs_video.xarray.aligning import aligned
from numcodecs_video.xarray.labels import date_labels, date_position, time_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from matplotlib.figure import Figure

    from numcodecs_video.cli.picturing import Shown

__all__ = ["dates_shown", "draw_dates", "draw_errors"]

MOST_CELLS = 2**27  # that are read whole: for a histogram, or to find the date that lost most


def dates_shown(shown: Shown, dates: Sequence[str]) -> list[str]:
    """Write the dates that were found for those asked for."""
    time = time_of(shown.cube, shown.letters)
    if time is None:
        return list(dates)
    labels = date_labels(shown.cube, time)
    return [labels[date_position(shown.cube, time, date)] for date in dates]


def draw_dates(shown: Shown, dates: Sequence[str], look: dict[str, Any], src: str) -> Figure:
    """Draw dates as they are."""
    from numcodecs_video.plots import pictures

    title = f"{shown.title} of {Path(src).name}"
    return pictures(shown.cube, list(dates) or None, bands=shown.bands, title=title, **look)


def draw_errors(
    shown: Shown,
    after: xr.DataArray,
    dates: Sequence[str],
    look: dict[str, Any],
    path: str,
    *,
    histogram: bool,
    bands: bool,
) -> Figure:
    """Draw what is shown, the same of its copy, and the error; or how all errors are spread."""
    from numcodecs_video.plots import error_histogram, side_by_side, side_by_side_dates

    before, after, notes = aligned(shown.cube, after)
    for note in notes:
        click.echo(f"Note: {note}", err=True)
    title = f"{shown.title}, {Path(path).name}"
    if histogram:
        before, after = (_part(cube, shown, dates, bands=bands) for cube in (before, after))
    if before.size > MOST_CELLS and (histogram or not dates):
        raise click.ClickException(f"{shown.title} is too large to be read whole: name a --date")
    if histogram:
        return error_histogram(before, after, title=title)
    if len(dates) > 1:
        return side_by_side_dates(
            before, after, list(dates), bands=shown.bands, title=title, **look
        )
    date = dates[0] if dates else None
    return side_by_side(before, after, date=date, bands=shown.bands, title=title, **look)


def _part(cube: xr.DataArray, shown: Shown, dates: Sequence[str], *, bands: bool) -> xr.DataArray:
    """Keep the dates and bands asked for, or all."""
    time = time_of(cube, shown.letters)
    if time is not None and dates:
        cube = cube.isel({time: np.unique([date_position(cube, time, date) for date in dates])})
    if bands and shown.letters.count("c") == 1:
        cube = cube.isel({cube.dims[shown.letters.index("c")]: shown.bands})
    return cube
