"""What encoders in C may not do to a process, nor to a promise."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video import EncoderUnavailableError, VideoCodec, VideoCodecError
from numcodecs_video.coders import NOTHING, ffmpeg, find_coder, jpeg2k
from numcodecs_video.coders.adaptive.coder import Adaptive
from numcodecs_video.coders.ffmpeg_options import ALLOWED, check_options, safe_units
from numcodecs_video.coders.mosaic import plan_mosaic
from numcodecs_video.format.payload import parse_header
from tests.strategies import CODECS, LOSSY_CODECS, QUANTISED_CODECS, codec_of, same_bits, side

VIDEO_CODERS = [c for c in ffmpeg.CODERS.values() if isinstance(c, ffmpeg.VideoCoder)]
BLOCK_CODERS = [coder for coder in VIDEO_CODERS if coder.shortest_side > 1]


@pytest.fixture
def noise() -> np.ndarray:
    """Frames that no coder finds easy: uint16 array, shape (4, 40, 72)."""
    return np.random.default_rng(3).integers(0, 900, (4, 40, 72)).astype("u2")


class TestGlobalState:
    @pytest.mark.parametrize("codec", CODECS)
    def test_long_doubles_and_svd_work_after_an_encode(self, codec, noise):
        """libx265 leaves the x87 state of its thread dirty: it must not be the caller's."""
        words = {"qp": 10} if codec in QUANTISED_CODECS else {}
        codec_of(codec, **words).encode(noise)
        assert np.longdouble(1.5) * 2 == 3
        np.linalg.svd(np.random.default_rng(0).normal(size=(30, 30)))

    @pytest.mark.parametrize("codec", CODECS)
    def test_no_thread_is_left(self, codec, noise):
        """A thread of its own a call, gone when the call returns."""
        before = set(threading.enumerate())
        codec_of(codec, gop=1).encode(noise)
        assert set(threading.enumerate()) <= before  # other tests' may end meanwhile

    def test_no_thread_is_left_after_a_failure(self, monkeypatch, noise):
        """Nor after an encoder that raises."""
        monkeypatch.setattr(ffmpeg, "_open_encoder", _failing)
        before = set(threading.enumerate())
        VideoCodec("hevc").encode(noise)
        assert set(threading.enumerate()) <= before

    @pytest.mark.parametrize("codec", CODECS)
    def test_encoders_print_nothing(self, codec, noise, capfd):
        """Neither to stdout nor to stderr."""
        video = codec_of(codec, max_error=3)
        video.decode(video.encode(noise))
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("codec", CODECS)
    def test_encoders_log_nothing(self, codec, noise, caplog):
        """Libav's messages stay off the root logger."""
        with caplog.at_level(logging.DEBUG):
            video = codec_of(codec, max_error=3)
            video.decode(video.encode(noise))
        assert not caplog.records

    def test_the_environment_is_as_before(self, noise):
        """SVT-AV1 listens to a variable only."""
        before = dict(os.environ)
        VideoCodec("av1", qp=30).encode(noise)
        assert dict(os.environ) == before

    @pytest.mark.parametrize("fidelity", [{}, {"max_error": 1e-3}, {"qp": 10}], ids=str)
    def test_numpy_errors_and_warnings_are_untouched(self, fidelity):
        """NaN, infinities and huge values raise no warning, whatever the caller's error state."""
        values = np.random.default_rng(0).normal(size=(3, 20, 20)) * 1e300
        values[0, :5] = [[np.nan], [np.inf], [-np.inf], [0], [-1.7e308]]
        with np.errstate(all="raise"), warnings.catch_warnings():
            warnings.simplefilter("error")
            before, filters = np.geterr(), list(warnings.filters)
            video = VideoCodec(**fidelity)
            video.decode(video.encode(values))
            assert (np.geterr(), list(warnings.filters)) == (before, filters)

    def test_random_state_is_untouched(self, noise):
        """The user's seeds are the user's."""
        np.random.seed(0)  # noqa: NPY002 - the global generator is what is tested
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        VideoCodec(max_error=2).encode(noise)
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


class TestConcurrency:
    @pytest.mark.parametrize("count", [2, pytest.param(12, marks=pytest.mark.slow)])
    def test_concurrent_encodes_give_the_bytes_of_sequential_ones(self, count):
        """Zarr encodes many chunks at once."""
        rng = np.random.default_rng(5)
        chunks = [rng.integers(0, 4000, (5, 24, 40)).astype("u2") for _ in range(count)]
        videos = [codec_of(c, effort=1, **w) for c in LOSSY_CODECS for w in ({}, {"psnr": 40})]
        work = [(video, chunk) for video in videos for chunk in chunks]
        alone = [video.encode(chunk) for video, chunk in work]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda pair: pair[0].encode(pair[1]), work))
        assert together == alone

    def test_concurrent_decodes_are_right(self, noise):
        """Zarr decodes many chunks at once."""
        videos = [codec_of(codec, effort=1) for codec in CODECS]
        payloads = [video.encode(noise) for video in videos] * 8
        with ThreadPoolExecutor(8) as pool:
            assert all(same_bits(a, noise) for a in pool.map(VideoCodec().decode, payloads))

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
    @pytest.mark.parametrize("codec", ["hevc", "ffv1", "vp9"])
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_a_forked_child_encodes(self, codec, noise):
        """Nothing that the parent holds is missing in the child."""
        video = VideoCodec(codec, max_error=2)
        expected = video.encode(noise)
        child = os.fork()
        if not child:
            code = 1
            try:
                code = int(video.encode(noise) != expected)
            finally:
                os._exit(code)
        assert _exit_code(child, seconds=60) == 0


def _exit_code(child: int, seconds: float) -> int | None:
    """The exit status of a child, which is ended when it hangs."""
    alarm = threading.Timer(seconds, os.kill, (child, 9))
    alarm.start()
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        alarm.cancel()
        alarm.join()


class TestOptions:
    @pytest.mark.parametrize(
        ("codec", "options"),
        [
            ("hevc", {"qp": "-1"}),
            ("hevc", {"crf": "20"}),
            ("hevc", {"lossless": "0"}),
            ("hevc", {"x265-params": "qp=-5"}),
            ("hevc", {"rd": "4:qp=-1"}),
            ("hevc", {"rd": "7"}),
            ("hevc", {"rd": "-1"}),
            ("hevc", {"ctu": "48"}),
            ("hevc", {"ctu": "64\n"}),
            ("hevc", {"ref": "0"}),
            ("hevc", {"ref": "99999999999999999999"}),
            ("hevc", {"preset": "placebo"}),
            ("hevc", {"preset": "slow:stats=/tmp/x"}),
            ("hevc", {"pools": "64"}),
            ("hevc", {"analysis-save": "/tmp/x"}),
            ("hevc", {"csv": "/tmp/x"}),
            ("hevc", {"merange": "1e9"}),
            ("hevc", {"psy-rd": "nan"}),
            ("hevc", {"": "1"}),
            ("h264", {"x264-params": "stats=/tmp/x"}),
            ("h264", {"qp": "-1"}),
            ("h264", {"deblock": "100:100"}),
            ("vp9", {"cpu-used": "99"}),
            ("vp9", {"crf": "70"}),
            ("vp9", {"threads": "1000"}),
            ("av1", {"svtav1-params": "qp=1"}),
            ("av1", {"preset": "-3"}),
            ("av1", {"lp": "64"}),
            ("ffv1", {"slices": "5"}),
            ("ffv1", {"level": "4"}),
            ("ffv1", {"coder": "9"}),
        ],
        ids=str,
    )
    def test_dangerous_options_never_reach_an_encoder(self, codec, options, noise, monkeypatch):
        """libx265 ends the process at some values: only known ones pass."""
        monkeypatch.setattr(ffmpeg, "_open_encoder", _unreachable)
        with pytest.raises(VideoCodecError) as caught:
            VideoCodec(codec, options=options).encode(noise)
        assert repr(next(iter(options))) in str(caught.value)

    @pytest.mark.parametrize("codec", sorted(ALLOWED))
    @given(name=st.text(max_size=20), value=st.text(max_size=20))
    def test_no_option_smuggles_another_one(self, codec, name, value):
        """Whatever passes holds no separator that an encoder would split at."""
        for option in (name, *ALLOWED[codec]):
            try:
                check_options(codec, {option: value})
            except VideoCodecError:
                continue
            assert not set(value) & set("=,;/\\\n\0 ")
            assert value.count(":") <= (option == "deblock")

    def test_options_without_a_codec_are_refused(self, noise):
        """Options belong to one encoder."""
        with pytest.raises(VideoCodecError, match="set codec"):
            VideoCodec(options={"preset": "slow"}).encode(noise)

    @pytest.mark.parametrize(
        ("codec", "options"),
        [
            ("hevc", {"preset": "slow", "rd": 5, "ctu": 32, "bframes": 3}),
            ("h264", {"preset": "veryfast", "refs": 2}),
            ("vp9", {"cpu-used": 5, "lag-in-frames": 0}),
            ("av1", {"preset": 10, "scm": 0}),
            ("ffv1", {"coder": 2, "context": 1}),
        ],
        ids=str,
    )
    def test_known_options_encode(self, codec, options, noise):
        """What an expert may set keeps the promise."""
        video = VideoCodec(codec, max_error=2, options=options)
        decoded = video.decode(video.encode(noise))
        assert np.abs(decoded.astype(int) - noise).max() <= 2


class TestFaults:
    """An encoder that codes something else is found out, and the promise kept without it."""

    @pytest.fixture(params=["corrupted", "other samples", "one frame less", "raising"])
    def faulty(self, request, monkeypatch):
        """The encoders with a fault; how often they were called is counted."""
        calls = []

        def with_fault(encode):
            def fault(coder, planes, segments, spec, known=NOTHING):
                calls.append(spec)
                if request.param == "raising":
                    raise VideoCodecError("the encoder failed")
                if request.param == "other samples":
                    planes = planes.copy()
                    planes[len(planes) // 2, ..., -3:, -3:] ^= 1
                    return encode(coder, planes, segments, spec, known)
                if request.param == "one frame less" and coder.contextual:
                    less = [range(max(0, s.start - 1), s.stop - 1) for s in segments]
                    if not all(less):
                        raise VideoCodecError("a segment without a frame")
                    known = known.frames(range(1, len(planes)))
                    return encode(coder, planes[1:], less, spec, known)
                if request.param == "one frame less":
                    return encode(coder, planes, [segments[0][:-1], *segments[1:]], spec)
                encoded = encode(coder, planes, segments, spec, known)
                broken = bytearray(encoded.streams[0])
                broken[len(broken) // 2] ^= 0x55
                return replace(encoded, streams=[bytes(broken), *encoded.streams[1:]])

            return fault

        for coder in (ffmpeg.VideoCoder, jpeg2k.Jpeg2k, Adaptive):
            monkeypatch.setattr(coder, "encode", with_fault(coder.encode))
        return calls

    @pytest.mark.parametrize("codec", CODECS)
    def test_lossless_survives_a_faulty_encoder(self, codec, faulty, noise):
        """Bit for bit, by another path."""
        video = codec_of(codec, gop=2)
        assert same_bits(video.decode(video.encode(noise)), noise)
        assert faulty

    @pytest.mark.parametrize("codec", CODECS)
    def test_bounds_survive_a_faulty_encoder(self, codec, faulty, cube):
        """Every cell within the bound, by another path."""
        video = codec_of(codec, max_error=0.02)
        decoded = video.decode(video.encode(cube))
        np.testing.assert_array_equal(np.isnan(decoded), np.isnan(cube))
        assert np.nanmax(np.abs(decoded.astype("f8") - cube)) <= 0.02
        assert faulty

    def test_expert_options_that_fail_are_reported(self, monkeypatch, noise):
        """Who sets raw options wants to know that the encoder refused them."""
        monkeypatch.setattr(ffmpeg, "_open_encoder", _failing)
        with pytest.raises(VideoCodecError, match="refused"):
            VideoCodec("hevc", options={"rd": 4}).encode(noise)


class TestFrameSizes:
    @given(st.integers(1, 30), side, side, st.sampled_from([None, "16", "32", "64"]))
    def test_no_side_of_a_frame_is_one_coding_tree_unit(self, planes, height, width, asked):
        """libx265 codes pictures one unit wide wrongly, and pictures one tall by chance."""
        coder = ffmpeg.CODERS["hevc"]
        mosaic = plan_mosaic(planes, height, width, coder.shortest_side, coder.unsafe_side)
        sides = mosaic.frame_height, mosaic.frame_width
        given_options = {} if asked is None else {"ctu": asked}
        options = given_options | safe_units(*sides, given_options)
        unit = min(int(options.get("ctu", "64")), max(n for n in (16, 32, 64) if n <= min(sides)))
        assert unit not in sides

    @pytest.mark.parametrize("width", [16, 32, 64])
    @pytest.mark.parametrize("codec", ["hevc", "h264", "vp9", "av1"])
    def test_chunks_one_coding_tree_unit_wide_are_coded_as_video(self, codec, width):
        """Padding and smaller units serve them: they need no other path."""
        y, x, t = np.mgrid[:40, :width, :6]
        array = ((np.sin((x + t) / 9) + np.cos(y / 8)) * 100 + 200).astype("u2").transpose(2, 0, 1)
        video = VideoCodec(codec, qp=20)
        header = parse_header(video.encode(array))
        layer = header.layers[header.layer_index("base")]
        assert layer.coder == codec
        assert (codec, layer.mosaic.frame_width) != ("hevc", 16)


class TestAvailability:
    def test_a_missing_encoder_is_named_with_what_is_there(self, monkeypatch, noise):
        """The error says what this PyAV can do instead."""
        depths = ffmpeg.VideoCoder.available_depths
        monkeypatch.setattr(
            ffmpeg.VideoCoder,
            "available_depths",
            lambda coder: [] if coder.name == "vp9" else depths(coder),
        )
        _forget_checks()
        with pytest.raises(EncoderUnavailableError, match=r"vp9.*it has.*hevc at 8") as caught:
            VideoCodec("vp9").encode(noise)
        assert "ffv1" in str(caught.value)

    def test_a_missing_encoder_still_decodes(self, monkeypatch, noise):
        """Reading needs no encoder."""
        payload = VideoCodec("vp9").encode(noise)
        monkeypatch.setattr(ffmpeg.VideoCoder, "available_depths", lambda coder: [])
        _forget_checks()
        assert same_bits(VideoCodec("vp9").decode(payload), noise)

    @pytest.mark.parametrize(("codec", "bits"), [("av1", 12), ("h264", 12), ("hevc", 16)])
    def test_a_missing_depth_is_named_with_what_is_there(self, codec, bits, noise):
        """Depths differ from coder to coder."""
        with pytest.raises(EncoderUnavailableError, match=f"{codec} at {bits} bits; it has"):
            VideoCodec(codec, bits=bits, qp=20).encode(noise)

    def test_vp9_at_12_bits_is_an_error_where_the_library_lacks_it(self, noise):
        """The wheels of PyAV have libvpx at 8 bits only."""
        if 12 in find_coder("vp9").available_depths():
            pytest.skip("this PyAV has VP9 at 12 bits")
        with pytest.raises(EncoderUnavailableError, match="vp9 at 12 bits"):
            VideoCodec("vp9", bits=12, qp=20).encode(noise)


@pytest.fixture(autouse=True)
def _checks_are_made_anew():
    """Which encoders there are is remembered; these tests change it."""
    yield
    _forget_checks()


def _forget_checks() -> None:
    from numcodecs_video.encode import pipeline

    pipeline._check_coder.cache_clear()


def _failing(coder, spec, frames):
    raise ffmpeg.av.error.FFmpegError(-22, "refused")


def _unreachable(coder, spec, frames):
    pytest.fail("the option reached an encoder")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows delivers no signal to a thread")
def test_an_interrupt_during_an_encode_reaches_the_caller(monkeypatch, noise):
    """Ctrl-C ends the call at once, and the encoder's thread soon after."""
    started, go_on, waited_in_vain, interrupted = (threading.Event() for _ in range(4))
    open_encoder = ffmpeg._open_encoder

    def slow(coder, spec, frames):
        started.set()
        if not go_on.wait(60):
            waited_in_vain.set()
        return open_encoder(coder, spec, frames)

    def on_interrupt(number, frame):
        if not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt

    def interrupt():
        started.wait(60)
        # CPython loses a signal that comes just before a thread waits for a lock: send another.
        while not interrupted.wait(0.2) and not go_on.is_set():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    monkeypatch.setattr(ffmpeg, "_open_encoder", slow)
    before = signal.signal(signal.SIGINT, on_interrupt)
    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            VideoCodec("hevc", qp=10).encode(noise)
        assert not waited_in_vain.is_set()
    finally:
        go_on.set()
        interrupter.join()
        signal.signal(signal.SIGINT, before)
    for thread in threading.enumerate():
        if thread.name == "numcodecs_video-encoder":
            thread.join(60)
            assert not thread.is_alive()
