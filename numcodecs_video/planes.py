"""Planes of samples as one layer of a chunk, by whichever picture coder: the bridge to streams/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.cube import blocks, plan_mosaic, tile_mosaic
from numcodecs_video.decoding import decode_samples
from numcodecs_video.errors import VideoCodecError
from numcodecs_video.header import Layer, LayerKind
from numcodecs_video.streams import ffmpeg, jpeg2k, jpegxl, zstd
from numcodecs_video.streams.ffmpeg import EncodeSpec
from numcodecs_video.threads import run_each

__all__ = ["CodedPlanes", "code_jpeg2k", "code_residual", "code_video", "code_zstd", "difference"]

#: a residual with fewer non-zero samples is worth trying Zstandard on
_SPARSE = 0.03
#: the effort from which a residual is worth trying FFV1 on
_FFV1_FROM = 6


@dataclass(frozen=True)
class CodedPlanes:
    """One layer and its bytes: those of the shared section, and one string a segment."""

    layer: Layer
    shared: bytes
    streams: list[bytes]

    @property
    def size(self) -> int:
        """Bytes of the layer."""
        return len(self.shared) + sum(map(len, self.streams))

    def decode(self, segments: Sequence[range], planes: tuple[int, int, int]) -> NDArray[Any]:
        """Samples (T, P, Y, X) as a reader decodes them; ``planes`` is (P, Y, X)."""
        dtype = np.uint8 if self.layer.bits == 8 else np.uint16
        out = np.empty((sum(map(len, segments)), *planes), dtype)

        def decode_segment(number: int) -> None:
            s, stream = segments[number], self.streams[number]
            shape = (len(s), *planes)
            out[s.start : s.stop] = decode_samples(self.layer, self.shared, stream, shape)

        run_each(decode_segment, range(len(segments)))
        return out


def difference(planes: NDArray[Any], segments: Sequence[range], bits: int) -> NDArray[Any]:
    """Differences to the previous frame of the segment, around the middle of the sample range.

    Modulo ``2**bits``; the first frame of a segment stays as it is.
    """
    out = planes.copy()
    middle = out.dtype.type(2 ** (bits - 1))
    for s in segments:
        out[s.start + 1 : s.stop] -= planes[s.start : s.stop - 1]
        out[s.start + 1 : s.stop] += middle
    out &= out.dtype.type(2**bits - 1)
    return out


def code_video(
    planes: NDArray[Any],
    segments: Sequence[range],
    spec: EncodeSpec,
    *,
    kind: LayerKind = "base",
    key: bool = False,
    trim: float = 0.5,
    delta: bool = False,
    offset: int = 0,
    step: int = 1,
) -> CodedPlanes:
    """Code planes (T, P, Y, X) as one video, all planes of a time step in one frame.

    With ``key`` every segment predicts from one picture, which ``trim`` shapes (`key_picture`).

    Raises
    ------
    VideoCodecError
        When the frame is too large for the coder, or the encoder refuses it.
    """
    coder = ffmpeg.CODERS[spec.coder]
    count, height, width = planes.shape[1:]
    mosaic = plan_mosaic(count, height, width, coder.shortest_side)
    if max(mosaic.frame_height, mosaic.frame_width) > coder.longest_side:
        raise VideoCodecError(
            f"{spec.coder} codes frames up to {coder.longest_side} samples a side, this chunk "
            f"needs {mosaic.frame_width}x{mosaic.frame_height}: use smaller chunks in y and x"
        )
    frames = tile_mosaic(planes, mosaic)
    picture = key_picture(frames, trim) if key else None
    shared, streams = ffmpeg.encode(frames, segments, spec, picture)
    layer = Layer(
        kind,
        spec.coder,  # type: ignore[arg-type]  # one of CODERS
        spec.bits,
        spec.pixel_format,
        delta,
        key,
        offset,
        step,
        mosaic,
    )
    return CodedPlanes(layer, shared, streams)


def key_picture(frames: NDArray[Any], trim: float = 0.5) -> NDArray[Any]:
    """The picture that all segments predict from: a trimmed mean over time.

    Clouds stay out of the median; the mean of smooth fields is smoother than that.

    Parameters
    ----------
    frames : uint8 or uint16 array, shape (T, Y, X)
        Of which 64 at most are used.
    trim : float
        The part of the values left out at either end: 0 gives the mean, 0.5 the median.
    """
    chosen = frames[:: -(-len(frames) // 64)]
    first = min(int(trim * len(chosen)), (len(chosen) - 1) // 2)
    count = len(chosen) - 2 * first
    picture = np.empty(frames.shape[1:], frames.dtype)
    for y in range(picture.shape[0]):
        columns = np.sort(chosen[:, y].T, axis=1)  # along the memory: twice as fast as along time
        middle = columns[:, first : first + count]
        picture[y] = (middle.sum(axis=1, dtype=np.uint32) + count // 2) // count
    return picture


def code_jpegxl(
    planes: NDArray[Any],
    bits: int,
    segments: Sequence[range],
    effort: int,
    *,
    kind: LayerKind = "base",
    delta: bool = False,
    offset: int = 0,
    step: int = 1,
) -> CodedPlanes:
    """Code planes (T, P, Y, X) losslessly by JPEG XL."""
    streams = jpegxl.encode(planes, segments, effort)
    layer = Layer(kind, "jpegxl", bits, delta=delta, offset=offset, step=step)
    return CodedPlanes(layer, b"", streams)


def code_jpeg2k(
    planes: NDArray[Any],
    bits: int,
    segments: Sequence[range],
    coder: str,
    step: float | None = None,
) -> CodedPlanes:
    """Code planes (T, P, Y, X) by JPEG 2000, at a quantiser step in samples or losslessly."""
    shared, streams = jpeg2k.encode(planes, segments, coder, bits, step)
    layer = Layer("base", coder, bits)  # type: ignore[arg-type]  # one of CODERS
    return CodedPlanes(layer, shared, streams)


def code_residual(
    residual: NDArray[Any], segments: Sequence[range], step: int, effort: int
) -> CodedPlanes | None:
    """Code a residual (T, C, Y, X) in units of ``step`` levels by the smallest of its coders.

    Returns
    -------
    CodedPlanes or None
        None when the residual is zero throughout.

    Raises
    ------
    VideoCodecError
        When the residual spans more than 16 bits: the base is no use then.
    """
    low, high = int(residual.min()), int(residual.max())
    if low == high == 0:
        return None
    if high - low >= 2**16:
        raise VideoCodecError("the residual spans more than 16 bits")
    bits = 8 if high - low < 2**8 else 16
    samples = np.empty(residual.shape, np.uint8 if bits == 8 else np.uint16)
    for block in blocks(samples.shape):
        samples[block] = residual[block] - low
    common = {"kind": "residual", "offset": -low, "step": step}
    found = [code_jpegxl(samples, bits, segments, effort, **common)]  # type: ignore[arg-type]
    if np.count_nonzero(residual) < _SPARSE * residual.size:
        found.append(code_zstd(samples, bits, segments, effort, -low, step))
    if effort >= _FFV1_FROM:
        found.append(_residual_ffv1(samples, high - low, segments, effort, -low, step))
    return min(found, key=lambda coded: coded.size)


def code_zstd(
    samples: NDArray[Any],
    bits: int,
    segments: Sequence[range],
    effort: int,
    offset: int = 0,
    step: int = 1,
) -> CodedPlanes:
    """Code a residual's samples (T, C, Y, X) by Zstandard: sparse ones, or noise."""
    streams = [zstd.compress(zstd.shuffle(samples[s.start : s.stop]), effort) for s in segments]
    return CodedPlanes(Layer("residual", "zstd", bits, offset=offset, step=step), b"", streams)


def _residual_ffv1(
    samples: NDArray[Any],
    top: int,
    segments: Sequence[range],
    effort: int,
    offset: int,
    step: int,
) -> CodedPlanes:
    bits = min(b for b in ffmpeg.CODERS["ffv1"].formats if 2**b > top)
    samples = samples.astype(np.uint8 if bits == 8 else np.uint16)
    spec = EncodeSpec("ffv1", bits, None, effort)
    return code_video(samples, segments, spec, kind="residual", offset=offset, step=step)
