"""A store that is laid out before its dates come."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

from click.testing import CliRunner  # noqa: E402

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video.cli.commands import commands  # noqa: E402
from numcodecs_video.errors import VideoCodecError  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

T = ("time", "y", "x")


@pytest.fixture
def template() -> xr.Dataset:
    """A cube of no dates."""
    return xr.Dataset({"v": (T, np.zeros((0, 20, 24), "f4"))}, coords={"time": np.arange(0)})


def test_a_template_gets_chunks_for_what_will_come(template):
    """Ours, the user's, and those of Dask."""
    assert ncv.encoding(template)["v"]["chunks"] == (128, 20, 24)
    assert ncv.encoding(template, chunks={"time": 8, "y": 10})["v"]["chunks"] == (8, 10, 24)
    assert ncv.encoding(template, chunks={"time": -1})["v"]["chunks"] == (128, 20, 24)
    sharded = ncv.encoding(template, chunks={"time": 8}, shards={"time": 24})["v"]
    assert (sharded["chunks"], sharded["shards"]) == ((8, 20, 24), (24, 20, 24))
    pytest.importorskip("dask")
    assert ncv.encoding(template.chunk(), chunks={"time": 8})["v"]["chunks"] == (8, 20, 24)


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_a_template_is_written_and_filled(tmp_path, template, zarr_format):
    """With the promise of its dates, from Python and from the command line."""
    said = {"zarr_format": zarr_format, "max_error": 0.1, "chunks": {"time": 4}, "effort": 1}
    ncv.to_zarr(template, tmp_path / "a", **said)
    template.to_zarr(tmp_path / "source", zarr_format=zarr_format)
    arguments = ["--max-error", "0.1", "--chunks", "time=4", "--zarr-format", zarr_format]
    arguments = ["compress", tmp_path / "source", tmp_path / "b", *arguments]
    assert CliRunner().invoke(commands, list(map(str, arguments))).exit_code == 0
    values = np.random.default_rng(0).normal(280, 3, (4, 20, 24)).astype("f4")
    dates = xr.Dataset({"v": (T, values)}, coords={"time": np.arange(4)})
    for store in ("a", "b"):
        array = zarr.open_array(tmp_path / store / "v", mode="r")
        assert (array.shape, array.chunks) == ((0, 20, 24), (4, 20, 24))
        dates.to_zarr(tmp_path / store, append_dim="time")
        with xr.open_zarr(tmp_path / store) as after:
            assert 0 < np.abs(after.v.values - values).max() <= 0.1


@pytest.mark.filterwarnings("ignore:.*xarray will not decode timedelta:FutureWarning")
@pytest.mark.parametrize("kind", ["M8[ns]", "m8[ns]"])
def test_a_template_counts_in_seconds(tmp_path, template, kind):
    """What is appended need not be whole days; units that are said, go before."""
    cells = np.array([90, 7200], "m8[s]") + np.array(0, kind)
    dates = xr.Dataset({"v": (T, np.ones((2, 20, 24), "f4"))}, coords={"time": cells})
    empty = template.assign_coords(time=cells[:0])
    ncv.to_zarr(empty, tmp_path / "a", chunks={"time": 2})
    ncv.to_zarr(dates, tmp_path / "a", append_dim="time")
    with xr.open_zarr(tmp_path / "a", decode_timedelta=True) as after:
        assert after.time.values.tolist() == cells.tolist()
    minutes = {"time": {"units": "minutes" if kind[0] == "m" else "minutes since 1970-01-01"}}
    ncv.to_zarr(empty, tmp_path / "b", encoding=minutes)
    assert zarr.open_array(tmp_path / "b" / "time").attrs["units"].startswith("minutes")


def test_nothing_is_to_be_evaluated(template):
    """The error says so."""
    for data in (template, template.v):
        with pytest.raises(VideoCodecError, match="cells"):
            ncv.evaluate(data, max_error=0.1)
    with pytest.raises(VideoCodecError, match="no cells"):
        ncv.suggest(template.v, max_error=0.1)
    assert ncv.compare(template, template)["v"].identical
