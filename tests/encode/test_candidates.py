"""What may be tried of a chunk."""

from __future__ import annotations

import numpy as np
import pytest

from numcodecs_video.config import Settings
from numcodecs_video.encode.candidates import possible_groups
from numcodecs_video.encode.chunk import prepare_chunk
from numcodecs_video.encode.levels import ChunkLevels


@pytest.mark.parametrize(
    ("frames", "bands", "words", "groups"),
    [
        (24, 1, {}, [12, 24, 6, 3]),
        (24, 4, {}, [6, 3]),  # at most 32 bands of all frames
        (24, 20, {}, []),
        (5, 1, {}, [3, 5, 2]),
        (1, 1, {}, []),
        (110, 1, {"gop": 0}, [28, 14]),
        (336, 1, {"gop": 0}, [12, 24, 6, 3]),  # those of segments of the usual length
        (24, 1, {"pca": False}, []),
        (24, 4, {"pca": 2}, []),
    ],
)
def test_how_many_frames_may_be_one_picture(frames, bands, words, groups):
    """The first one is tried first."""
    cube = np.random.default_rng(0).normal(280, 3, (frames, bands, 6, 8)).astype("f4")
    chunk = prepare_chunk(cube, Settings.parse(max_error=0.5, axes="tcyx", **words))
    assert possible_groups(ChunkLevels(chunk, 0.5)) == groups


def test_relative_levels_are_not_grouped():
    """Their steps grow with the values: sums of them mean nothing."""
    cube = np.random.default_rng(0).normal(280, 3, (24, 6, 8)).astype("f4")
    chunk = prepare_chunk(cube, Settings.parse(max_relative_error=0.1, axes="tyx"))
    assert possible_groups(ChunkLevels(chunk, 0.1, relative=True)) == []
