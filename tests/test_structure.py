"""The search for a picture structure, and the sample of a chunk that it drafts on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video.chunk import prepare_chunk
from numcodecs_video.config import Settings
from numcodecs_video.structure import USUAL, Structure, search_structure


def _search(costs, **words):
    """Search with a table of costs; what is not in it costs 1. Also what was asked for."""
    asked = []

    def cost(structure):
        asked.append(structure)
        return costs.get(structure, 1.0)

    settings = {"coder": "hevc", "usual": USUAL, "key": True, "frames": 24} | words
    return search_structure(cost, **settings), asked


def test_nothing_better_leaves_the_usual_structure():
    found, _ = _search({})
    assert found == USUAL


@given(st.integers(0, 2**32))
def test_the_search_ends_at_the_cheapest_of_what_it_asked_for(seed):
    """And asks for each structure once."""
    rng = np.random.default_rng(seed)
    costs = {}

    def cost(structure):
        assert structure not in costs
        costs[structure] = rng.random()
        return costs[structure]

    found = search_structure(cost, "hevc", USUAL, key=True, frames=24)
    assert costs[found] == min(costs.values())
    assert len(costs) <= 12


def test_properties_are_combined():
    """A smooth cube wants a key picture, steep ratios and long runs of B pictures."""
    wanted = Structure(key=True, ratios=3, run=16)
    steps = [Structure(key=True), Structure(True, 2), Structure(True, 3), Structure(True, 3, 4)]
    steps += [Structure(True, 3, 8), wanted]
    found, _ = _search({s: 0.9 - i / 10 for i, s in enumerate(steps)})
    assert found == wanted


@pytest.mark.parametrize("words", [{"coder": "h264"}, {"frames": 1}])
def test_only_the_key_picture_is_tried_elsewhere(words):
    """Other coders, and segments of one frame, have no more to choose."""
    found, asked = _search({Structure(key=True): 0.5}, **words)
    assert found == Structure(key=True)
    assert len(asked) == 2


@given(
    frames=st.integers(1, 60),
    gop=st.integers(0, 9),
    bands=st.integers(1, 3),
    height=st.integers(1, 150),
    width=st.integers(1, 150),
)
def test_a_sample_is_a_part_of_the_chunk_in_whole_segments(frames, gop, bands, height, width):
    """Its cells are cells of the chunk, its missing cells are missing there."""
    cube = np.arange(frames * bands * height * width, dtype="f8")
    cube = cube.reshape(frames, bands, height, width)
    cube[:, :, ::7, ::5] = np.nan
    chunk = prepare_chunk(cube, Settings.parse({"axes": "tcyx", "gop": gop}))
    sample = chunk.sample(20_000)
    finite = sample.cube[np.isfinite(sample.cube)]
    assert np.isin(finite, cube).all()
    assert len(np.unique(finite)) == finite.size
    valid = np.broadcast_to(sample.valid, sample.cube.shape)
    np.testing.assert_array_equal(valid, np.isfinite(sample.cube))
    assert [s.stop for s in sample.segments][-1] == len(sample.cube)
    assert {len(s) for s in sample.segments} <= {len(s) for s in chunk.segments}
