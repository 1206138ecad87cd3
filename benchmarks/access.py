"""What one date of a chunk costs, and what segments cost in bits.

What it measures: first, the bits a cell of four cubes in segments of 4, 12, 24, 60 and all frames,
at equal fidelity: under a largest error of 1 % of the cube's range, which every encode keeps, and
at 45 dB. There the PSNR that an encode reached is up to 0.5 dB more, so its bits are brought to
45 dB along the slope between the cube's encodes at 45 and 46 dB. Then, of a chunk of 240 dates in
segments of 12 at 45 dB: the bytes that a reader fetches and the seconds that it takes for one date,
against those of the whole chunk, both through zarr and a store in memory, the median over dates;
and the bits against those of one segment, corrected alike. Shorter cubes are continued backwards in
time, as in a mirror, up to 240 dates.

How to repeat it: ``python benchmarks/access.py FOLDER``, where FOLDER holds the Zarr stores named
in ``CUBES``.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from pathlib import Path

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import MemoryStore, WrapperStore

from numcodecs_video import VideoCodec
from numcodecs_video.cli.tables import new_table, print_table
from numcodecs_video.config import default_axes
from numcodecs_video.metrics import psnr, valid_cells

CUBES = {
    "s2_minicube_a": "b10m",
    "climate_model": "TREFHT",
    "s2_ndvi_clouds": "NDVI",
    "sea_level_mediterranean": "adt_f32",
}
GOPS = (4, 12, 24, 60, 0)
DATES = 240
PSNR = 45.0
PART_OF_RANGE = 0.01


class Counting(WrapperStore):
    """A store that adds up what is fetched of its chunks."""

    fetched = requests = 0

    async def get(self, key, prototype, byte_range=None):
        """Count and pass on."""
        found = await super().get(key, prototype, byte_range)
        if found is not None and "c/" in key:
            Counting.fetched += len(found)
            Counting.requests += 1
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds the Zarr stores")
    parser.add_argument("--effort", type=int, default=5)
    arguments = parser.parse_args()
    cubes = {
        f"{store} {name}": xr.open_zarr(
            arguments.folder / f"{store}.zarr", mask_and_scale=False, chunks=None
        )[name].values
        for store, name in CUBES.items()
    }
    print_bounded(cubes, arguments.effort)
    print_bits(cubes, arguments.effort)
    print_access(cubes, arguments.effort)


def codec_of(cube: NDArray[np.generic], gop: int, effort: int, **fidelity: float) -> VideoCodec:
    return VideoCodec("hevc", gop=gop, effort=effort, axes=default_axes(cube.ndim), **fidelity)


def print_bounded(cubes: dict[str, NDArray[np.generic]], effort: int) -> None:
    rows = {}
    for name, cube in cubes.items():
        values = cube[valid_cells(cube)]
        bound = PART_OF_RANGE * (float(values.max()) - float(values.min()))
        codecs = [codec_of(cube, gop, effort, max_error=bound) for gop in GOPS]
        rows[name] = [len(codec.encode(cube)) for codec in codecs]
    print_sizes(f"a largest error of {100 * PART_OF_RANGE:g} % of the range", cubes, rows)


def print_bits(cubes: dict[str, NDArray[np.generic]], effort: int) -> None:
    rows = {}
    for name, cube in cubes.items():
        slope = slope_of(cube, effort)
        rows[name] = [size_at_psnr(cube, gop, effort, slope)[1] for gop in GOPS]
    print_sizes(f"{PSNR:g} dB", cubes, rows)


def print_sizes(
    fidelity: str, cubes: dict[str, NDArray[np.generic]], rows: dict[str, list[float]]
) -> None:
    """Bits a cell, and against one segment."""
    table = new_table(
        f"Bits a cell at {fidelity}, by frames a segment (more than in one segment)",
        ["cube", "shape"],
        [str(gop or "all") for gop in GOPS],
    )
    for name, sizes in rows.items():
        cells = [
            f"{8 * size / cubes[name].size:.3f} ({100 * (size / sizes[-1] - 1):+.1f} %)"
            for size in sizes
        ]
        table.add_row(name, "×".join(map(str, cubes[name].shape)), *cells)
    print_table(table)


def slope_of(cube: NDArray[np.generic], effort: int) -> float:
    """Natural logarithm of bytes a dB, of the cube in one segment."""
    points = []
    for wanted in (PSNR, PSNR + 1):
        codec = codec_of(cube, 0, effort, psnr=wanted)
        payload = codec.encode(cube)
        points.append((quality(cube, codec.decode(payload)), math.log(len(payload))))
    return (points[1][1] - points[0][1]) / (points[1][0] - points[0][0])


def quality(cube: NDArray[np.generic], decoded: NDArray[np.generic]) -> float:
    return psnr(cube, decoded, valid=valid_cells(cube))


def size_at_psnr(
    cube: NDArray[np.generic], gop: int, effort: int, slope: float
) -> tuple[bytes, float]:
    """A payload of at least 45 dB, and the bytes that it would take at 45 dB."""
    codec = codec_of(cube, gop, effort, psnr=PSNR)
    payload = codec.encode(cube)
    excess = quality(cube, codec.decode(payload)) - PSNR
    return payload, len(payload) * math.exp(-slope * excess)


def print_access(cubes: dict[str, NDArray[np.generic]], effort: int) -> None:
    table = new_table(
        f"One date of {DATES} in segments of 12, at {PSNR:g} dB, through zarr",
        ["cube"],
        [
            "chunk bytes",
            "a date's",
            "share",
            "requests",
            "chunk ms",
            "a date's",
            "share",
            "bits vs all",
        ],
    )
    for name, cube in cubes.items():
        values = np.concatenate([cube, cube[::-1]] * (1 + DATES // (2 * len(cube))))[:DATES]
        store = MemoryStore()
        array = zarr.create_array(
            store, shape=values.shape, dtype=values.dtype, chunks=values.shape,
            **codec_of(cube, 12, effort, psnr=PSNR).encoding(3),
        )  # fmt: skip
        slope = slope_of(cube, effort)
        payload, in_segments = size_at_psnr(values, 12, effort, slope)
        _, in_one = size_at_psnr(values, 0, effort, slope)
        key = array.metadata.encode_chunk_key((0,) * array.ndim)
        sync(store.set(key, default_buffer_prototype().buffer.from_bytes(payload)))
        chunk_bytes = len(payload)
        array = zarr.open_array(Counting(store), mode="r")
        Counting.fetched = Counting.requests = 0
        dates = range(6, DATES, 24)
        alone = [seconds(array, t) for t in dates]
        fetched, requests = Counting.fetched / len(dates), Counting.requests / len(dates)
        whole = [seconds(array, slice(None)) for _ in range(5)]
        one, all_dates = statistics.median(alone), statistics.median(whole)
        table.add_row(
            name, f"{chunk_bytes:,}", f"{fetched:,.0f}", f"{100 * fetched / chunk_bytes:.1f} %",
            f"{requests:.1f}", f"{1e3 * all_dates:.1f}", f"{1e3 * one:.1f}",
            f"{100 * one / all_dates:.1f} %", f"{100 * (in_segments / in_one - 1):+.1f} %",
        )  # fmt: skip
    print_table(table)


def seconds(array: zarr.Array, selection: int | slice) -> float:
    start = time.perf_counter()
    array[selection]
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
