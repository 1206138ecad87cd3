"""The bytes of a chunk: headers come back, damage is always noticed, nothing is trusted."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video import DecodeError, UnsupportedVersionError, VideoCodec
from numcodecs_video.format.header import FORMAT_VERSION, Header, Layer, Missing, Mosaic, Transform
from numcodecs_video.format.payload import (
    PREFIX_SIZE,
    header_size,
    pack,
    parse_header,
    split_section,
)
from numcodecs_video.format.varint import join_units, split_units
from tests.strategies import codec_of, headers, seal

SMALL = np.arange(3 * 17 * 20, dtype="u2").reshape(3, 17, 20) % 97
HOLES = np.where(SMALL % 7 == 0, np.nan, SMALL).astype("f4")


def _small(codec: str) -> bytes:
    """A payload of three segments with missing cells."""
    return codec_of(codec, max_error=2.0, gop=1).encode(HOLES)


@pytest.fixture(scope="module", params=["ffv1", "hevc", "vp9", "jpeg2k", "exact"])
def payload(request) -> bytes:
    """A small payload of each family of coders."""
    if request.param == "exact":
        return VideoCodec().encode(np.random.default_rng(0).normal(size=(2, 5, 7)))
    return _small(request.param)


def _body(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Prefix, header and sections of a payload."""
    size = header_size(data)
    return data[:PREFIX_SIZE], data[PREFIX_SIZE:size], data[size:]


def _with_field(data: bytes, tag: int, content: bytes) -> bytes:
    """The payload with one more field in its header."""
    _, body, sections = _body(data)
    return seal(body + bytes([tag, len(content)]) + content, sections)


@given(headers())
def test_headers_come_back(header_and_sections):
    """Whatever a header says is read back as it was written."""
    header, sections = header_and_sections
    parsed = parse_header(pack(header, sections))
    assert replace(parsed, sections=()) == header
    assert [s.lengths for s in parsed.sections] == [tuple(map(len, s)) for s in sections]
    json.dumps(parsed.summary())  # which `info` prints


@given(headers())
def test_sections_are_where_the_header_says(header_and_sections):
    """A reader that has the header alone finds each section by its byte range."""
    header, sections = header_and_sections
    data = pack(header, sections)
    parsed = parse_header(data)
    assert parsed.payload_size == len(data)
    assert parse_header(data[: parsed.size]) == parsed  # a partial read has no more
    for index, layers in enumerate(sections):
        start, stop = parsed.section_range(index)
        assert split_section(parsed, index, data[start:stop]) == list(layers)


def test_a_header_says_how_many_frames_are_a_picture():
    """As it says how many components and bands there are."""
    path = Path(__file__).parents[1] / "data" / "format_1" / "groups_psnr.ncv"
    found = parse_header(path.read_bytes()).summary()
    assert (found["frames_per_picture"], found["frames_per_segment"], found["bands"]) == (6, 12, 1)
    path = path.with_name("bands_psnr.ncv")
    assert "frames_per_picture" not in parse_header(path.read_bytes()).summary()


every_few_bytes = pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])


@every_few_bytes
def test_truncation_at_every_byte_is_noticed(payload, step):
    """No prefix of a payload decodes."""
    for length in range(0, len(payload), step):
        with pytest.raises(DecodeError):
            VideoCodec().decode(payload[:length])


@every_few_bytes
def test_one_wrong_byte_is_noticed_wherever_it_is(payload, step):
    """Header and sections are covered by checksums to the last byte."""
    rng = np.random.default_rng(1)
    for position in range(0, len(payload), step):
        damaged = bytearray(payload)
        damaged[position] ^= int(rng.integers(1, 256))
        with pytest.raises(DecodeError):
            VideoCodec().decode(bytes(damaged))


def test_trailing_bytes_are_noticed(payload):
    """A payload ends where its header says."""
    with pytest.raises(DecodeError, match="bytes instead of"):
        VideoCodec().decode(payload + b"\0")


@given(st.binary(max_size=100))
def test_any_bytes_are_refused_as_payloads(data):
    """What is no payload is a DecodeError and nothing else."""
    with pytest.raises(DecodeError):
        VideoCodec().decode(data)


@given(st.data())
def test_headers_with_valid_checksums_are_not_trusted(data):
    """A forged header decodes to an array or raises DecodeError: it never crashes."""
    _, body, sections = _body(_small(data.draw(st.sampled_from(["ffv1", "hevc", "jpeg2k"]))))
    forged = bytearray(body)
    for _ in range(data.draw(st.integers(1, 3))):
        forged[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = VideoCodec().decode(seal(bytes(forged), sections))
    except DecodeError:
        return
    assert isinstance(decoded, np.ndarray)


@given(st.data())
def test_sections_with_valid_checksums_are_not_trusted(data):
    """Forged streams decode to an array of the declared kind or raise DecodeError."""
    original = data.draw(
        st.sampled_from(["ffv1", "hevc", "vp9", "h264", "jpeg2k", "htj2k"]).map(_small)
    )
    header = parse_header(original)
    sections = []
    for index in range(len(header.sections)):
        section = original[slice(*header.section_range(index))]
        layers = [bytearray(layer) for layer in split_section(header, index, section)]
        for layer in filter(len, layers):
            for _ in range(data.draw(st.integers(0, 3))):
                layer[data.draw(st.integers(0, len(layer) - 1))] = data.draw(st.integers(0, 255))
        sections.append([bytes(layer) for layer in layers])
    try:
        decoded = VideoCodec().decode(pack(header, sections))
    except DecodeError:
        return
    assert (decoded.shape, decoded.dtype) == (HOLES.shape, HOLES.dtype)


def test_unknown_versions_are_named(payload):
    """The error names the payload's version and the one that is read here."""
    newer = payload[:4] + struct.pack("<H", FORMAT_VERSION + 6) + payload[6:]
    with pytest.raises(UnsupportedVersionError) as caught:
        VideoCodec().decode(newer)
    assert str(FORMAT_VERSION + 6) in str(caught.value)
    assert f"version {FORMAT_VERSION}" in str(caught.value)


def test_unknown_fields_that_matter_are_refused(payload):
    """Tags below 128 change the meaning of a payload."""
    with pytest.raises(DecodeError, match="field 99"):
        parse_header(_with_field(payload, 99, b"x"))


@pytest.mark.parametrize("tag", [200, 255])
def test_unknown_fields_that_only_inform_are_skipped(payload, tag):
    """Tags from 128 on leave the decoded array alone."""
    decoded = VideoCodec().decode(_with_field(payload, tag, b"anything"))
    np.testing.assert_array_equal(decoded, VideoCodec().decode(payload))


@pytest.mark.parametrize("tag", [1, 2, 3, 6, 8, 128])
def test_a_field_may_stand_only_once(payload, tag):
    """A second field of a tag is a contradiction."""
    with pytest.raises(DecodeError, match=f"field {tag}"):
        parse_header(_with_field(payload, tag, b""))


def test_damaged_headers_and_sections_are_told_apart(payload):
    """The error says whether the header or which section fails its checksum."""
    size = header_size(payload)
    for position, message in [(size - 1, "header"), (len(payload) - 1, "section")]:
        damaged = bytearray(payload)
        damaged[position] ^= 1
        with pytest.raises(DecodeError, match=f"{message}.*checksum"):
            VideoCodec().decode(bytes(damaged))


def test_every_section_has_a_checksum_of_its_own():
    """A partial read is checked as well as a whole one."""
    data = _small("ffv1")
    header = parse_header(data)
    for index, section in enumerate(header.sections):
        start, stop = header.section_range(index)
        assert zlib.crc32(data[start:stop]) == section.crc
        if stop > start:
            damaged = bytes([data[start] ^ 1]) + data[start + 1 : stop]
            with pytest.raises(DecodeError, match=f"section {index} fails"):
                split_section(header, index, damaged)


@pytest.mark.parametrize(
    "shape",
    [(2**40,), (2**20, 2**20, 2**20), (2**63, 2**63), (10**9, 10**9), (0, 2**62)],
)
def test_absurd_shapes_are_refused_before_anything_is_allocated(shape):
    """A declared chunk beyond 16 GiB is damage."""
    with pytest.raises(DecodeError, match="shape"):
        parse_header(pack(Header("<f8", shape), ()))


def test_absurd_header_lengths_are_refused():
    """The length of the header is bounded before it is read."""
    prefix = struct.pack("<4sHHII", b"\x89NCV", FORMAT_VERSION, 0, 2**31, 0)
    with pytest.raises(DecodeError, match="announces a header"):
        header_size(prefix)


@pytest.mark.parametrize(
    "mosaic",
    [
        Mosaic(1, 17, 20, 1, 2**20, 2**20),
        Mosaic(10**6, 17, 20, 10**3, 17000, 20000),
        Mosaic(1, 17, 21, 1, 17, 21),
        Mosaic(1, 17, 20, 0, 17, 20),
        Mosaic(1, 17, 20, 2, 17, 40),
        Mosaic(0, 17, 20, 1, 17, 20),
        Mosaic(1, 17, 20, 1, 16, 20),
    ],
)
def test_frames_that_do_not_fit_the_chunk_are_refused(mosaic):
    """A forged frame size may not make the decoder allocate more than the chunk's planes."""
    layer = Layer("base", "ffv1", 8, "gray", mosaic=mosaic)
    header = Header("|u1", (17, 20), axes="yx", layers=(layer,))
    with pytest.raises(DecodeError, match="geometry"):
        parse_header(pack(header, [[b""], [b""]]))


@pytest.mark.parametrize(
    ("frames", "segment"), [(0, 6), (1, 6), (7, 6), (2**20, 6), (13, 2**20), (256, 256)]
)
def test_groups_that_do_not_fit_a_segment_are_refused(frames, segment):
    """A forged group may not make the decoder allocate more than the segment's frames."""
    transform = Transform("grouped", 1, 1, 8, (), (0,), frames)
    header = Header("<f4", (12, 4, 5), axes="tyx", segment_frames=segment, transform=transform)
    with pytest.raises(DecodeError, match=r"transform|groups"):
        parse_header(pack(header, ()))


@pytest.mark.parametrize("dtype", ["<f16", "|O", "<c8", "|S4", "<U3", "|V8", "f4", "<i3", ""])
def test_dtypes_that_no_encoder_writes_are_refused(dtype):
    """The dtype is one of a closed list, never a string passed through to NumPy."""
    with pytest.raises(DecodeError, match="dtype"):
        parse_header(pack(Header(dtype, (2, 2)), ()))


@pytest.mark.parametrize("axes", ["y", "yy", "tyx", "zx", "yxc"])
def test_axes_that_do_not_fit_the_shape_are_refused(axes):
    """One letter a dimension, y and x once each."""
    with pytest.raises(DecodeError, match="axes"):
        parse_header(pack(Header("<f4", (2, 2), axes=axes), ()))


@pytest.mark.parametrize("order", [(0, 0, 1), (0, 1, 3), (1, 2, 3)])
def test_frame_orders_that_are_no_permutation_are_refused(order):
    """Every frame of the chunk is written once."""
    header = Header("<f4", (3, 2, 2), axes="tyx", frame_order=order)
    with pytest.raises(DecodeError, match="permutation"):
        parse_header(pack(header, ()))


def test_more_items_than_bytes_are_refused():
    """A count is checked against what is left of the header."""
    header = Header("<f4", (2, 2), missing=Missing((b"abcd",), False))
    _, body, _ = _body(pack(header, ()))
    at = body.index(b"\x05\x06")  # tag 5, six bytes
    forged = body[: at + 3] + b"\x7f" + body[at + 4 :]
    with pytest.raises(DecodeError, match="announces"):
        parse_header(seal(forged, b""))


@pytest.mark.parametrize("codec", ["ffv1", "hevc", "vp9", "h264", "av1", "jpeg2k"])
def test_headers_of_one_plane_are_small(codec):
    """At most 200 bytes beyond the segment index."""
    chunk = np.random.default_rng(0).integers(0, 900, (3, 40, 50)).astype("u2")
    header = parse_header(codec_of(codec, gop=1).encode(chunk))
    index = sum(4 + 3 * len(s.lengths) for s in header.sections)
    assert header.size - index <= 200


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_split_units_inverts_join_units(units):
    """A stream is its units, each after its length."""
    assert split_units(join_units(units)) == units


@given(st.binary(max_size=50))
def test_any_stream_splits_or_is_refused(data):
    """No bytes make split_units fail otherwise."""
    try:
        units = split_units(data)
    except DecodeError:
        return
    assert sum(map(len, units)) <= len(data)
