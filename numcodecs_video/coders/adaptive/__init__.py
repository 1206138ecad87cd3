"""An adaptive coder of levels in (t, c, y, x): prediction, mixing of odds, and a range coder.

Knows what its two kinds of bytes hold: ``shared``, which every segment needs, and one stream a
segment. ``kernel.c`` does the work; ``docs/adaptive_format.md`` specifies all of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.coders.adaptive.kernel import Kernel, KernelError, borrow_kernel
from numcodecs_video.coders.adaptive.weights import read_weights, write_weights
from numcodecs_video.errors import DecodeError, VideoCodecError
from numcodecs_video.format.varint import append_varint, read_varint
from numcodecs_video.progress import tick

__all__ = ["LARGEST_TOP", "Model", "decode", "encode"]

#: the highest level: single precision counts no further
LARGEST_TOP = 2**24
_FEATURES, _GROUPS = 24, 2
_NUMBERS, _CLASSES, _QUICK, _EXPRESS = 0, 1, 2, 3
#: the first byte of ``shared``: bits, and between them how finely weights are stored
_CLASSES_BIT, _BESIDE_BIT, _QUICK_BIT, _EXPRESS_BIT = 1, 2, 64, 128
_PRECISION_SHIFT, _PRECISION_MASK = 2, 15
#: the bits of a weight's fraction in the kernel
_FINEST = 12
#: bits of a stored weight's fraction, by the least cells of a band that pay for so many
_PRECISIONS = ((150_000, 10), (50_000, 9), (0, 8))
#: cells of a frame, all bands: the kernel's memory holds some 60 bytes of each
_LARGEST_FRAME = 2**25
#: the highest class, and the highest level of the express model
_LARGEST_SHORT = 2**16 - 1
#: least squares see about so many cells a band: more tell no more; for the express model of all
#: bands, some of each, and of the first frames of segments, at least some
_SURVEYED, _LEAST_SURVEYED, _LEAST_FRAMES = 30_000, 4_000, 6
#: the effort from which the encoder looks at all of them
_THOROUGH = 8
#: cells that tell whether they are numbers or classes
_SAMPLED, _SAMPLED_FRAMES = 65_536, 8

#: cells that are given to the kernel at once, where a frame has fewer
_TOGETHER = 2**15

#: where cells are like their neighbours, the whole model is worth its time if it is so much smaller
_FAR_SMALLER = {_QUICK: 0.9, _EXPRESS: 0.6}
#: beside the express model only where so many changes are of more than one level; classes, too
_JUMPS = 0.5

Levels = NDArray[np.unsignedinteger]
#: models of numbers
Model = Literal["whole", "quick", "express"]
_MODES: dict[Model, int] = {"whole": _NUMBERS, "quick": _QUICK, "express": _EXPRESS}
_BITS = {_NUMBERS: 0, _CLASSES: _CLASSES_BIT, _QUICK: _QUICK_BIT, _EXPRESS: _EXPRESS_BIT}


def encode(
    samples: Levels,
    segments: Sequence[int],
    *,
    top: int,
    valid: NDArray[np.bool_] | None = None,
    beside: Levels | None = None,
    effort: int = 5,
    model: Model = "whole",
) -> tuple[bytes, list[bytes]]:
    """Encode levels without loss.

    Parameters
    ----------
    samples : unsigned integer array, shape (T, C, Y, X)
        Levels of 0 to ``top``.
    segments : sequence of int
        Frames of each segment; they sum to T. A segment decodes without the others.
    top : int
        The highest level, at most ``LARGEST_TOP``.
    valid : bool array, shape (T, C, Y, X), optional
        Cells that are False cost nothing and come back as 0.
    beside : unsigned integer array, shape (T, C, Y, X), optional
        What the decoder knows of the same cells, such as the picture whose residual this is.
    effort : int
        From 8, the weights are solved from all cells, and both models tried on all of them.
    model : str
        That of numbers: ``"whole"``, ``"quick"``, about twice as fast and 2 to 10 % larger in the
        mean, or ``"express"``, another three times as fast and 3 to 10 % larger again. Where cells
        are like their neighbours, and these are far larger, by the whole one all the same.

    Returns
    -------
    shared : bytes
        What every segment needs.
    streams : list of bytes
        One a segment.

    Examples
    --------
    >>> import numpy as np
    >>> levels = np.arange(2 * 1 * 4 * 4, dtype="u1").reshape(2, 1, 4, 4)
    >>> shared, streams = encode(levels, [1, 1], top=31)
    >>> np.array_equal(decode(shared, streams[1], (1, 1, 4, 4), top=31), levels[1:])
    True
    """
    _check(samples.shape, top)
    if sum(segments) != len(samples) or min(segments, default=1) < 1:
        raise ValueError(f"segments must sum to {len(samples)} frames, got {list(segments)}")
    for name, other in (("valid", valid), ("beside", beside)):
        if other is not None and other.shape != samples.shape:
            raise ValueError(f"{name} must be of shape {samples.shape}, got {other.shape}")
    thorough = effort >= _THOROUGH
    try:
        with borrow_kernel() as kernel:
            work = _Encoder(kernel, samples, segments, top, valid, beside, thorough)
            mode = _MODES[model]
            if mode == _EXPRESS and top > _LARGEST_SHORT:
                mode = _QUICK
            if work.may_be_classes() and (mode != _EXPRESS or work.jumps()):
                sample = work if thorough else work.sample()
                found = {each: sample.run(each) for each in {mode, _CLASSES, _NUMBERS}}
                # Of the streams alone: what they share weighs less in the whole array.
                sizes = {each: sum(map(len, streams)) for each, (_, streams) in found.items()}
                if mode != _NUMBERS and sizes[_NUMBERS] < _FAR_SMALLER[mode] * sizes[mode]:
                    mode = _NUMBERS
                worth = _FAR_SMALLER[mode] if mode == _EXPRESS else 1
                mode = mode if worth * sizes[mode] <= sizes[_CLASSES] else _CLASSES
                if sample is work:
                    return found[mode]
            return work.run(mode)
    except KernelError as error:
        raise VideoCodecError(f"frames of shape {samples.shape[1:]} are too large") from error


def decode(
    shared: bytes,
    stream: bytes,
    shape: tuple[int, int, int, int],
    *,
    top: int,
    valid: NDArray[np.bool_] | None = None,
    beside: Levels | None = None,
) -> Levels:
    """Decode a segment.

    Parameters
    ----------
    shared, stream : bytes
        From `encode`: what all segments share, and the segment's own.
    shape : tuple of int
        (T, C, Y, X) of the segment.
    top, valid, beside
        As they were when encoding, for these frames.

    Returns
    -------
    unsigned integer array of ``shape``

    Raises
    ------
    DecodeError
        The bytes are damaged.
    """
    try:
        _check(shape, top)
    except VideoCodecError as error:
        raise DecodeError(f"the adaptive coder's stream is damaged: {error}") from error
    if not shared or bool(shared[0] & _BESIDE_BIT) != (beside is not None):
        raise DecodeError("the adaptive coder's shared bytes are damaged")
    flags = shared[0]
    precision = flags >> _PRECISION_SHIFT & _PRECISION_MASK
    if flags & _CLASSES_BIT:
        mode = _CLASSES
        damaged = top > _LARGEST_SHORT or len(shared) > 1 or flags & ~_BESIDE_BIT != _CLASSES_BIT
    else:
        mode = _EXPRESS if flags & _EXPRESS_BIT else _QUICK if flags & _QUICK_BIT else _NUMBERS
        damaged = precision > _FINEST
        if mode == _EXPRESS:
            damaged |= bool(flags & _QUICK_BIT) or top > _LARGEST_SHORT
    if damaged:
        raise DecodeError("the adaptive coder's shared bytes are damaged")
    frames, bands = shape[:2]
    sources, body = _read_sources(stream, frames)
    levels = np.zeros(shape, _dtype_of(top))
    if not levels.size:
        return levels
    try:
        with borrow_kernel(cells=levels.size) as kernel:
            together = _together(shape)
            places = _set_up(kernel, shape, mode, top, beside, len(body), together, decodes=True)
            if mode != _CLASSES:
                weights = read_weights(shared[1:], bands * _GROUPS, _FEATURES)
                _set_weights(kernel, weights << (_FINEST - precision))
            kernel.view(kernel.stream_at_(), len(body), "u1")[:] = np.frombuffer(body, "u1")
            kernel.begin(1)
            for part in _groups(range(frames), sources, together):
                some = levels[part]
                _put(kernel, places, None, _part(valid, part), _part(beside, part), some.size)
                if not kernel.code_frames(len(some)):
                    raise DecodeError("the adaptive coder's stream ends early")
                found = kernel.view(places.samples, some.size, "<i4")
                levels[part] = found.reshape(some.shape)
                _tell(some)
            for t, source in sources.items():
                mask = True if valid is None else valid[t]
                levels[t] = np.where(mask, levels[source], 0)
            if kernel.stream_used() != len(body) + 3:
                raise DecodeError("the adaptive coder's stream is damaged")
    except KernelError as error:
        raise DecodeError(f"the adaptive coder's stream is damaged: {error}") from error
    return levels


def _check(shape: tuple[int, ...], top: int) -> None:
    if len(shape) != 4 or min(shape) < 0:
        raise ValueError(f"shape must be of (t, c, y, x), got {shape}")
    if not 0 <= top <= LARGEST_TOP:
        raise ValueError(f"top must be of 0 to {LARGEST_TOP}, got {top}")
    cells = shape[1] * shape[2] * shape[3]
    if cells > _LARGEST_FRAME:
        raise VideoCodecError(f"a frame must have at most {_LARGEST_FRAME} cells, got {cells}")


def _dtype_of(top: int) -> np.dtype[np.unsignedinteger]:
    return np.dtype(np.uint8 if top < 2**8 else np.uint16 if top < 2**16 else np.uint32)


class _Places(NamedTuple):
    """Where a frame, its mask and what is beside it lie in the kernel until it is set up anew."""

    samples: int
    valid: int
    beside: int


def _set_up(
    kernel: Kernel,
    shape: tuple[int, ...],
    mode: int,
    top: int,
    beside: Levels | None,
    stream_bytes: int,
    together: int,
    *,
    decodes: bool,
) -> _Places:
    given = beside is not None
    if not kernel.setup(mode, *shape[1:], top, given, decodes, stream_bytes, together):
        raise KernelError("out of memory")
    return _Places(kernel.samples_at(), kernel.valid_at(), kernel.beside_at())


def _together(shape: tuple[int, ...]) -> int:
    """How many frames are given to the kernel at once: each call takes time of its own."""
    return max(1, min(shape[0], _TOGETHER // max(1, shape[1] * shape[2] * shape[3])))


def _groups(frames: range, sources: dict[int, int], together: int) -> Iterator[slice]:
    """Runs of so many frames at most that repeat no other; ``sources`` count from the first."""
    start = frames.start
    for t in [*(frames.start + source for source in sources), frames.stop]:
        for first in range(start, t, together):
            yield slice(first, min(first + together, t))
        start = t + 1


def _tell(frames: Levels) -> None:
    """Say of each frame that it is done."""
    for frame in frames:
        tick(frame.size)


def _part(array: NDArray[Any] | None, part: slice | tuple[slice, ...]) -> NDArray[Any] | None:
    return None if array is None else array[part]


def _set_weights(kernel: Kernel, weights: NDArray[np.int32]) -> None:
    for band, numbers in enumerate(weights.reshape(-1, _GROUPS * _FEATURES)):
        kernel.view(kernel.weights_at(), len(numbers), "<i4")[:] = numbers
        kernel.set_weights(band)


def _put(
    kernel: Kernel,
    places: _Places,
    frames: Levels | None,
    mask: NDArray[np.bool_] | None,
    beside: Levels | None,
    cells: int,
) -> None:
    """Give the kernel some frames, their masks and what is beside them."""
    if frames is not None:
        kernel.view(places.samples, cells, "<i4")[:] = frames.ravel()
    kernel.view(places.valid, cells, "u1")[:] = 1 if mask is None else mask.ravel()
    if beside is not None:
        kernel.view(places.beside, cells, "<i4")[:] = beside.ravel()


class _Encoder:
    """One array on its way into streams."""

    def __init__(
        self,
        kernel: Kernel,
        samples: Levels,
        segments: Sequence[int],
        top: int,
        valid: NDArray[np.bool_] | None,
        beside: Levels | None,
        thorough: bool,
    ) -> None:
        self.kernel = kernel
        self.samples = samples
        self.segments = segments
        self.top = top
        self.valid = valid
        self.beside = beside
        self.thorough = thorough
        self.together = _together(samples.shape)

    def frame(self, t: int) -> Levels:
        """Frame t, zero where it is not valid."""
        frame: Levels = self.samples[t]
        if self.valid is not None:
            frame = np.where(self.valid[t], frame, frame.dtype.type(0))
        return frame

    def sample(self) -> _Encoder:
        """A part of the first segment, as one segment; itself where that is all."""
        frames = min(self.segments[0], _SAMPLED_FRAMES)
        side = max(8, int((_SAMPLED / (frames * self.samples.shape[1])) ** 0.5))
        y, x = (max(0, (n - side) // 2) for n in self.samples.shape[2:])
        part = np.s_[:frames, :, y : y + side, x : x + side]
        valid, beside = _part(self.valid, part), _part(self.beside, part)
        samples = self.samples[part]
        if samples.shape == self.samples.shape:
            return self
        return _Encoder(self.kernel, samples, [frames], self.top, valid, beside, self.thorough)

    def may_be_classes(self) -> bool:
        """Whether most cells equal a neighbour, or there are few levels."""
        if self.top > _LARGEST_SHORT or not self.samples.size:
            return False
        part = self.sample().samples
        alike = np.zeros(part.shape, bool)
        for axis in (0, 2, 3):
            after, before = [slice(None)] * 4, [slice(None)] * 4
            after[axis], before[axis] = slice(1, None), slice(None, -1)
            alike[tuple(after)] |= part[tuple(after)] == part[tuple(before)]
        return self.top < 16 or float(alike.mean()) > 0.7

    def jumps(self) -> bool:
        """Whether most of what differs from its neighbour does so by more than one level."""
        part = self.sample().samples.astype(np.int32)
        changes = np.abs(np.diff(part, axis=3))
        return bool((changes > 1).sum() > _JUMPS * (changes > 0).sum())

    def run(self, mode: int) -> tuple[bytes, list[bytes]]:
        """Shared bytes and streams in a mode."""
        flags = _BITS[mode] | (self.beside is not None) * _BESIDE_BIT
        shared = bytes([flags])
        if not self.samples.size:
            return shared, [bytes(1) for _ in self.segments]
        self.places = _set_up(
            self.kernel,
            self.samples.shape,
            mode,
            self.top,
            self.beside,
            1 << 16,
            self.together,
            decodes=False,
        )
        spans, start = [], 0
        for count in self.segments:
            spans.append((start, self._repeats(start, count)))
            start += count
        if mode != _CLASSES:
            cells = self.samples[:, 0].size
            precision = next(bits for least, bits in _PRECISIONS if cells >= least)
            coarse = 1 << (_FINEST - precision)
            weights = (self._survey(spans, mode) + coarse // 2) // coarse
            _set_weights(self.kernel, weights * coarse)
            shared = bytes([flags | precision << _PRECISION_SHIFT]) + write_weights(list(weights))
        counts = self.segments
        return shared, [
            self._code(start, count, sources)
            for (start, sources), count in zip(spans, counts, strict=True)
        ]

    def _repeats(self, start: int, count: int) -> dict[int, int]:
        """For each frame of a segment that equals an earlier one, the first such."""
        seen: dict[int, list[int]] = {}
        sources = {}
        for t in range(count):
            frame = self.frame(start + t)
            alike = seen.setdefault(zlib.crc32(np.ascontiguousarray(frame).data), [])
            same = (s for s in alike if np.array_equal(self.frame(start + s), frame))
            source = next(same, None)
            if source is None:
                alike.append(t)
            else:
                sources[t] = source
        return sources

    def _give(self, part: slice) -> int:
        """Give the kernel some frames; returns how many."""
        some = self.samples[part]
        mask, beside = _part(self.valid, part), _part(self.beside, part)
        _put(self.kernel, self.places, some, mask, beside, some.size)
        return len(some)

    def _survey(self, spans: list[tuple[int, dict[int, int]]], mode: int) -> NDArray[np.int32]:
        """The weights of every band and group, by least squares of some of the cells, or all."""
        frames, bands, height, width = self.samples.shape
        cells, most = _SURVEYED, frames
        if mode == _EXPRESS:
            cells = max(_LEAST_SURVEYED, cells // bands)
            most = max(_LEAST_FRAMES, 8 * cells // (height * width * len(spans)))
            frames = sum(min(most, count) for count in self.segments)
        every = 1 if self.thorough else max(1, frames * height * width // cells)
        for (start, sources), count in zip(spans, self.segments, strict=True):
            self.kernel.begin(0)
            seen = range(start, start + min(most, count))
            sources = {t: source for t, source in sources.items() if t < len(seen)}
            for part in _groups(seen, sources, self.together):
                self.kernel.survey_frames(self._give(part), every)
        weights = np.zeros((bands, _GROUPS * _FEATURES), np.int32)
        for band in range(bands):
            self.kernel.solve(band)
            weights[band] = self.kernel.view(self.kernel.weights_at(), weights.shape[1], "<i4")
        return weights.reshape(-1, _FEATURES)

    def _code(self, start: int, count: int, sources: dict[int, int]) -> bytes:
        kernel = self.kernel
        kernel.begin(0)
        for part in _groups(range(start, start + count), sources, self.together):
            kernel.code_frames(self._give(part))
            _tell(self.samples[part])
        tick(len(sources) * self.samples[0].size)
        kernel.finish()
        body = kernel.view(kernel.stream_at_(), kernel.stream_used(), "u1").tobytes()
        return _write_sources(sources) + body


def _write_sources(sources: dict[int, int]) -> bytes:
    """How many frames repeat another, and for each the frames between and back to its source."""
    found, last = bytearray(), -1
    append_varint(found, len(sources))
    for t, source in sources.items():
        append_varint(found, t - last - 1)
        append_varint(found, t - source - 1)
        last = t
    return bytes(found)


def _read_sources(stream: bytes, frames: int) -> tuple[dict[int, int], bytes]:
    """The frames that repeat another with that one, and the stream behind."""
    damaged = "the adaptive coder's list of repeated frames is damaged"
    last, sources = -1, dict[int, int]()
    try:
        count, at = read_varint(stream, 0)
        for _ in range(min(count, frames)):
            between, at = read_varint(stream, at)
            back, at = read_varint(stream, at)
            last += between + 1
            if last >= frames or last - back - 1 < 0:
                raise DecodeError(damaged)
            sources[last] = last - back - 1
    except DecodeError as error:
        raise DecodeError(damaged) from error
    if count > frames:
        raise DecodeError(damaged)
    return sources, stream[at:]
