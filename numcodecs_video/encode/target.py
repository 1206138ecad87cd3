"""What a fidelity asks of one chunk: a bound in its units, or a distortion."""

from __future__ import annotations

import math
from typing import NamedTuple

from numcodecs_video.encode.chunk import Chunk
from numcodecs_video.metrics import value_range

__all__ = ["Target", "target_of"]

#: how far below its target the mean square error may fall: 10 % of the RMSE, 0.5 dB of the PSNR
_RMSE_SLACK, _PSNR_SLACK = 0.82, 0.9


class Target(NamedTuple):
    """A bound, unless there is an RMSE.

    Attributes
    ----------
    bound : float
        The largest error, or fraction of each value; 0 is lossless.
    rmse : float
        The root mean square error in the data's units; 0 where a bound is asked for.
    slack : float
        The mean square error may fall below its target by this factor.
    lossless : bool
        Whatever the fidelity, nothing may change.
    """

    bound: float = 0.0
    rmse: float = 0.0
    slack: float = 1.0
    lossless: bool = False


def target_of(chunk: Chunk) -> Target:
    """The target of a chunk's fidelity."""
    kind, value = chunk.settings.fidelity.kind, float(chunk.settings.fidelity.value)
    if kind == "lossless" or chunk.array.dtype.kind in "bmM":
        return Target(lossless=True)
    if kind == "max_error" and chunk.cube.dtype.kind != "f":
        return Target(math.floor(value))  # below one count it is lossless, with its candidates
    if kind == "max_error" or (kind == "max_relative_error" and chunk.cube.dtype.kind == "f"):
        return Target(value)
    if kind == "max_relative_error":
        # Relative bounds on integers would round to nothing at small counts: they stay exact.
        return Target(lossless=True)
    if kind == "qp":
        return Target()
    span = value_range(chunk.cube, chunk.valid)
    # A constant has no more error than the range; below the smallest double lies lossless.
    rmse = min(value, span) if kind == "rmse" else span * 10 ** (-value / 20)
    return Target(0.0, float(rmse), _RMSE_SLACK if kind == "rmse" else _PSNR_SLACK)
