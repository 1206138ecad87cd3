"""What can be tried on a chunk: each candidate is one way to code it, made only when called.

A candidate promises nothing: the pipeline decodes and verifies what it made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.coded import Coded
from numcodecs_video.cube import blocks
from numcodecs_video.decoding import base_levels
from numcodecs_video.errors import VideoCodecError
from numcodecs_video.exact import code_exactly
from numcodecs_video.header import BIAS_BITS, Transform, Values
from numcodecs_video.planes import (
    CodedPlanes,
    code_jpeg2k,
    code_jpegxl,
    code_residual,
    code_video,
    code_zstd,
    difference,
)
from numcodecs_video.streams import ffmpeg, jpeg2k
from numcodecs_video.streams.ffmpeg import EncodeSpec
from numcodecs_video.structure import USUAL, Structure
from numcodecs_video.work import Work

__all__ = [
    "MOST_QP",
    "THOROUGH_EFFORT",
    "Base",
    "Candidate",
    "Direct",
    "Exact",
    "Split",
]

#: components with a variance below this part of the base's distortion are left out
_VANISHED = 0.05
#: the effort from which encodes are cheap beside bits
THOROUGH_EFFORT = 8
#: samples by which decoders of the 9/7 wavelet may differ: OpenJPEG and OpenJPH do by 2 at most
_DRIFT = 2
MOST_QP = 51


@dataclass(frozen=True)
class Direct:
    """Levels one step apart as the planes of a lossless coder.

    Parameters
    ----------
    coder : str
        ``jpegxl``, ``jpeg2k``, ``htj2k`` or a video coder.
    delta : bool
        Code differences in time.
    """

    coder: str
    delta: bool = False

    def __call__(self, work: Work) -> Coded | None:
        """Code the work's chunk; None when its levels do not fit the coder."""
        if work.direct is None:
            return None
        levels, values = work.direct
        settings = work.chunk.settings
        name = f"{self.coder} of differences" if self.delta else f"{self.coder} lossless"
        if values.top == 0:
            return work.start("constant", values)
        planes, bits, parts = _split_levels(levels, values.top, self._depths(settings.bits))
        if self.delta and parts > 1:
            return None
        segments = work.chunk.segments
        if self.delta:
            planes = difference(planes, segments, bits)
        if self.coder == "jpegxl":
            coded = code_jpegxl(planes, bits, segments, settings.effort, delta=self.delta)
        elif self.coder in jpeg2k.DEPTHS:
            coded = code_jpeg2k(planes, bits, segments, self.coder)
        else:
            spec = EncodeSpec(self.coder, bits, None, settings.effort, work.options(self.coder))
            coded = code_video(planes, segments, spec, delta=self.delta)
        start = work.start(name, values, Transform(parts=parts))
        return start.add(coded.layer, coded.shared, coded.streams)

    def _depths(self, bits: int | None) -> list[int]:
        if self.coder == "jpegxl":
            return [8, 16]
        if self.coder in jpeg2k.DEPTHS:
            return list(jpeg2k.DEPTHS[self.coder])
        return [bits] if bits else ffmpeg.available_depths(self.coder)


def _split_levels(
    levels: NDArray[Any], top: int, depths: list[int]
) -> tuple[NDArray[Any], int, int]:
    """Planes (T, parts * C, Y, X), their depth, and the number of parts of each level."""
    needed = top.bit_length()
    bits = min((d for d in depths if d >= needed), default=max(depths))
    parts = -(-needed // bits)
    dtype = np.uint8 if bits == 8 else np.uint16
    planes = [(levels >> (bits * i) & (2**bits - 1)).astype(dtype) for i in range(parts)]
    return np.concatenate(planes, axis=1), bits, parts


@dataclass(frozen=True)
class Split:
    """Floats without loss: their high bits as pictures by JPEG XL, the noisy low ones apart.

    Parameters
    ----------
    low : int
        How many bits are low, at most 16.
    delta : bool
        Code differences in time of the high bits.
    """

    low: int
    delta: bool = False

    def __call__(self, work: Work) -> Coded | None:
        """Code the work's chunk; None when its floats have more than 16 high bits."""
        if work.ordered is None:
            return None
        levels, values = work.ordered
        if values.top >> self.low >= 2**16:
            return None
        bits = 8 if values.top >> self.low < 2**8 else 16
        segments, effort = work.chunk.segments, work.chunk.settings.effort
        high = (levels >> self.low).astype(np.uint8 if bits == 8 else np.uint16)
        if self.delta:
            high = difference(high, segments, bits)
        coded = code_jpegxl(high, bits, segments, effort, delta=self.delta)
        gain = 1 << self.low + BIAS_BITS
        transform = Transform("linear", 1, gain, BIAS_BITS, (), (0,) * levels.shape[1])
        name = f"jpegxl{' of differences' if self.delta else ''} + {self.low} bits by zstd"
        start = work.start(name, values, transform).add(coded.layer, coded.shared, coded.streams)
        if not self.low:
            return start
        bits = 8 if self.low <= 8 else 16
        rest = (levels & (1 << self.low) - 1).astype(np.uint8 if bits == 8 else np.uint16)
        coded = code_zstd(rest, bits, segments, effort)
        return start.add(coded.layer, coded.shared, coded.streams)


@dataclass(frozen=True)
class Base:
    """A lossy video of the components, and the residual that makes a bound exact.

    Parameters
    ----------
    coder : str
        A video coder, ``jpeg2k`` or ``htj2k``.
    qp : int
        Its quantiser; of the JPEG 2000 coders, that of HEVC with the same step.
    step : float
        Step of the samples in levels; 0 is the finest that the depth allows.
    residual : bool
        Add the residual layer.
    structure : Structure
        How its pictures depend on each other.
    plain : bool
        Code the bands as they are, whatever basis there is.
    """

    coder: str
    qp: int
    step: float = 0.0
    residual: bool = True
    structure: Structure = USUAL
    plain: bool = False

    def __call__(self, work: Work) -> Coded | None:
        """Code the work's chunk; None when its levels do not fit."""
        if work.fine is None:
            return None
        if work.fine[1].top == 0:
            return work.start("constant", work.fine[1])
        if self.residual:
            return self._add_residual(work, *self.predict(work, work.fine))
        return self._encode(work, work.fine)[0]

    def predict(self, work: Work, fine: tuple[NDArray[Any], Values]) -> tuple[Coded, NDArray[Any]]:
        """The base alone, and the levels (T, C, Y, X) that a reader gets from it."""
        coded, base = self._encode(work, fine)
        bands, *plane = fine[0].shape[1:]
        planes = (coded.transform.planes(bands), plane[0], plane[1])
        decoded = base.decode(work.chunk.segments, planes)
        return coded, base_levels(decoded, coded.transform, base.layer.bits, bands, fine[1].top)

    def _encode(self, work: Work, fine: tuple[NDArray[Any], Values]) -> tuple[Coded, CodedPlanes]:
        """The base alone, and its layer."""
        values, settings = fine[1], work.chunk.settings
        segments = work.chunk.segments
        bits = base_depth(self.coder, settings.bits)
        step = max(self.step, finest_step(work, bits, plain=self.plain))
        projection = work.components(self.plain).drop(_VANISHED * distortion(step, self.qp, bits))
        samples, transform = projection.quantise(step, bits)
        if self.coder in jpeg2k.DEPTHS:
            coarse = quantiser_step(self.qp, bits)
            base = code_jpeg2k(samples, bits, segments, self.coder, coarse)
        else:
            options = self.structure.options(self.coder) + work.options(self.coder)
            spec = EncodeSpec(self.coder, bits, self.qp, settings.effort, options)
            base = self._code(samples, segments, spec)
        name = f"{self.coder} qp={self.qp}"
        name += " with key picture" if base.layer.key else ""
        coded = work.start(name, values, transform)
        return coded.add(base.layer, base.shared, base.streams), base

    def _code(
        self, samples: NDArray[Any], segments: Sequence[range], spec: EncodeSpec
    ) -> CodedPlanes:
        """The video of the samples."""
        if self.structure.key:
            try:
                return code_video(samples, segments, spec, key=True, trim=self.structure.trim)
            except VideoCodecError:
                # The key picture came out differently in two segments: each stands alone.
                pass
        return code_video(samples, segments, spec)

    def _add_residual(self, work: Work, coded: Coded, predicted: NDArray[Any]) -> Coded:
        """Add what is left after the prediction, in units of the residual's step."""
        if work.fine is None:
            return coded
        step, segments = work.residual_step, work.chunk.segments
        if self.coder in jpeg2k.DEPTHS:
            # What another decoder may add comes off the bound.
            step -= 2 * largest_drift(coded.transform, work.fine[0].shape[1])
            if step < 1:
                raise VideoCodecError(f"the bound is too tight for a base by {self.coder}")
        valid = np.broadcast_to(work.chunk.valid, predicted.shape)
        for block in blocks(predicted.shape):  # in place: few arrays of the chunk's size at a time
            distance = np.subtract(work.fine[0][block], predicted[block], dtype=np.int64)
            distance += step // 2
            distance //= step
            distance *= valid[block]
            predicted[block] = distance
        residual = code_residual(predicted, segments, step, work.chunk.settings.effort)
        if residual is None:
            return coded
        coded = replace(coded, name=f"{coded.name} + {residual.layer.coder}")
        return coded.add(residual.layer, residual.shared, residual.streams)


@dataclass(frozen=True)
class Exact:
    """The exact path, as one candidate among others."""

    def __call__(self, work: Work) -> Coded:
        """Code the work's chunk."""
        return code_exactly(work.chunk)


Candidate = Callable[[Work], Coded | None]


def largest_drift(transform: Transform, bands: int) -> int:
    """Levels by which two decoders of the 9/7 wavelet may differ, rounded up.

    It is computed in floating point: each sample may come out ``_DRIFT`` higher or lower.
    """
    weights = np.abs(transform.weights or (1,) * bands).reshape(bands, -1)
    largest = int(weights.sum(axis=1).max())
    return math.ceil(_DRIFT * transform.gain * largest / 2.0**transform.shift)


def base_depth(coder: str, bits: int | None) -> int:
    """The sample depth of a lossy base: the deepest that the coder has, or the user's."""
    if coder in jpeg2k.DEPTHS:
        return max(jpeg2k.DEPTHS[coder])
    return bits or max(ffmpeg.available_depths(coder))


def least_quantiser(coder: str) -> int:
    """The finest quantiser of a lossy base: JPEG 2000 has finer ones than HEVC's scale."""
    return -24 if coder in jpeg2k.DEPTHS else 0


def finest_step(work: Work, bits: int, *, plain: bool = False) -> float:
    """The smallest step, in levels, at which all components fit ``bits`` bits."""
    projections = [work.components(plain)]
    if work.whole is not None and work.whole.fine is not None:
        projections.append(work.whole.components(plain))
    return max(max(p.span for p in projections) / float(2**bits - 1), 2.0**-7)


def distortion(step: float, qp: int, bits: int) -> float:
    """Mean square error in levels that HEVC's quantiser makes: its step squared over 12.

    The quantiser step is ``2 ** ((qp - 4) / 6)`` at 8 bits (H.265, 8.6.2).
    """
    return float((step * quantiser_step(qp, bits)) ** 2 / 12)


def quantiser_step(qp: float, bits: int) -> float:
    """HEVC's quantiser step in samples of ``bits`` bits."""
    return float(2.0 ** ((qp - 4) / 6 + bits - 8))


def quantiser_for(step: float, sample_step: float, bits: int) -> float:
    """The (fractional) quantiser of a step in levels, for samples ``sample_step`` levels apart."""
    return 4 + 6 * math.log2(step / sample_step / 2.0 ** (bits - 8))
