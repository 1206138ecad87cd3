"""Cells by labels and places."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")

from click.testing import CliRunner  # noqa: E402

from numcodecs_video.cli.commands import commands  # noqa: E402
from numcodecs_video.cli.parameters import parse_labels, parse_places  # noqa: E402
from numcodecs_video.cli.subsetting import select_labels, select_places  # noqa: E402

DS = xr.Dataset(
    {"v": (("time", "band", "lat", "lon"), np.arange(10 * 3 * 6 * 4.0).reshape(10, 3, 6, 4))},
    coords={
        "time": xr.date_range("2020-01-28", periods=10, freq="12h", use_cftime=False),
        "band": ["B02", "B03", "B8A"],
        "lat": np.linspace(50, 40, 6).astype("f4"),
        "lon": np.array([0.1, 0.2, 0.3, 0.4], "f4"),
    },
)


@pytest.fixture
def stored(tmp_path):
    """As compress opens it."""
    DS.to_zarr(tmp_path / "a")
    with xr.open_zarr(tmp_path / "a", decode_cf=False, chunks=None) as ds:
        yield ds


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("time=2020-01", slice(0, 8)),
        ("time=2020-01-29", slice(2, 4)),
        ("time=2020-01-29T12:00", slice(3, 4)),
        ("time=2020-01-29T12:00:2020-01-30", slice(3, 6)),
        ("time=2020-01-29T12:2020-01-30T00:00", slice(3, 5)),
        ("time=2020-02-01:", slice(8, None)),
        ("time=:2020-01-28", slice(0, 2)),
        ("time=2020-01-28,2020-02-01", [0, 1, 8, 9]),
        ("lat=42:46", slice(2, 5)),
        ("lat=46:42", slice(2, 5)),
        ("lat=45:", slice(0, 3)),
        ("lat=44", 3),
        ("lon=0.2:0.3", slice(1, 3)),
        ("lon=0.3", 2),
        ("lon=0.4,0.1", [3, 0]),
        ("band=B03", 1),
        ("band=B8A,B02", [2, 0]),
        ("band=B02:B03", slice(0, 2)),
    ],
)
def test_labels(stored, text, places):
    """Both ends included, whichever way the coordinate runs, and decimals in any precision."""
    dim, labels = parse_labels(text)
    selected = select_labels({"/": stored}, [(dim, labels)])["/"]
    xr.testing.assert_identical(selected.load(), stored.isel({dim: places}).load())


@pytest.mark.parametrize("text", ["time=0:4", "time=::3", "time=-2:", "band=2,0", "lat=1"])
def test_places(stored, text):
    """As ``isel`` has them."""
    dim, place = parse_places(text)
    selected = select_places({"/": stored}, [(dim, place)])["/"]
    xr.testing.assert_identical(selected, stored.isel({dim: place}))


def test_dates_of_other_calendars(tmp_path):
    """Which pandas has not."""
    time = xr.date_range("2001-02-27", periods=6, calendar="noleap", use_cftime=True)
    ds = xr.Dataset({"v": ("time", np.arange(6))}, coords={"time": time})
    ds.to_zarr(tmp_path / "a")
    with xr.open_zarr(tmp_path / "a", decode_cf=False, chunks=None) as stored:
        selected = select_labels({"/": stored}, [("time", "2001-03-02:2001-03-03")])["/"]
    assert selected.v.values.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sel", "day=1"], "--sel names day, which is no dimension: there are"),
        (["--sel", "time=2021"], "finds no 2021 in time, which goes from 2020-01-28"),
        (["--sel", "time=2021:2022"], "leaves no cell of time, which goes from 2020-01-28"),
        (["--sel", "lat=41.9"], "finds no 41.9 in lat, which goes from 50.0 to 40.0"),
        (["--sel", "lat=north"], "finds no north in lat"),
        (["--sel", "band=B09"], "finds no B09 in band"),
        (["--isel", "time=99"], "--isel goes beyond time, which has 10 cells, from 0"),
        (["--isel", "time=20:30"], "leaves no cell of time"),
    ],
)
def test_what_is_not_there(tmp_path, arguments, message):
    """Names the option and says what there is."""
    DS.to_zarr(tmp_path / "a")
    command = ["compress", str(tmp_path / "a"), str(tmp_path / "b"), *arguments]
    done = CliRunner().invoke(commands, command)
    assert done.exit_code == 1
    assert message in done.output
    assert not (tmp_path / "b").exists()


def test_the_command_copies_what_is_selected(tmp_path):
    """Labels before places, and nothing else."""
    DS.to_zarr(tmp_path / "a")
    said = ["--sel", "lat=42:46", "--isel", "lat=0:2", "--isel", "time=0:4", "--effort", "1"]
    command = ["compress", str(tmp_path / "a"), str(tmp_path / "b"), *said]
    assert CliRunner().invoke(commands, command).exit_code == 0
    with xr.open_zarr(tmp_path / "b") as after:
        xr.testing.assert_identical(after.load(), DS.isel(lat=slice(2, 4), time=slice(0, 4)))
    info = CliRunner().invoke(commands, ["info", str(tmp_path / "b"), "--json"])
    assert {row["name"]: row["shape"] for row in json.loads(info.stdout)}["v"] == [4, 3, 2, 4]
