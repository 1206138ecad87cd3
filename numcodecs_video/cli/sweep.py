"""``sweep``: rate and distortion over codecs and promises, as CSV and PNG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from numcodecs_video.cli.options import CODEC_NAMES, PROMISES, announced, json_option
from numcodecs_video.cli.parameters import QUANTISERS, VALUES, names_of
from numcodecs_video.cli.places import PLACE
from numcodecs_video.cli.replacing import check_replaceable, overwrite_option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numcodecs_video.xarray import SweepPoint

__all__ = ["sweep_command"]

SUFFIXES = (".csv", ".png")


def promise_values(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option of several values for each kind of promise."""
    for name, text in reversed(PROMISES.items()):
        values = QUANTISERS if name == "--qp" else VALUES
        command = click.option(name, type=values, help=text)(command)
    return command


@click.command(
    "sweep",
    short_help="Rate and distortion over codecs and promises, as CSV and PNG.",
    epilog="""\b
Examples:
  numcodecs-video sweep radar.zarr --psnr 40,44,48,52
  numcodecs-video sweep era5.nc --var t2m --max-error 0.01,0.1,1 --codec auto,jpeg2k
""",
)
@click.argument("src", type=PLACE)
@click.option("--var", "name", metavar="VAR", help="The variable, where there are several.")
@promise_values
@click.option(
    "--codec",
    "codecs",
    type=names_of(CODEC_NAMES),
    default="auto",
    show_default=True,
    help=f"Of {', '.join(CODEC_NAMES)}.",
)
@click.option("--effort", type=click.IntRange(1, 9), default=5, show_default=True)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Stem of the .csv and the .png.  [default: VAR-sweep]",
)
@overwrite_option
@json_option
def sweep_command(
    src: str,
    *,
    name: str | None,
    codecs: Sequence[str],
    effort: int,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
    **said: Any,
) -> None:
    """Encode and decode a variable of SRC under every promise with every codec."""
    from numcodecs_video.cli.opening import open_dataset, select_cube
    from numcodecs_video.cli.progress import progress_bar
    from numcodecs_video.cli.tables import print_json
    from numcodecs_video.export.complete import complete_file
    from numcodecs_video.xarray import sweep, write_csv

    promises = {word: values for word, values in said.items() if values}
    if not promises:
        raise click.UsageError(f"sweep over what? Give one or more of {', '.join(PROMISES)}")
    with open_dataset(src) as ds:
        (variable,) = select_cube(ds, name).data_vars.values()
        name = str(variable.name)
        stem = _stem(out) if out is not None else Path(f"{name}-sweep")
        for suffix in SUFFIXES:
            check_replaceable(f"{stem}{suffix}", overwrite=overwrite)
        runs = len(codecs) * sum(map(len, promises.values()))
        with announced(), progress_bar("sweeping", variable.nbytes * runs) as advance:
            points = sweep(variable, promises, codecs=codecs, effort=effort, advance=advance)
    with complete_file(f"{stem}.csv") as file:
        write_csv(points, file)
    if as_json:
        print_json([point.to_dict() for point in points])
    else:
        _print(points, f"{src}: {name}")
        click.echo(f"Table: {stem}.csv")
    _save_picture(points, stem, f"{name} of {Path(src).name}", quiet=as_json)


def _print(points: Sequence[SweepPoint], title: str) -> None:
    from numcodecs_video.cli.tables import format_number, new_table, print_table

    figures = ["bits per pixel per band", "ratio", "PSNR dB", "largest error", "encode MB/s"]
    table = new_table(title, ["codec", "promise"], figures)
    for point in points:
        cells = point.evaluation.table_cells()
        promise = f"{point.promise}={format_number(point.value)}"
        table.add_row(point.codec, promise, *(cells[figure] for figure in figures))
    print_table(table)


def _stem(out: Path) -> Path:
    """Leave out the suffix of a table or picture, and no other: ``radar.v1`` is a stem."""
    return out.with_suffix("") if out.suffix in SUFFIXES else out


def _save_picture(points: Sequence[SweepPoint], stem: Path, title: str, *, quiet: bool) -> None:
    """Draw the curves, where matplotlib is installed."""
    from numcodecs_video.export.complete import complete_file

    try:
        from numcodecs_video.plots import rate_distortion
    except ImportError as error:
        click.echo(f"No picture: {error}", err=True)
        return
    with complete_file(f"{stem}.png") as file:
        rate_distortion(points, title=title).savefig(file, dpi=150)
    if not quiet:
        click.echo(f"Picture: {stem}.png")
