"""Pcodec (lossless numerical compression) on imagecodecs, for what no picture coder carries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from numcodecs_video.coders import ValueCoder
from numcodecs_video.errors import DecodeError

__all__ = ["VALUE_CODERS", "Pcodec"]

_DTYPES = ("i1", "u1", "i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8")


class Pcodec:
    """The coder. Its one option is ``level``, Pcodec's own, from 0 to 12."""

    name = "pcodec"

    def accepts(self, dtype: np.dtype[Any]) -> bool:
        """Whether this imagecodecs has Pcodec and Pcodec has the dtype."""
        return bool(imagecodecs.PCODEC.available) and dtype.newbyteorder("=").str[1:] in _DTYPES

    def encode_values(self, values: NDArray[Any], options: Sequence[tuple[str, str]] = ()) -> bytes:
        """Compress values bit for bit; any shape, little-endian order."""
        level = int(dict(options).get("level", "8"))
        return bytes(imagecodecs.pcodec_encode(values.reshape(-1), level=level))

    def decode_values(self, data: bytes, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Decompress ``count`` values.

        Raises
        ------
        DecodeError
            When the data are damaged or hold another number of values.
        """
        if not imagecodecs.PCODEC.available:
            raise DecodeError("this chunk needs Pcodec: install an imagecodecs with PCODEC")
        announced = _announced(data)
        if announced > count:
            raise DecodeError(f"a Pcodec stream announces {announced} values instead of {count}")
        stored = _STORED.get(dtype.kind, dtype)
        try:
            out = imagecodecs.pcodec_decode(data, shape=(count,), dtype=stored)
        except (imagecodecs.PcodecError, ValueError, RuntimeError, MemoryError) as error:
            raise DecodeError(f"a Pcodec stream cannot be decoded: {error}") from error
        out = np.asarray(out)
        if out.shape != (count,) or out.dtype != stored:
            raise DecodeError(
                f"a Pcodec stream holds {out.shape} {out.dtype}, not {count} {stored}"
            )
        return out.view(dtype)


#: what stands for the dtypes that Pcodec has not
_STORED: dict[str, np.dtype[Any]] = {
    "b": np.dtype("<u1"),
    "m": np.dtype("<i8"),
    "M": np.dtype("<i8"),
}

VALUE_CODERS: dict[str, ValueCoder] = {"pcodec": Pcodec()}


def _announced(data: bytes) -> int:
    """The number of values that a standalone stream says it holds.

    The decoder allocates that many first, and ends the process where it cannot (Pcodec 1.0). A byte
    of version and, from version 3 on, one of the type follow the magic; then six bits give the
    length of the number, less one, and its bits follow, lowest first.
    """
    if len(data) < 6 or data[:4] != b"pco!":
        raise DecodeError("a Pcodec stream does not begin like one")
    bits = int.from_bytes(data[6 if data[4] >= 3 else 5 :][:9], "little")
    return bits >> 6 & ((2 << (bits & 63)) - 1)
