"""Which chunks and shards a variable gets: what the user says, else what it has, else our choice.

Knows lengths by dimension; nothing of promises or codecs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from numcodecs_video.config import is_integer
from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.dimensions import choose_chunks, suit_video

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

__all__ = ["chunks_of", "shards_of"]


def chunks_of(
    variable: xr.DataArray,
    letters: str,
    chunks: Mapping[str, int],
    shards: Mapping[str, int] | None = None,
) -> tuple[int, ...]:
    """Take what the user says, else what Dask or a suitable store has, else our choice.

    Where shards are given, what the user does not say is cut to divide them.
    """
    stored = variable.encoding.get("chunks") or variable.encoding.get("chunksizes")
    if variable.chunks is not None and not shards:
        # Another choice could make two Dask tasks write one chunk; xarray refuses that.
        default = tuple(max(1, int(lengths[0])) for lengths in variable.chunks)
    elif stored is not None and suit_video(letters, variable.shape, stored):
        default = tuple(stored)
    else:
        default = choose_chunks(letters, variable.shape)
    lengths = [
        _length("chunks", dim, chunks[dim])
        if dim in chunks
        else _divisor((shards or {}).get(dim, -1), length)
        for dim, length in zip(map(str, variable.dims), default, strict=True)
    ]
    # A dimension without cells is a template, whose chunks are those of what will be appended.
    return tuple(
        (longest if length == -1 else length)
        if size == 0
        else (size if length == -1 else min(length, size))
        for length, longest, size in zip(lengths, default, variable.shape, strict=True)
    )


def shards_of(
    variable: xr.DataArray, chunks: tuple[int, ...], shards: Mapping[str, int]
) -> tuple[int, ...] | None:
    """Choose the shape of shards of whole chunks; None where no dimension is asked for.

    Raises
    ------
    VideoCodecError
        If a length is no multiple of the chunks', or several Dask tasks would write one shard.
    """
    dims = list(map(str, variable.dims))
    if not set(shards) & set(dims):
        return None
    lengths = []
    for dim, size, chunk in zip(dims, variable.shape, chunks, strict=True):
        whole = max(1, math.ceil(size / chunk)) * chunk
        length = _length("shards", dim, shards.get(dim, chunk))
        if length != -1 and length % chunk and length < size:
            lower, upper = length // chunk * chunk, math.ceil(length / chunk) * chunk
            raise VideoCodecError(
                f"shards of {variable.name!r} must be whole chunks of {chunk} along {dim!r}, got "
                f"{length}: take {f'{lower} or ' if lower else ''}{upper}, or give chunks={{{dim!r}"
                ": ...} that divide it"
            )
        asked = whole if length == -1 else math.ceil(length / chunk) * chunk
        # A dimension without cells is a template, whose shards are those of what will be appended.
        lengths.append(min(asked, whole) if size else asked)
    _check_tasks(variable, tuple(lengths))
    return tuple(lengths)


def _check_tasks(variable: xr.DataArray, shards: tuple[int, ...]) -> None:
    """One shard is one object: tasks that write parts of it would undo each other's work."""
    for dim, tasks, shard in zip(variable.dims, variable.chunks or (), shards, strict=False):
        if any(length % shard for length in tasks[:-1]):
            wanted = dict(zip(map(str, variable.dims), shards, strict=True))
            raise VideoCodecError(
                f"{variable.name!r} has Dask chunks of {tasks[0]} along {dim!r}, which hold no "
                f"whole shards of {shard}: call .chunk({wanted}) beforehand"
            )


def _divisor(shard: object, most: int) -> int:
    """Return the longest part that a shard has a whole number of, no longer than `most`."""
    if not is_integer(shard) or int(shard) < 1:
        return most
    return next(
        (
            int(shard) // parts
            for parts in range(math.ceil(int(shard) / most), int(shard) + 1)
            if int(shard) % parts == 0
        ),
        most,
    )


def _length(setting: str, dim: str, length: object) -> int:
    if not is_integer(length) or (int(length) < 1 and int(length) != -1):
        raise VideoCodecError(
            f"{setting} must be whole numbers from 1, or -1 for all of a dimension, got "
            f"{dim}={length}"
        )
    return int(length)
