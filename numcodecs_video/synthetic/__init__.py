"""Seeded synthetic cubes for the demo and the benchmarks: no download, no licence, numpy alone.

Knows what makes measurements hard to compress, and nothing of codecs. The same seed gives the same
cube under the same numpy.
"""

from numcodecs_video.synthetic.land import BANDS, NODATA, sentinel2_like
from numcodecs_video.synthetic.microscopy import microscopy_like
from numcodecs_video.synthetic.weather import LEVELS, era5_like, radar_like

__all__ = [
    "BANDS",
    "LEVELS",
    "NODATA",
    "era5_like",
    "microscopy_like",
    "radar_like",
    "sentinel2_like",
]
