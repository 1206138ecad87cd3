"""Append to a store that is there: in its own packing, units and codecs, or not at all."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

import click
import numpy as np
import xarray as xr
import zarr

from numcodecs_video.cli.copying import Copy, fill_arrays
from numcodecs_video.cli.packing import PACKING, first_difference, stated
from numcodecs_video.cli.progress import progress_bar
from numcodecs_video.cli.selecting import paths_of
from numcodecs_video.cli.times import counted_as
from numcodecs_video.xarray import record_loss
from numcodecs_video.xarray.appending import check_promises, warn_of_shared_chunks
from numcodecs_video.xarray.encoding import EncodingSettings, choose_encodings
from numcodecs_video.xarray.recording import EARLIER, record_of, silent_about_format_3

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numcodecs_video.cli.reading import Groups

__all__ = ["append_groups", "check_settings"]

# Of these the codec of the array knows the sentinels that were there when it was made.
ONE_OF_EACH = (*PACKING, "nodata", "units")
#: options that the arrays that are there have decided
DECIDED = (
    "lossless", "codec", "chunks", "shards", "pca", "bits", "gop", "effort", "zarr_format",
    "overwrite",
)  # fmt: skip


def check_settings() -> None:
    """Refuse options of the command that say what the arrays of the store have decided already."""
    ctx = click.get_current_context()
    given = [
        f"--{name.replace('_', '-')}"
        for name in DECIDED
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(f"--append keeps what the store has: leave out {', '.join(given)}")


def append_groups(
    groups: Groups, there: Groups, path: str, dim: str, settings: Mapping[str, Any]
) -> None:
    """Append along a dimension, in every group that has it.

    Parameters
    ----------
    groups, there : Groups
        What is to be appended and what is there, undecoded.
    path : str
        Of the store.
    dim : str
    settings : mapping
        A promise, which has to be that of the store, and axes.

    Warns
    -----
    UserWarning
        Where a chunk that has lost something is encoded a second time.
    """
    if not any(dim in ds.dims for ds in groups.values()):
        known = dict.fromkeys(str(d) for ds in groups.values() for d in ds.dims)
        raise click.ClickException(
            f"--append names {dim}, which is no dimension: there are {', '.join(known)}"
        )
    fitted: Groups = {}
    for group, ds in groups.items():
        if dim in ds.dims:
            if group not in there:
                raise click.ClickException(f"{path} has no group {group}")
            fitted[group] = _fitted(ds, there[group], dim, path)
    made = {group: _open(path, group) for group in fitted}
    _check_promise(fitted, made, settings)
    copies: list[Copy] = []
    for group, ds in fitted.items():
        warn_of_shared_chunks(ds, made[group], append_dim=dim, region=None)
        copies += _copies(ds, made[group], group, dim)
    _append(copies, path, dim)
    _keep_records(copies)
    with silent_about_format_3():
        for group in reversed(list(there)):
            if _open(path, group, consolidated=None).metadata.consolidated_metadata is not None:
                zarr.consolidate_metadata(path, path=group.strip("/"))
    record_loss(path)


def _open(path: str, group: str, *, consolidated: Literal[False] | None = False) -> zarr.Group:
    return zarr.open_group(path, path=group.strip("/"), mode="r+", use_consolidated=consolidated)


def _check_promise(
    groups: Groups, made: Mapping[str, zarr.Group], settings: Mapping[str, Any]
) -> None:
    """Hold a promise to that of the store; it need not be given."""
    if settings.keys() <= {"axes"}:
        return
    known = paths_of(groups)
    chosen, _ = choose_encodings(groups, EncodingSettings(**settings), there=known)
    for group, ds in groups.items():
        check_promises(ds, made[group], chosen.get(group, {}))


def _fitted(ds: xr.Dataset, there: xr.Dataset, dim: str, path: str) -> xr.Dataset:
    """Check that everything fits what is there, and let its dates count as those do."""
    grows = {name for name, v in there.variables.items() if dim in v.dims}
    added = {name for name, v in ds.variables.items() if dim in v.dims}
    for names, place in ((grows - added, "is in the store and not in what is to be added"),
                         (added - grows, f"is not in {path}")):  # fmt: skip
        if names:
            raise click.ClickException(f"{', '.join(sorted(map(str, names)))} {place}")
    ds = counted_as(ds, there, dim)
    for name, variable in ds.variables.items():
        known = there.variables.get(name)
        if known is None:
            click.echo(f"Note: {name} is not in {path}, and stays out of it", err=True)
            continue
        if dim not in variable.dims:
            if not variable.equals(known):  # type: ignore[no-untyped-call]
                raise click.ClickException(
                    f"{name} is another than in {path}: bring it onto the same grid beforehand"
                )
            continue
        _check_alike(str(name), variable, known, dim, path)
    _check_order(ds, there, dim, path)
    return ds


def _check_alike(name: str, variable: xr.Variable, known: xr.Variable, dim: str, path: str) -> None:
    if variable.dims != known.dims or any(
        variable.sizes[d] != known.sizes[d] for d in known.dims if d != dim
    ):
        raise click.ClickException(
            f"{name} has other dimensions ({dict(variable.sizes)}) than in {path} "
            f"({dict(known.sizes)})"
        )
    key = first_difference(variable, known, ONE_OF_EACH)
    if key is not None:
        raise click.ClickException(
            f"{name} has {key} {stated(variable, key)}, and {stated(known, key)} in {path}: bring "
            "it to that beforehand"
        )
    if not np.can_cast(variable.dtype, known.dtype, "safe"):
        raise click.ClickException(
            f"{name} is {variable.dtype}, and {known.dtype} in {path}, which cannot hold it"
        )


def _check_order(ds: xr.Dataset, there: xr.Dataset, dim: str, path: str) -> None:
    """Let nothing be appended that is there already, or comes before it."""
    ours, theirs = ds.variables.get(dim), there.variables.get(dim)
    if ours is None or theirs is None or not ours.size or not theirs.size:
        return
    if ours.dtype.kind not in "iuf":
        return
    values, known = ours.values, theirs.values
    falls = known[0] > known[-1]
    if values.max() >= known.min() if falls else values.min() <= known.max():
        raise click.ClickException(
            f"{dim} of what is to be added does not come after what {path} holds: choose the rest "
            f"with --sel {dim}=FROM:"
        )


def _copies(ds: xr.Dataset, made: zarr.Group, group: str, dim: str) -> list[Copy]:
    copies = []
    for name, variable in ds.variables.items():
        if dim in variable.dims:
            target = made[str(name)]
            if not isinstance(target, zarr.Array):
                raise TypeError(f"{name} is no array")
            axis = variable.dims.index(dim)
            start = tuple(n if a == axis else 0 for a, n in enumerate(target.shape))
            copies.append(Copy(f"{group}/{name}".lstrip("/"), variable, target, start))
    return copies


def _keep_records(copies: list[Copy]) -> None:
    """Say of arrays what their new cells had lost before: errors add up."""
    for copy in copies:
        lost, known = record_of(copy.source.attrs), str(copy.target.attrs.get(EARLIER, ""))
        if lost and lost not in known:
            copy.target.attrs[EARLIER] = f"{known}; {lost}" if known else lost


def _append(copies: list[Copy], path: str, dim: str) -> None:
    """Make room, fill it, and take it away again where that fails."""
    before = [copy.target.shape for copy in copies]
    total = sum(copy.source.nbytes for copy in copies)
    try:
        with silent_about_format_3():
            for copy in copies:
                copy.target.resize(tuple(map(sum, zip(copy.start, copy.source.shape, strict=True))))
        with progress_bar("appending", total) as advance:
            fill_arrays(copies, advance)
    except BaseException as error:
        for copy, shape in zip(copies, before, strict=True):
            with suppress(OSError):  # what fails here has failed before; the others go back
                copy.target.resize(shape)
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(f"{path} has as much of {dim} as before") from None
        raise
