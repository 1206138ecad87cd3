"""``info``: what a store or a single chunk holds, how, and under which promise."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import zarr
from zarr.storage import LocalStore

from numcodecs_video.cli.tables import (
    format_number,
    format_ratio,
    format_shape,
    format_size,
    format_units,
    new_table,
    print_table,
)
from numcodecs_video.codec import ChunkCodec
from numcodecs_video.errors import DecodeError
from numcodecs_video.payload import PREFIX_SIZE, Header, header_size, parse_header
from numcodecs_video.zarr3 import ChunkSerializer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numcodecs_video.config import Settings

__all__ = ["info"]

ARRAY_METADATA = frozenset(("zarr.json", ".zarray", ".zattrs"))
IN_UNITS = frozenset(("max_error", "rmse"))


@dataclass(frozen=True)
class ArrayReport:
    """One row of the table: an array of a store.

    Promise and realised error are in the units that a reader sees, after ``scale_factor``.
    `realised` is the worst over all chunks, or None where the chunks do not say: no video, no
    promise, or not in a local directory.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    chunks: tuple[int, ...]
    codec: str
    promise: str
    realised: float | None
    raw_bytes: int
    stored_bytes: int


@click.command(short_help="Describe a store, or one chunk of it.")
@click.argument("path")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for another program.")
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
        click.echo(json.dumps(header.summary(), indent=2))
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
    try:
        node = zarr.open(path, mode="r")
    except ValueError as error:  # metadata that are none, or of a format that zarr does not know
        raise click.ClickException(f"cannot read {path} as Zarr: {error}") from error
    if isinstance(node, zarr.Array):
        reports = [_report(Path(path).name, node)]
    else:
        members = sorted(node.members(max_depth=None))
        reports = [_report(name, array) for name, array in members if isinstance(array, zarr.Array)]
    if as_json:
        click.echo(json.dumps([asdict(report) for report in reports], indent=2))
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


def _report(name: str, array: zarr.Array[Any]) -> ArrayReport:
    """Gather one row, reading the headers of all chunks where they are local files."""
    codecs = _codecs_of(array)
    settings = _settings_of(codecs)
    scale = abs(float(array.attrs.get("scale_factor", 1.0)))  # type: ignore[arg-type]  # JSON
    return ArrayReport(
        name=name,
        shape=array.shape,
        dtype=str(array.dtype),
        chunks=array.chunks,
        codec=", ".join(_name_of(codec) for codec in codecs),
        promise="" if settings is None else _format_promise(settings, scale, array.attrs),
        realised=None if settings is None else _worst_realised(array, settings, scale),
        raw_bytes=array.nbytes,
        stored_bytes=array.nbytes_stored(),
    )


def _codecs_of(array: zarr.Array[Any]) -> list[Any]:
    """List what turns a chunk into bytes, in order; inside of shards, what codes their chunks."""
    coders = [*array.filters, array.serializer, *array.compressors]
    flat = [inner for coder in coders for inner in getattr(coder, "codecs", (coder,))]
    return [coder for coder in flat if coder is not None]


def _name_of(codec: Any) -> str:
    if isinstance(codec, (ChunkCodec, ChunkSerializer)):
        names = {"jpeg2k": "JPEG 2000", "htj2k": "HTJ2K"}
        return names.get(codec.settings.codec, f"video ({codec.settings.codec})")
    # numcodecs' codecs know their id, zarr's only the name in their metadata.
    return str(getattr(codec, "codec_id", None) or codec.to_dict()["name"])


def _settings_of(codecs: list[Any]) -> Settings | None:
    ours = (codec for codec in codecs if isinstance(codec, (ChunkCodec, ChunkSerializer)))
    return next((codec.settings for codec in ours), None)


def _format_promise(settings: Settings, scale: float, attributes: Any) -> str:
    """State the promise in the units that a reader sees."""
    kind, value = settings.fidelity.kind, settings.fidelity.value
    if kind == "lossless":
        return kind
    if kind not in IN_UNITS:
        return f"{kind}={value:g}"
    return f"{kind}={value * scale:g}{format_units(attributes)}"


def _worst_realised(array: zarr.Array[Any], settings: Settings, scale: float) -> float | None:
    """Find the worst figure that any chunk's header holds; None where none says."""
    kind = settings.fidelity.kind
    found = [
        header.promise.realised
        for header in _local_headers(array)
        if not math.isnan(header.promise.realised)
    ]
    if not found:
        return None
    if kind == "psnr":  # the other way round: more is better
        return min(found)
    return max(found) * (scale if kind in IN_UNITS else 1.0)


def _local_headers(array: zarr.Array[Any]) -> Iterator[Header]:
    """Read the headers of all chunks in a local directory; those in shards stay unread."""
    if not isinstance(array.store, LocalStore) or array.shards is not None:
        return
    for file in sorted((Path(array.store.root) / array.path).rglob("*")):
        if file.is_file() and file.name not in ARRAY_METADATA:
            yield _read_header(file)


def _read_header(file: Path) -> Header:
    """Read as much of a chunk as its header takes."""
    try:
        with file.open("rb") as stream:
            prefix = stream.read(PREFIX_SIZE)
            return parse_header(prefix + stream.read(header_size(prefix) - len(prefix)))
    except DecodeError as error:
        raise DecodeError(f"{file}: {error}") from error
