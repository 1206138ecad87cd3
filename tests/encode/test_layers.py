"""Layers: differences in time, and what a residual is expected to take."""

from __future__ import annotations

import numpy as np
import pytest

from numcodecs_video.encode.effort import EFFORTS
from numcodecs_video.encode.layers import difference, encode_residual, estimate_residual


def _residual(density: float, scale: float) -> np.ndarray:
    """Few cells that are not zero, in places."""
    rng = np.random.default_rng(int(1000 * density))
    t, y, x = np.mgrid[:6, :64, :72]
    places = rng.random(t.shape) < density * (1 + np.sin(x / 9) * np.cos(y / 7))
    return (np.rint(rng.normal(0, scale, t.shape)) * places)[:, None].astype("i4")


@pytest.mark.parametrize("scale", [0.8, 3, 9])
@pytest.mark.parametrize("density", [0.02, 0.2, 0.5])
def test_estimates_are_near_what_it_takes(density, scale):
    """Near enough to rank by: within a fifth, whatever the residual's density."""
    residual = _residual(density, scale)
    encoded = encode_residual(residual, [range(6)], 1, EFFORTS[4])
    assert estimate_residual(residual) == pytest.approx(encoded.size, rel=0.2, abs=120)


def test_no_residual_costs_nothing():
    zeros = np.zeros((3, 2, 8, 9), "i4")
    assert estimate_residual(zeros) == 0
    assert encode_residual(zeros, [range(3)], 1, EFFORTS[4]) is None


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_differences_are_undone_by_their_sum(bits):
    """Modulo the sample range, the first frame of every segment as it is."""
    dtype = "u1" if bits == 8 else "u2"
    planes = np.random.default_rng(0).integers(0, 2**bits, (7, 2, 5, 6)).astype(dtype)
    segments = [range(4), range(4, 7)]
    found = difference(planes, segments, bits)
    for s in segments:
        part = found[s.start : s.stop].astype("i8")
        part[1:] -= 2 ** (bits - 1)
        again = np.cumsum(part, axis=0) % 2**bits
        np.testing.assert_array_equal(again, planes[s.start : s.stop])
