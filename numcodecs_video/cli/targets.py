"""Where a command writes a store to: checked beforehand, and known there once it is complete."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from fsspec.core import url_to_fs

from numcodecs_video.cli.replacing import is_writable
from numcodecs_video.export.complete import complete_store, is_store
from numcodecs_video.xarray.opening import NETCDF
from numcodecs_video.xarray.recording import consolidate_above

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["check_open", "check_target", "completed_store"]


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
    _check_folder(target)
    if not target.exists():
        return target
    if not overwrite:
        raise click.ClickException(f"{name} exists: name another, or add --overwrite to replace it")
    if not (is_store(target) or (netcdf and target.is_file())):
        raise click.ClickException(
            f"{name} is no Zarr store, and --overwrite replaces nothing else"
        )
    check_open(target)
    return target


def _check_folder(target: Path) -> None:
    """Say before anything is computed that nothing may be written where the target is to be."""
    folder = next(path for path in target.absolute().parents if path.exists())
    if not folder.is_dir():
        raise click.ClickException(f"{target} cannot be: {folder} is a file")
    if not is_writable(folder):
        raise click.ClickException(f"{target} cannot be written: {folder} is not for writing")


def check_open(target: Path) -> None:
    """Say before anything is computed that a store that is there may not be changed."""
    folders = [Path(folder) for folder, _, _ in os.walk(target)]
    closed = next((path for path in folders or [target] if not is_writable(path)), None)
    if closed is not None:
        cause = "" if closed == target else f"cannot be changed: {closed} "
        raise click.ClickException(f"{target} {cause}is not for writing: name another")


def _keep_apart(sources: Sequence[str], target: Path, *, overwrite: bool) -> None:
    """Let no store be written into another that it is read from, nor replace it."""
    place = target.resolve()
    for source in sources:
        if "://" in source:
            continue
        read = Path(source).resolve()
        if place in (read, *read.parents) and target.exists() and overwrite:
            raise click.ClickException(
                f"{source} is in {target}, which cannot replace what it is read from"
            )
        if read in place.parents and read.is_dir() and is_store(read):
            raise click.ClickException(
                f"{target} is inside {source}, which it is read from: write beside it"
            )


@contextmanager
def completed_store(target: Path | str, *, overwrite: bool) -> Iterator[Path | str]:
    """Write a store that bears its name only once it is complete, and is known to those around it.

    Parameters
    ----------
    target : Path or str
        As `check_target` returns it; what is at a URL is written in its place.
    overwrite : bool
        Whether it was allowed to be there.

    Yields
    ------
    Path or str
        What to write to.
    """
    if isinstance(target, str):
        yield target
        return
    with complete_store(target, overwrite=overwrite) as path:
        yield path
    if target.is_dir():
        consolidate_above(target)
