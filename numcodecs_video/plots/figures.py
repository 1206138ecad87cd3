"""Figures of many cells at once: how errors are spread, and rate against distortion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from numcodecs_video.metrics import valid_cells
from numcodecs_video.plots.notebook import NotebookFigure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from numcodecs_video.metrics import Nodata
    from numcodecs_video.xarray.evaluate import Evaluation
    from numcodecs_video.xarray.sweep import SweepPoint

__all__ = ["error_histogram", "rate_distortion"]

# Okabe and Ito's colours, told apart by every common colour blindness, without their yellow, which
# is too light for lines; markers and dashes tell the same once more.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LEAST_FACTOR = 4.0
MOST_RANGE = 500.0  # beyond, labels at 1, 2 and 5 would touch
LEGEND_INCHES, LETTER_INCHES = 0.6, 0.07  # of an entry without its text, and of a letter
DASHES = ("-", "--", "-.", ":")


def error_histogram(
    original: NDArray[Any],
    decoded: NDArray[Any],
    *,
    bound: float | None = None,
    nodata: Nodata = None,
    units: str = "",
    title: str = "",
    bins: int = 81,
) -> Figure:
    """Draw how the errors of all valid cells are spread, against the promised bound.

    The number of cells is on a logarithmic axis, so that the rarest errors, which a bound is about,
    are seen as well.

    Parameters
    ----------
    original, decoded : ndarray
        Of one shape.
    bound : float, optional
        The promised largest error, drawn as two lines.
    nodata : float or sequence of float, optional
        The sentinels that stand for a missing measurement.
    units : str, optional
        Of the data.
    title : str, optional
    bins : int
        Of the histogram; fewer where the errors are integers.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the arrays differ in shape.

    Examples
    --------
    >>> before = np.linspace(0, 1, 100)
    >>> figure = error_histogram(before, before.round(1), bound=0.05)
    >>> figure.axes[0].get_ylabel()
    'cells'
    """
    original, decoded = np.asarray(original), np.asarray(decoded)
    if original.shape != decoded.shape:
        raise ValueError(
            f"original and decoded must have one shape, got {original.shape} and {decoded.shape}"
        )
    valid = valid_cells(original, nodata=nodata)
    errors = decoded[valid].astype(np.float64) - original[valid].astype(np.float64)
    largest = float(np.abs(errors).max(initial=0.0))
    figure = NotebookFigure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    edges = _edges(largest, bound, bins, integers=original.dtype.kind in "iub")
    cells, _, _ = axes.hist(
        np.clip(errors, edges[0], edges[-1]),  # a bound is met up to the last digit of a double
        bins=edges.tolist(),
        color=COLOURS[4],
        edgecolor="white",
        linewidth=0.3,
    )
    axes.set_yscale("log")
    axes.set_ylim(0.5, 3 * max(1.0, float(np.max(cells))))
    if bound is not None:
        for side in (-bound, bound):
            axes.axvline(side, color=COLOURS[1], linewidth=1.6, linestyle="--")
        label = f"promised ±{bound:g}{' ' + units if units else ''}"
        axes.plot([], [], color=COLOURS[1], linestyle="--", linewidth=1.6, label=label)
    rmse = float(np.sqrt(np.mean(np.square(errors)))) if errors.size else 0.0
    axes.plot([], [], " ", label=f"largest {largest:.3g}, RMSE {rmse:.3g}")
    # Below the axes: no corner of a histogram against a bound is free.
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    axes.set_xlabel(f"decoded − original{f' ({units})' if units else ''}")
    axes.set_ylabel("cells")
    axes.spines[["top", "right"]].set_visible(False)
    if title:
        axes.set_title(title)
    return figure


def _edges(
    largest: float, bound: float | None, bins: int, *, integers: bool
) -> NDArray[np.float64]:
    """Cut the range into bins about zero: of whole steps for integers, else ending at the bound."""
    reach = max(largest, bound or 0.0) or 1.0
    if integers:
        step = max(1, int(np.ceil((2 * reach + 1) / bins)))
        half = int(np.ceil(reach / step))
        return (np.arange(-half, half + 2, dtype=np.float64) - 0.5) * step
    width = (bound or reach) / (bins // 2)
    half = int(np.ceil(reach / width - 1e-6))
    return np.linspace(-half * width, half * width, 2 * half + 1, dtype=np.float64)


def rate_distortion(
    points: Sequence[SweepPoint],
    *,
    title: str = "",
    label: Callable[[SweepPoint], str] = lambda point: point.codec,
) -> Figure:
    """Draw PSNR, SSIM, spectral angle and time against the rate, a curve a codec.

    Where SSIM or the spectral angle has no figures (small planes, one band), its panel is left out.

    Parameters
    ----------
    points : sequence of SweepPoint
        As `numcodecs_video.xarray.sweep` returns them, or gathered from several sweeps.
    title : str, optional
    label : callable
        The curve that a point belongs to.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no point.

    References
    ----------
    The layout follows the rate-distortion figures of Pellicer-Valero et al., "Video compression for
    spatiotemporal Earth system data" (2025).
    """
    if not points:
        raise ValueError("a rate-distortion figure needs at least one point")
    curves: dict[str, list[Evaluation]] = {}
    for point in points:
        curves.setdefault(label(point), []).append(point.evaluation)
    panels = [
        panel for panel in _PANELS if any(_has_figure(panel[1](p.evaluation)) for p in points)
    ]
    columns = 2 if len(panels) in (2, 4) else len(panels)
    rows = -(-len(panels) // columns)
    figure = NotebookFigure(figsize=(4.6 * columns, 3.4 * rows + 0.6), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for axes, (name, figure_of, log) in zip(grid.flat, panels, strict=True):
        _draw_curves(axes, curves, figure_of)
        axes.set_ylabel(name)
        if log:
            axes.set_yscale("log")
            _plain_ticks(axes.yaxis)
            low, high = axes.get_ylim()
            # Less than a factor of four has no two of these ticks, and looks like more than it is.
            wider = max(1.0, (LEAST_FACTOR * low / high) ** 0.5)
            axes.set_ylim(low / wider, high * wider)
    for axes in grid[-1]:
        axes.set_xlabel("bits per pixel per band")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    if len(labels) > 1:
        longest = max(map(len, labels))
        fitting = int(figure.get_figwidth() / (LEGEND_INCHES + LETTER_INCHES * longest))
        ncols = max(1, min(len(labels), fitting))
        figure.legend(handles, labels, loc="outside lower center", ncols=ncols, frameon=False)
    figure.suptitle(title or (next(iter(curves)) if len(curves) == 1 else ""))
    return figure


_PANELS: tuple[tuple[str, Callable[[Evaluation], float], bool], ...] = (
    ("PSNR (dB)", lambda e: e.psnr, False),
    ("SSIM", lambda e: e.ssim, False),
    ("spectral angle (°)", lambda e: e.spectral_angle, True),
    ("encoding (s per million cells)", lambda e: e.encode_seconds / e.cells * 1e6, True),
)


def _has_figure(value: float) -> bool:
    return bool(np.isfinite(value))


def _draw_curves(
    axes: Axes, curves: dict[str, list[Evaluation]], figure_of: Callable[[Evaluation], float]
) -> None:
    for number, (name, evaluations) in enumerate(curves.items()):
        pairs = sorted((e.bits_per_pixel_per_band, figure_of(e)) for e in evaluations)
        seen = [pair for pair in pairs if _has_figure(pair[1])]
        axes.plot(
            [rate for rate, _ in seen],
            [value for _, value in seen],
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            linestyle=DASHES[number // len(COLOURS) % len(DASHES)],
            markersize=5,
            linewidth=1.6,
            label=name,
        )
    axes.set_xscale("log")
    _plain_ticks(axes.xaxis)
    axes.tick_params(labelbottom=True)
    axes.grid(True, which="major", color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _plain_ticks(axis: Any) -> None:
    """Label a logarithmic axis with plain numbers: 1, 2 and 5, or powers of ten over many."""
    low, high = axis.get_view_interval()
    wide = high > low * MOST_RANGE
    axis.set_major_locator(LogLocator(10, (1,) if wide else (1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
