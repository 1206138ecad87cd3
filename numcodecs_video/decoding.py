"""A payload back to its array: the mirror of the pipeline's steps, segment by segment.

Needs the payload alone, no settings, and no encoder.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.cube import cut_mosaic, from_cube
from numcodecs_video.errors import DecodeError
from numcodecs_video.missing import restore_missing, unpack_classes
from numcodecs_video.payload import Header, Layer, Transform, parse_header, split_section
from numcodecs_video.quantise import to_values

__all__ = ["decode_chunk", "decode_segment", "samples_to_levels"]


def decode_chunk(data: bytes | memoryview) -> NDArray[Any]:
    """Decode a whole payload.

    Returns
    -------
    ndarray
        Shape, dtype with byte order, and memory order of the chunk that was encoded.

    Raises
    ------
    DecodeError
        When the bytes are no payload, are damaged, or do not hold what they declare.
    """
    header = parse_header(bytes(data[: _head_size(data)]))
    if len(data) != header.payload_size:
        raise DecodeError(f"the payload has {len(data)} bytes instead of {header.payload_size}")
    out = np.empty(header.cube_shape, np.dtype(header.dtype))
    sections = [bytes(data[slice(*header.section_range(i))]) for i in range(len(header.sections))]
    shared = split_section(header, 0, sections[0]) if sections else []
    for segment in range(header.segments if out.size else 0):
        layers = split_section(header, segment + 1, sections[segment + 1]) if sections else []
        frames = header.frames_of(segment)
        target = list(header.frame_order[frames.start : frames.stop]) or slice(
            frames.start, frames.stop
        )
        out[target] = decode_segment(header, shared, layers, segment)
    return restore_layout(out, header)


def _head_size(data: bytes | memoryview) -> int:
    from numcodecs_video.payload import PREFIX_SIZE, header_size

    return header_size(bytes(data[:PREFIX_SIZE]))


def restore_layout(cube: NDArray[Any], header: Header) -> NDArray[Any]:
    """Give a decoded cube the chunk's shape, axes and memory order."""
    if not header.axes:
        return cube.reshape(header.shape, order=header.order)
    array = from_cube(cube, header.shape, header.axes)
    return np.asarray(array, order=header.order)


def decode_segment(
    header: Header, shared: Sequence[bytes], layers: Sequence[bytes], segment: int
) -> NDArray[Any]:
    """Decode one segment.

    Parameters
    ----------
    header : Header
    shared, layers : sequence of bytes
        The layers of the shared section and of the segment's own, in the header's order.
    segment : int
        Its number.

    Returns
    -------
    ndarray, shape (frames, C, Y, X)
        Values in the chunk's dtype, missing cells restored.
    """
    shape = (len(header.frames_of(segment)), *header.cube_shape[1:])
    dtype = np.dtype(header.dtype)
    exact = header.layer_index("exact")
    if exact is not None:
        return _decode_exact(header.layers[exact], layers[exact], shape, dtype)
    levels = _decode_levels(header, shared, layers, shape)
    values = to_values(levels, header.values, dtype)
    index = header.layer_index("missing")
    if header.missing is not None and index is not None:
        bands = 1 if header.missing.shared else shape[1]
        count = len(header.missing.patterns)
        map_shape = (shape[0], bands, *shape[2:])
        before = _unpack_map(shared[index], (1, *map_shape[1:]), count, None)[0]
        classes = _unpack_map(layers[index], map_shape, count, before)
        restore_missing(values, classes, header.missing.patterns)
    return values


def _unpack_map(
    data: bytes, shape: tuple[int, int, int, int], count: int, before: NDArray[np.uint8] | None
) -> NDArray[np.uint8]:
    """The class map of a segment, or the shared one (an empty stream: all valid)."""
    from numcodecs_video.streams import zstd

    if before is None:
        before = np.zeros(shape[1:], np.uint8)
        if not data:
            return before[None]
    cells = math.prod(shape)
    packed = zstd.decompress(data, -(-cells // 8) if count == 1 else cells)
    return unpack_classes(packed, shape, count, before)


def _decode_exact(
    layer: Layer, data: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Values stored bit for bit in little-endian order."""
    from numcodecs_video.streams import pcodec, zstd

    count = math.prod(shape)
    stored = dtype.newbyteorder("<")
    if layer.coder == "pcodec":
        if dtype.kind in "bmM":
            stored = np.dtype(f"<{'u1' if dtype.kind == 'b' else 'i8'}")
        values = pcodec.decode(data, count, stored)
    elif layer.coder == "zstd":
        values = zstd.unshuffle(zstd.decompress(data, count * dtype.itemsize), stored)
    else:
        raise DecodeError(f"the payload stores values by {layer.coder}, which cannot hold them")
    if dtype.kind in "bmM":
        values = values.view(stored if stored.kind == dtype.kind else dtype.newbyteorder("<"))
    return values.reshape(shape).astype(dtype, copy=False)


def _decode_levels(
    header: Header, shared: Sequence[bytes], layers: Sequence[bytes], shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Levels (frames, C, Y, X) from the base; all zero when there is none."""
    index = header.layer_index("base")
    if index is None:
        return np.zeros(shape, np.int64)
    layer = header.layers[index]
    samples = _decode_samples(layer, shared[index], layers[index], shape[0])
    return samples_to_levels(samples, header.transform, layer.bits, shape[1])


def _decode_samples(layer: Layer, shared: bytes, data: bytes, frames: int) -> NDArray[Any]:
    """Samples (frames, P, Y, X) of a layer coded as pictures."""
    from numcodecs_video.streams import ffmpeg

    if layer.mosaic is None or layer.coder not in ffmpeg.CODERS:
        raise DecodeError(f"the payload codes pictures by {layer.coder}, which cannot hold them")
    if layer.bits not in ffmpeg.CODERS[layer.coder].formats:
        raise DecodeError(f"{layer.coder} has no sample depth of {layer.bits} bits")
    shape = (frames, layer.mosaic.frame_height, layer.mosaic.frame_width)
    pictures = ffmpeg.decode(shared, data, layer.coder, layer.bits, shape)
    return cut_mosaic(pictures, layer.mosaic)


def samples_to_levels(
    samples: NDArray[Any], transform: Transform, bits: int, bands: int
) -> NDArray[np.int64]:
    """Apply the header's transform to samples (T, P, Y, X), giving levels (T, C, Y, X)."""
    if transform.kind == "parts":
        if samples.shape[1] != bands * transform.parts:
            raise DecodeError("the payload's planes do not match its bands")
        levels = samples[:, :bands].astype(np.int64)
        for part in range(1, transform.parts):
            high = samples[:, part * bands : (part + 1) * bands].astype(np.int64)
            levels |= high << (bits * part)
        return levels
    if transform.kind == "scale":
        if samples.shape[1] != bands or len(transform.weights) != 1 or len(transform.bias) != bands:
            raise DecodeError("the payload's scale does not match its bands")
        levels = samples * np.int64(transform.weights[0])
        levels += np.array(transform.bias, np.int64)[:, None, None]
        levels >>= transform.shift
        return levels
    raise DecodeError(f"the payload's transform {transform.kind!r} is unknown here")
