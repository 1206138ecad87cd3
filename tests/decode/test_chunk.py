"""The mirror of an encode: however the work is cut, the same array comes out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video import VideoCodec
from numcodecs_video.decode.chunk import decode_chunk, samples_to_levels
from numcodecs_video.format.header import BIAS_BITS, Transform
from numcodecs_video.transform import cube
from tests.strategies import same_bits

WORDS = {
    "video": {"qp": 12},
    "video and residual": {"codec": "hevc", "max_error": 0.4, "effort": 1},
    "levels": {"max_error": 0.01},
    "groups": {
        "codec": "hevc",
        "max_error": 0.4,
        "plan": {"version": 1, "rate": 9.0, "base": {"step": 1.0, "klt": True, "group": 2}},
    },
    "8 bits": {"codec": "h264", "qp": 20, "bits": 8},
    "zeros and signs": {"codec": "hevc", "max_relative_error": 0.01},
}


@pytest.fixture(params=WORDS, scope="module")
def payload(request) -> bytes:
    """A chunk with holes, more cells than 12 bits have samples, of one and of three bands."""
    t, c, y, x = np.mgrid[:5, :3, :40, :50]
    noise = np.random.default_rng(3).normal(0, 0.2, t.shape)
    values = (10 * np.sin((x + t) / 9) * np.cos(y / 7) * (c + 1) + noise).astype("f4")
    values[1:3, :, 4:9, 10:15] = np.nan
    return VideoCodec(gop=2, pca=False, **WORDS[request.param]).encode(values)


def test_blocks_do_not_show(payload, monkeypatch):
    """Levels are worked on a few rows at a time: row by row, or all at once, is the same."""
    expected = decode_chunk(payload)
    for cells in (1, 7 * 150, 2**40):
        monkeypatch.setattr(cube, "_BLOCK_CELLS", cells)
        assert same_bits(decode_chunk(payload), expected)


def test_looking_values_up_does_not_show(payload, monkeypatch):
    """Values of unmixed planes come from a table of all samples, to the bit those of the rules."""
    expected = decode_chunk(payload)
    monkeypatch.setattr(Transform, "mixes", True)
    assert same_bits(decode_chunk(payload), expected)


@given(st.data(), st.booleans(), st.integers(0, 32), st.integers(BIAS_BITS, 40))
def test_levels_are_those_of_integer_arithmetic(data, mixed, gain, shift):
    """In doubles where they are exact, in integers beyond, the formula of the format holds."""
    bands, planes = (3, 2) if mixed else (2, 2)
    weight, bias = st.integers(-(2**13), 2**13), st.integers(-(2**20), 2**20)
    weights = data.draw(st.lists(weight, min_size=6, max_size=6)) if mixed else []
    biases = data.draw(st.lists(bias, min_size=bands, max_size=bands))
    transform = Transform(
        "linear", gain=2**gain - 1, shift=shift, weights=tuple(weights), bias=tuple(biases)
    )
    samples = np.array(data.draw(st.lists(st.integers(0, 4095), min_size=planes, max_size=planes)))
    rows = np.array(weights or [1, 0, 0, 1], object).reshape(bands, planes)
    expected = [
        (transform.gain * int(sum(rows[c] * samples)) + (biases[c] << (shift - BIAS_BITS))
         + (1 << shift - 1)) >> shift
        for c in range(bands)
    ]  # fmt: skip
    levels = samples_to_levels(samples.astype("u2").reshape(1, planes, 1, 1), transform, 12, bands)
    assert levels.reshape(-1).tolist() == expected
