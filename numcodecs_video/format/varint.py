"""Numbers in as few bytes as they need (LEB128), and runs of byte strings after their lengths."""

from __future__ import annotations

from collections.abc import Iterable

from numcodecs_video.errors import DecodeError

__all__ = ["append_varint", "join_units", "read_varint", "split_units"]

#: seven bits a byte: what a number of 64 bits takes, and one more
_MOST_BYTES = 11


def append_varint(out: bytearray, value: int) -> None:
    """Append a non-negative number, seven bits a byte, the lowest first.

    >>> out = bytearray()
    >>> append_varint(out, 300)
    >>> out.hex()
    'ac02'
    """
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at a position, and the position after it.

    Raises
    ------
    DecodeError
        When the bytes end within the number, or it is longer than any that is written.
    """
    value = shift = 0
    for byte in data[at : at + _MOST_BYTES]:
        at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
        if byte < 0x80:
            return value, at
    if shift == 7 * _MOST_BYTES:
        raise DecodeError("the payload holds an overlong number")
    raise DecodeError("the payload ends within a number")


def join_units(units: Iterable[bytes]) -> bytes:
    """Concatenate byte strings, each after its length: every stream of pictures is such a run."""
    out = bytearray()
    for unit in units:
        append_varint(out, len(unit))
        out += unit
    return bytes(out)


def split_units(data: bytes) -> list[bytes]:
    """Cut what :func:`join_units` made.

    Raises
    ------
    DecodeError
        When a length leads past the end.
    """
    units, at = [], 0
    while at < len(data):
        length, at = read_varint(data, at)
        if length > len(data) - at:
            raise DecodeError("a stream ends within a unit")
        units.append(data[at : at + length])
        at += length
    return units
