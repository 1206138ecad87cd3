"""Lossless JPEG XL on imagecodecs: dense residuals, and planes that video gains nothing on.

A unit holds the planes of consecutive frames as the channels of one picture, frames one below the
other. Rows stay within 2,048: taller pictures take libjxl's streaming mode, 5-8 % larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from numcodecs_video.errors import DecodeError, VideoCodecError
from numcodecs_video.streams.units import join_units, split_units
from numcodecs_video.threads import run_each

__all__ = ["available", "decode", "encode"]

_MOST_ROWS = 2048
_LEVELS = (3, 3, 5, 7, 7, 8, 9, 9, 9)
#: up to so many samples effort 5 affords level 9: 1-5 % smaller for a second or two
_FEW_SAMPLES = 1_000_000


def available() -> bool:
    """Whether this imagecodecs has JPEG XL."""
    return bool(imagecodecs.JPEGXL.available)


def _frames_per_unit(height: int) -> int:
    return max(1, _MOST_ROWS // height)


def encode(planes: NDArray[Any], segments: Sequence[range], effort: int) -> list[bytes]:
    """Encode planes losslessly.

    Parameters
    ----------
    planes : uint8 or uint16 array, shape (T, P, Y, X)
    segments : sequence of range
        Frame numbers of each segment.
    effort : int
        1 to 9.

    Returns
    -------
    list of bytes
        One stream a segment.
    """
    count, level = _frames_per_unit(planes.shape[2]), _LEVELS[effort - 1]
    if effort == 5 and planes.size <= _FEW_SAMPLES:
        level = 9

    def encode_segment(segment: range) -> bytes:
        starts = range(segment.start, segment.stop, count)
        return join_units(
            _encode_unit(planes[i : min(i + count, segment.stop)], level) for i in starts
        )

    return run_each(encode_segment, segments)


def _encode_unit(planes: NDArray[Any], level: int) -> bytes:
    picture = _picture(planes)
    options: dict[str, Any] = {"photometric": "gray", "planar": True} if picture.ndim == 3 else {}
    try:
        return bytes(
            imagecodecs.jpegxl_encode(picture, lossless=True, effort=level, numthreads=1, **options)
        )
    except (imagecodecs.JpegxlError, ValueError) as error:
        raise VideoCodecError(f"JPEG XL refused planes of shape {planes.shape}: {error}") from error


def _picture(planes: NDArray[Any]) -> NDArray[Any]:
    """Planes (T, P, Y, X) as one picture (P, T * Y, X), or (T * Y, X) when P is 1."""
    count, bands, height, width = planes.shape
    picture = planes.transpose(1, 0, 2, 3).reshape(bands, count * height, width)
    return np.ascontiguousarray(picture if bands > 1 else picture[0])


def decode(stream: bytes, shape: tuple[int, int, int, int], dtype: type) -> NDArray[Any]:
    """Decode the planes (T, P, Y, X) of one segment.

    Raises
    ------
    DecodeError
        When the stream does not hold exactly these planes.
    """
    if not available():
        raise DecodeError("this chunk needs JPEG XL: install an imagecodecs with JPEGXL")
    count, bands, height, width = shape
    per_unit = _frames_per_unit(height)
    units = split_units(stream)
    if len(units) != -(-count // per_unit):
        raise DecodeError(f"a JPEG XL stream holds {len(units)} units for {count} frames")
    out: NDArray[Any] = np.empty(shape, dtype)
    for number, unit in enumerate(units):
        target = out[number * per_unit : (number + 1) * per_unit]
        picture = _decode_unit(unit, (bands, len(target) * height, width), dtype)
        target[...] = picture.reshape(bands, len(target), height, width).transpose(1, 0, 2, 3)
    return out


def _decode_unit(unit: bytes, shape: tuple[int, int, int], dtype: type) -> NDArray[Any]:
    """A picture of ``shape``; one that says otherwise is refused before it takes any memory."""
    picture: NDArray[Any] = np.empty(shape if shape[0] > 1 else shape[1:], dtype)
    try:
        imagecodecs.jpegxl_decode(unit, numthreads=1, out=picture)
    except (imagecodecs.JpegxlError, ValueError, RuntimeError, MemoryError) as error:
        raise DecodeError(f"a JPEG XL picture cannot be decoded: {error}") from error
    return picture
