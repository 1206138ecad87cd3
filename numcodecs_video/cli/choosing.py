"""Choose how to store the variables of all groups, and say which cannot be video."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import click

from numcodecs_video.cli.dating import example_axes, lacks_time
from numcodecs_video.cli.options import PROMISE_WORDS
from numcodecs_video.xarray import letters_of
from numcodecs_video.xarray.conventions import is_measurement, stored_dtype
from numcodecs_video.xarray.encoding import EncodingSettings
from numcodecs_video.xarray.encoding import choose_encodings as choose
from numcodecs_video.xarray.references import referred_to

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import xarray as xr

    from numcodecs_video.cli.copying import Encodings
    from numcodecs_video.cli.reading import Groups

__all__ = ["choose_encodings", "counted_cubes"]

MOST_NAMED = 5  # in one message: a satellite's product has a hundred maps


def choose_encodings(groups: Groups, **settings: Any) -> Encodings:
    """Choose the encodings of all groups, each cube's by a search over a few of its chunks.

    Parameters
    ----------
    groups : Groups
    **settings
        As of `numcodecs_video.xarray.encoding`.

    Warns
    -----
    UserWarning
        As `encoding` does; where measurements are no cubes, and so keep no promise; where there is
        no cube at all.

    Raises
    ------
    click.ClickException
        If a promise is given as one number and there is no cube at all.
    """
    axes = settings.get("axes")
    has_cubes = counted_cubes(groups, axes) > 0
    without = _left_without(groups, axes, is_measurement if has_cubes else _holds_numbers)
    left = _listed([f"{name} {reason}" for name, _, reason in without])
    example = next(filter(None, (example_axes(v, axes) for _, v, _ in without)), None)
    numbers = [f"--{w.replace('_', '-')} {n:g}" for w, n in _numbers_in(settings).items()]
    if numbers and not has_cubes:
        raise click.ClickException(
            f"{numbers[0]} holds for no variable, since none can be video: "
            f"{left or 'there are no measurements in two dimensions or more'}. "
            + (f"Name axes, as in --axes {example}, or leave" if example else "Leave")
            + " the promise out"
        )
    if left and numbers:
        warnings.warn(
            f"{numbers[0]} does not touch what is stored as Zarr does by default: {left}",
            stacklevel=2,
        )
    if left and not has_cubes:
        way = f": name axes, as in --axes {example}" if example else ""
        warnings.warn(f"nothing becomes video: {left}{way}", stacklevel=2)
    chosen, advice = choose(groups, EncodingSettings(tune=True, **settings))
    for text in advice:
        warnings.warn(text, stacklevel=2)
    return chosen


def counted_cubes(groups: Groups, axes: Mapping[str, str] | None) -> int:
    """Return how many variables can become video."""
    return sum(len(_cubes_in(ds, axes)) for ds in groups.values())


def _numbers_in(settings: Mapping[str, Any]) -> dict[str, float]:
    """Find the promises that are one number."""
    said = {word: settings.get(word) for word in PROMISE_WORDS}
    return {word: bound for word, bound in said.items() if isinstance(bound, (int, float))}


def _cubes_in(ds: xr.Dataset, axes: Mapping[str, str] | None) -> set[str]:
    return {
        str(name)
        for name, variable in ds.data_vars.items()
        if letters_of(variable, axes, group=ds.attrs) is not None
    }


def _holds_numbers(variable: xr.DataArray) -> bool:
    return stored_dtype(variable).kind in "biuf"


def _left_without(
    groups: Groups, axes: Mapping[str, str] | None, counts: Callable[[xr.DataArray], bool]
) -> list[tuple[str, xr.DataArray, str]]:
    """Find variables that count, of two dimensions or more, that are no cubes, and say why."""
    found = []
    for group, ds in groups.items():
        apart = _cubes_in(ds, axes) | referred_to(ds)
        for name, variable in ds.data_vars.items():
            if str(name) in apart or variable.ndim < 2 or not counts(variable):
                continue
            dims = ", ".join(map(str, variable.dims))
            lacking = "time axis" if lacks_time(variable, axes) else "time, y and x axes"
            path = f"{group}/{name}".lstrip("/")
            found.append((path, variable, f"({dims}) has no {lacking}"))
    return found


def _listed(left: Sequence[str]) -> str:
    more = f"; and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
    return "; ".join(left[:MOST_NAMED]) + more
