"""Programs that measure stores run from end to end on a small one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BENCHMARKS.exists(), reason="needs the checkout's benchmarks"),
]


@pytest.fixture
def folder(tmp_path):
    """Holds one store of a name that the programs know."""
    noise = np.random.default_rng(3).normal(0, 3, (8, 48, 64))
    y, x = np.mgrid[:48, :64]
    values = (60 + 30 * np.sin(x / 9) * np.cos(y / 7) + noise).astype("float32")
    ds = xr.Dataset({"sic": (("time", "y", "x"), values)})
    ds.to_zarr(tmp_path / "sea_ice_cmip6.zarr", zarr_format=2)
    return tmp_path


def printed_by(program: str, *arguments: object) -> str:
    """What a program prints when nothing is wrong."""
    command = [sys.executable, BENCHMARKS / program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_simpler_models_stand_beside_the_whole_one(folder):
    page = printed_by("adaptive.py", folder, "--runs", 1)
    row = next(line for line in page.splitlines() if "sea_ice_cmip6 sic" in line)
    whole_bits, quick_bits, express_bits = (float(row.split()[i]) for i in (-9, -6, -3))
    assert 0 < whole_bits < quick_bits < express_bits
    assert "numbers, express model" in page


def test_real_stores_have_speeds_of_each_variable(folder):
    """Both formats, without loss and under the bound, with MB/s before the seconds."""
    page = printed_by("roundtrip_real.py", folder, "sea_ice_cmip6", "--effort", 1)
    rows = [line.split() for line in page.splitlines() if "sea_ice_cmip6" in line]
    assert [(row[2], row[3]) for row in rows] == [
        ("2", "lossless"), ("2", "±0.5"), ("3", "lossless"), ("3", "±0.5"),
    ]  # fmt: skip
    for row in rows:
        *_, encode, decode, _, _, kept = row
        assert kept == "yes"
        assert re.fullmatch(r"\d+\.\d\d", encode)
        assert float(encode) > 0
        assert float(decode) > 0


def test_settings_of_the_encoder_stand_beside_its_own(folder):
    """Each variant once, and what the codec chose; without a video there is nothing to compare."""
    page = printed_by("encoder_settings.py", folder / "sea_ice_cmip6.zarr", "sic", "--psnr", 35)
    first, *rows, last = page.splitlines()
    assert first == "sic (8, 48, 64) float32, 35 dB"
    assert last.startswith("  chosen: hevc qp=")
    changes = {row[:20].strip(): float(row[20:27]) for row in rows}
    assert len(changes) == len(rows)
    assert changes["alone"] == 0.0
    assert {"key picture", "mean as the key", "median as the key"} < set(changes)
    command = [sys.executable, BENCHMARKS / "encoder_settings.py", folder / "sea_ice_cmip6.zarr"]
    command += ["sic", "--psnr", "110"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "give a lower --psnr" in refused.stderr


def test_what_groups_of_frames_are_worth(folder):
    """A field that rises and falls everywhere together takes fewer bits."""
    t, y, x = np.mgrid[:24, :40, :50]
    season = 8 * np.sin(t / 3) * (1 + np.sin(x / 6) * np.cos(y / 5)) + 3 * np.cos(t / 2 + y / 9)
    values = (season + np.random.default_rng(1).normal(0, 0.1, t.shape)).astype("f4")
    ds = xr.Dataset({"field": (("time", "lat", "lon"), values)})
    ds.to_zarr(folder / "seasons.zarr", zarr_format=2)
    page = printed_by("groups.py", folder, "seasons", "--effort", 4)
    first = next(line for line in page.splitlines() if "40 dB" in line)
    bits, before = (float(first.split()[i]) for i in (4, 5))
    assert bits < 0.9 * before
    assert "frames a picture" in first


def test_what_the_step_between_values_is_worth(folder):
    """A cube of whole numbers takes fewer bits where they are known to be that."""
    ds = xr.open_zarr(folder / "sea_ice_cmip6.zarr", consolidated=False).round()
    ds.to_zarr(folder / "whole.zarr", zarr_format=2)
    page = printed_by("lattices.py", folder, "--effort", 1)
    assert "step" not in "".join(line for line in page.splitlines() if "sea_ice" in line)
    *_, last = (line for line in page.splitlines() if "whole sic" in line)
    known, unknown = (float(last.split()[i]) for i in (4, 5))
    assert known < 0.8 * unknown
    assert "runs of 1" in last
