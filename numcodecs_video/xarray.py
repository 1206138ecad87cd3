"""Which variables of a dataset become video, and with which axes, chunks, sentinel and promise.

Knows dimension names and the CF conventions; leaves all coding to the codec. Needs the ``xarray``
extra.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from numcodecs_video.codec import VideoCodec
from numcodecs_video.errors import VideoCodecError

if TYPE_CHECKING:
    import xarray as xr

    from numcodecs_video.config import CodecName

__all__ = ["choose_chunks", "encoding", "letters_of"]

Bounds = float | Mapping[str, float] | None

# fmt: off
TIME_NAMES = frozenset((
    "time", "t", "date", "datetime", "day", "doy", "dayofyear", "week", "month", "season", "year",
    "hour", "step", "frame",
))
Y_NAMES = frozenset((
    "y", "yc", "j", "nj", "lat", "latitude", "rlat", "nlat", "northing", "row", "rows",
    "south_north",
))
X_NAMES = frozenset((
    "x", "xc", "i", "ni", "lon", "longitude", "rlon", "nlon", "easting", "col", "cols", "column",
    "west_east",
))
# fmt: on

# 16 million cells take 130 MB as float64 while a chunk is encoded, times the chunks at once. The
# narrowest tile of the most bands and dates has just as many, so that the bound always holds.
MOST_TIMES, MOST_BANDS = 128, 32
WIDEST_TILE, NARROWEST_TILE = 256, 64
MOST_CELLS = 2**24

# xarray drops a variable's own encoding as soon as another is passed for it, so this much of it is
# passed on.
CF_ENCODING = (
    "dtype", "_FillValue", "missing_value", "scale_factor", "add_offset", "_Unsigned", "units",
    "calendar", "bounds", "grid_mapping", "cell_measures", "formula_terms",
)  # fmt: skip


def encoding(
    ds: xr.Dataset,
    *,
    zarr_format: Literal[2, 3] = 3,
    lossless: bool | None = None,
    max_error: Bounds = None,
    max_relative_error: Bounds = None,
    rmse: Bounds = None,
    psnr: Bounds = None,
    codec: CodecName = "auto",
    axes: Mapping[str, str] | None = None,
    chunks: Mapping[str, int] | None = None,
    gop: int | None = None,
    effort: int = 5,
) -> dict[str, dict[str, Any]]:
    """Choose how to store each variable of a dataset, for ``Dataset.to_zarr(encoding=...)``.

    Variables with a time axis and one y and one x axis become video; all others are left out of the
    result, and so to Zarr's defaults. Video is lossless unless a promise says otherwise: a promise
    given as one number holds for the measurements (floating point, or packed by ``scale_factor``),
    while integers, categories and flags stay lossless unless a mapping names them.

    Parameters
    ----------
    ds : xarray.Dataset
        As it will be written: decoded, or as stored.
    zarr_format : {2, 3}
        Format of the store to be.
    lossless : bool, optional
        True says what is the default, and excludes the promises below.
    max_error, max_relative_error, rmse, psnr : float or mapping of str to float, optional
        The promise for all measurements, or for each variable named. Absolute ones are in the units
        that a reader sees, after ``scale_factor``.
    codec : str
        See `VideoCodec`.
    axes : mapping of str to str, optional
        Axis letters ``t``, ``c``, ``y``, ``x`` of dimensions whose names do not tell.
    chunks : mapping of str to int, optional
        Chunk length by dimension; -1 is the whole dimension. Dimensions left out keep what a Dask
        array or a suitable store dictates, else get what `choose_chunks` says.
    gop, effort : int
        See `VideoCodec`.

    Returns
    -------
    dict of str to dict
        One entry for each variable that becomes video.

    Raises
    ------
    VideoCodecError
        If a promise, chunk or axis names what the dataset does not have, or a variable that is not
        video, or if promises exclude each other.

    Examples
    --------
    >>> import xarray as xr
    >>> t2m = xr.DataArray(np.zeros((6, 40, 50), "f4"), dims=("time", "lat", "lon"))
    >>> ds = xr.Dataset({"t2m": t2m, "height": t2m[0]})
    >>> [(name, given["chunks"]) for name, given in encoding(ds, max_error=0.01).items()]
    [('t2m', (6, 40, 50))]
    """
    words = {
        "max_error": max_error,
        "max_relative_error": max_relative_error,
        "rmse": rmse,
        "psnr": psnr,
    }
    if lossless and any(bounds is not None for bounds in words.values()):
        raise VideoCodecError("lossless=True excludes max_error, max_relative_error, rmse and psnr")
    _check_dimensions(ds, "chunks", chunks)
    _check_dimensions(ds, "axes", axes)
    cubes = {
        str(name): (variable, letters)
        for name, variable in ds.data_vars.items()
        if (letters := letters_of(variable, axes)) is not None
    }
    for word, bounds in words.items():
        _check_names(ds, cubes, word, bounds)
    result = {}
    for name, (variable, letters) in cubes.items():
        nodata = _nodata_of(variable)
        given = VideoCodec(
            codec,
            **_promise_of(name, variable, words),
            axes=letters,
            nodata=nodata,
            gop=gop,
            effort=effort,
        ).encoding(zarr_format=zarr_format)
        given["chunks"] = _chunks_of(variable, letters, chunks or {})
        if zarr_format == 3 and nodata is not None:
            # Zarr pads the chunks at the edges with it: missing cells cost nothing, zeros would.
            given["fill_value"] = nodata
        result[name] = {**_kept_encoding(variable), **given}
    return result


def letters_of(variable: xr.DataArray, axes: Mapping[str, str] | None = None) -> str | None:
    """Give each dimension its axis letter, by its name.

    Parameters
    ----------
    variable : xarray.DataArray
        Of any dtype and number of dimensions.
    axes : mapping of str to str, optional
        Letters of dimensions whose names do not tell; ``t``, ``c``, ``y`` or ``x``.

    Returns
    -------
    str or None
        One letter a dimension; None where the variable is no video: no time axis, not exactly one y
        and one x, no cells, or cells that are not numbers.

    Examples
    --------
    >>> import xarray as xr
    >>> letters_of(xr.DataArray(np.zeros((2, 3, 4, 5)), dims=("valid_time", "level", "lat", "lon")))
    'tcyx'
    >>> letters_of(xr.DataArray(np.zeros((4, 5)), dims=("y", "x"))) is None
    True
    """
    dtype = _stored_dtype(variable)
    if dtype.kind not in "fiub" or dtype.itemsize > 8 or variable.size == 0:
        return None
    said = axes or {}
    letters = "".join(said.get(str(d)) or _letter_of_name(str(d)) for d in variable.dims)
    if "t" not in letters or letters.count("y") != 1 or letters.count("x") != 1:
        return None
    return letters


def choose_chunks(letters: str, shape: Sequence[int]) -> tuple[int, ...]:
    """Choose chunks that make good videos and bounded memory.

    The time axis is kept whole up to 128 dates and the bands up to 32, since what is apart cannot
    be predicted; y and x are cut into tiles of 256 cells, fewer where many bands would make a chunk
    pass 16 million cells. Each dimension is cut evenly, so that no chunk is mostly padding.

    Parameters
    ----------
    letters : str
        One of ``t``, ``c``, ``y``, ``x`` a dimension.
    shape : sequence of int
        Of the array.

    Returns
    -------
    tuple of int

    Examples
    --------
    >>> choose_chunks("tyx", (365, 721, 1440))
    (122, 241, 240)
    >>> choose_chunks("tcyx", (118, 4, 64, 64))
    (118, 4, 64, 64)
    """
    chunks = list(shape)
    for letter, most in (("t", MOST_TIMES), ("c", MOST_BANDS)):
        room = most
        for axis in reversed(range(len(shape))):  # the last varies fastest: the most alike
            if letters[axis] == letter:
                chunks[axis] = _even_length(shape[axis], room)
                room = max(1, room // chunks[axis])
    tile = WIDEST_TILE
    while True:
        for axis, letter in enumerate(letters):
            if letter in "yx":
                chunks[axis] = _even_length(shape[axis], tile)
        if math.prod(chunks) <= MOST_CELLS or tile <= NARROWEST_TILE:
            return tuple(chunks)
        tile //= 2


def _even_length(length: int, most: int) -> int:
    """Return the length of the fewest equal parts that are no longer than `most`."""
    parts = max(1, math.ceil(length / most))
    return max(1, math.ceil(length / parts))


def _letter_of_name(name: str) -> str:
    """Guess an axis letter: whole names first, then words such as in ``valid_time`` or ``y10``."""
    words = {name.lower(), *re.split(r"[^a-z]+", name.lower())}
    for letter, names in (("t", TIME_NAMES), ("y", Y_NAMES), ("x", X_NAMES)):
        if words & names:
            return letter
    return "c"


def _chunks_of(variable: xr.DataArray, letters: str, chunks: Mapping[str, int]) -> tuple[int, ...]:
    """Take what the user says, else what a Dask array or a suitable store has, else our choice."""
    stored = variable.encoding.get("chunks") or variable.encoding.get("chunksizes")
    if variable.chunks is not None:
        # Another choice could make two Dask tasks write one chunk; xarray refuses that.
        default = tuple(int(lengths[0]) for lengths in variable.chunks)
    elif stored is not None and _suit_video(letters, variable.shape, stored):
        default = tuple(stored)
    else:
        default = choose_chunks(letters, variable.shape)
    said = [
        chunks.get(str(dim), length) for dim, length in zip(variable.dims, default, strict=True)
    ]
    return tuple(
        size if length == -1 else min(length, size)
        for length, size in zip(said, variable.shape, strict=True)
    )


def _suit_video(letters: str, shape: Sequence[int], chunks: Sequence[int]) -> bool:
    """Tell whether chunks hold enough dates and cells to predict from, and fit into memory."""
    if len(chunks) != len(shape):
        return False
    clipped = [min(pair) for pair in zip(chunks, shape, strict=True)]
    times, all_times = (
        math.prod(n for n, letter in zip(lengths, letters, strict=True) if letter == "t")
        for lengths in (clipped, shape)
    )
    wide = all(
        n >= min(size, NARROWEST_TILE)
        for n, size, letter in zip(clipped, shape, letters, strict=True)
        if letter in "yx"
    )
    return times >= min(8, all_times) and wide and math.prod(clipped) <= 4 * MOST_CELLS


def _promise_of(name: str, variable: xr.DataArray, words: Mapping[str, Bounds]) -> dict[str, Any]:
    """Find the promise for one variable, in the units in which it is stored."""
    said: dict[str, float] = {}
    for word, bounds in words.items():
        if isinstance(bounds, Mapping):
            if name in bounds:
                said[word] = bounds[name]
        elif bounds is not None and _is_measurement(variable):
            said[word] = bounds
    if len(said) > 1:
        raise VideoCodecError(f"{name!r} is promised both {' and '.join(said)}; keep one")
    scale, offset = (_packing(variable, key) for key in ("scale_factor", "add_offset"))
    if "max_relative_error" in said and offset:
        raise VideoCodecError(
            f"max_relative_error cannot hold for {name!r}, which is stored with an add_offset; "
            "state max_error for it"
        )
    in_units = {"max_error", "rmse"}
    return {
        word: bound / abs(scale or 1.0) if word in in_units else bound
        for word, bound in said.items()
    }


def _is_measurement(variable: xr.DataArray) -> bool:
    """Tell real numbers, which may lose digits, from counts, categories and flags."""
    if any(key in variable.attrs for key in ("flag_values", "flag_masks", "flag_meanings")):
        return False
    return _stored_dtype(variable).kind == "f" or _packing(variable, "scale_factor") is not None


def _packing(variable: xr.DataArray, key: str) -> float | None:
    """Read ``scale_factor`` or ``add_offset``, from wherever xarray has put it."""
    value = variable.encoding.get(key, variable.attrs.get(key))
    return None if value is None else float(np.asarray(value).item())


def _stored_dtype(variable: xr.DataArray) -> np.dtype[Any]:
    """Return the dtype that the codec will see, which packing makes another than the values'."""
    try:
        dtype: np.dtype[Any] = np.dtype(variable.encoding.get("dtype", variable.dtype))
    except TypeError:  # a pandas extension type, such as a categorical
        return np.dtype(object)
    return dtype


def _nodata_of(variable: xr.DataArray) -> float | int | None:
    """Find the sentinel of a variable, where it has one that its stored dtype can hold."""
    dtype = _stored_dtype(variable)
    for key in ("_FillValue", "missing_value", "nodata"):
        value = variable.encoding.get(key, variable.attrs.get(key))
        if value is None or np.size(value) != 1:
            continue
        try:
            number = float(np.asarray(value).item())
        except (TypeError, ValueError):  # text, or bytes that xarray has not decoded
            continue
        if dtype.kind == "f":
            # As the stored values hold it: 1e20 is another number in float32.
            sentinel = float(dtype.type(number))
            return sentinel if math.isfinite(sentinel) else None
        if dtype.kind in "iu" and number.is_integer():
            limits = np.iinfo(dtype)
            exact = int(np.asarray(value).item())
            return exact if limits.min <= exact <= limits.max else None
    return None


def _kept_encoding(variable: xr.DataArray) -> dict[str, Any]:
    return {key: variable.encoding[key] for key in CF_ENCODING if key in variable.encoding}


def _check_dimensions(ds: xr.Dataset, setting: str, said: Mapping[str, object] | None) -> None:
    unknown = sorted(set(said or ()) - {str(dim) for dim in ds.dims})
    if unknown:
        raise VideoCodecError(
            f"{setting} names {', '.join(unknown)}; the dimensions are "
            f"{', '.join(map(str, ds.dims))}"
        )


def _check_names(ds: xr.Dataset, cubes: Mapping[str, object], word: str, bounds: Bounds) -> None:
    """A promise for a variable that cannot keep it must not pass in silence."""
    if not isinstance(bounds, Mapping):
        return
    for name in bounds:
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
