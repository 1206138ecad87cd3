"""Choose how to store the variables of every group, from settings that name them by patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from numcodecs_video.cli.selecting import matching, paths_of
from numcodecs_video.xarray import encoding, letters_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from numcodecs_video.cli.copying import Encodings

__all__ = ["choose_encodings"]

BY_VARIABLE = ("max_error", "max_relative_error", "rmse", "psnr", "qp")
BY_DIMENSION = ("chunks", "axes")


def choose_encodings(
    groups: Mapping[str, xr.Dataset], *, zarr_format: Literal[2, 3], **settings: Any
) -> Encodings:
    """Choose the encodings of all groups.

    Parameters
    ----------
    groups : mapping of str to xarray.Dataset
        By path.
    zarr_format : {2, 3}
    **settings
        As of `numcodecs_video.xarray.encoding`; what goes by variable may name a path, or a pattern
        such as ``B*``, and what goes by dimension holds in the groups that have it.
    """
    _check_dimensions(groups, settings)
    bounds = {word: _by_path(groups, word, settings, settings[word]) for word in _said(settings)}
    chosen = {}
    for group, ds in groups.items():
        own = dict(settings)
        for word, values in bounds.items():
            here = {name: value for (place, name), value in values.items() if place == group}
            own[word] = here or None
        for word in BY_DIMENSION:
            if own.get(word):
                own[word] = {dim: part for dim, part in own[word].items() if dim in ds.dims}
        chosen[group] = encoding(ds, zarr_format=zarr_format, tune=True, **own)
    return chosen


def _said(settings: Mapping[str, Any]) -> list[str]:
    return [word for word in BY_VARIABLE if isinstance(settings.get(word), dict)]


def _by_path(
    groups: Mapping[str, xr.Dataset], word: str, settings: Mapping[str, Any], said: dict[str, Any]
) -> dict[tuple[str, str], Any]:
    """Say for each variable what holds: what names it alone, before what names it by a pattern."""
    paths = paths_of(groups)
    found: dict[tuple[str, str], Any] = {}
    for pattern in sorted(said, key=_is_pattern, reverse=True):
        names = [paths[path] for path in matching(pattern, paths)]
        if _is_pattern(pattern):
            axes = settings.get("axes")
            names = [
                (group, name)
                for group, name in names
                if name in groups[group].data_vars and letters_of(groups[group][name], axes)
            ]
            if not names:
                raise click.ClickException(
                    f"{word} names {pattern!r}, which no variable with time, y and x axes matches; "
                    f"the variables are {', '.join(paths)}"
                )
        elif not names:
            raise click.ClickException(
                f"{word} names {pattern!r}; the variables are {', '.join(paths)}"
            )
        found |= dict.fromkeys(names, said[pattern])
    return found


def _is_pattern(name: str) -> bool:
    return any(sign in name for sign in "*?[")


def _check_dimensions(groups: Mapping[str, xr.Dataset], settings: Mapping[str, Any]) -> None:
    known = list(dict.fromkeys(str(dim) for ds in groups.values() for dim in ds.dims))
    for word in BY_DIMENSION:
        unknown = sorted(set(settings.get(word) or ()) - set(known))
        if unknown:
            raise click.ClickException(
                f"{word} names {', '.join(unknown)}; the dimensions are {', '.join(known)}"
            )
