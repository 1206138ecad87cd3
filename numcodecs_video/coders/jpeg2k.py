"""JPEG 2000 (ISO/IEC 15444-1) and HTJ2K (15444-15) on imagecodecs: a codestream a frame.

The planes of a frame are the components of its codestream. All frames have the same main header
(of 100 bytes and more), which is stored once; :func:`codestreams` puts it back.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from numcodecs_video.coders import (
    NOTHING,
    Coder,
    EncodedPlanes,
    EncodeSpec,
    Known,
    quantiser_step,
    sample_dtype,
)
from numcodecs_video.errors import DecodeError, EncoderUnavailableError, VideoCodecError
from numcodecs_video.format.header import Layer
from numcodecs_video.format.varint import join_units, split_units

__all__ = ["CODERS", "Jpeg2k", "codestreams", "files"]

_MOST_PLANES = 4095  # of imagecodecs
_MOST_DECOMPOSITIONS = 5
# Markers of ISO/IEC 15444-1, annex A: start of codestream and image size, tile-part, data, end.
_START, _TILE_PART, _DATA, _END = b"\xff\x4f\xff\x51", b"\xff\x90", b"\xff\x93", b"\xff\xd9"
#: of JP2's colour specification and channel definition boxes
_GREY, _UNSPECIFIED = 17, 0xFFFF
_FAULTS = (imagecodecs.Jpeg2kError, imagecodecs.Htj2kError, ValueError, RuntimeError, MemoryError)


class Jpeg2k:
    """One of the coders; it has no options.

    Lossy planes take the irreversible 9/7 wavelet, at the step of HEVC's quantiser and so with a
    mean square error of a twelfth of its square; others the reversible 5/3 one.

    Parameters
    ----------
    name : {"jpeg2k", "htj2k"}
    depths : sequence of int
    """

    lossy = True
    predicts_in_time = key_picture = contextual = structured = exact_decoder = False
    least_quantiser = -24  # finer than HEVC has them

    def __init__(self, name: str, depths: Sequence[int]) -> None:
        self.name, self.depths = name, depths

    def available_depths(self) -> list[int]:
        """All, where this imagecodecs has the coder."""
        found = imagecodecs.HTJ2K if self.name == "htj2k" else imagecodecs.JPEG2K
        return list(self.depths) if found.available else []

    def require(self, bits: int | None, options: Sequence[tuple[str, str]]) -> None:
        """Check that this imagecodecs has the coder."""
        if not self.available_depths():
            raise EncoderUnavailableError(
                f"this imagecodecs lacks {self.name}: install one with OpenJPEG and OpenJPH"
            )

    def encode(
        self,
        planes: NDArray[Any],
        segments: Sequence[range],
        spec: EncodeSpec,
        known: Known = NOTHING,
    ) -> EncodedPlanes:
        """Encode planes, each frame as a codestream."""
        if planes.shape[1] > _MOST_PLANES:
            raise VideoCodecError(f"{self.name} codes up to {_MOST_PLANES} planes a frame")
        if self.name == "htj2k" and min(planes.shape[2:]) < 2:
            # OpenJPH 0.32 codes some of these wrongly; the tests guard all other sizes.
            raise VideoCodecError("htj2k codes no planes of one row or column")
        encode_frame = _encode_high_throughput if self.name == "htj2k" else _encode_frame
        step = None if spec.quantiser is None else quantiser_step(spec.quantiser, spec.bits)
        try:
            frames = [encode_frame(_picture(frame), spec.bits, step) for frame in planes]
        except _FAULTS as error:
            raise VideoCodecError(
                f"{self.name} refused planes of shape {planes.shape}: {error}"
            ) from error
        parts = [_split(frame) for frame in frames]
        common = parts[0][0]
        if common and all(head == common for head, _ in parts):
            shared, units = join_units([common]), [body for _, body in parts]
        else:
            shared, units = b"", frames
        streams = [join_units(units[s.start : s.stop]) for s in segments]
        return EncodedPlanes(Layer("base", self.name, spec.bits), shared, streams)

    def decode(
        self,
        layer: Layer,
        shared: bytes,
        data: bytes,
        shape: tuple[int, int, int, int],
        known: Known = NOTHING,
    ) -> NDArray[Any]:
        """Decode the planes of one segment."""
        if not imagecodecs.JPEG2K.available:
            raise DecodeError("this chunk needs JPEG 2000: install an imagecodecs with JPEG2K")
        frames = codestreams(shared, data)
        if len(frames) != shape[0]:
            raise DecodeError(
                f"a {self.name} stream holds {len(frames)} units for {shape[0]} frames"
            )
        bits = layer.bits
        if bits not in self.depths or shape[1] > _MOST_PLANES or max(shape[2:]) >= 2**31:
            raise DecodeError(f"{self.name} codes no planes {shape[1:]} of {bits} bits")
        # Image and tile are of the planes' size: checked before the decoder allocates anything.
        size = struct.pack(">8IH", *2 * (shape[3], shape[2], 0, 0), shape[1])
        size += bytes((bits - 1, 1, 1)) * shape[1]
        out: NDArray[Any] = np.empty(shape, sample_dtype(bits))
        for frame, target in zip(frames, out, strict=True):
            if frame[:4] != _START or frame[8 : 8 + len(size)] != size:
                raise DecodeError(f"a {self.name} codestream is not of the declared size")
            target[...] = _decode_frame(frame, self.name, shape[1:], out.dtype)
        return out


#: imagecodecs' HTJ2K takes whole bytes
CODERS: dict[str, Coder] = {
    "jpeg2k": Jpeg2k("jpeg2k", range(8, 17)),
    "htj2k": Jpeg2k("htj2k", (8, 16)),
}


def _picture(frame: NDArray[Any]) -> NDArray[Any]:
    """A frame (P, Y, X) as (Y, X, P), or as (Y, X) when P is 1.

    imagecodecs (2026.3) takes planes first for rows where X is 1, so they come last.
    """
    return np.ascontiguousarray(frame[0] if len(frame) == 1 else np.moveaxis(frame, 0, -1))


def _encode_frame(picture: NDArray[Any], bits: int, step: float | None) -> bytes:
    """One codestream, by a PSNR relative to the sample depth: imagecodecs' level."""
    level = 0.0 if step is None else 20 * math.log10((2**bits - 1) * math.sqrt(12) / step)
    return bytes(
        imagecodecs.jpeg2k_encode(
            picture,
            None if step is None else max(1.0, level),  # type: ignore[arg-type]  # takes fractions
            codecformat="j2k",
            planar=False,
            bitspersample=bits,
            reversible=step is None,
            mct=False,
            numthreads=1,
        )
    )


def _encode_high_throughput(picture: NDArray[Any], bits: int, step: float | None) -> bytes:
    """One codestream, by a quantiser step relative to the sample range."""
    shorter = min(picture.shape[:2])
    return bytes(
        imagecodecs.htj2k_encode(
            picture,
            None if step is None else min(1.0, step / 2**bits),
            planar=False,
            resolutions=max(1, min(_MOST_DECOMPOSITIONS, shorter.bit_length() - 3)),
            reversible=step is None,
            rgb=False,
        )
    )


def _split(codestream: bytes) -> tuple[bytes, bytes]:
    """The main header and the data of the one tile-part; no header where there is more to it."""
    at = 2
    while codestream[at : at + 2] != _TILE_PART and at < len(codestream):
        at += 2 + int.from_bytes(codestream[at + 2 : at + 4], "big")
    head, body = codestream[:at], codestream[at + 14 : -2]
    return (head, body) if _join(head, body) == codestream else (b"", codestream)


def _join(head: bytes, body: bytes) -> bytes:
    """The codestream of a main header and the data of its one tile-part (A.4.2)."""
    tile_part = struct.pack(">HHIBB", 10, 0, 14 + len(body), 0, 1)
    return b"".join((head, _TILE_PART, tile_part, _DATA, body, _END))


def codestreams(shared: bytes, stream: bytes) -> list[bytes]:
    """The codestreams of a segment's frames, each complete: a ``.j2k`` file.

    Raises
    ------
    DecodeError
        When the stream is damaged.
    """
    heads, units = split_units(shared), split_units(stream)
    if len(heads) > 1:
        raise DecodeError(f"a JPEG 2000 stream has {len(heads)} main headers")
    return [_join(heads[0], unit) for unit in units] if heads else units


def files(shared: bytes, stream: bytes) -> list[bytes]:
    """The frames of a segment as JP2 files (ISO/IEC 15444-1, annex I); JPH ones of HTJ2K.

    The first component is a grey picture, the others are channels without a meaning of their own.

    Raises
    ------
    DecodeError
        When the stream is damaged.
    """
    return [_wrap(codestream) for codestream in codestreams(shared, stream)]


def _wrap(codestream: bytes) -> bytes:
    """The boxes of a file around a codestream, whose SIZ marker says what they must say."""
    if len(codestream) < 43 or codestream[:4] != _START:
        raise DecodeError("a JPEG 2000 codestream does not begin as one")
    capabilities, width, height = struct.unpack(">HII", codestream[6:16])
    (planes,) = struct.unpack(">H", codestream[40:42])
    # Bit 14 of the capabilities announces a part of the standard beyond the first: HTJ2K.
    brand = b"jph " if capabilities & 0x4000 else b"jp2 "
    boxes = _box(b"ihdr", struct.pack(">IIHBBBB", height, width, planes, codestream[42], 7, 0, 0))
    boxes += _box(b"colr", struct.pack(">BBBI", 1, 0, 0, _GREY))
    if planes > 1:
        channels = [(0, 0, 1), *((p, _UNSPECIFIED, _UNSPECIFIED) for p in range(1, planes))]
        definitions = b"".join(struct.pack(">HHH", *channel) for channel in channels)
        boxes += _box(b"cdef", struct.pack(">H", planes) + definitions)
    start = _box(b"jP  ", b"\r\n\x87\n") + _box(b"ftyp", brand + bytes(4) + brand)
    return start + _box(b"jp2h", boxes) + _box(b"jp2c", codestream)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def _decode_frame(
    frame: bytes, coder: str, shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """OpenJPEG decodes both: OpenJPH (0.26) ends the process on damaged codestreams."""
    try:
        picture = np.asarray(imagecodecs.jpeg2k_decode(frame, planar=True, numthreads=1))
    except _FAULTS as error:
        raise DecodeError(f"a {coder} codestream cannot be decoded: {error}") from error
    if picture.size != math.prod(shape) or picture.dtype != dtype:
        raise DecodeError(f"a {coder} codestream has shape {picture.shape} of {picture.dtype}")
    return picture.reshape(shape)
