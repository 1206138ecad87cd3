"""``compare``: how far one dataset is from another, and whether what it promises held."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from numcodecs_video.cli.options import json_option, variable_option
from numcodecs_video.cli.places import PLACE
from numcodecs_video.errors import DecodeError, VideoCodecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import xarray as xr

    from numcodecs_video.xarray import Comparison

__all__ = ["compare"]

BROKEN = 1  # exit status, as diff has it


class _Trouble(click.ClickException):
    """What keeps two sources from being compared."""

    exit_code = 2


@click.command(
    short_help="Say how far one dataset is from another, and whether its promises held.",
    epilog="""\b
Examples:
  numcodecs-video compare original.zarr compressed.zarr
  numcodecs-video compare era5.nc era5.zarr --var t2m --json
  numcodecs-video compare s2_20200101.tif s2_20200111.tif s2.zarr
""",
)
@click.argument("sources", type=PLACE, metavar="A...", nargs=-1)
@click.argument("b", type=PLACE)
@variable_option
@json_option
@click.pass_context
def compare(
    ctx: click.Context, sources: Sequence[str], b: str, *, names: Sequence[str], as_json: bool
) -> None:
    """Compare the variables that A, the original, and B have in common, as a reader sees them.

    Several A, and GeoTIFFs, are joined as compress does.

    Exit status 0 where everything that B promises held, or where it promises nothing; 1 where
    something did not; 2 where they could not be compared.
    """
    from numcodecs_video import xarray as nx
    from numcodecs_video.cli.opening import mention_groups, open_dataset, select_variables
    from numcodecs_video.cli.progress import progress_bar
    from numcodecs_video.cli.tables import print_json, print_report

    if not sources:
        raise click.UsageError(f"name what to compare it with, as in compare ORIGINAL {b}")
    a = sources[0] if len(sources) == 1 else f"{len(sources)} sources"
    with _trouble(), ExitStack() as stack:
        before = _original(sources, stack)
        after = stack.enter_context(open_dataset(b, levels=True))
        places = (sources[0] if len(sources) == 1 else before, b)
        before = select_variables(before, names)
        alone = {a: _only_in(before, after), b: [] if names else _only_in(after, before)}
        total = sum(v.nbytes for name, v in before.data_vars.items() if name in after)
        with progress_bar("comparing", total) as advance:
            report = nx.compare(before, after, stores=places, advance=advance)
    if as_json:
        print_json([result.to_dict() for result in report.values()])
    else:
        print_report(f"{a} and {b}", report)
    for name, result in report.items():
        for note in result.notes:
            click.echo(f"Note: {name}: {note}", err=True)
    for place, found in alone.items():
        if found:
            click.echo(f"Note: only in {place}: {', '.join(found)}", err=True)
    if not names:
        mention_groups(b, "compared")
    broken = {name: result for name, result in report.items() if result.held is False}
    for name, result in broken.items():
        click.echo(f"Broken: {name}: {_describe(result)}", err=True)
    if broken:
        ctx.exit(BROKEN)


def _original(sources: Sequence[str], stack: ExitStack) -> xr.Dataset:
    """Open one source, or several as one, as a reader sees them."""
    from numcodecs_video.cli.gathering import open_joined
    from numcodecs_video.cli.opening import open_dataset

    if len(sources) == 1:
        return stack.enter_context(open_dataset(sources[0], levels=True))
    return open_joined(sources, stack)


def _only_in(one: xr.Dataset, other: xr.Dataset) -> list[str]:
    return [str(name) for name in one.data_vars if name not in other.variables]


@contextmanager
def _trouble() -> Iterator[None]:
    """Tell what could not be compared from what was broken, by the exit status."""
    from numcodecs_video.cli.opening import in_one_line

    try:
        yield
    except (click.ClickException, VideoCodecError, DecodeError, OSError) as error:
        raise _Trouble(in_one_line(error)) from error


def _describe(result: Comparison) -> str:
    """Say what was promised, and what was found instead."""
    from numcodecs_video.cli.tables import format_number

    if result.missing_changed:
        return f"{result.missing_changed} missing cells changed, which come back as they were"
    found = "values differ"
    if result.realised is not None and result.promise != "lossless":
        found = f"found {format_number(result.realised)}"
    return f"{result.promised()} was promised, {found}"
