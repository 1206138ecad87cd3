"""What evaluate, compare, suggest and the attributes of a store say, against what is so."""

from __future__ import annotations

import json
import subprocess
import sys

import numcodecs
import numpy as np
import pytest

from numcodecs_video import VideoCodec, metrics
from numcodecs_video.errors import VideoCodecError

xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

from numcodecs_video.xarray import compare, encoding, evaluate, suggest, to_zarr  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

SHAPE = (5, 20, 26)


def cube(dtype="f4", dims=("time", "y", "x"), shape=SHAPE, name="v", **attrs) -> xr.DataArray:
    """A cube of smooth values from about 270 to 290 with some noise."""
    grid = np.indices(shape).sum(axis=0) / 5
    values = 280 + 8 * np.sin(grid) + np.random.default_rng(0).normal(0, 0.3, shape)
    return xr.DataArray(values.astype(dtype), dims=dims, name=name, attrs=attrs)


def packed() -> xr.DataArray:
    """Decoded from int16 counts of 0.01 K with a sentinel, some cells missing."""
    variable = cube("f8").round(2)
    variable[1, :4] = np.nan
    variable.encoding = {
        "dtype": "int16",
        "scale_factor": 0.01,
        "add_offset": 273.15,
        "_FillValue": np.int16(-999),
    }
    return variable


@pytest.fixture
def ds() -> xr.Dataset:
    """Measurements, packed ones, classes, a static map, text and dates."""
    return xr.Dataset(
        {
            "height": cube(units="K"),
            "packed": packed(),
            "classes": cube("u1") % 4,
            "static": cube()[0],
            "station": ("y", [f"s{i}" for i in range(SHAPE[1])]),
        },
        coords={"time": xr.date_range("2020-01-01", periods=SHAPE[0], use_cftime=False)},
    )


@pytest.mark.parametrize("chunks", [None, {"time": 3, "y": 12, "x": 9}])
@pytest.mark.parametrize("make", [cube, packed])
def test_evaluate_says_what_a_store_takes_and_returns(tmp_path, make, chunks):
    """Size to the byte, edge chunks included, and errors in the units that a reader sees."""
    variable = make()
    said = evaluate(variable, max_error=0.105, chunks=chunks, effort=2)
    whole = variable.to_dataset(name="v")
    to_zarr(whole, tmp_path / "a.zarr", max_error=0.105, chunks=chunks, effort=2)
    files = [f for f in (tmp_path / "a.zarr" / "v" / "c").rglob("*") if f.is_file()]
    assert said.stored_bytes == sum(f.stat().st_size for f in files)
    with xr.open_zarr(tmp_path / "a.zarr") as store:
        decoded = store.v.values
    before = variable.values
    assert 0 < said.largest_error <= 0.105
    assert said.largest_error == pytest.approx(metrics.largest_error(before, decoded), abs=1e-6)
    assert said.rmse == pytest.approx(metrics.rmse(before, decoded), rel=1e-4)
    assert said.psnr == pytest.approx(metrics.psnr(before, decoded), abs=0.01)
    assert said.ssim == pytest.approx(metrics.ssim(before, decoded), abs=5e-3)
    assert said.missing_changed == 0
    assert said.bits_per_pixel_per_band == pytest.approx(8 * said.stored_bytes / variable.size)
    assert said.encode_mb_per_s > 0 < said.decode_mb_per_s


def test_spectral_angle_is_over_the_band_axis():
    """Wherever the band axis lies."""
    variable = cube(dims=("time", "band", "y", "x"), shape=(3, 4, 20, 18))
    said = evaluate(variable, max_error=1.0, effort=1)
    codec = VideoCodec(max_error=1.0, axes="tcyx", effort=1)
    decoded = codec.decode(codec.encode(variable.values))
    expected = metrics.spectral_angle(variable.values, decoded, band_axis=1)
    assert said.spectral_angle == pytest.approx(expected, rel=1e-6)
    other = evaluate(variable.transpose("y", "x", "time", "band"), max_error=1.0, effort=1)
    assert 0 < other.spectral_angle < 2 * expected


def test_one_number_is_a_promise_for_the_array_given():
    """Even for counts, which a whole dataset's promise would spare."""
    counts = cube("u2", nodata=0)
    assert evaluate(counts, max_error=2, effort=1).largest_error > 0
    with pytest.warns(UserWarning, match="stay without loss"):
        report = evaluate(counts.to_dataset(), max_error=2, effort=1)
    assert report["v"].largest_error == 0


def test_a_codec_learns_axes_and_sentinel():
    """What was not told is filled in; other codecs of numcodecs are taken as they are."""
    variable = cube(dims=("y", "x", "time"), shape=(20, 26, 5), _FillValue=np.float32(-999.0))
    variable[3, 3] = -999
    said = evaluate(variable, VideoCodec(max_error=0.1, effort=1))
    assert "axes='yxt'" in said.codec
    assert "nodata=-999.0" in said.codec
    assert said.missing_changed == 0
    assert said.psnr < 60  # against a range of 20, not of 1,300
    other = evaluate(variable, numcodecs.Zstd(level=1))
    assert other.largest_error == 0
    assert other.raw_bytes == variable.nbytes


def test_a_dataset_gives_a_table(ds):
    """One row a video variable, in text, HTML and JSON."""
    report = evaluate(ds, max_error=0.2, effort=1)
    assert list(report) == ["height", "packed", "classes"]
    assert str(report).splitlines()[0].split() == ["height", "packed", "classes"]
    assert report._repr_html_().count("<tr") == 4
    assert json.loads(json.dumps(report["height"].to_dict()))["ratio"] == report["height"].ratio
    assert "PSNR dB" in str(report["height"])


def test_only_one_chunk_is_in_memory():
    """A Dask array is computed block by block, each twice: for the range and for the codec."""
    dask_array = pytest.importorskip("dask.array")
    seen = []
    lazy = dask_array.from_array(cube().values, chunks=(5, 10, 26)).map_blocks(
        lambda block: seen.append(block.shape) or block, meta=np.empty((0, 0, 0), "f4")
    )
    evaluate(xr.DataArray(lazy, dims=("time", "y", "x"), name="v"), max_error=1, effort=1)
    assert seen == [(5, 10, 26)] * 4


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        (cube(), {"codec": VideoCodec(), "max_error": 1}, "not both"),
        (cube()[0], {"max_error": 1}, "is no video"),
        (xr.Dataset({"v": cube()[0]}), {}, "no variable has time"),
        (cube(), {"max_error": -1}, "positive finite"),
    ],
)
def test_evaluate_refuses_what_makes_no_sense(data, arguments, message):
    """Each with the way out."""
    with pytest.raises(VideoCodecError, match=message):
        evaluate(data, **arguments)


def test_compare_finds_every_difference(tmp_path, ds):
    """Stores and datasets, sizes where there are stores, and a missing cell that changed."""
    ds.to_zarr(tmp_path / "a.zarr")
    to_zarr(ds, tmp_path / "b.zarr", max_error={"height": 0.2}, effort=1)
    report = compare(tmp_path / "a.zarr", str(tmp_path / "b.zarr"))
    assert {n: r.identical for n, r in report.items()} == {
        "height": False, "packed": True, "classes": True, "static": True, "station": True,
    }  # fmt: skip
    assert 0 < report["height"].largest_error <= 0.2
    assert report["height"].bytes_after < report["height"].bytes_before < ds.height.nbytes
    against = compare(ds, tmp_path / "b.zarr")["packed"]
    assert against.raw_bytes == ds.packed.size * 2  # as its encoding packs it
    assert float(against.table_cells()["ratio"]) == pytest.approx(
        against.raw_bytes / against.bytes_after, abs=0.05
    )
    json.dumps(report["height"].to_dict())
    changed = ds.copy(deep=True)
    changed.packed[1, 0, 0] = 280.0
    assert compare(ds, changed)["packed"].missing_changed == 1


def test_compare_refuses_what_has_nothing_in_common(ds):
    """No common variable, or another shape."""
    with pytest.raises(VideoCodecError, match="no variable in common"):
        compare(ds[["height"]], ds[["packed"]])
    with pytest.raises(VideoCodecError, match="has shape"):
        compare(*(part.drop_vars("time", errors="ignore") for part in (ds.isel(time=slice(2)), ds)))


@pytest.mark.parametrize("promise", [{"max_error": 0.2}, {"psnr": 45.0}, {"lossless": True}])
def test_suggest_expects_what_happens(promise):
    """With the whole array as the sample, the expectation is the outcome."""
    suggestion = suggest(cube(), efforts=[1, 3], **promise)
    outcome = evaluate(cube().to_dataset(), **suggestion.settings)["v"]
    assert suggestion.sampled == 1
    assert suggestion.expected_bytes == outcome.stored_bytes
    assert suggestion.expected.psnr == pytest.approx(outcome.psnr)
    assert set(suggestion.tried) == {"effort=1", "effort=3"}
    assert "expect" in str(suggestion)


@pytest.mark.parametrize("said", [{"zarr_format": 3}, {"zarr_format": 2}, {"shards": {"time": -1}}])
def test_what_lies_around_chunks_changes_nothing_within(said):
    """It is taken as by `encoding`, and kept in what is suggested."""
    rng = np.random.default_rng(0)
    da = xr.DataArray(rng.normal(size=(4, 20, 24)), dims=("time", "y", "x"), name="v")
    quick = {"max_error": 0.5, "effort": 1}
    expected = evaluate(da, **quick).stored_bytes
    assert evaluate(da, **quick, **said).stored_bytes == expected
    assert evaluate(da.to_dataset(), **quick, **said)["v"].stored_bytes == expected
    suggested = suggest(da.to_dataset(), **quick, **said)
    assert suggested.expected_bytes == expected
    assert suggested.settings == {**suggested.settings, **said}


def test_suggest_reads_a_sample_alone():
    """Of a large lazy array only tiles in the middle of some chunks are computed."""
    dask_array = pytest.importorskip("dask.array")
    large = xr.DataArray(
        dask_array.random.default_rng(0).normal(0, 1, (40, 2_000, 2_000), chunks=(20, 64, 64)),
        dims=("time", "y", "x"),
        name="v",
    )
    suggestion = suggest(large, samples=2, efforts=[1], rmse=0.3)
    assert suggestion.expected.cells == 2 * 20 * 64 * 64
    assert suggestion.expected_ratio * suggestion.expected_bytes == pytest.approx(large.nbytes)


def test_suggest_refuses_what_is_no_video():
    """And senseless numbers of samples."""
    with pytest.raises(VideoCodecError, match="is no video"):
        suggest(cube()[0], max_error=1)
    with pytest.raises(VideoCodecError, match="at least one sample"):
        suggest(cube(), samples=0, max_error=1)


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_a_store_says_what_was_lost(tmp_path, ds, zarr_format):
    """Promise and realised error, in a reader's units, where something was lost, else nothing."""
    to_zarr(ds, tmp_path / "a.zarr", zarr_format=zarr_format, max_error=0.105, effort=1)
    with xr.open_zarr(tmp_path / "a.zarr") as back:
        for name in ("height", "packed"):
            attrs = back[name].attrs
            assert attrs["lossy_compression_max_error"] == pytest.approx(0.105)
            error = np.nanmax(np.abs(back[name].values - ds[name].values))
            assert attrs["lossy_compression_realised_max_error"] == pytest.approx(error, abs=1e-5)
            assert attrs["lossy_compression_algorithm"] == "video"
            assert "payload format 1" in attrs["lossy_compression_implementation"]
        for name in ("classes", "static", "station", "time"):
            assert not [key for key in back[name].attrs if key.startswith("lossy")]
        xr.testing.assert_identical(
            back[["classes", "static", "station"]].load(), ds[["classes", "static", "station"]]
        )
        assert np.array_equal(np.isnan(back.packed), np.isnan(ds.packed))


def test_losses_add_up_in_the_attributes(tmp_path, ds):
    """What was lost before is still said after a second compression."""
    to_zarr(ds[["height"]], tmp_path / "a.zarr", max_error=0.2, effort=1)
    with xr.open_zarr(tmp_path / "a.zarr") as once:
        to_zarr(once, tmp_path / "b.zarr", psnr=40, effort=1)
    with xr.open_zarr(tmp_path / "b.zarr") as twice:
        assert twice.height.attrs["lossy_compression_psnr"] == 40
        assert 40 <= twice.height.attrs["lossy_compression_realised_psnr"] < 41
        assert "lossy_compression_max_error" not in twice.height.attrs
        assert "max_error: 0.2" in twice.height.attrs["lossy_compression_earlier"]


def test_shards_say_what_was_lost(tmp_path):
    """The headers of chunks inside of shards are found and read."""
    variable = cube(shape=(6, 32, 32)).to_dataset()
    chosen = encoding(variable, max_error=0.2, chunks={"time": 3, "y": 16, "x": 16}, effort=1)
    chosen["v"]["shards"] = (6, 32, 16)
    variable.to_zarr(tmp_path / "a.zarr", encoding=chosen)
    from numcodecs_video.stored import stored_chunks
    from numcodecs_video.xarray import record_loss

    array = zarr.open_array(tmp_path / "a.zarr/v", mode="r")
    assert len(list(stored_chunks(array))) == 8
    for chunk in stored_chunks(array):
        decoded = VideoCodec().decode(chunk.read())
        np.testing.assert_array_equal(decoded, array[chunk.region])
    written = record_loss(tmp_path / "a.zarr")
    assert 0 < written["v"]["lossy_compression_realised_max_error"] <= 0.2


@pytest.mark.parametrize(
    ("chunks", "message"),
    [({"time": 1}, "one date"), ({"x": 4}, "4 cells a side"), ({"y": 1}, "1 cell a side")],
)
def test_chunks_without_a_video_in_them_get_a_warning(chunks, message):
    """It says what to use instead, and for Dask how."""
    with pytest.warns(UserWarning, match=message) as caught:
        encoding(cube().to_dataset(), chunks=chunks)
    assert "pass chunks={'time': 5, 'y': 20, 'x': 26}" in str(caught[0].message)
    pytest.importorskip("dask")
    with pytest.warns(UserWarning, match=r"call .chunk\({'time': 5, 'y': 20, 'x': 26}\)"):
        encoding(cube().chunk(chunks).to_dataset())


def test_the_accessor_comes_with_an_explicit_import_alone(ds):
    """Importing the package leaves xarray alone; importing its xarray module registers it."""
    program = (
        "import numcodecs_video, sys; assert 'xarray' not in sys.modules\n"
        "import xarray as xr; assert not hasattr(xr.Dataset, 'numcodecs_video')\n"
        "import numcodecs_video.xarray; assert hasattr(xr.Dataset, 'numcodecs_video')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert set(ds.numcodecs_video.encoding()) == {"height", "packed", "classes"}
    assert ds.height.numcodecs_video.evaluate(max_error=1, effort=1).largest_error <= 1
    assert ds.height.numcodecs_video.suggest(max_error=1, efforts=[1]).name == "height"
    assert ds.numcodecs_video.compare(ds)["height"].identical
    assert set(ds.numcodecs_video.evaluate(effort=1)) == {"height", "packed", "classes"}
    stacked = ds.numcodecs_video.stack_bands(["height"], "one")
    assert stacked.numcodecs_video.unstack_bands().identical(ds)
