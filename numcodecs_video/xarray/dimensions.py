"""Which letter a dimension has, and which chunks make good videos.

Knows what CF, OME-Zarr and names say of dimensions; nothing of codecs or promises.
"""

from __future__ import annotations

import math
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import cf_xarray  # noqa: F401  # registers the accessor cf
import xarray as xr

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.conventions import stored_dtype
from numcodecs_video.xarray.images import letters_of_image

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping, Sequence

__all__ = ["choose_chunks", "describe_unsuitable_chunks", "letters_of", "suit_video"]

# What cf_xarray calls the axes and coordinates that a letter stands for.
OF_CF = {
    "t": ("T", "time"),
    "y": ("Y", "latitude"),
    "x": ("X", "longitude"),
    "c": ("Z", "vertical"),
}
# The last resort, for dimensions of which nothing else is known.
# fmt: off
NAMES = {
    "t": frozenset((
        "time", "t", "date", "datetime", "day", "doy", "dayofyear", "week", "month", "season",
        "year", "hour", "step", "frame",
    )),
    "y": frozenset((
        "y", "yc", "j", "nj", "lat", "latitude", "rlat", "nlat", "northing", "row", "rows",
        "south_north",
    )),
    "x": frozenset((
        "x", "xc", "i", "ni", "lon", "longitude", "rlon", "nlon", "easting", "col", "cols",
        "column", "west_east",
    )),
}
# fmt: on

# 16 million cells take 130 MB as float64 while a chunk is encoded, times the chunks at once. The
# narrowest tile of the most bands and dates has just as many, so that the bound always holds.
MOST_TIMES, MOST_BANDS = 128, 32
WIDE_TILE, NARROWEST_TILE = 256, 64
MOST_CELLS = 2**24
# Where there are few dates and bands: 4-5 % fewer bytes on microscopy and clouds, and no more to
# decode for one place than of a long time axis.
WIDEST_TILE, FEW_CELLS = 512, 2**22
NARROW = 8  # below it, borders and block sizes cost more than prediction gains


def letters_of(
    variable: xr.DataArray,
    axes: Mapping[str, str] | None = None,
    *,
    group: Mapping[str, Any] = MappingProxyType({}),
) -> str | None:
    """Give each dimension its axis letter.

    By what is said of the dimension, the first of: the argument `axes`; CF attributes of its
    coordinate (``axis``, ``standard_name``, units such as ``degrees_north``); a coordinate of dates
    or durations; the axes of an OME-Zarr image; its name, such as ``valid_time``, ``lat`` or ``x``;
    other coordinates along it, or latitudes and longitudes of two dimensions. All others are bands.

    Parameters
    ----------
    variable : xarray.DataArray
        Of any dtype and number of dimensions.
    axes : mapping of str to str, optional
        Letters of dimensions that do not tell; ``t``, ``c``, ``y`` or ``x``.
    group : mapping, optional
        Attributes of the variable's group, where those of OME-Zarr are.

    Returns
    -------
    str or None
        One letter a dimension; None where the variable is no video: no time axis, not exactly one y
        and one x, cells that are not numbers, or none but for those of dates to come.

    Raises
    ------
    VideoCodecError
        If `axes` has another letter.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> letters_of(xr.DataArray(np.zeros((2, 3, 4, 5)), dims=("valid_time", "level", "lat", "lon")))
    'tcyx'
    >>> letters_of(xr.DataArray(np.zeros((4, 5)), dims=("y", "x"))) is None
    True
    """
    for dim, letter in (axes or {}).items():
        if letter not in ("t", "c", "y", "x"):
            raise VideoCodecError(f"axes are of letters t, c, y and x, got {dim}={letter!r}")
    dtype = stored_dtype(variable)
    if dtype.kind not in "fiub" or dtype.itemsize > 8:
        return None
    if len(set(variable.dims)) < variable.ndim:  # a matrix of covariances, say
        return None
    found: dict[Hashable, str] = {dim: (axes or {}).get(str(dim), "") for dim in variable.dims}
    of_cf = _of_cf(variable)
    for source in (
        of_cf,
        {dim: "t" for dim in variable.indexes if _holds_dates(variable[dim])},
        _of_image(variable, group),
        {dim: _letter_of_name(str(dim)) for dim in variable.dims},
    ):
        _fill_in(found, source, taken=set(found.values()) & {"y", "x"})
    _fill_in(found, _of_other_coordinates(variable, of_cf), taken=set(found.values()))
    letters = "".join(letter or "c" for letter in found.values())
    if "t" not in letters or letters.count("y") != 1 or letters.count("x") != 1:
        return None
    # Without dates it is a template, to which some will be appended.
    empty = any(n == 0 for n, a in zip(variable.shape, letters, strict=True) if a != "t")
    return None if empty else letters


def _fill_in(
    found: dict[Hashable, str], source: Mapping[Hashable, str], *, taken: Collection[str]
) -> None:
    """Take letters for dimensions that have none yet, but for those that are taken."""
    for dim, letter in found.items():
        if not letter and source.get(dim, "") not in taken:
            found[dim] = source.get(dim, "")


def _of_cf(variable: xr.DataArray) -> dict[Hashable, str]:
    """Say which letter the attributes of each coordinate stand for; none for those that say two."""
    if not any(c.attrs or c.dtype.kind == "O" for c in variable.coords.values()):
        return {}  # dates tell by themselves; cf_xarray takes two milliseconds to find nothing
    known: dict[str, list[Hashable]] = {**variable.cf.coordinates, **variable.cf.axes}
    letters: dict[Hashable, set[str]] = {}
    for letter, words in OF_CF.items():
        for word in words:
            for name in known.get(word, ()):
                letters.setdefault(name, set()).add(letter)
    return {name: found.pop() for name, found in letters.items() if len(found) == 1}


def _holds_dates(coordinate: xr.DataArray) -> bool:
    """Tell dates and durations, decoded or as numbers of units since a date."""
    return (
        coordinate.dtype.kind in "mM"
        or " since " in str(coordinate.attrs.get("units", ""))
        or (
            any(isinstance(index, xr.CFTimeIndex) for index in coordinate.indexes.values())
            and coordinate.dtype.kind == "O"
        )
    )


def _of_image(variable: xr.DataArray, group: Mapping[str, Any]) -> dict[Hashable, str]:
    for attrs in (group, variable.attrs):
        letters = letters_of_image(attrs, variable.ndim)
        if letters is not None:
            return dict(zip(variable.dims, letters, strict=True))
    return {}


def _of_other_coordinates(
    variable: xr.DataArray, of_cf: Mapping[Hashable, str]
) -> dict[Hashable, str]:
    """Read the letters of dimensions off coordinates with other names, or of two dimensions."""
    letters: dict[Hashable, set[str]] = {}
    for name, coordinate in variable.coords.items():
        letter = "t" if _holds_dates(coordinate) else of_cf.get(name, "")
        if coordinate.ndim == 1 and letter:
            letters.setdefault(coordinate.dims[0], set()).add(letter)
        elif coordinate.ndim == 2 and letter in ("y", "x"):  # of a swath, or a curvilinear grid
            for dim, own in zip(coordinate.dims, "yx", strict=True):
                letters.setdefault(dim, set()).add(own)
    return {dim: found.pop() for dim, found in letters.items() if len(found) == 1}


def choose_chunks(letters: str, shape: Sequence[int]) -> tuple[int, ...]:
    """Choose chunks that make good videos and bounded memory.

    The time axis is kept whole up to 128 dates and the bands up to 32, since what is apart cannot
    be predicted; y and x are cut into tiles of 256 cells, 512 where that makes no more than 4
    million cells a chunk, fewer where many bands would make it pass 16 million. Each dimension is
    cut evenly, so that no chunk is mostly padding.

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
    tile, most = WIDEST_TILE, FEW_CELLS
    while True:
        for axis, letter in enumerate(letters):
            if letter in "yx":
                chunks[axis] = _even_length(shape[axis], tile)
        if math.prod(chunks) <= most or tile <= NARROWEST_TILE:
            return tuple(chunks)
        tile, most = min(tile // 2, WIDE_TILE), MOST_CELLS


def _even_length(length: int, most: int) -> int:
    """Return the length of the fewest equal parts that are no longer than `most`; it of none."""
    if length == 0:
        return most
    parts = max(1, math.ceil(length / most))
    return max(1, math.ceil(length / parts))


def _letter_of_name(name: str) -> str:
    """Guess an axis letter: whole names first, then words such as in ``valid_time`` or ``y10``."""
    words = {name.lower(), *re.split(r"[^a-z]+", name.lower())}
    return next((letter for letter, names in NAMES.items() if words & names), "")


def suit_video(letters: str, shape: Sequence[int], chunks: Sequence[int]) -> bool:
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


def describe_unsuitable_chunks(
    variable: xr.DataArray, letters: str, chunks: Sequence[int]
) -> str | None:
    """Say what is wrong with chunks that a video can gain little from, and what to use.

    Parameters
    ----------
    variable : xarray.DataArray
    letters : str
        Its axes, as of `letters_of`.
    chunks : sequence of int
        One length a dimension.

    Returns
    -------
    str or None
        One line; None where nothing is wrong.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> ndvi = xr.DataArray(np.zeros((40, 90, 90), "f4"), dims=("time", "y", "x"), name="ndvi")
    >>> describe_unsuitable_chunks(ndvi, "tyx", (1, 90, 90))
    "'ndvi' would be cut into chunks of one date, which has nothing to predict from: \
pass chunks={'time': 40, 'y': 90, 'x': 90}"
    """
    sizes = list(zip(letters, variable.shape, chunks, strict=True))
    times = math.prod(chunk for letter, _, chunk in sizes if letter == "t")
    all_times = math.prod(size for letter, size, _ in sizes if letter == "t")
    narrowest = min(
        (chunk for letter, size, chunk in sizes if letter in "yx" and chunk < min(size, NARROW)),
        default=None,
    )
    if times == 1 < all_times:
        fault = "one date, which has nothing to predict from"
    elif narrowest is not None:
        fault = f"{narrowest} cell{'s' if narrowest > 1 else ''} a side, too few for a picture"
    else:
        return None
    better = dict(zip(variable.dims, choose_chunks(letters, variable.shape), strict=True))
    way = (
        f"pass chunks={better}" if variable.chunks is None else f"call .chunk({better}) beforehand"
    )
    return f"{variable.name!r} would be cut into chunks of {fault}: {way}"
