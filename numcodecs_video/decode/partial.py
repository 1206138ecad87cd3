"""A part of a chunk: which bytes a selection needs, and the values that they hold.

Knows payloads and selections; does not know where bytes come from, so that one reader serves
stores that are awaited and stores that are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.config import Settings, default_axes
from numcodecs_video.decode.chunk import decode_cube
from numcodecs_video.errors import DecodeError
from numcodecs_video.format.header import Header
from numcodecs_video.format.payload import PREFIX_SIZE, header_size, parse_header
from numcodecs_video.transform.cube import frames_per_segment, from_cube

__all__ = ["PartialRead", "check_declared", "select_frames"]

#: bytes of the first request: nearly every header fits, and many a chunk of a small cube
_HEAD_BYTES = 2048
#: ranges closer than this are fetched by one request
_GAP_BYTES = 2048

Range = tuple[int, int | None]


class PartialRead:
    """One read of a part of a chunk: ask what is missing, add it, ask again, decode.

    At most three rounds: the head, in rare cases the rest of a long header, then the shared section
    and the segments that the selection touches. A selection that touches every segment takes one
    round, for the whole payload.

    Parameters
    ----------
    selection : tuple
        What Zarr selects from the chunk: integers, slices, masks and integer arrays.
    shape : tuple of int
        The chunk's shape, by the array's metadata.
    dtype : dtype
        The array's.
    settings : Settings
        Those of the array. Only a hint at what the chunk may be like: the payload has the word.

    Examples
    --------
    >>> from numcodecs_video import VideoCodec
    >>> codec = VideoCodec(gop=2)
    >>> payload = codec.encode(np.arange(2400, dtype="i2").reshape(6, 20, 20))
    >>> read = PartialRead((4, slice(None), 7), (6, 20, 20), np.dtype("i2"), codec.settings)
    >>> while ranges := read.missing():
    ...     read.add(ranges, [payload[slice(*r)] for r in ranges])
    >>> read.decode()[:3]
    array([1607, 1627, 1647], dtype=int16)
    """

    def __init__(
        self, selection: Any, shape: tuple[int, ...], dtype: np.dtype[Any], settings: Settings
    ) -> None:
        self.selection = selection if isinstance(selection, tuple) else (selection,)
        self.shape, self.dtype = shape, dtype
        self._header: Header | None = None
        self._held: list[tuple[int, bytes]] = []
        self._whole = self._touches_all(settings)

    def _touches_all(self, settings: Settings) -> bool:
        """Whether the selection needs every segment that the encoder would have made."""
        axes = default_axes(len(self.shape)) if settings.axes is None else settings.axes
        if len(axes) != len(self.shape):
            return True
        wanted = select_frames(self.selection, self.shape, axes)
        gop = frames_per_segment(wanted.size, settings.gop)
        return all(wanted[i : i + gop].any() for i in range(0, wanted.size, gop))

    def missing(self) -> list[Range]:
        """Byte ranges (start, stop) still to be fetched; stop is None at the payload's end."""
        if not self._held:
            return [(0, None if self._whole else _HEAD_BYTES)]
        head = self._held[0][1]
        if self._header is None:
            size = header_size(head[:PREFIX_SIZE])
            if len(head) < size and not self._whole:
                return [(len(head), size)]
            self._header = self._parse(head)
        if not self._header.sections:
            return []
        sections = [0, *(1 + segment for segment in self._segments(self._header))]
        needed = map(self._header.section_range, sections)
        start = len(self._held[0][1])  # the head may hold the beginning of a section
        return _joined((max(a, start), b) for a, b in needed if a < b and self._find(a, b) is None)

    def ask_for_all(self) -> bool:
        """Make the next request one for the whole payload, if the first range was refused.

        Icechunk 2 raises where a range leads beyond the end of a chunk, and the head of a small one
        does; other stores cut it.

        Returns
        -------
        bool
            False when that is not what went wrong: something was fetched already, or all was
            asked for.
        """
        if self._held or self._whole:
            return False
        self._whole = True
        return True

    def add(self, ranges: Sequence[Range], parts: Sequence[bytes]) -> None:
        """Hand over the bytes of the ranges that were missing.

        Raises
        ------
        DecodeError
            When a part is shorter than its range, which only the end of the payload explains.
        """
        for (start, stop), data in zip(ranges, parts, strict=True):
            if stop is not None and self._held and len(data) != stop - start:
                raise DecodeError(f"the payload ends before byte {stop}, within a section")
            if self._held and start == len(self._held[0][1]):
                self._held[0] = (0, self._held[0][1] + data)
            else:
                self._held.append((start, data))

    def decode(self) -> NDArray[Any]:
        """The selected values, once nothing is missing.

        Returns
        -------
        ndarray
            What the selection gives of the whole chunk.

        Raises
        ------
        DecodeError
            When the bytes are damaged, or are not what the array's metadata declare.
        """
        header = self._header
        if header is None:
            raise ValueError("the header is still missing")

        def section(index: int) -> bytes:
            data = self._find(*header.section_range(index))
            return b"" if data is None else data

        cube = decode_cube(header, section, self._segments(header))
        if not header.axes:
            return cube.reshape(header.shape, order=header.order)[self.selection]
        return from_cube(cube, header.shape, header.axes)[self.selection]

    def _parse(self, data: bytes) -> Header:
        header = parse_header(data)
        check_declared(header.shape, np.dtype(header.dtype), self.shape, self.dtype)
        if self._whole and len(data) != header.payload_size:
            raise DecodeError(f"the payload has {len(data)} bytes instead of {header.payload_size}")
        return header

    def _segments(self, header: Header) -> list[int]:
        """Numbers of the segments that the selection needs."""
        if not header.axes:
            return list(range(header.segments))
        frames = np.flatnonzero(select_frames(self.selection, self.shape, header.axes))
        if header.frame_order:
            frames = np.argsort(header.frame_order)[frames]
        segments: list[int] = np.unique(frames // header.segment_frames).tolist()
        return segments

    def _find(self, start: int, stop: int) -> bytes | None:
        """Bytes ``start`` to ``stop`` of the payload, or None when they are not held."""
        for at, data in self._held:
            if at <= start and stop <= at + len(data):
                return data[start - at : stop - at]
        return None


def select_frames(selection: Any, shape: tuple[int, ...], axes: str) -> NDArray[np.bool_]:
    """Mark the frames of the cube that a selection touches.

    Parameters
    ----------
    selection : tuple
        One integer, slice, mask or integer array a dimension; fewer leave the last ones whole.
    shape : tuple of int
        The chunk's.
    axes : str
        One letter a dimension.

    Returns
    -------
    bool array, shape (T,)

    Examples
    --------
    >>> select_frames((slice(None), slice(4, 0, -2)), (3, 5), "xt").tolist()
    [False, False, True, False, True]
    """
    selection = selection if isinstance(selection, tuple) else (selection,)
    wanted = np.ones((), bool)
    for dimension, letter in enumerate(axes):
        if letter == "t":
            mask = np.zeros(shape[dimension], bool)
            mask[selection[dimension] if dimension < len(selection) else slice(None)] = True
            wanted = np.multiply.outer(wanted, mask)
    return wanted.reshape(-1)


def check_declared(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    declared_shape: tuple[int, ...],
    declared_dtype: np.dtype[Any],
) -> None:
    """Hold a chunk to its array's metadata: zarr would broadcast and cast it silently.

    Raises
    ------
    DecodeError
        When the shapes or dtypes differ; byte order does not count.
    """
    if shape != declared_shape:
        raise DecodeError(f"the chunk has shape {shape}, the array's metadata say {declared_shape}")
    if dtype.newbyteorder("=") != declared_dtype.newbyteorder("="):
        raise DecodeError(f"the chunk has dtype {dtype}, the array's metadata say {declared_dtype}")


def _joined(ranges: Iterable[tuple[int, int]]) -> list[Range]:
    """Sorted ranges, those that nearly touch made one.

    >>> _joined([(0, 10), (20, 30), (50_000, 50_001)])
    [(0, 30), (50000, 50001)]
    """
    out: list[tuple[int, int]] = []
    for start, stop in ranges:
        if out and start - out[-1][1] <= _GAP_BYTES:
            out[-1] = (out[-1][0], stop)
        else:
            out.append((start, stop))
    return list(out)
