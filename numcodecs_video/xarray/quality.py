"""How good a decoded array is, gathered block by block so that no array need fit into memory.

Knows arrays and their axes; nothing of codecs or stores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_video import metrics
from numcodecs_video.config import default_axes
from numcodecs_video.errors import noting
from numcodecs_video.transform.cube import to_cube

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xarray as xr
    from numpy.typing import NDArray

    from numcodecs_video.sampling import Region

__all__ = [
    "Quality",
    "QualityGauge",
    "name_region",
    "range_of",
    "read_region",
]


@dataclass(frozen=True)
class Quality:
    """How far an array is from its original.

    Attributes
    ----------
    rmse : float
        In the data's units.
    psnr : float
        In dB, relative to the valid range; infinite where nothing differs.
    ssim : float
        Mean structural similarity, within each chunk; NaN without scikit-image or where planes are
        below 3 x 3.
    spectral_angle : float
        Mean angle in degrees; NaN where there is one band.
    largest_error : float
        In the data's units.
    missing_changed : int
        Missing cells that did not come back as they were.
    """

    rmse: float
    psnr: float
    ssim: float
    spectral_angle: float
    largest_error: float
    missing_changed: int


class QualityGauge:
    """Sums that make a `Quality` of any number of blocks.

    Parameters
    ----------
    axes : str, optional
        One letter a dimension; the last two are y and x unless given.
    span : float
        Largest minus smallest valid value of the whole array, which PSNR and SSIM relate to.
    """

    def __init__(self, axes: str | None, span: float) -> None:
        self._axes = axes
        self._span = span
        self._squares = self._largest = 0.0
        self._cells = self._missing_changed = 0
        self._similarity, self._angle = _WeightedMean(), _WeightedMean()

    def add(
        self, before: NDArray[Any], after: NDArray[Any], valid: NDArray[np.bool_] | None = None
    ) -> None:
        """Take in one block.

        Parameters
        ----------
        before, after : ndarray
            Original and decoded, of one shape.
        valid : ndarray of bool, optional
            The cells that count; the finite cells of `before` unless given.
        """
        valid = metrics.valid_cells(before) if valid is None else valid
        cells = int(np.count_nonzero(valid))
        self._missing_changed += metrics.missing_changed(before, after, valid=valid)
        self._cells += cells
        self._squares += metrics.rmse(before, after, valid=valid) ** 2 * cells
        self._largest = max(self._largest, metrics.largest_error(before, after, valid=valid))
        if before.ndim < 2:
            return
        axes = self._axes or default_axes(before.ndim)
        old, new, seen = (to_cube(array, axes) for array in (before, after, valid))
        try:
            similarity = metrics.ssim(old, new, valid=seen, data_range=self._span)
        except ImportError:  # scikit-image is optional
            similarity = math.nan
        self._similarity.add(similarity, cells)
        if old.shape[1] > 1:
            angle = metrics.spectral_angle(old, new, band_axis=1, valid=seen)
            self._angle.add(angle, int(np.count_nonzero(seen.all(axis=1))))

    def quality(self) -> Quality:
        """Return the figures of all blocks so far."""
        rmse = math.sqrt(self._squares / self._cells) if self._cells else 0.0
        if rmse == 0.0:
            psnr = math.inf
        else:
            ratio = self._span / rmse  # zero where a cell was lost, which is infinitely wrong
            psnr = 20.0 * math.log10(ratio) if ratio > 0.0 else -math.inf
        return Quality(
            rmse=rmse,
            psnr=psnr,
            ssim=self._similarity.mean(),
            spectral_angle=self._angle.mean(),
            largest_error=self._largest,
            missing_changed=self._missing_changed,
        )


class _WeightedMean:
    """A mean over blocks; those without a figure do not count."""

    def __init__(self) -> None:
        self._sum = self._weight = 0.0

    def add(self, value: float, weight: int) -> None:
        if weight and not math.isnan(value):
            self._sum += value * weight
            self._weight += weight

    def mean(self) -> float:
        return self._sum / self._weight if self._weight else math.nan


def name_region(name: str, region: Region) -> str:
    """Name a part of an array as NumPy would index it.

    Examples
    --------
    >>> name_region("t2m", (slice(0, 4), slice(8, 16)))
    't2m[0:4, 8:16]'
    """
    return f"{name}[{', '.join(f'{part.start}:{part.stop}' for part in region)}]"


def read_region(variable: xr.DataArray, region: Region) -> NDArray[Any]:
    """Load a part of an array; what cannot be decoded says where it is."""
    with noting(f"in {name_region(str(variable.name), region)}"):
        return np.asarray(variable[region].values)


def range_of(blocks: Iterable[NDArray[Any]], nodata: metrics.Nodata = None) -> tuple[float, float]:
    """Find the smallest and the largest valid value over all blocks of an array.

    Returns
    -------
    tuple of float
        Zeros where no cell is valid.
    """
    low, high = math.inf, -math.inf
    for values in blocks:
        measured = values[metrics.valid_cells(values, nodata=nodata)]
        if measured.size:
            low, high = min(low, float(measured.min())), max(high, float(measured.max()))
    return (low, high) if low <= high else (0.0, 0.0)
