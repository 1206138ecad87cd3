"""URLs: stores behind HTTP, and what is said where a package or the network is missing."""

from __future__ import annotations

import json
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

pytest.importorskip("click")
fsspec = pytest.importorskip("fsspec")
xr = pytest.importorskip("xarray")

import numcodecs_video.xarray as ncv  # noqa: E402
from tests.cli.running import run  # noqa: E402


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files as they are: no ranges, no writing."""

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def served(tmp_path):
    """A store in a folder, and its URL."""
    values = np.random.default_rng(0).normal(280, 3, (6, 20, 24)).astype("f4")
    ds = xr.Dataset({"v": (("time", "y", "x"), values)})
    ncv.to_zarr(ds, tmp_path / "v.zarr", max_error=0.5, effort=1)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield tmp_path / "v.zarr", f"http://127.0.0.1:{server.server_port}/v.zarr"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_commands_read_over_http(served, tmp_path):
    """As they read the folder itself."""
    pytest.importorskip("aiohttp")
    store, url = served
    assert json.loads(run("info", url, "--json")) == json.loads(run("info", store, "--json"))
    (row,) = json.loads(run("compare", store, url, "--json"))
    assert row["identical"]
    assert "no faults" in run("doctor", url)
    run("compress", url, tmp_path / "copy.zarr", "--effort", 1)
    assert ncv.compare(store, tmp_path / "copy.zarr")["v"].identical


def test_urls_without_a_store_are_called_so(served):
    """In words, not by what zarr made of the URL."""
    pytest.importorskip("aiohttp")
    _, url = served
    for command, code in (("info", 1), ("doctor", 1), ("evaluate", 1), ("compare", 2)):
        more = [url] if command == "compare" else []
        said = run(command, f"{url}x", *more, exit_code=code)
        assert "there is no group or array of Zarr under this name" in said
        assert "FsspecStore" not in said


def test_a_store_that_cannot_be_written_ends_in_one_line(served):
    """A web server takes no files."""
    pytest.importorskip("aiohttp")
    store, url = served
    printed = run("compress", store, f"{url}.copy", exit_code=1)
    assert printed.startswith("Error: 501")
    assert len(printed.splitlines()) == 1


def test_netcdf_behind_a_url_is_not_taken_for_a_store(served):
    """The error says what to do instead."""
    printed = run("evaluate", served[1].replace("v.zarr", "v.nc"), exit_code=1)
    assert "download it" in printed


@pytest.mark.parametrize(
    ("protocol", "package", "advice"),
    [
        ("http", "aiohttp", "pip install 'numcodecs-video[remote]'"),
        ("s3", "s3fs", "pip install 'numcodecs-video[remote]'"),
        ("gs", "gcsfs", "install gcsfs"),
    ],
)
def test_missing_packages_are_named(monkeypatch, tmp_path, protocol, package, advice):
    """Those of the extra by its name, all others as fsspec names them."""
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "fsspec.implementations.http", raising=False)
    loaded = sys.modules["fsspec.registry"]._registry
    monkeypatch.delitem(loaded, protocol, raising=False)
    url = f"{protocol}://host.invalid/a.zarr"
    for arguments in (["info", url], ["compress", url, tmp_path / "a.zarr"], ["compare", url, url]):
        printed = run(*arguments, exit_code=1)
        assert printed.startswith("Error: ")
        assert len(printed.splitlines()) == 1
        assert package in printed
        assert advice in printed
