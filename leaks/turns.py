"""Encode and decode many chunks in one process, and watch its memory, threads and files.

What it measures: resident memory, threads and open files of this process after every tenth of the
turns. One turn encodes a chunk of float32, (6, 24, 40), by the next codec and fidelity of a list,
decodes it, and decodes it once more with a byte wrong, which must fail. A leak of one frame a turn
would show as some 40 MB at the end.

How to repeat it: ``python leaks/turns.py``; ``--turns`` sets their number. The exit status is
1 when memory grew by more than 32 MiB after the first tenth, or threads or files by any.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from pathlib import Path

import numpy as np

import numcodecs_video
from numcodecs_video import DecodeError, VideoCodec
from numcodecs_video.cli.tables import new_table, print_table

MEBIBYTE = 2**20
MOST_GROWTH = 32 * MEBIBYTE
CODECS = [
    VideoCodec(coder, effort=1, **words)
    for coder in ("auto", "hevc", "vp9", "ffv1", "av1", "h264")
    for words in ({}, {"max_error": 0.1}, {"psnr": 40}, {"qp": 20, "gop": 2})
    if coder != "ffv1" or "qp" not in words
]
if hasattr(numcodecs_video, "Jpeg2kCodec"):
    CODECS += [numcodecs_video.Jpeg2kCodec(**words) for words in ({}, {"max_error": 0.1})]


def usage() -> tuple[int, int, int]:
    """Resident bytes, threads and open files of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    files = len(list(Path("/proc/self/fd").iterdir()))
    return pages * os.sysconf("SC_PAGE_SIZE"), threading.active_count(), files


def turn(codec: VideoCodec, chunk: np.ndarray) -> None:
    """Encode and decode, rightly and with a byte wrong."""
    payload = codec.encode(chunk)
    codec.decode(payload)
    damaged = bytearray(payload)
    damaged[-1] ^= 1
    try:
        codec.decode(bytes(damaged))
    except DecodeError:
        return
    raise SystemExit(f"{codec!r} decoded a damaged chunk")


def main() -> int:
    """Run all turns, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=10_000)
    turns = parser.parse_args().turns
    rng = np.random.default_rng(0)
    t, y, x = np.mgrid[:6, :24, :40]
    table = new_table("", ["turns"], ["resident MiB", "threads", "files"])
    seen: list[tuple[int, int, int]] = []
    for number in range(1, turns + 1):
        noise = rng.normal(0, 0.2, t.shape)
        chunk = (280 + 5 * np.sin((x + t) / 5) * np.cos(y / 4) + noise).astype("f4")
        if number % 3 == 0:
            chunk[:, 5:9] = np.nan
        turn(CODECS[number % len(CODECS)], chunk)
        if number % max(1, turns // 10) == 0:
            seen.append(usage())
            memory, threads, files = seen[-1]
            table.add_row(str(number), f"{memory / MEBIBYTE:.1f}", str(threads), str(files))
    print_table(table)
    (memory, *others), (last, *at_end) = seen[0], seen[-1]
    print(f"{turns} turns: {(last - memory) / MEBIBYTE:+.1f} MiB after the first tenth")
    return int(last - memory > MOST_GROWTH or at_end != others)


if __name__ == "__main__":
    sys.exit(main())
