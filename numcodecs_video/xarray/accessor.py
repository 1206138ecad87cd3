"""The accessor ``numcodecs_video`` of whatever xarray holds arrays in: functions as methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import xarray as xr

from numcodecs_video.xarray.bands import stack_bands, unstack_bands
from numcodecs_video.xarray.compare import Comparison, Source, compare
from numcodecs_video.xarray.encoding import encoding
from numcodecs_video.xarray.evaluate import Evaluation, evaluate
from numcodecs_video.xarray.report import Report
from numcodecs_video.xarray.suggest import Suggestion, suggest
from numcodecs_video.xarray.sweep import SweepPoint, sweep
from numcodecs_video.xarray.writing import to_zarr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["DataArrayAccessor", "DataTreeAccessor", "DatasetAccessor"]


@xr.register_dataset_accessor("numcodecs_video")  # type: ignore[no-untyped-call]  # xarray's
class DatasetAccessor:
    """``ds.numcodecs_video``: whole datasets as video.

    Examples
    --------
    >>> import numpy as np
    >>> import numcodecs_video.xarray  # registers the accessor
    >>> t2m = xr.DataArray(np.ones((6, 40, 50), "f4"), dims=("time", "lat", "lon"))
    >>> sorted(xr.Dataset({"t2m": t2m}).numcodecs_video.encoding(max_error=0.01))
    ['t2m']
    """

    def __init__(self, ds: xr.Dataset) -> None:
        self._ds = ds

    def encoding(self, **settings: Any) -> dict[str, dict[str, Any]]:
        """Choose how to store each variable; see `numcodecs_video.xarray.encoding`."""
        return encoding(self._ds, **settings)

    def to_zarr(self, store: Any, **settings: Any) -> Any:
        """Write the dataset as video; see `numcodecs_video.xarray.to_zarr`."""
        return to_zarr(self._ds, store, **settings)

    def evaluate(self, codec: Any = None, **settings: Any) -> Report[Evaluation]:
        """Say what storing costs; see `numcodecs_video.xarray.evaluate`."""
        return evaluate(self._ds, codec, **settings)

    def compare(self, other: Source) -> Report[Comparison]:
        """Compare with another dataset or store; see `numcodecs_video.xarray.compare`."""
        return compare(self._ds, other)

    def suggest(self, **promise: Any) -> Suggestion:
        """Try settings on a sample of its one variable; see `numcodecs_video.xarray.suggest`."""
        return suggest(self._ds, **promise)

    def stack_bands(
        self, names: Sequence[str], name: str = "bands", *, dim: str = "band"
    ) -> xr.Dataset:
        """Put variables into one array; see `numcodecs_video.xarray.stack_bands`."""
        return stack_bands(self._ds, names, name, dim=dim)

    def unstack_bands(self) -> xr.Dataset:
        """Undo `stack_bands`; see `numcodecs_video.xarray.unstack_bands`."""
        return unstack_bands(self._ds)


@xr.register_dataarray_accessor("numcodecs_video")  # type: ignore[no-untyped-call]  # xarray's
class DataArrayAccessor:
    """``da.numcodecs_video``: one array as video.

    Examples
    --------
    >>> import numpy as np
    >>> import numcodecs_video.xarray  # registers the accessor
    >>> values = np.random.default_rng(0).normal(280, 1, (6, 40, 50)).astype("f4")
    >>> t2m = xr.DataArray(values, dims=("time", "lat", "lon"), name="t2m")
    >>> t2m.numcodecs_video.evaluate(max_error=0.5, effort=1).largest_error <= 0.5
    True
    """

    def __init__(self, data: xr.DataArray) -> None:
        self._data = data

    def encoding(self, **settings: Any) -> dict[str, dict[str, Any]]:
        """Choose how to store the array; see `numcodecs_video.xarray.encoding`."""
        return encoding(self._data, **settings)

    def to_zarr(self, store: Any, **settings: Any) -> Any:
        """Write the array as video; see `numcodecs_video.xarray.to_zarr`."""
        return to_zarr(self._data, store, **settings)

    def evaluate(self, codec: Any = None, **settings: Any) -> Evaluation:
        """Say what storing costs; see `numcodecs_video.xarray.evaluate`."""
        return evaluate(self._data, codec, **settings)

    def suggest(self, **promise: Any) -> Suggestion:
        """Try settings on a sample; see `numcodecs_video.xarray.suggest`."""
        return suggest(self._data, **promise)

    def sweep(self, promises: Mapping[str, Sequence[float]], **settings: Any) -> list[SweepPoint]:
        """Evaluate under every promise with every codec; see `numcodecs_video.xarray.sweep`."""
        return sweep(self._data, promises, **settings)

    def compare(self, other: Source) -> Report[Comparison]:
        """Compare with another array or store; see `numcodecs_video.xarray.compare`."""
        return compare(self._data, other)


@xr.register_datatree_accessor("numcodecs_video")  # type: ignore[no-untyped-call]  # xarray's
class DataTreeAccessor:
    """``tree.numcodecs_video``: all groups of a tree as video."""

    def __init__(self, tree: xr.DataTree) -> None:
        self._tree = tree

    def encoding(self, **settings: Any) -> dict[str, dict[str, Any]]:
        """Choose how to store each variable, by group; see `numcodecs_video.xarray.encoding`."""
        return encoding(self._tree, **settings)

    def to_zarr(self, store: Any, **settings: Any) -> Any:
        """Write the tree as video; see `numcodecs_video.xarray.to_zarr`."""
        return to_zarr(self._tree, store, **settings)
