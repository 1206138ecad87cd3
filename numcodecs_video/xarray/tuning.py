"""Search once for all chunks of a variable: its codec with a plan, from a few of its chunks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from numcodecs_video.sampling import spread_windows
from numcodecs_video.xarray.conventions import stored_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr

    from numcodecs_video.codec import Jpeg2kCodec, VideoCodec

__all__ = ["tune"]

#: chunks from which one search for all of them is less work than a search in each
FEWEST_CHUNKS = 3


def tune(
    codec: VideoCodec | Jpeg2kCodec, variable: xr.DataArray, chunks: Sequence[int]
) -> VideoCodec | Jpeg2kCodec:
    """Tune a codec for a variable that is to be stored in chunks.

    Parameters
    ----------
    codec : VideoCodec or Jpeg2kCodec
        With the variable's axes, sentinels and promise.
    variable : xarray.DataArray
        As it will be written; of a lazy one a few chunks are loaded.
    chunks : sequence of int

    Returns
    -------
    codec
        As it was where there are hardly any chunks.
    """
    count = math.prod(-(-n // length) for n, length in zip(variable.shape, chunks, strict=True))
    if count < FEWEST_CHUNKS:
        return codec
    windows = spread_windows(variable.shape, chunks)
    return codec.tune([stored_values(variable[window]) for window in windows])
