"""Which axis a dimension is: what CF and OME-Zarr say of it goes before its name."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("dask")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video import VideoCodecError  # noqa: E402
from numcodecs_video.xarray import letters_of  # noqa: E402

SHAPE = (4, 20, 24)
VALUES = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")
DATES = np.datetime64("2020-01-01", "ns") + np.arange(4) * np.timedelta64(1, "D")


def cube(dims=("a", "b", "c"), shape=SHAPE, **attrs) -> xr.DataArray:
    """A cube of dimensions whose names say nothing, their coordinates bearing attributes."""
    coords = {
        dim: (dim, np.arange(n), attrs.get(dim, {})) for dim, n in zip(dims, shape, strict=True)
    }
    return xr.DataArray(np.zeros(shape, "f4"), dims=dims, coords=coords, name="v")


@pytest.mark.parametrize(
    ("a", "b", "c", "letters"),
    [
        ({"axis": "T"}, {"axis": "Y"}, {"axis": "X"}, "tyx"),
        ({"axis": "Y"}, {"axis": "X"}, {"axis": "T"}, "yxt"),
        (
            {"standard_name": "time"},
            {"standard_name": "latitude"},
            {"units": "degrees_east"},
            "tyx",
        ),
        (
            {"units": "hours since 1900-01-01"},
            {"standard_name": "projection_y_coordinate"},
            {"standard_name": "projection_x_coordinate"},
            "tyx",
        ),
        ({"axis": "T"}, {"axis": "Y"}, {"axis": "Z"}, None),
        ({}, {"axis": "Y"}, {"axis": "X"}, None),
    ],
)
def test_attributes_of_coordinates_tell(a, b, c, letters):
    """Whatever the dimensions are called."""
    assert letters_of(cube(a=a, b=b, c=c)) == letters


def test_attributes_go_before_names():
    """A grid that is called x but runs north is y."""
    swapped = cube(("time", "x", "y"), x={"axis": "Y"}, y={"axis": "X"})
    assert letters_of(swapped) == "tyx"
    # What is y by its attributes leaves no y for a name.
    assert letters_of(cube(("time", "lat", "row", "x"), (4, 5, 6, 7), lat={"axis": "Y"})) == "tycx"
    assert letters_of(cube(("time", "i", "y", "x"), (4, 5, 6, 7), i={"axis": "Z"})) == "tcyx"


@pytest.mark.parametrize("kind", ["dates", "durations", "cftime"])
def test_dates_tell(kind):
    """Decoded ones, of any calendar; text does not, although it is of objects, too."""
    labels = {
        "dates": DATES,
        "durations": np.arange(4) * np.timedelta64(1, "h"),
        "cftime": xr.date_range("2020-01-01", periods=4, calendar="noleap", use_cftime=True),
    }[kind]
    variable = cube(("scene", "y", "x")).assign_coords(scene=labels)
    assert letters_of(variable) == "tyx"
    words = np.array(["B2", "B3", "B4", "B8"], object)
    assert letters_of(cube(("scene", "y", "x")).assign_coords(scene=words)) is None


def test_other_coordinates_tell_where_nothing_else_does():
    """Dates along a dimension of numbers; latitudes and longitudes of a swath."""
    swath = xr.DataArray(np.zeros((4, 5, 6)), dims=("granule", "scan", "pixel"))
    north, east = {"standard_name": "latitude"}, {"standard_name": "longitude"}
    swath = swath.assign_coords(
        seen=("granule", DATES),
        lat=(("scan", "pixel"), np.zeros((5, 6)), north),
        lon=(("scan", "pixel"), np.zeros((5, 6)), east),
    )
    assert letters_of(swath) == "tyx"
    # Dates of bands make no second time axis, and stations have no picture.
    bands = cube(("time", "band", "y", "x"), (4, 4, 5, 6)).assign_coords(seen=("band", DATES))
    assert letters_of(bands) == "tcyx"
    stations = xr.DataArray(np.zeros((4, 5)), dims=("time", "station"))
    stations = stations.assign_coords(
        lat=("station", np.zeros(5), north), lon=("station", np.zeros(5), east)
    )
    assert letters_of(stations) is None


def test_what_the_user_says_goes_before_all():
    """Even where attributes say otherwise."""
    variable = cube(("time", "y", "x"), time={"axis": "T"}, y={"axis": "Y"}, x={"axis": "X"})
    assert letters_of(variable, {"y": "x", "x": "y"}) == "txy"


def test_a_dataset_of_attributes_alone_becomes_video(tmp_path):
    """From the encoding to the store."""
    ds = cube(a={"axis": "T"}, b={"axis": "Y"}, c={"axis": "X"}).copy(data=VALUES).to_dataset()
    ncv.to_zarr(ds, tmp_path / "a", max_error=0.1, effort=1)
    with xr.open_zarr(tmp_path / "a") as after:
        assert 0 < np.abs(after.v.values - VALUES).max() <= 0.1


def image_attributes(version: str, names: str) -> dict:
    """The metadata of an image whose axes have these names."""
    kinds = {"t": "time", "c": "channel"}
    axes = [{"name": name, "type": kinds.get(name, "space")} for name in names]
    image = [{"axes": axes, "datasets": [{"path": "0"}], "name": "cells"}]
    return {"multiscales": image} if version == "0.4" else {"ome": {"multiscales": image}}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize(
    ("names", "letters"),
    [("tczyx", "tccyx"), ("tyx", "tyx"), ("czyx", "ctyx"), ("zyx", "tyx"), ("cyx", None)],
)
def test_images_tell_their_axes(version, names, letters):
    """By the types in their metadata, in the group or on the array; slices stand in for dates."""
    variable = xr.DataArray(np.zeros(range(3, 3 + len(names)), "u2"), name="0")
    attrs = image_attributes(version, names)
    assert letters_of(variable) is None
    assert letters_of(variable, group=attrs) == letters
    assert letters_of(variable.assign_attrs(attrs)) == letters
    if letters:
        chosen = ncv.encoding(xr.Dataset({"0": variable}, attrs=attrs), zarr_format=2)
        assert chosen["0"]["compressors"].settings.axes == letters
    assert letters_of(variable.isel(dim_0=0), group=attrs) is None


@pytest.mark.parametrize("bad", [{"multiscales": 3}, {"ome": []}, {"multiscales": [{"axes": [1]}]}])
def test_metadata_that_are_no_images(bad):
    """Are passed over."""
    assert letters_of(xr.DataArray(np.zeros((2, 3, 4))), group=bad) is None


@pytest.mark.parametrize(("version", "zarr_format"), [("0.4", 2), ("0.5", 3)])
def test_images_without_dimension_names_open(tmp_path, version, zarr_format):
    """Xarray refuses them; as an array with its axes they go into a store as video."""
    group = zarr.open_group(tmp_path / "image", mode="w", zarr_format=zarr_format)
    counts = np.random.default_rng(0).integers(0, 900, (4, 2, 20, 24), dtype="u2")
    made = group.create_array("0", shape=counts.shape, dtype="u2", chunks=(1, 2, 20, 24))
    made[:] = counts
    group.attrs.put(image_attributes(version, "tcyx"))
    image = ncv.open_image(tmp_path / "image")
    assert (image.name, image.dims, image.chunks[0]) == ("cells", ("t", "c", "y", "x"), (1,) * 4)
    ncv.to_zarr(image.chunk(t=-1), tmp_path / "video", max_error=5, effort=1)
    with xr.open_zarr(tmp_path / "video") as after:
        assert 0 < np.abs(after.cells.values.astype(int) - counts).max() <= 5
    assert 0 < ncv.compare(tmp_path / "image", tmp_path / "video")["cells"].largest_error <= 5
    group.attrs.put({})
    with pytest.raises(KeyError, match="dimension"):
        ncv.compare(tmp_path / "image", tmp_path / "video")
    group.attrs.put(image_attributes(version, "tcyx"))
    with pytest.raises(VideoCodecError, match="no OME-Zarr image with a level 1: it has 1 levels"):
        ncv.open_image(tmp_path / "image", level=1)
