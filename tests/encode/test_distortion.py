"""The pure parts of meeting a distortion: where to go next, and what is measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video import VideoCodec
from numcodecs_video.coders import Structure
from numcodecs_video.coders.ffmpeg import CODERS
from numcodecs_video.config import Settings
from numcodecs_video.encode import distortion
from numcodecs_video.encode.candidates import Base
from numcodecs_video.encode.chunk import prepare_chunk
from numcodecs_video.encode.distortion import (
    _encode_at,
    _foreseen,
    _Goal,
    mean_square_difference,
    next_step,
)
from numcodecs_video.encode.levels import ChunkLevels
from numcodecs_video.encode.plan import BasePlan
from numcodecs_video.format.payload import parse_header

GROUPED = {"version": 1, "rate": 9.0, "base": {"step": 1.0, "klt": True, "group": 6}}
octaves = st.floats(-20, 20)


@pytest.mark.parametrize(
    ("known", "aim", "expected"),
    [
        ([(1.0, 2.0)], 2.0 + 1.7, 2.0),  # onwards by the usual slope
        ([(1.0, 2.0)], 2.0 - 1.7, 0.0),
        ([(1.0, 2.0), (2.0, 4.0)], 3.0, 1.5),  # between two, by the line through them
        ([(2.0, 4.0), (1.0, 2.0)], 3.0, 1.5),
        ([(1.0, 2.0), (2.0, 4.0)], 2.0, 1.1),  # never upon a point that is known
        ([(1.0, 2.0), (2.0, 6.0)], 3.0, 1.5),  # a jump that no line describes: halve it
        ([(1.0, 2.0), (2.0, 3.0)], 5.0, 4.0),  # onwards by the slope of the last two
        ([(1.0, 2.0), (2.0, 2.1)], 2.9, 4.0),  # which is never below 0.4
        ([(1.0, 1.0), (2.0, 9.0)], 11.5, 3.0),  # nor above 2.5
    ],
)
def test_next_steps(known, aim, expected):
    assert next_step(known, aim) == pytest.approx(expected)


@given(st.floats(0.5, 2.4), octaves, octaves)
def test_a_straight_line_is_met_at_once(slope, start, aim):
    """Two points tell a slope; the third step is the right one."""
    first = (start, 0.0)
    second = (start + 1, slope)
    step = next_step([first, second], aim)
    if aim > slope or aim < 0:
        near = second if aim > slope else first
        assert near[1] + slope * (step - near[0]) == pytest.approx(aim, abs=1e-6)
    else:
        assert start <= step <= start + 1


def test_mean_square_difference_counts_valid_cells():
    """Holes may hold anything."""
    a = np.zeros((300, 1, 30, 20), "i4")
    b = a + 3
    valid = np.zeros(a.shape, bool)
    valid[::2] = True
    b[~valid] = 2**30
    assert mean_square_difference(a, b, valid) == 9
    assert mean_square_difference(a, b, np.zeros((1, 1, 1, 1), bool)) == 0


@pytest.mark.parametrize("effort", [4, pytest.param(9, marks=pytest.mark.slow)])
@pytest.mark.parametrize("words", [{}, {"plan": GROUPED}], ids=["searched", "planned"])
def test_pictures_of_frames_that_are_too_large_are_of_one_frame_each(monkeypatch, effort, words):
    """Where a coder's longest side does not hold the planes of a group."""
    t, y, x = np.mgrid[:12, :32, :36]
    season = np.sin(t / 2) * (1 + np.sin(x / 6) * np.cos(y / 5)) + 0.5 * np.cos(t / 3 + y / 9)
    cube = 8 * season + np.random.default_rng(6).normal(0, 0.1, t.shape)
    codec = VideoCodec("hevc", psnr=36, axes="tyx", effort=effort, **words)
    assert parse_header(codec.encode(cube)).transform.frames > 1
    small = replace(CODERS["hevc"], longest_side=40)
    monkeypatch.setitem(CODERS, "hevc", small)
    header = parse_header(codec.encode(cube))
    assert header.transform.frames == 1
    assert "qp" in header.candidate


@pytest.mark.parametrize(
    ("promise", "effort"),
    [
        ({"psnr": 40}, 1),
        ({"max_error": 1.2}, 3),
        pytest.param({"psnr": 40}, 3, marks=pytest.mark.slow),
        pytest.param({"max_error": 1.2}, 1, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_low_efforts_group_frames_of_a_band(promise, effort):
    """Where a field rises and falls everywhere together; of several bands only higher ones do."""
    t, y, x = np.mgrid[:48, :40, :50]
    season = 8 * np.sin(t / 3) * (1 + np.sin(x / 6) * np.cos(y / 5)) + 3 * np.cos(t / 2 + y / 9)
    cube = (season + np.random.default_rng(1).normal(0, 0.1, t.shape)).astype("f4")
    codec = VideoCodec(effort=effort, **promise)
    assert parse_header(codec.encode(cube)).transform.frames > 1
    bands = np.stack([cube, cube[:, ::-1]], axis=1)
    assert parse_header(codec.encode(bands)).transform.frames == 1


def test_a_base_is_given_up_where_the_rival_is_far_smaller(monkeypatch):
    """Of class maps, after three encodes instead of one for each arrangement of pictures."""
    drawn = []
    predict = Base.predict
    monkeypatch.setattr(Base, "predict", lambda *a: drawn.append(1) or predict(*a))
    places = np.random.default_rng(7).integers(0, 8, (12, 10, 10))
    classes = (9 * places.repeat(6, 1).repeat(6, 2)).astype("u1")
    codec = VideoCodec(psnr=50, effort=5)
    assert parse_header(codec.encode(classes)).candidate == "adaptive lossless"
    assert len(drawn) <= 3


def test_a_dry_part_is_no_reason_to_give_up_a_base():
    """Trials see two windows; the rain is between them."""
    t, y, x = np.mgrid[:24, :256, :256]
    rain = 40 * np.exp(-((y - 128) ** 2 + (x - 127 - t / 4) ** 2) / 300)
    rain[rain < 1] = 0
    codec = VideoCodec(psnr=45, effort=1)
    assert parse_header(codec.encode(rain.astype("f4"))).candidate.startswith("hevc")


@pytest.mark.parametrize(
    ("shape", "plan"), [((8, 192, 192), None), ((8, 64, 64), BasePlan(0.0, Structure(), gain=0.5))]
)
def test_the_step_that_meets_a_goal_is_foreseen(shape, plan):
    """From one that is far off: by a small part of a chunk, or by what a plan knows of others."""
    t, y, x = np.mgrid[tuple(slice(n) for n in shape)]
    rng = np.random.default_rng(5)
    scene = 900 * np.sin((x + 2 * t) / 9) * np.cos(y / 7) + rng.normal(0, 60, shape)
    levels = ChunkLevels(prepare_chunk(scene.astype("f4"), Settings.parse(psnr=40)), 100.0)
    usual = Structure()
    aim = _encode_at(levels, 8.0, usual).error
    goal = _Goal(2**aim * 1.06, 2**aim * 0.94)
    if plan is not None:
        sketch = _encode_at(levels.at_effort(levels.chunk.effort.sketch), 8.0, usual).error
        plan = replace(plan, gain=sketch - aim)
    found, slope = _foreseen(levels, goal, 7.0, usual, 1.7, plan)
    assert 0.5 < slope < 3
    assert abs(found - 8.0) < 0.15
    assert _foreseen(levels, goal, 7.0, usual, 1.7, None)[0] == (found if plan is None else 7.0)


def test_the_drafts_of_groups_tell_where_to_begin(monkeypatch):
    """Which of two is better, and at which step: one or two encodes of the whole are enough."""
    t, y, x = np.mgrid[:24, :64, :72]
    season = 8 * np.sin(t / 3) * (1 + np.sin(x / 6) * np.cos(y / 5)) + 3 * np.cos(t / 2 + y / 9)
    cube = (season + np.random.default_rng(1).normal(0, 0.1, t.shape)).astype("f4")
    made, encode = [], distortion._encode_at

    def counted(levels, step, structure):
        made.append((levels.chunk.effort.number, structure.group > 1))
        return encode(levels, step, structure)

    monkeypatch.setattr(distortion, "_encode_at", counted)
    VideoCodec(psnr=42, effort=5).encode(cube)
    assert (4, True) in made
    assert 1 <= made.count((5, True)) <= 2
    assert (5, False) not in made


@pytest.mark.parametrize("around", [np.nan, pytest.param(5, marks=pytest.mark.slow)])
def test_a_part_without_anything_to_tell_is_left_alone(monkeypatch, around):
    """Missing or constant where the parts are taken from; both searched and tuned."""
    monkeypatch.setattr(distortion, "_SKETCHED", 1e4)
    monkeypatch.setattr(distortion, "_COMPARED", 1e4)
    rng = np.random.default_rng(9)
    cube = np.full((8, 256, 256), around, "f4")
    cube[:, 118:138, 118:138] = rng.normal(0, 9, (8, 20, 20))
    codec = VideoCodec(psnr=45)
    for each in (codec, codec.tune([cube, cube])):
        error = each.decode(each.encode(cube)) - cube
        span = np.nanmax(cube) - np.nanmin(cube)
        assert np.nanmean(error.astype("f8") ** 2) <= (span / 10 ** (45 / 20)) ** 2


def test_frames_are_grouped_for_high_rates_as_well():
    """Their mean has a range for which no 12 bits are enough at the steps of all else."""
    rng = np.random.default_rng(4)
    hours = np.arange(48)[:, None, None] * 2 * np.pi / 24
    rates = np.fft.fftfreq(40)[:, None] ** 2 + np.fft.fftfreq(48) ** 2

    def smooth(scale):
        noise = np.fft.fft2(rng.normal(0, 1, (40, 48))) * np.exp(-rates * scale)
        field = np.fft.ifft2(noise).real
        return field / field.std()

    day = 5 * np.sin(hours) * smooth(200) + 2 * np.cos(hours) * smooth(200)
    field = 30 * smooth(300) + day + 0.3 * np.cos(2 * hours) * smooth(100)
    field = (field + rng.normal(0, 0.02, field.shape)).astype("f4")
    codec = VideoCodec(psnr=60)
    payload = codec.encode(field)
    header = parse_header(payload)
    assert header.transform.frames > 1
    assert len(payload) < 0.5 * len(VideoCodec(psnr=60, pca=False).encode(field))
    error = codec.decode(payload).astype("f8") - field
    assert np.sqrt((error**2).mean()) <= np.ptp(field) / 1000
