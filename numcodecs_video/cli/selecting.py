"""Choose which variables are copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from numcodecs_video.xarray.nodes import means
from numcodecs_video.xarray.references import with_what_it_needs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import xarray as xr

    from numcodecs_video.cli.reading import Groups

__all__ = ["matching", "paths_of", "select_variables"]


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
        group: with_what_it_needs(ds, kept[group])
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


def _above(group: str) -> list[str]:
    parts = group.strip("/").split("/")
    return ["/" + "/".join(parts[:length]) for length in range(len(parts))]
