"""Cut datasets down to some cells, by labels of coordinates that are not decoded, or by places."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import click
import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numcodecs_video.cli.reading import Groups

__all__ = ["select_labels", "select_places"]

Place = int | slice | list[int]
T = TypeVar("T")

# A date as precise as one likes; the colons in it are none between two labels.
DATE = re.compile(r"-?\d{4,}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d+)?)?)?)?)?)?")
TOLERANCE = 1e-7  # of a label: 0.1 is another number in float32


def select_places(groups: Mapping[str, xr.Dataset], said: Sequence[tuple[str, Place]]) -> Groups:
    """Keep cells by their places, in every group that has the dimension."""
    return _select(groups, "--isel", said, lambda ds, dim, place: place)


def select_labels(groups: Mapping[str, xr.Dataset], said: Sequence[tuple[str, str]]) -> Groups:
    """Keep cells by the labels of a coordinate, which may be dates, in every group that has it."""
    return _select(groups, "--sel", said, _places_of)


def _select(
    groups: Mapping[str, xr.Dataset],
    option: str,
    said: Sequence[tuple[str, T]],
    places_of: Callable[[xr.Dataset, str, T], Place],
) -> Groups:
    result = dict(groups)
    for dim, value in said:
        _check_dimension(result, option, dim)
        for group, ds in result.items():
            if dim in ds.dims:
                result[group] = _cut(ds, option, dim, places_of(ds, dim, value))
    return result


def _check_dimension(groups: Mapping[str, xr.Dataset], option: str, dim: str) -> None:
    known = dict.fromkeys(str(d) for ds in groups.values() for d in ds.dims)
    if dim not in known:
        raise click.ClickException(
            f"{option} names {dim}, which is no dimension: there are {', '.join(known)}"
        )


def _cut(ds: xr.Dataset, option: str, dim: str, place: Place) -> xr.Dataset:
    try:
        result = ds.isel({dim: place})
    except IndexError as error:
        raise click.ClickException(
            f"{option} goes beyond {dim}, which has {ds.sizes[dim]} cells, from 0"
        ) from error
    if result.sizes.get(dim, 1) == 0:
        raise click.ClickException(f"{option} leaves no cell of {dim}, {_extent(ds, dim)}")
    return result


def _extent(ds: xr.Dataset, dim: str) -> str:
    if dim not in ds.variables:
        return f"which has {ds.sizes[dim]} cells, from 0"
    index = _index(ds, dim)
    return f"which goes from {index[0]} to {index[-1]}"


def _index(ds: xr.Dataset, dim: str) -> Any:
    """Decode the coordinate of a dimension; it is a copy, the dataset stays as stored."""
    if dim not in ds.variables:
        raise click.ClickException(f"{dim} has no labels: choose places with --isel {dim}=FROM:TO")
    coordinate = ds.variables[dim].load()
    decoded = xr.decode_cf(xr.Dataset({dim: coordinate.copy()}), decode_coords=False)
    return decoded.indexes[dim]


def _places_of(ds: xr.Dataset, dim: str, text: str) -> Place:
    """Find the places of labels: one, some, or from one to another, both of them included."""
    index = _index(ds, dim)
    ends = _split(text, index)
    try:
        if len(ends) == 2:
            return _range(index, dim, *(_label(end, index) for end in ends))
        labels = [_label(label.strip(), index) for label in text.split(",")]
        return _place_of(labels[0], index) if len(labels) == 1 else _places(labels, index)
    except (KeyError, ValueError, TypeError) as error:
        raise click.ClickException(f"--sel finds no {text} in {dim}, {_extent(ds, dim)}") from error


def _is_dates(index: Any) -> bool:
    return index.dtype.kind == "M" or hasattr(index, "calendar")


def _split(text: str, index: Any) -> list[str]:
    """Part two labels at the colon that is in neither."""
    if not _is_dates(index):
        return [end.strip() for end in text.split(":")] if text.count(":") == 1 else [text]
    if not DATE.fullmatch(text):
        for colon in re.finditer(":", text):
            ends = [text[: colon.start()].strip(), text[colon.end() :].strip()]
            if all(not end or DATE.fullmatch(end) for end in ends):
                return ends
    return [text]


def _label(text: str, index: Any) -> Any:
    """Read a label as what the coordinate holds; None for an open end."""
    if not text:
        return None
    return float(text) if index.dtype.kind in "iuf" else text


def _range(index: Any, dim: str, low: Any, high: Any) -> slice:
    """Find all from a low label to a high one, whichever way the coordinate runs."""
    if isinstance(low, float) and isinstance(high, float):
        low, high = min(low, high), max(low, high)
    if isinstance(low, float):
        low -= TOLERANCE * abs(low)
    if isinstance(high, float):
        high += TOLERANCE * abs(high)
    if index.is_monotonic_increasing:
        found: slice = index.slice_indexer(low, high)
        return found
    if index.is_monotonic_decreasing:
        found = index.slice_indexer(high, low)
        return found
    raise click.ClickException(
        f"{dim} is in no order: choose places with --isel {dim}=FROM:TO, or labels one by one"
    )


def _place_of(label: Any, index: Any) -> Place:
    """Find one label; of a date that is not precise, all that it means."""
    if isinstance(label, float):
        numbers = np.asarray(index, np.float64)
        nearest = int(np.argmin(np.abs(numbers - label)))
        if not np.isclose(numbers[nearest], label, rtol=TOLERANCE, atol=0.0):
            raise KeyError(label)
        return nearest
    found: Any = index.get_loc(label)
    if isinstance(found, slice):
        return found
    if isinstance(found, np.ndarray):  # a label that is there more than once
        return [int(place) for place in np.flatnonzero(found)]
    return slice(int(found), int(found) + 1) if _is_dates(index) else int(found)


def _places(labels: Sequence[Any], index: Any) -> list[int]:
    """Find several labels, in the order said."""
    numbers = np.arange(len(index))
    return [int(n) for label in labels for n in np.ravel(numbers[_place_of(label, index)])]
