"""How much of the coder's own speed is left: bare PyAV against whole encodes and decodes.

What it measures: the processor seconds of decoding the video packets of a chunk with PyAV alone
into an array that is there already, against those of decoding the chunk; and of encoding the same
mosaic with the same settings with PyAV alone, against those of encoding the chunk at effort 1,
which decodes and checks it as well. Both on one thread; the least of several runs that take turns.
The fidelity is a quantiser, so that the video is the only layer with samples.

With an ``ffmpeg`` program on the path, it also decodes the same cube as xarrayvideo stores it:
three bands (or one band three times) scaled to a yuv444p12 video in Matroska, read through a pipe
of the program. Seconds are those of the clock there, and the least of several runs.

How to repeat it: ``python benchmarks/overhead.py FOLDER``, where FOLDER holds the Zarr stores named
in ``CUBES``.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from numcodecs_video import VideoCodec
from numcodecs_video.cli.tables import new_table, print_table
from numcodecs_video.coders import ffmpeg
from numcodecs_video.format.payload import parse_header, split_section
from numcodecs_video.format.varint import split_units

CUBES = {
    "s2_minicube_a": "b10m",
    "seviri_hrv": "HRV",
    "climate_model": "TREFHT",
    "sea_level_mediterranean": "adt_f32",
    "s2_monthly_belgium": "S2",
}
NODATA = {"s2_monthly_belgium": 65535}
QP = 12
RUNS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds the Zarr stores")
    arguments = parser.parse_args()
    table = new_table(
        f"Throughput at qp {QP}, one thread",
        ["cube", "shape"],
        ["encode MB/s", "of bare x265", "decode MB/s", "of bare PyAV", "ffmpeg pipe MB/s", "times"],
    )
    for store, name in CUBES.items():
        ds = xr.open_zarr(arguments.folder / f"{store}.zarr", mask_and_scale=False, chunks=None)
        cube = ds[name].values
        codec = VideoCodec("hevc", qp=QP, effort=1, nodata=NODATA.get(store))
        payload = codec.encode(cube)
        bare_encode, encode = in_turns(bare_encoder(codec, cube), partial(codec.encode, cube))
        bare_decode, decode = in_turns(bare_decoder(payload), partial(codec.decode, payload))
        piped = pipe_seconds(cube)
        clock = least(partial(codec.decode, payload))
        table.add_row(
            f"{store} {name}",
            "×".join(map(str, cube.shape)),
            f"{cube.nbytes / encode / 1e6:.0f}",
            f"{100 * bare_encode / encode:.0f} %",
            f"{cube.nbytes / decode / 1e6:.0f}",
            f"{100 * bare_decode / decode:.0f} %",
            "-" if piped is None else f"{cube.nbytes / piped / 1e6:.0f}",
            "-" if piped is None else f"{piped / clock:.1f}",
        )
    print_table(table)


def in_turns(*programs: Callable[[], Any]) -> list[float]:
    """The least processor seconds of each program."""
    found: list[list[float]] = [[] for _ in programs]
    for _ in range(RUNS):
        for program, seconds in zip(programs, found, strict=True):
            start = time.process_time()
            program()
            seconds.append(time.process_time() - start)
    return [min(seconds) for seconds in found]


def least(program: Callable[[], Any]) -> float:
    """The least seconds of the clock."""
    found = []
    for _ in range(RUNS):
        start = time.perf_counter()
        program()
        found.append(time.perf_counter() - start)
    return min(found)


def bare_encoder(codec: VideoCodec, cube: NDArray[Any]) -> Callable[[], Any]:
    """The encoder call that makes the chunk's video, with its frames and settings."""
    calls: list[tuple[Any, ...]] = []
    encode = ffmpeg._encode

    def record(*arguments: Any) -> Any:
        calls.append(arguments)
        return encode(*arguments)

    ffmpeg._encode = record
    codec.encode(cube)
    ffmpeg._encode = encode
    return lambda: encode(*calls[-1])


def bare_decoder(payload: bytes) -> Callable[[], Any]:
    """PyAV on the video packets of a payload, into arrays that are there already."""
    header = parse_header(payload)
    number = header.layer_index("base")
    layer = header.layers[number]
    mosaic = layer.mosaic
    sections = [
        split_section(header, i, payload[slice(*header.section_range(i))])
        for i in range(len(header.sections))
    ]
    segments = []
    for s in range(header.segments):
        units = split_units(sections[0][number]) + split_units(sections[s + 1][number])
        packets = [av.Packet(p) for p in ffmpeg.access_units(units, layer.coder)]
        count = len(header.frames_of(s)) + layer.key
        out = np.empty((count, mosaic.frame_height, mosaic.frame_width), np.uint16)
        segments.append((packets, out))

    def decode() -> None:
        for packets, out in segments:
            context = ffmpeg.open_decoder(layer)
            number = 0
            for packet in (*packets, None):
                for frame in context.decode(packet):
                    plane = frame.planes[0]
                    rows = np.frombuffer(plane, np.uint16).reshape(-1, plane.line_size // 2)
                    out[number] = rows[: frame.height, : frame.width]
                    number += 1

    return decode


def pipe_seconds(cube: NDArray[Any]) -> float | None:
    """Seconds to decode the cube from three-band videos through the ffmpeg program."""
    program = shutil.which("ffmpeg")
    if program is None:
        return None
    bands = cube[:, None] if cube.ndim == 3 else cube
    frames, count, height, width = bands.shape
    low, high = np.nanmin(cube), np.nanmax(cube)
    levels = np.nan_to_num((bands - low) / (high - low) * 4095).astype("<u2")
    quiet = [program, "-v", "error", "-y"]
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv444p12le", "-s", f"{width}x{height}"]
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for first in range(0, count, 3):
            triple = levels[:, [min(first + i, count - 1) for i in range(3)]]
            files.append(Path(folder) / f"{first}.mkv")
            x265 = ["-c:v", "libx265", "-crf", str(QP), "-x265-params", "log-level=none"]
            done = subprocess.run(
                [*quiet, *raw, "-i", "pipe:", *x265, files[-1]], input=triple.tobytes(), check=False
            )
            if done.returncode:
                return None

        def decode() -> None:
            out = np.empty(bands.shape, cube.dtype)
            for number, file in enumerate(files):
                data = subprocess.run(
                    [*quiet, "-i", file, *raw[:4], "pipe:"], stdout=subprocess.PIPE, check=True
                ).stdout
                triple = np.frombuffer(data, "<u2").reshape(-1, 3, height, width)[:frames]
                here = slice(3 * number, min(3 * number + 3, count))
                out[:, here] = triple[:, : here.stop - here.start] / 4095 * (high - low) + low

        return least(decode)


if __name__ == "__main__":
    main()
