"""Fit a table to the columns that there are: headings and text wrap, or rows become columns.

A figure is never cut: what does not fit beside the others stands below them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["fitted"]

GAP = 2  # between columns
HEADING_LINES = 3  # of a heading, where there is room


@dataclass(frozen=True)
class _Column:
    """A column as plain text; `folds` where it may be broken between words."""

    header: str
    cells: tuple[str, ...]
    folds: bool = False

    @property
    def widest(self) -> int:
        """The width of the longest cell, and of the heading in a few lines."""
        return max(_width_in_lines(self.header, HEADING_LINES), *map(cell_len, self.cells), 1)

    @property
    def narrowest(self) -> int:
        """The width to which it can be folded; a figure cannot."""
        cells = map(_longest_word if self.folds else cell_len, self.cells)
        return max(_longest_word(self.header), *cells, 1)


def fitted(table: Table, room: int | None) -> Iterator[Table]:
    """Lay out a table in the columns that there are.

    Columns that hold nothing are left out.

    Parameters
    ----------
    table : rich.table.Table
        Columns with ``no_wrap`` hold figures, which stay whole; the first one names the rows.
    room : int or None
        Columns of the terminal; None for as many as the table takes.

    Yields
    ------
    rich.table.Table
        One, or several that are to be read one after the other.
    """
    first, *others = (
        _Column(str(column.header), tuple(map(str, column.cells)), folds=not column.no_wrap)
        for column in table.columns
    )
    columns = [first, *(column for column in others if any(column.cells))]
    sections = [row.end_section for row in table.rows]
    widths = _widths(columns, room)
    turned = [] if room is None else list(_pivoted(columns, room))
    if widths is None or (len(turned) == 1 and _tall(columns, widths)):
        yield from turned
    else:
        yield _laid_out(columns, widths, sections)


def _tall(columns: Sequence[_Column], widths: Sequence[int]) -> bool:
    """Tell whether a heading is squeezed into more lines than it should have."""
    return any(
        _lines_in(column.header, width) > HEADING_LINES
        for column, width in zip(columns, widths, strict=True)
    )


def _widths(columns: Sequence[_Column], room: int | None) -> list[int] | None:
    """Choose the width of each column; None where they do not fit, however text is folded."""
    widths = [column.widest for column in columns]
    least = [column.narrowest for column in columns]
    if room is None:
        return widths
    room -= GAP * (len(columns) - 1)
    if all(column.folds for column in columns):  # no figure to spare: words may break as well
        least = [min(width, 8) for width in least]
    if sum(least) > room:
        return None
    while sum(widths) > room:
        spare = [width - most for width, most in zip(widths, least, strict=True)]
        foldable = [i for i in range(len(widths)) if spare[i] > 0]
        widths[max(foldable, key=widths.__getitem__)] -= 1
    return widths


def _pivoted(columns: Sequence[_Column], room: int) -> Iterator[Table]:
    """Make the rows columns, as many beside each other as fit."""
    first, *others = columns
    names = _Column(first.header, tuple(column.header for column in others), folds=True)
    rows = [
        _Column(header, tuple(column.cells[i] for column in others))
        for i, header in enumerate(first.cells)
    ]
    while rows:
        count = 1
        while count < len(rows) and _widths([names, *rows[: count + 1]], room) is not None:
            count += 1
        kept = _without_empty_lines([names, *rows[:count]])
        widths = _widths(kept, room)
        if widths is None:  # one row alone: its text folds, and a heading in pieces
            kept = [replace(column, folds=True) for column in kept]
            widths = _widths(kept, room) or [max(1, room // 2 - GAP)] * 2
        yield _laid_out(kept, widths, [False] * len(kept[0].cells))
        rows = rows[count:]


def _without_empty_lines(columns: Sequence[_Column]) -> list[_Column]:
    lines = list(zip(*(column.cells for column in columns), strict=True))
    kept = [i for i, line in enumerate(lines) if any(line[1:])]
    return [replace(column, cells=tuple(column.cells[i] for i in kept)) for column in columns]


def _laid_out(columns: Sequence[_Column], widths: Sequence[int], sections: Sequence[bool]) -> Table:
    table = Table(
        *(
            Column(
                column.header,
                width=width,
                overflow="fold",
                justify="left" if column.folds else "right",
            )
            for column, width in zip(columns, widths, strict=True)
        ),
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
    )
    for i, end_section in enumerate(sections):
        table.add_row(*(column.cells[i] for column in columns), end_section=end_section)
    return table


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def _width_in_lines(text: str, lines: int) -> int:
    """Return the least width in which a text wraps into so many lines at most."""
    least = _longest_word(text)
    return next(
        (width for width in range(least, cell_len(text)) if _lines_in(text, width) <= lines),
        cell_len(text),
    )


def _lines_in(text: str, width: int) -> int:
    lines, at = 1, 0
    for word in text.split():
        at += cell_len(word) + (at > 0)
        if at > width:
            lines, at = lines + 1, cell_len(word)
    return lines
