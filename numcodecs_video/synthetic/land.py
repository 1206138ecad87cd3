"""A satellite series of farmland.

Knows what makes such series hard to compress: seasons, clouds and their shadows, sensor noise,
swath edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_video.synthetic.texture import check_sizes, draw_texture

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BANDS", "NODATA", "sentinel2_like"]

BANDS = ("B02", "B03", "B04", "B08")  #: blue, green, red and near infrared, at 10 m
NODATA = 0  #: as in Sentinel-2 products, where no measured cell holds 0

# Typical reflectances of pure surfaces in the order of BANDS; the shape of each spectrum matters.
SOIL = (0.08, 0.11, 0.15, 0.24)
CANOPY = (0.025, 0.055, 0.03, 0.45)
WATER = (0.055, 0.05, 0.03, 0.015)
CLOUD = (0.62, 0.60, 0.60, 0.64)

FIELD_SIDE = 24.0  # mean width of a parcel in cells: 240 m
SHADOW_SHIFT = (-9, 7)  # cells from a cloud to its shadow, in y and x
REFLECTANCE_SCALE = 10_000.0


def sentinel2_like(
    seed: int = 0, *, times: int = 24, height: int = 256, width: int = 256
) -> NDArray[np.uint16]:
    """Draw a year of farmland as Sentinel-2 would see it.

    Parcels follow a phenology of their own over textured soil, forest and water; clouds drift
    across with their shadows; the sensor adds noise that grows with the signal; every other date is
    cut by the edge of its swath, beyond which cells hold ``NODATA``.

    Parameters
    ----------
    seed : int
        Of all randomness: the same seed gives the same cube.
    times : int
        Dates, spread evenly over one year.
    height, width : int
        Cells along y and x.

    Returns
    -------
    ndarray of uint16, shape (times, 4, height, width)
        Reflectance times 10,000 in the bands of ``BANDS``.

    Raises
    ------
    ValueError
        If a size is not positive.

    Examples
    --------
    >>> cube = sentinel2_like(seed=1, times=3, height=40, width=50)
    >>> cube.shape, cube.dtype.name
    ((3, 4, 40, 50), 'uint16')
    """
    check_sizes(times, height, width)
    rng = np.random.default_rng(seed)
    land = _draw_land(rng, height, width)
    sky = _draw_sky(rng, times, height, width)
    cube = np.empty((times, len(BANDS), height, width), dtype=np.uint16)
    for index in range(times):
        surface = _reflectance(land, year=(index + 0.5) / times)
        seen = _through_clouds(surface, sky, index) * np.float32(rng.normal(1.0, 0.015))
        # Photon noise grows with the root of the signal; readout adds a floor of about 8 counts.
        noise = rng.standard_normal(seen.shape, dtype=np.float32)
        seen += noise * np.sqrt(6.4e-7 + 8e-6 * np.maximum(seen, 0.0))
        counts = np.rint(seen * REFLECTANCE_SCALE)
        cube[index] = np.clip(counts, NODATA + 1, np.iinfo(np.uint16).max)
        if index % 2:
            cube[index, :, _beyond_swath(rng, height, width)] = NODATA
    return cube


@dataclass(frozen=True)
class _Land:
    """What does not change over the year; arrays of float32, shape (Y, X)."""

    water: NDArray[np.bool_]
    brightness: NDArray[np.float32]  # factor on the reflectance, from parcel and texture
    evergreen: NDArray[np.float32]  # cover that stays all year
    season: NDArray[np.float32]  # cover that the season adds at its peak
    peak: NDArray[np.float32]  # when that is, as a fraction of the year
    length: NDArray[np.float32]  # for how long, as a fraction of the year


@dataclass(frozen=True)
class _Sky:
    """The clouds of all dates: a field larger than the scene, and how each date looks at it."""

    field: NDArray[np.float32]  # standard normal texture, shape (Y', X'), periodic
    offsets: NDArray[np.int64]  # of the scene in the field, shape (T, 2)
    thresholds: NDArray[np.float32]  # above which the field is cloud, shape (T,)


def _draw_land(rng: np.random.Generator, height: int, width: int) -> _Land:
    """Draw parcels, each with a crop, and the texture within them."""
    parcels = _draw_parcels(rng, height, width)
    count = int(parcels.max()) + 1
    texture = draw_texture(rng, height, width, roughness=1.4)
    kinds = rng.choice(["crop", "grass", "forest", "bare"], size=count, p=[0.6, 0.2, 0.15, 0.05])
    per_kind = {  # evergreen cover, seasonal cover, peak, length
        "crop": (0.05, 0.85, 0.5, 0.10),
        "grass": (0.45, 0.35, 0.45, 0.22),
        "forest": (0.35, 0.55, 0.52, 0.20),
        "bare": (0.02, 0.05, 0.45, 0.20),
    }
    typical = np.array([per_kind[kind] for kind in kinds], dtype=np.float32)  # shape (parcels, 4)
    spread = np.array([0.03, 0.10, 0.08, 0.02], dtype=np.float32)
    drawn = typical + spread * rng.standard_normal(typical.shape, dtype=np.float32)
    evergreen, season, peak, length = np.moveaxis(drawn[parcels], -1, 0)
    soil_brightness = rng.normal(1.0, 0.12, size=count).astype(np.float32)[parcels]
    relief = draw_texture(rng, height, width, roughness=2.2)
    return _Land(
        water=relief < -1.7,
        brightness=soil_brightness * (1.0 + np.float32(0.06) * texture),
        evergreen=np.clip(evergreen + np.float32(0.04) * texture, 0.0, 1.0),
        season=np.clip(season, 0.0, 0.95),
        # Texture in the timing makes a parcel green up in patches, as slopes and soils do.
        peak=peak + np.float32(0.012) * texture,
        length=np.maximum(length, np.float32(0.05)),
    )


def _draw_parcels(rng: np.random.Generator, height: int, width: int) -> NDArray[np.int64]:
    """Number the parcels: cells belong to the nearest centre, in a skewed street-grid distance."""
    count = max(1, round(height * width / FIELD_SIDE**2))
    centres = rng.uniform((0, 0), (height, width), size=(count, 2)).astype(np.float32)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    nearest = np.full((height, width), np.inf, dtype=np.float32)
    parcels = np.zeros((height, width), dtype=np.int64)
    for parcel, (centre_y, centre_x) in enumerate(centres):
        along, across = y - centre_y + 0.4 * (x - centre_x), x - centre_x - 0.4 * (y - centre_y)
        distance = np.maximum(0.6 * np.abs(along), np.abs(across))
        closer = distance < nearest
        nearest[closer], parcels[closer] = distance[closer], parcel
    return parcels


def _draw_sky(rng: np.random.Generator, times: int, height: int, width: int) -> _Sky:
    """Draw one field of clouds, a wind that carries it, and how cloudy each date is."""
    field = draw_texture(rng, 2 * height, 2 * width, roughness=1.9)
    wind = rng.uniform(0.15, 0.35, size=2) * (height, width)
    gusts = rng.normal(0.0, 0.05, size=(times, 2)) * (height, width)
    drift = np.arange(times)[:, np.newaxis] * wind + gusts
    # About half of the dates are clear, a few overcast: the cover of a year in western Europe.
    clear = rng.random(times) < 0.5
    thresholds = np.where(clear, 4.0, rng.normal(0.7, 0.8, size=times))
    return _Sky(field, np.rint(drift).astype(np.int64), thresholds.astype(np.float32))


def _reflectance(land: _Land, *, year: float) -> NDArray[np.float32]:
    """Mix soil, canopy and water as they are at a fraction of the year; shape (C, Y, X)."""
    since_peak = (np.float32(year) - land.peak) / land.length
    cover = land.evergreen + (1.0 - land.evergreen) * land.season * np.exp(-0.5 * since_peak**2)
    ground = np.where(land.water, 0.0, 1.0 - cover) * land.brightness
    canopy = np.where(land.water, 0.0, cover) * np.sqrt(np.maximum(land.brightness, 0.0))
    # The low sun of winter darkens rough surfaces.
    sunlight = 1.0 - 0.12 * np.cos(2.0 * np.pi * year)
    mixed = (
        _column(SOIL) * ground + _column(CANOPY) * canopy + _column(WATER) * land.water
    ) * np.float32(sunlight)
    return np.asarray(mixed, dtype=np.float32)


def _through_clouds(surface: NDArray[np.float32], sky: _Sky, index: int) -> NDArray[np.float32]:
    """Lay the clouds of one date and their shadows over the surface; shape (C, Y, X)."""
    shape = surface.shape[-2:]
    opacity = _cloud_opacity(sky, index, shape, shift=(0, 0))
    shade = _cloud_opacity(sky, index, shape, shift=SHADOW_SHIFT)
    lit = surface * (1.0 - np.float32(0.55) * shade)
    tops = _column(CLOUD) * (0.85 + np.float32(0.25) * opacity)
    return np.asarray(lit * (1.0 - opacity) + tops * opacity, dtype=np.float32)


def _cloud_opacity(
    sky: _Sky, index: int, shape: tuple[int, ...], *, shift: tuple[int, int]
) -> NDArray[np.float32]:
    """How much of the light the clouds of one date hold back, from 0 to 1; shape (Y, X)."""
    top, left = sky.offsets[index] + shift
    rows = (np.arange(shape[0]) + top) % sky.field.shape[0]
    columns = (np.arange(shape[1]) + left) % sky.field.shape[1]
    above = sky.field[np.ix_(rows, columns)] - sky.thresholds[index]
    return np.asarray(np.clip(2.5 * above, 0.0, 1.0), dtype=np.float32)


def _beyond_swath(rng: np.random.Generator, height: int, width: int) -> NDArray[np.bool_]:
    """Mark the corner that a pass does not reach; its slanted edge moves a little each time."""
    y, x = np.mgrid[:height, :width]
    edge = 0.35 + rng.normal(0.0, 0.01)
    return np.asarray((x / width + 0.3 * y / height) < edge - 0.1, dtype=np.bool_)


def _column(spectrum: tuple[float, ...]) -> NDArray[Any]:
    """Shape a spectrum for broadcasting over (C, Y, X)."""
    return np.array(spectrum, dtype=np.float32)[:, np.newaxis, np.newaxis]
