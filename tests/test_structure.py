"""The search for a picture structure, and the sample of a chunk that it drafts on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video import VideoCodec
from numcodecs_video.chunk import prepare_chunk
from numcodecs_video.config import Settings
from numcodecs_video.payload import parse_header
from numcodecs_video.planes import code_video, key_picture
from numcodecs_video.similarity import similarity_order
from numcodecs_video.streams.ffmpeg import EncodeSpec
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
    assert len(costs) <= 14


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
    assert sorted((s.key, s.trim) for s in asked) == [
        (False, 0.5),
        (True, 0),
        (True, 0.25),
        (True, 0.5),
    ]


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


def test_a_thorough_search_leaves_no_better_neighbour():
    """It comes upon temporal layers, and changes its mind on the key picture with them."""
    wanted = Structure(key=False, ratios=2, layers=4)
    steps = [Structure(key=True), Structure(True, 2), Structure(True, 2, layers=4), wanted]
    costs = {s: 0.9 - i / 10 for i, s in enumerate(steps)}
    assert _search(costs)[0] == steps[1]
    assert _search(costs, thorough=True)[0] == wanted


@pytest.mark.parametrize("layers", [3, 4, 5])
def test_temporal_layers_decode_to_what_was_promised(layers):
    """In a segment that is shorter than a run of them, too."""
    t, y, x = np.mgrid[:21, :40, :56]
    planes = (2000 + 900 * np.sin((x + t) / 9) * np.cos(y / 7)).astype(np.uint16)[:, None]
    segments = [range(16), range(16, 21)]
    options = Structure(layers=layers).options("hevc")
    coded = code_video(planes, segments, EncodeSpec("hevc", 12, 8, 4, options), key=True)
    decoded = coded.decode(segments, (1, 40, 56))
    assert np.abs(decoded.astype(int) - planes).max() < 40


@pytest.mark.parametrize(("trim", "expected"), [(0, np.mean), (0.5, np.median)])
@given(st.integers(1, 70), st.integers(0, 2**32))
def test_key_pictures_lie_between_mean_and_median(trim, expected, count, seed):
    """Both ends of the trimmed mean, rounded; of long series of every second frame."""
    frames = np.random.default_rng(seed).integers(0, 4096, (count, 3, 5)).astype(np.uint16)
    chosen = frames if count <= 64 else frames[::2]
    np.testing.assert_allclose(key_picture(frames, trim), expected(chosen, axis=0), atol=0.5 + 1e-9)


class TestSimilarity:
    """The order of frames by likeness."""

    def test_frames_of_two_kinds_are_sorted_by_kind(self):
        """Cloudy dates next to cloudy ones."""
        kinds = np.array([0, 1, 0, 1, 1, 0, 1, 0])
        cube = (
            np.random.default_rng(0).normal(0, 1, (8, 2, 30, 40)) + 50 * kinds[:, None, None, None]
        )
        order = similarity_order(cube, np.ones((1, 1, 1, 1), bool))
        assert sorted(order) == list(range(8))
        assert np.count_nonzero(np.diff(kinds[list(order)])) == 1

    @pytest.mark.parametrize("value", [1e308, np.nan, -1e-320])
    def test_any_floats_have_an_order(self, value):
        """Without a warning from NumPy."""
        cube = np.full((5, 1, 8, 8), value)
        cube[::2] *= -1
        order = similarity_order(cube, np.isfinite(cube))
        assert sorted(order) == list(range(5))

    @pytest.mark.parametrize("words", [{}, {"max_error": 0.3}, {"psnr": 45}])
    def test_the_highest_effort_may_reorder(self, words):
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
