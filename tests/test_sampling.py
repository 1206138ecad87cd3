"""Regions of an array that are its chunks, and a few of them spread over it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from numcodecs_video.sampling import regions_of, sample_chunks, spread_windows


@pytest.mark.parametrize(
    ("extent", "lengths", "shapes"),
    [
        ((4, 10), (2, 4), [(2, 4), (2, 4), (2, 2)] * 2),
        ((4, 10), ((1, 3), (10,)), [(1, 10), (3, 10)]),
        ((3,), (5,), [(3,)]),
        ((0, 4), (2, 4), []),
        ((), (), [()]),
        (np.array([4]), np.array([3]), [(3,), (1,)]),
        ((slice(3, 8), slice(1, 3)), (4, 3), [(1, 2), (4, 2)]),
        ((slice(1, 6),), ((2, 3, 4),), [(1,), (3,), (1,)]),
    ],
)
def test_regions_cover_each_cell_once(extent, lengths, shapes):
    """In C order, those at the far edges smaller; regular lengths, or each its own."""
    regions = list(regions_of(extent, lengths))
    assert [tuple(part.stop - part.start for part in region) for region in regions] == shapes
    top = [part.stop if isinstance(part, slice) else int(part) for part in extent]
    seen = np.zeros(top, int)
    for region in regions:
        seen[region] += 1
    inside = tuple(part if isinstance(part, slice) else slice(None) for part in extent)
    assert (seen[inside] == 1).all()
    assert seen.sum() == sum(map(math.prod, shapes))


def test_windows_are_regions():
    """Those of the middle, of many."""
    windows = spread_windows((40, 30, 30), (2, 10, 10))
    assert len(windows) == 3
    assert set(map(str, windows)) < set(map(str, regions_of((40, 30, 30), (2, 10, 10))))


def test_samples_are_chunks():
    """Of lists their members; of arrays without chunks the whole."""
    values = np.arange(24).reshape(4, 6)
    assert len(sample_chunks([values, values])) == 1
    np.testing.assert_array_equal(sample_chunks(values)[0], values)
    assert sample_chunks(values[:0]) == []


@pytest.mark.parametrize("sample", ["a.zarr", None, {"v": 1}, [1, 2], [[1, 2]]], ids=str)
def test_what_is_no_sample_is_named(sample):
    """With what is one."""
    each = sample[0] if isinstance(sample, list) else sample
    with pytest.raises(TypeError, match=f"a zarr.Array or .* got {type(each).__name__}"):
        sample_chunks(sample)
