"""Where a command writes to: checked beforehand, and under its name only once it is complete."""

from __future__ import annotations

import errno
import os
import shutil
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from fsspec.core import url_to_fs

from numcodecs_video.xarray.opening import NETCDF
from numcodecs_video.xarray.recording import consolidate_above

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["check_target", "completed"]

ZARR_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")
FULL = (errno.ENOSPC, errno.EDQUOT)


def check_target(
    sources: Sequence[str], name: str, *, overwrite: bool = False, netcdf: bool = False
) -> Path | str:
    """Return the path to write to, which may be replaced, or the URL.

    Parameters
    ----------
    sources : sequence of str
        Paths and URLs that are read meanwhile.
    name : str
        As it was said.
    overwrite : bool
        A local store may be there.
    netcdf : bool
        It may be a NetCDF file.
    """
    name = name.removeprefix("file://")
    if not name.strip():
        raise click.ClickException("DST is empty: name the store to write")
    if not netcdf and name.lower().endswith(NETCDF):
        raise click.ClickException(
            f"{name} is named as a NetCDF file, and what is written is a Zarr store: name it "
            f"{Path(name).stem}.zarr; convert exports a store to NetCDF"
        )
    if "://" in name:
        files, path = url_to_fs(name)
        if files.exists(path):
            raise click.ClickException(f"{name} exists: name another, or remove it beforehand")
        return name
    target = Path(name)
    if target.name in ("", ".."):
        raise click.ClickException(f"{name} exists: name another")
    _keep_apart(sources, target, overwrite=overwrite)
    if not target.exists():
        return target
    if not overwrite:
        raise click.ClickException(f"{name} exists: name another, or add --overwrite to replace it")
    if not (_is_store(target) or (netcdf and target.is_file())):
        raise click.ClickException(
            f"{name} is no Zarr store, and --overwrite replaces nothing else"
        )
    return target


def _keep_apart(sources: Sequence[str], target: Path, *, overwrite: bool) -> None:
    """Let no store be written into another that it is read from, nor replace it."""
    place = target.resolve()
    for source in sources:
        if "://" in source.removeprefix("file://"):
            continue
        read = Path(source.removeprefix("file://")).resolve()
        if place in (read, *read.parents) and target.exists() and overwrite:
            raise click.ClickException(
                f"{source} is in {target}, which cannot replace what it is read from"
            )
        if read in place.parents and read.is_dir() and _is_store(read):
            raise click.ClickException(
                f"{target} is inside {source}, which it is read from: write beside it"
            )


def _is_store(path: Path) -> bool:
    if path.is_file():
        if not zipfile.is_zipfile(path):
            return False
        with zipfile.ZipFile(path) as archive:
            return any(name in ZARR_METADATA for name in archive.namelist())
    return any((path / name).exists() for name in ZARR_METADATA)


@contextmanager
def completed(target: Path) -> Iterator[Path]:
    """Write under another name, so that what bears the right one is always complete.

    Yields
    ------
    Path
        Of a directory, or a file, that is not there yet: it becomes `target`, zipped where that is
        named ``.zip``.
    """
    partial = target.with_name(target.name + ".partial")
    replaced = target.with_name(target.name + ".replaced")
    _clear(target, partial, replaced)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        if target.suffix == ".zip":
            _zip(partial)
    except KeyboardInterrupt:
        if not partial.is_dir():
            partial.unlink(missing_ok=True)
            raise KeyboardInterrupt(f"{target} was not written") from None
        raise KeyboardInterrupt(
            f"{target} was not written and {partial} is incomplete; run the same command to start "
            "over, or delete it"
        ) from None
    except BaseException as error:
        _remove(partial)
        if isinstance(error, OSError) and error.errno in FULL:
            raise click.ClickException(
                f"No space left on the disk of {target}, which was not written: make room, or name "
                "a place on another disk"
            ) from error
        raise
    if target.exists():
        # Deleting takes long enough to be interrupted; renaming does not.
        target.rename(replaced)
        partial.rename(target)
        _remove(replaced)
    else:
        partial.rename(target)
    if target.is_dir():
        consolidate_above(target)


def _clear(target: Path, partial: Path, replaced: Path) -> None:
    """Remove what earlier runs left that were interrupted."""
    if replaced.exists() and not target.exists():
        finished = f"rename {partial} to {target.name}, which is complete, or " * partial.exists()
        raise click.ClickException(
            f"an earlier run was interrupted while it replaced {target}: {finished}rename "
            f"{replaced} to {target.name}, which is what was there"
        )
    for left in filter(Path.exists, (partial, replaced)):
        if not (_is_store(left) or (left.is_dir() and not any(left.iterdir()))):
            raise click.ClickException(f"{left} is in the way: move it")
        _remove(left)


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
