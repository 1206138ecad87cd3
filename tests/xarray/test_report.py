"""Reports are dictionaries that show as tables, and that pandas takes."""

from __future__ import annotations

import numpy as np
import pytest

xr = pytest.importorskip("xarray")
pd = pytest.importorskip("pandas")

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video.xarray.report import format_fixed, format_number  # noqa: E402

SHAPE = (4, 20, 24)
T = ("time", "y", "x")


@pytest.fixture(scope="module")
def ds() -> xr.Dataset:
    """A measurement, and names that are no figures."""
    values = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")
    return xr.Dataset({"t<2m>": (T, values), "station": (("time",), np.array(list("abcd")))})


def test_a_report_is_a_data_frame(ds):
    """Of figures, not of text: one row a variable, one column an attribute."""
    report = ncv.compare(ds, ds.assign({"t<2m>": ds["t<2m>"] + 1}))
    frame = report.to_dataframe()
    assert list(frame.index) == ["t<2m>", "station"]
    assert frame.index.name == "variable"
    assert frame.largest_error["t<2m>"] == pytest.approx(1, rel=1e-4)
    assert frame.rmse.dtype == "float64"
    assert np.isnan(frame.rmse["station"])
    assert "name" not in frame
    evaluated = ncv.evaluate(ds, max_error=0.5, effort=1)
    assert evaluated.to_dataframe().ratio["t<2m>"] == evaluated["t<2m>"].ratio


def test_a_report_shows_as_a_table(ds):
    """By itself and in a notebook, where names are no markup; what has no figure is empty."""
    report = ncv.compare(ds, ds)
    assert repr(report) == str(report)
    with pd.option_context("display.width", 200):
        assert [line.split()[0] for line in str(report).splitlines()[1:]] == ["t<2m>", "station"]
    with pd.option_context("display.width", 40):
        assert str(report).splitlines()[0].split() == ["t<2m>", "station"]
        assert max(map(len, str(report).splitlines())) <= 40
    assert "nan" not in repr(report).lower()
    assert "spectral" not in repr(report)  # there are no bands
    html = report._repr_html_()
    assert "<th>t&lt;2m&gt;</th>" in html
    assert "nan" not in html.lower()
    assert report["station"].table_cells()["RMSE"] == ""


def test_an_empty_report_says_so():
    """It has no columns either."""
    assert repr(ncv.Report()) == "no variables"
    assert ncv.Report().to_dataframe().empty


def test_one_evaluation_shows_its_figures(ds):
    """One a line, below what was evaluated."""
    first, *lines = str(ncv.evaluate(ds["t<2m>"], max_error=0.5, effort=1)).splitlines()
    assert first.startswith("t<2m>, by VideoCodec(")
    assert lines[0].startswith("bits per pixel per band")
    assert not any(line.startswith("spectral") for line in lines)


@pytest.mark.parametrize("write", [format_number, lambda value: format_fixed(value, 2)])
def test_no_figure_is_no_text(write):
    """NaN is none; infinity has a sign of its own."""
    assert write(float("nan")) == ""
    assert write(float("inf")) == "∞"
    assert write(-float("inf")) == "-∞"
