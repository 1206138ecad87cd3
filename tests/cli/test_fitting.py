"""Tables keep to the width of a terminal, and never show a figure in parts."""

from __future__ import annotations

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")

from numcodecs_video.cli import tables

FIGURES = {
    "RMSE": ["1.234e-06", "0.0257"],
    "bits per pixel per band": ["0.453", "4.062"],
    "largest error": ["7.653e-06", "1234567.5"],
    "missing changed": ["0", "12"],
    "spectral angle °": ["", ""],
    "ratio": ["70.7", "7.9"],
}
NAMES = ["specific_humidity_at_all_levels", "t2m"]
PROMISES = ["max_error=1e-05 kg/kg", "±0.05 [m]"]


def printed(monkeypatch, capsys, width: int | None) -> list[str]:
    """The lines of a table, on a terminal so wide or on none."""
    monkeypatch.setattr(tables, "terminal_width", lambda: width)
    table = tables.new_table("a.nc and b.zarr", ["variable", "promise"], list(FIGURES))
    for i, name in enumerate(NAMES):
        table.add_row(name, PROMISES[i], *(cells[i] for cells in FIGURES.values()))
    tables.print_table(table)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200, None])
def test_figures_are_whole(monkeypatch, capsys, width):
    """In as many columns as there are, those that are as wide as a figure at least."""
    lines = printed(monkeypatch, capsys, width)
    words = " ".join(lines).split()
    for cells in FIGURES.values():
        assert set(filter(None, cells)) <= set(words)
    assert "…" not in " ".join(lines)
    assert width is None or max(map(len, lines)) <= width
    assert not any(line != line.rstrip() for line in lines)


def test_text_is_shown_as_it_is(monkeypatch, capsys):
    """Units in brackets are no markup."""
    assert any("±0.05 [m]" in line for line in printed(monkeypatch, capsys, None))


def test_columns_that_hold_nothing_are_left_out(monkeypatch, capsys):
    """Whichever way the table lies."""
    for width in (60, None):
        assert "spectral" not in " ".join(printed(monkeypatch, capsys, width))


def test_no_table_is_wider_than_what_it_holds(monkeypatch, capsys):
    """Off a terminal headings wrap, too: a variable is a line of its own."""
    lines = printed(monkeypatch, capsys, None)
    assert max(map(len, lines)) < 120
    assert any(line.split()[:2] == ["t2m", "±0.05"] for line in lines)


def test_rows_become_columns_where_a_row_does_not_fit(monkeypatch, capsys):
    """Each figure stands beside its name."""
    lines = [line.split() for line in printed(monkeypatch, capsys, 60)]
    assert ["RMSE", "1.234e-06", "0.0257"] in lines or ["RMSE", "1.234e-06"] in lines


def test_a_ratio_says_of_what(monkeypatch, capsys):
    """One meaning in every table."""
    assert "  ratio: raw bytes / stored bytes" in printed(monkeypatch, capsys, 80)


def test_headings_are_not_squeezed(monkeypatch, capsys):
    """Few rows lie beside each other instead, before a heading takes more than three lines."""
    monkeypatch.setattr(tables, "terminal_width", lambda: 68)
    table = tables.new_table("a", ["variable"], ["bits per pixel per band", *FIGURES])
    for name in ("S1", "S2"):
        table.add_row(name, "1", *("1.25" for _ in FIGURES))
    tables.print_table(table)
    assert "bits per pixel per band" in capsys.readouterr().out
