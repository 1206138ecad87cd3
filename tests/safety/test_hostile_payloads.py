"""Payloads that were forged or damaged: each ends in its array or in DecodeError, and soon.

Every test below a heading is a fault that fuzzing found once (``fuzz/``); the last one
runs that fuzzing itself for a moment.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from numcodecs_video import DecodeError, VideoCodec
from numcodecs_video.coders import EncodedPlanes, EncodeSpec, find_coder, pcodec, zstd
from numcodecs_video.format.header import Header, Layer, Transform, Values
from numcodecs_video.format.payload import pack, parse_header
from numcodecs_video.format.varint import join_units, split_units

resource = pytest.importorskip("resource", reason="this platform does not measure its memory")

FUZZER = Path(__file__).parents[2] / "fuzz" / "decoder.py"
COUNTS = (np.arange(4 * 18 * 22) % 97).reshape(4, 18, 22).astype("u2")


def _decode(header: Header, *sections: list[bytes]) -> np.ndarray:
    return VideoCodec().decode(pack(header, sections))


def _streams_of(codec: str) -> tuple[list[bytes], list[bytes]]:
    """The shared units of four frames of 72x72 samples, and those of their only segment."""
    coded = _encoded_frames(codec)
    return split_units(coded.shared), split_units(coded.streams[0])


def _encoded_frames(codec: str) -> EncodedPlanes:
    frames = np.random.default_rng(0).integers(0, 200, (4, 1, 72, 72)).astype("u1")
    spec = EncodeSpec(8, None if codec == "ffv1" else 30)
    return find_coder(codec).encode(frames, [range(4)], spec)


def _decode_stream(codec: str, shared: list[bytes], units: list[bytes]) -> np.ndarray:
    layer = _encoded_frames(codec).layer
    return find_coder(codec).decode(layer, join_units(shared), join_units(units), (4, 1, 72, 72))


class TestHeaders:
    @pytest.mark.parametrize("dtype", ["|b1", "|i1", "<u2", ">i4", "<i8", "<M8[ns]", "<m8[D]"])
    @pytest.mark.parametrize("kind", ["real", "relative", "ordered"])
    def test_real_levels_make_no_integers(self, kind, dtype):
        """Was a ValueError of NumPy: the limits of an integer's floats."""
        with pytest.raises(DecodeError, match=f"{kind} levels"):
            _decode(Header(dtype, (2, 3), axes="yx", values=Values(kind, 1, 0.5, 3)))

    @pytest.mark.parametrize(
        ("dtype", "values"),
        [
            ("<f8", Values("ordered", 0, 1, 3)),
            ("<f4", Values("ordered", 2**32 - 3, 1, 3)),
            ("<f2", Values("ordered", 0, 1, 2**16)),
            ("<f4", Values("ordered", 2**64 - 1, 1, 3)),
        ],
        ids=str,
    )
    def test_numbers_of_floats_end_with_their_dtype(self, dtype, values):
        """There is no float beyond the last."""
        with pytest.raises(DecodeError, match="number no floats"):
            _decode(Header(dtype, (2, 3), axes="yx", values=values))

    @pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8"])
    def test_integer_levels_make_no_reals(self, dtype):
        """Was a ValueError of NumPy: the limits of a float's integers."""
        with pytest.raises(DecodeError, match="integer levels"):
            _decode(Header(dtype, (2, 3), axes="yx", values=Values("integer", 1, 1, 3)))

    def test_weights_must_be_rows_of_one_length(self):
        """Was a ValueError of NumPy: 5 weights are no matrix of two rows."""
        transform = Transform("linear", 1, 1, 8, (1,) * 5, (0, 0))
        layers, values = (Layer("base", "zstd", 8),), Values("integer", 0, 1, 255)
        header = Header("|u1", (2, 3, 3), "C", "cyx", 1, layers, values, transform)
        with pytest.raises(DecodeError, match="band transform"):
            _decode(header, [b""], [zstd.compress(bytes(18))])

    @pytest.mark.parametrize(
        "dtype", ["<M8[x]", "<M8[nss]", "<M8[0s]", "<m8[s/3]", "<M8[99999999999s]", "<M8[]"]
    )
    def test_units_of_time_are_of_a_closed_list(self, dtype):
        """Was a TypeError of NumPy."""
        with pytest.raises(DecodeError, match="dtype"):
            _decode(Header(dtype, (2, 2)))

    @pytest.mark.parametrize("shape", [(0, 2**39, 2**39), (1,) * 65, (0,) * 65])
    def test_shapes_that_numpy_cannot_make_are_refused(self, shape):
        """Was a ValueError of NumPy: arrays without cells have limits, too."""
        with pytest.raises(DecodeError, match="declares a chunk"):
            _decode(Header("<f8", shape))

    @pytest.mark.parametrize(
        "values",
        [
            Values("integer", 0, 2**70, 1),
            Values("integer", -(2**64), 1, 1),
            Values("integer", 0, 1, 2**63),
            Values("real", 0.0, 1.0, 2**70),
            Values("relative", 1.0, 1.5, 3, 2**64),
        ],
        ids=str,
    )
    def test_levels_of_more_than_64_bits_are_refused(self, values):
        """Was an OverflowError of NumPy."""
        dtype = "<i4" if values.kind == "integer" else "<f4"
        with pytest.raises(DecodeError, match="64 bits"):
            _decode(Header(dtype, (2, 2), axes="yx", values=values))

    def test_a_step_of_64_bits_needs_no_level(self):
        """Was an OverflowError: only level 0 is there to be multiplied."""
        array = _decode(Header("<u8", (2, 2), values=Values("integer", 7, 2**64 - 1, 0)))
        np.testing.assert_array_equal(array, np.full((2, 2), 7, "u8"))

    @pytest.mark.parametrize("frames", [0, 2**40, 2**64 - 1])
    def test_segments_have_a_number_of_frames_that_arrays_count(self, frames):
        """Was an OverflowError of a partial read."""
        with pytest.raises(DecodeError, match=f"segments of {frames} frames"):
            _decode(Header("<f4", (2, 3), axes="yx", segment_frames=frames))

    @pytest.mark.parametrize("kind", ["real", "relative"])
    @pytest.mark.parametrize("offset", [0.0, 1e308, -1e308])
    def test_values_beyond_the_dtype_are_clipped_without_a_warning(self, kind, offset):
        """Was a RuntimeWarning, which a reader can do nothing about."""
        values = Values(kind, offset, 1e308, 255)
        header = Header("<f8", (2, 2), axes="yx", layers=(Layer("base", "zstd", 8),), values=values)
        stream = zstd.compress(bytes([0, 1, 9, 255]))
        assert _decode(header, [b""], [stream]).shape == (2, 2)

    def test_a_kind_of_layer_may_stand_only_once(self):
        """The format says so; a second base silently replaced the first."""
        layers = (Layer("base", "zstd", 8), Layer("base", "zstd", 8))
        with pytest.raises(DecodeError, match="twice"):
            _decode(Header("|u1", (2, 2), axes="yx", layers=layers), [b"", b""], [b"", b""])


class TestStreams:
    def test_differences_in_time_by_zstandard_decode(self):
        """Was a ValueError: the samples of that coder were read-only."""
        layer = Layer("base", "zstd", 8, delta=True)
        values = Values("integer", 0, 1, 255)
        header = Header(
            "|u1", (3, 1, 2), axes="tyx", segment_frames=3, layers=(layer,), values=values
        )
        stream = zstd.compress(bytes([5, 6, 129, 127, 128, 130]))
        np.testing.assert_array_equal(
            _decode(header, [b""], [stream]), [[[5, 6]], [[6, 5]], [[6, 7]]]
        )

    def test_pictures_larger_than_declared_take_no_memory(self):
        """JPEG XL made the whole picture, of any size, before its size was looked at."""
        picture = imagecodecs.jpegxl_encode(np.zeros((2**14, 2**14), "u1"), lossless=True, effort=1)
        header = Header("|u1", (18, 22), axes="yx", layers=(Layer("base", "jpegxl", 8),),
                        values=Values("integer", 0, 1, 255))  # fmt: skip
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(DecodeError, match="JPEG XL"):
            _decode(header, [b""], [join_units([picture])])
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024

    @pytest.mark.parametrize("announced", [253, 2**32, 2**63])
    def test_values_that_pcodec_cannot_hold_do_not_end_the_process(self, announced):
        """Pcodec allocates as many values as a stream announces, and aborts where it cannot."""
        values = np.arange(252, dtype="i8")
        stream, layer = pcodec.Pcodec().encode_values(values), Layer("exact", "pcodec")
        header = Header("<i8", values.shape, layers=(layer,))
        np.testing.assert_array_equal(_decode(header, [b""], [stream]), values)
        bits = announced << 6 | announced.bit_length() - 1
        number = bits.to_bytes(-(-(6 + announced.bit_length()) // 8), "little")
        with pytest.raises(DecodeError, match=f"announces {announced} values"):
            _decode(header, [b""], [stream[:6] + number + stream[8:]])

    @pytest.mark.parametrize(("coder", "kind"), [("zstd", "exact"), ("zstd", "base")])
    def test_streams_smaller_than_declared_take_no_memory(self, coder, kind):
        """The output was zeroed, 4 GiB for these few bytes, before the stream was looked at."""
        header = Header("|u1", (2**32,) if kind == "exact" else (2**16, 2**16),
                        axes="" if kind == "exact" else "yx", layers=(Layer(kind, coder, 8),),
                        values=Values("integer", 0, 1, 255))  # fmt: skip
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(DecodeError):
            _decode(header, [b""], [zstd.compress(bytes(9))])
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024

    def test_sections_are_found_in_time_whatever_their_number(self):
        """Took minutes: the place of each section was summed up from the first."""
        header = Header("|u1", (10**5, 1, 1), axes="tyx", layers=(Layer("base", "zstd", 8),))
        parsed = parse_header(pack(header, [[b""]] * (10**5 + 1)))
        assert sum(start - stop for start, stop in map(parsed.section_range, range(10**5 + 1))) == 0

    @pytest.mark.parametrize("codec", ["hevc", "vp9", "ffv1", "av1", "h264"])
    def test_packets_beyond_the_frames_are_refused(self, codec):
        """Took minutes: packets whose pictures are never shown were decoded without end."""
        shared, packets = _streams_of(codec)
        _decode_stream(codec, shared, packets)
        with pytest.raises(DecodeError, match="packets for 4 frames"):
            _decode_stream(codec, shared, packets * 3)
        if shared:
            with pytest.raises(DecodeError, match="packets for 4 frames"):
                _decode_stream(codec, shared * 99, packets)

    def test_many_segments_without_layers_take_no_time(self):
        """Took hours: each segment of a constant chunk was made on its own."""
        header = Header("|u1", (2**24, 1, 1), axes="tyx", segment_frames=1,
                        values=Values("integer", 7, 1, 0))  # fmt: skip
        array = _decode(header)
        assert (array.shape, array.min(), array.max()) == ((2**24, 1, 1), 7, 7)


class TestDeclarations:
    """A chunk that is not what the reader expects is refused before it is decoded."""

    HUGE = pack(Header("|u1", (2**13, 2**10, 2**10), axes="tyx"), ())

    def test_an_output_buffer_bounds_the_chunk(self):
        """8 GiB were decoded first, and then found not to fit 4 bytes."""
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(DecodeError, match="output buffer"):
            VideoCodec().decode(self.HUGE, out=bytearray(4))
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024

    @pytest.mark.parametrize("follower", [False, True])
    def test_the_metadata_of_an_array_bound_its_chunks(self, follower, tmp_path):
        """Whether Zarr lets the codec fetch the bytes or hands them over."""
        zarr = pytest.importorskip("zarr")
        words, chunk = VideoCodec().encoding(3), self.HUGE
        if follower:
            words["compressors"], chunk = [zarr.codecs.GzipCodec()], gzip.compress(chunk)
        array = zarr.create_array(tmp_path / "a", shape=(4, 9, 9), chunks=(4, 9, 9), dtype="u1",
                                  **words)  # fmt: skip
        array[...] = COUNTS[:4, :9, :9]
        (tmp_path / "a" / "c" / "0" / "0" / "0").write_bytes(chunk)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(DecodeError, match="metadata say"):
            array[...]
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_chunks_beyond_the_memory_are_decode_errors(monkeypatch):
    """Was a MemoryError: the error says which chunk there is no memory for."""

    def full(*arguments: object) -> np.ndarray:
        raise MemoryError

    payload = VideoCodec().encode(COUNTS)
    monkeypatch.setattr(np, "empty", full)
    with pytest.raises(DecodeError, match=r"no memory for a chunk of shape \(4, 18, 22\)"):
        VideoCodec().decode(payload)


@pytest.mark.skipif(sys.platform != "linux", reason="workers are confined by Linux")
@pytest.mark.skipif(not FUZZER.exists(), reason="needs the checkout's benchmarks")
@pytest.mark.slow
def test_fuzzing_for_a_moment_finds_nothing():
    """Cases of a seed that the long runs do not use."""
    command = [sys.executable, FUZZER, "--cases", "1500", "--seed", "1000", "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1500 cases, 0 faults" in done.stdout
