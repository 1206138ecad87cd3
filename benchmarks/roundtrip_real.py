"""Compress real cubes, read them back in another process, and check every promise on every cell.

What it measures: for each variable of each store, in both Zarr formats, without loss and under the
bound below, the bytes that ``numcodecs-video compress`` stores against Zarr's default codec on the
same chunks, the largest error, and the seconds to write the store and to read it again. Seconds are
of whole stores, one run each, and only tell seconds from minutes. MB/s are of each variable as
stored, by the processor time of all threads and so of one core, through xarray and Zarr into memory
and back: encoding searches, tunes and verifies, as ``compress`` does. One run encodes, the median
of three decodes; what it takes hardly depends on the Zarr format, and is measured in format 3.

How to repeat it: ``python benchmarks/roundtrip_real.py FOLDER [STORE ...]``, where FOLDER holds the
Zarr stores named in ``BOUNDS``. The exit status is 1 if any promise breaks.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray

from numcodecs_video.cli.copying import silent_about_format_3
from numcodecs_video.cli.tables import format_number, format_size, new_table, print_table
from numcodecs_video.metrics import largest_error, missing_changed, valid_cells
from numcodecs_video.xarray import encoding, to_zarr

# Largest errors that a user of each cube might state, in its units: about its noise, or what is
# printed of it.
BOUNDS: dict[str, dict[str, float]] = {
    "s2_monthly_belgium": {"S2": 20, "S1": 50},
    "seviri_hrv": {"HRV": 2},
    "sea_level_mediterranean": {"adt_f32": 0.002},
    "climate_model": {"TREFHT": 0.05},
    "s2_minicube_a": {"b10m": 20, "b20m": 20},
    "landsat8_minicube": {"SR": 20, "ST_B10_siteB": 1},
    "co2_column_gems": {"tcco2_f32": 0.005},
    "ecmwf_forecast_levels": {"T": 0.05, "Z": 5, "U": 0.05, "V": 0.05, "Q": 1e-5},
    "radar_mrms": {"preciprate": 0.05},
    "hela_fluorescence": {"img": 20},
    "sea_ice_cmip6": {"sic": 0.5},
    "s2_ndvi_clouds": {"NDVI": 0.005, "CLP": 0.01},
    "landcover_yearly": {},
    "video_people_yuv": {"Y": 2, "U": 2, "V": 2},
}

DECODES = 3

# Imports xarray alone: that Zarr finds the codec by itself is a part of the check.
READER = """
import sys, time
import numpy as np, xarray as xr

store, folder = sys.argv[1:]
start = time.perf_counter()
ds = xr.open_zarr(store, decode_cf=False, chunks=None).load()
print(time.perf_counter() - start)
for name, variable in ds.variables.items():
    np.save(f"{folder}/{name}.npy", variable.values)
"""


@dataclass(frozen=True)
class Row:
    """What became of one variable."""

    store: str
    variable: str
    zarr_format: int
    promise: str
    raw_bytes: int
    default_bytes: int
    stored_bytes: int
    error: float
    kept: bool
    encode_rate: float | None
    decode_rate: float | None
    write_seconds: float
    read_seconds: float


def main() -> int:
    """Run all cases, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds the Zarr stores")
    parser.add_argument("stores", nargs="*", default=list(BOUNDS), help="all unless named")
    parser.add_argument("--effort", type=int, default=5)
    arguments = parser.parse_args()
    rows: list[Row] = []
    warm_up()
    for store in arguments.stores:
        source = arguments.folder / f"{store}.zarr"
        if not source.exists():
            parser.error(f"{source} does not exist")
        promises: list[dict[str, float]] = [{}, BOUNDS[store]] if BOUNDS[store] else [{}]
        rates = [measure_rates(source, bounds, effort=arguments.effort) for bounds in promises]
        for zarr_format in (2, 3):
            for bounds, found in zip(promises, rates, strict=True):
                rows += check_store(source, zarr_format, bounds, found, effort=arguments.effort)
    print_rows(rows)
    broken = [row for row in rows if not row.kept]
    for row in broken:
        print(f"BROKEN: {row}", file=sys.stderr)
    return 1 if broken else 0


def warm_up() -> None:
    """Load what the first encode and decode load."""
    noise = np.random.default_rng(0).normal(size=(4, 40, 44))
    store = zarr.storage.MemoryStore()
    to_zarr(xr.Dataset({"a": (("time", "y", "x"), noise)}), store, max_error=0.5, effort=1)
    xr.open_zarr(store, chunks=None).load()


def measure_rates(
    source: Path, bounds: dict[str, float], *, effort: int
) -> dict[str, tuple[float, float]]:
    """MB/s of encoding and of decoding each video variable, by processor time."""
    ds = xr.open_zarr(source, decode_cf=False, chunks=None)
    rates = {}
    for name, given in encoding(ds).items():
        one, store = ds[[name]].drop_encoding().load(), zarr.storage.MemoryStore()
        chunks = {name: {"chunks": given["chunks"]}}  # of the whole store, as in the table
        promise = {"max_error": {name: bounds[name]}} if name in bounds else {}
        start = time.process_time()
        to_zarr(one, store, encoding=chunks, effort=effort, **promise)
        encode = time.process_time() - start
        decodes = []
        for _ in range(DECODES):
            lazy = xr.open_zarr(store, decode_cf=False, chunks=None)[name]
            start = time.process_time()
            lazy.load()
            decodes.append(time.process_time() - start)
        megabytes = one[name].nbytes / 1e6
        rates[name] = megabytes / encode, megabytes / statistics.median(decodes)
    return rates


def check_store(
    source: Path,
    zarr_format: Literal[2, 3],
    bounds: dict[str, float],
    rates: dict[str, tuple[float, float]],
    *,
    effort: int,
) -> list[Row]:
    """Compress one store, read it in another process, and compare all of its variables."""
    with tempfile.TemporaryDirectory() as folder:
        target, default = Path(folder) / "video.zarr", Path(folder) / "default.zarr"
        write_seconds = compress(source, target, zarr_format, bounds, effort=effort)
        ds = xr.open_zarr(source, decode_cf=False, chunks=None)
        write_default(ds, default, zarr_format)
        read_seconds, decoded = read_elsewhere(target, Path(folder))
        video = encoding(ds)
        return [
            Row(
                store=source.stem,
                variable=str(name),
                zarr_format=zarr_format,
                promise=f"±{bounds[str(name)]:g}" if name in bounds else "lossless",
                raw_bytes=variable.nbytes,
                default_bytes=stored_bytes(default / str(name)),
                stored_bytes=stored_bytes(target / str(name)),
                encode_rate=rates.get(str(name), (None, None))[0],
                decode_rate=rates.get(str(name), (None, None))[1],
                write_seconds=write_seconds,
                read_seconds=read_seconds,
                **compare(variable, decoded[str(name)], bounds.get(str(name))),
            )
            for name, variable in ds.variables.items()
            if name in video or not same_bits(variable.values, decoded[str(name)])
        ]


def compress(
    source: Path, target: Path, zarr_format: int, bounds: dict[str, float], *, effort: int
) -> float:
    """Run the command line, and return the seconds that it took."""
    said = [part for name, bound in bounds.items() for part in ("--max-error", f"{name}={bound}")]
    settings = [*said, "--zarr-format", str(zarr_format), "--effort", str(effort)]
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "numcodecs_video.cli", "compress", source, target, *settings],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def write_default(ds: xr.Dataset, target: Path, zarr_format: Literal[2, 3]) -> None:
    """Write the same chunks with Zarr's default codecs."""
    chunks = {name: {"chunks": given["chunks"]} for name, given in encoding(ds).items()}
    with silent_about_format_3():
        ds.drop_encoding().to_zarr(target, zarr_format=zarr_format, encoding=chunks)


def read_elsewhere(store: Path, folder: Path) -> tuple[float, dict[str, NDArray[Any]]]:
    """Read all variables in a fresh process; return its seconds and the values."""
    done = subprocess.run(
        [sys.executable, "-c", READER, store, folder], check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout), {path.stem: np.load(path) for path in folder.glob("*.npy")}


def compare(variable: xr.Variable, decoded: NDArray[Any], bound: float | None) -> dict[str, Any]:
    """Hold one variable to its promise: the bound on every valid cell, else every bit."""
    original = variable.values
    if bound is None:
        return {"error": 0.0, "kept": same_bits(original, decoded)}
    valid = valid_cells(original, nodata=variable.attrs.get("nodata"))
    error = largest_error(original, decoded, valid=valid)
    missing_kept = missing_changed(original, decoded, valid=valid) == 0
    kept = error <= bound and missing_kept and decoded.dtype == original.dtype
    return {"error": error, "kept": kept}


def same_bits(original: NDArray[Any], decoded: NDArray[Any]) -> bool:
    """Tell whether two arrays have one dtype, one shape and the same bytes."""
    same_kind = (original.dtype, original.shape) == (decoded.dtype, decoded.shape)
    return same_kind and original.tobytes() == decoded.tobytes()


def stored_bytes(path: Path) -> int:
    """Return the bytes of all files of one array."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def print_rows(rows: list[Row]) -> None:
    """Print the table of all variables."""
    table = new_table(
        "",
        ["store", "variable", "format", "promise"],
        [
            "raw", "default", "video", "ratio", "vs default", "error", "encode MB/s",
            "decode MB/s", "write s", "read s", "kept",
        ],
    )  # fmt: skip
    for row in rows:
        table.add_row(
            row.store,
            row.variable,
            str(row.zarr_format),
            row.promise,
            format_size(row.raw_bytes),
            format_size(row.default_bytes),
            format_size(row.stored_bytes),
            f"{row.raw_bytes / row.stored_bytes:.1f}",
            f"{row.default_bytes / row.stored_bytes:.2f}",
            format_number(row.error),
            "–" if row.encode_rate is None else f"{row.encode_rate:.2f}",
            "–" if row.decode_rate is None else f"{row.decode_rate:.1f}",
            f"{row.write_seconds:.1f}",
            f"{row.read_seconds:.1f}",
            "yes" if row.kept else "NO",
        )
    print_table(table)


if __name__ == "__main__":
    sys.exit(main())
