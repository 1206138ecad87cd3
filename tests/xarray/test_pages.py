"""TIFF files of several pages are read whole, or not at all."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

pytest.importorskip("click")
xr = pytest.importorskip("xarray")
tifffile = pytest.importorskip("tifffile")

from numcodecs_video import xarray as ncv  # noqa: E402
from numcodecs_video.xarray.opening import open_lazily  # noqa: E402
from numcodecs_video.xarray.pages import open_pages  # noqa: E402
from tests.cli.running import compress, run  # noqa: E402

COUNTS = np.random.default_rng(0).integers(0, 900, (3, 2, 2, 16, 20)).astype("u2")


@pytest.fixture
def image(tmp_path):
    """As a microscope writes it."""
    tifffile.imwrite(tmp_path / "a.ome.tif", COUNTS, metadata={"axes": "TZCYX"}, ome=True)
    return tmp_path / "a.ome.tif"


def test_an_image_has_the_axes_that_it_states(tmp_path, image):
    """Every command reads all of its pages, and so does Python."""
    compress(image, tmp_path / "b", "--max-error", "image=2")
    with xr.open_zarr(tmp_path / "b") as after:
        assert after.image.dims == ("t", "z", "c", "y", "x")
        assert 0 < np.abs(after.image.values.astype(int) - COUNTS).max() <= 2
    (row,) = json.loads(run("compare", image, tmp_path / "b", "--json"))
    assert (row["name"], row["cells"], row["held"]) == ("image", COUNTS.size, True)
    (row,) = json.loads(run("evaluate", image, "--effort", 1, "--json"))
    assert row["cells"] == COUNTS.size
    assert ncv.compare(image, tmp_path / "b")["image"].held
    with open_lazily(image) as ds:
        np.testing.assert_array_equal(ds.image[1, :, 1], COUNTS[1, :, 1])


def test_pages_of_unknown_meaning_are_named_by_the_user(tmp_path):
    """Which is said, since dates may be slices."""
    tifffile.imwrite(tmp_path / "a.tif", COUNTS[:, 0, 0], photometric="minisblack")
    printed = compress(tmp_path / "a.tif", tmp_path / "b")
    assert "nothing becomes video: image (page, y, x) has no time axis" in printed
    assert "name axes, as in --axes page=t" in printed
    compress(tmp_path / "a.tif", tmp_path / "c", "--axes", "page=t")
    (row,) = json.loads(run("info", tmp_path / "c", "--json"))
    assert row["promise"] == "lossless"


def test_several_images_of_a_file_are_variables(tmp_path):
    """Of sizes of their own."""
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for counts in (COUNTS[:, 0, 0], COUNTS[:2, 0, 0, :8]):
            file.write(counts, photometric="minisblack", metadata={"axes": "TYX"})
    with open_pages(str(tmp_path / "a.tif")) as ds:
        assert dict(ds.sizes) == {"t": 3, "y": 16, "x": 20, "t_image_1": 2, "y_image_1": 8}
        np.testing.assert_array_equal(ds.image_1, COUNTS[:2, 0, 0, :8])


def test_one_page_is_left_to_others(tmp_path):
    """A map of several bands, and whatever is no TIFF file."""
    bands = np.moveaxis(COUNTS[:, 0, 0], 0, -1).astype("u1")
    tifffile.imwrite(tmp_path / "a.tif", bands, photometric="rgb")
    (tmp_path / "b.tif").write_bytes(b"no picture")
    for name in ("a.tif", "b.tif", "none.tif"):
        assert open_pages(str(tmp_path / name)) is None


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
def test_without_tifffile_no_page_passes_for_all(image, monkeypatch):
    """It is said what reads them."""
    pytest.importorskip("rasterio")
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(ImportError, match=r"has 12 pages, .*pip install tifffile"):
        open_pages(str(image))
    assert "pip install tifffile" in run("evaluate", image, exit_code=1)
