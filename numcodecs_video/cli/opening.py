"""Open what a command line names, so that what cannot be opened ends in one line."""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import xarray as xr
import zarr

from numcodecs_video.cli.copying import reason_of
from numcodecs_video.cli.kinds import describe_kind, is_readable
from numcodecs_video.cli.naming import is_dated_picture
from numcodecs_video.cli.options import in_options
from numcodecs_video.cli.selecting import matching
from numcodecs_video.cli.unnamed import open_unnamed
from numcodecs_video.errors import DecodeError
from numcodecs_video.export.complete import is_store
from numcodecs_video.xarray.conventions import stored_dtype
from numcodecs_video.xarray.dimensions import letters_of
from numcodecs_video.xarray.opening import (
    names_zarr,
    open_groups,
    open_lazily,
    store_of,
    within_file,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "arrays_of",
    "check_existence",
    "in_one_line",
    "mention_groups",
    "open_dataset",
    "select_cube",
    "select_cubes",
    "select_variables",
    "unreadable",
]

#: what a repository of Icechunk has
ICECHUNK = ("snapshots", "manifests")
#: as far as a folder is searched for what can be read
MOST_FOLDERS, MOST_FILES = 100, 100
NOTHING = "there is no group or array of Zarr under this name"
#: what the group at the top of a store has
ROOTS = ("zarr.json", ".zgroup", ".zarray")
#: what arrays hold that are no numbers, by the kind of their dtype
NO_NUMBERS = {
    "U": "text",
    "S": "text",
    "T": "text",
    "O": "text or objects",
    "M": "dates",
    "m": "durations",
}


def open_dataset(
    path: str, axes: Mapping[str, str] | None = None, *, levels: bool = False
) -> xr.Dataset:
    """Open a Zarr store, its URL or a NetCDF file as a reader sees it, reading no array.

    A picture that is named by its date, in a format that has no time, is a cube of one date.

    Parameters
    ----------
    path : str
    axes : mapping of str to str, optional
        Letters by dimension, which name those of Zarr arrays that name none, in this order; None
        of a command that is told none.
    levels : bool
        All resolutions of an image; else the full one.
    """
    check_existence(path)
    if is_dated_picture(path):
        return _open_picture(path)
    try:
        ds = open_lazily(path, as_stored=True, levels=levels)
        if not ds.data_vars:
            _refuse_groups(path, ds)
        return ds
    except (ImportError, click.ClickException):
        raise
    except Exception as error:  # readers raise what they like on what is not theirs
        groups = _open_unnamed(path, axes)
        if groups is None:
            raise unreadable(path, error) from error
        return xr.decode_cf(groups["/"])


def _open_unnamed(path: str, axes: Mapping[str, str] | None) -> dict[str, xr.Dataset] | None:
    """Open Zarr arrays that name no dimensions; None where that is not what is there."""
    if not names_zarr(path):
        return None
    try:
        return open_unnamed(store_of(path), path, list(axes or ()))
    except click.ClickException as error:
        if axes is not None:
            raise
        raise click.ClickException(
            f"{path} has arrays that name no dimensions: compress names them, by --axes"
        ) from error
    except Exception:  # noqa: BLE001 - what xarray said is what is said
        return None


def _open_picture(path: str) -> xr.Dataset:
    from numcodecs_video.cli.gathering import open_joined

    with ExitStack() as stack:
        ds = open_joined([path], stack)
        ds.set_close(stack.pop_all().close)
        return ds


def unreadable(path: str, error: Exception) -> click.ClickException:
    """Say in one line why a source cannot be read, and what it is instead."""
    reason = reason_of(error)
    if not isinstance(error, OSError):
        reason = (str(error).splitlines() or [reason])[0]
    if _finds_nothing(error):
        reason = NOTHING
    if "://" in path and not names_zarr(path):
        reason += " (NetCDF is read by OPeNDAP, or from a file: download it)"
    elif folder := _folder_without_store(path):
        reason = folder
    elif archive := _archive_without_store(path):
        reason = archive
    elif Path(path).is_file() and not is_readable(Path(path)):
        reason = f"it is {describe_kind(Path(path))}"
    return click.ClickException(f"cannot read {path} as a Zarr group or a NetCDF file: {reason}")


def _finds_nothing(error: Exception) -> bool:
    """Tell that zarr found none of its metadata, which it says of a store's Python object."""
    return isinstance(error, zarr.errors.NodeNotFoundError)


def _folder_without_store(path: str) -> str:
    """Say that a path is a folder and no store; nothing of what is another thing."""
    if "://" in path or not Path(path).is_dir() or is_store(Path(path)):
        return ""
    if all((Path(path) / name).is_dir() for name in ICECHUNK):
        return (
            "it is an Icechunk repository: in Python, give the store of a session to "
            "numcodecs_video.xarray"
        )
    return f"it is a folder without a Zarr store{_example_in(Path(path))}"


def _archive_without_store(path: str) -> str:
    """Say that a file is zipped, and holds its store in a folder, if any."""
    file = Path(path)
    if "://" in path or not zipfile.is_zipfile(file) or is_store(file):
        return ""
    with zipfile.ZipFile(file) as archive:
        stores = sorted({str(p.parent) for p in map(Path, archive.namelist()) if p.name in ROOTS})
    if not stores:
        return "it is a ZIP file without a Zarr store"
    if file.suffix != ".zip":
        return "it is a ZIP file: name it .zip where it is a zipped store"
    return f"it is a ZIP file with its store in a folder: name {file / min(stores, key=len)}"


def _example_in(folder: Path) -> str:
    """Say how to name the stores or files in a folder, or in the first below it that has some."""
    for place, folders, names in islice(os.walk(folder), MOST_FOLDERS):
        folders.sort()  # in which order they are walked
        stores = [name for name in folders if is_store(Path(place, name))]
        if stores:
            return f": name what is in it, such as {Path(place, stores[0])}"
        files = [Path(place, name) for name in sorted(names)[:MOST_FILES] if Path(name).suffix]
        known = [f for f in files if os.access(f, os.R_OK) and is_readable(f, pictures=True)]
        suffixes = Counter(file.suffix for file in known or (files if place == str(folder) else []))
        if known or (suffixes and not folders):
            return f": name the files in it, as in {place}/*{suffixes.most_common(1)[0][0]}"
    return ""


def _refuse_groups(path: str, top: xr.Dataset) -> None:
    """Name the groups of a source that holds all in groups, but for coordinates they share."""
    groups = open_groups(path)
    filled = [group.strip("/") for group, ds in groups.items() if ds.data_vars]
    for ds in groups.values():
        ds.close()
    if filled:
        raise click.ClickException(
            f"{path} holds groups: name one, such as {path.rstrip('/')}/{filled[0]} (there are "
            f"{', '.join(filled)})"
        )
    if not top.variables:
        raise click.ClickException(f"{path} holds no variables")


def mention_groups(path: str, done: str) -> None:
    """Say which groups within a source a command has left out that reads the top one alone."""
    if "://" in path:  # which takes many requests to find out
        return
    try:
        groups = open_groups(path)
    except Exception:  # noqa: BLE001 - readers of files without groups raise what they like
        return
    below = [group.strip("/") for group, ds in groups.items() if group != "/" and ds.variables]
    for ds in groups.values():
        ds.close()
    if below:
        click.echo(
            f"Note: groups of {path} are not {done}: {', '.join(below)}; name one, such as "
            f"{path.rstrip('/')}/{below[0]}",
            err=True,
        )


def arrays_of(path: str) -> list[tuple[str, zarr.Array[Any]]]:
    """List the arrays of a Zarr store by name, those in groups included."""
    check_existence(path)
    if Path(path).is_file() and not names_zarr(path):
        raise click.ClickException(f"{path} is {describe_kind(Path(path))}")
    try:
        node = zarr.open(store_of(path), mode="r")
        members = [] if isinstance(node, zarr.Array) else sorted(node.members(max_depth=None))
    except ValueError as error:  # metadata that are none, or a codec that zarr does not know
        found = NOTHING if _finds_nothing(error) else error
        reason = _folder_without_store(path) or _archive_without_store(path) or found
        raise click.ClickException(f"cannot read {path} as Zarr: {reason}") from error
    if isinstance(node, zarr.Array):
        return [(Path(path).name, node)]
    return [(name, member) for name, member in members if isinstance(member, zarr.Array)]


def select_variables(ds: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
    """Keep the variables named, by themselves or by patterns, or all."""
    known = list(map(str, ds.data_vars))
    unknown = [name for name in names if not matching(name, known)]
    if unknown:
        raise click.ClickException(
            f"no variable {', '.join(unknown)}: there are {', '.join(known) or 'none'}"
        )
    found = dict.fromkeys(name for pattern in names for name in matching(pattern, known))
    return ds[list(found)] if names else ds


def select_cubes(
    ds: xr.Dataset, names: Sequence[str], axes: Mapping[str, str] | None = None
) -> xr.Dataset:
    """Keep the variables named, which must be able to become video, or all that can."""
    chosen = select_variables(ds, names)
    reasons = {str(name): _why_no_cube(v, axes, ds.attrs) for name, v in chosen.data_vars.items()}
    cubes = [name for name, reason in reasons.items() if reason is None]
    if not cubes or (names and len(cubes) < len(reasons)):
        found = "; ".join(f"{name} {reason}" for name, reason in reasons.items() if reason)
        what = "that is no" if names else "nothing here is a"
        raise click.ClickException(
            f"{what} video, which has numbers along time, y and x "
            f"({found or 'there are no variables'}): --axes DIM=LETTER names dimensions"
        )
    return ds[cubes]


def select_cube(
    ds: xr.Dataset, name: str | None, axes: Mapping[str, str] | None = None
) -> xr.Dataset:
    """Keep the variable named, or the only one that can become video."""
    chosen = select_cubes(ds, [] if name is None else [name], axes)
    if len(chosen.data_vars) > 1:
        several = ", ".join(map(str, chosen.data_vars))
        raise click.ClickException(f"one variable at a time: choose by --var one of {several}")
    return chosen


def _why_no_cube(
    variable: xr.DataArray, axes: Mapping[str, str] | None, group: Mapping[str, Any]
) -> str | None:
    """Say what keeps a variable from becoming video."""
    if stored_dtype(variable).kind not in "biuf":
        return f"holds {NO_NUMBERS.get(variable.dtype.kind, 'no numbers')}"
    if letters_of(variable, axes, group=group) is None:
        return f"has ({', '.join(map(str, variable.dims)) or 'no dimensions'})"
    return None if variable.size else "has no cells"


def in_one_line(error: Exception) -> str:
    """Say an error in one line; of bytes that cannot be decoded, with the place where they are."""
    notes = getattr(error, "__notes__", ()) if isinstance(error, DecodeError) else ()
    text = error.message if isinstance(error, click.ClickException) else reason_of(error)
    return " ".join([*in_options(text).split(), *(f"({note})" for note in notes)])


def check_existence(path: str) -> None:
    """Say that a local path is not there before a reader says it in its own words."""
    if "://" not in path and not Path(within_file(path)[0]).exists():
        raise click.ClickException(f"{path} does not exist")
