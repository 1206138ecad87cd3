"""Encodings of single variables that a user gives: checked, and heeded by all that is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from zarr.codecs import Crc32cCodec

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.conventions import (
    CF_ENCODING,
    hides_unsigned,
    nodata_of,
    with_numbers,
)
from numcodecs_video.xarray.formats import settings_in, unfit_codecs

if TYPE_CHECKING:
    import xarray as xr

    from numcodecs_video.xarray.nodes import Node

__all__ = ["ByGroup", "check_encodings", "check_order", "doubt_of_sentinels", "heeded", "merged"]

#: encodings by the path of a group and the name of a variable
ByGroup = Mapping[str, Mapping[str, Mapping[str, Any]]]


def check_encodings(given: ByGroup, nodes: Mapping[str, Node], zarr_format: Literal[2, 3]) -> None:
    """Refuse what xarray and zarr would, in words of their own and with half a store written.

    Raises
    ------
    VideoCodecError
        If a variable is unknown, what is said of one is no mapping, or a codec is one of the other
        Zarr format.
    """
    for path, encodings in given.items():
        for name, own in encodings.items():
            variables = nodes[path].ds.variables
            if name not in variables:
                listed = ", ".join(map(str, variables))
                raise VideoCodecError(f"encoding names {name!r}; the variables are {listed}")
            if not isinstance(own, Mapping):
                raise VideoCodecError(
                    f"encoding of {name!r} must be a mapping, such as "
                    f"VideoCodec().encoding({zarr_format}), got {own!r}"
                )
            for codec in unfit_codecs(own, zarr_format):
                ours = f"that of VideoCodec.encoding({zarr_format})"
                other = "one of zarr.codecs" if zarr_format == 3 else "one of numcodecs"
                raise VideoCodecError(
                    f"encoding of {name!r} has {codec!r}, which is for the other Zarr format, and "
                    f"the store is of {zarr_format}: take "
                    f"{ours if hasattr(codec, 'settings') else other}"
                )


def heeded(variable: xr.DataArray, own: Mapping[str, Any]) -> xr.DataArray:
    """Let a variable know how it will be packed and what will be missing: bounds depend on it."""
    said = {key: own[key] for key in CF_ENCODING if key in own}
    if not said:
        return variable
    result = variable.copy(deep=False)
    result.encoding = {**variable.encoding, **said}
    return result


def merged(chosen: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Let what is given go before what was chosen: another compressor replaces the video, too.

    In format 3 the video is the serializer, behind which any compressor may stand; but only a
    checksum is of use there.
    """
    result = {**chosen, **with_numbers(own)}
    given = own.get("compressors")
    several = given if isinstance(given, (list, tuple)) else [given]
    behind = all(codec is None or isinstance(codec, Crc32cCodec) for codec in several)
    if not behind and "serializer" not in own:
        result.pop("serializer", None)
    return result


def check_order(variable: xr.DataArray, chosen: Mapping[str, Any]) -> None:
    """Refuse signed integers that stand for unsigned ones: a bound does not know their order.

    Raises
    ------
    VideoCodecError
        If the codec that was chosen loses digits of such.
    """
    settings = settings_in(chosen)
    lossy = settings is not None and settings.fidelity.kind != "lossless"
    if lossy and hides_unsigned(heeded(variable, chosen)):
        raise VideoCodecError(
            f"encoding of {variable.name!r} hides unsigned integers in signed ones (_Unsigned), "
            "whose order no bound knows: say an unsigned dtype instead"
        )


def doubt_of_sentinels(variable: xr.DataArray, chosen: Mapping[str, Any]) -> str | None:
    """Say that a codec that loses digits does not know a missing value; None where it does."""
    settings = settings_in(chosen)
    if settings is None or settings.fidelity.kind == "lossless":
        return None
    nodata = nodata_of(variable)
    known = set(settings.nodata)
    missing = [n for n in (nodata if isinstance(nodata, tuple) else (nodata,)) if n is not None]
    unknown = [n for n in missing if n not in known]
    if not unknown:
        return None
    return (
        f"{variable.name!r}: {settings.fidelity.kind} may change the missing value "
        f"{', '.join(f'{n:g}' for n in unknown)}, which the codec does not know, or make others "
        f"it: say nodata={unknown[0] if len(unknown) == 1 else unknown} to the codec"
    )
