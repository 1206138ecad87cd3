"""Ways to damage a payload, from chance to forgery: each takes a generator and two payloads.

The blind ones leave checksums as they are, so a reader must refuse what they make. The forging
ones know the format and correct every checksum, so that what they damage reaches the decoders.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import imagecodecs
import numpy as np

from numcodecs_video.coders import zstd
from numcodecs_video.format.header import (
    LAYER_KINDS,
    PIXEL_FORMATS,
    TRANSFORM_KINDS,
    VALUE_KINDS,
    Header,
    Layer,
    Missing,
    Mosaic,
    Promise,
    Transform,
    Values,
)
from numcodecs_video.format.payload import (
    PREFIX_SIZE,
    header_size,
    pack,
    parse_header,
    split_section,
)
from numcodecs_video.format.registry import CODERS as REGISTRY
from numcodecs_video.format.varint import join_units, split_units

__all__ = ["MUTATIONS", "Rng", "is_blind"]

CODERS = sorted(REGISTRY)
Rng = np.random.Generator
Layers = list[list[bytes]]

_NUMBERS = sorted(
    {0, 3, 5, 100, 255, 1000, 10**9}
    | {2**n + d for n in (1, 2, 3, 4, 6, 7, 8, 13, 14, 15, 16, 24, 31, 32, 40) for d in (-1, 0, 1)}
    | {2**n - 1 for n in (47, 48, 53, 62, 63, 64)}
)
_REALS = (0.0, -1.0, 1.0, 5e-324, 1e-300, 0.1, 1e10, 1e300, -1e300, np.inf, np.nan)
_DTYPES = ("|b1", "|u1", "|i1", "<u2", ">i2", "<i4", "<u8", ">i8", "<f2", "<f4", ">f8", "<M8[ns]",
           "<m8[D]", "<f16", "|O")  # fmt: skip


def _pick(rng: Rng, items: Any) -> Any:
    return items[int(rng.integers(len(items)))]


def damage(rng: Rng, data: bytes) -> bytes:
    """Flip bits, set bytes, and cut, repeat or insert a few of them."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        at, way = int(rng.integers(len(out) + 1)), int(rng.integers(6))
        length = int(rng.integers(1, 9))
        if way <= 1 and at < len(out):
            out[at] ^= 1 << int(rng.integers(8))
        elif way == 2 and at < len(out):
            out[at] = _pick(rng, (0, 1, 0x7F, 0x80, 0xFE, 0xFF))
        elif way == 3:
            del out[at : at + length]
        elif way == 4:
            out[at:at] = rng.bytes(length)
        else:
            out[at:at] = out[at : at + length]
    return bytes(out)


# Blind: checksums stay as they are.
def flip_bits(rng: Rng, data: bytes, other: bytes) -> bytes:
    """One to eight bits anywhere."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        out[int(rng.integers(len(out)))] ^= 1 << int(rng.integers(8))
    return bytes(out)


def edit_bytes(rng: Rng, data: bytes, other: bytes) -> bytes:
    """Bytes set, cut, repeated, inserted."""
    return damage(rng, data)


def truncate(rng: Rng, data: bytes, other: bytes) -> bytes:
    """Only the beginning."""
    return data[: int(rng.integers(len(data)))]


def splice(rng: Rng, data: bytes, other: bytes) -> bytes:
    """The beginning of one payload and the end of another."""
    return data[: int(rng.integers(len(data)))] + other[int(rng.integers(len(other))) :]


def random_bytes(rng: Rng, data: bytes, other: bytes) -> bytes:
    """Random bytes, every other time after a right prefix."""
    noise = rng.bytes(int(rng.integers(0, 400)))
    return noise if rng.integers(2) else data[:PREFIX_SIZE] + noise


# Forging: the header's and the sections' checksums are right.
def _open(data: bytes) -> tuple[Header, Layers]:
    header = parse_header(data)
    ranges = [header.section_range(i) for i in range(len(header.sections))]
    return header, [split_section(header, i, data[slice(*r)]) for i, r in enumerate(ranges)]


def forge_header_bytes(rng: Rng, data: bytes, other: bytes) -> bytes:
    """Any byte of the header, under a right checksum."""
    size = header_size(data)
    body = damage(rng, data[PREFIX_SIZE:size])
    start = data[:8] + struct.pack("<I", len(body))
    crc = struct.pack("<I", zlib.crc32(body, zlib.crc32(start)))
    return start + crc + body + data[size:]


def _number(rng: Rng, near: int) -> int:
    if rng.integers(3):
        return int(_pick(rng, _NUMBERS))
    return max(0, near + int(rng.integers(-2, 3)))


def _signed(rng: Rng, near: int) -> int:
    return _number(rng, abs(near)) * int(_pick(rng, (1, 1, -1)))


def _forge_shape(rng: Rng, h: Header) -> Header:
    shape = list(h.shape) or [1]
    way = int(rng.integers(5))
    if way <= 2:
        at = int(rng.integers(len(shape)))
        shape[at] = _number(rng, shape[at])
    elif way == 3:
        rng.shuffle(shape)
    else:
        return replace(h, segment_frames=_number(rng, h.segment_frames))
    return replace(h, shape=tuple(map(int, shape)))


def _forge_array(rng: Rng, h: Header) -> Header:
    way = int(rng.integers(3))
    if way == 0:
        return replace(h, dtype=_pick(rng, _DTYPES))
    if way == 1:
        return replace(h, order=_pick(rng, ("C", "F")))
    letters = list(h.axes or "tyx")
    rng.shuffle(letters)
    return replace(h, axes=_pick(rng, ("", "".join(letters))))


def _forge_layer(rng: Rng, h: Header) -> Header:
    layers = list(h.layers)
    if not layers or not rng.integers(6):
        kind, coder = _pick(rng, LAYER_KINDS), _pick(rng, CODERS)
        return replace(h, layers=(*layers, Layer(kind, coder, int(rng.integers(17)))))
    at = int(rng.integers(len(layers)))
    if not rng.integers(8):
        del layers[at]
    elif not rng.integers(8):
        layers.append(layers[at])
    else:
        layers[at] = _forge_layer_field(rng, layers[at])
    return replace(h, layers=tuple(layers))


def _forge_layer_field(rng: Rng, layer: Layer) -> Layer:
    changes: dict[str, Any] = {
        "kind": _pick(rng, LAYER_KINDS),
        "coder": _pick(rng, CODERS),
        "bits": int(rng.integers(18)),
        "pixel_format": _pick(rng, PIXEL_FORMATS),
        "delta": not layer.delta,
        "key": not layer.key,
        "offset": _signed(rng, layer.offset),
        "step": _number(rng, layer.step),
        "mosaic": None,
    }
    if layer.mosaic is not None and rng.integers(2):
        name = _pick(rng, fields(Mosaic)).name
        value = _number(rng, getattr(layer.mosaic, name))
        return replace(layer, mosaic=replace(layer.mosaic, **{name: value}))
    name = _pick(rng, list(changes))
    return replace(layer, **{name: changes[name]})


def _forge_values(rng: Rng, h: Header) -> Header:
    v = h.values
    kind = _pick(rng, VALUE_KINDS) if not rng.integers(3) else v.kind
    if kind in ("integer", "ordered"):
        of_kind = isinstance(v.offset, int)
        start, unit = (int(v.offset), int(v.step)) if of_kind else (0, 1)
        offset = _signed(rng, start) if kind == "integer" else _number(rng, abs(start))
        step = _number(rng, unit)
    else:
        offset, step = v.offset, v.step
    if kind in ("real", "relative") and rng.integers(2):
        offset, step = float(_pick(rng, _REALS)), float(_pick(rng, _REALS))
    top = _number(rng, v.top) if rng.integers(2) else v.top
    zero = _number(rng, v.zero) if rng.integers(2) else v.zero
    return replace(h, values=Values(kind, offset, step, top, zero))


def _forge_transform(rng: Rng, h: Header) -> Header:
    t = h.transform
    weights, bias = list(t.weights), list(t.bias) or [0] * int(rng.integers(1, 4))
    way = int(rng.integers(6))
    if way == 0:
        kind = _pick(rng, [kind for kind in TRANSFORM_KINDS if kind != t.kind])
        frames = int(rng.integers(2, 9)) if kind == "grouped" else 1
        numbers = {"weights": tuple(weights) * frames, "bias": tuple(bias) * frames}
        return replace(h, transform=replace(t, kind=kind, frames=frames, **numbers))
    if way == 1:
        name = _pick(rng, ("parts", "gain", "shift", "frames"))
        return replace(h, transform=replace(t, **{name: _number(rng, getattr(t, name))}))
    if way == 2 and weights:
        weights[int(rng.integers(len(weights)))] = int(rng.integers(-(2**14), 2**14 + 1))
    elif way == 3:
        weights = weights[: int(rng.integers(len(weights) + 1))] or [1] * min(9, _number(rng, 2))
    elif way == 4 and bias:
        bias[int(rng.integers(len(bias)))] = _signed(rng, 0)
    else:
        bias = bias[1:] if rng.integers(2) else [*bias, 0]
    kind, gain, shift = "grouped" if t.frames > 1 else "linear", max(t.gain, 1), t.shift or 8
    forged = Transform(kind, 1, gain, shift, tuple(weights), tuple(bias), t.frames)
    return replace(h, transform=forged)


def _forge_rest(rng: Rng, h: Header) -> Header:
    way = int(rng.integers(4))
    if way == 0:
        size = int(_pick(rng, (1, 2, 4, 4, 8)))
        patterns = tuple(rng.bytes(size) for _ in range(int(rng.integers(0, 4))))
        return replace(h, missing=Missing(patterns, bool(rng.integers(2))))
    if way == 1:
        return replace(h, missing=None)
    if way == 2:
        order = rng.permutation(min(max(h.shape, default=1), 50))
        return replace(h, frame_order=tuple(map(int, order)))
    return replace(h, promise=Promise("qp", float(_pick(rng, _REALS)), float(_pick(rng, _REALS))))


_FORGERIES = (
    _forge_shape,
    _forge_array,
    _forge_layer,
    _forge_values,
    _forge_transform,
    _forge_rest,
)


def _fit_sections(rng: Rng, header: Header, sections: Layers) -> Layers:
    """As many sections and layers as the header wants, so that it is not refused for these."""
    fits = len(header.axes) in (0, len(header.shape))
    if not (header.layers and header.segment_frames and fits):
        return sections
    wanted = min(header.segments + 1, 200)
    fitted = [
        (sections or [[]])[min(i, len(sections) - 1 if sections else 0)] for i in range(wanted)
    ]
    return [(s + [rng.bytes(5)] * len(header.layers))[: len(header.layers)] for s in fitted]


def forge_header(rng: Rng, data: bytes, other: bytes) -> bytes:
    """One to three fields of the header, each a number or name that the format can write."""
    header, sections = _open(data)
    for _ in range(int(rng.integers(1, 4))):
        header = _pick(rng, _FORGERIES)(rng, header)
    if rng.integers(4):
        sections = _fit_sections(rng, header, sections)
    return pack(header, sections)


def _each_layer(rng: Rng, data: bytes, change: Callable[[Layer, bytes], bytes]) -> bytes:
    """Change one or two of the layers' streams, and pack them under right checksums."""
    header, sections = _open(data)
    where = [(s, i) for s, layers in enumerate(sections) for i, d in enumerate(layers) if d]
    for _ in range(int(rng.integers(1, 3)) if where else 0):
        s, i = _pick(rng, where)
        sections[s][i] = change(header.layers[i], sections[s][i])
    return pack(header, sections)


def forge_streams(rng: Rng, data: bytes, other: bytes) -> bytes:
    """Bits inside packets and streams, under right checksums."""
    return _each_layer(rng, data, lambda layer, stream: damage(rng, stream))


def forge_units(rng: Rng, data: bytes, other: bytes) -> bytes:
    """Inside single packets, their lengths corrected; packets lost, repeated and swapped."""

    def change(layer: Layer, stream: bytes) -> bytes:
        if layer.coder in ("adaptive", "zstd", "pcodec"):
            return damage(rng, stream)
        units = split_units(stream)
        if not units:
            return stream
        at, way = int(rng.integers(len(units))), int(rng.integers(8))
        if way == 0:
            del units[at]
        elif way == 1:
            units.insert(at, _pick(rng, units))
        elif way == 2:
            rng.shuffle(units)
        else:
            units[at] = damage(rng, units[at])
        return join_units(units)

    return _each_layer(rng, data, change)


def forge_contents(rng: Rng, data: bytes, other: bytes) -> bytes:
    """What Zstandard frames hold (class maps, tables, samples), compressed anew."""

    def change(layer: Layer, stream: bytes) -> bytes:
        if layer.coder != "zstd":
            return damage(rng, stream)
        plain = bytearray(imagecodecs.zstd_decode(stream))
        for _ in range(int(rng.integers(1, 9)) if plain else 0):
            plain[int(rng.integers(len(plain)))] = int(rng.integers(256))
        return zstd.compress(bytes(plain))

    return _each_layer(rng, data, change)


def forge_exchange(rng: Rng, data: bytes, other: bytes) -> bytes:
    """Streams of another payload, of the same coder every other time, under the first's header."""
    header, sections = _open(data)
    theirs, others = _open(other)
    coders = [layer.coder for layer in theirs.layers]
    for section in sections:
        for i, layer in enumerate(header.layers):
            of_coder = [s[k] for s in others for k, c in enumerate(coders) if c == layer.coder]
            streams = of_coder if rng.integers(2) else [stream for s in others for stream in s]
            if streams and rng.integers(2):
                section[i] = _pick(rng, streams)
    return pack(header, sections)


MUTATIONS: tuple[Callable[[Rng, bytes, bytes], bytes], ...] = (
    flip_bits,
    edit_bytes,
    truncate,
    splice,
    random_bytes,
    forge_header_bytes,
    forge_header,
    forge_streams,
    forge_units,
    forge_contents,
    forge_exchange,
)


def is_blind(mutation: Callable[..., bytes]) -> bool:
    """Whether a mutation leaves the checksums as they are, so that readers must notice."""
    return not mutation.__name__.startswith("forge")
