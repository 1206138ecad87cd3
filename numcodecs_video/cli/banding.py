"""Put files of one band each into one array with a band axis, named by what their names differ in.

Knows how bands are called in the names of satellite pictures; dates are not its business.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import xarray as xr

from numcodecs_video.cli.agreeing import refuse_another_projection
from numcodecs_video.cli.packing import PACKING, first_difference, stated
from numcodecs_video.cli.stacking import stack_lazily

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BAND", "are_known_bands", "bands_in_names", "stack_files", "with_band_name"]

#: the axis that is added
BAND = "band"
#: what bands are called where no date says that files show one scene
KNOWN = re.compile(
    r"(?:\w+_)?(?:B|band[_-]?)\d{1,2}[A-C]?|(?:H[HV]|V[HV])|coastal|blue|green|yellow|red|"
    r"red_?edge_?\d*|nir_?\d*|swir_?\d*|lwir_?\d*|tir_?\d*|pan|cirrus",
    re.IGNORECASE,
)
#: layers beside the bands, which no promise about measurements suits
CLASSES = re.compile(
    r"(?:\w+_)?QA(?:_?\w+)?|QA\d*|BQA|SCL|CLD|SNW|F?mask|cfmask|(?:\w+_)?clouds?|state_\w+",
    re.IGNORECASE,
)
GAPS = re.compile(r"([_.\-\s]+)")


def bands_in_names(sources: Sequence[str]) -> list[str] | None:
    """Read what the names of files of one scene differ in, or those of their folders.

    Examples
    --------
    >>> bands_in_names(["T31UFS_20200101T105441_B02_10m.jp2", "T31UFS_20200101T105441_B8A_10m.jp2"])
    ['B02', 'B8A']
    >>> bands_in_names(["LC08_20200101_T1_SR_B4.TIF", "LC08_20200101_T1_QA_PIXEL.TIF"])
    ['SR_B4', 'QA_PIXEL']
    >>> bands_in_names(["band_1.tif", "band_2.tif"]), bands_in_names(["a.tif", "a_2.tif"])
    (['band_1', 'band_2'], None)
    >>> bands_in_names(["B02/a.tif", "B03/a.tif"])
    ['B02', 'B03']
    """
    paths = [Path(source) for source in sources]
    if len({path.stem for path in paths}) == len(paths):
        return _differing([path.stem for path in paths])
    if len({path.stem for path in paths}) == 1:
        return _differing([Path(os.path.abspath(path)).parent.name for path in paths])
    return None


def are_known_bands(bands: Sequence[str]) -> bool:
    """Tell whether these are names that bands have, of one of them at least, or of what is beside.

    Examples
    --------
    >>> are_known_bands(["SR_B4", "QA_PIXEL"]), are_known_bands(["a", "b"])
    (True, False)
    """
    known = [KNOWN.fullmatch(band) is not None for band in bands]
    return any(known) and all(
        each or CLASSES.fullmatch(band) for each, band in zip(known, bands, strict=True)
    )


def with_band_name(source: str, ds: xr.Dataset, name: str, plane: Sequence[str]) -> xr.Dataset:
    """Call the only band of a file, which is numbered, what the file's name calls it.

    Parameters
    ----------
    source : str
        Whose name has one word that is known as a band.
    ds : xarray.Dataset
    name : str
        Of the variable.
    plane : sequence of str
        Its dimensions y and x.
    """
    words = [word for word in GAPS.split(Path(source).stem)[::2] if KNOWN.fullmatch(word)]
    dims = [str(d) for d in ds.variables[name].dims if d not in plane]
    numbered = len(dims) == 1 and dims[0] in ds.variables and ds.variables[dims[0]].size == 1
    if not numbered or len(words) != 1 or ds.variables[dims[0]].dtype.kind not in "iu":
        return ds
    return ds.assign_coords({dims[0]: words})


def _differing(texts: Sequence[str]) -> list[str] | None:
    """Cut off the words that all begin and end with; None where nothing or a number is left."""
    if len(texts) < 2 or len(set(texts)) < len(texts):
        return None
    words = [GAPS.split(text) for text in texts]
    fewest = min(map(len, words))
    first = next((i for i in range(fewest) if len({w[i] for w in words}) > 1), fewest)
    last = next(
        (i for i in range(fewest - first) if len({w[len(w) - 1 - i] for w in words}) > 1),
        fewest - first,
    )
    found = [w[first : len(w) - last] for w in words]
    if any(len(part) % 2 == 0 for part in found):  # nothing, or it begins or ends with a gap
        return None
    if all(part[0].isdigit() for part in found) and first >= 2:
        found = [w[first - 2 : first] + part for w, part in zip(words, found, strict=True)]
    bands = ["".join(part) for part in found]
    return bands if all(re.match(r"[^\W\d]", band) for band in bands) else None


def stack_files(
    files: Sequence[tuple[str, xr.Dataset]], bands: Sequence[str], name: str, plane: Sequence[str]
) -> xr.Dataset:
    """Make one dataset with a band axis of files of one band each, reading none of them.

    Parameters
    ----------
    files : sequence of (str, xarray.Dataset)
        Names and contents, undecoded.
    bands : sequence of str
        Their bands.
    name : str
        Of the variable that each of them has.
    plane : sequence of str
        Its dimensions y and x.

    Returns
    -------
    xarray.Dataset
        What the first file has, the variable with a band axis whose coordinate has the names, so
        that `numcodecs_video.xarray.unstack_bands` gives each its own variable again.
    """
    first_file, first = files[0]
    dim = next((str(d) for d in first.variables[name].dims if d not in plane), BAND)
    planes = {}
    for (file, ds), band in zip(files, bands, strict=True):
        _check_one_band(file, ds.variables[name], band, plane)
        _check_alike((first_file, first), (file, ds), name)
        planes[band] = _plane_of(ds.variables[name], plane)
    common = _common_to([ds for _, ds in files], {name, dim})
    stacked = stack_lazily(xr.Dataset(planes), list(bands), name, dim)
    return xr.Dataset({**common, name: stacked[name], dim: stacked[dim]}, attrs=first.attrs)


def _plane_of(variable: xr.Variable, plane: Sequence[str]) -> xr.Variable:
    return variable.isel(dict.fromkeys((d for d in variable.dims if d not in plane), 0))


def _common_to(datasets: Sequence[xr.Dataset], left_out: set[str]) -> dict[str, xr.Variable]:
    """Take what else there is, and is the same in all."""
    first, *others = datasets
    return {
        str(key): variable
        for key, variable in first.variables.items()
        if key not in left_out and all(_same(variable, ds.variables.get(key)) for ds in others)
    }


def _same(one: xr.Variable, other: xr.Variable | None) -> bool:
    return other is not None and bool(one.equals(other))  # type: ignore[no-untyped-call]


def _check_one_band(file: str, variable: xr.Variable, band: str, plane: Sequence[str]) -> None:
    more = {str(d): n for d, n in variable.sizes.items() if d not in plane and n != 1}
    if more:
        raise click.ClickException(
            f"{file} is one of several files of its date and has {next(iter(more.values()))} bands "
            "itself: put all bands of a date into one file, or each into its own"
        )
    if CLASSES.fullmatch(band):
        raise click.ClickException(
            f"{file} holds classes or flags, says its name ({band}), and would share the promise "
            "of the bands: leave it out here, and compress it into a store of its own"
        )
    if band in plane:
        raise click.ClickException(
            f"{file} names its band {band}, as an axis is named: rename the file"
        )


def _check_alike(one: tuple[str, xr.Dataset], other: tuple[str, xr.Dataset], name: str) -> None:
    """Refuse what one array cannot hold, and name both files."""
    (first_file, first), (file, ds) = one, other
    mine, theirs = first.variables[name], ds.variables[name]
    if mine.dims != theirs.dims or mine.shape != theirs.shape:
        raise click.ClickException(
            f"{first_file} has {_cells(mine)} cells, and {file} has {_cells(theirs)}: bands of one "
            "array share a grid; compress those of each grid into a store of its own, or bring "
            "them onto one beforehand"
        )
    if mine.dtype.newbyteorder("=") != theirs.dtype.newbyteorder("="):
        raise click.ClickException(
            f"{first_file} holds {mine.dtype}, and {file} holds {theirs.dtype}: bands of one array "
            "share a dtype; compress those of each dtype into a store of its own"
        )
    key = first_difference(mine, theirs, (*PACKING, "nodata"))
    if key is not None:
        raise click.ClickException(
            f"{first_file} has {key} {stated(mine, key)}, and {file} has {stated(theirs, key)}: "
            "bands of one array have one of them; compress those that agree into a store of "
            "their own"
        )
    for known, variable in first.variables.items():
        if known not in ds.variables:
            continue
        refuse_another_projection(str(known), (first_file, variable), (file, ds.variables[known]))
        if known in mine.dims and variable.ndim == 1 and variable.size > 1:
            if _same(variable, ds.variables[known]):
                continue
            raise click.ClickException(
                f"{known} is another in {first_file} than in {file}: bands of one array share a "
                "grid; compress those of each grid into a store of its own, or bring them onto "
                "one beforehand"
            )


def _cells(variable: xr.Variable) -> str:
    return " x ".join(str(n) for n in variable.shape if n != 1) or "1"
