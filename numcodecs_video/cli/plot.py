"""``plot``: a picture of dates, or of what compressing lost."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from numcodecs_video.cli.looks import look_options
from numcodecs_video.cli.options import json_option
from numcodecs_video.cli.places import PLACE
from numcodecs_video.cli.replacing import overwrite_option, writing

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["plot"]

DPI = 150


@click.command(
    short_help="Draw dates of a store, or what compressing lost.",
    epilog="""\b
Examples:
  numcodecs-video plot s2.zarr --date 2020-05-01 --bands B04,B03,B02 --out date.png
  numcodecs-video plot era5.nc era5.zarr --var t2m --out error.png
  numcodecs-video plot era5.nc era5.zarr --var t2m --histogram --out histogram.png
""",
)
@click.argument("src", type=PLACE)
@click.argument("decoded", type=PLACE, required=False)
@click.option("--var", "name", metavar="VAR", help="The variable; the first cube unless given.")
@click.option(
    "--date",
    "dates",
    multiple=True,
    metavar="DATE",
    help="The nearest one, or a position from 0; unless given the first, or with DECODED the one "
    "that lost most.  [repeatable]",
)
@look_options
@click.option(
    "--histogram",
    is_flag=True,
    help="Draw how errors are spread, over all dates and bands unless some are named.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A .png, .pdf or .svg file.  [default: VAR.png]",
)
@overwrite_option
@json_option
def plot(
    src: str,
    decoded: str | None,
    *,
    name: str | None,
    dates: Sequence[str],
    bands: tuple[str, ...] | None,
    percentiles: tuple[float, float],
    limits: tuple[float, float] | None,
    histogram: bool,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Draw dates of SRC, a Zarr store, its URL or a NetCDF file.

    With DECODED, its compressed copy, the original, the copy and the error are drawn side by side,
    or a histogram of all errors. What DECODED promises is where the colours of the error end.
    """
    from numcodecs_video.cli.drawing import dates_shown, draw_dates, draw_errors
    from numcodecs_video.cli.opening import open_dataset
    from numcodecs_video.cli.picturing import shown_of
    from numcodecs_video.cli.progress import progress_bar
    from numcodecs_video.cli.tables import print_json
    from numcodecs_video.export.complete import complete_file

    if histogram and decoded is None:
        raise click.UsageError("a histogram is of errors: name SRC and DECODED")
    look: dict[str, Any] = {"percentiles": percentiles, "limits": limits}
    with ExitStack() as stack:
        ds = stack.enter_context(open_dataset(src))
        shown = shown_of(ds, src, name, bands, colour=False)
        target = out if out is not None else Path(f"{'-'.join(shown.variables)}.png")
        _check_picture(target)
        stack.enter_context(writing(target, overwrite=overwrite))
        labels = dates_shown(shown, dates)
        with progress_bar("drawing", None):
            if decoded is None:
                figure = draw_dates(shown, dates, look, src)
            else:
                copy = stack.enter_context(open_dataset(decoded))
                after = shown.same_of(copy, decoded)
                figure = draw_errors(
                    shown,
                    after,
                    dates,
                    look,
                    decoded,
                    histogram=histogram,
                    bands=bands is not None,
                )
            with complete_file(target) as file:
                figure.savefig(file, dpi=DPI)
    if as_json:
        print_json({"files": [str(target)], "name": shown.title, "dates": labels})
    else:
        click.echo(f"{target}: {shown.title}{', ' if labels else ''}{', '.join(labels)}")


def _check_picture(target: Path) -> None:
    """Refuse a file that matplotlib cannot write, before anything is read."""
    from numcodecs_video.plots.notebook import NotebookFigure

    known = NotebookFigure().canvas.get_supported_filetypes()
    if target.suffix[1:].lower() not in known:
        raise click.ClickException(f"{target} must end in one of .{', .'.join(sorted(known))}")
