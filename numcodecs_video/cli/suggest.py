"""``suggest``: settings for a variable, found by trying them on a sample."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from numcodecs_video.cli.options import (
    announced,
    encoding_options,
    encoding_settings,
    json_option,
)
from numcodecs_video.cli.places import PLACE

if TYPE_CHECKING:
    from numcodecs_video.xarray import Suggestion

__all__ = ["suggest"]


@click.command(
    short_help="Try settings on a sample of chunks, and suggest one.",
    epilog="""\b
Examples:
  numcodecs-video suggest era5.nc --var t2m --max-error 0.01
  numcodecs-video suggest radar.zarr
""",
)
@click.argument("src", type=PLACE)
@click.option("--var", "name", metavar="VAR", help="The variable, where there are several.")
@encoding_options
@json_option
@click.pass_context
def suggest(
    ctx: click.Context, /, src: str, *, name: str | None, as_json: bool, **said: Any
) -> None:
    """Suggest how to compress one variable of SRC, and say what to expect.

    Efforts are tried unless one is given. Without a promise nothing may be lost, and a bound is
    suggested for measurements: one that keeps 99 % of their information.
    """
    from numcodecs_video import xarray as nx
    from numcodecs_video.cli.opening import open_dataset, select_cube
    from numcodecs_video.cli.progress import progress_bar
    from numcodecs_video.cli.tables import print_json

    settings = encoding_settings(said)
    if ctx.get_parameter_source("effort") is ParameterSource.DEFAULT:
        settings.pop("effort")  # it is what is being tried
    with open_dataset(src, said["axes"] or {}) as source, announced():
        ds = select_cube(source, name, said["axes"])
        with progress_bar("trying", None) as advance:
            found = nx.suggest(ds, advance=advance, **settings)
    if as_json:
        print_json(_figures_of(found))
    else:
        _print(found)


def _figures_of(found: Suggestion) -> dict[str, Any]:
    proposed = found.with_proposed
    return {
        "name": found.name,
        "settings": found.settings,
        "expected_bytes": found.expected_bytes,
        "expected_ratio": found.expected_ratio,
        "uncertainty": found.uncertainty,
        "sampled": found.sampled,
        "pieces": found.pieces,
        "proposed": found.proposed,
        "proposed_ratio": None if proposed is None else proposed.ratio,
        "tried": {label: result.to_dict() for label, result in found.tried.items()},
    }


def _print(found: Suggestion) -> None:
    from numcodecs_video.cli.tables import format_size, print_report
    from numcodecs_video.xarray.report import format_fixed

    sample = f"{100 * found.sampled:.3g} % of it, in {found.pieces} pieces"
    print_report(
        f"{found.name}, tried on {'all' if found.sampled == 1 else sample}", found.tried, "tried"
    )
    margin = "" if not found.uncertainty else f" ± {100 * found.uncertainty:.0f} %"
    click.echo(
        f"Expect {format_size(found.expected_bytes)}{margin}, ratio "
        f"{format_fixed(found.expected_ratio, 1)}, with: {' '.join(_as_options(found.settings))}"
    )
    if found.with_proposed is not None:
        click.echo(
            f"A suggestion, no promise: {' '.join(_as_options(found.proposed))} keeps 99 % of the "
            "information that neighbouring cells share (Klöwer et al., 2021), ratio "
            f"{format_fixed(found.with_proposed.ratio, 1)}. Whether that is enough depends on what "
            "the data are for."
        )


def _as_options(settings: dict[str, Any]) -> list[str]:
    """Write settings as the options of ``compress`` that say the same, for a shell.

    Examples
    --------
    >>> _as_options({"max_error": {"t 2m": 0.123456789, "q": 1.0}, "pca": False, "gop": 0})
    ["--max-error 't 2m=0.123456789'", '--max-error q=1', '--pca off', '--gop 0']
    """
    options = []
    for word, value in settings.items():
        name = f"--{word.replace('_', '-')}"
        if word in ("axes", "chunks"):
            by_dimension = ",".join(f"{dim}={said}" for dim, said in value.items())
            options.append(f"{name} {shlex.quote(by_dimension)}")
        elif isinstance(value, dict):
            options += [
                f"{name} {shlex.quote(f'{variable}={_exactly(bound)}')}"
                for variable, bound in value.items()
            ]
        elif value == "auto":
            continue
        elif word == "pca":
            options.append(f"{name} {value or 'off'}")
        elif value is True:
            options.append(name)
        else:
            options.append(f"{name} {value}")
    return options


def _exactly(bound: float) -> str:
    """Write a bound in all its digits: rounded, it might allow more."""
    return str(bound).removesuffix(".0")
