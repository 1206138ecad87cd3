"""The parts of zarr that `numcodecs_video.stored` leans on without a promise that they stay.

Where one of these fails, the release of zarr that is installed has changed it: `stored` is then the
one module to look at.
"""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import numpy as np
import pytest

zarr = pytest.importorskip("zarr")

import numcodecs_video  # noqa: E402

LEFT = f"zarr {zarr.__version__} no longer has {{}}, which numcodecs_video/stored.py reads"
ALLOWED = {
    "stored.py",  # which says why
    "zarr3.py",  # of types alone, while they are checked
}


def array(**options) -> zarr.Array:
    """An array that holds something."""
    shape = (4, 6, 8)
    made = zarr.create_array({}, name="a", shape=shape, dtype="f4", **options)
    made[:] = np.arange(4 * 6 * 8, dtype="f4").reshape(shape)
    return made


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_keys_of_chunks(zarr_format):
    """The metadata give the key at a place in the grid."""
    metadata = array(chunks=(2, 3, 4), zarr_format=zarr_format).metadata
    assert hasattr(metadata, "encode_chunk_key"), LEFT.format("ArrayMetadata.encode_chunk_key")
    key = metadata.encode_chunk_key((1, 0, 1))
    assert key == {2: "1.0.1", 3: "c/1/0/1"}[zarr_format], LEFT.format("the keys of chunks")


def test_chunk_grids():
    """Regular ones have one shape."""
    metadata = array(chunks=(2, 3, 4)).metadata
    grid = getattr(metadata, "chunk_grid", None)
    assert getattr(grid, "chunk_shape", None) == (2, 3, 4), LEFT.format("chunk_grid.chunk_shape")


def test_rectilinear_chunk_grids():
    """Those of zarr 3.4 have one length a chunk."""
    key = "array.rectilinear_chunks"
    if zarr.config.get(key, None) is None:
        pytest.skip("this zarr has no rectilinear chunk grids")
    with zarr.config.set({key: True}):
        grid = array(chunks=[[1, 3], [6], [8]]).metadata.chunk_grid
    shapes = getattr(grid, "chunk_shapes", None)
    assert shapes is not None, LEFT.format("chunk_grid.chunk_shapes")
    assert next(n if isinstance(n, int) else tuple(n) for n in shapes) == (1, 3)


@pytest.mark.parametrize("location", ["start", "end"])
def test_sharding(location):
    """The codec says how it cuts a shard, and where and how its index is written."""
    shards = {"shape": (4, 6, 8), "index_location": location}
    codec = array(chunks=(2, 3, 4), shards=shards).metadata.codecs[0]
    for name in ("chunk_shape", "codecs", "index_codecs", "index_location"):
        assert hasattr(codec, name), LEFT.format(f"ShardingCodec.{name}")
    assert tuple(codec.chunk_shape) == (2, 3, 4)
    assert getattr(codec.index_location, "value", codec.index_location) == location
    names = [type(c).__name__ for c in codec.index_codecs]
    assert names == ["BytesCodec", "Crc32cCodec"], LEFT.format("the index that it had")


def test_waiting_for_stores():
    """`sync` runs a coroutine in zarr's own loop."""
    from zarr.core import sync as module

    assert hasattr(module, "sync"), LEFT.format("zarr.core.sync.sync")
    assert module.sync(asyncio.sleep(0, "done")) == "done"


def test_no_other_module_leans_on_them():
    """Nothing else imports from ``zarr.core``."""
    folder = Path(numcodecs_video.__file__).parent
    found = subprocess.run(
        ["grep", "-rlE", r"(from|import) zarr\.core", "--include=*.py", folder],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert {Path(line).name for line in found.split()} <= ALLOWED
