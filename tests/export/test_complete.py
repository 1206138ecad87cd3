"""What is written bears its name once it is complete, and not before."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.export.complete import complete_directory, complete_file


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
