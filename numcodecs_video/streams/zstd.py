"""Zstandard of shuffled bytes, on imagecodecs: for masks, tables, sparse residuals, odd arrays."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from numcodecs_video.errors import DecodeError

__all__ = ["compress", "decompress", "shuffle", "unshuffle"]

_LEVELS = (1, 3, 3, 6, 9, 12, 15, 19, 22)


def compress(data: bytes, effort: int) -> bytes:
    """Compress bytes; empty stays empty, so that a layer without content costs nothing."""
    if not data:
        return b""
    return bytes(imagecodecs.zstd_encode(data, level=_LEVELS[effort - 1]))


def decompress(data: bytes, size: int) -> NDArray[np.uint8]:
    """Decompress to exactly ``size`` bytes, an array of their own.

    Raises
    ------
    DecodeError
        When the data are damaged or hold another number of bytes.
    """
    if not data:
        if size:
            raise DecodeError(f"a stream is empty instead of holding {size} bytes")
        return np.empty(0, np.uint8)
    # Unlike a bytearray, which is zeroed, this takes no more memory than is filled.
    out = np.empty(size, np.uint8)
    try:
        filled = imagecodecs.zstd_decode(data, out=out.data)
    except (imagecodecs.ZstdError, ValueError, MemoryError) as error:
        raise DecodeError(f"a Zstandard stream cannot be decoded: {error}") from error
    if len(filled) != size:
        raise DecodeError(f"a Zstandard stream holds {len(filled)} bytes instead of {size}")
    return out


def shuffle(values: NDArray[Any]) -> bytes:
    """The bytes of values, all first bytes before all second ones."""
    flat = np.ascontiguousarray(values).reshape(-1)
    return flat.view(np.uint8).reshape(flat.size, -1).T.tobytes()


def unshuffle(data: NDArray[np.uint8], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Values of ``dtype``, 1-D, from what :func:`shuffle` made of them."""
    planes = data.reshape(dtype.itemsize, -1)
    return np.ascontiguousarray(planes.T).reshape(-1).view(dtype)
