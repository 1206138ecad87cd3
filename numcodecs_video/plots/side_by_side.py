"""Original, decoded and error, side by side: of one date, or of several, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numcodecs_video.config import default_axes
from numcodecs_video.errors import VideoCodecError
from numcodecs_video.metrics import largest_error, rmse
from numcodecs_video.plots.chosen import check_arrays, choose_pair
from numcodecs_video.plots.panels import draw_error, draw_picture, open_panels, panel_aspect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from numcodecs_video.metrics import Nodata
    from numcodecs_video.plots.chosen import Array, Bands, Chosen

__all__ = ["side_by_side", "side_by_side_dates"]

# Inches: wide enough for labels to be legible at the width of a README, or of a page.
ONE_ROW_WIDTH, ROWS_WIDTH = 11.5, 9.6
COLOUR_PANEL, ONE_BAND_PANEL = 0.28, 0.258  # of the width, that the colour bars leave
HEADINGS, LINE = 0.35, 0.25  # inches
NARROW = 1.7  # inches in which a date with its time takes two lines


def side_by_side(
    original: Array,
    decoded: Array,
    *,
    date: int | str | None = None,
    bands: Bands | None = None,
    nodata: Nodata = None,
    bound: float | None = None,
    units: str = "",
    title: str = "",
    percentiles: tuple[float, float] = (2.0, 98.0),
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Draw the original, the decoded picture and the error of one date.

    Three bands make a colour picture, and the error shown is then the largest of the three at each
    pixel; one band is drawn in colours that stay in order for colour-blind eyes, with a signed
    error. Original and decoded share one stretch, taken from the original, in which clouds do not
    darken the ground. Missing cells are hatched.

    Parameters
    ----------
    original, decoded : ndarray or xarray.DataArray
        One date, (Y, X) or (C, Y, X), or a time series, (T, C, Y, X); the dimensions of a DataArray
        are known by their names, as `numcodecs_video.xarray.letters_of` does.
    date : int or str, optional
        Of a time series: a position, or a label of which the nearest is taken. Unless given, the
        date with the largest RMSE.
    bands : sequence of int or str, optional
        Three bands for red, green and blue, or one, by position or by their names in a DataArray;
        the first band unless given.
    nodata : float or sequence of float, optional
        The sentinels that stand for a missing measurement; those of a DataArray's attributes unless
        given.
    bound : float, optional
        The promised largest error, where the colour bar of the error then ends; what the attributes
        of `decoded` promise unless given.
    units : str, optional
        Of the data, for the labels of the colour bars; those of a DataArray unless given.
    title : str, optional
        Above the three pictures.
    percentiles : tuple of float
        Of the valid cells of each band, which the stretch maps to dark and bright.
    limits : tuple of float, optional
        Values that every band's stretch maps to dark and bright instead, for true colours.

    Returns
    -------
    matplotlib.figure.Figure
        To be saved with its ``savefig``.

    Raises
    ------
    VideoCodecError
        A ``ValueError``: if the arrays differ in shape, or a date or band is not theirs.

    Examples
    --------
    >>> import numpy as np
    >>> picture = np.linspace(0, 1, 48).reshape(6, 8)
    >>> figure = side_by_side(picture, picture.round(2), units="K")
    >>> [axes.get_title() for axes in figure.axes][:2]
    ['original', 'decoded']
    """
    check_arrays(original, decoded)
    before, after = choose_pair(
        original,
        decoded,
        None if date is None else [date],
        bands,
        axes="tcyx"[-original.ndim :],
        nodata=nodata,
        bound=bound,
        percentiles=percentiles,
        limits=limits,
    )
    below = _describe_error(before, after)
    return _draw(before, after, before.bound, ONE_ROW_WIDTH, units, title, below)


def side_by_side_dates(
    original: Array,
    decoded: Array,
    dates: Sequence[int | str],
    *,
    bands: Bands | None = None,
    nodata: Nodata = None,
    bound: float | None = None,
    percentiles: tuple[float, float] = (2.0, 98.0),
    limits: tuple[float, float] | None = None,
    title: str = "",
) -> Figure:
    """Draw the original, the decoded picture and the error of chosen dates, one row each.

    Three bands make a colour picture, each date stretched by itself, since a cloudy one would leave
    the others dark; one band is drawn in the same colours for all dates. The stretch is the
    original's, and the error has one scale.

    Parameters
    ----------
    original, decoded : ndarray or xarray.DataArray
        Of one shape, (T, Y, X) or (T, C, Y, X); the dimensions of a DataArray are known by their
        names.
    dates : sequence of int or str
        Positions along time, or dates; the nearest is taken.
    bands : sequence of int or str, optional
        Three bands for red, green and blue, or one, by position or name; the first unless given.
    nodata : float or sequence of float, optional
        The sentinels; those of a DataArray's attributes unless given.
    bound : float, optional
        The promised largest error, where the colours of the error end; what the attributes of
        `decoded` promise unless given.
    percentiles : tuple of float
        Of the valid cells of each band, which the stretch maps to dark and bright.
    limits : tuple of float, optional
        Values that every band's stretch maps to dark and bright instead.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    VideoCodecError
        A ``ValueError``: if the arrays differ in shape, or a date or band is not theirs.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> cube = xr.DataArray(np.random.default_rng(0).random((4, 6, 8)), dims=("time", "y", "x"))
    >>> figure = side_by_side_dates(cube, cube.round(2), [0, 2])
    >>> len(figure.axes)  # two rows of three panels, and two colour bars
    8
    """
    check_arrays(original, decoded)
    if len(dates) == 0:
        raise VideoCodecError("dates must list one at least, got none")
    before, after = choose_pair(
        original,
        decoded,
        dates,
        bands,
        axes=default_axes(original.ndim),
        nodata=nodata,
        bound=bound,
        percentiles=percentiles,
        limits=limits,
    )
    largest = largest_error(before.cube, after, valid=before.valid)
    return _draw(before, after, before.bound or largest, ROWS_WIDTH, "", title, "")


def _draw(
    before: Chosen,
    after: NDArray[Any],
    bound: float | None,
    width: float,
    units: str,
    title: str,
    below: str,
) -> Figure:
    """Draw a row a date, and a line below the errors."""
    count, _, rows, columns = before.cube.shape
    panel = COLOUR_PANEL if before.in_colour else ONE_BAND_PANEL
    panel *= width * panel_aspect(rows, columns)
    height = (panel + 0.1) * count + HEADINGS + LINE * bool(below)
    figure, panels = open_panels(
        count, 3, (width, height), title=title, missing=not before.valid.all()
    )
    for axes, name in zip(panels[0], ("original", "decoded", "error"), strict=True):
        axes.set_title(name)
    dates = zip(
        panels, before.cube, after, before.valid, before.stretch, before.labels, strict=True
    )
    for row, old, new, seen, stretch, label in dates:
        row[0].set_ylabel(label.replace(" ", "\n") if panel < NARROW else label)
        draw_picture(row[0], old, seen, stretch)
        image = draw_picture(row[1], new, seen, stretch)
        error = draw_error(row[2], old, new, seen, bound)
    units = units or before.units
    if not before.in_colour:
        figure.colorbar(image, ax=panels[:, :2], label=units, shrink=0.85, pad=0.01)
    figure.colorbar(error, ax=panels[:, 2], label=units, shrink=0.85)
    panels[-1, 2].set_xlabel(below)
    return figure


def _describe_error(before: Chosen, after: NDArray[Any]) -> str:
    """State the largest error, what was promised and the RMSE."""
    largest = f"largest {largest_error(before.cube, after, valid=before.valid):.3g}"
    promised = "" if before.bound is None else f" of {before.bound:g} allowed"
    return f"{largest}{promised}, RMSE {rmse(before.cube, after, valid=before.valid):.3g}"
