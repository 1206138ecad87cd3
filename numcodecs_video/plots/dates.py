"""Pictures of chosen dates of one cube, as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numcodecs_video.config import default_axes
from numcodecs_video.plots.chosen import check_arrays, choose
from numcodecs_video.plots.panels import draw_picture, open_panels, panel_aspect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from numcodecs_video.metrics import Nodata
    from numcodecs_video.plots.chosen import Array, Bands

__all__ = ["pictures"]

MOST_COLUMNS = 4
ONE_WIDTH, PANEL_WIDTH = 6.0, 3.2  # inches, as all below
LABEL = 0.3


def pictures(
    array: Array,
    dates: Sequence[int | str] | None = None,
    *,
    bands: Bands | None = None,
    nodata: Nodata = None,
    percentiles: tuple[float, float] = (2.0, 98.0),
    limits: tuple[float, float] | None = None,
    title: str = "",
) -> Figure:
    """Draw chosen dates of a cube, all under one stretch.

    Three bands make a colour picture, stretched over dates from the whole cube, in which clouds do
    not darken the ground; one band is drawn in colours with a colour bar, over the dates shown.

    Parameters
    ----------
    array : ndarray or xarray.DataArray
        (Y, X), (T, Y, X) or (T, C, Y, X); the dimensions of a DataArray are known by their names.
    dates : sequence of int or str, optional
        Positions along time, or dates; the nearest is taken. The first unless given.
    bands : sequence of int or str, optional
        Three bands for red, green and blue, or one, by position or name; the first unless given.
    nodata : float or sequence of float, optional
        The sentinels; those of a DataArray's attributes unless given.
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
        A ``ValueError``: if a date or band is not there.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> cube = xr.DataArray(np.random.default_rng(0).random((4, 6, 8)), dims=("time", "y", "x"))
    >>> [axes.get_title() for axes in pictures(cube, [0, 3]).axes[:2]]
    ['time 0', 'time 3']
    """
    check_arrays(array)
    chosen = choose(
        array,
        dates,
        bands,
        axes=default_axes(array.ndim),
        nodata=nodata,
        percentiles=percentiles,
        limits=limits,
    )
    count, _, height, width = chosen.cube.shape
    columns = min(count, MOST_COLUMNS)
    rows = -(-count // columns)
    panel = ONE_WIDTH if count == 1 else PANEL_WIDTH
    size = (
        panel * columns + (not chosen.in_colour),
        (panel * panel_aspect(height, width) + LABEL) * rows + 0.1,
    )
    figure, panels = open_panels(rows, columns, size, title=title, missing=not chosen.valid.all())
    for axes in panels.flat[count:]:
        axes.remove()
    shown = zip(chosen.cube, chosen.valid, chosen.stretch, chosen.labels, strict=True)
    for axes, (planes, seen, stretch, label) in zip(panels.flat, shown, strict=False):
        axes.set_title(label)
        image = draw_picture(axes, planes, seen, stretch)
    if not chosen.in_colour:
        figure.colorbar(image, ax=panels.flat[:count].tolist(), label=chosen.units, shrink=0.85)
    return figure
