"""``evaluate``, ``suggest`` and ``compare``: what storing takes, and what it costs."""

from __future__ import annotations

from contextlib import ExitStack
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
from numcodecs_video.cli.tables import format_size, new_table, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr

__all__ = ["compare", "evaluate", "suggest"]


@click.command(
    short_help="Say what a codec would make of the cubes, writing nothing.",
    epilog="""\b
Examples:
  numcodecs-video evaluate era5.nc --max-error t2m=0.01
  numcodecs-video evaluate s2.zarr --var b10m --psnr b10m=50 --json
""",
)
@click.argument("src")
@variable_option
@encoding_options
@json_option
def evaluate(src: str, *, names: Sequence[str], as_json: bool, **said: Any) -> None:
    """Encode and decode the cubes of SRC, a Zarr store, its URL or a NetCDF file."""
    settings = encoding_settings(said)
    with open_dataset(src) as source:
        ds = select_cubes(source, names)
        with announced(), progress_bar("evaluating", _cube_bytes(ds, said["axes"])) as advance:
            report = nx.evaluate(ds, advance=advance, **settings)
    if as_json:
        print_json([result.to_dict() for result in report.values()])
    else:
        _print_report(src, report)


@click.command(
    short_help="Try settings on a sample of chunks, and suggest one.",
    epilog="""\b
Examples:
  numcodecs-video suggest s2.nc --max-error s2=0.002
  numcodecs-video suggest era5.nc --var t2m --max-error 0.01
""",
)
@click.argument("src")
@variable_option
@encoding_options
@json_option
def suggest(src: str, *, names: Sequence[str], as_json: bool, **said: Any) -> None:
    """Suggest how to compress one variable of SRC, by default its only cube, and what to expect."""
    settings = encoding_settings(said)
    settings.pop("effort")  # it is what is being tried
    with open_dataset(src) as source, announced():
        variable = _only_cube(src, select_cubes(source, names), said["axes"])
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
    _print_report(f"{variable.name}, tried on {100 * found.sampled:.3g} % of it", found.tried)
    click.echo(
        f"Expect {format_size(found.expected_bytes)}, {found.expected_ratio:.1f} times smaller, "
        f"with: {' '.join(_as_options(found.settings))}"
    )


@click.command(
    short_help="Say how far one dataset is from another.",
    epilog="""\b
Examples:
  numcodecs-video compare original.zarr compressed.zarr
  numcodecs-video compare era5.nc era5.zarr --var t2m --json
""",
)
@click.argument("a")
@click.argument("b")
@variable_option
@json_option
def compare(a: str, b: str, *, names: Sequence[str], as_json: bool) -> None:
    """Compare the variables that A, the original, and B have in common, as a reader sees them."""
    with ExitStack() as stack:
        before, after = (stack.enter_context(open_dataset(path)) for path in (a, b))
        before = select_cubes(before, names)
        total = sum(v.nbytes for name, v in before.data_vars.items() if name in after)
        with progress_bar("comparing", total) as advance:
            report = nx.compare(before, after, stores=(a, b), advance=advance)
    if as_json:
        print_json([result.to_dict() for result in report.values()])
    else:
        _print_report(f"{a} and {b}", report)


def _only_cube(src: str, ds: xr.Dataset, axes: dict[str, str] | None) -> xr.DataArray:
    """Choose the variable to try settings on."""
    names = list(ds.data_vars)
    cubes = names if len(names) == 1 else [name for name in names if nx.letters_of(ds[name], axes)]
    if len(cubes) != 1:
        found = ", ".join(map(str, cubes)) or "no cube"
        raise click.ClickException(
            f"suggest is for one variable, and {src} has {found}: name one with --var"
        )
    return ds[cubes[0]]


def _cube_bytes(ds: xr.Dataset, axes: dict[str, str] | None) -> int:
    return sum(v.nbytes for v in ds.data_vars.values() if nx.letters_of(v, axes))


def _print_report(title: str, report: nx.Report[Any]) -> None:
    header, rows = report.table()
    table = new_table(title, header[:1], header[1:])
    for row in rows:
        table.add_row(*row)
    print_table(table)


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
