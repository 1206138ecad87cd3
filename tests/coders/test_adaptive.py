import os
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_video.coders import adaptive
from numcodecs_video.coders.adaptive import build, coder, kernel
from numcodecs_video.coders.adaptive.weights import read_weights, write_weights
from numcodecs_video.decode.chunk import decode_chunk
from numcodecs_video.errors import DecodeError, VideoCodecError
from tests.coders import reference_adaptive as reference

FIXTURES = sorted((Path(__file__).parents[1] / "data").glob("format_*/adaptive_*.ncv"))
Levels = NDArray[np.unsignedinteger]
SLOW = pytest.mark.slow
MODELS: tuple[adaptive.Model, ...] = ("whole", "quick", "express")


def make_field(shape: tuple[int, ...], top: int, *, noise: float = 0.02, seed: int = 0) -> Levels:
    """Smooth in all directions, with noise; levels of 0 to ``top``."""
    random = np.random.default_rng(seed)
    t, c, y, x = np.meshgrid(*map(np.arange, shape), indexing="ij")
    field = np.sin(y / 5 + c) + np.cos(x / 7 + t / 4) + noise * random.normal(size=shape)
    levels = np.clip(np.round((field + 2.2) / 4.4 * top), 0, top)
    return levels.astype("u1" if top < 256 else "u2" if top < 65536 else "u4")


def make_classes(shape: tuple[int, ...], count: int, *, seed: int = 0) -> Levels:
    """Blocks of classes, some of which change from frame to frame."""
    random = np.random.default_rng(seed)
    t, c, y, x = shape
    blocks = random.integers(0, count, (c, -(-y // 4), -(-x // 5)))
    frames = []
    for _ in range(t):
        changed = random.random(blocks.shape) < 0.1
        blocks = np.where(changed, random.integers(0, count, blocks.shape), blocks)
        frames.append(blocks.repeat(4, axis=1).repeat(5, axis=2)[:, :y, :x])
    return np.array(frames).astype("u1" if count <= 256 else "u2")


def decode_all(
    shared: bytes,
    streams: list[bytes],
    segments: list[int],
    like: Levels,
    *,
    top: int,
    valid: NDArray[np.bool_] | None = None,
    beside: Levels | None = None,
) -> Levels:
    """Every segment, one after the other."""
    found, start = [], 0
    for stream, count in zip(streams, segments, strict=True):
        part = slice(start, start + count)
        found.append(
            adaptive.decode(
                shared,
                stream,
                (count, *like.shape[1:]),
                top=top,
                valid=None if valid is None else valid[part],
                beside=None if beside is None else beside[part],
            )
        )
        start += count
    return np.concatenate(found)


CASES = {
    "one cell": (make_field((1, 1, 1, 1), 200), 200, [1]),
    "one pixel, many frames": (make_field((50, 1, 1, 1), 1000), 1000, [50]),
    "one row": (make_field((3, 2, 1, 40), 255), 255, [3]),
    "one column": (make_field((3, 2, 40, 1), 255), 255, [2, 1]),
    "two by two": (make_field((4, 3, 2, 2), 65535), 65535, [4]),
    "one frame": (make_field((1, 3, 20, 31), 500), 500, [1]),
    "two frames": (make_field((2, 1, 20, 31), 500), 500, [1, 1]),
    "13 bands": (make_field((4, 13, 11, 17), 10_000), 10_000, [2, 2]),
    "12 bits": (make_field((6, 2, 24, 24), 4095), 4095, [6]),
    "17 bits": (make_field((3, 1, 24, 24), 2**17), 2**17, [3]),
    "24 bits": (make_field((3, 1, 24, 24), 2**24), 2**24, [3]),
    "noise": (make_field((3, 2, 24, 24), 65535, noise=9), 65535, [3]),
    "few levels": (make_field((5, 1, 24, 24), 3), 3, [3, 2]),
    "one level": (np.zeros((3, 1, 9, 9), "u1"), 0, [3]),
    "constant": (np.full((6, 2, 16, 16), 77, "u1"), 255, [6]),
    "classes": (make_classes((6, 1, 32, 37), 12), 11, [3, 3]),
    "two classes": (make_classes((6, 2, 32, 37), 2), 1, [6]),
    "many classes": (make_classes((4, 1, 32, 37), 5000), 4999, [4]),
    "no frames": (np.zeros((0, 1, 4, 4), "u1"), 9, []),
    "no cells": (np.zeros((2, 1, 0, 4), "u1"), 9, [1, 1]),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", CASES)
def test_round_trip(name: str, model: adaptive.Model) -> None:
    """Every level comes back, in the smallest unsigned type that holds the highest."""
    levels, top, segments = CASES[name]
    shared, streams = adaptive.encode(levels, segments, top=top, model=model)
    assert len(streams) == len(segments)
    if segments:
        found = decode_all(shared, streams, segments, levels, top=top)
        np.testing.assert_array_equal(found, levels)
        assert found.dtype == levels.dtype


@pytest.mark.parametrize("effort", [1, 9])
def test_efforts(effort: int) -> None:
    levels = make_field((4, 2, 20, 20), 300)
    shared, streams = adaptive.encode(levels, [4], top=300, effort=effort)
    found = decode_all(shared, streams, [4], levels, top=300)
    np.testing.assert_array_equal(found, levels)


@pytest.mark.parametrize("kind", ["numbers", "classes"])
def test_missing_cells_cost_nothing(kind: str) -> None:
    """They come back as 0, whatever they held; less is written than with them."""
    levels = (
        make_field((4, 2, 40, 40), 250) if kind == "numbers" else make_classes((4, 2, 40, 40), 9)
    )
    valid = np.random.default_rng(1).random(levels.shape) < 0.3
    valid[2] = False
    shared, streams = adaptive.encode(levels, [2, 2], top=250, valid=valid)
    found = decode_all(shared, streams, [2, 2], levels, top=250, valid=valid)
    np.testing.assert_array_equal(found, np.where(valid, levels, 0))
    if kind == "numbers":
        whole = adaptive.encode(levels, [2, 2], top=250)[1]
        assert sum(map(len, streams)) < 0.7 * sum(map(len, whole))
    other = np.where(valid, levels, 99).astype(levels.dtype)
    assert adaptive.encode(other, [2, 2], top=250, valid=valid) == (shared, streams)


def test_all_cells_missing() -> None:
    levels = make_field((3, 1, 8, 8), 250)
    valid = np.zeros(levels.shape, bool)
    shared, streams = adaptive.encode(levels, [3], top=250, valid=valid)
    found = decode_all(shared, streams, [3], levels, top=250, valid=valid)
    assert not found.any()
    assert len(streams[0]) < 8


def test_beside() -> None:
    """The base's texture tells where its residual is large."""
    base = make_field((4, 1, 96, 96), 1000)
    rough = np.abs(np.diff(base.astype(int), axis=3, prepend=0)) > 8
    noise = np.random.default_rng(2).integers(-9, 10, base.shape)
    residual = (10 + np.where(rough, noise, 0)).astype("u1")
    alone = adaptive.encode(residual, [4], top=20)
    shared, streams = adaptive.encode(residual, [4], top=20, beside=base)
    found = decode_all(shared, streams, [4], residual, top=20, beside=base)
    np.testing.assert_array_equal(found, residual)
    assert len(streams[0]) < len(alone[1][0])
    with pytest.raises(DecodeError, match="shared"):
        adaptive.decode(shared, streams[0], residual.shape, top=20)


def test_repeated_frames_cost_almost_nothing() -> None:
    """A frame that equals any earlier one of its segment is named, not coded."""
    first = make_field((3, 2, 32, 32), 4000, noise=0.3)
    levels = np.concatenate([first, first[::-1], first])
    once = adaptive.encode(first, [3], top=4000)[1][0]
    shared, streams = adaptive.encode(levels, [9], top=4000)
    found = decode_all(shared, streams, [9], levels, top=4000)
    np.testing.assert_array_equal(found, levels)
    assert len(streams[0]) < len(once) * 1.02 + 20


def test_repeated_frames_under_other_masks() -> None:
    """A repeated frame is masked as its own mask says."""
    levels = np.repeat(make_field((1, 1, 16, 16), 100), 3, axis=0)
    valid = np.random.default_rng(3).random(levels.shape) < 0.8
    levels[~valid] = 0
    levels[2], valid[2] = levels[0], valid[0] | (levels[0] == 0)
    shared, streams = adaptive.encode(levels, [3], top=100, valid=valid)
    found = decode_all(shared, streams, [3], levels, top=100, valid=valid)
    np.testing.assert_array_equal(found, levels)


def test_segments_are_independent() -> None:
    """Any segment decodes alone, in any order, and does not change when others do not."""
    levels = make_field((9, 2, 20, 20), 700)
    shared, streams = adaptive.encode(levels, [3, 3, 3], top=700)
    for i in (2, 0, 1):
        found = adaptive.decode(shared, streams[i], (3, 2, 20, 20), top=700)
        np.testing.assert_array_equal(found, levels[3 * i : 3 * i + 3])


def test_the_same_bytes_in_every_thread() -> None:
    """Encoding depends on nothing but its arguments, and threads have instances of their own."""
    levels = make_field((4, 2, 32, 32), 700)
    expected = adaptive.encode(levels, [2, 2], top=700)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(adaptive.encode(levels, [2, 2], top=700)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_smaller_than_a_level_a_cell() -> None:
    """And the simpler models are not far behind."""
    levels = make_field((8, 2, 64, 64), 255)
    shared, streams = adaptive.encode(levels, [8], top=255)
    assert len(shared) + len(streams[0]) < 0.4 * levels.size
    for model in ("quick", "express"):
        simpler = adaptive.encode(levels, [8], top=255, model=model)[1]
        assert len(streams[0]) < len(simpler[0]) < 1.15 * len(streams[0])


def make_blocks(changing: float) -> Levels:
    """Blocks of which a part changes by a level."""
    rng = np.random.default_rng(3)
    blocks = np.kron(rng.integers(0, 60, (1, 1, 10, 12)), np.ones((6, 1, 4, 4)))
    return (blocks + (rng.random(blocks.shape) < changing)).astype("u1")


@pytest.mark.parametrize(("model", "changing"), [("quick", 0.05), ("express", 0.01)])
def test_a_simpler_model_gives_way_where_it_is_far_behind(
    model: adaptive.Model, changing: float
) -> None:
    """To the whole one, among cells that are like their neighbours."""
    levels = make_blocks(changing)
    whole = adaptive.encode(levels, [6], top=63)
    assert adaptive.encode(levels, [6], top=63, model=model) == whole


def test_the_express_model_stays_where_changes_are_small() -> None:
    """Cells that are like their neighbours, or one level beside them, are no classes."""
    levels = make_blocks(0.01) // 20
    assert adaptive.encode(levels, [6], top=63, model="express")[0][0] & 128


REFERENCE_CASES = {
    "numbers": (make_field((3, 3, 9, 11), 60), 60, {}),
    "large numbers": (make_field((3, 2, 7, 8), 2**20, noise=0.5), 2**20, {}),
    "plateaus": (make_classes((3, 2, 9, 12), 4) * np.uint16(9000), 65535, {}),
    "classes": (make_classes((3, 2, 12, 13), 7), 6, {}),
    "missing": (
        make_field((3, 2, 9, 9), 60),
        60,
        {"valid": np.random.default_rng(0).random((3, 2, 9, 9)) < 0.6},
    ),
    "beside": (make_field((3, 2, 9, 9), 60), 60, {"beside": make_field((3, 2, 9, 9), 900, seed=1)}),
    "repeats": (np.tile(make_field((2, 1, 8, 8), 60), (2, 1, 1, 1)), 60, {}),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", REFERENCE_CASES)
def test_a_decoder_written_from_the_specification_agrees(name: str, model: adaptive.Model) -> None:
    levels, top, given = REFERENCE_CASES[name]
    shared, streams = adaptive.encode(levels, [len(levels)], top=top, model=model, **given)
    found = reference.decode(shared, streams[0], levels.shape, top=top, **given)
    np.testing.assert_array_equal(found, np.where(given.get("valid", True), levels, 0))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["numbers", "classes", "missing", "beside"])
def test_the_reference_agrees_on_damaged_bytes(name: str, model: adaptive.Model) -> None:
    """Both read the same from bytes that no encoder wrote, or both refuse them."""
    levels, top, given = REFERENCE_CASES[name]
    shared, streams = adaptive.encode(levels, [len(levels)], top=top, model=model, **given)
    body = bytearray(streams[0])
    body[1:] = np.random.default_rng(5).integers(0, 256, len(body) + 400, np.uint8).tobytes()
    with pytest.raises(DecodeError):
        adaptive.decode(shared, bytes(body), levels.shape, top=top, **given)
    with pytest.raises((AssertionError, IndexError)):
        reference.decode(shared, bytes(body), levels.shape, top=top, **given)


def damage(data: bytes, random: np.random.Generator) -> bytes:
    """Some bytes changed, cut off, added or doubled."""
    if not data:
        return random.bytes(3)
    body = bytearray(data)
    for _ in range(int(random.integers(1, 4))):
        at = int(random.integers(0, len(body) or 1))
        match random.integers(4):
            case 0 if body:
                body[at] = int(random.integers(256))
            case 1:
                del body[at:]
            case 2:
                body[at:at] = random.bytes(int(random.integers(1, 9)))
            case 3:
                body += body[at:]
    return bytes(body)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["numbers", "large numbers", "classes", "missing", "beside"])
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=SLOW), pytest.param(2, marks=SLOW)])
def test_damaged_bytes(name: str, model: adaptive.Model, seed: int) -> None:
    """They give an array or ``DecodeError``, and leave nothing behind for the next call."""
    levels, top, given = REFERENCE_CASES[name]
    shared, streams = adaptive.encode(levels, [len(levels)], top=top, model=model, **given)
    random = np.random.default_rng(seed)
    for i in range(50):
        bad_shared = damage(shared, random) if i % 3 == 0 else shared
        bad_stream = damage(streams[0], random) if i % 3 != 0 else streams[0]
        try:
            found = adaptive.decode(bad_shared, bad_stream, levels.shape, top=top, **given)
        except DecodeError:
            continue
        assert found.shape == levels.shape
        assert found.max(initial=0) <= top
    found = adaptive.decode(shared, streams[0], levels.shape, top=top, **given)
    np.testing.assert_array_equal(found, np.where(given.get("valid", True), levels, 0))


@pytest.mark.parametrize(
    "change", [lambda b: b[:-1], lambda b: b + b"\0", lambda b: b[: len(b) // 2]]
)
def test_a_stream_of_another_length_is_refused(change: Callable[[bytes], bytes]) -> None:
    levels = make_field((3, 2, 16, 16), 300, noise=0.3)
    shared, streams = adaptive.encode(levels, [3], top=300)
    with pytest.raises(DecodeError):
        adaptive.decode(shared, change(streams[0]), levels.shape, top=300)


@pytest.mark.parametrize(
    "shared",
    [
        b"",
        b"\x05",
        b"\x38",
        b"\x41",
        b"\x81",
        b"\xff",
        b"\xc0" + bytes(7),
        b"\0",
        b"\0\xff\xff",
        b"\x01\0",
    ],
)
def test_damaged_shared_bytes(shared: bytes) -> None:
    with pytest.raises(DecodeError):
        adaptive.decode(shared, bytes(40), (1, 1, 4, 4), top=9)


def test_the_express_model_has_levels_of_16_bits() -> None:
    """It gives way to the quick model beyond, and bytes that say otherwise are refused."""
    levels = make_field((2, 1, 9, 9), 2**16)
    shared, streams = adaptive.encode(levels, [2], top=2**16, model="express")
    assert (shared, streams) == adaptive.encode(levels, [2], top=2**16, model="quick")
    forged = bytes([shared[0] ^ 0b1100_0000]) + shared[1:]
    with pytest.raises(DecodeError, match="shared"):
        adaptive.decode(forged, streams[0], levels.shape, top=2**16)


@pytest.mark.parametrize("stream", [b"", b"\x05\0\0", b"\x01", b"\x01\0\0", b"\xff" * 9])
def test_damaged_lists_of_repeats(stream: bytes) -> None:
    shared = adaptive.encode(np.zeros((2, 1, 4, 4), "u1"), [2], top=200)[0]
    with pytest.raises(DecodeError):
        adaptive.decode(shared, stream, (2, 1, 4, 4), top=200)


def test_frames_larger_than_any_encoder_writes_are_refused() -> None:
    """Whatever a forged header declares is damage, not a fault of the caller's."""
    with pytest.raises(DecodeError, match="cells"):
        adaptive.decode(b"\0", b"\0", (1, 1, 2**13, 2**13), top=3)


def test_a_call_ends_at_its_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = make_field((40, 2, 64, 64), 60_000, noise=1)
    shared, streams = adaptive.encode(levels, [40], top=60_000)
    monkeypatch.setattr(kernel, "_SECONDS", 0.001)
    monkeypatch.setattr(kernel, "_SECONDS_A_CELL", 0.0)
    with pytest.raises(DecodeError):
        adaptive.decode(shared, streams[0], levels.shape, top=60_000)


def test_settings_are_checked() -> None:
    levels = np.zeros((2, 1, 4, 4), "u1")
    with pytest.raises(ValueError, match="segments"):
        adaptive.encode(levels, [1], top=9)
    with pytest.raises(ValueError, match="valid"):
        adaptive.encode(levels, [2], top=9, valid=np.ones((1, 1, 4, 4), bool))
    with pytest.raises(ValueError, match="top"):
        adaptive.encode(levels, [2], top=2**24 + 1)
    with pytest.raises(VideoCodecError, match="cells"):
        adaptive.encode(np.broadcast_to(levels[:1, :, :1, :1], (1, 1, 2**15, 2**15)), [1], top=9)


def test_weights() -> None:
    """Any weights of 16 bits come back; what is behind them is refused."""
    random = np.random.default_rng(0)
    groups = [random.integers(-(2**k), 2**k, 24) for k in (1, 6, 10, 15)]
    data = write_weights(groups)
    np.testing.assert_array_equal(read_weights(data, 4, 24), groups)
    for bad in (data[:-1], data + b"\0"):
        with pytest.raises(DecodeError):
            read_weights(bad, 4, 24)


def clang_version() -> str:
    if not (shutil.which("clang") and shutil.which("wasm-ld")):
        return "none"
    words = subprocess.run(["clang", "--version"], capture_output=True, text=True, check=True)
    return words.stdout.partition("version ")[2].split()[0].partition("-")[0]


@pytest.mark.slow
@pytest.mark.skipif(clang_version() != build.CLANG, reason=f"needs clang {build.CLANG}")
def test_the_module_is_built_from_its_source(tmp_path: Path) -> None:
    build.build(tmp_path / "kernel.wasm")
    packaged = Path(build.__file__).with_name("kernel.wasm")
    assert (tmp_path / "kernel.wasm").read_bytes() == packaged.read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        # Python takes a second for the larger ones.
        pytest.param(p, marks=[SLOW] if p.with_suffix(".npy").stat().st_size > 5000 else [])
        for p in FIXTURES
    ],
    ids=lambda path: path.stem,
)
def test_the_reference_reads_the_fixtures(path, monkeypatch):
    """Whole payloads, by what the page on the bytes says."""

    def decode(shared, stream, shape, *, top, valid=None, beside=None):
        return reference.decode(shared, stream, shape, top=top, valid=valid, beside=beside)

    calls: list[int] = []
    monkeypatch.setattr(coder, "decode", lambda *a, **k: (calls.append(1), decode(*a, **k))[1])
    decoded = decode_chunk(path.read_bytes())
    expected = np.load(path.with_suffix(".npy"))
    assert decoded.tobytes() == expected.tobytes()
    assert calls


@pytest.mark.skipif(sys.platform != "linux", reason="limits of the address space are Linux's")
def test_a_limited_address_space_is_enough():
    """An instance reserves 4 GiB of addresses where it may; batch systems often do not let it."""
    code = """
        import resource, numpy as np
        from numcodecs_video.coders.adaptive import decode, encode
        resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
        levels = np.random.default_rng(0).integers(0, 99, (4, 1, 40, 44)).astype("u1")
        shared, (stream,) = encode(levels, [4], top=98)
        assert (decode(shared, stream, levels.shape, top=98) == levels).all()
    """
    environment = {
        **os.environ,
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
