"""What one date of a chunk costs, and what segments cost in bits.

What it measures: first, the bits a cell of four cubes in segments of 4, 12, 24, 60 and all frames,
at one quantiser, and the PSNR beside it (segments change it by hundredths of a dB). Then, of a
chunk of 240 dates in segments of 12: the bytes that a reader fetches and the seconds that it takes
for one date, against those of the whole chunk; both through zarr and a store in memory, the median
over dates. Shorter cubes are continued backwards in time, as in a mirror, up to 240 dates.

How to repeat it: ``python benchmarks/access.py FOLDER``, where FOLDER holds the Zarr stores named
in ``CUBES``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray
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
QP = 16


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
    print_bits(cubes, arguments.effort)
    print_access(cubes, arguments.effort)


def codec_of(cube: NDArray[np.generic], gop: int, effort: int) -> VideoCodec:
    return VideoCodec("hevc", qp=QP, gop=gop, effort=effort, axes=default_axes(cube.ndim))


def print_bits(cubes: dict[str, NDArray[np.generic]], effort: int) -> None:
    table = new_table(
        f"Bits a cell (PSNR in dB) at qp {QP}, by frames a segment",
        ["cube", "shape"],
        [*(str(gop or "all") for gop in GOPS), "12 against all"],
    )
    for name, cube in cubes.items():
        bits, cells = {}, []
        for gop in GOPS:
            codec = codec_of(cube, gop, effort)
            payload = codec.encode(cube)
            bits[gop] = 8 * len(payload) / cube.size
            quality = psnr(cube, codec.decode(payload), valid=valid_cells(cube))
            cells.append(f"{bits[gop]:.3f} ({quality:.2f})")
        shape = "×".join(map(str, cube.shape))
        table.add_row(name, shape, *cells, f"{100 * (bits[12] / bits[0] - 1):+.1f} %")
    print_table(table)


def print_access(cubes: dict[str, NDArray[np.generic]], effort: int) -> None:
    table = new_table(
        f"One date of {DATES} in segments of 12, through zarr",
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
            **codec_of(cube, 12, effort).encoding(3),
        )  # fmt: skip
        array[...] = values
        chunk_bytes = sum(len(data) for key, data in store._store_dict.items() if "c/" in key)
        one_segment = len(codec_of(cube, 0, effort).encode(values))
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
            f"{100 * one / all_dates:.1f} %", f"{100 * (chunk_bytes / one_segment - 1):+.1f} %",
        )  # fmt: skip
    print_table(table)


def seconds(array: zarr.Array, selection: int | slice) -> float:
    start = time.perf_counter()
    array[selection]
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
