"""Files, directories and stores that bear their name only once they are complete."""

from __future__ import annotations

import errno
import os
import shutil
import zipfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.export.claims import claimed

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["complete_directory", "complete_file", "complete_store", "is_store"]

ZARR_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")
FULL = (errno.ENOSPC, errno.EDQUOT)


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
        The directory to write to, beside the target or within one that is there.

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
    # One that is there may be for writing where those around it are not.
    with _beside(path, within=path if path.is_dir() else path.parent) as folder:
        yield folder
        path.mkdir(exist_ok=True)
        for file in sorted(folder.iterdir()):
            file.replace(path / file.name)


@contextmanager
def complete_store(target: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Write a Zarr store under another name, and give it its own once the block has ended well.

    Unlike files it stays where the block is interrupted: threads may still write to it. The next
    run clears it.

    Parameters
    ----------
    target : Path
        Of a directory, made with its parents if need be, or of a ``.zip`` that becomes one file.
    overwrite : bool
        Replace a store that is there.

    Yields
    ------
    Path
        Of an empty directory beside the target.

    Raises
    ------
    VideoCodecError
        If what an earlier run left is not to be told from what is somebody else's; if another
        process writes to the same target, or did meanwhile.
    OSError
        Of the file system.
    """
    if target.is_symlink():
        target = target.resolve()  # a link is followed, as programs that write files do
    partial = target.with_name(target.name + ".partial")
    with ExitStack() as claims:
        if target.is_dir():
            claims.enter_context(claimed(target))
        if not overwrite and target.exists():
            raise VideoCodecError(
                f"{target} was written by another process meanwhile: name another"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        if partial.is_dir():
            claims.enter_context(claimed(partial, target))
        _clear(target, partial)
        if not partial.is_dir():
            with suppress(FileExistsError):  # of another process, which has claimed it by now
                partial.mkdir()
            claims.enter_context(claimed(partial, target))
        yield from _completed(target, partial, overwrite=overwrite)


def _completed(target: Path, partial: Path, *, overwrite: bool) -> Iterator[Path]:
    """Let a directory be filled, and give it its name."""
    replaced = _replaced(target)
    try:
        yield partial
        if target.suffix == ".zip":
            _zip(partial)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"{target} was not written and {partial} is incomplete; run the same command to start "
            "over, or delete it"
        ) from None
    except BaseException as error:
        _remove(partial)
        full = _full(target, error)
        if full is not None:
            raise full from error
        raise
    if target.exists() and not overwrite:
        raise VideoCodecError(
            f"{target} was written by another process meanwhile: {partial} is complete, rename it"
        )
    if target.exists():
        # Deleting takes long enough to be interrupted; renaming does not.
        target.rename(replaced)
        partial.rename(target)
        _remove(replaced)
    else:
        partial.rename(target)


def is_store(path: Path) -> bool:
    """Tell whether a directory or zipped file is a Zarr store, by its metadata."""
    if path.is_file():
        if not zipfile.is_zipfile(path):
            return False
        with zipfile.ZipFile(path) as archive:
            return any(name in ZARR_METADATA for name in archive.namelist())
    return any((path / name).exists() for name in ZARR_METADATA)


@contextmanager
def _beside(path: Path, within: Path | None = None) -> Iterator[Path]:
    """Make a directory on the same disk, remove it in the end, and name the path in errors."""
    if not path.parent.is_dir():
        raise VideoCodecError(f"cannot write {path}: there is no directory {path.parent}")
    try:
        with TemporaryDirectory(dir=within or path.parent, prefix=f".{path.name}-") as folder:
            yield Path(folder)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{path} was not written") from None
    except OSError as error:
        raise _full(path, error) or OSError(
            f"cannot write {path}: {error.strerror or error}"
        ) from error


def _full(path: Path, error: BaseException) -> OSError | None:
    """Say what to do where the disk is full; None where it is not."""
    if not isinstance(error, OSError) or error.errno not in FULL:
        return None
    return OSError(
        f"No space left on the disk of {path}, which was not written: make room, or name a place "
        "on another disk"
    )


def _replaced(target: Path) -> Path:
    return target.with_name(target.name + ".replaced")


def _clear(target: Path, partial: Path) -> None:
    """Remove what earlier runs left that were interrupted, but for the directory to write to."""
    replaced = _replaced(target)
    if replaced.exists() and not target.exists():
        finished = f"rename {partial} to {target.name}, which is complete, or " * partial.exists()
        raise VideoCodecError(
            f"an earlier run was interrupted while it replaced {target}: {finished}rename "
            f"{replaced} to {target.name}, which is what was there"
        )
    for left in filter(Path.exists, (partial, replaced)):
        if not (is_store(left) or (left.is_dir() and not any(left.iterdir()))):
            raise VideoCodecError(f"{left} is in the way: move it")
        if left.is_dir() and left == partial:
            for inside in left.iterdir():
                _remove(inside)
        else:
            _remove(left)
        if left.exists() and not (left == partial and not any(left.iterdir())):
            raise VideoCodecError(f"{left} is in the way and is not for writing: move it")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _zip(folder: Path) -> None:
    """Make a directory one file of the same name, its members as they are."""
    packed = folder.with_name(folder.name + ".zip")
    try:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for file in sorted(filter(Path.is_file, folder.rglob("*"))):
                archive.write(file, file.relative_to(folder))
        shutil.rmtree(folder)
        os.replace(packed, folder)
    except BaseException:
        packed.unlink(missing_ok=True)
        raise
