"""What writing would take."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")

from click.testing import CliRunner  # noqa: E402

from numcodecs_video.cli.commands import commands  # noqa: E402

SHAPE = (16, 48, 64)


def compress(*arguments: object) -> str:
    """Run compress, and return what it printed."""
    arguments = ("compress", *arguments, "--effort", 1)
    done = CliRunner().invoke(commands, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def source(tmp_path):
    """Noise, which every chunk has as much of as another, and what is no cube."""
    rng = np.random.default_rng(0)
    noise = rng.normal(280, 3, SHAPE).astype("f4")
    packing = {"dtype": "i2", "scale_factor": 0.01, "add_offset": 280.0, "_FillValue": -32768}
    xr.Dataset(
        {
            "v": (("time", "y", "x"), noise, {"units": "K"}),
            "m": (("y", "x"), rng.normal(size=SHAPE[1:])),
            "label": ("time", list("abcdefghijklmnop")),
        }
    ).to_zarr(tmp_path / "a", encoding={"v": packing})
    return tmp_path / "a"


def test_what_is_expected_is_near_what_comes(tmp_path, source):
    """From some of the chunks, in the units of the data, and nothing is written."""
    said = ["--max-error", "v=0.25", "--chunks", "time=2,y=24,x=32", "--json"]
    rows = json.loads(compress(source, tmp_path / "b", *said, "--dry-run"))
    assert not (tmp_path / "b").exists()
    sizes = {size["name"]: size for size in json.loads(compress(source, tmp_path / "b", *said))}
    rows = {row["name"]: row for row in rows}
    assert rows.keys() == sizes.keys()
    assert 0 < rows["v"]["sampled"] < 0.2
    assert rows["v"]["promise"] == "±0.25 K"
    for name in ("v", "m"):
        assert rows[name]["raw_bytes"] == sizes[name]["raw_bytes"]
    metadata = 2000
    expected, came = rows["v"]["expected_bytes"], sizes["v"]["stored_bytes"] - metadata
    assert came / 1.25 < expected < 1.25 * (came + metadata)
    assert rows["v"]["seconds"] > 0


def test_the_table_says_that_nothing_was_written(tmp_path, source):
    """And how long it would take."""
    printed = compress(source, tmp_path / "b", "--dry-run")
    assert "it were written" in printed
    assert "Nothing was written. Writing takes about" in printed


def test_a_plan_is_of_a_new_store(tmp_path, source):
    """What appending would take is not said, and so not asked for in vain."""
    said = ["compress", str(source), str(tmp_path / "b"), "--dry-run", "--append", "time"]
    done = CliRunner().invoke(commands, said)
    assert done.exit_code == 2
    assert "leave out --append" in done.output
