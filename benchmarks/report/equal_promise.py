"""What a codec and its peers take of processor time and bytes, chunk by chunk, at one promise.

At a PSNR, a peer gets the setting of fewest bits that reaches it on the chunk, found beforehand:
the search costs it nothing, which favours it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray
from peers import Exact, Peer, bounded_peers, jpeg2000, lossless_peers, sperr_at
from recipe import Recipe

from numcodecs_video.metrics import (
    largest_error,
    missing_changed,
    psnr,
    same_bits,
    valid_cells,
    value_range,
)

BOUNDED = ("SZ3", "SPERR", "ZFP", "quantising + JPEG XL")
EXACT = ("Zarr's default", "Blosc zstd 9 bitshuffle", "pcodec", "JPEG XL")
HALVINGS = 7  #: of a scale, to find the setting of a PSNR


@dataclass(frozen=True)
class Promise:
    """A largest error, no loss (of value 0), or a PSNR in dB of each chunk's valid range."""

    kind: Literal["max_error", "lossless", "psnr"]
    value: float

    @property
    def words(self) -> dict[str, float]:
        """What our codec is told."""
        return {} if self.kind == "lossless" else {self.kind: self.value}

    def peers(self, chunk: NDArray[Any], nodata: float | None) -> Iterator[Peer | Exact]:
        """Peers that keep it on a chunk, as far as they take its dtype."""
        if self.kind == "lossless":
            yield from (peer for peer in lossless_peers(chunk) if peer.name in EXACT)
        elif self.kind == "max_error":
            # Integers come back rounded, so whole counts are what a peer may use of a bound.
            bound = math.floor(self.value) if chunk.dtype.kind in "iu" else self.value
            found = bounded_peers(bound, chunk, nodata)
            yield from (peer for peer in found if peer.name in BOUNDED)
        else:
            yield from _peers_at(self.value, chunk, nodata)

    def broken_by(
        self, chunk: NDArray[Any], found: NDArray[Any], nodata: float | None
    ) -> str | None:
        """What a decoded chunk is instead of what was promised; None where it was kept."""
        if self.kind == "lossless":
            return None if same_bits(chunk, found) else "bits differ"
        valid = valid_cells(chunk, nodata=nodata)
        if missing_changed(chunk, found, valid=valid):
            return "missing cells differ"
        if self.kind == "max_error":
            error = largest_error(chunk, found, valid=valid)
            return None if error <= self.value else f"an error of {error / self.value:.4g} bounds"
        reached = psnr(chunk, found, valid=valid)
        return None if reached >= self.value else f"{reached:.2f} dB"


def _peers_at(decibels: float, chunk: NDArray[Any], nodata: float | None) -> Iterator[Peer]:
    """SPERR, JPEG 2000 a date at a time, and xarrayvideo's recipe at a PSNR."""
    span = value_range(chunk, valid_cells(chunk, nodata=nodata)) or 1.0

    def recipe(quality: float) -> Peer:
        # The library counts qualities downwards, from the third on without steps.
        coder = Recipe("libx265", 9.0 - quality, 12, info=False)
        return Peer(coder, "", nodata, fills=False)

    yield _least(lambda level: Peer(sperr_at(level, span), "", nodata), 10, 70, chunk, decibels)
    yield _least(lambda level: Peer(jpeg2000(level), "", nodata), 20, 90, chunk, decibels)
    yield _least(recipe, 2, 7, chunk, decibels)


def _least(
    make: Callable[[float], Peer], low: float, high: float, chunk: NDArray[Any], decibels: float
) -> Peer:
    """The peer of the least setting that reaches a PSNR; that of the highest where none does."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        peer = make(middle)
        try:
            found = peer.decode(peer.encode(chunk))
        except Exception:  # noqa: BLE001 - it fails again where it is measured, which names it
            return peer
        reached = psnr(chunk, found, valid=valid_cells(chunk, nodata=peer.nodata)) >= decibels
        low, high = (low, middle) if reached else (middle, high)
    return make(high)


@dataclass(frozen=True)
class Figures:
    """Bytes, MB/s of encoding and decoding by processor time, and what was broken of a promise."""

    size: int
    encode: float
    decode: float
    broken: str | None


def measure(
    codecs: Sequence[Any],
    chunks: Sequence[NDArray[Any]],
    promise: Promise,
    nodata: float | None,
    *,
    tune: bool = False,
) -> Figures:
    """Encode and decode each chunk by its codec, all by the first one tuned if wanted."""
    start = time.process_time()
    if tune:
        codecs = [codecs[0].tune(chunks)] * len(chunks)
    payloads = [codec.encode(chunk) for codec, chunk in zip(codecs, chunks, strict=True)]
    encoded = time.process_time()
    decoded = [codec.decode(payload) for codec, payload in zip(codecs, payloads, strict=True)]
    done = time.process_time()
    broken = [
        what
        for chunk, found in zip(chunks, decoded, strict=True)
        if (what := promise.broken_by(chunk, found, nodata))
    ]
    megabytes = sum(chunk.nbytes for chunk in chunks) / 1e6
    return Figures(
        sum(map(len, payloads)),
        megabytes / max(encoded - start, 1e-6),
        megabytes / max(done - encoded, 1e-6),
        ", ".join(broken) or None,
    )
