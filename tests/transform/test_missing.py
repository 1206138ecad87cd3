"""The map of missing cells: what is found, how holes are filled, what comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video import VideoCodec
from numcodecs_video.config import parse_nodata
from numcodecs_video.errors import DecodeError
from numcodecs_video.format.payload import parse_header
from numcodecs_video.transform.missing import (
    fill_missing,
    fill_planes,
    find_missing,
    pack_classes,
    restore_missing,
    unpack_classes,
)
from tests.strategies import FLOATS, NUMBERS, class_maps, cubes, same_bits, samples, valid_cells


def _one(values, dtype="<f4"):
    """A cube of one row."""
    return np.array(values, dtype).reshape(1, 1, 1, -1)


@given(samples(NUMBERS, least_ndim=2))
def test_valid_cells_are_the_finite_ones_without_the_sentinel(sample):
    """The class map is 0 exactly where a cell holds a value."""
    cube = np.ascontiguousarray(sample.array).reshape((1, 1, 1, -1))
    try:
        found = find_missing(cube, parse_nodata(sample.nodata))
    except OverflowError:
        return
    expected = valid_cells(sample).reshape(cube.shape)
    valid = np.ones(cube.shape, bool) if found is None else found.valid
    np.testing.assert_array_equal(np.broadcast_to(valid, cube.shape), expected)


@given(samples(FLOATS, least_ndim=2))
def test_restoring_gives_back_every_bit(sample):
    """Overwritten missing cells come back with the bits that they had."""
    cube = np.ascontiguousarray(sample.array).reshape((1, 1, 1, -1))
    try:
        found = find_missing(cube, parse_nodata(sample.nodata))
    except OverflowError:
        return
    if found is None:
        return
    values = np.where(found.valid, cube, cube.dtype.type(5)).astype(cube.dtype)
    restore_missing(values, found.classes, found.patterns)
    assert same_bits(values, cube)


def test_each_pattern_is_a_class():
    """NaN of either sign and both infinities are told apart."""
    cube = np.array([0x7FC00000, 0xFFC00000, 0x7F800000, 0xFF800000, 0], "u4").view("f4")
    found = find_missing(cube.reshape(1, 1, 1, -1))
    assert len(found.patterns) == 4
    assert sorted(found.classes.reshape(-1)) == [0, 1, 2, 3, 4]


def test_no_missing_cell_is_no_map():
    """The common case costs nothing."""
    assert find_missing(_one([1, 2, 3]), [-9999.0]) is None


@pytest.mark.parametrize(
    ("dtype", "nodata"), [("u2", -9999), ("i2", 40000), ("u1", 0.5), ("f2", 1e20), ("f4", 1e300)]
)
def test_a_sentinel_outside_the_dtype_is_never_found(dtype, nodata):
    """-9999 among unsigned counts is a setting for other variables, not an error."""
    assert find_missing(_one([0, 1, 100], dtype), [nodata]) is None


@pytest.mark.parametrize(("dtype", "nodata"), [("u2", 65535.0), ("f4", -9999), ("i8", -(2**63))])
def test_a_sentinel_may_be_an_integer_or_a_float(dtype, nodata):
    """The type of the setting does not matter where its value fits the dtype."""
    cube = np.array([1, 2, int(nodata)], "i8").astype(dtype).reshape(1, 1, 1, -1)
    np.testing.assert_array_equal(find_missing(cube, [nodata]).classes, [[[[0, 0, 1]]]])


def test_bands_that_miss_the_same_cells_share_one_map():
    """A cloud mask is stored once, not once a band."""
    cube = np.zeros((2, 3, 4, 5), "f4")
    cube[1, :, 2:] = np.nan
    found = find_missing(cube)
    assert found.shared
    assert found.classes.shape == (2, 1, 4, 5)


def test_bands_that_miss_different_cells_have_maps_of_their_own():
    """One differing cell is enough."""
    cube = np.zeros((2, 3, 4, 5), "f4")
    cube[1, 0, 0, 0] = np.nan
    assert find_missing(cube).classes.shape == cube.shape


def test_more_patterns_than_classes_are_refused():
    """NaN payloads that carry data belong on the exact path."""
    bits = 0x7FC00000 + np.arange(300, dtype="u4")
    with pytest.raises(OverflowError, match="255"):
        find_missing(bits.view("f4").reshape(1, 1, 1, -1))


@given(class_maps())
def test_unpack_classes_inverts_pack_classes(class_map):
    """A map survives its packing, whatever map came before."""
    classes, count, before = class_map
    packed = pack_classes(classes, count, before)
    np.testing.assert_array_equal(unpack_classes(packed, classes.shape, count, before), classes)


def test_a_map_that_does_not_change_is_zeros():
    """A land mask that every frame repeats compresses to nothing."""
    mask = np.random.default_rng(0).integers(0, 2, (1, 8, 8), dtype=np.uint8)
    assert not any(pack_classes(np.stack([mask] * 5), 1, mask))


@pytest.mark.parametrize("length", [0, 7, 9])
def test_a_map_of_the_wrong_length_is_refused(length):
    """The bytes must fit the segment."""
    with pytest.raises(DecodeError, match="length"):
        unpack_classes(bytes(length), (1, 1, 8, 8), 1, np.zeros((1, 8, 8), np.uint8))


def test_a_class_without_a_pattern_is_refused():
    """The map may not name a class that the header does not have."""
    with pytest.raises(DecodeError, match="class"):
        unpack_classes(bytes([3]), (1, 1, 1, 1), 2, np.zeros((1, 1, 1), np.uint8))


@pytest.mark.parametrize("fill", [fill_missing, fill_planes])
@given(shape=cubes, seed=st.integers(0, 99))
def test_filling_changes_no_valid_cell(fill, shape, seed):
    """Only holes are filled."""
    rng = np.random.default_rng(seed)
    levels, valid = rng.integers(0, 1000, shape), rng.random(shape) < 0.6
    filled = levels.copy()
    fill(filled, valid)
    np.testing.assert_array_equal(filled[valid], levels[valid])


@pytest.mark.parametrize("fill", [fill_missing, fill_planes])
@given(shape=cubes, seed=st.integers(0, 99))
def test_filling_stays_within_the_valid_range(fill, shape, seed):
    """A fill needs no more levels than the data."""
    rng = np.random.default_rng(seed)
    levels, valid = rng.integers(0, 1000, shape), rng.random(shape) < 0.6
    valid.reshape(-1)[0] = True
    levels[~valid] = -(10**6)
    fill(levels, valid)
    known = levels[valid]
    bands = valid.any(axis=(0, 2, 3))
    assert levels[:, bands].min() >= known.min()
    assert levels[:, bands].max() <= known.max()


def test_filling_takes_the_last_then_the_next_then_the_mean():
    """The order of what is cheapest to code."""
    levels = np.array([[5, 0, 0, 2], [0, 0, 7, 4]]).reshape(2, 1, 1, 4)
    valid = levels != 0
    fill_missing(levels, valid)
    assert levels[:, 0, 0].tolist() == [[5, 4, 7, 2], [5, 4, 7, 4]]


def test_planes_are_filled_from_around_then_by_the_mean():
    """By the smallest square that knows a value; nothing comes from other dates."""
    levels = np.array([[5, 0, 0, 2], [0, 0, 0, 0]]).reshape(2, 1, 1, 4)
    fill_planes(levels, levels != 0)
    assert levels[:, 0, 0].tolist() == [[5, 5, 2, 2], [4, 4, 4, 4]]


@pytest.mark.parametrize("fill", [fill_missing, fill_planes])
def test_a_band_without_values_is_filled_with_zeros(fill):
    """Nothing is known: nothing is coded."""
    levels = np.full((2, 1, 2, 2), 9)
    fill(levels, np.zeros(levels.shape, bool))
    assert not levels.any()


def test_maps_are_coded_in_context_or_as_differences():
    """Whichever is smaller; every NaN comes back either way, from several segments too."""
    t, y, x = np.mgrid[:6, :96, :120]
    centres = np.random.default_rng(4).uniform(0, 120, (15, 2))
    clouds = np.any([(y - a) ** 2 + (x - b - 9 * t) ** 2 < 90 for a, b in centres], axis=0)
    land = np.repeat(np.random.default_rng(5).random((1, 96, 120)) < 0.3, 6, axis=0)
    for holes, coders in ((clouds, {"adaptive"}), (land, {"adaptive", "zstd"})):
        cube = np.where(holes, np.nan, 280 + y / 8).astype("f4")
        for gop in (0, 2):
            payload = VideoCodec(max_error=0.5, gop=gop, effort=2).encode(cube)
            assert parse_header(payload).layers[0].coder in coders
            np.testing.assert_array_equal(np.isnan(VideoCodec().decode(payload)), holes)


def test_the_fastest_effort_codes_maps_as_differences():
    """Contexts take longer than all else that effort 1 does."""
    holes = np.random.default_rng(6).random((6, 96, 120)) < 0.3
    cube = np.where(holes, np.nan, 280.0).astype("f4")
    payload = VideoCodec(max_error=0.5, effort=1).encode(cube)
    assert parse_header(payload).layers[0].coder == "zstd"
    np.testing.assert_array_equal(np.isnan(VideoCodec().decode(payload)), holes)
