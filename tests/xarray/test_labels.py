"""Dates and bands by position and by label."""

from __future__ import annotations

import numpy as np
import pytest

xr = pytest.importorskip("xarray")

from numcodecs_video.errors import VideoCodecError  # noqa: E402
from numcodecs_video.xarray.labels import (  # noqa: E402
    axes_of,
    band_names,
    band_positions,
    date_labels,
    date_position,
    nodata_seen,
    promised_error,
    time_of,
    units_shown,
)


def series(times) -> xr.DataArray:
    """A cube with these labels along time."""
    values = np.zeros((len(times), 3, 4))
    return xr.DataArray(values, {"time": times}, ("time", "y", "x"), name="v")


DATES = {
    "numpy": xr.date_range("2020-01-01T13:30", periods=5, freq="10D", use_cftime=False),
    "cftime": xr.date_range(
        "2020-01-01T13:30", periods=5, freq="10D", calendar="noleap", use_cftime=True
    ),
}


@pytest.mark.parametrize("times", DATES.values(), ids=DATES)
@pytest.mark.parametrize(
    ("date", "position"),
    [
        ("2020-01-11", 1),  # though 13:30 of the day before is nearer to midnight
        ("2020-02", 4),
        ("2020-01-12", 1),
        ("2020-01-19 20:00", 2),
        ("2020-01-11T13:30", 1),
        (-1, 4),
        (3, 3),
        ("-2", 3),
    ],
)
def test_dates_are_found(times, date, position):
    """By position, by a label that is partly given, or the nearest; of any calendar."""
    assert date_position(series(times), "time", date) == position


@pytest.mark.parametrize("times", DATES.values(), ids=DATES)
@pytest.mark.parametrize(
    ("date", "message"),
    [
        ("2019", "2019 is beyond time, 2020-01-01T13:30:00 to 2020-02-10T13:30:00"),
        ("2021-03-04", "is beyond time"),
        ("soon", "'soon' is no label of time, such as '2020-01-01T13:30:00'"),
        (5, "date 5 is beyond the 5 of time"),
        (-6, "date -6 is beyond"),
    ],
)
def test_dates_that_are_not_there_are_refused(times, date, message):
    """With those that are."""
    with pytest.raises(VideoCodecError, match=message):
        date_position(series(times), "time", date)


def test_other_labels_are_found_as_well():
    """Years, names, and positions where there are none."""
    years = series([2000, 2005, 2010])
    assert [date_position(years, "time", year) for year in ("2005", "2008")] == [1, 2]
    assert date_labels(years, "time") == ["time 2000", "time 2005", "time 2010"]
    assert date_position(series(["dry", "wet"]), "time", "wet") == 1
    plain = years.drop_vars("time")
    assert date_position(plain, "time", "2") == 2
    assert date_labels(plain, "time")[1] == "time 1"
    with pytest.raises(VideoCodecError, match="give dates as positions"):
        date_position(plain, "time", "2005-01-01")


def test_labels_say_what_tells_dates_apart():
    """Days, minutes, or seconds."""
    for times, labels in [
        (["2020-01-01", "2020-01-02"], ["2020-01-01", "2020-01-02"]),
        (["2020-01-01T10:53:28", "2020-01-02"], ["2020-01-01 10:53", "2020-01-02 00:00"]),
        (["2020-01-01T10:53:28", "2020-01-01T10:53:58"], ["2020-01-01 10:53:28"]),
    ]:
        assert (
            date_labels(series(np.array(times, "datetime64[ns]")), "time")[: len(labels)] == labels
        )


def test_levels_are_called_as_people_call_them():
    """By whole numbers, where they are that."""
    levels = [100000.0, 50000.0, 1013.25]
    cube = xr.DataArray(np.zeros((3, 4, 5)), {"plev": levels}, ("plev", "y", "x"))
    assert band_names(cube, "cyx") == ["100000", "50000", "1013.25"]
    assert band_positions(cube, "cyx", "50000") == [1]
    assert band_names(cube.assign_coords(plev=np.float32(levels)), "cyx")[2] == "1013.25"


def test_bands_are_found():
    """By name, by position, and over several band axes as one."""
    cube = xr.DataArray(
        np.zeros((2, 3, 4, 5)), {"band": [3, 2, 1]}, ("time", "band", "y", "x"), name="s2"
    )
    assert band_positions(cube, "tcyx", ["1", "2", "3"]) == [2, 1, 0]
    assert band_positions(cube, "tcyx", [0, 1, 2]) == [0, 1, 2]
    assert band_positions(cube, "tcyx", "3") == [0]
    assert band_names(cube.expand_dims(member=2), "ctcyx") == [str(n) for n in range(6)]
    assert band_names(cube[:, 0], "tyx") == ["0"]
    for bands in (["1", "2", "4"], [3], [-1], [0, 1], []):
        with pytest.raises(VideoCodecError, match="those of s2, 3, 2, 1: got"):
            band_positions(cube, "tcyx", bands)


def test_axes_of_one_date_are_known():
    """Which are no video, and have axes all the same."""
    date = xr.DataArray(np.zeros((4, 3, 5)), dims=("lat", "band", "lon"))
    assert (axes_of(date), time_of(date, "ycx")) == ("ycx", None)
    assert axes_of(date.expand_dims("time")) == "tycx"
    assert axes_of(xr.DataArray(np.zeros((4, 5)))) == "cc"[:0] + axes_of(
        xr.DataArray(np.ones((4, 5)))
    )


def test_what_attributes_say_is_of_the_values_in_memory():
    """Sentinels and promises, whether a packed array was decoded or not."""
    packed = xr.DataArray(
        np.array([-7, 5], "i2"),
        attrs={"scale_factor": 0.5, "add_offset": 1.0, "nodata": -7},
        name="v",
    )
    packed.attrs["lossy_compression_max_error"] = 2.0
    decoded = xr.decode_cf(packed.to_dataset()).v
    assert nodata_seen(packed) == -7
    assert nodata_seen(decoded) == (decoded.values[0],)
    assert (promised_error(packed), promised_error(decoded)) == (4.0, 2.0)
    assert promised_error(xr.DataArray(0)) is None
    assert units_shown(xr.DataArray(0, attrs={"units": "see the table of codes on page 3"})) == ""
