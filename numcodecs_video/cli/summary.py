"""What each variable of a store took, and what was promised for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numcodecs_video.cli.opening import arrays_of
from numcodecs_video.cli.tables import (
    format_promise,
    format_units,
    new_table,
    print_json,
    print_table,
    size_cells,
)
from numcodecs_video.stored import settings_of, stored_bytes
from numcodecs_video.xarray.recording import describe_loss

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["print_sizes", "sizes_of"]


def sizes_of(path: str, names: Iterable[str]) -> list[dict[str, Any]]:
    """Gather what each of the variables took, the large ones first."""
    wanted = set(names)
    sizes = [
        {
            "name": name,
            "raw_bytes": array.nbytes,
            "stored_bytes": stored_bytes(array),
            "video": settings_of(array) is not None,
            "units": str(array.attrs.get("units", "")),
            "attributes": describe_loss(array),
        }
        for name, array in arrays_of(path)
        if name in wanted
    ]
    return sorted(sizes, key=lambda size: -size["raw_bytes"])


def print_sizes(path: str, sizes: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print what each variable took, and what was promised for it."""
    if as_json:
        print_json(sizes)
        return
    table = new_table(path, ["variable", "promise"], ["raw", "stored", "ratio"])
    for size in sizes:
        promise = "Zarr's default"
        if size["video"]:
            promise = format_promise(size["attributes"], format_units(size))
        table.add_row(size["name"], promise, *size_cells(size["raw_bytes"], size["stored_bytes"]))
    table.add_section()
    raw, stored = (sum(size[key] for size in sizes) for key in ("raw_bytes", "stored_bytes"))
    table.add_row("all", "", *size_cells(raw, stored))
    print_table(table)
