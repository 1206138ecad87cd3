"""A suggested bound leaves out noise, and nothing that neighbours share."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("xarray")

from numcodecs_video.xarray.information import informative_step, round_down

RNG = np.random.default_rng(0)
SMOOTH = np.add.outer(np.sin(np.arange(60) / 9), np.add.outer(np.arange(40) / 9, np.arange(40) / 7))


def step_of(values: np.ndarray, valid: np.ndarray | None = None, axes=(0, 1, 2)) -> float | None:
    """The step of one block."""
    return informative_step([(values, np.isfinite(values) if valid is None else valid)], axes)


@pytest.mark.parametrize("noise", [0.001, 0.03, 1.0])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_step_follows_the_noise(noise, dtype):
    """Of what is below it neighbours know nothing."""
    values = (280 + SMOOTH + RNG.normal(0, noise, SMOOTH.shape)).astype(dtype)
    assert noise / 10 < step_of(values) < 10 * noise


def test_counts_are_their_own_lattice():
    """In steps of one."""
    values = np.rint(1000 + 100 * SMOOTH + RNG.normal(0, 20, SMOOTH.shape)).astype("i2")
    assert step_of(values) in (8, 16, 32, 64)


def test_floats_on_a_lattice_are_read_as_its_numbers():
    """Digits below it hold nothing but the way in which floats are written."""
    values = (np.rint(1000 * SMOOTH + RNG.normal(0, 20, SMOOTH.shape)) * 0.01).astype("f4")
    assert 0.05 < step_of(values) < 2


def test_what_an_earlier_rounding_wrote_is_no_information():
    """Packed values have low bits that repeat with the high ones."""
    packed = np.rint((SMOOTH + RNG.normal(0, 0.3, SMOOTH.shape)) / 0.0017) * 0.0017 + 250.4
    packed[:, :20] *= 1.0009  # two lattices make none
    assert 0.03 < step_of(packed.astype("f4")) < 2


@pytest.mark.parametrize(
    "values",
    [
        np.full((9, 40, 40), 3.5, "f4"),
        RNG.integers(0, 2**16, (9, 40, 40)).astype("u2"),
        np.array([0.1, 1.7, 2.9, 31.3], "f4")[RNG.integers(0, 4, (9, 40, 40))],
        np.full((9, 40, 40), np.nan, "f4"),
        SMOOTH[:2, :2, :2].astype("f4"),
    ],
    ids=["constant", "noise", "classes", "missing", "tiny"],
)
def test_nothing_is_said_of_what_is_no_measurement(values):
    """Nor of what has no information at all."""
    assert step_of(values) is None


def test_missing_cells_have_no_say():
    """Whatever stands in them."""
    values = (280 + SMOOTH + RNG.normal(0, 0.03, SMOOTH.shape)).astype("f4")
    valid = np.ones(values.shape, bool)
    valid[:, :10] = False
    expected = step_of(np.where(valid, values, np.nan))
    assert step_of(np.where(valid, values, -9999).astype("f4"), valid) == expected
    assert expected is not None


@pytest.mark.parametrize(
    ("value", "expected"), [(0.1, 0.1), (0.0999, 0.05), (1e-9, 1e-9), (499.0, 200.0), (5.0, 5.0)]
)
def test_bounds_are_round(value, expected):
    """And never above what was found."""
    assert round_down(value) == pytest.approx(expected, rel=1e-12)
