"""Datasets read from one Zarr format are written into the other, with all that they hold."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("dask")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

import numcodecs_video.xarray as ncv  # noqa: E402

T = ("time", "y", "x")
SHAPE = (6, 20, 24)
BOTH = pytest.mark.parametrize("target", [2, 3])
#: both ways in every run; within one format, which `tests/xarray/test_writing.py` is about, in nox
FROM_TO = pytest.mark.parametrize(
    ("source", "target"),
    [(2, 3), (3, 2), *(pytest.param(n, n, marks=pytest.mark.slow) for n in (2, 3))],
)


@pytest.fixture
def ds() -> xr.Dataset:
    """Cubes of both byte orders, text of both kinds, dates, a grid mapping and its coordinates."""
    values = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")
    letters = np.array(list("abcdef"))
    return xr.Dataset(
        {
            "height": (T, values, {"grid_mapping": "crs"}),
            "swapped": (T, values.astype(">f4")),
            "counts": (T, (values * 9).astype(">i2")),
            "area": (("y", "x"), np.ones(SHAPE[1:])),
            "crs": ((), np.int32(0), {"grid_mapping_name": "latitude_longitude"}),
            "fixed": ("time", letters),
            "text": ("time", letters.astype(object)),
            "when": ("time", np.arange(6).astype("m8[D]").astype("m8[ns]")),
        },
        coords={
            "time": xr.date_range("2020-01-01", periods=6, use_cftime=False),
            "lat": (("y", "x"), np.ones(SHAPE[1:])),
        },
    )


def options(zarr_format: int) -> dict:
    """How to open a store of a format."""
    return {"decode_timedelta": True, "decode_coords": "all", "zarr_format": zarr_format}


def assert_kept(before: xr.Dataset, store, zarr_format: int) -> None:
    """All variables are there in the format asked for, the reals within the bound."""
    with xr.open_zarr(store, **options(zarr_format)) as after:
        assert set(after.variables) == set(before.variables)
        for name in set(before.variables) - {"height", "swapped"}:
            np.testing.assert_array_equal(after[name].values, before[name].values)
        for name in ("height", "swapped"):
            assert np.abs(after[name].values - before[name].values).max() <= 0.1
        assert "crs" in after.coords
        assert zarr.open_group(store, mode="r").metadata.zarr_format == zarr_format


@FROM_TO
@pytest.mark.parametrize(
    "chunks",
    [pytest.param(None, id="lazy"), pytest.param({}, id="dask", marks=pytest.mark.slow)],
)
def test_every_source_goes_into_every_format(tmp_path, ds, source, target, chunks):
    """By `to_zarr`, and by xarray with the encoding given."""
    ds.to_zarr(tmp_path / "a", zarr_format=source)
    with xr.open_dataset(tmp_path / "a", engine="zarr", chunks=chunks, **options(source)) as read:
        ncv.to_zarr(read, tmp_path / "b", zarr_format=target, max_error=0.1, effort=1)
        assert_kept(ds, tmp_path / "b", target)
        chosen = ncv.encoding(read, zarr_format=target, max_error=0.1, effort=1)
        read.to_zarr(tmp_path / "c", zarr_format=target, encoding=chosen)
        assert_kept(ds, tmp_path / "c", target)


@FROM_TO
def test_as_stored_too(tmp_path, ds, source, target):
    """A dataset that is opened without decoding brings the same codecs."""
    ds.to_zarr(tmp_path / "a", zarr_format=source)
    with xr.open_zarr(tmp_path / "a", decode_cf=False, zarr_format=source) as read:
        ncv.to_zarr(read, tmp_path / "b", zarr_format=target, max_error=0.1, effort=1)
    assert_kept(ds, tmp_path / "b", target)


@FROM_TO
def test_several_stores_become_one(tmp_path, ds, source, target):
    """As `open_mfdataset` joins them."""
    for name, part in (("a", slice(3)), ("b", slice(3, None))):
        ds.isel(time=part).to_zarr(tmp_path / name, zarr_format=source)
    paths = [tmp_path / "a", tmp_path / "b"]
    with xr.open_mfdataset(
        paths, engine="zarr", data_vars="minimal", compat="override", coords="minimal",
        combine="by_coords", join="outer", **options(source),
    ) as read:  # fmt: skip
        ncv.to_zarr(read, tmp_path / "c", zarr_format=target, max_error=0.1, effort=1)
    assert_kept(ds, tmp_path / "c", target)


@FROM_TO
def test_video_goes_into_every_format(tmp_path, ds, source, target):
    """A store of this codec is a source as any other, in shards too."""
    chosen = ncv.encoding(ds, zarr_format=source, max_error=0.05, effort=1)
    if source == 3:
        chosen["height"]["shards"] = SHAPE
    ds.to_zarr(tmp_path / "a", zarr_format=source, encoding=chosen)
    with xr.open_zarr(tmp_path / "a", **options(source)) as read:
        ncv.to_zarr(read, tmp_path / "b", zarr_format=target, max_error=0.05, effort=1)
    assert_kept(ds, tmp_path / "b", target)


@BOTH
def test_what_is_no_video_any_more_loses_nothing_again(tmp_path, ds, target):
    """One date of a lossy cube does not bring the lossy codec along."""
    ncv.to_zarr(ds, tmp_path / "a", zarr_format=target, max_error=1.0, effort=1)
    with xr.open_zarr(tmp_path / "a", **options(target)) as read:
        date = read.isel(time=2)
        ncv.to_zarr(date, tmp_path / "b", zarr_format=target)
        with xr.open_zarr(tmp_path / "b", **options(target)) as after:
            np.testing.assert_array_equal(after.height.values, date.height.values)
    array = zarr.open_group(tmp_path / "b", mode="r")["height"]
    assert "video" not in str(array.compressors) + str(getattr(array, "serializer", ""))


def test_codecs_that_fit_stay(tmp_path, ds):
    """What a store's owner chose for other variables is not taken away in the same format."""
    chosen = {"area": {"compressors": [zarr.codecs.GzipCodec(level=3)]}}
    ds.to_zarr(tmp_path / "a", encoding=chosen)
    with xr.open_zarr(tmp_path / "a", **options(3)) as read:
        assert "area" not in ncv.encoding(read)
        ncv.to_zarr(read, tmp_path / "b")
    codecs = zarr.open_group(tmp_path / "b", mode="r")["area"].compressors
    assert [type(codec).__name__ for codec in codecs] == ["GzipCodec"]
