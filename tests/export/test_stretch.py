"""Which values become dark and bright."""

from __future__ import annotations

import numpy as np
import pytest

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.export.stretch import stretch_by_date, stretch_of


@pytest.fixture
def ground() -> np.ndarray:
    """Six dates of land in three bands: float64 array, shape (T, C, Y, X)."""
    rng = np.random.default_rng(0)
    return rng.lognormal(np.log(500), 0.4, (6, 3, 24, 24))


def limits_of(cube: np.ndarray, **settings) -> np.ndarray:
    """The stretch of a cube without missing cells."""
    return stretch_of(cube, np.ones(cube.shape, bool), **settings)


def test_clouds_do_not_darken_the_ground(ground):
    """Two dates under clouds, and one in part, move the stretch but a little."""
    clear = limits_of(ground)
    cloudy = ground.copy()
    cloudy[1:3] = 6000 + 4 * cloudy[1:3]
    cloudy[4, :, :12] += 7000
    np.testing.assert_allclose(limits_of(cloudy), clear, rtol=0.1)
    assert (limits_of(cloudy[:, :1])[:, 1] > 6000).all()  # one band has a scale of its own


@pytest.mark.parametrize("kind", ["place", "mild", "one band"])
def test_what_is_bright_otherwise_is_no_cloud(ground, kind):
    """Snow that stays, a dry season of twice the brightness, one band that is bright."""
    cube = ground.copy()
    if kind == "place":
        cube[:, :, :8] += 7000
    elif kind == "mild":
        cube[1:3] *= 2
    else:
        cube[1:3, 0] += 7000
    valid = np.ones(cube.shape, bool)
    np.testing.assert_array_equal(
        stretch_of(cube, valid),
        [np.percentile(cube[:, band], (2, 98)) for band in range(3)],
    )


def test_each_date_is_stretched_over_its_ground(ground):
    """Or over its clouds, where there is nothing else."""
    cube = ground.copy()
    cube[1] = 6000 + 4 * cube[1]
    cube[4, :, :12] += 7000
    by_date = stretch_by_date(cube, np.ones(cube.shape, bool))
    np.testing.assert_allclose(by_date[4], limits_of(ground[4:5, :, 12:]))
    np.testing.assert_allclose(by_date[1], limits_of(cube[1:2]))
    fixed = stretch_by_date(cube, np.ones(cube.shape, bool), limits=(0, 2500))
    assert (fixed == (0, 2500)).all()
    assert fixed.shape == (6, 3, 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"limits": (5, 1)}, r"limits must be two finite numbers, the first .*, got \(5, 1\)"),
        ({"limits": (1, 1)}, "limits must"),
        ({"limits": (0, np.nan)}, "limits must"),
        ({"limits": (0, np.inf)}, "limits must"),
        ({"limits": (1, 2, 3)}, "limits must be two numbers"),
        ({"limits": "ab"}, "limits must be two numbers"),
        ({"percentiles": (98, 2)}, "percentiles must be two finite numbers from 0 to 100"),
        ({"percentiles": (2, 200)}, "percentiles must"),
    ],
    ids=str,
)
@pytest.mark.parametrize("stretch", [stretch_of, stretch_by_date])
def test_ends_that_make_no_picture_are_refused(ground, stretch, words, message):
    with pytest.raises(VideoCodecError, match=message):
        stretch(ground, np.ones(ground.shape, bool), **words)


def test_missing_cells_and_few_values_are_no_trouble(ground):
    """A sentinel does not count; rain beyond both percentiles is shown; nothing is 0 to 1."""
    cube = np.where(ground > 900, -9999.0, ground)
    assert stretch_of(cube, cube != -9999).min() > 0
    rain = np.zeros((3, 1, 30, 30))
    rain[1, 0, :2, :2] = 5
    assert limits_of(rain).tolist() == [[0, 5]]
    assert stretch_of(rain, np.zeros(rain.shape, bool)).tolist() == [[0, 1]]
    np.testing.assert_array_equal(limits_of(np.zeros((2, 3, 4, 4))), np.zeros((3, 2)))
    assert stretch_of(ground, np.zeros(ground.shape, bool)).tolist() == [[0, 1]] * 3
