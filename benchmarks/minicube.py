"""Store one cube of the DeepExtremeCubes layout: seven bands under a bound, two masks without loss.

What it measures: a Sentinel-2 minicube is brought into that layout (bands B02 to B8A, ``SCL`` and
``cloudmask_en``, each a variable of time, y and x, at 20 m), stored as one dataset, once with its
bands stacked and once with a video a band, and read back: bits per pixel per band, the largest
error, and the ratio to the raw bytes (bands as uint16).

How to repeat it: ``python benchmarks/minicube.py FOLDER``, where FOLDER holds
``s2_minicube_a.zarr``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import xarray as xr

import numcodecs_video.xarray as ncv

BANDS = ["B02", "B03", "B04", "B05", "B06", "B07", "B8A"]
CLOUDS = (3, 8, 9, 10)  # classes of SCL: shadow, medium and high probability, cirrus
BOUND = 20  # counts: 0.002 of reflectance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds s2_minicube_a.zarr")
    parser.add_argument("--effort", type=int, default=5)
    given = parser.parse_args()
    cube = as_deep_extremes(given.folder / "s2_minicube_a.zarr")
    print(f"{dict(cube.sizes)}, within {BOUND} counts, effort {given.effort}")
    stacked = ncv.stack_bands(cube, BANDS, name="s2")
    apart = cube.drop_vars(["SCL", "cloudmask_en"])
    with tempfile.TemporaryDirectory() as folder:
        for name, ds, bound in (
            ("stacked", stacked, {"s2": BOUND}),
            ("apart", apart, dict.fromkeys(BANDS, BOUND)),
        ):
            store = Path(folder) / f"{name}.zarr"
            ncv.to_zarr(ds, store, max_error=bound, effort=given.effort)
            print(f"\n{name}\n{ncv.compare(ds, store)}")
        again = ncv.unstack_bands(xr.open_zarr(Path(folder) / "stacked.zarr", mask_and_scale=False))
        assert set(again.data_vars) == set(cube.data_vars)
        assert all(again[name].dtype == cube[name].dtype for name in cube.data_vars)


def as_deep_extremes(store: Path) -> xr.Dataset:
    """Bring a minicube into the layout of the DeepExtremeCubes, its 10 m bands averaged to 20 m."""
    source = xr.open_zarr(store, mask_and_scale=False).load()
    coarse = source.b10m.coarsen(y10=2, x10=2).mean().round().astype("uint16")
    coarse = coarse.drop_vars(["y10", "x10"]).rename(band10="band", y10="y", x10="x")
    fine = source.b20m.drop_vars(["y20", "x20"]).rename(band20="band", y20="y", x20="x")
    attrs = {"units": "reflectance x 1e4", "nodata": 0}
    cube = xr.Dataset()
    for band in BANDS:
        origin = coarse if band in coarse.band.values else fine
        cube[band] = origin.sel(band=band, drop=True).drop_encoding().assign_attrs(attrs)
    cube["SCL"] = source.SCL.drop_vars(["y20", "x20"]).rename(y20="y", x20="x").drop_encoding()
    cube["cloudmask_en"] = cube.SCL.isin(CLOUDS).astype("uint8")
    return cube


if __name__ == "__main__":
    main()
