"""One kind of progress bar, on standard error, where that is a terminal."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from numcodecs_video.progress import Sign, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(text: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar while the block runs, and how many candidates its encodes have begun.

    Parameters
    ----------
    text : str
        What is being done.
    total : int or None
        Bytes in all, where known.

    Yields
    ------
    callable
        To be told the bytes of every part that is done.
    """
    console = Console(stderr=True)
    if not console.is_terminal:  # where some releases of rich end even a hidden bar with a line
        yield lambda size: None
        return
    known = (DownloadColumn(),) if total else ()
    left = (TimeRemainingColumn(),) if total else ()
    done = TextColumn("{task.description}")
    columns = (TextColumn(text), BarColumn(20), *known, done, TimeElapsedColumn(), *left)
    with Progress(*columns, console=console) as progress:
        bar = _Bar(progress, total)
        with watched(bar.watch):
            yield bar.advance


class _Bar:
    """What is done, and how far the chunks have come that are being encoded.

    On the move until something is known: nobody knows beforehand how much a search has to try.
    """

    def __init__(self, progress: Progress, total: int | None) -> None:
        self.progress, self.total = progress, total
        self.task = progress.add_task("", total=None)
        self.lock = Lock()
        self.candidates = 0
        self.shown = self.done = 0
        self.encoding: dict[int, float] = {}
        self.encoded: deque[int] = deque()  # and not yet said to be done

    def advance(self, size: int) -> None:
        """Take in that so many bytes are done."""
        with self.lock:
            self.done += size
            while self.encoded and size > 0:
                size -= self.encoded.popleft()
            self._show(total=self.total)

    def watch(self, sign: Sign) -> None:
        """Take in what an encode tells, from whichever thread."""
        with self.lock:
            said: dict[str, Any] = {}
            if sign.begins:
                self.candidates += 1
                said["description"] = f"candidate {self.candidates}"
            if sign.chunk is not None and self.total:
                if sign.fraction < 1.0:
                    self.encoding[sign.chunk] = sign.fraction * sign.size
                else:
                    self.encoding.pop(sign.chunk, None)
                    self.encoded.append(sign.size)
                said["total"] = self.total
            self._show(**said)

    def _show(self, **said: Any) -> None:
        known = self.done + int(sum(self.encoding.values())) + sum(self.encoded)
        self.shown = max(self.shown, self.done, min(known, self.total or 0))
        self.progress.update(self.task, completed=self.shown, **said)
