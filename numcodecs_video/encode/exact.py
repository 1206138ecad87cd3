"""The exact path: values bit for bit, for what no picture coder carries. Always possible."""

from __future__ import annotations

import numpy as np

from numcodecs_video.coders import find_value_coder
from numcodecs_video.encode.chunk import Chunk
from numcodecs_video.encode.encoded import EncodedChunk
from numcodecs_video.format.header import Layer, Transform, Values

__all__ = ["encode_exactly"]

#: the first wins where two are equally small
_CODERS = ("zstd", "pcodec")


def encode_exactly(chunk: Chunk) -> EncodedChunk:
    """Every value by the smaller of shuffled Zstandard and Pcodec."""
    plain = Values("integer"), Transform()
    cube = chunk.cube
    if not cube.size:
        return EncodedChunk("empty", (), (), *plain)
    values = np.ascontiguousarray(cube.astype(cube.dtype.newbyteorder("<"), copy=False))
    parts = [values[s.start : s.stop] for s in chunk.segments]
    found: dict[str, list[bytes]] = {}
    for name in _CODERS:
        coder = find_value_coder(name)
        if coder.accepts(values.dtype):
            options = chunk.effort.options(name, lossy=False)
            found[name] = [coder.encode_values(part, options) for part in parts]
    best = min(found, key=lambda name: sum(map(len, found[name])))
    sections = ((b"",), *((stream,) for stream in found[best]))
    return EncodedChunk(best, (Layer("exact", best),), sections, *plain)
