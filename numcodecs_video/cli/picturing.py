"""Which cube of a source, and which of its bands, a picture or a film shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import xarray as xr

from numcodecs_video.metrics import valid_cells
from numcodecs_video.xarray import letters_of
from numcodecs_video.xarray.labels import band_names, band_positions, nodata_seen

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Shown", "bands_of", "shown_of", "usual_bands"]

#: red, green and blue as their bands are called: by Sentinel-2 and Landsat 8, and in words
COLOURS = (("B04", "B03", "B02"), ("B4", "B3", "B2"), ("red", "green", "blue"))
BANDS = "bands"  # the name of several variables as one


@dataclass(frozen=True)
class Shown:
    """A cube, and what is shown of it.

    Attributes
    ----------
    cube : xarray.DataArray
        A variable, or several of them with a band axis.
    letters : str
        Its axes.
    bands : list of int
        One or three.
    names : list of str
        Of these bands; empty where there is one band alone.
    variables : tuple of str
        That the cube was made of.
    """

    cube: xr.DataArray
    letters: str
    bands: list[int]
    names: list[str]
    variables: tuple[str, ...]

    @property
    def title(self) -> str:
        """What to call it: the variable and its bands."""
        names = ", ".join(self.names)
        if self.cube.name == BANDS and len(self.variables) > 1:
            return names
        return f"{self.cube.name} ({names})" if names else str(self.cube.name)

    def same_of(self, ds: xr.Dataset, path: str) -> xr.DataArray:
        """Take the same variables out of another dataset."""
        missing = [name for name in self.variables if name not in ds.data_vars]
        if missing:
            raise click.ClickException(f"{path} has no variable {', '.join(missing)}")
        return _cube_of(ds, self.variables)


def shown_of(
    ds: xr.Dataset, src: str, name: str | None, bands: tuple[str, ...] | None, *, colour: bool
) -> Shown:
    """Find what to show.

    Parameters
    ----------
    ds : xarray.Dataset
    src : str
        Where it is from.
    name : str, optional
        Of a variable; unless given, that with bands of the names asked for, or the variables of
        these names, or the first.
    bands : tuple of str, optional
        Names or positions.
    colour : bool
        Show the first three bands, rather than the first, where none is asked for and none is
        called red.
    """
    cubes = {str(key): v for key, v in ds.data_vars.items() if letters_of(v) and v.size}
    if not cubes:
        found = (f"{key} ({', '.join(map(str, v.dims))})" for key, v in ds.data_vars.items())
        raise click.ClickException(
            f"{src} has nothing to show, which has numbers along time, y and x: there are "
            f"{', '.join(found) or 'no variables'}"
        )
    if name is not None and name not in cubes:
        raise click.ClickException(f"{src} has no cube {name}; its cubes: {', '.join(cubes)}")
    variables = _variables_with(cubes, src, bands) if name is None else (name,)
    if variables == bands and len(variables) == 1:
        bands = None  # it is the variable
    cube = _cube_of(ds, variables)
    letters = letters_of(cube) or ""
    at = bands_of(cube, letters, bands, colour=colour)
    known = band_names(cube, letters)
    names = [known[band] for band in at] if len(known) > 1 else []
    return Shown(cube, letters, at, names, variables)


def bands_of(
    cube: xr.DataArray, letters: str, bands: Sequence[str] | None, *, colour: bool
) -> list[int]:
    """Find the positions of the bands asked for, or of the usual ones."""
    known = band_names(cube, letters)
    if bands is None:
        return usual_bands(known, colour=colour)
    if not set(bands) <= set(known):  # numbers are positions, unless they are names
        return band_positions(cube, letters, [int(b) if b.isdigit() else b for b in bands])
    return band_positions(cube, letters, bands)


def usual_bands(names: Sequence[str], *, colour: bool) -> list[int]:
    """Choose the bands called red, green and blue; else the first three, or the first."""
    for triple in COLOURS:
        if set(triple) <= set(names):
            return [names.index(band) for band in triple]
    return [0, 1, 2] if colour and len(names) >= 3 else [0]


def _variables_with(
    cubes: dict[str, xr.DataArray], src: str, bands: tuple[str, ...] | None
) -> tuple[str, ...]:
    """Find the cube that has the bands of these names, or the cubes of these names."""
    for triple in COLOURS if bands is None else (bands,):
        for key, cube in cubes.items():
            if set(triple) <= set(band_names(cube, letters_of(cube) or "")):
                return (key,)
        if set(triple) <= set(cubes):
            return tuple(triple)
    if bands is None or all(band.isdigit() for band in bands):
        return (next(iter(cubes)),)
    raise click.ClickException(
        f"{src} has no cube with bands {', '.join(bands)}, nor cubes of these names; its cubes: "
        f"{', '.join(_with_bands(key, cube) for key, cube in cubes.items())}"
    )


def _with_bands(key: str, cube: xr.DataArray) -> str:
    names = band_names(cube, letters_of(cube) or "")
    return f"{key} ({', '.join(names)})" if len(names) > 1 else key


def _cube_of(ds: xr.Dataset, variables: Sequence[str]) -> xr.DataArray:
    """Take one variable, or several as one with a band axis, in which missing cells are NaN."""
    if len(variables) == 1:
        return ds[variables[0]]
    parts = [ds[name] for name in variables]
    for name, part in zip(variables, parts, strict=True):
        if (part.dims, part.shape) != (parts[0].dims, parts[0].shape):
            raise click.ClickException(
                f"{variables[0]} is {dict(parts[0].sizes)} and {name} is {dict(part.sizes)}: bands "
                "of one picture lie on one grid"
            )
    masked = [_masked(part).reset_coords(drop=True) for part in parts]
    index = xr.Variable("band", list(variables))
    cube = xr.concat(masked, dim=index, join="override", combine_attrs="drop_conflicts")
    return cube.rename(BANDS).transpose(*_dims_with_band(parts[0]))


def _masked(part: xr.DataArray) -> xr.DataArray:
    nodata = nodata_seen(part)
    if nodata is None:
        return part
    kept = part.where(xr.apply_ufunc(valid_cells, part, kwargs={"nodata": nodata}, dask="allowed"))
    kept.attrs = {key: value for key, value in part.attrs.items() if key != "nodata"}
    return kept


def _dims_with_band(part: xr.DataArray) -> list[str]:
    letters = letters_of(part) or ""
    dims = [str(dim) for dim in part.dims]
    at = min(letters.index("y"), letters.index("x"))
    return [*dims[:at], "band", *dims[at:]]
