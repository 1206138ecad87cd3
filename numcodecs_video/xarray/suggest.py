"""Which settings suit an array, found by trying them on a sample of its chunks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import xarray as xr

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.metrics import valid_cells
from numcodecs_video.xarray.conventions import is_measurement, nodata_of, packing, stored_values
from numcodecs_video.xarray.dimensions import letters_of
from numcodecs_video.xarray.encoding import encoding
from numcodecs_video.xarray.evaluate import (
    choose_codec,
    cubes_in,
    encoding_within,
    evaluate_regions,
    name_of,
)
from numcodecs_video.xarray.information import informative_step, round_down
from numcodecs_video.xarray.keywords import check_keywords, keywords_of
from numcodecs_video.xarray.nodes import select_array
from numcodecs_video.xarray.pieces import choose_pieces, uncertainty_of
from numcodecs_video.xarray.promises import PROMISES, name_promises
from numcodecs_video.xarray.report import Report, format_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numcodecs_video.sampling import Region
    from numcodecs_video.xarray.evaluate import Evaluation

__all__ = ["Suggestion", "suggest"]

EFFORTS = (2, 5, 7)
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
        Raw bytes / these.
    uncertainty : float or None
        Of both, as a fraction, with 95 % confidence: from how much the pieces of the sample differ,
        and what cutting them costs. 0 where the sample is the array; None where it is one piece.
    expected : Evaluation
        Of the sample, under these settings.
    tried : Report
        Of the sample, under every setting that was tried.
    sampled : float
        The part of the array's cells that the sample holds.
    pieces : int
        Of the sample.
    proposed : dict
        Where nothing was promised for a measurement: a ``max_error``, for this variable alone, that
        keeps 99 % of the real information (Klöwer et al., 2021), which neighbouring cells share.
        Never of classes, flags or counts, and nobody's promise: whether what is left is enough
        depends on what the data are for. Empty where nothing can be said.
    with_proposed : Evaluation or None
        Of the sample, under that bound.
    """

    name: str
    settings: dict[str, Any]
    expected_bytes: int
    expected_ratio: float
    uncertainty: float | None
    expected: Evaluation
    tried: Report[Evaluation]
    sampled: float
    pieces: int
    proposed: dict[str, Any] = field(default_factory=dict)
    with_proposed: Evaluation | None = None

    def __str__(self) -> str:
        words = ", ".join(f"{key}={value!r}" for key, value in self.settings.items())
        best = self.expected
        margin = "" if not self.uncertainty else f" ± {100 * self.uncertainty:.0f} %"
        lines = [
            f"{self.name}: {words}",
            f"expect {self.expected_bytes / 1e6:.3g} MB{margin}, {self.expected_ratio:.1f} times "
            f"smaller, {best.bits_per_pixel_per_band:.3f} bits per pixel per band, largest "
            f"error {format_number(best.largest_error)}, PSNR {best.psnr:.1f} dB; encoding "
            f"{best.encode_mb_per_s:.2g} MB/s a core",
        ]
        if self.with_proposed is not None:
            lines.append(
                f"a suggestion alone: {_said(self.proposed)} keeps 99 % of the information that "
                f"neighbouring cells share, {self.with_proposed.ratio:.1f} times smaller"
            )
        lines.append(f"tried on {100 * self.sampled:.3g} % of the array:")
        return "\n".join((*lines, str(self.tried)))


def suggest(
    data: xr.DataArray | xr.Dataset,
    *,
    samples: int | None = None,
    efforts: Sequence[int] | None = None,
    advance: Callable[[int], None] | None = None,
    **promise: Any,
) -> Suggestion:
    """Try settings on a sample of chunks, and suggest one.

    An array of up to two million cells is its own sample. Of a larger one pieces are spread over
    it: chunks, or of large chunks all dates and bands of a tile. Only the sample is read, so a Dask
    array or a store stays where it is. Among the efforts tried, the smallest result wins unless a
    faster one is within 3 %.

    Parameters
    ----------
    data : xarray.DataArray or xarray.Dataset
        A dataset with one variable that becomes video; one number promised is then for measurements
        alone, as it is of `encoding`.
    samples : int, optional
        Number of pieces to try; all that there is of a small array, else eight.
    efforts : sequence of int, optional
        To try; 2, 5 and 7 unless given.
    advance : callable, optional
        Told the raw bytes of every piece that is done.
    **promise
        ``max_error=...``, ``psnr=...`` or another setting of `encoding`; nothing means lossless. An
        ``effort`` is then the only one tried.

    Returns
    -------
    Suggestion

    Raises
    ------
    VideoCodecError
        If the array is no video, a dataset has several, or a setting is not allowed.
    TypeError
        If `data` is nothing of xarray, or a keyword is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> t2m = xr.DataArray(
    ...     rng.normal(280, 1, (5, 30, 40)).astype("f4"), dims=("time", "lat", "lon"), name="t2m"
    ... )
    >>> suggestion = suggest(t2m, max_error=0.5, efforts=[1])
    >>> suggestion.settings
    {'max_error': {'t2m': 0.5}, 'chunks': {'time': 5, 'lat': 30, 'lon': 40}, 'effort': 1}
    """
    check_keywords("suggest", promise, keywords_of(encoding))
    if "effort" in promise:
        efforts = [promise.pop("effort")]
    efforts = EFFORTS if efforts is None else efforts
    if (samples is not None and samples < 1) or not efforts:
        raise VideoCodecError("suggest needs at least one sample and one effort")
    variable, promise = _one_cube(data, promise)
    letters = letters_of(variable, promise.get("axes")) or ""
    codecs = {e: choose_codec(variable, None, {**promise, "effort": e}) for e in efforts}
    chunks = next(iter(codecs.values()))[1]
    regions, whole = choose_pieces(letters, variable.shape, chunks, samples)

    def try_codec(codec: Any, rates: list[float]) -> Evaluation:
        return evaluate_regions(
            variable,
            codec,
            regions,
            chunks=chunks if whole else None,
            advance=advance,
            on_part=lambda cells, size: rates.append(size / cells),
        )

    rates: dict[int, list[float]] = {effort: [] for effort in sorted(codecs)}
    found = {effort: try_codec(codecs[effort][0], rates[effort]) for effort in rates}
    smallest = min(result.stored_bytes for result in found.values())
    effort, best = next(
        (effort, result)
        for effort, result in found.items()
        if result.stored_bytes * WORTH <= smallest
    )
    tried = Report((f"effort={effort}", result) for effort, result in found.items())
    proposed = {} if _promises(promise) else _proposed_bound(variable, letters, regions)
    if proposed:
        bounded = choose_codec(variable, None, {**promise, **proposed, "effort": effort})[0]
        tried[f"effort={effort}, {_said(proposed)}"] = try_codec(bounded, [])
    sampled = best.cells / variable.size
    return Suggestion(
        name=name_of(variable),
        settings={
            **name_promises(promise, name_of(variable)),
            "chunks": dict(zip(map(str, variable.dims), chunks, strict=True)),
            "effort": effort,
        },
        expected_bytes=round(best.bits_per_pixel_per_band * variable.size / 8),
        expected_ratio=best.ratio,
        uncertainty=uncertainty_of(rates[effort], sampled, whole=whole),
        expected=best,
        tried=tried,
        sampled=sampled,
        pieces=len(regions),
        proposed=proposed,
        with_proposed=list(tried.values())[-1] if proposed else None,
    )


def _one_cube(
    data: xr.DataArray | xr.Dataset, promise: dict[str, Any]
) -> tuple[xr.DataArray, dict[str, Any]]:
    """Choose the variable, and the settings that hold for it."""
    if not isinstance(data, xr.Dataset):
        return select_array(data, "suggest"), promise
    cubes = cubes_in(data, promise.get("axes"))
    variable = select_array(data[list(cubes)], "suggest")
    name = name_of(variable)
    axes = promise.get("axes")
    letters = letters_of(variable, axes, group=data.attrs)
    if letters is not None and letters != letters_of(variable, axes):  # the dataset says
        promise = {**promise, "axes": dict(zip(map(str, variable.dims), letters, strict=True))}
    settings = encoding_within(data, promise)[name]["compressors"].settings
    if settings.fidelity.kind == "lossless":
        promise = {word: value for word, value in promise.items() if word not in PROMISES}
    return variable, promise


def _promises(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get("lossless")) or any(word in settings for word in PROMISES)


def _proposed_bound(
    variable: xr.DataArray, letters: str, regions: Sequence[Region]
) -> dict[str, Any]:
    """Find a bound in the information of a measurement; nothing for other variables."""
    if not is_measurement(variable):
        return {}
    nodata = nodata_of(variable)
    blocks = (stored_values(variable[region]) for region in regions)
    axes = [axis for axis, letter in enumerate(letters) if letter in "tyx"]
    step = informative_step(((block, valid_cells(block, nodata=nodata)) for block in blocks), axes)
    if step is None:
        return {}
    scale = abs(packing(variable, "scale_factor") or 1.0)
    return {"max_error": {name_of(variable): round_down(step / 2 * scale)}}


def _said(settings: Mapping[str, Any]) -> str:
    bounds = [(word, bound) for word, said in settings.items() for bound in said.values()]
    return ", ".join(f"{word}={bound:g}" for word, bound in bounds)
