"""What ``to_zarr(encoding=...)`` says of single variables reaches codec, bound and sentinels."""

from __future__ import annotations

import numcodecs
import numpy as np
import pytest

pytest.importorskip("dask")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video import VideoCodec, VideoCodecError  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

T = ("time", "y", "x")
SHAPE = (6, 20, 24)
VALUES = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")
PACKED = {"dtype": "int16", "scale_factor": 0.01, "add_offset": 280.0, "_FillValue": -32768}
BOTH = pytest.mark.parametrize("zarr_format", FORMATS)


@pytest.fixture
def ds() -> xr.Dataset:
    """Reals with holes, and counts around a number that may be a sentinel."""
    holes = VALUES.copy()
    holes[2, :5] = np.nan
    counts = (VALUES - 273).round().astype("i2")
    return xr.Dataset({"v": (T, holes), "n": (T, counts)}, coords={"time": np.arange(SHAPE[0])})


def kinds(ds: xr.Dataset) -> dict[str, tuple]:
    """The same data in whatever xarray holds it: what is written, and the path of the group."""
    tree = xr.DataTree.from_dict({"/a": ds})
    return {
        "dataset": (ds, ""),
        "array": (ds.v, ""),
        "tree": (tree, "a"),
        "subtree": (xr.DataTree.from_dict({"/b/c": ds})["b"], "c"),
    }


@BOTH
@pytest.mark.parametrize("kind", ["dataset", "array", "tree", "subtree"])
def test_packing_that_is_given_is_known_to_the_codec(tmp_path, ds, zarr_format, kind):
    """The bound is in the units that a reader sees, NaN is the sentinel, as if packed before."""
    data, group = kinds(ds)[kind]
    encoding = {"v": PACKED}
    if isinstance(data, xr.DataTree):
        (path,) = (node.path for node in data.subtree if "v" in node.data_vars)
        encoding = {path: encoding}
    ncv.to_zarr(
        data, tmp_path / "a", encoding=encoding, zarr_format=zarr_format, max_error={"v": 0.5},
        effort=1,
    )  # fmt: skip
    with xr.open_zarr(tmp_path / "a", group=group, chunks=None) as after:
        np.testing.assert_array_equal(np.isnan(after.v), np.isnan(ds.v))
        assert 0.2 < np.nanmax(np.abs(after.v - ds.v)) <= 0.505
        assert after.v.encoding["dtype"] == "int16"
        assert after.v.attrs["lossy_compression_max_error"] == 0.5
    assert ds.v.encoding == {}


@BOTH
def test_a_sentinel_that_is_given_comes_back(tmp_path, ds, zarr_format):
    """No more cells and no fewer."""
    encoding = {"n": {"_FillValue": 7}}
    ncv.to_zarr(
        ds, tmp_path / "a", encoding=encoding, zarr_format=zarr_format, max_error={"n": 3}, effort=1
    )
    with xr.open_zarr(tmp_path / "a", chunks=None) as after:
        np.testing.assert_array_equal(np.isnan(after.n), ds.n == 7)
        assert 0 < np.nanmax(np.abs(after.n - ds.n)) <= 3


@BOTH
def test_a_variable_with_another_compressor_is_no_video(tmp_path, ds, zarr_format):
    """And so loses nothing, in either format; a checksum behind the video is no other."""
    other = numcodecs.Zstd() if zarr_format == 2 else zarr.codecs.ZstdCodec()
    cases = {"several": {"compressors": [other]}, "one": {"compressors": other}}
    said = {"zarr_format": zarr_format, "max_error": {"v": 0.5}, "effort": 1}
    for name, own in cases.items():
        ncv.to_zarr(ds, tmp_path / name, encoding={"v": own}, **said)
        with xr.open_zarr(tmp_path / name, chunks=None) as after:
            np.testing.assert_array_equal(after.v, ds.v)
            codec = after.v.encoding.get("serializer") or after.v.encoding["compressors"][0]
            assert not hasattr(codec, "settings")
    behind = {"compressors": [zarr.codecs.Crc32cCodec()]} if zarr_format == 3 else {}
    ncv.to_zarr(ds, tmp_path / "video", encoding={"v": behind}, **said)
    with xr.open_zarr(tmp_path / "video", chunks=None) as after:
        assert 0.2 < np.nanmax(np.abs(after.v - ds.v)) <= 0.5


@BOTH
def test_a_codec_that_does_not_know_a_sentinel_is_doubted(tmp_path, ds, zarr_format):
    """One that does is not, nor one that loses nothing."""
    for number, (codec, doubted) in enumerate(
        [
            (VideoCodec(max_error=3, effort=1), True),
            (VideoCodec(max_error=3, effort=1, nodata=7), False),
            (VideoCodec(effort=1), False),
        ]
    ):
        encoding = {"n": {"_FillValue": 7, **codec.encoding(zarr_format)}}
        options = {"encoding": encoding, "zarr_format": zarr_format, "effort": 1}
        if doubted:
            with pytest.warns(UserWarning, match="'n': max_error .* missing value 7.*nodata=7"):
                ncv.to_zarr(ds, tmp_path / str(number), **options)
        else:
            ncv.to_zarr(ds, tmp_path / str(number), **options)


WRONG = {
    "unknown": (lambda _: {"w": {}}, "encoding names 'w'; the variables are v, n"),
    "no mapping": (lambda _: {"v": VideoCodec()}, r"encoding of 'v' must be a mapping.*encoding\("),
    "the other format": (
        lambda number: {"v": VideoCodec().encoding(5 - number)},
        r"encoding of 'v' has Video.*other Zarr format.*VideoCodec.encoding\(",
    ),
    "hidden": (
        lambda _: {"n": {"dtype": "int16", "_Unsigned": "true"}},
        "encoding of 'n' hides unsigned.*say an unsigned dtype",
    ),
}


@BOTH
@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_an_error_before_the_first_byte(tmp_path, ds, zarr_format, case):
    """That names the variable and the way out."""
    encoding, message = WRONG[case]
    with pytest.raises(VideoCodecError, match=message):
        ncv.to_zarr(
            ds, tmp_path / "a", encoding=encoding(zarr_format), zarr_format=zarr_format,
            max_error={"n": 3}, effort=1,
        )  # fmt: skip
    assert not (tmp_path / "a").exists()


def test_codecs_as_objects_are_told_where_to_go(ds):
    """`evaluate` takes them; a dataset has one promise a variable."""
    for codec in (VideoCodec(max_error=0.1), VideoCodec):
        with pytest.raises(VideoCodecError, match=r"codec must be a name.*encoding={'name'"):
            ncv.encoding(ds, codec=codec)
