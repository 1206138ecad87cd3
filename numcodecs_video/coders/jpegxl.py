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

from numcodecs_video.coders import NOTHING, Coder, EncodedPlanes, EncodeSpec, Known, sample_dtype
from numcodecs_video.errors import DecodeError, EncoderUnavailableError, VideoCodecError
from numcodecs_video.format.header import Layer
from numcodecs_video.format.varint import join_units, split_units
from numcodecs_video.threads import run_each

__all__ = ["CODERS", "JpegXl"]

_MOST_ROWS = 2048


class JpegXl:
    """The coder. Its one option is ``effort``, libjxl's own, from 1 to 9."""

    name = "jpegxl"
    depths: Sequence[int] = (8, 16)
    lossy = predicts_in_time = key_picture = contextual = structured = False
    exact_decoder = True
    least_quantiser = 0

    def available_depths(self) -> list[int]:
        """Both, where this imagecodecs has JPEG XL."""
        return list(self.depths) if imagecodecs.JPEGXL.available else []

    def require(self, bits: int | None, options: Sequence[tuple[str, str]]) -> None:
        """Check that this imagecodecs has JPEG XL."""
        if not self.available_depths():
            raise EncoderUnavailableError("this imagecodecs lacks JPEG XL: install one with libjxl")

    def encode(
        self,
        planes: NDArray[Any],
        segments: Sequence[range],
        spec: EncodeSpec,
        known: Known = NOTHING,
    ) -> EncodedPlanes:
        """Encode planes without loss."""
        count, effort = _frames_per_unit(planes.shape[2]), int(dict(spec.options)["effort"])

        def encode_segment(segment: range) -> bytes:
            starts = range(segment.start, segment.stop, count)
            return join_units(
                _encode_unit(planes[i : min(i + count, segment.stop)], effort) for i in starts
            )

        layer = Layer("base", self.name, spec.bits)
        return EncodedPlanes(layer, b"", run_each(encode_segment, segments))

    def decode(
        self,
        layer: Layer,
        shared: bytes,
        data: bytes,
        shape: tuple[int, int, int, int],
        known: Known = NOTHING,
    ) -> NDArray[Any]:
        """Decode the planes of one segment."""
        if not self.available_depths():
            raise DecodeError("this chunk needs JPEG XL: install an imagecodecs with JPEGXL")
        count, bands, height, width = shape
        per_unit = _frames_per_unit(height)
        units = split_units(data)
        if len(units) != -(-count // per_unit):
            raise DecodeError(f"a JPEG XL stream holds {len(units)} units for {count} frames")
        out: NDArray[Any] = np.empty(shape, sample_dtype(layer.bits))
        for number, unit in enumerate(units):
            target = out[number * per_unit : (number + 1) * per_unit]
            picture = _decode_unit(unit, (bands, len(target) * height, width), out.dtype)
            target[...] = picture.reshape(bands, len(target), height, width).transpose(1, 0, 2, 3)
        return out


CODERS: dict[str, Coder] = {"jpegxl": JpegXl()}


def _frames_per_unit(height: int) -> int:
    return max(1, _MOST_ROWS // height)


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


def _decode_unit(unit: bytes, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A picture of ``shape``; one that says otherwise is refused before it takes any memory."""
    picture: NDArray[Any] = np.empty(shape if shape[0] > 1 else shape[1:], dtype)
    try:
        imagecodecs.jpegxl_decode(unit, numthreads=1, out=picture)
    except (imagecodecs.JpegxlError, ValueError, RuntimeError, MemoryError) as error:
        raise DecodeError(f"a JPEG XL picture cannot be decoded: {error}") from error
    return picture
