"""Arrays and trees are stored as datasets are, and what is none of them is refused in one line."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("dask")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video import VideoCodecError  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

T = ("time", "y", "x")
SHAPE = (6, 20, 24)
VALUES = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")
COUNTS = np.random.default_rng(1).integers(0, 900, SHAPE, dtype="u2")
BOTH = pytest.mark.parametrize("zarr_format", FORMATS)
SAID = {"max_error": 0.1, "effort": 1}


@pytest.fixture
def tree() -> xr.DataTree:
    """Cubes in the root and in two groups, one of them without a time axis of its own."""
    times = {"time": np.arange(SHAPE[0])}
    return xr.DataTree.from_dict(
        {
            "/": xr.Dataset({"v": (T, VALUES)}, coords=times),
            "/a": xr.Dataset({"v": (T, VALUES), "counts": (T, COUNTS)}),
            "/a/b": xr.Dataset({"w": (T, VALUES), "height": (T[1:], VALUES[0])}),
        }
    )


@BOTH
def test_a_tree_is_written_as_video(tmp_path, tree, zarr_format):
    """In every group, within the bound, and with a record of what was lost."""
    ncv.to_zarr(tree, tmp_path / "t", zarr_format=zarr_format, **SAID)
    group = zarr.open_group(tmp_path / "t", mode="r")
    for path in ("v", "a/v", "a/b/w"):
        assert 0 < np.abs(group[path][:] - VALUES).max() <= 0.1
        assert 0 < group[path].attrs["lossy_compression_realised_max_error"] <= 0.1
    np.testing.assert_array_equal(group["a/counts"][:], COUNTS)
    np.testing.assert_array_equal(group["a/b/height"][:], VALUES[0])
    with xr.open_datatree(tmp_path / "t", engine="zarr") as after:
        assert set(after.groups) == set(tree.groups)


def test_the_encoding_of_a_tree_is_that_of_its_groups(tmp_path, tree):
    """As xarray takes it, by path; also with inherited coordinates and for a part of a tree."""
    chosen = ncv.encoding(tree, **SAID)
    assert {path: set(given) for path, given in chosen.items()} == {
        "/": {"v"},
        "/a": {"v", "counts"},
        "/a/b": {"w"},
    }
    tree.to_zarr(tmp_path / "t", encoding=chosen)
    found = zarr.open_group(tmp_path / "t", mode="r")["a/b/w"]
    assert 0 < np.abs(found[:] - VALUES).max() <= 0.1
    ncv.to_zarr(tree["a"], tmp_path / "part", **SAID)
    assert 0 < np.abs(zarr.open_group(tmp_path / "part", mode="r")["b/w"][:] - VALUES).max() <= 0.1


def test_promises_of_a_tree_name_variables_or_their_paths(tree):
    """A name holds in every group, a path in one, and goes before the name."""
    chosen = ncv.encoding(tree, zarr_format=2, max_error={"v": 0.5, "a/b/w": 0.25, "a/v": 1})
    found = {
        (path, name): given["compressors"].settings.fidelity.value
        for path, group in chosen.items()
        for name, given in group.items()
    }
    assert found == {("/", "v"): 0.5, ("/a", "v"): 1, ("/a", "counts"): 0, ("/a/b", "w"): 0.25}
    with pytest.raises(VideoCodecError, match="the variables are v, a/v, a/counts, a/b/w"):
        ncv.encoding(tree, max_error={"a/w": 1})


def test_single_encodings_of_a_tree(tmp_path, tree):
    """By the path of their group, before what is chosen."""
    own = {"/a": {"counts": {"serializer": "auto", "chunks": (2, 20, 24)}}}
    ncv.to_zarr(tree, tmp_path / "t", encoding=own, **SAID)
    group = zarr.open_group(tmp_path / "t", mode="r")
    assert group["a/counts"].chunks == (2, 20, 24)
    assert group["a/v"].chunks == SHAPE


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"group": "a"}, "as a whole, without group"),
        ({"encoding": {"a": {}}}, "names the group 'a'; the groups are /, /a, /a/b"),
        ({"append_dim": "time"}, "without append_dim"),
        ({"region": "auto"}, r"without region: write one of its groups"),
    ],
)
def test_what_a_tree_is_not_written_with(tmp_path, tree, said, message):
    """Is refused before anything is written: what xarray has for single groups, or names none."""
    with pytest.raises(VideoCodecError, match=message):
        ncv.to_zarr(tree, tmp_path / "t", **said)
    assert not (tmp_path / "t").exists()


def test_a_tree_does_not_replace_what_it_is_read_from(tmp_path, tree):
    """Nor would a group of it."""
    ncv.to_zarr(tree, tmp_path / "t", **SAID)
    with (
        xr.open_datatree(tmp_path / "t", engine="zarr", chunks={}) as lazy,
        pytest.raises(VideoCodecError, match="yet to be read from the store"),
    ):
        ncv.to_zarr(lazy, tmp_path / "t", mode="w", **SAID)


@BOTH
@pytest.mark.parametrize("compute", [True, False])
def test_lazy_trees(tmp_path, tree, zarr_format, compute):
    """Of Dask arrays the values are computed at once, or when asked for; then comes the record."""
    lazy = tree.chunk(time=3)
    later = ncv.to_zarr(lazy, tmp_path / "t", zarr_format=zarr_format, compute=compute, **SAID)
    if not compute:
        assert "lossy_compression_algorithm" not in zarr.open_group(tmp_path / "t")["a/v"].attrs
        later.compute()
    with xr.open_datatree(tmp_path / "t", engine="zarr") as after:
        for path, name in (("/", "v"), ("/a", "v"), ("/a/b", "w")):
            found = after[path][name]
            assert 0 < np.abs(found.values - VALUES).max() <= 0.1
            assert 0 < found.attrs["lossy_compression_realised_max_error"] <= 0.1
            assert found.encoding["chunks"] == (3, 20, 24)


@BOTH
@pytest.mark.parametrize("name", ["v", None, "time"])
def test_an_array_is_written_as_xarray_writes_it(tmp_path, name, zarr_format):
    """With its name, or without one; one number is its promise even where it is of integers."""
    data = xr.DataArray(COUNTS, dims=T, coords={"time": np.arange(SHAPE[0])}, name=name)
    ncv.to_zarr(data, tmp_path / "a", zarr_format=zarr_format, max_error=5, effort=1)
    with xr.open_dataarray(tmp_path / "a", engine="zarr") as after:
        assert after.name == name
        assert 0 < np.abs(after.values.astype(int) - COUNTS).max() <= 5
    chosen = ncv.encoding(data, zarr_format=zarr_format, max_error=5, effort=1)
    data.to_zarr(tmp_path / "b", zarr_format=zarr_format, encoding=chosen)
    with xr.open_dataarray(tmp_path / "b", engine="zarr") as after:
        assert 0 < np.abs(after.values.astype(int) - COUNTS).max() <= 5


@pytest.mark.parametrize("function", [ncv.suggest, ncv.evaluate, ncv.encoding])
@pytest.mark.parametrize("data", [VALUES, "a.zarr", None])
def test_what_is_nothing_of_xarray_is_refused(function, data):
    """With its kind, and what to give."""
    with pytest.raises(TypeError, match=r"xarray .*got (numpy\.ndarray|str|NoneType)"):
        function(data)
    with pytest.raises(TypeError, match="expected an xarray Dataset"):
        ncv.to_zarr(data, {})


def test_functions_of_one_variable_say_so(tree):
    """A dataset of one is that one; several are named."""
    ds = tree["a"].to_dataset()
    for function in (ncv.suggest, lambda data: ncv.sweep(data, {"max_error": [1.0]})):
        with pytest.raises(VideoCodecError, match=r"one variable.*v.*counts"):
            function(ds)
    assert ncv.suggest(ds[["v"]], max_error=0.5, efforts=[1]).name == "v"


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("encoding", lambda ds, **said: ncv.encoding(ds, **said)),
        ("to_zarr", lambda ds, **said: ncv.to_zarr(ds, {}, **said)),
        ("evaluate", lambda ds, **said: ncv.evaluate(ds.v, **said)),
        ("suggest", lambda ds, **said: ncv.suggest(ds.v, **said)),
        ("sweep", lambda ds, **said: ncv.sweep(ds.v, {"max_error": [1.0]}, **said)),
    ],
)
def test_unknown_keywords_name_the_function_and_the_nearest(tree, name, call):
    """Of the function that was called, not of one within."""
    with pytest.raises(TypeError, match=rf"{name}\(\) has no keyword 'max_eror': .*'max_error'\?"):
        call(tree.to_dataset(), max_eror=0.1)
    with pytest.raises(TypeError, match=rf"{name}\(\) has no keyword 'qqq': it has .*effort"):
        call(tree.to_dataset(), qqq=0.1)
