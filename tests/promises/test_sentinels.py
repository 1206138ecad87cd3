"""Several sentinels: each comes back, and no cell that holds a value becomes one of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video import Jpeg2kCodec, VideoCodec
from numcodecs_video.format.payload import parse_header

PROMISES = [
    {},
    {"max_error": 3},
    {"rmse": 2},
    pytest.param({"psnr": 35}, marks=pytest.mark.slow),
    {"qp": 36},
]


def _near(dtype: str, sentinels: list[float], seed: int = 0) -> np.ndarray:
    """A series all of whose values lie within a few counts of the sentinels."""
    rng = np.random.default_rng(seed)
    info = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else np.finfo(dtype)
    values = rng.choice(sentinels, (7, 40, 52)) + rng.integers(-6, 7, (7, 40, 52))
    return np.clip(values, info.min, info.max).astype(dtype)


@pytest.mark.parametrize("promise", PROMISES, ids=str)
@pytest.mark.parametrize(
    ("dtype", "sentinels"),
    [
        ("u2", [65535, 65534]),
        pytest.param("u2", [0], marks=pytest.mark.slow),
        pytest.param("u1", [0, 1, 2, 255], marks=pytest.mark.slow),
        ("i2", [-9999, -3000]),
        pytest.param("i2", [-32768, -32767], marks=pytest.mark.slow),
        ("f4", [-9999.0, 0.0]),
    ],
    ids=str,
)
@pytest.mark.parametrize("make", [VideoCodec, Jpeg2kCodec])
def test_values_near_sentinels_stay_values(make, dtype, sentinels, promise):
    """Under every promise, on either side of a sentinel and at the ends of the dtype."""
    if make is Jpeg2kCodec and "qp" in promise:
        return
    array = _near(dtype, sentinels)
    codec = make(nodata=sentinels, **promise)
    decoded = codec.decode(codec.encode(array))
    missing = np.isin(array, sentinels)
    np.testing.assert_array_equal(np.isin(decoded, sentinels), missing)
    np.testing.assert_array_equal(decoded[missing], array[missing])
    if "max_error" in promise:
        assert np.abs(decoded.astype("f8") - array).max() <= promise["max_error"]


@pytest.mark.parametrize("words", [{"gop": 2}, {"axes": "yxt"}, {"effort": 9}, {"effort": 1}])
def test_spared_cells_are_found_wherever_frames_and_axes_lie(words):
    """Segments, other axes, other orders of frames."""
    array = _near("u2", [0, 100], 1)
    codec = VideoCodec(max_error=4, nodata=[0, 100], **words)
    decoded = codec.decode(codec.encode(array))
    np.testing.assert_array_equal(np.isin(decoded, [0, 100]), np.isin(array, [0, 100]))
    assert np.abs(decoded.astype(int) - array).max() <= 4


def test_nothing_is_spared_where_nothing_is_in_danger():
    """A sentinel far from the values costs nothing."""
    array = _near("i2", [500], 2)
    plain, with_nodata = VideoCodec(max_error=3), VideoCodec(max_error=3, nodata=-9999)
    assert len(with_nodata.encode(array)) == len(plain.encode(array))
    assert parse_header(with_nodata.encode(array)).missing is None


@given(st.lists(st.sampled_from([0, 7, 65535, 12.5, np.nan, np.inf]), max_size=5))
def test_settings_hold_each_sentinel_once(sentinels):
    """As JSON one number is a number, as it was; what is always missing is left out."""
    codec = VideoCodec(nodata=sentinels)
    again = VideoCodec.from_config(json.loads(json.dumps(codec.get_config())))
    assert again == codec
    assert hash(again) == hash(codec)
    kept = [s for i, s in enumerate(sentinels) if np.isfinite(s) and s not in sentinels[:i]]
    said = codec.get_config().get("nodata")
    assert said == (None if not kept else kept[0] if len(kept) == 1 else kept)
    assert eval(repr(codec), {"VideoCodec": VideoCodec}) == codec
