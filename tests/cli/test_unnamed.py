"""Arrays whose metadata name no dimensions."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

from click.testing import CliRunner  # noqa: E402

from numcodecs_video import xarray as ncv  # noqa: E402
from numcodecs_video.cli.commands import commands  # noqa: E402
from numcodecs_video.cli.unnamed import for_resolutions  # noqa: E402
from numcodecs_video.xarray.lazily import from_zarr  # noqa: E402

RNG = np.random.default_rng(0)
LEVELS = [RNG.integers(0, 900, (5, 2, 24 >> n, 32 >> n)).astype("u2") for n in range(2)]


def run(*arguments: object, exit_code: int = 0) -> str:
    """Run a command, and return what it printed."""
    done = CliRunner().invoke(commands, list(map(str, arguments)))
    assert done.exit_code == exit_code, done.output
    return done.output


def write(path, zarr_format, attributes, **options):
    """A pyramid of two resolutions, as microscopes write it."""
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    for number, level in enumerate(LEVELS):
        group.create_array(str(number), data=level, chunks=(1, 1, *level.shape[2:]), **options)
    group.attrs.update(attributes)


KINDS = [("t", "time"), ("c", "channel"), ("y", "space"), ("x", "space")]
IMAGE = {
    "multiscales": [
        {
            "axes": [{"name": name, "type": kind} for name, kind in KINDS],
            "datasets": [{"path": "0"}, {"path": "1"}],
        }
    ]
}


@pytest.mark.parametrize(
    ("zarr_format", "options"),
    [(2, {}), (3, {}), (3, {"dimension_names": list("tcyx")})],
    ids=["0.4", "without names", "0.5"],
)
def test_images_name_their_axes(tmp_path, zarr_format, options):
    """OME-Zarr 0.4 and 0.5: all resolutions are video, and the metadata of the image stay.

    0.5 wants names of dimensions, which then have a size in each resolution.
    """
    attributes = IMAGE if zarr_format == 2 else {"ome": IMAGE}
    write(tmp_path / "a", zarr_format, attributes, **options)
    said = ["--effort", 1, "--zarr-format"]
    assert "Note" not in run("compress", tmp_path / "a", tmp_path / "b", *said, zarr_format)
    group = zarr.open_group(tmp_path / "b", mode="r")
    for number, level in enumerate(LEVELS):
        np.testing.assert_array_equal(group[str(number)][...], level)
    assert group.attrs.asdict() == attributes
    rows = json.loads(run("info", tmp_path / "b", "--json"))
    assert all("video" in row["codec"] for row in rows)
    for number, other in enumerate((["1"], ["0"])):  # a dataset has one size for a name
        with xr.open_zarr(tmp_path / "b", drop_variables=other) as after:
            assert after[str(number)].dims == ("t", "c", "y", "x")
            np.testing.assert_array_equal(after[str(number)], LEVELS[number])


@pytest.mark.parametrize(("zarr_format", "version"), [(2, "0.4"), (3, "0.5")])
def test_readers_of_images_want_one_format(tmp_path, zarr_format, version):
    """Which is said where the other is written."""
    write(tmp_path / "a", zarr_format, IMAGE if zarr_format == 2 else {"ome": IMAGE})
    said = ["--effort", 1, "--var", "1", "--zarr-format", 5 - zarr_format]
    assert (
        f"Note: OME-Zarr {version} goes with Zarr format {zarr_format}: readers of images want "
        f"--zarr-format {zarr_format}"
    ) in run("compress", tmp_path / "a", tmp_path / "b", *said)


def test_resolutions_grow_together(tmp_path):
    """Along the time axis; what is said of an axis holds for every resolution."""
    write(tmp_path / "a", 3, {"ome": IMAGE}, dimension_names=list("tcyx"))
    said = ["--effort", 1, "--chunks", "t=2,y=10", "--shards", "t=4"]
    run("compress", tmp_path / "a", tmp_path / "b", *said, "--isel", "t=0:4")
    run("compress", tmp_path / "a", tmp_path / "b", "--append", "t", "--isel", "t=4:5")
    group = zarr.open_group(tmp_path / "b", mode="r")
    for number, level in enumerate(LEVELS):
        array = group[str(number)]
        np.testing.assert_array_equal(array[...], level)
        assert array.metadata.dimension_names == ("t", "c", "y", "x")
        assert (array.chunks[0], array.chunks[2], array.shards[0]) == (2, 10, 4)


@pytest.mark.parametrize("options", [{}, {"dimension_names": list("tcyx")}], ids=["none", "named"])
def test_all_commands_call_a_resolution_the_same(tmp_path, options):
    """By its path, as the store that compress writes does; in chunks that suit video."""
    write(tmp_path / "a", 3, {"ome": IMAGE}, **options)
    said = ["--effort", 1, "--max-error", "0=2"]
    run("compress", tmp_path / "a", tmp_path / "b", *said)
    (row,) = json.loads(run("evaluate", tmp_path / "a", *said, "--json"))
    assert row["name"] == "0"
    assert "--chunks t=5,c=2,y=24,x=32" in run("suggest", tmp_path / "a", *said)
    rows = json.loads(run("compare", tmp_path / "a", tmp_path / "b", "--json"))
    assert [(row["name"], row["held"]) for row in rows] == [("0", True), ("1", True)]
    report = ncv.compare(tmp_path / "a", tmp_path / "b")
    assert [(row.name, row.promise) for row in report.values()] == [
        ("0", "max_error"), ("1", "lossless"),
    ]  # fmt: skip


def test_the_user_names_them_where_nothing_is_written(tmp_path):
    """Of an array by itself and of a group that is no image; without names it is said how."""
    write(tmp_path / "a", 3, {"by": "hand"})
    for path in (tmp_path / "a" / "0", tmp_path / "a"):
        for command in ("evaluate", "suggest"):
            said = run(command, path, "--effort", 1, exit_code=1)
            assert "names no dimensions and has 4: name them, as in --axes tcyx" in said
    said = run("plot", tmp_path / "a" / "0", exit_code=1)
    assert "has arrays that name no dimensions: compress names them, by --axes" in said
    printed = run("evaluate", tmp_path / "a" / "0", "--axes", "tcyx", "--effort", 1, "--json")
    assert [row["name"] for row in json.loads(printed)] == ["image"]
    one = ["--axes", "tcyx", "--effort", 1, "--var", "0"]
    assert "0, tried on all" in run("suggest", tmp_path / "a", *one)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_the_user_names_them(tmp_path, zarr_format):
    """By letters alone, in their order; for a store and for an array by itself."""
    write(tmp_path / "a", zarr_format, {"by": "hand"})
    said = run("compress", tmp_path / "a", tmp_path / "b", exit_code=1)
    assert "a/0 names no dimensions and has 4: name them, as in --axes tcyx" in said
    said = run("compress", tmp_path / "a", tmp_path / "b", "--axes", "tyx", exit_code=1)
    assert "a/0 names no dimensions and has 4" in said
    run("compress", tmp_path / "a", tmp_path / "b", "--axes", "tcyx", "--effort", 1)
    with xr.open_zarr(tmp_path / "b") as after:
        np.testing.assert_array_equal(after["1"], LEVELS[1])
        assert after.attrs == {"by": "hand"}
    one = ["--axes", "tcyx", "--var", "1", "--effort", 1]
    run("compress", tmp_path / "a", tmp_path / "c", *one, "--max-error", "1=2")
    bound = ["--max-error", "image=2", "--effort", 1, "--axes", "tcyx"]
    run("compress", tmp_path / "a" / "0", tmp_path / "d", *bound)
    with xr.open_zarr(tmp_path / "d") as after:
        error = np.abs(after.image.values.astype(int) - LEVELS[0].astype(int))
        assert 0 < error.max() <= 2


def test_letters_are_not_for_dimensions_with_names(tmp_path):
    """Which are listed."""
    xr.Dataset({"v": (("time", "y", "x"), np.ones((3, 8, 9)))}).to_zarr(tmp_path / "a")
    said = run("compress", tmp_path / "a", tmp_path / "b", "--axes", "tyx", exit_code=1)
    assert "--axes names t; the dimensions are time, y, x" in said


def test_letters_of_a_pyramid():
    """Those of the axis that a dimension is named by; what is left over stays, to be refused."""
    ds = xr.Dataset({"0": (("t", "y"), np.ones((2, 3))), "1": (("t", "y_1"), np.ones((2, 1)))})
    assert for_resolutions({"/": ds}, {"t": "t", "y": "y", "q": "c"}) == {
        "t": "t", "y": "y", "y_1": "y", "q": "c",
    }  # fmt: skip
    assert for_resolutions({"/": ds[["1"]]}, {"t": "t", "y": "y"}) == {"t": "t", "y_1": "y"}
    assert for_resolutions({"/": ds}, None) is None


@pytest.mark.parametrize(
    "key",
    [
        (slice(None), 1),
        (slice(3, 0, -1), slice(None, None, 2)),
        (slice(None, None, -2), 0),
        (2, slice(None, None, -1)),
        (slice(4, 4), slice(None)),
    ],
)
def test_parts_of_an_array(tmp_path, key):
    """As numpy has them, with negative steps, which zarr has not."""
    values = np.arange(15).reshape(5, 3)
    array = zarr.create_array(tmp_path / "a", data=values, chunks=(2, 3), attributes={"a": 1})
    variable = from_zarr(array, ("t", "x"))
    assert variable.attrs == {"a": 1}
    assert variable.encoding["chunks"] == (2, 3)
    np.testing.assert_array_equal(variable[key].values, values[key])
