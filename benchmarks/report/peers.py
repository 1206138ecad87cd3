"""Other ways to store a cube, as codecs with the two methods of numcodecs.

Coders without a notion of missing cells get the holes filled in as `VideoCodec` fills them, and the
original's missing cells back for nothing; integers come back rounded. Both favour them. Coders of
volumes get the series of one band at a time, coders of pictures one date at a time.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import imagecodecs
import numpy as np
from numcodecs import BitRound, Blosc, Zstd
from numpy.typing import NDArray
from recipe import ClassVideo, Recipe, program

from numcodecs_video.metrics import valid_cells
from numcodecs_video.transform.missing import fill_missing

Array = NDArray[Any]


@dataclass
class Peer:
    """A codec around a coder of float32 cubes (T, C, Y, X).

    Parameters
    ----------
    coder : object
        With ``encode(cube)`` and ``decode(payload, shape)``.
    setting : str
        What tells it from others on the same curve.
    nodata : float, optional
        Marks missing cells besides NaN.
    fills : bool
        The coder wants a number in every cell.
    """

    coder: Any
    setting: str
    nodata: float | None = None
    fills: bool = True

    @property
    def name(self) -> str:
        """The curve that it belongs to."""
        return str(self.coder.name)

    def __repr__(self) -> str:
        return f"{self.name}, {self.setting}"

    def encode(self, array: Array) -> bytes:
        """Fill the holes and encode."""
        self._original, self._valid = array, valid_cells(array, nodata=self.nodata)
        cube = array.astype(np.float32).reshape(self._shape)
        valid = self._valid.reshape(self._shape)
        cube[~valid] = 0.0 if self.fills else np.nan
        if self.fills:
            fill_missing(cube, valid)
        return bytes(self.coder.encode(cube))

    def decode(self, payload: bytes) -> Array:
        """Decode, round what was an integer, and put the missing cells back."""
        dtype = self._original.dtype
        values = self.coder.decode(payload, self._shape).reshape(self._original.shape)
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            values = np.rint(values).clip(limits.min, limits.max)
        return np.where(self._valid, values.astype(dtype), self._original)

    @property
    def _shape(self) -> tuple[int, ...]:
        shape = self._original.shape
        return shape if len(shape) == 4 else (shape[0], 1, *shape[1:])


@dataclass(frozen=True)
class Volumes:
    """A coder of three-dimensional arrays, a band at a time."""

    name: str
    encode_one: Callable[[Array], bytes]
    decode_one: Callable[[bytes, tuple[int, ...]], Array]

    def encode(self, cube: Array) -> bytes:
        """All bands, behind their lengths."""
        return join(
            [self.encode_one(np.ascontiguousarray(band)) for band in np.moveaxis(cube, 1, 0)]
        )

    def decode(self, payload: bytes, shape: tuple[int, ...]) -> Array:
        """The cube (T, C, Y, X)."""
        one = (shape[0], *shape[2:])
        return np.stack([self.decode_one(part, one) for part in split(payload)], axis=1)


@dataclass(frozen=True)
class Pictures:
    """A coder of pictures (C, Y, X) of unsigned integers, a date at a time; bands are scaled."""

    name: str
    encode_one: Callable[[Array], bytes]
    decode_one: Callable[[bytes], Array]
    bits: int = 16

    def encode(self, cube: Array) -> bytes:
        """All dates behind their lengths, behind the ranges of the bands."""
        low, high = cube.min(axis=(0, 2, 3)), cube.max(axis=(0, 2, 3))
        span = np.where(high > low, high - low, 1).astype(np.float32)
        levels = np.rint((cube - _column(low)) / _column(span) * (2**self.bits - 1))
        levels = levels.astype(np.uint8 if self.bits == 8 else np.uint16)
        ranges = np.stack([low, span]).astype(np.float32).tobytes()
        return ranges + join([self.encode_one(date) for date in levels])

    def decode(self, payload: bytes, shape: tuple[int, ...]) -> Array:
        """The cube (T, C, Y, X)."""
        low, span = np.frombuffer(payload, np.float32, 2 * shape[1]).reshape(2, -1)
        parts = split(payload[8 * shape[1] :])
        levels = np.stack([self.decode_one(part).reshape(shape[1:]) for part in parts])
        return levels.astype(np.float32) / (2**self.bits - 1) * _column(span) + _column(low)


def _column(per_band: Array) -> Array:
    return per_band[:, np.newaxis, np.newaxis]


def join(parts: list[bytes]) -> bytes:
    """Put parts behind their count and lengths."""
    return struct.pack(f"<{len(parts) + 1}I", len(parts), *map(len, parts)) + b"".join(parts)


def split(data: bytes) -> Iterator[bytes]:
    """Undo `join`."""
    (count,) = struct.unpack_from("<I", data)
    at = 4 * (count + 1)
    for size in struct.unpack_from(f"<{count}I", data, 4):
        yield data[at : at + size]
        at += size


def sz3(bound: float) -> Volumes:
    """SZ3 with a largest error."""
    return Volumes(
        "SZ3",
        partial(imagecodecs.sz3_encode, abs=bound, mode="abs"),
        lambda data, shape: imagecodecs.sz3_decode(data, shape=shape, dtype=np.float32),
    )


def sperr(bound: float) -> Volumes:
    """SPERR with a largest error."""
    return _sperr(lambda _: {"level": bound, "mode": "pwe"})


def sperr_at(decibels: float, span: float) -> Volumes:
    """SPERR at a PSNR for a range, all bands with the same error: the best at equal PSNR."""

    def of_band(band: Array) -> dict[str, Any]:
        # SPERR relates its PSNR to the range of the volume that it is given.
        own = 20 * np.log10(max(float(np.ptp(band)), 1e-30) / span)
        return {"level": max(decibels + own, 1.0), "mode": "psnr"}

    return _sperr(of_band)


def _sperr(setting: Callable[[Array], dict[str, Any]]) -> Volumes:
    return Volumes(
        "SPERR",
        lambda band: imagecodecs.sperr_encode(band, numthreads=1, **setting(band)),
        lambda data, shape: imagecodecs.sperr_decode(data, numthreads=1).reshape(shape),
    )


def zfp(bound: float) -> Volumes:
    """ZFP with a largest error."""
    return Volumes(
        "ZFP",
        partial(imagecodecs.zfp_encode, level=bound, mode="accuracy", numthreads=1),
        lambda data, shape: imagecodecs.zfp_decode(data).reshape(shape),
    )


def bit_rounding(bound: float, cube: Array) -> Volumes:
    """The fewest bits of the mantissa that keep a largest error, then shuffled Zstandard."""
    for kept in range(1, 24):
        rounded = BitRound(kept).decode(BitRound(kept).encode(cube.astype(np.float32))).view("f4")
        if np.nanmax(np.abs(rounded.reshape(cube.shape) - cube)) <= bound:
            break
    packed = Blosc("zstd", 9, Blosc.SHUFFLE)
    return Volumes(
        "bit rounding + zstd",
        lambda band: packed.encode(BitRound(kept).encode(band)),
        lambda data, shape: np.frombuffer(packed.decode(data), np.float32).reshape(shape),
    )


def _multiples(band: Array, step: float) -> Array:
    """The nearest multiples of a step; float32 would miss some."""
    return np.rint(band.astype(np.float64) / step).astype(np.int64)


def quantised(step: float) -> Volumes:
    """Multiples of a step, then pcodec."""
    return Volumes(
        "quantising + pcodec",
        lambda band: imagecodecs.pcodec_encode(_multiples(band, step).astype(np.int32), level=8),
        lambda data, shape: (
            imagecodecs.pcodec_decode(data, shape=shape, dtype=np.int32).astype(np.float64) * step
        ),
    )


def quantised_pictures(step: float) -> Volumes:
    """Multiples of a step, then each date as a lossless JPEG XL picture of 16 bits."""

    def encode(band: Array) -> bytes:
        levels = _multiples(band, step)
        low = int(levels.min())
        if int(levels.max()) - low >= 2**16:
            raise ValueError(f"a step of {step:g} makes more than 65,536 levels")
        pictures = [
            imagecodecs.jpegxl_encode(date, lossless=True, effort=7, numthreads=1)
            for date in (levels - low).astype(np.uint16)
        ]
        return struct.pack("<q", low) + join(pictures)

    def decode(data: bytes, shape: tuple[int, ...]) -> Array:
        (low,) = struct.unpack_from("<q", data)
        levels = np.stack([imagecodecs.jpegxl_decode(part) for part in split(data[8:])])
        return (levels.reshape(shape).astype(np.float64) + low) * step

    return Volumes("quantising + JPEG XL", encode, decode)


def jpeg2000(decibels: float, bits: int = 16) -> Pictures:
    """JPEG 2000 by OpenJPEG, all bands of a date in one picture, at a PSNR of the whole scale."""
    return Pictures(
        f"JPEG 2000 {bits} bit",
        partial(
            imagecodecs.jpeg2k_encode, level=decibels, codecformat="j2k", planar=True, mct=False,
            bitspersample=bits, reversible=False, numthreads=1,
        ),
        partial(imagecodecs.jpeg2k_decode, planar=True),
        bits,
    )  # fmt: skip


def jpeg_xl(distance: float) -> Pictures:
    """JPEG XL, a band of a date at a time, at a distance of its own scale."""
    return Pictures(
        "JPEG XL",
        lambda date: join(
            [imagecodecs.jpegxl_encode(band, distance=distance, numthreads=1) for band in date]
        ),
        lambda data: np.stack([imagecodecs.jpegxl_decode(part) for part in split(data)]),
    )


def recipes(bands: int, quality: float, *, quick: bool) -> Iterator[Recipe]:
    """The ways of xarrayvideo at one quality, as far as what is installed has the depths."""
    ways = [("libx265", bits, "PyAV") for bits in ((12,) if quick else (8, 10, 12))]
    ways.append(("libvpx-vp9", 8, "PyAV"))
    if program() and not quick:
        ways += [("libvpx-vp9", bits, "ffmpeg") for bits in (10, 12)]  # PyAV's wheels have 8
    for coder, bits, through in ways:
        yield Recipe(coder, quality, bits, through=through)
    yield Recipe("libx265", quality, 12, info=False)
    if bands > 1:
        for count in sorted({min(3, bands), bands}):
            yield Recipe("libx265", quality, 12, pca=count)


def rate_peers(bands: int, span: float, nodata: float | None, *, quick: bool) -> Iterator[Peer]:
    """Every peer at all of its points of a rate-distortion curve."""
    # Between the paper's own qualities a curve may bend, which interpolation would not see.
    for quality in (1, 2, 3, 4, 5, 6) if quick else (0, 1, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6):
        for recipe in recipes(bands, quality, quick=quick):
            yield Peer(recipe, recipe.label, nodata, fills=False)
    for decibels in range(25, 76, 10 if quick else 5):
        for bits in (16,) if quick else (8, 10, 12, 16):
            yield Peer(jpeg2000(decibels, bits), f"{decibels} dB", nodata)
        yield Peer(sperr_at(decibels, span), f"{decibels} dB", nodata)
    for distance in (15, 5, 1, 0.2, 0.05) if quick else (25, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05):
        yield Peer(jpeg_xl(distance), f"distance {distance}", nodata)
    for part in (1, 0.1, 0.01, 0.001) if quick else (1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003):
        for make in (sz3, zfp):
            yield Peer(make(part * span), f"±{part:g} of the range", nodata)


def bounded_peers(bound: float, array: Array, nodata: float | None) -> Iterator[Peer]:
    """Every peer that keeps a largest error."""
    filled = np.where(valid_cells(array, nodata=nodata), array, 0).astype(np.float32)
    if array.dtype.kind in "iu":
        reach, step = bound + 0.49, 2 * bound + 1  # what comes back is rounded
    else:
        reach = bound - float(np.spacing(np.nanmax(np.abs(filled))))  # of the last rounding
        step = 2 * reach
    for coder in (sz3(reach), sperr(reach), zfp(reach), quantised(step), quantised_pictures(step)):
        yield Peer(coder, f"±{bound:g}", nodata)
    yield Peer(bit_rounding(bound, filled), f"±{bound:g}", nodata)


@dataclass
class Exact:
    """A codec of bytes, as Zarr would use it: on the whole chunk, missing cells and all."""

    name: str
    codec: Any

    def __repr__(self) -> str:
        return self.name

    def encode(self, array: Array) -> bytes:
        """Encode the array as it is."""
        self._original = array
        return bytes(self.codec.encode(np.ascontiguousarray(array)))

    def decode(self, payload: bytes) -> Array:
        """Decode into the shape and dtype of the original."""
        data = self.codec.decode(payload)
        array = data if isinstance(data, np.ndarray) else np.frombuffer(data, np.uint8)
        return array.reshape(-1).view(self._original.dtype).reshape(self._original.shape)


@dataclass
class ByPicture:
    """A lossless coder of pictures, one band of one date at a time."""

    encode_one: Callable[[Array], bytes]
    decode_one: Callable[[bytes], Array]

    def encode(self, array: Array) -> bytes:
        """All pictures behind their lengths."""
        return join([self.encode_one(picture) for picture in array.reshape(-1, *array.shape[-2:])])

    def decode(self, payload: bytes) -> Array:
        """All pictures."""
        return np.stack([self.decode_one(part) for part in split(payload)])


@dataclass
class Pcodec:
    """pcodec on the whole chunk."""

    array: Array

    def encode(self, array: Array) -> bytes:
        """Encode at the level that spends most time."""
        return imagecodecs.pcodec_encode(array, level=12)

    def decode(self, payload: bytes) -> Array:
        """Decode into the dtype of the original."""
        return imagecodecs.pcodec_decode(payload, shape=self.array.shape, dtype=self.array.dtype)


def lossless_peers(array: Array) -> Iterator[Exact]:
    """Every lossless peer that takes the dtype."""
    yield Exact("Zarr's default", Zstd(0))
    yield Exact("Blosc zstd 9 bitshuffle", Blosc("zstd", 9, Blosc.BITSHUFFLE))
    yield Exact("Blosc zstd 9 shuffle", Blosc("zstd", 9, Blosc.SHUFFLE))
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        exact = partial(imagecodecs.jpegxl_encode, lossless=True, effort=7, numthreads=1)
        yield Exact("JPEG XL", ByPicture(exact, imagecodecs.jpegxl_decode))
        bits = 8 * array.dtype.itemsize
        reversible = partial(
            imagecodecs.jpeg2k_encode, level=0, codecformat="j2k", mct=False, bitspersample=bits,
            reversible=True, numthreads=1,
        )  # fmt: skip
        yield Exact("JPEG 2000", ByPicture(reversible, imagecodecs.jpeg2k_decode))
    if array.dtype == np.uint8 and array.ndim == 3:
        yield Exact("xarrayvideo FFV1", ClassVideo())
    if array.dtype.itemsize >= 2:
        yield Exact("pcodec", Pcodec(array))
