"""Share the cores between chunks and the segments of one, and leave the main thread to Ctrl-C."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from numcodecs_video.cli.copying import WORKERS
from numcodecs_video.threads import VARIABLE, get_threads, set_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["beside_main_thread", "threads_for"]

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def threads_for(chunks: int) -> Iterator[None]:
    """Let the segments of each chunk use the cores that so few chunks at once leave idle.

    Unless the environment says how many threads a chunk may use.
    """
    if VARIABLE in os.environ:
        yield
        return
    before = get_threads()
    set_threads(max(before, WORKERS // max(1, chunks)))
    try:
        yield
    finally:
        set_threads(None if before == 1 else before)


def beside_main_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in another thread: Python takes an interruption in the main one alone.

    What is interrupted goes on until the process ends.
    """
    pool, context = ThreadPoolExecutor(1), copy_context()
    try:
        result = pool.submit(lambda: context.run(function, *args, **kwargs)).result()
    except BaseException as error:
        pool.shutdown(wait=not isinstance(error, KeyboardInterrupt), cancel_futures=True)
        raise
    pool.shutdown()
    return result
