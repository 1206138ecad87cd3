"""What each variable of a store took, and what was promised for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import zarr

from numcodecs_video.cli.tables import (
    format_promise,
    format_ratio,
    format_size,
    format_units,
    new_table,
    print_table,
)
from numcodecs_video.xarray.recording import describe_loss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

__all__ = ["print_sizes", "sizes_of"]


def sizes_of(ds: xr.Dataset, path: str) -> list[dict[str, Any]]:
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


def print_sizes(
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
