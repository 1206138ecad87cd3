"""The search for a picture structure, on tables of costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video.coders.structure import USUAL, Structure
from numcodecs_video.encode.structure import MOST_STRUCTURES, finalists, search_structure


def _search(costs, **words):
    """Search with a table of costs; what is not in it costs 1. Also what was asked for."""
    asked = []

    def cost(structure):
        asked.append(structure)
        return costs.get(structure, 1.0)

    settings = {"usual": USUAL, "key": True, "structured": True, "frames": 24} | words
    return search_structure(cost, **settings), asked


def test_nothing_better_leaves_the_usual_structure():
    found, _ = _search({})
    assert found == USUAL


@given(st.integers(0, 2**32), st.booleans(), st.sampled_from([(), (12, 24, 6, 3)]))
def test_the_search_ends_at_the_cheapest_of_what_it_asked_for(seed, quick, groups):
    """And asks for each structure once, and for no more than progress reckons with."""
    rng = np.random.default_rng(seed)
    spread = rng.choice([0.02, 0.1, 1])
    costs = {}

    def cost(structure):
        assert structure not in costs
        costs[structure] = spread * rng.random()
        return costs[structure]

    words = {"key": True, "structured": True, "frames": 24, "quick": quick, "groups": groups}
    found = search_structure(cost, USUAL, **words)
    assert costs[found] == min(costs.values())
    assert len(costs) <= (MOST_STRUCTURES if groups else 14)


def test_properties_are_combined():
    """A smooth cube wants a key picture, steep ratios and long runs of B pictures."""
    wanted = Structure(key=True, ratios=3, run=16)
    steps = [Structure(key=True), Structure(True, 2), Structure(True, 3), Structure(True, 3, 4)]
    steps += [Structure(True, 3, 8), wanted]
    found, _ = _search({s: 0.9 - i / 10 for i, s in enumerate(steps)})
    assert found == wanted


@pytest.mark.parametrize("words", [{"structured": False}, {"frames": 1}])
def test_only_the_key_picture_is_tried_elsewhere(words):
    """Other coders, and segments of one frame, have no more to choose."""
    found, asked = _search({Structure(key=True): 0.5}, **words)
    assert found == Structure(key=True)
    assert sorted((s.key, s.trim) for s in asked) == [
        (False, 0.25),
        (True, 0),
        (True, 0.25),
        (True, 0.5),
    ]


def test_groups_far_behind_are_tried_once():
    """The first of them tells."""
    _, asked = _search({Structure(key=True): 0.5}, groups=[12, 24, 6, 3], quick=True)
    assert [s.group for s in asked if s.group > 1] == [12]


@pytest.mark.parametrize(
    ("best", "tried"), [(24, [12, 24]), (12, [12, 24, 6]), (3, [12, 24, 6, 3])]
)
def test_the_size_of_groups_is_searched_on_both_sides(best, tried):
    """The larger first, then the smaller as long as each is better."""
    costs = {Structure(group=n): 0.5 + abs(np.log2(n / best)) / 10 for n in (3, 6, 12, 24)}
    found, asked = _search(costs, groups=[12, 24, 6, 3], quick=True)
    assert found == Structure(group=best)
    assert [s.group for s in asked if s.group > 1 and s.ratios == 1 and not s.run] == tried


def test_groups_need_no_coder_that_arranges_pictures():
    found, _ = _search({Structure(group=4): 0.5}, groups=[4], structured=False)
    assert found == Structure(group=4)


def test_a_thorough_search_leaves_no_better_neighbour():
    """It comes upon temporal layers, and changes its mind on the key picture with them."""
    wanted = Structure(key=False, ratios=2, layers=4)
    steps = [Structure(key=True), Structure(True, 2), Structure(True, 2, layers=4), wanted]
    costs = {s: 0.9 - i / 10 for i, s in enumerate(steps)}
    assert _search(costs)[0] == steps[1]
    assert _search(costs, thorough=True)[0] == wanted


LONG, STEEP, STEEPER = Structure(run=8), Structure(ratios=2), Structure(ratios=3)
GROUPED, LARGER = Structure(group=4), Structure(group=8)


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        ({USUAL: 9.0}, [USUAL]),
        ({USUAL: 9.1, LONG: 9.0, STEEP: 9.05, STEEPER: 9.06}, [LONG, STEEP, STEEPER]),
        ({USUAL: 9.5, LONG: 9.0}, [LONG]),
        ({USUAL: 9.0, LONG: 9.01, STEEP: 9.02, GROUPED: 9.19}, [USUAL, LONG, STEEP, GROUPED]),
        ({USUAL: 9.0, GROUPED: 9.1, LARGER: 9.12, LONG: 9.2}, [USUAL, GROUPED, LARGER]),
        ({USUAL: 9.0, GROUPED: 9.3}, [USUAL]),
    ],
)
def test_what_sketches_cannot_tell_apart(costs, expected):
    """A few within a tenth, and groups of frames if they are near: better encodes favour them."""
    assert finalists(costs) == expected
