"""Write a dataset as video, and say in its attributes what was lost.

CF-1.12 (section 8.4, "Lossy Compression via Quantization") describes the rounding of single floats
by four named algorithms, and asks for the number of bits or digits kept. A video codec is none of
these and keeps no fixed number of digits, so its attributes only borrow the words ``algorithm`` and
``implementation`` under names of their own, which no reader of CF can mistake for quantization.
"""

from __future__ import annotations

import math
import os
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import zarr

from numcodecs_video import __version__
from numcodecs_video.header import FORMAT_VERSION
from numcodecs_video.stored import holds_payloads, read_headers, settings_of, stored_chunks
from numcodecs_video.xarray.conventions import scale_in
from numcodecs_video.xarray.encoding import encoding

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

    from numcodecs_video.config import Fidelity

__all__ = ["describe_loss", "record_loss", "silent_about_format_3", "to_zarr", "worst_realised"]

IN_UNITS = frozenset(("max_error", "rmse"))
PREFIX = "lossy_compression_"


def to_zarr(
    ds: xr.Dataset,
    store: str | os.PathLike[str],
    *,
    mode: Literal["w", "w-"] = "w-",
    zarr_format: Literal[2, 3] = 3,
    **settings: Any,
) -> None:
    """Write a dataset to a new Zarr store, its cubes as video.

    The same as ``ds.to_zarr(store, encoding=encoding(ds, ...))``, and then `record_loss`: every
    variable that lost something says so in its attributes.

    Parameters
    ----------
    ds : xarray.Dataset
    store : str or path
        Path or fsspec URL.
    mode : {"w-", "w"}
        ``"w"`` replaces what is there.
    zarr_format : {2, 3}
    **settings
        As of `encoding`, such as ``max_error=0.01``; without, nothing is lost.

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
    encodings = encoding(ds, zarr_format=zarr_format, **settings)
    with silent_about_format_3():
        ds.to_zarr(store, mode=mode, zarr_format=zarr_format, encoding=encodings)
        record_loss(store)


def record_loss(store: str | os.PathLike[str]) -> dict[str, dict[str, Any]]:
    """Write into every variable's attributes what its video codec promised and what was realised.

    Needs no decoding: each chunk's header holds its realised error, checked when it was encoded.
    Lossless variables are left as they are. What an earlier compression wrote there is kept under
    ``lossy_compression_earlier``: errors add up.

    Parameters
    ----------
    store : str or path
        Path or fsspec URL of a Zarr group.

    Returns
    -------
    dict of str to dict
        The attributes that were written, by variable.
    """
    group = zarr.open_group(os.fspath(store), mode="r+", use_consolidated=False)
    written = {}
    for name, array in group.arrays():
        attributes = describe_loss(array)
        if attributes:
            earlier = {key: value for key, value in array.attrs.items() if key.startswith(PREFIX)}
            if earlier:
                attributes[f"{PREFIX}earlier"] = ", ".join(f"{k}: {v}" for k, v in earlier.items())
            # Attributes that stay would be a mixture of two compressions.
            kept = {k: v for k, v in array.attrs.items() if k not in earlier}
            array.attrs.put({**kept, **attributes})
            written[name] = attributes
    if written and _is_consolidated(store):
        with silent_about_format_3():
            zarr.consolidate_metadata(group.store, path=group.path or None)
    return written


def describe_loss(array: zarr.Array[Any]) -> dict[str, Any]:
    """Give the attributes that say what a video codec lost; empty where it lost nothing.

    Parameters
    ----------
    array : zarr.Array

    Returns
    -------
    dict
        ``lossy_compression_algorithm``, ``..._implementation``, ``..._<promise>`` and
        ``..._realised_<promise>``, numbers being in the units that a reader sees.
    """
    settings = settings_of(array)
    if settings is None or settings.trouble or settings.fidelity.kind == "lossless":
        return {}
    kind, value = settings.fidelity.kind, settings.fidelity.value
    scale = scale_in(dict(array.attrs)) if kind in IN_UNITS else 1.0
    described: dict[str, Any] = {
        f"{PREFIX}algorithm": "video",
        f"{PREFIX}implementation": (
            f"numcodecs-video version {__version__} (payload format {FORMAT_VERSION})"
        ),
        f"{PREFIX}{kind}": value * scale,
    }
    realised = worst_realised(array, settings.fidelity)
    if realised is not None and math.isfinite(realised):
        described[f"{PREFIX}realised_{kind}"] = realised * scale
    return described


def worst_realised(array: zarr.Array[Any], fidelity: Fidelity) -> float | None:
    """Find the worst figure that any chunk's header holds, in stored units; None where none says.

    Parameters
    ----------
    array : zarr.Array
    fidelity : Fidelity
        What was promised for the array; of a PSNR the least is the worst.
    """
    if not holds_payloads(array):
        return None
    found = [header.promise.realised for header in read_headers(stored_chunks(array))]
    # A ratio of 0 dB is that of a dtype that can lose nothing.
    found = [n for n in found if not math.isnan(n) and (fidelity.kind, n) != ("psnr", 0.0)]
    if not found:
        return None
    return min(found) if fidelity.kind == "psnr" else max(found)


@contextmanager
def silent_about_format_3() -> Iterator[None]:
    """Keep back zarr's warnings of what format 3 does not specify yet.

    They are of consolidated metadata and of text, which xarray chooses and a user cannot change.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Consolidated metadata", UserWarning)
        warnings.filterwarnings("ignore", "The data type", FutureWarning)
        yield


def _is_consolidated(store: str | os.PathLike[str]) -> bool:
    return zarr.open_group(os.fspath(store), mode="r").metadata.consolidated_metadata is not None
