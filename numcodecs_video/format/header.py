"""What the header of a chunk says: its layers, values, transform, missing cells and sections.

Dataclasses and the closed lists that their fields choose from; :mod:`~.format.payload` knows how
they become bytes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Literal

__all__ = [
    "BIAS_BITS",
    "FORMAT_VERSION",
    "LAYER_KINDS",
    "PIXEL_FORMATS",
    "TRANSFORM_KINDS",
    "VALUE_KINDS",
    "WEIGHT_BITS",
    "Header",
    "Layer",
    "LayerKind",
    "Missing",
    "Mosaic",
    "Promise",
    "Section",
    "Transform",
    "Values",
]

FORMAT_VERSION = 1

LayerKind = Literal["exact", "missing", "base", "residual", "table"]
# The order of these tuples is the numbering on disk: append, never reorder.
LAYER_KINDS: tuple[LayerKind, ...] = ("exact", "missing", "base", "residual", "table")
PIXEL_FORMATS = (
    "", "gray", "gray9le", "gray10le", "gray12le", "gray14le", "gray16le", "yuv420p",
    "yuv420p10le", "yuv420p12le",
)  # fmt: skip
VALUE_KINDS = ("integer", "real", "table", "relative", "ordered")
TRANSFORM_KINDS = ("parts", "linear", "grouped")
#: the integer weights of a transform of bands stand for multiples of 2**-13, of groups coarser ones
WEIGHT_BITS = 13
#: the offsets of a band transform are in sixteenths of a level
BIAS_BITS = 4


@dataclass(frozen=True)
class Mosaic:
    """How the planes of a time step or of a group tile a frame: row by row, ``columns`` a row.

    Plane ``p`` has its top left corner at row ``p // columns * height`` and column
    ``p % columns * width``; what the planes do not cover is padding.
    """

    planes: int
    height: int
    width: int
    columns: int
    frame_height: int
    frame_width: int


@dataclass(frozen=True)
class Layer:
    """One kind of bytes that every section holds, and how they are coded.

    Parameters
    ----------
    kind : str
        One of ``LAYER_KINDS``.
    coder : str
        A name of :data:`~.format.registry.CODERS`.
    bits : int
        Sample depth.
    pixel_format : str
        One of ``PIXEL_FORMATS``; empty where the coder is no video coder.
    delta : bool
        Samples are differences to the previous frame of the segment, plus ``2**(bits - 1)``, modulo
        ``2**bits``; the first frame is as it is.
    key : bool
        The shared section ends with a key picture that every segment predicts from.
    offset : int
        Subtracted from every sample (residuals are signed, samples are not).
    step : int
        Levels that one unit of a residual stands for.
    mosaic : Mosaic, optional
        The frame geometry of a video coder.
    """

    kind: LayerKind
    coder: str
    bits: int = 0
    pixel_format: str = ""
    delta: bool = False
    key: bool = False
    offset: int = 0
    step: int = 1
    mosaic: Mosaic | None = None


@dataclass(frozen=True)
class Values:
    """How levels become values; ``top`` is the largest level.

    ``integer`` is ``offset + step * level`` in integers, ``real`` the same in float64. ``table`` is
    entry ``level`` of the table layer. ``relative`` is 0 at level ``zero`` and ``offset *
    step**n`` at ``n + 1`` levels above it, the negative of that below. ``ordered`` is float number
    ``offset + level`` of all floats of the dtype in increasing order.
    """

    kind: Literal["integer", "real", "table", "relative", "ordered"]
    offset: float | int = 0
    step: float | int = 1
    top: int = 0
    zero: int = 0


@dataclass(frozen=True)
class Transform:
    """How the samples of the base become levels, in integers alone.

    ``parts``: band ``c`` has ``parts`` planes ``c + i * C``, each with the next higher bits.

    ``linear``: level ``c`` is ``(gain * sum(weights[c, p] * sample[p]) + bias[c] * 2**(shift - 4)
    + 2**(shift - 1)) >> shift``; ``weights`` holds C rows, or nothing where planes are bands.

    ``grouped``: the same of the bands of ``frames`` frames, one frame's after the other's, as if
    they were the bands of one. The last frames of a segment's last group may be beyond its end.
    """

    kind: Literal["parts", "linear", "grouped"] = "parts"
    parts: int = 1
    gain: int = 1
    shift: int = 0
    weights: tuple[int, ...] = ()
    bias: tuple[int, ...] = ()
    frames: int = 1

    @property
    def mixes(self) -> bool:
        """Whether a level depends on more than one sample, or on another frame's."""
        return bool(self.weights) or self.parts > 1 or self.frames > 1

    def planes(self, bands: int) -> int:
        """Planes of a time step, or of a group of them, of ``bands`` bands."""
        if self.kind == "parts":
            return self.parts * bands
        bands *= self.frames
        return len(self.weights) // bands if self.weights else bands

    def groups(self, frames: int) -> int:
        """Groups of a segment of so many frames."""
        return -(-frames // self.frames)


@dataclass(frozen=True)
class Missing:
    """The bit patterns of the classes 1, 2, ... of the map of missing cells.

    Parameters
    ----------
    patterns : tuple of bytes
    shared : bool
        All bands share one map.
    values : int
        So many of the last classes are values, which a coder would have made sentinels.
    """

    patterns: tuple[bytes, ...]
    shared: bool
    values: int = 0


@dataclass(frozen=True)
class Promise:
    """What was promised for the chunk, and the realised figure of the same kind.

    ``realised`` is the largest absolute error for ``max_error``, the largest relative error for
    ``max_relative_error``, the RMSE or PSNR for those; 0 when lossless; NaN when nothing was
    promised (``qp``).
    """

    kind: str
    requested: float
    realised: float


@dataclass(frozen=True)
class Section:
    """The stored layers of one segment (or of the shared section): lengths and a CRC32."""

    lengths: tuple[int, ...]
    crc: int

    @property
    def size(self) -> int:
        """Bytes of all layers."""
        return sum(self.lengths)


@dataclass(frozen=True)
class Header:
    """Everything that decoding a chunk needs besides the sections themselves.

    Parameters
    ----------
    dtype : str
        NumPy type string with byte order, such as ``"<f4"``.
    shape : tuple of int
        The chunk's shape as stored.
    order : {"C", "F"}
        Memory order of the array that the decoder returns.
    axes : str
        One letter a dimension, empty when the chunk took the exact path as a run of bytes.
    segment_frames : int
        Frames per segment; the last may have fewer.
    layers : tuple of Layer
        The layers that every section holds, in order.
    basis : bytes
        Digest of the fixed band basis that was used, empty when there was none.
    sections : tuple of Section
        The shared section first, then one for each segment.
    """

    dtype: str
    shape: tuple[int, ...]
    order: Literal["C", "F"] = "C"
    axes: str = ""
    segment_frames: int = 1
    layers: tuple[Layer, ...] = ()
    values: Values = Values("integer")
    transform: Transform = Transform()
    missing: Missing | None = None
    promise: Promise = Promise("lossless", 0.0, 0.0)
    frame_order: tuple[int, ...] = ()
    writer: tuple[tuple[int, ...], ...] = ()
    candidate: str = ""
    basis: bytes = b""
    sections: tuple[Section, ...] = ()
    size: int = field(default=0, compare=False)

    @property
    def itemsize(self) -> int:
        """Bytes of one value."""
        return 1 if self.dtype[1] == "b" else int(re.findall(r"\d+", self.dtype)[0])

    @property
    def nbytes(self) -> int:
        """Bytes of the decoded chunk."""
        return math.prod(self.shape) * self.itemsize

    @property
    def cube_shape(self) -> tuple[int, int, int, int]:
        """The canonical shape (T, C, Y, X); one dimension only for a run of values."""
        if not self.axes:
            return (1, 1, 1, math.prod(self.shape))
        extent = dict.fromkeys("tcyx", 1)
        for letter, length in zip(self.axes, self.shape, strict=True):
            extent[letter] *= length
        return (extent["t"], extent["c"], extent["y"], extent["x"])

    @property
    def segments(self) -> int:
        """Number of segments."""
        return -(-self.cube_shape[0] // self.segment_frames)

    def frames_of(self, segment: int) -> range:
        """The coded frames of a segment, as positions along the coding order."""
        start = segment * self.segment_frames
        return range(start, min(start + self.segment_frames, self.cube_shape[0]))

    def layer_index(self, kind: LayerKind) -> int | None:
        """Position of the layer of a kind, or None."""
        return next((i for i, layer in enumerate(self.layers) if layer.kind == kind), None)

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        return tuple(accumulate((s.size for s in self.sections), initial=self.size))

    def section_range(self, index: int) -> tuple[int, int]:
        """Byte offsets (start, stop) of a section in the payload; 0 is the shared section."""
        return self._starts[index], self._starts[index + 1]

    @property
    def payload_size(self) -> int:
        """Bytes of the whole payload."""
        return self._starts[-1]

    def summary(self) -> dict[str, object]:
        """What a person wants to know, JSON-safe and in reading order."""
        base = self.layer_index("base")
        layer = self.layers[base] if base is not None else None
        out: dict[str, object] = {
            "format": FORMAT_VERSION,
            "dtype": self.dtype,
            "shape": list(self.shape),
            "order": self.order,
            "axes": self.axes,
            "promise": self.promise.kind,
        }
        if self.promise.kind != "lossless":
            out["requested"] = self.promise.requested
        if not math.isnan(self.promise.realised):
            out["realised"] = self.promise.realised
        out["candidate"] = self.candidate
        if layer is not None:
            out["coder"] = layer.coder
            out["bits"] = layer.bits
            out["pixel_format"] = layer.pixel_format
            if self.basis:
                out["fixed_basis"] = self.basis.hex()
            if layer.key:
                out["key_picture"] = True
            if self.transform.weights:
                out["components"] = self.transform.planes(self.cube_shape[1])
                out["bands"] = self.cube_shape[1]
            if self.transform.frames > 1:
                out["frames_per_picture"] = self.transform.frames
            if layer.mosaic is not None:
                m = layer.mosaic
                out["frame"] = {"width": m.frame_width, "height": m.frame_height}
                out["planes"] = {
                    "count": m.planes,
                    "width": m.width,
                    "height": m.height,
                    "columns": m.columns,
                }
        elif self.layers:
            out["coder"] = self.layers[0].coder
        out["values"] = self.values.kind
        out["offset"] = self.values.offset
        out["step"] = self.values.step
        if self.missing is not None:
            out["missing_patterns"] = [p.hex() for p in self.missing.patterns]
        out["segments"] = self.segments
        out["frames_per_segment"] = self.segment_frames
        out["coders"] = {layer.kind: layer.coder for layer in self.layers}
        sizes: dict[str, int] = {"header": self.size}
        for i, layer in enumerate(self.layers):
            sizes[layer.kind] = sum(section.lengths[i] for section in self.sections)
        out["bytes"] = {**sizes, "total": self.payload_size}
        out["raw_bytes"] = self.nbytes
        names = ("numcodecs_video", "PyAV", "libavcodec", "imagecodecs")
        out["written_by"] = {
            name: ".".join(map(str, version))
            for name, version in zip(names, self.writer, strict=False)
        }
        return out
