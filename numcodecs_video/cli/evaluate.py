"""``evaluate``: what storing would take, and what it would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from numcodecs_video.cli.options import (
    announced,
    encoding_options,
    encoding_settings,
    json_option,
    variable_option,
)
from numcodecs_video.cli.places import PLACE

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["evaluate"]


@click.command(
    short_help="Say what a codec would make of the cubes, writing nothing.",
    epilog="""\b
Examples:
  numcodecs-video evaluate era5.nc --max-error t2m=0.01
  numcodecs-video evaluate s2.zarr --var b10m --psnr b10m=50 --json
""",
)
@click.argument("src", type=PLACE)
@variable_option
@encoding_options
@json_option
def evaluate(src: str, *, names: Sequence[str], as_json: bool, **said: Any) -> None:
    """Encode and decode the cubes of SRC, a Zarr store, its URL or a NetCDF file."""
    from numcodecs_video import xarray as nx
    from numcodecs_video.cli.opening import mention_groups, open_dataset, select_cubes
    from numcodecs_video.cli.progress import progress_bar
    from numcodecs_video.cli.tables import print_json, print_report

    settings = encoding_settings(said)
    with open_dataset(src, said["axes"] or {}) as source:
        ds = select_cubes(source, names, said["axes"])
        total = sum(variable.nbytes for variable in ds.data_vars.values())
        with announced(), progress_bar("evaluating", total) as advance:
            report = nx.evaluate(ds, advance=advance, **settings)
    if as_json:
        print_json([result.to_dict() for result in report.values()])
    else:
        print_report(src, report)
    if not names:
        mention_groups(src, "evaluated")
