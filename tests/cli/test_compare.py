"""``compare`` says whether what was promised held, in its table, as JSON and by its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("rich")
xr = pytest.importorskip("xarray")

from click.testing import Result  # noqa: E402

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video.cli import tables  # noqa: E402
from tests.cli.running import invoke as run  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

SHAPE = (6, 20, 24)
T = ("time", "y", "x")
VALUES = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")


def rows_of(result: Result) -> dict[str, dict]:
    """What was printed as JSON, by variable."""
    return {row["name"]: row for row in json.loads(result.stdout)}


@pytest.fixture(scope="module")
def ds() -> xr.Dataset:
    """Two measurements, classes, and names, which are no figures."""
    return xr.Dataset(
        {
            "specific_humidity": (T, VALUES * np.float32(1e-5), {"units": "kg/kg"}),
            "t2m": (T, VALUES, {"units": "K"}),
            "classes": (T, (VALUES > 280).astype("u1"), {"flag_values": [0, 1]}),
            "station": (("time",), np.array([f"a long name {i}" for i in range(6)])),
        }
    )


@pytest.fixture(scope="module")
def stores(tmp_path_factory, ds) -> tuple[Path, Path]:
    """The dataset, and a copy under promises."""
    folder = tmp_path_factory.mktemp("stores")
    ds.to_zarr(folder / "a.zarr")
    bounds = {"t2m": 0.5, "specific_humidity": 1e-5}
    ncv.to_zarr(ds, folder / "b.zarr", max_error=bounds, effort=1)
    return folder / "a.zarr", folder / "b.zarr"


def test_promises_that_held(stores):
    """Each with its kind, bound and what was found, and exit status 0."""
    result = run("compare", *stores, "--json")
    assert result.exit_code == 0, result.output
    rows = rows_of(result)
    t2m = rows["t2m"]
    assert (t2m["promise"], t2m["requested"], t2m["held"]) == ("max_error", 0.5, True)
    assert (t2m["units"], t2m["realised"]) == ("K", t2m["largest_error"])
    assert (rows["classes"]["promise"], rows["classes"]["held"]) == ("lossless", True)
    assert (rows["station"]["promise"], rows["station"]["held"]) == (None, None)
    assert t2m["ratio"] == pytest.approx(t2m["raw_bytes"] / t2m["bytes_after"])


@pytest.mark.parametrize("name", ["t2m", "classes"])
def test_promises_that_did_not_hold(tmp_path, ds, stores, name):
    """Are named on standard error, and in the exit status."""
    other = ds.copy(deep=True)
    other[name][2, 3, 4] += 1
    other.to_zarr(tmp_path / "other.zarr")
    result = run("compare", tmp_path / "other.zarr", stores[1], "--json")
    assert result.exit_code == 1
    assert [n for n, row in rows_of(result).items() if row["held"] is False] == [name]
    said = {"t2m": "±0.5 K was promised, found ", "classes": "lossless was promised, values differ"}
    assert f"Broken: {name}: {said[name]}" in result.stderr
    assert run("compare", tmp_path / "other.zarr", stores[1]).exit_code == 1
    assert run("compare", stores[1], tmp_path / "other.zarr").exit_code == 0  # promises nothing


def test_a_missing_cell_that_changed_breaks_a_promise(tmp_path, ds, stores):
    """However wide the bound."""
    other = ds.copy(deep=True)
    other.t2m[0, 0, 0] = np.nan
    other.to_zarr(tmp_path / "other.zarr")
    result = run("compare", tmp_path / "other.zarr", stores[1])
    assert result.exit_code == 1
    assert "Broken: t2m: 1 missing cells changed" in result.stderr


def test_what_cannot_be_compared_is_status_2(tmp_path, stores):
    """Sources that are not there, damaged ones and wrong usage alike."""
    assert run("compare", stores[0], tmp_path / "none.zarr").exit_code == 2
    assert run("compare", stores[0]).exit_code == 2
    assert run("compare", *stores, "--var", "none").exit_code == 2
    result = run("compare", stores[0], tmp_path / "none.zarr")
    assert result.output.splitlines() == [f"Error: {tmp_path / 'none.zarr'} does not exist"]


def test_text_has_no_figures(stores):
    """Neither a distance nor bits a pixel."""
    result = run("compare", *stores)
    assert "nan" not in result.stdout
    (line,) = (line for line in result.stdout.splitlines() if "station" in line)
    assert line.split() == ["station", "yes"]


@pytest.mark.parametrize("width", [60, 80, 200, None])
def test_figures_are_whole_at_any_width(monkeypatch, stores, width):
    """Exponents included."""
    monkeypatch.setattr(tables, "terminal_width", lambda: width)
    rows = rows_of(run("compare", *stores, "--json"))
    result = run("compare", *stores)
    words = result.stdout.split()
    for name in ("t2m", "specific_humidity"):
        assert name in words
        for key in ("rmse", "largest_error"):
            assert tables.format_number(rows[name][key]) in words
    table = [line for line in result.stdout.splitlines() if str(stores[0]) not in line]
    assert max(map(len, table)) <= (width or 130)


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize(
    "promise", [{"rmse": 0.3}, {"psnr": 40.0}, {"max_relative_error": 0.01}, {"max_error": 0.3}]
)
def test_every_promise_is_judged(tmp_path, ds, zarr_format, promise):
    """Those of chunks by each chunk, padded ones at the edges included."""
    chunks = {"time": 6, "y": 16, "x": 16}
    one = ds[["t2m"]]
    settings = {"zarr_format": zarr_format, "chunks": chunks, "effort": 1}
    ncv.to_zarr(one, tmp_path / "b.zarr", **promise, **settings)
    (found,) = ncv.compare(one, tmp_path / "b.zarr").values()
    ((kind, requested),) = promise.items()
    assert (found.promise, found.requested, found.held) == (kind, pytest.approx(requested), True)
    assert found.realised > 0
    moved = one.copy(deep=True)
    moved.t2m[:, :16, :16] += 30  # one chunk of six
    (found,) = ncv.compare(moved, tmp_path / "b.zarr").values()
    assert found.held is False


def test_a_promise_of_chunks_says_nothing_of_other_cells(tmp_path, ds):
    """An RMSE of a part may be larger than that of the chunk."""
    one = ds[["t2m"]].assign_coords(time=np.arange(6))
    ncv.to_zarr(one, tmp_path / "b.zarr", rmse=0.3, effort=1)
    (found,) = ncv.compare(one.isel(time=[0, 2]), tmp_path / "b.zarr").values()
    assert (found.promise, found.held, found.realised) == ("rmse", None, None)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_packing_breaks_no_promise(tmp_path, dtype):
    """Of what is stored: what packing itself and unpacking round is no codec's doing."""
    encoding = {"dtype": "int16", "scale_factor": 0.01, "add_offset": 280.0, "_FillValue": -9999}
    before = xr.Dataset({"v": (T, VALUES.astype(dtype), {"units": "K"}, encoding)})
    ncv.to_zarr(before, tmp_path / "b.zarr", max_error=0.03, effort=1)
    for original in (before, before.drop_encoding()):
        (found,) = ncv.compare(original, tmp_path / "b.zarr").values()
        assert (found.promise, found.held) == ("max_error", True)


def test_attributes_promise_too(tmp_path, ds, stores):
    """A copy in another format keeps what was said of it."""
    with xr.open_zarr(stores[1]) as copy:
        copy[["t2m"]].load().drop_encoding().to_zarr(tmp_path / "plain.zarr")
    (found,) = ncv.compare(ds[["t2m"]], tmp_path / "plain.zarr").values()
    assert (found.promise, found.requested, found.held) == ("max_error", 0.5, True)


def test_earlier_losses_are_said(tmp_path, ds, stores):
    """Errors add up, and no bound of the last compression knows of it."""
    with xr.open_zarr(stores[1]) as once:
        ncv.to_zarr(once[["t2m"]], tmp_path / "c.zarr", max_error=0.1, effort=1)
    result = run("compare", stores[0], tmp_path / "c.zarr", "--var", "t2m")
    assert "what was compressed had lost something before" in result.stderr


def test_what_one_lacks_is_said(tmp_path, ds, stores):
    """On either side, and of what was asked for alone."""
    ds[["t2m"]].assign(more=ds.t2m[0]).to_zarr(tmp_path / "other.zarr")
    printed = run("compare", stores[0], tmp_path / "other.zarr").stderr.splitlines()
    assert printed == [
        f"Note: only in {stores[0]}: classes, specific_humidity, station",
        f"Note: only in {tmp_path / 'other.zarr'}: more",
    ]
    assert run("compare", stores[0], tmp_path / "other.zarr", "--var", "t2m").stderr == ""
