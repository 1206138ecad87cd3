"""``suggest``: settings for a variable, found by trying them on a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from numcodecs_video import xarray as nx
from numcodecs_video.cli.opening import open_dataset, select_cubes
from numcodecs_video.cli.options import (
    announced,
    encoding_options,
    encoding_settings,
    json_option,
    variable_option,
)
from numcodecs_video.cli.progress import progress_bar
from numcodecs_video.cli.tables import format_size, print_json, print_report

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["suggest"]


@click.command(
    short_help="Try settings on a sample of chunks, and suggest one.",
    epilog="""\b
Examples:
  numcodecs-video suggest era5.nc --var t2m --max-error 0.01
""",
)
@click.argument("src")
@variable_option
@encoding_options
@json_option
def suggest(src: str, *, names: Sequence[str], as_json: bool, **said: Any) -> None:
    """Suggest how to compress one variable of SRC, and say what to expect."""
    settings = encoding_settings(said)
    settings.pop("effort")  # it is what is being tried
    if len(names) != 1:
        raise click.ClickException("suggest is for one variable: name it with --var")
    with open_dataset(src) as source, announced():
        variable = select_cubes(source, names)[names[0]]
        with progress_bar("trying", None) as advance:
            found = nx.suggest(variable, advance=advance, **settings)
    if as_json:
        print_json(
            {
                "settings": found.settings,
                "expected_bytes": found.expected_bytes,
                "expected_ratio": found.expected_ratio,
                "sampled": found.sampled,
                "tried": {name: result.to_dict() for name, result in found.tried.items()},
            }
        )
        return
    print_report(f"{names[0]}, tried on {100 * found.sampled:.3g} % of it", found.tried)
    click.echo(
        f"Expect {format_size(found.expected_bytes)}, {found.expected_ratio:.1f} times smaller, "
        f"with: {' '.join(_as_options(found.settings))}"
    )


def _as_options(settings: dict[str, Any]) -> list[str]:
    """Write settings as the options of ``compress`` that say the same."""
    options = []
    for word, value in settings.items():
        name = f"--{word.replace('_', '-')}"
        if word == "chunks":
            options.append(f"{name} {','.join(f'{dim}={n}' for dim, n in value.items())}")
        elif isinstance(value, dict):
            options += [f"{name} {variable}={number:g}" for variable, number in value.items()]
        elif word == "pca":
            options += [] if value == "auto" else [f"{name} {value or 'off'}"]
        elif value is True:
            options.append(name)
        else:
            options.append(f"{name} {value}")
    return options
