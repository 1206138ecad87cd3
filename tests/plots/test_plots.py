"""Figures: what they show, and that they say what they show."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

xr = pytest.importorskip("xarray")
pytest.importorskip("matplotlib")

from numcodecs_video.errors import VideoCodecError  # noqa: E402
from numcodecs_video.plots import (  # noqa: E402
    error_histogram,
    rate_distortion,
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
        coords={"time": xr.date_range("2020-01-01", periods=5, freq="10D", use_cftime=False)},
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
        ({}, [0], (0, 1), "one or three"),
    ],
)
def test_dates_that_cannot_be_drawn_are_refused(cube, change, dates, bands, message):
    """With what would be possible."""
    with pytest.raises(ValueError, match=message):
        side_by_side_dates(cube, cube.isel(change), dates, bands=bands)


@pytest.mark.parametrize("dtype", ["u2", "f4", "f8"])
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
    assert ends == pytest.approx([-20.5, 20.5] if dtype == "u2" else [-20, 20])
    assert drawn(figure)[:4] == b"\x89PNG"
    broken = error_histogram(original, original + 30, bound=20)
    bars = broken.axes[0].patches
    assert bars[-1].get_x() + bars[-1].get_width() >= 30


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
