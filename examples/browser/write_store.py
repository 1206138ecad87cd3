"""Write the store that the page shows: a year of Sentinel-2-like pictures, or your own array.

Run it as ``python examples/browser/write_store.py [my_store.zarr variable]``.
"""

import hashlib
import sys
from pathlib import Path

import xarray as xr
import zarr

from numcodecs_video import VideoCodec
from numcodecs_video.synthetic import sentinel2_like

STORE = Path(__file__).parent / "cube.zarr"

if len(sys.argv) == 3:
    cube = xr.open_zarr(sys.argv[1], mask_and_scale=False)[sys.argv[2]].values
else:
    cube = sentinel2_like(times=48, height=384, width=384)
codec = VideoCodec(max_error=40, nodata=0, gop=6)  # 40 counts are a reflectance of 0.004
array = zarr.create_array(
    STORE, name="s2", shape=cube.shape, dtype=cube.dtype, chunks=(48, cube.shape[1], 192, 192),
    serializer=codec.serializer(), compressors=None, filters=None, overwrite=True,
)  # fmt: skip
array[...] = cube
digest = hashlib.sha256(array[...].tobytes()).hexdigest()
(STORE.parent / "cube.sha256").write_text(digest)  # for the page's test
stored = sum(file.stat().st_size for file in STORE.rglob("*") if file.is_file())
print(f"{STORE}: {cube.nbytes / 1e6:.1f} MB as {stored / 1e6:.2f} MB")
