"""The numcodecs codec: configuration, equality, buffers, and the errors of each setting."""

from __future__ import annotations

import array as stdlib_array
import json
import pickle
import subprocess
import sys

import numcodecs
import numpy as np
import pytest

import numcodecs_video
from numcodecs_video import DecodeError, Jpeg2kCodec, VideoCodec, VideoCodecError
from tests.strategies import same_bits

CONFIGURATIONS = [
    {},
    {"codec": "hevc", "max_error": 0.01},
    {"codec": "ffv1", "lossless": True},
    {"codec": "vp9", "qp": 63},
    {"psnr": 50.0},
    {"rmse": 0.5, "nodata": -9999},
    {"max_relative_error": 0.01, "nodata": 1e20},
    {"axes": "yxtc", "pca": False, "bits": 12, "gop": 0, "effort": 9, "qp": 4},
    {"pca": 3, "gop": 8},
    {"codec": "hevc", "options": {"preset": "slow", "rd": 4}, "max_error": 2},
]

JPEG2K_CONFIGURATIONS = [
    {},
    {"max_error": 0.01, "nodata": -9999},
    {"psnr": 50.0, "htj2k": True},
    {"rmse": 0.5, "pca": 3, "effort": 9},
    {"max_relative_error": 0.01, "axes": "yxtc", "pca": False},
]
CODECS = [(VideoCodec, words) for words in CONFIGURATIONS]
CODECS += [(Jpeg2kCodec, words) for words in JPEG2K_CONFIGURATIONS]


@pytest.fixture(params=CODECS, ids=lambda param: f"{param[0].__name__}({param[1]})")
def codec(request) -> VideoCodec | Jpeg2kCodec:
    """A codec of each class and kind of setting."""
    codec_type, words = request.param
    return codec_type(**words)


class TestConfiguration:
    def test_config_survives_json(self, codec):
        """A codec is its JSON."""
        config = json.loads(json.dumps(codec.get_config(), allow_nan=False))
        assert type(codec).from_config(config) == codec

    def test_config_survives_writers_that_know_no_integers(self, codec):
        """JSON has one type of number; some programs write 5.0 for 5."""
        config = json.loads(json.dumps(codec.get_config(), sort_keys=True), parse_int=float)
        assert any(type(value) is float for value in config.values())
        assert type(codec).from_config(config) == codec

    def test_registry_finds_the_codec(self, codec):
        """Numcodecs makes the codec of a stored configuration."""
        assert numcodecs.get_codec(codec.get_config()) == codec

    def test_config_has_plain_values(self):
        """NumPy scalars and tuples become what JSON has."""
        codec = VideoCodec(max_error=np.float32(0.5), gop=np.int64(4), nodata=np.int16(-1))
        assert codec.get_config() == {
            "id": "numcodecs_video",
            "codec": "auto",
            "max_error": 0.5,
            "gop": 4,
            "nodata": -1,
            "effort": 5,
        }

    @pytest.mark.parametrize("word", ["max_error", "rmse", "psnr"])
    def test_numbers_may_be_arrays_without_dimensions(self, word):
        """A bound is often computed: 0.01 * array.std()."""
        assert VideoCodec(**{word: np.array(0.5)}) == VideoCodec(**{word: 0.5})
        with pytest.raises(VideoCodecError, match=word):
            VideoCodec(**{word: np.array([0.5])})
        with pytest.raises(VideoCodecError, match=word):
            VideoCodec(**{word: np.array(True)})

    def test_repr_evaluates_to_the_codec(self, codec):
        """What is printed can be typed."""
        assert eval(repr(codec), {"VideoCodec": VideoCodec, "Jpeg2kCodec": Jpeg2kCodec}) == codec

    def test_equal_settings_are_equal_codecs(self, codec):
        """Equality and hash follow the settings."""
        twin = type(codec).from_config(codec.get_config())
        assert (twin == codec, hash(twin) == hash(codec)) == (True, True)
        assert codec != type(codec)(effort=2)
        assert codec != "numcodecs_video"

    def test_codecs_pickle(self, codec):
        """Dask sends codecs to its workers."""
        assert pickle.loads(pickle.dumps(codec)) == codec

    def test_no_fidelity_is_lossless(self):
        """A codec does not lose what nobody told it to lose."""
        assert VideoCodec() == VideoCodec(lossless=True)

    def test_defaults_stay_out_of_the_config(self):
        """Metadata say what was chosen."""
        assert VideoCodec().get_config() == {
            "id": "numcodecs_video",
            "codec": "auto",
            "lossless": True,
            "effort": 5,
        }

    def test_nan_as_nodata_is_no_sentinel(self):
        """NaN always counts as missing, and JSON has no NaN."""
        assert VideoCodec(nodata=np.nan) == VideoCodec()


class TestStoredSettings:
    """Every store opens, whatever version wrote its settings."""

    UNKNOWN = (
        {"id": "numcodecs_video", "codec": "auto", "lossless": True, "wavelet": "db4"},
        {"id": "numcodecs_video", "codec": "vvc", "qp": 20},
        {"id": "numcodecs_video", "max_error": -1},
        {"id": "numcodecs_video", "max_error": 1, "psnr": 40},
        {"id": "numcodecs_video", "pca": {"bands": 2}},
        {"id": "numcodecs_video", "axes": 3, "options": ["preset"]},
        {"id": "numcodecs_video_jpeg2k", "lossless": True, "layers": 3},
        {"id": "numcodecs_video_jpeg2k", "htj2k": "yes"},
        {"id": "numcodecs_video_jpeg2k", "qp": 20},
    )

    @pytest.mark.parametrize("config", UNKNOWN, ids=str)
    def test_unknown_settings_decode(self, config, counts):
        """The payload alone says how to decode."""
        encoded = VideoCodec().encode(counts)
        assert same_bits(numcodecs.get_codec(dict(config)).decode(encoded), counts)

    @pytest.mark.parametrize("config", UNKNOWN, ids=str)
    def test_unknown_settings_do_not_encode(self, config, counts):
        """What is not understood is not guessed."""
        with pytest.raises(VideoCodecError, match="stored settings"):
            numcodecs.get_codec(dict(config)).encode(counts)

    @pytest.mark.parametrize("config", UNKNOWN, ids=str)
    def test_unknown_settings_are_written_back_unchanged(self, config):
        """Copying metadata loses nothing."""
        assert numcodecs.get_codec(dict(config)).get_config() == config


class TestSettings:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("codec", "x265"),
            ("codec", None),
            ("lossless", "yes"),
            ("max_error", -1),
            ("max_error", 0),
            ("max_error", np.nan),
            ("max_error", np.inf),
            ("max_error", "0.1"),
            ("max_error", True),
            ("max_relative_error", 1.0),
            ("max_relative_error", -0.1),
            ("rmse", 0),
            ("psnr", -3),
            ("psnr", [40]),
            ("qp", -1),
            ("qp", 64),
            ("qp", 3.5),
            ("qp", True),
            ("axes", "xy z"),
            ("axes", "tt"),
            ("axes", "tyyx"),
            ("axes", 3),
            ("pca", 0),
            ("pca", -2),
            ("pca", "yes"),
            ("pca", 2.5),
            ("nodata", "missing"),
            ("nodata", [1, "missing"]),
            ("bits", 7),
            ("bits", 32),
            ("bits", True),
            ("bits", "12"),
            ("gop", -1),
            ("gop", 1.5),
            ("effort", 0),
            ("effort", 10),
            ("effort", "slow"),
            ("options", "preset=slow"),
            ("options", ["preset"]),
            ("options", {"preset": None}),
            ("options", {1: "a"}),
        ],
    )
    def test_bad_settings_are_named_with_their_value(self, name, value):
        """The error says which setting, what was given, and by being read, what is allowed."""
        with pytest.raises(VideoCodecError) as caught:
            VideoCodec(**{name: value})
        assert name in str(caught.value)
        assert repr(value) in str(caught.value)

    @pytest.mark.parametrize(
        "words",
        [
            {"lossless": True, "max_error": 1},
            {"max_error": 1, "psnr": 40},
            {"qp": 3, "rmse": 1},
            {"lossless": True, "qp": 0},
        ],
        ids=str,
    )
    def test_two_fidelities_are_a_contradiction(self, words):
        """Exactly one promise; the error names both."""
        with pytest.raises(ValueError, match="one fidelity") as caught:
            VideoCodec(**words)
        assert all(word in str(caught.value) for word in words)

    def test_lossless_false_needs_another_fidelity(self):
        """Losing something is a decision of how much."""
        with pytest.raises(VideoCodecError, match="needs another fidelity"):
            VideoCodec(lossless=False)
        assert VideoCodec(lossless=False, qp=3) == VideoCodec(qp=3)

    def test_unknown_keywords_are_type_errors(self):
        """As for any Python function."""
        with pytest.raises(TypeError, match="max_eror"):
            VideoCodec(max_eror=1)

    @pytest.mark.parametrize("value", [1, None, "yes"])
    def test_htj2k_is_a_flag(self, value):
        """High-throughput JPEG 2000 or not."""
        with pytest.raises(VideoCodecError, match=f"htj2k.*{value!r}"):
            Jpeg2kCodec(htj2k=value)

    @pytest.mark.parametrize("word", ["codec", "qp", "bits", "gop", "options"])
    def test_jpeg2k_has_no_words_of_video(self, word):
        """Neither in Python nor in metadata."""
        with pytest.raises(TypeError, match=word):
            Jpeg2kCodec(**{word: 1})
        stored = Jpeg2kCodec.from_config({"id": "numcodecs_video_jpeg2k", word: 1})
        assert word in stored.settings.trouble

    @pytest.mark.parametrize(("codec", "qp"), [("hevc", 52), ("h264", 60), ("auto", 63)])
    def test_qp_has_the_range_of_its_encoder(self, codec, qp):
        """x265 and x264 end at 51, VP9 and AV1 at 63."""
        with pytest.raises(VideoCodecError, match=f"qp of {codec}.*51"):
            VideoCodec(codec, qp=qp)

    def test_ffv1_has_no_qp(self):
        """A lossless coder has no quantiser."""
        with pytest.raises(VideoCodecError, match="ffv1"):
            VideoCodec("ffv1", qp=3)

    def test_axes_must_fit_the_chunk(self, counts):
        """The error shows both."""
        with pytest.raises(VideoCodecError, match=r"'tcyx'.*\(4, 18, 22\)"):
            VideoCodec(axes="tcyx").encode(counts)


class TestArrays:
    @pytest.mark.parametrize(
        ("array", "advice"),
        [
            (np.zeros((2, 3), complex), "real and imaginary"),
            (np.zeros(3, [("a", "i4")]), "each field"),
            (np.array([[1, None]], object), "objects"),
            (np.array([["a"]]), "integer codes"),
            (np.array([[b"a"]]), "integer codes"),
        ],
    )
    def test_dtypes_without_a_path_are_refused_with_advice(self, array, advice):
        """The error says what to do instead."""
        with pytest.raises(TypeError, match=advice):
            VideoCodec().encode(array)

    @pytest.mark.skipif(np.dtype("longdouble").itemsize == 8, reason="long doubles are doubles")
    def test_extended_precision_is_refused_with_advice(self):
        """No format has 80-bit floats."""
        with pytest.raises(TypeError, match="float64"):
            VideoCodec().encode(np.zeros((2, 3), np.longdouble))

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, np.frombuffer])
    def test_payloads_may_be_in_any_buffer(self, kind, counts):
        """Stores return bytes, memory maps and views."""
        payload = VideoCodec().encode(counts)
        buffer = np.frombuffer(payload, "u1") if kind is np.frombuffer else kind(payload)
        assert same_bits(VideoCodec().decode(buffer), counts)

    def test_payloads_are_bytes(self, counts):
        """Which any store can take."""
        assert isinstance(VideoCodec().encode(counts), bytes)

    @pytest.mark.parametrize(
        "out",
        [
            lambda n: np.empty((4, 18, 22), "u2"),
            lambda n: np.empty(n // 2, "u2"),
            lambda n: np.empty(n, "u1"),
            bytearray,
            lambda n: memoryview(bytearray(n)),
            lambda n: stdlib_array.array("H", [0] * (n // 2)),
        ],
    )
    def test_out_is_filled(self, out, counts):
        """Any writeable buffer of the right size; what is returned is the buffer as an array."""
        codec = VideoCodec()
        buffer = out(counts.nbytes)
        assert np.shares_memory(codec.decode(codec.encode(counts), out=buffer), buffer)
        assert bytes(memoryview(buffer).cast("B")) == counts.tobytes()

    def test_out_in_fortran_order(self, counts):
        """Values go where they belong, in whatever order the output is."""
        codec, array = VideoCodec(), np.asfortranarray(counts)
        out = np.empty(array.shape, array.dtype, order="F")
        codec.decode(codec.encode(array), out=out)
        np.testing.assert_array_equal(out, array)

    def test_out_of_another_size_is_refused(self, counts):
        """Nothing is written beside a buffer."""
        codec = VideoCodec()
        with pytest.raises(DecodeError, match="output buffer"):
            codec.decode(codec.encode(counts), out=np.empty(7, "u1"))

    def test_out_that_takes_nothing_is_refused_before_decoding(self, counts):
        """By what it is."""
        codec = VideoCodec()
        with pytest.raises(ValueError, match="out is read-only"):
            codec.decode(codec.encode(counts), out=bytes(counts.nbytes))
        with pytest.raises(TypeError, match="out must be a writeable array or buffer, got list"):
            codec.decode(codec.encode(counts), out=[0] * counts.size)

    def test_decoded_arrays_are_writeable_and_own(self, counts):
        """Users change what they read."""
        codec = VideoCodec()
        payload = codec.encode(counts)
        codec.decode(payload)[...] = 0
        assert same_bits(codec.decode(payload), counts)

    @pytest.mark.parametrize("values", [[1, 2, 3], 3.0, "text", None], ids=str)
    def test_lists_of_numbers_are_arrays_to_numpy_alone(self, values):
        """Numcodecs takes buffers; a list is none, and the error says what is one."""
        with pytest.raises(TypeError, match=f"got {type(values).__name__}: give numpy.asarray"):
            VideoCodec().encode(values)
        with pytest.raises(TypeError, match=f"bytes.*got {type(values).__name__}"):
            VideoCodec().decode(values)


class TestZarrSettings:
    def test_serializer_has_the_same_settings(self, codec):
        """One codec, both formats."""
        pytest.importorskip("zarr")
        serializer = codec.serializer()
        stored = serializer.to_dict()
        assert numcodecs.get_codec({"id": stored["name"], **stored["configuration"]}) == codec

    def test_encoding_switches_other_compressors_off(self, codec):
        """What xarray wants for one variable, without the default zstd."""
        pytest.importorskip("zarr")
        assert codec.encoding(zarr_format=2) == {"compressors": codec, "filters": None}
        assert codec.encoding() == {
            "serializer": codec.serializer(),
            "compressors": None,
            "filters": None,
        }

    def test_encoding_knows_two_formats(self, codec):
        """There is no other."""
        with pytest.raises(ValueError, match="2 or 3"):
            codec.encoding(zarr_format=1)


class TestPackage:
    def test_public_names_are_sorted_and_there(self):
        """The face of the package."""
        assert numcodecs_video.__all__ == sorted(numcodecs_video.__all__)
        assert all(hasattr(numcodecs_video, name) for name in numcodecs_video.__all__)
        assert set(numcodecs_video.__all__) <= set(dir(numcodecs_video))

    def test_unknown_names_are_attribute_errors(self):
        """As of any module."""
        with pytest.raises(AttributeError, match="no attribute 'Codec'"):
            numcodecs_video.Codec  # noqa: B018 - the access is what fails

    def test_import_is_light(self):
        """Numcodecs imports the package to find one codec."""
        heavy = ["av", "zarr", "xarray", "matplotlib", "sklearn", "imagecodecs", "dask"]
        code = (
            "import sys, numcodecs_video; numcodecs_video.VideoCodec(max_error=1); "
            f"print([m for m in {heavy} if m in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[]"


class TestOutput:
    """``decode(out=)``: values go where they belong, whatever the memory order of either."""

    @pytest.mark.parametrize("stored", ["C", "F"])
    @pytest.mark.parametrize("given", ["C", "F", "strided"])
    def test_values_go_by_position(self, stored, given):
        """Was scrambled: numcodecs' copy goes by memory."""
        values = np.arange(3 * 20 * 24, dtype="i4").reshape(3, 20, 24)
        payload = VideoCodec().encode(np.array(values, order=stored))
        out = np.zeros((3, 20, 48), "i4")[..., ::2]
        if given != "strided":
            out = np.zeros(values.shape, "i4", order=given)
        assert VideoCodec().decode(payload, out=out) is out
        np.testing.assert_array_equal(out, values)

    def test_objects_are_refused(self):
        """They were filled with Python's numbers; numcodecs' own codecs raise."""
        payload = VideoCodec().encode(np.arange(600.0).reshape(20, 30))
        with pytest.raises(TypeError, match="objects"):
            VideoCodec().decode(payload, out=np.empty((20, 30), object))


class TestMasks:
    def test_a_mask_is_never_dropped(self):
        """The error names the way out."""
        values = np.ma.masked_greater(np.arange(600.0).reshape(20, 30), 500)
        with pytest.raises(TypeError, match=r"filled\(value\) with nodata=value"):
            VideoCodec().encode(values)
        filled = values.filled(-1)
        codec = VideoCodec(nodata=-1, max_error=0.5)
        np.testing.assert_array_equal(codec.decode(codec.encode(filled)) == -1, values.mask)

    def test_an_array_that_hides_nothing_is_encoded(self):
        """Readers of NetCDF give masked arrays for all variables."""
        values = np.ma.masked_array(np.arange(600.0).reshape(20, 30))
        assert same_bits(VideoCodec().decode(VideoCodec().encode(values)), values.data)


@pytest.mark.parametrize("name", ["bfloat16", "float8_e5m2", "float8_e4m3fn"])
def test_small_floats_outside_numpy_are_told_what_to_do(name):
    """Was "store each field"; their bits are integers, which nothing loses."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    values = np.random.default_rng(0).normal(size=(3, 20, 24)).astype(getattr(ml_dtypes, name))
    with pytest.raises(TypeError, match=f"cannot encode dtype {name}.*NumPy.*view"):
        VideoCodec().encode(values)
    bits = values.view(f"u{values.dtype.itemsize}")
    assert same_bits(VideoCodec().decode(VideoCodec().encode(bits)), bits)


@pytest.mark.parametrize("words", [{}, {"max_error": 1e-310}, {"max_relative_error": 0.01},
                                   {"rmse": 1e-39}, {"psnr": 40}], ids=str)  # fmt: skip
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_the_callers_error_state_is_none_of_an_encodes_business(dtype, words):
    """Subnormals underflow somewhere inside; that state is as it was afterwards."""
    tiny = float(np.finfo(dtype).smallest_subnormal)
    values = (np.random.default_rng(0).integers(-9, 99, (4, 40, 44)) * tiny).astype(dtype)
    codec = VideoCodec(**words)
    with np.errstate(all="raise"):
        before = np.geterr()
        decoded = codec.decode(codec.encode(values))
        assert np.geterr() == before
    assert decoded.shape == values.shape


@pytest.mark.parametrize("words", [{"psnr": 30}, {"psnr": 55}, {"rmse": 0.02}], ids=str)
def test_nothing_decodes_beyond_the_range_that_was_there(words):
    """A fraction of 1.0003 is none: values stay within the chunk's own range."""
    values = np.random.default_rng(0).uniform(0, 1, (6, 40, 44)).astype("f4")
    values[0, 0, :2] = [0, 1]
    codec = VideoCodec(**words)
    decoded = codec.decode(codec.encode(values))
    assert decoded.min() >= 0
    assert decoded.max() <= 1


@pytest.mark.parametrize("words", [{}, {"max_error": 3}, {"psnr": 45}, {"rmse": 1}], ids=str)
def test_tiny_chunks_take_no_encoder(words, monkeypatch):
    """Pictures gain hardly a byte on a hundred cells, and take a hundred times the time."""
    from numcodecs_video.coders import ffmpeg, jpegxl

    def unreachable(*arguments):
        pytest.fail("an encoder of pictures was started")

    monkeypatch.setattr(ffmpeg.VideoCoder, "encode", unreachable)
    monkeypatch.setattr(jpegxl.JpegXl, "encode", unreachable)
    values = np.random.default_rng(0).integers(90, 700, (3, 10, 12)).astype("u2")
    codec = VideoCodec(**words)
    decoded = codec.decode(codec.encode(values)).astype(int)
    assert np.abs(decoded - values).max() <= words.get("max_error", 0 if not words else 20)
