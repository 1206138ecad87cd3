"""Open what a path or URL names: a Zarr store, zipped or not, a file of NetCDF or a TIFF stack.

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

from numcodecs_video.export.complete import is_store
from numcodecs_video.xarray.images import open_image, open_image_as_stored
from numcodecs_video.xarray.lazily import own_names
from numcodecs_video.xarray.pages import open_pages
from numcodecs_video.xarray.references import with_what_it_needs

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "NETCDF",
    "names_zarr",
    "open_groups",
    "open_lazily",
    "quietly",
    "store_of",
    "within_file",
]

#: what NetCDF files are named
NETCDF = (".nc", ".nc3", ".nc4", ".cdf", ".netcdf", ".h5", ".hdf5", ".he5")


def within_file(source: str) -> tuple[str, str]:
    """Part the path of a group in a file, ``era5.nc/north`` or ``s2.zip/r10m``, from the file's.

    Returns
    -------
    str, str
        The file, and the group, which is empty of whatever is there under its own name.
    """
    source = os.path.expanduser(source)
    path = Path(source)
    if "://" not in source and not path.exists():
        file = next((parent for parent in path.parents if parent.is_file()), None)
        if file is not None:
            return str(file), path.relative_to(file).as_posix()
    return source, ""


def names_zarr(source: str) -> bool:
    """Tell a Zarr store from a NetCDF file by its name, its URL included, or by what is there.

    Examples
    --------
    >>> names_zarr("s3://bucket/era5.zarr"), names_zarr("https://host/era5.nc?download=1#mode=bytes")
    (True, False)
    """
    if "://" not in source:
        path = Path(within_file(source)[0])
        return path.is_dir() or path.suffix == ".zip"
    name = re.split(r"[?#]", source.rstrip("/"), maxsplit=1)[0]
    return not name.lower().endswith(NETCDF)


def store_of(source: str) -> Any:
    """Give what zarr opens: a local ``.zip`` as the store that it holds, or a group of that."""
    file, group = within_file(source)
    if not file.endswith(".zip") or not Path(file).is_file():
        return file
    import zarr

    store = zarr.storage.ZipStore(file, mode="r")
    return zarr.open(store, path=group, mode="r").store_path if group else store


def open_lazily(
    source: str | os.PathLike[str],
    *,
    as_stored: bool = False,
    levels: bool = False,
    **options: Any,
) -> xr.Dataset:
    """Open a Zarr store, its URL, a NetCDF file, or a group of one, reading no array.

    Of an OME-Zarr image whose arrays have no names of dimensions, or the same ones in several
    sizes, the full resolution: under the name of the image in Dask's chunks, or `as_stored` under
    that of its array, with all `levels` if need be. Times that no calendar can tell, months since a
    day of most, stay numbers.
    """
    file, group = within_file(os.fspath(source))
    pages = open_pages(file)
    if pages is not None:
        return pages
    store, group = _store_and_group(file, group)
    if group:
        options["group"] = group
    with quietly():
        try:
            return xr.open_dataset(
                store, engine=_engine_of(file), chunks=None, cache=False, **options
            )
        # No names of dimensions, or of several sizes; or an array, which consolidated is no group.
        except (AttributeError, KeyError, ValueError) as error:
            if "unable to decode time" in str(error) and "decode_times" not in options:
                return xr.open_dataset(
                    store, engine=_engine_of(file), chunks=None, cache=False,
                    decode_times=False, **options,
                )  # fmt: skip
            if not names_zarr(file):
                raise
            one = _around_array(os.fspath(source), chunks=None, cache=False, **options)
            if one is not None:
                return one[0][[one[1]]]
            try:
                if as_stored:
                    return open_image_as_stored(store, levels=levels, group=group or None)
                return open_image(store, group=group or None).to_dataset()
            except (KeyError, OSError, ValueError):
                raise error from None


def open_groups(source: str, **options: Any) -> dict[str, xr.Dataset]:
    """Open every group of a Zarr store, its URL, a NetCDF file, or a group of one.

    As `xarray.open_groups` does, by the path from there.
    """
    file, group = within_file(source)
    pages = open_pages(file)
    if pages is not None:
        return {"/": pages}
    store, group = _store_and_group(file, group)
    with quietly():
        try:
            found = dict(xr.open_groups(store, engine=_engine_of(file), **options))
        except (AttributeError, KeyError, ValueError):
            one = _around_array(source, **options)
            if one is None:
                raise
            return {"/": with_what_it_needs(one[0], {one[1]})}
    if not group:
        return found
    within = {path: ds for path, ds in found.items() if f"{path}/".startswith(f"/{group}/")}
    if not within and (one := _around_array(source, **options)) is not None:
        return {"/": with_what_it_needs(one[0], {one[1]})}
    if not within:
        raise FileNotFoundError(f"there is no group {group}: there are {', '.join(found)}")
    return {path.removeprefix(f"/{group}") or "/": ds for path, ds in within.items()}


def _around_array(source: str, **options: Any) -> tuple[xr.Dataset, str] | None:
    """Open the group around an array that names its dimensions, and name it; None of others."""
    import zarr

    if not names_zarr(source):
        return None
    options.pop("group", None)
    around, _, name = source.rstrip("/").rpartition("/")
    try:
        array = zarr.open(store_of(source), mode="r")
        if not isinstance(array, zarr.Array) or own_names(array) is None:
            return None
        ds = xr.open_dataset(store_of(around or "."), engine="zarr", **options)
    except (KeyError, OSError, ValueError):
        return None
    return (ds, name) if name in ds.variables else None


def _store_and_group(file: str, group: str) -> tuple[Any, str]:
    """Give what xarray opens, and the group in it: a store in a folder of a ``.zip`` is a root."""
    if group and file.endswith(".zip") and not is_store(Path(file)):
        return store_of(f"{file}/{group}"), ""
    return store_of(file), group


def _engine_of(source: str) -> Literal["zarr"] | None:
    return "zarr" if names_zarr(source) else None


@contextmanager
def quietly() -> Iterator[None]:
    """Say nothing of what is as good: a store without consolidated metadata, a picture of no place.

    Nor of matrices over one dimension, which are copied as they are.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Failed to open Zarr store", RuntimeWarning)
        warnings.filterwarnings("ignore", "Dataset has no geotransform")
        warnings.filterwarnings("ignore", "Duplicate dimension names", UserWarning)
        yield
