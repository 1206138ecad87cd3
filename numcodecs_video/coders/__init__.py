"""Samples to bytes and back: one protocol, one file a coder, all of them named in one registry.

A coder gets planes of samples (T, P, Y, X) and gives one byte string for the whole chunk (what
every segment needs) and one a segment. It knows nothing of values, transforms or payloads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.coders.structure import USUAL, Structure
from numcodecs_video.errors import DecodeError
from numcodecs_video.format.header import Layer
from numcodecs_video.format.registry import CODERS

__all__ = [
    "NOTHING",
    "Coder",
    "EncodeSpec",
    "EncodedPlanes",
    "Known",
    "Structure",
    "ValueCoder",
    "find_coder",
    "find_value_coder",
    "quantiser_step",
    "sample_dtype",
]


@dataclass(frozen=True)
class EncodeSpec:
    """One way to encode planes.

    Parameters
    ----------
    bits : int
        Sample depth, one that the coder has.
    quantiser : int, optional
        On HEVC's scale (:func:`quantiser_step`), or the coder's own; None is lossless.
    options : tuple of (name, value)
        The coder's own settings, of an effort.
    raw_options : tuple of (name, value)
        Those of the user, already checked: they win.
    structure : Structure
        How pictures depend on each other, for coders that predict in time.
    """

    bits: int
    quantiser: int | None = None
    options: tuple[tuple[str, str], ...] = ()
    raw_options: tuple[tuple[str, str], ...] = ()
    structure: Structure = USUAL


@dataclass(frozen=True, eq=False)
class Known:
    """What a decoder knows of planes before it decodes them: coders may use it as they like.

    Parameters
    ----------
    valid : bool array, shape (T, P, Y, X), optional
        False where samples are never looked at.
    picture : uint array, shape (T, P, Y, X), optional
        What the planes are the residual of.
    """

    valid: NDArray[np.bool_] | None = None
    picture: NDArray[Any] | None = None

    def frames(self, segment: range) -> Known:
        """What is known of a segment's frames."""
        part = slice(segment.start, segment.stop)
        return Known(
            None if self.valid is None else self.valid[part],
            None if self.picture is None else self.picture[part],
        )


#: of planes that nothing is known of
NOTHING = Known()


@dataclass(frozen=True)
class EncodedPlanes:
    """Planes as bytes, and what the header must say of them.

    Parameters
    ----------
    layer : Layer
        Coder, depth and geometry; what the layer is for is the caller's to fill in.
    shared : bytes
        What every segment needs.
    streams : list of bytes
        One a segment.
    """

    layer: Layer
    shared: bytes
    streams: list[bytes]

    @property
    def size(self) -> int:
        """Bytes of all of it."""
        return len(self.shared) + sum(map(len, self.streams))


class Coder(Protocol):
    """What encodes and decodes planes of samples."""

    @property
    def name(self) -> str:
        """As the registry has it."""
        ...

    @property
    def depths(self) -> Sequence[int]:
        """Sample depths of its bitstreams."""
        ...

    @property
    def lossy(self) -> bool:
        """It has a quantiser."""
        ...

    @property
    def predicts_in_time(self) -> bool:
        """Frames of a segment depend on each other."""
        ...

    @property
    def exact_decoder(self) -> bool:
        """Every decoder gives the same samples; else two decoders may differ by two."""
        ...

    @property
    def key_picture(self) -> bool:
        """Segments may share a picture that all are predicted from."""
        ...

    @property
    def contextual(self) -> bool:
        """It uses what is known of the planes, so that it must be told on both sides."""
        ...

    @property
    def structured(self) -> bool:
        """It does as a :class:`~.coders.structure.Structure` says."""
        ...

    @property
    def least_quantiser(self) -> int:
        """The finest one; 0 where it is not lossy."""
        ...

    def available_depths(self) -> list[int]:
        """The sample depths that the libraries of this process encode; empty without an encoder."""
        ...

    def require(self, bits: int | None, options: Sequence[tuple[str, str]]) -> None:
        """Check that planes of a depth can be encoded here, with these raw options.

        Raises
        ------
        EncoderUnavailableError
            When the libraries of this process lack the encoder, or the depth.
        VideoCodecError
            When an option is not the coder's, or its value is not allowed.
        """
        ...

    def encode(
        self,
        planes: NDArray[Any],
        segments: Sequence[range],
        spec: EncodeSpec,
        known: Known = NOTHING,
    ) -> EncodedPlanes:
        """Encode planes, each segment so that it decodes alone.

        Parameters
        ----------
        planes : uint8 array (8 bits) or uint16 array (above), shape (T, P, Y, X)
        segments : sequence of range
            Frame numbers of each segment.
        spec : EncodeSpec
        known : Known

        Raises
        ------
        VideoCodecError
            When the coder refuses the planes.
        """
        ...

    def decode(
        self,
        layer: Layer,
        shared: bytes,
        data: bytes,
        shape: tuple[int, int, int, int],
        known: Known = NOTHING,
    ) -> NDArray[Any]:
        """Decode one segment.

        Parameters
        ----------
        layer : Layer
            As encoding gave it: depth and geometry.
        shared, data : bytes
        shape : (int, int, int, int)
            Frames, planes, height and width that must come out.
        known : Known
            As it was when encoding, of this segment's frames.

        Returns
        -------
        uint8 array (8 bits) or uint16 array (above), of ``shape``

        Raises
        ------
        DecodeError
            When the bytes do not hold exactly these planes.
        """
        ...


class ValueCoder(Protocol):
    """What encodes and decodes runs of values of any dtype, bit for bit."""

    @property
    def name(self) -> str:
        """As the registry has it."""
        ...

    def accepts(self, dtype: np.dtype[Any]) -> bool:
        """Whether values of a dtype can be encoded here."""
        ...

    def encode_values(self, values: NDArray[Any], options: Sequence[tuple[str, str]] = ()) -> bytes:
        """Encode values of any shape, in little-endian order."""
        ...

    def decode_values(self, data: bytes, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Decode ``count`` values, 1-D.

        Raises
        ------
        DecodeError
            When the bytes are damaged or hold another number of values.
        """
        ...


def find_coder(name: str) -> Coder:
    """The coder of planes with a name; its module is loaded when it is first asked for.

    Raises
    ------
    DecodeError
        When there is none, or it codes no planes.
    """
    coder: Coder | None = getattr(_module(name), "CODERS", {}).get(name)
    if coder is None:
        raise DecodeError(f"the payload codes samples by {name}, which cannot hold them")
    return coder


def find_value_coder(name: str) -> ValueCoder:
    """The coder of values with a name.

    Raises
    ------
    DecodeError
        When there is none, or it codes no values.
    """
    coder: ValueCoder | None = getattr(_module(name), "VALUE_CODERS", {}).get(name)
    if coder is None:
        raise DecodeError(f"the payload stores values by {name}, which cannot hold them")
    return coder


def _module(name: str) -> Any:
    return import_module(CODERS[name].module) if name in CODERS else None


def quantiser_step(quantiser: float, bits: int) -> float:
    """The step of a quantiser on HEVC's scale, in samples of ``bits`` bits (H.265, 8.6.2)."""
    return float(2.0 ** ((quantiser - 4) / 6 + bits - 8))


def sample_dtype(bits: int) -> np.dtype[Any]:
    """The dtype of samples of ``bits`` bits."""
    return np.dtype(np.uint8 if bits == 8 else np.uint16)
