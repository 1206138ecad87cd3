"""RMSE, PSNR and relative bounds; floats that are integers in disguise; the key picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video import VideoCodec
from numcodecs_video.format.payload import parse_header
from tests.strategies import same_bits


@pytest.fixture(scope="module")
def smooth():
    """A moving smooth field with some noise and a hole, axes tyx."""
    rng = np.random.default_rng(3)
    t, y, x = np.mgrid[:12, :70, :90]
    cube = 280 + 10 * np.sin((x + 2 * t) / 17) * np.cos(y / 13) + rng.normal(0, 0.05, t.shape)
    cube[3:5, 10:20, 30:50] = np.nan
    return cube.astype("f4")


def _rmse(decoded, cube):
    return float(np.sqrt(np.nanmean((decoded.astype("f8") - cube) ** 2)))


@pytest.mark.parametrize(
    "effort", [1, 5, *(pytest.param(effort, marks=pytest.mark.slow) for effort in (4, 7))]
)
@pytest.mark.parametrize("target", [0.3, 0.1, 0.03])
def test_rmse_is_met_within_ten_per_cent(smooth, target, effort):
    """Never above the target, and not far below it."""
    payload = VideoCodec(rmse=target, effort=effort).encode(smooth)
    reached = _rmse(VideoCodec().decode(payload), smooth)
    assert reached <= target
    assert reached >= 0.9 * target or effort == 1
    assert parse_header(payload).promise.realised == pytest.approx(reached, rel=1e-6)


def test_an_rmse_beyond_the_coarsest_quantiser_is_kept_all_the_same(smooth):
    """There, better than asked is all there is."""
    decoded = VideoCodec().decode(VideoCodec(rmse=50).encode(smooth))
    assert _rmse(decoded, smooth) <= 50


@pytest.mark.parametrize("target", [35, 48, pytest.param(60, marks=pytest.mark.slow), 90, 140])
def test_psnr_is_met_from_above_up_to_lossless(smooth, target):
    """Beyond what 12 bits reach, other coders carry on."""
    decoded = VideoCodec().decode(VideoCodec(psnr=target).encode(smooth))
    assert (np.isnan(decoded) == np.isnan(smooth)).all()
    rmse = _rmse(decoded, smooth)
    span = float(np.nanmax(smooth) - np.nanmin(smooth))
    psnr = np.inf if rmse == 0 else 20 * np.log10(span / rmse)
    assert psnr >= target
    assert psnr <= target + 0.6 or target > 60


def test_psnr_of_integers_counts_their_rounding():
    """Decoded integers meet the target after rounding."""
    counts = np.random.default_rng(0).integers(0, 4000, (6, 40, 50)).astype("u2")
    for target in (30, 50, 70, 100):
        decoded = VideoCodec().decode(VideoCodec(psnr=target).encode(counts))
        rmse = _rmse(decoded, counts)
        assert rmse == 0 or 20 * np.log10(np.ptp(counts.astype(int)) / rmse) >= target


@given(
    bound=st.floats(1e-6, 0.5),
    decades=st.integers(0, 30),
    dtype=st.sampled_from(["<f4", ">f8", "<f2"]),
    seed=st.integers(0, 9),
)
def test_relative_bounds_hold_over_decades(bound, decades, dtype, seed):
    """Every cell within its own bound; zeros and signs exact."""
    rng = np.random.default_rng(seed)
    decades = min(decades, 6 if dtype == "<f2" else decades)
    magnitudes = 10 ** rng.uniform(-decades / 2, decades / 2, (3, 7, 8))
    values = rng.choice([-1, 0, 1], (3, 7, 8)) * magnitudes
    values = values.astype(dtype)
    decoded = VideoCodec().decode(VideoCodec(max_relative_error=bound).encode(values))
    with np.errstate(over="ignore"):
        error = np.abs(decoded.astype("f8") - values.astype("f8"))
    assert (error <= bound * np.abs(values.astype("f8"))).all()
    assert (np.sign(decoded) == np.sign(values)).all()


@pytest.mark.parametrize("step", [0.1, 0.01, 0.25, 1 / 3, 0.0001])
def test_floats_on_a_lattice_are_coded_as_integers(smooth, step):
    """Bit for bit, and far smaller than floats are."""
    rounded = (np.rint(smooth / step) * step).astype("f4")
    payload = VideoCodec().encode(rounded)
    assert same_bits(VideoCodec().decode(payload), rounded)
    if step >= 0.01:
        assert len(payload) < 0.5 * rounded.nbytes


def test_floats_of_few_values_are_coded_as_ranks():
    """The table travels in the chunk."""
    rates = np.sqrt(np.arange(50, dtype="f4"))
    t, y, x = np.mgrid[:5, :40, :40]
    cube = rates[(20 + 15 * np.sin((x + t) / 9) * np.cos(y / 7)).astype(int)]
    payload = VideoCodec().encode(cube)
    assert parse_header(payload).values.kind == "table"
    assert same_bits(VideoCodec().decode(payload), cube)


@pytest.mark.parametrize("dtype", ["<f2", ">f4"])
def test_noisy_floats_are_coded_in_two_parts(smooth, dtype):
    """High bits as pictures, low bits apart: fewer bytes than any run of floats, bit for bit."""
    cube = np.sqrt(smooth.astype("f8")).astype(dtype)
    payload = VideoCodec().encode(cube)
    exact = VideoCodec("hevc").encode(cube)  # one coder alone leaves such floats to Pcodec
    assert same_bits(VideoCodec().decode(payload), cube)
    if dtype == ">f4":
        assert parse_header(payload).values.kind == "ordered"
        assert len(payload) < 0.97 * len(exact)


def test_negative_zero_survives_lossless():
    """A lattice would lose its sign."""
    cube = np.zeros((3, 20, 20), "f4")
    cube[1, ::2] = -0.0
    cube[2] = 0.5
    assert same_bits(VideoCodec().decode(VideoCodec().encode(cube)), cube)


def test_a_still_cube_is_predicted_from_its_key_picture():
    """Segments that share it cost little, and decode to the same within the promise."""
    picture = np.random.default_rng(2).normal(280, 5, (1, 60, 80))
    still = np.repeat(picture, 12, axis=0).astype("f4")
    whole = VideoCodec("hevc", psnr=45, gop=0).encode(still)
    cut = VideoCodec("hevc", psnr=45, gop=3).encode(still)
    assert parse_header(cut).layers[-1].key
    assert len(cut) < 1.2 * len(whole)
    assert _rmse(VideoCodec().decode(cut), still) <= np.ptp(still.astype("f8")) * 10 ** (-45 / 20)


def test_the_default_segments_keep_one_date_cheap():
    """About 24 frames, of nearly the same length."""
    for frames, segments in ((1, 1), (24, 1), (36, 2), (100, 4), (240, 10)):
        cube = np.zeros((frames, 8, 9), "u1")
        cube[0] = 1
        assert parse_header(VideoCodec().encode(cube)).segments == segments


@pytest.mark.parametrize(
    ("promise", "dtype"),
    [
        ({"psnr": 50}, "i1"),
        ({"psnr": 10000}, "f4"),
        ({"rmse": 1e160}, "i4"),
        ({"rmse": 1e160}, "f8"),
    ],
)
def test_extreme_targets_and_outliers_are_encoded(promise, dtype):
    """One cell far from a constant, and targets beyond what doubles hold, raise nothing."""
    array = np.full((1, 1, 37), 127, dtype)
    array[0, 0, 22] = -128
    codec = VideoCodec("vp9", effort=1, axes="tyx", **promise)
    rmse = _rmse(codec.decode(codec.encode(array)), array.astype("f8"))
    target = promise.get("rmse", 255 * 10 ** (-promise.get("psnr", 0) / 20))
    assert rmse <= target


@pytest.mark.parametrize(
    "words",
    [{"max_relative_error": 1e-4}, {"psnr": 90}, {"rmse": 1e-4}, {"max_error": 1e-4}],
    ids=str,
)
def test_a_loss_takes_no_more_than_none(words):
    """Counts and rain rates read as floats: their own levels are fewer than what is asked for."""
    rng = np.random.default_rng(11)
    for step in (1, 0.3):
        values = (np.float32(step) * rng.poisson(40, (6, 40, 48))).astype("f4")
        lossless = len(VideoCodec(effort=2).encode(values))
        codec = VideoCodec(effort=2, **words)
        payload = codec.encode(values)
        assert len(payload) <= lossless + 40
        np.testing.assert_allclose(codec.decode(payload), values, rtol=1e-4)
