"""What a fidelity asks of one chunk."""

from __future__ import annotations

import numpy as np
import pytest

from numcodecs_video import VideoCodec
from numcodecs_video.config import Settings
from numcodecs_video.encode.chunk import prepare_chunk
from numcodecs_video.encode.target import target_of


@pytest.mark.parametrize(("dtype", "bound"), [("i4", 2), ("f4", 2.75)])
def test_bounds_of_integers_are_whole_counts(dtype, bound):
    """Those of real numbers are what they are."""
    array = np.arange(600).reshape(6, 10, 10).astype(dtype)
    assert target_of(prepare_chunk(array, Settings.parse(max_error=2.75))).bound == bound


def test_less_than_a_count_takes_no_more_than_lossless():
    """It is the same promise, and has the same candidates."""
    events = (np.random.default_rng(0).random((24, 60, 60)) < 0.003).astype("u2")
    lossless = VideoCodec(effort=1).encode(events)
    bounded = VideoCodec(max_error=0.4, effort=1).encode(events)
    assert len(bounded) <= len(lossless) + 16  # two numbers of the promise
