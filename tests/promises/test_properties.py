"""The promises of an encode, for any array: what comes back, and how far from what went in."""

from __future__ import annotations

import array as stdlib_array
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video import VideoCodec
from numcodecs_video.format.payload import parse_header
from tests.strategies import (
    CODECS,
    CONTENTS,
    DTYPES,
    FLOATS,
    LAYOUTS,
    LOSSY_CODECS,
    NUMBERS,
    PICTURE_CODECS,
    QUANTISED_CODECS,
    Sample,
    bounds,
    codec_of,
    fidelities,
    lay_out,
    packed,
    rmse_of,
    same_bits,
    samples,
    valid_cells,
    worst_error,
)

codecs = st.sampled_from(CODECS)
gops = st.sampled_from([None, 0, 1, 2, 5, 100])


@given(samples(), codecs, gops)
def test_lossless_is_bit_exact(sample, codec, gop):
    """Lossless gives back every bit, NaN payloads and negative zeros too, in shape and dtype."""
    video = codec_of(codec, axes=sample.axes, nodata=sample.nodata, gop=gop, effort=1)
    decoded = video.decode(video.encode(sample.array))
    assert same_bits(decoded, sample.array)


@given(st.data(), samples(NUMBERS), codecs, gops)
def test_max_error_holds_for_every_cell(data, sample, codec, gop):
    """No valid cell is further off than max_error, in exact arithmetic."""
    bound = data.draw(bounds(sample), label="max_error")
    video = codec_of(
        codec, max_error=bound, axes=sample.axes, nodata=sample.nodata, gop=gop, effort=1
    )
    decoded = video.decode(video.encode(sample.array))
    valid = valid_cells(sample)
    assert (decoded.shape, decoded.dtype) == (sample.array.shape, sample.array.dtype)
    assert np.isfinite(decoded[valid]).all()
    assert worst_error(sample.array[valid], decoded[valid]) <= bound


@given(packed(), codecs)
def test_max_error_holds_for_values_on_a_lattice(given_cube, codec):
    """Where levels stand for as many of its points as the bound allows, and not one more."""
    cube, valid, bound = given_cube
    video = codec_of(codec, max_error=bound, axes="tcyx", effort=1)
    decoded = video.decode(video.encode(cube))
    assert (np.isfinite(decoded) == valid).all()
    assert worst_error(cube[valid], decoded[valid]) <= bound


@given(st.data(), st.sampled_from(QUANTISED_CODECS))
def test_promises_hold_where_frames_share_components(data, codec):
    """In groups of any size, the last of a segment full or not, with bands and with holes."""
    frames, bands = data.draw(st.integers(2, 14)), data.draw(st.integers(1, 3))
    t, c, y, x = np.mgrid[:frames, :bands, :14, :18]
    season = np.sin(t / 2 + c) * (1 + np.sin(x / 6) * np.cos(y / 5)) + 0.5 * np.cos(t / 3 + y / 9)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    dtype = np.dtype(data.draw(st.sampled_from(["<f4", ">f4", "f8", "<i2", "u1"])))
    cube = (100 + 40 * season + rng.normal(0, 0.5, season.shape)).clip(1, 250).astype(dtype)
    holes = rng.random(cube.shape) < data.draw(st.sampled_from([0, 0.1]))
    cube[holes] = np.nan if dtype.kind == "f" else 0
    nodata = None if dtype.kind == "f" else 0
    base = {"step": data.draw(st.floats(-1, 2)), "klt": True, "group": data.draw(st.integers(2, 9))}
    plan = {"version": 1, "rate": 99.0, "base": base}
    words = {"nodata": nodata, "axes": "tcyx", "effort": 1, "gop": data.draw(gops), "plan": plan}
    valid = ~holes
    video = VideoCodec(codec, max_error=7, **words)
    decoded = video.decode(video.encode(cube))
    np.testing.assert_array_equal(decoded[holes], cube[holes])
    assert worst_error(cube[valid], decoded[valid]) <= 7
    video = VideoCodec(codec, rmse=5, **words)
    decoded = video.decode(video.encode(cube))
    np.testing.assert_array_equal(decoded[holes], cube[holes])
    assert np.sqrt(np.mean((decoded[valid].astype("f8") - cube[valid]) ** 2)) <= 5


@pytest.mark.parametrize("bound", [0.3, 0.004])
@pytest.mark.parametrize(("dtype", "most"), [("f4", 0), ("f8", 1e-10)])
def test_a_second_generation_loses_next_to_nothing(dtype, most, bound):
    """Levels are found again, be they few or many: not two of them made one of twice the width."""
    video = VideoCodec("ffv1", max_error=bound, axes="tyx", effort=1)
    reals = np.random.default_rng(2).normal(280, 3, (4, 20, 30)).astype(dtype)
    first = video.decode(video.encode(reals))
    assert np.abs(video.decode(video.encode(first)) - first).max() <= most


@given(st.data(), samples(FLOATS), st.sampled_from(LOSSY_CODECS))
def test_missing_cells_are_exact_under_every_fidelity(data, sample, codec):
    """NaN, infinities and nodata come back bit for bit, whatever is lost elsewhere."""
    kinds = [st.builds(dict, max_error=bounds(sample)), st.just({"psnr": 30})]
    if codec in QUANTISED_CODECS:
        kinds.append(st.builds(dict, qp=st.integers(0, 51)))
    fidelity = data.draw(st.one_of(kinds))
    video = codec_of(codec, axes=sample.axes, nodata=sample.nodata, effort=1, **fidelity)
    decoded = video.decode(video.encode(sample.array))
    missing = ~valid_cells(sample)
    assert same_bits(decoded[missing], sample.array[missing])


@given(st.sampled_from([0.9, 0.1, 1e-3, 1e-6]), samples(NUMBERS), codecs)
def test_max_relative_error_holds_for_every_cell(bound, sample, codec):
    """No valid cell is further off than its share of its own magnitude; zeros stay zeros."""
    video = codec_of(
        codec, max_relative_error=bound, axes=sample.axes, nodata=sample.nodata, effort=1
    )
    valid = valid_cells(sample)
    original = sample.array[valid]
    decoded = video.decode(video.encode(sample.array))[valid]
    for before, after in set(zip(original.tolist(), decoded.tolist(), strict=True)):
        assert abs(Fraction(after) - Fraction(before)) <= Fraction(bound) * abs(Fraction(before))


@given(st.data(), samples(NUMBERS), codecs)
def test_rmse_is_never_exceeded(data, sample, codec):
    """The root mean square error over valid cells stays at or below the target."""
    target = data.draw(bounds(sample))
    video = codec_of(codec, rmse=target, axes=sample.axes, nodata=sample.nodata, effort=1)
    decoded = video.decode(video.encode(sample.array))
    assert rmse_of(sample, decoded) <= target * (1 + 1e-12)


@given(st.sampled_from([5, 20, 35, 50, 80, 150]), samples(NUMBERS), codecs)
def test_psnr_is_reached(target, sample, codec):
    """The ratio of the valid range to the root mean square error is the target or more."""
    video = codec_of(codec, psnr=target, axes=sample.axes, nodata=sample.nodata, effort=1)
    decoded = video.decode(video.encode(sample.array))
    valid = sample.array[valid_cells(sample)]
    span = float(valid.max().item() - valid.min().item()) if valid.size else 0.0
    if np.isfinite(span):
        assert rmse_of(sample, decoded) <= span * 10 ** (-target / 20) * (1 + 1e-9)


@given(samples(NUMBERS), st.sampled_from(QUANTISED_CODECS), st.integers(0, 51))
def test_qp_returns_finite_values_of_the_shape_and_dtype(sample, codec, qp):
    """A quantiser scale promises no error, but no new missing cell either."""
    video = codec_of(codec, qp=qp, axes=sample.axes, nodata=sample.nodata, effort=1)
    decoded = video.decode(video.encode(sample.array))
    assert (decoded.shape, decoded.dtype) == (sample.array.shape, sample.array.dtype)
    assert np.isfinite(decoded[valid_cells(sample)]).all()


@given(st.data(), samples(("?", "<M8[ns]", ">M8[s]", "<m8[D]")))
def test_booleans_and_times_are_exact_under_every_fidelity(data, sample):
    """What has no unit of error is never lossy."""
    fidelity = data.draw(fidelities(sample))
    video = VideoCodec(axes=sample.axes, effort=1, **fidelity)
    assert same_bits(video.decode(video.encode(sample.array)), sample.array)


@given(samples())
def test_decoded_arrays_keep_the_memory_order(sample):
    """Fortran-ordered arrays come back in Fortran order, all others in C order."""
    video = VideoCodec(axes=sample.axes, effort=1)
    decoded = video.decode(video.encode(sample.array))
    flags = sample.array.flags
    if flags.f_contiguous and not flags.c_contiguous:
        assert decoded.flags.f_contiguous
    else:
        assert decoded.flags.c_contiguous


@given(st.data(), samples(least_ndim=1))
def test_encoding_never_modifies_its_input(data, sample):
    """The input may be a view of the user's array."""
    fidelity = data.draw(st.sampled_from([{}, {"max_error": 0.5}, {"qp": 20}]))
    before = sample.array.tobytes()
    VideoCodec(axes=sample.axes, nodata=sample.nodata, effort=1, **fidelity).encode(sample.array)
    assert sample.array.tobytes() == before


@given(st.data(), samples(), codecs)
def test_same_input_gives_the_same_bytes(data, sample, codec):
    """An encode depends on values, dtype, order and settings: not on strides, nor on chance."""
    if codec in ("ffv1", *PICTURE_CODECS) or data.draw(st.booleans()):
        fidelity = {"max_error": data.draw(bounds(sample))}
    else:
        fidelity = {"qp": 20}
    video = codec_of(codec, axes=sample.axes, nodata=sample.nodata, effort=1, **fidelity)
    encoded = video.encode(sample.array)
    assert video.encode(sample.array) == encoded
    flags = sample.array.flags
    order = "F" if flags.f_contiguous and not flags.c_contiguous else "C"
    assert video.encode(np.array(sample.array, order=order)) == encoded


@given(samples(NUMBERS, least_ndim=3), codecs, st.integers(1, 7))
def test_segments_do_not_change_what_is_decoded(sample, codec, gop):
    """A lossless chunk decodes to the same array, however it is cut in segments."""
    whole = codec_of(codec, axes=sample.axes, gop=0, effort=1)
    cut = codec_of(codec, axes=sample.axes, gop=gop, effort=1)
    assert same_bits(cut.decode(cut.encode(sample.array)), whole.decode(whole.encode(sample.array)))


@given(st.data(), samples(NUMBERS, least_ndim=2), codecs)
def test_header_states_the_error_that_was_made(data, sample, codec):
    """The realised error in the header is the largest one measured on the decoded array."""
    bound = data.draw(bounds(sample))
    video = codec_of(codec, max_error=bound, axes=sample.axes, nodata=sample.nodata, effort=1)
    encoded = video.encode(sample.array)
    promise = parse_header(encoded).promise
    valid = valid_cells(sample)
    error = worst_error(sample.array[valid], video.decode(encoded)[valid])
    assert (promise.kind, promise.requested) == ("max_error", bound)
    assert promise.realised == pytest.approx(float(error), rel=1e-12, abs=0)


@given(st.binary(max_size=300), st.sampled_from([bytes, bytearray, memoryview]))
def test_plain_bytes_come_back(data, kind):
    """Without an array around them, bytes are a run of uint8."""
    video = VideoCodec()
    assert video.decode(video.encode(kind(data))).tobytes() == data


@pytest.mark.parametrize("code", "bBhHiIlLqQfd")
def test_standard_library_arrays_come_back(code):
    """array.array of every type code is a run of its values."""
    values = stdlib_array.array(code, [0, 1, 2, 3, 100])
    video = VideoCodec()
    decoded = video.decode(video.encode(values))
    assert same_bits(decoded, np.asarray(values))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_in_every_layout(dtype, layout):
    """The table of dtypes and layouts, each bit for bit."""
    values = (np.arange(3 * 18 * 21) % 251).reshape(3, 18, 21).astype("i8")
    array = lay_out(values.astype(np.dtype(dtype)), layout)
    video = VideoCodec()
    assert same_bits(video.decode(video.encode(array)), array)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("content", CONTENTS)
def test_every_content_at_a_tight_and_a_loose_bound(content, dtype):
    """Each kind of content in each float width keeps bounds from a third to a millionth."""
    unit = CONTENTS[content]((4, 2, 17, 64), np.random.default_rng(3))
    sample = Sample((unit * 300 + 20).astype(dtype), "tcyx")
    for bound in (100.0, 1.0, 3e-4):
        video = VideoCodec(max_error=bound, axes="tcyx", effort=1)
        decoded = video.decode(video.encode(sample.array))
        assert worst_error(sample.array.reshape(-1), decoded.reshape(-1)) <= bound


@pytest.mark.parametrize("dtype", FLOATS)
def test_all_missing_costs_little(dtype):
    """A chunk of nothing but NaN is a header and a few bytes."""
    array = np.full((6, 40, 50), np.nan, dtype)
    video = VideoCodec(max_error=0.1)
    encoded = video.encode(array)
    assert len(encoded) < 250
    assert same_bits(video.decode(encoded), array)
