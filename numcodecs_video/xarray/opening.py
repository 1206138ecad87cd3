"""Open what a path or URL names: a Zarr store, zipped or not, or a file of NetCDF.

Knows names, formats and readers; nothing of what is to become of what is read.
"""

from __future__ import annotations

import os
import re
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr

from numcodecs_video.xarray.images import open_image

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NETCDF", "names_zarr", "open_groups", "open_lazily", "store_of"]

#: what NetCDF files are named
NETCDF = (".nc", ".nc3", ".nc4", ".cdf", ".netcdf", ".h5", ".hdf5", ".he5")


def names_zarr(source: str) -> bool:
    """Tell a Zarr store from a NetCDF file by its name, its URL included, or by what is there.

    Examples
    --------
    >>> names_zarr("s3://bucket/era5.zarr"), names_zarr("https://host/era5.nc?download=1#mode=bytes")
    (True, False)
    """
    if "://" not in source:
        return Path(source).is_dir() or Path(source).suffix == ".zip"
    name = re.split(r"[?#]", source.rstrip("/"), maxsplit=1)[0]
    return not name.lower().endswith(NETCDF)


def store_of(source: str) -> Any:
    """Give what xarray and zarr open: a local ``.zip`` as the store that it holds."""
    if not source.endswith(".zip") or not Path(source).is_file():
        return source
    from zarr.storage import ZipStore

    return ZipStore(source, mode="r")


def open_lazily(source: str | os.PathLike[str], **options: Any) -> xr.Dataset:
    """Open a Zarr store, its URL, or a NetCDF file, reading no array.

    Of an OME-Zarr image whose arrays have no names of dimensions, the full resolution.
    """
    text = os.fspath(source)
    with _consolidated_or_not():
        try:
            return xr.open_dataset(
                store_of(text), engine=_engine_of(text), chunks=None, cache=False, **options
            )
        except KeyError as error:  # xarray's, where there are no names of dimensions
            try:
                return open_image(store_of(text)).to_dataset()
            except (OSError, ValueError):
                raise error from None


def open_groups(source: str, **options: Any) -> dict[str, xr.Dataset]:
    """Open every group of a Zarr store, its URL, or a NetCDF file, as `xarray.open_groups` does."""
    with _consolidated_or_not():
        return dict(xr.open_groups(store_of(source), engine=_engine_of(source), **options))


def _engine_of(source: str) -> Literal["zarr"] | None:
    return "zarr" if names_zarr(source) else None


@contextmanager
def _consolidated_or_not() -> Iterator[None]:
    """A store without consolidated metadata opens more slowly, and is as good."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Failed to open Zarr store", RuntimeWarning)
        yield
