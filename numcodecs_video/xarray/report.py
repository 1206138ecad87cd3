"""Figures as a table: in a terminal, in a notebook, and as plain values for a program."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Report", "format_figure", "text_table"]


class Row(Protocol):
    """What a report holds: figures by their column."""

    def table_cells(self) -> dict[str, str]:
        """Return what to show, by column."""
        ...


RowT = TypeVar("RowT", bound=Row)


class Report(dict[str, RowT]):
    """Results by variable name, that print as one table.

    A ``dict``, so ``report["t2m"]`` is one result; ``print(report)`` or a notebook shows all.
    """

    def __str__(self) -> str:
        return text_table(*self.table()) if self else "no variables"

    def _repr_html_(self) -> str:
        header, rows = self.table()
        head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Return the header and the rows, as text."""
        rows = {name: row.table_cells() for name, row in self.items()}
        columns = list(dict.fromkeys(column for cells in rows.values() for column in cells))
        return ["variable", *columns], [
            [name, *(cells.get(column, "") for column in columns)] for name, cells in rows.items()
        ]


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table in plain text: the first column to the left, figures to the right.

    Examples
    --------
    >>> print(text_table(["variable", "ratio"], [["t2m", "12.5"], ["u10", "9"]]))
    variable  ratio
    t2m        12.5
    u10           9
    """
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def format_figure(value: float, digits: int = 4) -> str:
    """Write a measured figure; what there is no figure of is a dash.

    Examples
    --------
    >>> format_figure(0.123456), format_figure(float("inf")), format_figure(float("nan"))
    ('0.1235', '∞', '–')
    """
    return "–" if math.isnan(value) else f"{value:.{digits}g}".replace("inf", "∞")
