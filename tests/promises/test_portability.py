"""The same bytes and the same values on another Python, with another PyAV.

The other interpreter is named by the environment variable ``NUMCODECS_VIDEO_OTHER_PYTHON``, and
needs this package's dependencies.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OTHER = os.environ.get("NUMCODECS_VIDEO_OTHER_PYTHON", "")
FIXTURES = sorted((ROOT / "tests" / "data").glob("format_*/*.ncv"))

#: encodes every array of the fixtures in a folder anew, decodes every payload, and says what came
PROGRAM = """
import hashlib, json, sys
from pathlib import Path
import numpy as np
from numcodecs_video import VideoCodec
from numcodecs_video.encode.verify import writer_versions

def said(array):
    return [array.dtype.str, list(array.shape), hashlib.sha256(array.tobytes()).hexdigest()]

out, fixtures = Path(sys.argv[1]), [Path(p) for p in sys.argv[2:]]
report = {"python": sys.version_info[:2], "versions": writer_versions(), "decoded": {}}
for path in fixtures:
    report["decoded"][path.stem] = said(VideoCodec().decode(path.read_bytes()))
    array = np.load(path.with_suffix(".npy"))
    for name, words in {"lossless": {}, "bound": {"max_error": 0.3}, "qp": {"qp": 20}}.items():
        encoded = VideoCodec(effort=1, **words).encode(array)
        (out / f"{path.stem}-{name}.ncv").write_bytes(encoded)
        report["decoded"][f"{path.stem}-{name}"] = said(VideoCodec().decode(encoded))
print(json.dumps(report))
"""
READER = """
import hashlib, json, sys
from pathlib import Path
from numcodecs_video import VideoCodec

def said(array):
    return [array.dtype.str, list(array.shape), hashlib.sha256(array.tobytes()).hexdigest()]

files = sorted(Path(sys.argv[1]).glob("*.ncv"))
print(json.dumps({f.stem: said(VideoCodec().decode(f.read_bytes())) for f in files}))
"""


def _run(python: str, code: str, *arguments: object) -> dict:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [python, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> list[tuple[Path, dict]]:
    """What this interpreter and the other one made of the fixtures: a folder and a report each."""
    if not OTHER:
        pytest.skip("NUMCODECS_VIDEO_OTHER_PYTHON names no other interpreter")
    made = []
    for number, python in enumerate((sys.executable, OTHER)):
        folder = tmp_path_factory.mktemp(f"python{number}")
        made.append((folder, _run(python, PROGRAM, folder, *FIXTURES)))
    return made


def test_fixtures_decode_to_the_same_values(both):
    """Bit for bit, whatever the versions."""
    (_, here), (_, there) = both
    names = [path.stem for path in FIXTURES]
    assert {n: here["decoded"][n] for n in names} == {n: there["decoded"][n] for n in names}


@pytest.mark.parametrize("writer", [0, 1], ids=["this", "other"])
def test_what_one_writes_the_other_reads(both, writer):
    """Payloads of either are the same values to both."""
    (folder, report), reader = both[writer], (sys.executable, OTHER)[1 - writer]
    decoded = _run(reader, READER, folder)
    assert decoded == {name: report["decoded"][name] for name in decoded}


def test_same_libraries_write_the_same_bytes(both):
    """The Python does not matter; encoders of other versions may choose otherwise."""
    (first, here), (second, there) = both
    if here["versions"] != there["versions"]:
        pytest.skip(f"other versions of the libraries: {here['versions']}, {there['versions']}")
    for path in sorted(first.glob("*.ncv")):
        assert _digest(path) == _digest(second / path.name), path.stem


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
