"""How coding scales over cores, and whether a store larger than memory streams through.

What it measures: the seconds to write and to read 16 chunks of an array through zarr, in a process
that may use one core and in one that may use two, with zarr's own pool of threads and with one
thread a chunk; the same for one chunk at a time with one and with two threads a chunk
(``set_threads``). The median of three runs. With ``--dask`` instead, the seconds and the most
resident memory of a process that writes a store of 2 GB raw through Dask, chunk by chunk, and of
one that reads its mean.

How to repeat it: ``python benchmarks/parallel.py [--dask]``, on a machine that does nothing else;
the load of the machine is printed. Linux only: it pins processes to cores.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from numcodecs_video import VideoCodec, set_threads
from numcodecs_video.cli.tables import new_table, print_table

CODEC = VideoCodec("hevc", max_error=0.5, gop=12, effort=3)
CHUNK = (48, 128, 128)
#: fast, since 2 GB are to be shown to fit and not how well they shrink
DASK_CODEC = VideoCodec("hevc", qp=20, gop=12, effort=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dask", action="store_true", help="write and read 2 GB instead")
    parser.add_argument("--task", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task:
        name, *words = arguments.task
        print(json.dumps({"zarr": zarr_task, "dask": dask_task}[name](*words)))
        return
    if arguments.dask:
        print_dask()
        return
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    table = new_table("Speed-up from one core to two", ["chunks"], ["write", "read", "s", "s"])
    for title, together in (("16 through zarr", "zarr"), ("one at a time", "threads")):
        runs = {cores: [run("zarr", together, cores) for _ in range(3)] for cores in ("1", "2")}
        one, two = (
            [statistics.median(seconds) for seconds in zip(*runs[cores], strict=True)]
            for cores in ("1", "2")
        )
        table.add_row(
            title, f"{one[0] / two[0]:.2f}", f"{one[1] / two[1]:.2f}",
            f"{one[0]:.2f} → {two[0]:.2f}", f"{one[1]:.2f} → {two[1]:.2f}",
        )  # fmt: skip
    print_table(table)


def print_dask() -> None:
    table = new_table("2 GB raw through Dask", [""], ["s", "raw MB/s", "GB resident", "MB stored"])
    with tempfile.TemporaryDirectory() as folder:
        for way in ("write", "read"):
            seconds, raw, resident, stored = run("dask", way, folder)
            table.add_row(
                way, f"{seconds:.0f}", f"{raw / seconds / 1e6:.0f}", f"{resident / 1e9:.2f}",
                f"{stored / 1e6:.0f}",
            )  # fmt: skip
    print_table(table)


def run(*task: str) -> list[float]:
    command = [sys.executable, __file__, "--task", *task]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def field(frames: int, height: int, width: int, start: int = 0) -> np.ndarray:
    """A moving field with noise: float32."""
    t, y, x = np.mgrid[start : start + frames, :height, :width].astype("f4")
    noise = np.random.default_rng(start).normal(0, 0.2, t.shape)
    return (10 * np.sin((x + 2 * t) / 40) * np.cos(y / 30) + noise).astype("f4")


def zarr_task(together: str, cores: str) -> list[float]:
    """Seconds to write and to read, on so many cores."""
    import zarr

    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: int(cores)]))
    if together == "threads":
        set_threads(int(cores))
    CODEC.decode(CODEC.encode(field(12, 32, 32)))  # imports come first
    values = np.tile(field(*CHUNK), (1, 4, 4))
    step = len(values) if together == "zarr" else CHUNK[1]
    array = zarr.create_array({}, shape=values.shape, dtype="f4", chunks=CHUNK, **CODEC.encoding(3))
    windows = [np.s_[:, :, :]]
    if together == "threads":
        starts = range(0, values.shape[1], step)
        windows = [np.s_[:, y : y + step, x : x + step] for y in starts for x in starts]
    start = time.perf_counter()
    for window in windows:
        array[window] = values[window]
    written = time.perf_counter() - start
    start = time.perf_counter()
    for window in windows:
        array[window]
    return [written, time.perf_counter() - start]


def dask_task(way: str, folder: str) -> list[float]:
    """Seconds, raw bytes, most resident bytes, and stored bytes."""
    import dask.array
    import xarray as xr

    chunks = (48, 256, 256)
    shape = (480, 1024, 1024)
    raw = 4 * int(np.prod(shape))
    start = time.perf_counter()
    if way == "write":

        def block(block_info=None) -> np.ndarray:
            where = block_info[None]["array-location"]
            return field(48, 256, 256, start=where[0][0])

        grid = tuple((n,) * (m // n) for n, m in zip(chunks, shape, strict=True))
        values = dask.array.map_blocks(block, chunks=grid, dtype="f4")
        ds = xr.Dataset({"v": (("time", "y", "x"), values)})
        ds.to_zarr(f"{folder}/d.zarr", encoding={"v": {**DASK_CODEC.encoding(3), "chunks": chunks}})
    else:
        float(xr.open_zarr(f"{folder}/d.zarr").v.mean())
    seconds = time.perf_counter() - start
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    stored = sum(
        os.path.getsize(os.path.join(path, file))
        for path, _, files in os.walk(folder)
        for file in files
    )
    return [seconds, raw, resident, stored]


if __name__ == "__main__":
    main()
