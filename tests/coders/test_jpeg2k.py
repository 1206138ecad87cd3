"""JPEG 2000: codestreams that others open, dates that decode alone, decoders that differ."""

from __future__ import annotations

import io
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest

from numcodecs_video import DecodeError, EncoderUnavailableError, Jpeg2kCodec
from numcodecs_video.coders import (
    EncodedPlanes,
    EncodeSpec,
    find_coder,
    jpeg2k,
    quantiser_step,
)
from numcodecs_video.decode.chunk import decode_segment
from numcodecs_video.format.header import Layer
from numcodecs_video.format.payload import parse_header, split_section
from tests.strategies import same_bits

CODERS = ("jpeg2k", "htj2k")
SIZES = [(coder, shape) for coder in CODERS for shape in ((2, 2), (3, 5), (37, 45), (130, 70))]
SIZES += [("jpeg2k", shape) for shape in ((1, 1), (1, 9), (9, 1))]  # see coders/jpeg2k.py


def _bands(dtype: str = "u2", frames: int = 4) -> np.ndarray:
    """Correlated bands with noise, axes tcyx."""
    rng = np.random.default_rng(5)
    t, c, y, x = np.mgrid[:frames, :3, :37, :45]
    field = 0.5 + 0.3 * np.sin((x + t) / 9) * np.cos(y / 7) * (1 - 0.2 * c)
    return ((field + rng.normal(0, 0.01, t.shape)) * 4000).astype(dtype)


def _layers(payload: bytes) -> tuple[list[bytes], list[list[bytes]], tuple[Layer, ...]]:
    """The layers of the shared section, of each segment, and their descriptions."""
    header = parse_header(payload)
    sections = [
        split_section(header, i, payload[slice(*header.section_range(i))])
        for i in range(len(header.sections))
    ]
    return sections[0], sections[1:], header.layers


def _decode(encoded: EncodedPlanes, stream: bytes, shape: tuple[int, ...]) -> np.ndarray:
    return find_coder(encoded.layer.coder).decode(encoded.layer, encoded.shared, stream, shape)


def _codestreams(payload: bytes) -> list[bytes]:
    """The codestream of each frame."""
    shared, segments, layers = _layers(payload)
    base = [layer.kind for layer in layers].index("base")
    return [c for s in segments for c in jpeg2k.codestreams(shared[base], s[base])]


@pytest.mark.parametrize(("coder", "shape"), SIZES)
@pytest.mark.parametrize("planes", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("bits", [8, 16])
def test_lossless_streams_come_back(bits, planes, shape, coder):
    """Every number of planes and odd size; three planes are no colours."""
    dtype = "u1" if bits == 8 else "u2"
    samples = np.random.default_rng(0).integers(0, 2**bits, (3, planes, *shape)).astype(dtype)
    segments = [range(0, 2), range(2, 3)]
    encoded = find_coder(coder).encode(samples, segments, EncodeSpec(bits))
    for segment, stream in zip(segments, encoded.streams, strict=True):
        expected = samples[segment.start : segment.stop]
        assert same_bits(_decode(encoded, stream, expected.shape), expected)


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("quantiser", [-24, 2, 26])
def test_the_step_sets_the_error(coder, quantiser):
    """Both coders make about the same error at the same step, within 3 dB."""
    samples = (_bands() * 16).astype("u2")
    encoded = find_coder(coder).encode(samples, [range(4)], EncodeSpec(16, quantiser))
    error = _decode(encoded, encoded.streams[0], samples.shape).astype(float) - samples
    assert abs(10 * np.log10(np.mean(error**2) / (quantiser_step(quantiser, 16) ** 2 / 12))) < 3


@pytest.mark.parametrize("htj2k", [False, True])
@pytest.mark.parametrize("promise", [{}, {"psnr": 45}, {"max_error": 40}], ids=str)
def test_codestreams_open_elsewhere(promise, htj2k):
    """Each is a whole .j2k of the planes, one tile, without a colour transform."""
    frames = _codestreams(Jpeg2kCodec(axes="tcyx", htj2k=htj2k, **promise).encode(_bands()))
    assert len(frames) == 4
    for frame in frames:
        assert imagecodecs.jpeg2k_decode(frame).shape[:2] == (37, 45)


@pytest.mark.parametrize("htj2k", [False, True])
@pytest.mark.parametrize("bands", [1, 2, 3])
def test_files_open_elsewhere(bands, htj2k):
    """As JP2 and JPH files, with the codestream's samples, of any number of planes."""
    counts = _bands("u1")[:, :bands]
    shared, segments, _ = _layers(Jpeg2kCodec(axes="tcyx", htj2k=htj2k).encode(counts))
    for date, segment in zip(counts, segments, strict=True):
        (content,) = jpeg2k.files(shared[0], segment[0])
        assert content[20:24] == (b"jph " if htj2k else b"jp2 ")
        decoded = imagecodecs.jpeg2k_decode(content, planar=True)
        np.testing.assert_array_equal(decoded.reshape(date.shape), date - counts.min())


@pytest.mark.parametrize("htj2k", [False, True])
def test_pillow_opens_the_files(htj2k):
    """OpenJPEG as others build it."""
    image = pytest.importorskip("PIL.Image")
    counts = _bands("u1")[:, 0]
    shared, segments, _ = _layers(Jpeg2kCodec(htj2k=htj2k).encode(counts))
    (content,) = jpeg2k.files(shared[0], segments[0][0])
    opened = np.asarray(image.open(io.BytesIO(content)))
    np.testing.assert_array_equal(opened, counts[0] - counts.min())


@pytest.mark.parametrize("promise", [{}, {"psnr": 45}, {"max_error": 9}], ids=str)
def test_one_date_decodes_alone(promise):
    """From the header, the shared section and its own; every date is a segment."""
    codec = Jpeg2kCodec(axes="tcyx", **promise)
    payload = codec.encode(_bands())
    header = parse_header(payload)
    shared, segments, _ = _layers(payload)
    assert len(segments) == 4
    alone = decode_segment(header, shared, segments[2], 2)
    assert same_bits(alone[0], codec.decode(payload)[2])


def test_the_main_header_is_stored_once():
    """It takes 100 bytes and more, and says the same for every frame."""
    shared, segments, _ = _layers(Jpeg2kCodec().encode(_bands("u2", 9)[:, 0]))
    assert len(shared[0]) > 80
    assert not any(b"OpenJPEG" in part for segment in segments for part in segment)


@pytest.mark.parametrize("promise", [{}, {"max_relative_error": 0.01}], ids=str)
def test_exact_levels_have_no_base_by_the_irreversible_wavelet(promise):
    """Its decoders differ in a sample here and there."""
    counts = np.rint(_bands("f4") / 8)
    for array in (counts.astype("i2"), (counts / 4).astype("f4")):
        for frame in _codestreams(Jpeg2kCodec(axes="tcyx", **promise).encode(array)):
            coding_style = frame.index(b"\xff\x52")
            assert frame[coding_style + 13] == 1  # 1 is the 5/3 wavelet


@pytest.mark.parametrize("dtype", ["<i4", "<u4", ">i8", "<u8"])
def test_wide_integers_are_split(dtype):
    """The JPEG 2000 of imagecodecs is not lossless at 32 bits."""
    wide = _bands("i8")[:, 0] * 1_000_003
    payload = Jpeg2kCodec().encode(wide.astype(dtype))
    assert same_bits(Jpeg2kCodec().decode(payload), wide.astype(dtype))
    assert parse_header(payload).layers[0].coder == "jpeg2k"


@pytest.mark.parametrize("frames", [1, 6])
def test_lossless_is_as_small_as_plain_jpeg_2000(frames):
    """Within 1 % of a codestream a date by imagecodecs."""
    bands = _bands("u2", frames)
    plain = sum(
        len(imagecodecs.jpeg2k_encode(np.moveaxis(date, 0, -1), codecformat="j2k", mct=False))
        for date in bands
    )
    assert len(Jpeg2kCodec(axes="tcyx").encode(bands)) <= 1.01 * plain + 150


@pytest.fixture
def otherwise(monkeypatch):
    """A decoder whose samples of the 9/7 wavelet are off by what the format allows."""
    exact = jpeg2k.Jpeg2k.decode

    def decode(coder, layer, shared, stream, shape, known):
        samples = exact(coder, layer, shared, stream, shape)
        if (shared + stream).split(b"\xff\x52")[1][11] == 1:
            return samples
        rng = np.random.default_rng(len(stream))
        drift = rng.choice([-2, 2], samples.shape)
        return np.clip(samples.astype(int) + drift, 0, 2**layer.bits - 1).astype(samples.dtype)

    return lambda: monkeypatch.setattr(jpeg2k.Jpeg2k, "decode", decode)


@pytest.mark.parametrize("htj2k", [False, True])
@pytest.mark.parametrize("dtype", ["f4", "u2"])
@pytest.mark.parametrize("bound", [3, 10, 60, 400])
@pytest.mark.parametrize("effort", [1, 5])
def test_bounds_hold_where_the_decoder_rounds_otherwise(otherwise, bound, dtype, htj2k, effort):
    """The margin of the bound covers two samples either way in every cell."""
    bands = _bands(dtype)
    codec = Jpeg2kCodec(max_error=bound, axes="tcyx", htj2k=htj2k, effort=effort)
    payload = codec.encode(bands)
    otherwise()
    assert np.abs(codec.decode(payload).astype(float) - bands).max() <= bound


@pytest.mark.parametrize("target", [35, 45, 55])
def test_psnr_holds_where_the_decoder_rounds_otherwise(otherwise, target):
    """The rounding of samples of 16 bits is far below the error."""
    bands = _bands("f4")
    codec = Jpeg2kCodec(psnr=target, axes="tcyx")
    payload = codec.encode(bands)
    otherwise()
    rmse = np.sqrt(np.mean((codec.decode(payload).astype(float) - bands) ** 2))
    assert 20 * np.log10(np.ptp(bands) / rmse) >= target


def test_codestreams_of_another_size_are_refused():
    """Before the decoder allocates what they announce."""
    samples = _bands()
    encoded = find_coder("jpeg2k").encode(samples, [range(4)], EncodeSpec(16))
    for shape in ((4, 3, 37, 44), (4, 3, 36, 45), (4, 2, 37, 45)):
        with pytest.raises(DecodeError, match="declared size"):
            _decode(encoded, encoded.streams[0], shape)
    with pytest.raises(DecodeError, match="4 units for 3"):
        _decode(encoded, encoded.streams[0], (3, 3, 37, 45))
    deeper = replace(encoded, layer=replace(encoded.layer, bits=17))
    with pytest.raises(DecodeError, match="17 bits"):
        _decode(deeper, encoded.streams[0], samples.shape)


@pytest.mark.parametrize("coder", CODERS)
def test_a_missing_encoder_is_named(monkeypatch, coder):
    """A build of imagecodecs may be without OpenJPEG or OpenJPH."""

    class Lacking:
        available = False

    monkeypatch.setattr(imagecodecs, "HTJ2K" if coder == "htj2k" else "JPEG2K", Lacking)
    with pytest.raises(EncoderUnavailableError, match=f"lacks {coder}"):
        find_coder(coder).require(None, ())
