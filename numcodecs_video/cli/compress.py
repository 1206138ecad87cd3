"""``compress``: copy a Zarr store or a NetCDF file into a store whose cubes are video."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import click
import xarray as xr
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from numcodecs_video.cli.copying import copied_bytes, copy_dataset
from numcodecs_video.cli.parameters import parse_bounds, parse_chunks
from numcodecs_video.cli.tables import (
    format_ratio,
    format_size,
    format_units,
    new_table,
    print_table,
)
from numcodecs_video.config import CodecName
from numcodecs_video.xarray import encoding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["compress"]

ZARR_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")
# All that decode_cf=False stands for, which xarray.open_groups alone ignores (seen in 2026.9); the
# copies of packed data in tests/test_cli.py guard it.
UNDECODED: dict[str, Any] = dict.fromkeys(
    ("mask_and_scale", "decode_times", "decode_timedelta", "decode_coords", "concat_characters"),
    False,
)
REFERENCES = ("coordinates", "grid_mapping", "bounds", "ancillary_variables", "cell_measures")


@click.command(short_help="Copy a Zarr store or NetCDF file, its cubes as video.")
@click.argument("src")
@click.argument("dst")
@click.option(
    "--var",
    "names",
    multiple=True,
    metavar="VAR",
    help="Copy this variable with what it refers to, and no other.  [repeatable]",
)
@click.option(
    "--max-error",
    "bounds",
    callback=parse_bounds,
    multiple=True,
    metavar="VAR=VALUE",
    help="Largest error of any cell of a variable, in its units.  [repeatable]",
)
@click.option("--lossless", is_flag=True, help="Keep every bit: the default, said aloud.")
@click.option("--codec", type=click.Choice(get_args(CodecName)), default="auto", show_default=True)
@click.option(
    "--chunks",
    callback=parse_chunks,
    metavar="DIM=N,...",
    help="Such as time=64,y=256,x=256; -1 is the whole dimension.",
)
@click.option("--zarr-format", type=click.Choice(["2", "3"]), default="3", show_default=True)
@click.option(
    "--effort", type=click.IntRange(1, 9), default=5, show_default=True, help="1 fast, 9 small."
)
@click.option("--overwrite", is_flag=True, help="Replace DST if it is a Zarr store.")
def compress(
    src: str,
    dst: str,
    *,
    names: Sequence[str],
    bounds: Mapping[str, float],
    lossless: bool,
    codec: CodecName,
    chunks: Mapping[str, int],
    zarr_format: str,
    effort: int,
    overwrite: bool,
) -> None:
    """Copy SRC, a Zarr store or NetCDF file, to the Zarr store DST.

    Variables with time, y and x axes become video, without loss unless --max-error allows some; all
    others are written as Zarr does by default. Values are copied as stored, with their attributes,
    coordinates and packing. DST appears under its name once it is complete.
    """
    if lossless and bounds:
        raise click.UsageError("--lossless and --max-error exclude each other")
    target = _check_destination(src, dst, overwrite=overwrite)
    number: Literal[2, 3] = 2 if zarr_format == "2" else 3
    with _open_as_stored(src) as source:
        ds = _select(source, names)
        encodings = encoding(
            ds,
            zarr_format=number,
            max_error=bounds,
            codec=codec,
            chunks=chunks,
            effort=effort,
        )
        _write_then_rename(ds, target, encodings, number)
        _print_sizes(ds, target, encodings, bounds)


def _check_destination(src: str, dst: str, *, overwrite: bool) -> Path:
    """Return the path to write to, which may be replaced."""
    target = Path(dst)
    if "://" in dst or target.suffix == ".zip":
        raise click.ClickException(
            f"{dst} is no local directory: write to one, then copy or zip the finished store"
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


def _open_as_stored(src: str) -> xr.Dataset:
    """Open without decoding anything: what is not decoded is not changed."""
    path = Path(src)
    if "://" not in src and not path.exists():
        raise click.ClickException(f"{src} does not exist")
    is_zarr = path.is_dir() or path.suffix == ".zip" or ("://" in src and ".nc" not in path.suffix)
    try:
        with warnings.catch_warnings():
            # A store without consolidated metadata opens more slowly, and is as good.
            warnings.filterwarnings("ignore", "Failed to open Zarr store", RuntimeWarning)
            engine: Literal["zarr"] | None = "zarr" if is_zarr else None
            groups = xr.open_groups(src, engine=engine, cache=False, **UNDECODED)
    except ImportError:
        raise
    except Exception as error:  # readers raise what they like on what is not theirs
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise click.ClickException(
            f"cannot read {src} as a Zarr group or a NetCDF file: {reason}"
        ) from error
    filled = [group for group, ds in groups.items() if ds.variables]
    if filled != ["/"]:
        raise click.ClickException(
            f"{src} holds groups, which compress does not copy: {', '.join(filled)}"
            if filled
            else f"{src} holds no variables"
        )
    return groups["/"]


def _select(ds: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
    """Keep the variables named, their axes, and what their attributes refer to."""
    unknown = [name for name in names if name not in ds.variables]
    if unknown:
        raise click.ClickException(
            f"no variable {', '.join(unknown)}: there are {', '.join(map(str, ds.variables))}"
        )
    if not names:
        return ds
    kept, found = set[str](), set(names)
    while found:  # an axis may refer to its bounds in turn
        kept |= found
        attributes = [ds.attrs, *(ds.variables[name].attrs for name in found)]
        said = " ".join(str(attrs.get(key, "")) for attrs in attributes for key in REFERENCES)
        dims = {str(dim) for name in found for dim in ds.variables[name].dims}
        found = ({word.rstrip(":") for word in said.split()} | dims) & set(ds.variables) - kept
    return ds[sorted(kept)]


def _write_then_rename(
    ds: xr.Dataset, target: Path, encodings: Mapping[str, Any], zarr_format: Literal[2, 3]
) -> None:
    """Write under another name, so that what bears the right one is always complete."""
    partial = target.with_name(target.name + ".partial")
    if partial.exists():
        if not _is_store(partial) and any(partial.iterdir()):
            raise click.ClickException(f"{partial} is in the way: move it")
        shutil.rmtree(partial)  # of an earlier run that was interrupted
    columns = TextColumn("compressing"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    try:
        console = Console(stderr=True)
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("", total=copied_bytes(ds, encodings))
            copy_dataset(
                ds,
                partial,
                encodings,
                zarr_format=zarr_format,
                advance=lambda size: progress.advance(task, size),
            )
    except KeyboardInterrupt:
        raise click.ClickException(
            f"interrupted: {target} was not written and {partial} is incomplete; run the same "
            "command to start over, or delete it"
        ) from None
    except Exception:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if target.exists():
        # Deleting takes long enough to be interrupted; renaming does not.
        replaced = target.with_name(target.name + ".replaced")
        target.rename(replaced)
        partial.rename(target)
        shutil.rmtree(replaced)
    else:
        partial.rename(target)


def _print_sizes(
    ds: xr.Dataset, target: Path, encodings: Mapping[str, Any], bounds: Mapping[str, float]
) -> None:
    """Print what each variable took, the large ones first."""
    table = new_table(str(target), ["variable", "promise"], ["raw", "stored", "ratio"])
    raw_total = stored_total = 0
    for name, variable in sorted(ds.variables.items(), key=lambda item: -item[1].nbytes):
        stored = sum(f.stat().st_size for f in (target / str(name)).rglob("*") if f.is_file())
        raw_total, stored_total = raw_total + variable.nbytes, stored_total + stored
        promise = "Zarr's default"
        if name in encodings:
            bound = bounds.get(str(name))
            units = format_units(variable.attrs)
            promise = "lossless" if bound is None else f"±{bound:g}{units}"
        sizes = format_size(variable.nbytes), format_size(stored)
        table.add_row(str(name), promise, *sizes, format_ratio(variable.nbytes, stored))
    table.add_section()
    sizes = format_size(raw_total), format_size(stored_total)
    table.add_row("all", "", *sizes, format_ratio(raw_total, stored_total))
    print_table(table)
