"""Products with small matrices, in parts so small that BLAS starts no threads of its own for them.

Chunks are encoded and decoded side by side: threads of BLAS would only wait for each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["multiply", "project_cells", "sum_of_products"]

#: multiplications up to which OpenBLAS stays in the calling thread
_ONE_THREAD = 2**18


def project_cells(
    matrix: NDArray[np.float64],
    cells: NDArray[Any],
    mean: NDArray[np.float64],
    out: NDArray[np.float32],
) -> None:
    """Write the products of a matrix (P, C) and cells (C, N) less their mean (C,) to (P, N).

    >>> out = np.empty((1, 2), np.float32)
    >>> project_cells(np.array([[1.0, 2.0]]), np.array([[2, 4], [11, 21]]), np.ones(2), out)
    >>> out
    array([[21., 43.]], dtype=float32)
    """
    count = max(1, _ONE_THREAD // max(1, matrix.size))
    for start in range(0, cells.shape[1], count):
        part = slice(start, start + count)
        out[:, part] = matrix @ (cells[:, part] - mean[:, None])


def multiply(matrix: NDArray[np.float64], cells: NDArray[Any]) -> NDArray[np.float64]:
    """The products of a matrix (C, P) and columns (..., P, N), which become (..., C, N).

    >>> multiply(np.array([[1.0, 2.0]]), np.array([[1.0, 3.0], [10.0, 20.0]]))
    array([[21., 43.]])
    """
    columns = cells.shape[-1]
    out = np.empty((*cells.shape[:-2], len(matrix), columns))
    count = max(1, _ONE_THREAD // max(1, matrix.size))
    for start in range(0, columns, count):
        part = slice(start, start + count)
        np.matmul(matrix, cells[..., part], out=out[..., part])
    return out


def sum_of_products(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix (P, P) of sums of products of rows (P, N).

    >>> sum_of_products(np.array([[1.0, 2.0], [0.0, 3.0]]))
    array([[5., 6.],
           [6., 9.]])
    """
    total = np.zeros((len(cells), len(cells)))
    count = max(1, _ONE_THREAD // max(1, total.size))
    for start in range(0, cells.shape[1], count):
        part = cells[:, start : start + count]
        total += part @ part.T
    return total
