"""Planes to a frame and back; which frames are allowed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video.coders.mosaic import cut_mosaic, plan_mosaic, tile_mosaic
from tests.strategies import side

#: coders' smallest sides: ffv1, libx265/libx264/libvpx, libsvtav1
shortest_sides = st.sampled_from([1, 16, 64])
mosaics = st.builds(plan_mosaic, st.integers(1, 20), side, side, shortest_sides)


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
    assert 0 <= mosaic.frame_height - rows * height <= 24
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
