"""``suggest``, ``sweep`` and ``evaluate`` choose variables alike; what ``suggest`` suggests."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("rich")
xr = pytest.importorskip("xarray")

from tests.cli.running import invoke as run  # noqa: E402

SHAPE = (6, 20, 24)
T = ("time", "y", "x")
RNG = np.random.default_rng(0)
WAVES = np.add.outer(np.arange(6.0), np.add.outer(np.arange(20.0), np.sin(np.arange(24) / 3)))
VALUES = (280 + WAVES + RNG.normal(0, 0.05, SHAPE)).astype("f4")


def refusal_of(*arguments: object) -> str:
    """The one line with which a command ends."""
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    (line,) = result.output.splitlines()
    return line


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A store with one cube, one with several, one without."""
    folder = tmp_path_factory.mktemp("stores")
    station = (("time",), np.array(list("abcdef")))
    area = (T[1:], VALUES[0])
    one = xr.Dataset({"t2m": (T, VALUES, {"units": "K"}), "station": station, "area": area})
    counts = (T, (VALUES * 10).astype("u2"))
    one.to_zarr(folder / "one.zarr")
    one.assign(counts=counts).to_zarr(folder / "two.zarr")
    one[["station", "area"]].to_zarr(folder / "none.zarr")
    return folder


@pytest.mark.slow
def test_the_only_cube_needs_no_name(tmp_path, folder):
    """Of three commands."""
    said = ["--max-error", "0.1", "--effort", "1"]
    assert "--max-error t2m=0.1" in run("suggest", folder / "one.zarr", *said).output
    assert "t2m" in run("evaluate", folder / "one.zarr", *said).output
    out = tmp_path / "sweep.v1"
    result = run("sweep", folder / "one.zarr", *said, "--out", out)
    assert result.exit_code == 0, result.output
    table = tmp_path / "sweep.v1.csv"
    assert table.read_text().count("t2m") == 1
    table.write_text("mine")
    assert run("sweep", folder / "one.zarr", *said, "--out", out).exit_code == 1
    assert table.read_text() == "mine"
    run("sweep", folder / "one.zarr", *said, "--out", out, "--overwrite")
    assert table.read_text().count("t2m") == 1


@pytest.mark.parametrize("command", [["suggest"], ["sweep", "--psnr", "40"]])
def test_one_of_several_must_be_chosen(folder, command):
    """What there is to choose from is said."""
    line = refusal_of(*command, folder / "two.zarr")
    assert line == "Error: one variable at a time: choose by --var one of counts, t2m"


@pytest.mark.parametrize("command", [["suggest"], ["sweep", "--psnr", "40"], ["evaluate"]])
def test_what_is_no_cube_says_why(folder, command):
    """Text, maps and unknown names, as a shell would write it."""
    reasons = "(area has (y, x); station holds text): --axes DIM=LETTER names dimensions"
    assert refusal_of(*command, folder / "none.zarr") == (
        f"Error: nothing here is a video, which has numbers along time, y and x {reasons}"
    )
    for name, reason in (("station", "station holds text"), ("area", "area has (y, x)")):
        assert reason in refusal_of(*command, folder / "one.zarr", "--var", name)
    assert "no variable t3m: there are" in refusal_of(*command, folder / "one.zarr", "--var", "t3m")


@pytest.mark.parametrize("command", ["evaluate", "suggest", "compare"])
def test_groups_are_named(tmp_path, folder, command):
    """With what to write instead."""
    with xr.open_zarr(folder / "one.zarr") as ds:
        ds.to_zarr(tmp_path / "a.zarr", group="fine/north", consolidated=False)
    paths = [tmp_path / "a.zarr"] * (2 if command == "compare" else 1)
    result = run(command, *paths)
    assert result.exit_code == (2 if command == "compare" else 1)
    assert f"holds groups: name one, such as {tmp_path / 'a.zarr'}/fine/north" in result.output
    effort = ["--effort", 1] if command != "compare" else []
    paths = [f"{path}/fine/north" for path in paths]
    assert run(command, *paths, *effort).exit_code == 0
    shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "a.zarr")
    result = run(command, *[tmp_path / "a.zip"] * len(paths))
    assert "a.zip holds groups: name one, such as" in result.output
    paths = [tmp_path / "a.zip/fine/north"] * len(paths)
    assert run(command, *paths, *effort).exit_code == 0


def test_an_effort_that_is_given_is_the_only_one_tried(folder):
    """And the one that is suggested."""
    found = json.loads(run("suggest", folder / "one.zarr", "--effort", 3, "--json").stdout)
    assert found["settings"]["effort"] == 3
    assert [label for label in found["tried"] if "max_error" not in label] == ["effort=3"]


def test_a_number_spares_integers(folder):
    """As it does where compress is told it."""
    arguments = ["suggest", folder / "two.zarr", "--var", "counts", "--effort", 1]
    result = run(*arguments, "--max-error", 2)
    assert "as in --max-error counts=2" in result.stderr
    assert "with: --chunks" in result.stdout
    assert "with: --max-error counts=2" in run(*arguments, "--max-error", "counts=2").stdout


def test_a_bound_is_suggested_for_measurements_alone(folder):
    """Labelled as what it is, and only where nothing was promised."""
    one = ["suggest", folder / "one.zarr", "--effort", 1]
    assert "A suggestion, no promise: --max-error t2m=" in run(*one).stdout
    assert "A suggestion" not in run(*one, "--lossless").stdout
    assert "A suggestion" not in run(*one, "--psnr", 40).stdout
    counts = run("suggest", folder / "two.zarr", "--var", "counts", "--effort", 1)
    assert "A suggestion" not in counts.stdout
    found = json.loads(run(*one, "--json").stdout)
    assert 0 < found["proposed"]["max_error"]["t2m"] < 1
    assert found["proposed_ratio"] > found["expected_ratio"]
    assert (found["uncertainty"], found["sampled"]) == (0, 1)


def test_a_sweep_looks_at_its_output_first(tmp_path, folder, monkeypatch):
    """Before it computes anything."""
    monkeypatch.setattr("numcodecs_video.xarray.sweep", None)
    line = refusal_of("sweep", folder / "one.zarr", "--psnr", 40, "--out", tmp_path / "no" / "x")
    missing = tmp_path / "no"
    assert line == f"Error: cannot write {missing / 'x.csv'}: there is no directory {missing}"
    (tmp_path / "x.png").touch()
    line = refusal_of("sweep", folder / "one.zarr", "--psnr", 40, "--out", tmp_path / "x.csv")
    assert line == (
        f"Error: {tmp_path / 'x.png'} exists: name another, or add --overwrite to replace it"
    )
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    line = refusal_of("sweep", folder / "one.zarr", "--psnr", 40, "--out", tmp_path / "x")
    assert f"{tmp_path} is not for writing" in line
    assert run("sweep", folder / "one.zarr").exit_code == 2


def test_groups_that_are_left_out_are_said(tmp_path):
    """Where one group is read that holds variables itself; a promise of theirs is not judged."""
    pytest.importorskip("netCDF4")
    cube = xr.Dataset({"t2m": (T, VALUES)})
    tree = xr.DataTree.from_dict({"/": cube, "/north": cube})
    tree.to_netcdf(tmp_path / "a.nc", engine="netcdf4")
    tree.to_zarr(tmp_path / "b")
    said = f"Note: groups of {tmp_path / 'b'} are not compared: north; name one, such as"
    assert said in run("compare", tmp_path / "a.nc", tmp_path / "b").output
    assert said not in run("compare", tmp_path / "a.nc/north", tmp_path / "b/north").output
    said = f"Note: groups of {tmp_path / 'a.nc'} are not evaluated: north"
    assert said in run("evaluate", tmp_path / "a.nc", "--effort", 1).output


def test_groups_of_a_file_are_named(tmp_path):
    """And opened by the name that is said, in a file of NetCDF and in a zipped store."""
    pytest.importorskip("netCDF4")
    north = xr.Dataset({"t2m": (T, VALUES)})
    north.to_netcdf(tmp_path / "a.nc", group="north", engine="netcdf4")
    xr.DataTree.from_dict({"/north": north}).to_zarr(tmp_path / "a")
    shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "a")
    for name in ("a.nc", "a.zip", "a"):
        path = tmp_path / name
        assert refusal_of("evaluate", path) == (
            f"Error: {path} holds groups: name one, such as {path}/north (there are north)"
        )
        assert "t2m" in run("evaluate", path / "north", "--effort", 1).stdout
        same = json.loads(run("compare", tmp_path / "a.nc/north", path / "north", "--json").stdout)
        assert [row["identical"] for row in same] == [True]
    for name in ("a.nc", "a.zip"):
        line = refusal_of("compress", tmp_path / name / "south", tmp_path / "b")
        assert line.endswith("there is no group south: there are /, /north")
    (row,) = json.loads(run("info", tmp_path / "a.zip/north", "--json").stdout)
    assert row["name"] == "t2m"
    result = run("compress", tmp_path / "a.zip/north", tmp_path / "b", "--effort", 1)
    assert result.exit_code == 0, result.output
    with xr.open_zarr(tmp_path / "b") as after:
        xr.testing.assert_identical(after.load(), north)
    assert refusal_of("info", tmp_path / "c.zip/north").endswith("does not exist")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"GRIB\0\0\0\2", "it is a GRIB file"), (b"text", "it is neither a Zarr store nor a chunk")],
)
def test_what_cannot_be_read_is_named(tmp_path, content, message):
    """By what it is, where its first bytes tell."""
    (tmp_path / "a").write_bytes(content)
    line = refusal_of("evaluate", tmp_path / "a")
    assert f"cannot read {tmp_path / 'a'} as a Zarr group or a NetCDF file: {message}" in line


def test_errors_name_options(folder):
    """Rather than what Python would say."""
    line = refusal_of("suggest", folder / "one.zarr", "--max-error", "nothing=1")
    assert "--max-error names 'nothing'" in line
    assert "={" not in line


def test_axes_are_among_what_is_suggested(folder):
    """As the option that says the same."""
    said = ["--axes", "time=t,y=y,x=x", "--max-error", "0.5", "--effort", "1"]
    result = run("suggest", folder / "one.zarr", *said)
    assert result.exit_code == 0, result.output
    assert "--axes time=t,y=y,x=x" in result.output
