"""Threads of one chunk: the same bytes and values, never more of them than asked for."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest

import numcodecs_video
from numcodecs_video import VideoCodec, VideoCodecError, get_threads, set_threads
from numcodecs_video.coders import ffmpeg
from numcodecs_video.threads import run_each

WORDS = {
    "hevc": {"codec": "hevc", "max_error": 0.2, "effort": 1},
    "auto": {"max_error": 0.2},
    "lossless": {"effort": 1},
    "vp9": {"codec": "vp9", "qp": 30, "effort": 1},
}


@pytest.fixture(autouse=True)
def _default_threads(monkeypatch):
    monkeypatch.delenv("NUMCODECS_VIDEO_THREADS", raising=False)
    yield
    set_threads(None)


@pytest.mark.parametrize("name", WORDS)
def test_threads_leave_no_trace_in_the_bytes(name, cube):
    """Nor in the values, nor in the metadata."""
    codec = VideoCodec(gop=1, **WORDS[name])
    alone = codec.encode(cube)
    values = codec.decode(alone)
    config = json.dumps(codec.get_config())
    set_threads(3)
    assert codec.encode(cube) == alone
    np.testing.assert_array_equal(codec.decode(alone), values)
    assert json.dumps(codec.get_config()) == config


@pytest.mark.parametrize("count", [1, 2, 3])
def test_never_more_encoders_than_asked(count, cube, monkeypatch):
    """All run at one time, in threads of their own that end with the encode."""
    running, most, lock = 0, 0, threading.Lock()
    threads = set()
    encode = ffmpeg._encode_packets

    def counted(*arguments):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            threads.add(threading.current_thread())
        barrier.wait(10)
        found = encode(*arguments)
        with lock:
            running -= 1
        return found

    barrier = threading.Barrier(count)  # every thread that may run does
    monkeypatch.setattr(ffmpeg, "_encode_packets", counted)
    set_threads(count)
    VideoCodec("hevc", qp=20, gop=1, effort=1).encode(np.concatenate([cube, cube[:1]]))
    assert most == count
    assert threading.main_thread() not in threads
    assert not any(thread.is_alive() for thread in threads)


def test_the_environment_sets_the_default(monkeypatch):
    """What the process says goes before it."""
    assert get_threads() == 1
    monkeypatch.setenv("NUMCODECS_VIDEO_THREADS", "4")
    assert get_threads() == 4
    set_threads(2)
    assert get_threads() == 2


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
def test_counts_that_are_none_are_refused(count):
    with pytest.raises(VideoCodecError, match="positive integer, got"):
        set_threads(count)


@pytest.mark.parametrize("said", ["0", "many", "-2", "1.5", ""])
def test_a_bad_environment_is_named(said, monkeypatch, cube):
    """By the variable and what it holds."""
    monkeypatch.setenv("NUMCODECS_VIDEO_THREADS", said)
    with pytest.raises(VideoCodecError, match=f"NUMCODECS_VIDEO_THREADS .* got {said!r}"):
        VideoCodec().encode(cube)


def test_results_keep_their_order():
    """Whichever thread is first."""
    set_threads(4)
    assert run_each(lambda i: -i, range(50)) == [-i for i in range(50)]
    assert run_each(len, []) == []


def test_errors_of_threads_reach_the_caller():
    set_threads(2)
    with pytest.raises(ZeroDivisionError):
        run_each(lambda i: 1 // i, [1, 0, 1])


def test_the_setting_is_public():
    assert {"get_threads", "set_threads"} <= set(numcodecs_video.__all__)
