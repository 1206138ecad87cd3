"""The payloads of speed.mjs, and how fast Python decodes them: MB a second of CPU time."""

import json
import pathlib
import sys
import time

import numpy as np

import numcodecs_video
from numcodecs_video import Jpeg2kCodec, VideoCodec
from numcodecs_video.synthetic import sentinel2_like

numcodecs_video.set_threads(1)
folder = pathlib.Path(sys.argv[1])
land = sentinel2_like(times=24, height=256, width=256)
band = land[:, 3]
cases = {
    "HEVC, 4 bands, KLT (psnr=45)": (VideoCodec("hevc", psnr=45), land),
    "HEVC, 1 band (psnr=45)": (VideoCodec("hevc", psnr=45), band),
    "auto, base and residual (max_error=40)": (VideoCodec(max_error=40, nodata=0), land),
    "H.264 (psnr=45)": (VideoCodec("h264", psnr=45), band),
    "VP9 (psnr=45)": (VideoCodec("vp9", psnr=45), band),
    "FFV1, lossless": (VideoCodec("ffv1"), band),
    "auto, lossless": (VideoCodec(), band),
    "auto, 4 bands, lossless": (VideoCodec(), land),
    "JPEG 2000 (psnr=45)": (Jpeg2kCodec(psnr=45), band),
    "HTJ2K, lossless": (Jpeg2kCodec(htj2k=True), band),
    "exact float64": (VideoCodec(), np.random.default_rng(0).normal(size=(24, 128, 128))),
}
speeds = {}
for name, (codec, cube) in cases.items():
    payload = codec.encode(cube)
    (folder / f"{name}.ncv").write_bytes(payload)
    best = float("inf")
    for _ in range(6):
        began = time.process_time()
        codec.decode(payload)
        best = min(best, time.process_time() - began)
    speeds[name] = cube.nbytes / 1e6 / best
print(json.dumps(speeds))
