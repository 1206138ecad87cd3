import numpy as np
import pytest

from numcodecs_video import VideoCodec
from numcodecs_video.encode import bounded
from numcodecs_video.encode.bounded import encode_bounded
from numcodecs_video.encode.chunk import prepare_chunk
from numcodecs_video.encode.innovation import innovation
from numcodecs_video.encode.levels import ChunkLevels
from numcodecs_video.format.payload import parse_header


def waves(noise: float, *, shape: tuple[int, ...] = (12, 40, 44)) -> np.ndarray:
    """Smooth in space and time, with noise."""
    t, y, x = np.meshgrid(*map(np.arange, shape), indexing="ij")
    random = np.random.default_rng(0)
    field = np.sin(y / 9 + t / 20) + np.cos(x / 11 - t / 17) + noise * random.normal(size=shape)
    return field.astype("f4")


def levels_of(cube: np.ndarray, bound: float, **settings: object) -> ChunkLevels:
    codec = VideoCodec(axes="tyx", max_error=bound, effort=1, **settings)
    return ChunkLevels(prepare_chunk(cube, codec.settings), bound)


def test_it_is_the_error_of_a_prediction_in_steps():
    """Of noise that no neighbour tells, its mean size and little more."""
    found = innovation(levels_of(waves(0.1), 0.05))
    assert 0.8 < found < 1.1  # the mean size is 0.8 of 0.1, and a step 0.1
    assert innovation(levels_of(waves(0), 0.05)) < 0.02


def test_missing_cells_tell_nothing():
    cube = waves(0.1)
    cube[:, 10:20] = np.nan
    assert 0.8 < innovation(levels_of(cube, 0.05)) < 1.1


@pytest.mark.parametrize("shape", [(12, 2, 44), (1, 3, 3), (1, 40, 44)])
def test_pictures_that_are_small_or_alone(shape):
    """It is infinite where there is too little to tell."""
    found = innovation(levels_of(waves(0.1, shape=shape), 0.05))
    assert np.isinf(found) == (min(shape[1:]) < 4)


def test_a_field_that_is_everywhere_the_same_has_none():
    cube = np.zeros((4, 20, 20), "f4")
    cube[0, 0, 0] = 1
    assert innovation(levels_of(cube, 0.1)) < 0.01


@pytest.mark.parametrize(("noise", "based"), [(0, True), (0.1, False)])
def test_the_lowest_effort_makes_a_base_where_most_bits_tell_of_rounding(noise, based):
    cube = waves(noise, shape=(24, 64, 64))
    codec = VideoCodec(axes="tyx", max_error=0.05, effort=1)
    encoded = next(encode_bounded(prepare_chunk(cube, codec.settings), 0.05).encoded)
    assert ("qp" in encoded.name) == based


def test_a_plan_with_a_base_makes_none_where_it_cannot_pay():
    """At the lowest effort; a chunk like those that it was made of has one."""
    smooth, noisy = (waves(noise, shape=(24, 64, 64)) for noise in (0, 0.03))
    tuned = VideoCodec(axes="tyx", max_error=0.05, effort=1).tune([smooth])
    names = [parse_header(tuned.encode(cube)).candidate for cube in (smooth, noisy)]
    assert ["qp" in name for name in names] == [True, False]


def test_a_plan_looks_at_one_part(monkeypatch):
    """To tell whether its base may pay, and which of its candidates is the smallest."""
    smooth = waves(0, shape=(24, 64, 64))
    tuned = VideoCodec(axes="tyx", max_error=0.05, effort=1).tune([smooth])
    config = tuned.get_config()
    config["plan"]["direct"] = [["adaptive", False]]
    parts, start = [], bounded.start_trials

    def counted(*given):
        parts.append(start(*given))
        return parts[-1]

    monkeypatch.setattr(bounded, "start_trials", counted)
    assert VideoCodec.from_config(config).encode(smooth) == tuned.encode(smooth)
    assert len(parts) == 2  # one of either encode
