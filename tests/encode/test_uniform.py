"""Levels of uniform steps as coarse as a distortion allows."""

from __future__ import annotations

import numpy as np
import pytest

from numcodecs_video import VideoCodec
from numcodecs_video.config import Settings
from numcodecs_video.encode.chunk import prepare_chunk
from numcodecs_video.encode.uniform import uniform_bound, uniform_levels
from numcodecs_video.metrics import rmse as rmse_of
from numcodecs_video.transform.levels import to_values


@pytest.mark.parametrize("dtype", ["i4", "f4"])
@pytest.mark.parametrize("rmse", [0.9, 3.0, 40.0])
def test_uniform_steps_make_no_more_than_their_rmse(dtype, rmse):
    """And within a step of integers below it."""
    values = np.random.default_rng(0).uniform(0, 10_000, (2, 100, 100)).astype(dtype)
    chunk = prepare_chunk(values, Settings.parse(rmse=rmse))
    bound = uniform_bound(chunk, rmse)
    step = 2 * bound + (dtype == "i4")
    error = values - step * np.round(values / step) if step else values * 0
    assert np.sqrt(np.mean(np.square(error, dtype="f8"))) <= rmse * 1.02


@pytest.mark.parametrize("dtype", ["i4", "f4"])
def test_values_without_an_error_leave_more_to_the_others(dtype):
    """Nine of ten cells are dry: the step is some three times as wide, and the target met."""
    generator = np.random.default_rng(1)
    rain = generator.uniform(0, 3_000, (6, 60, 60)) * (generator.random((6, 60, 60)) < 0.1)
    chunk = prepare_chunk(rain.astype(dtype), Settings.parse(rmse=20.0))
    levels = uniform_levels(chunk, 20.0, 0.82)
    values = to_values(levels.direct.array, levels.direct.values, chunk.cube.dtype)
    assert 18 < rmse_of(chunk.cube, values) <= 20
    assert levels.bound > 2.7 * uniform_bound(chunk, 20.0)


@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_codes_between_two_levels_take_finer_ones(dtype):
    """Every error is the largest, more than uniform ones would be."""
    codes = np.random.default_rng(4).choice([0, 5, 800, 805], (4, 40, 40)).astype(dtype)
    chunk = prepare_chunk(codes, Settings.parse(rmse=3.0))
    levels = uniform_levels(chunk, 3.0, 0.82)
    values = to_values(levels.direct.array, levels.direct.values, chunk.cube.dtype)
    assert rmse_of(chunk.cube, values) <= 3


def test_counts_that_are_all_off_keep_the_bound_of_uniform_errors():
    """One measurement tells."""
    counts = np.random.default_rng(2).integers(0, 4_000, (4, 40, 40)).astype("u2")
    chunk = prepare_chunk(counts, Settings.parse(rmse=8.2))
    assert uniform_levels(chunk, 8.2, 0.82).bound == uniform_bound(chunk, 8.2) == 13


def test_rain_is_not_coded_far_better_than_asked_for():
    """What keeps the codec to a PSNR of 40 dB is no 55 dB."""
    generator = np.random.default_rng(3)
    rain = generator.gamma(1, 4, (6, 48, 48)) * (generator.random((6, 48, 48)) < 0.02)
    codec = VideoCodec(psnr=40, effort=1)
    decoded = codec.decode(codec.encode(rain.astype("f4")))
    error = np.sqrt(np.mean((decoded - rain) ** 2))
    assert 40 <= 20 * np.log10(rain.max() / error) < 41
