"""A few chunks of a variable, from which one search serves all of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from numcodecs_video.sampling import spread_windows
from numcodecs_video.xarray.conventions import stored_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["sample_of"]

#: chunks from which one search for all of them is less work than a search in each
FEWEST_CHUNKS = 3


def sample_of(
    variable: xr.DataArray, chunks: Sequence[int], *, fewest: int = FEWEST_CHUNKS
) -> list[NDArray[Any]]:
    """Take a few chunks spread over a variable, as stored.

    Parameters
    ----------
    variable : xarray.DataArray
        As it will be written; of a lazy one a few chunks are loaded.
    chunks : sequence of int
    fewest : int
        Take none where there are fewer; by default, where there are hardly more than a few.

    Returns
    -------
    list of ndarray
    """
    count = math.prod(-(-n // length) for n, length in zip(variable.shape, chunks, strict=True))
    if count < fewest:
        return []
    windows = spread_windows(variable.shape, chunks)
    return [stored_values(variable[window]) for window in windows]
