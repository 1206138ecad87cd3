"""What an encode tells whoever watches it: that it begins with another candidate.

A search says not beforehand how many there will be. Whoever is not watched pays nothing, and the
watcher is part of the context: threads that run in a copy of it tell the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["tell", "watched"]

_Watcher = Callable[[], None]
_watcher: ContextVar[_Watcher | None] = ContextVar("numcodecs_video_watcher", default=None)


@contextmanager
def watched(watcher: _Watcher) -> Iterator[None]:
    """Call a function at the beginning of every candidate that the block encodes.

    Parameters
    ----------
    watcher : callable
        From several threads at once, where chunks are encoded in several.

    Examples
    --------
    >>> import numpy as np
    >>> from numcodecs_video import VideoCodec
    >>> begun = []
    >>> with watched(lambda: begun.append("another")):
    ...     payload = VideoCodec(axes="tyx", effort=1).encode(np.eye(8)[None])
    >>> len(begun) > 0
    True
    """
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def tell() -> None:
    """Say that another candidate begins."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher()
