"""The bytes of one chunk: header, sections and checksums, specified in ``docs/format.md``.

Pure bytes to dataclasses and back. Nothing here decodes a picture or computes with arrays, and
every length and count is checked against the bytes at hand before anything is allocated.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Self, TypeVar

from numcodecs_video.config import FIDELITY_KINDS
from numcodecs_video.errors import DecodeError, UnsupportedVersionError
from numcodecs_video.format.header import (
    BIAS_BITS,
    FORMAT_VERSION,
    LAYER_KINDS,
    PIXEL_FORMATS,
    TRANSFORM_KINDS,
    VALUE_KINDS,
    WEIGHT_BITS,
    Header,
    Layer,
    Missing,
    Mosaic,
    Promise,
    Section,
    Transform,
    Values,
)
from numcodecs_video.format.registry import CODERS, coder_of_number
from numcodecs_video.format.varint import append_varint, read_varint

__all__ = [
    "MAGIC",
    "PREFIX_SIZE",
    "header_size",
    "pack",
    "parse_header",
    "split_section",
]

MAGIC = b"\x89NCV"
PREFIX_SIZE = 16
MAX_CHUNK_BYTES = 2**34
MAX_HEADER_BYTES = 2**26
MAX_DIMENSIONS = 64
#: frames whose bands a transform mixes
MOST_GROUPED = 256
_PREFIX = struct.Struct("<4sHHII")
_T = TypeVar("_T")

_TAG_ARRAY, _TAG_LAYERS, _TAG_VALUES, _TAG_TRANSFORM = 1, 2, 3, 4
_TAG_MISSING, _TAG_PROMISE, _TAG_ORDER, _TAG_INDEX = 5, 6, 7, 8
_TAG_WRITER, _TAG_CANDIDATE, _TAG_BASIS = 128, 129, 130
_FIRST_ANCILLARY = 128
_TIME_UNIT = r"\[([1-9]\d{0,8})?(Y|M|W|D|h|m|s|ms|us|μs|ns|ps|fs|as)\]"
_DTYPE = re.compile(rf"[<>|](b1|[iu][1248]|f[248]|[mM]8({_TIME_UNIT})?)\Z")


class _Writer:
    """Appends varints (LEB128; signed as zigzag), floats and byte strings."""

    def __init__(self) -> None:
        self.data = bytearray()

    def byte(self, value: int) -> Self:
        self.data.append(value)
        return self

    def varint(self, *values: int) -> Self:
        for value in values:
            append_varint(self.data, value)
        return self

    def signed(self, *values: int) -> Self:
        return self.varint(*(2 * v if v >= 0 else -2 * v - 1 for v in values))

    def real(self, *values: float) -> Self:
        self.data += struct.pack(f"<{len(values)}d", *values)
        return self

    def string(self, value: bytes) -> Self:
        self.varint(len(value))
        self.data += value
        return self


class _Reader:
    """Takes back what :class:`_Writer` appended; raises DecodeError at the end of the bytes."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, length: int) -> bytes:
        if length > self.left:
            raise DecodeError("the payload's header ends in the middle of a field")
        self.at += length
        return self.data[self.at - length : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def varint(self) -> int:
        value, self.at = read_varint(self.data, self.at)
        return value

    def signed(self) -> int:
        value = self.varint()
        return value >> 1 if value % 2 == 0 else -(value + 1 >> 1)

    def count(self, least_bytes: int = 1) -> int:
        """A number of items that take at least ``least_bytes`` each of what is left."""
        value = self.varint()
        if value * least_bytes > self.left:
            raise DecodeError(f"the payload's header announces {value} items and holds fewer")
        return value

    def real(self) -> float:
        value: float = struct.unpack("<d", self.take(8))[0]
        return value

    def string(self) -> bytes:
        return self.take(self.count())

    def text(self) -> str:
        try:
            return self.string().decode("utf-8")
        except UnicodeDecodeError as error:
            raise DecodeError("the payload's header holds text that is not UTF-8") from error

    def choice(self, names: Sequence[_T], what: str) -> _T:
        number = self.byte()
        if number >= len(names):
            raise DecodeError(f"the payload's header names {what} number {number}, unknown here")
        return names[number]


def _write_layer(w: _Writer, layer: Layer) -> None:
    w.byte(LAYER_KINDS.index(layer.kind)).byte(CODERS[layer.coder].number).byte(layer.bits)
    w.byte(PIXEL_FORMATS.index(layer.pixel_format))
    w.byte(layer.delta | (layer.mosaic is not None) << 1 | layer.key << 2)
    w.signed(layer.offset).varint(layer.step)
    if layer.mosaic is not None:
        m = layer.mosaic
        w.varint(m.planes, m.height, m.width, m.columns, m.frame_height, m.frame_width)


def _read_layer(r: _Reader) -> Layer:
    kind, number = r.choice(LAYER_KINDS, "layer"), r.byte()
    coder = coder_of_number(number)
    if coder is None:
        raise DecodeError(f"the payload's header names coder number {number}, unknown here")
    bits, pixel_format, flags = r.byte(), r.choice(PIXEL_FORMATS, "pixel format"), r.byte()
    offset, step = r.signed(), r.varint()
    mosaic = Mosaic(*(r.varint() for _ in range(6))) if flags & 2 else None
    if flags > 7 or bits > 16 or step >= 2**48 or abs(offset) >= 2**16:
        raise DecodeError("the payload's header describes a layer that is unknown here")
    return Layer(
        kind, coder, bits, pixel_format, bool(flags & 1), bool(flags & 4), offset, step, mosaic
    )


def _write_values(w: _Writer, values: Values) -> None:
    w.byte(VALUE_KINDS.index(values.kind))
    if values.kind == "integer":
        w.signed(int(values.offset)).varint(int(values.step))
    elif values.kind == "ordered":
        w.varint(int(values.offset))
    elif values.kind in ("real", "relative"):
        w.real(values.offset, values.step)
    w.varint(values.top)
    if values.kind == "relative":
        w.varint(values.zero)


def _read_values(r: _Reader) -> Values:
    kind = r.choice(VALUE_KINDS, "kind of value")
    offset: float | int = 0
    step: float | int = 1
    if kind == "integer":
        offset, step = r.signed(), r.varint()
    elif kind == "ordered":
        offset = r.varint()
    elif kind != "table":
        offset, step = r.real(), r.real()
    top, zero = r.varint(), r.varint() if kind == "relative" else 0
    if not (abs(offset) < math.inf and abs(step) < math.inf):
        raise DecodeError("the payload's header holds a step that is not finite")
    if max(top, zero) >= 2**63 or (isinstance(offset, int) and max(abs(offset), step) >= 2**64):
        raise DecodeError("the payload's header holds levels of more than 64 bits")
    return Values(kind, offset, step, top, zero)  # type: ignore[arg-type]


def _write_transform(w: _Writer, transform: Transform) -> None:
    w.byte(TRANSFORM_KINDS.index(transform.kind)).varint(transform.parts, transform.gain)
    w.varint(transform.shift, len(transform.weights)).signed(*transform.weights)
    w.varint(len(transform.bias)).signed(*transform.bias)
    if transform.kind == "grouped":
        w.varint(transform.frames)


def _read_transform(r: _Reader) -> Transform:
    kind = r.choice(TRANSFORM_KINDS, "transform")
    parts, gain, shift = r.varint(), r.varint(), r.varint()
    weights = tuple(r.signed() for _ in range(r.count()))
    bias = tuple(r.signed() for _ in range(r.count()))
    frames = r.varint() if kind == "grouped" else 1
    # These limits keep every sum of the transform within 63 bits.
    if (
        not 1 <= parts <= 8
        or (kind != "parts" and not BIAS_BITS <= shift <= 40)
        or (kind == "grouped" and not 2 <= frames <= MOST_GROUPED)
        or gain >= 2**32
        or any(abs(w) > 2 ** (WEIGHT_BITS + 1) for w in weights)
        or any(abs(b) >= 2 ** (62 - shift) for b in bias)
        or len(weights) > 2**14
    ):
        raise DecodeError("the payload's header describes a transform that is unknown here")
    return Transform(kind, parts, gain, shift, weights, bias, frames)  # type: ignore[arg-type]


def _fields(header: Header) -> list[tuple[int, _Writer]]:
    """The tagged fields of a header, in the order of their tags."""
    array = _Writer().byte("CF".index(header.order)).string(header.dtype.encode())
    array.string(header.axes.encode()).varint(len(header.shape), *header.shape)
    array.varint(header.segment_frames)
    layers = _Writer().varint(len(header.layers))
    for layer in header.layers:
        _write_layer(layers, layer)
    values, transform = _Writer(), _Writer()
    _write_values(values, header.values)
    promise = _Writer().byte(FIDELITY_KINDS.index(header.promise.kind))
    if header.promise.kind != "lossless":
        promise.real(header.promise.requested, header.promise.realised)
    index = _Writer().varint(len(header.sections))
    for section in header.sections:
        index.varint(*section.lengths)
        index.data += struct.pack("<I", section.crc)
    writer = _Writer()
    for version in header.writer:
        writer.varint(len(version), *version)
    out = [(_TAG_ARRAY, array), (_TAG_LAYERS, layers), (_TAG_VALUES, values)]
    if header.transform != Transform():
        _write_transform(transform, header.transform)
        out.append((_TAG_TRANSFORM, transform))
    if header.missing is not None:
        missing = _Writer().byte(header.missing.shared | header.missing.values << 1)
        missing.varint(len(header.missing.patterns))
        missing.data += b"".join(header.missing.patterns)
        out.append((_TAG_MISSING, missing))
    out.append((_TAG_PROMISE, promise))
    if header.frame_order:
        out.append((_TAG_ORDER, _Writer().varint(*header.frame_order)))
    out += [(_TAG_INDEX, index), (_TAG_WRITER, writer)]
    out.append((_TAG_CANDIDATE, _Writer().string(header.candidate.encode())))
    if header.basis:
        out.append((_TAG_BASIS, _Writer().string(header.basis)))
    return out


def pack(header: Header, sections: Sequence[Sequence[bytes]]) -> bytes:
    """Serialise a chunk.

    Parameters
    ----------
    header : Header
        Its ``sections`` are filled in here.
    sections : sequence of sequence of bytes
        The layers' bytes: the shared section first, then each segment.
    """
    index = tuple(
        Section(tuple(map(len, layers)), zlib.crc32(b"".join(layers))) for layers in sections
    )
    body = _Writer()
    for tag, content in _fields(replace(header, sections=index)):
        body.byte(tag).string(bytes(content.data))
    start = _PREFIX.pack(MAGIC, FORMAT_VERSION, 0, len(body.data), 0)[:12]
    crc = zlib.crc32(body.data, zlib.crc32(start))
    return b"".join((start, struct.pack("<I", crc), body.data, *(b for s in sections for b in s)))


def header_size(prefix: bytes) -> int:
    """Bytes of prefix and header together, from the first ``PREFIX_SIZE`` bytes.

    Raises
    ------
    DecodeError
        When these are not the first bytes of a payload.
    UnsupportedVersionError
        When the payload's format version is not the one known here.
    """
    if len(prefix) < PREFIX_SIZE or prefix[:4] != MAGIC:
        raise DecodeError("not a numcodecs_video payload: the first bytes differ")
    _, version, flags, length, _ = _PREFIX.unpack(prefix[:PREFIX_SIZE])
    if version != FORMAT_VERSION or flags:
        raise UnsupportedVersionError(
            f"the payload has format version {version} (flags {flags}), this package reads "
            f"version {FORMAT_VERSION}: install a newer numcodecs-video"
        )
    if length > MAX_HEADER_BYTES:
        raise DecodeError(f"the payload announces a header of {length} bytes")
    return PREFIX_SIZE + int(length)


def parse_header(data: bytes) -> Header:
    """Read the header at the beginning of a payload; sections need not be there.

    Raises
    ------
    DecodeError
        When the bytes are no payload, are damaged, or declare what cannot be.
    """
    size = header_size(bytes(data[:PREFIX_SIZE]))
    if len(data) < size:
        raise DecodeError(f"the payload ends within its header ({len(data)} of {size} bytes)")
    body = bytes(data[PREFIX_SIZE:size])
    if zlib.crc32(body, zlib.crc32(data[:12])) != _PREFIX.unpack(data[:PREFIX_SIZE])[4]:
        raise DecodeError("the payload's header fails its checksum: the chunk is damaged")
    found = _read_fields(body)
    header = _header_of(found)
    return replace(header, size=size)


def _read_fields(body: bytes) -> dict[int, _Reader]:
    reader, found = _Reader(body), dict[int, _Reader]()
    while reader.left:
        tag = reader.byte()
        if tag in found or _TAG_INDEX < tag < _FIRST_ANCILLARY:
            raise DecodeError(f"the payload's header holds field {tag}, unknown or for a 2nd time")
        found[tag] = _Reader(reader.string())
    required = {_TAG_ARRAY, _TAG_LAYERS, _TAG_VALUES, _TAG_PROMISE, _TAG_INDEX}
    if required - set(found):
        raise DecodeError("the payload's header lacks a field that decoding needs")
    return found


def _header_of(found: dict[int, _Reader]) -> Header:
    r = found[_TAG_ARRAY]
    order: Literal["C", "F"] = r.choice(("C", "F"), "memory order")
    dtype, axes = r.text(), r.text()
    shape = tuple(r.varint() for _ in range(r.count()))
    header = Header(dtype, shape, order, axes, r.varint())
    _check_array(header)
    r = found[_TAG_LAYERS]
    layers = tuple(_read_layer(r) for _ in range(r.count(7)))
    r = found[_TAG_PROMISE]
    kind = r.choice(FIDELITY_KINDS, "promise")
    promise = Promise(kind, 0.0, 0.0) if kind == "lossless" else Promise(kind, r.real(), r.real())
    header = replace(header, layers=layers, values=_read_values(found[_TAG_VALUES]))
    header = replace(header, promise=promise, sections=_read_index(found[_TAG_INDEX], len(layers)))
    if _TAG_TRANSFORM in found:
        header = replace(header, transform=_read_transform(found[_TAG_TRANSFORM]))
    if _TAG_MISSING in found:
        header = replace(header, missing=_read_missing(found[_TAG_MISSING], header.itemsize))
    if _TAG_ORDER in found:
        header = replace(header, frame_order=_read_order(found[_TAG_ORDER], header.cube_shape[0]))
    if _TAG_WRITER in found:
        header = replace(header, writer=_read_writer(found[_TAG_WRITER]))
    if _TAG_CANDIDATE in found:
        header = replace(header, candidate=found[_TAG_CANDIDATE].text())
    if _TAG_BASIS in found:
        header = replace(header, basis=found[_TAG_BASIS].string())
    _check_layers(header)
    return header


def _read_index(r: _Reader, layers: int) -> tuple[Section, ...]:
    return tuple(
        Section(tuple(r.varint() for _ in range(layers)), struct.unpack("<I", r.take(4))[0])
        for _ in range(r.count(4 + layers))
    )


def _read_missing(r: _Reader, itemsize: int) -> Missing:
    flags, count = r.byte(), r.count(itemsize)
    if not 1 <= count <= 255 or flags >> 1 > count:
        raise DecodeError("the payload's header describes missing cells that are unknown here")
    patterns = tuple(r.take(itemsize) for _ in range(count))
    return Missing(patterns, bool(flags & 1), flags >> 1)


def _read_order(r: _Reader, frames: int) -> tuple[int, ...]:
    if frames > r.left:
        raise DecodeError("the payload's frame order names too few frames")
    order = tuple(r.varint() for _ in range(frames))
    if sorted(order) != list(range(frames)):
        raise DecodeError("the payload's frame order is no permutation")
    return order


def _read_writer(r: _Reader) -> tuple[tuple[int, ...], ...]:
    versions = []
    while r.left:
        versions.append(tuple(r.varint() for _ in range(r.count())))
    return tuple(versions)


def _check_array(header: Header) -> None:
    """The declared array must be one that the encoder could have been given."""
    if not _DTYPE.match(header.dtype):
        raise DecodeError(f"the payload declares the unknown dtype {header.dtype!r}")
    if len(header.shape) > MAX_DIMENSIONS:
        raise DecodeError(f"the payload declares a chunk of {len(header.shape)} dimensions")
    # NumPy refuses arrays without cells, too, whose other lengths are beyond its addresses.
    extent = math.prod(n or 1 for n in header.shape) * header.itemsize
    if header.nbytes > MAX_CHUNK_BYTES or any(n >= 2**40 for n in header.shape) or extent >= 2**63:
        raise DecodeError(f"the payload declares a chunk of shape {header.shape}, beyond 16 GiB")
    if header.axes and (
        len(header.axes) != len(header.shape)
        or set(header.axes) - set("tcyx")
        or header.axes.count("y") != 1
        or header.axes.count("x") != 1
    ):
        raise DecodeError(f"the payload declares axes {header.axes!r} for shape {header.shape}")
    if not 1 <= header.segment_frames < 2**40:
        raise DecodeError(f"the payload declares segments of {header.segment_frames} frames")


def _check_layers(header: Header) -> None:
    """Layers must fit the chunk, and frames hold no more than their planes and padding."""
    if len(header.sections) not in ({0} if not header.layers else {header.segments + 1}):
        raise DecodeError(
            f"the payload has {len(header.sections)} sections for {header.segments} segments"
        )
    kinds = [layer.kind for layer in header.layers]
    if len(set(kinds)) < len(kinds):
        raise DecodeError("the payload's header holds a kind of layer twice")
    if header.transform.frames > max(1, len(header.frames_of(0))):
        raise DecodeError("the payload's header groups more frames than a segment has")
    _, bands, height, width = header.cube_shape
    for layer in header.layers:
        m = layer.mosaic
        if m is None:
            continue
        rows = -(-m.planes // m.columns) if m.columns else 0
        if (
            (m.height, m.width) != (height, width)
            or not 1 <= m.planes <= 8 * max(bands, 1) * header.transform.frames
            or not 1 <= m.columns <= m.planes
            or not 0 <= m.frame_height - rows * height <= 72
            or not 0 <= m.frame_width - m.columns * width <= 72
        ):
            raise DecodeError("the payload's frame geometry does not fit its chunk")


def split_section(header: Header, index: int, data: bytes) -> list[bytes]:
    """The layers of one section.

    Parameters
    ----------
    header : Header
        Of the payload that the section belongs to.
    index : int
        0 for the shared section, ``1 + s`` for segment ``s``.
    data : bytes
        Exactly the bytes of ``header.section_range(index)``.

    Raises
    ------
    DecodeError
        When the length or the checksum is not as declared.
    """
    section = header.sections[index]
    if len(data) != section.size:
        raise DecodeError(f"section {index} has {len(data)} bytes instead of {section.size}")
    if zlib.crc32(data) != section.crc:
        raise DecodeError(f"section {index} fails its checksum: the chunk is damaged")
    layers, at = [], 0
    for length in section.lengths:
        layers.append(bytes(data[at : at + length]))
        at += length
    return layers
