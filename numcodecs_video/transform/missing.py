"""Cells that hold NaN, an infinity or the nodata sentinel: found, filled, coded, restored.

The class map has one uint8 a cell: 0 is valid, class ``n`` has the ``n``-th bit pattern. Patterns
travel in the header, so every NaN comes back with its payload bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.errors import DecodeError

__all__ = [
    "MissingCells",
    "add_classes",
    "fill_missing",
    "fill_planes",
    "find_missing",
    "in_range",
    "pack_classes",
    "restore_missing",
    "unpack_classes",
]

_MOST_CLASSES = 255


class MissingCells:
    """The class map of a cube and the bit pattern of each class.

    Parameters
    ----------
    classes : uint8 array, shape (T, C, Y, X) or (T, 1, Y, X)
        0 for valid cells; the second form when all bands miss the same cells.
    patterns : tuple of bytes
        The value of class ``n`` at position ``n - 1``, in the cube's dtype.
    values : int
        So many of the last classes are of cells that hold a value.
    """

    def __init__(
        self, classes: NDArray[np.uint8], patterns: tuple[bytes, ...], values: int = 0
    ) -> None:
        self.patterns, self.values = patterns, values
        first = classes[:, :1]
        self.shared = classes.shape[1] > 1 and bool((classes == first).all())
        self.classes = np.ascontiguousarray(first if self.shared else classes)

    @property
    def valid(self) -> NDArray[np.bool_]:
        """True where the cube holds a value, broadcastable to (T, C, Y, X)."""
        return np.equal(self.classes, 0)


def _bits(cube: NDArray[Any]) -> NDArray[Any]:
    """The cube's values as unsigned integers of the same size and byte order."""
    order = cube.dtype.byteorder if cube.dtype.byteorder in "<>" else "="
    return cube.view(np.dtype(f"u{cube.dtype.itemsize}").newbyteorder(order))


def find_missing(cube: NDArray[Any], nodata: Sequence[float | int] = ()) -> MissingCells | None:
    """Classify the missing cells of a C-contiguous cube (T, C, Y, X): not finite, or a sentinel.

    Returns
    -------
    MissingCells or None
        None when every cell is valid.

    Raises
    ------
    OverflowError
        When more than 255 distinct bit patterns are missing: NaN payloads that carry data.
    """
    is_float = cube.dtype.kind == "f"
    mask = ~np.isfinite(cube) if is_float else np.zeros(cube.shape, bool)
    for sentinel in nodata:
        if in_range(sentinel, cube.dtype):
            mask |= cube == np.array(sentinel).astype(cube.dtype)
    if not mask.any():
        return None
    bits, at = _bits(cube).reshape(-1), int(mask.argmax())
    if ((bits == bits[at]) == mask.reshape(-1)).all():  # one pattern, by far the usual case
        return MissingCells(mask.view(np.uint8), (bits[at : at + 1].tobytes(),))
    found = bits[mask.reshape(-1)]
    patterns = np.unique(found)
    if patterns.size > _MOST_CLASSES:
        raise OverflowError("more than 255 distinct bit patterns of missing cells")
    classes = np.zeros(cube.shape, np.uint8)
    classes[mask] = np.searchsorted(patterns, found) + 1
    # Slices keep the byte order, scalars would turn native.
    return MissingCells(classes, tuple(patterns[i : i + 1].tobytes() for i in range(len(patterns))))


def add_classes(
    missing: MissingCells | None, where: NDArray[np.bool_], values: NDArray[Any]
) -> MissingCells:
    """Put more cells (T, C, Y, X) on a map, each with a value of its own.

    Raises
    ------
    OverflowError
        When there are more than 255 distinct bit patterns then.
    """
    bits = _bits(np.ascontiguousarray(values))
    before = () if missing is None else missing.patterns
    classes = np.zeros(where.shape, np.uint8)
    if missing is not None:
        classes[...] = missing.classes
    found = bits[where]
    patterns = np.unique(found)
    if len(before) + patterns.size > _MOST_CLASSES:
        raise OverflowError("more than 255 distinct bit patterns of missing cells")
    classes[where] = np.searchsorted(patterns, found) + 1 + len(before)
    more = tuple(patterns[i : i + 1].tobytes() for i in range(patterns.size))
    return MissingCells(classes, before + more, len(more))


def in_range(nodata: float | int, dtype: np.dtype[Any]) -> bool:
    """Whether a sentinel can occur in the dtype; -9999 never does among uint16.

    >>> in_range(-9999, np.dtype("u2")), in_range(1e20, np.dtype("f2"))
    (False, False)
    """
    if dtype.kind == "f":
        return abs(nodata) <= float(np.finfo(dtype).max)
    if dtype.kind not in "iu":
        return False
    info = np.iinfo(dtype)
    return nodata == int(nodata) and info.min <= int(nodata) <= info.max


def fill_missing(levels: NDArray[Any], valid: NDArray[np.bool_]) -> None:
    """Fill the holes of a cube (T, C, Y, X) in place with what is cheapest to code.

    The last valid value in time, then (where nothing came before) the next one, then the band's
    mean.
    """
    valid = np.broadcast_to(valid, levels.shape)
    ever: NDArray[np.bool_] = np.logical_or.reduce(valid, axis=0)
    for band in np.flatnonzero(~np.logical_and.reduce(ever, axis=(1, 2))):
        here, planes = valid[:, band], levels[:, band]
        # Frame by frame, so that no copy of all cells is made.
        pairs = zip(planes, here, strict=True)
        total = sum(float(np.where(known, plane, 0).sum(dtype=float)) for plane, known in pairs)
        mean = np.asarray(total / max(1, int(here.sum()))).astype(levels.dtype)
        for plane in planes:
            np.copyto(plane, mean, where=~ever[band])
    known = valid[0].copy()
    for t in range(1, len(levels)):
        gaps = ever & ~valid[t]
        if gaps.any():
            np.copyto(levels[t], levels[t - 1], where=gaps)
        first = valid[t] & ~known
        if first.any():
            levels[:t, first] = levels[t, first]
            known |= first


def fill_planes(levels: NDArray[Any], valid: NDArray[np.bool_]) -> None:
    """Fill the holes of a cube (T, C, Y, X) in place for a coder that predicts nothing in time.

    From the valid cells around them in the same plane; planes without any take the band's mean.
    """
    valid = np.broadcast_to(valid, levels.shape)
    for band in range(levels.shape[1]):
        here, planes = valid[:, band], levels[:, band]
        mean = float(planes[here].mean()) if here.any() else 0.0
        for t in np.flatnonzero(~here.all(axis=(1, 2))):
            filled = _fill_from_around(planes[t].astype(np.float64), here[t], mean)
            planes[t] = np.rint(filled).astype(levels.dtype)


def _fill_from_around(
    values: NDArray[np.float64], valid: NDArray[np.bool_], otherwise: float
) -> NDArray[np.float64]:
    """Fill a plane by the mean of the valid cells in the smallest square of a pyramid with any."""
    if not valid.any():
        return np.full_like(values, otherwise)
    if valid.all():
        return values
    height, width = values.shape
    margins = (0, height % 2), (0, width % 2)
    squares = (-(-height // 2), 2, -(-width // 2), 2)
    total = np.pad(np.where(valid, values, 0), margins).reshape(squares).sum(axis=(1, 3))
    count = np.pad(valid, margins).reshape(squares).sum(axis=(1, 3))
    coarse = _fill_from_around(total / np.maximum(count, 1), count > 0, otherwise)
    return np.where(valid, values, coarse.repeat(2, 0).repeat(2, 1)[:height, :width])


def pack_classes(classes: NDArray[np.uint8], count: int, before: NDArray[np.uint8]) -> bytes:
    """Serialise the class map of a segment as differences in time, before entropy coding.

    Parameters
    ----------
    classes : uint8 array, shape (T, C, Y, X)
        The class map of the segment.
    count : int
        Number of classes; with one, cells are packed eight a byte.
    before : uint8 array, shape (C, Y, X)
        The map that the first frame is a difference to.
    """
    changes = classes.copy()
    changes[1:] ^= classes[:-1]
    changes[0] ^= before
    return np.packbits(changes).tobytes() if count == 1 else changes.tobytes()


def unpack_classes(
    data: bytes | NDArray[np.uint8],
    shape: tuple[int, int, int, int],
    count: int,
    before: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Read back what :func:`pack_classes` wrote, for a segment of ``shape``."""
    cells = int(np.prod(shape))
    flat = np.frombuffer(data, np.uint8)
    if flat.size != (-(-cells // 8) if count == 1 else cells):
        raise DecodeError("the map of missing cells has the wrong length")
    if count == 1:
        flat = np.unpackbits(flat, count=cells)
    classes = flat.reshape(shape).copy()
    classes[0] ^= before
    for t in range(1, shape[0]):
        classes[t] ^= classes[t - 1]
    if classes.max(initial=0) > count:
        raise DecodeError("the map of missing cells names an unknown class")
    return classes


def restore_missing(
    values: NDArray[Any], classes: NDArray[np.uint8], patterns: tuple[bytes, ...]
) -> None:
    """Write the missing patterns into decoded values (T, C, Y, X), in place."""
    bits = _bits(values)
    classes = np.broadcast_to(classes, values.shape)
    for number, pattern in enumerate(patterns, start=1):
        np.copyto(bits, np.frombuffer(pattern, bits.dtype)[0], where=classes == number)
