"""``info`` gives values to programs, names what is damaged, and says what a file is."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("rich")
xr = pytest.importorskip("xarray")

import numcodecs_video.xarray as ncv  # noqa: E402
from tests.cli.running import invoke as run  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

SHAPE = (6, 20, 24)
T = ("time", "y", "x")
VALUES = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")


@pytest.fixture(scope="module")
def ds() -> xr.Dataset:
    """Two measurements and a map."""
    return xr.Dataset(
        {
            "humidity": (T, VALUES * np.float32(1e-5), {"units": "kg/kg"}),
            "t2m": (T, VALUES, {"units": "K"}),
            "area": (T[1:], VALUES[0]),
        }
    )


@pytest.fixture
def store(tmp_path, ds) -> Path:
    """The dataset under a bound each."""
    ncv.to_zarr(ds, tmp_path / "b.zarr", max_error={"t2m": 0.5, "humidity": 1e-5}, effort=1)
    return tmp_path / "b.zarr"


@pytest.mark.skipif(sys.platform == "win32", reason="closes standard output as a shell does")
def test_a_closed_standard_output_is_none_to_print_to(store):
    """Programs without a terminal may start commands so."""
    done = subprocess.run(
        ["sh", "-c", '"$0" -m numcodecs_video.cli info "$1" >&-', sys.executable, str(store)],
        capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")


def test_json_holds_values(store):
    """Numbers, units and settings by themselves, whatever the table makes of them."""
    rows = {row["name"]: row for row in json.loads(run("info", store, "--json").stdout)}
    humidity = rows["humidity"]
    assert (humidity["promise"], humidity["requested"]) == ("max_error", 1e-5)
    assert humidity["units"] == "kg/kg"
    assert 0 < humidity["realised"] <= 1e-5
    assert humidity["codecs"] == ["numcodecs_video"]
    assert humidity["settings"]["max_error"] == 1e-5
    assert humidity["settings"]["effort"] == 1
    assert humidity["ratio"] == humidity["raw_bytes"] / humidity["stored_bytes"]
    assert (rows["area"]["settings"], rows["area"]["promise"]) == (None, None)
    assert "±1e-05 kg/kg" in run("info", store).stdout


def test_json_of_a_chunk_holds_values(tmp_path):
    """Sizes of frames and layers are numbers."""
    bands = np.stack([VALUES * (i + 1) for i in range(3)], 1)
    s2 = xr.Dataset({"s2": (("time", "band", "y", "x"), bands)})
    ncv.to_zarr(s2, tmp_path / "a.zarr", codec="hevc", psnr=30, effort=1)
    chunk = tmp_path / "a.zarr" / "s2" / "c" / "0" / "0" / "0" / "0"
    header = json.loads(run("info", chunk, "--json").stdout)
    assert set(header["frame"]) == {"width", "height"}
    assert header["planes"]["width"] >= 24
    assert sum(header["bytes"].values()) == 2 * header["bytes"]["total"]
    assert header["coders"]["base"] == "hevc"
    assert "hevc" in run("info", chunk).stdout


def test_what_is_damaged_is_named_and_the_rest_described(store):
    """Variable and chunk, with status 1."""
    chunk = store / "t2m" / "c" / "0" / "0" / "0"
    data = bytearray(chunk.read_bytes())
    data[20] ^= 0x55
    chunk.write_bytes(data)
    result = run("info", store)
    assert result.exit_code == 1
    assert f"Error: {chunk}: the payload's header fails its checksum" in result.stderr
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert "damaged" in lines["t2m"]
    assert "±1e-05 kg/kg" in lines["humidity"]
    result = run("info", store, "--json")
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert rows["t2m"]["fault"].startswith("t2m/c/0/0/0: ")
    assert rows["humidity"]["fault"] is None


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("command", ["compare", "evaluate"])
def test_who_reads_a_damaged_chunk_says_where(tmp_path, ds, zarr_format, command):
    """The variable and its cells, and in format 3 the chunk."""
    settings = {"zarr_format": zarr_format, "effort": 1, "chunks": {"y": 16, "x": 16}}
    ncv.to_zarr(ds[["t2m"]], tmp_path / "b.zarr", **settings)
    chunk = {2: "0.1.0", 3: "c/0/1/0"}[zarr_format]
    data = bytearray((tmp_path / "b.zarr" / "t2m" / chunk).read_bytes())
    data[-5] ^= 0x55
    (tmp_path / "b.zarr" / "t2m" / chunk).write_bytes(data)
    paths = [tmp_path / "b.zarr"] * (2 if command == "compare" else 1)
    result = run(command, *paths)
    assert result.exit_code == {"compare": 2, "evaluate": 1}[command]
    (line,) = result.output.splitlines()
    assert "in t2m[0:6, " in line
    assert (f"t2m/{chunk}" in line) is (zarr_format == 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 40, "an HDF5 file, such as NetCDF 4: evaluate says"),
        (b"CDF\x01" + b"\0" * 40, "a NetCDF 3 file: evaluate says"),
        (b"GRIB\0\0\0\2", "a GRIB file"),
        (b"\0\0\0\x0cjP  \r\n", "a JPEG 2000 file: where rioxarray is installed"),
        (b"\x28\xb5\x2f\xfd" + b"\0" * 9, "a chunk of Zstandard"),
        (b'  {"zarr_format": 3}', "JSON, the metadata of a store perhaps: name the folder"),
        (b"", "an empty file"),
        (b"no such thing", "neither a Zarr store nor a chunk that this package wrote"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path, content, message):
    """With what reads it, where something here does."""
    (tmp_path / "file.nc").write_bytes(content)
    result = run("info", tmp_path / "file.nc")
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith(f"Error: {tmp_path / 'file.nc'} is {message}")


def test_a_chunk_that_is_cut_is_still_one_of_ours(tmp_path, store):
    """What is wrong with it is said."""
    chunk = tmp_path / "chunk"
    shutil.copy(store / "t2m" / "c" / "0" / "0" / "0", chunk)
    chunk.write_bytes(chunk.read_bytes()[:20])
    assert "neither" not in run("info", chunk).output


def test_a_file_is_no_store_to_doctor(tmp_path, store):
    """Which says what it is instead."""
    (tmp_path / "a.nc").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert "a.nc is an HDF5 file" in run("doctor", tmp_path / "a.nc").output
    assert "is one chunk that this package wrote" in run("doctor", store / "t2m/c/0/0/0").output
