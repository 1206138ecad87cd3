"""Which values a picture shows as dark and as bright.

Knows values alone; nothing of colours, figures or films.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_video.errors import VideoCodecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["stretch_by_date", "stretch_of"]

HISTOGRAM_BINS = 256
# What makes bright cells clouds: they are so many times as bright as the others, leave so many of
# the cells, and pass: so many of the places are seen without on some date.
CLOUD_BRIGHTNESS = 4.0
LEAST_GROUND, LEAST_PLACES = 0.1, 0.95


def stretch_of(
    cube: NDArray[Any],
    valid: NDArray[np.bool_],
    percentiles: tuple[float, float] = (2.0, 98.0),
    limits: tuple[float, float] | None = None,
) -> NDArray[np.float64]:
    """Find the darkest and the brightest value of each band to show.

    Percentiles of the valid cells over all dates. Of three bands, which make a colour picture,
    those of the ground, where there are clouds that would leave it nearly black: bright cells, told
    from others by Otsu's threshold [1]_ of the logarithm, that are several times as bright in all
    three bands and not at the same place on every date.

    Parameters
    ----------
    cube : ndarray, shape (T, C, Y, X)
    valid : ndarray of bool
        In the shape of `cube`.
    percentiles : tuple of float
        Which become dark and bright.
    limits : tuple of float, optional
        Values that become dark and bright in every band instead.

    Returns
    -------
    ndarray, shape (C, 2)
        0 and 1 for a band without a valid cell; the extremes where the percentiles are one value.

    Raises
    ------
    VideoCodecError
        If `limits` or `percentiles` are not two numbers that rise.

    References
    ----------
    .. [1] N. Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on
       Systems, Man, and Cybernetics 9 (1979), pp. 62-66.

    Examples
    --------
    >>> cube = np.tile(np.linspace(100, 1000, 91), (4, 3, 1, 1))
    >>> cube[2] += 8000  # a cloudy date
    >>> stretch_of(cube, np.ones_like(cube, bool), (0, 100))[0]
    array([ 100., 1000.])
    >>> stretch_of(cube[:, :1], np.ones_like(cube[:, :1], bool), (0, 100))[0]
    array([ 100., 9000.])
    """
    _check_ends(percentiles, limits)
    if limits is not None:
        return np.full((cube.shape[1], 2), limits, dtype=np.float64)
    shown = valid
    if cube.shape[1] == 3:
        clouds = _clouds(cube, valid)
        shown = valid if clouds is None else valid & ~clouds[:, np.newaxis]
    return _percentiles(cube, shown, percentiles)


def stretch_by_date(
    cube: NDArray[Any],
    valid: NDArray[np.bool_],
    percentiles: tuple[float, float] = (2.0, 98.0),
    limits: tuple[float, float] | None = None,
) -> NDArray[np.float64]:
    """Find the same for each date by itself: a winter is dark, and a cloudy date has no ground.

    Parameters
    ----------
    cube, valid, percentiles, limits
        As of `stretch_of`. Which cells are clouds is told from all dates.

    Returns
    -------
    ndarray, shape (T, C, 2)
    """
    _check_ends(percentiles, limits)
    if limits is not None:
        return np.broadcast_to(np.asarray(limits, np.float64), (*cube.shape[:2], 2))
    clouds = _clouds(cube, valid) if cube.shape[1] == 3 else None
    stretches = []
    for date, seen in enumerate(valid):
        ground = seen if clouds is None else seen & ~clouds[date]
        shown = ground if ground.sum() >= LEAST_GROUND * seen.sum() else seen
        stretches.append(_percentiles(cube[date][None], shown[None], percentiles))
    return np.asarray(stretches).reshape(*cube.shape[:2], 2)


def _check_ends(percentiles: object, limits: object) -> None:
    """Refuse ends that would make a picture of one colour, or of none."""
    for name, pair, least, most in (
        ("percentiles", percentiles, 0.0, 100.0),
        ("limits", limits, -np.inf, np.inf),
    ):
        if pair is None:
            continue
        ends = np.asarray(pair)
        if ends.shape != (2,) or ends.dtype.kind not in "iuf":
            raise VideoCodecError(f"{name} must be two numbers, dark and bright, got {pair!r}")
        low, high = ends
        if not least <= low < high <= most or not np.isfinite(ends).all():
            within = "" if np.isinf(most) else f" from {least:g} to {most:g}"
            raise VideoCodecError(
                f"{name} must be two finite numbers{within}, the first below the second, "
                f"got {pair!r}"
            )


def _percentiles(
    cube: NDArray[Any], shown: NDArray[np.bool_], percentiles: tuple[float, float]
) -> NDArray[np.float64]:
    """Percentiles of each band's cells to be shown, shape (C, 2)."""
    pairs = []
    for band in range(cube.shape[1]):
        values = cube[:, band][shown[:, band]].astype(np.float64)
        if not values.size:
            pairs.append((0.0, 1.0))
            continue
        low, high = np.percentile(values, percentiles)
        # Rain on a dry day is beyond both.
        pairs.append((low, high) if low < high else (values.min(), values.max()))
    return np.asarray(pairs, dtype=np.float64)


def _clouds(cube: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Find cells, shape (T, Y, X), that are bright in every band now and then; None without any."""
    seen = valid.all(axis=1)
    darkest = cube.min(axis=1).astype(np.float64)
    values = darkest[seen]
    if values.size == 0:
        return None
    low, high = np.percentile(values, (2, 98))
    low = max(low, high / 1000)
    if not low < high:
        return None
    threshold = np.exp(_otsu_threshold(np.log(values.clip(low, high))))
    ground = seen & (darkest <= threshold)
    places = seen.any(axis=0)
    if (
        ground.sum() < LEAST_GROUND * values.size
        or ground.any(axis=0).sum() < LEAST_PLACES * places.sum()
        or np.median(values[values > threshold]) < CLOUD_BRIGHTNESS * np.median(darkest[ground])
    ):
        return None
    clouds: NDArray[np.bool_] = seen & ~ground
    return clouds


def _otsu_threshold(values: NDArray[np.float64]) -> float:
    """Split values where the variance between the two classes is largest."""
    counts, edges = np.histogram(values, HISTOGRAM_BINS)
    sums = (counts * (edges[:-1] + edges[1:]) / 2).cumsum()
    below = counts.cumsum()[:-1]
    above = values.size - below
    means = sums[:-1] / np.maximum(below, 1), (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    between = below * above * (means[1] - means[0]) ** 2
    return float(edges[1 + int(between.argmax())])
