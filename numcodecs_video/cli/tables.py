"""How figures are shown: one console, one kind of table, one way to write a size."""

from __future__ import annotations

import json
import math
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from numcodecs_video.cli.fitting import fitted
from numcodecs_video.xarray.conventions import show_units
from numcodecs_video.xarray.promises import PROMISES
from numcodecs_video.xarray.report import Report, format_number
from numcodecs_video.xarray.verdicts import Promised

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "console",
    "format_number",
    "format_promise",
    "format_ratio",
    "format_shape",
    "format_size",
    "format_units",
    "new_table",
    "print_json",
    "print_report",
    "print_table",
    "size_cells",
    "terminal_width",
]

ENDLESS = 10**4  # where there is no terminal, a table is as wide as it is
INDENT = "  "
RATIO = "ratio: raw bytes / stored bytes"


def console() -> Console:
    """Return a console on standard output that shows text as it is: units in brackets, say."""
    width = terminal_width() or ENDLESS
    return Console(width=width, highlight=False, markup=False, emoji=False)


def terminal_width() -> int | None:
    """Return the columns of the terminal on standard output; None where that is none."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()  # it is None where it is closed
    return shutil.get_terminal_size().columns if is_terminal else None


def new_table(title: str, text: list[str], figures: list[str]) -> Table:
    """Start a table whose first columns hold text and whose others hold figures."""
    table = Table(title=title)
    for name in text:
        table.add_column(name)
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def print_table(table: Table) -> None:
    """Print a table in the columns that there are, no figure in parts, and say what a ratio is."""
    screen, room = console(), terminal_width()
    screen.print(str(table.title), style="bold", soft_wrap=True)
    for part in fitted(table, None if room is None else room - len(INDENT)):
        with screen.capture() as captured:
            screen.print(part)
        lines = (line.rstrip() for line in captured.get().splitlines())
        click.echo("\n" + "\n".join(INDENT + line for line in lines if line))
    ratio = any(column.header == "ratio" for column in table.columns)
    click.echo(f"\n{INDENT}{RATIO}\n" if ratio else "")


def print_report(title: str, report: Report[Any], rows_are: str = "variable") -> None:
    """Print results, one a row."""
    header, rows = report.table()
    table = new_table(title, [rows_are], header[1:])
    for row in rows:
        table.add_row(*row)
    print_table(table)


def print_json(value: Any) -> None:
    """Print JSON; infinities and NaN, which JSON lacks, become null."""
    click.echo(json.dumps(_finite(value), indent=2))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def size_cells(raw_bytes: int, stored_bytes: int) -> tuple[str, str, str]:
    """Write raw and stored bytes, and their ratio: three cells of a row."""
    return (
        format_size(raw_bytes),
        format_size(stored_bytes),
        format_ratio(raw_bytes, stored_bytes),
    )


def format_size(size: int) -> str:
    """Write a number of bytes with a decimal unit.

    Examples
    --------
    >>> format_size(999), format_size(12_345), format_size(6_789_000_000)
    ('999 bytes', '12.3 kB', '6.8 GB')
    """
    return decimal(size)


def format_ratio(raw_bytes: int, stored_bytes: int) -> str:
    """Write how many times smaller the stored bytes are.

    Examples
    --------
    >>> format_ratio(1000, 80), format_ratio(1000, 0)
    ('12.5', '–')
    """
    return f"{raw_bytes / stored_bytes:.1f}" if stored_bytes else "–"


def format_shape(shape: tuple[int | tuple[int, ...], ...]) -> str:
    """Write a shape; lengths that differ from chunk to chunk by their range.

    Examples
    --------
    >>> format_shape((12, 256, 256)), format_shape(()), format_shape(((3, 4, 3), 24))
    ('12×256×256', '–', '(3–4)×24')
    """
    return "×".join(map(_format_length, shape)) or "–"


def _format_length(length: int | tuple[int, ...]) -> str:
    if isinstance(length, int):
        return str(length)
    low, high = min(length, default=0), max(length, default=0)
    return str(low) if low == high else f"({low}–{high})"


def format_promise(attributes: Mapping[str, Any], units: str = "") -> str:
    """Write a promise from the attributes that say what was lost.

    Examples
    --------
    >>> format_promise({"lossy_compression_max_error": 0.01}, " K"), format_promise({})
    ('±0.01 K', 'lossless')
    """
    for kind in PROMISES:
        value = attributes.get(f"lossy_compression_{kind}")
        if value is not None:
            return str(Promised(kind, value, units.strip()))
    return "lossless"


def format_units(attributes: Mapping[str, object]) -> str:
    """Write the units of an array after a space, where it has some and they are no sentence.

    Examples
    --------
    >>> format_units({"units": "K"}), format_units({}), format_units({"units": "as in table 3"})
    (' K', '', '')
    """
    return show_units(attributes.get("units", ""))
