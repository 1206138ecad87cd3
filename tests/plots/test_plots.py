"""Figures: what they show, and that they say what they show."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

xr = pytest.importorskip("xarray")
pytest.importorskip("matplotlib")

from numcodecs_video.errors import VideoCodecError  # noqa: E402
from numcodecs_video.plots import (  # noqa: E402
    error_histogram,
    pictures,
    rate_distortion,
    side_by_side,
    side_by_side_dates,
)
from numcodecs_video.xarray import sweep, write_csv  # noqa: E402


@pytest.fixture
def cube() -> xr.DataArray:
    """Four bands over five dates, with a sentinel."""
    values = np.random.default_rng(0).integers(100, 900, (5, 4, 18, 24)).astype("u2")
    values[1, :, :3] = 0
    return xr.DataArray(
        values,
        dims=("time", "band", "y", "x"),
        coords={
            "time": xr.date_range("2020-01-01", periods=5, freq="10D", use_cftime=False),
            "band": ["B02", "B03", "B04", "B08"],
        },
        attrs={"nodata": 0, "units": "counts"},
        name="s2",
    )


def drawn(figure) -> bytes:
    """A figure as the file that people see."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def test_chosen_dates_are_drawn(cube):
    """By position or by the nearest date, one row each; the errors end at the bound."""
    figure = side_by_side_dates(cube, cube + 1, [0, "2020-01-13"], bands=(2, 1, 0), bound=3)
    rows = [axes.get_ylabel() for axes in figure.axes[:6:3]]
    assert rows == ["2020-01-01", "2020-01-11"]
    error = figure.axes[2].images[0]
    assert error.get_clim() == (0, 3)
    assert (error.get_array() == 1).all()
    assert figure.legends[0].get_texts()[0].get_text() == "missing"
    assert drawn(figure)[:4] == b"\x89PNG"


def test_colours_are_stretched_by_date_and_one_band_by_all(cube):
    """A bright date does not darken the others in colour; a colour bar holds for all dates."""
    bright = cube.copy()
    bright[3] += 5000
    colour = side_by_side_dates(bright, bright, [0, 3], bands=(2, 1, 0))
    means = [colour.axes[i].images[0].get_array()[..., :3].mean() for i in (0, 3)]
    assert means[0] == pytest.approx(means[1], abs=0.1)
    grey = side_by_side_dates(bright, bright, [0, 3])
    assert grey.axes[0].images[0].get_clim() == grey.axes[3].images[0].get_clim()


@pytest.mark.parametrize(
    ("change", "dates", "bands", "message"),
    [
        ({"time": slice(3)}, [0], None, "one shape"),
        ({}, [9], None, "beyond the 5"),
        ({}, [], None, "got none"),
        ({}, ["2021"], None, "2021 is beyond time, 2020-01-01"),
        ({}, [0], (0, 1), "one or three"),
        ({}, [0], ["B04", "B03", "B01"], "B02, B03, B04, B08: got B04, B03, B01"),
    ],
)
def test_dates_that_cannot_be_drawn_are_refused(cube, change, dates, bands, message):
    """With what would be possible."""
    with pytest.raises(ValueError, match=message):
        side_by_side_dates(cube, cube.isel(change), dates, bands=bands)


def test_a_date_that_is_hardly_there_is_not_the_worst(cube):
    """However wrong its few cells are."""
    original, decoded = cube.astype("f4"), cube.astype("f4")
    original[1], decoded[1] = np.nan, np.nan
    original[1, :, 0, 0], decoded[1, :, 0, 0] = 0, 9
    decoded[2] += 5
    assert side_by_side(original, decoded).axes[0].get_ylabel() == "2020-01-21"


def test_bands_are_known_by_name_and_series_by_their_worst_date(cube):
    """One picture of a time series shows the date that lost most, or the one that is named."""
    decoded = cube.copy()
    decoded[3] += 7
    decoded.attrs["lossy_compression_max_error"] = 9
    named = side_by_side(cube, decoded, bands=["B04", "B03", "B02"])
    assert named.axes[0].get_ylabel() == "2020-01-31"
    assert named.axes[2].get_xlabel() == "largest 7 of 9 allowed, RMSE 7"
    assert named.axes[2].images[0].get_clim() == (0, 9)
    assert named.axes[3].get_ylabel() == "counts"
    placed = side_by_side(cube[3].values, decoded[3].values, bands=[2, 1, 0], nodata=0)
    for i in range(2):
        np.testing.assert_array_equal(
            named.axes[i].images[0].get_array(), placed.axes[i].images[0].get_array()
        )
    chosen = side_by_side(cube, decoded, date="2020-02", bands="B08")
    assert chosen.axes[0].get_ylabel() == "2020-02-10"
    np.testing.assert_array_equal(chosen.axes[0].images[0].get_array(), cube.values[4, 3])
    one_band = side_by_side(cube[:, 1], decoded[:, 1], date=1)
    assert one_band.axes[0].get_ylabel() == "2020-01-11"
    series = side_by_side(cube.values, decoded.values)
    assert series.axes[0].get_ylabel() == "date 3"
    with pytest.raises(ValueError, match="has no names"):
        side_by_side(cube.values, cube.values, bands=["B08"])


def test_dates_of_one_cube_are_drawn_under_one_stretch(cube):
    """In colours that clouds on another date do not darken, or of one band with a colour bar."""
    cloudy = cube.astype("f4").where(cube != 0)
    cloudy[4] += 9000
    cloudy.attrs = {"units": "1"}
    figure = pictures(cloudy, ["2020-01-21", 0], bands=["B04", "B03", "B02"])
    assert [axes.get_title() for axes in figure.axes] == ["2020-01-21", "2020-01-01"]
    assert 0.4 < figure.axes[0].images[0].get_array()[..., :3].mean() < 0.6
    bar = pictures(cloudy, [4, 1], bands="B08").axes[-1]
    assert bar.get_ylabel() == ""  # of a number, "1" says nothing
    assert pictures(cube).axes[-1].get_ylabel() == "counts"
    with pytest.raises(VideoCodecError, match="no y and x axis"):
        pictures(cube[:, 0, 0, 0])
    with pytest.raises(VideoCodecError, match="no y and x axis"):
        pictures(cube[0, 0, 0, 0])


def test_arrays_without_labels_are_drawn_by_the_places_of_their_axes(cube):
    """The last two are y and x, the first is time; what has no y and x is refused."""
    for values in (cube.values, cube.values[:, 1]):
        figure = pictures(values, [0, 3])
        assert [axes.get_title() for axes in figure.axes[:2]] == ["date 0", "date 3"]
        rows = side_by_side_dates(values, values, [0, 3]).axes[:6:3]
        assert [axes.get_ylabel() for axes in rows] == ["date 0", "date 3"]
        shown = values[3, 0] if values.ndim == 4 else values[3]
        np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), shown)
        np.testing.assert_array_equal(rows[1].images[0].get_array(), shown)
    row = cube.values[0, 0, 0]
    for refused in (
        lambda: pictures(row),
        lambda: side_by_side(row, row),
        lambda: side_by_side(cube.values[None], cube.values[None]),
        lambda: side_by_side_dates(row, row, [0]),
    ):
        with pytest.raises(VideoCodecError, match="must have a y and an x axis"):
            refused()


def test_north_is_up(cube):
    """Whichever way latitudes run; rows without a coordinate stay as they are."""
    north = np.linspace(50, 40, 18)
    known = cube.isel(band=0).assign_coords(y=north)
    for turned in (known, known.isel(y=slice(None, None, -1))):
        for figure in (pictures(turned), side_by_side(turned, turned, date=0)):
            shown = figure.axes[0].images[0]
            assert shown.origin == "upper"
            np.testing.assert_array_equal(shown.get_array(), cube.values[0, 0])
    unknown = cube.isel(band=0, y=slice(None, None, -1))
    np.testing.assert_array_equal(
        pictures(unknown).axes[0].images[0].get_array(), cube.values[0, 0, ::-1]
    )


@pytest.mark.parametrize("dtype", ["u2", pytest.param("f4", marks=pytest.mark.slow), "f8"])
def test_the_histogram_counts_every_valid_cell(cube, dtype):
    """Within the bound, and none at all beyond it unless an error is."""
    original = cube.values.astype(dtype)
    noise = np.random.default_rng(1).integers(-20, 21, original.shape)
    decoded = (original + noise).astype(dtype)
    decoded[original == 0] = 0
    figure = error_histogram(original, decoded, bound=20, nodata=0, units="counts")
    bars = figure.axes[0].patches
    assert sum(bar.get_height() for bar in bars) == (original != 0).sum()
    assert "largest 20" in figure.legends[0].get_texts()[1].get_text()
    ends = [bars[0].get_x(), bars[-1].get_x() + bars[-1].get_width()]
    assert ends == pytest.approx([-20.5, 20.5])
    assert drawn(figure)[:4] == b"\x89PNG"
    broken = error_histogram(original, original + 30, bound=20)
    bars = broken.axes[0].patches
    assert bars[-1].get_x() + bars[-1].get_width() >= 30


@pytest.mark.parametrize(
    ("step", "most", "bound"),
    [(1e-4, 20, 0.002), (1e-4, 14, 0.00215), (1e-4, 200, 0.02), (0.01, 0, 0.5), (0.5, 60, 20)],
)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_packed_data_have_bars_of_whole_steps(step, most, bound, dtype):
    """No bar between two steps is empty, and none lies on both sides of the bound."""
    rng = np.random.default_rng(0)
    levels = rng.integers(2000, 9000, 40_000)
    decoded = ((levels + rng.integers(-most, most + 1, levels.shape)) * step).astype(dtype)
    figure = error_histogram((levels * step).astype(dtype), decoded, bound=bound)
    bars = figure.axes[0].patches
    inner = [bar for bar in bars if abs(bar.get_x() + bar.get_width() / 2) < most * step]
    assert all(bar.get_height() > 0 for bar in inner)
    assert sum(bar.get_height() for bar in bars) == levels.size
    lines = [line.get_xdata()[0] for line in figure.axes[0].lines[:2]]
    for bar in bars:
        left, right = bar.get_x(), bar.get_x() + bar.get_width()
        assert not any(left + 1e-9 < line < right - 1e-9 for line in lines)


def test_real_errors_fill_bins_that_end_at_the_bound():
    """What lies on no step is cut evenly; a lost cell is no error of a size, but is said."""
    rng = np.random.default_rng(0)
    original = rng.normal(280, 9, 30_000)
    decoded = original + rng.uniform(-0.05, 0.05, original.shape)
    bars = error_histogram(original, decoded, bound=0.05).axes[0].patches
    assert bars[0].get_x() == pytest.approx(-0.05)
    assert len({round(bar.get_width(), 9) for bar in bars}) == 1
    assert all(bar.get_height() > 0 for bar in bars)
    assert bars[len(bars) // 2].get_x() < 0 < bars[len(bars) // 2 + 1].get_x()  # one about zero
    decoded[8] = original[8] + 0.09
    wider = error_histogram(original, decoded, bound=0.05).axes[0].patches
    assert any(bar.get_x() == pytest.approx(0.05) for bar in wider)
    assert sum(bar.get_height() for bar in wider) == original.size
    decoded[7] = np.nan
    lost = error_histogram(original, decoded, bound=0.05)
    assert "largest inf" in lost.legends[0].get_texts()[1].get_text()


def test_a_histogram_takes_what_labels_say(cube):
    """Units, sentinels and the promise."""
    decoded = cube.where(cube == 0, cube + 2)
    decoded.attrs["lossy_compression_max_error"] = 3
    figure = error_histogram(cube, decoded)
    promise, largest = (text.get_text() for text in figure.legends[0].get_texts())
    assert (promise, largest) == ("promised ±3 counts", "largest 2, RMSE 2")
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == (cube != 0).sum()


@pytest.mark.slow
def test_a_sweep_is_drawn_and_written(cube, tmp_path):
    """A curve a codec over a logarithmic rate, and a row a point."""
    points = sweep(cube, {"max_error": [40, 5], "psnr": [30]}, codecs=["hevc", "jpeg2k"], effort=1)
    assert [(p.codec, p.promise, p.value) for p in points[:3]] == [
        ("hevc", "max_error", 5), ("hevc", "max_error", 40), ("hevc", "psnr", 30),
    ]  # fmt: skip
    assert all(p.evaluation.largest_error <= p.value for p in points if p.promise == "max_error")
    figure = rate_distortion(points, title="a test")
    assert [axes.get_ylabel()[:4] for axes in figure.axes] == ["PSNR", "SSIM", "spec", "enco"]
    assert all(axes.get_xscale() == "log" for axes in figure.axes)
    assert [line.get_label() for line in figure.axes[0].lines] == ["hevc", "jpeg2k"]
    lines = figure.axes[0].lines
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 2
    assert drawn(figure)[:4] == b"\x89PNG"
    write_csv(points, tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["value"]) for row in rows] == [p.value for p in points]
    assert float(rows[0]["psnr"]) == points[0].evaluation.psnr
    one_band = sweep(cube[:, 0], {"rmse": [3]}, effort=1)
    assert len(rate_distortion(one_band).axes) == 3  # no spectral angle


@pytest.mark.parametrize(
    "rates",
    [
        (1.1, 1.9),
        pytest.param((2.05, 8.2), marks=pytest.mark.slow),
        pytest.param((0.31, 0.49), marks=pytest.mark.slow),
        (0.01, 3),
    ],
)
def test_axes_of_a_sweep_have_several_labels(cube, rates):
    """Over narrow ranges as well, where 1, 2 and 5 are rare."""
    points = sweep(cube[:, 0], {"qp": [30]}, codecs=["hevc"], effort=1)
    evaluation = points[0].evaluation
    curve = [
        replace(
            points[0],
            evaluation=replace(evaluation, stored_bytes=round(rate * evaluation.cells / 8)),
        )
        for rate in rates
    ]
    figure = rate_distortion(curve)
    drawn(figure)
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = axis.get_view_interval()
            shown = [tick for tick in axis.get_majorticklocs() if low <= tick <= high]
            assert len(shown) >= 2


def test_a_sweep_needs_promises(cube):
    """And promises that are some."""
    with pytest.raises(VideoCodecError, match="a sweep is over values of"):
        sweep(cube, {})
    with pytest.raises(VideoCodecError, match="got quality"):
        sweep(cube, {"quality": [1]})
    with pytest.raises(ValueError, match="at least one point"):
        rate_distortion([])


def test_the_sweep_command_writes_table_and_picture(cube, tmp_path):
    """Beside each other, under the stem that is given."""
    testing = pytest.importorskip("click.testing")
    from numcodecs_video.cli.commands import commands

    cube.to_dataset().to_zarr(tmp_path / "a.zarr")
    arguments = ["sweep", str(tmp_path / "a.zarr"), "--var", "s2", "--max-error", "5,40"]
    arguments += ["--codec", "hevc,jpeg2k", "--effort", "1", "--out", str(tmp_path / "curve")]
    result = testing.CliRunner().invoke(commands, arguments)
    assert result.exit_code == 0, result.output
    assert "max_error=40" in result.output
    assert (tmp_path / "curve.csv").read_text().count("\n") == 5
    assert (tmp_path / "curve.png").read_bytes()[:4] == b"\x89PNG"
    for wrong in (["--codec", "mpeg"], ["--psnr", "a"]):
        assert testing.CliRunner().invoke(commands, [*arguments, *wrong]).exit_code == 2


def test_a_notebook_shows_figures_without_pyplot():
    """IPython asks an object for a picture of itself."""
    figure = error_histogram(np.zeros(10), np.full(10, 0.1), bound=0.2)
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_labels_tell_dates_apart():
    """Two scans of one day by their time; dates alone without one."""
    scans = np.datetime64("2024-05-01T12:00", "ns") + np.arange(4) * np.timedelta64(300, "s")
    values = np.random.default_rng(0).random((4, 20, 24))
    cube = xr.DataArray(values, {"time": scans}, dims=("time", "y", "x"))
    for times, expected in (
        (scans, ["2024-05-01 12:00", "2024-05-01 12:15"]),
        (scans.astype("M8[D]").astype("M8[ns]")[:1] + np.arange(4) * np.timedelta64(1, "D"), None),
    ):
        figure = side_by_side_dates(cube.assign_coords(time=times), cube, [0, 3])
        labels = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
        assert labels == (expected or ["2024-05-01", "2024-05-04"])


def test_arrays_without_labels_need_no_xarray():
    """Which the extra for plots does not install."""
    program = """
import sys
sys.modules["xarray"] = None
import numpy as np
from numcodecs_video.plots import error_histogram, side_by_side
cube = np.random.default_rng(0).random((4, 3, 8, 9))
side_by_side(cube, cube + 0.1, bands=[0, 1, 2], bound=0.2)
side_by_side(cube[0, 0], cube[0, 0])
error_histogram(cube, cube)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("kind", ["dataset", "path"])
def test_what_is_no_array_is_named(kind):
    """With what to take instead."""
    xr = pytest.importorskip("xarray")
    given = xr.Dataset() if kind == "dataset" else "a.zarr"
    array = np.zeros((2, 8, 8))
    for draw in (
        lambda: side_by_side(given, array),
        lambda: side_by_side_dates(array, given, [0]),
        lambda: error_histogram(given, given),
        lambda: pictures(given),
    ):
        with pytest.raises(TypeError, match=rf"got {type(given).__name__}: take a variable"):
            draw()


@pytest.mark.parametrize("values", [5, 5.0, np.array([5.0]), np.float32(5), (5,)], ids=repr)
def test_a_sweep_over_one_value(cube, values):
    """Or over an array of values."""
    (point,) = sweep(cube[:, 0], {"max_error": values}, effort=1)
    assert (point.value, point.evaluation.largest_error <= 5) == (5, True)
