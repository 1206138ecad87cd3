"""What a film shows: the dates of a cube, of one of its chunks, or of a chunk in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from numcodecs_video.cli.kinds import is_payload
from numcodecs_video.cli.opening import arrays_of, open_dataset
from numcodecs_video.cli.picturing import bands_of, shown_of, usual_bands
from numcodecs_video.cli.tables import format_shape
from numcodecs_video.decode.chunk import decode_chunk
from numcodecs_video.format.payload import parse_header
from numcodecs_video.stored import StoredChunk, chunk_counts
from numcodecs_video.transform.cube import to_cube
from numcodecs_video.xarray.labels import date_labels, nodata_seen, time_of, units_shown, upright

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from numcodecs_video.metrics import Nodata

__all__ = ["Film", "place_text", "read_film"]

MOST_CELLS = 2**28


@dataclass(frozen=True)
class Film:
    """What a film shows.

    Attributes
    ----------
    cube : ndarray, shape (T, 1 or 3, Y, X)
    captions : list of str or None
        One a time step, where its dates are known.
    nodata : float, sequence of float or None
        The sentinels.
    units : str
    """

    cube: NDArray[np.generic]
    captions: list[str] | None = None
    nodata: Nodata = None
    units: str = ""


def read_film(
    src: str, name: str | None, place: tuple[int, ...] | None, bands: tuple[str, ...] | None
) -> Film:
    """Read what a film shows of a store, a NetCDF file, or the file of one chunk.

    Parameters
    ----------
    src : str
    name : str, optional
        Of a variable.
    place : tuple of int, optional
        Of one chunk of it.
    bands : tuple of str, optional
        One or three, by name or position.
    """
    if Path(src).is_file() and is_payload(Path(src)):
        return _film_of_chunk(src, bands)
    return _film_of_store(src, name, place, bands)


def _film_of_chunk(src: str, bands: tuple[str, ...] | None) -> Film:
    """Decode one file; it knows no dates or names, and its sentinel is not in its header."""
    payload = Path(src).read_bytes()
    header = parse_header(payload)
    if not header.axes:
        raise click.ClickException(f"{src} holds a run of values, which have no pictures")
    cube = to_cube(decode_chunk(payload), header.axes)
    names = [str(band) for band in range(cube.shape[1])]
    if bands is not None and not set(bands) <= set(names):
        raise click.ClickException(
            f"the bands of a chunk have no names: give positions of 0 to {len(names) - 1}, got "
            f"{', '.join(bands)}"
        )
    shown = [int(b) for b in bands] if bands is not None else usual_bands(names, colour=True)
    return Film(cube[:, shown])


def _film_of_store(
    src: str, name: str | None, place: tuple[int, ...] | None, bands: tuple[str, ...] | None
) -> Film:
    """Read the bands of a variable, or of one chunk of it, with the dates to show."""
    with open_dataset(src) as ds:
        shown = shown_of(ds, src, name, bands, colour=True)
        variable, letters, at = shown.cube, shown.letters, shown.bands
        if place is not None:
            if len(shown.variables) > 1:
                raise click.ClickException("--chunk is a place in one variable: name it with --var")
            variable = variable[_region(src, str(variable.name), place)]
            at = bands_of(variable, letters, bands, colour=True)
        if letters.count("c") == 1:  # before anything is read
            variable = variable.isel({variable.dims[letters.index("c")]: at})
        if variable.size > MOST_CELLS:
            raise click.ClickException(
                f"{variable.name} is too large for one film: name a part of it with --chunk"
            )
        cube = to_cube(upright(variable, letters).values, letters)
        if letters.count("c") > 1:
            cube = cube[:, at]
        time = time_of(variable, letters)
        captions = None
        if time is not None and time in variable.indexes:
            captions = date_labels(variable, time)
        return Film(cube, captions, nodata_seen(variable), units_shown(variable))


def _region(src: str, name: str, place: tuple[int, ...]) -> tuple[slice, ...]:
    array = dict(arrays_of(src))[name]
    grid = chunk_counts(array)
    if len(place) != len(grid) or not all(i < n for i, n in zip(place, grid, strict=True)):
        raise click.ClickException(
            f"{name} has no chunk {place_text(place)}: its grid is {format_shape(grid)}, counted "
            "from 0"
        )
    return StoredChunk(array, place, "").region


def place_text(place: tuple[int, ...] | None) -> str:
    """Write the place of a chunk in its grid."""
    return "" if place is None else ".".join(map(str, place))
