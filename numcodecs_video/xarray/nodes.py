"""Whatever xarray holds arrays in, as datasets by the path of their group.

Knows arrays, datasets and trees; nothing of what is to become of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import xarray as xr

from numcodecs_video.errors import VideoCodecError, kind_of
from numcodecs_video.xarray.internals import DATAARRAY_NAME, DATAARRAY_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["ROOT", "Data", "Node", "dataset_of", "means", "nodes_of", "select_array"]

ROOT = "/"
ADVICE = (
    "give xr.DataArray(values, dims=('time', 'y', 'x')), say, or open a store with xr.open_zarr"
)

#: the last: groups by path, which need not fit each other as those of a tree must
Data = xr.Dataset | xr.DataArray | xr.DataTree | dict[str, xr.Dataset]


@dataclass(frozen=True)
class Node:
    """One group: its dataset, with the coordinates that it inherits, and what is its own.

    Attributes
    ----------
    ds : xarray.Dataset
    own : collection of str
        Names of the variables that are written in this group.
    """

    ds: xr.Dataset
    own: Collection[str]


def means(said: str, path: str) -> bool:
    """Tell whether a name, a path or a pattern of either means the variable of a path.

    Examples
    --------
    >>> [means(said, "r10m/B02") for said in ("B02", "r10m/B02", "B*", "r10m/*", "B03")]
    [True, True, True, True, False]
    """
    name = path.rpartition("/")[2]
    return said in (path, name) or fnmatchcase(path, said) or fnmatchcase(name, said)


def nodes_of(data: Data) -> dict[str, Node]:
    """List the groups of a tree by path; a dataset or an array is one group, the root.

    Raises
    ------
    TypeError
        If it is none of these.

    Examples
    --------
    >>> tree = xr.DataTree.from_dict({"/": xr.Dataset({"v": 1}), "/a": xr.Dataset({"w": 2})})
    >>> {path: list(node.own) for path, node in nodes_of(tree).items()}
    {'/': ['v'], '/a': ['w']}
    """
    if isinstance(data, xr.DataTree):
        return {
            node.path: Node(
                node.to_dataset(),
                list(map(str, node.to_dataset(inherit=node is data).variables)),
            )
            for node in data.subtree
        }
    if isinstance(data, dict):
        return {path: Node(ds, list(map(str, ds.variables))) for path, ds in data.items()}
    ds = dataset_of(data)
    return {ROOT: Node(ds, list(map(str, ds.variables)))}


def dataset_of(data: xr.Dataset | xr.DataArray) -> xr.Dataset:
    """Make an array the dataset that `xarray.DataArray.to_zarr` writes.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(data, xr.Dataset):
        return data
    if not isinstance(data, xr.DataArray):
        raise TypeError(
            f"expected an xarray Dataset, DataArray or DataTree, got {kind_of(data)}: {ADVICE}"
        )
    if data.name is not None and data.name not in data.coords and data.name not in data.dims:
        return data.to_dataset()
    ds = data.to_dataset(name=DATAARRAY_VARIABLE)
    if data.name is not None:
        ds.attrs[DATAARRAY_NAME] = data.name
    return ds


def select_array(data: Any, function: str) -> xr.DataArray:
    """Return the array of what a function of one array was given.

    Raises
    ------
    VideoCodecError
        If it is a dataset or a tree of several variables.
    TypeError
        If it is nothing of xarray.
    """
    if isinstance(data, xr.DataArray):
        return data
    if isinstance(data, xr.Dataset) and len(data.data_vars) == 1:
        return data[next(iter(data.data_vars))]
    if isinstance(data, (xr.Dataset, xr.DataTree)):
        names = [str(name) for node in nodes_of(data).values() for name in node.ds.data_vars]
        example = f", such as ds[{names[0]!r}]" if names else ""
        raise VideoCodecError(
            f"{function} takes one variable{example}; this {type(data).__name__} has "
            f"{', '.join(names) or 'none'}"
        )
    raise TypeError(f"{function} takes an xarray DataArray, got {kind_of(data)}: {ADVICE}")
