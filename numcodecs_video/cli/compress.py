"""``compress``: copy a Zarr store or a NetCDF file into a store whose cubes are video."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any, Literal

import click

from numcodecs_video.cli.options import (
    announced,
    encoding_options,
    encoding_settings,
    json_option,
    variable_option,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["compress"]

EXAMPLES = """\b
Examples:
  numcodecs-video compress era5.nc era5.zarr --max-error t2m=0.01 --max-error u10=0.1
  numcodecs-video compress s3://bucket/s2.zarr s2.zarr --psnr b10m=50 --effort 7
  numcodecs-video compress in.zarr out.zarr --lossless --chunks time=64,y=256,x=256
"""


@click.command(short_help="Copy a Zarr store or NetCDF file, its cubes as video.", epilog=EXAMPLES)
@click.argument("src")
@click.argument("dst")
@variable_option
@encoding_options
@click.option("--zarr-format", type=click.Choice(["2", "3"]), default="3", show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace DST if it is a local Zarr store.")
@json_option
def compress(
    src: str,
    dst: str,
    *,
    names: Sequence[str],
    zarr_format: str,
    overwrite: bool,
    as_json: bool,
    **said: Any,
) -> None:
    """Copy SRC, a Zarr store, its URL or a NetCDF file, to the Zarr store DST.

    Variables with time, y and x axes become video, without loss unless a promise allows some: for
    one variable (t2m=0.01), or for all measurements, which spares integers and classes (0.01). All
    others are written as Zarr does by default. Values are copied as stored, with their attributes,
    coordinates and packing, and what was lost is written into the attributes. A local DST appears
    under its name once it is complete.
    """
    from numcodecs_video.cli.choosing import choose_encodings
    from numcodecs_video.cli.copying import copied_bytes, copy_groups
    from numcodecs_video.cli.progress import progress_bar
    from numcodecs_video.cli.reading import open_as_stored
    from numcodecs_video.cli.selecting import paths_of, select_variables
    from numcodecs_video.cli.summary import print_sizes, sizes_of
    from numcodecs_video.cli.tables import print_json
    from numcodecs_video.cli.targets import check_target, completed
    from numcodecs_video.xarray import record_loss

    settings = encoding_settings(said)
    target = check_target([src], dst, overwrite=overwrite)
    number: Literal[2, 3] = 2 if zarr_format == "2" else 3
    with ExitStack() as stack:
        groups = select_variables(open_as_stored(src, stack), names)
        with announced(), progress_bar("searching", None):
            encodings = choose_encodings(groups, zarr_format=number, **settings)

        with nullcontext(target) if isinstance(target, str) else completed(target) as path:
            with progress_bar("compressing", copied_bytes(groups, encodings)) as advance:
                copy_groups(groups, str(path), encodings, zarr_format=number, advance=advance)
            record_loss(path)
        sizes = sizes_of(str(target), paths_of(groups))
        if as_json:
            print_json(sizes)
        else:
            print_sizes(str(target), sizes)
