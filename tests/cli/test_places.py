"""How a command line names a place: as a shell, a browser or a file manager hands it over."""

from __future__ import annotations

import os

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")
pytest.importorskip("zarr")

from click.shell_completion import ShellComplete  # noqa: E402

from numcodecs_video.cli.commands import commands  # noqa: E402
from tests.cli.running import compress, invoke, run  # noqa: E402

VALUES = np.random.default_rng(0).normal(280, 3, (6, 20, 24)).astype("f4")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home folder, which is the working directory as well, with a NetCDF file and a store."""
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    ds = xr.Dataset({"v": (("time", "y", "x"), VALUES)})
    ds.to_netcdf(tmp_path / "a b.nc")
    ds.to_zarr(tmp_path / "a b.zarr")
    return tmp_path


@pytest.mark.parametrize(
    "spelt", ["~/{}", "file://{home}/{}", "file://localhost{home}/{}", "./{}"], ids=str
)
@pytest.mark.parametrize("source", ["a b.nc", "a b.zarr"])
def test_every_spelling_is_the_same_place(home, spelt, source):
    """Read, written, replaced and described."""
    compress(spelt.format(source, home=home), target := spelt.format("c d.zarr", home=home))
    assert (home / "c d.zarr" / "zarr.json").exists()
    assert "exists" in compress(spelt.format(source, home=home), target, exit_code=1)
    compress(spelt.format(source, home=home), target, "--overwrite")
    assert "lossless" in run("info", target)
    assert "no faults" in run("doctor", target)
    run("compare", spelt.format(source, home=home), target)
    run("convert", target, spelt.format("e.nc", home=home))
    assert sorted(os.listdir(home)) == ["a b.nc", "a b.zarr", "c d.zarr", "e.nc"]


def test_urls_of_files_may_be_quoted_or_not(home):
    """Browsers write a space as %20; a name that has a per cent sign is read as it is."""
    url = f"file://{home}/a%20b.nc"
    compress(url, f"file://{home}/c%20d.zarr")
    assert (home / "c d.zarr").is_dir()
    (home / "c d.zarr").rename(home / "c%20d.zarr")
    assert "lossless" in run("info", f"file://{home}/c%20d.zarr")


@pytest.mark.parametrize("arguments", [["-", "b.zarr"], ["a b.nc", "-"]], ids=str)
def test_pipes_are_none(home, arguments):
    """A store is a folder; one that is called so is within reach."""
    assert "name a path (./-" in compress(*arguments, exit_code=2)
    assert sorted(os.listdir(home)) == ["a b.nc", "a b.zarr"]
    compress("a b.nc", "./-")
    assert "lossless" in run("info", "./-")
    assert invoke("info", "-").exit_code == 2


@pytest.mark.parametrize("arguments", [["", "b.zarr"], ["a b.nc", " "]], ids=str)
def test_an_empty_name_is_none(home, arguments):
    """As a variable of a shell that is not set leaves one."""
    assert "it is empty: name a path" in compress(*arguments, exit_code=2)
    assert sorted(os.listdir(home)) == ["a b.nc", "a b.zarr"]


@pytest.mark.parametrize("command", ["compress", "info", "compare", "convert", "extract"])
def test_shells_complete_paths(command):
    """Which they leave to the program: a bare text would be completed by nothing."""
    shell = ShellComplete(commands, {}, "numcodecs-video", "_NUMCODECS_VIDEO_COMPLETE")
    (found,) = shell.get_completions([command], "a")
    assert (found.type, found.value) == ("file", "a")
