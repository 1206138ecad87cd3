"""How the errors of all valid cells are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_video.metrics import largest_error, rmse, valid_cells
from numcodecs_video.plots.chosen import check_shapes
from numcodecs_video.plots.notebook import NotebookFigure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from numcodecs_video.metrics import Nodata
    from numcodecs_video.plots.chosen import Array

__all__ = ["error_histogram"]

BAR, LINE = "#56B4E9", "#D55E00"  # of Okabe and Ito, told apart by every common colour blindness
ROUNDING = 8.0  # units in the last place by which packed values miss their step
MOST_STEPS = 2**20


def error_histogram(
    original: Array,
    decoded: Array,
    *,
    bound: float | None = None,
    nodata: Nodata = None,
    units: str = "",
    title: str = "",
    bins: int = 81,
) -> Figure:
    """Draw how the errors of all valid cells are spread, against the promised bound.

    The number of cells is on a logarithmic axis, so that the rarest errors, which a bound is about,
    are seen as well. Where all errors are multiples of one step, those of integers and of packed
    data, each bar stands for a whole number of steps, and the lines of the bound for the outer edge
    of the last step that it allows.

    Parameters
    ----------
    original, decoded : ndarray or xarray.DataArray
        Of one shape.
    bound : float, optional
        The promised largest error, drawn as two lines; what the attributes of `decoded` promise
        unless given.
    nodata : float or sequence of float, optional
        The sentinels that stand for a missing measurement; those of a DataArray's attributes unless
        given.
    units : str, optional
        Of the data; those of a DataArray unless given.
    title : str, optional
    bins : int
        Of the histogram; fewer where there are fewer steps.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    VideoCodecError
        A ``ValueError``: if the arrays differ in shape.

    Examples
    --------
    >>> before = np.linspace(0, 1, 100)
    >>> figure = error_histogram(before, before.round(1), bound=0.05)
    >>> figure.axes[0].get_ylabel()
    'cells'
    """
    check_shapes(original, decoded)
    if not isinstance(original, np.ndarray):
        from numcodecs_video.xarray.labels import nodata_seen, units_shown

        nodata = nodata_seen(original) if nodata is None else nodata
        units = units or units_shown(original)
    if not isinstance(decoded, np.ndarray):
        from numcodecs_video.xarray.labels import promised_error

        bound = promised_error(decoded) if bound is None else bound
    before, after = np.asarray(original), np.asarray(decoded)
    valid = valid_cells(before, nodata=nodata)
    errors = after[valid].astype(np.float64) - before[valid].astype(np.float64)
    errors = errors[np.isfinite(errors)]
    largest = float(np.abs(errors).max(initial=0.0))
    step = _step_of(errors, largest, _rounding(before[valid], after[valid]))
    edges = _edges(largest, bound, bins, step)
    figure = NotebookFigure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    cells, _, _ = axes.hist(
        np.clip(errors, edges[0], edges[-1]),  # a bound is met up to the last digit of a double
        bins=edges.tolist(),
        color=BAR,
        edgecolor="white",
        linewidth=0.3,
    )
    axes.set_yscale("log")
    axes.set_ylim(0.5, 3 * max(1.0, float(np.max(cells))))
    if bound is not None:
        for side in (-1, 1):
            edge = side * _bound_edge(bound, step)
            axes.axvline(edge, color=LINE, linewidth=1.6, linestyle="--")
        label = f"promised ±{bound:g}{' ' + units if units else ''}"
        axes.plot([], [], color=LINE, linestyle="--", linewidth=1.6, label=label)
    worst, spread = (measure(before, after, valid=valid) for measure in (largest_error, rmse))
    axes.plot([], [], " ", label=f"largest {worst:.3g}, RMSE {spread:.3g}")
    # Below the axes: no corner of a histogram against a bound is free.
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    axes.set_xlabel(f"decoded − original{f' ({units})' if units else ''}")
    axes.set_ylabel("cells")
    axes.spines[["top", "right"]].set_visible(False)
    if title:
        axes.set_title(title)
    return figure


def _rounding(before: NDArray[Any], after: NDArray[Any]) -> float | None:
    """By how much errors may miss a multiple of their step; None of integers."""
    reals = [np.finfo(array.dtype).eps for array in (before, after) if array.dtype.kind == "f"]
    if not reals:
        return None
    return ROUNDING * float(max(reals)) * float(np.abs(before, dtype=np.float64).max(initial=0.0))


def _step_of(errors: NDArray[np.float64], largest: float, rounding: float | None) -> float | None:
    """Find the step that all errors are multiples of; None of real numbers.

    Their least magnitude is it, or there is none: among many cells some err by one step.
    """
    if rounding is None:
        return 1.0
    sizes = np.abs(errors)
    least = float(sizes.min(initial=np.inf, where=sizes > rounding))
    if not np.isfinite(least) or least < 4 * rounding or largest > MOST_STEPS * least:
        return None
    step = largest / round(largest / least)  # the largest knows the step best
    misses = np.abs(sizes - step * np.round(sizes / step)).max()
    return step if misses <= 2 * rounding else None


def _edges(
    largest: float, bound: float | None, bins: int, step: float | None
) -> NDArray[np.float64]:
    """Cut the range into bins about zero: of whole steps, else ending at the bound."""
    reach = max(largest, bound or 0.0) or 1.0
    if step is None:
        width = 2 * (bound or reach) / (bins | 1)  # odd: one bar about zero
        half = int(np.ceil(reach / width - 0.5 - 1e-6)) + 0.5
        return np.linspace(-half * width, half * width, round(2 * half) + 1, dtype=np.float64)
    most = _steps_within(reach, step)
    group = max(1, -(-(2 * most + 1) // bins)) | 1  # odd, to lie about zero
    allowed = most if bound is None else _steps_within(bound, step)
    outer = (np.arange(most // group + 2) + 0.5) * group
    # A bar is narrower rather than on both sides of the bound, or beyond the last error.
    outer = np.union1d(outer[outer < most + 0.5], [allowed + 0.5, most + 0.5])
    edges: NDArray[np.float64] = np.concatenate([-outer[::-1], outer]) * step
    return edges


def _bound_edge(bound: float, step: float | None) -> float:
    """Where the bound is drawn: between the last step that it allows and the next."""
    return bound if step is None else (_steps_within(bound, step) + 0.5) * step


def _steps_within(size: float, step: float) -> int:
    return int(np.floor(size / step * (1 + 1e-6)))
