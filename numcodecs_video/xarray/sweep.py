"""Rate and distortion over codecs and promises: what a curve is made of."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.encoding import encoding
from numcodecs_video.xarray.evaluate import Evaluation, evaluate
from numcodecs_video.xarray.keywords import check_keywords, keywords_of
from numcodecs_video.xarray.nodes import select_array
from numcodecs_video.xarray.promises import PROMISES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import xarray as xr

__all__ = ["SweepPoint", "sweep", "write_csv"]


@dataclass(frozen=True)
class SweepPoint:
    """One point of a curve.

    Attributes
    ----------
    codec : str
        The curve that it belongs to.
    promise : str
        The word, such as ``"max_error"``.
    value : float
        What was promised.
    evaluation : Evaluation
        What it took, and how good it was.
    """

    codec: str
    promise: str
    value: float
    evaluation: Evaluation

    def to_dict(self) -> dict[str, Any]:
        """Return all figures, for JSON, CSV or a data frame."""
        figures = self.evaluation.to_dict()
        figures["chunks"] = "x".join(map(str, figures["chunks"]))
        figures["settings"] = figures.pop("codec")
        return {"codec": self.codec, "promise": self.promise, "value": self.value, **figures}


def sweep(
    data: xr.DataArray,
    promises: Mapping[str, float | Sequence[float]],
    *,
    codecs: Sequence[str] = ("auto",),
    advance: Callable[[int], None] | None = None,
    **settings: Any,
) -> list[SweepPoint]:
    """Evaluate an array under every promise with every codec.

    Parameters
    ----------
    data : xarray.DataArray
    promises : mapping of str to float or sequence of float
        Values of one or more of ``max_error``, ``max_relative_error``, ``rmse``, ``psnr``, ``qp``.
    codecs : sequence of str
        Names as of `encoding`.
    advance : callable, optional
        Told the raw bytes of every chunk that is done.
    **settings
        Other settings of `encoding`, such as ``effort``.

    Returns
    -------
    list of SweepPoint
        By codec, then promise, then value.

    Raises
    ------
    VideoCodecError
        If a promise is none, or the array is no video.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> values = np.random.default_rng(0).normal(280, 1, (5, 30, 40)).astype("f4")
    >>> t2m = xr.DataArray(values, dims=("time", "lat", "lon"), name="t2m")
    >>> points = sweep(t2m, {"max_error": [0.1, 1.0]}, effort=1)
    >>> rates = [point.evaluation.bits_per_pixel_per_band for point in points]
    >>> rates[0] > rates[1]
    True
    """
    data = select_array(data, "sweep")
    check_keywords("sweep", settings, keywords_of(encoding))
    said = {word: np.ravel(values).tolist() for word, values in promises.items()}
    unknown = sorted(set(promises) - set(PROMISES))
    if unknown or not any(said.values()):
        raise VideoCodecError(
            f"a sweep is over values of {', '.join(PROMISES)}; got {', '.join(unknown) or 'none'}"
        )
    return [
        SweepPoint(
            codec,
            word,
            value,
            evaluate(data, codec, advance=advance, **{**settings, word: value}),
        )
        for codec in codecs
        for word, values in said.items()
        for value in sorted(values)
    ]


def write_csv(points: Iterable[SweepPoint], path: str | os.PathLike[str]) -> None:
    """Write one row a point, with a header.

    Parameters
    ----------
    points : iterable of SweepPoint
    path : str or path
    """
    rows = [point.to_dict() for point in points]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)
