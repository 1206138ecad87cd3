"""A chunk made ready for the coders: checked, transposed, its missing cells known, cut in segments.

Knows arrays and settings; knows nothing of coders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.config import BandBasis, Settings, default_axes
from numcodecs_video.encode.effort import EFFORTS, Effort
from numcodecs_video.errors import VideoCodecError
from numcodecs_video.metrics import integer_view
from numcodecs_video.transform.cube import frames_per_segment, to_cube
from numcodecs_video.transform.missing import MissingCells, find_missing, in_range

__all__ = ["Chunk", "check_basis", "check_dtype", "choose_axes", "prepare_chunk"]

#: samples cut out for trials keep at least this many frames, where whole segments are so short
_SAMPLE_FRAMES = 48
#: cells of a chunk that is not worth an encoder
_TINY_CELLS = 1_000
#: samples cut out for trials keep at least this many cells a side
_SHORTEST_SAMPLE = 48
_ADVICE = {
    "c": "store the real and imaginary parts as two variables",
    "V": "store each field as a variable of its own",
    "O": "convert the objects to numbers or to strings of fixed width",
    "U": "map the strings to integer codes",
    "S": "map the strings to integer codes",
    "T": "map the strings to integer codes",
    "f": "convert it to float64",
}


@dataclass(frozen=True)
class Chunk:
    """One chunk on its way through an encode.

    Parameters
    ----------
    array : ndarray
        As given, never modified.
    axes : str
        One letter a dimension; empty when the chunk is a mere run of values.
    cube : C-contiguous ndarray, shape (T, C, Y, X)
        Its values; booleans and times as integers.
    missing : MissingCells or None
        None when every cell is valid.
    segments : tuple of range
        Frames of each segment.
    settings : Settings
    frame_order : tuple of int
        Which frame of the array each frame of the cube is; empty when they are in its order.
    """

    array: NDArray[Any]
    axes: str
    cube: NDArray[Any]
    missing: MissingCells | None
    segments: tuple[range, ...]
    settings: Settings
    frame_order: tuple[int, ...] = ()

    @property
    def valid(self) -> NDArray[np.bool_]:
        """True where a cell holds a value, broadcastable to the cube."""
        return np.ones((1, 1, 1, 1), bool) if self.missing is None else self.missing.valid

    @property
    def tiny(self) -> bool:
        """So small that pictures take a hundred times the time for hardly a byte less."""
        return self.settings.codec == "auto" and self.cube.size <= _TINY_CELLS

    @property
    def effort(self) -> Effort:
        """What the settings' effort buys."""
        return EFFORTS[self.settings.effort - 1]

    def sample(self, cells: int) -> Chunk:
        """A part to try things on, never for payloads: some segments, some windows in y and x.

        Parameters
        ----------
        cells : int
            About how many to keep, unless the planes get too small for that.
        """
        number = len(self.segments)
        count = min(number, max(2, _SAMPLE_FRAMES // len(self.segments[0])))
        chosen = [self.segments[(2 * i + 1) * number // (2 * count)] for i in range(count)]
        frames = np.concatenate([np.arange(s.start, s.stop) for s in chosen])
        bands, height, width = self.cube.shape[1:]
        shrink = min(1.0, math.sqrt(cells / (len(frames) * bands * height * width)))
        rows, columns = (_spread(side, shrink) for side in (height, width))
        window = np.ix_(frames, np.arange(bands), rows, columns)
        missing = None
        if self.missing is not None:
            every = np.arange(self.missing.classes.shape[1])
            classes = self.missing.classes[np.ix_(frames, every, rows, columns)]
            missing = MissingCells(classes, self.missing.patterns)
        cube = self.cube[window]
        ends = np.cumsum([len(s) for s in chosen]).tolist()
        segments = tuple(range(end - len(s), end) for s, end in zip(chosen, ends, strict=True))
        return replace(self, cube=cube, missing=missing, segments=segments)

    def reorder(self, frames: tuple[int, ...]) -> Chunk:
        """The same chunk with its frames in another order of coding."""
        missing = self.missing
        if missing is not None:
            missing = MissingCells(missing.classes[list(frames)], missing.patterns)
        return replace(self, cube=self.cube[list(frames)], missing=missing, frame_order=frames)

    @property
    def order(self) -> Literal["C", "F"]:
        """The memory order that the decoder must give back."""
        flags = self.array.flags
        return "F" if flags.f_contiguous and not flags.c_contiguous else "C"


def _spread(side: int, shrink: float) -> NDArray[np.intp]:
    """Positions along a side shrunk to a part: two runs, around a quarter and three quarters."""
    half = max(_SHORTEST_SAMPLE // 2, -(-int(side * shrink) // 16) * 8)
    if 2 * half >= side:
        return np.arange(side)
    starts = (side // 4 - half // 2, side - side // 4 - half + half // 2)
    return np.concatenate([np.arange(start, start + half) for start in starts])


def check_dtype(dtype: np.dtype[Any]) -> None:
    """Refuse the dtypes that no path can carry.

    Raises
    ------
    TypeError
        For complex, structured, string, object and extended-precision dtypes.
    """
    foreign = dtype.isbuiltin == 2  # registered by another package: bfloat16, float8_e5m2, ...
    if foreign or dtype.kind not in "biufmM" or dtype.itemsize > 8:
        advice = _ADVICE.get(dtype.kind, _ADVICE["O"])
        if foreign:
            advice = (
                "it is no number of NumPy's: store its bits without loss, as "
                f"array.view('u{dtype.itemsize}'), or convert it to float32"
            )
        raise TypeError(
            f"cannot encode dtype {dtype}: {advice}, or leave the variable to Zarr's own "
            "compressors"
        )


def choose_axes(shape: tuple[int, ...], settings: Settings) -> str:
    """The axes of a chunk, one letter a dimension; empty for a run of values.

    Raises
    ------
    VideoCodecError
        When the settings name another number of axes.
    """
    if len(shape) < 2:
        return ""
    axes = default_axes(len(shape)) if settings.axes is None else settings.axes
    if len(axes) != len(shape):
        raise VideoCodecError(
            f"axes {axes!r} has {len(axes)} letters, but the chunk has shape {tuple(shape)}"
        )
    return axes


def check_basis(shape: tuple[int, ...], axes: str, settings: Settings) -> None:
    """Refuse a fixed basis of other bands than the chunk's.

    Raises
    ------
    VideoCodecError
    """
    bands = math.prod(n for n, letter in zip(shape, axes, strict=False) if letter == "c")
    if isinstance(settings.pca, BandBasis) and axes and settings.pca.bands != bands:
        raise VideoCodecError(
            f"pca is a basis of {settings.pca.bands} bands, the chunk has {bands} along "
            f"axes {axes!r}"
        )


def prepare_chunk(array: NDArray[Any], settings: Settings) -> Chunk:
    """Transpose a chunk to its cube, find its missing cells, and cut it into segments.

    Raises
    ------
    TypeError
        When the dtype cannot be encoded.
    VideoCodecError
        When the axes do not fit the chunk's dimensions.
    """
    check_dtype(array.dtype)
    possible = tuple(value for value in settings.nodata if in_range(value, array.dtype))
    settings = replace(settings, nodata=possible)
    if array.ndim < 2 or not array.size:
        return _run_of_values(array, settings)
    axes = choose_axes(array.shape, settings)
    check_basis(array.shape, axes, settings)
    cube = integer_view(np.ascontiguousarray(to_cube(array, axes)))
    try:
        missing = find_missing(cube, _sentinels(array.dtype, settings))
    except OverflowError:
        return _run_of_values(array, settings)
    frames = cube.shape[0]
    gop = frames_per_segment(frames, settings.gop)
    segments = tuple(range(i, min(i + gop, frames)) for i in range(0, frames, gop))
    return Chunk(array, axes, cube, missing, segments, settings)


def _sentinels(dtype: np.dtype[Any], settings: Settings) -> tuple[int | float, ...]:
    """The nodata values; NaT, the smallest integer, for times."""
    return (int(np.iinfo(np.int64).min),) if dtype.kind in "mM" else settings.nodata


def _run_of_values(array: NDArray[Any], settings: Settings) -> Chunk:
    """A chunk without y and x, or without cells, or whose NaNs carry data."""
    chunk = Chunk(array, "", array, None, (range(1),), settings)
    cube = integer_view(np.ascontiguousarray(array.reshape(-1, order=chunk.order)))
    return Chunk(array, "", cube.reshape(1, 1, 1, -1), None, (range(1),), settings)
