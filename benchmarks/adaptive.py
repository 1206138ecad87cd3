"""How fast the adaptive coder is: samples a second of one core, by cube and by what it is given.

What it measures: processor seconds of encoding and decoding levels by the adaptive coder alone, in
segments of 24 frames, medians of ``--runs``; millions of valid samples a second, and the bits that
each takes. Integers and floats on a lattice of 16 bits are coded without loss, other floats in
steps of a thousandth of their range. Integers of more than 8 bits are coded as a residual as well,
beside a base that is their mean over 4 by 4 cells. Where all choose their model of numbers, the
quick and the express one of the lowest efforts stand beside the whole one. Every array is compared
with what was encoded; means are geometric.

How to repeat it: ``python benchmarks/adaptive.py FOLDER [VARIABLE ...]``, where FOLDER holds Zarr
stores; ``--cells`` bounds how much of each variable is read, from its middle.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from numcodecs_video.cli.tables import new_table, print_table
from numcodecs_video.coders import adaptive
from numcodecs_video.transform.lattice import lattice_levels

SEGMENT = 24
BLOCK = 4
STEPS = 1000
MODELS: tuple[adaptive.Model, ...] = ("whole", "quick", "express")
PARTS = ("bits", "encode", "decode")
#: bits of the first byte that all segments share
FLAGS = {1: "classes", 64: "quick", 128: "express"}


@dataclass
class Case:
    """Levels as the coder is given them, shapes (T, C, Y, X)."""

    cube: str
    kind: str
    levels: NDArray[Any]
    valid: NDArray[np.bool_]
    beside: NDArray[Any] | None = None

    @property
    def top(self) -> int:
        """The highest level."""
        return int(self.levels.max())


@dataclass(frozen=True)
class Figures:
    """The model that was taken, bits a valid sample, and millions of those a second."""

    model: str
    bits: float
    encode: float
    decode: float

    def row(self) -> tuple[str, str, str]:
        """Bits and speeds, as the table shows them."""
        return f"{self.bits:.2f}", f"{self.encode:.1f}", f"{self.decode:.1f}"


def cases(folder: Path, variables: list[str], cells: int) -> Iterator[Case]:
    """What is coded of every variable that has a time axis."""
    for store in sorted(folder.glob("*.zarr")):
        with xr.open_zarr(store, mask_and_scale=False) as ds:
            for name, variable in ds.data_vars.items():
                wanted = not variables or name in variables or f"{store.stem}/{name}" in variables
                if wanted and variable.ndim in (3, 4):
                    yield from cases_of(f"{store.stem} {name}", read_middle(variable, cells))


def read_middle(variable: xr.DataArray, cells: int) -> NDArray[Any]:
    """Array of shape (T, C, Y, X): all of it, or the middle of its pictures."""
    if variable.ndim == 3:
        variable = variable.expand_dims("band", axis=1)
    keep = min(1.0, (cells / variable.size) ** 0.5)
    parts = [slice(None), slice(None)]
    for size in variable.shape[2:]:
        some = max(1, int(size * keep))
        parts.append(slice((size - some) // 2, (size - some) // 2 + some))
    return np.asarray(variable[tuple(parts)].values)


def cases_of(name: str, cube: NDArray[Any]) -> Iterator[Case]:
    """A cube without loss or in steps, and behind a base where it has many levels."""
    valid, kind = np.ones(cube.shape, bool), "without loss"
    if cube.dtype.kind in "iu":
        levels = cube.astype(np.int64) - int(cube.min())
    else:
        valid = np.isfinite(cube)
        found = lattice_levels(cube, valid)
        if found is None or found.array.max() >= 2**16:
            kind = "in steps"
            low, high = float(cube[valid].min()), float(cube[valid].max())
            found_levels = np.rint((cube.astype(np.float64) - low) / ((high - low) / STEPS))
        else:
            kind = "lattice"
            found_levels = found.array
        levels = np.where(valid, found_levels, 0).astype(np.int64)
    if levels.max() > adaptive.LARGEST_TOP:
        return
    yield Case(name, kind, levels.astype(np.uint32), valid)
    if kind == "without loss" and levels.max() >= 2**8:
        base = mean_of_blocks(levels)
        residual = np.where(valid, levels - base, 0)
        residual -= residual.min()
        yield Case(name, "behind a base", residual.astype(np.uint32), valid, base.astype("u4"))


def mean_of_blocks(levels: NDArray[Any]) -> NDArray[np.int64]:
    """The mean of each block of 4 by 4 cells, in its cells."""
    height, width = levels.shape[2:]
    edges = [(0, 0), (0, 0), (0, -height % BLOCK), (0, -width % BLOCK)]
    padded = np.pad(levels, edges, mode="edge")
    shape = (*levels.shape[:2], padded.shape[2] // BLOCK, BLOCK, padded.shape[3] // BLOCK, BLOCK)
    means = padded.reshape(shape).mean(axis=(3, 5)).astype(np.int64)
    return means.repeat(BLOCK, axis=2).repeat(BLOCK, axis=3)[:, :, :height, :width]


def encode(case: Case, model: adaptive.Model) -> tuple[bytes, list[bytes]]:
    """What all segments share, and the stream of each."""
    frames = len(case.levels)
    segments = [min(SEGMENT, frames - start) for start in range(0, frames, SEGMENT)]
    return adaptive.encode(
        case.levels, segments, top=case.top, valid=case.valid, beside=case.beside, model=model
    )


def decode(case: Case, shared: bytes, streams: list[bytes]) -> NDArray[Any]:
    """The levels again."""
    found = []
    for i, stream in enumerate(streams):
        part = slice(i * SEGMENT, (i + 1) * SEGMENT)
        found.append(
            adaptive.decode(
                shared,
                stream,
                case.levels[part].shape,
                top=case.top,
                valid=case.valid[part],
                beside=None if case.beside is None else case.beside[part],
            )
        )
    return np.concatenate(found)


def seconds(work: Callable[[], object], runs: int) -> float:
    """Processor seconds, the median."""
    taken = []
    for _ in range(runs):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def measure(case: Case, runs: int, model: adaptive.Model) -> Figures:
    """Encode, decode and compare one case."""
    shared, streams = encode(case, model)
    found = decode(case, shared, streams)
    np.testing.assert_array_equal(found, np.where(case.valid, case.levels, 0))
    count = int(case.valid.sum())
    return Figures(
        model=next((name for bit, name in FLAGS.items() if shared[0] & bit), "whole"),
        bits=8 * (len(shared) + sum(map(len, streams))) / count,
        encode=count / 1e6 / seconds(lambda: encode(case, model), runs),
        decode=count / 1e6 / seconds(lambda: decode(case, shared, streams), runs),
    )


def speeds(figures: Sequence[Figures]) -> tuple[float, float]:
    """Geometric means of encoding and decoding."""
    encodes = statistics.geometric_mean([each.encode for each in figures])
    return encodes, statistics.geometric_mean([each.decode for each in figures])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("variables", nargs="*")
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    table = new_table(
        "Bits a sample, and Msamples/s",
        ["cube", "levels", "model"],
        [f"{model}: bits" if part == "bits" else part for model in MODELS for part in PARTS],
    )
    found: list[list[Figures]] = []
    every: list[Figures] = []
    for case in cases(arguments.folder, arguments.variables, arguments.cells):
        figures = [measure(case, arguments.runs, "whole")]
        every.append(figures[0])
        if figures[0].model == "whole":
            figures += [measure(case, arguments.runs, model) for model in MODELS[1:]]
            if [each.model for each in figures] == list(MODELS):
                found.append(figures)
        cells = [cell for each in figures for cell in each.row()]
        cells += ["–"] * (len(MODELS) * len(PARTS) - len(cells))
        table.add_row(case.cube, case.kind, "numbers" if len(figures) > 1 else "classes", *cells)
    if not table.rows:
        parser.error(f"{arguments.folder} holds no such variable with a time axis in a Zarr store")
    print_table(table)
    encodes, decodes = speeds(every)
    print(f"numbers and classes, means: encode {encodes:.2f}, decode {decodes:.2f} Msamples/s")
    if not found:
        return
    for name, column in zip(MODELS, zip(*found, strict=True), strict=True):
        encodes, decodes = speeds(column)
        larger = statistics.geometric_mean(
            [each.bits / whole[0].bits for each, whole in zip(column, found, strict=True)]
        )
        print(
            f"numbers, {name} model, means: encode {encodes:.2f}, decode {decodes:.2f} Msamples/s, "
            f"bits over those of the whole one {larger:.3f}"
        )


if __name__ == "__main__":
    main()
