"""What the synthetic cubes are made of, since the demo and the benchmarks stand on them."""

from __future__ import annotations

import numpy as np
import pytest

from numcodecs_video.synthetic import BANDS, NODATA, sentinel2_like

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
