"""Trials: every candidate once, failures last, what all segments share counted by its part."""

from __future__ import annotations

import math

import numpy as np
import pytest

from numcodecs_video import VideoCodecError
from numcodecs_video.config import Settings
from numcodecs_video.encode.candidates import Direct, make_each
from numcodecs_video.encode.chunk import prepare_chunk
from numcodecs_video.encode.encoded import EncodedChunk
from numcodecs_video.encode.levels import ChunkLevels
from numcodecs_video.encode.trials import Trials, start_trials
from numcodecs_video.format.header import Transform, Values


def _encoded(shared: int, *segments: int) -> EncodedChunk:
    sections = tuple((bytes(size),) for size in (shared, *segments))
    return EncodedChunk("", (), sections, Values("integer"), Transform())


@pytest.fixture
def levels() -> ChunkLevels:
    array = np.zeros((4, 8, 9), "u2")
    return ChunkLevels(prepare_chunk(array, Settings.parse(gop=2)), 0)


@pytest.mark.parametrize(("whole", "expected"), [(2, 100 + 30), (4, 50 + 30), (20, 10 + 30)])
def test_a_part_carries_its_part_of_what_is_shared(levels, whole, expected):
    """Two segments of many: a key picture serves them all."""
    assert Trials(levels, whole).weigh(_encoded(100, 10, 20)) == pytest.approx(expected)


def test_candidates_are_made_once_and_failures_come_last(levels):
    """A coder that fails is no reason to stop."""
    made = []

    def good(part):
        made.append(part)
        return _encoded(0, 10, 20)

    def refused(part):
        raise VideoCodecError("refused")

    def nothing(part):
        return None

    trials = Trials(levels, 2)
    assert [trials.size(c) for c in (good, refused, nothing, good)] == [30, math.inf, math.inf, 30]
    assert len(made) == 1
    assert trials.ranked() == [good]


@pytest.mark.parametrize(
    ("effort", "side", "kept"), [(1, 40, True), (5, 40, False), (1, 160, False)]
)
def test_what_is_made_of_all_of_a_chunk_is_kept(effort, side, kept):
    """At its own effort: it need not be made again."""
    array = np.random.default_rng(0).integers(0, 99, (12, side, side)).astype("u2")
    chunk = prepare_chunk(array, Settings.parse(effort=effort, gop=6))
    levels = ChunkLevels(chunk, 0)
    trials = start_trials(levels, chunk.effort.trial_cells, chunk.effort.draft)
    direct = Direct("adaptive")
    trials.size(direct)
    assert (trials.made is not None) == kept
    if trials.made is not None:
        assert trials.made[direct] == direct(levels)
        assert next(make_each([direct], levels, trials.made)) is trials.made[direct]


@pytest.mark.parametrize("effort", [1, 5, 9])
def test_trials_run_on_a_part_at_a_drafts_effort(effort):
    """On all cells at effort 9."""
    array = np.random.default_rng(0).integers(0, 99, (60, 160, 170)).astype("u2")
    chunk = prepare_chunk(array, Settings.parse(effort=effort, gop=6))
    trials = start_trials(ChunkLevels(chunk, 0), chunk.effort.trial_cells, chunk.effort.draft)
    part = trials.levels.chunk
    assert part.settings.effort == min(effort, 4)
    assert trials.segments == 10
    assert (part.cube.size == array.size) == (effort == 9)


def test_trials_at_another_effort_are_of_the_same_part():
    """With sizes of their own, and no second part, levels or components."""
    array = np.random.default_rng(0).integers(0, 99, (12, 3, 40, 40)).astype("u2")
    chunk = prepare_chunk(array, Settings.parse(max_error=3, axes="tcyx"))
    trials = start_trials(ChunkLevels(chunk, 3), 1e4, 4)
    trials.sizes["something"] = 1.0
    sketches = trials.at_effort(1)
    assert trials.at_effort(4) is trials
    assert not sketches.sizes
    assert (sketches.levels.chunk.effort.number, trials.levels.chunk.effort.number) == (1, 4)
    assert sketches.levels.chunk.cube is trials.levels.chunk.cube
    assert (sketches.part, sketches.segments) == (trials.part, trials.segments)
