"""Make the groups that are written of what is named: open, join, cut and stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from numcodecs_video.cli.joining import join_groups
from numcodecs_video.cli.reading import open_as_stored
from numcodecs_video.cli.selecting import select_variables
from numcodecs_video.cli.stacking import stack_variables
from numcodecs_video.cli.subsetting import select_labels, select_places

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import ExitStack

    from numcodecs_video.cli.reading import Groups
    from numcodecs_video.cli.subsetting import Place

__all__ = ["gather", "open_joined"]


def gather(
    sources: Sequence[str],
    stack: ExitStack,
    *,
    join_dim: str | None,
    labels: Sequence[tuple[str, str]],
    places: Sequence[tuple[str, Place]],
    stacks: Sequence[tuple[str, str, list[str]]],
    names: Sequence[str],
    axes: Mapping[str, str] | None,
) -> Groups:
    """Open sources without decoding, and make of them what the options say.

    Parameters
    ----------
    sources : sequence of str
        Zarr stores, their URLs or NetCDF files.
    stack : ExitStack
        That closes them.
    join_dim, labels, places, stacks, names, axes
        As the options of ``compress`` give them.
    """
    opened = [(name, open_as_stored(name, stack, axes)) for name in sources]
    groups = join_groups(opened, join_dim, axes)
    groups = select_places(select_labels(groups, labels), places)
    return select_variables(stack_variables(groups, stacks), names)


def open_joined(sources: Sequence[str], stack: ExitStack) -> xr.Dataset:
    """Open the top groups of sources as one dataset, as a reader of what they become sees it.

    Parameters
    ----------
    sources : sequence of str
        Zarr stores, their URLs, NetCDF files or pictures named by their date.
    stack : ExitStack
        That closes them.
    """
    opened = [(name, open_as_stored(name, stack)) for name in sources]
    return xr.decode_cf(join_groups(opened, None, None)["/"], decode_coords="all")
