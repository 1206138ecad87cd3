"""What a chunk can be: strategies of arrays, settings and headers, and exact measures."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numcodecs_video import Jpeg2kCodec, VideoCodec
from numcodecs_video.coders.mosaic import plan_mosaic
from numcodecs_video.config import FIDELITY_KINDS
from numcodecs_video.format.header import (
    FORMAT_VERSION,
    LAYER_KINDS,
    PIXEL_FORMATS,
    Header,
    Layer,
    Missing,
    Promise,
    Transform,
    Values,
)
from numcodecs_video.format.payload import MAGIC
from numcodecs_video.format.registry import CODERS

VIDEO_CODECS = ("auto", "hevc", "ffv1", "vp9", "av1", "h264")
PICTURE_CODECS = ("jpeg2k", "htj2k")
CODECS = (*VIDEO_CODECS, *PICTURE_CODECS)
QUANTISED_CODECS = ("auto", "hevc", "vp9", "av1", "h264")
LOSSY_CODECS = (*QUANTISED_CODECS, *PICTURE_CODECS)
INTEGERS = ("i1", "u1", "<i2", ">i2", "<u2", ">u2", "<i4", ">i4", "<u4", ">u4")
WIDE_INTEGERS = ("<i8", ">i8", "<u8", ">u8")
FLOATS = ("<f2", ">f2", "<f4", ">f4", "<f8", ">f8")
NUMBERS = (*INTEGERS, *WIDE_INTEGERS, *FLOATS)
TIMES = ("<M8[ns]", ">M8[s]", "<m8[D]", ">m8[ms]")
DTYPES = ("?", *NUMBERS, *TIMES)
LAYOUTS = ("C", "F", "strided", "flipped", "read-only", "transposed")
MOST_CELLS = 12_000

#: bit patterns of NaN and infinities: quiet, negative, with a payload, signalling
_PATTERNS = {
    2: (0x7E00, 0xFE00, 0x7E2A, 0x7D01, 0x7C00, 0xFC00),
    4: (0x7FC00000, 0xFFC00000, 0x7FC0002A, 0x7FA00001, 0x7F800000, 0xFF800000),
    8: (
        0x7FF8000000000000, 0xFFF8000000000000, 0x7FF800000000002A, 0x7FF4000000000001,
        0x7FF0000000000000, 0xFFF0000000000000,
    ),
}  # fmt: skip


def codec_of(name: str, *, gop: int | None = None, **words: Any) -> VideoCodec | Jpeg2kCodec:
    """The codec of one of ``CODECS``; JPEG 2000 has no segments to choose."""
    if name in PICTURE_CODECS:
        return Jpeg2kCodec(htj2k=name == "htj2k", **words)
    return VideoCodec(name, gop=gop, **words)


@dataclass(frozen=True)
class Sample:
    """An array as Zarr may hand it over, the axes that it has, and a sentinel that it may hold."""

    array: np.ndarray
    axes: str | None
    nodata: int | float | None = None
    content: str = ""

    def __repr__(self) -> str:
        a = self.array
        return (
            f"Sample({self.content}: {a.dtype.str} {a.shape}, strides {a.strides}, "
            f"axes {self.axes}, nodata {self.nodata})"
        )


# What the cells hold: each maker returns float64 values in -1..1, shape (T, C, Y, X).
Shape = tuple[int, int, int, int]


def _grid(shape: Shape) -> list[np.ndarray]:
    return np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")


def _smooth(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    t, c, y, x = _grid(shape)
    return np.sin(t / 9 + c) * np.cos(y / 7) * np.sin(x / 11 + 1)


def _noise(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(-1, 1, shape)


def _constant(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    return np.full(shape, rng.uniform(-1, 1))


def _impulse(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    values = np.zeros(shape)
    if values.size:
        values.reshape(-1)[rng.integers(values.size)] = 1
    return values


def _checkerboard(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    return sum(_grid(shape)) % 2 * 2.0 - 1


def _extremes(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    return rng.choice([-1.0, 1.0], shape)


def _sparse(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(shape) < 0.03, rng.uniform(-1, 1, shape), 0)


CONTENTS: dict[str, Callable[[Shape, np.random.Generator], np.ndarray]] = {
    "smooth": _smooth,
    "noise": _noise,
    "constant": _constant,
    "impulse": _impulse,
    "checkerboard": _checkerboard,
    "extremes": _extremes,
    "sparse": _sparse,
}


def _as_dtype(unit: np.ndarray, dtype: np.dtype, draw: Any) -> np.ndarray:
    """Spread values of -1..1 over a part of the dtype's range, its ends included."""
    if dtype.kind == "b":
        return (unit > 0).astype(dtype)
    if dtype.kind == "f":
        info = np.finfo(dtype)
        scale = draw(
            st.sampled_from(
                [1.0, 300.0, 1e-3, float(info.max), float(info.tiny), float(info.tiny) / 8, 3e4]
                + ([1e300, 1e-310] if dtype.itemsize == 8 else [])
            )
        )
        offset = draw(st.sampled_from([0.0, 0.0, 280.0, -0.9 * float(info.max)]))
        with np.errstate(over="ignore", under="ignore"):
            values = (unit * scale + offset).astype(dtype)
        return np.clip(values, info.min, info.max).astype(dtype)
    info = np.iinfo(f"i{dtype.itemsize}" if dtype.kind in "mM" else dtype)
    span = draw(st.sampled_from([1, 7, 255, 4095, 2**20, 2**40, 2**63]))
    middle = draw(st.sampled_from([0, info.min, info.max, 1000]))
    # Python integers: 64 bits do not fit a double.
    whole = np.clip((unit.astype(object) * span).astype(object), -(2**70), 2**70)
    exact = np.array([int(v) + middle for v in whole.reshape(-1)], object)
    exact = np.clip(exact, info.min, info.max) if exact.size else exact
    values = exact.astype(f"{'u' if info.min == 0 else 'i'}{dtype.itemsize}").reshape(unit.shape)
    order = dtype.byteorder if dtype.byteorder in "<>" else "="
    return values.astype(values.dtype.newbyteorder(order)).view(dtype)


def _punch_holes(values: np.ndarray, pattern: str, rng: np.random.Generator) -> np.ndarray:
    """Put NaN, infinities or NaT of several bit patterns into cells of float and time arrays."""
    dtype = values.dtype
    if pattern == "none" or dtype.kind not in "fmM" or not values.size:
        return values
    where = np.zeros(values.shape, bool)
    if pattern == "all":
        where[...] = True
    elif pattern == "scattered":
        where |= rng.random(values.shape) < 0.2
    elif pattern == "land":
        where |= rng.random(values.shape[1:]) < 0.4
    else:  # a block
        where[..., : (values.shape[2] + 1) // 2, : (values.shape[3] + 1) // 2] = True
    bits = values.view(np.dtype(f"u{dtype.itemsize}").newbyteorder(dtype.byteorder))
    if dtype.kind in "mM":
        bits[where] = 2**63
    elif pattern == "scattered" and rng.random() < 0.2:
        # Every NaN with bits of its own: more patterns than the class map holds.
        payload = rng.integers(1, 2**9, int(where.sum()), dtype=np.uint64)
        bits[where] = (_PATTERNS[dtype.itemsize][0] + payload).astype(bits.dtype)
    else:
        bits[where] = rng.choice(
            np.array(_PATTERNS[dtype.itemsize], np.uint64), int(where.sum())
        ).astype(bits.dtype)
    return values


def lay_out(array: np.ndarray, layout: str) -> np.ndarray:
    """The same values in another memory layout."""
    if layout == "F" or not array.ndim:
        return np.array(array, order="F")
    if layout == "strided":
        wide = np.zeros([2 * n for n in array.shape], array.dtype)
        view = wide[tuple(slice(None, None, 2) for _ in array.shape)]
        view[...] = array
        return view
    if layout == "flipped":
        back = tuple(slice(None, None, -1) for _ in array.shape)
        return array[back].copy()[back]
    if layout == "transposed" and array.ndim > 2:
        return np.ascontiguousarray(array.swapaxes(0, 1)).swapaxes(0, 1)
    copy = np.array(array, order="C")
    copy.flags.writeable = layout != "read-only"
    return copy


side = st.one_of(
    st.integers(1, 130), st.sampled_from([1, 2, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 72, 128])
)


@st.composite
def shapes(draw: Any, least_ndim: int = 0) -> tuple[tuple[int, ...], str | None]:
    """A shape of 0 to 5 dimensions and its axes; now and then without cells."""
    ndim = draw(st.sampled_from([n for n in (3, 2, 4, 5, 1, 0) if n >= least_ndim]))
    if ndim < 2:
        return tuple(draw(st.integers(0, 200)) for _ in range(ndim)), None
    letters = "".join(draw(st.sampled_from(["t", "c"])) for _ in range(ndim - 2)) + "yx"
    axes = "".join(draw(st.permutations(letters)))
    left, length = MOST_CELLS, {}
    for position in sorted(range(ndim), key=lambda i: "xtcy".index(axes[i])):
        letter = axes[position]
        wanted = {
            "x": side,
            "t": st.integers(1, 40),
            "c": st.integers(1, 7),
            "y": st.integers(1, 40),
        }[letter]
        length[position] = min(draw(wanted), max(left, 1))
        left //= length[position]
    shape = [length[i] for i in range(ndim)]
    if draw(st.integers(0, 19)) == 0:
        shape[draw(st.integers(0, ndim - 1))] = 0
    if ndim == 2 and draw(st.booleans()):
        return tuple(shape), None
    return tuple(shape), axes


@st.composite
def samples(
    draw: Any, dtypes: tuple[str, ...] = DTYPES, least_ndim: int = 0, sentinel: bool = True
) -> Sample:
    """Any array that the codec can be given."""
    shape, axes = draw(shapes(least_ndim))
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    content = draw(st.sampled_from(list(CONTENTS)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    canonical: Shape = tuple([1] * max(0, 4 - len(shape)) + [*shape])[-4:]  # type: ignore[assignment]
    if len(shape) == 5:
        canonical = (shape[0] * shape[1], *shape[2:])  # type: ignore[assignment]
    values = np.ascontiguousarray(_as_dtype(CONTENTS[content](canonical, rng), dtype, draw))
    values = values.astype(dtype, copy=False)
    holes = draw(st.sampled_from(["none", "scattered", "land", "block", "all"]))
    values = _punch_holes(values, holes, rng)
    if dtype.kind == "f" and draw(st.booleans()):
        values[(rng.random(values.shape) < 0.1) & (values == 0)] = -0.0
    nodata = None
    if sentinel and dtype.kind in "iuf" and draw(st.booleans()):
        nodata = draw(st.sampled_from([0, 1, 255, -9999, 2**31 - 1, 2**63 - 1, -9999.0, 1e20]))
        if fits(nodata, dtype):
            values[rng.random(values.shape) < 0.1] = nodata
    array = lay_out(values.reshape(shape), draw(st.sampled_from(LAYOUTS)))
    return Sample(array, axes, nodata, f"{content}, {holes}")


@st.composite
def bounds(draw: Any, sample: Sample) -> float:
    """A bound that means something to a sample: from far above its range to below its rounding."""
    factor = draw(st.sampled_from([10.0, 1.0, 0.3, 0.1, 1e-2, 1e-3, 1e-5, 1e-9]))
    span = float(span_of(sample.array))
    if sample.array.dtype.kind in "iu" and draw(st.booleans()):
        return draw(st.sampled_from([0.5, 1, 1.5, 2, 7, 100.25]))
    bound = span * factor if 0 < span * factor < math.inf else factor
    return max(bound, 5e-324)


@st.composite
def packed(draw: Any) -> tuple[np.ndarray, np.ndarray, float]:
    """Rounded points of a lattice, which of them are valid, and a bound of some of its steps."""
    dtype = np.dtype(draw(st.sampled_from(FLOATS)))
    step = draw(st.sampled_from([1.0, 4.0, 0.1, 0.25, 0.0013179950, 2.0**-10, 1 / 3]))
    offset = draw(st.sampled_from([0.0, -3.0, 1.0, 7.3, 273.15]))
    top = draw(st.sampled_from([1, 3, 40, 900]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (4, 2, 9, 8)
    cube = (offset + step * rng.integers(0, top + 1, shape)).astype(dtype)
    if draw(st.booleans()):
        cube[rng.random(shape) < draw(st.sampled_from([0.1, 0.99]))] = np.nan
    bound = step * draw(st.sampled_from([0.2, 0.5, 1.0, 1.5, 2.0, 3.7, 20.0, 60.0]))
    return cube, np.isfinite(cube), bound


@st.composite
def fidelities(draw: Any, sample: Sample) -> dict[str, float]:
    """A promise of any lossy kind that means something to a sample, as a keyword setting."""
    return draw(
        st.one_of(
            st.builds(dict, max_error=bounds(sample)),
            st.builds(dict, max_relative_error=st.sampled_from([0.5, 0.1, 1e-2, 1e-4, 1e-9])),
            st.builds(dict, rmse=bounds(sample)),
            st.builds(dict, psnr=st.sampled_from([5, 20, 35, 50, 80, 150])),
            st.builds(dict, qp=st.integers(0, 51)),
        )
    )


def span_of(array: np.ndarray) -> float:
    """Largest minus smallest finite value, as a double; 0 without any."""
    if array.dtype.kind not in "iuf":
        return 1.0
    finite = array[np.isfinite(array)]
    return float(finite.max()) - float(finite.min()) if finite.size else 0.0


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal shape, dtype with byte order, and bytes of every cell."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def valid_cells(sample: Sample) -> np.ndarray:
    """True where a cell is finite and not the sentinel."""
    array = sample.array
    valid = np.isfinite(array) if array.dtype.kind in "fmM" else np.ones(array.shape, bool)
    if sample.nodata is not None and fits(sample.nodata, array.dtype):
        valid &= array != np.array(sample.nodata).astype(array.dtype)
    return valid


def fits(value: int | float, dtype: np.dtype) -> bool:
    """Whether a number lies in the range of an integer or float dtype."""
    if dtype.kind not in "iuf":
        return False
    info = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    return float(info.min) <= value <= float(info.max) and (
        dtype.kind == "f" or info.min <= value <= info.max
    )


def worst_error(original: np.ndarray, decoded: np.ndarray) -> Fraction:
    """The largest absolute difference of two 1-D arrays without missing cells, in exact arithmetic.

    Only cells that a double takes for the worst ones are computed exactly.
    """
    if not original.size:
        return Fraction(0)
    if original.dtype.kind in "iu":
        a, b = original.astype(object), decoded.astype(object)
        return Fraction(int(np.abs(a - b).max()))
    a, b = original.astype("f8"), decoded.astype("f8")
    with np.errstate(over="ignore"):
        rough = np.abs(a - b)
        near = rough >= rough.max() * (1 - 1e-12)
    return max(
        abs(Fraction(p) - Fraction(q)) for p, q in zip(a[near][:500], b[near][:500], strict=True)
    )


cubes = hnp.array_shapes(min_dims=4, max_dims=4, max_side=7)


@st.composite
def class_maps(draw: Any) -> tuple[np.ndarray, int, np.ndarray]:
    """A class map uint8 (T, C, Y, X), its number of classes, and the map before it (C, Y, X)."""
    shape = draw(cubes)
    count = draw(st.sampled_from([1, 2, 255]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    maps = rng.integers(0, count + 1, (shape[0] + 1, *shape[1:]), dtype=np.uint8)
    return maps[1:], count, maps[0]


def rmse_of(sample: Sample, decoded: np.ndarray) -> float:
    """Root mean square error over valid cells, scaled so that no square overflows."""
    valid = valid_cells(sample)
    if not valid.any():
        return 0.0
    original, values = sample.array[valid], decoded[valid]
    if original.dtype.kind in "iu":
        error = (values.astype(object) - original.astype(object)).astype("f8")
    else:
        with np.errstate(over="ignore"):
            error = values.astype("f8") - original.astype("f8")
    largest = float(np.abs(error).max())
    if not 0 < largest < math.inf:
        return largest
    return largest * math.sqrt(float(np.mean((error / largest) ** 2)))


# Headers, as any later version of the encoder may write them.
number = st.integers(0, 2**40)
finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def headers(draw: Any) -> tuple[Header, tuple[tuple[bytes, ...], ...]]:
    """A consistent header and the bytes of its sections."""
    ndim = draw(st.integers(0, 5))
    shape = tuple(draw(st.integers(1, 6)) for _ in range(ndim))
    axes = ""
    if ndim >= 2 and draw(st.booleans()):
        letters = "".join(draw(st.sampled_from("tc")) for _ in range(ndim - 2)) + "yx"
        axes = "".join(draw(st.permutations(letters)))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    bare = Header(dtype.str, shape, draw(st.sampled_from("CF")), axes, draw(st.integers(1, 9)))
    frames, bands, height, width = bare.cube_shape
    kinds = draw(st.lists(st.sampled_from(LAYER_KINDS), max_size=4, unique=True))
    layers = []
    for kind in kinds:
        planes = draw(st.one_of(st.none(), st.integers(1, bands)))
        mosaic = None if planes is None else plan_mosaic(planes, height, width, 16)
        layers.append(
            Layer(
                kind,
                draw(st.sampled_from(sorted(CODERS))),
                draw(st.integers(0, 16)),
                draw(st.sampled_from(PIXEL_FORMATS)),
                draw(st.booleans()),
                draw(st.booleans()),
                draw(st.integers(-(2**16) + 1, 2**16 - 1)),
                draw(st.integers(0, 2**40)),
                mosaic,
            )
        )
    sections = tuple(
        tuple(draw(st.binary(max_size=20)) for _ in layers)
        for _ in range(bare.segments + 1 if layers else 0)
    )
    values = draw(
        st.one_of(
            st.builds(
                Values,
                st.just("integer"),
                st.integers(-(2**63), 2**64 - 1),
                st.integers(1, 2**40),
                number,
            ),
            st.builds(Values, st.sampled_from(["real", "relative"]), finite, finite, number),
            st.builds(Values, st.just("table"), st.just(0), st.just(1), number),
            st.builds(Values, st.just("ordered"), st.integers(0, 2**64 - 1), st.just(1), number),
        )
    )
    first = len(bare.frames_of(0))
    kinds = ["parts", "linear", *(["grouped"] if first > 1 else [])]
    kind_of_transform = draw(st.sampled_from(kinds))
    most = min(256, first) if kind_of_transform == "grouped" else 1
    transform = Transform(
        kind_of_transform,
        draw(st.integers(1, 8)),
        draw(st.integers(1, 2**32 - 1)),
        draw(st.integers(4, 40)),
        tuple(draw(st.lists(st.integers(-(2**14), 2**14), max_size=4))),
        tuple(draw(st.lists(st.integers(-(2**22) + 1, 2**22 - 1), max_size=4))),
        draw(st.integers(min(2, most), most)),
    )
    pattern = st.binary(min_size=dtype.itemsize, max_size=dtype.itemsize)
    missing = draw(
        st.one_of(
            st.none(),
            st.builds(Missing, st.lists(pattern, min_size=1, max_size=4).map(tuple), st.booleans()),
        )
    )
    kind = draw(st.sampled_from(FIDELITY_KINDS))
    promise = (
        Promise(kind, draw(finite), draw(finite)) if kind != "lossless" else Promise(kind, 0, 0)
    )
    header = Header(
        dtype.str,
        shape,
        bare.order,
        axes,
        bare.segment_frames,
        tuple(layers),
        values,
        transform,
        missing,
        promise,
        draw(st.sampled_from([(), tuple(draw(st.permutations(range(frames))))])),
        tuple(draw(st.lists(st.lists(st.integers(0, 300), max_size=3).map(tuple), max_size=4))),
        draw(st.text(max_size=12)),
    )
    return header, sections


def seal(body: bytes, sections: bytes) -> bytes:
    """A payload of a header's fields and its sections, with the right length and checksum."""
    start = struct.pack("<4sHHI", MAGIC, FORMAT_VERSION, 0, len(body))
    return start + struct.pack("<I", zlib.crc32(body, zlib.crc32(start))) + body + sections
