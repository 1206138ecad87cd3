"""What each effort takes and gains: processor time and bytes, searched in each chunk and tuned.

What it measures: synthetic cubes (Sentinel-2-, ERA5-, radar- and microscopy-like), each cut into
four chunks, under a bound of 1 % of the range, without loss, and at 45 dB. Encodes count the
processor seconds of all threads, verification and tuning included; MB are of the array. Means over
cubes are geometric; bytes are relative to effort 5 with a search in each chunk.

How to repeat it: ``python benchmarks/ladder.py``; ``--efforts`` and ``--cubes`` choose some. Every
payload is decoded, and its bound or its bits are checked.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video import VideoCodec, synthetic
from numcodecs_video.cli.tables import new_table, print_table
from numcodecs_video.metrics import largest_error, same_bits, valid_cells, value_range

SIDES = {"height": 192, "width": 224}
CUBES: dict[str, tuple[Callable[[], NDArray[Any]], dict[str, Any]]] = {
    "Sentinel-2": (
        lambda: synthetic.sentinel2_like(times=16, **SIDES),
        {"nodata": synthetic.NODATA},
    ),
    "ERA5": (lambda: synthetic.era5_like(times=48, **SIDES), {}),
    "radar": (lambda: synthetic.radar_like(times=48, **SIDES), {}),
    "microscopy": (lambda: synthetic.microscopy_like(times=24, **SIDES), {}),
}
KINDS = ("bound 1 %", "lossless", "45 dB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--efforts", type=int, nargs="*", default=list(range(1, 10)))
    parser.add_argument("--cubes", nargs="*", default=list(CUBES), choices=list(CUBES))
    arguments = parser.parse_args()
    efforts = sorted({5, *arguments.efforts})
    VideoCodec(max_error=1).encode(np.random.default_rng(0).normal(size=(4, 40, 44)))  # imports
    for kind in KINDS:
        print_kind(kind, efforts, arguments.cubes)


def print_kind(kind: str, efforts: list[int], names: list[str]) -> None:
    """One table: a row an effort."""
    figures: dict[tuple[int, bool], list[tuple[float, float, float]]] = {}
    for name in names:
        draw, words = CUBES[name]
        cube = draw()
        for effort in efforts:
            for tuned in (False, True):
                measured = measure(cube, {**words, "effort": effort}, kind, tuned=tuned)
                figures.setdefault((effort, tuned), []).append(measured)
    table = new_table(
        f"{kind}: {', '.join(names)}",
        ["effort"],
        ["bytes", "MB/s", "tuned: bytes", "MB/s", "decode MB/s"],
    )
    reference = [size for size, _, _ in figures[5, False]]
    for effort in efforts:
        row = []
        for tuned in (False, True):
            sizes, encode, decode = zip(*figures[effort, tuned], strict=True)
            ratio = mean([s / r for s, r in zip(sizes, reference, strict=True)])
            row += [f"{ratio:.3f}", f"{mean(encode):.2f}"]
        table.add_row(str(effort), *row, f"{mean(decode):.0f}")
    print_table(table)


def measure(
    cube: NDArray[Any], words: dict[str, Any], kind: str, *, tuned: bool
) -> tuple[float, float, float]:
    """Bytes, and MB/s of encoding and decoding."""
    valid = valid_cells(cube, nodata=words.get("nodata"))
    bound = 0.01 * value_range(cube, valid)
    promise = {"bound 1 %": {"max_error": bound}, "lossless": {}, "45 dB": {"psnr": 45}}[kind]
    codec = VideoCodec(**words, **promise)
    height, width = (n // 2 for n in cube.shape[-2:])
    windows = [(..., y, x) for y in _halves(height) for x in _halves(width)]
    chunks = [np.ascontiguousarray(cube[window]) for window in windows]
    start = time.process_time()
    ready = codec.tune(chunks) if tuned else codec
    payloads = [ready.encode(chunk) for chunk in chunks]
    encoded = time.process_time()
    decoded = [codec.decode(payload) for payload in payloads]
    done = time.process_time()
    for window, found in zip(windows, decoded, strict=True):
        if kind == "lossless":
            assert same_bits(cube[window], found)
        elif kind == "bound 1 %":
            assert largest_error(cube[window], found, valid=valid[window]) <= bound
    size = cube.nbytes / 1e6
    return sum(map(len, payloads)), size / (encoded - start), size / (done - encoded)


def _halves(side: int) -> tuple[slice, slice]:
    return slice(None, side), slice(side, None)


def mean(values: Any) -> float:
    """Geometric."""
    return math.exp(sum(map(math.log, values)) / len(values))


if __name__ == "__main__":
    main()
