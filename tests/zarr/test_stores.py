"""Parts of chunks from every kind of store, inside shards, and through both pipelines of zarr."""

from __future__ import annotations

import numpy as np
import pytest

from numcodecs_video import DecodeError, Jpeg2kCodec, VideoCodec
from numcodecs_video.decode import chunk as decoding

zarr = pytest.importorskip("zarr")

from zarr.storage import LocalStore, MemoryStore, StorePath, WrapperStore, ZipStore  # noqa: E402

SELECTIONS = {
    "a date": np.s_[7],
    "some dates": np.s_[3:11],
    "every third date": np.s_[1::3],
    "a pixel": np.s_[:, 5, 6],
    "a window of a date": np.s_[-1, 3:20:4, 8:],
    "dates of a list": np.s_[[9, 2, 2], :, 1],
    "a mask of dates": (np.arange(14) % 5 == 1, slice(None), slice(2, 4)),
}
FUSED = "zarr.core.codec_pipeline.FusedCodecPipeline"


@pytest.fixture(scope="module")
def cube() -> np.ndarray:
    """Fourteen dates with holes: float32, axes ``tyx``."""
    values = np.random.default_rng(1).normal(0, 1, (14, 40, 30)).round(2).astype("f4")
    values[2:5, 3:9, 4:] = np.nan
    return values


def _obstore(path):
    stores = pytest.importorskip("obstore.store")
    from zarr.storage import ObjectStore

    return ObjectStore(stores.LocalStore(path, mkdir=True))


def _fsspec(path):
    pytest.importorskip("fsspec")
    from zarr.storage import FsspecStore

    return FsspecStore.from_url(f"file://{path}", storage_options={"auto_mkdir": True})


STORES = {
    "local": LocalStore,
    "memory": lambda path: MemoryStore(),
    "zip": lambda path: ZipStore(path.with_suffix(".zip"), mode="w"),
    "fsspec": _fsspec,
    "obstore": _obstore,
}


@pytest.fixture(params=STORES)
def store(request, tmp_path):
    """An empty store of each kind."""
    return STORES[request.param](tmp_path / "store")


@pytest.fixture(params=["batched", "fused"])
def pipeline(request):
    """Both codec pipelines that zarr has: the second since 3.3."""
    if request.param == "batched":
        yield
        return
    if not hasattr(zarr.core.codec_pipeline, "FusedCodecPipeline"):
        pytest.skip("this zarr has no fused pipeline")
    with zarr.config.set({"codec_pipeline.path": FUSED}):
        yield


def _write(store, cube, **kwargs):
    array = zarr.create_array(
        store, shape=cube.shape, dtype=cube.dtype,
        **{"chunks": (8, 20, 30), **VideoCodec(gop=2, effort=1).encoding(3), **kwargs},
    )  # fmt: skip
    array[...] = cube
    return array


@pytest.mark.parametrize("shards", [None, (16, 40, 30)], ids=["chunks", "shards"])
def test_parts_are_those_of_the_array(store, pipeline, shards, cube):
    """Whatever store, pipeline and selection."""
    array = _write(store, cube, shards=shards)
    for name, selection in SELECTIONS.items():
        np.testing.assert_array_equal(array.oindex[selection], cube[selection], err_msg=name)
    points = ([0, 13, 9, 9], [39, 0, 20, 20], [29, 0, 5, 5])
    np.testing.assert_array_equal(array.vindex[points], cube[points])
    mask = np.zeros(cube.shape, bool)
    mask[::6, 3, ::7] = True
    np.testing.assert_array_equal(array.get_mask_selection(mask), cube[mask])


def test_chunks_never_written_read_as_the_fill_value(store, pipeline):
    """Part of them, too."""
    array = zarr.create_array(
        store, shape=(8, 20, 20), dtype="i2", chunks=(8, 10, 20), fill_value=7,
        **VideoCodec(gop=2, effort=1).encoding(3),
    )  # fmt: skip
    array[:, :10] = 5
    np.testing.assert_array_equal(array[3], np.repeat([5, 7], 10)[:, None] * np.ones(20, int))


class Counting(WrapperStore):
    """A store that adds up the bytes that are read of chunks."""

    bytes_read = 0
    requests = 0

    async def get(self, key, prototype, byte_range=None):
        found = await super().get(key, prototype, byte_range)
        if found is not None and "c/" in key:
            Counting.bytes_read += len(found)
            Counting.requests += 1
        return found


def test_one_date_fetches_one_segment(cube):
    """The rest of the chunk stays in the store."""
    store = MemoryStore()
    values = np.tile(cube, (1, 4, 4))
    _write(store, values, chunks=values.shape)
    array = zarr.open_array(Counting(store), mode="r")
    Counting.bytes_read = Counting.requests = 0
    np.testing.assert_array_equal(array[9], values[9])
    assert Counting.requests <= 3
    assert Counting.bytes_read < sum(map(len, store._store_dict.values())) / 3
    Counting.bytes_read = Counting.requests = 0
    np.testing.assert_array_equal(array[...], values)
    assert Counting.requests == 1


@pytest.fixture
def decoded(monkeypatch) -> list[int]:
    """The segments that were decoded, in order."""
    found, decode = [], decoding.decode_segment

    def record(header, shared, layers, segment, out=None):
        found.append(segment)
        return decode(header, shared, layers, segment, out)

    monkeypatch.setattr(decoding, "decode_segment", record)
    return found


@pytest.mark.parametrize(
    ("codec", "segment"),
    [(VideoCodec(gop=2, effort=1), 2), (Jpeg2kCodec(max_error=0.1), 5)],
    ids=["video", "jpeg2k"],
)
@pytest.mark.parametrize("shards", [None, (16, 40, 30)], ids=["chunks", "shards"])
def test_one_date_decodes_one_segment(codec, segment, shards, cube, decoded):
    """Of each chunk that it touches, in shards too; a date alone is a segment in JPEG 2000."""
    array = _write({}, cube, shards=shards, **codec.encoding(3))
    whole = array[...]
    decoded.clear()
    np.testing.assert_array_equal(array[5], whole[5])
    assert decoded == [segment] * 2


@pytest.mark.parametrize(
    "codec", [VideoCodec(gop=2, effort=1), Jpeg2kCodec(max_error=0.1)], ids=str
)
def test_the_fused_pipeline_decodes_parts_of_chunks(codec, cube, decoded):
    """Outside of shards; inside of them it decodes whole inner chunks (zarr 3.4)."""
    if not hasattr(zarr.core.codec_pipeline, "FusedCodecPipeline"):
        pytest.skip("this zarr has no fused pipeline")
    with zarr.config.set({"codec_pipeline.path": FUSED}):
        array = _write({}, cube, **codec.encoding(3))
        whole = array[...]
        decoded.clear()
        np.testing.assert_array_equal(array[5], whole[5])
        assert len(decoded) == 2
        sharded = _write({}, cube, shards=(16, 40, 30), **codec.encoding(3))
        np.testing.assert_array_equal(sharded[5], whole[5])


@pytest.mark.parametrize("shards", [None, (16, 40, 30)], ids=["chunks", "shards"])
def test_parts_of_jpeg_2000_chunks(pipeline, shards, cube):
    """Every selection is that of the whole chunk."""
    array = _write({}, cube, shards=shards, **Jpeg2kCodec(max_error=0.1).encoding(3))
    whole = array[...]
    for name, selection in SELECTIONS.items():
        np.testing.assert_array_equal(array.oindex[selection], whole[selection], err_msg=name)


class Strict(WrapperStore):
    """A store that refuses ranges beyond the end, as Icechunk 2 does."""

    async def get(self, key, prototype, byte_range=None):
        whole = await super().get(key, prototype)
        if whole is not None and getattr(byte_range, "end", 0) > len(whole):
            raise ValueError(f"{byte_range} is out of bounds")
        return await super().get(key, prototype, byte_range)


def test_stores_may_refuse_ranges_beyond_the_end(cube):
    """Small chunks are then fetched whole; other errors are the caller's to see."""
    store = MemoryStore()
    _write(store, cube[:4, :3, :4], chunks=(4, 3, 4))
    array = zarr.open_array(Strict(store), mode="r")
    np.testing.assert_array_equal(array[2], cube[2, :3, :4])

    class Broken(WrapperStore):
        async def get(self, key, prototype, byte_range=None):
            if "c/" in key:
                raise OSError("no network")
            return await super().get(key, prototype, byte_range)

    with pytest.raises(OSError, match="no network"):
        zarr.open_array(Broken(store), mode="r")[2]


def test_damage_is_found_in_the_part_that_is_read(tmp_path, cube):
    """And only there."""
    array = _write(tmp_path, cube, chunks=(14, 40, 30))
    chunk = tmp_path / "c" / "0" / "0" / "0"
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[:-3] + bytes(255 - b for b in whole[-3:]))
    np.testing.assert_array_equal(array[0], cube[0])
    with pytest.raises(DecodeError, match="checksum"):
        array[13]


def test_store_paths_below_the_root(cube):
    """Arrays in groups are read by the same ranges."""
    path = StorePath(MemoryStore(), "a/b")
    np.testing.assert_array_equal(_write(path, cube)[4], cube[4])
