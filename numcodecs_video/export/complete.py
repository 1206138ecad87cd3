"""Files and directories that bear their name only once they are complete."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from numcodecs_video.errors import VideoCodecError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["complete_directory", "complete_file"]


@contextmanager
def complete_file(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file elsewhere, and move it to its place once the block has ended well.

    Whatever ends the block otherwise, a full disk or an interruption, leaves no part of a file, and
    the one that was there as it was.

    Parameters
    ----------
    target : str or path
        Of a file, which is replaced.

    Yields
    ------
    Path
        What to write to: of the same name, in a directory beside the target.

    Raises
    ------
    VideoCodecError
        If the target is a directory, or lies in none.
    OSError
        Of the file system, naming the target.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with complete_file(folder.name + "/a.txt") as file:
    ...     count = file.write_text("whole")
    >>> Path(folder.name, "a.txt").read_text()
    'whole'
    >>> folder.cleanup()
    """
    path = Path(target)
    if path.is_dir():
        raise VideoCodecError(f"{target} is a directory: name a file")
    with _beside(path) as folder:
        yield folder / path.name
        (folder / path.name).replace(path)


@contextmanager
def complete_directory(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Write files elsewhere, and move them to their place once the block has ended well.

    Parameters
    ----------
    target : str or path
        Of a directory, made with its parents if need be; its files of the same names are replaced,
        others stay.

    Yields
    ------
    Path
        The directory to write to, beside the target.

    Raises
    ------
    VideoCodecError
        If the target is a file.
    OSError
        Of the file system, naming the target.
    """
    path = Path(target)
    if path.exists() and not path.is_dir():
        raise VideoCodecError(f"{target} is a file: name a directory")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _beside(path) as folder:
        yield folder
        path.mkdir(exist_ok=True)
        for file in sorted(folder.iterdir()):
            file.replace(path / file.name)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Make a directory on the same disk, remove it in the end, and name the path in errors."""
    if not path.parent.is_dir():
        raise VideoCodecError(f"cannot write {path}: there is no directory {path.parent}")
    try:
        with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
            yield Path(folder)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{path} was not written") from None
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from error
