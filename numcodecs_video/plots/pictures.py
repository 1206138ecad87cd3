"""Original, decoded and error of one time step, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import Patch

from numcodecs_video.metrics import largest_error, rmse, valid_cells
from numcodecs_video.plots.notebook import NotebookFigure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

    from numcodecs_video.metrics import Nodata

__all__ = ["MISSING", "draw_error", "draw_picture", "side_by_side", "stretch_of"]

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


def side_by_side(
    original: NDArray[Any],
    decoded: NDArray[Any],
    *,
    bands: Sequence[int] | None = None,
    nodata: Nodata = None,
    bound: float | None = None,
    units: str = "",
    title: str = "",
    percentiles: tuple[float, float] = (2.0, 98.0),
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Draw the original, the decoded picture and the error of one time step.

    Three bands make a colour picture, and the error shown is then the largest of the three at each
    pixel; one band is drawn in colours that stay in order for colour-blind eyes, with a signed
    error. Original and decoded share one stretch, taken from the original. Missing cells are
    hatched.

    Parameters
    ----------
    original, decoded : ndarray, shape (Y, X) or (C, Y, X)
        One time step before and after.
    bands : sequence of int, optional
        Three bands for red, green and blue, or one; the first band unless given.
    nodata : float or sequence of float, optional
        The sentinels that stand for a missing measurement.
    bound : float, optional
        The promised largest error, where the colour bar of the error then ends.
    units : str, optional
        Of the data, for the labels of the colour bars.
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
    ValueError
        If the arrays differ in shape, or `bands` are neither one nor three of theirs.

    Examples
    --------
    >>> picture = np.linspace(0, 1, 48).reshape(6, 8)
    >>> figure = side_by_side(picture, picture.round(2), units="K")
    >>> [axes.get_title() for axes in figure.axes][:2]
    ['original', 'decoded']
    """
    before, after = _chosen_bands(original, decoded, bands)
    valid = valid_cells(before, nodata=nodata)
    if limits is None:
        stretch = stretch_of(before, valid, percentiles)
    else:
        stretch = np.full((len(before), 2), limits, dtype=np.float64)
    # 3.2 inches a panel keep the labels legible at the width of a README.
    height = 3.2 * min(max(before.shape[1] / before.shape[2], 0.5), 2.0) + 0.9
    figure = NotebookFigure(figsize=(11.5, height), layout="constrained")
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    panels[0].set_title("original")
    draw_picture(panels[0], before, valid, stretch)
    panels[1].set_title("decoded")
    image = draw_picture(panels[1], after, valid, stretch)
    if len(before) == 1:
        figure.colorbar(image, ax=panels[:2], label=units, shrink=0.85, pad=0.01)
    panels[2].set_title("error")
    panels[2].set_xlabel(_describe_error(before, after, valid, bound))
    image = draw_error(panels[2], before, after, valid, bound)
    figure.colorbar(image, ax=panels[2], label=units, shrink=0.85)
    if not valid.all():
        figure.legend(handles=[Patch(label="missing", **MISSING)], loc="outside lower center")
    if title:
        figure.suptitle(title)
    return figure


def _chosen_bands(
    original: NDArray[Any], decoded: NDArray[Any], bands: Sequence[int] | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Take the bands to show out of both arrays, as shape (1, Y, X) or (3, Y, X)."""
    if original.shape != decoded.shape or original.ndim not in (2, 3):
        raise ValueError(
            "original and decoded must have one shape, (Y, X) or (C, Y, X), "
            f"got {original.shape} and {decoded.shape}"
        )
    if original.ndim == 2:
        original, decoded = original[np.newaxis], decoded[np.newaxis]
    chosen = [0] if bands is None else list(bands)
    if len(chosen) not in (1, 3) or not all(-len(original) <= b < len(original) for b in chosen):
        raise ValueError(
            f"bands must name one or three of the {len(original)} bands, got {bands!r}"
        )
    return original[chosen], decoded[chosen]


def stretch_of(
    picture: NDArray[Any], valid: NDArray[np.bool_], percentiles: tuple[float, float]
) -> NDArray[np.float64]:
    """Find the darkest and the brightest value of each band to show, shape (C, 2)."""
    limits = [
        np.percentile(band[seen].astype(np.float64), percentiles) if seen.any() else (0.0, 1.0)
        for band, seen in zip(picture, valid, strict=True)
    ]
    return np.asarray(limits, dtype=np.float64)


def draw_picture(
    axes: Axes, picture: NDArray[Any], valid: NDArray[np.bool_], stretch: NDArray[np.float64]
) -> AxesImage:
    """Draw one band in colours or three as red, green and blue, hatched where any is missing."""
    low, high = stretch[:, 0], stretch[:, 1]
    seen = np.all(valid, axis=0)
    if len(picture) == 1:
        shown = np.ma.masked_array(picture[0].astype(np.float64), ~seen)
        return _draw_over_hatching(
            axes, shown, cmap=VALUE_COLOURS, vmin=float(low[0]), vmax=float(high[0])
        )
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


def _describe_error(
    before: NDArray[Any], after: NDArray[Any], valid: NDArray[np.bool_], bound: float | None
) -> str:
    """State the largest error, what was promised and the RMSE."""
    largest = f"largest {largest_error(before, after, valid=valid):.3g}"
    promised = "" if bound is None else f" of {bound:g} allowed"
    return f"{largest}{promised}, RMSE {rmse(before, after, valid=valid):.3g}"
