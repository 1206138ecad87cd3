"""Arrays one behind the other, read in parts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")

from numcodecs_video.cli.lazy import concatenated, stacked  # noqa: E402

DIMS = ("time", "y", "x")
ARRAYS = [np.random.default_rng(n).normal(size=(n + 1, 3, 4)).astype("f4") for n in range(3)]
KEYS = (0, -1, slice(None), slice(1, 4), slice(None, None, 2), slice(4, 1, -1), slice(2, 2))
OF_CUBES = list(itertools.product(KEYS, (slice(None), 1), (slice(1, None), 2)))
OF_STACKS = list(itertools.product((0, -1, slice(None), slice(2, 0, -1)), KEYS))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    "key", list(itertools.product(KEYS, (slice(None), 1), (slice(1, None), 2)))
)
def test_parts_of_a_concatenation(axis, key):
    """As numpy has them, along every axis."""
    arrays = [np.moveaxis(array, 0, axis) for array in ARRAYS]
    joined = concatenated([xr.Variable(DIMS, array) for array in arrays], DIMS[axis])
    key = np.roll(np.array(key, object), axis).tolist()
    whole = np.concatenate(arrays, axis)
    np.testing.assert_array_equal(joined[tuple(key)].values, whole[tuple(key)])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    "key", list(itertools.product((*KEYS[:2], slice(None), slice(2, 0, -1)), KEYS))
)
def test_parts_of_a_stack(axis, key):
    """As numpy has them, wherever the new axis is; in a dtype that holds all parts."""
    arrays = [np.arange(15).reshape(5, 3) + n for n in range(3)]
    arrays[1] = arrays[1].astype("f8")
    dims = ["time", "x"]
    dims.insert(axis, "band")
    parts = [xr.Variable(("time", "x"), array) for array in arrays]
    joined = stacked(parts, dims, "band")
    band, time = key
    full = [time, slice(None)]
    full.insert(axis, band)
    whole = np.stack(arrays, axis)
    assert (joined.shape, joined.dtype) == (whole.shape, whole.dtype)
    np.testing.assert_array_equal(joined[tuple(full)].values, whole[tuple(full)])


def test_nothing_else_is_read(monkeypatch):
    """Of the parts that hold what is asked for, only that."""
    read = []

    class Part(xr.Variable):
        def __getitem__(self, key):
            read.append((self.name, key))
            return xr.Variable(self.dims, self._data)[key]

    parts = [Part(DIMS, array) for array in ARRAYS]
    for number, part in enumerate(parts):
        part.name = number
    joined = concatenated(parts, "time")
    assert not read
    _ = joined[1:3, 0:2].values
    assert [(name, key[:2]) for name, key in read] == [(1, (slice(0, 2, 1), slice(0, 2, 1)))]
