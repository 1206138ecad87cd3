"""The order of frames by likeness."""

from __future__ import annotations

import numpy as np
import pytest

from numcodecs_video import VideoCodec
from numcodecs_video.encode.similarity import similarity_order
from numcodecs_video.format.payload import parse_header


def test_frames_of_two_kinds_are_sorted_by_kind():
    """Cloudy dates next to cloudy ones."""
    kinds = np.array([0, 1, 0, 1, 1, 0, 1, 0])
    cube = np.random.default_rng(0).normal(0, 1, (8, 2, 30, 40)) + 50 * kinds[:, None, None, None]
    order = similarity_order(cube, np.ones((1, 1, 1, 1), bool))
    assert sorted(order) == list(range(8))
    assert np.count_nonzero(np.diff(kinds[list(order)])) == 1


@pytest.mark.parametrize("value", [1e308, np.nan, -1e-320])
def test_any_floats_have_an_order(value):
    """Without a warning from NumPy."""
    cube = np.full((5, 1, 8, 8), value)
    cube[::2] *= -1
    order = similarity_order(cube, np.isfinite(cube))
    assert sorted(order) == list(range(5))


@pytest.mark.slow
@pytest.mark.parametrize("words", [{}, {"max_error": 0.3}, {"psnr": 45}])
def test_the_highest_effort_may_reorder(words):
    """Two scenes that take turns come back in their order, whole and date by date."""
    rng = np.random.default_rng(1)
    scenes = rng.normal(280, 5, (2, 30, 40))
    cube = np.tile(scenes, (4, 1, 1)) + rng.normal(0, 0.1, (8, 30, 40))
    cube = cube.astype("f4")
    cube[3, :9] = np.nan
    codec = VideoCodec(effort=9, gop=4, **words)
    payload = codec.encode(cube)
    assert "psnr" not in words or parse_header(payload).frame_order
    decoded = codec.decode(payload)
    assert (np.isnan(decoded) == np.isnan(cube)).all()
    worst = np.nanmax(np.abs(decoded - cube))
    assert worst <= {"lossless": 0, "max_error": 0.3, "psnr": 3}[next(iter(words), "lossless")]
