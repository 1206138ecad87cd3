"""Axes to the canonical cube and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video.config import default_axes
from numcodecs_video.transform.cube import (
    from_cube,
    group_frames,
    grouped_segments,
    to_cube,
    ungroup_frames,
)
from tests.strategies import shapes


@given(shapes(least_ndim=2))
def test_from_cube_inverts_to_cube(shape_and_axes):
    """Any order of axes survives the way to (T, C, Y, X) and back."""
    shape, axes = shape_and_axes
    axes = axes or default_axes(len(shape))
    array = np.arange(np.prod(shape)).reshape(shape)
    cube = to_cube(array, axes)
    assert cube.ndim == 4
    np.testing.assert_array_equal(from_cube(cube, shape, axes), array)


def test_to_cube_puts_each_axis_in_its_place():
    """Time first, then bands, rows and columns."""
    array = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    cube = to_cube(array, "xcty")
    assert cube.shape == (4, 3, 5, 2)
    assert cube[1, 2, 3, 0] == array[0, 2, 1, 3]


def test_several_time_axes_run_slowest_first():
    """Two time-like dimensions become one, in the order of the array's dimensions."""
    array = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    np.testing.assert_array_equal(to_cube(array, "ttyx"), array.reshape(6, 1, 4, 5))


def test_canonical_arrays_are_not_copied():
    """A chunk that is a cube already costs no memory."""
    array = np.zeros((2, 3, 4, 5))
    assert np.shares_memory(to_cube(array, "tcyx"), array)


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 9))
def test_frames_come_back_from_groups(frames, gop, group):
    """Also where the last group of a segment is not full; no group holds frames of two segments."""
    segments = [range(i, min(i + gop, frames)) for i in range(0, frames, gop)]
    array = np.arange(frames * 2 * 3 * 4).reshape(frames, 2, 3, 4)
    grouped = group_frames(array, segments, group)
    assert grouped.shape == (grouped_segments(segments, group)[-1].stop, group * 2, 3, 4)
    back = ungroup_frames(grouped.reshape(-1, 2, 3, 4), segments, group)
    np.testing.assert_array_equal(back, array)
    for segment, groups in zip(segments, grouped_segments(segments, group), strict=True):
        found = grouped[groups.start : groups.stop].reshape(-1, 24)[:, 0] // 24
        assert set(found.tolist()) == set(segment)


def test_frames_of_whole_groups_are_not_copied():
    """Only where a last group is filled, groups take memory of their own."""
    array = np.zeros((12, 2, 3, 4))
    assert np.shares_memory(group_frames(array, [range(6), range(6, 12)], 3), array)
    assert not np.shares_memory(group_frames(array, [range(12)], 5), array)
