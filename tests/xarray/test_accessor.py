"""The accessor: the same functions, on whatever xarray holds arrays in."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

pytest.importorskip("dask")
xr = pytest.importorskip("xarray")

import numcodecs_video.xarray as ncv  # noqa: E402

T = ("time", "y", "x")
VALUES = np.random.default_rng(0).normal(280, 3, (6, 20, 24)).astype("f4")
SAID = {"max_error": 0.5, "effort": 1}
OF = {
    "dataset": {
        "encoding", "to_zarr", "evaluate", "compare", "suggest", "stack_bands", "unstack_bands",
    },
    "array": {"encoding", "to_zarr", "evaluate", "compare", "suggest", "sweep"},
    "tree": {"encoding", "to_zarr"},
}  # fmt: skip


@pytest.fixture
def data() -> dict:
    """One cube, as dataset, array and tree."""
    ds = xr.Dataset({"v": (T, VALUES)})
    return {"dataset": ds, "array": ds.v, "tree": xr.DataTree.from_dict({"/a": ds})}


@pytest.mark.parametrize("kind", OF)
def test_methods_are_functions_of_the_module(data, kind):
    """Of the same name, and each says which one to read on."""
    accessor = data[kind].numcodecs_video
    methods = dict(inspect.getmembers(accessor, inspect.ismethod))
    assert {name for name in methods if not name.startswith("_")} == OF[kind]
    for name in OF[kind]:
        assert callable(getattr(ncv, name))
        assert name in methods[name].__doc__


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow) if kind == "tree" else kind for kind in OF]
)
def test_writing(tmp_path, data, kind):
    """Under the promise, as video."""
    data[kind].numcodecs_video.to_zarr(tmp_path / "a", **SAID)
    with xr.open_zarr(tmp_path / "a", group="a" if kind == "tree" else None) as after:
        assert 0 < np.abs(after.v.values - VALUES).max() <= 0.5
        assert after.v.attrs["lossy_compression_max_error"] == 0.5
    chosen = data[kind].numcodecs_video.encoding(**SAID)
    assert list(chosen) == (["/a"] if kind == "tree" else ["v"])


def test_measuring(data):
    """What it costs, and how far two are apart."""
    of_array, of_dataset = (data[kind].numcodecs_video for kind in ("array", "dataset"))
    assert of_array.evaluate(**SAID).largest_error <= 0.5
    assert of_dataset.evaluate(**SAID)["v"].largest_error <= 0.5
    assert len(of_array.sweep({"max_error": [0.5, 1.0]}, effort=1)) == 2
    for accessor in (of_array, of_dataset):
        assert accessor.suggest(max_error=0.5, efforts=[1]).name == "v"
        assert accessor.compare(data["dataset"] + 1)["v"].largest_error == pytest.approx(
            1, rel=1e-3
        )
