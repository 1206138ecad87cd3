"""Write a dataset as video: into a new store, or into one that is there."""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.appending import check_promises, warn_of_shared_chunks
from numcodecs_video.xarray.encoding import encoding as choose_encoding
from numcodecs_video.xarray.filters import doubts_of_filters
from numcodecs_video.xarray.recording import open_group, record_loss, silent_about_format_3
from numcodecs_video.xarray.sources import refuse_own_source

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    import zarr

__all__ = ["to_zarr"]

ADDS = ("a", "a-", "r+")
FORMATS = (2, 3)
# What else xarray takes: consolidated, safe_chunks, align_chunks, write_empty_chunks and so on.
OF_XARRAY = frozenset(inspect.signature(xr.Dataset.to_zarr).parameters) - {"self"}


def to_zarr(
    ds: xr.Dataset,
    store: Any,
    *,
    mode: Literal["w", "w-", "a", "a-", "r+"] | None = None,
    zarr_format: Literal[2, 3] | None = None,
    group: str | None = None,
    encoding: Mapping[str, Mapping[str, Any]] | None = None,
    append_dim: Hashable | None = None,
    region: Any = None,
    compute: bool = True,
    storage_options: dict[str, Any] | None = None,
    **settings: Any,
) -> Any:
    """Write a dataset to a Zarr store, its cubes as video.

    The same as ``ds.to_zarr(store, encoding=encoding(ds, tune=True, ...))``, and then
    `record_loss`: every variable that lost something says so in its attributes.

    Parameters
    ----------
    ds : xarray.Dataset
    store : str, path, zarr store or mapping
        Path, fsspec URL, or a store that ``Dataset.to_zarr`` takes.
    mode : {"w-", "w", "a", "a-", "r+"}, optional
        As of ``Dataset.to_zarr``: a new store unless said otherwise; ``"w"`` replaces what is
        there.
    zarr_format : {2, 3}, optional
        That of the store which is added to; else 3.
    group : str, optional
        Path of a group in the store.
    encoding : mapping, optional
        Of single variables, to go before what is chosen.
    append_dim : hashable, optional
        Append along this dimension. Arrays that are there keep their codecs, and a promise that is
        given has to be theirs.
    region : mapping or "auto", optional
        Write into a part of the arrays that are there.
    compute : bool
        Without, nothing but metadata and what is in memory is written until the Dask object that
        is returned is computed.
    storage_options : dict, optional
        For fsspec, where the store is a URL.
    **settings
        As of `encoding`, such as ``max_error=0.01``; without, nothing is lost. And whatever else
        ``Dataset.to_zarr`` takes, such as ``consolidated`` or ``safe_chunks``.

    Returns
    -------
    None, or dask.delayed.Delayed
        The latter where `compute` is off.

    Raises
    ------
    VideoCodecError
        Before anything is written: as of `encoding`; where a promise differs from that of the array
        to be appended to; where ``mode="w"`` would replace the store that is yet to be read.

    Warns
    -----
    UserWarning
        If a chunk that has lost something is written in part, and so loses once more; if `encoding`
        puts filters before a codec that loses something.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np, xarray as xr
    >>> t2m = xr.DataArray(
    ...     np.random.default_rng(0).normal(280, 1, (5, 30, 40)), dims=("time", "lat", "lon")
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_zarr(t2m.to_dataset(name="t2m"), f"{folder}/a.zarr", max_error=0.5)
    ...     attrs = xr.open_zarr(f"{folder}/a.zarr").t2m.attrs
    >>> attrs["lossy_compression_max_error"], attrs["lossy_compression_realised_max_error"] <= 0.5
    (0.5, True)
    """
    options = {word: settings.pop(word) for word in OF_XARRAY & settings.keys()}
    place: dict[str, Any] = {"group": group, "storage_options": storage_options}
    adds = mode in ADDS or append_dim is not None or region is not None
    there = _existing_group(store, place) if adds or mode == "w" else None
    if there is not None and not adds:
        refuse_own_source(ds, there)
        there = None
    number = zarr_format or (3 if there is None else there.metadata.zarr_format)
    encodings = _encodings(ds, there, settings, number)
    if there is not None:
        warn_of_shared_chunks(ds, there, append_dim=append_dim, region=region)
    for name, given in (encoding or {}).items():
        encodings[name] = {**encodings.get(name, {}), **given}
        for doubt in doubts_of_filters(str(name), encodings[name]):
            warnings.warn(doubt, stacklevel=2)
    write: Any = ds.to_zarr  # whose types tell a Dask object by the word True or False alone
    with silent_about_format_3():
        written = write(
            store, mode=mode, zarr_format=number, encoding=encodings, append_dim=append_dim,
            region=region, compute=compute, **place, **options,
        )  # fmt: skip
        if compute:
            record_loss(store, **place)
            return None
    from dask.delayed import delayed

    return delayed(_record_afterwards)(written, store, place)


def _existing_group(store: Any, place: Mapping[str, Any]) -> zarr.Group | None:
    try:
        return open_group(store, **place)
    except FileNotFoundError:
        return None


def _encodings(
    ds: xr.Dataset, there: zarr.Group | None, settings: Mapping[str, Any], zarr_format: Any
) -> dict[str, dict[str, Any]]:
    """Choose the encoding of what is new in a store; what is there has one already."""
    if there is None:
        return choose_encoding(ds, zarr_format=zarr_format, **{"tune": True, **settings})
    if zarr_format != there.metadata.zarr_format:
        raise VideoCodecError(
            f"the store has format {there.metadata.zarr_format}: leave zarr_format out, got "
            f"{zarr_format}"
        )
    known = set(there.array_keys())
    with warnings.catch_warnings():
        if known.issuperset(map(str, ds.data_vars)):  # whose chunks are what they are
            warnings.simplefilter("ignore", UserWarning)
        chosen = choose_encoding(ds, zarr_format=zarr_format, **settings)
    if settings:
        check_promises(ds, there, chosen)
    return {name: given for name, given in chosen.items() if name not in known}


def _record_afterwards(written: Any, store: Any, place: Mapping[str, Any]) -> Any:
    record_loss(store, **place)
    return written
