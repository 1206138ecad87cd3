"""Original, decoded and error of chosen dates of a labelled cube, one row a date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.patches import Patch

from numcodecs_video.config import default_axes
from numcodecs_video.metrics import largest_error, valid_cells
from numcodecs_video.plots.notebook import NotebookFigure
from numcodecs_video.plots.pictures import MISSING, draw_error, draw_picture, stretch_of
from numcodecs_video.transform.cube import to_cube

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from numcodecs_video.metrics import Nodata

__all__ = ["side_by_side_dates"]


UNITS: tuple[Literal["D", "m", "s", "ms"], ...] = ("D", "m", "s", "ms")  # of labels


def side_by_side_dates(
    original: xr.DataArray,
    decoded: xr.DataArray,
    dates: Sequence[int | str],
    *,
    bands: Sequence[int] | None = None,
    nodata: Nodata = None,
    bound: float | None = None,
    percentiles: tuple[float, float] = (2.0, 98.0),
    title: str = "",
) -> Figure:
    """Draw the original, the decoded picture and the error of chosen dates.

    Three bands make a colour picture, each date stretched by itself, since a cloudy one would leave
    the others dark; one band is drawn in the same colours for all dates. The stretch is the
    original's, and the error has one scale.

    Parameters
    ----------
    original, decoded : xarray.DataArray
        Of one shape, with a time axis and a y and an x axis, and perhaps a band axis.
    dates : sequence of int or str
        Positions along time, or dates; the nearest is taken.
    bands : sequence of int, optional
        Three bands for red, green and blue, or one; the first band unless given.
    nodata : float or sequence of float, optional
        The sentinels; those of the original's attributes unless given.
    bound : float, optional
        The promised largest error, where the colours of the error end.
    percentiles : tuple of float
        Of the valid cells of each band, which the stretch maps to dark and bright.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the arrays differ in shape, a date is no position, or `bands` are neither one nor three.

    Examples
    --------
    >>> import xarray as xr
    >>> cube = xr.DataArray(np.random.default_rng(0).random((4, 6, 8)), dims=("time", "y", "x"))
    >>> figure = side_by_side_dates(cube, cube.round(2), [0, 2])
    >>> len(figure.axes)  # two rows of three panels, and two colour bars
    8
    """
    from numcodecs_video.xarray.conventions import nodata_of
    from numcodecs_video.xarray.dimensions import letters_of

    if original.shape != decoded.shape:
        raise ValueError(
            f"original and decoded must have one shape, got {original.shape} and {decoded.shape}"
        )
    letters = letters_of(original) or default_axes(original.ndim)
    if letters.count("t") != 1:
        raise ValueError(f"original has no one time axis among {original.dims}")
    time = original.dims[letters.index("t")]
    chosen = [_position(original, str(time), date) for date in dates]
    parts = (array.isel({time: chosen}) for array in (original, decoded))
    before, after = (to_cube(np.asarray(part.values), letters) for part in parts)
    shown = [0] if bands is None else list(bands)
    if len(shown) not in (1, 3) or not all(0 <= band < before.shape[1] for band in shown):
        raise ValueError(
            f"bands must name one or three of the {before.shape[1]} bands, got {bands!r}"
        )
    labels = _labels(original, str(time), chosen)
    nodata = nodata_of(original) if nodata is None else nodata
    units = str(original.attrs.get("units", ""))
    return _draw_rows(
        before[:, shown], after[:, shown], labels, nodata, bound, percentiles, units, title
    )


def _draw_rows(
    before: NDArray[Any],
    after: NDArray[Any],
    labels: Sequence[str],
    nodata: Nodata,
    bound: float | None,
    percentiles: tuple[float, float],
    units: str,
    title: str,
) -> Figure:
    """Draw cubes of shape (T, 1 or 3, Y, X)."""
    valid = valid_cells(before, nodata=nodata)
    in_colour = before.shape[1] == 3
    stretches = [stretch_of(*pair, percentiles) for pair in zip(before, valid, strict=True)]
    if not in_colour:
        every = stretch_of(before.reshape(1, -1, 1), valid.reshape(1, -1, 1), percentiles)
        stretches = [every] * len(before)
    limit = bound or largest_error(before, after, valid=valid) or 1.0
    aspect = min(max(before.shape[2] / before.shape[3], 0.4), 1.6)
    panel = 2.7 if in_colour else 2.45  # inches that the colour bars leave
    height = (panel * aspect + 0.15) * len(before) + (0.55 if valid.all() else 0.85)
    figure = NotebookFigure(figsize=(9.6, height), layout="constrained")
    panels = figure.subplots(len(before), 3, squeeze=False, sharex=True, sharey=True)
    for axes, name in zip(panels[0], ("original", "decoded", "error"), strict=True):
        axes.set_title(name)
    rows = zip(panels, before, after, valid, stretches, labels, strict=True)
    for row, old, new, seen, stretch, label in rows:
        row[0].set_ylabel(label)
        draw_picture(row[0], old, seen, stretch)
        image = draw_picture(row[1], new, seen, stretch)
        error = draw_error(row[2], old, new, seen, limit)
    if not in_colour:
        figure.colorbar(image, ax=panels[:, :2], label=units, shrink=0.8, pad=0.01)
    figure.colorbar(error, ax=panels[:, 2], label=units, shrink=0.8)
    if not valid.all():
        figure.legend(handles=[Patch(label="missing", **MISSING)], loc="outside lower center")
    if title:
        figure.suptitle(title)
    return figure


def _position(original: xr.DataArray, time: str, date: int | str) -> int:
    """Find a date's position along the time axis."""
    if isinstance(date, str):
        index = original.indexes.get(time)
        if index is None:
            raise ValueError(f"{time} has no coordinate: give dates as positions")
        return int(index.get_indexer([np.datetime64(date)], method="nearest")[0])
    if not -original.sizes[time] <= date < original.sizes[time]:
        raise ValueError(f"date {date} is beyond the {original.sizes[time]} of {time}")
    return date % original.sizes[time]


def _labels(original: xr.DataArray, time: str, chosen: Sequence[int]) -> list[str]:
    """Say the dates, and the time of day where there is one."""
    if time not in original.coords:
        return [f"{time} {position}" for position in chosen]
    values = original[time].values[list(chosen)]
    if values.dtype.kind != "M":
        return [f"{time} {value}" for value in values]
    unit = next(unit for unit in UNITS if unit == UNITS[-1] or _are_whole(values, unit))
    return [str(text).replace("T", " ") for text in np.datetime_as_string(values, unit)]


def _are_whole(values: NDArray[Any], unit: str) -> bool:
    return bool((values == values.astype(f"M8[{unit}]")).all())
