"""Searches for several variables at once."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from numcodecs_video.codec import VideoCodec
from numcodecs_video.errors import VideoCodecError

xr = pytest.importorskip("xarray")

from numcodecs_video.xarray import encoding, tuning  # noqa: E402
from numcodecs_video.xarray.tuning import beside_each_other  # noqa: E402

NAMES = ("a", "b", "c")


@pytest.fixture
def ds() -> xr.Dataset:
    """Three measurements in four chunks each, none like the others."""
    rng = np.random.default_rng(0)
    values = {name: rng.normal(280, 3**n, (8, 20, 24)) for n, name in enumerate(NAMES)}
    return xr.Dataset({n: (("time", "y", "x"), v.astype("f4")) for n, v in values.items()})


SAID = {"max_error": 0.5, "effort": 1, "tune": True, "chunks": {"time": 2}}


def test_variables_are_searched_side_by_side(ds, monkeypatch):
    """None waits for another to be done, and each gets what it gets alone."""
    monkeypatch.setattr(tuning, "WORKERS", len(NAMES))
    alone = {name: encoding(ds[[name]], **SAID)[name] for name in NAMES}
    together = threading.Barrier(len(NAMES), timeout=30)
    tune = VideoCodec.tune

    def meet(self, sample):
        together.wait()
        return tune(self, sample)

    monkeypatch.setattr(VideoCodec, "tune", meet)
    assert encoding(ds, **SAID) == alone


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_names_the_first_variable(ds, monkeypatch, workers):
    """Of those that fail, whichever failed earlier."""
    monkeypatch.setattr(tuning, "WORKERS", workers)

    def fail(self, sample):
        raise VideoCodecError("no coder")

    monkeypatch.setattr(VideoCodec, "tune", fail)
    with pytest.raises(VideoCodecError, match=r"^a: no coder$"):
        encoding(ds, **SAID)


def test_results_are_in_order(monkeypatch):
    """Whichever is done first."""
    monkeypatch.setattr(tuning, "WORKERS", 2)
    done = threading.Event()

    def work(number):
        assert done.wait(30) if number == 0 else done.set() is None
        return number

    assert beside_each_other(work, [0, 1, 2]) == [0, 1, 2]
