"""``info``: describe a store or a single chunk."""

from __future__ import annotations

from pathlib import Path

import click

from numcodecs_video.cli.options import json_option
from numcodecs_video.cli.places import PLACE

__all__ = ["info"]


@click.command(
    short_help="Describe a store, or one chunk of it.",
    epilog="""\b
Examples:
  numcodecs-video info out.zarr
  numcodecs-video info out.zarr/t2m/c/0/0/0 --json
""",
)
@click.argument("path", type=PLACE)
@json_option
@click.pass_context
def info(ctx: click.Context, path: str, *, as_json: bool) -> None:
    """Describe PATH: the arrays of a Zarr store, or the header of one chunk.

    Exit status 1 where the header of a chunk is damaged; doctor decodes every chunk.
    """
    from numcodecs_video.cli.describing import describe_chunk, describe_store

    file = Path(path)
    if file.is_file() and file.suffix != ".zip":
        describe_chunk(file, as_json=as_json)
    else:
        reports = describe_store(path, as_json=as_json)
        if any(report.fault is not None for report in reports):
            ctx.exit(1)
