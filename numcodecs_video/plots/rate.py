"""Rate against distortion, a curve a codec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from numcodecs_video.plots.notebook import NotebookFigure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from numcodecs_video.xarray.evaluate import Evaluation
    from numcodecs_video.xarray.sweep import SweepPoint

__all__ = ["rate_distortion"]

# Okabe and Ito's colours, told apart by every common colour blindness, without their yellow, which
# is too light for lines; markers and dashes tell the same once more.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LEAST_FACTOR = 4.0  # less looks like more than it is
MOST_RANGE = 500.0  # beyond, labels at 1, 2 and 5 would touch
LEAST_RANGE = 10.0  # below, there may be one of them, or none
LEGEND_INCHES, LETTER_INCHES = 0.6, 0.07  # of an entry without its text, and of a letter
DASHES = ("-", "--", "-.", ":")


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
            low, high = axes.get_ylim()
            wider = max(1.0, (LEAST_FACTOR * low / high) ** 0.5)
            axes.set_ylim(low / wider, high * wider)
            _plain_ticks(axes.yaxis)
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
    """Label a logarithmic axis with plain numbers, several of them over whatever range."""
    low, high = axis.get_view_interval()
    locator: LogLocator | MaxNLocator = LogLocator(10, (1, 2, 5))
    if high > low * MOST_RANGE:
        locator = LogLocator(10, (1,))
    elif high < low * LEAST_RANGE:
        locator = MaxNLocator(5)
    axis.set_major_locator(locator)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
