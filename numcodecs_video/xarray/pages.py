"""TIFF files of several pages, as microscopes write them, of which readers of maps see the first.

Knows files and the names of their axes; nothing of what is to become of them. tifffile comes with
scikit-image, which the extra ``metrics`` installs.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import xarray as xr

from numcodecs_video.xarray.images import told_apart
from numcodecs_video.xarray.lazily import from_zarr

__all__ = ["open_pages"]

#: what a TIFF file starts with, of either byte order, large ones included
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: of tifffile's letters: what the pages of a file are that does not say it
UNKNOWN = "QI"
OF_ONE_PAGE = "YXS"


def open_pages(path: str) -> xr.Dataset | None:
    """Open all pages of a TIFF file, lazily; None of a file of one page, and of any other file.

    Axes have the names that OME or ImageJ wrote: t, c, z, y and x; ``page`` where none did.

    Raises
    ------
    ImportError
        If the file has several pages, and tifffile is not there to read them.
    """
    if not _is_tiff(path):
        return None
    try:
        import tifffile
    except ImportError:
        _refuse_pages(path)
        return None
    import zarr

    with tifffile.TiffFile(path) as file:
        stacks = [n for n, series in enumerate(file.series) if set(series.axes) - set(OF_ONE_PAGE)]
        axes = {n: file.series[n].axes for n in stacks}
    found: dict[str, xr.Variable] = {}
    stores = [tifffile.imread(path, aszarr=True, series=n, level=0) for n in stacks]
    for n, store in zip(stacks, stores, strict=True):
        array: Any = zarr.open(store, mode="r")
        name = "image" if len(stacks) == 1 else f"image_{n}"
        dims = told_apart(_names_of(axes[n]), array.shape, name, found)
        found[name] = from_zarr(array, dims)
    if not found:
        return None
    ds = xr.Dataset(found)

    def close() -> None:
        for store in stores:
            store.close()

    ds.set_close(close)
    return ds


def _is_tiff(path: str) -> bool:
    if "://" in path or not Path(path).is_file():
        return False
    with Path(path).open("rb") as stream:
        return stream.read(4) in MAGIC


def _names_of(axes: str) -> list[str]:
    """Name axes by tifffile's letters.

    Examples
    --------
    >>> _names_of("TZCYX"), _names_of("QYX")
    (['t', 'z', 'c', 'y', 'x'], ['page', 'y', 'x'])
    """
    names: list[str] = []
    for letter in axes:
        name = "page" if letter in UNKNOWN else letter.lower()
        names.append(f"{name}_{len(names)}" if name in names else name)
    return names


def _refuse_pages(path: str) -> None:
    """Let nobody take the first page for the file."""
    try:
        rasterio = import_module("rasterio")  # which has no types
    except ImportError:  # nor does anything else here read it
        return
    with rasterio.open(path) as file:
        pages = len(file.subdatasets)
    if pages > 1:
        raise ImportError(
            f"{path} has {pages} pages, of which all are read where tifffile is installed: "
            "pip install tifffile"
        )
