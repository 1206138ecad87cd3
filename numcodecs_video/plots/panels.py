"""The panels of a figure: pictures, and errors, over hatching where cells are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import Patch

from numcodecs_video.plots.notebook import NotebookFigure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

__all__ = ["draw_error", "draw_picture", "open_panels", "panel_aspect"]

TITLE, LEGEND = 0.35, 0.3  # inches
LEAST_ASPECT, MOST_ASPECT = 0.4, 1.8

# Perceptually uniform, or diverging about a light middle, and safe for every common colour
# blindness: Nuñez, Anderton and Renslow, PLOS ONE 13 (2018), and ColorBrewer's PuOr.
VALUE_COLOURS = "cividis"
SIGNED_ERROR_COLOURS = "PuOr"
ABSOLUTE_ERROR_COLOURS = "magma"
MISSING: dict[str, Any] = {
    "facecolor": "#d9d9d9",
    "edgecolor": "#8c8c8c",
    "hatch": "////",
    "linewidth": 0.0,
}


def panel_aspect(rows: int, columns: int) -> float:
    """Height over width of the panel of a picture: its own, unless it is very long."""
    return min(max(rows / columns, LEAST_ASPECT), MOST_ASPECT)


def open_panels(
    rows: int, columns: int, size: tuple[float, float], *, title: str, missing: bool
) -> tuple[Figure, NDArray[Any]]:
    """Open a figure of panels, with a title above, and below what the hatching means.

    Parameters
    ----------
    rows, columns : int
    size : tuple of float
        Width and height in inches, without title and legend.
    title : str
    missing : bool
        Whether there is hatching to explain.

    Returns
    -------
    figure : Figure
    panels : ndarray of Axes, shape (rows, columns)
    """
    width, height = size
    height += TITLE * bool(title) + LEGEND * missing
    figure = NotebookFigure(figsize=(width, height), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    if missing:
        figure.legend(handles=[Patch(label="missing", **MISSING)], loc="outside lower center")
    if title:
        figure.suptitle(title)
    return figure, panels


def draw_picture(
    axes: Axes, picture: NDArray[Any], valid: NDArray[np.bool_], stretch: NDArray[np.float64]
) -> AxesImage:
    """Draw one band in colours or three as red, green and blue, hatched where any is missing."""
    low, high = stretch[:, 0], stretch[:, 1]
    seen = np.all(valid, axis=0)
    if len(picture) == 1:
        shown = np.ma.masked_array(picture[0].astype(np.float64), ~seen)
        dark, bright = float(low[0]), float(high[0])
        bright = bright if bright > dark else dark + 1.0
        return _draw_over_hatching(axes, shown, cmap=VALUE_COLOURS, vmin=dark, vmax=bright)
    span = np.where(high > low, high - low, 1.0)
    colours = (picture.astype(np.float64) - low[:, None, None]) / span[:, None, None]
    colours = np.where(seen, np.clip(colours, 0.0, 1.0), 0.0)
    return _draw_over_hatching(axes, np.concatenate([colours, seen[None]]).transpose(1, 2, 0))


def draw_error(
    axes: Axes,
    before: NDArray[Any],
    after: NDArray[Any],
    valid: NDArray[np.bool_],
    bound: float | None,
) -> AxesImage:
    """Draw decoded minus original: signed for one band, the largest magnitude for three."""
    error = after.astype(np.float64) - before.astype(np.float64)
    seen = np.all(valid, axis=0)
    shown = error[0] if len(error) == 1 else np.abs(error).max(axis=0)
    limit = bound or float(np.abs(shown[seen]).max(initial=0.0)) or 1.0
    signed = len(error) == 1
    return _draw_over_hatching(
        axes,
        np.ma.masked_array(shown, ~seen),
        cmap=SIGNED_ERROR_COLOURS if signed else ABSOLUTE_ERROR_COLOURS,
        vmin=-limit if signed else 0.0,
        vmax=limit,
    )


def _draw_over_hatching(
    axes: Axes,
    picture: NDArray[Any],
    *,
    cmap: str | Colormap | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
) -> AxesImage:
    """Draw a picture whose masked or transparent cells let the hatched ground through."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.patch.set(**MISSING)
    return axes.imshow(picture, interpolation="nearest", cmap=cmap, vmin=vmin, vmax=vmax)
