"""Predict what writing will take from a few chunks of each variable, writing nothing."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numcodecs import get_codec

from numcodecs_video.cli.copying import WORKERS
from numcodecs_video.cli.tables import (
    format_promise,
    format_units,
    new_table,
    print_json,
    print_table,
    size_cells,
)
from numcodecs_video.codec import Jpeg2kCodec, VideoCodec
from numcodecs_video.config import Jpeg2kSettings
from numcodecs_video.sampling import spread_windows
from numcodecs_video.xarray.conventions import scale_in
from numcodecs_video.xarray.formats import settings_in
from numcodecs_video.xarray.promises import IN_UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

    from numcodecs_video.cli.copying import Encodings
    from numcodecs_video.config import Fidelity

__all__ = ["Expectation", "expect", "print_expectations"]

SAMPLE_BYTES = 2**22  # of an array that is no video


@dataclass(frozen=True)
class Expectation:
    """What one variable will probably take.

    Attributes
    ----------
    name : str
        With the path of its group.
    promise : str
    raw_bytes, expected_bytes : int
    seconds : float
        Of one core.
    sampled : float
        Part of the cells that was encoded to say so.
    """

    name: str
    promise: str
    raw_bytes: int
    expected_bytes: int
    seconds: float
    sampled: float


def expect(groups: Mapping[str, xr.Dataset], encodings: Encodings) -> list[Expectation]:
    """Encode a few chunks of every variable, spread over it, and project what all will take."""
    found = [
        _expect(f"{group}/{name}".lstrip("/"), variable, encodings.get(group, {}).get(str(name)))
        for group, ds in groups.items()
        for name, variable in ds.variables.items()
    ]
    return sorted(found, key=lambda each: -each.raw_bytes)


def _expect(name: str, variable: xr.Variable, given: Mapping[str, Any] | None) -> Expectation:
    settings = settings_in(given or {})
    if given is None or settings is None:
        return _expect_default(name, variable)
    kind = Jpeg2kCodec if isinstance(settings, Jpeg2kSettings) else VideoCodec
    encoder = kind.from_settings(settings)
    chunks = [variable[window].values for window in spread_windows(variable.shape, given["chunks"])]
    start = time.perf_counter()
    encoded = sum(len(encoder.encode(chunk)) for chunk in chunks)
    seconds = time.perf_counter() - start
    share = sum(chunk.size for chunk in chunks) / max(1, variable.size)
    promise = _describe(settings.fidelity, variable.attrs)
    return _projected(name, promise, variable, encoded, seconds, share)


def _expect_default(name: str, variable: xr.Variable) -> Expectation:
    """Compress the first rows as Zarr does unless told otherwise."""
    if variable.dtype.kind not in "biufcmM":
        return Expectation(name, "Zarr's default", variable.nbytes, variable.nbytes, 0.0, 0.0)
    row = variable.nbytes // max(1, variable.shape[0]) if variable.ndim else 0
    part = variable[: max(1, SAMPLE_BYTES // max(1, row))] if variable.ndim else variable
    values = np.ascontiguousarray(part.values)
    start = time.perf_counter()
    encoded = len(get_codec({"id": "zstd", "level": 0}).encode(values))
    seconds = time.perf_counter() - start
    share = values.size / max(1, variable.size)
    return _projected(name, "Zarr's default", variable, encoded, seconds, share)


def _projected(
    name: str, promise: str, variable: xr.Variable, encoded: int, seconds: float, share: float
) -> Expectation:
    share = share or 1.0
    return Expectation(
        name, promise, variable.nbytes, round(encoded / share), seconds / share, share
    )


def _describe(fidelity: Fidelity, attributes: Mapping[str, Any]) -> str:
    if fidelity.kind == "lossless":
        return "lossless"
    scale = scale_in(attributes) if fidelity.kind in IN_UNITS else 1.0
    said = {f"lossy_compression_{fidelity.kind}": fidelity.value * scale}
    return format_promise(said, format_units(attributes))


def print_expectations(title: str, found: Sequence[Expectation], *, as_json: bool) -> None:
    """Print a table, and what all of it takes."""
    if as_json:
        print_json([asdict(each) for each in found])
        return
    table = new_table(title, ["variable", "promise"], ["raw", "expected", "ratio", "sampled"])
    for each in found:
        sizes = size_cells(each.raw_bytes, each.expected_bytes)
        table.add_row(each.name, each.promise, *sizes, f"{100 * each.sampled:.3g} %")
    raw, expected = (sum(getattr(e, key) for e in found) for key in ("raw_bytes", "expected_bytes"))
    table.add_section()
    table.add_row("all", "", *size_cells(raw, expected), "")
    print_table(table)
    seconds = math.ceil(sum(each.seconds for each in found) / WORKERS)
    cores = f"{WORKERS} core{'s' * (WORKERS > 1)}"
    click.echo(f"Nothing was written. Writing takes about {_span(seconds)} on {cores}.")


def _span(seconds: int) -> str:
    """Write a duration in its largest units.

    Examples
    --------
    >>> _span(40), _span(150), _span(7260)
    ('40 s', '3 min', '2.0 h')
    """
    if seconds < 120:
        return f"{seconds} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
