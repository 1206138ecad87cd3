"""Floats that are integers at heart, and floats by their numbers: both come back bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video.transform.lattice import lattice_levels, ordered_levels, table_levels
from numcodecs_video.transform.levels import Levels, to_values
from tests.strategies import FLOATS, same_bits


def _values(levels: Levels, dtype: np.dtype) -> np.ndarray:
    return to_values(levels.array.astype("i8"), levels.values, dtype, levels.table)


@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_from_end_to_end_of_their_dtype_are_tried_without_a_warning(dtype):
    """A range that is no finite double lies on no lattice, but may have few values."""
    info = np.finfo(dtype)
    cube = np.array([info.min, info.min / 2, 0.25 * info.max, info.max], dtype).reshape(1, 1, 1, 4)
    with np.errstate(all="raise"):
        found = lattice_levels(cube, True)
    assert same_bits(_values(found, cube.dtype), cube)


@pytest.mark.parametrize("dtype", ["<f2", ">f2", "<f4", ">f4"])
@given(st.data())
def test_floats_are_numbered_in_their_order(dtype, data):
    """Bit for bit back from their numbers: signs of zeros, denormals and byte order included."""
    width = 8 * np.dtype(dtype).itemsize
    elements = st.floats(width=width, allow_nan=False, allow_infinity=False)
    listed = data.draw(st.lists(st.one_of(st.sampled_from([0.0, -0.0]), elements), min_size=1))
    cube = np.array(listed, dtype).reshape(1, 1, 1, -1)
    found = ordered_levels(cube, True)
    assert found is not None
    assert found.array.min() >= 0
    assert found.array.max() <= found.top
    assert same_bits(_values(found, cube.dtype), cube)
    order = np.argsort(found.array.reshape(-1), kind="stable")
    assert (np.diff(cube.reshape(-1)[order].astype("f8")) >= 0).all()


def test_doubles_are_not_numbered():
    """Their numbers would leave no low part of 16 bits."""
    assert ordered_levels(np.ones((1, 1, 2, 2)), True) is None


@pytest.mark.parametrize("dtype", FLOATS)
def test_ranks_in_a_table(dtype):
    """Every valid value comes back; too many of them, or none, take no table."""
    cube = np.repeat(np.geomspace(0.01, 100, 24).astype(dtype), 30).reshape(5, 1, 12, 12)
    valid = np.arange(12) != 4
    found = table_levels(cube, valid, 24)
    where = np.broadcast_to(valid, cube.shape)
    assert same_bits(_values(found, cube.dtype)[where], cube[where])
    assert found.top == 23
    assert table_levels(cube, valid, 23) is None
    assert table_levels(cube, False) is None


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("zeros", [[-0.0], [-0.0, 0.0]])
def test_a_negative_zero_has_a_rank_of_its_own(dtype, zeros):
    """Rounding makes them of small negative values; ranks are in the order of the values."""
    cube = np.resize(np.array([-0.2, *zeros, 0.1, 0.3], dtype), (4, 1, 6, 7))
    found = lattice_levels(cube, True)
    assert found.values.kind == "table"
    assert same_bits(_values(found, cube.dtype), cube)
    assert found.top <= 4
    order = np.argsort(found.array.reshape(-1), kind="stable")
    assert (np.diff(cube.reshape(-1)[order].astype("f8")) >= 0).all()


def test_few_values_have_a_table_before_a_fine_lattice():
    """Of integers unpacked in single precision, all are multiples of 0.00001 that hold little."""
    counts = np.random.default_rng(3).integers(500, 900, (6, 1, 40, 40))
    cube = counts.astype("f4") * np.float32(0.01) + np.float32(273.15)
    found = lattice_levels(cube, True)
    assert (found.values.kind, found.top) == ("table", 399)
    assert same_bits(_values(found, cube.dtype), cube)
    assert lattice_levels(cube[:, :, :8, :8], True).values.kind == "real"  # a table costs more


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "f8"])
@pytest.mark.parametrize(("step", "low"), [(0.5, -3.1), (40, 0), (0.25, 1000), (3, 7)])
def test_the_coarsest_lattice_is_found(dtype, step, low):
    """Whatever decimal one comes first, levels are as few as can be."""
    cube = (np.arange(60) * step + low).astype(dtype).reshape(5, 1, 3, 4)
    found = lattice_levels(cube, True)
    assert same_bits(_values(found, cube.dtype), cube)
    assert (found.values.kind, found.top) == ("real", 59)
