"""One process at a time writes to a directory: others are told, instead of mixing their files.

Knows locks of the file system; nothing of what is written.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from numcodecs_video.errors import VideoCodecError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["claimed"]


@contextmanager
def claimed(folder: Path, target: Path | None = None) -> Iterator[None]:
    """Keep other processes from writing to a directory, where the file system has locks.

    The lock goes with the process, however that ends.

    Parameters
    ----------
    folder : Path
        That is there.
    target : Path, optional
        What it is to become, which errors name.

    Raises
    ------
    VideoCodecError
        If another process has claimed it.
    """
    taken = VideoCodecError(
        f"another process is writing to {target or folder}: wait for its end, or name another"
    )
    with ExitStack() as stack:
        if fcntl is not None:
            with suppress(OSError):  # not for reading, or none that can be locked
                handle = os.open(folder, os.O_RDONLY)
                stack.callback(os.close, handle)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise taken from None
                if not (folder.exists() and os.path.samestat(os.fstat(handle), folder.stat())):
                    raise taken  # and done with it: it has another name by now
        yield
