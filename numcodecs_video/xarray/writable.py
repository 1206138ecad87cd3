"""What Zarr cannot keep of a dataset: names that would be folders, attributes that are no JSON.

Found before anything is written, and named; nothing of arrays or codecs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_video.errors import VideoCodecError

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping

    from numcodecs_video.xarray.nodes import Node

__all__ = ["check_writable"]

#: what stores and file systems have themselves
RESERVED = (".", "..", "zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")


def check_writable(
    nodes: Mapping[str, Node], there: Collection[str] = (), *, groups: bool = True
) -> None:
    """Refuse what xarray would stop at with half a store written, or write where none finds it.

    Parameters
    ----------
    nodes : mapping of str to Node
        Groups by their path.
    there : collection of str
        Variables that the store has already, by name and path: no attribute of theirs is written.
    groups : bool
        Attributes of groups are.

    Raises
    ------
    VideoCodecError
        If there is some, by its name.
    """
    for path, node in nodes.items():
        if groups:
            _check_attributes(
                node.ds.attrs, f"of group {path!r}" if path != "/" else "of the dataset"
            )
        for name, variable in node.ds.variables.items():
            if str(name) not in node.own or f"{path}/{name}".strip("/") in there:
                continue
            if "/" in str(name):
                apart = str(name).replace("/", "_")
                raise VideoCodecError(
                    f"{name!r} has a slash, which parts groups in Zarr, so that no reader of this "
                    f"one would find it: rename({{{name!r}: {apart!r}}})"
                )
            if name in RESERVED:
                raise VideoCodecError(f"{name!r} is no name for an array in Zarr: rename it")
            _check_dimensions(name, variable.dims)
            _check_attributes(variable.attrs, f"of {name!r}")


def _check_dimensions(name: Hashable, dims: tuple[Hashable, ...]) -> None:
    for dim in dims:
        if not isinstance(dim, str):
            raise VideoCodecError(
                f"dimension {dim!r} of {name!r} is no text, which it must be in a store: "
                f"rename({{{dim!r}: 'dim_{dim}'}})"
            )


def _check_attributes(attributes: Mapping[Any, Any], whose: str) -> None:
    """Try to write each as xarray and zarr do."""
    for key, value in attributes.items():
        if not isinstance(key, str):
            raise VideoCodecError(f"attribute {key!r} {whose} must have a text as its name")
        plain = isinstance(value, (np.ndarray, np.generic))
        try:
            json.dumps(value.tolist() if plain else value)
        except (TypeError, ValueError) as error:
            kind = type(value).__qualname__
            raise VideoCodecError(
                f"attribute {key!r} {whose} holds {value!r} ({kind}), which JSON cannot: {error}; "
                "make it text, a number of Python's or a list of these, or remove it"
            ) from error
