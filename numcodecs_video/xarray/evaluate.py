"""What a codec would make of an array, chunk by chunk, without writing anything."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pandas as pd
import xarray as xr

from numcodecs_video.codec import Jpeg2kCodec, VideoCodec
from numcodecs_video.config import Jpeg2kSettings, Settings, parse_nodata
from numcodecs_video.errors import VideoCodecError, noting
from numcodecs_video.metrics import bits_per_pixel_per_band, compression_ratio, valid_cells
from numcodecs_video.sampling import regions_of
from numcodecs_video.xarray.chunking import chunks_of
from numcodecs_video.xarray.conventions import as_unsigned, nodata_of, packing, stored_values
from numcodecs_video.xarray.dimensions import letters_of
from numcodecs_video.xarray.encoding import encoding, fill_value_of
from numcodecs_video.xarray.keywords import check_keywords, keywords_of
from numcodecs_video.xarray.nodes import select_array
from numcodecs_video.xarray.promises import name_promises
from numcodecs_video.xarray.quality import Quality, QualityGauge, name_region, range_of
from numcodecs_video.xarray.report import Report, format_fixed, format_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from numcodecs_video.metrics import Nodata
    from numcodecs_video.sampling import Region

__all__ = [
    "Evaluation",
    "choose_codec",
    "cubes_in",
    "encoding_within",
    "evaluate",
    "evaluate_regions",
    "name_of",
]

# What is said of a store, and changes nothing within a chunk.
AROUND_CHUNKS = ("shards", "zarr_format")


@dataclass(frozen=True)
class Evaluation(Quality):
    """What storing an array takes, and how good it comes back; prints as a table.

    Attributes
    ----------
    name : str
        Of the variable.
    codec : str
        With its settings.
    chunks : tuple of int
        Shape of the chunks.
    cells : int
        Of the array, missing ones included.
    raw_bytes, stored_bytes : int
        Before and after, without Zarr's metadata.
    encode_seconds, decode_seconds : float
        In one thread.
    rmse, psnr, ssim, spectral_angle, largest_error : float
        Of valid cells: in the data's units; in dB of the valid range; the mean within chunks; in
        degrees; in the data's units. NaN where there is none: see ``numcodecs_video.metrics``.
    missing_changed : int
        Missing cells that did not come back as they were.
    """

    name: str
    codec: str
    chunks: tuple[int, ...]
    cells: int
    raw_bytes: int
    stored_bytes: int
    encode_seconds: float
    decode_seconds: float

    @property
    def bits_per_pixel_per_band(self) -> float:
        """Bits stored for one cell."""
        return bits_per_pixel_per_band(self.stored_bytes, self.cells)

    @property
    def ratio(self) -> float:
        """Raw bytes / stored bytes."""
        return compression_ratio(self.raw_bytes, self.stored_bytes)

    @property
    def encode_mb_per_s(self) -> float:
        """Raw megabytes (10^6 bytes) encoded a second, checking included, in one thread."""
        return self.raw_bytes / 1e6 / max(self.encode_seconds, 1e-9)

    @property
    def decode_mb_per_s(self) -> float:
        """Raw megabytes (10^6 bytes) decoded a second, in one thread."""
        return self.raw_bytes / 1e6 / max(self.decode_seconds, 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures, the derived ones included, for JSON or a data frame."""
        derived = ("bits_per_pixel_per_band", "ratio", "encode_mb_per_s", "decode_mb_per_s")
        return {**asdict(self), **{name: getattr(self, name) for name in derived}}

    def table_cells(self) -> dict[str, str]:
        """Return the figures as text, by what they are."""
        return {
            "bits per pixel per band": format_fixed(self.bits_per_pixel_per_band, 3),
            "ratio": format_fixed(self.ratio, 1),
            "RMSE": format_number(self.rmse),
            "PSNR dB": format_fixed(self.psnr, 1),
            "SSIM": format_number(self.ssim),
            "spectral angle °": format_number(self.spectral_angle, 3),
            "largest error": format_number(self.largest_error),
            "encode MB/s": format_number(self.encode_mb_per_s, 3),
            "decode MB/s": format_number(self.decode_mb_per_s, 3),
        }

    def __str__(self) -> str:
        figures = pd.Series({key: cell for key, cell in self.table_cells().items() if cell})
        return f"{self.name}, by {self.codec}\n{figures.to_string()}"


@overload
def evaluate(
    data: xr.DataArray, codec: Any = None, *, advance: Any = None, **settings: Any
) -> Evaluation: ...
@overload
def evaluate(
    data: xr.Dataset, codec: Any = None, *, advance: Any = None, **settings: Any
) -> Report[Evaluation]: ...
def evaluate(
    data: xr.DataArray | xr.Dataset,
    codec: Any = None,
    *,
    advance: Callable[[int], None] | None = None,
    **settings: Any,
) -> Evaluation | Report[Evaluation]:
    """Encode and decode an array, and say what that takes and what it costs.

    Chunk after chunk, exactly as Zarr would hand them to the codec (packed by ``scale_factor``,
    padded at the edges), so the stored size is that of a store, and memory holds one chunk.
    Figures are in the units that a reader sees. An array is read twice: first for its range.

    Parameters
    ----------
    data : xarray.DataArray or xarray.Dataset
        Of a dataset, all variables that become video.
    codec : numcodecs codec or str, optional
        The name of a video coder; or a `VideoCodec`, whose axes and sentinel are filled in where
        they are not set; or any other codec of numcodecs, for comparison. An object's settings are
        in stored units, as Zarr hands them.
    advance : callable, optional
        Told the raw bytes of every chunk that is done.
    **settings
        Instead of a codec, the settings of `encoding`: ``max_error=0.01``. Either way, ``chunks``
        and ``axes`` may be given. In the units that a reader sees.

    Returns
    -------
    Evaluation, or Report
        A report maps names to evaluations.

    Raises
    ------
    VideoCodecError
        If the settings do not fit the data, or nothing in a dataset is video.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> t2m = xr.DataArray(
    ...     rng.normal(280, 1, (5, 30, 40)).astype("f4"), dims=("time", "lat", "lon"), name="t2m"
    ... )
    >>> evaluation = evaluate(t2m, max_error=0.5)
    >>> evaluation.largest_error <= 0.5, evaluation.ratio > 8
    (True, True)
    """
    check_keywords("evaluate", settings, keywords_of(encoding))
    _check_kind(data)
    if isinstance(codec, str):
        codec, settings = None, {**settings, "codec": codec}
    settings = {word: said for word, said in settings.items() if word not in AROUND_CHUNKS}
    if codec is not None and set(settings) - {"chunks", "axes"}:
        raise VideoCodecError(
            f"give a codec, or its settings ({', '.join(sorted(settings))}), not both"
        )
    if isinstance(data, xr.DataArray):
        return _evaluate_array(data, *choose_codec(data, codec, settings), advance)
    axes = settings.get("axes")
    cubes = cubes_in(data, axes)
    # Of a dataset, one number is a promise for its measurements alone: encoding knows which.
    encodings = encoding_within(data, settings)
    return Report(
        (
            name,
            _evaluate_array(
                cube,
                _completed(codec or encodings[name]["compressors"], cube, axes),
                encodings[name]["chunks"],
                advance,
            ),
        )
        for name, cube in cubes.items()
    )


def encoding_within(ds: xr.Dataset, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Choose encodings, numcodecs' as ``compressors``, whatever is said of the store."""
    within = {word: said for word, said in settings.items() if word not in AROUND_CHUNKS}
    return encoding(ds, zarr_format=2, **within)


def cubes_in(ds: xr.Dataset, axes: Mapping[str, str] | None = None) -> dict[str, xr.DataArray]:
    """Find the variables of a dataset that become video, and have cells.

    Raises
    ------
    VideoCodecError
        If there is none.
    """
    cubes = {
        name_of(v): v
        for v in ds.data_vars.values()
        if letters_of(v, axes, group=ds.attrs) and v.size
    }
    if not cubes:
        raise VideoCodecError(
            "no variable has time, y and x axes, and cells; name axes with "
            "axes={'dimension': 'letter'}"
        )
    return cubes


def _check_kind(data: Any) -> None:
    if not isinstance(data, (xr.Dataset, xr.DataArray)):
        select_array(data, "evaluate")  # which says what it takes


def _evaluate_array(
    variable: xr.DataArray,
    codec: Any,
    chunks: tuple[int, ...],
    advance: Callable[[int], None] | None,
) -> Evaluation:
    regions = list(regions_of(variable.shape, chunks))
    return evaluate_regions(variable, codec, regions, chunks=chunks, advance=advance)


def evaluate_regions(
    variable: xr.DataArray,
    codec: Any,
    regions: Sequence[Region],
    *,
    chunks: tuple[int, ...] | None = None,
    advance: Callable[[int], None] | None = None,
    on_part: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Encode and decode parts of an array, each as one chunk.

    Parameters
    ----------
    variable : xarray.DataArray
    codec : numcodecs codec
    regions : sequence of tuple of slice
    chunks : tuple of int, optional
        Length to fill each part up to; none unless given.
    advance : callable, optional
        Told the raw bytes of every part that is done.
    on_part : callable, optional
        Told the cells and the stored bytes of every part.
    """
    variable = as_unsigned(variable)
    nodata, letters = nodata_of(variable), letters_of(variable)
    axes = getattr(getattr(codec, "settings", None), "axes", None) or letters
    scale, offset = packing(variable, "scale_factor") or 1.0, packing(variable, "add_offset") or 0.0
    blocks = [variable[region] for region in regions]
    low, high = range_of(map(_stored_values, blocks, regions), nodata)
    gauge = QualityGauge(axes, (high - low) * abs(scale))
    raw_bytes = stored_bytes = 0
    seconds = [0.0, 0.0]
    for block, region in zip(blocks, regions, strict=True):
        before = _stored_values(block, region)
        padded = before if chunks is None else _padded(before, chunks, nodata)
        start = time.perf_counter()
        payload = codec.encode(padded)
        middle = time.perf_counter()
        after = _as_array(codec.decode(payload), padded)
        seconds = [seconds[0] + middle - start, seconds[1] + time.perf_counter() - middle]
        raw_bytes, stored_bytes = raw_bytes + before.nbytes, stored_bytes + len(payload)
        after = after[tuple(slice(length) for length in before.shape)]
        valid = valid_cells(before, nodata=nodata)
        gauge.add(_scaled(before, scale, offset), _scaled(after, scale, offset), valid)
        if advance is not None:
            advance(before.nbytes)
        if on_part is not None:
            on_part(before.size, len(payload))
    return Evaluation(
        **vars(gauge.quality()),
        name=name_of(variable),
        codec=repr(codec),
        chunks=variable.shape if chunks is None else chunks,
        cells=sum(block.size for block in blocks),
        raw_bytes=raw_bytes,
        stored_bytes=stored_bytes,
        encode_seconds=seconds[0],
        decode_seconds=seconds[1],
    )


def _stored_values(block: xr.DataArray, region: Region) -> NDArray[Any]:
    with noting(f"in {name_region(name_of(block), region)}"):
        return stored_values(block)


def choose_codec(
    variable: xr.DataArray, codec: Any = None, settings: Mapping[str, Any] = MappingProxyType({})
) -> tuple[Any, tuple[int, ...]]:
    """Return a codec that knows axes and sentinel of an array, and its chunks.

    Parameters
    ----------
    variable : xarray.DataArray
    codec : numcodecs codec, optional
        Chosen by the settings unless given.
    settings : mapping
        Of `encoding`, but one number holds for integers too; with a codec, ``chunks`` and ``axes``
        at most.

    Raises
    ------
    VideoCodecError
        If the array is no video and no codec was given, or a setting is not allowed.
    """
    letters = letters_of(variable, settings.get("axes"))
    if codec is not None:
        given = settings.get("chunks") or {}
        chunks = chunks_of(variable, letters, given) if letters else variable.shape
        return _completed(codec, variable, settings.get("axes")), chunks
    name = name_of(variable)
    if variable.size == 0:
        raise VideoCodecError(f"{name!r} has no cells to encode")
    if letters is None:
        raise VideoCodecError(
            f"{name!r} is no video: it needs numbers with time, y and x axes, and has "
            f"({', '.join(map(str, variable.dims))}); name them with axes={{'dimension': 'letter'}}"
            ", or give a codec"
        )
    chosen = encoding_within(variable.to_dataset(name=name), name_promises(settings, name))[name]
    return chosen["compressors"], chosen["chunks"]


def name_of(variable: xr.DataArray) -> str:
    """Return a name, whether the array has one or not."""
    return "array" if variable.name is None else str(variable.name)


def _completed(codec: Any, variable: xr.DataArray, axes: Mapping[str, str] | None) -> Any:
    """Fill in the axes and the sentinel that a video codec was not told, as `encoding` does."""
    settings = getattr(codec, "settings", None)
    if not isinstance(settings, Settings):
        return codec
    axes_of = settings.axes or letters_of(variable, axes)
    nodata = settings.nodata or parse_nodata(nodata_of(variable))
    completed = replace(settings, axes=axes_of, nodata=nodata)
    kind = Jpeg2kCodec if isinstance(settings, Jpeg2kSettings) else VideoCodec
    return kind.from_settings(completed)


def _padded(values: NDArray[Any], chunks: tuple[int, ...], nodata: Nodata) -> NDArray[Any]:
    """Fill a chunk at an edge up to its full shape, as Zarr does with the array's fill value."""
    margins = [(0, length - n) for length, n in zip(chunks, values.shape, strict=True)]
    if not any(after for _, after in margins):
        return values
    fill = fill_value_of(nodata, values.dtype)
    return np.pad(values, margins, constant_values=fill)


def _as_array(decoded: Any, like: NDArray[Any]) -> NDArray[Any]:
    """Give shape and dtype back to what a codec of bytes returns."""
    array = np.asarray(decoded) if isinstance(decoded, np.ndarray) else np.frombuffer(decoded, "u1")
    if array.dtype != like.dtype:
        array = np.ascontiguousarray(array).reshape(-1).view(like.dtype)
    return array.reshape(like.shape)


def _scaled(values: NDArray[Any], scale: float, offset: float) -> NDArray[Any]:
    """Unpack, where there is something to unpack: integers stay exact otherwise."""
    if scale == 1.0 and offset == 0.0:
        return values
    return values.astype(np.float64) * scale + offset
