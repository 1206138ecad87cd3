"""What the attributes say was lost: once, everywhere in a tree, and as readers see it."""

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
SHAPE = (8, 20, 24)
VALUES = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")
EARLIER = "lossy_compression_earlier"
BOTH = pytest.mark.parametrize("zarr_format", FORMATS)
DTYPES = pytest.mark.parametrize("dtype", ["f4", "i2"])


def dataset(dtype: str = "f4") -> xr.Dataset:
    """A cube."""
    return xr.Dataset({"v": (T, VALUES.astype(dtype))})


def attributes(store, **options) -> dict:
    """Those of the cube, as a reader sees them."""
    with xr.open_zarr(store, **options) as ds:
        return ds.v.attrs


@BOTH
@DTYPES
def test_a_record_replaces_itself(tmp_path, zarr_format, dtype):
    """However often it is written."""
    said = {"zarr_format": zarr_format, "max_error": {"v": 2}, "effort": 1}
    ncv.to_zarr(dataset(dtype), tmp_path / "a", **said)
    first = attributes(tmp_path / "a")
    for _ in range(2):
        written = ncv.record_loss(tmp_path / "a")
        assert attributes(tmp_path / "a") == first == written["v"]
    assert EARLIER not in first


@BOTH
@DTYPES
@pytest.mark.parametrize("bound", [2, 3])
@pytest.mark.parametrize("noisy", [False, True])
def test_compressing_again_counts(tmp_path, zarr_format, dtype, bound, noisy):
    """By `to_zarr` and by xarray, under the same promise and under another; and only once.

    Whether something is lost again, or the levels of what was read are found.
    """
    said = {"zarr_format": zarr_format, "effort": 1}
    ncv.to_zarr(dataset(dtype), tmp_path / "a", max_error={"v": 2}, **said)
    with xr.open_zarr(tmp_path / "a") as read:
        moved = read + np.ones(1, dtype)
        if noisy:
            moved = moved + np.random.default_rng(1).integers(0, 9, read.v.shape).astype(dtype)
        moved.v.attrs = read.v.attrs
        ncv.to_zarr(moved, tmp_path / "b", max_error={"v": bound}, **said)
        chosen = ncv.encoding(moved, max_error={"v": bound}, **said)
        moved.to_zarr(tmp_path / "c", encoding=chosen, zarr_format=zarr_format)
    ncv.record_loss(tmp_path / "c")
    ncv.record_loss(tmp_path / "b")
    for store in ("b", "c"):
        found = attributes(tmp_path / store)
        assert found["lossy_compression_max_error"] == bound
        if noisy:
            assert found["lossy_compression_realised_max_error"] > 0
        assert found[EARLIER].startswith("lossy_compression_algorithm: video")
        assert "lossy_compression_max_error: 2.0" in found[EARLIER]
        assert EARLIER not in found[EARLIER]


@BOTH
def test_what_lost_nothing_is_no_earlier_loss(tmp_path, zarr_format):
    """A copy under the same promise may lose nothing, and knows its own record all the same."""
    constant = xr.Dataset({"v": (T, np.full(SHAPE, 280, "f4"))})
    ncv.to_zarr(constant, tmp_path / "a", zarr_format=zarr_format, max_error=0.1, effort=1)
    first = attributes(tmp_path / "a")
    assert first["lossy_compression_realised_max_error"] == 0
    for _ in range(2):
        ncv.record_loss(tmp_path / "a")
        assert attributes(tmp_path / "a") == first
    assert EARLIER not in first


@BOTH
def test_three_times_are_three_records(tmp_path, zarr_format):
    """Each within the next."""
    ds = dataset()
    for name, bound in (("a", 0.1), ("b", 0.2), ("c", 0.3)):
        ncv.to_zarr(ds, tmp_path / name, zarr_format=zarr_format, max_error=bound, effort=1)
        ds = xr.open_zarr(tmp_path / name)
    found = ds.v.attrs[EARLIER]
    assert "max_error: 0.2" in found
    assert "max_error: 0.1" in found


@BOTH
@pytest.mark.parametrize("consolidated", [True, False])
def test_trees_are_walked(tmp_path, zarr_format, consolidated):
    """And consolidated metadata of the root say what the arrays do."""
    inner = dataset().drop_vars([])
    tree = xr.DataTree.from_dict({"/": dataset(), "/a": inner, "/a/b": inner})
    chosen = ncv.encoding(dataset(), zarr_format=zarr_format, max_error=0.1, effort=1)
    tree.to_zarr(
        tmp_path / "t", zarr_format=zarr_format, consolidated=consolidated,
        encoding=dict.fromkeys(("/", "/a", "/a/b"), chosen),
    )  # fmt: skip
    assert set(ncv.record_loss(tmp_path / "t")) == {"v", "a/v", "a/b/v"}
    with xr.open_datatree(tmp_path / "t", engine="zarr", consolidated=consolidated) as after:
        for path in ("/", "/a", "/a/b"):
            assert after[path].v.attrs["lossy_compression_max_error"] == pytest.approx(0.1)


@BOTH
@pytest.mark.parametrize("by_path", [True, False])
def test_one_group_leaves_no_stale_root(tmp_path, zarr_format, by_path):
    """Named within its store, or by its own path."""
    ncv.to_zarr(dataset(), tmp_path / "t", zarr_format=zarr_format)
    chosen = ncv.encoding(dataset(), zarr_format=zarr_format, max_error=0.1, effort=1)
    dataset().to_zarr(tmp_path / "t", group="a", zarr_format=zarr_format, encoding=chosen, mode="w")
    zarr.consolidate_metadata(tmp_path / "t")
    if by_path:
        ncv.record_loss(tmp_path / "t" / "a")
    else:
        ncv.record_loss(tmp_path / "t", group="a")
    root = zarr.open_group(tmp_path / "t", mode="r")
    assert root.metadata.consolidated_metadata is not None
    assert root["a/v"].attrs["lossy_compression_max_error"] == pytest.approx(0.1)


@BOTH
def test_what_is_appended_is_in_the_record(tmp_path, zarr_format):
    """The worst of all chunks, without a claim of an earlier loss."""
    said = {"zarr_format": zarr_format, "max_error": 0.1, "chunks": {"time": 4}, "effort": 1}
    steps = 0.15 * (VALUES // 4)  # two of them to a level, so that no error exceeds half of one
    smooth = dataset().copy(data={"v": steps.astype("f4")})
    ncv.to_zarr(smooth, tmp_path / "a", **said)
    before = attributes(tmp_path / "a")
    dataset().to_zarr(tmp_path / "a", append_dim="time")
    ncv.record_loss(tmp_path / "a")
    after = attributes(tmp_path / "a")
    key = "lossy_compression_realised_max_error"
    assert before[key] < after[key] <= 0.1
    assert EARLIER not in after


@BOTH
def test_lossless_stores_are_left_as_they_are(tmp_path, zarr_format):
    """What was lost before stays said."""
    ncv.to_zarr(dataset(), tmp_path / "a", zarr_format=zarr_format, max_error=0.1, effort=1)
    with xr.open_zarr(tmp_path / "a") as read:
        ncv.to_zarr(read, tmp_path / "b", zarr_format=zarr_format, effort=1)
    assert attributes(tmp_path / "a") == attributes(tmp_path / "b")
    assert ncv.record_loss(tmp_path / "b") == {}


@BOTH
def test_arrays_are_told_from_groups(tmp_path, zarr_format):
    """A record is of all variables of a group, and what converts a store copies one."""
    ncv.to_zarr(dataset(), tmp_path / "a", zarr_format=zarr_format, effort=1)
    for function in (ncv.record_loss, lambda path: ncv.convert(path, tmp_path / "b")):
        with pytest.raises(VideoCodecError, match="v is an array: name the group around it"):
            function(tmp_path / "a" / "v")
    with pytest.raises(VideoCodecError, match="a has at v an array"):
        ncv.record_loss(tmp_path / "a", group="v")
    with pytest.raises(FileExistsError, match=r"a exists: name another"):
        ncv.convert(tmp_path / "a", tmp_path / "a")
