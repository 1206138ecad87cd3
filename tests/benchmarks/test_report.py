"""The benchmark report runs from end to end on a cube of one's own."""

from __future__ import annotations

import csv
import importlib
import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

REPORT = Path(__file__).parents[2] / "benchmarks" / "report"


@pytest.mark.slow
@pytest.mark.skipif(not REPORT.exists(), reason="needs the checkout's benchmarks")
def test_report_on_a_small_cube(tmp_path):
    """All peers run, keep what they promise, and land in the page, the CSV and the JSON."""
    noise = np.random.default_rng(3).normal(0, 0.2, (6, 2, 24, 40))
    y, x = np.mgrid[:24, :40]
    values = (20 + 5 * np.sin(x / 6) * np.cos(y / 5) + noise).astype("float32")
    values[2:4, :, 5:9, 5:9] = np.nan
    source, out = tmp_path / "small.nc", tmp_path / "out"
    xr.Dataset({"t": (("time", "level", "y", "x"), values)}).to_netcdf(source)
    parts = ["rate", "bounded", "lossless"]
    done = subprocess.run(
        [
            sys.executable,
            REPORT,
            *parts,
            "--quick",
            "--effort",
            "1",
            "--cube",
            source,
            "--out",
            out,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    page = (out / "report.md").read_text(encoding="utf-8")
    assert "NO" not in page
    assert "small t 6×2×24×40 float32" in page
    assert codecs_of(out / "rate.csv") >= {
        "VideoCodec", "xarrayvideo x265 12 bit", "xarrayvideo x265 12 bit PCA 2",
        "xarrayvideo VP9 8 bit", "JPEG 2000 16 bit", "JPEG XL", "SZ3", "SPERR", "ZFP",
    }  # fmt: skip
    assert codecs_of(out / "bounded.csv") == {
        "VideoCodec", "SZ3", "SPERR", "ZFP", "quantising + pcodec", "quantising + JPEG XL",
        "bit rounding + zstd",
    }  # fmt: skip
    record = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert set(record) == {"provenance", "rate", "paper", "bounded", "lossless"}


@pytest.mark.skipif(not REPORT.exists(), reason="needs the checkout's benchmarks")
def test_a_codec_counts_with_what_is_better_than_asked(monkeypatch):
    """At its coarsest point or without loss, where no points lie on either side."""
    monkeypatch.syspath_prepend(str(REPORT))
    rate = importlib.import_module("rate")
    found = [(40, 0.1), (50, 0.4), (math.inf, 0.9), (60, 1.5)]
    points = [
        SimpleNamespace(
            codec="some",
            evaluation=SimpleNamespace(psnr=db, bits_per_pixel_per_band=bits, stored_bytes=bits),
        )
        for db, bits in found
    ]
    curve = rate.curves_of(points)["some"]
    assert [e.psnr for e in curve] == [40, 50, math.inf]
    assert rate.bits_at(curve, 45) == pytest.approx(0.2)
    assert (rate.bits_at(curve, 30), rate.bits_at(curve, 55)) == (0.1, 0.9)
    assert rate.bits_at(curve[:2], 55) is None
    assert rate.quality_at(curve, 0.2) == pytest.approx(45)
    assert rate.quality_at(curve, 0.8) is None


def codecs_of(path: Path) -> set[str]:
    """The codecs that a part measured."""
    with open(path, encoding="utf-8") as file:
        return {row["codec"] for row in csv.DictReader(file)}
