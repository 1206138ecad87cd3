"""Who computes while who waits."""

from __future__ import annotations

import threading

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")

from numcodecs_video import get_threads  # noqa: E402
from numcodecs_video.cli import copying, cores, progress  # noqa: E402
from numcodecs_video.threads import VARIABLE  # noqa: E402


def test_few_chunks_use_several_threads_each(monkeypatch):
    """And the setting is as before afterwards; what the environment says goes first."""
    monkeypatch.setattr(cores, "WORKERS", 8)
    monkeypatch.delenv(VARIABLE, raising=False)
    before = get_threads()
    for chunks, threads in ((0, 8), (1, 8), (3, 2), (8, 1), (99, 1)):
        with cores.threads_for(chunks):
            assert get_threads() == threads
    assert get_threads() == before
    monkeypatch.setenv(VARIABLE, "3")
    with cores.threads_for(1):
        assert get_threads() == 3


def test_another_thread_does_the_work():
    """With its results and its faults."""
    assert cores.beside_main_thread(threading.current_thread) is not threading.main_thread()
    with pytest.raises(ZeroDivisionError):
        cores.beside_main_thread(lambda: 1 / 0)


def test_variables_are_written_side_by_side(tmp_path, monkeypatch):
    """Each of one chunk: none waits for another to be done."""
    monkeypatch.setattr(copying, "WORKERS", 3)
    together = threading.Barrier(3, timeout=30)
    write = copying._write_chunk

    def meet(target, region, values):
        together.wait()
        return write(target, region, values)

    monkeypatch.setattr(copying, "_write_chunk", meet)
    values = np.arange(24.0).reshape(2, 3, 4)
    ds = xr.Dataset(dict.fromkeys("abc", (("time", "y", "x"), values)))
    encodings = {"/": {name: {"chunks": (2, 3, 4)} for name in "abc"}}
    assert copying.counted_chunks({"/": ds}, encodings) == 3
    done = []
    path = str(tmp_path / "a")
    copying.copy_groups({"/": ds}, path, encodings, zarr_format=3, advance=done.append)
    assert sum(done) == copying.copied_bytes({"/": ds}, encodings) == 3 * values.nbytes
    with xr.open_zarr(tmp_path / "a") as after:
        xr.testing.assert_identical(after.load(), ds)


def test_no_more_is_read_than_may_wait(tmp_path, monkeypatch):
    """However slowly chunks are written."""
    monkeypatch.setattr(copying, "BLOCK_BYTES", 200)
    monkeypatch.setattr(copying, "WORKERS", 1)
    waiting, most = 0, 0
    lock = threading.Lock()
    read, write = copying._read, copying._write_chunk

    def count(size):
        nonlocal waiting, most
        with lock:
            waiting += size
            most = max(most, waiting)

    def read_and_count(copy, block):
        values = read(copy, block)
        count(values.nbytes)
        return values

    def write_and_count(target, region, values):
        size = write(target, region, values)
        count(-size)
        return size

    monkeypatch.setattr(copying, "_read", read_and_count)
    monkeypatch.setattr(copying, "_write_chunk", write_and_count)
    values = np.arange(240.0).reshape(20, 3, 4)
    ds = xr.Dataset(dict.fromkeys("abc", (("time", "y", "x"), values)))
    encodings = {"/": {name: {"chunks": (1, 3, 4)} for name in "abc"}}
    copying.copy_groups(
        {"/": ds}, str(tmp_path / "a"), encodings, zarr_format=3, advance=lambda size: None
    )
    assert most <= 200


def test_a_bar_is_on_the_move_until_it_knows_more(monkeypatch):
    """Then it is as long as what is to be done."""
    import io

    from rich.console import Console
    from rich.progress import Progress

    seen = []
    update = Progress.update

    def record(self, task, **said):
        seen.append(self.tasks[0].total)
        update(self, task, **said)
        seen.append((self.tasks[0].total, self.tasks[0].completed))

    monkeypatch.setattr(Progress, "update", record)
    console = Console(file=io.StringIO(), force_terminal=True)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    with progress.progress_bar("compressing", 100) as advance:
        advance(60)
    assert seen == [None, (100, 60)]


def test_a_bar_counts_candidates_in_every_thread(tmp_path, monkeypatch):
    """Of the chunks that are written, of what another thread searches, and of nothing else."""
    import io

    from rich.console import Console
    from rich.progress import Progress

    from numcodecs_video import VideoCodec

    said = []
    update = Progress.update

    def record(self, task, **given):
        said.append(given.get("description"))
        update(self, task, **given)

    monkeypatch.setattr(Progress, "update", record)
    console = Console(file=io.StringIO(), force_terminal=True)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    codec = VideoCodec(axes="tyx", effort=1)
    values = np.random.default_rng(0).integers(0, 99, (4, 32, 32)).astype("u1")
    groups = {"/": xr.Dataset(dict.fromkeys("ab", (("time", "y", "x"), values)))}
    given = {**codec.encoding(zarr_format=3), "chunks": values.shape}
    with progress.progress_bar("compressing", 2 * values.nbytes) as advance:
        copying.copy_groups(
            groups, str(tmp_path / "a"), {"/": dict.fromkeys("ab", given)}, zarr_format=3,
            advance=advance,
        )  # fmt: skip
        written = sum(text is not None for text in said)
        cores.beside_main_thread(codec.encode, values)
    texts = [text for text in said if text is not None]
    assert written >= 2
    assert len(texts) > written
    assert sorted(texts) == sorted(f"candidate {number + 1}" for number in range(len(texts)))
    codec.encode(values)
    assert len(texts) == sum(text is not None for text in said)


def test_a_bar_moves_within_a_chunk(monkeypatch):
    """As far as chunks have come, and no further once they are said to be done."""
    import io

    from rich.console import Console
    from rich.progress import Progress

    from numcodecs_video.progress import allot, checking, following, tick

    seen = []
    update = Progress.update

    def record(self, task, **given):
        update(self, task, **given)
        seen.append((self.tasks[0].completed, self.tasks[0].total))

    monkeypatch.setattr(Progress, "update", record)
    console = Console(file=io.StringIO(), force_terminal=True)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    with progress.progress_bar("compressing", 200) as advance:
        for _ in range(2):
            with following(100):
                allot(10)
                with checking(5):
                    tick(5)
            advance(100)
    assert list(dict.fromkeys(seen)) == [
        (50, 200), (99, 200), (100, 200), (150, 200), (199, 200), (200, 200),
    ]  # fmt: skip
