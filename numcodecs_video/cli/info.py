"""``info``: what a store or a single chunk holds, how, and under which promise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import zarr

from numcodecs_video.cli.opening import arrays_of
from numcodecs_video.cli.options import json_option
from numcodecs_video.cli.tables import (
    format_number,
    format_ratio,
    format_shape,
    format_size,
    format_units,
    new_table,
    print_json,
    print_table,
)
from numcodecs_video.config import Settings, UnreadableSettings
from numcodecs_video.encode.plan import Plan
from numcodecs_video.errors import DecodeError
from numcodecs_video.format.header import Header
from numcodecs_video.format.payload import PREFIX_SIZE, header_size, parse_header
from numcodecs_video.stored import (
    Lengths,
    chunk_lengths,
    codecs_of,
    filters_of,
    settings_of,
)
from numcodecs_video.xarray.conventions import may_lose, scale_in
from numcodecs_video.xarray.filters import doubt_of_filters
from numcodecs_video.xarray.recording import IN_UNITS, worst_realised

__all__ = ["info"]


@dataclass(frozen=True)
class ArrayReport:
    """One row of the table: an array of a store.

    Promise and realised error are in the units that a reader sees, after ``scale_factor``.
    `realised` is the worst over all chunks, or None where the chunks do not say: no video, no
    promise, or coded any further. `doubt` says why the promise is not of the array's values.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    chunks: tuple[Lengths, ...]
    codec: str
    promise: str
    realised: float | None
    raw_bytes: int
    stored_bytes: int
    doubt: str | None = None


@click.command(
    short_help="Describe a store, or one chunk of it.",
    epilog="""\b
Examples:
  numcodecs-video info out.zarr
  numcodecs-video info out.zarr/t2m/c/0/0/0 --json
""",
)
@click.argument("path")
@json_option
def info(path: str, *, as_json: bool) -> None:
    """Describe PATH: the arrays of a Zarr store, or the header of one chunk."""
    file = Path(path)
    if file.is_file() and file.suffix != ".zip":
        _describe_chunk(file, as_json=as_json)
    elif file.exists() or "://" in path:
        _describe_store(path, as_json=as_json)
    else:
        raise click.ClickException(f"{path} does not exist")


def _describe_chunk(file: Path, *, as_json: bool) -> None:
    header = _read_header(file)
    if as_json:
        print_json(header.summary())
    else:
        table = new_table(str(file), ["field", "value"], [])
        for name, value in header.summary().items():
            table.add_row(name.replace("_", " "), _format_field(value))
        print_table(table)
    found = file.stat().st_size
    if found != header.payload_size:
        raise DecodeError(f"{file} has {found} bytes, its header says {header.payload_size}")


def _format_field(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {part}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return format_number(value) if isinstance(value, float) else str(value)


def _describe_store(path: str, *, as_json: bool) -> None:
    reports = [_report(name, array, path) for name, array in arrays_of(path)]
    if as_json:
        print_json([asdict(report) for report in reports])
        return
    text = ["variable", "shape", "dtype", "chunks", "codec", "promise"]
    table = new_table(path, text, ["worst", "raw", "stored", "ratio"])
    for report in reports:
        table.add_row(
            report.name,
            format_shape(report.shape),
            report.dtype,
            format_shape(report.chunks),
            report.codec,
            report.promise,
            "–" if report.realised is None else format_number(report.realised),
            format_size(report.raw_bytes),
            format_size(report.stored_bytes),
            format_ratio(report.raw_bytes, report.stored_bytes),
        )
    print_table(table)
    for report in reports:
        if report.doubt is not None:
            click.echo(f"Warning: {report.name}: {report.doubt}", err=True)


def _report(name: str, array: zarr.Array[Any], root: str) -> ArrayReport:
    """Gather one row, reading the headers of all chunks."""
    codecs = codecs_of(array)
    settings = settings_of(array)
    return ArrayReport(
        name=name,
        shape=array.shape,
        dtype=str(array.dtype),
        chunks=chunk_lengths(array),
        codec=", ".join(_name_of(codec) for codec in codecs),
        promise=_describe_promise(codecs, settings, array),
        realised=None if settings is None else _worst_realised(array, settings, root),
        raw_bytes=array.nbytes,
        stored_bytes=array.nbytes_stored(),
        doubt=doubt_of_filters(settings, filters_of(array)),
    )


def _describe_promise(
    codecs: Sequence[Any], settings: Settings | None, array: zarr.Array[Any]
) -> str:
    """State the promise, or why there is none to state."""
    if any(isinstance(getattr(c, "settings", None), UnreadableSettings) for c in codecs):
        return "settings that this version cannot read"
    return "" if settings is None else _format_promise(settings, array)


def _name_of(codec: Any) -> str:
    settings = getattr(codec, "settings", None)
    if isinstance(settings, UnreadableSettings):
        return "video"
    if isinstance(settings, Settings):
        names = {"jpeg2k": "JPEG 2000", "htj2k": "HTJ2K"}
        name = names.get(settings.codec, f"video ({settings.codec})")
        if settings.plan:
            known = Plan.from_json(json.loads(settings.plan)) is not None
            name += ", tuned" if known else ", tuned by another version (ignored)"
        return name
    # numcodecs' codecs know their id, zarr's only the name in their metadata.
    return str(getattr(codec, "codec_id", None) or codec.to_dict()["name"])


def _format_promise(settings: Settings, array: zarr.Array[Any]) -> str:
    """State the promise in the units that a reader sees."""
    kind, value = settings.fidelity.kind, settings.fidelity.value
    if not (filters_of(array) or may_lose(kind, value, array.dtype)):
        return "lossless"
    if kind not in IN_UNITS:
        return f"{kind}={value:g}"
    return f"{kind}={value * scale_in(dict(array.attrs)):g}{format_units(array.attrs)}"


def _worst_realised(array: zarr.Array[Any], settings: Settings, path: str) -> float | None:
    """Find the worst figure that any chunk's header holds, in the units that a reader sees."""
    try:
        worst = worst_realised(array, settings.fidelity)
    except DecodeError as error:
        raise DecodeError(f"{path.rstrip('/')}/{error}") from error
    if worst is None or settings.fidelity.kind not in IN_UNITS:
        return worst
    return worst * scale_in(dict(array.attrs))


def _read_header(file: Path) -> Header:
    """Read as much of a chunk as its header takes."""
    try:
        with file.open("rb") as stream:
            prefix = stream.read(PREFIX_SIZE)
            return parse_header(prefix + stream.read(header_size(prefix) - len(prefix)))
    except DecodeError as error:
        raise DecodeError(f"{file}: {error}") from error
