"""How many bytes and seconds chunks of other shapes take: dates a chunk, and cells a side.

For each cube in FOLDER, under a bound, one row a shape of the chunks: the bytes of all chunks,
against those of the first row, and the seconds to encode and decode in one thread. The chunks that
``choose_chunks`` takes are marked. Cubes are cut to 192 by 256 cells for rows on dates, and whole
for those on tiles.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import xarray as xr

from numcodecs_video.xarray import choose_chunks, evaluate, letters_of

#: store, variable, bound
CUBES = (
    ("s2_monthly_belgium", "S2", 20),
    ("s2_minicube_a", "b10m", 20),
    ("climate_model", "TREFHT", 0.05),
    ("sea_level_mediterranean", "adt_f32", 0.002),
    ("era5_hourly_small", "t2m", 0.05),
    ("ecmwf_forecast_levels", "T", 0.05),
    ("landsat8_minicube", "SR", 50),
    ("radar_mrms", "preciprate", 0.05),
    ("hela_fluorescence", "img", 20),
    ("seviri_hrv", "HRV", 10),
)
WINDOW = {"y": 192, "x": 256}
DATES = (128, 24, 8, 4, 2, 1)
TILES = (1024, 256, 128, 64)


def shapes(letters: str, shape: tuple[int, ...], part: str) -> Iterator[tuple[int, ...]]:
    """Chunks of fewer and fewer dates, or of smaller and smaller tiles."""
    for most in DATES if part == "dates" else TILES:
        cut = "t" if part == "dates" else "yx"
        yield tuple(
            math.ceil(n / math.ceil(n / most)) if letter in cut else n
            for letter, n in zip(letters, shape, strict=True)
        )


def measure(variable: xr.DataArray, bound: float, part: str, effort: int) -> None:
    """Print one row a shape."""
    letters = letters_of(variable) or ""
    chosen, first = choose_chunks(letters, variable.shape), 0
    for chunks in dict.fromkeys(shapes(letters, variable.shape, part)):
        by_dim = dict(zip(variable.dims, chunks, strict=True))
        result = evaluate(variable, max_error=bound, effort=effort, chunks=by_dim)
        first = first or result.stored_bytes
        more = 100 * (result.stored_bytes / first - 1)
        print(
            f"{variable.name:12s} {'×'.join(map(str, chunks)):18s} "
            f"{result.stored_bytes / 1e3:8.1f} kB {more:+6.1f} % "
            f"{result.encode_seconds:6.1f} s {result.decode_seconds:6.2f} s"
            f"{'  chosen' * (chunks == chosen)}",
            flush=True,
        )


def main() -> None:
    """Measure all cubes, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("stores", nargs="*", help="names, such as climate_model")
    parser.add_argument("--part", choices=("dates", "tiles"), default="dates")
    parser.add_argument("--effort", type=int, default=2)
    said = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)  # on chunks of one date, which are the point here
    for store, name, bound in CUBES:
        path = said.folder / f"{store}.zarr"
        if path.exists() and (not said.stores or store in said.stores):
            ds = xr.open_zarr(path, mask_and_scale=False, consolidated=False)
            variable = ds[name].drop_encoding()
            letters = dict(zip(letters_of(variable) or "", variable.dims, strict=True))
            if said.part == "dates":
                cut = {letters[letter]: slice(length) for letter, length in WINDOW.items()}
                variable = variable.isel(cut)
            measure(variable.load(), bound, said.part, said.effort)


if __name__ == "__main__":
    main()
