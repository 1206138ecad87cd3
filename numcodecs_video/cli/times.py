"""Dates as stored: bring those of several sources to one unit, and find some by what they mean."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import click
import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["counted_as", "decoded_dates", "harmonised"]


def harmonised(sources: Sequence[tuple[str, xr.Dataset]], dim: str) -> list[tuple[str, xr.Dataset]]:
    """Let dates along a dimension count from the same day, in units that keep all of them exact.

    Parameters
    ----------
    sources : sequence of (str, Dataset)
        Names and contents, undecoded.
    dim : str
        Along which they are to be joined.
    """
    sources = list(sources)
    first = sources[0][1]
    for name, variable in first.variables.items():
        if dim not in variable.dims or " since " not in str(variable.attrs.get("units", "")):
            continue
        given = [ds.variables[name] for _, ds in sources if name in ds.variables]
        if len(given) < len(sources) or len({_counting(v) for v in given}) == 1:
            continue
        edges = [str(v.attrs.get("bounds", "")) for v in given]
        together = [str(name), *(edges[:1] if len(set(edges)) == 1 and edges[0] in first else [])]
        sources = _recounted(sources, together)
    return sources


def counted_as(ds: xr.Dataset, there: xr.Dataset, dim: str) -> xr.Dataset:
    """Let dates along a dimension count as those of another dataset do, exactly or not at all."""
    replaced = {}
    for name, variable in ds.variables.items():
        known = there.variables.get(name)
        if known is None or dim not in variable.dims or _counting(variable) == _counting(known):
            continue
        if " since " not in str(known.attrs.get("units", "")):
            continue
        edges = str(variable.attrs.get("bounds", ""))
        for each in (str(name), edges):
            if each in ds.variables and each in there.variables:
                replaced[each] = _as_in(ds, there, each, str(name))
    return ds.assign(replaced)


def _as_in(ds: xr.Dataset, there: xr.Dataset, name: str, main: str) -> xr.Variable:
    ours, known = ds.variables[name], there.variables[name]
    units = {k: ds[main].attrs[k] for k in ("units", "calendar") if k in ds[main].attrs}
    dates = decoded_dates(name, xr.Variable(ours.dims, ours.values, {**ours.attrs, **units}))
    wanted = {k: there[main].attrs[k] for k in ("units", "calendar") if k in there[main].attrs}
    coder = xr.coders.CFDatetimeCoder()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of units that are too coarse
            counted = coder.encode(
                xr.Variable(dates.dims, dates.values, {}, {**wanted, "dtype": known.dtype}), name
            )
    except (ValueError, TypeError, UserWarning) as error:
        raise click.ClickException(
            f"{name} cannot count as it does in the store ({wanted.get('units')}): {error}"
        ) from error
    return xr.Variable(ours.dims, counted.values.astype(known.dtype), known.attrs)


def decoded_dates(name: str, variable: xr.Variable) -> xr.Variable:
    """Decode dates, in memory."""
    try:
        return xr.conventions.decode_cf_variable(name, variable.load()).load()
    except ValueError as error:
        raise click.ClickException(f"cannot read {name} as dates: {error}") from error


def _counting(variable: xr.Variable) -> tuple[str, str]:
    return str(variable.attrs.get("units")), str(variable.attrs.get("calendar", "standard"))


def _recounted(
    sources: Sequence[tuple[str, xr.Dataset]], names: Sequence[str]
) -> list[tuple[str, xr.Dataset]]:
    """Give variables, a coordinate and perhaps its bounds, the same units in all sources."""
    main = names[0]
    decoded = []
    for _, ds in sources:
        units = {k: ds[main].attrs[k] for k in ("units", "calendar") if k in ds[main].attrs}
        decoded.append(
            {
                name: decoded_dates(name, xr.Variable(v.dims, v.values, {**v.attrs, **units}))
                for name in names
                for v in [ds.variables[name]]
            }
        )
    coder = xr.coders.CFDatetimeCoder()
    every = np.concatenate([np.ravel(v.values) for found in decoded for v in found.values()])
    try:
        chosen = coder.encode(xr.Variable(("all",), every), main)
    except (ValueError, TypeError) as error:
        raise click.ClickException(
            f"{main} counts by different calendars in the sources: {error}"
        ) from error
    said = {key: chosen.attrs[key] for key in ("units", "calendar")}
    result = []
    at = 0
    for (source, ds), found in zip(sources, decoded, strict=True):
        replaced = {}
        for name, dates in found.items():
            values = chosen.values[at : at + dates.size].reshape(dates.shape)
            at += dates.size
            attributes = {
                key: value
                for key, value in ds.variables[name].attrs.items()
                if key not in ("units", "calendar", "_FillValue", "missing_value")
            }
            attributes |= said if name == main else {}
            replaced[name] = xr.Variable(dates.dims, values, attributes)
        result.append((source, ds.assign(replaced)))
    return result
