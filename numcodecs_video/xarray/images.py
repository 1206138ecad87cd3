"""What OME-Zarr says of the axes of an image, whose arrays need no dimension names.

Reads the ``multiscales`` of versions 0.4 (in the group's attributes) and 0.5 (within ``ome``); see
https://ngff.openmicroscopy.org/0.5. Knows attributes; nothing of chunks or codecs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import xarray as xr
import zarr

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.lazily import from_zarr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "axis_names",
    "format_of_image",
    "letters_of_image",
    "open_image",
    "open_image_as_stored",
    "told_apart",
]


def letters_of_image(attrs: Mapping[str, Any], ndim: int) -> str | None:
    """Give each axis of an image its letter, by the types that its metadata state.

    The last two axes in space are y and x. One before them is the time axis of what has none, since
    the next slice is predicted as the next date is; else it is a band.

    Parameters
    ----------
    attrs : mapping
        Of the image or of its group.
    ndim : int
        Number of dimensions of the array.

    Returns
    -------
    str or None
        None where the attributes describe no image of so many dimensions.

    Examples
    --------
    >>> axes = [{"name": "c", "type": "channel"}] + [{"name": n, "type": "space"} for n in "zyx"]
    >>> letters_of_image({"multiscales": [{"axes": axes}]}, 4)
    'ctyx'
    """
    axes = _axes_in(attrs)
    if len(axes) != ndim:
        return None
    kinds = [str(axis.get("type", "")) for axis in axes]
    space = [i for i, kind in enumerate(kinds) if kind == "space"]
    if len(space) < 2:
        return None
    letters = ["t" if kind == "time" else "c" for kind in kinds]
    letters[space[-2]], letters[space[-1]] = "y", "x"
    if "t" not in letters and len(space) > 2:
        letters[space[0]] = "t"
    return "".join(letters)


def open_image(store: Any, *, level: int = 0, group: str | None = None) -> xr.DataArray:
    """Open one resolution of an OME-Zarr image, lazily, which xarray by itself cannot always.

    Parameters
    ----------
    store : str, path, zarr store or mapping
        Of an image in OME-Zarr 0.4 or 0.5.
    level : int
        Of the pyramid; 0 is the full resolution.
    group : str, optional
        Path of the image in the store.

    Returns
    -------
    xarray.DataArray
        In Dask's chunks, which are those stored; with the names of the axes, the image's name and
        the attributes of its group.

    Raises
    ------
    VideoCodecError
        If the group is no image, or has no such level.

    Examples
    --------
    >>> import numpy as np
    >>> store = {}
    >>> image = zarr.create_group(store)
    >>> image["0"] = np.zeros((3, 16, 16), "u2")
    >>> axes = [{"name": "t", "type": "time"}] + [{"name": n, "type": "space"} for n in "yx"]
    >>> image.attrs["ome"] = {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
    >>> open_image(store).dims
    ('t', 'y', 'x')
    """
    import dask.array

    array, _, attrs = _resolution(store, level, group)
    values = dask.array.from_zarr(array)  # type: ignore[no-untyped-call]  # dask's
    name = _image_in(attrs).get("name") or "image"
    return xr.DataArray(values, dims=axis_names(attrs), name=name, attrs=attrs)


def open_image_as_stored(
    store: Any, *, levels: bool = False, group: str | None = None
) -> xr.Dataset:
    """Open the full resolution of an OME-Zarr image under the name that its array has, lazily.

    Its chunks are those of the store, not wishes as Dask's are: what suits video better may be
    chosen. With `levels` all resolutions, their dimensions told apart.
    """
    array, path, attrs = _resolution(store, 0, group)
    axes = axis_names(attrs)
    found = {path: from_zarr(array, axes)}
    for level in range(1, len(_image_in(attrs)["datasets"]) if levels else 1):
        array, path, _ = _resolution(store, level, group)
        found[path] = from_zarr(array, told_apart(axes, array.shape, path, found), axes)
    return xr.Dataset(found, attrs=attrs)


def told_apart(
    dims: Sequence[str], shape: Sequence[int], name: str, others: Mapping[str, xr.Variable]
) -> list[str]:
    """Add its name to those dimensions of an array that have another size in others.

    Examples
    --------
    >>> import numpy as np
    >>> told_apart(["t", "y"], (5, 12), "1", {"0": xr.Variable(("t", "y"), np.zeros((5, 24)))})
    ['t', 'y_1']
    """
    known = {d: n for other in others.values() for d, n in other.sizes.items()}
    return [d if known.get(d, n) == n else f"{d}_{name}" for d, n in zip(dims, shape, strict=True)]


def _resolution(
    store: Any, level: int, group: str | None
) -> tuple[zarr.Array[Any], str, dict[str, Any]]:
    """Find one resolution of an image, its path, and the attributes of the image's group."""
    found = zarr.open_group(store, path=group, mode="r")
    attrs = dict(found.attrs.asdict())
    axes, levels = _axes_in(attrs), _image_in(attrs).get("datasets", [])
    if not axes or not 0 <= level < len(levels):
        raise VideoCodecError(
            f"the group is no OME-Zarr image with a level {level}: it has {len(levels)} levels and "
            f"{len(axes)} axes in its multiscales"
        )
    path = str(levels[level]["path"])
    array: Any = found[path]
    return array, path, attrs


def axis_names(attrs: Mapping[str, Any]) -> list[str]:
    """Name the axes of the image that attributes describe; none where there is none."""
    return [str(axis["name"]) for axis in _axes_in(attrs)]


def format_of_image(attrs: Mapping[str, Any]) -> int | None:
    """Return the format of Zarr that an image's version goes with; None where there is none.

    Examples
    --------
    >>> image = {"multiscales": [{"axes": [{"name": "y"}, {"name": "x"}]}]}
    >>> format_of_image(image), format_of_image({"ome": image}), format_of_image({})
    (2, 3, None)
    """
    if not _axes_in(attrs):
        return None
    return 3 if isinstance(attrs.get("ome"), dict) else 2


def _image_in(attrs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Find the first image that attributes describe; empty where there is none."""
    ome = attrs.get("ome")
    images = (ome if isinstance(ome, dict) else attrs).get("multiscales")
    first = images[0] if isinstance(images, list) and images else None
    return first if isinstance(first, dict) else {}


def _axes_in(attrs: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    axes = _image_in(attrs).get("axes")
    found = axes if isinstance(axes, list) else []
    return found if all(isinstance(axis, dict) and "name" in axis for axis in found) else []
