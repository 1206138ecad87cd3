"""What the synthetic cubes are made of, since the demo and the benchmarks stand on them."""

from __future__ import annotations

import numpy as np
import pytest

from numcodecs_video.synthetic import (
    BANDS,
    NODATA,
    era5_like,
    microscopy_like,
    radar_like,
    sentinel2_like,
)

RED, NIR = BANDS.index("B04"), BANDS.index("B08")


@pytest.fixture(scope="module")
def cube() -> np.ndarray:
    """One year at 24 dates: uint16 array, shape (24, 4, 96, 128)."""
    return sentinel2_like(seed=3, times=24, height=96, width=128)


def test_same_seed_same_cube(cube):
    """All randomness comes from the seed."""
    assert np.array_equal(cube, sentinel2_like(seed=3, times=24, height=96, width=128))
    assert not np.array_equal(cube, sentinel2_like(seed=4, times=24, height=96, width=128))


def test_the_global_random_state_is_left_alone():
    """Drawing a cube takes nothing from numpy's global generator."""
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the global generator is the subject
    sentinel2_like(times=1, height=8, width=8)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002 - as above


def test_values_are_reflectances(cube):
    """Measured cells lie in the range of Sentinel-2 products and never hold the sentinel."""
    measured = cube[cube != NODATA]
    assert measured.min() > 0
    assert 200 < np.median(measured) < 4000
    assert measured.max() < 16_000


def test_the_swath_edge_cuts_all_bands_of_every_other_date(cube):
    """Missing cells are a corner of the odd dates, the same in all bands."""
    missing = cube == NODATA
    assert not missing[::2].any()
    assert missing[1::2].any(axis=(1, 2, 3)).all()
    assert (missing == missing[:, :1]).all()


def test_vegetation_follows_the_season(cube):
    """The median vegetation index is higher in mid-year than at its ends."""
    counts = np.where(cube == NODATA, np.nan, cube.astype(float))
    ndvi = (counts[:, NIR] - counts[:, RED]) / (counts[:, NIR] + counts[:, RED])
    by_date = np.nanmedian(ndvi, axis=(1, 2))
    assert np.median(by_date[10:14]) > np.median(by_date[[0, 1, 22, 23]]) + 0.1


def test_some_dates_are_cloudy_and_some_are_clear(cube):
    """Clouds are the bright cells of the blue band; they cover some dates and not others."""
    cover = (cube[:, 0] > 3000).mean(axis=(1, 2))
    assert cover.max() > 0.2
    assert cover.min() == 0.0


@pytest.mark.parametrize("size", [(1, 1, 1), (1, 7, 3), (2, 1, 40)])
def test_every_size_draws(size):
    """Cubes of a cell or a row draw too."""
    times, height, width = size
    cube = sentinel2_like(times=times, height=height, width=width)
    assert cube.shape == (times, len(BANDS), height, width)


def test_sizes_must_be_positive():
    """A size of zero is refused by name."""
    with pytest.raises(ValueError, match="must be positive"):
        sentinel2_like(times=0)


OTHERS = [era5_like, radar_like, microscopy_like]


@pytest.mark.parametrize("draw", OTHERS)
def test_the_other_cubes_are_seeded_too(draw):
    """All randomness comes from the seed, whatever the cube, and sizes are checked."""
    sizes = {"times": 3, "height": 20, "width": 30}
    drawn = draw(seed=3, **sizes)
    assert np.array_equal(drawn, draw(seed=3, **sizes), equal_nan=drawn.dtype.kind == "f")
    assert not np.array_equal(drawn, draw(seed=4, **sizes))
    assert draw(times=1, height=1, width=1).shape[0] == 1
    with pytest.raises(ValueError, match="must be positive"):
        draw(height=0)


def test_air_cools_with_height_and_is_smooth():
    """Levels are ordered, and neighbours in space and time differ by far less than the range."""
    air = era5_like(times=6, height=64, width=96)
    by_level = air.mean(axis=(0, 2, 3))
    assert (np.diff(by_level) < 0).all()
    span = np.ptp(air[:, 0])
    assert np.abs(np.diff(air, axis=0)).mean() < 0.02 * span
    assert np.abs(np.diff(air, axis=3)).mean() < 0.02 * span


def test_rain_is_mostly_zero_in_few_steps_and_moves():
    """Rates are sparse and of few values; the corners hold NaN; a later step is another."""
    rain = radar_like(times=6, height=96, width=96)
    measured = rain[np.isfinite(rain)]
    assert np.isnan(rain[:, 0, 0]).all()
    assert 0.4 < (measured == 0).mean() < 0.98
    assert measured.max() > 1.0
    assert len(np.unique(measured)) < 150
    wet = rain > 0
    assert (wet[0] & wet[1]).sum() > 0.5 * wet[0].sum()
    assert (wet[0] != wet[5]).any()


def test_nuclei_are_brighter_than_their_noisy_background():
    """Most pixels are dark, nuclei stand out, and noise changes from picture to picture."""
    pictures = microscopy_like(times=4, height=96, width=96).astype(float)
    dark = np.median(pictures)
    assert pictures.max() > dark + 100
    background = pictures[:, pictures.max(axis=0) < dark + 40]
    assert 3 < np.diff(background, axis=0).std() < 40
