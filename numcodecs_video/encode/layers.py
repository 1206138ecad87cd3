"""Planes of samples as one layer of a chunk: a base, a residual, the map of missing cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.coders import (
    NOTHING,
    EncodedPlanes,
    EncodeSpec,
    Known,
    find_coder,
    sample_dtype,
)
from numcodecs_video.coders.zstd import compress
from numcodecs_video.decode.chunk import decode_samples, known_of_residual
from numcodecs_video.encode.chunk import Chunk
from numcodecs_video.encode.effort import Effort
from numcodecs_video.errors import VideoCodecError
from numcodecs_video.format.header import Layer
from numcodecs_video.threads import run_each
from numcodecs_video.transform.cube import blocks
from numcodecs_video.transform.missing import MissingCells, pack_classes

__all__ = [
    "decode_planes",
    "difference",
    "encode_lossless",
    "encode_missing",
    "encode_residual",
    "estimate_residual",
]

#: a residual with fewer non-zero samples is worth trying Zstandard on
_SPARSE = 0.03
#: magnitudes that an estimate tells apart, and its contexts by the sum of five neighbours
_LARGEST_ESTIMATED, _CONTEXTS = 31, 12
_CONTEXT_OF = np.digitize(np.arange(256), (1, 2, 3, 4, 6, 9, 13, 20, 32, 50, 80)).astype(np.uint8)
#: bytes of differences between maps from which contexts are worth trying
_WORTH_CONTEXTS = 64


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
    known: Known = NOTHING,
) -> EncodedPlanes:
    """Encode planes (T, P, Y, X) of ``bits`` bits without loss, or their differences in time."""
    options = effort.options(coder, lossy=False)
    if delta:
        planes = difference(planes, segments, bits)
    spec = EncodeSpec(bits, None, options, raw_options)
    encoded = find_coder(coder).encode(planes, segments, spec, known)
    return replace(encoded, layer=replace(encoded.layer, delta=delta))


def encode_residual(
    residual: NDArray[Any],
    segments: Sequence[range],
    step: int,
    effort: Effort,
    valid: NDArray[np.bool_] | None = None,
    picture: NDArray[Any] | None = None,
) -> EncodedPlanes | None:
    """Encode a residual (T, C, Y, X) in units of ``step`` levels by the smallest of its coders.

    Parameters
    ----------
    residual : int array, shape (T, C, Y, X)
    segments : sequence of range
    step : int
    effort : Effort
    valid : bool array, shape (T, C, Y, X), optional
        False where a reader knows that cells are missing.
    picture : int array, shape (T, C, Y, X), optional
        The levels that the residual is added to.

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
    found = []
    for name in _residual_coders(residual, effort):
        # Zero in the middle, to coders that know what a residual is.
        contextual = find_coder(name).contextual
        offset = max(-low, high) if contextual else -low
        top = 2 * offset if contextual else high - low
        if top >= 2**16:
            raise VideoCodecError("the residual spans more than 16 bits")
        bits = min(b for b in find_coder(name).depths if 2**b > top)
        samples = np.empty(residual.shape, sample_dtype(bits))
        for block in blocks(samples.shape):
            samples[block] = residual[block] + offset
        layer = Layer("residual", name, bits, offset=offset, step=step)
        known = known_of_residual(layer, valid, picture)
        encoded = encode_lossless(name, samples, bits, segments, effort, known=known)
        layer = replace(encoded.layer, kind="residual", offset=offset, step=step)
        found.append(replace(encoded, layer=layer))
    return min(found, key=lambda encoded: encoded.size)


def estimate_residual(residual: NDArray[Any]) -> float:
    """About how many bytes a residual (T, C, Y, X) takes: its entropy, given its neighbours.

    The neighbours to the left, above, in the band and the frame before tell how large a cell will
    be, as they tell the adaptive coder.
    """
    size = np.minimum(np.abs(residual), _LARGEST_ESTIMATED).astype(np.uint8)
    around = np.zeros(size.shape, np.uint8)
    around[..., 1:] += size[..., :-1]
    around[..., :-1, 1:] += size[..., 1:, :-1]
    around[..., 1:, :] += size[..., :-1, :]
    around[1:] += size[:-1]
    around[:, 1:] += size[:, :-1]
    context = _CONTEXT_OF[around].astype(np.intp)
    symbols = np.clip(residual, -_LARGEST_ESTIMATED, _LARGEST_ESTIMATED) + _LARGEST_ESTIMATED
    width = 2 * _LARGEST_ESTIMATED + 1
    counts = np.bincount((context * width + symbols).ravel(), minlength=width * _CONTEXTS)
    table = counts.reshape(_CONTEXTS, width).astype(float)
    total = table.sum(axis=1, keepdims=True)
    bits = float((table * np.log2(np.maximum(total, 1) / np.maximum(table, 1))).sum())
    beyond = np.abs(residual[size == _LARGEST_ESTIMATED]).astype(float)
    return (bits + float(np.log2(beyond / _LARGEST_ESTIMATED * 2).sum())) / 8


def _residual_coders(residual: NDArray[Any], effort: Effort) -> list[str]:
    """What a residual is worth trying on."""
    coders = ["adaptive"]
    if np.count_nonzero(residual) < _SPARSE * residual.size:
        coders.append("zstd")
    if effort.residual_ffv1:
        coders.append("ffv1")
    return coders


def encode_missing(chunk: Chunk) -> tuple[Layer, bytes, list[bytes]] | None:
    """The map of missing cells, by the smaller of its two coders; None when all cells are valid.

    Differences in time suit land masks, which then cost about one frame; contexts suit clouds.
    """
    if chunk.missing is None:
        return None
    packed, classes = _encode_changes(chunk, chunk.missing), chunk.missing.classes
    size = len(packed[1]) + sum(map(len, packed[2]))
    if chunk.effort.contexts and size >= _WORTH_CONTEXTS:
        options = chunk.effort.options("adaptive", lossy=False)
        spec = EncodeSpec(8, None, options)
        encoded = find_coder("adaptive").encode(classes, chunk.segments, spec)
        if encoded.size < size:
            return Layer("missing", "adaptive"), encoded.shared, encoded.streams
    return packed


def _encode_changes(chunk: Chunk, missing: MissingCells) -> tuple[Layer, bytes, list[bytes]]:
    """Differences in time, by Zstandard; segments start from the first map, which they share."""
    classes, count = missing.classes, len(missing.patterns)
    options = chunk.effort.options("zstd", lossy=False)
    before, shared = np.zeros(classes.shape[1:], np.uint8), b""
    if len(chunk.segments) > 1:
        first = classes[0]
        shared, before = compress(pack_classes(first[None], count, before), options), first
    streams = [
        compress(pack_classes(classes[s.start : s.stop], count, before), options)
        for s in chunk.segments
    ]
    return Layer("missing", "zstd"), shared, streams
