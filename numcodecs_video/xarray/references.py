"""What the attributes of variables refer to by conventions of CF: axes, bounds, areas, grids."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import xarray as xr

__all__ = ["referred_to", "with_what_it_needs"]

REFERENCES = ("coordinates", "grid_mapping", "bounds", "ancillary_variables", "cell_measures")


def referred_to(ds: xr.Dataset) -> set[str]:
    """List what the attributes of a dataset and of its variables name: axes, bounds, areas."""
    attributes = [ds.attrs, *(variable.attrs for variable in ds.variables.values())]
    said = " ".join(str(attrs.get(key, "")) for attrs in attributes for key in REFERENCES)
    return {word.rstrip(":") for word in said.split()}


def with_what_it_needs(ds: xr.Dataset, names: AbstractSet[str]) -> xr.Dataset:
    """Keep variables and what they refer to: an axis may refer to its bounds in turn."""
    kept, found = set[str](), set(names)
    while found:
        kept |= found
        dims = {str(dim) for name in found for dim in ds.variables[name].dims}
        known = set(map(str, ds.variables))
        found = (referred_to(ds[sorted(found)]) | dims) & known - kept
    return ds[sorted(kept)]
