"""Files and folders that their owner has closed to whoever runs a command.

Root may read and write whatever there is, so what the system would say is put in its place.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")
pytest.importorskip("netCDF4")

from numcodecs_video import xarray as ncv  # noqa: E402
from tests.cli.running import compress, run  # noqa: E402

SCANDIR, ACCESS = os.scandir, os.access


@pytest.fixture
def store(tmp_path):
    """A store of video, of two chunks."""
    values = np.random.default_rng(0).normal(280, 1, (6, 16, 20)).astype("f4")
    ds = xr.Dataset({"v": (("time", "y", "x"), values)}, {"time": np.arange(6)})
    ncv.to_zarr(ds, tmp_path / "a", effort=1, chunks={"time": 3})
    return tmp_path / "a"


@pytest.fixture
def close(monkeypatch):
    """Close folders and files to readers or writers."""

    def closing(*paths: Path, read: bool = False) -> None:
        def scandir(path="."):
            if Path(os.fsdecode(path)) in paths:
                raise PermissionError(13, "Permission denied", os.fspath(path))
            return SCANDIR(path)

        def access(path, mode):
            return not (mode & os.W_OK and Path(path) in paths) and ACCESS(path, mode)

        monkeypatch.setattr(os, *(("scandir", scandir) if read else ("access", access)))

    return closing


def test_chunks_in_a_closed_folder_are_not_absent(tmp_path, store, close):
    """They would be taken for missing values, and a converted store would hold those."""
    closed = store / "v" / "c"
    close(closed, read=True)
    for command in (["info", store], ["convert", store, tmp_path / "b"]):
        said = run(*command, exit_code=1)
        assert f"Error: {closed}: Permission denied, which its owner may grant" in said
    assert not (tmp_path / "b").exists()
    said = run("doctor", store, exit_code=1)
    assert f"v: {closed}: Permission denied" in said
    assert "1 chunks decoded, 1 fault" in said
    with pytest.raises(PermissionError):
        ncv.convert(store, {})


def test_a_closed_chunk_is_not_damaged(tmp_path, store, monkeypatch):
    """Doctor would find no more than that."""
    chunk = store / "v" / "c" / "1" / "0" / "0"
    get = zarr.storage.LocalStore.get

    async def refuse(store, key, *arguments, **options):
        if key == "v/c/1/0/0":
            raise PermissionError(13, "Permission denied", str(chunk))
        return await get(store, key, *arguments, **options)

    monkeypatch.setattr(zarr.storage.LocalStore, "get", refuse)
    said = run("convert", store, tmp_path / "b.nc", exit_code=1)
    assert f"{chunk}: Permission denied, which its owner may grant\n" in said
    assert not (tmp_path / "b.nc").exists()


def test_a_closed_file_is_named(tmp_path, monkeypatch):
    """In one line, with what can be done."""
    file = tmp_path / "a.nc"
    file.write_bytes(b"\x89HDF\r\n\x1a\n")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr("xarray.open_dataset", refuse)
    monkeypatch.setattr("xarray.open_groups", refuse)
    for command in (["evaluate"], ["compress", file], ["suggest"]):
        said = run(command[0], file, *([tmp_path / "b"] * (len(command) - 1)), exit_code=1)
        assert said.splitlines()[-1].endswith(
            f"{file}: Permission denied, which its owner may grant"
        )


def test_a_store_that_may_not_be_changed_is_neither_replaced_nor_appended_to(
    tmp_path, store, close
):
    """Renaming it would do, and leave what cannot be removed behind."""
    before = sorted(tmp_path.rglob("*"))
    rest = xr.Dataset({"v": (("time", "y", "x"), np.ones((1, 16, 20), "f4"))}, {"time": [9]})
    rest.to_netcdf(tmp_path / "rest.nc")
    close(store / "v")
    for word in (["--overwrite"], ["--append", "time"]):
        said = run("compress", tmp_path / "rest.nc", store, *word, exit_code=1)
        assert f"{store} cannot be changed: {store / 'v'} is not for writing" in said
    close(store)
    said = run("compress", tmp_path / "rest.nc", store, "--overwrite", exit_code=1)
    assert f"Error: {store} is not for writing: name another" in said
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "rest.nc"])


def test_a_file_that_may_not_be_changed_is_not_replaced(tmp_path, store, close):
    """Though the folder around it would allow that."""
    target = tmp_path / "a.png"
    target.write_text("kept")
    close(target)
    said = run("plot", store, "--out", target, "--overwrite", exit_code=1)
    assert f"Error: {target} is not for writing: name another" in said
    assert target.read_text() == "kept"


def test_a_folder_may_be_for_writing_where_those_around_it_are_not(tmp_path, store, close):
    """As one's own on a disk of others."""
    compress(store, tmp_path / "b", "--codec", "jpeg2k")
    mine = tmp_path / "others" / "mine"
    mine.mkdir(parents=True)
    close(mine.parent)
    run("extract", tmp_path / "b", mine, "--var", "v")
    assert len(list(mine.iterdir())) == 6
    said = run("extract", tmp_path / "b", mine.parent / "more", "--var", "v", exit_code=1)
    assert f"cannot write {mine.parent / 'more'}: {mine.parent} is not for writing" in said


def test_arrays_shrink_back_where_another_cannot_grow(store, tmp_path, monkeypatch):
    """Even where that one cannot be put back."""
    rest = xr.Dataset({"v": (("time", "y", "x"), np.ones((1, 16, 20), "f4"))}, {"time": [9]})
    rest.to_netcdf(tmp_path / "rest.nc")
    resize = zarr.Array.resize

    def refuse(array, shape):
        if array.basename == "time":
            raise PermissionError(13, "Permission denied", "time/zarr.json")
        resize(array, shape)

    monkeypatch.setattr(zarr.Array, "resize", refuse)
    said = run("compress", tmp_path / "rest.nc", store, "--append", "time", exit_code=1)
    assert "time/zarr.json: Permission denied" in said
    assert zarr.open_group(store, mode="r", use_consolidated=False)["v"].shape == (6, 16, 20)
