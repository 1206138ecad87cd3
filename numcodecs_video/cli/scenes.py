"""Sort sources into scenes: those of one date, which may be its bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import numpy as np
import xarray as xr

from numcodecs_video.cli.banding import BAND, are_known_bands, bands_in_names, stack_files
from numcodecs_video.cli.naming import DAYS, MONTHS, YEARS, dates_by

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

__all__ = ["TIME", "Source", "has_bands", "stated_times", "with_bands"]

#: the axis of dates
TIME = "time"
#: a dataset and where it is from
Source = tuple[str, xr.Dataset]


def has_bands(sources: Sequence[Source], name: str) -> bool:
    """Tell whether sources have an axis of bands that says which ones they are."""
    found = [ds.variables.get(BAND) for _, ds in sources]
    labels = [str(band) for v in found if v is not None for band in np.atleast_1d(v.values)]
    return all(BAND in ds.variables[name].dims for _, ds in sources) and (
        len(set(labels)) == len(labels) >= len(sources)
    )


def with_bands(
    sources: Sequence[Source], name: str, plane: Sequence[str], *, surely: bool
) -> list[Source]:
    """Put those of one date together, each a band, where their names tell."""
    scenes = _scenes_of(sources, surely=surely)
    if scenes is None:
        return list(sources)
    first = list(scenes[0])
    for scene in scenes[1:]:
        _check_complete(scenes[0], scene)
    click.echo(f"Note: {BAND} is as the names of sources say: {', '.join(first)}", err=True)
    return [
        (scene[first[0]][0], stack_files([scene[band] for band in first], first, name, plane))
        for scene in scenes
    ]


def _scenes_of(sources: Sequence[Source], *, surely: bool) -> list[dict[str, Source]] | None:
    """Sort sources by their date, and then by their band; None where no date has several."""
    for dates, are_certain in _datings_of(sources):
        scenes: dict[Hashable, list[Source]] = {}
        for date, source in zip(dates, sources, strict=True):
            scenes.setdefault(date, []).append(source)
        if len(scenes) == len(sources):
            return None
        known = {
            date: bands_in_names([name for name, _ in scene])
            for date, scene in scenes.items()
            if len(scene) > 1
        }
        found = [bands for bands in known.values() if bands is not None]
        if len(found) == len(known) and (
            are_certain or surely or all(are_known_bands(bands) for bands in found)
        ):
            return [
                dict(zip(known.get(date) or [scene[0][0]], scene, strict=True))
                for date, scene in scenes.items()
            ]
    if surely:
        raise click.ClickException(
            f"--join {BAND} names bands by the part in which the names of files differ, such as "
            f"B02.tif and B03.tif: {', '.join(name for name, _ in sources)} do not tell"
        )
    return None


def _datings_of(sources: Sequence[Source]) -> Iterable[tuple[Sequence[Hashable], bool]]:
    """Offer ways to tell dates apart, with whether they are certain: all in one date at last."""
    times = stated_times(sources)
    if times is not None:
        yield [(time.values.item(), repr(time.attrs)) for time in times], True
        return
    for patterns in (DAYS, MONTHS, YEARS):
        dates = dates_by(patterns, [name for name, _ in sources])
        if dates is not None:
            yield dates, patterns is DAYS
            if patterns is DAYS:
                return
    yield [None] * len(sources), False


def _check_complete(one: Mapping[str, Source], other: Mapping[str, Source]) -> None:
    """Refuse dates that have not the same bands."""
    more, fewer = (one, other) if set(one) - set(other) else (other, one)
    lacking = sorted(set(more) - set(fewer))
    if lacking:
        files, others = ([name for name, _ in scene.values()] for scene in (more, fewer))
        raise click.ClickException(
            f"{', '.join(files)} are bands of one date, and {', '.join(others)} of another: every "
            f"date needs the same bands, and this one lacks {', '.join(lacking)}"
        )


def stated_times(sources: Sequence[Source]) -> list[xr.Variable] | None:
    """Find the date that each source states as a scalar."""
    found = [ds.variables.get(TIME) for _, ds in sources]
    times = [v for v in found if v is not None and not v.ndim and v.dtype.kind in "iuf"]
    if len(times) < len(sources):
        return None
    return [xr.Variable((TIME,), v.values[np.newaxis], v.attrs) for v in times]
