"""The parts of xarray, Dask and zarr that `numcodecs_video.xarray.internals` leans on.

Where one of these fails, a release that is installed has changed it: `internals` is then the one
module to look at.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("dask")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

import numcodecs_video  # noqa: E402
from numcodecs_video.xarray import internals  # noqa: E402

T = ("time", "y", "x")
SHAPE = (8, 20, 24)
ALLOWED = {
    "internals.py",  # which says why
    "lazy.py",  # a backend array, from where xarray's documentation imports what makes one
    "lazily.py",  # another one
}
PRIVATE = re.compile(r"(from|import) xarray\.|\._(data|array|store_dict|indexes|variables)\b")


@pytest.fixture
def ds() -> xr.Dataset:
    """A cube."""
    return xr.Dataset({"v": (T, np.ones(SHAPE, "f4"))})


@pytest.mark.parametrize("chunks", [None, {}], ids=["xarray", "dask"])
def test_sources_are_found(tmp_path, ds, chunks):
    """In the parts of xarray and Dask that lazy values are made of."""
    ds.to_zarr(tmp_path / "a")
    with xr.open_dataset(tmp_path / "a", engine="zarr", chunks=chunks) as read:
        found = [array.basename for array in internals.sources_of(read.v.variable)]
        assert found == ["v"]
        moved = internals.sources_of((read.v[2:4] + 1).variable)
        assert [array.basename for array in moved] in (["v"], [])
        assert not internals.is_in_memory(read.v.variable)
        assert internals.is_in_memory(read.v.load().variable)
    assert not list(internals.sources_of(ds.v.variable))


def test_arrays_without_a_name(tmp_path, ds):
    """Have this one in a store, and none when they are opened again."""
    ds.v.rename(None).to_zarr(tmp_path / "a")
    with xr.open_dataset(tmp_path / "a", engine="zarr") as read:
        assert list(read.data_vars) == [internals.DATAARRAY_VARIABLE]
    ds.v.assign_coords(time=np.arange(8)).rename("time").to_zarr(tmp_path / "b")
    with xr.open_dataset(tmp_path / "b", engine="zarr") as read:
        assert read.attrs == {internals.DATAARRAY_NAME: "time"}


@pytest.mark.parametrize("value", [1e20, -np.inf, np.nan])
def test_fill_values_of_floats(value):
    """As xarray writes them into the attributes of format 3, and reads them."""
    coded = internals.FillValueCoder.encode(np.float32(value), np.dtype("f4"))
    assert isinstance(coded, str)
    back = internals.FillValueCoder.decode(coded, np.dtype("f4"))
    np.testing.assert_array_equal(np.float32(back), np.float32(value))


def test_places_of_stores(tmp_path):
    """One store is one place, however it was opened; another is another."""
    memory, folder = {}, tmp_path / "a"
    made = [zarr.create_group(memory).store, zarr.storage.MemoryStore(memory)]
    assert internals.place_of(made[0], "a/b") == internals.place_of(made[1], "a/b")
    assert internals.place_of(made[0], "") != internals.place_of(zarr.storage.MemoryStore(), "")
    local = zarr.storage.LocalStore(folder)
    assert internals.place_of(local, "b") == internals.place_of(
        zarr.storage.LocalStore(folder / "b"), ""
    )


def test_no_other_module_leans_on_them():
    """Whatever is private to xarray is imported or read there."""
    folder = Path(numcodecs_video.__file__).parent
    found = {
        path.name
        for path in folder.rglob("*.py")
        if any(
            PRIVATE.search(line) and "self._" not in line for line in path.read_text().splitlines()
        )
    }
    assert found <= ALLOWED
