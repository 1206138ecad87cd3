"""What can be tried on a chunk: each candidate is one way to encode it, made only when called.

A candidate promises nothing: what it made is decoded and verified before it is believed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.coders import (
    Coder,
    EncodedPlanes,
    EncodeSpec,
    Structure,
    find_coder,
    quantiser_step,
    sample_dtype,
)
from numcodecs_video.coders.structure import USUAL
from numcodecs_video.decode.chunk import base_levels, known_of_base
from numcodecs_video.encode.chunk import Chunk
from numcodecs_video.encode.encoded import EncodedChunk
from numcodecs_video.encode.exact import encode_exactly
from numcodecs_video.encode.layers import (
    decode_planes,
    encode_lossless,
    encode_residual,
    estimate_residual,
)
from numcodecs_video.encode.levels import ChunkLevels
from numcodecs_video.errors import DecodeError, VideoCodecError
from numcodecs_video.format.header import BIAS_BITS, Layer, Transform
from numcodecs_video.progress import ENCODING, trying
from numcodecs_video.transform.cube import (
    blocks,
    frames_per_segment,
    grouped_segments,
    ungroup_frames,
)
from numcodecs_video.transform.levels import Levels

__all__ = [
    "MOST_QP",
    "Base",
    "Candidate",
    "Direct",
    "Exact",
    "SplitFloats",
    "allows_base",
    "base_coder",
    "base_depth",
    "direct_candidates",
    "encode_candidate",
    "finest_step",
    "least_step",
    "most_grouped",
    "possible_groups",
    "quantiser_for",
    "split_candidates",
    "usual_structure",
]

#: components with a variance below this part of the base's distortion are left out
_VANISHED = 0.05
#: planes of a picture that are many
_MANY_PLANES = 5
#: samples by which decoders of the 9/7 wavelet may differ: OpenJPEG and OpenJPH do by 2 at most
_DRIFT = 2
MOST_QP = 51
#: how many times coarser the step of a component may be than those of the others of a group
_COARSEST = 4
#: bands of all frames of a picture
_MOST_GROUPED = 32
_T = TypeVar("_T")


@dataclass(frozen=True)
class Direct:
    """Levels one step apart as the planes of a lossless coder.

    Parameters
    ----------
    coder : str
        Its name.
    delta : bool
        Encode differences in time.
    """

    coder: str
    delta: bool = False

    def __call__(self, levels: ChunkLevels) -> EncodedChunk | None:
        """Encode the chunk; None when its levels do not fit the coder."""
        direct = levels.direct
        if direct is None:
            return None
        name = f"{self.coder} of differences" if self.delta else f"{self.coder} lossless"
        if direct.constant:
            return levels.start("constant", direct)
        depths = self._depths(levels.chunk.settings.bits)
        if not depths:
            return None
        planes, bits, parts = _split_levels(direct, depths)
        if self.delta and parts > 1:
            return None
        encoded = encode_lossless(
            self.coder,
            planes,
            bits,
            levels.chunk.segments,
            levels.chunk.effort,
            delta=self.delta,
            raw_options=levels.raw_options(self.coder),
            known=known_of_base(
                Layer("base", self.coder), Transform(parts=parts), levels.known_valid
            ),
        )
        start = levels.start(name, direct, Transform(parts=parts))
        return start.add(encoded.layer, encoded.shared, encoded.streams)

    def _depths(self, bits: int | None) -> list[int]:
        """The sample depths to choose from; the user's is for video."""
        coder = find_coder(self.coder)
        depths = coder.available_depths()
        return [bits] if bits in depths and not coder.contextual else depths


def _split_levels(levels: Levels, depths: list[int]) -> tuple[NDArray[Any], int, int]:
    """Planes (T, parts * C, Y, X), their depth, and the number of parts of each level."""
    needed = levels.top.bit_length()
    bits = min((d for d in depths if d >= needed), default=max(depths))
    parts, dtype = -(-needed // bits), sample_dtype(bits)
    planes = [(levels.array >> (bits * i) & (2**bits - 1)).astype(dtype) for i in range(parts)]
    return np.concatenate(planes, axis=1), bits, parts


@dataclass(frozen=True)
class SplitFloats:
    """Floats without loss: their high bits as pictures, the noisy low ones apart.

    Parameters
    ----------
    low : int
        How many bits are low, at most 16.
    """

    low: int

    def __call__(self, levels: ChunkLevels) -> EncodedChunk | None:
        """Encode the chunk; None when its floats have more than 16 high bits."""
        ordered = levels.ordered
        if ordered is None or ordered.top >> self.low >= 2**16:
            return None
        segments, effort = levels.chunk.segments, levels.chunk.effort
        bits = 8 if ordered.top >> self.low < 2**8 else 16
        high = (ordered.array >> self.low).astype(sample_dtype(bits))
        known = known_of_base(Layer("base", "adaptive"), Transform(), levels.known_valid)
        encoded = encode_lossless("adaptive", high, bits, segments, effort, known=known)
        gain = 1 << self.low + BIAS_BITS
        transform = Transform("linear", 1, gain, BIAS_BITS, (), (0,) * high.shape[1])
        start = levels.start(f"adaptive + {self.low} bits by zstd", ordered, transform)
        start = start.add(encoded.layer, encoded.shared, encoded.streams)
        if not self.low:
            return start
        bits = 8 if self.low <= 8 else 16
        rest = (ordered.array & (1 << self.low) - 1).astype(sample_dtype(bits))
        encoded = encode_lossless("zstd", rest, bits, segments, effort)
        layer = replace(encoded.layer, kind="residual")
        return start.add(layer, encoded.shared, encoded.streams)


@dataclass(frozen=True)
class Base:
    """A lossy video of the components, and the residual that makes a bound exact.

    Parameters
    ----------
    coder : str
        A lossy coder's name.
    qp : int
        Its quantiser; on HEVC's scale for the coders that have none of their own.
    step : float
        Step of the samples in levels; 0 is the finest at which all fit the depth.
    residual : bool
        Add the residual layer.
    structure : Structure
        Of how many frames its pictures are, and how they depend on each other.
    without_klt : bool
        Encode the bands as they are, whatever basis there is.
    """

    coder: str
    qp: int
    step: float = 0.0
    residual: bool = True
    structure: Structure = USUAL
    without_klt: bool = False

    def __call__(self, levels: ChunkLevels) -> EncodedChunk | None:
        """Encode the chunk; None when its levels do not fit."""
        fine = levels.fine
        if fine is None:
            return None
        if fine.constant:
            return levels.start("constant", fine)
        if self.residual:
            return self._add_residual(levels, fine, *self.predict(levels, fine))
        return self._encode(levels, fine)[0]

    def predict(self, levels: ChunkLevels, fine: Levels) -> tuple[EncodedChunk, NDArray[Any]]:
        """The base alone, and the levels (T, C, Y, X) that a reader gets from it."""
        encoded, base = self._encode(levels, fine)
        bands, height, width = fine.array.shape[1:]
        segments, group = levels.chunk.segments, self.structure.group
        planes = (encoded.transform.planes(bands), height, width)
        samples = decode_planes(base, grouped_segments(segments, group), planes)
        found = base_levels(samples, encoded.transform, base.layer.bits, bands, fine.top)
        return encoded, ungroup_frames(found, segments, group)

    def _encode(self, levels: ChunkLevels, fine: Levels) -> tuple[EncodedChunk, EncodedPlanes]:
        """The base alone, and its layer."""
        coder, chunk = find_coder(self.coder), levels.chunk
        bits = base_depth(coder, chunk.settings.bits)
        group, without = self.structure.group, self.without_klt
        step = finest_step(levels, bits, without_klt=without, group=group)
        if self.step:
            step = max(self.step, least_step(step, group))
        components = levels.components(without_klt=without, group=group)
        components = components.drop(_VANISHED * distortion(step, self.qp, bits))
        components = components.fit(step * (2**bits - 1) * (1 + 1e-9))
        samples, transform = components.quantise(step, bits)
        if group > 1:
            transform = replace(transform, kind="grouped", frames=group)
        # Of many planes more time gains more; beside a residual this is not most of the time.
        light = not self.residual and samples.shape[1] < _MANY_PLANES
        spec = EncodeSpec(
            bits,
            self.qp,
            chunk.effort.options(self.coder, lossy=True, light=light),
            levels.raw_options(self.coder),
            self.structure,
        )
        segments = grouped_segments(chunk.segments, group)
        base = _encode_lossy(coder, samples, segments, spec)
        name = f"{self.coder} qp={self.qp}"
        name += f" of {group} frames a picture" if group > 1 else ""
        name += " with key picture" if base.layer.key else ""
        encoded = levels.start(name, fine, transform)
        return encoded.add(base.layer, base.shared, base.streams), base

    def estimate(self, levels: ChunkLevels) -> tuple[EncodedChunk, float] | None:
        """The base alone, and about how many bytes its residual takes; None without levels."""
        fine = levels.fine
        if fine is None or fine.constant:
            return None
        encoded, predicted = self.predict(levels, fine)
        step = self._residual_step(levels, encoded, fine)
        return encoded, estimate_residual(self._residual(levels, fine, predicted, step))

    def _add_residual(
        self, levels: ChunkLevels, fine: Levels, encoded: EncodedChunk, predicted: NDArray[Any]
    ) -> EncodedChunk:
        """Add what is left after the prediction, in units of the residual's step."""
        chunk = levels.chunk
        step = self._residual_step(levels, encoded, fine)
        residual = self._residual(levels, fine, predicted, step)
        # A reader whose decoder rounds otherwise has another picture.
        picture = predicted if find_coder(self.coder).exact_decoder else None
        layer = encode_residual(
            residual, chunk.segments, step, chunk.effort, levels.known_valid, picture
        )
        if layer is None:
            return encoded
        encoded = replace(encoded, name=f"{encoded.name} + {layer.layer.coder}")
        return encoded.add(layer.layer, layer.shared, layer.streams)

    def _residual_step(self, levels: ChunkLevels, encoded: EncodedChunk, fine: Levels) -> int:
        """Levels that one unit of the residual stands for."""
        step = levels.residual_step
        if not find_coder(self.coder).exact_decoder:
            # What another decoder may add comes off the bound.
            bands = fine.array.shape[1] * encoded.transform.frames
            step -= 2 * largest_drift(encoded.transform, bands)
            if step < 1:
                raise VideoCodecError(f"the bound is too tight for a base by {self.coder}")
        return step

    @staticmethod
    def _residual(
        levels: ChunkLevels, fine: Levels, predicted: NDArray[Any], step: int
    ) -> NDArray[Any]:
        """What is left after the prediction, in units of the step; zero in missing cells."""
        valid = np.broadcast_to(levels.chunk.valid, predicted.shape)
        residual = np.empty(predicted.shape, predicted.dtype)
        for block in blocks(predicted.shape):
            distance = np.subtract(fine.array[block], predicted[block], dtype=np.int64)
            distance += (step - 1) // 2
            distance //= step
            distance *= valid[block]
            residual[block] = distance
        return residual


def _encode_lossy(
    coder: Coder, samples: NDArray[Any], segments: tuple[range, ...], spec: EncodeSpec
) -> EncodedPlanes:
    if spec.structure.key:
        try:
            return coder.encode(samples, segments, spec)
        except VideoCodecError:
            # The key picture came out differently in two segments: each stands alone.
            spec = replace(spec, structure=replace(spec.structure, key=False))
    return coder.encode(samples, segments, spec)


@dataclass(frozen=True)
class Exact:
    """The exact path, as one candidate among others."""

    def __call__(self, levels: ChunkLevels) -> EncodedChunk:
        """Encode the chunk."""
        return encode_exactly(levels.chunk)


Candidate = Callable[[ChunkLevels], EncodedChunk | None]


def encode_candidate(candidate: Callable[[ChunkLevels], _T], levels: ChunkLevels) -> _T | None:
    """Make a candidate, or its estimate; None when its coder fails at it.

    A failure with raw options is the user's to know of, so that one is raised.
    """
    try:
        return candidate(levels)
    except VideoCodecError:
        if levels.chunk.settings.options:
            raise
    except DecodeError:
        pass
    return None


def passes_of(candidate: Candidate) -> int:
    """How often a candidate passes over its cells at most: once, or as a base with a residual."""
    return ENCODING if isinstance(candidate, Base) else 1


def make_each(
    candidates: Iterable[Candidate],
    levels: ChunkLevels,
    made: Mapping[Candidate, EncodedChunk] | None = None,
) -> Iterator[EncodedChunk]:
    """Make candidates of a chunk, each when it is asked for, but for those that fail.

    Parameters
    ----------
    candidates : iterable of Candidate
    levels : ChunkLevels
    made : mapping, optional
        Those that are made already.
    """
    for each in candidates:
        with trying(levels.chunk.cube.size, passes_of(each)):
            encoded = (made or {}).get(each) or encode_candidate(each, levels)
        if encoded is not None:
            yield encoded


def direct_candidates(levels: ChunkLevels) -> list[Candidate]:
    """The coders without a base that the settings allow."""
    codec, effort = levels.chunk.settings.codec, levels.chunk.effort
    if levels.chunk.tiny:
        return [Direct("adaptive"), Direct("zstd")]
    if codec != "auto":
        deltas = effort.deltas and find_coder(codec).predicts_in_time
        return [Direct(codec), Direct(codec, delta=True)] if deltas else [Direct(codec)]
    if not effort.direct_others:
        return [Direct("adaptive")]
    found: list[Candidate] = [Direct("adaptive")]
    found += [Direct(coder, delta=delta) for coder in ("jpegxl", "ffv1") for delta in (False, True)]
    if levels.direct is not None and levels.direct.top < 2**12:
        found.append(Direct("hevc"))
    return found


def split_candidates(levels: ChunkLevels) -> list[SplitFloats]:
    """Floats without loss in two parts: from the fewest low bits that leave pictures of 16 bits on.

    None for other work, where they are no use: at low efforts, and where levels are pictures.
    """
    settings, direct = levels.chunk.settings, levels.direct
    if levels.bound or settings.codec != "auto" or not levels.chunk.effort.splits:
        return []
    if levels.chunk.tiny:
        return []
    if direct is not None and direct.table is None and direct.top < 2**16:
        return []
    if not levels.is_float or levels.ordered is None:
        return []
    return [SplitFloats(low) for low in range(max(0, levels.ordered.top.bit_length() - 16), 17)]


def base_coder(chunk: Chunk) -> Coder:
    """The coder of bases: the user's, or HEVC."""
    codec = chunk.settings.codec
    return find_coder("hevc" if codec == "auto" else codec)


def allows_base(levels: ChunkLevels) -> bool:
    """Whether the coder is lossy, is here, and decodes to the same bits wherever that matters."""
    coder, bits = base_coder(levels.chunk), levels.chunk.settings.bits
    depths = coder.available_depths()
    if levels.chunk.tiny or not coder.lossy or not depths or bits not in (None, *depths):
        return False
    return coder.exact_decoder or not levels.exact


def possible_groups(levels: ChunkLevels) -> list[int]:
    """How many frames may be one picture: half a segment, all of it, a quarter, an eighth.

    Where all of these are too many, such parts of a segment of the usual length.
    """
    known = levels.fine is not None and levels.fine.values.kind in ("integer", "real")
    if not known:
        return []
    frames, most = len(levels.chunk.segments[0]), most_grouped(levels.chunk)
    for length in (frames, frames_per_segment(frames, None)):
        sizes = dict.fromkeys(-(-length // part) for part in (2, 1, 4, 8))
        found = [size for size in sizes if 1 < size <= most]
        if found:
            return found
    return []


def most_grouped(chunk: Chunk) -> int:
    """Frames that may be one picture at most; one where the settings say how bands are mixed."""
    if chunk.settings.pca != "auto":
        return 1
    bands: int = chunk.cube.shape[1]
    return max(1, min(len(chunk.segments[0]), _MOST_GROUPED // bands))


def usual_structure(chunk: Chunk) -> Structure:
    """With a key picture where segments could share one."""
    return Structure(key=len(chunk.segments) > 1 and base_coder(chunk).key_picture)


def largest_drift(transform: Transform, bands: int) -> int:
    """Levels by which two decoders of the 9/7 wavelet may differ, rounded up.

    It is computed in floating point: each sample may come out ``_DRIFT`` higher or lower.
    """
    weights = np.abs(transform.weights or (1,) * bands).reshape(bands, -1)
    largest = int(weights.sum(axis=1).max())
    return math.ceil(_DRIFT * transform.gain * largest / 2.0**transform.shift)


def base_depth(coder: Coder, bits: int | None) -> int:
    """The sample depth of a lossy base: the user's, or the deepest that the coder has."""
    return bits or max(coder.available_depths())


def finest_step(
    levels: ChunkLevels, bits: int, *, without_klt: bool = False, group: int = 1
) -> float:
    """The smallest step, in levels, at which all components fit ``bits`` bits."""
    span = levels.span(without_klt=without_klt, group=group)
    if levels.whole is not None and levels.whole.fine is not None:
        span = max(span, levels.whole.span(without_klt=without_klt, group=group))
    return max(span / float(2**bits - 1), 2.0**-7)


def least_step(finest: float, group: int) -> float:
    """The smallest step at which all but the largest components of a group fit.

    These have coarser steps of their own: a mean over time has many times the range of what is left
    of the frames.
    """
    return finest / _COARSEST if group > 1 else finest


def distortion(step: float, qp: int, bits: int) -> float:
    """Mean square error in levels that a quantiser makes: its step squared over 12."""
    return float((step * quantiser_step(qp, bits)) ** 2 / 12)


def quantiser_for(step: float, sample_step: float, bits: int) -> float:
    """The (fractional) quantiser of a step in levels, for samples ``sample_step`` levels apart."""
    return 4 + 6 * math.log2(step / sample_step / 2.0 ** (bits - 8))
