"""Measure everything and write one report: ``python benchmarks/report``.

Parts: ``rate`` (rate and distortion, and the paper's tables), ``bounded``, ``lossless``, ``speed``
(effort and threads), ``scaling`` and ``downstream``. All of them unless some are named. ``--quick``
measures fewer points on smaller synthetic cubes, in under three minutes on two free cores.

The report is ``report.md`` with its figures, ``report.json`` with all tables and the versions, and
a CSV a part with every single measurement.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import rate
from cubes import Case, class_cubes, own_cube, real_cubes, synthetic_suite
from downstream import downstream_section
from exact import bounded_section, lossless_section
from page import Section, provenance, write, write_page
from speed import effort_cases, scaling_section, speed_section

PARTS = ("rate", "bounded", "lossless", "speed", "scaling", "downstream")


def warn(line: str) -> None:
    """Tell whoever waits."""
    print(f"{time.process_time():7.0f} s  {line}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all unless named")
    parser.add_argument("--quick", action="store_true", help="fewer points on smaller cubes")
    parser.add_argument("--data", type=Path, help="a folder of the real cubes' Zarr stores")
    parser.add_argument(
        "--cube", type=Path, help="a Zarr store or NetCDF file instead of all cubes"
    )
    parser.add_argument("--variable", help="of --cube; its largest unless named")
    parser.add_argument("--only", nargs="*", default=[], help="cubes whose name holds a word")
    parser.add_argument("--cells", type=int, default=1_000_000, help="cut real cubes to so many")
    parser.add_argument("--effort", type=int, default=5)
    parser.add_argument("--largest", type=float, default=64, help="MB of the largest cube to scale")
    parser.add_argument("--out", type=Path, default=Path("benchmark-report"))
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    given.out.mkdir(parents=True, exist_ok=True)
    cases = [
        case for case in gather(given) if not given.only or any(w in case.name for w in given.only)
    ]
    settings = {"quick": given.quick, "effort": given.effort, "cells": given.cells}
    made_by = provenance(settings)  # before the checkout can change
    common = {"effort": given.effort, "warn": warn}
    sections: list[Section] = []
    for part in given.parts or PARTS:
        if part == "rate":
            results = rate.measure(cases, quick=given.quick, **common)
            sections += [rate.rate_section(results), rate.paper_section(results)]
        elif part == "bounded":
            sections.append(bounded_section(cases, quick=given.quick, **common))
        elif part == "lossless":
            classes = () if given.cube else class_cubes(given.data, given.cells)
            sections.append(lossless_section(cases, classes, **common))
        elif part == "speed":
            sections.append(speed_section(effort_cases(), quick=given.quick, warn=warn))
        elif part == "scaling":
            largest = 4 if given.quick else given.largest
            sections.append(scaling_section(largest=largest, quick=given.quick, warn=warn))
        elif part == "downstream":
            sections.append(downstream_section(quick=given.quick, **common))
        for section in sections:
            write(section, given.out)
        page = write_page(sections, made_by, given.out)
    print(page)


def gather(given: argparse.Namespace) -> list[Case]:
    """The cubes to measure: one's own, or the synthetic ones and the real ones that are there."""
    if given.cube:
        return [own_cube(given.cube, given.variable, given.cells)]
    cases = list(synthetic_suite(64 if given.quick else 128))
    if given.data and not given.quick:
        cases += real_cubes(given.data, given.cells)
    return cases


if __name__ == "__main__":
    main()
