"""What a part of the report comes to, and how it is written: Markdown, CSV, JSON and figures."""

from __future__ import annotations

import csv
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import recipe
import xarray as xr
from matplotlib.figure import Figure

from numcodecs_video.coders.ffmpeg import library_versions
from numcodecs_video.xarray.evaluate import evaluate_regions

PACKAGES = ("av", "imagecodecs", "numcodecs", "numpy", "zarr", "xarray", "scikit-image")
SPEEDS = ("encode MB/s", "decode MB/s")
BESIDE = "Bits over those of VideoCodec: median of the cubes (least to most)"
Row = dict[str, Any]


@dataclass
class Table:
    """Rows of the same keys, under a title.

    Parameters
    ----------
    title : str
    rows : list of dict
    least_is_bold : bool
        Of the numbers of each row.
    """

    title: str
    rows: list[Row]
    least_is_bold: bool = False

    def markdown(self) -> str:
        """The table with numbers of three digits or so."""
        if not self.rows:
            return ""
        keys = list(self.rows[0])
        words = {key for row in self.rows for key in keys if isinstance(row[key], str)}
        lines = [
            f"| {' | '.join(keys)} |",
            f"|{'|'.join('---' if key in words else '--:' for key in keys)}|",
            *(f"| {' | '.join(self._cells(row, keys))} |" for row in self.rows),
        ]
        title = f"**{self.title}**\n\n" if self.title else ""
        return title + "\n".join(lines) + "\n"

    def _cells(self, row: Row, keys: list[str]) -> list[str]:
        cells = [_text(row[key]) for key in keys]
        numbers = [row[key] for key in keys if isinstance(row[key], float)]
        if not self.least_is_bold or not numbers:
            return cells
        least = _text(min(numbers))
        return [f"**{cell}**" if cell == least else cell for cell in cells]


@dataclass
class Section:
    """One part of the report.

    Parameters
    ----------
    name : str
        Of its files.
    title, note : str
        What a reader sees above the tables.
    tables : list of Table
    points : list of dict
        Every single measurement, for the CSV.
    figures : dict of str to Figure
    """

    name: str
    title: str
    note: str
    tables: list[Table] = field(default_factory=list)
    points: list[Row] = field(default_factory=list)
    figures: dict[str, Figure] = field(default_factory=dict)


def _text(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)


def provenance(settings: Row) -> Row:
    """The machine, the versions and the settings of a run; no date, no name."""
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "system": platform.system(),
        "python": platform.python_version(),
        "numcodecs-video": _commit() or version("numcodecs-video"),
        **{name: version(name) for name in PACKAGES},
        "libavcodec of PyAV": ".".join(map(str, library_versions()[1])),
        "ffmpeg program": _program_version(),
        "settings": settings,
    }


def _program_version() -> str:
    found = recipe.program()
    if found is None:
        return "none"
    done = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)
    return " ".join(done.stdout.split()[2:3])


def _commit() -> str | None:
    """The commit of the checkout that this file is in, marked where files differ from it."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        done = subprocess.run(
            [*git, "describe", "--always", "--dirty", "--exclude=*"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"commit {done.stdout.strip()}"


def write(section: Section, folder: Path) -> None:
    """Write the measurements and the figures of one part."""
    if section.points:
        keys = list(dict.fromkeys(key for point in section.points for key in point))
        with open(folder / f"{section.name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=keys)
            writer.writeheader()
            writer.writerows(section.points)
    for name, figure in section.figures.items():
        figure.savefig(folder / f"{name}.png", dpi=110)


def overview(
    title: str, tables: Iterable[Table], key: str, *, least_is_bold: bool = False
) -> Table:
    """One figure of several cubes' tables: a row a cube, a column a codec."""
    found = {t.title.split(". ")[0]: {row["codec"]: row[key] for row in t.rows} for t in tables}
    codecs = dict.fromkeys(codec for row in found.values() for codec in row)
    rows = [{"cube": cube, **{c: row.get(c) for c in codecs}} for cube, row in found.items()]
    return Table(title, rows, least_is_bold)


def beside(title: str, overviews: Mapping[str, Table]) -> Table:
    """Bits of each codec over those of `VideoCodec`: a column an overview, a row a codec.

    The median over the cubes, the least and the most, and on how many of them the other is smaller.
    """
    codecs = dict.fromkeys(key for table in overviews.values() for key in table.rows[0])
    del codecs["cube"], codecs["VideoCodec"]
    rows: list[Row] = []
    for codec in codecs:
        row: Row = {"codec": codec}
        for word, table in overviews.items():
            ratios = [
                cube[codec] / cube["VideoCodec"]
                for cube in table.rows
                if cube.get(codec) is not None and cube["VideoCodec"] is not None
            ]
            row[word] = _ratios(ratios) if ratios else None
        rows.append(row)
    return Table(title, rows)


def medians(title: str, overviews: Mapping[str, Table]) -> Table:
    """The median over the cubes of each codec: a column an overview, a row a codec."""
    codecs = dict.fromkeys(key for table in overviews.values() for key in table.rows[0])
    del codecs["cube"]
    rows: list[Row] = []
    for codec in codecs:
        row: Row = {"codec": codec}
        for word, table in overviews.items():
            seen = [cube[codec] for cube in table.rows if cube.get(codec) is not None]
            row[word] = statistics.median(seen) if seen else None
        rows.append(row)
    return Table(title, rows)


def _ratios(ratios: list[float]) -> str:
    fewer = sum(ratio < 1 for ratio in ratios)
    said = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    return f"{said}, fewer on {fewer} of {len(ratios)}" if fewer else said


def summary(sections: Iterable[Section]) -> list[str]:
    """Say where a peer wins, which is what a reader should know first."""
    lines = []
    for section in sections:
        for table in section.tables:
            if ". Fewest bits: " not in table.title:
                continue
            cube, winners = table.title.split(". Fewest bits: ")
            others = [w for w in winners.split(", ") if not w.endswith("VideoCodec")]
            if others:
                lines.append(f"- {section.title}, {cube}: {', '.join(others)}")
    head = "Other codecs need fewer bits than `VideoCodec` at:" if lines else ""
    no_peer = "`VideoCodec` needs the fewest bits in every table of bits."
    slower = "It is slower to encode than most of them: see the columns of speed."
    return ["## Where another codec wins", "", head or no_peer, "", *lines, "", slower, ""]


def write_page(sections: Iterable[Section], made_by: Row, folder: Path) -> Path:
    """Write ``report.md`` and ``report.json``, and return the path of the page."""
    sections = list(sections)
    lines = ["# Benchmarks", "", "Made by `python benchmarks/report`.", ""]
    lines += [f"- {key}: {value}" for key, value in made_by.items() if key != "settings"]
    lines += [f"- settings: {json.dumps(made_by['settings'])}", ""]
    lines += summary(sections)
    for section in sections:
        lines += [f"## {section.title}", "", section.note, ""]
        lines += [f"{table.markdown()}" for table in section.tables]
        lines += [f"![{name}]({name}.png)\n" for name in section.figures]
    page = folder / "report.md"
    page.write_text("\n".join(lines), encoding="utf-8")
    record = {
        "provenance": made_by,
        **{s.name: {t.title: t.rows for t in s.tables} for s in sections},
    }
    (folder / "report.json").write_text(json.dumps(record, indent=1, default=str), encoding="utf-8")
    return page


def evaluate_whole(data: xr.DataArray, codec: Any, warn: Callable[[str], None]) -> Any:
    """Evaluate a codec with all of an array as one chunk; None, and a word, where a peer fails."""
    region = tuple(slice(None) for _ in data.shape)
    try:
        return evaluate_regions(data, codec, [region])
    except Exception as error:  # noqa: BLE001 - whatever a peer raises must not end the report
        warn(f"{data.name}: {codec}: {type(error).__name__}: {error}")
        return None
