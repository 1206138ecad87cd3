"""Variables become bands."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")

import numcodecs_video.xarray as ncv  # noqa: E402
from tests.cli.running import compress  # noqa: E402

T = ("time", "y", "x")
SHAPE = (5, 12, 16)


@pytest.fixture
def ds() -> xr.Dataset:
    """Three bands and a scene classification."""
    rng = np.random.default_rng(0)
    bands = {
        f"B{n:02d}": (T, rng.integers(1, 9000, SHAPE).astype("u2"), {"long_name": f"band {n}"})
        for n in (4, 3, 2)
    }
    return xr.Dataset({**bands, "SCL": (T, rng.integers(0, 9, SHAPE).astype("u1"))})


@pytest.mark.parametrize("said", ["s2:band=B04,B03,B02", "s2:band=B*"])
def test_stacks_are_those_of_stack_bands(tmp_path, ds, said):
    """The same array under one promise, and back again."""
    ds.to_zarr(tmp_path / "a")
    compress(tmp_path / "a", tmp_path / "b", "--stack", said, "--max-error", "s2=3")
    with xr.open_zarr(tmp_path / "b") as after:
        assert after.s2.dims == ("time", "band", "y", "x")
        order = ["B04", "B03", "B02"] if "," in said else sorted(["B02", "B03", "B04"])
        assert after.band.values.tolist() == order
        again = ncv.unstack_bands(after).load()
    for name in ("B02", "B03", "B04"):
        error = np.abs(again[name].astype(int) - ds[name].astype(int))
        assert 0 < error.max() <= 3
        assert again[name].attrs["long_name"] == ds[name].attrs["long_name"]
    np.testing.assert_array_equal(again.SCL, ds.SCL)


def test_what_cannot_be_stacked(tmp_path, ds):
    """Is named, with what differs."""
    ds.B03.attrs["scale_factor"] = 0.5
    ds.to_zarr(tmp_path / "a")
    said = compress(tmp_path / "a", tmp_path / "b", "--stack", "band=B04,B03", exit_code=1)
    assert "B04 has scale_factor None, and B03 has 0.5: one array" in said
    said = compress(tmp_path / "a", tmp_path / "b", "--stack", "band=B04,B05", exit_code=1)
    assert "finds no B04, B05: there are" in said
    said = compress(tmp_path / "a", tmp_path / "b", "--stack", "y=B04,B02", exit_code=1)
    assert "'y' is already in the dataset" in said
