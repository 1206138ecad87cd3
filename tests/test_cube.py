"""Axes to the canonical cube and back; planes to a frame and back; which frames are allowed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import shapes, side

from numcodecs_video.config import default_axes
from numcodecs_video.cube import cut_mosaic, from_cube, plan_mosaic, tile_mosaic, to_cube

#: coders' smallest sides: ffv1, libx265/libx264/libvpx, libsvtav1
shortest_sides = st.sampled_from([1, 16, 64])
mosaics = st.builds(plan_mosaic, st.integers(1, 20), side, side, shortest_sides)


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


@given(mosaics, st.integers(1, 4))
def test_cut_mosaic_inverts_tile_mosaic(mosaic, frames):
    """Every plane comes back from the frame that it was tiled into."""
    shape = (frames, mosaic.planes, mosaic.height, mosaic.width)
    planes = np.random.default_rng(0).integers(0, 4096, shape, dtype="u2")
    tiled = tile_mosaic(planes, mosaic)
    assert tiled.shape == (frames, mosaic.frame_height, mosaic.frame_width)
    np.testing.assert_array_equal(cut_mosaic(tiled, mosaic), planes)


@given(st.integers(1, 20), side, side)
def test_frames_hold_no_more_than_their_planes_need(planes, height, width):
    """No empty rows, and padding of the margins only."""
    mosaic = plan_mosaic(planes, height, width, 16)
    rows = -(-planes // mosaic.columns)
    assert rows * mosaic.columns - planes < mosaic.columns
    assert 0 <= mosaic.frame_height - rows * height <= 16
    assert 0 <= mosaic.frame_width - mosaic.columns * width <= 24


@given(st.integers(1, 20), side, side, st.sampled_from([16, 64]))
def test_frames_of_block_coders_are_even_and_large_enough(planes, height, width, shortest):
    """Block coders need a smallest side, and chroma of half the size needs even sides."""
    mosaic = plan_mosaic(planes, height, width, shortest)
    assert min(mosaic.frame_height, mosaic.frame_width) >= shortest
    assert mosaic.frame_height % 2 == mosaic.frame_width % 2 == 0


def test_single_planes_are_coded_as_they_are():
    """One plane for a coder of any size needs no padding."""
    mosaic = plan_mosaic(1, 33, 49)
    assert (mosaic.frame_height, mosaic.frame_width) == (33, 49)


@pytest.mark.parametrize(("planes", "columns"), [(4, 2), (9, 3), (16, 4), (6, 2), (1, 1)])
def test_square_planes_tile_near_squares(planes, columns):
    """A full square where there is one, else what is nearest to it."""
    mosaic = plan_mosaic(planes, 100, 100)
    assert mosaic.columns in (columns, planes // columns)


def test_long_planes_are_stacked():
    """Planes much wider than high go below each other."""
    assert plan_mosaic(4, 20, 80).columns == 1
