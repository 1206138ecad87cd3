"""The formats of Zarr that a test runs in, where they are not what it is about."""

from __future__ import annotations

import pytest

__all__ = ["FORMATS"]

#: the older one where all tests run, as nox does; `tests/zarr` and some others always run both
FORMATS = [pytest.param(2, marks=pytest.mark.slow), 3]
