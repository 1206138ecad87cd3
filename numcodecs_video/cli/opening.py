"""Open what a command line names, so that what cannot be opened ends in one line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import zarr

from numcodecs_video.xarray.compare import names_zarr, open_lazily

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr

__all__ = ["arrays_of", "open_dataset", "select_cubes"]


def open_dataset(path: str) -> xr.Dataset:
    """Open a Zarr store, its URL or a NetCDF file as a reader sees it, reading no array."""
    _check_existence(path)
    try:
        return open_lazily(path)
    except ImportError:
        raise
    except Exception as error:  # readers raise what they like on what is not theirs
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if "://" in path and not names_zarr(path):
            reason += " (NetCDF is read by OPeNDAP, or from a file: download it)"
        raise click.ClickException(
            f"cannot read {path} as a Zarr group or a NetCDF file: {reason}"
        ) from error


def arrays_of(path: str) -> list[tuple[str, zarr.Array[Any]]]:
    """List the arrays of a Zarr store by name, those in groups included."""
    _check_existence(path)
    try:
        node = zarr.open(path, mode="r")
        members = [] if isinstance(node, zarr.Array) else sorted(node.members(max_depth=None))
    except ValueError as error:  # metadata that are none, or a codec that zarr does not know
        raise click.ClickException(f"cannot read {path} as Zarr: {error}") from error
    if isinstance(node, zarr.Array):
        return [(Path(path).name, node)]
    return [(name, member) for name, member in members if isinstance(member, zarr.Array)]


def select_cubes(ds: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
    """Keep the variables named, or all."""
    unknown = [name for name in names if name not in ds.data_vars]
    if unknown:
        raise click.ClickException(
            f"no variable {', '.join(unknown)}: there are {', '.join(map(str, ds.data_vars))}"
        )
    return ds[list(names)] if names else ds


def _check_existence(path: str) -> None:
    if "://" not in path and not Path(path).exists():
        raise click.ClickException(f"{path} does not exist")
