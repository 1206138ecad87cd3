"""Faults around the codec: full disks, failing stores, killed and interrupted processes, leaks."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numcodecs_video import DecodeError, VideoCodec, VideoCodecError
from tests.strategies import same_bits

zarr = pytest.importorskip("zarr")

from zarr.storage import LocalStore, MemoryStore, WrapperStore  # noqa: E402 - needs zarr

FORMATS = (2, 3)
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs signals and limits of POSIX")


def _frames(count: int = 8) -> np.ndarray:
    """Frames that take some 2 kB each: uint16 array, shape (count, 40, 44)."""
    return np.random.default_rng(0).integers(0, 900, (count, 40, 44)).astype("u2")


def _create(store: Any, zarr_format: int, frames: np.ndarray) -> Any:
    return zarr.create_array(
        store,
        shape=frames.shape,
        dtype=frames.dtype,
        chunks=(1, *frames.shape[1:]),
        zarr_format=zarr_format,
        **VideoCodec(effort=1).encoding(zarr_format),
    )


class FullStore(WrapperStore):
    """A store that takes so many chunks and then has no space left."""

    def __init__(self, store: Any, room: int) -> None:
        super().__init__(store)
        self.room = room

    def _take(self, key: str) -> None:
        if not key.endswith((".json", ".zarray", ".zattrs", ".zgroup")):
            if not self.room:
                raise OSError(errno.ENOSPC, "No space left on device", key)
            self.room -= 1

    async def set(self, key: str, value: Any, *rest: Any) -> None:
        """Store a value while there is room."""
        self._take(key)
        await super().set(key, value, *rest)

    def set_sync(self, key: str, value: Any) -> None:
        """The same for pipelines that do not wait."""
        self._take(key)
        self._store.set_sync(key, value)


@pytest.mark.parametrize("zarr_format", [pytest.param(2, marks=pytest.mark.slow), 3])
class TestStores:
    def test_a_full_store_keeps_what_it_took(self, zarr_format):
        """The error reaches the writer, and every chunk that was reported as written reads."""
        frames = _frames()
        array = _create(FullStore(MemoryStore(), room=5), zarr_format, frames)
        for number in range(5):
            array[number] = frames[number]
        for number in range(5, 8):
            with pytest.raises(OSError, match="No space left"):
                array[number] = frames[number]
        np.testing.assert_array_equal(array[:5], frames[:5])
        assert not array[5:].any()

    def test_a_write_of_many_chunks_at_once_fails_as_a_whole(self, zarr_format):
        """No chunk is half there: it is new, or as it was."""
        frames = _frames()
        array = _create(FullStore(MemoryStore(), room=len(frames) + 3), zarr_format, frames)
        array[...] = frames
        with pytest.raises(OSError, match="No space left"):
            array[...] = frames + 1
        now = array[...]
        assert all((now[i] == frames[i]).all() or (now[i] == frames[i] + 1).all() for i in range(8))

    def test_an_encoder_that_fails_loses_nothing(self, zarr_format, monkeypatch):
        """The old chunk stays when the new one cannot be encoded."""
        frames = _frames(2)
        array = _create(MemoryStore(), zarr_format, frames)
        array[...] = frames

        def failing(*arguments: Any) -> bytes:
            raise OSError("the encoder is gone")

        monkeypatch.setattr("numcodecs_video.encode.pipeline.encode_chunk", failing)
        with pytest.raises(OSError, match="encoder is gone"):
            array[0] = frames[1]
        np.testing.assert_array_equal(array[...], frames)

    @posix_only
    def test_a_full_disk_keeps_what_it_took(self, zarr_format, tmp_path):
        """A file that may not grow: the old chunk stays, whole."""
        frames = _frames(2)
        _create(LocalStore(tmp_path / "a"), zarr_format, frames)[...] = frames
        code = """
            import resource, signal, sys, numpy, zarr
            array = zarr.open_array(sys.argv[1])
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
            try:
                array[0] = array[1]
            except OSError as error:
                print(error.strerror)
        """
        done = _run(code, tmp_path / "a")
        assert "too large" in done.stdout, done.stderr
        np.testing.assert_array_equal(zarr.open_array(tmp_path / "a")[...], frames)

    @posix_only
    @pytest.mark.slow
    def test_a_killed_writer_leaves_whole_chunks_or_none(self, zarr_format, tmp_path):
        """Whenever the process ends: each chunk is one that was written, or is not there."""
        frames = _frames()
        _create(LocalStore(tmp_path / "a"), zarr_format, frames)
        code = """
            import sys, numpy, zarr
            array = zarr.open_array(sys.argv[1])
            frames = numpy.load(sys.argv[2])
            for turn in range(10**6):
                array[...] = frames + turn % 2
                print(turn, flush=True)
        """
        np.save(tmp_path / "frames.npy", frames)
        for seconds in (0.05, 0.21, 0.4):
            writer = _start(code, tmp_path / "a", tmp_path / "frames.npy")
            writer.stdout.readline()
            time.sleep(seconds)  # anywhere in the middle of a write
            writer.kill()
            writer.communicate()
            now = zarr.open_array(tmp_path / "a")[...]
            for i, frame in enumerate(frames):
                assert (now[i] == frame).all() or (now[i] == frame + 1).all()


def _start(code: str, *arguments: object, **kwargs: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, **kwargs)


def _run(code: str, *arguments: object) -> Any:
    process = _start(code, *arguments)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@posix_only
@pytest.mark.xdist_group("timed")
@pytest.mark.parametrize("threads", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_an_interrupted_process_ends(threads, tmp_path):
    """Ctrl-C in the middle of a long encode: the process is gone soon, and no thread holds it."""
    code = """
        import os, signal, sys, numpy, numcodecs_video
        # A shell's background jobs ignore it, and so do their children.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        from numcodecs_video.coders import ffmpeg
        open_encoder = ffmpeg._open_encoder
        def announce(*arguments):
            os.write(1, b"encoding\\n")
            return open_encoder(*arguments)
        ffmpeg._open_encoder = announce
        numcodecs_video.set_threads(int(sys.argv[1]))
        cube = numpy.random.default_rng(0).integers(0, 4000, (96, 160, 160)).astype("u2")
        numcodecs_video.VideoCodec("hevc", qp=4, gop=8, effort=9).encode(cube)
    """
    process = _start(code, threads)
    try:
        assert process.stdout.readline() == "encoding\n"
        began = _seconds_of_children()
        err = None
        while err is None:
            # CPython loses a signal that comes just before a thread waits for a lock: send another.
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                _, err = process.communicate(timeout=5)
    finally:
        process.kill()
        process.communicate()
    assert "KeyboardInterrupt" in err
    # Of processor time, since the machine may be busy; the whole encode takes 16.
    assert _seconds_of_children() - began < 10


def _seconds_of_children() -> float:
    """Processor time of all child processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system


@pytest.mark.parametrize(
    "codec",
    [
        "auto",
        "hevc",
        *(pytest.param(c, marks=pytest.mark.slow) for c in ("vp9", "ffv1", "av1", "h264")),
    ],
)
def test_no_thread_and_no_file_is_left(codec):
    """Each encode and decode, right or failed, gives back what it took."""
    frames = _frames(2)
    video = VideoCodec(codec, effort=1)
    payload = video.encode(frames)
    gc.collect()
    threads, files = set(threading.enumerate()), _open_files()
    for _ in range(8):
        assert same_bits(video.decode(video.encode(frames)), frames)
        with pytest.raises(DecodeError):
            video.decode(payload[:-1])
    # What other tests left behind may end meanwhile: what is new is what counts.
    assert set(threading.enumerate()) <= threads
    assert _open_files() <= files


def _open_files() -> set[tuple[str, str]]:
    """The numbers of open files, and what they are."""
    found = set()
    for file in list(Path("/proc/self/fd").glob("*")):
        with contextlib.suppress(OSError):  # that of the listing itself
            found.add((file.name, os.readlink(file)))
    return found


class TestNotes:
    """An error in one of Zarr's threads reaches the caller, and says where it comes from."""

    @pytest.mark.parametrize("zarr_format", FORMATS)
    def test_errors_of_encoding_name_the_codec(self, zarr_format):
        """Zarr knows the array, and tells the codec nothing of it."""
        codec = VideoCodec("av1", bits=12, qp=20).encoding(zarr_format)
        array = zarr.create_array(
            {}, shape=(2, 9, 9), chunks=(1, 9, 9), dtype="f4", zarr_format=zarr_format, **codec
        )
        with pytest.raises(VideoCodecError) as caught:
            array[...] = 1.5
        assert "while encoding with" in _notes(caught)
        assert "'av1'" in _notes(caught)

    @pytest.mark.parametrize("shards", [None, (2, 40, 44)])
    @pytest.mark.parametrize("zarr_format", FORMATS)
    def test_errors_of_decoding_name_the_codec_and_the_chunk(self, zarr_format, shards, tmp_path):
        """The chunk's key in the store begins with the variable's name; format 2 does not tell."""
        if zarr_format == 2 and shards:
            pytest.skip("format 2 has no shards")
        frames = _frames(2)
        group = zarr.create_group(tmp_path / "g", zarr_format=zarr_format)
        codec = VideoCodec().encoding(zarr_format)
        array = group.create_array(
            "t2m", shape=frames.shape, dtype="u2", chunks=(1, 40, 44), shards=shards, **codec
        )
        array[...] = frames
        chunk = tmp_path / "g" / "t2m" / ("0.0.0" if zarr_format == 2 else "c/0/0/0")
        damaged = bytearray(chunk.read_bytes())
        damaged[1000] ^= 1
        chunk.write_bytes(damaged)
        with pytest.raises(DecodeError) as caught:
            array[0, 3]
        assert "numcodecs_video" in _notes(caught)
        assert zarr_format == 2 or shards or "t2m/c/0/0/0" in _notes(caught)


def _notes(caught: pytest.ExceptionInfo[BaseException]) -> str:
    return "\n".join(caught.value.__notes__)
