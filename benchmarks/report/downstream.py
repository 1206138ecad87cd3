"""What is left of the results that people compute from the data, at three promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from cubes import Case, make_case
from numpy.typing import NDArray
from page import Row, Section, Table

from numcodecs_video import VideoCodec, synthetic

Array = NDArray[Any]
BLUE, RED, NIR = (synthetic.BANDS.index(band) for band in ("B02", "B04", "B08"))
CLOUDY = 2500  # counts in the blue band
REFLECTANCE_BOUNDS = (10, 50, 200)  # counts, that is 0.001, 0.005 and 0.02 of reflectance
RAIN_BOUNDS = (0.05, 0.2, 1.0)  # mm/h
STEP_HOURS = 5 / 60  # of the radar


def ndvi(cube: Array) -> Array:
    """Vegetation index of every cell and date, (T, Y, X); NaN where a band is missing."""
    red, nir = (_measured(cube[:, band]) for band in (RED, NIR))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (nir - red) / (nir + red)


def trend(cube: Array) -> Array:
    """Slope of the vegetation index over a year by least squares over clear dates, (Y, X)."""
    index = np.where(clear(cube), ndvi(cube), np.nan)
    seen = np.isfinite(index)
    years = np.broadcast_to(np.linspace(0, 1, len(cube))[:, None, None], index.shape)
    count = np.maximum(seen.sum(axis=0), 1)
    t = np.where(seen, years - np.where(seen, years, 0).sum(axis=0) / count, 0)
    spread = (t**2).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0, (t * np.where(seen, index, 0)).sum(axis=0) / spread, np.nan)


def composite(cube: Array) -> Array:
    """Median reflectance of every band over the clear dates, (C, Y, X)."""
    bands = np.where(clear(cube)[:, None], _measured(cube), np.nan)
    empty = np.isnan(bands).all(axis=0)
    bands[:, empty] = 0
    return np.where(empty, np.nan, np.nanmedian(bands, axis=0) / 1e4)


def clear(cube: Array) -> Array:
    """Cells that are measured and not bright in blue, (T, Y, X)."""
    return (cube[:, BLUE] != synthetic.NODATA) & (cube[:, BLUE] < CLOUDY)


def accumulation(rain: Array) -> Array:
    """Millimetres over all steps, (Y, X)."""
    return rain.astype(np.float64).sum(axis=0) * STEP_HOURS


def _measured(values: Array) -> Array:
    return np.where(values == synthetic.NODATA, np.nan, values.astype(np.float64))


def downstream_section(*, quick: bool, effort: int, warn: Callable[[str], None]) -> Section:
    """Errors of the results, from what was decoded, against those from the original."""
    section = Section(
        "downstream",
        "Use of what was decoded",
        "Each result is computed from the original and from what came back, on synthetic cubes; "
        "its error beside its own spread (standard deviation) over all cells. Clouds are told "
        f"apart by a threshold ({CLOUDY} counts of blue) on the data that each has, so a cell near "
        "it may turn from clear to cloudy.",
    )
    side = 64 if quick else 128
    land = make_case(
        "Sentinel-2-like", synthetic.sentinel2_like(height=side, width=side), synthetic.NODATA
    )
    rain = make_case("radar-like", synthetic.radar_like(height=side, width=side))
    products = {
        "NDVI": ndvi,
        "NDVI trend a year": trend,
        "cloud-free median reflectance": composite,
    }
    rows = []
    for bound in REFLECTANCE_BOUNDS:
        warn(f"downstream: {land.name} ±{bound}")
        rows += _errors(land, float(bound), f"±{bound / 1e4:g} reflectance", products, effort)
    for bound in RAIN_BOUNDS:
        warn(f"downstream: {rain.name} ±{bound}")
        rows += _errors(rain, bound, f"±{bound:g} mm/h", {"rain sum in mm": accumulation}, effort)
    section.tables.append(Table("", rows))
    section.points = rows
    return section


def _errors(
    case: Case,
    bound: float,
    promise: str,
    products: dict[str, Callable[[Array], Array]],
    effort: int,
) -> list[Row]:
    codec = VideoCodec(max_error=bound, effort=effort, **case.words)
    payload = codec.encode(case.array)
    decoded = codec.decode(payload)
    rows = []
    for name, product in products.items():
        before, after = product(case.array), product(decoded)
        both = np.isfinite(before) & np.isfinite(after)
        errors = np.abs(before - after)[both]
        spread = float(before[both].std())
        rows.append(
            {
                "result": name,
                "promise": promise,
                "bits": 8 * len(payload) / case.array.size,
                "RMSE": float(np.sqrt((errors**2).mean())),
                "99th percentile": float(np.quantile(errors, 0.99)),
                "largest": float(errors.max()),
                "spread": spread,
                "RMSE / spread": float(np.sqrt((errors**2).mean())) / spread,
            }
        )
    return rows
