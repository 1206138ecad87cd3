"""Pictures from a shell: dates of a store, and what compressing lost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
xr = pytest.importorskip("xarray")
testing = pytest.importorskip("click.testing")

from matplotlib.figure import Figure  # noqa: E402

from numcodecs_video.cli.commands import commands  # noqa: E402
from numcodecs_video.cli.picturing import shown_of, usual_bands  # noqa: E402
from numcodecs_video.xarray import to_zarr  # noqa: E402


@pytest.fixture
def ds() -> xr.Dataset:
    """Three bands in one variable, and once more one variable a band."""
    values = np.random.default_rng(0).integers(200, 900, (5, 3, 24, 32)).astype("u2")
    values[1, :, :4] = 0
    time = xr.date_range("2020-01-01T10:30", periods=5, freq="10D", use_cftime=False)
    attrs = {"units": "counts", "nodata": 0}
    dims = ("time", "band", "y", "x")
    s2 = xr.DataArray(values, {"time": time, "band": ["B02", "B03", "B04"]}, dims, attrs=attrs)
    single = {f"b{n}": s2[:, n].drop_vars("band") for n in range(3)}
    single["half"] = s2[:, 0, ::2].drop_vars("band").rename(y="y2")
    return xr.Dataset({"s2": s2, **single})


@pytest.fixture
def stores(ds, tmp_path) -> tuple[Path, Path]:
    """An original, and its copy under a bound."""
    ds.to_zarr(tmp_path / "a.zarr")
    to_zarr(ds[["s2", "b0"]], tmp_path / "b.zarr", max_error={"s2": 9, "b0": 9}, effort=1)
    return tmp_path / "a.zarr", tmp_path / "b.zarr"


@pytest.fixture
def figures(monkeypatch) -> list[Figure]:
    """The figures that are saved."""
    saved: list[Figure] = []
    save = Figure.savefig

    def remembered(figure: Figure, *arguments: object, **settings: object) -> None:
        saved.append(figure)
        save(figure, *arguments, **settings)

    monkeypatch.setattr(Figure, "savefig", remembered)
    return saved


def run(*arguments: object, code: int = 0) -> str:
    """What the command prints."""
    result = testing.CliRunner().invoke(commands, ["plot", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


def test_a_date_is_drawn(stores, figures, tmp_path):
    """In colours by the names of its bands; the date that was found is said."""
    out = tmp_path / "date.png"
    said = run(stores[0], "--date", "2020-01-12", "--bands", "B04,B03,B02", "--out", out)
    assert said == f"{out}: s2 (B04, B03, B02), 2020-01-11 10:30\n"
    assert out.read_bytes()[:4] == b"\x89PNG"
    assert [axes.get_title() for axes in figures[0].axes] == ["2020-01-11 10:30"]
    picture = figures[0].axes[0].images[0].get_array()
    assert picture.shape == (24, 32, 4)
    assert (picture[:4, :, 3] == 0).all()  # missing
    assert "exists: name another, or add --overwrite" in run(stores[0], "--out", out, code=1)
    report = json.loads(run(stores[0], "--out", out, "--overwrite", "--date", "-1", "--json"))
    assert report == {
        "files": [str(out)], "name": "s2 (B04, B03, B02)", "dates": ["2020-02-10 10:30"],
    }  # fmt: skip


def test_what_was_lost_is_drawn(stores, figures, tmp_path):
    """Of the worst date, of those named, and as a histogram; against what was promised."""
    for number, arguments in enumerate(
        [[], ["--date", "2020-01-01", "--date", "4"], ["--histogram"], ["--bands", "B03"]]
    ):
        run(*stores, "--var", "s2", *arguments, "--out", tmp_path / f"{number}.svg")
        assert b"<svg" in (tmp_path / f"{number}.svg").read_bytes()
    worst, rows, histogram, one = figures
    assert " of 9 allowed" in worst.axes[2].get_xlabel()
    assert worst.axes[2].images[0].get_clim() == (0, 9)
    assert [axes.get_ylabel() for axes in rows.axes[:6:3]] == [
        "2020-01-01 10:30", "2020-02-10 10:30",
    ]  # fmt: skip
    assert histogram.legends[0].get_texts()[0].get_text() == "promised ±9 counts"
    assert (
        sum(bar.get_height() for bar in histogram.axes[0].patches) == 5 * 3 * 24 * 32 - 3 * 4 * 32
    )
    assert one.axes[2].images[0].get_clim() == (-9, 9)


def test_three_variables_are_one_picture(stores, figures, tmp_path):
    """One variable a band, by their names, sentinels and all."""
    run(stores[0], "--bands", "b2,b1,b0", "--out", tmp_path / "a.png", "--date", "1")
    run(stores[0], "--var", "s2", "--bands", "2,1,0", "--out", tmp_path / "b.png", "--date", "1")
    pair = [figure.axes[0].images[0].get_array() for figure in figures]
    np.testing.assert_array_equal(*pair)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bands", "b2,b1,half"], "bands of one picture lie on one grid"),
        (
            ["--bands", "B04,B03,B01"],
            "no cube with bands B04, B03, B01, nor cubes of these names; its cubes: b0",
        ),
        (["--var", "s2", "--bands", "3,2,1"], "those of s2, B02, B03, B04: got 3, 2, 1"),
        (["--var", "none"], "its cubes: b0, b1, b2, half, s2"),
        (["--date", "1999"], "1999 is beyond time, 2020-01-01T10:30:00 to 2020-02-10T10:30:00"),
        (["--out", "a.mov"], "a.mov must end in one of"),
        (["--out", "none/a.png"], "there is no directory none"),
    ],
)
def test_what_cannot_be_drawn_says_why(stores, tmp_path, monkeypatch, arguments, message):
    """In one line, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    said = run(stores[0], *arguments, code=1)
    assert message in said
    assert len(said.splitlines()) == 1
    assert set(tmp_path.iterdir()) == before


def test_usage_is_checked(stores, tmp_path):
    """A histogram needs two, a picture one or three bands, and the copy the variable."""
    assert "name SRC and DECODED" in run(stores[0], "--histogram", code=2)
    assert "nor one" in run(stores[0], "--bands", "1,2", code=2)
    assert "3 is not below 2" in run(stores[0], "--limits", "3", "2", code=2)
    assert "0<=x<=100" in run(stores[0], "--percentiles", "2", "101", code=2)
    out = tmp_path / "a.png"
    assert "has no variable b1" in run(*stores, "--var", "b1", "--out", out, code=1)


def test_usual_bands_are_red_green_and_blue(ds):
    """By what they are called; else films show the first three, and pictures the first."""
    assert usual_bands(["B02", "B03", "B04", "B08"], colour=False) == [2, 1, 0]
    assert usual_bands(["blue", "green", "red"], colour=True) == [2, 1, 0]
    assert usual_bands(["1", "2", "3", "4"], colour=True) == [0, 1, 2]
    assert usual_bands(["1", "2", "3", "4"], colour=False) == [0]
    renamed = ds[["b0", "b1", "b2"]].rename(b0="B02", b1="B03", b2="B04")
    assert shown_of(renamed, "a", None, None, colour=True).variables == ("B04", "B03", "B02")
    assert shown_of(renamed, "a", None, ("B03",), colour=True).variables == ("B03",)


def test_an_interrupted_picture_leaves_nothing(stores, tmp_path, monkeypatch):
    """And the shell is told, as the exit status says."""

    def interrupted(*arguments: object, **settings: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", interrupted)
    out = tmp_path / "a.png"
    assert f"{out} was not written" in run(stores[0], "--out", out, code=130)
    assert not out.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"a.zarr", "b.zarr"}


def test_what_is_no_cube_is_listed_with_its_dimensions(tmp_path):
    """Whoever wants to draw it learns what it lacks."""
    ds = xr.Dataset({"t": (("time", "height", "cells"), np.ones((2, 3, 9)))})
    ds.to_zarr(tmp_path / "a")
    said = run(tmp_path / "a", "--out", tmp_path / "a.png", code=1)
    assert "has nothing to show, which has numbers along time, y and x" in said
    assert "there are t (time, height, cells)" in said
