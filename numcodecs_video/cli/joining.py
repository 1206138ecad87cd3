"""Make one dataset of several: one behind the other in time, and different variables together."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import xarray as xr

from numcodecs_video.cli.agreeing import refuse_another
from numcodecs_video.cli.banding import BAND
from numcodecs_video.cli.dating import dated, lacks_time
from numcodecs_video.cli.lazy import concatenated
from numcodecs_video.cli.naming import is_dated_picture
from numcodecs_video.cli.packing import first_difference, stated
from numcodecs_video.cli.scenes import TIME
from numcodecs_video.cli.times import harmonised
from numcodecs_video.xarray import letters_of
from numcodecs_video.xarray.recording import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numcodecs_video.cli.reading import Groups
    from numcodecs_video.cli.scenes import Source

__all__ = ["join_groups"]


def join_groups(
    sources: Sequence[tuple[str, Groups]], dim: str | None, axes: Mapping[str, str] | None
) -> Groups:
    """Join what several sources hold, group by group.

    Parameters
    ----------
    sources : sequence of (str, Groups)
        Names and contents, opened without decoding. Those with the same variables are put one
        behind the other, in the order of their coordinates; different variables are put together.
        Maps of one date each get an axis of time, those of one band each an axis of bands, too.
    dim : str or None
        The dimension to join along; that of time unless given.
    axes : mapping of str to str, or None
        Letters of dimensions whose names do not tell.
    """
    if len(sources) == 1:
        return _alone(*sources[0], axes)
    paths = sorted({path for _, groups in sources for path in groups})
    datasets = [ds for _, groups in sources for ds in groups.values()]
    added = (TIME, BAND) if any(_are_maps(ds, axes) for ds in datasets) else ()
    if dim not in (None, *added) and not any(dim in ds.dims for ds in datasets):
        known = sorted({str(d) for ds in datasets for d in ds.dims})
        raise click.ClickException(
            f"--join names {dim}, which no source has; the dimensions are {', '.join(known)}"
        )
    return {
        path: _join([(name, groups[path]) for name, groups in sources if path in groups], dim, axes)
        for path in paths
    }


def _are_maps(ds: xr.Dataset, axes: Mapping[str, str] | None) -> bool:
    return any(lacks_time(variable, axes) for variable in ds.data_vars.values())


def _alone(name: str, groups: Groups, axes: Mapping[str, str] | None) -> Groups:
    """Give a picture that is named by its date, in a format that has no time, an axis of time."""
    if not is_dated_picture(name):
        return groups
    maps = {path: dated([(name, ds)], axes) for path, ds in groups.items()}
    return {path: groups[path] if found is None else found[0][1] for path, found in maps.items()}


def _join(sources: Sequence[Source], dim: str | None, axes: Mapping[str, str] | None) -> xr.Dataset:
    dim = dim or _time_of(sources, axes)
    everywhere = set.intersection(*(set(ds.variables) for _, ds in sources))
    clusters: dict[frozenset[Any], list[Source]] = {}
    for name, ds in sources:
        own = {v for v in ds.variables if dim is None or dim in ds.variables[v].dims} - everywhere
        clusters.setdefault(frozenset(own), []).append((name, ds))
    first, *others = [_concatenate(cluster, dim, axes) for cluster in clusters.values()]
    for other in others:
        first = _merge(first, other)
    return first[1]


def _time_of(sources: Sequence[Source], axes: Mapping[str, str] | None) -> str | None:
    """Find the dimension of time whose coordinates differ between sources."""
    found = _times_of(sources, axes)
    if len(found) < 2:
        return next(iter(found), None)
    differ = [
        dim for dim in found
        if len({np.asarray(ds[dim].values).tobytes() for _, ds in sources if dim in ds}) > 1
    ]  # fmt: skip
    return differ[0] if len(differ) == 1 else None


def _times_of(sources: Sequence[Source], axes: Mapping[str, str] | None) -> list[str]:
    """List the dimensions of time."""
    found: dict[str, None] = {}
    for _, ds in sources:
        for variable in ds.data_vars.values():
            letters = letters_of(variable, axes) or ""
            found |= {
                str(d): None
                for d, letter in zip(variable.dims, letters, strict=False)
                if letter == "t"
            }
    return list(found)


def _concatenate(
    sources: Sequence[Source], dim: str | None, axes: Mapping[str, str] | None
) -> Source:
    """Put datasets of the same variables one behind the other."""
    if len(sources) == 1:
        return sources[0]
    names = ", ".join(name for name, _ in sources)
    if dim in (None, TIME, BAND) and not _times_of(sources, axes):
        maps = dated(sources, axes, dim)
        if maps is not None:
            return _concatenate(maps, TIME, axes)
    if dim is None:
        raise click.ClickException(
            f"{names} have the same variables and no one dimension of time: name the one to join "
            "along with --join"
        )
    lacking = [name for name, ds in sources if dim not in ds.dims]
    if lacking:
        raise click.ClickException(
            f"{', '.join(lacking)} has no dimension {dim}, along which {names} are to be joined"
        )
    sources = _in_order(harmonised(sources, dim), dim)
    first = sources[0][1]
    variables = {}
    for name in first.variables:
        parts = [(source, ds.variables[name]) for source, ds in sources if name in ds.variables]
        if dim in first.variables[name].dims:
            variables[name] = _behind_each_other(str(name), parts, dim)
        else:
            for part in parts[1:]:
                refuse_another(str(name), parts[0], part)
            variables[name] = first.variables[name]
    for _, ds in sources[1:]:
        variables |= {name: v for name, v in ds.variables.items() if name not in variables}
    return sources[0][0], xr.Dataset(variables, attrs=first.attrs)


def _in_order(sources: Sequence[Source], dim: str) -> list[Source]:
    """Sort by the coordinates along which to join, and refuse those that overlap."""
    found = [ds.variables.get(dim) for _, ds in sources]
    coordinates = [v.values for v in found if v is not None and v.size and v.dtype.kind in "iuf"]
    if len(coordinates) < len(sources):
        return list(sources)
    spans = [(values.min().item(), values.max().item()) for values in coordinates]
    order = sorted(range(len(spans)), key=lambda number: spans[number])
    for one, other in itertools.pairwise(order):
        if spans[one][1] >= spans[other][0]:
            raise click.ClickException(
                f"{sources[one][0]} and {sources[other][0]} overlap in {dim}: leave one of them "
                "out, or cut them apart beforehand"
            )
    if any(values[0] > values[-1] for values in coordinates):
        order.reverse()
    return [sources[number] for number in order]


def _behind_each_other(
    name: str, parts: Sequence[tuple[str, xr.Variable]], dim: str
) -> xr.Variable:
    """Concatenate a variable, decoded where its sources pack it differently."""
    source, first = parts[0]
    for other, variable in parts[1:]:
        sizes = {d: n for d, n in variable.sizes.items() if d != dim}
        if variable.dims != first.dims or sizes != {
            d: n for d, n in first.sizes.items() if d != dim
        }:
            raise click.ClickException(
                f"{name} has other dimensions in {source} ({dict(first.sizes)}) than in {other} "
                f"({dict(variable.sizes)}): bring them onto one grid beforehand"
            )
        if first_difference(first, variable, ("units",)):
            raise click.ClickException(
                f"{name} is in {first.attrs.get('units', 'no units')} in {source}, and in "
                f"{variable.attrs.get('units', 'no units')} in {other}: bring it to one of them"
            )
        if first_difference(first, variable, ("nodata",)):
            raise click.ClickException(
                f"{name} has nodata {stated(first, 'nodata')} in {source}, and "
                f"{stated(variable, 'nodata')} in {other}: bring it to one of them"
            )
    if any(not _packed_alike(first, variable) for _, variable in parts[1:]):
        click.echo(
            f"Note: {name} is packed in different ways in the sources, and is stored unpacked",
            err=True,
        )
        decoded = [
            xr.conventions.decode_cf_variable(name, variable, decode_times=False)
            for _, variable in parts
        ]
        result = concatenated(decoded, dim)
        if result.dtype.kind == "f":
            result.attrs = {**decoded[0].attrs, "_FillValue": result.dtype.type(np.nan)}
    else:
        result = concatenated([variable for _, variable in parts], dim)
    result.attrs = {**_record_in([variable for _, variable in parts]), **result.attrs}
    return result


def _record_in(parts: Sequence[xr.Variable]) -> dict[Any, Any]:
    """Find what the first of them that has lost something says of that: so has what they make."""
    records = ({k: v for k, v in p.attrs.items() if str(k).startswith(PREFIX)} for p in parts)
    return next(filter(None, records), {})


def _packed_alike(a: xr.Variable, b: xr.Variable) -> bool:
    """Tell whether stored values mean the same."""
    same_dtype = a.dtype.newbyteorder("=") == b.dtype.newbyteorder("=")
    return same_dtype and first_difference(a, b) is None


def _merge(one: Source, other: Source) -> Source:
    """Put different variables together; what both have must be the same."""
    variables = dict(one[1].variables)
    for name, variable in other[1].variables.items():
        if name in variables:
            refuse_another(str(name), (one[0], variables[name]), (other[0], variable))
        else:
            variables[name] = variable
    try:
        return one[0], xr.Dataset(variables, attrs=one[1].attrs)
    except ValueError as error:
        raise click.ClickException(f"{one[0]} and {other[0]} do not fit: {error}") from error
