"""What a command line may say where click has no type for it, as callbacks of its options."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["parse_bounds", "parse_chunks"]


def parse_bounds(
    ctx: click.Context | None, param: click.Parameter | None, values: Sequence[str]
) -> dict[str, float]:
    """Read repeated ``VAR=VALUE``, each a variable and a positive number.

    Examples
    --------
    >>> parse_bounds(None, None, ["t2m=0.01", "u10=0.1"])
    {'t2m': 0.01, 'u10': 0.1}
    """
    bounds: dict[str, float] = {}
    for value in values:
        variable, _, text = value.rpartition("=")
        bound = _parse_number(text)
        if not variable or not math.isfinite(bound) or bound <= 0:
            raise click.BadParameter(
                f"{value!r} is no variable with a positive number, such as t2m=0.01", ctx, param
            )
        if variable in bounds:
            raise click.BadParameter(f"{variable} is given twice", ctx, param)
        bounds[variable] = bound
    return bounds


def parse_chunks(
    ctx: click.Context | None, param: click.Parameter | None, value: str | None
) -> dict[str, int]:
    """Read ``DIM=N,...``: chunk lengths by dimension, -1 for the whole of it.

    Examples
    --------
    >>> parse_chunks(None, None, "time=64, y=-1")
    {'time': 64, 'y': -1}
    """
    chunks: dict[str, int] = {}
    for part in value.split(",") if value is not None else ():
        dimension, _, text = part.strip().rpartition("=")
        length = _parse_number(text)
        if not dimension or not length.is_integer() or (length < 1 and length != -1):
            raise click.BadParameter(
                f"{part!r} is no dimension with a length, such as time=64 or time=-1 for all",
                ctx,
                param,
            )
        chunks[dimension] = int(length)
    return chunks


def _parse_number(text: str) -> float:
    """Return NaN for what is no number, which no setting allows."""
    try:
        return float(text)
    except ValueError:
        return math.nan
