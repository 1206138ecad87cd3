"""The dates and bands that a figure shows, taken out of arrays with labels or without.

Knows which cells are shown and how they are stretched; draws nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.export.stretch import stretch_by_date, stretch_of
from numcodecs_video.metrics import rmse, valid_cells
from numcodecs_video.transform.cube import to_cube

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from numcodecs_video.metrics import Nodata

    Array = NDArray[Any] | xr.DataArray
    Bands = Sequence[int | str] | int | str
    Limits = tuple[float, float]

__all__ = ["Chosen", "check_arrays", "check_shapes", "choose", "choose_pair"]

#: dates beside those shown, spread over the cube, that tell clouds from the ground
SAMPLED_DATES = 24


@dataclass(frozen=True)
class Chosen:
    """What a figure shows of a cube.

    Attributes
    ----------
    cube : ndarray, shape (T, 1 or 3, Y, X)
        Of the dates shown, in their order.
    valid : ndarray of bool
        In its shape.
    stretch : ndarray, shape (T, 1 or 3, 2)
        The darkest and the brightest value of each band.
    labels : list of str
        One a date; empty texts where the array has no time axis.
    units : str
    bound : float or None
        The promised largest error, where it is known.
    """

    cube: NDArray[Any]
    valid: NDArray[np.bool_]
    stretch: NDArray[np.float64]
    labels: list[str]
    units: str
    bound: float | None = None

    @property
    def in_colour(self) -> bool:
        """Whether three bands make one picture."""
        return len(self.cube[0]) == 3


def choose(
    array: Array,
    dates: Sequence[int | str] | None,
    bands: Bands | None,
    *,
    axes: str,
    nodata: Nodata,
    percentiles: Limits,
    limits: Limits | None,
) -> Chosen:
    """Take the first date, or those given, out of an array, all under one stretch.

    Parameters
    ----------
    array : ndarray or DataArray
    dates : sequence of int or str, optional
    bands : sequence of int or str, optional
        One or three; the first unless given.
    axes : str
        Of an array without labels.
    nodata : float or sequence of float, optional
        The array's own, where it has some, unless given.
    percentiles, limits
        As of `stretch_of`.

    Raises
    ------
    VideoCodecError
        If a date or band is not there.
    """
    part = _Part.of(array, bands, axes, nodata)
    at = part.positions(dates or [0])
    sampled = np.union1d(at, part.spread())
    cube = part.read(sampled)
    valid = valid_cells(cube, nodata=part.nodata)
    stretch = stretch_of(cube, valid, percentiles, limits)
    shown = np.searchsorted(sampled, at)
    stretches = np.broadcast_to(stretch, (len(at), *stretch.shape))
    return Chosen(cube[shown], valid[shown], stretches, part.labels(at), part.units)


def choose_pair(
    original: Array,
    decoded: Array,
    dates: Sequence[int | str] | None,
    bands: Bands | None,
    *,
    axes: str,
    nodata: Nodata,
    bound: float | None,
    percentiles: Limits,
    limits: Limits | None,
) -> tuple[Chosen, NDArray[Any]]:
    """Take the same dates out of two arrays; where none is given, that which lost most.

    Colours are stretched date by date, one band over all dates shown, by the original's values.

    Returns
    -------
    before : Chosen
    after : ndarray
        In the shape of the cube of `before`.

    Raises
    ------
    VideoCodecError
        If the arrays differ in shape, or a date or band is not there.
    """
    check_shapes(original, decoded)
    old, new = (_Part.of(array, bands, axes, nodata) for array in (original, decoded))
    if dates is None:
        every = np.arange(old.dates)
        before, after = old.read(every), new.read(every)
        seen = valid_cells(before, nodata=old.nodata)
        at = [_worst_date(before, after, seen)]
        sampled, after = every, after[at]
    else:
        at = old.positions(dates)
        sampled = np.union1d(at, old.spread())
        before, after = old.read(sampled), new.read(np.asarray(at))
        seen = valid_cells(before, nodata=old.nodata)
    shown = np.searchsorted(sampled, at)
    if before.shape[1] == 3:
        stretch = stretch_by_date(before, seen, percentiles, limits)[shown]
    else:
        one = stretch_of(before[shown], seen[shown], percentiles, limits)
        stretch = np.broadcast_to(one, (len(at), *one.shape))
    bound = new.promised if bound is None else bound
    return Chosen(before[shown], seen[shown], stretch, old.labels(at), old.units, bound), after


def check_arrays(*arrays: Array) -> None:
    """Refuse what is no array, such as a dataset or the path of a store.

    Raises
    ------
    TypeError
    """
    for array in arrays:
        if not (hasattr(array, "ndim") and hasattr(array, "shape")):
            raise TypeError(
                f"figures are of arrays, got {type(array).__qualname__}: take a variable, such as "
                "xarray.open_zarr(store)['v']"
            )


def check_shapes(original: Array, decoded: Array) -> None:
    """Refuse what is no array, and arrays of two shapes."""
    check_arrays(original, decoded)
    if original.shape != decoded.shape:
        raise VideoCodecError(
            f"original and decoded must have one shape, got {original.shape} and {decoded.shape}"
        )


def _worst_date(before: NDArray[Any], after: NDArray[Any], valid: NDArray[np.bool_]) -> int:
    """Find the date that lost most in all: one that is hardly there has little to lose."""
    squares = [
        rmse(old, new, valid=seen) ** 2 * np.count_nonzero(seen)
        for old, new, seen in zip(before, after, valid, strict=True)
    ]
    return int(np.argmax(np.nan_to_num(squares)))


@dataclass(frozen=True)
class _Part:
    """The bands to show of an array, yet to be read where it is lazy."""

    array: Any
    axes: str
    bands: list[int]
    nodata: Nodata
    time: str | None = None  # of an array with labels
    units: str = ""
    promised: float | None = None

    @classmethod
    def of(cls, array: Array, bands: Bands | None, axes: str, nodata: Nodata) -> _Part:
        if isinstance(array, np.ndarray):
            if len(axes) != array.ndim or "y" not in axes:
                raise VideoCodecError(
                    "an array without labels must have a y and an x axis, and at most a time and "
                    f"a band axis before them, got the shape {array.shape}"
                )
            return cls(array, axes, _band_numbers(array, axes, bands), nodata)
        from numcodecs_video.xarray import labels

        letters = labels.axes_of(array)
        if len(letters) != array.ndim or "y" not in letters:
            raise VideoCodecError(f"{array.dims} have no y and x axis to show")
        return cls(
            labels.upright(array, letters),
            letters,
            labels.band_positions(array, letters, [0] if bands is None else bands),
            labels.nodata_seen(array) if nodata is None else nodata,
            labels.time_of(array, letters),
            labels.units_shown(array),
            labels.promised_error(array),
        )

    @property
    def dates(self) -> int:
        """How many there are along one time axis, or several taken as one."""
        lengths = zip(self.axes, self.array.shape, strict=True)
        return int(np.prod([length for letter, length in lengths if letter == "t"], dtype=int))

    def positions(self, dates: Sequence[int | str]) -> list[int]:
        """Find dates by position or label."""
        if self.time is not None:
            from numcodecs_video.xarray.labels import date_position

            return [date_position(self.array, self.time, date) for date in dates]
        for date in dates:
            if isinstance(date, str) and not date.lstrip("-").isdigit():
                raise VideoCodecError(
                    f"there is no one time axis with a coordinate: give dates as positions, got "
                    f"{date!r}"
                )
            if not -self.dates <= int(date) < self.dates:
                raise VideoCodecError(f"date {date} is beyond the {self.dates} there are")
        return [int(date) % self.dates for date in dates]

    def labels(self, positions: Sequence[int]) -> list[str]:
        """Write the dates at these positions."""
        if self.time is None:
            return [f"date {at}" if self.dates > 1 else "" for at in positions]
        from numcodecs_video.xarray.labels import date_labels

        every = date_labels(self.array, self.time)
        return [every[at] for at in positions]

    def spread(self) -> NDArray[np.intp]:
        """Choose dates over all of the cube, where they help to tell clouds from the ground."""
        count = min(self.dates, SAMPLED_DATES if len(self.bands) == 3 else 0)
        return np.unique(np.linspace(0, self.dates - 1, count).round().astype(np.intp))

    def read(self, positions: NDArray[np.intp]) -> NDArray[Any]:
        """Read dates as a cube, shape (T, 1 or 3, Y, X)."""
        array, axes = self.array, self.axes
        for letter, wanted in (("t", positions), ("c", np.asarray(self.bands))):
            if axes.count(letter) == 1:  # before anything is read
                where = axes.index(letter)
                if isinstance(array, np.ndarray):
                    array = array.take(wanted, where)
                else:
                    array = array.isel({array.dims[where]: wanted})
        cube = to_cube(np.asarray(array), axes)
        if axes.count("t") > 1:
            cube = cube[positions]
        return cube[:, self.bands] if axes.count("c") > 1 else cube


def _band_numbers(array: NDArray[Any], axes: str, bands: Bands | None) -> list[int]:
    """Check bands of an array without labels, where those from the end are allowed."""
    lengths = zip(axes, array.shape, strict=True)
    count = int(np.prod([length for letter, length in lengths if letter == "c"], dtype=int))
    wanted = [0] if bands is None else [bands] if isinstance(bands, (int, str)) else list(bands)
    numbers = [int(band) for band in wanted if not isinstance(band, str)]
    if (
        len(numbers) not in (1, 3)
        or len(numbers) < len(wanted)
        or not all(-count <= band < count for band in numbers)
    ):
        raise VideoCodecError(
            f"bands must name one or three of the {count} bands, got {bands!r}: by position, since "
            "an array without labels has no names"
        )
    return [band % count for band in numbers]
