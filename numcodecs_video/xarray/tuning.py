"""A few chunks of a variable, from which one search serves all, and searches side by side."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from numcodecs_video.sampling import spread_windows
from numcodecs_video.xarray.conventions import stored_values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["WORKERS", "beside_each_other", "sample_of"]

T = TypeVar("T")
R = TypeVar("R")

#: chunks that are encoded at once; each takes memory
WORKERS = min(8, os.cpu_count() or 1)

#: chunks from which one search for all of them is less work than a search in each
FEWEST_CHUNKS = 3


def sample_of(
    variable: xr.DataArray, chunks: Sequence[int], *, fewest: int = FEWEST_CHUNKS
) -> list[NDArray[Any]]:
    """Take a few chunks spread over a variable, as stored.

    Parameters
    ----------
    variable : xarray.DataArray
        As it will be written; of a lazy one a few chunks are loaded.
    chunks : sequence of int
    fewest : int
        Take none where there are fewer; by default, where there are hardly more than a few.

    Returns
    -------
    list of ndarray
    """
    count = math.prod(-(-n // length) for n, length in zip(variable.shape, chunks, strict=True))
    if count < fewest:
        return []
    windows = spread_windows(variable.shape, chunks)
    return [stored_values(variable[window]) for window in windows]


def beside_each_other(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Apply a function to every item, in a few threads: coders leave Python to others.

    Returns
    -------
    list
        In the order of the items, of which the first that fails is the one whose error is raised.
    """
    if min(WORKERS, len(items)) < 2:
        return [function(item) for item in items]
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="numcodecs_video_tune")
    try:
        tasks = [pool.submit(copy_context().run, function, item) for item in items]
        results = [task.result() for task in tasks]
    except BaseException as error:
        # Whoever interrupts does not wait for what is being searched.
        pool.shutdown(wait=not isinstance(error, KeyboardInterrupt), cancel_futures=True)
        raise
    pool.shutdown()
    return results
