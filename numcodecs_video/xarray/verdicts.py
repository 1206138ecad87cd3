"""What was promised for a variable, and whether it held.

Knows promises in the units that a reader sees, and arrays; decodes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_video import metrics
from numcodecs_video.stored import settings_of
from numcodecs_video.xarray.conventions import scale_in, show_units
from numcodecs_video.xarray.promises import IN_UNITS, PROMISES
from numcodecs_video.xarray.recording import PREFIX, may_lose_in

if TYPE_CHECKING:
    import xarray as xr
    import zarr
    from numpy.typing import NDArray

__all__ = ["PromiseGauge", "Promised", "Rounding", "promised_for", "promised_in"]

ROUNDING = 1e-9  # of a bound: what turning it into stored units and back makes of it


@dataclass(frozen=True)
class Promised:
    """A promise in the units that a reader sees.

    Attributes
    ----------
    kind : str
        ``lossless``, ``max_error``, ``max_relative_error``, ``rmse``, ``psnr`` or ``qp``.
    requested : float or None
        None where nothing may be lost.
    units : str
        Of `requested`, where it has some.
    """

    kind: str
    requested: float | None = None
    units: str = ""

    def __str__(self) -> str:
        """Write it as a person would.

        Examples
        --------
        >>> str(Promised("max_error", 0.01, "K")), str(Promised("lossless"))
        ('±0.01 K', 'lossless')
        """
        if self.requested is None:
            return self.kind
        value, units = self.requested, show_units(self.units)
        texts = {
            "max_error": f"±{value:g}{units}",
            "max_relative_error": f"±{100 * value:g} %",
            "rmse": f"RMSE {value:g}{units}",
            "psnr": f"PSNR {value:g} dB",
        }
        return texts.get(self.kind, f"{self.kind} {value:g}")


def promised_for(variable: xr.DataArray, array: zarr.Array[Any] | None) -> Promised | None:
    """Find what was promised for a variable.

    Parameters
    ----------
    variable : xarray.DataArray
    array : zarr.Array, optional
        Where it is stored. Without one, or with another codec, the attributes count that
        `record_loss` wrote, which copies bring along.

    Returns
    -------
    Promised or None
        None where nothing says.
    """
    promised = None if array is None else promised_in(array)
    if promised is not None:
        return promised
    for word in PROMISES:
        said = variable.attrs.get(f"{PREFIX}{word}")
        if isinstance(said, (int, float, np.number)):
            return Promised(word, float(said), _units_in(word, variable.attrs))
    return None


def promised_in(array: zarr.Array[Any]) -> Promised | None:
    """Find what the settings of an array's video codec promise; None where it has another."""
    settings = settings_of(array)
    if settings is None:
        return None
    kind, value = settings.fidelity.kind, settings.fidelity.value
    if not may_lose_in(array):
        return Promised("lossless")
    attributes = dict(array.attrs)
    scale = scale_in(attributes) if kind in IN_UNITS else 1.0
    return Promised(kind, value * scale, _units_in(kind, attributes))


def _units_in(kind: str, attributes: Any) -> str:
    if kind == "psnr":
        return "dB"
    return str(attributes.get("units", "")) if kind in IN_UNITS else ""


@dataclass(frozen=True)
class Rounding:
    """What lies between the values of two arrays without a codec's doing.

    Attributes
    ----------
    relative : float
        By unpacking, or by dtypes of different precision.
    absolute : float
        By packing values that lie between the steps.
    """

    relative: float = 0.0
    absolute: float = 0.0

    @classmethod
    def between(cls, before: xr.DataArray, after: xr.DataArray) -> Rounding:
        """Find it in the dtypes and the packing of two arrays."""
        packed = [_packing_of(variable) for variable in (before, after)]
        if before.dtype == after.dtype and not any(packed):
            return cls()
        reals = [v.dtype for v in (before, after) if v.dtype.kind == "f"]
        relative = 4 * max((float(np.finfo(dtype).eps) for dtype in reals), default=0.0)
        return cls(relative, packed[1] / 2)


def _packing_of(variable: xr.DataArray) -> float:
    """Return the step of a decoded variable that is packed, 0 of another."""
    keys = {"scale_factor", "add_offset"} & set(variable.encoding)
    return scale_in(variable.encoding) if keys else 0.0


class PromiseGauge:
    """Takes in an array block by block, and says whether a promise held for it.

    Parameters
    ----------
    promised : Promised
    chunk_cells : int or None
        Cells of a chunk, its padding included, where each block is one chunk: an RMSE or PSNR is
        promised for each of them, and nothing follows for other blocks.
    rounding : Rounding
        What a reader sees of an error that no codec made.
    nodata : float or sequence of float, optional
        Sentinels among the values.
    """

    def __init__(
        self,
        promised: Promised,
        chunk_cells: int | None,
        rounding: Rounding,
        nodata: metrics.Nodata = None,
    ) -> None:
        self._kind = promised.kind
        self._requested = promised.requested or 0.0
        self._chunk_cells = chunk_cells
        self._rounding = rounding
        self._nodata = nodata
        self._held = True
        self._worst: float | None = None

    @property
    def held(self) -> bool | None:
        """Whether it held for all blocks; None where that cannot be said."""
        if self._kind == "qp" or (self._kind in ("rmse", "psnr") and self._chunk_cells is None):
            return None
        return self._held

    @property
    def realised(self) -> float | None:
        """The worst of what was promised, where that is a number and could be said."""
        return None if self.held is None else self._worst

    def add(self, before: NDArray[Any], after: NDArray[Any]) -> None:
        """Take in one block, original and decoded."""
        if self.held is None:
            return
        valid = metrics.valid_cells(before, nodata=self._nodata)
        self._held &= metrics.missing_changed(before, after, valid=valid) == 0
        found = self._measured(before, after, valid)
        if self._kind == "psnr":
            self._worst = min(found, math.inf if self._worst is None else self._worst)
        else:
            self._worst = max(found, self._worst or 0.0)
        slack = ROUNDING * self._requested
        if self._kind == "psnr":
            self._held &= found >= self._requested - slack
        elif self._kind == "max_relative_error":
            self._held &= found <= self._requested + slack + self._rounding.relative
        else:
            rounding = self._rounding.absolute + self._rounding.relative * _magnitude(before, valid)
            self._held &= found <= self._requested + slack + rounding

    def _measured(
        self, before: NDArray[Any], after: NDArray[Any], valid: NDArray[np.bool_]
    ) -> float:
        """Measure one block by the kind of the promise."""
        if self._kind == "max_relative_error":
            return metrics.largest_relative_error(before, after, valid=valid)
        if self._kind in ("rmse", "psnr"):
            return self._distortion(before, after, valid)
        return metrics.largest_error(before, after, valid=valid)

    def _distortion(
        self, before: NDArray[Any], after: NDArray[Any], valid: NDArray[np.bool_]
    ) -> float:
        """Measure a chunk. At the edges its padding, which comes back well, was a part of it."""
        cells = int(np.count_nonzero(valid))
        padding = (self._chunk_cells or before.size) - before.size
        share = cells / (cells + padding) if cells else 0.0
        rmse = metrics.rmse(before, after, valid=valid) * math.sqrt(share)
        if self._kind == "rmse":
            return rmse
        peak = metrics.value_range(before, valid)
        if padding:  # of zeros, perhaps
            peak = max(peak, _magnitude(before, valid))
        return math.inf if rmse == 0.0 else 20.0 * math.log10(max(peak / rmse, 1e-300))


def _magnitude(values: NDArray[Any], valid: NDArray[np.bool_]) -> float:
    """Return the largest magnitude of any valid value."""
    found = metrics.valid_extremes(values, valid)
    return 0.0 if found is None else max(abs(float(found[0])), abs(float(found[1])))
