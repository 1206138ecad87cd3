"""Choose which variables are copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr

__all__ = ["select_variables"]

REFERENCES = ("coordinates", "grid_mapping", "bounds", "ancillary_variables", "cell_measures")


def select_variables(ds: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
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
