"""Arrangements of pictures that x265 is told to keep, and the key picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video.coders import EncodeSpec, Structure, find_coder
from numcodecs_video.coders.ffmpeg import key_picture
from numcodecs_video.encode.layers import decode_planes


@pytest.mark.parametrize("layers", [3, 4, 5])
def test_temporal_layers_decode_to_what_was_promised(layers):
    """In a segment that is shorter than a run of them, too."""
    t, y, x = np.mgrid[:21, :40, :56]
    planes = (2000 + 900 * np.sin((x + t) / 9) * np.cos(y / 7)).astype(np.uint16)[:, None]
    segments = [range(16), range(16, 21)]
    spec = EncodeSpec(12, 8, structure=Structure(key=True, layers=layers, trim=0.5))
    encoded = find_coder("hevc").encode(planes, segments, spec)
    decoded = decode_planes(encoded, segments, (1, 40, 56))
    assert np.abs(decoded.astype(int) - planes).max() < 40


@pytest.mark.parametrize(("trim", "expected"), [(0, np.mean), (0.5, np.median)])
@given(st.integers(1, 70), st.integers(0, 2**32))
def test_key_pictures_lie_between_mean_and_median(trim, expected, count, seed):
    """Both ends of the trimmed mean, rounded; of long series of every second frame."""
    frames = np.random.default_rng(seed).integers(0, 4096, (count, 3, 5)).astype(np.uint16)
    chosen = frames if count <= 64 else frames[::2]
    np.testing.assert_allclose(key_picture(frames, trim), expected(chosen, axis=0), atol=0.5 + 1e-9)
