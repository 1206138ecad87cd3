"""Write into arrays that a store has: under the promise that they bear, and at the edges of chunks.

A chunk that is written in parts is decoded and encoded again, and each time loses as much as its
promise allows.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
import zarr

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.stored import chunk_lengths, settings_of
from numcodecs_video.xarray.conventions import packing, scale_in
from numcodecs_video.xarray.formats import settings_in
from numcodecs_video.xarray.promises import IN_UNITS

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from numcodecs_video.config import Fidelity
    from numcodecs_video.stored import Lengths

__all__ = ["check_dates", "check_promises", "units_to_come", "warn_of_shared_chunks"]


# What dates and durations are counted in where nothing else is said, by their kind.
_SECONDS = {"m": "seconds", "M": "seconds since 1970-01-01"}


def units_to_come(ds: xr.Dataset) -> dict[str, dict[str, str]]:
    """Count dates that are yet to come in seconds: of none, xarray makes days, too coarse for most.

    Returns
    -------
    dict of str to dict
        An encoding for each variable of dates or durations that has no cells and no units.
    """
    return {
        str(name): {"units": _SECONDS[dates.dtype.kind]}
        for name, dates in ds.variables.items()
        if dates.dtype.kind in _SECONDS and not dates.size and "units" not in dates.encoding
    }


def check_promises(ds: xr.Dataset, group: zarr.Group, chosen: Mapping[str, Any]) -> None:
    """Hold what is promised for variables to what the arrays of a store promise for them.

    Parameters
    ----------
    ds : xarray.Dataset
        That is to be appended.
    group : zarr.Group
        That it is to be appended to.
    chosen : mapping
        The encodings of `ds`, which the arrays there override.

    Raises
    ------
    VideoCodecError
        If one of them differs.
    """
    for name, given in chosen.items():
        array = group.get(name)
        wanted = settings_in(given)
        if not isinstance(array, zarr.Array) or wanted is None:
            continue
        has = settings_of(array)
        if has is None:
            raise VideoCodecError(
                f"{name!r} is in the store already, not as video: append with ds.to_zarr, or name "
                "another store"
            )
        scale = packing(ds[name], "scale_factor") or 1.0
        said, stored = _in_units(wanted.fidelity, scale), _in_units(has.fidelity, _scale_of(array))
        if said[0] != stored[0] or not math.isclose(said[1], stored[1], rel_tol=1e-6):
            raise VideoCodecError(
                f"{name!r} is stored with {_written(*stored)}, and {_written(*said)} is asked for "
                "what is to be added: ask for the same, or for nothing, which keeps what is there"
            )


def check_dates(ds: xr.Dataset, group: zarr.Group, append_dim: Hashable | None) -> None:
    """Refuse dates and durations that the units of a store are too coarse for.

    xarray would count them in others and warn, but leave the units in the store as they are, by
    which all would be read (seen in 2025.6 to 2026.9).

    Raises
    ------
    VideoCodecError
        If there are some.
    """
    for name, variable in ds.variables.items():
        array = group.get(str(name))
        if not isinstance(array, zarr.Array) or append_dim not in variable.dims:
            continue
        units = str(array.attrs.get("units", ""))
        is_duration = variable.dtype.kind == "m"
        is_date = variable.dtype.kind in "MO" and " since " in units
        if not units or not (is_date or is_duration):
            continue
        said = {key: array.attrs[key] for key in ("units", "calendar") if key in array.attrs}
        coder = xr.coders.CFTimedeltaCoder() if is_duration else xr.coders.CFDatetimeCoder()
        counted = xr.Variable(variable.dims, variable.values, {}, {**said, "dtype": array.dtype})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # of units that are too coarse
                coder.encode(counted, name)
        except (ValueError, TypeError, UserWarning) as error:
            finer = _SECONDS["m" if is_duration else "M"]
            reason = "too coarse" if isinstance(error, UserWarning) else error
            raise VideoCodecError(
                f"{name!r} cannot count as it does in the store, in {units}: {reason}; a store "
                f"made with encoding={{{name!r}: {{'units': {finer!r}}}}} can hold it"
            ) from error


def warn_of_shared_chunks(
    ds: xr.Dataset, group: zarr.Group, *, append_dim: Hashable | None, region: Any
) -> None:
    """Say what it costs to write a part of a chunk whose codec loses digits."""
    parts = _parts_of(ds, group, region)
    for name, variable in ds.variables.items():
        array = group.get(str(name))
        if not isinstance(array, zarr.Array):
            continue
        settings = settings_of(array)
        if settings is None or settings.fidelity.kind == "lossless":
            continue
        grid = zip(variable.dims, chunk_lengths(array), array.shape, strict=True)
        for dim, lengths, size in grid:
            # What is appended begins in the chunk that holds the last cells, unless it is full.
            start, stop = (size, size) if dim == append_dim else parts.get(dim, (0, size))
            if _is_edge(start, lengths) and (stop >= size or _is_edge(stop, lengths)):
                continue
            promise = _written(*_in_units(settings.fidelity, _scale_of(array)))
            warnings.warn(
                f"{name!r} is written from cell {start} of {dim!r} in chunks of {lengths}: the "
                "chunk at the edge is decoded and encoded again, so that its errors add up, each "
                f"within {promise}; write whole chunks",
                stacklevel=3,
            )


def _parts_of(ds: xr.Dataset, group: zarr.Group, region: Any) -> dict[Hashable, tuple[int, int]]:
    """Say from where to where the dimensions of a region reach; those left out are whole."""
    said = dict.fromkeys(ds.dims, "auto") if region == "auto" else dict(region or {})
    parts = {}
    for dim, part in said.items():
        if isinstance(part, slice):
            sizes = (
                array.shape[variable.dims.index(dim)]
                for name, variable in ds.variables.items()
                if dim in variable.dims and isinstance(array := group.get(str(name)), zarr.Array)
            )
            size = next(sizes, None)
            if size is not None:  # else xarray says what is wrong with the region
                parts[dim] = part.indices(size)[:2]
        elif dim in ds.indexes:
            store: Any = group.store
            with xr.open_zarr(store, group.path or None, chunks=None, consolidated=False) as there:
                at = there.indexes[dim].get_indexer(ds.indexes[dim])
            parts[dim] = (int(at[0]), int(at[-1]) + 1) if at.size else (0, 0)
    return parts


def _is_edge(at: int, lengths: Lengths) -> bool:
    return at % lengths == 0 if isinstance(lengths, int) else at in (0, *np.cumsum(lengths))


def _scale_of(array: zarr.Array[Any]) -> float:
    return scale_in(dict(array.attrs))


def _in_units(fidelity: Fidelity, scale: float) -> tuple[str, float]:
    """Return a promise in the units that a reader sees."""
    return fidelity.kind, fidelity.value * (abs(scale) if fidelity.kind in IN_UNITS else 1.0)


def _written(kind: str, value: float) -> str:
    return kind if kind == "lossless" else f"{kind}={value:g}"
