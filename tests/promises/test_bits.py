"""Gates on bytes: payloads do not change by accident, nor grow by more than one per cent.

Bytes depend on the versions of the coders, so ``tests/data/bits.json`` (sizes) and
``tests/data/digests.json`` (SHA-256, shortened) hold an entry for each set of versions that they
were made with, and other sets skip. A change that moves bytes on purpose renews the entries of the
present versions, and its commit shows what moved and by how much::

    python -m tests.promises.test_bits
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from numcodecs_video import Jpeg2kCodec, VideoCodec, synthetic
from tests.data import make_fixtures

pytestmark = pytest.mark.xdist_group("bits")  # so that one process encodes each case once
BASELINE = Path(__file__).parents[1] / "data" / "bits.json"
DIGESTS = BASELINE.with_name("digests.json")
GROWTH = 1.01
VERSIONS = ", ".join(
    f"{name} {version(name)}" for name in ("av", "imagecodecs", "numcodecs", "numpy")
)
SIZES = {"height": 40, "width": 48}


def _land() -> np.ndarray:
    return synthetic.sentinel2_like(times=8, **SIZES)


def _clouds() -> np.ndarray:
    return (_land()[:, 0] > 3000).astype(np.uint8)


def _air() -> np.ndarray:
    return synthetic.era5_like(times=8, **SIZES)


def _rain() -> np.ndarray:
    return synthetic.radar_like(times=12, **SIZES)


def _nuclei() -> np.ndarray:
    return synthetic.microscopy_like(times=8, **SIZES)


NODATA = {"nodata": synthetic.NODATA}
CASES = {
    "Sentinel-2-like, lossless": (_land, VideoCodec(**NODATA)),
    "Sentinel-2-like, ±20": (_land, VideoCodec(max_error=20, **NODATA)),
    "Sentinel-2-like, ±20, effort 1": (_land, VideoCodec(max_error=20, effort=1, **NODATA)),
    "Sentinel-2-like, 45 dB": (_land, VideoCodec(psnr=45, **NODATA)),
    "Sentinel-2-like, 45 dB, JPEG 2000": (_land, Jpeg2kCodec(psnr=45, **NODATA)),
    "Sentinel-2-like clouds, lossless": (_clouds, VideoCodec()),
    "ERA5-like, lossless": (_air, VideoCodec()),
    "ERA5-like, ±0.1 K": (_air, VideoCodec(max_error=0.1)),
    "ERA5-like, RMSE 0.05 K": (_air, VideoCodec(rmse=0.05)),
    "radar-like, lossless": (_rain, VideoCodec()),
    "radar-like, ±0.2 mm/h": (_rain, VideoCodec(max_error=0.2)),
    "microscopy-like, lossless": (_nuclei, VideoCodec()),
    "microscopy-like, ±10": (_nuclei, VideoCodec(max_error=10)),
}


@cache
def _payload(name: str) -> bytes:
    draw, codec = CASES[name]
    return codec.encode(draw())


@pytest.mark.parametrize("name", CASES)
def test_payloads_do_not_grow(name):
    """Every case takes at most one per cent more bytes than when its baseline was made."""
    baseline = json.loads(BASELINE.read_text(encoding="utf-8")).get(VERSIONS)
    if baseline is None:
        pytest.skip(f"no baseline for {VERSIONS}: make one with python -m tests.promises.test_bits")
    assert len(_payload(name)) <= GROWTH * baseline[name]


def test_the_baseline_knows_every_case():
    """An entry was renewed since the cases last changed."""
    for versions, sizes in json.loads(BASELINE.read_text(encoding="utf-8")).items():
        assert sizes.keys() == CASES.keys(), (
            f"renew {versions} with python -m tests.promises.test_bits"
        )


def _digests() -> dict[str, str]:
    """What the arrays of the fixtures and of the cases above become."""
    payloads = {name: _payload(name) for name in CASES}
    for name, codec, array in make_fixtures.cases():
        payloads[name] = codec.encode(array)
    return {name: hashlib.sha256(payload).hexdigest()[:16] for name, payload in payloads.items()}


def test_the_same_arrays_become_the_same_bytes():
    """A change of bytes is a decision, and shows in the digests."""
    expected = json.loads(DIGESTS.read_text(encoding="utf-8")).get(VERSIONS)
    if expected is None:
        pytest.skip(f"no digests for {VERSIONS}: python -m tests.promises.test_bits makes them")
    found = _digests()
    assert sorted(found) == sorted(expected)
    assert {name for name in found if found[name] != expected[name]} == set()


def renew() -> None:
    """Measure all cases, print what changed, and write the entries of these versions."""
    entries = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
    before = entries.get(VERSIONS, {})
    entries[VERSIONS] = {name: len(_payload(name)) for name in CASES}
    for name, size in entries[VERSIONS].items():
        change = f"{100 * (size / before[name] - 1):+.2f} %" if name in before else "new"
        print(f"{name}: {size} bytes, {change}")
    _write(BASELINE, entries)
    entries = json.loads(DIGESTS.read_text(encoding="utf-8")) if DIGESTS.exists() else {}
    before, entries[VERSIONS] = entries.get(VERSIONS, {}), _digests()
    changed = [name for name, digest in entries[VERSIONS].items() if before.get(name) != digest]
    print(f"other bytes: {', '.join(changed) or 'none'}")
    _write(DIGESTS, entries)


def _write(path: Path, entries: dict) -> None:
    path.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    renew()
