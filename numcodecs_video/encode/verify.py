"""An encoded chunk to a payload, if its decoded array keeps the promise.

Encoders have faults (libx265 codes some picture sizes wrongly), so nothing is believed that has not
been decoded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video import __version__
from numcodecs_video.config import BandBasis
from numcodecs_video.decode.chunk import decode_chunk
from numcodecs_video.encode.chunk import Chunk
from numcodecs_video.encode.encoded import EncodedChunk
from numcodecs_video.encode.layers import encode_missing
from numcodecs_video.errors import DecodeError
from numcodecs_video.format.header import Header, Layer, Missing, Promise
from numcodecs_video.format.payload import pack
from numcodecs_video.metrics import (
    largest_error,
    largest_relative_error,
    psnr,
    rmse,
    same_bits,
    valid_cells,
)
from numcodecs_video.transform.cube import to_cube
from numcodecs_video.transform.missing import add_classes

__all__ = ["spare_sentinels", "verified_payload", "writer_versions"]

#: what is measured for each fidelity
_MEASURES = {
    "max_error": largest_error,
    "max_relative_error": largest_relative_error,
    "rmse": rmse,
    "psnr": psnr,
}


def verified_payload(chunk: Chunk, encoded: EncodedChunk) -> bytes | None:
    """The payload of an encoded chunk; None when its decoded array breaks the promise."""
    try:
        decoded = decode_chunk(pack(_header(chunk, encoded, 0.0), encoded.sections))
        spared = spare_sentinels(chunk, decoded)
        if spared is not None:
            chunk, encoded = spared, encoded.without("missing").add(*_map_of(spared))
            decoded = decode_chunk(pack(_header(chunk, encoded, 0.0), encoded.sections))
    except DecodeError:
        return None
    realised = _realised(chunk, decoded)
    if realised is None:
        return None
    return pack(_header(chunk, encoded, realised), encoded.sections)


def spare_sentinels(chunk: Chunk, decoded: NDArray[Any]) -> Chunk | None:
    """Keep cells that hold a value from being decoded to a sentinel.

    Such a cell is put on the map of missing cells, with the nearest number that is no sentinel, on
    the side of its own value: it comes closer to it. Readers need to know nothing of it.

    Returns
    -------
    Chunk or None
        The chunk with those cells on its map; None when there are none.
    """
    array, sentinels = chunk.array, chunk.settings.nodata
    if chunk.settings.fidelity.kind == "lossless" or not sentinels or not chunk.axes:
        return None
    became = np.isin(decoded, np.array(sentinels).astype(decoded.dtype))
    became &= valid_cells(array, nodata=sentinels)
    if not became.any():
        return None
    where = to_cube(became, chunk.axes)
    numbers = to_cube(_nearest_others(decoded, array, sentinels), chunk.axes)
    if chunk.frame_order:
        where, numbers = where[list(chunk.frame_order)], numbers[list(chunk.frame_order)]
    return replace(chunk, missing=add_classes(chunk.missing, where, numbers))


def _nearest_others(
    decoded: NDArray[Any], original: NDArray[Any], sentinels: Sequence[float]
) -> NDArray[Any]:
    """The numbers next to the decoded ones towards the original ones that are no sentinels."""
    found, taken = decoded.copy(), np.array(sentinels).astype(decoded.dtype)
    for _ in sentinels:
        at = np.isin(found, taken)
        if decoded.dtype.kind == "f":
            found[at] = np.nextafter(found[at], original[at])
        else:
            found[at] += np.where(original[at] > found[at], 1, -1).astype(decoded.dtype)
    return found


def _map_of(chunk: Chunk) -> tuple[Layer, bytes, list[bytes]]:
    encoded = encode_missing(chunk)
    assert encoded is not None
    return encoded


def _realised(chunk: Chunk, decoded: NDArray[Any]) -> float | None:
    """The realised error in the promise's own terms, or None when the promise is broken."""
    array, settings = chunk.array, chunk.settings
    if decoded.shape != array.shape or decoded.dtype != array.dtype:
        return None
    fidelity = settings.fidelity
    if fidelity.kind == "lossless" or array.dtype.kind in "bmM":
        return 0.0 if same_bits(array, decoded) else None
    # Found anew, without the class map.
    valid = valid_cells(array, nodata=settings.nodata)
    if not same_bits(array, decoded, free=valid):
        return None
    if fidelity.kind == "qp":
        return math.nan
    figure = _MEASURES[fidelity.kind](array, decoded, valid=valid)
    kept = figure >= fidelity.value if fidelity.kind == "psnr" else figure <= fidelity.value
    return figure if kept else None


def _header(chunk: Chunk, encoded: EncodedChunk, realised: float) -> Header:
    fidelity, missing = chunk.settings.fidelity, chunk.missing
    masked = any(layer.kind == "missing" for layer in encoded.layers)
    return Header(
        dtype=chunk.array.dtype.str,
        shape=chunk.array.shape,
        order=chunk.order,
        axes=chunk.axes,
        segment_frames=len(chunk.segments[0]),
        layers=encoded.layers,
        values=encoded.values,
        transform=encoded.transform,
        missing=(
            Missing(missing.patterns, missing.shared, missing.values)
            if missing and masked
            else None
        ),
        promise=Promise(fidelity.kind, float(fidelity.value), realised),
        writer=writer_versions(),
        candidate=encoded.name,
        basis=_basis_digest(chunk, encoded),
        frame_order=chunk.frame_order if encoded.sections else (),
    )


def _basis_digest(chunk: Chunk, encoded: EncodedChunk) -> bytes:
    pca = chunk.settings.pca
    return pca.digest if isinstance(pca, BandBasis) and encoded.transform.weights else b""


@lru_cache(maxsize=1)
def writer_versions() -> tuple[tuple[int, ...], ...]:
    """Versions of this package, PyAV, libavcodec and imagecodecs, as far as they are numbers."""
    import imagecodecs

    from numcodecs_video.coders import ffmpeg

    own, images = (
        tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
        for version in (__version__, imagecodecs.__version__)
    )
    return (own, *ffmpeg.library_versions(), images)
