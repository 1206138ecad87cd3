"""The exact path: values bit for bit, for what no picture coder carries. Always possible."""

from __future__ import annotations

from typing import Literal

import numpy as np

from numcodecs_video.chunk import Chunk
from numcodecs_video.coded import Coded
from numcodecs_video.header import Layer, Transform, Values
from numcodecs_video.streams import pcodec, zstd

__all__ = ["code_exactly"]


def code_exactly(chunk: Chunk) -> Coded:
    """Every value by the smaller of Pcodec and shuffled Zstandard."""
    plain = Values("integer"), Transform()
    cube = chunk.cube
    if not cube.size:
        return Coded("empty", (), (), *plain)
    values = np.ascontiguousarray(cube.astype(cube.dtype.newbyteorder("<"), copy=False))
    parts = [values[s.start : s.stop] for s in chunk.segments]
    effort = chunk.settings.effort
    best = [zstd.compress(zstd.shuffle(part), effort) for part in parts]
    coder: Literal["zstd", "pcodec"] = "zstd"
    if pcodec.available(values.dtype):
        packed = [pcodec.encode(part, effort) for part in parts]
        if sum(map(len, packed)) < sum(map(len, best)):
            best, coder = packed, "pcodec"
    sections = ((b"",), *((stream,) for stream in best))
    return Coded(coder, (Layer("exact", coder),), sections, *plain)
