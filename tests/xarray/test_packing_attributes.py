"""Packing attributes as people write them: used where they can be read, else named in an error."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")

from click.testing import CliRunner  # noqa: E402

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video.cli.commands import commands  # noqa: E402
from numcodecs_video.errors import VideoCodecError  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

SHAPE = (6, 20, 24)
READABLE = {
    "a list": {"scale_factor": [0.1]},
    "a tuple": {"scale_factor": (0.1,)},
    "text": {"scale_factor": "0.1", "add_offset": "273.15"},
    "an array": {"scale_factor": np.array([0.1], "f4"), "add_offset": np.array(0.0)},
    "text of a sentinel": {"scale_factor": 0.1, "nodata": "0.0"},
    "no sentinel": {"scale_factor": 0.1, "nodata": "n/a"},
    "an empty sentinel": {"scale_factor": 0.1, "missing_value": []},
}
NONSENSE = {
    "scale_factor": ("n/a", [0.1, 0.2], [], "", 0.0, float("nan"), float("inf")),
    "add_offset": ("n/a", [1, 2]),
    "nodata": ("cloud", {"cloud": 1}),
    "missing_value": (["a", "b"],),
}


def dataset(**attrs) -> xr.Dataset:
    """Counts of a tenth of something."""
    counts = np.random.default_rng(0).normal(500, 40, SHAPE).astype("i2")
    return xr.Dataset({"v": (("time", "y", "x"), counts, attrs)})


def run(*arguments: object) -> str:
    """Run a command that succeeds, and return what it printed."""
    done = CliRunner().invoke(commands, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("name", READABLE)
def test_what_can_be_read_is_used(tmp_path, name, zarr_format):
    """The bound holds in the units of the packing, from Python and from the command line."""
    before = dataset(**READABLE[name])
    before.to_zarr(tmp_path / "source", zarr_format=zarr_format)
    ncv.to_zarr(before, tmp_path / "a", zarr_format=zarr_format, max_error=0.35, effort=1)
    form = ["--zarr-format", zarr_format]
    run("compress", tmp_path / "source", tmp_path / "b", "--max-error", 0.35, "--effort", 1, *form)
    for store in ("a", "b"):
        with xr.open_zarr(tmp_path / store, decode_cf=False) as after:
            assert 0 < np.abs(after.v.values.astype(int) - before.v.values).max() <= 3
            assert after.v.attrs["lossy_compression_max_error"] == pytest.approx(0.35)
        (row,) = json.loads(run("info", tmp_path / store, "--json"))
        assert (row["promise"], row["requested"]) == ("max_error", pytest.approx(0.35))
        assert 0 < row["realised"] <= 0.35


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize(
    "packing",
    [
        {"scale_factor": [0.1], "_FillValue": [-1]},
        {"scale_factor": np.array([0.1]), "add_offset": (273.0,), "_FillValue": np.array([-1])},
        {"scale_factor": "0.1", "add_offset": "273", "_FillValue": "-1"},
        {"scale_factor": 0.1, "missing_value": np.array([-1], "i2")},
    ],
    ids=str,
)
def test_numbers_in_encodings_may_be_written_so_too(tmp_path, packing, zarr_format):
    """Readers of some formats put lists of one, or text, where xarray takes a number."""
    before = dataset().astype("f4") / 10 + 250
    before.v[0] = np.nan
    said = {"zarr_format": zarr_format, "max_error": 0.35, "effort": 1}
    ncv.to_zarr(before, tmp_path / "a", encoding={"v": {"dtype": "int16", **packing}}, **said)
    before.v.encoding = {"dtype": "int16", **packing}
    ncv.to_zarr(before, tmp_path / "b", **said)
    for store in ("a", "b"):
        with xr.open_zarr(tmp_path / store, chunks=None) as after:
            assert 0.1 < np.abs(after.v - before.v).max() <= 0.4001
            np.testing.assert_array_equal(np.isnan(after.v), np.isnan(before.v))


@pytest.mark.parametrize(
    ("key", "value"),
    [(k, v) for k, values in NONSENSE.items() for v in values],
    ids=str,
)
def test_what_cannot_be_read_is_an_error_before_the_first_byte(tmp_path, key, value):
    """It names the attribute and the variable."""
    before = dataset(**{"scale_factor": 0.1, key: value})
    with pytest.raises(VideoCodecError, match=f"{key} of 'v' must be"):
        ncv.to_zarr(before, tmp_path / "a", max_error=0.35)
    assert not (tmp_path / "a").exists()


def test_what_cannot_be_read_is_an_error_in_one_line(tmp_path):
    """On the command line, before anything is written."""
    dataset(scale_factor="n/a").to_zarr(tmp_path / "a")
    done = CliRunner().invoke(
        commands, ["compress", str(tmp_path / "a"), str(tmp_path / "b"), "--max-error", "1"]
    )
    assert done.exit_code == 1
    assert done.output.startswith("Error: scale_factor of 'v' must be one finite number but zero")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_stores_with_nonsense_open(tmp_path, zarr_format):
    """Copied without a promise, described and recorded in stored units."""
    before = dataset(scale_factor="n/a", add_offset=[1, 2])
    before.to_zarr(tmp_path / "a", zarr_format=zarr_format)
    run("compress", tmp_path / "a", tmp_path / "b", "--zarr-format", zarr_format)
    with xr.open_zarr(tmp_path / "b", decode_cf=False) as after:
        np.testing.assert_array_equal(after.v.values, before.v.values)
    lossy = ncv.encoding(dataset(), zarr_format=zarr_format, max_error={"v": 3})
    before.to_zarr(tmp_path / "c", encoding=lossy, zarr_format=zarr_format)
    (row,) = json.loads(run("info", tmp_path / "c", "--json"))
    assert (row["promise"], row["requested"]) == ("max_error", 3)
    assert ncv.record_loss(tmp_path / "c")["v"]["lossy_compression_max_error"] == 3
