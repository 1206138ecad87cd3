"""What an encode tells whoever watches it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from numcodecs_video import VideoCodec, progress, set_threads
from numcodecs_video.progress import Sign, watched

RNG = np.random.default_rng(0)
CUBE = (RNG.normal(500, 9, (24, 48, 48)).cumsum(axis=0) / 9).astype("f4")


def signs_of(codec: VideoCodec, cube: np.ndarray) -> list[Sign]:
    """What an encode tells, in order."""
    told: list[Sign] = []
    with watched(told.append):
        codec.encode(cube)
    return told


@pytest.mark.parametrize("effort", [1, 5])
@pytest.mark.parametrize("promise", [{}, {"max_error": 1.0}, {"psnr": 40}, {"qp": 22}])
def test_a_chunk_goes_from_nothing_to_all_of_it(promise, effort):
    """By many steps, none of them backwards."""
    cube = CUBE if promise else CUBE.astype("i4")
    told = signs_of(VideoCodec(axes="tyx", effort=effort, **promise), cube)
    fractions = [sign.fraction for sign in told]
    assert fractions[0] < 0.05
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert len(set(fractions)) > len(CUBE)
    assert {sign.size for sign in told} == {CUBE.nbytes}
    assert sum(sign.begins for sign in told) >= 1


def test_a_plan_is_followed_too():
    """The search for it has no chunk of its own."""
    told: list[Sign] = []
    with watched(told.append):
        tuned = VideoCodec(axes="tyx", effort=2, max_error=1.0).tune([CUBE])
    assert {sign.chunk for sign in told} == {None}
    fractions = [sign.fraction for sign in signs_of(tuned, CUBE)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_similar_frames_next_to_each_other_are_the_second_half():
    """Both orders of the highest effort take a part of the way."""
    told = signs_of(VideoCodec(axes="tyx", effort=9, max_error=8.0), CUBE[:4, :16, :16])
    assert any(0.4 < sign.fraction < 0.6 for sign in told)
    assert [sign.fraction for sign in told] == sorted(sign.fraction for sign in told)


def test_nothing_depends_on_being_watched():
    """Neither the bytes, nor what an encode in another thread tells."""
    codec = VideoCodec("hevc", axes="tyx", effort=1, max_error=1.0, gop=6)
    before = codec.encode(CUBE)
    try:
        set_threads(3)
        told: list[Sign] = []
        with watched(told.append):
            assert codec.encode(CUBE) == before
            other = threading.Thread(target=codec.encode, args=(CUBE,))
            other.start()
            other.join()
    finally:
        set_threads(None)
    assert len({sign.chunk for sign in told}) == 1
    fractions = [sign.fraction for sign in told]
    assert fractions == sorted(fractions)


def test_whoever_fails_has_ended():
    """And what comes afterwards is not watched."""
    told: list[Sign] = []
    with pytest.raises(ZeroDivisionError), watched(told.append), progress.following(8):
        _ = 1 / 0
    assert [sign.fraction for sign in told] == [1.0]
    progress.tick(1)
    progress.allot(1)
    assert len(told) == 1
