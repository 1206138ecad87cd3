"""What can be tried on a chunk: each candidate is one way to code it, made only when called.

A candidate returns its layers and their bytes. It promises nothing: the pipeline verifies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.chunk import Chunk
from numcodecs_video.cube import plan_mosaic, tile_mosaic
from numcodecs_video.errors import VideoCodecError
from numcodecs_video.missing import fill_missing, pack_classes
from numcodecs_video.payload import Layer, Transform, Values
from numcodecs_video.quantise import (
    integer_levels,
    real_levels,
    scale_to_samples,
    value_range,
)
from numcodecs_video.streams import ffmpeg, pcodec, zstd
from numcodecs_video.streams.ffmpeg import EncodeSpec

__all__ = ["Candidate", "Coded", "candidates", "exact"]

#: samples a quantiser index is relative to, where the user names no depth
_QP_DEPTHS = {"hevc": 12, "vp9": 8, "av1": 10, "h264": 10}
#: levels of a lossy chunk are this many bits finer than its samples
_FINER_BITS = 4
_NO_VALUES, _PLAIN = Values("integer"), Transform()


@dataclass(frozen=True)
class Coded:
    """What one candidate made of a chunk.

    Parameters
    ----------
    name : str
        For the header and ``info``.
    layers : tuple of Layer
    sections : tuple of tuple of bytes
        The layers' bytes: the shared section first, then each segment.
    values : Values
    transform : Transform
    """

    name: str
    layers: tuple[Layer, ...]
    sections: tuple[tuple[bytes, ...], ...]
    values: Values = _NO_VALUES
    transform: Transform = _PLAIN

    @property
    def size(self) -> int:
        """Bytes of all sections."""
        return sum(len(part) for section in self.sections for part in section)


Candidate = Callable[[], Coded]


def candidates(chunk: Chunk) -> Iterator[Candidate]:
    """The ways to code a chunk under its settings that are worth trying; perhaps none."""
    fidelity = chunk.settings.fidelity
    if fidelity.kind == "qp" and chunk.array.dtype.kind not in "bmM":
        yield from _at_quantiser(chunk, int(fidelity.value))
        return
    bound = fidelity.value if fidelity.kind == "max_error" else 0
    found = _levels(chunk, bound)
    if found is None:
        return
    levels, values = found
    if not bound and values.top >= 2**16:
        return  # the exact path's predictors beat planes of high and low halves
    fill_missing(levels, chunk.valid)
    yield partial(_direct, chunk, levels, values)


def _levels(chunk: Chunk, bound: float) -> tuple[NDArray[np.int64], Values] | None:
    """The chunk as integers under a bound; None when only the exact path keeps it."""
    if chunk.cube.dtype.kind == "f":
        return real_levels(chunk.cube, chunk.valid, bound) if bound else None
    counts = 0 if chunk.array.dtype.kind in "bmM" else int(bound)
    return integer_levels(chunk.cube, chunk.valid, counts)


def _direct(chunk: Chunk, levels: NDArray[np.int64], values: Values) -> Coded:
    """Levels as planes of a lossless video, split into parts where they need more bits."""
    coder = "ffv1" if chunk.settings.codec == "auto" else chunk.settings.codec
    if values.top == 0:
        return _constant(chunk, values)
    depths = [chunk.settings.bits or 0] if chunk.settings.bits else ffmpeg.available_depths(coder)
    needed = values.top.bit_length()
    bits = min((d for d in depths if d >= needed), default=max(depths))
    parts = -(-needed // bits)
    dtype = np.uint8 if bits == 8 else np.uint16
    planes = np.concatenate(
        [(levels >> (bits * i) & (2**bits - 1)).astype(dtype) for i in range(parts)], axis=1
    )
    coded = _video(chunk, planes, _spec(chunk, coder, bits, None))
    return replace(coded, name=f"{coder} lossless", values=values, transform=Transform(parts=parts))


def _at_quantiser(chunk: Chunk, qp: int) -> Iterator[Candidate]:
    """The values scaled to the coder's depth and coded at a constant quantiser."""
    coder = "hevc" if chunk.settings.codec == "auto" else chunk.settings.codec
    bits = chunk.settings.bits or _QP_DEPTHS[coder]
    span = value_range(chunk.cube, chunk.valid)
    found = _levels(chunk, span / 2 ** (bits + _FINER_BITS) if chunk.cube.dtype.kind == "f" else 0)
    if found is None or found[1].top >= 2**40:
        return
    levels, values = found
    fill_missing(levels, chunk.valid)
    yield partial(_lossy, chunk, levels, values, _spec(chunk, coder, bits, qp))


def _lossy(chunk: Chunk, levels: NDArray[np.int64], values: Values, spec: EncodeSpec) -> Coded:
    if values.top == 0:
        return _constant(chunk, values)
    samples, transform = scale_to_samples(levels, spec.bits)
    coded = _video(chunk, samples, spec)
    return replace(coded, name=f"{spec.coder} qp={spec.qp}", values=values, transform=transform)


def _spec(chunk: Chunk, coder: str, bits: int, qp: int | None) -> EncodeSpec:
    settings = chunk.settings
    options = settings.options if settings.codec == coder else ()
    return EncodeSpec(coder, bits, qp, settings.effort, options)


def _video(chunk: Chunk, planes: NDArray[Any], spec: EncodeSpec) -> Coded:
    """The base layer: planes (T, P, Y, X) as one video, and the map of missing cells."""
    coder = ffmpeg.CODERS[spec.coder]
    count, height, width = planes.shape[1:]
    mosaic = plan_mosaic(count, height, width, coder.shortest_side)
    if max(mosaic.frame_height, mosaic.frame_width) > coder.longest_side:
        raise VideoCodecError(
            f"{spec.coder} codes frames up to {coder.longest_side} samples a side, this chunk "
            f"needs {mosaic.frame_width}x{mosaic.frame_height}: use smaller chunks in y and x"
        )
    shared, streams = ffmpeg.encode(tile_mosaic(planes, mosaic), chunk.segments, spec)
    layer = Layer("base", spec.coder, spec.bits, spec.pixel_format, mosaic=mosaic)  # type: ignore[arg-type]
    masks = _mask_layer(chunk)
    return Coded(
        "",
        (*masks.layers, layer),
        tuple((*m, s) for m, s in zip(masks.sections, (shared, *streams), strict=True)),
    )


def _constant(chunk: Chunk, values: Values) -> Coded:
    """One value throughout, but for missing cells."""
    return replace(_mask_layer(chunk), name="constant", values=values)


def _mask_layer(chunk: Chunk) -> Coded:
    """The map of missing cells; no layer when there are none.

    The shared section holds the map that most frames start from, so that a land mask which every
    segment repeats costs one frame.
    """
    if chunk.missing is None:
        return Coded("", (), tuple(() for _ in range(len(chunk.segments) + 1)))
    classes, count = chunk.missing.classes, len(chunk.missing.patterns)
    effort = chunk.settings.effort
    before = np.zeros(classes.shape[1:], np.uint8)
    shared = b""
    if len(chunk.segments) > 1:
        common = classes[chunk.segments[0].start]
        shared = zstd.compress(pack_classes(common[None], count, before), effort)
        before = common
    streams = [
        zstd.compress(pack_classes(classes[s.start : s.stop], count, before), effort)
        for s in chunk.segments
    ]
    return Coded("", (Layer("missing", "zstd"),), ((shared,), *((s,) for s in streams)))


def exact(chunk: Chunk) -> Coded:
    """Every value bit for bit by the smaller of Pcodec and shuffled Zstandard; always possible."""
    if not chunk.cube.size:
        return Coded("empty", (), ())
    parts = [_exact_values(chunk)[s.start : s.stop] for s in chunk.segments]
    effort = chunk.settings.effort
    best = [zstd.compress(zstd.shuffle(part), effort) for part in parts]
    coder: Literal["zstd", "pcodec"] = "zstd"
    if pcodec.available(parts[0].dtype):
        packed = [pcodec.encode(part, effort) for part in parts]
        if sum(map(len, packed)) < sum(map(len, best)):
            best, coder = packed, "pcodec"
    return Coded(coder, (Layer("exact", coder),), ((b"",), *((b,) for b in best)))


def _exact_values(chunk: Chunk) -> NDArray[Any]:
    cube = chunk.cube
    return np.ascontiguousarray(cube.astype(cube.dtype.newbyteorder("<"), copy=False))
