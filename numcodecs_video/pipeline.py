"""An array to a payload: every candidate verified by decoding it, the smallest kept."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video import __version__
from numcodecs_video.chunk import Chunk, prepare_chunk
from numcodecs_video.coded import Coded
from numcodecs_video.config import BandBasis, Settings
from numcodecs_video.decoding import decode_chunk
from numcodecs_video.distortion import plan_distortion
from numcodecs_video.errors import DecodeError, VideoCodecError
from numcodecs_video.exact import code_exactly
from numcodecs_video.header import Header, Missing, Promise
from numcodecs_video.payload import pack
from numcodecs_video.quantise import rmse_of_psnr, value_range
from numcodecs_video.realised import (
    largest_error,
    largest_relative_error,
    parts,
    root_mean_square_error,
)
from numcodecs_video.search import Plan, plan_bounded, plan_quantised
from numcodecs_video.similarity import similarity_order
from numcodecs_video.trials import attempt

__all__ = ["check_settings", "encode_chunk"]

#: how far below its target the mean square error may fall: 10 % of the RMSE, 0.5 dB of the PSNR
_RMSE_SLACK, _PSNR_SLACK = 0.82, 0.9
#: the effort from which frames are also tried in another order
_REORDER_FROM = 9
#: the error that each fidelity bounds
_MEASURES = {
    "max_error": largest_error,
    "max_relative_error": largest_relative_error,
    "rmse": root_mean_square_error,
    "psnr": root_mean_square_error,
}


def encode_chunk(array: NDArray[Any], settings: Settings) -> bytes:
    """Encode an array of any shape as one payload that keeps the promise.

    Parameters
    ----------
    array : ndarray
        Booleans, integers, floats, datetimes or timedeltas, in any byte order and strides.
    settings : Settings

    Raises
    ------
    TypeError
        When the dtype is none of these; the message says what to do.
    VideoCodecError
        When the settings do not fit the array, or this PyAV lacks the encoder.
    """
    check_settings(settings)
    chunk = prepare_chunk(array, settings)
    payloads: list[bytes] = []
    if chunk.axes:
        payloads = [best for order in _orders(chunk) if (best := _smallest(order)) is not None]
    if not payloads:
        exact = _verified(chunk, code_exactly(chunk))
        if exact is None:  # pragma: no cover - Zstandard would have to fail
            raise VideoCodecError(f"no coder keeps {settings.fidelity} for this chunk")
        payloads.append(exact)
    return min(payloads, key=len)


def _orders(chunk: Chunk) -> list[Chunk]:
    """The chunk, and at the highest effort also with similar frames next to each other."""
    if chunk.settings.effort < _REORDER_FROM or len(chunk.cube) < 3:
        return [chunk]
    order = similarity_order(chunk.cube, chunk.valid)
    return [chunk, chunk.reorder(order)]


def _smallest(chunk: Chunk) -> bytes | None:
    """The smallest payload of the best candidates that keep the promise; None when none does."""
    plan, payloads = _plan(chunk), list[bytes]()
    for candidate in plan.candidates:
        payload = _verified(chunk, attempt(candidate, plan.work))
        if payload is not None:
            payloads.append(payload)
        if len(payloads) >= plan.make:
            break
    return min(payloads, key=len, default=None)


def _plan(chunk: Chunk) -> Plan:
    """The candidates for the chunk's fidelity."""
    kind, value = chunk.settings.fidelity.kind, chunk.settings.fidelity.value
    if kind == "lossless" or chunk.array.dtype.kind in "bmM":
        return plan_bounded(chunk, 0)
    if kind in ("max_error", "max_relative_error"):
        # Relative bounds on integers would round to nothing at small counts: they stay exact.
        floats = chunk.cube.dtype.kind == "f"
        return plan_bounded(chunk, value if floats or kind == "max_error" else 0)
    if kind == "qp":
        return plan_quantised(chunk, int(value))
    span = value_range(chunk.cube, chunk.valid)
    # A constant has no more error than the range; below the smallest double lies lossless.
    rmse = min(value, span) if kind == "rmse" else rmse_of_psnr(value, span)
    slack = _RMSE_SLACK if kind == "rmse" else _PSNR_SLACK
    return plan_distortion(chunk, rmse, slack) if rmse else plan_bounded(chunk, 0)


def check_settings(settings: Settings) -> None:
    """Refuse settings that no chunk can be encoded with, before any work.

    Raises
    ------
    VideoCodecError
        When options are not the codec's, or the settings came from a newer version.
    EncoderUnavailableError
        When this PyAV lacks the encoder at this depth, or this imagecodecs JPEG 2000.
    """
    if settings.trouble:
        raise VideoCodecError(f"cannot encode with the stored settings: {settings.trouble}")
    if settings.codec != "auto":
        _check_coder(settings.codec, settings.bits, settings.options)
    elif settings.options:
        raise VideoCodecError("options belong to one encoder: set codec as well")


@lru_cache(maxsize=64)
def _check_coder(coder: str, bits: int | None, options: tuple[tuple[str, str], ...]) -> None:
    from numcodecs_video.streams import ffmpeg, jpeg2k
    from numcodecs_video.streams.options import check_options

    if coder in jpeg2k.DEPTHS:
        jpeg2k.require(coder)
        return
    check_options(coder, dict(options))
    ffmpeg.require_depth(coder, bits)


def _verified(chunk: Chunk, coded: Coded | None) -> bytes | None:
    """The payload of what a candidate made, if its decoded array keeps the promise; else None.

    Encoders have faults (libx265 codes some picture widths wrongly), so nothing is believed that
    has not been decoded.
    """
    if coded is None:
        return None
    header = _header(chunk, coded, 0.0)
    try:
        realised = _realised(chunk, decode_chunk(pack(header, coded.sections)))
    except DecodeError:
        return None
    if realised is None:
        return None
    return pack(_header(chunk, coded, realised), coded.sections)


def _header(chunk: Chunk, coded: Coded, realised: float) -> Header:
    fidelity, missing = chunk.settings.fidelity, chunk.missing
    masked = any(layer.kind == "missing" for layer in coded.layers)
    return Header(
        dtype=chunk.array.dtype.str,
        shape=chunk.array.shape,
        order=chunk.order,
        axes=chunk.axes,
        segment_frames=len(chunk.segments[0]),
        layers=coded.layers,
        values=coded.values,
        transform=coded.transform,
        missing=Missing(missing.patterns, missing.shared) if missing and masked else None,
        promise=Promise(fidelity.kind, float(fidelity.value), realised),
        writer=_versions(),
        candidate=coded.name,
        basis=_basis_digest(chunk, coded),
        frame_order=chunk.frame_order if coded.sections else (),
    )


def _basis_digest(chunk: Chunk, coded: Coded) -> bytes:
    pca = chunk.settings.pca
    return pca.digest if isinstance(pca, BandBasis) and coded.transform.weights else b""


@lru_cache(maxsize=1)
def _versions() -> tuple[tuple[int, ...], ...]:
    """Versions of this package, PyAV, libavcodec and imagecodecs, as far as they are numbers."""
    import imagecodecs

    from numcodecs_video.streams import ffmpeg

    own, images = (
        tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
        for version in (__version__, imagecodecs.__version__)
    )
    return (own, *ffmpeg.library_versions(), images)


def _realised(chunk: Chunk, decoded: NDArray[Any]) -> float | None:
    """The realised error in the promise's own terms, or None when the promise is broken."""
    array = chunk.array
    if decoded.shape != array.shape or decoded.dtype != array.dtype:
        return None
    fidelity = chunk.settings.fidelity
    if fidelity.kind == "lossless" or array.dtype.kind in "bmM":
        return 0.0 if _same_bits(array, decoded, False) else None
    valid = _valid_cells(array, chunk.settings)
    if not _same_bits(array, decoded, valid):
        return None
    if fidelity.kind == "qp":
        return math.nan
    error = _MEASURES[fidelity.kind](array, decoded, valid)
    if fidelity.kind != "psnr":
        return error if error <= fidelity.value else None
    span = value_range(chunk.cube, chunk.valid)
    psnr = math.inf if error == 0 else 20 * math.log10(span / error) if span else math.inf
    return psnr if psnr >= fidelity.value else None


def _valid_cells(array: NDArray[Any], settings: Settings) -> NDArray[np.bool_]:
    """Cells that are neither non-finite nor nodata, found anew and without the class map."""
    valid = np.isfinite(array) if array.dtype.kind == "f" else np.ones(array.shape, bool)
    if settings.nodata is not None:
        valid &= array != settings.nodata
    return valid


def _same_bits(a: NDArray[Any], b: NDArray[Any], free: NDArray[np.bool_] | bool) -> bool:
    """Whether two arrays are equal bit for bit where they are not free to differ."""
    unsigned = f"u{a.dtype.itemsize}"
    return all(
        bool(((x.view(unsigned) == y.view(unsigned)) | f).all()) for x, y, f in parts(a, b, free)
    )
