"""A coder for tests: samples as they are, halved where it is lossy."""

from __future__ import annotations

import math

import numpy as np

from numcodecs_video.coders import NOTHING, EncodedPlanes, sample_dtype
from numcodecs_video.errors import DecodeError
from numcodecs_video.format.header import Layer


class Toy:
    """Every property that the protocol asks for, and nothing else."""

    name = "toy"
    depths = (8, 16)
    lossy = predicts_in_time = exact_decoder = True
    key_picture = contextual = structured = False
    least_quantiser = 0

    def available_depths(self):
        return list(self.depths)

    def require(self, bits, options):
        pass

    def encode(self, planes, segments, spec, known=NOTHING):
        kept = planes if spec.quantiser is None else planes & ~planes.dtype.type(1)
        streams = [kept[s.start : s.stop].tobytes() for s in segments]
        return EncodedPlanes(Layer("base", self.name, spec.bits), b"", streams)

    def decode(self, layer, shared, data, shape, known=NOTHING):
        dtype = sample_dtype(layer.bits)
        if len(data) != math.prod(shape) * dtype.itemsize:
            raise DecodeError("a toy stream has another length")
        return np.frombuffer(data, dtype).reshape(shape).copy()


CODERS = {"toy": Toy()}
