"""How many bits a bound takes where the data's own values are known, and where not.

For each cube in FOLDER, as xarray reads it (packed integers as floats, missing cells as NaN; counts
without a scale as float32), and each bound in per cent of its range: bits a sample where the step
between values, or a table of few of them, is known; where neither is; where they are, but not to
bases; the largest error against the bound; and the step that was found, in bounds. All is verified
cell by cell by the codec itself, and measured once more here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from numcodecs_video import VideoCodec
from numcodecs_video.encode import levels
from numcodecs_video.transform.near_lattice import find_lattice
from numcodecs_video.xarray import letters_of

PER_CENT = (3.0, 1.0, 0.3, 0.1, 0.01)


def cubes(folder: Path, stores: list[str]) -> Iterator[tuple[str, str, NDArray[np.floating]]]:
    """Name, axes and values of every variable with a time axis."""
    for path in sorted(folder.glob("*.zarr")):
        if stores and path.stem not in stores:
            continue
        with xr.open_zarr(path, consolidated=False, decode_times=False) as ds:
            for name, variable in ds.data_vars.items():
                letters = letters_of(variable) or ""
                if "t" in letters and set("yx") <= set(letters):
                    values = variable.values
                    real = values if values.dtype.kind == "f" else values.astype("f4")
                    yield f"{path.stem} {name}", letters, real


def bits(cube: NDArray[np.floating], codec: VideoCodec, *without: str) -> tuple[float, float]:
    """Bits a sample and the largest error, without what is named."""
    with ExitStack() as stack:
        if "lattice" in without:
            for name in ("find_lattice", "table_levels"):
                stack.enter_context(mock.patch.object(levels, name, return_value=None))
            lossless = mock.patch.object(levels.ChunkLevels, "without_loss", return_value=None)
            stack.enter_context(lossless)
        if "base" in without:
            stack.enter_context(mock.patch.object(levels.ChunkLevels, "_base_on_lattice", None))
        payload = codec.encode(cube)
    errors = np.abs(np.asarray(codec.decode(payload)).astype("f8") - cube)
    return 8 * len(payload) / cube.size, float(np.nanmax(errors))


def main() -> None:
    """Measure all cubes, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("stores", nargs="*", help="names, such as seviri_hrv")
    parser.add_argument("--effort", type=int, default=2)
    said = parser.parse_args()
    for name, axes, cube in cubes(said.folder, said.stores):
        valid = np.isfinite(cube)
        span = float(np.ptp(cube[valid]))
        for per_cent in PER_CENT:
            bound = span * per_cent / 100
            flat = cube.reshape(-1, 1, *cube.shape[-2:])
            found = find_lattice(flat, valid.reshape(flat.shape), bound)
            codec = VideoCodec(max_error=bound, axes=axes, effort=said.effort)
            known, worst = bits(cube, codec)
            unknown = bits(cube, codec, "lattice")[0]
            without_base = known if found is None else bits(cube, codec, "base")[0]
            step = "" if found is None else f"step {found.step / bound:.4g}, runs of {found.run}"
            print(
                f"{name:32s} {per_cent:5g} % {known:8.4f} {unknown:8.4f} "
                f"{100 * (known / unknown - 1):+6.1f} % {without_base:8.4f} "
                f"{worst / bound:7.4f}  {step}",
                flush=True,
            )


if __name__ == "__main__":
    main()
