"""A payload back to its array: the mirror of the pipeline's steps, segment by segment.

Needs the payload alone, no settings, and no encoder.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.coders import (
    NOTHING,
    Known,
    find_coder,
    find_value_coder,
    sample_dtype,
)
from numcodecs_video.coders.zstd import decompress
from numcodecs_video.errors import DecodeError
from numcodecs_video.format.header import BIAS_BITS, Header, Layer, Transform
from numcodecs_video.format.payload import PREFIX_SIZE, header_size, parse_header, split_section
from numcodecs_video.threads import run_each
from numcodecs_video.transform.cube import blocks, from_cube
from numcodecs_video.transform.levels import level_dtype, to_values
from numcodecs_video.transform.missing import restore_missing, unpack_classes
from numcodecs_video.transform.products import multiply

__all__ = [
    "base_levels",
    "decode_chunk",
    "decode_cube",
    "decode_samples",
    "decode_segment",
    "known_of_base",
    "known_of_residual",
    "samples_to_levels",
]


#: in which a residual is told of its base: parts of one of its steps
_PARTS_OF_STEP = 8


def decode_chunk(data: bytes | memoryview, header: Header | None = None) -> NDArray[Any]:
    """Decode a whole payload.

    Parameters
    ----------
    data : bytes or memoryview
    header : Header, optional
        Its header, where it has been parsed already.

    Returns
    -------
    ndarray
        Shape, dtype with byte order, and memory order of the chunk that was encoded.

    Raises
    ------
    DecodeError
        When the bytes are no payload, are damaged, or do not hold what they declare.
    """
    if header is None:
        header = parse_header(bytes(data[: header_size(bytes(data[:PREFIX_SIZE]))]))
    if len(data) != header.payload_size:
        raise DecodeError(f"the payload has {len(data)} bytes instead of {header.payload_size}")
    cube = decode_cube(header, lambda index: bytes(data[slice(*header.section_range(index))]))
    return restore_layout(cube, header)


def decode_cube(
    header: Header, section: Callable[[int], bytes], segments: Sequence[int] | None = None
) -> NDArray[Any]:
    """Decode a cube, or some segments of it, in as many threads as one chunk may use.

    Parameters
    ----------
    header : Header
    section : callable
        The bytes of a section by its number: the shared one is 0, that of segment ``s`` is
        ``1 + s``.
    segments : sequence of int, optional
        All of them by default.

    Returns
    -------
    ndarray, shape (T, C, Y, X)
        Frames of other segments hold anything, and take no memory where the system maps pages when
        they are written.

    Raises
    ------
    DecodeError
        When sections do not hold what the header declares, or there is no memory for it.
    """
    try:
        # What a caller made of floating-point faults is no matter of a decode.
        with np.errstate(all="ignore"):
            return _decode_cube(header, section, segments)
    except MemoryError as error:
        raise DecodeError(
            f"there is no memory for a chunk of shape {header.shape} and dtype {header.dtype}"
        ) from error


def _decode_cube(
    header: Header, section: Callable[[int], bytes], segments: Sequence[int] | None
) -> NDArray[Any]:
    dtype = np.dtype(header.dtype)
    if not header.layers and header.nbytes:
        level = np.zeros((1, 1, 1, 1), np.int64)
        value = to_values(level, header.values, dtype, _table(header, (), dtype))
        return np.full(header.cube_shape, value, dtype)
    out = np.empty(header.cube_shape, dtype)
    if not out.size:
        return out
    shared = split_section(header, 0, section(0))

    def decode(segment: int) -> None:
        layers = split_section(header, segment + 1, section(segment + 1))
        frames = header.frames_of(segment)
        order = list(header.frame_order[frames.start : frames.stop])
        if order:
            out[order] = decode_segment(header, shared, layers, segment)
        else:
            decode_segment(header, shared, layers, segment, out[frames.start : frames.stop])

    run_each(decode, range(header.segments) if segments is None else segments)
    return out


def restore_layout(cube: NDArray[Any], header: Header) -> NDArray[Any]:
    """Give a decoded cube the chunk's shape, axes and memory order."""
    if not header.axes:
        return cube.reshape(header.shape, order=header.order)
    array = from_cube(cube, header.shape, header.axes)
    return np.asarray(array, order=header.order)


def decode_segment(
    header: Header,
    shared: Sequence[bytes],
    layers: Sequence[bytes],
    segment: int,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Decode one segment.

    Parameters
    ----------
    header : Header
    shared, layers : sequence of bytes
        The layers of the shared section and of the segment's own, in the header's order.
    segment : int
        Its number.
    out : ndarray, shape (frames, C, Y, X), optional
        Where to put the values, in the chunk's dtype.

    Returns
    -------
    ndarray, shape (frames, C, Y, X)
        Values in the chunk's dtype, missing cells restored.
    """
    shape = (len(header.frames_of(segment)), *header.cube_shape[1:])
    values = np.empty(shape, np.dtype(header.dtype)) if out is None else out
    exact = header.layer_index("exact")
    if exact is not None:
        values[...] = _decode_exact(header.layers[exact], layers[exact], shape, values.dtype)
        return values
    index, classes, valid = header.layer_index("missing"), None, None
    if header.missing is not None and index is not None:
        bands = 1 if header.missing.shared else shape[1]
        classes = _decode_map(header, shared[index], layers[index], (shape[0], bands, *shape[2:]))
        hidden = len(header.missing.patterns) - header.missing.values
        valid = np.broadcast_to((classes == 0) | (classes > hidden), shape)
    _decode_values(header, shared, layers, valid, values)
    if header.missing is not None and classes is not None:
        restore_missing(values, classes, header.missing.patterns)
    return values


def _table(header: Header, shared: Sequence[bytes], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """The table of values, None when the header's values need none."""
    if header.values.kind != "table":
        return None
    index = header.layer_index("table")
    if index is None or header.values.top >= 2**16:
        raise DecodeError("the payload lacks the table of its values")
    coder = find_value_coder(header.layers[index].coder)
    count, stored = header.values.top + 1, dtype.newbyteorder("<")
    return coder.decode_values(shared[index], count, stored).astype(dtype)


def _decode_map(
    header: Header, shared: bytes, data: bytes, shape: tuple[int, int, int, int]
) -> NDArray[np.uint8]:
    """The class map of a segment, (T, C, Y, X) or (T, 1, Y, X)."""
    layer = next(layer for layer in header.layers if layer.kind == "missing")
    count = 0 if header.missing is None else len(header.missing.patterns)
    if layer.coder == "zstd":
        before = _unpack_map(shared, (1, *shape[1:]), count, None)[0]
        return _unpack_map(data, shape, count, before)
    classes = find_coder(layer.coder).decode(replace(layer, bits=8), shared, data, shape)
    if classes.max(initial=0) > count:
        raise DecodeError("the map of missing cells names an unknown class")
    return classes


def _unpack_map(
    data: bytes, shape: tuple[int, int, int, int], count: int, before: NDArray[np.uint8] | None
) -> NDArray[np.uint8]:
    """A class map by differences in time, or the shared one (an empty stream: all valid)."""
    if before is None:
        before = np.zeros(shape[1:], np.uint8)
        if not data:
            return before[None]
    cells = math.prod(shape)
    packed = decompress(data, -(-cells // 8) if count == 1 else cells)
    return unpack_classes(packed, shape, count, before)


def _decode_exact(
    layer: Layer, data: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Values stored bit for bit in little-endian order."""
    stored = dtype.newbyteorder("<")
    values = find_value_coder(layer.coder).decode_values(data, math.prod(shape), stored)
    return values.reshape(shape).astype(dtype, copy=False)


def _decode_values(
    header: Header,
    shared: Sequence[bytes],
    layers: Sequence[bytes],
    valid: NDArray[np.bool_] | None,
    out: NDArray[Any],
) -> None:
    """Decode the base (levels are zero without one) and the residual of a segment into ``out``."""
    table = _table(header, shared, out.dtype)
    base = residual = picture = None
    frames, bands, height, width = out.shape
    transform, top = header.transform, header.values.top
    planes = (transform.groups(frames), transform.planes(bands), height, width)
    found = {layer.kind: number for number, layer in enumerate(header.layers)}
    if "base" in found:
        number = found["base"]
        layer = header.layers[number]
        known = known_of_base(layer, transform, valid)
        base = layer, decode_samples(layer, shared[number], layers[number], planes, known)
        if transform.frames > 1:
            picture = base_levels(base[1], transform, layer.bits, bands, top)[:frames]
    if "residual" in found:
        number = found["residual"]
        layer = header.layers[number]
        known = NOTHING
        if find_coder(layer.coder).contextual:
            beside = None
            if base is not None and find_coder(base[0].coder).exact_decoder:
                beside = picture
                if beside is None:
                    beside = base_levels(base[1], transform, base[0].bits, bands, top)
            known = known_of_residual(layer, valid, beside)
        residual = layer, decode_samples(layer, shared[number], layers[number], out.shape, known)
    if base is not None and residual is None and not transform.mixes:
        levels = _levels_of_samples(base[0], transform, bands)
        if levels.size < out.size:
            lookup = to_values(levels, header.values, out.dtype, table)
            _look_up(lookup, base[1], out)
            return
    for block in blocks(out.shape):
        part = out[block]
        if base is None:
            levels = np.zeros(part.shape, np.int64)
        elif picture is not None:
            levels = picture[block].astype(np.int64)
        else:
            levels = samples_to_levels(base[1][block], transform, base[0].bits, bands)
        if residual is not None:
            np.clip(levels, 0, top, out=levels)
            added = residual[1][block].astype(np.int64)
            added -= residual[0].offset
            added *= residual[0].step
            levels += added
        part[...] = to_values(levels, header.values, out.dtype, table)


def _levels_of_samples(layer: Layer, transform: Transform, bands: int) -> NDArray[np.int64]:
    """Levels (C, S) of each sample that the layer can hold, where every band is one plane."""
    every = np.arange(2**layer.bits).astype(sample_dtype(layer.bits))
    samples = np.broadcast_to(every[:, None], (1, bands, every.size, 1))
    return samples_to_levels(samples, transform, layer.bits, bands)[0, :, :, 0]


def _look_up(lookup: NDArray[Any], samples: NDArray[Any], out: NDArray[Any]) -> None:
    """Write the values (C, S) of samples (T, C, Y, X)."""
    for block in blocks((1, *out.shape[1:])):
        for t in range(len(out)):
            for c, of_band in enumerate(lookup):
                where = t, c, block[2]
                np.take(of_band, samples[where], out=out[where], mode="clip")


def base_levels(
    samples: NDArray[Any], transform: Transform, bits: int, bands: int, top: int
) -> NDArray[Any]:
    """Levels (T, C, Y, X), 0 to ``top``, that a reader gets from samples (T, P, Y, X).

    From samples of groups (G, P, Y, X) those of all their frames, one group after the other.
    """
    mixed = bands * transform.frames
    out = np.empty((len(samples), mixed, *samples.shape[2:]), level_dtype(top))
    for block in blocks(out.shape):
        levels = samples_to_levels(samples[block], transform, bits, mixed)
        out[block] = np.clip(levels, 0, top, out=levels)
    return out.reshape(-1, bands, *samples.shape[2:])


def known_of_base(layer: Layer, transform: Transform, valid: NDArray[np.bool_] | None) -> Known:
    """What a reader knows of the planes of a base: where bands are hidden, unless it mixes them.

    Parameters
    ----------
    layer : Layer
    transform : Transform
    valid : bool array, shape (T, C, Y, X), optional
    """
    mixed = transform.weights or transform.frames > 1
    if valid is None or mixed or not find_coder(layer.coder).contextual:
        return NOTHING
    return Known(np.concatenate([valid] * transform.parts, axis=1))


def known_of_residual(
    layer: Layer, valid: NDArray[np.bool_] | None, picture: NDArray[Any] | None
) -> Known:
    """What a reader knows of the planes of a residual: where bands are hidden, and the base.

    Parameters
    ----------
    layer : Layer
    valid : bool array, shape (T, C, Y, X), optional
    picture : int array, shape (T, C, Y, X), optional
        Levels of the base.
    """
    if not find_coder(layer.coder).contextual:
        return NOTHING
    if picture is None:
        return Known(valid)
    parts = np.empty(picture.shape, np.uint32)
    for block in blocks(picture.shape):
        parts[block] = picture[block].astype(np.int64) * _PARTS_OF_STEP // layer.step
    return Known(valid, parts)


def decode_samples(
    layer: Layer,
    shared: bytes,
    data: bytes,
    shape: tuple[int, int, int, int],
    known: Known = NOTHING,
) -> NDArray[Any]:
    """Samples of one segment of a base or residual layer.

    Parameters
    ----------
    layer : Layer
    shared, data : bytes
        The layer's bytes in the shared section and in the segment's.
    shape : (int, int, int, int)
        Frames, planes, height and width.
    known : Known
        Of the segment.

    Returns
    -------
    uint8 array (8 bits) or uint16 array (above) of ``shape``
    """
    samples = find_coder(layer.coder).decode(layer, shared, data, shape, known)
    if layer.delta:
        dtype = samples.dtype.type
        samples[1:] -= dtype(2 ** (layer.bits - 1))
        samples = np.cumsum(samples, axis=0, dtype=dtype)
        samples &= dtype(2**layer.bits - 1)
    return samples


def samples_to_levels(
    samples: NDArray[Any], transform: Transform, bits: int, bands: int
) -> NDArray[Any]:
    """Apply the header's transform to samples (T, P, Y, X), giving levels (T, C, Y, X).

    Levels are whole numbers: float64 where no sum reaches 2**53, so that doubles are exact in any
    order of summation and as good as integers, else int64.
    """
    if transform.kind == "parts":
        if transform.parts * bits > 64:
            raise DecodeError("the payload's planes hold more than 64 bits a value")
        levels = samples[:, :bands].astype(np.int64)
        for part in range(1, transform.parts):
            high = samples[:, part * bands : (part + 1) * bands].astype(np.int64)
            levels |= high << (bits * part)
        return levels
    if len(transform.bias) != bands or len(transform.weights) % bands:
        raise DecodeError("the payload's band transform does not match its bands")
    gain, shift = transform.gain, transform.shift
    weights = np.array(transform.weights, np.float64).reshape(bands, -1)
    bias = [(b << (shift - BIAS_BITS)) + (1 << shift - 1) for b in transform.bias]
    largest = int(np.abs(weights).sum(axis=1).max(initial=0)) if transform.weights else 1
    if largest * (2**bits - 1) * gain + max(map(abs, bias), default=0) < 2**53:
        mixed = _mix(weights * gain, samples) if transform.weights else samples * float(gain)
        mixed += np.array(bias, np.float64)[:, None, None]
        mixed *= 2.0**-shift
        return np.floor(mixed, out=mixed)
    levels = (_mix(weights, samples) if transform.weights else samples).astype(np.int64)
    levels *= gain
    levels += np.array(bias)[:, None, None]
    levels >>= shift
    return levels


def _mix(weights: NDArray[np.float64], samples: NDArray[Any]) -> NDArray[np.float64]:
    """The products of weights (C, P) and samples (T, P, Y, X), summed over the planes."""
    flat = samples.astype(np.float64, order="C").reshape(*samples.shape[:2], -1)
    mixed = multiply(weights, flat)
    return mixed.reshape(len(samples), len(weights), *samples.shape[2:])
