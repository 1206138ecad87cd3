"""Speed, effort and how cost grows with cubes and chunks.

Seconds are of the clock: medians of three encodes at efforts 1 to 3, one encode of the slower ones,
five decodes. On a machine that does other work, too, only ratios of several times within one table
mean something.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from cubes import Case, make_case
from numpy.typing import NDArray
from page import Section, Table

from numcodecs_video import VideoCodec, synthetic
from numcodecs_video.threads import set_threads


def timed(
    codec: Any, chunks: Sequence[NDArray[Any]], encodes: int, decodes: int
) -> tuple[int, float, float]:
    """Stored bytes, and the median seconds to encode and to decode all chunks."""
    encoding, decoding = [], []
    payloads: list[bytes] = []
    for _ in range(encodes):
        start = time.perf_counter()
        payloads = [codec.encode(chunk) for chunk in chunks]
        encoding.append(time.perf_counter() - start)
    for _ in range(decodes):
        start = time.perf_counter()
        for payload in payloads:
            codec.decode(payload)
        decoding.append(time.perf_counter() - start)
    return sum(map(len, payloads)), statistics.median(encoding), statistics.median(decoding)


def speed_section(cases: Iterable[Case], *, quick: bool, warn: Callable[[str], None]) -> Section:
    """Bits and speed at every effort, with one thread and two."""
    section = Section(
        "speed",
        "Speed and effort",
        "MB/s of the data as stored, encoding (which decodes and checks, too) and decoding, under "
        "a largest error of 1 % of the range, by effort and by the threads that a chunk may use. "
        "A second thread serves chunks of several segments, of which the second cube has two, and "
        "pictures of JPEG XL.",
    )
    efforts = (1, 5) if quick else (1, 2, 3, 4, 5, 6, 7, 8, 9)
    for case in cases:
        warn(f"speed: {case}")
        rows = []
        bound = max(0.01 * case.span, 1.0) if case.array.dtype.kind in "iu" else 0.01 * case.span
        for effort in efforts:
            codec = VideoCodec(max_error=bound, effort=effort, **case.words)
            for threads in (1, 2) if effort in (1, 5, 9) else (1,):
                set_threads(threads)
                stored, encode, decode = timed(codec, [case.array], 3 if effort <= 3 else 1, 5)
                set_threads(None)
                rows.append(
                    {
                        "effort": effort,
                        "threads": threads,
                        "bits": 8 * stored / case.array.size,
                        "encode MB/s": case.array.nbytes / 1e6 / encode,
                        "decode MB/s": case.array.nbytes / 1e6 / decode,
                    }
                )
        section.tables.append(Table(str(case), rows))
        section.points += [{"cube": case.name, **row} for row in rows]
    return section


def scaling_section(*, largest: float, quick: bool, warn: Callable[[str], None]) -> Section:
    """How bits and speed change with the size of a cube and of its chunks."""
    section = Section(
        "scaling",
        "Size of cubes and of chunks",
        "A synthetic Sentinel-2 year under a largest error of 20 counts at effort 1. Cubes grow in "
        "space, in chunks of 24×4×256×256 at most; then one cube is cut into chunks of other "
        "shapes. Time should grow with the cells, and bits should fall with the chunk.",
    )
    codec = VideoCodec(max_error=20, effort=1, axes="tcyx", nodata=synthetic.NODATA)
    rows, megabytes = [], 1.0
    while megabytes <= largest:
        side = max(64, int((megabytes * 1e6 / (24 * 4 * 2)) ** 0.5) // 8 * 8)
        warn(f"scaling: {megabytes:g} MB")
        rows.append(_row(codec, _tiled(side), (24, 256)))
        megabytes *= 4
    section.tables.append(Table("By size of the cube", rows))
    cube = _tiled(128 if quick else 256)
    shapes = ((1, 128), (6, 128), (24, 64), (24, 128)) if quick else (
        (1, 256), (4, 256), (12, 256), (24, 256), (24, 128), (24, 64), (24, 32)
    )  # fmt: skip
    rows = []
    for shape in shapes:
        warn(f"scaling: chunks of {shape}")
        rows.append(_row(codec, cube, shape))
    section.tables.append(Table("By shape of the chunk", rows))
    section.points = [row for table in section.tables for row in table.rows]
    return section


def _tiled(side: int) -> NDArray[np.uint16]:
    """A year of so many cells a side, of tiles that are each drawn from a seed of its own."""
    tile = min(side, 256)
    count = -(-side // tile)
    tiles = [
        [synthetic.sentinel2_like(count * i + j, height=tile, width=tile) for j in range(count)]
        for i in range(count)
    ]
    return np.block(tiles)[..., :side, :side]


def _row(codec: VideoCodec, cube: NDArray[Any], chunk: tuple[int, int]) -> dict[str, Any]:
    """Encode and decode a cube in chunks of so many dates and cells a side."""
    dates, side = chunk
    chunks = [
        np.ascontiguousarray(cube[t : t + dates, :, y : y + side, x : x + side])
        for t in range(0, len(cube), dates)
        for y in range(0, cube.shape[2], side)
        for x in range(0, cube.shape[3], side)
    ]
    stored, encode, decode = timed(codec, chunks, 1, 1)
    return {
        "cube": "×".join(map(str, cube.shape)),
        "MB": cube.nbytes / 1e6,
        "chunk": "×".join(map(str, chunks[0].shape)),
        "chunks": len(chunks),
        "bits": 8 * stored / cube.size,
        "encode MB/s": cube.nbytes / 1e6 / encode,
        "decode MB/s": cube.nbytes / 1e6 / decode,
    }


def effort_cases(side: int = 64) -> list[Case]:
    """The cubes of the speed table, small since the highest efforts take long."""
    return [
        make_case(
            "Sentinel-2-like", synthetic.sentinel2_like(height=side, width=side), synthetic.NODATA
        ),
        make_case("ERA5-like", synthetic.era5_like(times=48, height=side, width=side)),
    ]
