"""The weights of the linear predictors as bytes: Rice codes, one parameter a group of weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.errors import DecodeError

__all__ = ["read_weights", "write_weights"]

_PARAMETER_BITS = 4
_LARGEST = 1 << 16  # a zigzag number stays below


def write_weights(groups: Sequence[NDArray[np.integer]]) -> bytes:
    """Groups of weights, one after the other, padded by zeros to a byte."""
    text, parameters = [], np.arange(1 << _PARAMETER_BITS)[:, None]
    for group in groups:
        zigzag = np.where(group >= 0, 2 * group, -2 * group - 1)
        costs = ((zigzag >> parameters) + 1 + parameters).sum(axis=1)
        k = int(costs.argmin())
        text.append(f"{k:0{_PARAMETER_BITS}b}")
        for z in zigzag.tolist():
            text.append("1" * (z >> k) + "0" + (f"{z & (1 << k) - 1:0{k}b}" if k else ""))
    bits = "".join(text)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big") if bits else b""


def read_weights(data: bytes, groups: int, count: int) -> NDArray[np.int32]:
    """int32 array, shape (groups, count); raises ``DecodeError`` unless ``data`` is used up."""
    bits = f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}" if data else ""
    found = np.zeros((groups, count), np.int32)
    at = 0
    for g in range(groups):
        k, at = int(bits[at : at + _PARAMETER_BITS] or "0", 2), at + _PARAMETER_BITS
        for i in range(count):
            stop = bits.find("0", at)
            end = stop + 1 + k
            if stop < 0 or end > len(bits) or (stop - at) << k >= _LARGEST:
                raise DecodeError("the weights of the predictors are damaged")
            z = (stop - at) << k | int(bits[stop + 1 : end] or "0", 2)
            found[g, i] = z >> 1 if z % 2 == 0 else -(z >> 1) - 1
            at = end
    if -(-at // 8) != len(data) or "1" in bits[at:]:
        raise DecodeError("the weights of the predictors are damaged")
    return found
