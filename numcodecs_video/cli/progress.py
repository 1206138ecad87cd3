"""One kind of progress bar, on standard error, where that is a terminal."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from numcodecs_video.encode.watching import watched

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
        # Without a total the bar is on the move: a large chunk takes its time, and nobody knows how
        # much of it a search has still to try.
        task = progress.add_task("", total=None)
        count = itertools.count(1)

        def advance(size: int) -> None:
            progress.update(task, total=total, advance=size)

        def begin() -> None:
            progress.update(task, description=f"candidate {next(count)}")

        with watched(begin):
            yield advance
