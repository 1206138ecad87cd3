"""Figures by variable, as a table of pandas: in a terminal, in a notebook, and for a program."""

from __future__ import annotations

import math
from typing import Any, Protocol, TypeVar

import pandas as pd

__all__ = ["Report", "format_fixed", "format_number"]


class Row(Protocol):
    """What a report holds: figures by their column."""

    def to_dict(self) -> dict[str, Any]:
        """Return all figures."""
        ...

    def table_cells(self) -> dict[str, str]:
        """Return what to show, by column."""
        ...


RowT = TypeVar("RowT", bound=Row)


class Report(dict[str, RowT]):
    """Results by variable name, that show as one table.

    A ``dict``, so ``report["t2m"]`` is one result; ``report`` by itself, ``print(report)`` or a
    notebook shows all, a variable a row, or a column where rows would be too wide; and
    `to_dataframe` gives them to pandas.
    """

    def to_dataframe(self) -> pd.DataFrame:
        """Return all figures as they are, one row a variable.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``variable``; the columns are the attributes of the results.

        Examples
        --------
        >>> import numpy as np, xarray as xr
        >>> from numcodecs_video.xarray import compare
        >>> v = xr.DataArray(np.arange(6.0), dims="x", name="v")
        >>> compare(v, v + 0.5).to_dataframe().largest_error
        variable
        v    0.5
        Name: largest_error, dtype: float64
        """
        rows = {name: row.to_dict() for name, row in self.items()}
        frame = pd.DataFrame(list(rows.values()), index=pd.Index(list(rows), name="variable"))
        return frame.drop(columns="name", errors="ignore")

    def __repr__(self) -> str:
        if not self:
            return "no variables"
        frame, room = self._as_text(), pd.get_option("display.width")
        for text in (frame.to_string(), frame.T.to_string()):
            if max(map(len, text.splitlines())) <= room:
                return str(text)
        return str(frame.to_string(line_width=room))

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return str(self._as_text().to_html())

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Return the header and the rows, as text; columns without a figure are left out."""
        rows = {name: row.table_cells() for name, row in self.items()}
        every = dict.fromkeys(column for cells in rows.values() for column in cells)
        columns = [c for c in every if any(cells.get(c) for cells in rows.values())]
        return ["variable", *columns], [
            [name, *(cells.get(column, "") for column in columns)] for name, cells in rows.items()
        ]

    def _as_text(self) -> pd.DataFrame:
        header, rows = self.table()
        return pd.DataFrame(
            [row[1:] for row in rows], index=[row[0] for row in rows], columns=header[1:]
        )


def format_number(value: float, digits: int = 4) -> str:
    """Write a measured figure; nothing where there is none.

    Examples
    --------
    >>> format_number(0.123456), format_number(20.0), format_number(float("inf"))
    ('0.1235', '20', '∞')
    >>> format_number(float("nan"))
    ''
    """
    return "" if math.isnan(value) else f"{value:.{digits}g}".replace("inf", "∞")


def format_fixed(value: float, decimals: int) -> str:
    """Write a figure with so many decimals; nothing where there is none.

    Examples
    --------
    >>> format_fixed(54.2034, 1), format_fixed(float("inf"), 1), format_fixed(float("nan"), 1)
    ('54.2', '∞', '')
    """
    return "" if math.isnan(value) else f"{value:.{decimals}f}".replace("inf", "∞")
