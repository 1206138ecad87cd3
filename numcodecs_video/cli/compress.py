"""``compress``: copy a Zarr store or a NetCDF file into a store whose cubes are video."""

from __future__ import annotations

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
    from numcodecs_video.cli.copying import copied_bytes, copy_dataset
    from numcodecs_video.cli.progress import progress_bar
    from numcodecs_video.cli.reading import open_as_stored
    from numcodecs_video.cli.selecting import select_variables
    from numcodecs_video.cli.summary import print_sizes, sizes_of
    from numcodecs_video.cli.tables import print_json
    from numcodecs_video.cli.targets import check_destination, write_then_rename
    from numcodecs_video.xarray import encoding, record_loss

    settings = encoding_settings(said)
    target = check_destination(src, dst, overwrite=overwrite)
    number: Literal[2, 3] = 2 if zarr_format == "2" else 3
    with open_as_stored(src) as source:
        ds = select_variables(source, names)
        with announced(), progress_bar("searching", None):
            encodings = encoding(ds, zarr_format=number, tune=True, **settings)

        def write(path: str) -> None:
            """Copy with a progress bar, and record what was lost."""
            with progress_bar("compressing", copied_bytes(ds, encodings)) as advance:
                copy_dataset(ds, path, encodings, zarr_format=number, advance=advance)
            record_loss(path)

        if isinstance(target, str):
            write(target)
        else:
            write_then_rename(write, target)
        sizes = sizes_of(ds, str(target))
        if as_json:
            print_json(sizes)
        else:
            print_sizes(ds, str(target), encodings, sizes)
