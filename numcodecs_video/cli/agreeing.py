"""Refuse what two sources say of one variable that cannot both hold, and name both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from numcodecs_video.cli.packing import first_difference

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["refuse_another", "refuse_another_projection"]

#: what says which places on the earth a grid means
PROJECTION = ("crs_wkt", "spatial_ref", "grid_mapping_name")


def refuse_another(name: str, one: tuple[str, xr.Variable], other: tuple[str, xr.Variable]) -> None:
    """Refuse a variable that is another in another source."""
    refuse_another_projection(name, one, other)
    if not one[1].equals(other[1]):  # type: ignore[no-untyped-call]
        raise click.ClickException(
            f"{name} is another in {one[0]} than in {other[0]}: bring them onto one grid, or "
            "choose one of them beforehand"
        )


def refuse_another_projection(
    name: str, one: tuple[str, xr.Variable], other: tuple[str, xr.Variable]
) -> None:
    """Refuse a variable whose attributes say another projection."""
    if first_difference(one[1], other[1], PROJECTION):
        raise click.ClickException(
            f"{one[0]} and {other[0]} are in different projections, says {name}: bring them into "
            "one beforehand"
        )
