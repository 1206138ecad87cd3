"""Products with small matrices, cut in parts."""

from __future__ import annotations

import numpy as np
import pytest

from numcodecs_video.transform import products
from numcodecs_video.transform.products import multiply, project_cells, sum_of_products


@pytest.mark.parametrize("most", [1, 64, 2**18])
def test_parts_do_not_show(most, monkeypatch):
    """Whole numbers below 2**53 are exact in any order, so that every cut gives the same."""
    monkeypatch.setattr(products, "_ONE_THREAD", most)
    rng = np.random.default_rng(0)
    matrix = rng.integers(-99, 99, (3, 5)).astype("f8")
    cells = rng.integers(-999, 999, (2, 5, 41)).astype("f8")
    np.testing.assert_array_equal(multiply(matrix, cells), np.matmul(matrix, cells))
    np.testing.assert_array_equal(sum_of_products(cells[0]), cells[0] @ cells[0].T)
    mean, out = np.arange(5.0), np.empty((3, 41), "f4")
    project_cells(matrix, cells[0].astype("i2"), mean, out)
    np.testing.assert_array_equal(out, matrix @ (cells[0] - mean[:, None]))


def test_nothing_is_multiplied_to_nothing():
    assert multiply(np.ones((2, 3)), np.ones((4, 3, 0))).shape == (4, 2, 0)
