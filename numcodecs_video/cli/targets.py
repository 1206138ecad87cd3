"""Where a command writes to: checked beforehand, and under its name only once it is complete."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click
from fsspec.core import url_to_fs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_destination", "write_then_rename"]

ZARR_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")


def check_destination(src: str, dst: str, *, overwrite: bool) -> Path | str:
    """Return the path to write to, which may be replaced, or the URL."""
    dst = dst.removeprefix("file://")
    if "://" in dst:
        files, path = url_to_fs(dst)
        if files.exists(path):
            raise click.ClickException(f"{dst} exists: name another, or remove it beforehand")
        return dst
    target = Path(dst)
    if target.suffix == ".zip":
        raise click.ClickException(
            f"{dst} is no directory: write to one, then zip the finished store"
        )
    if not target.exists():
        return target
    if not overwrite:
        raise click.ClickException(f"{dst} exists: name another, or add --overwrite to replace it")
    if not _is_store(target):
        raise click.ClickException(f"{dst} is no Zarr store, and --overwrite replaces nothing else")
    if target.resolve() in (Path(src).resolve(), *Path(src).resolve().parents):
        raise click.ClickException(f"{src} is in {dst}, which cannot replace what it is read from")
    return target


def _is_store(path: Path) -> bool:
    return any((path / name).exists() for name in ZARR_METADATA)


def write_then_rename(write: Callable[[str], None], target: Path) -> None:
    """Write under another name, so that what bears the right one is always complete."""
    partial = target.with_name(target.name + ".partial")
    replaced = target.with_name(target.name + ".replaced")
    # Both are of earlier runs that were interrupted.
    if replaced.exists() and not target.exists():
        finished = f"rename {partial} to {target.name}, which is complete, or " * partial.exists()
        raise click.ClickException(
            f"an earlier run was interrupted while it replaced {target}: {finished}rename "
            f"{replaced} to {target.name}, which is what was there"
        )
    for left in filter(Path.exists, (partial, replaced)):
        if not left.is_dir() or (not _is_store(left) and any(left.iterdir())):
            raise click.ClickException(f"{left} is in the way: move it")
        shutil.rmtree(left)
    try:
        write(str(partial))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"{target} was not written and {partial} is incomplete; run the same command to start "
            "over, or delete it"
        ) from None
    except Exception:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if target.exists():
        # Deleting takes long enough to be interrupted; renaming does not.
        target.rename(replaced)
        partial.rename(target)
        shutil.rmtree(replaced)
    else:
        partial.rename(target)
