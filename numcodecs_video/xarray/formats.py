"""What a variable brings along from the store it was read from, and whether a new store takes it.

xarray keeps the codecs of an array in the variable's encoding. Those of one Zarr format are refused
by the other, and a video codec that is left on a variable would lose digits a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from numcodecs.abc import Codec
from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec

from numcodecs_video.config import Settings
from numcodecs_video.xarray.conventions import kept_encoding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import xarray as xr

__all__ = ["brings_unfit_codecs", "settings_in", "unfit_codecs", "without_codecs"]

CODERS = ("compressor", "compressors", "filters", "serializer")
OF_FORMAT_3 = (ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec)


def brings_unfit_codecs(variable: xr.DataArray, zarr_format: Literal[2, 3]) -> bool:
    """Tell whether a variable's own encoding cannot be written as it is, or holds video."""
    if zarr_format == 2 and variable.encoding.get("shards") is not None:
        return True
    # xarray gives text another dtype than the codec of objects that it had: zarr refuses the two
    # together (xarray 2026.9, zarr 3.4; test_every_source_goes_into_every_format).
    if zarr_format == 2 and variable.dtype.kind in "OTU" and variable.encoding.get("filters"):
        return True
    return any(unfit_codecs(variable.encoding, zarr_format)) or any(
        isinstance(getattr(codec, "settings", None), Settings)
        for codec in _codecs(variable.encoding)
    )


def unfit_codecs(given: Mapping[str, Any], zarr_format: Literal[2, 3]) -> Iterator[Any]:
    """Find the codecs in an encoding that are of the other Zarr format."""
    unfit = OF_FORMAT_3 if zarr_format == 2 else (Codec,)
    return (codec for codec in _codecs(given) if isinstance(codec, unfit))


def without_codecs(variable: xr.DataArray, zarr_format: Literal[2, 3]) -> dict[str, Any]:
    """Pass on all of a variable's encoding but its codecs, so that Zarr's defaults take over."""
    kept = kept_encoding(variable)
    if variable.chunks is None and variable.encoding.get("chunks") is not None:
        kept["chunks"] = variable.encoding["chunks"]
    if zarr_format == 3 and "fill_value" in variable.encoding:
        kept["fill_value"] = variable.encoding["fill_value"]
    return kept


def settings_in(given: Mapping[str, Any]) -> Settings | None:
    """Return those of the video codec in an encoding, as xarray takes it; None of another codec."""
    codec = given.get("serializer") or given.get("compressors")
    return getattr(codec, "settings", None)


def _codecs(given: Mapping[str, Any]) -> Iterator[Any]:
    for key in CODERS:
        value = given.get(key)
        yield from value if isinstance(value, (list, tuple)) else (value,)
