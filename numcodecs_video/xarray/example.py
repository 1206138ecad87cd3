"""A dataset to try things on: synthetic, seeded, no download.

Knows how such a dataset looks when it is opened; `numcodecs_video.synthetic` draws its values.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from numcodecs_video.synthetic import BANDS, NODATA, sentinel2_like

__all__ = ["example_dataset"]

PIXEL = 10.0  # metres


def example_dataset(seed: int = 0, *, times: int = 24, size: int = 128) -> xr.Dataset:
    """Make a year of synthetic Sentinel-2 reflectance, as xarray opens such a file.

    Farmland, clouds with their shadows, sensor noise, and dates that the edge of a swath cuts. The
    values are reflectances with NaN where nothing was measured, to be packed as ``uint16`` by a
    ``scale_factor``, as the products are.

    Parameters
    ----------
    seed : int
        Of all randomness.
    times : int
        Dates, spread evenly over one year.
    size : int
        Cells along y and x.

    Returns
    -------
    xarray.Dataset
        Variable ``s2``, float32, dimensions ``time``, ``band``, ``y``, ``x``, and coordinates.

    Examples
    --------
    >>> ds = example_dataset(times=3, size=40)
    >>> dict(ds.s2.sizes), ds.s2.dtype.name
    ({'time': 3, 'band': 4, 'y': 40, 'x': 40}, 'float32')
    """
    counts = sentinel2_like(seed, times=times, height=size, width=size)
    reflectance = np.where(counts == NODATA, np.float32(np.nan), counts * np.float32(1e-4))
    step = np.timedelta64(365 * 24 * 3600 // times, "s")
    start = np.datetime64("2024-01-01T10:50:00", "ns")
    s2 = xr.DataArray(
        reflectance,
        dims=("time", "band", "y", "x"),
        coords={
            "time": start + step * np.arange(times),
            "band": list(BANDS),
            "y": 5_600_000.0 - PIXEL * (np.arange(size) + 0.5),
            "x": 500_000.0 + PIXEL * (np.arange(size) + 0.5),
        },
        attrs={"long_name": "surface reflectance", "units": "1"},
    )
    s2.encoding = {"dtype": "uint16", "scale_factor": np.float32(1e-4), "_FillValue": NODATA}
    return xr.Dataset({"s2": s2}, attrs={"title": "A synthetic Sentinel-2 year"})
