"""How a dataset's encoding is chosen: which variables, axes, chunks, sentinels and promises."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings

import numpy as np
import pytest

from numcodecs_video.config import Fidelity
from numcodecs_video.errors import VideoCodecError

xr = pytest.importorskip("xarray")

from numcodecs_video.xarray import choose_chunks, encoding, letters_of  # noqa: E402


def cube(dtype="f4", dims=("time", "y", "x"), shape=(6, 20, 24), **attrs) -> xr.DataArray:
    """A cube of smooth noise with values from 1 to about 100."""
    values = np.random.default_rng(0).normal(50, 12, shape).clip(1, None)
    return xr.DataArray(values.astype(dtype), dims=dims, attrs=attrs)


def settings_of(given: dict):
    """The codec's settings in one variable's encoding of format 2."""
    return given["compressors"].settings


@pytest.fixture
def ds() -> xr.Dataset:
    """Measurements, packed measurements, classes, a static map and coordinates."""
    packed = cube("i2", scale_factor=0.5, add_offset=273.0)
    classes = cube("u1", flag_values=[1, 2], flag_meanings="land sea")
    return xr.Dataset(
        {
            "real": cube("f4"),
            "packed": packed,
            "counts": cube("u2"),
            "classes": classes,
            "static": cube("f4", ("y", "x"), (20, 24)),
        },
        coords={"time": np.arange(6), "area": (("y", "x"), np.ones((20, 24)))},
    )


@pytest.mark.parametrize(
    ("dims", "letters"),
    [
        (("time", "y", "x"), "tyx"),
        (("valid_time", "isobaricInhPa", "latitude", "longitude"), "tcyx"),
        (("date", "northing", "easting", "wavelength"), "tyxc"),
        (("time2", "band10", "y10", "x10"), "tcyx"),
        (("number", "step", "lat", "lon"), "ctyx"),
        (("Time", "bottom_top", "south_north", "west_east"), "tcyx"),
        (("time", "rlat", "rlon"), "tyx"),
        (("time_counter", "j", "i"), "tyx"),
        (("y", "x", "t"), "yxt"),
        (("level", "lat", "lon"), None),
        (("time", "station", "x"), None),
        (("time", "lat", "lon", "x"), None),
        (("time",), None),
    ],
)
def test_letters_follow_dimension_names(dims, letters):
    """Time, y and x are known by the names that data carry; what has not all three is no video."""
    assert letters_of(xr.DataArray(np.zeros(range(2, 2 + len(dims))), dims=dims)) == letters


@pytest.mark.parametrize(
    "values", ["datetime64[ns]", "complex64", "S3", "U3", object, "longdouble"]
)
def test_only_numbers_that_a_video_can_hold_are_video(values):
    """Dates, text, complex and extended numbers are left to Zarr."""
    assert letters_of(xr.DataArray(np.zeros((2, 3, 4), values), dims=("time", "y", "x"))) is None


@pytest.mark.parametrize("setting", ["axes", "chunks", "shards"])
@pytest.mark.parametrize("said", ["tyx", (3, 16, 18), 3, [3]], ids=str)
def test_what_goes_by_dimension_is_a_mapping(ds, setting, said):
    """The error shows one."""
    with pytest.raises(
        VideoCodecError, match=rf"{setting} go by dimension, as in {setting}={{'time'"
    ):
        encoding(ds, **{setting: said})


def test_axes_have_four_letters(ds):
    """Another one would leave the dataset without video, in silence."""
    for function in (encoding, lambda data, axes: letters_of(next(iter(data.values())), axes)):
        with pytest.raises(VideoCodecError, match="letters t, c, y and x, got time='z'"):
            function(ds, axes={"time": "z"})


def test_words_of_codecs_are_told_where_they_go(ds):
    """A dataset has missing values of its own, variable by variable."""
    with pytest.raises(TypeError, match=r"encoding\(\) has no keyword 'nodata': a variable names"):
        encoding(ds, nodata=-1)


def test_empty_pictures_are_no_video():
    """There is nothing to code in pictures without cells; dates may come."""
    assert letters_of(cube(shape=(4, 0, 5))) is None
    assert letters_of(cube(shape=(0, 4, 5))) == "tyx"


def test_axes_name_dimensions_that_do_not_tell():
    """A mapping of dimensions to letters overrides what the names say."""
    variable = cube(dims=("member", "height", "width"))
    assert letters_of(variable) is None
    assert letters_of(variable, {"member": "t", "height": "y", "width": "x"}) == "tyx"


def test_cubes_become_video_and_all_else_is_left_out(ds):
    """Maps, axes and coordinates keep Zarr's defaults by not being in the encoding."""
    assert set(encoding(ds)) == {"real", "packed", "counts", "classes"}


def test_without_a_promise_all_is_lossless(ds):
    """Nobody loses data that nobody told to lose."""
    kinds = {settings_of(given).fidelity.kind for given in encoding(ds, zarr_format=2).values()}
    assert kinds == {"lossless"}


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_jpeg_2000_is_one_of_the_codecs(ds, zarr_format):
    """By its name, and its high-throughput kind by another."""
    coder = "compressors" if zarr_format == 2 else "serializer"
    for name in ("jpeg2k", "htj2k"):
        chosen = encoding(ds[["packed"]], zarr_format=zarr_format, codec=name, max_error=0.5)
        assert type(chosen["packed"][coder]).__name__.startswith("Jpeg2k")
        assert chosen["packed"][coder].settings.codec == name


def test_one_number_holds_for_measurements(ds):
    """A bound given as one number spares counts and classes, and reaches packed reals in counts."""
    chosen = encoding(ds, zarr_format=2, max_error=0.75)
    assert {name: str(settings_of(given).fidelity) for name, given in chosen.items()} == {
        "real": "max_error=0.75",
        "packed": "max_error=1.5",  # counts of 0.5 K each
        "counts": "lossless",
        "classes": "lossless",
    }


def test_one_number_that_holds_for_nothing_warns(ds):
    """Counts without a scale are not measurements; the warning says how to name them."""
    with pytest.warns(UserWarning, match=r"counts.* stay without loss.*max_error=\{'counts': 2\}"):
        chosen = encoding(ds[["counts"]], zarr_format=2, max_error=2)
    assert settings_of(chosen["counts"]).fidelity.kind == "lossless"


def test_one_number_for_different_units_warns(ds):
    """0.05 of a temperature is nothing, and of a specific humidity everything."""
    humidity = (ds["real"] / 100).assign_attrs(units="kg kg-1")
    mixed = xr.Dataset({"t": ds["real"].assign_attrs(units="K"), "q": humidity})
    with pytest.warns(UserWarning, match=r"different units, t \(K\), q \(kg kg-1\): name each"):
        encoding(mixed, max_error=0.05)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoding(mixed, max_error={"t": 0.05, "q": 1e-5})
        encoding(mixed, psnr=50)


@pytest.mark.parametrize(("word", "expected"), [("max_error", 4.0), ("rmse", 4.0), ("psnr", 2.0)])
def test_a_mapping_names_variables(ds, word, expected):
    """A named variable gets its promise, in stored counts where it is packed; no other does."""
    chosen = encoding(ds, zarr_format=2, **{word: {"packed": 2.0, "counts": 3.0}})
    assert settings_of(chosen["packed"]).fidelity == Fidelity(word, expected)
    assert settings_of(chosen["counts"]).fidelity == Fidelity(word, 3.0)
    assert settings_of(chosen["real"]).fidelity == Fidelity()


def test_patterns_name_variables():
    """Integers too, but no classes, flags or times; a name goes before, then the first pattern."""
    names = ("B02", "B03", "B8A", "C01", "B_mask")
    ds = xr.Dataset({name: cube("u2") for name in names})
    ds["B_scl"] = cube("u1", flag_values=[1, 2])
    said = {"B0*": 3, "B*": 5, "B03": 7, "?0[12]": 9}
    chosen = encoding(ds, zarr_format=2, max_error=said, pca={"C*": False})
    found = {name: settings_of(given).fidelity.value for name, given in chosen.items()}
    assert found == {"B02": 3, "B03": 7, "B8A": 5, "C01": 9, "B_mask": 0, "B_scl": 0}
    assert settings_of(chosen["C01"]).pca is False
    assert settings_of(chosen["B02"]).pca == "auto"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"D*": 1}, r"max_error names 'D\*'; the variables are real"),
        ({"stat*": 1}, r"names 'stat\*', which has no time, y and x axes"),
        ({"cl*": 1}, r"names 'cl\*', which passes over classes: patterns are not for classes"),
    ],
)
def test_patterns_that_name_nothing_are_refused(ds, said, message):
    """As names are."""
    with pytest.raises(VideoCodecError, match=message):
        encoding(ds, max_error=said)


def test_a_bound_on_classes_is_doubted(ds):
    """Whoever names them may, and whoever gives them alone, but is told what it does."""
    for data, said in ((ds, {"classes": 3.0}), (ds.classes, 3.0)):
        with pytest.warns(UserWarning, match="'classes' holds classes or flags .* leave it out"):
            chosen = encoding(data, zarr_format=2, max_error=said)
        assert settings_of(chosen["classes"]).fidelity.value == 3


def test_a_number_that_holds_for_nothing_is_doubted(ds):
    """Where there is no cube at all; without a promise nothing is expected."""
    with pytest.warns(UserWarning, match=r"max_error=0\.1 holds for no variable, .* name axes"):
        assert encoding(ds[["static"]], max_error=0.1) == {}
    assert encoding(ds[["static"]]) == {}


@pytest.mark.parametrize("bound", [-3, "3", np.nan, True])
def test_numbers_that_hold_for_nothing_are_checked_as_well(ds, bound):
    """Of a dataset of integers alone."""
    with pytest.raises(VideoCodecError, match="max_error must be a positive finite number"):
        encoding(ds[["classes"]], max_error=bound)


def test_complex_numbers_keep_no_promise(ds):
    """Though they have all axes; an array by itself as a variable that is named."""
    waves = ds["real"].astype("c8")
    for data, said in ((waves, 0.1), (ds.assign(waves=waves), {"waves": 0.1})):
        with pytest.raises(VideoCodecError, match=r"holds complex numbers .* as two variables"):
            encoding(data, max_error=said)


@pytest.mark.parametrize("name", ["SCL", "cloud_mask", "labels", "qa_pixel", "few"])
def test_no_bound_is_advised_for_classes(name, ds):
    """Whether attributes, their name or their few values tell; another is the example, or none."""
    values = cube("u1") // (50 if name == "few" else 1)
    classes = xr.Dataset({name: values, "classes": ds.classes})
    with pytest.warns(UserWarning, match="stay without loss$"):
        encoding(classes, max_error=2)
    with pytest.warns(UserWarning, match=r"as in max_error=\{'counts': 2\}$"):
        encoding(classes.assign(counts=ds.counts), max_error=2)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"max_error": {"missing": 1}}, "the variables are real"),
        ({"max_error": {"static": 1}}, "has no time, y and x axes"),
        ({"max_error": {"real": 1}, "rmse": {"real": 1}}, "max_error and rmse"),
        ({"max_error": 1, "lossless": True}, "lossless=True excludes"),
        ({"max_error": -1}, "positive finite number"),
        ({"max_relative_error": {"packed": 0.1}}, "add_offset"),
        ({"chunks": {"level": 1}}, "chunks names level"),
        ({"chunks": {"time": 0}}, "whole numbers from 1, or -1 .* got time=0"),
        ({"chunks": {"y": -2}}, "got y=-2"),
        ({"chunks": {"x": 2.5}}, "got x=2.5"),
        ({"chunks": {"x": "4"}}, "got x=4"),
        ({"chunks": {"x": True}}, "got x=True"),
        ({"axes": {"level": "t"}}, "axes names level"),
        ({"codec": "mpeg"}, "codec must be one of"),
        ({"effort": 0}, "effort must be"),
        ({"codec": "jpeg2k", "gop": 4}, "jpeg2k has no gop"),
        ({"pca": {"none": 2}}, "pca names 'none'"),
    ],
)
def test_settings_that_cannot_hold_are_refused(ds, said, message):
    """A promise that would not be kept, or names nothing, never passes in silence."""
    with pytest.raises(VideoCodecError, match=message):
        encoding(ds, **said)


@pytest.mark.parametrize(
    ("dtype", "attrs", "nodata"),
    [
        ("i2", {"_FillValue": np.int16(-9999)}, -9999),
        ("u2", {"nodata": 65535}, 65535),
        ("u2", {"missing_value": np.array([0])}, 0),
        ("f4", {"_FillValue": 1e20}, float(np.float32(1e20))),
        ("f4", {"_FillValue": np.nan}, None),
        ("f8", {"_FillValue": -9999, "nodata": -9999}, -9999.0),
        ("u1", {"_FillValue": -9999}, None),
        ("u1", {"_FillValue": 0.5}, None),
        ("u8", {"_FillValue": np.uint64(2**64 - 1)}, 2**64 - 1),
        ("f4", {"nodata": "none"}, None),
        ("f4", {}, None),
    ],
)
def test_the_sentinel_reaches_the_codec(dtype, attrs, nodata):
    """CF fill values and the attribute ``nodata`` count where the stored dtype can hold them."""
    chosen = encoding(xr.Dataset({"v": cube(dtype, **attrs)}), zarr_format=2)
    assert settings_of(chosen["v"]).nodata == (() if nodata is None else (nodata,))


def test_the_sentinel_fills_the_chunks_at_the_edges():
    """In format 3 the array's fill value, with which Zarr pads chunks, is the sentinel too."""
    chosen = encoding(xr.Dataset({"v": cube("u2", nodata=65535)}))
    assert chosen["v"]["fill_value"] == 65535


@pytest.mark.parametrize(
    ("letters", "shape"),
    [
        ("tyx", (6, 20, 24)),
        ("tyx", (365, 721, 1440)),
        ("tcyx", (1000, 200, 2000, 2000)),
        ("ttyx", (30, 40, 1000, 1000)),
        ("yxt", (10980, 10980, 73)),
        ("tcyx", (5000, 1, 1, 1)),
    ],
)
def test_chosen_chunks_are_bounded_and_even(letters, shape):
    """No chunk passes the bounds, and cutting evenly pads less than one cell a chunk and axis."""
    chunks = choose_chunks(letters, shape)
    assert math.prod(chunks) <= 2**24
    assert math.prod(n for n, letter in zip(chunks, letters, strict=True) if letter == "t") <= 128
    for length, chunk in zip(shape, chunks, strict=True):
        parts = math.ceil(length / chunk)
        assert 0 <= parts * chunk - length < parts


@pytest.mark.parametrize(
    ("letters", "shape", "expected"),
    [
        ("tyx", (20, 352, 512), (20, 352, 512)),  # few dates: wider tiles
        ("tyx", (12, 1024, 1024), (12, 512, 512)),
        ("tyx", (100, 1024, 1024), (100, 256, 256)),
        ("tcyx", (118, 4, 512, 512), (118, 4, 128, 128)),
        ("tyx", (365, 721, 1440), (122, 241, 240)),
    ],
)
def test_chosen_tiles_depend_on_dates_and_bands(letters, shape, expected):
    """The time axis is whole up to 128 dates, and pictures share what room is left."""
    assert choose_chunks(letters, shape) == expected


@pytest.mark.parametrize(
    ("stored", "said", "expected"),
    [
        (None, None, (6, 200, 240)),
        ((6, 100, 120), None, (6, 100, 120)),
        ((1, 200, 240), None, (6, 200, 240)),  # one date a chunk has nothing to predict from
        ((6, 10, 10), None, (6, 200, 240)),
        ((1, 200, 240), {"time": 3}, (3, 200, 240)),
        ((6, 100, 120), {"y": -1, "x": 999}, (6, 200, 240)),
        (None, {"time": np.int64(3), "y": np.uint8(100), "x": np.int64(-1)}, (3, 100, 240)),
    ],
)
def test_chunks_of_the_user_then_the_store_then_ours(stored, said, expected):
    """What the user says wins, then chunks that suit a video, then our choice."""
    variable = cube(shape=(6, 200, 240))
    variable.encoding["chunks"] = stored
    chunks = encoding(xr.Dataset({"v": variable}), chunks=said)["v"]["chunks"]
    assert chunks == expected
    assert {type(length) for length in chunks} == {int}


def test_dask_chunks_are_kept():
    """Dask's chunks are Zarr's, so that no two tasks write one chunk."""
    pytest.importorskip("dask")
    variable = cube(shape=(6, 200, 240)).chunk(time=2, y=100)
    assert encoding(xr.Dataset({"v": variable}))["v"]["chunks"] == (2, 100, 240)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_packed_data_keep_their_conventions_and_their_bound(tmp_path, zarr_format):
    """A decoded dataset comes back with its packing, fill value and dates, within the bound."""
    values = np.random.default_rng(1).normal(280, 8, (5, 30, 40)).round(2)
    values[1, :4] = np.nan
    temperature = xr.DataArray(values, dims=("time", "lat", "lon"), attrs={"units": "K"})
    temperature.encoding = {
        "dtype": "int16",
        "scale_factor": 0.01,
        "add_offset": 273.15,
        "_FillValue": -32768,
    }
    dates = xr.date_range("2020-01-01", periods=5, use_cftime=False)
    ds = xr.Dataset({"t2m": temperature}, coords={"time": dates})
    ds.to_zarr(
        tmp_path / "a.zarr",
        zarr_format=zarr_format,
        encoding=encoding(ds, zarr_format=zarr_format, max_error=0.055),
    )
    with xr.open_zarr(tmp_path / "a.zarr") as back:
        assert back.time.equals(ds.time)
        assert back.t2m.encoding["dtype"] == "int16"
        assert back.t2m.encoding["_FillValue"] == -32768
        error = np.abs(back.t2m.values - values)
    assert np.array_equal(np.isnan(error), np.isnan(values))
    assert 0 < np.nanmax(error) <= 0.055 + 1e-9  # the last digit is lost in the packing itself


def test_relations_between_variables_are_kept(tmp_path):
    """Names of coordinates and of the grid mapping survive an encoding given from outside."""
    variable = cube()
    variable.encoding = {"grid_mapping": "crs", "coordinates": "area"}
    ds = xr.Dataset({"v": variable, "crs": 0, "area": (("y", "x"), np.ones((20, 24)))})
    ds.to_zarr(tmp_path / "a.zarr", encoding=encoding(ds))
    with xr.open_zarr(tmp_path / "a.zarr", decode_coords="all") as back:
        assert {"crs", "area"} <= set(back.coords)


def test_a_reader_needs_no_import(tmp_path):
    """A fresh process that imports xarray alone reads the store through the entry points."""
    ds = xr.Dataset({"v": cube()})
    ds.to_zarr(tmp_path / "a.zarr", encoding=encoding(ds))
    program = "import sys, xarray; print(float(xarray.open_zarr(sys.argv[1]).v.astype('f8').sum()))"
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "a.zarr"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == float(ds.v.astype("f8").sum())
