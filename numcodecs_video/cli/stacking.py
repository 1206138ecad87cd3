"""Put several variables of every group into one with a band axis, reading none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import dask.array
import xarray as xr

from numcodecs_video.cli.lazy import stacked
from numcodecs_video.cli.packing import PACKING, first_difference, stated
from numcodecs_video.cli.selecting import matching
from numcodecs_video.xarray import stack_bands

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numcodecs_video.cli.reading import Groups

__all__ = ["stack_lazily", "stack_variables"]


def stack_variables(
    groups: Mapping[str, xr.Dataset], said: Sequence[tuple[str, str, list[str]]]
) -> Groups:
    """Stack variables in every group that has all of them.

    Parameters
    ----------
    groups : mapping of str to xarray.Dataset
        Undecoded.
    said : sequence of (str, str, list of str)
        Name of the stack, of its dimension, and of what it is made of, in the order of the bands.
    """
    result = dict(groups)
    for name, dim, patterns in said:
        found = {group: _bands(ds, patterns) for group, ds in result.items()}
        found = {group: bands for group, bands in found.items() if bands}
        if not found:
            known = dict.fromkeys(str(v) for ds in groups.values() for v in ds.data_vars)
            raise click.ClickException(
                f"--stack finds no {', '.join(patterns)}: there are {', '.join(known)}"
            )
        result |= {group: _stack(result[group], b, name, dim) for group, b in found.items()}
    return result


def _bands(ds: xr.Dataset, patterns: Sequence[str]) -> list[str]:
    """Find what is named, in the order said; nothing where one of them is not there."""
    known = list(map(str, ds.data_vars))
    found = [matching(pattern, known) for pattern in patterns]
    return list(dict.fromkeys(name for names in found for name in names)) if all(found) else []


def _stack(ds: xr.Dataset, bands: Sequence[str], name: str, dim: str) -> xr.Dataset:
    first = ds.variables[bands[0]]
    for band in bands[1:]:
        key = first_difference(first, ds.variables[band], (*PACKING, "nodata"))
        if key is not None:
            raise click.ClickException(
                f"--stack: {bands[0]} has {key} {stated(first, key)}, and {band} has "
                f"{stated(ds.variables[band], key)}: one array has one of them; stack those that "
                "agree"
            )
    return stack_lazily(ds, bands, name, dim)


def stack_lazily(ds: xr.Dataset, bands: Sequence[str], name: str, dim: str) -> xr.Dataset:
    """Stack variables as `numcodecs_video.xarray.stack_bands` does, reading none of them."""
    stand_ins = {
        band: xr.Variable(v.dims, dask.array.zeros(v.shape, v.dtype), v.attrs)
        for band in bands
        for v in [ds.variables[band]]
    }
    result = stack_bands(ds.assign(stand_ins), bands, name, dim=dim)
    template = result.variables[name]
    dims = [str(d) for d in template.dims]
    data = stacked([ds.variables[band] for band in bands], dims, dim)
    data.attrs = template.attrs
    return result.assign({name: data})
