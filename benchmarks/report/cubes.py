"""What is measured: a seeded synthetic suite, and real cubes where their folder is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from numcodecs_video import synthetic
from numcodecs_video.metrics import valid_cells

#: store, variable, sentinel of missing cells
REAL = (
    ("s2_minicube_a", "b10m", None),
    ("s2_minicube_a", "b20m", None),
    ("s2_monthly_belgium", "S2", 65535),
    ("landsat8_minicube", "SR", None),
    ("ecmwf_forecast_levels", "T", None),
    ("climate_model", "TREFHT", None),
    ("co2_column_gems", "tcco2_f32", None),
    ("seviri_hrv", "HRV", None),
    ("radar_mrms", "preciprate", None),
    ("hela_fluorescence", "img", None),
)
CLASSES = (
    ("s2_minicube_a", "SCL"),
    ("s2_ndvi_clouds", "CLM"),
    ("landcover_yearly", "lc"),
)


@dataclass(frozen=True)
class Case:
    """One cube, of dimensions time, [band,] y, x."""

    name: str
    data: xr.DataArray

    @property
    def array(self) -> NDArray[Any]:
        """The values as stored."""
        return self.data.values

    @property
    def nodata(self) -> float | None:
        """The sentinel of missing cells."""
        return self.data.attrs.get("nodata")

    @property
    def axes(self) -> str:
        """One letter a dimension."""
        return "tcyx" if self.data.ndim == 4 else "tyx"

    @property
    def bands(self) -> int:
        """Their number."""
        return self.data.shape[1] if self.data.ndim == 4 else 1

    @property
    def span(self) -> float:
        """Largest minus smallest valid value."""
        seen = self.array[valid_cells(self.array, nodata=self.nodata)]
        return float(seen.max()) - float(seen.min())

    @property
    def words(self) -> dict[str, Any]:
        """What our codecs are told besides the promise."""
        return {"axes": self.axes, "nodata": self.nodata}

    def __str__(self) -> str:
        return f"{self.name} {'×'.join(map(str, self.data.shape))} {self.data.dtype}"


def make_case(name: str, array: NDArray[Any], nodata: float | None = None) -> Case:
    """Name the dimensions of an array (T, [C,] Y, X)."""
    dims = ("time", "band", "y", "x") if array.ndim == 4 else ("time", "y", "x")
    attrs = {} if nodata is None else {"nodata": nodata}
    return Case(name, xr.DataArray(array, dims=dims, name=name, attrs=attrs))


def synthetic_suite(side: int = 128) -> Iterator[Case]:
    """The seeded cubes, a side of so many cells."""
    sizes = {"height": side, "width": side}
    yield make_case(
        "Sentinel-2-like", synthetic.sentinel2_like(times=24, **sizes), synthetic.NODATA
    )
    yield make_case("ERA5-like", synthetic.era5_like(times=16, **sizes))
    yield make_case("radar-like", synthetic.radar_like(times=24, **sizes))
    yield make_case("microscopy-like", synthetic.microscopy_like(times=20, **sizes))


def real_cubes(folder: Path, cells: int, words: Sequence[str] = ("",)) -> Iterator[Case]:
    """The cubes of `REAL` that a folder holds, cut to about so many cells; names hold a word."""
    for store, name, nodata in REAL:
        path = folder / f"{store}.zarr"
        if path.exists() and any(word in f"{store} {name}" for word in words):
            yield make_case(f"{store} {name}", _open(path, name, cells), nodata)


def class_cubes(folder: Path | None, cells: int) -> Iterator[Case]:
    """Masks and classes: those of a folder, and the cloud mask of the synthetic year."""
    year = synthetic.sentinel2_like(times=24, height=128, width=128)
    clouds = (year[:, 0] > 3000).astype(np.uint8) + 2 * (year[:, 0] == synthetic.NODATA)
    yield make_case("Sentinel-2-like clouds", clouds.astype(np.uint8))
    for store, name in CLASSES if folder else ():
        path = folder / f"{store}.zarr"
        if path.exists():
            yield make_case(f"{store} {name}", _open(path, name, cells))


def own_cube(path: Path, name: str | None, cells: int) -> Case:
    """A variable of any Zarr store or NetCDF file: the largest one unless named."""
    ds = xr.open_dataset(path, mask_and_scale=False, engine="zarr" if path.is_dir() else None)
    cubes = {
        str(n): v for n, v in ds.data_vars.items() if v.ndim in (3, 4) and v.dtype.kind in "iuf"
    }
    if not cubes or (name and name not in cubes):
        raise SystemExit(f"{path} has no variable {name or 'of three or four dimensions'}")
    name = name or max(cubes, key=lambda n: cubes[n].size)
    nodata = cubes[name].attrs.get("_FillValue", cubes[name].attrs.get("nodata"))
    return make_case(f"{path.stem} {name}", crop(cubes[name].values, cells), nodata)


def _open(path: Path, name: str, cells: int) -> NDArray[Any]:
    return crop(xr.open_zarr(path, mask_and_scale=False, chunks=None)[name].values, cells)


def crop(array: NDArray[Any], cells: int) -> NDArray[Any]:
    """Cut an array (T, [C,] Y, X) from its middle in space, then short in time."""
    while array.size > cells and max(array.shape[-2:]) > 128:
        axis = -2 if array.shape[-2] >= array.shape[-1] else -1
        quarter = array.shape[axis] // 4
        array = array.take(range(quarter, quarter + array.shape[axis] // 2), axis=axis)
    per_date = array[0].size
    return array[: max(8, cells // per_date)]
