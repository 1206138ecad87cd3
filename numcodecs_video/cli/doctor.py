"""``doctor``: decode every chunk of a store, and name the bad ones."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from numcodecs_video.cli.options import json_option
from numcodecs_video.cli.places import PLACE

if TYPE_CHECKING:
    from numcodecs_video.stored import StoredChunk

__all__ = ["doctor"]


@dataclass(frozen=True)
class Fault:
    """What is wrong with one chunk: the key in the store, and the error in one line."""

    chunk: str
    error: str


@click.command(
    short_help="Decode every chunk of a store, and name each bad one.",
    epilog="""\b
Examples:
  numcodecs-video doctor out.zarr
  numcodecs-video doctor s3://bucket/out.zarr --json
""",
)
@click.argument("path", type=PLACE)
@json_option
@click.pass_context
def doctor(ctx: click.Context, path: str, *, as_json: bool) -> None:
    """Decode every chunk of the store PATH, whatever its codec.

    Exit status 1 if a chunk cannot be read, or is not what the array's metadata say. Chunks that
    are absent are no fault: Zarr leaves out those that hold the fill value alone.
    """
    from numcodecs_video.cli.copying import WORKERS, reason_of
    from numcodecs_video.cli.opening import arrays_of
    from numcodecs_video.cli.progress import progress_bar
    from numcodecs_video.cli.tables import print_json
    from numcodecs_video.stored import stored_chunks

    chunks: list[StoredChunk] = []
    faults: list[Fault] = []
    for name, array in arrays_of(path):
        try:
            chunks += stored_chunks(
                array, on_fault=lambda key, error: faults.append(Fault(key, reason_of(error)))
            )
        except OSError as error:
            faults.append(Fault(name, reason_of(error)))
    total = sum(_raw_bytes(chunk) for chunk in chunks)
    with (
        progress_bar("decoding", total) as advance,
        ThreadPoolExecutor(WORKERS) as pool,
    ):
        for chunk, fault in zip(chunks, pool.map(_examine, chunks), strict=True):
            faults += [] if fault is None else [fault]
            advance(_raw_bytes(chunk))
    if as_json:
        report = {"chunks": len(chunks), "faults": [asdict(fault) for fault in faults]}
        print_json(report)
    else:
        for fault in faults:
            click.echo(f"{fault.chunk}: {fault.error}")
        click.echo(f"{len(chunks)} chunks decoded, {len(faults) or 'no'} fault{_plural(faults)}")
    if faults:
        ctx.exit(1)


def _examine(chunk: StoredChunk) -> Fault | None:
    """Decode one chunk as Zarr would."""
    import numpy as np

    from numcodecs_video.cli.copying import reason_of
    from numcodecs_video.decode.chunk import decode_chunk
    from numcodecs_video.decode.partial import check_declared
    from numcodecs_video.format.payload import parse_header
    from numcodecs_video.stored import filters_of, holds_payloads

    try:
        if holds_payloads(chunk.array) and not filters_of(chunk.array):
            data = chunk.read()
            header = parse_header(data)
            # First: a chunk that declares more than its array may take more memory than there is.
            check_declared(header.shape, np.dtype(header.dtype), chunk.shape, chunk.array.dtype)
            decode_chunk(data)
        else:
            # Only Zarr knows what else codes the chunk.
            chunk.array[chunk.region]
    except Exception as error:  # noqa: BLE001 - codecs raise what they like on damaged bytes
        return Fault(chunk.name, reason_of(error))
    return None


def _raw_bytes(chunk: StoredChunk) -> int:
    return math.prod(chunk.shape) * chunk.array.dtype.itemsize


def _plural(things: list[Fault]) -> str:
    return "" if len(things) == 1 else "s"
