"""How much memory an encode and a decode take beyond what was there before, for large chunks.

What it measures: in a process of its own for each case, the highest resident memory while one chunk
of ``--megabytes`` is encoded, and then decoded, less the resident memory before; in multiples of
the chunk's bytes as float32. The decoded array is part of it, the array that is encoded is not.
Linux only: the peak is reset through ``/proc/self/clear_refs``.

How to repeat it: ``python benchmarks/memory.py [--megabytes 256]``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from numcodecs_video import VideoCodec
from numcodecs_video.cli.tables import new_table, print_table

CASES = {
    "float32, qp": ("f4", 1, {"codec": "hevc", "qp": 20}),
    "float32, base and residual": ("f4", 1, {"codec": "hevc", "max_error": 0.5}),
    "float32, largest error": ("f4", 1, {"max_error": 0.05}),
    "float32, RMSE": ("f4", 1, {"rmse": 0.2}),
    "float32, lossless": ("f4", 1, {}),
    "float32 with holes, qp": ("f4 holes", 1, {"codec": "hevc", "qp": 20}),
    "uint16 of 8 bands, qp": ("u2", 8, {"codec": "hevc", "qp": 20}),
    "uint16 of 8 bands, lossless": ("u2", 8, {}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=256, help="of the chunk as float32")
    parser.add_argument("--cases", nargs="*", default=list(CASES))
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(measure(arguments.case, arguments.megabytes)))
        return
    table = new_table(
        f"Peak memory beyond the start, in multiples of {arguments.megabytes} MB, effort 1",
        ["chunk"],
        ["encode", "decode", "encode s", "decode s", "bits a cell"],
    )
    for case in arguments.cases:
        command = [sys.executable, __file__, "--megabytes", str(arguments.megabytes)]
        done = subprocess.run([*command, "--case", case], stdout=subprocess.PIPE, check=True)
        found = json.loads(done.stdout)
        table.add_row(case, *(f"{figure:.1f}" for figure in found))
    print_table(table)


def measure(case: str, megabytes: int) -> list[float]:
    """Multiples of the chunk for an encode and a decode, their seconds, and bits a cell."""
    kind, bands, words = CASES[case]
    codec = VideoCodec(effort=1, **words)
    codec.decode(codec.encode(field(kind, bands, 8)))  # imports and caches come first
    values = field(kind, bands, megabytes * 2**20 // (4 * bands * 512 * 512))
    unit = 4 * values.size
    before = start_peak()
    start = time.perf_counter()
    payload = codec.encode(values)
    encode_seconds, encode = time.perf_counter() - start, peak() - before
    cells = values.size
    del values
    before = start_peak()
    start = time.perf_counter()
    decoded = codec.decode(payload)
    decode_seconds, decode = time.perf_counter() - start, peak() - before
    del decoded
    return [encode / unit, decode / unit, encode_seconds, decode_seconds, 8 * len(payload) / cells]


def field(kind: str, bands: int, frames: int) -> np.ndarray:
    """A moving field with noise, made frame by frame."""
    shape = (frames, 512, 512) if bands == 1 else (frames, bands, 512, 512)
    values = np.empty(shape, kind.split()[0])
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:512, :512]
    for t in range(frames):
        for band in range(bands):
            wave = 10 * np.sin((x + 2 * t) / 40) * np.cos((y + band) / 30)
            noise = rng.normal(0, 0.2, wave.shape)
            picture = wave + noise if kind[0] == "f" else 1000 + 40 * (wave + noise)
            values[(t, band) if bands > 1 else t] = picture
    if "holes" in kind:
        values[:, 100:300, 50:400] = np.nan
    return values


def start_peak() -> int:
    """Reset the peak, and return the bytes that are resident now."""
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")


def peak() -> int:
    """The most bytes that were resident since."""
    return status("VmHWM")


def status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()
