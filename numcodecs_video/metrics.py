"""How far a decoded array is from its original, and what storing it took.

Pure functions on numpy arrays. They know nothing of codecs, stores or files, and which cells count
is the caller's to say: by default the finite ones, with ``valid=valid_cells(original, nodata=...)``
the finite ones that are no sentinel either. A cell that counts and came back as NaN or infinity is
infinitely wrong, never ignored. Errors are measured a few cells at a time, so that no measure takes
memory in proportion to the array: these are the very functions that verify each chunk.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Nodata",
    "bits_per_pixel_per_band",
    "compression_ratio",
    "integer_view",
    "largest_error",
    "largest_relative_error",
    "missing_changed",
    "psnr",
    "rmse",
    "same_bits",
    "spectral_angle",
    "ssim",
    "valid_cells",
    "valid_extremes",
    "value_range",
]

#: scikit-image's own default; narrower planes get the widest odd window that fits
SSIM_WINDOW = 7
#: cells that are compared at a time: few enough for the processor's cache
_PART_CELLS = 2**16

#: what stands for a missing measurement: one sentinel, or several
Nodata = float | Sequence[float] | None


def valid_cells(
    original: NDArray[Any], *, nodata: float | Sequence[float] | None = None
) -> NDArray[np.bool_]:
    """Mark the cells that hold a measurement: finite, and no sentinel.

    Parameters
    ----------
    original : ndarray
        The array before compression.
    nodata : float or sequence of float, optional
        What stands for a missing measurement.

    Returns
    -------
    ndarray of bool
        In the shape of `original`.

    Examples
    --------
    >>> valid_cells(np.array([0.5, np.nan, -9999.0]), nodata=-9999)
    array([ True, False, False])
    """
    valid: NDArray[np.bool_] = np.isfinite(original)
    if nodata is not None:
        for sentinel in nodata if isinstance(nodata, Sequence) else (nodata,):
            valid &= original != sentinel
    return valid


def integer_view(cube: NDArray[Any]) -> NDArray[Any]:
    """Booleans as uint8, datetimes and timedeltas as int64, in the same byte order."""
    if cube.dtype.kind == "b":
        return cube.view(np.uint8)
    if cube.dtype.kind in "mM":
        return cube.view(cube.dtype.str[0] + "i8")
    return cube


def valid_extremes(
    array: NDArray[Any], valid: NDArray[np.bool_] | bool = True
) -> tuple[Any, Any] | None:
    """The smallest and the largest value of the valid cells, None when there is none.

    Parameters
    ----------
    array : ndarray
    valid : ndarray of bool, or bool
        The cells that count, broadcastable to `array`.

    Examples
    --------
    >>> valid_extremes(np.array([3, 9, 5]), np.array([True, False, True]))
    (np.int64(3), np.int64(5))
    """
    if np.all(valid):
        return (array.min(), array.max()) if array.size else None
    if not np.any(valid):
        return None
    where = np.broadcast_to(valid, array.shape)
    known = array[np.unravel_index(where.argmax(), array.shape)]
    low = high = known
    for cells, mask in zip(array, where, strict=True):
        cells = np.where(mask, cells, known)  # four times as fast as reductions with a mask
        low, high = min(low, cells.min()), max(high, cells.max())
    return low, high


def value_range(array: NDArray[Any], valid: NDArray[np.bool_] | bool = True) -> float:
    """Largest minus smallest value of the valid cells, 0 when there is none: the peak of a PSNR."""
    found = valid_extremes(array, valid)
    if found is None:
        return 0.0
    # As Python numbers: 64-bit integers that differ by little are equal as doubles.
    return float(found[1].item() - found[0].item())


def rmse(
    original: NDArray[Any], decoded: NDArray[Any], *, valid: NDArray[np.bool_] | None = None
) -> float:
    """Root of the mean squared error over the valid cells, in the data's units.

    Parameters
    ----------
    original, decoded : ndarray
        Arrays of one shape.
    valid : ndarray of bool, optional
        The cells that count; the finite cells of `original` unless given.

    Returns
    -------
    float
        0.0 where no cell counts.

    Examples
    --------
    >>> rmse(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    1.4142135623730951
    """
    largest = largest_error(original, decoded, valid=valid)
    if not 0 < largest < math.inf:
        return largest
    total, count = 0.0, 0
    for before, after, where in _parts(original, decoded, valid):
        # Divided so that no square is beyond the doubles, nor below.
        error = _absolute_errors(before, after)
        with np.errstate(under="ignore", over="ignore", invalid="ignore"):
            error = error / largest
            total += float(np.sum(error * error, where=where))
        count += int(np.count_nonzero(where))
    return largest * math.sqrt(total / count)


def psnr(
    original: NDArray[Any], decoded: NDArray[Any], *, valid: NDArray[np.bool_] | None = None
) -> float:
    """Peak signal-to-noise ratio in dB, the peak being the valid range of the original.

    ``20 log10((max - min) / rmse)``. The range of the data, rather than that of its dtype, makes
    figures comparable between a uint16 that uses 12 of its bits and a float that has no range of
    its own.

    Parameters
    ----------
    original, decoded : ndarray
        Arrays of one shape.
    valid : ndarray of bool, optional
        The cells that count; the finite cells of `original` unless given.

    Returns
    -------
    float
        Infinite where nothing differs, minus infinity where a constant came back changed.

    References
    ----------
    Huynh-Thu and Ghanbari, "Scope of validity of PSNR in image/video quality assessment",
    Electronics Letters 44 (2008).

    Examples
    --------
    >>> psnr(np.array([0.0, 100.0]), np.array([1.0, 99.0]))
    40.0
    """
    error = rmse(original, decoded, valid=valid)
    if error == 0.0:
        return float("inf")
    peak = value_range(integer_view(original), valid_cells(original) if valid is None else valid)
    return 20 * math.log10(peak / error) if peak > 0.0 and error < math.inf else -math.inf


def largest_error(
    original: NDArray[Any], decoded: NDArray[Any], *, valid: NDArray[np.bool_] | None = None
) -> float:
    """Largest absolute error over the valid cells, in the data's units.

    Exact for integers of every width, whose differences are taken modulo 2**64 and never wrap.

    Parameters
    ----------
    original, decoded : ndarray
        Arrays of one shape.
    valid : ndarray of bool, optional
        The cells that count; the finite cells of `original` unless given.

    Returns
    -------
    float
        0.0 where no cell counts; infinite where a cell that counts came back as NaN or infinity.

    Examples
    --------
    >>> largest_error(np.array([1, 250], dtype="u1"), np.array([3, 250], dtype="u1"))
    2.0
    """
    return max(
        (
            float(_absolute_errors(before, after).max(initial=0, where=where))
            for before, after, where in _parts(original, decoded, valid)
        ),
        default=0.0,
    )


def largest_relative_error(
    original: NDArray[Any], decoded: NDArray[Any], *, valid: NDArray[np.bool_] | None = None
) -> float:
    """Largest error over the valid cells, as a fraction of each cell's magnitude.

    Parameters
    ----------
    original, decoded : ndarray
        Arrays of one shape.
    valid : ndarray of bool, optional
        The cells that count; the finite cells of `original` unless given.

    Returns
    -------
    float
        0.0 where no cell counts; infinite where a zero changed.

    Examples
    --------
    >>> largest_relative_error(np.array([2.0, 100.0]), np.array([2.5, 101.0]))
    0.25
    """
    return max(
        (
            float(_relative_errors(before, after).max(initial=0, where=where))
            for before, after, where in _parts(original, decoded, valid)
        ),
        default=0.0,
    )


def same_bits(
    original: NDArray[Any], decoded: NDArray[Any], *, free: NDArray[np.bool_] | bool = False
) -> bool:
    """Whether two arrays of one dtype are equal bit for bit where they are not free to differ.

    Unlike ``==``, this tells -0.0 from 0.0 and one NaN from another.

    Parameters
    ----------
    original, decoded : ndarray
        Arrays of one shape and dtype.
    free : ndarray of bool, or bool
        The cells that may differ, broadcastable to the arrays.

    Examples
    --------
    >>> same_bits(np.array([0.0]), np.array([-0.0]))
    False
    """
    unsigned = f"u{original.dtype.itemsize}"
    return all(
        bool(((before.view(unsigned) == after.view(unsigned)) | where).all())
        for before, after, where in _parts(original, decoded, free)
    )


def missing_changed(
    original: NDArray[Any], decoded: NDArray[Any], *, valid: NDArray[np.bool_] | None = None
) -> int:
    """Count the missing cells that did not come back as they were.

    NaN counts as equal to NaN, whatever its payload bits; the two infinities are different cells.

    Parameters
    ----------
    original, decoded : ndarray
        Arrays of one shape.
    valid : ndarray of bool, optional
        The cells that are not missing; the finite cells of `original` unless given.

    Returns
    -------
    int

    Examples
    --------
    >>> missing_changed(np.array([np.nan, -np.inf, 1.0]), np.array([np.nan, 0.0, 2.0]))
    1
    """
    _check_shapes(original, decoded)
    missing = ~(valid_cells(original) if valid is None else valid)
    before, after = original[missing], decoded[missing]
    return int(np.count_nonzero((before != after) & ~(np.isnan(before) & np.isnan(after))))


def ssim(
    original: NDArray[Any],
    decoded: NDArray[Any],
    *,
    valid: NDArray[np.bool_] | None = None,
    data_range: float | None = None,
) -> float:
    """Structural similarity, averaged over all planes.

    The planes are the last two axes. Missing cells take the plane's mean in both arrays, so that
    the windows around them stay defined, and are left out of the average.

    Parameters
    ----------
    original, decoded : ndarray, shape (..., Y, X)
        Arrays of one shape with at least two axes.
    valid : ndarray of bool, optional
        The cells that count; the finite cells of `original` unless given.
    data_range : float, optional
        Largest minus smallest value, where `original` is a part of what it is to be judged against;
        the range of its cells that count unless given.

    Returns
    -------
    float
        1.0 for equal arrays; NaN where no plane is at least 3 x 3 or no cell counts.

    Raises
    ------
    ImportError
        If scikit-image is not installed.

    References
    ----------
    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to
    structural similarity", IEEE Transactions on Image Processing 13 (2004). Here with
    scikit-image's uniform window of 7 x 7 cells.
    """
    _check_shapes(original, decoded)
    valid = valid_cells(original) if valid is None else valid
    shorter_side = min(original.shape[-2:]) if original.ndim > 1 else 0
    if shorter_side < 3 or not valid.any():
        return float("nan")
    window = min(SSIM_WINDOW, shorter_side - 1 + shorter_side % 2)
    if data_range is None:
        measured = original[valid]
        data_range = float(measured.max()) - float(measured.min())
    # A constant cube has no range to scale by; any positive one makes equal planes score 1.
    data_range = data_range or 1.0
    before, after, seen = (
        np.reshape(array, (-1, *original.shape[-2:])) for array in (original, decoded, valid)
    )
    total = sum(
        _ssim_of_plane(before[i], after[i], seen[i], data_range, window) for i in range(len(seen))
    )
    return float(total / np.count_nonzero(valid))


def spectral_angle(
    original: NDArray[Any],
    decoded: NDArray[Any],
    *,
    band_axis: int,
    valid: NDArray[np.bool_] | None = None,
) -> float:
    """Mean angle in degrees between the spectra of a pixel before and after.

    Blind to a change of brightness, which scales a spectrum, and sensitive to a change of colour,
    which turns it. Computed as ``2 atan2(|u - v|, |u + v|)`` of the unit spectra: the arc cosine of
    their product loses all angles below 1e-6 degrees.

    Parameters
    ----------
    original, decoded : ndarray
        Arrays of one shape.
    band_axis : int
        The axis that holds a pixel's spectrum.
    valid : ndarray of bool, optional
        The cells that count; the finite cells of `original` unless given. A pixel counts where all
        of its bands do and neither spectrum is zero throughout.

    Returns
    -------
    float
        NaN where no pixel counts.

    References
    ----------
    Kruse et al., "The spectral image processing system (SIPS)", Remote Sensing of Environment 44
    (1993). The form is from "Mangled angles" in Kahan, "How futile are mindless assessments of
    roundoff in floating-point computation?" (2006).

    Examples
    --------
    >>> spectral_angle(np.array([[1.0, 0.0]]), np.array([[1.0, 1.0]]), band_axis=1)
    45.0
    """
    _check_shapes(original, decoded)
    valid = valid_cells(original) if valid is None else valid
    complete = valid.all(axis=band_axis)
    before, after = (
        np.moveaxis(array, band_axis, -1)[complete].astype(np.float64)
        for array in (original, decoded)
    )  # each of shape (pixels, bands)
    lengths = np.linalg.norm(before, axis=-1), np.linalg.norm(after, axis=-1)
    seen = (lengths[0] > 0.0) & (lengths[1] > 0.0)
    if not seen.any():
        return float("nan")
    u, v = (
        spectra[seen] / length[seen, np.newaxis]
        for spectra, length in zip((before, after), lengths, strict=True)
    )
    angles = 2.0 * np.arctan2(np.linalg.norm(u - v, axis=-1), np.linalg.norm(u + v, axis=-1))
    return float(np.degrees(angles.mean()))


def bits_per_pixel_per_band(stored_bytes: int, cells: int) -> float:
    """Bits stored for one cell, that is for one band of one pixel of one date.

    Parameters
    ----------
    stored_bytes : int
        Size of the encoded array.
    cells : int
        Number of its cells, missing ones included.

    Returns
    -------
    float

    Examples
    --------
    >>> bits_per_pixel_per_band(1000, cells=4000)
    2.0
    """
    return 8.0 * stored_bytes / cells


def compression_ratio(raw_bytes: int, stored_bytes: int) -> float:
    """Raw bytes over stored bytes.

    Parameters
    ----------
    raw_bytes, stored_bytes : int
        Of the array uncompressed, in the dtype that it is stored in, and of what is stored.

    Returns
    -------
    float
        Infinite where nothing was stored, as for an array of fill values alone.

    Examples
    --------
    >>> compression_ratio(1000, 125)
    8.0
    """
    return raw_bytes / stored_bytes if stored_bytes else float("inf")


def _check_shapes(original: NDArray[Any], decoded: NDArray[Any]) -> None:
    if original.shape != decoded.shape:
        raise ValueError(
            f"original and decoded must have one shape, got {original.shape} and {decoded.shape}"
        )


_Part = tuple["NDArray[Any]", "NDArray[Any]", "NDArray[np.bool_]"]


def _parts(
    original: NDArray[Any], decoded: NDArray[Any], valid: NDArray[np.bool_] | bool | None
) -> Iterator[_Part]:
    """Both arrays and the cells that count, a few indices of the first dimension at a time."""
    _check_shapes(original, decoded)
    where = np.broadcast_to(valid_cells(original) if valid is None else valid, original.shape)
    before, after, where = np.atleast_1d(integer_view(original), integer_view(decoded), where)
    count = max(1, _PART_CELLS * len(before) // max(1, before.size))
    for i in range(0, len(before), count):
        yield before[i : i + count], after[i : i + count], where[i : i + count]


def _absolute_errors(before: NDArray[Any], after: NDArray[Any]) -> NDArray[Any]:
    """Absolute differences, infinite where one is not a number.

    Among 64-bit integers, which doubles cannot tell apart, in uint64: modulo 2**64 the larger minus
    the smaller is right.
    """
    if before.dtype == after.dtype and before.dtype.kind in "iu" and before.dtype.itemsize == 8:
        with np.errstate(over="ignore"):
            gap: NDArray[Any] = before.astype(np.uint64) - after.astype(np.uint64)
            return np.where(before > after, gap, -gap)
    with np.errstate(invalid="ignore", over="ignore"):
        errors: NDArray[Any] = np.subtract(before, after, dtype=np.float64)
    np.abs(errors, out=errors)
    np.copyto(errors, np.inf, where=np.isnan(errors))
    return errors


def _relative_errors(before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.float64]:
    """Absolute differences as fractions of the first; infinite where a zero changed."""
    errors = _absolute_errors(before, after).astype(np.float64, copy=False)
    with np.errstate(invalid="ignore", over="ignore", under="ignore", divide="ignore"):
        return np.where(errors == 0, 0.0, errors / np.abs(before.astype(np.float64)))


def _ssim_of_plane(
    original: NDArray[Any],
    decoded: NDArray[Any],
    valid: NDArray[np.bool_],
    data_range: float,
    window: int,
) -> float:
    """Sum the SSIM of one plane over its valid cells."""
    try:
        from skimage import metrics
    except ImportError as error:
        raise ImportError("ssim needs scikit-image: pip install scikit-image") from error
    if not valid.any():
        return 0.0
    # By a power of two, which changes no figure, so that squares are within the doubles.
    measured = original[valid].astype(np.float64)
    exponent = -math.frexp(max(data_range, float(np.abs(measured).max())))[1]
    mean = np.ldexp(measured, exponent).mean()
    before, after = (
        np.where(valid, np.ldexp(array.astype(np.float64), exponent), mean)
        for array in (original, decoded)
    )
    data_range = math.ldexp(data_range, exponent)
    structural_similarity: Any = metrics.structural_similarity  # which has no types
    _, similarity = structural_similarity(
        before, after, win_size=window, data_range=data_range, full=True
    )
    return float(similarity[valid].sum())
