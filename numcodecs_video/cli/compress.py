"""``compress``: copy a Zarr store or a NetCDF file into a store whose cubes are video."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
import xarray as xr
import zarr
from fsspec.core import url_to_fs

from numcodecs_video.cli.copying import copied_bytes, copy_dataset
from numcodecs_video.cli.options import (
    announced,
    encoding_options,
    encoding_settings,
    json_option,
    variable_option,
)
from numcodecs_video.cli.progress import progress_bar
from numcodecs_video.cli.tables import (
    format_promise,
    format_ratio,
    format_size,
    format_units,
    new_table,
    print_json,
    print_table,
)
from numcodecs_video.xarray import encoding, record_loss
from numcodecs_video.xarray.compare import names_zarr
from numcodecs_video.xarray.recording import describe_loss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["compress"]

ZARR_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")
# All that decode_cf=False stands for, which xarray.open_groups alone ignores (seen in 2026.9); the
# copies of packed data in tests/cli/test_cli.py guard it.
UNDECODED: dict[str, Any] = dict.fromkeys(
    ("mask_and_scale", "decode_times", "decode_timedelta", "decode_coords", "concat_characters"),
    False,
)
EXAMPLES = """\b
Examples:
  numcodecs-video compress era5.nc era5.zarr --max-error t2m=0.01 --max-error u10=0.1
  numcodecs-video compress s3://bucket/s2.zarr s2.zarr --psnr b10m=50 --effort 7
  numcodecs-video compress in.zarr out.zarr --lossless --chunks time=64,y=256,x=256
"""
REFERENCES = ("coordinates", "grid_mapping", "bounds", "ancillary_variables", "cell_measures")


@click.command(short_help="Copy a Zarr store or NetCDF file, its cubes as video.", epilog=EXAMPLES)
@click.argument("src")
@click.argument("dst")
@variable_option
@encoding_options
@click.option("--zarr-format", type=click.Choice(["2", "3"]), default="3", show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace DST if it is a local Zarr store.")
@json_option
def compress(
    src: str,
    dst: str,
    *,
    names: Sequence[str],
    zarr_format: str,
    overwrite: bool,
    as_json: bool,
    **said: Any,
) -> None:
    """Copy SRC, a Zarr store, its URL or a NetCDF file, to the Zarr store DST.

    Variables with time, y and x axes become video, without loss unless a promise allows some: for
    one variable (t2m=0.01), or for all measurements, which spares integers and classes (0.01). All
    others are written as Zarr does by default. Values are copied as stored, with their attributes,
    coordinates and packing, and what was lost is written into the attributes. A local DST appears
    under its name once it is complete.
    """
    settings = encoding_settings(said)
    target = _check_destination(src, dst, overwrite=overwrite)
    number: Literal[2, 3] = 2 if zarr_format == "2" else 3
    with _open_as_stored(src) as source:
        ds = _select(source, names)
        with announced(), progress_bar("searching", None):
            encodings = encoding(ds, zarr_format=number, tune=True, **settings)
        if isinstance(target, str):
            _write(ds, target, encodings, number)
        else:
            _write_then_rename(ds, target, encodings, number)
        sizes = _sizes(ds, str(target))
        if as_json:
            print_json(sizes)
        else:
            _print_sizes(ds, str(target), encodings, sizes)


def _check_destination(src: str, dst: str, *, overwrite: bool) -> Path | str:
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


def _open_as_stored(src: str) -> xr.Dataset:
    """Open without decoding anything: what is not decoded is not changed."""
    path = Path(src)
    if "://" not in src and not path.exists():
        raise click.ClickException(f"{src} does not exist")
    try:
        with warnings.catch_warnings():
            # A store without consolidated metadata opens more slowly, and is as good.
            warnings.filterwarnings("ignore", "Failed to open Zarr store", RuntimeWarning)
            engine: Literal["zarr"] | None = "zarr" if names_zarr(src) else None
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
        _write(ds, str(partial), encodings, zarr_format)
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
        target.rename(replaced)
        partial.rename(target)
        shutil.rmtree(replaced)
    else:
        partial.rename(target)


def _write(
    ds: xr.Dataset, path: str, encodings: Mapping[str, Any], zarr_format: Literal[2, 3]
) -> None:
    """Copy with a progress bar, and record what was lost."""
    with progress_bar("compressing", copied_bytes(ds, encodings)) as advance:
        copy_dataset(ds, path, encodings, zarr_format=zarr_format, advance=advance)
    record_loss(path)


def _sizes(ds: xr.Dataset, path: str) -> list[dict[str, Any]]:
    """Gather what each variable took, the large ones first."""
    group = zarr.open_group(path, mode="r", use_consolidated=False)
    sizes = []
    for name, variable in sorted(ds.variables.items(), key=lambda item: -item[1].nbytes):
        array: Any = group[str(name)]
        sizes.append(
            {
                "name": str(name),
                "raw_bytes": variable.nbytes,
                "stored_bytes": array.nbytes_stored(),
                "attributes": describe_loss(array),
            }
        )
    return sizes


def _print_sizes(
    ds: xr.Dataset, path: str, encodings: Mapping[str, Any], sizes: Sequence[Mapping[str, Any]]
) -> None:
    """Print what each variable took, and what was promised for it."""
    table = new_table(path, ["variable", "promise"], ["raw", "stored", "ratio"])
    for size in sizes:
        promise = "Zarr's default"
        if size["name"] in encodings:
            units = format_units(ds.variables[size["name"]].attrs)
            promise = format_promise(size["attributes"], units)
        raw, stored = size["raw_bytes"], size["stored_bytes"]
        row = format_size(raw), format_size(stored), format_ratio(raw, stored)
        table.add_row(size["name"], promise, *row)
    table.add_section()
    raw, stored = (sum(size[key] for size in sizes) for key in ("raw_bytes", "stored_bytes"))
    table.add_row("all", "", format_size(raw), format_size(stored), format_ratio(raw, stored))
    print_table(table)
