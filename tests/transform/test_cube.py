"""Axes to the canonical cube and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from numcodecs_video.config import default_axes
from numcodecs_video.transform.cube import from_cube, to_cube
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
