"""Planes of samples as one layer of a chunk: a base, a residual, the map of missing cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.coders import EncodedPlanes, EncodeSpec, find_coder, sample_dtype
from numcodecs_video.coders.zstd import compress
from numcodecs_video.decode.chunk import decode_samples
from numcodecs_video.encode.chunk import Chunk
from numcodecs_video.encode.effort import Effort
from numcodecs_video.errors import VideoCodecError
from numcodecs_video.format.header import Layer
from numcodecs_video.threads import run_each
from numcodecs_video.transform.cube import blocks
from numcodecs_video.transform.missing import MissingCells, pack_classes

__all__ = ["decode_planes", "difference", "encode_lossless", "encode_missing", "encode_residual"]

#: a residual with fewer non-zero samples is worth trying Zstandard on
_SPARSE = 0.03
#: bytes of differences between maps from which pictures are worth trying
_WORTH_PICTURES = 128
#: pictures that take so many times the differences by one frame's size are not tried on all
_HOPELESS = 2.0


def decode_planes(
    encoded: EncodedPlanes, segments: Sequence[range], planes: tuple[int, int, int]
) -> NDArray[Any]:
    """Samples (T, P, Y, X) as a reader decodes them; ``planes`` is (P, Y, X)."""
    out = np.empty((sum(map(len, segments)), *planes), sample_dtype(encoded.layer.bits))

    def decode_segment(number: int) -> None:
        s, stream = segments[number], encoded.streams[number]
        shape = (len(s), *planes)
        out[s.start : s.stop] = decode_samples(encoded.layer, encoded.shared, stream, shape)

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


def encode_lossless(
    coder: str,
    planes: NDArray[Any],
    bits: int,
    segments: Sequence[range],
    effort: Effort,
    *,
    delta: bool = False,
    raw_options: tuple[tuple[str, str], ...] = (),
) -> EncodedPlanes:
    """Encode planes (T, P, Y, X) of ``bits`` bits without loss, or their differences in time."""
    options = effort.options(coder, lossy=False, cells=planes.size)
    if delta:
        planes = difference(planes, segments, bits)
    spec = EncodeSpec(bits, None, options, raw_options)
    encoded = find_coder(coder).encode(planes, segments, spec)
    return replace(encoded, layer=replace(encoded.layer, delta=delta))


def encode_residual(
    residual: NDArray[Any], segments: Sequence[range], step: int, effort: Effort
) -> EncodedPlanes | None:
    """Encode a residual (T, C, Y, X) in units of ``step`` levels by the smallest of its coders.

    Returns
    -------
    EncodedPlanes or None
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
    dtype = sample_dtype(8 if high - low < 2**8 else 16)
    samples = np.empty(residual.shape, dtype)
    for block in blocks(samples.shape):
        samples[block] = residual[block] - low
    coders = ["jpegxl"]
    if np.count_nonzero(residual) < _SPARSE * residual.size:
        coders.append("zstd")
    if effort.residual_ffv1:
        coders.append("ffv1")
    found = []
    for name in coders:
        bits = min(b for b in find_coder(name).depths if 2**b > high - low)
        fitting = samples.astype(sample_dtype(bits), copy=False)
        found.append(encode_lossless(name, fitting, bits, segments, effort))
    best = min(found, key=lambda encoded: encoded.size)
    return replace(best, layer=replace(best.layer, kind="residual", offset=-low, step=step))


def encode_missing(chunk: Chunk) -> tuple[Layer, bytes, list[bytes]] | None:
    """The map of missing cells, by the smaller of its two coders; None when all cells are valid.

    Differences in time suit land masks, which then cost about one frame; JPEG XL suits clouds. It
    is slow, so the lowest effort does without, and one frame tells where it is no use.
    """
    if chunk.missing is None:
        return None
    packed, classes = _encode_changes(chunk, chunk.missing), chunk.missing.classes
    changes, coder = sum(map(len, packed[2])), find_coder("jpegxl")
    if not chunk.effort.masks or changes < _WORTH_PICTURES or not coder.available_depths():
        return packed
    spec = EncodeSpec(8, None, (("effort", str(chunk.effort.masks)),))
    middle = len(classes) // 2
    frame = coder.encode(classes, [range(middle, middle + 1)], spec)
    size = len(packed[1]) + changes
    if frame.size * len(classes) > _HOPELESS * size:
        return packed
    streams = coder.encode(classes, chunk.segments, spec).streams
    return packed if sum(map(len, streams)) >= size else (Layer("missing", "jpegxl"), b"", streams)


def _encode_changes(chunk: Chunk, missing: MissingCells) -> tuple[Layer, bytes, list[bytes]]:
    """Differences in time, by Zstandard; segments start from the first map, which they share."""
    classes, count = missing.classes, len(missing.patterns)
    options = chunk.effort.options("zstd", lossy=False, cells=classes.size)
    before, shared = np.zeros(classes.shape[1:], np.uint8), b""
    if len(chunk.segments) > 1:
        first = classes[0]
        shared, before = compress(pack_classes(first[None], count, before), options), first
    streams = [
        compress(pack_classes(classes[s.start : s.stop], count, before), options)
        for s in chunk.segments
    ]
    return Layer("missing", "zstd"), shared, streams
