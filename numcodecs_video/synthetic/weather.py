"""Weather: a reanalysis on pressure levels, and a composite of rain radars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from numcodecs_video.synthetic.texture import check_sizes, draw_texture, evolve_texture

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LEVELS", "era5_like", "radar_like"]

LEVELS = (1000.0, 850.0, 700.0, 500.0, 300.0)  #: hPa, from the ground up

# Mean temperature at LEVELS in K, as in the standard atmosphere.
PROFILE = (287.0, 278.7, 268.6, 252.0, 229.7)
RAIN_STEP_DB = 0.5  # of the rates that a radar product tells apart
RAIN_LEAST = 0.1  # mm/h, below which it reports none


def era5_like(
    seed: int = 0, *, times: int = 24, height: int = 128, width: int = 192
) -> NDArray[np.float32]:
    """Draw days of hourly temperature on pressure levels as a reanalysis would hold it.

    Temperature falls with height and towards the poles; smooth waves drift eastwards and tilt with
    height; the ground follows relief and the hour of the day. There is no noise but the rounding of
    float32, as models have none.

    Parameters
    ----------
    seed : int
        Of all randomness: the same seed gives the same cube.
    times : int
        Hours.
    height, width : int
        Cells along y and x.

    Returns
    -------
    ndarray of float32, shape (times, 5, height, width)
        Kelvin, at ``LEVELS``.

    Raises
    ------
    ValueError
        If a size is not positive.

    Examples
    --------
    >>> cube = era5_like(seed=1, times=3, height=40, width=50)
    >>> cube.shape, cube.dtype.name
    ((3, 5, 40, 50), 'float32')
    """
    check_sizes(times, height, width)
    rng = np.random.default_rng(seed)
    relief = np.maximum(draw_texture(rng, height, width, roughness=1.8), np.float32(0.0))
    sunward = np.cos(np.linspace(-1.2, 1.2, height, dtype=np.float32))[:, np.newaxis]
    east = np.linspace(0.0, 2.0 * np.pi, width, dtype=np.float32, endpoint=False)
    air = evolve_texture(rng, times, height, width, roughness=2.6, wind=(0.1, 0.8), lifetime=40.0)
    cube = np.empty((times, len(LEVELS), height, width), dtype=np.float32)
    for hour, waves in enumerate(air):
        daylight = np.cos(2.0 * np.pi * hour / 24.0 - east) * sunward
        for level, mean in enumerate(PROFILE):
            ground = np.float32(0.4**level)  # what is left of relief and daylight at this level
            tilted = np.roll(waves, -2 * level, axis=1)
            cube[hour, level] = (
                np.float32(mean - 12.0)
                + np.float32(25.0) * sunward
                + np.float32(5.0) * tilted
                + ground * (np.float32(4.0) * daylight - np.float32(6.0) * relief)
            )
    return cube


def radar_like(
    seed: int = 0, *, times: int = 24, height: int = 256, width: int = 256
) -> NDArray[np.float32]:
    """Draw two hours of rain rate every five minutes as a radar composite would hold it.

    Showers drift, grow and decay; most cells hold zero; rates come in steps of half a decibel.
    Cells beyond the reach of the radar hold NaN.

    Parameters
    ----------
    seed : int
        Of all randomness: the same seed gives the same cube.
    times : int
        Steps of five minutes.
    height, width : int
        Cells along y and x.

    Returns
    -------
    ndarray of float32, shape (times, height, width)
        Millimetres an hour.

    Raises
    ------
    ValueError
        If a size is not positive.

    Examples
    --------
    >>> cube = radar_like(seed=1, times=3, height=40, width=50)
    >>> float(np.nanmin(cube))
    0.0
    """
    check_sizes(times, height, width)
    rng = np.random.default_rng(seed)
    sky = evolve_texture(rng, times, height, width, roughness=1.7, wind=(-0.7, 1.9), lifetime=12.0)
    y, x = np.ogrid[-1.0 : 1.0 : height * 1j, -1.0 : 1.0 : width * 1j]
    beyond = y**2 + x**2 > 1.4
    cube = np.empty((times, height, width), dtype=np.float32)
    for step, moisture in enumerate(sky):
        # Radars measure power: rates are even steps of its logarithm.
        decibels = RAIN_STEP_DB * np.rint((11.0 * moisture - 12.0) / RAIN_STEP_DB)
        rate = 10.0 ** (decibels / 10.0)
        cube[step] = np.where(rate < RAIN_LEAST, 0.0, rate)
        cube[step, beyond] = np.nan
    return cube
