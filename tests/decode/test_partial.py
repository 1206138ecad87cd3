"""Reading a part of a chunk: the right values, and no more bytes than they need."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numcodecs_video import DecodeError, VideoCodec
from numcodecs_video.config import Settings
from numcodecs_video.decode.chunk import decode_chunk
from numcodecs_video.decode.partial import PartialRead, select_frames
from numcodecs_video.format.payload import pack, parse_header, split_section
from tests.strategies import DTYPES, same_bits, samples

WORDS = {
    "key picture": {"codec": "hevc", "qp": 20, "effort": 1},
    "base and residual": {"codec": "hevc", "max_error": 0.05, "effort": 1},
    "ffv1": {"codec": "ffv1"},
    "jpegxl": {"max_error": 0.001, "effort": 1},
    "differences": {"codec": "ffv1", "max_error": 0.05, "effort": 3},
    "groups": {
        "codec": "hevc",
        "max_error": 0.5,
        "plan": {"version": 1, "rate": 9.0, "base": {"step": 1.0, "klt": True, "group": 3}},
    },
    "exact": {},
}


@pytest.fixture(scope="module")
def cube() -> np.ndarray:
    """Twelve dates of three bands with holes: float32, axes ``tcyx``."""
    t, c, y, x = np.mgrid[:12, :3, :18, :20]
    noise = np.random.default_rng(3).normal(0, 0.1, t.shape)
    values = (10 * np.sin((x + t) / 9) * np.cos(y / 7) * (c + 1) + noise).astype("f4")
    values[1:9, :, 4:9, 10:15] = np.nan
    return values


def read_part(payload: bytes, selection, shape, dtype, settings=None) -> tuple[np.ndarray, int]:
    """The values of a selection, and the bytes fetched for them."""
    read = PartialRead(selection, shape, np.dtype(dtype), settings or Settings())
    fetched = 0
    for _ in range(4):
        ranges = read.missing()
        if not ranges:
            return read.decode(), fetched
        parts = [payload[slice(*r)] for r in ranges]
        fetched += sum(map(len, parts))
        read.add(ranges, parts)
    raise AssertionError("more rounds than a reader should need")


@st.composite
def selections(draw, shape):
    """What Zarr hands over: basic, orthogonal and coordinate selections of a shape."""
    kind = draw(st.sampled_from(["basic", "orthogonal", "coordinates", "mask"]))
    if kind == "basic":
        found = draw(hnp.basic_indices(shape, allow_newaxis=False, allow_ellipsis=False))
        return found if isinstance(found, tuple) else (found,)
    if kind == "mask":
        return (draw(hnp.arrays(bool, shape[:1])),)
    indices = [draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=3)) for n in shape]
    if kind == "orthogonal":
        return np.ix_(*indices)
    return tuple(np.array([i[0], i[-1]]) for i in indices)


@given(st.data(), samples(DTYPES, least_ndim=2), st.sampled_from([None, 0, 1, 3]))
def test_any_selection_of_any_chunk(data, sample, gop):
    """Integers, slices with any step, masks and integer arrays give what the whole chunk gives."""
    array = sample.array
    if not array.size:
        return
    codec = VideoCodec(axes=sample.axes, gop=gop, effort=1)
    selection = data.draw(selections(array.shape))
    payload = codec.encode(array)
    values, _ = read_part(payload, selection, array.shape, array.dtype, codec.settings)
    assert same_bits(np.asarray(values), np.asarray(decode_chunk(payload)[selection]))


@pytest.mark.parametrize("name", WORDS)
def test_one_date_of_every_kind_of_layer(name, cube):
    """Key picture, base, residual, masks and exact values are all cut by segment."""
    codec = VideoCodec(gop=2, **WORDS[name])
    payload = codec.encode(cube)
    whole = decode_chunk(payload)
    for t in (0, 5, 11):
        values, _ = read_part(payload, (t,), cube.shape, "f4", codec.settings)
        assert same_bits(values, whole[t])


def test_one_date_costs_its_segment(cube):
    """The head, the shared section and one segment are fetched, once each."""
    values = np.tile(cube, (1, 1, 8, 8))
    codec = VideoCodec(gop=2, effort=1)
    payload = codec.encode(values)
    header = parse_header(payload)
    _, fetched = read_part(payload, (slice(6, 7),), values.shape, "f4", codec.settings)
    assert fetched <= 2048 + header.sections[0].size + header.sections[4].size
    assert fetched < len(payload) / 3


def test_selections_of_all_segments_take_one_request(cube):
    """No round trip is lost on a header that changes nothing."""
    codec = VideoCodec(gop=4, effort=1)
    for selection in ((slice(None),), (slice(None, None, 4),), (slice(None), 1, 5, 5)):
        read = PartialRead(selection, cube.shape, cube.dtype, codec.settings)
        assert read.missing() == [(0, None)]


def test_the_payload_has_the_last_word_on_segments(cube):
    """Settings of the array may not be those that the chunk was written with."""
    payload = VideoCodec(gop=3, effort=1).encode(cube)
    for gop in (0, 1, 5):
        values, _ = read_part(payload, (7,), cube.shape, "f4", Settings(gop=gop))
        assert same_bits(values, cube[7])


def test_frames_out_of_order(cube):
    """A frame is looked for where the header says it was coded."""
    payload = VideoCodec(gop=2, effort=1).encode(cube)
    header = parse_header(payload)
    order = (3, 1, 2, 0, 11, 10, 9, 8, 7, 6, 5, 4)
    sections = [
        split_section(header, i, payload[slice(*header.section_range(i))])
        for i in range(len(header.sections))
    ]
    shuffled = pack(replace(header, frame_order=order), sections)
    whole = decode_chunk(shuffled)
    assert same_bits(whole[list(order)], cube)
    for t in range(12):
        values, _ = read_part(shuffled, (t,), cube.shape, "f4", Settings(gop=2))
        assert same_bits(values, whole[t])


def test_long_headers_are_fetched_whole():
    """A header beyond the first request takes one more."""
    values = np.arange(900 * 16, dtype="i4").reshape(900, 4, 4) ** 2
    payload = VideoCodec(gop=1, effort=1).encode(values)
    assert parse_header(payload).size > 2048
    for t in (0, 450, 899):
        part, fetched = read_part(payload, (t,), values.shape, "i4", Settings(gop=1))
        np.testing.assert_array_equal(part, values[t])
        assert fetched < len(payload)


@pytest.mark.parametrize("missing", [0, 1, 10])
def test_truncated_payloads_raise(missing, cube):
    """Whatever the selection."""
    payload = VideoCodec(gop=2, effort=1).encode(np.tile(cube, (1, 1, 4, 4)))
    shape = (12, 3, 72, 80)
    for kept in (0, 3, 50, 3000, len(payload) - 1 - missing):
        for selection in ((11,), (slice(None),)):
            with pytest.raises(DecodeError):
                read_part(payload[:kept], selection, shape, "f4", Settings(gop=2))


def test_damaged_segments_raise_and_others_read(cube):
    """Each section has a checksum of its own."""
    values = np.tile(cube, (1, 1, 4, 4))
    payload = bytearray(VideoCodec(gop=2, effort=1).encode(values))
    start, _ = parse_header(bytes(payload)).section_range(6)
    payload[start + 5] ^= 1
    part, _ = read_part(bytes(payload), (3,), values.shape, "f4", Settings(gop=2))
    assert same_bits(part, values[3])
    with pytest.raises(DecodeError, match="checksum"):
        read_part(bytes(payload), (10,), values.shape, "f4", Settings(gop=2))


def test_chunks_unlike_the_metadata_raise(cube):
    """Both are named."""
    payload = VideoCodec(gop=2, effort=1).encode(cube)
    with pytest.raises(DecodeError, match=r"shape \(12, 3, 18, 20\).*\(12, 3, 18, 21\)"):
        read_part(payload, (1,), (12, 3, 18, 21), "f4", Settings(gop=2))
    with pytest.raises(DecodeError, match=r"dtype float32.*int32"):
        read_part(payload, (1,), cube.shape, "i4", Settings(gop=2))


def test_frames_of_several_time_axes():
    """They are merged in the order of the chunk."""
    wanted = select_frames((1, slice(None), [0, 2]), (2, 5, 3), "txt")
    assert wanted.reshape(2, 3).tolist() == [[False] * 3, [True, False, True]]
