"""Icechunk and kerchunk: versioned stores, and chunks that lie elsewhere."""

from __future__ import annotations

import json

import numpy as np
import pytest

from numcodecs_video import VideoCodec

zarr = pytest.importorskip("zarr")
xr = pytest.importorskip("xarray")


@pytest.fixture(scope="module")
def dataset() -> xr.Dataset:
    """Twelve dates of counts."""
    counts = np.random.default_rng(4).integers(0, 900, (12, 20, 24)).astype("u2")
    return xr.Dataset({"counts": (("time", "y", "x"), counts)})


ENCODING = {"counts": {**VideoCodec(gop=3, effort=1).encoding(3), "chunks": (6, 20, 24)}}


def test_icechunk_commits_and_branches(dataset, tmp_path):
    """Each branch reads its own chunks, in parts too."""
    icechunk = pytest.importorskip("icechunk")

    storage = icechunk.local_filesystem_storage(str(tmp_path / "repository"))
    repository = icechunk.Repository.create(storage)
    session = repository.writable_session("main")
    dataset.to_zarr(session.store, encoding=ENCODING, consolidated=False)
    first = session.commit("first")
    repository.create_branch("changed", first)
    session = repository.writable_session("changed")
    zarr.open_array(session.store, path="counts")[7] = 5
    session.commit("one date")

    expected = dataset.counts.values.copy()
    store = icechunk.Repository.open(storage).readonly_session("main").store
    with xr.open_zarr(store, consolidated=False) as back:
        np.testing.assert_array_equal(back.counts, expected)
        np.testing.assert_array_equal(back.counts[7], expected[7])
    expected[7] = 5
    array = zarr.open_array(repository.readonly_session("changed").store, path="counts", mode="r")
    np.testing.assert_array_equal(array[...], expected)
    np.testing.assert_array_equal(array[5:8, 3], expected[5:8, 3])


@pytest.mark.filterwarnings("ignore:Passing `None`:DeprecationWarning")  # by Icechunk 2
def test_icechunk_reads_virtual_chunks(dataset, tmp_path):
    """Chunks stay where they were written, the repository refers to them."""
    icechunk = pytest.importorskip("icechunk")
    dataset.to_zarr(tmp_path / "d.zarr", encoding=ENCODING, consolidated=False)
    place = f"file://{tmp_path}/"
    config = icechunk.RepositoryConfig.default()
    config.set_virtual_chunk_container(
        icechunk.VirtualChunkContainer(place, icechunk.local_filesystem_store(str(tmp_path)))
    )
    repository = icechunk.Repository.create(
        icechunk.in_memory_storage(),
        config,
        authorize_virtual_chunk_access=icechunk.containers_credentials({place: None}),
    )
    session = repository.writable_session("main")
    zarr.create_array(
        session.store, name="counts", shape=(12, 20, 24), chunks=(6, 20, 24), dtype="u2",
        **VideoCodec(gop=3).encoding(3),
    )  # fmt: skip
    for i in range(2):
        chunk = tmp_path / "d.zarr" / "counts" / "c" / str(i) / "0" / "0"
        session.store.set_virtual_ref(
            f"counts/c/{i}/0/0", chunk.as_uri(), offset=0, length=chunk.stat().st_size
        )
    session.commit("references")
    array = zarr.open_array(repository.readonly_session("main").store, path="counts", mode="r")
    np.testing.assert_array_equal(array[...], dataset.counts)
    np.testing.assert_array_equal(array[4, :, 3], dataset.counts[4, :, 3])


def test_kerchunk_references_read(dataset, tmp_path):
    """Chunks of format 2 by reference, as kerchunk writes them."""
    kerchunk = pytest.importorskip("kerchunk.zarr")
    fsspec = pytest.importorskip("fsspec")
    store = tmp_path / "d.zarr"
    encoding = {"counts": {**VideoCodec(gop=3, effort=1).encoding(2), "chunks": (6, 20, 24)}}
    dataset.to_zarr(store, encoding=encoding, zarr_format=2)
    references = kerchunk.single_zarr(str(store))["refs"]
    assert str(store) in json.dumps(references["counts/0.0.0"])
    mapper = fsspec.filesystem("reference", fo=references, asynchronous=True)
    with xr.open_zarr(
        zarr.storage.FsspecStore(mapper, path=""), zarr_format=2, consolidated=False
    ) as back:
        np.testing.assert_array_equal(back.counts, dataset.counts)
        np.testing.assert_array_equal(back.counts[7], dataset.counts[7])
