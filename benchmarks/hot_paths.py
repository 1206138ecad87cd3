"""Times of what a store does most often, by pytest-benchmark.

How to repeat it: ``python -m pytest -n 0 benchmarks/hot_paths.py``. To see what a change does, save
a run before it with ``--benchmark-autosave`` and compare after it with ``--benchmark-compare
--benchmark-compare-fail=median:20%``, on the same machine, otherwise idle.
"""

from __future__ import annotations

import numpy as np
import pytest
import zarr

from numcodecs_video import VideoCodec, synthetic
from numcodecs_video.transform.klt import fit_basis
from numcodecs_video.transform.missing import fill_missing


@pytest.fixture(scope="module")
def cube() -> np.ndarray:
    """A year of farmland: uint16 array, shape (24, 4, 128, 128)."""
    return synthetic.sentinel2_like(times=24, height=128, width=128)


CODECS = {
    "lossless": VideoCodec(effort=1, nodata=synthetic.NODATA),
    "bounded": VideoCodec(effort=1, nodata=synthetic.NODATA, max_error=20),
    "quantised": VideoCodec("hevc", effort=1, nodata=synthetic.NODATA, qp=12),
}


@pytest.mark.parametrize("promise", CODECS)
def test_encode(benchmark, cube, promise):
    """A chunk, checked as always, at the fastest effort."""
    benchmark(CODECS[promise].encode, cube)


@pytest.mark.parametrize("promise", CODECS)
def test_decode(benchmark, cube, promise):
    """The same chunk."""
    payload = CODECS[promise].encode(cube)
    benchmark(CODECS[promise].decode, payload)


def test_one_date(benchmark, cube):
    """One date of a Zarr chunk of several segments."""
    codec = VideoCodec(effort=1, gop=6, nodata=synthetic.NODATA, max_error=20)
    array = zarr.create_array(
        zarr.storage.MemoryStore(),
        shape=cube.shape,
        chunks=cube.shape,
        dtype=cube.dtype,
        serializer=codec.serializer(),
        compressors=None,
        fill_value=synthetic.NODATA,
    )
    array[...] = cube
    benchmark(lambda: array[13])


def test_band_transform(benchmark, cube):
    """Fitting the transform across bands."""
    benchmark(fit_basis, cube.astype(np.float64))


def test_filling(benchmark, cube):
    """Filling the holes before encoding."""
    valid = cube != synthetic.NODATA
    levels = cube.astype(np.float64)
    benchmark(lambda: fill_missing(levels.copy(), valid))
