"""What a store or a single chunk holds, how, and under which promise."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import zarr

from numcodecs_video.cli.kinds import describe_kind, is_payload
from numcodecs_video.cli.opening import arrays_of
from numcodecs_video.cli.tables import (
    format_number,
    format_shape,
    format_size,
    new_table,
    print_json,
    print_table,
)
from numcodecs_video.config import Settings, UnreadableSettings
from numcodecs_video.encode.plan import Plan
from numcodecs_video.errors import DecodeError, UnsupportedVersionError
from numcodecs_video.format.header import Header
from numcodecs_video.format.payload import PREFIX_SIZE, header_size, parse_header
from numcodecs_video.stored import (
    Lengths,
    chunk_lengths,
    codecs_of,
    filters_of,
    settings_of,
    stored_bytes,
)
from numcodecs_video.xarray.conventions import scale_in
from numcodecs_video.xarray.filters import doubt_of_filters
from numcodecs_video.xarray.promises import IN_UNITS
from numcodecs_video.xarray.recording import worst_realised
from numcodecs_video.xarray.report import format_fixed
from numcodecs_video.xarray.verdicts import Promised, promised_in

__all__ = ["ArrayReport", "describe_chunk", "describe_store"]


UNREADABLE = "settings that this version cannot read"


@dataclass(frozen=True)
class ArrayReport:
    """One row of the table: an array of a store.

    Attributes
    ----------
    name : str
    shape : tuple of int
    dtype : str
    chunks : tuple of int or tuple of int
        One length a dimension, or one for each chunk along it.
    codec : str
        For a person.
    codecs : tuple of str
        Ids, in the order in which they encode.
    settings : dict or None
        Of the video codec, as the store has them: bounds are in stored units.
    promise : str or None
        ``lossless``, ``max_error`` or another word of the settings; None where nothing is promised.
    requested, realised : float or None
        The bound, and the worst over all chunks, in the units that a reader sees, after
        ``scale_factor``. None where the chunks do not say: no video, or coded any further.
    units : str or None
        Of the variable.
    raw_bytes, stored_bytes : int
    ratio : float or None
        Raw bytes / stored bytes.
    doubt : str or None
        Why the promise is not of the array's values, or cannot be read.
    fault : str or None
        Which chunk is damaged, and how.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    chunks: tuple[Lengths, ...]
    codec: str
    codecs: tuple[str, ...]
    settings: dict[str, Any] | None
    promise: str | None
    requested: float | None
    realised: float | None
    units: str | None
    raw_bytes: int
    stored_bytes: int
    ratio: float | None
    doubt: str | None
    fault: str | None


def describe_chunk(file: Path, *, as_json: bool) -> None:
    """Print the header of a chunk.

    Raises
    ------
    DecodeError, click.ClickException
        If it is damaged, or the file is no chunk.
    """
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
        return ", ".join(f"{name}: {_format_field(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return format_number(value) if isinstance(value, float) else str(value)


def describe_store(path: str, *, as_json: bool) -> list[ArrayReport]:
    """Print a table of the arrays of a store, and which chunks are damaged."""
    reports = [_report(name, array, path) for name, array in arrays_of(path)]
    if as_json:
        print_json([asdict(report) for report in reports])
    else:
        _print_store(path, reports)
        for report in reports:
            if report.doubt is not None:
                click.echo(f"Warning: {report.name}: {report.doubt}", err=True)
    for report in reports:
        if report.fault is not None:
            click.echo(f"Error: {path.rstrip('/')}/{report.fault}", err=True)
    return reports


def _print_store(path: str, reports: Sequence[ArrayReport]) -> None:
    text = ["variable", "shape", "dtype", "chunks", "codec", "promise"]
    table = new_table(path, text, ["worst", "raw", "stored", "ratio"])
    for report in reports:
        promise = ""
        if report.promise is not None:
            promise = str(Promised(report.promise, report.requested, report.units or ""))
        table.add_row(
            report.name,
            format_shape(report.shape),
            report.dtype,
            format_shape(report.chunks),
            report.codec,
            promise,
            "damaged" if report.fault else format_number(_or_nan(report.realised)),
            format_size(report.raw_bytes),
            format_size(report.stored_bytes),
            format_fixed(_or_nan(report.ratio), 1),
        )
    print_table(table)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _report(name: str, array: zarr.Array[Any], root: str) -> ArrayReport:
    """Gather one row, reading the headers of all chunks."""
    codecs = codecs_of(array)
    settings = settings_of(array)
    stored = [getattr(codec, "settings", None) for codec in codecs]
    unreadable = any(isinstance(found, UnreadableSettings) for found in stored)
    promised = promised_in(array)
    realised, fault = _worst_realised(array, settings)
    size = stored_bytes(array)
    return ArrayReport(
        name=name,
        shape=array.shape,
        dtype=str(array.dtype),
        chunks=chunk_lengths(array),
        codec=", ".join(_label_of(codec) for codec in codecs),
        codecs=tuple(_id_of(codec) for codec in codecs),
        settings=next((found.to_json() for found in stored if found is not None), None),
        promise=None if promised is None else promised.kind,
        requested=None if promised is None else promised.requested,
        realised=realised,
        units=_units_of(array),
        raw_bytes=array.nbytes,
        stored_bytes=size,
        ratio=array.nbytes / size if size else None,
        doubt=UNREADABLE if unreadable else doubt_of_filters(settings, filters_of(array)),
        fault=fault,
    )


def _units_of(array: zarr.Array[Any]) -> str | None:
    units = array.attrs.get("units")
    return units if isinstance(units, str) else None


def _label_of(codec: Any) -> str:
    """Name a codec as a person would."""
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
    return _id_of(codec)


def _id_of(codec: Any) -> str:
    """Name a codec: numcodecs' know their id, zarr's only the name in their metadata."""
    return str(getattr(codec, "codec_id", None) or codec.to_dict()["name"])


def _worst_realised(
    array: zarr.Array[Any], settings: Settings | None
) -> tuple[float | None, str | None]:
    """Find the worst figure that any chunk's header holds, in the units that a reader sees.

    Returns
    -------
    float or None
    str or None
        The chunk that is damaged, and how.
    """
    if settings is None:
        return None, None
    try:
        worst = worst_realised(array, settings.fidelity)
    except DecodeError as error:
        return None, str(error)
    if worst is None or settings.fidelity.kind not in IN_UNITS:
        return worst, None
    return worst * scale_in(dict(array.attrs)), None


def _read_header(file: Path) -> Header:
    """Read as much of a chunk as its header takes."""
    try:
        with file.open("rb") as stream:
            prefix = stream.read(PREFIX_SIZE)
            return parse_header(prefix + stream.read(header_size(prefix) - len(prefix)))
    except UnsupportedVersionError as error:
        raise DecodeError(f"{file}: {error}") from error
    except DecodeError as error:
        if not is_payload(file):
            raise click.ClickException(f"{file} is {describe_kind(file)}") from error
        raise DecodeError(f"{file}: {error}") from error
