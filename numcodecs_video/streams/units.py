"""Runs of units: byte strings, each after its length. Every picture stream is one."""

from __future__ import annotations

from collections.abc import Iterable

from numcodecs_video.errors import DecodeError

__all__ = ["join_units", "split_units"]


def join_units(units: Iterable[bytes]) -> bytes:
    """Concatenate units, each after its length as a LEB128 number."""
    out = bytearray()
    for unit in units:
        length = len(unit)
        while length > 0x7F:
            out.append(length & 0x7F | 0x80)
            length >>= 7
        out.append(length)
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
        length = shift = 0
        while True:
            if at >= len(data) or shift > 35:
                raise DecodeError("a stream ends within the length of a unit")
            byte = data[at]
            at, length, shift = at + 1, length | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                break
        if length > len(data) - at:
            raise DecodeError("a stream ends within a unit")
        units.append(data[at : at + length])
        at += length
    return units
