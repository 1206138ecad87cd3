"""Where a command writes tables, pictures or films: what exists is replaced on request alone."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_replaceable", "is_writable", "overwrite_option", "writing"]

overwrite_option = click.option("--overwrite", is_flag=True, help="Replace what exists.")


@contextmanager
def writing(target: str | Path, *, overwrite: bool) -> Iterator[None]:
    """Check a target, and name it where the block is interrupted.

    Parameters
    ----------
    target, overwrite
        As of `check_replaceable`.
    """
    check_replaceable(target, overwrite=overwrite)
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{target} was not written") from None


def is_writable(path: Path) -> bool:
    """Tell whether a file may be written, or files in a directory."""
    return os.access(path, os.W_OK | os.X_OK if path.is_dir() else os.W_OK)


def check_replaceable(target: str | Path, *, overwrite: bool) -> None:
    """Refuse, before any work, what cannot be written or is kept.

    Parameters
    ----------
    target : str or Path
        A file; or a directory for files, which has no suffix.
    overwrite : bool
        Whether what exists may be replaced.
    """
    path = Path(target)
    if path.suffix and not path.parent.is_dir():
        raise click.ClickException(f"cannot write {target}: there is no directory {path.parent}")
    folder = path if path.is_dir() else path.parent
    if path.exists() and not is_writable(path):
        raise click.ClickException(f"{target} is not for writing: name another")
    if folder.is_dir() and not is_writable(folder):
        raise click.ClickException(f"cannot write {target}: {folder} is not for writing")
    kept = path.exists() and not (path.is_dir() and not any(path.iterdir()))
    if kept and not overwrite:
        raise click.ClickException(
            f"{target} exists: name another, or add --overwrite to replace it"
        )
