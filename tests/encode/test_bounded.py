"""The pure parts of the search under a bound: a walk over quantisers, and the short list."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video import VideoCodec, synthetic
from numcodecs_video.coders import Structure
from numcodecs_video.config import Settings
from numcodecs_video.encode import bounded, candidates
from numcodecs_video.encode.bounded import descend, rank, shortlist
from numcodecs_video.encode.candidates import (
    MOST_QP,
    Base,
    Direct,
    split_candidates,
    usual_structure,
)
from numcodecs_video.encode.chunk import prepare_chunk
from numcodecs_video.encode.levels import ChunkLevels
from numcodecs_video.encode.trials import Trials, start_trials
from numcodecs_video.format.payload import parse_header


class Sizes:
    """A table of sizes by quantiser, which counts what it is asked for."""

    def __init__(self, size):
        self.size, self.asked = size, []

    def __call__(self, qp):
        self.asked.append(qp)
        return self.size(qp)


@pytest.mark.parametrize("best", [0, 3, 17, 18, 30, 51])
@pytest.mark.parametrize("starts", [[18], [14, 18, 22, 26]])
def test_a_smooth_valley_is_found(best, starts):
    """From one start or several, at the ends of the scale as well."""
    sizes = Sizes(lambda qp: 1000 + (qp - best) ** 2)
    assert descend(sizes, starts, 60, least=0) == best


@given(st.lists(st.integers(1, 10**6), min_size=52, max_size=52), st.integers(4, 12))
def test_never_more_quantisers_than_the_budget(table, budget):
    """Nor any outside the scale; what comes out is the smallest of what was asked for."""
    sizes = Sizes(lambda qp: table[qp])
    found = descend(sizes, [10, 14, 18, 22], budget, least=0)
    assert len(set(sizes.asked)) <= budget
    assert table[found] == min(table[qp] for qp in sizes.asked)
    assert all(0 <= qp <= MOST_QP for qp in sizes.asked)


def test_finer_quantisers_than_hevc_has():
    """JPEG 2000 goes on below zero."""
    assert descend(lambda qp: abs(qp + 20) + 1, [0], 60, least=-24) == -20


def test_a_hopeless_start_is_given_up():
    """Where others are far smaller, the walk ends at its starts."""
    sizes = Sizes(lambda qp: 1000 - qp)
    assert descend(sizes, [10, 14], 60, least=0, hopeless=lambda: 100) == 14
    assert set(sizes.asked) == {10, 14}


BASE, FINER = Base("hevc", 20), Base("hevc", 18)
KEYED, DIRECT = Base("hevc", 20, structure=Structure(key=True)), Direct("jpegxl")
OTHER = Direct("adaptive")


@pytest.mark.parametrize(
    ("sizes", "expected", "keep"),
    [
        ({BASE: 100}, [BASE], 1),
        ({}, [], 1),
        ({BASE: 100, DIRECT: 102}, [BASE, DIRECT], 2),
        ({BASE: 100, DIRECT: 111}, [BASE, DIRECT], 2),
        ({BASE: 100, DIRECT: 113}, [BASE, DIRECT], 1),
        ({DIRECT: 100, BASE: 102}, [DIRECT, BASE], 1),
        ({BASE: 100, FINER: 101, DIRECT: 102}, [BASE, DIRECT, FINER], 2),
        ({BASE: 100, FINER: 101, DIRECT: 120}, [BASE, DIRECT, FINER], 1),
        ({BASE: 100, KEYED: 101, DIRECT: 102}, [BASE, DIRECT, KEYED], 2),
        ({BASE: 100, KEYED: 101, DIRECT: 113}, [BASE, KEYED, DIRECT], 2),
        ({DIRECT: 100, OTHER: 100.5, BASE: 101}, [DIRECT, BASE, OTHER], 2),
        ({BASE: 100, DIRECT: math.inf}, [BASE], 1),
    ],
)
def test_a_close_second_of_another_kind_is_made_as_well(sizes, expected, keep):
    """A part cannot tell kinds apart that come within 1 %; two quantisers of one kind it can.

    One without a base is cheap to make, and made within 12 %.
    """
    trials = Trials(None, 1, sizes=dict(sizes))
    assert shortlist(trials, trials.ranked()) == (expected, keep)


def test_sketches_rank_arrangements_and_drafts_decide(monkeypatch):
    """Few drafts, one of them of the usual arrangement; what is made was drafted."""
    tried = []
    measure = Trials._measure

    def watched(self, candidate):
        if isinstance(candidate, Base):
            tried.append((self.levels.chunk.effort.number, candidate))
        return measure(self, candidate)

    monkeypatch.setattr(Trials, "_measure", watched)
    rng = np.random.default_rng(3)
    t, y, x = np.mgrid[:12, :64, :64]
    scene = 900 * np.sin((x + 2 * t) / 9) * np.cos(y / 7) + rng.normal(0, 20, t.shape)
    levels = ChunkLevels(prepare_chunk(scene.astype("f4"), Settings.parse(max_error=30)), 30)
    made = rank(levels).candidates[0]
    sketched = [base for effort, base in tried if effort == 1]
    drafted = [base for effort, base in tried if effort == 4]
    assert len({base.structure for base in sketched}) > 4
    assert len(drafted) <= 9 < len(tried)
    assert usual_structure(levels.chunk) in {base.structure for base in drafted}
    assert made in drafted


@pytest.mark.slow
def test_high_efforts_make_what_a_lower_one_would(monkeypatch):
    """In full, beside their own: a search that sees more does not always find more."""
    seen = {}
    search = bounded._search

    def note(levels):
        found = search(levels)
        seen[levels.chunk.effort.number] = found
        return found

    monkeypatch.setattr(bounded, "_search", note)
    made = []
    monkeypatch.setattr(
        candidates, "encode_candidate", lambda c, levels, make=candidates.encode_candidate: (
            made.append(c), make(c, levels)
        )[1]
    )  # fmt: skip
    cube = synthetic.era5_like(times=8, height=48, width=56)
    VideoCodec(max_error=0.2, effort=7).encode(cube)
    assert set(seen) == {6, 7}
    assert seen[6].candidates[0] in made
    assert seen[7].candidates[0] in made


@pytest.mark.parametrize("noise", [1e-6, 1e-5, 1e-4, 1e-3])
def test_floats_are_split_where_their_noise_begins(noise):
    """About as well as if every number of low bits were tried."""
    t, y, x = np.mgrid[:8, :48, :56]
    scene = 280 + 9 * np.sin((x + 2 * t) / 9) * np.cos(y / 7)
    scene += scene * np.random.default_rng(0).normal(0, noise, scene.shape)
    levels = ChunkLevels(prepare_chunk(scene.astype("f4"), Settings.parse(effort=5)), 0)
    ranking = rank(levels)
    trials = start_trials(levels, levels.chunk.effort.trial_cells, levels.chunk.effort.draft)
    every = {split: trials.size(split) for split in split_candidates(levels)}
    tried = [split for split in every if split in ranking.sizes]
    assert len(tried) <= 6
    assert min(map(every.get, tried)) <= 1.01 * min(every.values())
    assert min(every.values()) < ranking.sizes[Direct("adaptive")]


@pytest.mark.parametrize("codec", ["hevc", "vp9"])
def test_a_named_codec_is_the_base_of_noisy_cubes_too(codec):
    """How much a video without loss takes does not tell whether a base with a residual is less."""
    rng, shape = np.random.default_rng(3), (12, 1, 64, 80)
    weights = np.array([1, 0.8, 1.2, 0.6]).reshape(4, 1, 1)
    cube = 900 + weights * rng.normal(0, 40, shape) + rng.normal(0, 2, (12, 4, 64, 80))
    cube = cube.astype("u2")
    auto, named = (
        VideoCodec(each, max_error=9, effort=2, axes="tcyx").encode(cube)
        for each in ("auto", codec)
    )
    assert "lossless" not in parse_header(named).candidate
    assert len(named) <= 1.2 * len(auto)
