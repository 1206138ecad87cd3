"""``convert``: a store of the other Zarr format, its video moved as it is, or a NetCDF file."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import click

from numcodecs_video.cli.options import json_option
from numcodecs_video.cli.parameters import CHUNKS
from numcodecs_video.cli.places import PLACE

__all__ = ["convert"]


@click.command(
    short_help="Move a store to the other Zarr format, or export it to NetCDF.",
    epilog="""\b
Examples:
  numcodecs-video convert format2.zarr format3.zarr
  numcodecs-video convert chunks.zarr shards.zarr --zarr-format 3 --shards time=-1,y=1024,x=1024
  numcodecs-video convert store.zarr one-file.zip --zarr-format 3
  numcodecs-video convert store.zarr for-others.nc
""",
)
@click.argument("src", type=PLACE)
@click.argument("dst", type=PLACE)
@click.option("--zarr-format", type=click.Choice(["2", "3"]), help="Of DST.  [default: the other]")
@click.option(
    "--shards",
    type=CHUNKS,
    help="Put chunks into shards of so many cells, whole chunks each; -1 for all.",
)
@click.option("--overwrite", is_flag=True, help="Replace DST if it is a local store or file.")
@json_option
def convert(
    src: str,
    dst: str,
    *,
    zarr_format: str | None,
    shards: dict[str, int] | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Copy the Zarr store SRC to DST, in the other Zarr format.

    Chunks of video are the same bytes in both formats, and are moved as they are: nothing is lost
    once more. Groups, attributes and missing values stay; other arrays are written as Zarr does by
    default. DST may end in .zip, and then is one file. Where it ends in .nc, it is a NetCDF 4 file
    with the decoded values, for readers without this codec. A local DST appears under its name
    once it is complete.
    """
    from numcodecs_video.xarray.opening import NETCDF

    if not dst.lower().endswith(NETCDF):
        _convert(src, dst, zarr_format, shards, overwrite=overwrite, as_json=as_json)
    elif zarr_format or shards:
        raise click.UsageError(f"{dst} is a NetCDF file: leave out --zarr-format and --shards")
    else:
        _export(src, dst, overwrite=overwrite, as_json=as_json)


def _convert(
    src: str,
    dst: str,
    zarr_format: str | None,
    shards: dict[str, int] | None,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    from numcodecs_video.cli.opening import arrays_of, check_existence
    from numcodecs_video.cli.progress import progress_bar
    from numcodecs_video.cli.tables import format_size, print_json
    from numcodecs_video.cli.targets import check_target, completed_store
    from numcodecs_video.stored import holds_payloads, stored_bytes
    from numcodecs_video.xarray import convert as convert_store
    from numcodecs_video.xarray.opening import names_zarr, store_of

    check_existence(src)
    if not names_zarr(src):
        raise click.ClickException(f"{src} is no Zarr store: compress makes one of a NetCDF file")
    arrays = arrays_of(src)
    target = check_target([src], dst, overwrite=overwrite)
    total = sum(stored_bytes(array) for _, array in arrays if holds_payloads(array))
    with (
        completed_store(target, overwrite=overwrite) as path,
        progress_bar("moving", total) as advance,
    ):
        done = convert_store(
            store_of(src),
            path,
            zarr_format={"2": 2, "3": 3}.get(zarr_format or ""),  # type: ignore[arg-type]
            shards=shards,
            advance=advance,
        )
        moved = [array for array in done if array.moved]
        size = sum(array.stored_bytes for array in moved)
        advance(total - size)  # the metadata
    if as_json:
        print_json([asdict(array) for array in done])
        return
    click.echo(
        f"{sum(array.chunks for array in moved)} chunks of {len(moved)} arrays moved as they are "
        f"({format_size(size)}), {len(done) - len(moved)} other arrays copied"
    )


def _export(src: str, dst: str, *, overwrite: bool, as_json: bool) -> None:
    from numcodecs_video.cli.exporting import export_netcdf
    from numcodecs_video.cli.progress import progress_bar
    from numcodecs_video.cli.reading import open_as_stored
    from numcodecs_video.cli.selecting import paths_of
    from numcodecs_video.cli.tables import format_size, print_json
    from numcodecs_video.cli.targets import check_target
    from numcodecs_video.export.complete import complete_file

    if "://" in dst:
        raise click.ClickException(f"{dst} is a URL: NetCDF files are written to local disks only")
    target = Path(check_target([src], dst, overwrite=overwrite, netcdf=True))
    with ExitStack() as stack:
        groups = open_as_stored(src, stack)
        target.parent.mkdir(parents=True, exist_ok=True)
        with complete_file(target) as path, progress_bar("exporting", None):
            export_netcdf(groups, path)
        count, size = len(paths_of(groups)), target.stat().st_size
    if as_json:
        print_json({"path": str(target), "variables": count, "bytes": size})
    else:
        click.echo(f"{count} variables exported ({format_size(size)})")
