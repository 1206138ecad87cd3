"""What it is worth that the frames of a group share components over time.

For each cube in FOLDER, as ``lattices.py`` reads it, PSNRs and bounds in per cent of its range:
bits a sample with groups and without, the processor seconds of both encodes, and what won.
"""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import numpy as np
from lattices import cubes
from numpy.typing import NDArray

from numcodecs_video import VideoCodec
from numcodecs_video.encode import bounded, distortion
from numcodecs_video.format.payload import parse_header

PSNRS, PER_CENT = (40.0, 45.0, 50.0), (3.0, 1.0)


def encode(
    cube: NDArray[np.floating], codec: VideoCodec, *, groups: bool = True
) -> tuple[bytes, float]:
    """The payload, and the processor time that it took."""
    with ExitStack() as stack:
        for module in () if groups else (bounded, distortion):
            stack.enter_context(mock.patch.object(module, "possible_groups", return_value=[]))
        start = time.process_time()
        return codec.encode(cube), time.process_time() - start


def main() -> None:
    """Measure all cubes, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("stores", nargs="*", help="names, such as era5_hourly_small")
    parser.add_argument("--effort", type=int, default=5)
    said = parser.parse_args()
    for name, axes, cube in cubes(said.folder, said.stores):
        span = float(np.nanmax(cube) - np.nanmin(cube))
        promises = [(f"{psnr:g} dB", {"psnr": psnr}) for psnr in PSNRS]
        promises += [(f"{n:g} %", {"max_error": span * n / 100}) for n in PER_CENT]
        for words, promise in promises:
            codec = VideoCodec(axes=axes, effort=said.effort, **promise)
            (with_groups, seconds), (without, before) = (
                encode(cube, codec, groups=groups) for groups in (True, False)
            )
            print(
                f"{name:32s} {words:>6s} {8 * len(with_groups) / cube.size:8.4f} "
                f"{8 * len(without) / cube.size:8.4f} "
                f"{100 * (len(with_groups) / len(without) - 1):+6.1f} % "
                f"{seconds:6.1f} {before:6.1f} s  {parse_header(with_groups).candidate}",
                flush=True,
            )


if __name__ == "__main__":
    main()
