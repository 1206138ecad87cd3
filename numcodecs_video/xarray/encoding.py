"""Which variables of a dataset become video, and with which axes, chunks, sentinel and promise.

Leaves all coding to the codec.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr

from numcodecs_video.codec import Jpeg2kCodec, VideoCodec
from numcodecs_video.config import Fidelity
from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.chunking import chunks_of, shards_of
from numcodecs_video.xarray.conventions import (
    as_unsigned,
    kept_encoding,
    nodata_of,
    packing,
    stored_dtype,
)
from numcodecs_video.xarray.dimensions import describe_unsuitable_chunks, letters_of
from numcodecs_video.xarray.formats import brings_unfit_codecs, without_codecs
from numcodecs_video.xarray.given import ByGroup, heeded
from numcodecs_video.xarray.internals import is_in_memory
from numcodecs_video.xarray.keywords import with_nearest_keyword
from numcodecs_video.xarray.nodes import ROOT, Data, nodes_of
from numcodecs_video.xarray.promises import (
    IN_UNITS,
    PROMISES,
    Bounds,
    Cube,
    check_names,
    doubts_of_numbers,
    doubts_without_cubes,
    name_promises,
    promise_of,
    said_for,
    without_arrays,
)
from numcodecs_video.xarray.ranges import doubt_of_bound
from numcodecs_video.xarray.tuning import beside_each_other, sample_of

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy as np
    from numpy.typing import NDArray

    from numcodecs_video.config import CodecName, Jpeg2kName, Pca
    from numcodecs_video.metrics import Nodata
    from numcodecs_video.xarray.nodes import Node

__all__ = ["EncodingSettings", "choose_encodings", "encoding", "fill_value_of"]

JPEG2K = ("jpeg2k", "htj2k")
NOTHING: ByGroup = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class EncodingSettings:
    """What `encoding` takes besides the data."""

    zarr_format: Literal[2, 3] = 3
    lossless: bool | None = None
    max_error: Bounds = None
    max_relative_error: Bounds = None
    rmse: Bounds = None
    psnr: Bounds = None
    qp: Bounds = None
    codec: CodecName | Jpeg2kName = "auto"
    axes: Mapping[str, str] | None = None
    chunks: Mapping[str, int] | None = None
    shards: Mapping[str, int] | None = None
    pca: Pca | Mapping[str, Pca] = "auto"
    bits: int | None = None
    gop: int | None = None
    effort: int = 5
    tune: bool = False

    @property
    def promises(self) -> dict[str, Bounds]:
        """What each word of `PROMISES` says."""
        return {word: without_arrays(getattr(self, word)) for word in PROMISES}


@with_nearest_keyword
def encoding(
    ds: Data,
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
    shards: Mapping[str, int] | None = None,
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
    ds : xarray.Dataset, xarray.DataArray or xarray.DataTree
        As it will be written: decoded, or as stored. For a single array, one number is its promise,
        whatever its dtype.
    zarr_format : {2, 3}
        Format of the store to be.
    lossless : bool, optional
        True says what is the default, and excludes the promises below.
    max_error, max_relative_error, rmse, psnr, qp : float or mapping of str to float, optional
        The promise for all measurements, or for each variable named. Absolute ones are in the units
        that a reader sees, after ``scale_factor``. `qp` is the encoder's own scale and promises
        nothing. A name may be a pattern, ``{"B*": 0.002}``, which integers keep as well, but not
        classes, flags and times; a variable's own name goes before patterns, and of these the
        first. In a tree, a name is that of a variable in any group, or its path, ``"a/v"``.
    codec : str
        A name of `VideoCodec`, or ``"jpeg2k"`` or ``"htj2k"`` for `Jpeg2kCodec`.
    axes : mapping of str to str, optional
        Axis letters ``t``, ``c``, ``y``, ``x`` of dimensions that do not tell; see `letters_of`.
    chunks : mapping of str to int, optional
        Chunk length by dimension; -1 is the whole dimension. Dimensions left out keep what a Dask
        array or a suitable store dictates, else get what `choose_chunks` says.
    shards : mapping of str to int, optional
        Put chunks into shards, so many cells long by dimension, a multiple of the chunks; -1 is the
        whole dimension. Dimensions left out are one chunk long. Format 3 alone has them.
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
        One entry for each variable that becomes video, and for each that must drop its codecs. For
        a tree, such a dict for each group, as `xarray.DataTree.to_zarr` takes it.

    Raises
    ------
    VideoCodecError
        If a promise, chunk or axis names what the dataset does not have, or a variable that is not
        video; if promises exclude each other, or one is more than half of what its variable spans.
    TypeError
        If `ds` is nothing of xarray, or a keyword is unknown.

    Warns
    -----
    UserWarning
        If the chunks given, or those of a Dask array, hold one date or are a few cells wide; if a
        promise given as one number holds for no variable, or for variables in different units; if
        one is more than a quarter of what its variable spans, or so little that integers lose
        nothing.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> t2m = xr.DataArray(np.zeros((6, 40, 50), "f4"), dims=("time", "lat", "lon"))
    >>> ds = xr.Dataset({"t2m": t2m, "height": t2m[0]})
    >>> [(name, given["chunks"]) for name, given in encoding(ds, max_error=0.01).items()]
    [('t2m', (6, 40, 50))]
    """
    settings = EncodingSettings(
        zarr_format=zarr_format,
        lossless=lossless,
        max_error=max_error,
        max_relative_error=max_relative_error,
        rmse=rmse,
        psnr=psnr,
        qp=qp,
        codec=codec,
        axes=axes,
        chunks=chunks,
        shards=shards,
        pca=pca,
        bits=bits,
        gop=gop,
        effort=effort,
        tune=tune,
    )
    chosen, advice = choose_encodings(ds, settings)
    for line in advice:
        warnings.warn(line, stacklevel=3)  # past the decorator
    return chosen if isinstance(ds, xr.DataTree) else chosen.get(ROOT, {})


def choose_encodings(
    data: Data,
    settings: EncodingSettings,
    *,
    there: Collection[str] = (),
    given: ByGroup = NOTHING,
) -> tuple[dict[str, dict[str, dict[str, Any]]], list[str]]:
    """Choose as `encoding` does, for each group by its path; and say what advice there is.

    Of what is `there` already, by name and path, there is none: it stays as it is. What is `given`
    of packing and missing values goes before a variable's own.
    """
    nodes = nodes_of(data)
    if isinstance(data, xr.DataArray):
        name = str(next(iter(nodes[ROOT].ds.data_vars)))
        settings = EncodingSettings(**name_promises(vars(settings), name))
    words = settings.promises
    if settings.lossless and any(bounds is not None for bounds in words.values()):
        raise VideoCodecError(f"lossless=True excludes {', '.join(PROMISES)}")
    if not isinstance(settings.codec, str):
        raise VideoCodecError(
            "codec must be a name, such as 'hevc', whose settings stand beside it (max_error=0.1, "
            f"effort=5), got {settings.codec!r}: for one variable, to_zarr takes a codec as "
            f"encoding={{'name': codec.encoding({settings.zarr_format})}}"
        )
    if settings.shards and settings.zarr_format == 2:
        raise VideoCodecError("format 2 has no shards: leave shards out, or take zarr_format=3")
    for setting, by_dim in (("chunks", settings.chunks), ("axes", settings.axes)):
        _check_dimensions(nodes, setting, by_dim)
    _check_dimensions(nodes, "shards", settings.shards)
    cubes = [
        Cube(path, str(name), heeded(variable, given.get(path, {}).get(str(name), {})), letters)
        for path, node in nodes.items()
        for name, variable in node.ds.data_vars.items()
        if (letters := letters_of(variable, settings.axes, group=node.ds.attrs)) is not None
    ]
    for word, said in {**words, "pca": settings.pca}.items():
        if word in PROMISES and said is not None and not isinstance(said, Mapping):
            Fidelity.parse({word: said})  # a number that holds for nothing is no less checked
        if isinstance(said, Mapping):
            check_names(nodes, cubes, word, said)
    advice = list(doubts_of_numbers(words, [cube for cube in cubes if cube.key not in there]))
    if not cubes:
        advice += doubts_without_cubes(words)
    chosen = {path: _stripped(node, settings.zarr_format) for path, node in nodes.items()}
    reading = Lock()

    def encode(cube: Cube) -> tuple[dict[str, Any], list[str]]:
        return _encode_cube(cube, settings, reading, is_new=cube.key not in there)

    found = beside_each_other(encode, cubes) if settings.tune else map(encode, cubes)
    for cube, (given, doubts) in zip(cubes, found, strict=True):
        chosen[cube.path][cube.name] = given
        advice += doubts
    return {path: given for path, given in chosen.items() if given}, advice


def _stripped(node: Node, zarr_format: Literal[2, 3]) -> dict[str, dict[str, Any]]:
    """Take codecs that the store would refuse from what a group has; cubes get theirs later."""
    return {
        str(name): without_codecs(variable, zarr_format)
        for name, variable in {**node.ds.coords, **node.ds.data_vars}.items()
        if str(name) in node.own and brings_unfit_codecs(variable, zarr_format)
    }


def _encode_cube(
    cube: Cube, settings: EncodingSettings, reading: Lock, *, is_new: bool
) -> tuple[dict[str, Any], list[str]]:
    """Choose the encoding of one variable, and say what advice there is.

    Searches go on side by side, but nothing is read but by one of them at a time.
    """
    with reading:
        promise, doubt = promise_of(cube, settings.promises)
        doubts = [doubt] if doubt is not None and is_new else []
        variable = as_unsigned(cube.variable) if promise else cube.variable
        chosen = _codec_for(cube, variable, settings, promise)
        shards = settings.shards or {}
        lengths = chunks_of(variable, cube.letters, settings.chunks or {}, shards)
        sample = sample_of(variable, lengths) if settings.tune else []
    if sample:
        chosen = _tuned(chosen, sample, cube)
    given = chosen.encoding(zarr_format=settings.zarr_format)
    given["chunks"] = lengths
    whole = shards_of(variable, lengths, shards)
    if whole is not None:
        given["shards"] = whole
    if is_new:
        with reading:
            if settings.tune and IN_UNITS & promise.keys() and not is_in_memory(variable.variable):
                sample = sample or sample_of(variable, lengths, fewest=1)
            doubts += _doubts_of_cube(cube, promise, lengths, sample)
    dtype, nodata = stored_dtype(variable), nodata_of(variable)
    if settings.zarr_format == 3 and (nodata is not None or dtype.kind == "f"):
        given["fill_value"] = fill_value_of(nodata, dtype)
    return {**kept_encoding(variable), **given}, doubts


def _tuned(
    codec: VideoCodec | Jpeg2kCodec, sample: list[NDArray[Any]], cube: Cube
) -> VideoCodec | Jpeg2kCodec:
    try:
        return codec.tune(sample)
    except VideoCodecError as error:
        raise VideoCodecError(f"{cube.key}: {error}") from error


def _doubts_of_cube(
    cube: Cube,
    promise: Mapping[str, float],
    chunks: tuple[int, ...],
    sample: Sequence[NDArray[Any]],
) -> list[str]:
    """Say what is wrong with a promise or with chunks."""
    in_units = {word: bound for word, bound in promise.items() if word in IN_UNITS}
    scale = abs(packing(cube.variable, "scale_factor") or 1.0) if in_units else 1.0
    found = [
        doubt_of_bound(cube.variable, word, bound * scale, sample)
        for word, bound in in_units.items()
    ]
    found.append(describe_unsuitable_chunks(cube.variable, cube.letters, chunks))
    return [doubt for doubt in found if doubt is not None]


def _codec_for(
    cube: Cube, variable: xr.DataArray, settings: EncodingSettings, promise: Mapping[str, float]
) -> VideoCodec | Jpeg2kCodec:
    """Make the codec of a variable, yet without a plan."""
    pca = settings.pca
    basis = said_for(pca, cube) if isinstance(pca, Mapping) else pca
    return _codec_of(
        settings.codec,
        bits=settings.bits,
        gop=settings.gop,
        axes=cube.letters,
        pca="auto" if basis is None else basis,
        nodata=nodata_of(variable),
        effort=settings.effort,
        **promise,
    )


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


def _check_dimensions(nodes: Mapping[str, Node], setting: str, said: object) -> None:
    if said is not None and not isinstance(said, Mapping):
        example = "'t'" if setting == "axes" else "24"
        raise VideoCodecError(
            f"{setting} go by dimension, as in {setting}={{'time': {example}}}, got {said!r}"
        )
    dims = dict.fromkeys(str(dim) for node in nodes.values() for dim in node.ds.dims)
    unknown = sorted(set(map(str, said or ())) - set(dims))
    if unknown:
        raise VideoCodecError(
            f"{setting} names {', '.join(unknown)}; the dimensions are {', '.join(dims)}"
        )
