"""Measure `Jpeg2kCodec` against the JPEG 2000 codec of imagecodecs, and against `VideoCodec`.

What it measures, on a chunk of a whole cube, with one thread a codec:

- bits per sample (a sample is a cell of one band of one date) at a PSNR over the cube's valid cells
  with their range as the peak. Each codec is encoded at a quality just below and one just above the
  PSNR, and the logarithm of its bits interpolated between the two;
- bits per sample without loss, every bit compared;
- bits per sample under a largest error of 1 % of the range, with the largest error of any valid
  cell in per cent of the range; for the codec of imagecodecs, which knows no bound, the largest
  error that it makes at as many bits;
- MB/s of uncompressed data, encoding and decoding, at 45 dB: the median of three runs.

The codec of imagecodecs gets one date a chunk, as that takes pictures of one or several planes, and
the settings that suit such data best: no colour transform, no container, all bits of the samples.

How to repeat it: ``python benchmarks/jpeg2k.py FOLDER``, where FOLDER holds the Zarr stores.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import imagecodecs.numcodecs
import numpy as np
import zarr
from numpy.typing import NDArray

from numcodecs_video import Jpeg2kCodec, VideoCodec
from numcodecs_video.cli.tables import new_table, print_table
from numcodecs_video.metrics import largest_error, psnr, valid_cells

PSNRS = (40, 45, 50, 55)
#: store and variable, axes, and the sentinel of missing cells
CUBES: dict[tuple[str, str], dict[str, Any]] = {
    ("s2_monthly_belgium", "S2"): {"axes": "tcyx", "nodata": 65535},
    ("hela_fluorescence", "img"): {"axes": "tyx"},
}


class Plain:
    """The codec of imagecodecs, date by date; ``level`` is in whole dB, 0 is lossless."""

    def __init__(self, level: int = 0) -> None:
        self.codec = imagecodecs.numcodecs.Jpeg2k(
            level=level, codecformat="j2k", bitspersample=16, planar=True, mct=False,
            reversible=level == 0, numthreads=1,
        )  # fmt: skip

    def encode(self, cube: NDArray[Any]) -> list[bytes]:
        """A payload a date."""
        return [self.codec.encode(date) for date in cube]

    def decode(self, payload: list[bytes]) -> NDArray[Any]:
        """All dates."""
        return np.stack([self.codec.decode(date) for date in payload])


@dataclass(frozen=True)
class Result:
    """What one encode of a cube came to."""

    bits: float
    psnr: float
    error: float
    same: bool


@dataclass(frozen=True)
class Bench:
    """A cube and how to measure on it."""

    cube: NDArray[Any]
    valid: NDArray[np.bool_]
    span: float

    def run(self, codec: Any) -> Result:
        """Encode and decode, and compare."""
        payload = codec.encode(self.cube)
        decoded = codec.decode(payload)
        error = largest_error(self.cube, decoded, valid=self.valid) / self.span
        reached = psnr(self.cube, decoded, valid=self.valid)
        same = np.array_equal(self.cube, decoded)
        return Result(8 * _size(payload) / self.cube.size, reached, error, same)

    def bits_at(self, target: float, runs: Iterator[Result]) -> float:
        """Bits at exactly the PSNR, between the nearest runs on either side of it."""
        found = sorted(runs, key=lambda run: run.psnr)
        below = max((r for r in found if r.psnr <= target), key=lambda r: r.psnr)
        above = min((r for r in found if r.psnr > target), key=lambda r: r.psnr)
        part = (target - below.psnr) / (above.psnr - below.psnr)
        return math.exp(math.log(below.bits) * (1 - part) + math.log(above.bits) * part)

    def speed(self, codec: Any) -> tuple[float, float]:
        """MB/s of encoding and of decoding."""
        payload = codec.encode(self.cube)
        seconds = (_seconds(codec.encode, self.cube), _seconds(codec.decode, payload))
        return self.cube.nbytes / 1e6 / seconds[0], self.cube.nbytes / 1e6 / seconds[1]


def _size(payload: bytes | list[bytes]) -> int:
    return len(payload) if isinstance(payload, bytes) else sum(map(len, payload))


def _seconds(work: Callable[[Any], object], argument: Any) -> float:
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        work(argument)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def plain_runs(bench: Bench, target: float) -> list[tuple[int, Result]]:
    """The codec of imagecodecs at the two levels, in whole dB, on either side of a PSNR."""
    low, high = 20, 140
    runs: dict[int, Result] = {}
    while high - low > 1:
        middle = (low + high) // 2
        runs[middle] = bench.run(Plain(middle))
        low, high = (low, middle) if runs[middle].psnr > target else (middle, high)
    return [(level, runs.get(level) or bench.run(Plain(level))) for level in (low, high)]


def ours_runs(bench: Bench, make: Callable[..., Any], target: float) -> Iterator[Result]:
    """One of our codecs just above the target, and just below: they end within 0.5 dB above."""
    for asked in (target, target - 0.6):
        yield bench.run(make(psnr=asked))


def measure(bench: Bench, words: dict[str, Any]) -> list[tuple[str, ...]]:
    """The rows of one cube."""
    makers: list[Callable[..., Any]] = [
        partial(Jpeg2kCodec, **words),
        partial(Jpeg2kCodec, htj2k=True, **words),
        partial(VideoCodec, **words),
    ]
    rows = []
    for target in PSNRS:
        plain = bench.bits_at(target, (run for _, run in plain_runs(bench, target)))
        ours = [bench.bits_at(target, ours_runs(bench, make, target)) for make in makers]
        rows.append((f"{target} dB", *(f"{bits:.3f}" for bits in (plain, *ours))))
    exact = [bench.run(codec) for codec in (Plain(), *(make() for make in makers))]
    if not all(run.same for run in exact):
        raise SystemExit("a lossless codec lost something")
    rows.append(("lossless", *(f"{run.bits:.3f}" for run in exact)))
    bounded = [bench.run(make(max_error=0.01 * bench.span)) for make in makers]
    shown = [f"{run.bits:.3f} (±{100 * run.error:.2f} %)" for run in bounded]
    rows.append(("±1 %", _plain_error(bench, bounded[0].bits), *shown))
    codecs = [Plain(plain_runs(bench, 45)[1][0]), *(make(psnr=45) for make in makers)]
    speeds = [bench.speed(codec) for codec in codecs]
    rows.append(("MB/s at 45 dB", *(f"{e:.1f} / {d:.1f}" for e, d in speeds)))
    return rows


def _plain_error(bench: Bench, bits: float) -> str:
    """The largest error of the codec of imagecodecs at no more than so many bits."""
    low, high, best = 20, 140, bench.run(Plain(20))
    while high - low > 1:
        middle = (low + high) // 2
        run = bench.run(Plain(middle))
        low, high, best = (middle, high, run) if run.bits <= bits else (low, middle, best)
    return f"{best.bits:.3f} (±{100 * best.error:.2f} %)"


def main() -> None:
    """Print a table for each cube."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds the Zarr stores")
    folder = parser.parse_args().folder
    for (store, name), words in CUBES.items():
        cube = zarr.open_array(folder / f"{store}.zarr" / name, mode="r")[...]
        valid = valid_cells(cube, nodata=words.get("nodata"))
        span = float(cube[valid].max()) - float(cube[valid].min())
        columns = ["imagecodecs", "Jpeg2kCodec", "htj2k=True", "VideoCodec"]
        title = f"{store} {name}, {'×'.join(map(str, cube.shape))} {cube.dtype}"
        table = new_table(title, ["bits per sample"], columns)
        for row in measure(Bench(cube, valid, span), words):
            table.add_row(*row)
        print_table(table)


if __name__ == "__main__":
    main()
