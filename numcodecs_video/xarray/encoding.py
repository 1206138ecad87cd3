"""Which variables of a dataset become video, and with which axes, chunks, sentinel and promise.

Leaves all coding to the codec.
"""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from numcodecs_video.codec import Jpeg2kCodec, VideoCodec
from numcodecs_video.config import is_integer
from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.conventions import (
    as_unsigned,
    hides_unsigned,
    is_measurement,
    kept_encoding,
    nodata_of,
    packing,
    stored_dtype,
)
from numcodecs_video.xarray.dimensions import (
    choose_chunks,
    describe_unsuitable_chunks,
    letters_of,
    suit_video,
)
from numcodecs_video.xarray.formats import brings_unfit_codecs, without_codecs
from numcodecs_video.xarray.tuning import tune as tune_codec

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import xarray as xr

    from numcodecs_video.config import CodecName, Jpeg2kName, Pca
    from numcodecs_video.metrics import Nodata

__all__ = [
    "Bounds",
    "chunks_of",
    "encoding",
    "fill_value_of",
    "name_promises",
]

JPEG2K = ("jpeg2k", "htj2k")
IN_UNITS = ("max_error", "rmse")
PROMISES = ("max_error", "max_relative_error", "rmse", "psnr", "qp")

Bounds = float | Mapping[str, float] | None


def encoding(
    ds: xr.Dataset,
    *,
    zarr_format: Literal[2, 3] = 3,
    lossless: bool | None = None,
    max_error: Bounds = None,
    max_relative_error: Bounds = None,
    rmse: Bounds = None,
    psnr: Bounds = None,
    qp: Bounds = None,
    codec: CodecName | Jpeg2kName = "auto",
    axes: Mapping[str, str] | None = None,
    chunks: Mapping[str, int] | None = None,
    pca: Pca | Mapping[str, Pca] = "auto",
    bits: int | None = None,
    gop: int | None = None,
    effort: int = 5,
    tune: bool = False,
) -> dict[str, dict[str, Any]]:
    """Choose how to store each variable of a dataset, for ``Dataset.to_zarr(encoding=...)``.

    Variables with a time axis and one y and one x axis become video; all others are left to Zarr's
    defaults, and are in the result only where they bring along codecs that the store would refuse:
    those of the other Zarr format, in which they were read, or this package's.

    Video is lossless unless a promise says otherwise: a promise given as one number holds for the
    measurements (floating point, or packed by ``scale_factor``), while integers, categories, flags
    and times, whatever they are stored as, stay lossless unless a mapping names them. All that
    ``_FillValue``, ``missing_value`` and ``nodata`` name comes back exactly, and no other cell
    becomes one of them.

    Parameters
    ----------
    ds : xarray.Dataset
        As it will be written: decoded, or as stored.
    zarr_format : {2, 3}
        Format of the store to be.
    lossless : bool, optional
        True says what is the default, and excludes the promises below.
    max_error, max_relative_error, rmse, psnr, qp : float or mapping of str to float, optional
        The promise for all measurements, or for each variable named. Absolute ones are in the units
        that a reader sees, after ``scale_factor``. `qp` is the encoder's own scale and promises
        nothing.
    codec : str
        A name of `VideoCodec`, or ``"jpeg2k"`` or ``"htj2k"`` for `Jpeg2kCodec`.
    axes : mapping of str to str, optional
        Axis letters ``t``, ``c``, ``y``, ``x`` of dimensions whose names do not tell.
    chunks : mapping of str to int, optional
        Chunk length by dimension; -1 is the whole dimension. Dimensions left out keep what a Dask
        array or a suitable store dictates, else get what `choose_chunks` says.
    pca : {"auto", False}, int, or a fitted basis, or mapping of str to these
        The band transform of all variables, or of each variable named; see `VideoCodec`.
    bits, gop, effort : int
        See `VideoCodec`.
    tune : bool
        Search once for all chunks of a variable, from a few that are loaded now, instead of in each
        chunk; see `VideoCodec.tune`. `to_zarr` does.

    Returns
    -------
    dict of str to dict
        One entry for each variable that becomes video, and for each that must drop its codecs.

    Raises
    ------
    VideoCodecError
        If a promise, chunk or axis names what the dataset does not have, or a variable that is not
        video, or if promises exclude each other.

    Warns
    -----
    UserWarning
        If the chunks given, or those of a Dask array, hold one date or are a few cells wide; if a
        promise given as one number holds for no variable, or for variables in different units.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> t2m = xr.DataArray(np.zeros((6, 40, 50), "f4"), dims=("time", "lat", "lon"))
    >>> ds = xr.Dataset({"t2m": t2m, "height": t2m[0]})
    >>> [(name, given["chunks"]) for name, given in encoding(ds, max_error=0.01).items()]
    [('t2m', (6, 40, 50))]
    """
    words = dict(zip(PROMISES, (max_error, max_relative_error, rmse, psnr, qp), strict=True))
    if lossless and any(bounds is not None for bounds in words.values()):
        raise VideoCodecError(f"lossless=True excludes {', '.join(PROMISES)}")
    _check_dimensions(ds, "chunks", chunks)
    _check_dimensions(ds, "axes", axes)
    cubes = {
        str(name): (variable, letters)
        for name, variable in ds.data_vars.items()
        if (letters := letters_of(variable, axes)) is not None
    }
    for word, said in {**words, "pca": pca}.items():
        _check_names(ds, cubes, word, said)
    for doubt in _doubts(words, [variable for variable, _ in cubes.values()]):
        warnings.warn(doubt, stacklevel=2)
    result = {
        str(name): without_codecs(variable, zarr_format)
        for name, variable in {**ds.coords, **ds.data_vars}.items()
        if str(name) not in cubes and brings_unfit_codecs(variable, zarr_format)
    }
    for name, (stored, letters) in cubes.items():
        promise = _promise_of(name, stored, words)
        variable = as_unsigned(stored) if promise else stored
        nodata = nodata_of(variable)
        chosen = _codec_of(
            codec,
            bits=bits,
            gop=gop,
            axes=letters,
            pca=pca.get(name, "auto") if isinstance(pca, Mapping) else pca,
            nodata=nodata,
            effort=effort,
            **promise,
        )
        lengths = chunks_of(variable, letters, chunks or {})
        if tune:
            chosen = tune_codec(chosen, variable, lengths)
        given = chosen.encoding(zarr_format=zarr_format)
        given["chunks"] = lengths
        advice = describe_unsuitable_chunks(variable, letters, given["chunks"])
        if advice is not None:
            warnings.warn(advice, stacklevel=2)
        dtype = stored_dtype(variable)
        if zarr_format == 3 and (nodata is not None or dtype.kind == "f"):
            given["fill_value"] = fill_value_of(nodata, dtype)
        result[name] = {**kept_encoding(variable), **given}
    return result


def _codec_of(name: str, **settings: Any) -> VideoCodec | Jpeg2kCodec:
    """Make a codec by its name; JPEG 2000 has neither sample depths nor segments to choose."""
    if name not in JPEG2K:
        return VideoCodec(name, **settings)  # type: ignore[arg-type]  # it checks the name itself
    video_only = [word for word in ("bits", "gop") if settings.pop(word) is not None]
    if video_only:
        raise VideoCodecError(f"{name} has no {' or '.join(video_only)}: leave it out")
    return Jpeg2kCodec(htj2k=name == "htj2k", **settings)


def fill_value_of(nodata: Nodata, dtype: np.dtype[Any]) -> float:
    """Choose what Zarr pads the chunks at the edges with: missing cells cost nothing, zeros would.

    For floats without a sentinel that is NaN, as xarray chooses, but for its releases of 2025.
    """
    if nodata is None:
        return math.nan if dtype.kind == "f" else 0
    return nodata[0] if isinstance(nodata, Sequence) else nodata


def name_promises(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Turn promises given as one number into promises for one variable, whatever its dtype."""
    return {
        word: {name: value} if word in PROMISES and isinstance(value, numbers.Real) else value
        for word, value in settings.items()
    }


def chunks_of(variable: xr.DataArray, letters: str, chunks: Mapping[str, int]) -> tuple[int, ...]:
    """Take what the user says, else what Dask or a suitable store has, else our choice."""
    stored = variable.encoding.get("chunks") or variable.encoding.get("chunksizes")
    if variable.chunks is not None:
        # Another choice could make two Dask tasks write one chunk; xarray refuses that.
        default = tuple(max(1, int(lengths[0])) for lengths in variable.chunks)
    elif stored is not None and suit_video(letters, variable.shape, stored):
        default = tuple(stored)
    else:
        default = choose_chunks(letters, variable.shape)
    lengths = [
        _chunk_length(str(dim), chunks.get(str(dim), length))
        for dim, length in zip(variable.dims, default, strict=True)
    ]
    # A dimension without cells is a template, whose chunks are those of what will be appended.
    return tuple(
        (longest if length == -1 else length)
        if size == 0
        else (size if length == -1 else min(length, size))
        for length, longest, size in zip(lengths, default, variable.shape, strict=True)
    )


def _chunk_length(dim: str, length: object) -> int:
    if not is_integer(length) or (int(length) < 1 and int(length) != -1):
        raise VideoCodecError(
            f"chunks must be whole numbers from 1, or -1 for all of a dimension, got {dim}={length}"
        )
    return int(length)


def _promise_of(name: str, variable: xr.DataArray, words: Mapping[str, Bounds]) -> dict[str, Any]:
    """Find the promise for one variable, in the units in which it is stored."""
    said: dict[str, float] = {}
    for word, bounds in words.items():
        if isinstance(bounds, Mapping):
            if name in bounds:
                said[word] = bounds[name]
        elif bounds is not None and is_measurement(variable):
            said[word] = bounds
    if len(said) > 1:
        raise VideoCodecError(f"{name!r} is promised both {' and '.join(said)}; keep one")
    if not said or stored_dtype(variable).kind == "b":
        return {}  # what is true or false can lose nothing
    if hides_unsigned(variable) and "_Unsigned" not in variable.encoding:
        raise VideoCodecError(
            f"{' and '.join(said)} cannot hold for {name!r} as stored: its signed integers stand "
            "for unsigned ones (_Unsigned), whose order they do not have; open the dataset decoded "
            "(mask_and_scale=True), and numcodecs_video.xarray.to_zarr stores unsigned ones"
        )
    scale, offset = (packing(variable, key) for key in ("scale_factor", "add_offset"))
    if "max_relative_error" in said and offset:
        raise VideoCodecError(
            f"max_relative_error cannot hold for {name!r}, which is stored with an add_offset; "
            "state max_error for it"
        )
    return {
        word: bound / abs(scale or 1.0) if word in IN_UNITS else bound
        for word, bound in said.items()
    }


def _doubts(words: Mapping[str, Bounds], cubes: Sequence[xr.DataArray]) -> Iterator[str]:
    """Say where a promise given as one number does not do what it seems to."""
    said = {
        word: bound
        for word, bound in words.items()
        if bound is not None and not isinstance(bound, Mapping)
    }
    if not said or not cubes:
        return
    measured = [variable for variable in cubes if is_measurement(variable)]
    for word, bound in said.items():
        if not measured:
            example = f"{word}={{{str(cubes[0].name)!r}: {bound:g}}}"
            counts = all(stored_dtype(variable).kind in "iu" for variable in cubes)
            yield (
                f"{word}={bound:g} holds for measurements (floats, or packed by a scale_factor); "
                f"{', '.join(str(v.name) for v in cubes)} are "
                f"{'integers' if counts else 'integers, flags or times'} and stay without loss: "
                f"name those that may lose something, as in {example}"
            )
        units = {str(v.name): str(v.attrs["units"]) for v in measured if "units" in v.attrs}
        if word in IN_UNITS and len(set(units.values())) > 1:
            listed = ", ".join(f"{name} ({unit})" for name, unit in units.items())
            yield (
                f"{word}={bound:g} is one number for different units, {listed}: name each, as in "
                f"{word}={{{next(iter(units))!r}: {bound:g}, ...}}"
            )


def _check_dimensions(ds: xr.Dataset, setting: str, said: Mapping[str, object] | None) -> None:
    unknown = sorted(set(said or ()) - {str(dim) for dim in ds.dims})
    if unknown:
        raise VideoCodecError(
            f"{setting} names {', '.join(unknown)}; the dimensions are "
            f"{', '.join(map(str, ds.dims))}"
        )


def _check_names(ds: xr.Dataset, cubes: Mapping[str, object], word: str, said: object) -> None:
    """A promise for a variable that cannot keep it must not pass in silence."""
    if not isinstance(said, Mapping):
        return
    for name in said:
        if name not in ds.variables:
            raise VideoCodecError(
                f"{word} names {name!r}; the variables are {', '.join(map(str, ds.data_vars))}"
            )
        if name not in cubes:
            raise VideoCodecError(
                f"{word} names {name!r}, which has no time, y and x axes "
                f"({', '.join(map(str, ds.variables[name].dims)) or 'no dimensions'}) and so stays "
                "without loss; leave it out, or name its axes with axes={'dimension': 'letter'}"
            )
