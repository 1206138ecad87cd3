"""``extract``: the stream of one chunk as a file of its own format, or a preview for people."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from numcodecs_video.cli.opening import arrays_of, open_dataset
from numcodecs_video.cli.options import json_option
from numcodecs_video.cli.parameters import NUMBERS
from numcodecs_video.cli.progress import progress_bar
from numcodecs_video.cli.replacing import overwrite_option, refuse_existing
from numcodecs_video.cli.tables import format_shape, print_json
from numcodecs_video.decode.chunk import decode_chunk
from numcodecs_video.export.streams import extract_stream
from numcodecs_video.format.payload import parse_header
from numcodecs_video.stored import StoredChunk, chunk_counts, holds_payloads, stored_chunks
from numcodecs_video.transform.cube import to_cube
from numcodecs_video.xarray import letters_of
from numcodecs_video.xarray.conventions import nodata_of

if TYPE_CHECKING:
    import xarray as xr
    import zarr

__all__ = ["extract"]

MOST_CELLS = 2**28


@click.command(
    short_help="Remux a chunk's stream to .mkv, or render a preview.",
    epilog="""\b
Examples:
  numcodecs-video extract s2.zarr chunk.mkv --var b10m --chunk 0.0.1.1
  numcodecs-video extract s2.zarr/b10m/c/0/0/0/0 chunk.mkv
  numcodecs-video extract jpeg2000.zarr pictures/ --var b10m
  numcodecs-video extract s2.zarr year.mp4 --preview --var b10m --bands 2,1,0
""",
)
@click.argument("src")
@click.argument("target")
@click.option("--var", "name", metavar="VAR", help="Of a store; the first cube unless given.")
@click.option(
    "--chunk",
    type=NUMBERS,
    metavar="I.J.K",
    help="Its place in the grid of chunks; the first, or for a preview all, unless given.",
)
@click.option("--preview", is_flag=True, help="Render an 8-bit .mp4 or .webm for people instead.")
@click.option(
    "--bands",
    type=NUMBERS,
    metavar="R,G,B",
    help="Of the preview: three bands, or one, counted from 0.  [default: the first]",
)
@click.option(
    "--percentiles",
    type=(float, float),
    default=(2.0, 98.0),
    show_default=True,
    help="Of the preview: what becomes dark and bright.",
)
@click.option(
    "--fps", type=click.IntRange(1, 60), default=4, show_default=True, help="Of the preview."
)
@overwrite_option
@json_option
def extract(
    src: str,
    target: str,
    *,
    name: str | None,
    chunk: tuple[int, ...] | None,
    preview: bool,
    bands: tuple[int, ...] | None,
    percentiles: tuple[float, float],
    fps: int,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Extract from SRC, a store or one chunk of it, to TARGET.

    Without --preview the coded stream of one chunk is written as it is: video as one Matroska file
    (.mkv), JPEG 2000 and JPEG XL as a directory of pictures. Its frames are mosaics of bands or of
    their principal components, without the residual that makes the promise exact.

    With --preview the decoded bands are stretched to 8 bits, captioned with their dates and
    rendered as H.264 (.mp4) or VP9 (.webm), for browsers and slides.

    TARGET appears under its name once it is complete.
    """
    refuse_existing(target, overwrite=overwrite)
    report: dict[str, Any]
    if preview:
        with progress_bar("reading", None):
            cube, captions, nodata = (
                _cube_of_chunk(src) if Path(src).is_file() else _cube_of_store(src, name, chunk)
            )
        from numcodecs_video.export.film import write_preview

        with progress_bar("rendering", cube.nbytes) as advance:
            frames, height, width = write_preview(
                cube,
                target,
                bands=bands,
                captions=captions,
                nodata=nodata,
                percentiles=percentiles,
                frame_rate=fps,
                advance=advance,
            )
        report = {"frames": frames, "height": height, "width": width, "files": [target]}
        text = f"{target}: {frames} frames of {width}×{height}"
    else:
        payload = Path(src).read_bytes() if Path(src).is_file() else _payload(src, name, chunk)
        done = extract_stream(payload, target)
        report = {**asdict(done), "files": [str(file) for file in done.files]}
        beside = f" and {done.key_pictures} key pictures" if done.key_pictures else ""
        files = "" if len(done.files) == 1 else f" in {len(done.files)} files"
        text = f"{target}: {done.frames} frames{beside} of {done.coder} ({done.layer}){files}"
    if as_json:
        print_json(report)
    else:
        click.echo(text)


def _payload(src: str, name: str | None, place: tuple[int, ...] | None) -> bytes:
    """Read the bytes of the chunk asked for, or of the first."""
    array = _array_of(src, name)
    found = (c for c in stored_chunks(array) if place is None or c.coordinates == place)
    chunk = next(found, None)
    if chunk is None:
        raise click.ClickException(
            f"{array.basename or src} has no chunk {_place(place)} that holds anything: its grid "
            f"is {format_shape(chunk_counts(array))}, counted from 0"
        )
    return chunk.read()


def _array_of(src: str, name: str | None) -> zarr.Array[Any]:
    arrays = dict(arrays_of(src))
    ours = {key: array for key, array in arrays.items() if holds_payloads(array)}
    if name is None and ours:
        return next(iter(ours.values()))
    if name not in ours:
        raise click.ClickException(
            f"{name or src} holds no chunks of this codec; those that do: {', '.join(ours) or '–'}"
        )
    return ours[name]


def _cube_of_chunk(src: str) -> tuple[np.ndarray[Any, Any], None, None]:
    """Decode one file; it knows no dates, and its sentinel is not in its header."""
    payload = Path(src).read_bytes()
    header = parse_header(payload)
    if not header.axes:
        raise click.ClickException(f"{src} holds a run of values, which have no pictures")
    return to_cube(decode_chunk(payload), header.axes), None, None


def _cube_of_store(
    src: str, name: str | None, place: tuple[int, ...] | None
) -> tuple[np.ndarray[Any, Any], list[str], Any]:
    """Read a variable, or one chunk of it, with the dates to show."""
    with open_dataset(src) as ds:
        cubes = {str(key): v for key, v in ds.data_vars.items() if letters_of(v) and v.size}
        if not cubes or (name is not None and name not in cubes):
            raise click.ClickException(
                f"{src} has no cube {name or ''}; its cubes: {', '.join(cubes) or '–'}"
            )
        variable = cubes[name] if name is not None else next(iter(cubes.values()))
        letters = letters_of(variable) or ""
        if place is not None:
            variable = variable[_region(src, str(variable.name), place)]
        if variable.size > MOST_CELLS:
            raise click.ClickException(
                f"{variable.name} is too large for one preview: name a part of it with --chunk"
            )
        cube = to_cube(variable.values, letters)
        return cube, _dates(variable, letters, len(cube)), nodata_of(variable)


def _region(src: str, name: str, place: tuple[int, ...]) -> tuple[slice, ...]:
    array = dict(arrays_of(src))[name]
    grid = chunk_counts(array)
    if len(place) != len(grid) or not all(i < n for i, n in zip(place, grid, strict=True)):
        raise click.ClickException(
            f"{name} has no chunk {_place(place)}: its grid is {format_shape(grid)}, counted from 0"
        )
    return StoredChunk(array, place, "").region


def _dates(variable: xr.DataArray, letters: str, count: int) -> list[str]:
    """Write the time coordinates, to the minute; numbers where there are none."""
    dims = [str(dim) for dim, letter in zip(variable.dims, letters, strict=True) if letter == "t"]
    if len(dims) != 1 or dims[0] not in variable.coords:
        return [f"{number + 1} of {count}" for number in range(count)]
    values = variable[dims[0]].values
    if values.dtype.kind == "M":
        return [str(np.datetime_as_string(value, "m")).replace("T", " ") for value in values]
    return [f"{dims[0]} {value}" for value in values]


def _place(place: tuple[int, ...] | None) -> str:
    return "" if place is None else ".".join(map(str, place))
