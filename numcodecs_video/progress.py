"""What an encode tells whoever watches it: another candidate, and how far a chunk has come.

How much a search tries is known only as it goes on, but never more than its budget; so a chunk is
as far as its work is of the most that it may be, and what turns out not to be needed is skipped.
The watcher is a part of the context, so that threads which run in a copy of it tell the same one;
whoever is not watched pays a look into the context for each candidate and frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import NamedTuple

__all__ = [
    "DECODING",
    "ENCODING",
    "VIDEO",
    "Sign",
    "allot",
    "checking",
    "following",
    "tick",
    "trying",
    "up_to",
    "watched",
]

#: passes over the cells, which take about as long: by a video encoder; of a base with its decoding
#: and its residual; of a reader
VIDEO, ENCODING, DECODING = 4, 6, 2
NEARLY = 0.999


class Sign(NamedTuple):
    """What a watcher is told.

    Attributes
    ----------
    chunk : int or None
        Tells chunks that are encoded at once apart; None of a search for the sake of others.
    size : int
        Raw bytes of the chunk.
    fraction : float
        Of its work, which never falls; 1 once it is encoded, and not before.
    begins : bool
        Another candidate begins.
    """

    chunk: int | None
    size: int
    fraction: float
    begins: bool = False


_Watcher = Callable[[Sign], None]


class _Course:
    """One chunk on its way, by its work in cells that are coded."""

    def __init__(self, watcher: _Watcher, size: int) -> None:
        self.watcher = watcher
        self.size = size
        self.lock = Lock()
        self.start = self.fraction = 0.0
        self.end = self.limit = 1.0
        self.done, self.most = 0.0, 1.0

    def allot(self, work: float) -> None:
        with self.lock:
            self.start, self.end = self.fraction, max(self.fraction, self.limit)
            self.done, self.most = 0.0, max(1.0, work)

    def add(self, work: float) -> None:
        with self.lock:
            self.done = min(self.most, self.done + work)
            part = self.done / self.most
            reached = min(NEARLY, self.start + part * (self.end - self.start))
            self.fraction = max(self.fraction, reached)
            self.watcher(self.sign())

    def sign(self, *, begins: bool = False) -> Sign:
        return Sign(id(self), self.size, self.fraction, begins)


class _Scope:
    """One candidate on its way, of so much work at most."""

    def __init__(self, course: _Course, work: float) -> None:
        self.course = course
        self.left = work

    def add(self, work: float) -> None:
        with self.course.lock:
            work = min(self.left, work)
            self.left -= work
        self.course.add(work)


_watcher: ContextVar[_Watcher | None] = ContextVar("numcodecs_video_watcher", default=None)
_course: ContextVar[_Course | None] = ContextVar("numcodecs_video_course", default=None)
_scope: ContextVar[_Scope | None] = ContextVar("numcodecs_video_scope", default=None)


@contextmanager
def watched(watcher: _Watcher) -> Iterator[None]:
    """Call a function with what the encodes of the block tell.

    Parameters
    ----------
    watcher : callable
        From several threads at once, where chunks are encoded in several; it takes a `Sign`.

    Examples
    --------
    >>> import numpy as np
    >>> from numcodecs_video import VideoCodec
    >>> told = []
    >>> with watched(told.append):
    ...     payload = VideoCodec(axes="tyx", effort=1).encode(np.eye(64)[None])
    >>> told[-1].fraction
    1.0
    """
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


@contextmanager
def following(size: int) -> Iterator[None]:
    """Follow the encode of one chunk of so many bytes, which is the block."""
    watcher = _watcher.get()
    if watcher is None:
        yield
        return
    course = _Course(watcher, size)
    token = _course.set(course)
    try:
        yield
    finally:
        _course.reset(token)
        course.fraction = 1.0
        watcher(course.sign())


def up_to(fraction: float) -> None:
    """Say which part of the chunk will be done once the work to be allotted is."""
    course = _course.get()
    if course is not None:
        course.limit = fraction


def allot(work: float) -> None:
    """Say how much work is left at most, in cells times passes."""
    course = _course.get()
    if course is not None:
        course.allot(work)


@contextmanager
def trying(cells: int, passes: int = ENCODING) -> Iterator[None]:
    """Say that the block encodes a candidate, in so many passes over so many cells."""
    watcher, course = _watcher.get(), _course.get()
    if watcher is not None:
        sign = Sign(None, 0, 0.0) if course is None else course.sign()
        watcher(sign._replace(begins=True))
    with _working(cells * passes):
        yield


@contextmanager
def checking(cells: int) -> Iterator[None]:
    """Say that the block decodes what was encoded for so many cells."""
    with _working(cells * DECODING):
        yield


@contextmanager
def _working(work: float) -> Iterator[None]:
    course = _course.get()
    if course is None:
        yield
        return
    scope = _Scope(course, work)
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)
        scope.add(work)


def tick(cells: int) -> None:
    """Say that a coder has passed over so many cells: those of a frame, most often."""
    scope = _scope.get()
    if scope is not None:
        scope.add(cells)
