"""What is written bears its name once it is complete, and not before."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.export.claims import claimed
from numcodecs_video.export.complete import complete_directory, complete_file, complete_store


@pytest.mark.parametrize("fault", [ValueError("a"), KeyboardInterrupt(), OSError(28, "full")])
@pytest.mark.parametrize("complete", [complete_file, complete_directory])
def test_what_ends_early_leaves_things_as_they_were(tmp_path, complete, fault):
    """The file of before, and nothing beside it; who wants to know is told the path."""
    target = tmp_path / "a"
    before = target if complete is complete_file else target / "b"
    before.parent.mkdir(exist_ok=True)
    before.write_text("before")

    def write_and_fail() -> None:
        with complete(target) as partial:
            (partial if complete is complete_file else partial / "b").write_text("a part")
            raise fault

    with pytest.raises(type(fault)) as caught:
        write_and_fail()
    assert before.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]
    assert isinstance(fault, ValueError) or str(target) in str(caught.value)


def test_what_ends_well_replaces_what_was_there(tmp_path):
    """A file as a whole; of a directory, the files of the same names."""
    (tmp_path / "d").mkdir()
    for name in ("a", "d/a", "d/b"):
        (tmp_path / name).write_text("before")
    with complete_file(tmp_path / "a") as file:
        file.write_text("after")
        assert (tmp_path / "a").read_text() == "before"
    with complete_directory(tmp_path / "d") as folder:
        (folder / "a").write_text("after")
        assert (tmp_path / "d/a").read_text() == "before"
    assert [(tmp_path / n).read_text() for n in ("a", "d/a", "d/b")] == ["after"] * 2 + ["before"]
    assert {path.name for path in tmp_path.iterdir()} == {"a", "d"}


def test_places_that_cannot_be_written_to_are_named(tmp_path):
    """Before anything is computed."""
    (tmp_path / "a").write_text("")
    for complete, target, message in [
        (complete_file, tmp_path, "is a directory"),
        (complete_file, tmp_path / "none" / "a", "there is no directory"),
        (complete_directory, tmp_path / "a", "is a file"),
    ]:
        with pytest.raises(VideoCodecError, match=message) as caught, complete(target):
            pass
        assert str(target) in str(caught.value)


@pytest.mark.parametrize("name", ["a.mp4", pytest.param("a.webm", marks=pytest.mark.slow), "a.mkv"])
def test_a_full_disk_leaves_no_truncated_film(tmp_path, name):
    """A file that may not grow stands for the disk; the error names the film."""
    pytest.importorskip("resource")
    pytest.importorskip("matplotlib")
    from numcodecs_video import VideoCodec

    noise = np.random.default_rng(0).integers(0, 255, (4, 1, 64, 64)).astype("u1")
    (tmp_path / "chunk").write_bytes(VideoCodec("hevc", qp=4, effort=1).encode(noise[:, 0]))
    np.save(tmp_path / "noise.npy", noise)
    (tmp_path / name).write_text("before")
    program = f"""
import resource, signal
import numpy as np
from numcodecs_video.export.film import write_preview
from numcodecs_video.export.streams import extract_stream
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400, -1))
if {name!r}.endswith("mkv"):
    extract_stream(open("chunk", "rb").read(), {name!r})
else:
    write_preview(np.load("noise.npy"), {name!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"cannot write {name}: " in done.stderr.splitlines()[-1]
    assert (tmp_path / name).read_text() == "before"
    assert {path.name for path in tmp_path.iterdir()} == {"chunk", "noise.npy", name}


def write_store(path, text: str) -> None:
    """What looks like one."""
    path.mkdir(exist_ok=True)
    (path / "zarr.json").write_text(text)


needs_locks = pytest.mark.skipif(sys.platform == "win32", reason="has no locks of directories")


@needs_locks
@pytest.mark.parametrize("name", ["a", "a.zip"])
@pytest.mark.parametrize("there", [False, True])
def test_one_process_at_a_time_writes_to_a_store(tmp_path, name, there):
    """The second is told, and takes nothing from the first."""
    target = tmp_path / name
    if there:
        write_store(target, "before")
    with complete_store(target) as partial:
        write_store(partial, "first")
        with (
            pytest.raises(VideoCodecError, match=f"another process is writing to .*{name}: "),
            complete_store(target) as other,
        ):
            write_store(other, "second")
        assert (partial / "zarr.json").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert target.is_file() is (name == "a.zip")
    with complete_store(target) as partial:
        write_store(partial, "third")


@needs_locks
def test_a_lock_goes_with_its_process(tmp_path):
    """However it ends: what it left is cleared by the next."""
    code = (
        "import os, sys, pathlib\n"
        "from numcodecs_video.export.complete import complete_store\n"
        "with complete_store(pathlib.Path(sys.argv[1])) as partial:\n"
        "    (partial / 'zarr.json').write_text('a part')\n"
        "    os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.partial"]
    with complete_store(tmp_path / "a") as partial:
        assert list(partial.iterdir()) == []
        write_store(partial, "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_store_that_appears_meanwhile_is_not_replaced_unasked(tmp_path):
    """Before the first byte, or with what was written kept beside it."""

    def write_both(partial) -> None:
        write_store(partial, "ours")
        write_store(tmp_path / "b", "theirs")

    write_store(tmp_path / "a", "before")
    with (
        pytest.raises(VideoCodecError, match="written by another process meanwhile"),
        complete_store(tmp_path / "a", overwrite=False) as partial,
    ):
        write_store(partial, "never")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    with (
        pytest.raises(VideoCodecError, match=r"b.partial is complete, rename it"),
        complete_store(tmp_path / "b", overwrite=False) as partial,
    ):
        write_both(partial)
    assert (tmp_path / "b/zarr.json").read_text() == "theirs"
    assert (tmp_path / "b.partial/zarr.json").read_text() == "ours"


@needs_locks
def test_claims_exclude_each_other_and_end(tmp_path):
    """Of the same directory; of what cannot be opened there are none."""
    with (
        claimed(tmp_path),
        pytest.raises(VideoCodecError, match="another process is writing"),
        claimed(tmp_path),
    ):
        pass
    with claimed(tmp_path), claimed(tmp_path / "none"):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_are_followed(tmp_path):
    """What a link points to is replaced, and the link stays."""
    for name in ("there", "c"):
        (tmp_path / name).mkdir()
    write_store(tmp_path / "there/a", "before")
    (tmp_path / "b").symlink_to(tmp_path / "there/a")
    for text in ("after", "again"):
        with complete_store(tmp_path / "b") as partial:
            write_store(partial, text)
        assert (tmp_path / "there/a/zarr.json").read_text() == text
    assert (tmp_path / "b").is_symlink()
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "a",
        "b",
        "c",
        "there",
        "zarr.json",
    ]
