"""What a command line may say where click has no type for it, as callbacks of its options."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "parse_axes",
    "parse_bounds",
    "parse_chunks",
    "parse_names",
    "parse_numbers",
    "parse_pca",
    "parse_values",
]


def parse_bounds(
    ctx: click.Context | None, param: click.Parameter | None, values: Sequence[str]
) -> dict[str, float] | float | None:
    """Read ``VALUE``, or repeated ``VAR=VALUE``: positive numbers, of variables where named.

    Examples
    --------
    >>> parse_bounds(None, None, ["t2m=0.01", "u10=0.1"])
    {'t2m': 0.01, 'u10': 0.1}
    >>> parse_bounds(None, None, ["0.01"])
    0.01
    """
    bounds: dict[str, float] = {}
    for value in values:
        variable, _, text = value.rpartition("=")
        bound = _parse_number(text)
        if value.startswith("=") or not math.isfinite(bound) or bound < 0:
            raise click.BadParameter(
                f"{value!r} is no positive number, such as 0.01 or t2m=0.01", ctx, param
            )
        if variable in bounds:
            raise click.BadParameter(f"{variable or 'it'} is given twice", ctx, param)
        bounds[variable] = int(bound) if param is not None and param.name == "qp" else bound
    if "" not in bounds:
        return bounds or None
    if len(bounds) > 1:
        raise click.BadParameter("name a variable for each value, or for none", ctx, param)
    return bounds[""]


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


def parse_axes(
    ctx: click.Context | None, param: click.Parameter | None, value: str | None
) -> dict[str, str]:
    """Read ``DIM=LETTER,...``.

    Examples
    --------
    >>> parse_axes(None, None, "member=t, height=y")
    {'member': 't', 'height': 'y'}
    """
    axes: dict[str, str] = {}
    for part in value.split(",") if value is not None else ():
        dimension, _, letter = part.strip().rpartition("=")
        if not dimension or letter not in ("t", "c", "y", "x"):
            raise click.BadParameter(
                f"{part!r} is no dimension with a letter, such as member=t", ctx, param
            )
        axes[dimension] = letter
    return axes


def parse_numbers(
    ctx: click.Context | None, param: click.Parameter | None, value: str | None
) -> tuple[int, ...] | None:
    """Read whole numbers from 0, parted by commas, points or slashes.

    Examples
    --------
    >>> parse_numbers(None, None, "2,1,0"), parse_numbers(None, None, "0.0.3")
    ((2, 1, 0), (0, 0, 3))
    """
    if value is None:
        return None
    parts = value.replace(".", ",").replace("/", ",").split(",")
    if not all(part.strip().isdigit() for part in parts):
        raise click.BadParameter(f"{value!r} is no list of numbers, such as 2,1,0", ctx, param)
    return tuple(int(part) for part in parts)


def parse_values(
    ctx: click.Context | None, param: click.Parameter | None, value: str | None
) -> list[float]:
    """Read positive numbers parted by commas.

    Examples
    --------
    >>> parse_values(None, None, "40,44.5")
    [40.0, 44.5]
    """
    values = [_parse_number(part) for part in value.split(",")] if value is not None else []
    if not all(math.isfinite(number) and number >= 0 for number in values):
        raise click.BadParameter(f"{value!r} is no list of numbers, such as 40,44,48", ctx, param)
    whole = param is not None and param.name == "qp"
    return [int(number) for number in values] if whole else values


def parse_names(
    known: Sequence[str],
) -> Callable[[click.Context | None, click.Parameter | None, str], list[str]]:
    """Make a reader of names parted by commas.

    Examples
    --------
    >>> parse_names(["hevc", "vp9"])(None, None, "vp9,hevc")
    ['vp9', 'hevc']
    """

    def parse(ctx: click.Context | None, param: click.Parameter | None, value: str) -> list[str]:
        names = [part.strip() for part in value.split(",")]
        unknown = [name for name in names if name not in known]
        if unknown:
            raise click.BadParameter(
                f"{', '.join(unknown)}: the names are {', '.join(known)}", ctx, param
            )
        return names

    return parse


def parse_pca(
    ctx: click.Context | None, param: click.Parameter | None, value: str
) -> Literal["auto", False] | int:
    """Read ``auto``, ``off`` or a number of components.

    Examples
    --------
    >>> parse_pca(None, None, "3"), parse_pca(None, None, "off")
    (3, False)
    """
    if value == "auto":
        return "auto"
    if value == "off":
        return False
    if not value.isdigit() or int(value) < 1:
        raise click.BadParameter(f"{value!r} is neither auto, off nor a number", ctx, param)
    return int(value)


def _parse_number(text: str) -> float:
    """Return NaN for what is no number, which no setting allows."""
    try:
        return float(text)
    except ValueError:
        return math.nan
