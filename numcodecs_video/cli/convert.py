"""``convert``: a store of the other Zarr format, its video moved as it is."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import click

from numcodecs_video.cli.options import json_option
from numcodecs_video.cli.parameters import CHUNKS

__all__ = ["convert"]


@click.command(
    short_help="Move a store to the other Zarr format without decoding.",
    epilog="""\b
Examples:
  numcodecs-video convert format2.zarr format3.zarr
  numcodecs-video convert chunks.zarr shards.zarr --zarr-format 3 --shards time=-1,y=1024,x=1024
""",
)
@click.argument("src")
@click.argument("dst")
@click.option("--zarr-format", type=click.Choice(["2", "3"]), help="Of DST.  [default: the other]")
@click.option(
    "--shards",
    type=CHUNKS,
    help="Put chunks into shards of so many cells, whole chunks each; -1 for all.",
)
@json_option
def convert(
    src: str, dst: str, *, zarr_format: str | None, shards: dict[str, int] | None, as_json: bool
) -> None:
    """Copy the Zarr store SRC to DST, in the other Zarr format.

    Chunks of video are the same bytes in both formats, and are moved as they are: nothing is lost
    once more. Groups, attributes and missing values stay; other arrays are written as Zarr does by
    default. A local DST appears under its name once it is complete.
    """
    from numcodecs_video.cli.opening import arrays_of
    from numcodecs_video.cli.progress import progress_bar
    from numcodecs_video.cli.tables import format_size, print_json
    from numcodecs_video.stored import holds_payloads
    from numcodecs_video.xarray import convert as convert_store

    arrays = arrays_of(src)
    total = sum(array.nbytes_stored() for _, array in arrays if holds_payloads(array))
    target = Path(dst.removeprefix("file://")) if "://" not in dst.removeprefix("file://") else None
    if target is not None and target.exists():
        raise click.ClickException(f"{dst} exists: name another, or remove it beforehand")
    partial = None if target is None else target.with_name(target.name + ".partial")
    if partial is not None and partial.exists():
        raise click.ClickException(f"{partial} is in the way: remove it, or move it")
    try:
        with progress_bar("moving", total) as advance:
            done = convert_store(
                src,
                dst if partial is None else partial,
                zarr_format={"2": 2, "3": 3}.get(zarr_format or ""),  # type: ignore[arg-type]
                shards=shards,
                advance=advance,
            )
    except BaseException:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
        raise
    if partial is not None and target is not None:
        partial.rename(target)
    if as_json:
        print_json([asdict(array) for array in done])
        return
    moved = [array for array in done if array.moved]
    size = format_size(sum(array.stored_bytes for array in moved))
    click.echo(
        f"{sum(array.chunks for array in moved)} chunks of {len(moved)} arrays moved as they are "
        f"({size}), {len(done) - len(moved)} other arrays copied"
    )
