"""How the suite runs: hypothesis profiles, and what every test may ask for."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# Encoders make the time of an example vary; a shared machine more so.
_COMMON = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("quick", max_examples=6, derandomize=True, **_COMMON)
settings.register_profile("suite", max_examples=60, derandomize=True, **_COMMON)
settings.register_profile("thorough", max_examples=2000, print_blob=True, **_COMMON)


def pytest_configure(config: pytest.Config) -> None:
    """Draw more examples where slow tests run as well: ``python -m pytest -m ""``."""
    default = "suite" if config.option.markexpr == "" else "quick"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", default))


@pytest.fixture
def cube() -> np.ndarray:
    """A noisy, smooth series with a hole: float32 array, shape (5, 20, 30), axes ``tyx``."""
    t, y, x = np.mgrid[:5, :20, :30]
    noise = np.random.default_rng(7).normal(0, 0.05, t.shape)
    values = (280 + np.sin((x + t) / 5) + np.cos(y / 4) + noise).astype("float32")
    values[1:3, 4:9, 10:15] = np.nan
    return values


@pytest.fixture
def counts() -> np.ndarray:
    """A series of counts: uint16 array, shape (4, 18, 22), axes ``tyx``."""
    return np.random.default_rng(8).integers(90, 700, (4, 18, 22)).astype("uint16")
