"""Arrays at the edges of what there is: shapes, magnitudes, dtypes, and holes all but everywhere.

``fuzz/encoder.py`` tries thousands of combinations; these are the ones with a name.
"""

from __future__ import annotations

import numpy as np
import pytest

import numcodecs_video
from tests.strategies import Sample, same_bits, valid_cells, worst_error

CODECS = [n for n in ("VideoCodec", "Jpeg2kCodec") if hasattr(numcodecs_video, n)]
every_codec = pytest.mark.parametrize("name", CODECS)


def _check(name: str, array: np.ndarray, bound: float) -> None:
    """Lossless is exact, and a bound holds for every cell, with the missing ones exact."""
    make = getattr(numcodecs_video, name)
    exact = make(effort=1)
    assert same_bits(exact.decode(exact.encode(array)), array)
    if array.dtype.kind not in "iuf":
        return
    bounded = make(effort=1, max_error=bound)
    decoded = bounded.decode(bounded.encode(array))
    valid = valid_cells(Sample(array, None))
    assert same_bits(decoded[~valid], array[~valid])
    assert np.isfinite(decoded[valid]).all()
    assert worst_error(array[valid], decoded[valid]) <= bound


@every_codec
@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (1, 1, 1), (300, 2, 2)], ids=str)
def test_shapes(name, shape):
    """One cell, one row, one column, and many tiny frames."""
    values = np.random.default_rng(0).normal(280, 9, shape)
    _check(name, values.astype("f4"), 0.3)
    _check(name, np.rint(values).astype("u2"), 2)


@every_codec
@pytest.mark.parametrize("dtype", ["i1", "u1", "<i2", ">u2", "<i4", ">u4", "<i8", ">u8", "?"])
def test_both_ends_of_every_integer(name, dtype):
    """The smallest and the largest value side by side: the range has a bit more than the dtype."""
    dtype = np.dtype(dtype)
    ends = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    pick = np.random.default_rng(1).integers(0, 2, (3, 17, 20))
    _check(name, np.array(ends, dtype)[pick], 1)


@every_codec
@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8"])
@pytest.mark.parametrize("magnitude", ["largest", "smallest", "subnormal", "all", "1e300"])
def test_magnitudes(name, dtype, magnitude):
    """Ranges that overflow the dtype, and bounds below its smallest number."""
    info, rng = np.finfo(dtype), np.random.default_rng(2)
    unit = rng.uniform(-1, 1, (3, 17, 20))
    if magnitude == "all":
        exponents = rng.uniform(np.log10(float(info.tiny)), np.log10(float(info.max)), unit.shape)
        values, bound = np.sign(unit) * 10.0**exponents, 1.0
    else:
        scale = {
            "largest": float(info.max),
            "smallest": float(info.tiny),
            "subnormal": float(info.smallest_subnormal) * 9,
            "1e300": min(1e300, float(info.max) / 3),
        }[magnitude]
        values, bound = unit * scale, max(scale / 100, 5e-324)
    values = np.clip(values, float(info.min), float(info.max))
    _check(name, values.astype(dtype), bound)


@every_codec
@pytest.mark.parametrize("holes", ["mixed", "one valid cell", "no valid cell"])
def test_holes(name, holes):
    """NaN and both infinities among the values, or nearly nothing else."""
    rng = np.random.default_rng(3)
    values = rng.normal(280, 9, (4, 17, 20)).astype("f4")
    missing = rng.random(values.shape) < 0.4 if holes == "mixed" else np.ones(values.shape, bool)
    missing[2, 3, 4] = holes == "no valid cell"
    values[missing] = rng.choice([np.nan, np.inf, -np.inf], int(missing.sum()))
    _check(name, values, 0.1)


@every_codec
def test_frames_that_alternate(name):
    """Nothing to predict from the frame before, everything from the one before that."""
    picture = np.random.default_rng(4).normal(280, 9, (2, 18, 22))
    _check(name, np.tile(picture, (12, 1, 1)).astype("f4"), 0.05)
