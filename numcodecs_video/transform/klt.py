"""The band transform: an orthonormal basis (KLT, PCA without whitening) and its integer inverse.

The bands are those of a frame, or of all frames of a group, which makes it one over time as well.

All components share one quantiser step: the basis is orthonormal, so equal distortion in every
component is equal distortion in every band, and components below the step vanish by themselves
(reverse water-filling; Cover and Thomas, Elements of Information Theory, 10.3.3).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.config import BandBasis, parse_nodata
from numcodecs_video.errors import VideoCodecError
from numcodecs_video.format.header import BIAS_BITS, WEIGHT_BITS, Transform
from numcodecs_video.metrics import valid_cells
from numcodecs_video.transform.cube import blocks
from numcodecs_video.transform.products import multiply, project_cells, sum_of_products

__all__ = ["Basis", "Projection", "fit_basis", "fit_pca", "project", "saves_bits"]

_MOST_CELLS = 200_000
_SLAB_CELLS = 4_000_000


@dataclass(frozen=True)
class Basis:
    """An orthonormal basis over the bands.

    Parameters
    ----------
    mean : float64 array, shape (C,)
    rows : float64 array, shape (P, C)
        Components by decreasing variance.
    """

    mean: NDArray[np.float64]
    rows: NDArray[np.float64]


def fit_basis(levels: NDArray[Any]) -> Basis:
    """Fit the KLT of a filled cube (T, C, Y, X) over its bands.

    The covariance is that of a regular subset of cells when there are very many.
    """
    bands = levels.shape[1]
    every = max(1, math.prod(levels.shape) // bands // _MOST_CELLS)
    pictures = levels.reshape(len(levels), bands, -1)
    starts = (-t * pictures.shape[2] % every for t in range(len(pictures)))
    chosen = [p[:, start::every] for p, start in zip(pictures, starts, strict=True)]
    cells = np.concatenate(chosen, axis=1, dtype=np.float64)
    mean = cells.mean(axis=1)
    cells -= mean[:, None]
    _, vectors = np.linalg.eigh(sum_of_products(cells))
    rows = vectors.T[::-1]
    # Fixed signs, so that the same cube gives the same basis whatever LAPACK prefers.
    signs = np.sign(rows[np.arange(bands), np.abs(rows).argmax(axis=1)])
    return Basis(mean, rows * signs[:, None])


def saves_bits(levels: NDArray[Any], basis: Basis) -> bool:
    """Whether the components of a filled cube (T, C, Y, X) promise fewer bits than its bands.

    Bits follow the logarithm of what cannot be predicted; the difference to the left neighbour
    stands in for it.
    """
    every = max(1, levels.shape[0] // 16)
    chosen = levels[::every]
    if chosen.shape[3] < 2:
        return True
    sums = np.zeros((2, chosen.shape[1]))
    for block in blocks(chosen.shape):
        inner = np.diff(chosen[block].astype(np.float64), axis=3)
        cells = np.moveaxis(inner, 1, 0).reshape(chosen.shape[1], -1)
        sums += [(part**2).sum(axis=1) for part in (cells, multiply(basis.rows, cells))]
    count = chosen.size // chosen.shape[1] // chosen.shape[3] * (chosen.shape[3] - 1)
    before, after = sums / count + 1.0
    return float(np.log2(after).sum()) < float(np.log2(before).sum())


def fit_pca(
    da: Any,
    band_dim: str,
    components: int | None = None,
    *,
    nodata: float | Sequence[float] | None = None,
) -> BandBasis:
    """Fit one band basis to a whole array, larger than memory if it is backed by dask.

    Parameters
    ----------
    da : xarray.DataArray
        Values in the units that the codec will see; cells with a missing band are left out.
    band_dim : str
        Name of the band dimension.
    components : int, optional
        Components to keep; all by default.
    nodata : number or sequence of numbers, optional
        Sentinels of missing cells beside NaN and infinities; by default those that the attributes
        ``_FillValue``, ``missing_value`` and ``nodata`` name.

    Returns
    -------
    BandBasis
        For ``VideoCodec(pca=...)``.

    Raises
    ------
    TypeError
        When it is no DataArray.
    VideoCodecError
        When there is no such dimension, or no cell has all its bands.
    ImportError
        Without scikit-learn.
    """
    from sklearn.decomposition import IncrementalPCA

    if not (hasattr(da, "dims") and hasattr(da, "dtype")):
        raise TypeError(
            f"fit_pca takes an xarray DataArray, got {type(da).__qualname__}: take a variable of a "
            "dataset, or give xr.DataArray(values, dims=('time', 'band', 'y', 'x')), say"
        )

    if band_dim not in da.dims:
        raise VideoCodecError(f"band_dim must be one of {', '.join(da.dims)}, got {band_dim!r}")
    bands = da.sizes[band_dim]
    sentinels = parse_nodata(_named_sentinels(da) if nodata is None else nodata)
    pca = IncrementalPCA(n_components=components)
    kept: list[NDArray[np.float64]] = []
    for slab in _slabs(da, band_dim):
        stored = np.asarray(slab.transpose(..., band_dim).values).reshape(-1, bands)
        complete = valid_cells(stored, nodata=sentinels).all(axis=1)
        kept.append(stored[complete].astype(np.float64))
        if sum(map(len, kept)) >= 10 * bands:
            pca.partial_fit(np.concatenate(kept))
            kept = []
    if not hasattr(pca, "components_"):
        raise VideoCodecError("too few cells have all their bands to fit a basis")
    return BandBasis.from_arrays(pca.components_, pca.mean_)


def _named_sentinels(da: Any) -> list[float]:
    """What the attributes name, as far as it is numbers."""
    names = ("_FillValue", "missing_value", "nodata")
    found = [np.ravel(da.attrs[name]) for name in names if name in da.attrs]
    return [n for numbers in found if numbers.dtype.kind in "iuf" for n in numbers.tolist()]


def _slabs(da: Any, band_dim: str) -> Iterator[Any]:
    """The array in pieces along its longest dimension that is not the bands."""
    others = [d for d in da.dims if d != band_dim]
    if not others:
        yield da
        return
    longest = max(others, key=lambda d: da.sizes[d])
    rest = math.prod(da.sizes[d] for d in da.dims if d != longest)
    length = max(1, _SLAB_CELLS // max(1, rest))
    for start in range(0, da.sizes[longest], length):
        yield da.isel({longest: slice(start, start + length)})


@dataclass(frozen=True)
class Projection:
    """The components of a cube and how they become its levels.

    Parameters
    ----------
    components : float32 array, shape (T, P, Y, X), or levels where components are bands
    low : array, shape (P,)
        What comes off them, so that they begin at zero.
    weights : int array, shape (C, P), or None
        Multiples of ``2**-unit``; None where components are bands.
    offset : float64 array, shape (C,)
        The levels where every component is zero.
    unit : int
        How finely the weights are rounded.
    """

    components: NDArray[Any]
    low: NDArray[Any]
    weights: NDArray[np.int64] | None
    offset: NDArray[np.float64]
    unit: int = WEIGHT_BITS

    @cached_property
    def _spans(self) -> NDArray[np.float32]:
        """The largest value of each component."""
        found: NDArray[Any] = self.components.max(axis=(0, 2, 3)) - self.low
        return found.astype(np.float32)

    @property
    def span(self) -> float:
        """The largest component value."""
        return float(self._spans.max())

    @cached_property
    def _moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and variance of each component."""
        means = self.components.mean(axis=(0, 2, 3), dtype=np.float64)
        squares = np.zeros_like(means)
        for picture in self.components:
            squares += ((picture - means[:, None, None]) ** 2).sum(axis=(1, 2))
        return means, squares * (len(means) / max(1, self.components.size))

    def drop(self, variance: float) -> Projection:
        """Leave out the components whose variance is below ``variance``, but for the first."""
        if self.weights is None:
            return self
        means, variances = self._moments
        keep = np.flatnonzero((variances >= variance) | (np.arange(len(variances)) == 0))
        gone = np.setdiff1d(np.arange(len(means)), keep)
        if not gone.size:
            return self
        offset = self.offset + self.weights[:, gone] @ means[gone] / 2**self.unit
        return replace(
            self,
            components=self.components[:, keep],
            low=self.low[keep],
            weights=self.weights[:, keep],
            offset=offset,
        )

    def fit(self, most: float) -> Projection:
        """Shrink the components with larger values than ``most``, so that none has.

        Their steps are coarser than those of the others then, where weights are left to say so.
        """
        if self.weights is None or self.span <= most:
            return self
        factors = np.maximum(1, np.ceil(self._spans / most)).astype(np.int64)
        components = self.components / factors.astype(np.float32)[:, None, None]
        return replace(self, components=components, weights=self.weights * factors)

    def quantise(self, step: float, bits: int) -> tuple[NDArray[Any], Transform]:
        """Samples of ``bits`` bits at a step in levels, and the transform back to levels."""
        samples = np.empty(self.components.shape, np.uint8 if bits == 8 else np.uint16)
        for block in blocks(samples.shape):
            scaled = self.components[block] - self.low[:, None, None]
            scaled = scaled.astype(np.float32, copy=False)
            scaled *= np.float32(1 / step)
            np.rint(scaled, out=scaled)
            np.clip(scaled, 0, 2**bits - 1, out=scaled)
            samples[block] = scaled
        largest = max(1.0, self.span + float(np.abs(self.offset).max()))
        unit = self.unit if self.weights is not None else 0
        precise = unit + 20 - math.floor(math.log2(step))
        shift = min(precise, 60 - math.ceil(math.log2(largest)), 40)
        shift = max(shift, BIAS_BITS)
        gain = max(1, round(step * 2.0 ** (shift - unit)))
        bias = np.rint(self.offset * 2**BIAS_BITS).astype(np.int64)
        transform = Transform(
            "linear",
            gain=gain,
            shift=shift,
            weights=() if self.weights is None else tuple(map(int, self.weights.reshape(-1))),
            bias=tuple(map(int, bias)),
        )
        return samples, transform


def project(levels: NDArray[Any], basis: Basis | None, unit: int = WEIGHT_BITS) -> Projection:
    """Project filled levels (T, C, Y, X) onto a basis, or onto the bands when there is none.

    Weights are rounded to multiples of ``2**-unit``; the components make up for that.
    """
    if basis is None:
        low = levels.min(axis=(0, 2, 3))
        return Projection(levels, low, None, low.astype(np.float64))
    weights = np.rint(basis.rows.T * 2**unit)
    forward = np.linalg.pinv(weights / 2**unit)
    count = len(levels)
    components = np.empty((count, len(forward), *levels.shape[2:]), np.float32)
    for t in range(count):
        cells, out = (frame.reshape(len(frame), -1) for frame in (levels[t], components[t]))
        project_cells(forward, cells, basis.mean, out)
    low = components.min(axis=(0, 2, 3)).astype(np.float64)
    components -= low.astype(np.float32)[:, None, None]
    offset = basis.mean + weights @ low / 2**unit
    none = np.zeros(len(low), np.float32)
    return Projection(components, none, weights.astype(np.int64), offset, unit)
