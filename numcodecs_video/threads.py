"""How many threads one chunk may use: a setting of the process, never of the stored data.

Zarr and Dask already encode and decode chunks side by side, so one thread a chunk is the default.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from numcodecs_video.config import is_integer
from numcodecs_video.errors import VideoCodecError

__all__ = ["get_threads", "run_each", "set_threads"]

VARIABLE = "NUMCODECS_VIDEO_THREADS"
_T = TypeVar("_T")
_R = TypeVar("_R")
_chosen: int | None = None


def set_threads(count: int | None) -> None:
    """Set the number of threads that code the segments of one chunk.

    The bytes and values do not depend on it. More than one helps where chunks come one at a time
    and have several segments; where Zarr or Dask already keep all cores busy it does not.

    Parameters
    ----------
    count : int or None
        At least 1. None goes back to the environment variable ``NUMCODECS_VIDEO_THREADS``, or to
        1 without it.

    Raises
    ------
    VideoCodecError
        When `count` is no positive integer.

    Examples
    --------
    >>> set_threads(2)
    >>> get_threads()
    2
    >>> set_threads(None)
    """
    global _chosen
    if count is not None and not (is_integer(count) and int(count) > 0):
        raise VideoCodecError(f"the number of threads must be a positive integer, got {count!r}")
    _chosen = None if count is None else int(count)


def get_threads() -> int:
    """The number of threads that may code the segments of one chunk.

    Raises
    ------
    VideoCodecError
        When the environment variable holds no positive integer.
    """
    if _chosen is not None:
        return _chosen
    said = os.environ.get(VARIABLE, "1")
    if not said.isdecimal() or int(said) < 1:
        raise VideoCodecError(f"{VARIABLE} must be a positive integer, got {said!r}: set it anew")
    return int(said)


def run_each(function: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
    """Apply a function to every item, in as many threads as one chunk may use.

    With more than one, the threads end with the call: a fork finds none to lose, and no caller
    ever computes in a thread that an encoder has run in.
    """
    items = list(items)
    count = min(get_threads(), len(items))
    if count < 2:
        return [function(item) for item in items]
    # NumPy's error state is part of the context: each thread runs in a copy of the caller's.
    with ThreadPoolExecutor(count, thread_name_prefix="numcodecs_video") as pool:
        tasks = [pool.submit(copy_context().run, function, item) for item in items]
        return [task.result() for task in tasks]
