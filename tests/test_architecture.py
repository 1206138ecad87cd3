"""The rooms of the house: what a module may import, and what every room looks like from outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import numcodecs_video

PACKAGE = Path(numcodecs_video.__file__).parent
#: from the roof to the ground: a room may import from those below it, never from its own floor
FLOORS = (
    {"cli"},
    {"plots"},
    {"xarray"},
    {"stored", "export", "synthetic"},
    {"codec"},
    {"sampling"},
    {"zarr3"},
    {"encode"},
    {"decode"},
    {"transform", "coders"},
    {"format"},
    {"threads", "metrics", "progress"},
    {"config"},
    {"errors"},
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(PACKAGE.rglob("*.py"))


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def _imported(path: Path) -> Iterator[str]:
    """The rooms that a module imports from; names of the root stand for their home."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "numcodecs_video":
            homes = numcodecs_video._HOMES
            names = [f"numcodecs_video.{homes.get(a.name, a.name)}" for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            names = [node.module or ""]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "numcodecs_video" and rest and not rest.startswith("__"):
                yield rest.split(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_lead_downwards(path):
    """Also those within functions and for types alone."""
    room = _room(path)
    if room == "__init__":
        return
    for other in _imported(path):
        assert other == room or FLOOR_OF[other] > FLOOR_OF[room], f"{room} imports {other}"


def test_every_room_has_a_floor():
    """And every floor has rooms that are there."""
    rooms = {_room(path) for path in MODULES} - {"__init__"}
    assert rooms == set(FLOOR_OF)


def test_the_root_holds_what_users_and_everyone_import():
    """Ten files at most: what belongs to a stage lives in the folder of that stage."""
    assert len(list(PACKAGE.glob("*.py"))) <= 10


def test_decoding_needs_no_encoder():
    """What reads a payload imports nothing of what writes one."""
    readers = [path for path in MODULES if _room(path) in ("decode", "coders", "transform")]
    assert not {other for path in readers for other in _imported(path)} & {"encode", "codec"}


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("numcodecs_video", ["VideoCodec", "Jpeg2kCodec", "fit_pca", "set_threads"]),
        ("numcodecs_video.codec", ["VideoCodec", "Jpeg2kCodec"]),
        ("numcodecs_video.zarr3", ["VideoSerializer", "Jpeg2kSerializer"]),
        ("numcodecs_video.xarray", ["to_zarr", "encoding", "evaluate", "compare", "stack_bands"]),
        ("numcodecs_video.plots", []),
        ("numcodecs_video.metrics", ["psnr", "rmse", "ssim", "spectral_angle", "valid_cells"]),
        ("numcodecs_video.errors", ["DecodeError", "VideoCodecError", "EncoderUnavailableError"]),
        ("numcodecs_video.cli", ["main"]),
    ],
)
def test_public_import_paths_stay(module, names):
    """Where users' programs find things."""
    found = import_module(module)
    assert [name for name in names if not hasattr(found, name)] == []
