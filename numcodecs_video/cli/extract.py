"""``extract``: the stream of one chunk as a file of its own format, or a film for people."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from numcodecs_video.cli.looks import look_options
from numcodecs_video.cli.options import json_option
from numcodecs_video.cli.parameters import NUMBERS
from numcodecs_video.cli.places import PLACE
from numcodecs_video.cli.replacing import overwrite_option, writing

if TYPE_CHECKING:
    import zarr

    from numcodecs_video.cli.filming import Film
    from numcodecs_video.export.streams import Extracted

__all__ = ["extract"]

FILMS = (".mp4", ".webm")


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
@click.argument("src", type=PLACE)
@click.argument("target", type=PLACE)
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
    from numcodecs_video.cli.filming import read_film
    from numcodecs_video.cli.progress import progress_bar
    from numcodecs_video.cli.tables import print_json
    from numcodecs_video.export.streams import extract_stream
    from numcodecs_video.xarray.opening import names_zarr

    film = preview or target.endswith(FILMS)
    if film and not target.endswith(FILMS):
        raise click.ClickException(f"{target} must end in {' or '.join(FILMS)}, as a film does")
    with writing(target, overwrite=overwrite):
        if film:
            with progress_bar("reading", None):
                shown = read_film(src, name, chunk, bands)
            report = _render(shown, target, percentiles, limits, fps)
            text = "{frames} frames of {width}×{height}".format(**report)
        else:
            is_chunk = Path(src).is_file() and not names_zarr(src)
            payload = Path(src).read_bytes() if is_chunk else _payload(src, name, chunk)
            done = extract_stream(payload, target)
            report = {**asdict(done), "files": [str(file) for file in done.files]}
            text = _describe(done)
    if as_json:
        print_json(report)
    else:
        click.echo(f"{target}: {text}")


def _render(
    film: Film,
    target: str,
    percentiles: tuple[float, float],
    limits: tuple[float, float] | None,
    fps: int,
) -> dict[str, Any]:
    """Write a film, with a progress bar."""
    from numcodecs_video.cli.progress import progress_bar
    from numcodecs_video.export.film import write_preview

    with progress_bar("rendering", film.cube.nbytes) as advance:
        frames, height, width = write_preview(
            film.cube,
            target,
            captions=film.captions,
            nodata=film.nodata,
            units=film.units,
            percentiles=percentiles,
            limits=limits,
            frame_rate=fps,
            advance=advance,
        )
    return {"frames": frames, "height": height, "width": width, "files": [target]}


def _describe(done: Extracted) -> str:
    beside = f" and {done.key_pictures} key pictures" if done.key_pictures else ""
    files = "" if len(done.files) == 1 else f" in {len(done.files)} files"
    return f"{done.frames} frames{beside} of {done.coder} ({done.layer}){files}"


def _payload(src: str, name: str | None, place: tuple[int, ...] | None) -> bytes:
    """Read the bytes of the chunk asked for, or of the first."""
    from numcodecs_video.cli.filming import place_text
    from numcodecs_video.cli.tables import format_shape
    from numcodecs_video.stored import chunk_counts, stored_chunks

    array = _array_of(src, name)
    found = (c for c in stored_chunks(array) if place is None or c.coordinates == place)
    chunk = next(found, None)
    if chunk is None:
        raise click.ClickException(
            f"{array.basename or src} has no chunk {place_text(place)} that holds anything: its "
            f"grid is {format_shape(chunk_counts(array))}, counted from 0"
        )
    return chunk.read()


def _array_of(src: str, name: str | None) -> zarr.Array[Any]:
    from numcodecs_video.cli.opening import arrays_of
    from numcodecs_video.stored import holds_payloads

    arrays = dict(arrays_of(src))
    ours = {key: array for key, array in arrays.items() if holds_payloads(array)}
    if name is None and ours:
        return next(iter(ours.values()))
    if name not in ours:
        raise click.ClickException(
            f"{name or src} holds no chunks of this codec; those that do: {', '.join(ours) or '–'}"
        )
    return ours[name]
