"""How far one dataset is from another: an original from its compressed copy, say."""

from __future__ import annotations

import math
import os
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from numcodecs_video.errors import VideoCodecError, kind_of
from numcodecs_video.metrics import bits_per_pixel_per_band, compression_ratio, valid_cells
from numcodecs_video.sampling import regions_of
from numcodecs_video.stored import chunk_lengths, filters_of, settings_of, stored_bytes
from numcodecs_video.xarray.aligning import aligned
from numcodecs_video.xarray.conventions import stored_dtype
from numcodecs_video.xarray.dimensions import choose_chunks, letters_of
from numcodecs_video.xarray.filters import doubt_of_filters
from numcodecs_video.xarray.labels import nodata_seen
from numcodecs_video.xarray.opening import names_zarr, open_lazily, store_of
from numcodecs_video.xarray.quality import Quality, QualityGauge, range_of, read_region
from numcodecs_video.xarray.recording import EARLIER
from numcodecs_video.xarray.report import Report, format_fixed, format_number
from numcodecs_video.xarray.verdicts import Promised, PromiseGauge, Rounding, promised_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import zarr

    from numcodecs_video.metrics import Nodata

__all__ = ["Comparison", "compare"]

# What xarray moves from attributes to an encoding as it decodes.
DECODED = ("scale_factor", "add_offset", "_FillValue", "missing_value", "units")

Source = xr.Dataset | xr.DataArray | str | os.PathLike[str]


@dataclass(frozen=True)
class Comparison(Quality):
    """How far a variable of one dataset is from that of another.

    Attributes
    ----------
    name : str
    identical : bool
        Every value is the same, NaN being the same as NaN.
    cells : int
        Of the other, whether or not the original has them.
    raw_bytes : int
        Of the other, uncompressed, in the dtype that the original is or was stored in.
    bytes_before, bytes_after : int or None
        What the variable takes in each store; None where it is not in a store.
    notes : tuple of str
        Where coordinates differ, and so which cells were compared with which; where only rounding
        makes a difference; and where the other had lost something before it was compressed.
    promise : str or None
        What the other promises: ``lossless``, ``max_error`` or another word of `encoding`.
    requested : float or None
        The bound of it, in the units that a reader sees.
    realised : float or None
        The worst of the same kind that was found, of any chunk for an RMSE or PSNR.
    held : bool or None
        Whether the promise held, missing cells included. None where nothing is promised; where
        cells are too few or in another order to say it of an RMSE or PSNR, which are of chunks.
    units : str
        Of the errors.
    rmse, psnr, ssim, spectral_angle, largest_error : float
        Of valid cells: in the data's units; in dB of the valid range; the mean within chunks; in
        degrees; in the data's units. NaN where there is none: see ``numcodecs_video.metrics``.
    missing_changed : int
        Missing cells that did not come back as they were.
    """

    name: str
    identical: bool
    cells: int
    raw_bytes: int
    bytes_before: int | None
    bytes_after: int | None
    notes: tuple[str, ...] = ()
    promise: str | None = None
    requested: float | None = None
    realised: float | None = None
    held: bool | None = None
    units: str = ""

    @property
    def ratio(self) -> float | None:
        """Raw bytes / stored bytes of the other; None where it is not in a store."""
        if self.bytes_after is None:
            return None
        return compression_ratio(self.raw_bytes, self.bytes_after)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures, for JSON or a data frame."""
        return {**asdict(self), "ratio": self.ratio}

    def table_cells(self) -> dict[str, str]:
        """Return the figures as text, by what they are."""
        promised = self.promised()
        cells = {
            "promise": "" if promised is None else str(promised),
            "held": {True: "yes", False: "NO", None: ""}[self.held],
            "identical": "yes" if self.identical else "no",
            "RMSE": format_number(self.rmse),
            "PSNR dB": format_fixed(self.psnr, 1),
            "SSIM": format_number(self.ssim),
            "spectral angle °": format_number(self.spectral_angle, 3),
            "largest error": format_number(self.largest_error),
            "missing changed": str(self.missing_changed or ""),
        }
        if self.bytes_after is not None and not math.isnan(self.rmse):
            bits = bits_per_pixel_per_band(self.bytes_after, max(self.cells, 1))
            cells["bits per pixel per band"] = format_fixed(bits, 3)
            cells["ratio"] = format_fixed(self.ratio or math.nan, 1)
        return cells

    def promised(self) -> Promised | None:
        """Return what was promised, which ``str`` writes as a person would."""
        if self.promise is None:
            return None
        return Promised(self.promise, self.requested, self.units)


def compare(
    a: Source,
    b: Source,
    *,
    stores: tuple[Source, Source] | None = None,
    advance: Callable[[int], None] | None = None,
) -> Report[Comparison]:
    """Compare two datasets or stores, variable by variable, as a reader sees them.

    Says for each whether what the other promises held: by the settings of its store, or by the
    attributes that `record_loss` wrote.

    What ``nodata`` names is missing, as NaN is: it counts in no figure, and has to come back.

    Cell by cell of the same labels, where both have coordinates: a latitude that runs the other way
    is no difference, and the result says so. Only labels that both have are compared. Block by
    block, so neither has to fit into memory.

    Parameters
    ----------
    a, b : xarray.Dataset, xarray.DataArray, str or path
        The original and the other; a string or path is a Zarr store (or a URL of one) or a NetCDF
        file.
    stores : tuple of str, path or dataset, optional
        Of datasets that are given opened, the stores that they were read from, for the sizes of
        arrays; one that was not read from a store stands for itself.
    advance : callable, optional
        Told the bytes of every block of `a` that is done.

    Returns
    -------
    Report
        From the name of every data variable that both have to its `Comparison`.

    Raises
    ------
    TypeError
        If one of them is something else.
    VideoCodecError
        If they have no variable in common, or one has other dimensions, another shape without
        labels, or labels of which none is in both.

    Examples
    --------
    >>> before = xr.DataArray(np.arange(6.0), dims="x", name="v")
    >>> compare(before, before + 0.5)["v"].largest_error
    0.5
    """
    places = stores or (a, b)
    with ExitStack() as stack:
        # Resolutions of images by the paths of their arrays; else the full ones by their names.
        for levels in (True, False):
            before, after = (_as_dataset(source, stack, levels=levels) for source in (a, b))
            names = [str(name) for name in before.data_vars if name in after.variables]
            if names:
                break
        if not names:
            raise VideoCodecError(
                "no variable in common: one has "
                f"{', '.join(map(str, before.data_vars)) or 'none'}, the other "
                f"{', '.join(map(str, after.data_vars)) or 'none'}"
            )
        return Report(
            (
                name,
                _compare_arrays(
                    name,
                    _distinct(_as_read(before[name], after[name])),
                    _distinct(_as_read(after[name], before[name])),
                    (_stored_array(places[0], name), _stored_array(places[1], name)),
                    advance,
                ),
            )
            for name in names
        )


def _as_dataset(source: Source, stack: ExitStack, *, levels: bool) -> xr.Dataset:
    if isinstance(source, xr.Dataset):
        return source
    if isinstance(source, xr.DataArray):
        return source.to_dataset(name=source.name if source.name is not None else "array")
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(
            f"compare takes a Dataset, a DataArray, a path or a URL, got {kind_of(source)}: open a "
            "store with xr.open_zarr, take a group of a tree by tree['/a'].to_dataset()"
        )
    return stack.enter_context(open_lazily(source, as_stored=levels, levels=levels))


def _as_read(variable: xr.DataArray, other: xr.DataArray) -> xr.DataArray:
    """Decode a variable that is as stored, where the one that it is compared with is decoded."""
    stated = [key for key in DECODED if key in variable.attrs]
    if not any(key in other.encoding and key not in other.attrs for key in stated):
        return variable
    name = str(variable.name)
    return xr.decode_cf(variable.to_dataset(name=name), decode_coords=False)[name]


def _distinct(variable: xr.DataArray) -> xr.DataArray:
    """Give a matrix over one dimension two, which xarray selects by."""
    if len(set(variable.dims)) == variable.ndim:
        return variable
    dims = [f"{dim}_{axis}" for axis, dim in enumerate(variable.dims)]
    return xr.DataArray(variable.values, dims=dims, name=variable.name, attrs=variable.attrs)


def _stored_array(source: Source, name: str) -> zarr.Array[Any] | None:
    """Return a variable as it lies in a Zarr store."""
    if isinstance(source, (xr.Dataset, xr.DataArray)) or not names_zarr(os.fspath(source)):
        return None
    import zarr

    try:
        return zarr.open_array(store_of(os.fspath(source)), path=name, mode="r")
    except (FileNotFoundError, ValueError, NotADirectoryError):  # NetCDF, say
        return None


def _compare_arrays(
    name: str,
    before: xr.DataArray,
    after: xr.DataArray,
    arrays: tuple[zarr.Array[Any] | None, zarr.Array[Any] | None],
    advance: Callable[[int], None] | None,
) -> Comparison:
    promised = promised_for(after, arrays[1])
    shape, stored = before.shape, after
    raw_bytes = after.size * stored_dtype(before).itemsize
    notes = tuple(_doubts(before, after, arrays[1]))
    nodata = nodata_seen(before)
    before, after, differences = aligned(before, after)
    if before.dtype.kind in "biuf" and after.dtype.kind in "biuf":
        in_place = after.dims == stored.dims and _same_labels(after, stored)
        chunks = _chunks_of(stored, arrays[1]) if in_place else None
        quality, identical, gauge = _measured(before, after, promised, chunks, nodata, advance)
    else:
        identical = bool(before.drop_vars(before.coords).equals(after.drop_vars(after.coords)))
        unknown = math.nan
        quality, gauge = Quality(unknown, unknown, unknown, unknown, unknown, 0), None
    held = gauge.held if gauge is not None else None
    if gauge is None and promised is not None and promised.kind == "lossless":
        held = identical
    if held and not identical and promised is not None and promised.kind == "lossless":
        rounded = f"{before.dtype} in one, {after.dtype} in the other"
        differences = (*differences, f"differs only by what packing and dtypes round: {rounded}")
    sizes = [None if array is None else stored_bytes(array) for array in arrays]
    return Comparison(
        **vars(quality),
        name=name,
        identical=identical and before.shape == shape,
        cells=stored.size,
        raw_bytes=raw_bytes,
        bytes_before=sizes[0],
        bytes_after=sizes[1],
        notes=(*differences, *notes),
        promise=None if promised is None else promised.kind,
        requested=None if promised is None else promised.requested,
        realised=None if gauge is None else gauge.realised,
        held=held,
        units=str(stored.attrs.get("units", "")),
    )


def _measured(
    before: xr.DataArray,
    after: xr.DataArray,
    promised: Promised | None,
    chunks: tuple[int, ...] | None,
    nodata: Nodata,
    advance: Callable[[int], None] | None,
) -> tuple[Quality, bool, PromiseGauge | None]:
    """Measure numbers block by block; by `chunks` where the promise is of each of them."""
    letters = letters_of(before)
    lengths = choose_chunks(letters, before.shape) if letters else before.shape
    chunk_cells = None
    if promised is not None and promised.kind in ("rmse", "psnr") and chunks is not None:
        lengths, chunk_cells = chunks, math.prod(chunks)
    regions = list(regions_of(before.shape, [max(1, length) for length in lengths]))
    low, high = range_of((read_region(before, region) for region in regions), nodata)
    gauge = QualityGauge(letters, high - low)
    kept = None
    if promised is not None:
        kept = PromiseGauge(promised, chunk_cells, Rounding.between(before, after), nodata)
    identical = True
    for region in regions:
        old, new = read_region(before, region), read_region(after, region)
        gauge.add(old, new, valid_cells(old, nodata=nodata))
        if kept is not None:
            kept.add(old, new)
        reals = old.dtype.kind == new.dtype.kind == "f"
        identical &= bool(np.array_equal(old, new, equal_nan=reals))
        if advance is not None:
            advance(old.nbytes)
    return gauge.quality(), identical, kept


def _chunks_of(variable: xr.DataArray, array: zarr.Array[Any] | None) -> tuple[int, ...] | None:
    """Return the shape of the chunks, where all have one."""
    found: Any = variable.encoding.get("chunks") if array is None else chunk_lengths(array)
    if found is None or len(found) != variable.ndim:
        return None
    return tuple(found) if all(isinstance(length, int) for length in found) else None


def _same_labels(found: xr.DataArray, stored: xr.DataArray) -> bool:
    """Tell whether no cell was left out or moved."""
    return found.shape == stored.shape and all(
        found.indexes[dim].equals(stored.indexes[dim]) for dim in found.dims if dim in found.indexes
    )


def _doubts(
    before: xr.DataArray, after: xr.DataArray, array: zarr.Array[Any] | None
) -> Iterator[str]:
    """Say why a promise need not hold for what is compared."""
    if array is not None:
        doubt = doubt_of_filters(settings_of(array), filters_of(array))
        if doubt is not None:
            yield doubt
    earlier = after.attrs.get(EARLIER)
    if earlier is not None and earlier != before.attrs.get(EARLIER):
        yield f"what was compressed had lost something before ({earlier}), and errors add up"
