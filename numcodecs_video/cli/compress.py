"""``compress``: copy a Zarr store or a NetCDF file into a store whose cubes are video."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from numcodecs_video.cli.options import (
    announced,
    encoding_options,
    encoding_settings,
    json_option,
    variable_option,
)
from numcodecs_video.cli.parameters import CHUNKS, LABELS, PLACES, STACK
from numcodecs_video.cli.places import PLACE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numcodecs_video.cli.reading import Groups

__all__ = ["compress"]

EXAMPLES = """\b
Examples:
  numcodecs-video compress era5.nc era5.zarr --max-error t2m=0.01 --max-error u10=0.1
  numcodecs-video compress s3://bucket/s2.zarr s2.zarr --psnr b10m=50 --effort 7
  numcodecs-video compress in.zarr out.zarr --lossless --chunks time=64,y=256,x=256
  numcodecs-video compress t2m-*.nc t2m.zarr --sel time=2020-01:2020-06 --max-error t2m=0.01
  numcodecs-video compress s2_20200101.tif s2_20200111.tif s2.zarr
  numcodecs-video compress T31UFS_*_B0[234]_10m.jp2 s2.zarr --max-error band_data=20
  numcodecs-video compress s2.zarr s2.zip --stack s2:band=B02,B03,B04 --max-error 's2=0.002'
"""


@click.command(short_help="Copy a Zarr store or NetCDF file, its cubes as video.", epilog=EXAMPLES)
@click.argument("srcs", type=PLACE, metavar="SRC...", nargs=-1)
@click.argument("dst", type=PLACE)
@click.option(
    "--join",
    "join_dim",
    metavar="DIM",
    help="Put several SRC one behind the other along this dimension; time or band for maps without "
    "them.  [default: that of time, or as the names of files say]",
)
@click.option(
    "--sel",
    "labels",
    type=LABELS,
    multiple=True,
    help="Keep these labels, as in time=2020-01:2020-06 or lat=40:50.  [repeatable]",
)
@click.option(
    "--isel",
    "places",
    type=PLACES,
    multiple=True,
    help="Keep these places from 0, the last left out, as in time=0:10.  [repeatable]",
)
@click.option(
    "--stack",
    "stacks",
    type=STACK,
    multiple=True,
    help="Put variables into one with a band axis, as in s2:band=B02,B03,B04.  [repeatable]",
)
@variable_option
@encoding_options
@click.option("--zarr-format", type=click.Choice(["2", "3"]), default="3", show_default=True)
@click.option(
    "--shards",
    type=CHUNKS,
    help="Put chunks into shards of so many cells, a multiple of the chunks; -1 for all.",
)
@click.option("--overwrite", is_flag=True, help="Replace DST if it is a local Zarr store.")
@click.option(
    "--append",
    "append_dim",
    metavar="DIM",
    help="Append to DST along this dimension, with the codecs that are there.",
)
@click.option("--dry-run", is_flag=True, help="Say what DST would take, and write nothing.")
@json_option
def compress(
    srcs: Sequence[str],
    dst: str,
    *,
    join_dim: str | None,
    labels: Sequence[tuple[str, str]],
    places: Sequence[tuple[str, int | slice | list[int]]],
    stacks: Sequence[tuple[str, str, list[str]]],
    names: Sequence[str],
    zarr_format: str,
    overwrite: bool,
    append_dim: str | None,
    dry_run: bool,
    as_json: bool,
    **said: Any,
) -> None:
    """Copy SRC, a Zarr store, its URL, a NetCDF file or a GeoTIFF, to the Zarr store DST.

    Several SRC become one store: those with the same variables one behind the other in time, those
    with different variables together. Maps of one date each get an axis of time, with the dates
    that their names hold, and maps of one band each an axis of bands, named by what the names of
    files of a date differ in. GeoTIFFs and such need rioxarray.

    Variables with time, y and x axes become video, without loss unless a promise allows some: for
    one variable (t2m=0.01), or for all measurements, which spares integers and classes (0.01). All
    others are written as Zarr does by default. Values are copied as stored, with their attributes,
    coordinates and packing, and what was lost is written into the attributes. A local DST appears
    under its name once it is complete.
    """
    from numcodecs_video.cli.gathering import gather
    from numcodecs_video.cli.targets import check_target
    from numcodecs_video.cli.unnamed import for_resolutions

    if not srcs:
        raise click.UsageError(f"name what to read and where to write to, as in compress {dst} DST")
    settings = encoding_settings(said)
    if dry_run and append_dim is not None:
        raise click.UsageError("--dry-run says what a new store would take: leave out --append")
    number: Literal[2, 3] = 2 if zarr_format == "2" else 3
    target = None if append_dim or dry_run else check_target(srcs, dst, overwrite=overwrite)
    with ExitStack() as stack:
        groups = gather(
            srcs,
            stack,
            join_dim=join_dim,
            labels=labels,
            places=places,
            stacks=stacks,
            names=names,
            axes=said["axes"],
        )
        for word in ("axes", "chunks", "shards"):
            if said[word]:
                settings[word] = for_resolutions(groups, said[word])
        if dry_run:
            _plan(groups, dst, {**settings, "zarr_format": number}, as_json=as_json)
        elif append_dim is not None:
            _append(groups, dst, append_dim, settings, as_json=as_json)
        elif target is not None:
            _write(groups, target, number, settings, overwrite=overwrite, as_json=as_json)
            _note_images(groups, number)


def _note_images(groups: Groups, zarr_format: int) -> None:
    """Say which format readers of OME-Zarr want, where images are written in the other."""
    from numcodecs_video.xarray.images import format_of_image

    wanted = {format_of_image(ds.attrs) for ds in groups.values()} - {None, zarr_format}
    for number in wanted:
        version = "0.4" if number == 2 else "0.5"
        click.echo(
            f"Note: OME-Zarr {version} goes with Zarr format {number}: readers of images want "
            f"--zarr-format {number}",
            err=True,
        )


def _write(
    groups: Groups,
    target: Path | str,
    zarr_format: Literal[2, 3],
    settings: Mapping[str, Any],
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write a new store, and say what it took."""
    from numcodecs_video.cli.choosing import choose_encodings, counted_cubes
    from numcodecs_video.cli.copying import copied_bytes, copy_groups, counted_chunks
    from numcodecs_video.cli.cores import beside_main_thread, threads_for
    from numcodecs_video.cli.progress import progress_bar
    from numcodecs_video.cli.selecting import paths_of
    from numcodecs_video.cli.summary import print_sizes, sizes_of
    from numcodecs_video.cli.targets import completed_store
    from numcodecs_video.xarray.recording import open_group, record_within

    cubes = counted_cubes(groups, settings.get("axes"))
    with announced(), progress_bar("searching", None), threads_for(cubes):
        encodings = beside_main_thread(
            choose_encodings, groups, zarr_format=zarr_format, **settings
        )
    with completed_store(target, overwrite=overwrite) as path:
        with (
            progress_bar("compressing", copied_bytes(groups, encodings)) as advance,
            threads_for(counted_chunks(groups, encodings)),
        ):
            copy_groups(groups, str(path), encodings, zarr_format=zarr_format, advance=advance)
        record_within(open_group(path, mode="r+"))
    print_sizes(str(target), sizes_of(str(target), paths_of(groups)), as_json=as_json)


def _append(
    groups: Groups, dst: str, dim: str, settings: Mapping[str, Any], *, as_json: bool
) -> None:
    """Append to a store, and say what it takes now."""
    from numcodecs_video.cli.appending import append_groups, check_settings
    from numcodecs_video.cli.reading import open_as_stored
    from numcodecs_video.cli.selecting import paths_of
    from numcodecs_video.cli.summary import print_sizes, sizes_of
    from numcodecs_video.cli.targets import check_open
    from numcodecs_video.export.claims import claimed

    check_settings()
    if dst.endswith(".zip"):
        raise click.ClickException(f"{dst} cannot grow: append to an unzipped store")
    known = {
        word: value for word, value in settings.items() if word not in ("pca", "effort", "codec")
    }
    with ExitStack() as stack:
        if Path(dst).is_dir():
            check_open(Path(dst))
            stack.enter_context(claimed(Path(dst)))
        there = open_as_stored(dst, stack)
        with announced():
            append_groups(groups, there, dst, dim, known)
    print_sizes(dst, sizes_of(dst, paths_of(groups)), as_json=as_json)


def _plan(groups: Groups, dst: str, settings: Mapping[str, Any], *, as_json: bool) -> None:
    """Say what a new store would take."""
    from numcodecs_video.cli.choosing import choose_encodings, counted_cubes
    from numcodecs_video.cli.cores import beside_main_thread, threads_for
    from numcodecs_video.cli.planning import expect, print_expectations
    from numcodecs_video.cli.progress import progress_bar

    with announced(), progress_bar("trying", None):
        with threads_for(counted_cubes(groups, settings.get("axes"))):
            encodings = beside_main_thread(choose_encodings, groups, **settings)
        found = beside_main_thread(expect, groups, encodings)
    print_expectations(f"{dst}, if it were written", found, as_json=as_json)
