"""A gate on size: payloads of the synthetic cubes must not grow by more than one per cent.

Sizes depend on the versions of the coders, so ``tests/data/bits.json`` holds a baseline for each
set of versions that it was made with, and other sets skip. A change that moves sizes on purpose
renews the entry of the present versions, and its commit shows by how much::

    python tests/test_bits.py
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from numcodecs_video import Jpeg2kCodec, VideoCodec, synthetic

BASELINE = Path(__file__).parent / "data" / "bits.json"
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


def _size(name: str) -> int:
    draw, codec = CASES[name]
    return len(codec.encode(draw()))


@pytest.mark.parametrize("name", CASES)
def test_payloads_do_not_grow(name):
    """Every case takes at most one per cent more bytes than when its baseline was made."""
    baseline = json.loads(BASELINE.read_text(encoding="utf-8")).get(VERSIONS)
    if baseline is None:
        pytest.skip(f"no baseline for {VERSIONS}: make one with python tests/test_bits.py")
    assert _size(name) <= GROWTH * baseline[name]


def test_the_baseline_knows_every_case():
    """An entry was renewed since the cases last changed."""
    for versions, sizes in json.loads(BASELINE.read_text(encoding="utf-8")).items():
        assert sizes.keys() == CASES.keys(), f"renew {versions} with python tests/test_bits.py"


def renew() -> None:
    """Measure all cases, print how sizes changed, and write the entry of these versions."""
    entries = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
    before = entries.get(VERSIONS, {})
    entries[VERSIONS] = {name: _size(name) for name in CASES}
    for name, size in entries[VERSIONS].items():
        change = f"{100 * (size / before[name] - 1):+.2f} %" if name in before else "new"
        print(f"{name}: {size} bytes, {change}")
    BASELINE.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    renew()
