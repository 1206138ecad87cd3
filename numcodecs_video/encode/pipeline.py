"""An array to a payload: a strategy for the promise, every offer verified, the smallest kept."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.coders import find_coder
from numcodecs_video.config import Settings, UnreadableSettings
from numcodecs_video.encode.bounded import encode_bounded, encode_quantised
from numcodecs_video.encode.chunk import Chunk, prepare_chunk
from numcodecs_video.encode.distortion import encode_to_distortion
from numcodecs_video.encode.encoded import Ranked
from numcodecs_video.encode.exact import encode_exactly
from numcodecs_video.encode.similarity import similarity_order
from numcodecs_video.encode.target import target_of
from numcodecs_video.encode.verify import verified_payload
from numcodecs_video.errors import VideoCodecError
from numcodecs_video.progress import checking, following, up_to

__all__ = ["check_settings", "encode_chunk"]


def encode_chunk(array: NDArray[Any], settings: Settings | UnreadableSettings) -> bytes:
    """Encode an array of any shape as one payload that keeps the promise.

    Parameters
    ----------
    array : ndarray
        Booleans, integers, floats, datetimes or timedeltas, in any byte order and strides.
    settings : Settings
        Those that this version cannot read are refused.

    Raises
    ------
    TypeError
        When the dtype is none of these; the message says what to do.
    VideoCodecError
        When the settings do not fit the array, or this PyAV lacks the encoder.
    """
    settings = check_settings(settings)
    # What a caller made of floating-point faults is no matter of an encode, nor changed by it.
    with np.errstate(all="ignore"), following(array.nbytes):
        return _encode_chunk(prepare_chunk(array, settings))


def _encode_chunk(chunk: Chunk) -> bytes:
    payloads: list[bytes] = []
    if chunk.axes:
        orders = _orders(chunk)
        for number, order in enumerate(orders):
            up_to((number + 1) / len(orders))
            best = _smallest(order)
            payloads += [] if best is None else [best]
    if not payloads:
        exact = verified_payload(chunk, encode_exactly(chunk))
        if exact is None:  # pragma: no cover - Zstandard would have to fail
            raise VideoCodecError(f"no coder keeps {chunk.settings.fidelity} for this chunk")
        payloads.append(exact)
    return min(payloads, key=len)


def _orders(chunk: Chunk) -> list[Chunk]:
    """The chunk, and at the highest effort also with similar frames next to each other."""
    if not chunk.effort.reorder or len(chunk.cube) < 3:
        return [chunk]
    order = similarity_order(chunk.cube, chunk.valid)
    return [chunk, chunk.reorder(order)]


def _smallest(chunk: Chunk) -> bytes | None:
    """The smallest of the first payloads that keep the promise; None when none does."""
    ranked, payloads = _encode(chunk), list[bytes]()
    for encoded in ranked.encoded:
        with checking(chunk.cube.size):
            payload = verified_payload(chunk, encoded)
        if payload is not None:
            payloads.append(payload)
        if len(payloads) >= ranked.keep:
            break
    return min(payloads, key=len, default=None)


def _encode(chunk: Chunk) -> Ranked:
    """What the strategy of the chunk's fidelity offers."""
    target = target_of(chunk)
    if target.rmse:
        return encode_to_distortion(chunk, target.rmse, target.slack)
    if chunk.settings.fidelity.kind == "qp" and not target.lossless:
        return encode_quantised(chunk, int(chunk.settings.fidelity.value))
    return encode_bounded(chunk, target.bound)


def check_settings(settings: Settings | UnreadableSettings) -> Settings:
    """Refuse settings that no chunk can be encoded with, before any work; else give them back.

    Raises
    ------
    VideoCodecError
        When options are not the codec's, or the settings came from a newer version.
    EncoderUnavailableError
        When the libraries of this process lack the encoder, or it has not this depth.
    """
    if isinstance(settings, UnreadableSettings):
        raise VideoCodecError(f"cannot encode with the stored settings: {settings.trouble}")
    if settings.codec != "auto":
        _check_coder(settings.codec, settings.bits, settings.options)
    elif settings.options:
        raise VideoCodecError("options belong to one encoder: set codec as well")
    elif settings.fidelity.kind == "qp":
        _check_coder("hevc", settings.bits, ())
    return settings


@lru_cache(maxsize=64)
def _check_coder(coder: str, bits: int | None, options: tuple[tuple[str, str], ...]) -> None:
    find_coder(coder).require(bits, options)
