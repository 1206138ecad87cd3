"""``extract``: the stream of one chunk as a file of its own format, or a film for people."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from numcodecs_video.cli.opening import arrays_of, open_dataset
from numcodecs_video.cli.options import json_option
from numcodecs_video.cli.parameters import NUMBERS
from numcodecs_video.cli.picturing import look_options, shown_of, usual_bands
from numcodecs_video.cli.progress import progress_bar
from numcodecs_video.cli.replacing import overwrite_option, refuse_existing
from numcodecs_video.cli.tables import format_shape, print_json
from numcodecs_video.decode.chunk import decode_chunk
from numcodecs_video.export.streams import extract_stream
from numcodecs_video.format.payload import MAGIC, parse_header
from numcodecs_video.metrics import Nodata
from numcodecs_video.stored import StoredChunk, chunk_counts, holds_payloads, stored_chunks
from numcodecs_video.transform.cube import to_cube
from numcodecs_video.xarray.labels import date_labels, nodata_seen, time_of, units_of, upright

if TYPE_CHECKING:
    import zarr

__all__ = ["extract"]

MOST_CELLS = 2**28
FILMS = (".mp4", ".webm")

#: a cube (T, 1 or 3, Y, X), its captions, its sentinels and its units
Film = tuple[np.ndarray[Any, Any], list[str] | None, Nodata, str]


@click.command(
    short_help="Render a film, or remux a chunk's stream to .mkv.",
    epilog="""\b
Examples:
  numcodecs-video extract s2.zarr chunk.mkv --var b10m --chunk 0.0.1.1
  numcodecs-video extract s2.zarr/b10m/c/0/0/0/0 chunk.mkv
  numcodecs-video extract jpeg2000.zarr pictures/ --var b10m
  numcodecs-video extract s2.zarr year.mp4 --bands B04,B03,B02
  numcodecs-video extract era5.nc march.webm --preview --var t2m --fps 12
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
@click.option(
    "--preview",
    is_flag=True,
    help="Render an 8-bit film for people instead: so it is where TARGET ends in .mp4 or .webm.",
)
@look_options
@click.option(
    "--fps", type=click.IntRange(1, 60), default=4, show_default=True, help="Dates a second."
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
    bands: tuple[str, ...] | None,
    percentiles: tuple[float, float],
    limits: tuple[float, float] | None,
    fps: int,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Extract from SRC, a store or one chunk of it, to TARGET.

    Without --preview the coded stream of one chunk is written as it is: video as one Matroska file
    (.mkv), JPEG 2000 and JPEG XL as a directory of pictures. Its frames are mosaics of bands or of
    their principal components, without the residual that makes the promise exact.

    With --preview the decoded bands are stretched to 8 bits, captioned with their dates and
    rendered as H.264 (.mp4) or VP9 (.webm), for browsers and slides. SRC may then be any Zarr store
    or NetCDF file.

    TARGET appears under its name once it is complete.
    """
    refuse_existing(target, overwrite=overwrite)
    report: dict[str, Any]
    if preview or target.endswith(FILMS):
        with progress_bar("reading", None):
            if Path(src).is_file() and _is_payload(src):
                film = _film_of_chunk(src, bands)
            else:
                film = _film_of_store(src, name, chunk, bands)
        cube, captions, nodata, units = film
        from numcodecs_video.export.film import write_preview

        with progress_bar("rendering", cube.nbytes) as advance:
            frames, height, width = write_preview(
                cube,
                target,
                captions=captions,
                nodata=nodata,
                units=units,
                percentiles=percentiles,
                limits=limits,
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


def _is_payload(src: str) -> bool:
    with Path(src).open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _film_of_chunk(src: str, bands: tuple[str, ...] | None) -> Film:
    """Decode one file; it knows no dates or names, and its sentinel is not in its header."""
    payload = Path(src).read_bytes()
    header = parse_header(payload)
    if not header.axes:
        raise click.ClickException(f"{src} holds a run of values, which have no pictures")
    cube = to_cube(decode_chunk(payload), header.axes)
    names = [str(band) for band in range(cube.shape[1])]
    if bands is not None and not set(bands) <= set(names):
        raise click.ClickException(
            f"the bands of a chunk have no names: give positions of 0 to {len(names) - 1}, got "
            f"{', '.join(bands)}"
        )
    shown = [int(b) for b in bands] if bands is not None else usual_bands(names, colour=True)
    return cube[:, shown], None, None, ""


def _film_of_store(
    src: str, name: str | None, place: tuple[int, ...] | None, bands: tuple[str, ...] | None
) -> Film:
    """Read the bands of a variable, or of one chunk of it, with the dates to show."""
    with open_dataset(src) as ds:
        shown = shown_of(ds, src, name, bands, colour=True)
        variable, letters = shown.cube, shown.letters
        if place is not None:
            if len(shown.variables) > 1:
                raise click.ClickException("--chunk is a place in one variable: name it with --var")
            variable = variable[_region(src, str(variable.name), place)]
        if letters.count("c") == 1:  # before anything is read
            variable = variable.isel({variable.dims[letters.index("c")]: shown.bands})
        if variable.size > MOST_CELLS:
            raise click.ClickException(
                f"{variable.name} is too large for one film: name a part of it with --chunk"
            )
        cube = to_cube(upright(variable, letters).values, letters)
        if letters.count("c") > 1:
            cube = cube[:, shown.bands]
        time = time_of(variable, letters)
        captions = (
            None if time is None or time not in variable.indexes else date_labels(variable, time)
        )
        return cube, captions, nodata_seen(variable), units_of(variable)


def _region(src: str, name: str, place: tuple[int, ...]) -> tuple[slice, ...]:
    array = dict(arrays_of(src))[name]
    grid = chunk_counts(array)
    if len(place) != len(grid) or not all(i < n for i, n in zip(place, grid, strict=True)):
        raise click.ClickException(
            f"{name} has no chunk {_place(place)}: its grid is {format_shape(grid)}, counted from 0"
        )
    return StoredChunk(array, place, "").region


def _place(place: tuple[int, ...] | None) -> str:
    return "" if place is None else ".".join(map(str, place))
