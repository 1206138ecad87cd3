"""Random fields with the spectra of landscapes, clouds and weather."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["check_sizes", "draw_texture", "evolve_texture"]


def check_sizes(times: int, height: int, width: int) -> None:
    """Refuse cubes without a cell."""
    if min(times, height, width) < 1:
        raise ValueError(
            f"times, height and width must be positive, got {times}, {height} and {width}"
        )


def draw_texture(
    rng: np.random.Generator, height: int, width: int, *, roughness: float
) -> NDArray[np.float32]:
    """Draw periodic noise of unit variance whose amplitude falls as frequency ** -roughness.

    Returns
    -------
    ndarray of float32, shape (height, width)
    """
    white = np.fft.rfft2(rng.standard_normal((height, width)))
    frequency = np.hypot(np.fft.fftfreq(height)[:, np.newaxis], np.fft.rfftfreq(width))
    frequency[0, 0] = np.inf  # no mean
    noise = np.fft.irfft2(white * frequency**-roughness, s=(height, width))
    scale = noise.std() or 1.0  # a field of one cell is all mean
    return (noise / scale).astype(np.float32)


def evolve_texture(
    rng: np.random.Generator,
    times: int,
    height: int,
    width: int,
    *,
    roughness: float,
    wind: tuple[float, float],
    lifetime: float,
) -> Iterator[NDArray[np.float32]]:
    """Draw periodic noise that drifts and, the faster the smaller its features, renews itself.

    Every Fourier component is an autoregressive process of first order in time whose phase turns
    with the wind.

    Parameters
    ----------
    rng : Generator
    times, height, width : int
        Steps, and cells along y and x.
    roughness : float
        As of `draw_texture`.
    wind : tuple of float
        Cells along y and x that the field drifts in a step.
    lifetime : float
        Steps after which features ten cells long keep 1/e of themselves.

    Yields
    ------
    ndarray of float32, shape (height, width)
        Of unit variance on average over time.
    """
    fy, fx = np.fft.fftfreq(height)[:, np.newaxis], np.fft.rfftfreq(width)
    frequency = np.hypot(fy, fx)
    kept = np.exp(-10.0 * frequency / lifetime)
    turned = kept * np.exp(-2j * np.pi * (fy * wind[0] + fx * wind[1]))
    frequency[0, 0] = np.inf  # no mean
    amplitude = frequency**-roughness
    waves = np.fft.rfft2(rng.standard_normal((height, width)))
    scale = np.fft.irfft2(waves * amplitude, s=(height, width)).std() or 1.0
    for _ in range(times):
        field = np.fft.irfft2(waves * amplitude, s=(height, width)) / scale
        yield field.astype(np.float32)
        fresh = np.fft.rfft2(rng.standard_normal((height, width)))
        waves = turned * waves + np.sqrt(1.0 - kept**2) * fresh
