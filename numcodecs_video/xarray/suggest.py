"""Which settings suit an array, found by trying them on a sample of its chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.dimensions import NARROWEST_TILE, letters_of
from numcodecs_video.xarray.encoding import encoding
from numcodecs_video.xarray.evaluate import choose_codec, evaluate_regions, name_of
from numcodecs_video.xarray.keywords import check_keywords, keywords_of
from numcodecs_video.xarray.nodes import select_array
from numcodecs_video.xarray.promises import name_promises
from numcodecs_video.xarray.quality import regions_of
from numcodecs_video.xarray.report import Report, format_figure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import xarray as xr

    from numcodecs_video.xarray.evaluate import Evaluation
    from numcodecs_video.xarray.quality import Region

__all__ = ["Suggestion", "suggest"]

EFFORTS = (2, 5, 7)
SAMPLE_CELLS = 2**19  # of each chunk of the sample: seconds at the highest effort
WORTH = 0.97  # a slower effort has to save this much to be suggested


@dataclass(frozen=True)
class Suggestion:
    """Settings for one variable, and what to expect of them.

    Attributes
    ----------
    name : str
        Of the variable.
    settings : dict
        For `encoding`, `evaluate` and `to_zarr` of this package, the promise being this variable's
        alone: ``to_zarr(ds, store, **suggestion.settings)``.
    expected_bytes : int
        Of the whole array, from the bits per cell of the sample.
    expected_ratio : float
        Raw bytes to these.
    expected : Evaluation
        Of the sample, under these settings.
    tried : Report
        Of the sample, under every setting that was tried.
    sampled : float
        The part of the array's cells that the sample holds.
    """

    name: str
    settings: dict[str, Any]
    expected_bytes: int
    expected_ratio: float
    expected: Evaluation
    tried: Report[Evaluation]
    sampled: float

    def __str__(self) -> str:
        words = ", ".join(f"{key}={value!r}" for key, value in self.settings.items())
        best = self.expected
        return "\n".join(
            (
                f"{self.name}: {words}",
                f"expect {self.expected_bytes / 1e6:.3g} MB, {self.expected_ratio:.1f} times "
                f"smaller, {best.bits_per_pixel_per_band:.3f} bits per pixel per band, largest "
                f"error {format_figure(best.largest_error)}, PSNR {best.psnr:.1f} dB; encoding "
                f"{best.encode_mb_per_s:.2g} MB/s a core",
                f"tried on {100 * self.sampled:.3g} % of the array:",
                str(self.tried),
            )
        )


def suggest(
    data: xr.DataArray,
    *,
    samples: int = 3,
    efforts: Sequence[int] = EFFORTS,
    advance: Callable[[int], None] | None = None,
    **promise: Any,
) -> Suggestion:
    """Try settings on a sample of chunks, and suggest one.

    The sample is spread over the array; of a large chunk, all dates and bands of a tile in its
    middle. Only the sample is read, so a Dask array or a store stays where it is. Among the efforts
    tried, the smallest result wins unless a faster one is within 3 %.

    Parameters
    ----------
    data : xarray.DataArray
    samples : int
        Number of chunks to try.
    efforts : sequence of int
        To try.
    advance : callable, optional
        Told the raw bytes of every piece that is done.
    **promise
        ``max_error=...``, ``psnr=...`` or another setting of `encoding`; nothing means lossless.

    Returns
    -------
    Suggestion

    Raises
    ------
    VideoCodecError
        If the array is no video, or a setting is not allowed; if `data` is a dataset of several
        variables.
    TypeError
        If `data` is nothing of xarray, or a keyword is unknown.

    Examples
    --------
    >>> import xarray as xr
    >>> rng = np.random.default_rng(0)
    >>> t2m = xr.DataArray(
    ...     rng.normal(280, 1, (5, 30, 40)).astype("f4"), dims=("time", "lat", "lon"), name="t2m"
    ... )
    >>> suggestion = suggest(t2m, max_error=0.5, efforts=[1])
    >>> suggestion.settings
    {'max_error': {'t2m': 0.5}, 'chunks': {'time': 5, 'lat': 30, 'lon': 40}, 'effort': 1}
    """
    data = select_array(data, "suggest")
    check_keywords("suggest", promise, keywords_of(encoding))
    if samples < 1 or not efforts:
        raise VideoCodecError("suggest needs at least one sample and one effort")
    letters = letters_of(data, promise.get("axes"))
    codecs = {effort: choose_codec(data, None, {**promise, "effort": effort}) for effort in efforts}
    chunks = next(iter(codecs.values()))[1]
    regions = _sample(letters or "", data.shape, chunks, samples)
    tried = Report(
        (f"effort={effort}", evaluate_regions(data, codecs[effort][0], regions, advance=advance))
        for effort in sorted(set(efforts))
    )
    smallest = min(result.stored_bytes for result in tried.values())
    label, best = next(
        (label, result)
        for label, result in tried.items()
        if result.stored_bytes * WORTH <= smallest
    )
    expected_bytes = round(best.bits_per_pixel_per_band * data.size / 8)
    return Suggestion(
        name=name_of(data),
        settings={
            **name_promises(promise, name_of(data)),
            "chunks": dict(zip(map(str, data.dims), chunks, strict=True)),
            "effort": int(label.partition("=")[2]),
        },
        expected_bytes=expected_bytes,
        expected_ratio=best.ratio,
        expected=best,
        tried=tried,
        sampled=best.cells / data.size,
    )


def _sample(
    letters: str, shape: tuple[int, ...], chunks: tuple[int, ...], samples: int
) -> list[Region]:
    """Choose chunks spread evenly over the array, cut down to a tile in their middle."""
    regions = list(regions_of(shape, chunks))
    count = min(samples, len(regions))
    # In the middles of equal parts: the chunks at the edges hold padding.
    chosen = [int((i + 0.5) * len(regions) / count) for i in range(count)]
    return [_tile_of(letters, regions[i]) for i in chosen]


def _tile_of(letters: str, region: Region) -> Region:
    lengths = [part.stop - part.start for part in region]
    planes = max(1, int(np.prod([n for n, a in zip(lengths, letters, strict=True) if a in "tc"])))
    side = max(NARROWEST_TILE, int((SAMPLE_CELLS / planes) ** 0.5))
    return tuple(
        _middle(part, side) if letter in "yx" else part
        for part, letter in zip(region, letters, strict=True)
    )


def _middle(part: slice, length: int) -> slice:
    spare = max(0, part.stop - part.start - length)
    start = part.start + spare // 2
    return slice(start, part.stop - spare + spare // 2)
