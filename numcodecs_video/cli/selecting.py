"""Choose which variables are copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from numcodecs_video.xarray.nodes import means

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import xarray as xr

    from numcodecs_video.cli.reading import Groups

__all__ = ["matching", "paths_of", "referred_to", "select_variables"]

REFERENCES = ("coordinates", "grid_mapping", "bounds", "ancillary_variables", "cell_measures")


def select_variables(groups: Mapping[str, xr.Dataset], patterns: Sequence[str]) -> Groups:
    """Keep the variables named in any group, their axes, and what their attributes refer to.

    Parameters
    ----------
    groups : mapping of str to xarray.Dataset
    patterns : sequence of str
        Names, paths with groups, or patterns of either such as ``B*``; all, where there is none.

    Returns
    -------
    Groups
        Those that have one of them, and those above.
    """
    if not patterns:
        return dict(groups)
    paths = paths_of(groups)
    kept = {group: set[str]() for group in groups}
    for pattern in patterns:
        found = matching(pattern, paths)
        if not found:
            raise click.ClickException(f"no variable {pattern}: there are {', '.join(paths)}")
        for path in found:
            group, name = paths[path]
            kept[group].add(name)
    parents = {"/"} | {path for group, names in kept.items() if names for path in _above(group)}
    return {
        group: _with_what_it_needs(ds, kept[group])
        for group, ds in groups.items()
        if kept[group] or group in parents
    }


def paths_of(groups: Mapping[str, xr.Dataset]) -> dict[str, tuple[str, str]]:
    """List all variables by their path, such as ``a/b/v``, with their group and name."""
    return {
        f"{group}/{name}".lstrip("/"): (group, str(name))
        for group, ds in groups.items()
        for name in ds.variables
    }


def matching(pattern: str, paths: Iterable[str]) -> list[str]:
    """Find the paths that a name, a path or a pattern of either means.

    Examples
    --------
    >>> matching("B0*", ["B02", "r10m/B03", "SCL"]), matching("r10m/*", ["B02", "r10m/B03"])
    (['B02', 'r10m/B03'], ['r10m/B03'])
    """
    said = pattern.strip("/")
    return [path for path in paths if means(said, path)]


def referred_to(ds: xr.Dataset) -> set[str]:
    """List what the attributes of a dataset and of its variables name: axes, bounds, areas."""
    attributes = [ds.attrs, *(variable.attrs for variable in ds.variables.values())]
    said = " ".join(str(attrs.get(key, "")) for attrs in attributes for key in REFERENCES)
    return {word.rstrip(":") for word in said.split()}


def _above(group: str) -> list[str]:
    parts = group.strip("/").split("/")
    return ["/" + "/".join(parts[:length]) for length in range(len(parts))]


def _with_what_it_needs(ds: xr.Dataset, names: set[str]) -> xr.Dataset:
    """Keep variables and what they refer to: an axis may refer to its bounds in turn."""
    kept, found = set[str](), set(names)
    while found:
        kept |= found
        dims = {str(dim) for name in found for dim in ds.variables[name].dims}
        known = set(map(str, ds.variables))
        found = (referred_to(ds[sorted(found)]) | dims) & known - kept
    return ds[sorted(kept)]
