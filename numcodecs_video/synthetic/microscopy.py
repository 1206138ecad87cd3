"""Fluorescence microscopy of living cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from numcodecs_video.synthetic.texture import check_sizes, draw_texture

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["microscopy_like"]

CELL_RADIUS = 9.0  # cells of the grid
CAMERA_OFFSET = 400.0  # counts of a dark pixel
READ_NOISE = 4.0  # counts
COUNTS_PER_PHOTON = 2.0


def microscopy_like(
    seed: int = 0, *, times: int = 20, height: int = 256, width: int = 256
) -> NDArray[np.uint16]:
    """Draw stained nuclei that wander and flicker, as a camera would count their light.

    Shot noise follows the light, readout adds a floor, and most of the picture is dark background
    with a faint haze: nothing but the nuclei repeats from one picture to the next.

    Parameters
    ----------
    seed : int
        Of all randomness: the same seed gives the same cube.
    times : int
        Pictures.
    height, width : int
        Cells along y and x.

    Returns
    -------
    ndarray of uint16, shape (times, height, width)
        Counts of the camera.

    Raises
    ------
    ValueError
        If a size is not positive.

    Examples
    --------
    >>> cube = microscopy_like(seed=1, times=3, height=40, width=50)
    >>> cube.shape, cube.dtype.name
    ((3, 40, 50), 'uint16')
    """
    check_sizes(times, height, width)
    rng = np.random.default_rng(seed)
    count = max(1, round(height * width / 1500))
    places = rng.uniform((0, 0), (height, width), size=(count, 2))
    steps = rng.normal(0.0, 0.8, size=(times, count, 2)).cumsum(axis=0)
    brightness = rng.lognormal(4.5, 0.5, size=count)
    radii = rng.normal(CELL_RADIUS, 1.5, size=(count, 2)).clip(4.0)
    haze = 12.0 + 3.0 * draw_texture(rng, height, width, roughness=1.5)
    stain = 1.0 + 0.25 * draw_texture(rng, height, width, roughness=0.8)
    y, x = np.ogrid[:height, :width]
    cube = np.empty((times, height, width), dtype=np.uint16)
    for index in range(times):
        light = np.maximum(haze, 0.0).astype(np.float64)
        for (cy, cx), radius, peak in zip(places + steps[index], radii, brightness, strict=True):
            distance = ((y - cy) / radius[0]) ** 2 + ((x - cx) / radius[1]) ** 2
            light += peak / (1.0 + np.exp(np.minimum(8.0 * (distance - 1.0), 14.0)))
        photons = rng.poisson(np.maximum(light * stain, 0.0))
        counts = CAMERA_OFFSET + COUNTS_PER_PHOTON * photons
        counts += rng.normal(0.0, READ_NOISE, size=counts.shape)
        cube[index] = np.rint(counts).clip(0, np.iinfo(np.uint16).max)
    return cube
