"""The ladder of efforts runs with its peers on a store of one's own, and sees a broken promise."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="needs the checkout's benchmarks")


@pytest.fixture
def promise_of(monkeypatch):
    """The class of promises that the ladder checks."""
    monkeypatch.syspath_prepend(str(BENCHMARKS / "report"))
    return importlib.import_module("equal_promise").Promise


@pytest.mark.parametrize(
    ("kind", "value", "change", "said"),
    [
        ("lossless", 0.0, 0.0, None),
        ("lossless", 0.0, 1e-3, "bits differ"),
        ("max_error", 0.25, 0.25, None),
        ("max_error", 0.25, 0.5, "an error of 2 bounds"),
        ("psnr", 45.0, 0.25, None),
        ("psnr", 45.0, 1.0, "42.08 dB"),
    ],
)
def test_a_broken_promise_is_named(promise_of, kind, value, change, said):
    chunk = np.arange(4 * 4 * 8, dtype="float64").reshape(4, 4, 8)
    assert promise_of(kind, value).broken_by(chunk, chunk + change, None) == said


def test_a_changed_missing_cell_is_named(promise_of):
    chunk = np.ones((2, 4, 4), np.float32)
    chunk[0, 0, 0] = np.nan
    found = np.ones_like(chunk)
    assert promise_of("max_error", 1.0).broken_by(chunk, found, None) == "missing cells differ"


@pytest.mark.slow
def test_peers_stand_beside_efforts(tmp_path):
    """Each promise has a row an effort and a row a peer, and nobody breaks it."""
    noise = np.random.default_rng(3).normal(0, 3, (8, 64, 96))
    y, x = np.mgrid[:64, :96]
    values = (900 + 200 * np.sin(x / 9) * np.cos(y / 7) + noise).astype("uint16")
    store = tmp_path / "hela_fluorescence.zarr"
    xr.Dataset({"img": (("time", "y", "x"), values)}).to_zarr(store, zarr_format=2)
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "ladder.py", "--efforts", "1", "--folder", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "BROKEN" not in done.stdout
    assert "left out" not in done.stdout
    tables = done.stdout.split("hela_fluorescence img")[1:]
    assert len(tables) == 3
    named = [
        ("SZ3", "SPERR", "ZFP", "quantising + JPEG XL"),
        ("Zarr's default", "Blosc zstd 9 bitshuffle", "pcodec", "JPEG XL"),
        ("SPERR", "JPEG 2000 16 bit", "xarrayvideo x265 12 bit (info=0)"),
    ]
    for table, peers in zip(tables, named, strict=True):
        for name in ("effort 1", "effort 5", *peers):
            assert name in table
