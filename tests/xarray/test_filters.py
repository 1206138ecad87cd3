"""A lossy promise is of what filters make of the values: whoever puts some before it is told."""

from __future__ import annotations

import json
import warnings

import numcodecs
import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

from click.testing import CliRunner  # noqa: E402

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video.cli.commands import commands  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

T = ("time", "y", "x")
SHAPE = (6, 20, 24)
VALUES = np.random.default_rng(0).normal(280, 30, SHAPE).astype("i4")


def filters(zarr_format: int) -> list:
    """One that changes values."""
    if zarr_format == 2:
        return [numcodecs.Delta("i4")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zarr says that it is not specified
        from zarr.codecs.numcodecs import Delta

        return [Delta(dtype="<i4")]


@pytest.fixture
def ds() -> xr.Dataset:
    """Counts."""
    return xr.Dataset({"v": (T, VALUES)})


def info(store) -> tuple[dict, str]:
    """The row of the array, and what else is printed."""
    runner = CliRunner()
    (row,) = json.loads(runner.invoke(commands, ["info", str(store), "--json"]).stdout)
    return row, runner.invoke(commands, ["info", str(store)]).output


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3 spec")
def test_filters_before_a_lossy_promise_are_doubted(tmp_path, ds, zarr_format):
    """By `to_zarr` and by `info`."""
    said = {"zarr_format": zarr_format, "encoding": {"v": {"filters": filters(zarr_format)}}}
    with pytest.warns(UserWarning, match="'v': max_error holds for what .*elta made of the values"):
        ncv.to_zarr(ds, tmp_path / "a", max_error={"v": 2}, effort=1, **said)
    row, text = info(tmp_path / "a")
    assert "max_error holds for what" in row["doubt"]
    assert "Warning: v: max_error holds for what" in text


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3 spec")
def test_lossless_ones_are_not(tmp_path, ds, zarr_format):
    """What comes out is what went in."""
    said = {"zarr_format": zarr_format, "encoding": {"v": {"filters": filters(zarr_format)}}}
    ncv.to_zarr(ds, tmp_path / "a", effort=1, **said)
    row, text = info(tmp_path / "a")
    assert row["doubt"] is None
    assert "Warning" not in text
    with xr.open_zarr(tmp_path / "a") as after:
        np.testing.assert_array_equal(after.v.values, VALUES)


def test_a_filter_that_moves_values_is_none(tmp_path, ds):
    """A transposition changes no value."""
    given = {"filters": [zarr.codecs.TransposeCodec(order=(2, 1, 0))]}
    ncv.to_zarr(ds, tmp_path / "a", max_error={"v": 2}, effort=1, encoding={"v": given})
    assert info(tmp_path / "a")[0]["doubt"] is None


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_filters_of_a_source_are_left_behind(tmp_path, ds, zarr_format):
    """`encoding` lets none stand before video."""
    ds.v.encoding = {"filters": filters(zarr_format)}
    chosen = ncv.encoding(ds, zarr_format=zarr_format, max_error={"v": 2})
    assert chosen["v"]["filters"] is None
