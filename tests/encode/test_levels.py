"""What candidates share: levels that are runs of points, and how finely a base sees them."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from numcodecs_video import VideoCodec
from numcodecs_video.config import Jpeg2kSettings, Settings
from numcodecs_video.encode.chunk import prepare_chunk
from numcodecs_video.encode.levels import ChunkLevels

SHAPE = (6, 24, 24)


def _counts(top: int) -> np.ndarray:
    """A slope under noise."""
    noise = np.random.default_rng(5).normal(0, top / 40, SHAPE)
    slope = np.linspace(0.1, 0.9, SHAPE[2]) * top
    return np.clip(np.rint(slope + noise), 0, top)


def _levels(array: np.ndarray, bound: float, **words: object) -> ChunkLevels:
    return ChunkLevels(prepare_chunk(array, Settings.parse(**words)), bound)


def test_counts_as_floats_have_the_levels_of_counts():
    """The same number of them, as many to a level, and as many to a step of the residual."""
    counts = _counts(900)
    integers = _levels(counts.astype("u2"), 3, max_error=3)
    floats = _levels(counts.astype("f4"), 3, max_error=3)
    assert np.array_equal(integers.direct.array, floats.direct.array)
    assert np.array_equal(integers.fine.array, floats.fine.array)
    assert integers.residual_step == floats.residual_step == 7


def test_multiples_have_a_level_for_several_of_them():
    """Lossless ones as well, and booleans of 0 and 255."""
    counts = _counts(900)
    scaled = _levels((10 * counts).astype("u2"), 30, max_error=30)
    assert np.array_equal(scaled.direct.array, _levels(counts.astype("u2"), 3).direct.array)
    assert scaled.residual_step == 7
    mask = np.where(counts > 400, 255, 0).astype("u1")
    assert _levels(mask, 0).direct.top == 1


@pytest.mark.parametrize("words", [{"rmse": 3}, {"psnr": 40}])
@pytest.mark.parametrize("dtype", ["f4", "u2"])
def test_no_runs_where_errors_are_to_be_spread_evenly(words, dtype):
    """An RMSE is met by a step whose error is known."""
    levels = _levels((10 * _counts(900)).astype(dtype), 30, **words)
    assert (levels.lattice, levels.unit) == (None, 1)


def test_few_values_that_lie_on_no_lattice_have_a_table():
    """Rain rates of logarithmic steps, where bounds are finer than these."""
    rates = np.float32(1.1) ** np.arange(50, dtype="f4")
    array = rates[(_counts(900) / 900 * 49).astype("i4")]
    found = _levels(array, 0.01, max_error=0.01)
    assert found.direct.top < 50
    assert found.sample(200, 2).direct.values.kind == found.direct.values.kind == "table"
    assert _levels(array, 1, max_error=1).direct.values.kind == "real"
    assert _levels(array[:, :4, :4], 0.01, max_error=0.01).direct.values.kind == "real"
    assert _levels(array, 0.01, rmse=0.01).direct.values.kind == "real"


def test_no_table_where_a_bound_makes_one_of_many_values():
    """Of drizzle, here: the steps of the bound are many, but most cells share a few of them."""
    rng = np.random.default_rng(6)
    rates = np.float32(1.1) ** np.arange(-40, 60, dtype="f4")
    ranks = np.minimum(rng.exponential(12, (6, 60, 70)), 99).astype("i4")
    ranks[0, 0, 0] = 99
    found = _levels(rates[ranks], 0.1, max_error=0.1)
    assert found.direct.values.kind == "real"
    assert found.direct.top > 8 * 100
    assert _levels(rates[ranks], 0.0001, max_error=0.0001).direct.values.kind == "table"


def test_a_part_lies_on_the_lattice_of_the_whole():
    """Quantisers mean the same there, even where only every other point is left."""
    array = _counts(900).astype("f4")
    array[:3] = 2 * np.rint(array[:3] / 2)
    levels = _levels(array, 3, max_error=3, gop=3)
    part = levels.sample(200, 2)
    assert part.lattice is levels.lattice
    assert part.fine.values.step == levels.fine.values.step == 1


def test_a_base_by_drifting_decoders_has_finer_levels():
    """Two of them may differ by a level, which would be much of a short run."""
    array = _counts(900).astype("f4")
    assert _levels(array, 3, max_error=3, codec="hevc").residual_step == 7
    pictures = prepare_chunk(array, Jpeg2kSettings.parse(max_error=3))
    assert ChunkLevels(pictures, 3).residual_step == 256


@pytest.mark.parametrize("bound", [0.3, 1, 2])
def test_counts_take_fewer_bytes_than_with_a_little_noise(bound):
    """Of a fifth of a count, after which they lie on no lattice."""
    counts = _counts(300)
    noise = np.random.default_rng(6).uniform(-0.2, 0.2, SHAPE)
    sizes = [
        len(VideoCodec(max_error=bound, effort=2).encode(array.astype("f8")))
        for array in (counts, counts + noise)
    ]
    assert sizes[0] < 0.97 * sizes[1]


def test_components_of_groups_are_those_of_one_size_at_a_time():
    """Each are as large as the chunk; what is known of all sizes is their span."""
    levels = _levels(_counts(900).astype("f4"), 0.5, max_error=0.5)
    first = weakref.ref(levels.components(group=2))
    spans = [levels.span(group=group) for group in (2, 3)]
    assert first() is None
    assert spans == [levels.components(group=group).span for group in (2, 3)]
    last = weakref.ref(levels.components(group=3))
    levels.span()
    assert last() is not None
    levels.components()
    assert last() is None
