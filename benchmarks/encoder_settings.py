"""Bits of x265's settings and of picture structures at equal PSNR, on the codec's own planes.

What it measures: a cube at a PSNR, its base encoded once by each variant with the same quantiser
and sample step, and the change in bytes against effort 5's usual structure, corrected to the same
mean square error by the slope between two encodes of the cube itself. ``x`` is processor time
against that encode; above 1 is slower. What ``VideoCodec("hevc")`` chooses is the last line.

How to repeat it: ``python benchmarks/encoder_settings.py STORE VARIABLE [--axes tyx] [--psnr 45]``.
"""

from __future__ import annotations

import argparse
import math
import time

import xarray as xr

from numcodecs_video import VideoCodec
from numcodecs_video.coders import Structure
from numcodecs_video.encode.candidates import Base
from numcodecs_video.encode.chunk import prepare_chunk
from numcodecs_video.encode.distortion import mean_square_difference
from numcodecs_video.encode.levels import ChunkLevels
from numcodecs_video.format.payload import parse_header
from numcodecs_video.metrics import value_range

OPTIONS: dict[str, dict[str, str | int]] = {
    "rd=3": {"rd": 3},
    "rd=4": {"rd": 4},
    "rd=6": {"rd": 6},
    "tu-inter-depth=1": {"tu-inter-depth": 1},
    "rskip=1": {"rskip": 1},
    "bframes=4": {"bframes": 4},
    "deblock=0": {"deblock": "0:0"},
    "max-merge=3": {"max-merge": 3},
    "rdpenalty=0": {"rdpenalty": 0},
    "smoothing": {"strong-intra-smoothing": 1},
    "subme=2": {"subme": 2},
    "temporal-mvp": {"temporal-mvp": 1},
    "sao=0": {"sao": 0},
    "tskip": {"tskip": 1},
    "ctu=32": {"ctu": 32},
    "preset slow": {"preset": "slow"},
}
STRUCTURES = {
    "alone": Structure(key=False),
    "key picture": Structure(key=True),
    "ratios 1, 1": Structure(ratios=0),
    "ratios 2.5, 1.5": Structure(ratios=2),
    "ratios 4, 2": Structure(ratios=3),
    "ratios 6, 2.5": Structure(ratios=4),
    "4 B pictures": Structure(run=4),
    "8 B pictures": Structure(run=8),
    "key, 4, 2, 16 B": Structure(key=True, ratios=3, run=16),
    "mean as the key": Structure(key=True, trim=0),
    "median as the key": Structure(key=True, trim=0.5),
    "3 layers": Structure(layers=3),
    "5 layers": Structure(layers=5),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store")
    parser.add_argument("variable")
    parser.add_argument("--axes", default=None, help="one letter a dimension")
    parser.add_argument("--psnr", type=float, default=45)
    given = parser.parse_args()
    array = xr.open_zarr(given.store, chunks=None)[given.variable].values
    print(f"{given.variable} {array.shape} {array.dtype}, {given.psnr:g} dB")

    def encode(options: dict[str, str | int], structure: Structure, step: float, qp: int):
        coded = VideoCodec("hevc", psnr=given.psnr, axes=given.axes, options=options or None)
        chunk = prepare_chunk(array, coded.settings)
        rmse = value_range(chunk.cube, chunk.valid) * 10 ** (-given.psnr / 20)
        levels = ChunkLevels(chunk, 4 * rmse)
        fine = levels.fine
        if fine is None:
            raise SystemExit("this variable has no levels to encode: it is constant, or too wide")
        levels.components()  # outside the time
        start = time.process_time()
        made, predicted = Base("hevc", qp, step, residual=False, structure=structure).predict(
            levels, fine
        )
        seconds = time.process_time() - start
        return (
            math.log(made.size),
            math.log(mean_square_difference(predicted, fine.array, chunk.valid)),
            seconds,
        )

    codec = VideoCodec("hevc", psnr=given.psnr, axes=given.axes)
    header = parse_header(codec.encode(array))
    name = header.candidate.split()
    if not name[1].startswith("qp="):
        raise SystemExit(f"{header.candidate} is smaller than any video here: give a lower --psnr")
    qp = int(name[1].removeprefix("qp="))
    finest = header.transform.gain / 2.0**header.transform.shift
    step = finest * 2.0**13 if header.transform.weights else finest
    size, error, seconds = encode({}, Structure(), step, qp)
    size_2, error_2, _ = encode({}, Structure(), step * 1.26, qp)
    slope = (size - size_2) / (error_2 - error)
    for label, (options, structure) in {
        **{label: (options, Structure()) for label, options in OPTIONS.items()},
        **{label: ({}, structure) for label, structure in STRUCTURES.items()},
    }.items():
        found = encode(options, structure, step, qp)
        change = math.exp(found[0] - size + slope * (found[1] - error)) - 1
        print(f"  {label:<18}{100 * change:+7.1f} %   x{found[2] / seconds:.2f}")
    print(f"  chosen: {header.candidate}, {header.payload_size:,} bytes")


if __name__ == "__main__":
    main()
