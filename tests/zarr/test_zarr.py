"""Zarr formats 2 and 3, xarray, and fresh processes: what is written can be read by anyone."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import pickle
import shutil
import subprocess
import sys
import textwrap
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video import DecodeError, Jpeg2kCodec, VideoCodec, VideoCodecError
from tests.strategies import DTYPES, samples

zarr = pytest.importorskip("zarr")

from numcodecs_video.zarr3 import Jpeg2kSerializer, VideoSerializer  # noqa: E402 - needs zarr

FORMATS = (2, 3)
CODEC_TYPES = (VideoCodec, Jpeg2kCodec)
#: what zarr can store in either format
STORED = tuple(d for d in DTYPES if np.dtype(d).kind not in "mM")

installed = bool(
    entry_points(group="zarr.codecs").select(name="numcodecs_video_jpeg2k")
    and entry_points(group="numcodecs.codecs").select(name="numcodecs_video_jpeg2k")
)
needs_entry_points = pytest.mark.skipif(
    not installed, reason="needs the package's metadata: pip install -e ."
)


def _create(store, values, codec, zarr_format, chunks, **kwargs):
    """An array that holds values, compressed by the codec alone."""
    array = zarr.create_array(
        store,
        shape=values.shape,
        dtype=values.dtype,
        chunks=chunks,
        zarr_format=zarr_format,
        **{**codec.encoding(zarr_format), **kwargs},
    )
    array[...] = values
    return array


def _chunk_files(path: Path) -> list[Path]:
    """The chunks of a store in a folder."""
    return sorted(
        f for f in path.rglob("*") if f.is_file() and not f.name.startswith((".z", "zarr.json"))
    )


def _run(code: str, *arguments: object, seconds: float = 120) -> str:
    """What a fresh Python process prints; it may not hang."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("zarr_format", FORMATS)
class TestBothFormats:
    @pytest.mark.parametrize("codec_type", CODEC_TYPES)
    def test_arrays_come_back(self, zarr_format, cube, codec_type):
        """Several chunks with edges, NaN and all."""
        array = _create({}, cube, codec_type(), zarr_format, (2, 16, 16))
        np.testing.assert_array_equal(array[...], cube)

    @pytest.mark.parametrize("dtype", STORED)
    def test_every_dtype_comes_back_in_its_byte_order(self, zarr_format, dtype):
        """Big-endian values are values like others."""
        values = (np.arange(3 * 17 * 21) % 120).reshape(3, 17, 21).astype(dtype)
        array = _create({}, values, VideoCodec(), zarr_format, (2, 17, 21))
        np.testing.assert_array_equal(array[...], values)

    @pytest.mark.parametrize("codec_type", CODEC_TYPES)
    def test_bounds_hold_for_every_chunk(self, zarr_format, cube, codec_type):
        """Edge chunks, padded by Zarr, too."""
        array = _create({}, cube, codec_type(max_error=0.01), zarr_format, (3, 16, 20))
        error = np.abs(array[...].astype("f8") - cube)
        assert np.nanmax(error) <= 0.01
        np.testing.assert_array_equal(np.isnan(error), np.isnan(cube))

    def test_fortran_order(self, zarr_format, counts):
        """Chunks in Fortran order are not scrambled."""
        order = {"order": "F"} if zarr_format == 2 else {"config": {"order": "F"}}
        array = _create({}, counts, VideoCodec(), zarr_format, (2, 16, 16), **order)
        np.testing.assert_array_equal(array[...], counts)

    def test_partial_writes_keep_the_rest(self, zarr_format, counts):
        """A write into a part of a chunk reads, changes and writes it."""
        array = _create({}, counts, VideoCodec(), zarr_format, (4, 18, 22))
        expected = counts.copy()
        expected[1, 3:9, ::2] = 7
        array[1, 3:9, ::2] = 7
        np.testing.assert_array_equal(array[...], expected)

    @pytest.mark.parametrize("fill_value", [0, 42])
    def test_chunks_never_written_hold_the_fill_value(self, zarr_format, fill_value):
        """They are not stored, and read as the fill value beside coded chunks."""
        array = zarr.create_array(
            {}, shape=(4, 20, 20), dtype="i2", chunks=(2, 20, 20), zarr_format=zarr_format,
            fill_value=fill_value, **VideoCodec().encoding(zarr_format),
        )  # fmt: skip
        array[:2] = 5
        assert (array[:2] == 5).all()
        assert (array[2:] == fill_value).all()

    def test_selections_read_what_whole_reads_do(self, zarr_format, cube):
        """Slices, steps, points and masks."""
        array = _create({}, cube, VideoCodec(gop=2), zarr_format, (4, 16, 16))
        for selection in (np.s_[2], np.s_[1:4, ::3, 5], np.s_[..., -1], np.s_[4:, 18:, 28:]):
            np.testing.assert_array_equal(array[selection], cube[selection])
        points = ([0, 4, 2], [1, 19, 7], [29, 0, 12])
        np.testing.assert_array_equal(array.vindex[points], cube[points])
        mask = np.zeros(cube.shape, bool)
        mask[::2, 3, ::7] = True
        np.testing.assert_array_equal(array.get_mask_selection(mask), cube[mask])

    def test_concurrent_writes_and_reads(self, zarr_format, tmp_path):
        """Threads share one array."""
        values = np.random.default_rng(0).integers(0, 900, (8, 20, 24)).astype("u2")
        array = _create(tmp_path / "a", values * 0, VideoCodec(), zarr_format, (1, 20, 24))

        def copy(i: int) -> np.ndarray:
            array[i] = values[i]
            return array[i]

        with ThreadPoolExecutor(4) as pool:
            np.testing.assert_array_equal(list(pool.map(copy, range(8))), values)

    def test_async_reads_and_writes(self, zarr_format, counts):
        """Zarr's asynchronous interface inside a running event loop."""

        async def write_and_read() -> np.ndarray:
            array = await zarr.api.asynchronous.create_array(
                {}, shape=counts.shape, dtype=counts.dtype, chunks=(2, 18, 22),
                zarr_format=zarr_format, **VideoCodec().encoding(zarr_format),
            )  # fmt: skip
            await array.setitem(slice(None), counts)
            return await array.getitem(slice(None))

        np.testing.assert_array_equal(asyncio.run(write_and_read()), counts)

    def test_metadata_is_strict_json(self, zarr_format, tmp_path, cube):
        """Icechunk refuses arrays whose codec settings have NaN; settings here never do."""
        codec = VideoCodec(max_error=0.5, nodata=-9999.0, options={"rd": 4}, codec="hevc")
        _create(tmp_path / "a", cube, codec, zarr_format, (2, 20, 30), fill_value=0)
        name = ".zarray" if zarr_format == 2 else "zarr.json"
        metadata = json.loads((tmp_path / "a" / name).read_text(), parse_constant=pytest.fail)
        if zarr_format == 2:
            assert metadata["compressor"] == codec.get_config()
        else:
            configuration = {k: v for k, v in codec.get_config().items() if k != "id"}
            assert metadata["codecs"] == [
                {"name": "numcodecs_video", "configuration": configuration}
            ]

    def test_wrong_shapes_in_metadata_are_noticed(self, zarr_format, tmp_path, counts):
        """Zarr would broadcast a chunk of another shape without a word."""
        _create(tmp_path / "a", counts[:1, :1], VideoCodec(), zarr_format, (1, 1, 22))
        _edit(tmp_path / "a", zarr_format, shape=[1, 18, 22], chunks=[1, 18, 22])
        with pytest.raises((DecodeError, ValueError)):
            zarr.open_array(tmp_path / "a")[...]

    def test_unknown_settings_open_and_read(self, zarr_format, tmp_path, counts):
        """A store of a newer version reads; only writing says what is not understood."""
        _create(tmp_path / "a", counts, VideoCodec(), zarr_format, (2, 18, 22))
        _edit(tmp_path / "a", zarr_format, settings={"wavelet": "db4", "codec": "vvc"})
        array = zarr.open_array(tmp_path / "a")
        np.testing.assert_array_equal(array[...], counts)
        with pytest.raises(VideoCodecError, match="stored settings"):
            array[:2] = 3

    def test_damaged_chunks_raise_instead_of_hanging(self, zarr_format, tmp_path, counts):
        """Every way a chunk can be damaged ends in an error, promptly."""
        _create(tmp_path / "a", counts, VideoCodec(), zarr_format, counts.shape)
        (chunk,) = _chunk_files(tmp_path / "a")
        whole = chunk.read_bytes()
        stores = []
        for damaged in (whole[:-1], whole[:20], b"\0" * 50, whole[:-9] + b"\1" * 9):
            chunk.write_bytes(damaged)
            stores.append(shutil.copytree(tmp_path / "a", tmp_path / str(len(stores))))
        code = """
            import sys, zarr
            for store in sys.argv[1:]:
                try:
                    zarr.open_array(store)[...]
                except Exception as error:
                    print(type(error).__name__)
        """
        assert _run(code, *stores, seconds=60).split() == ["DecodeError"] * 4

    @needs_entry_points
    def test_fresh_processes_read_with_zarr_alone(self, zarr_format, tmp_path, cube):
        """A reader that never imports this package finds its codecs by their entry points."""
        for codec_type in CODEC_TYPES:
            store = tmp_path / codec_type.__name__
            _create(store, cube, codec_type(), zarr_format, (2, 16, 16))
        np.save(tmp_path / "expected.npy", cube)
        code = """
            import sys, numpy, zarr
            expected, *stores = sys.argv[1:]
            assert not any(m.startswith("numcodecs_video") for m in sys.modules)
            for store in stores:
                values = zarr.open_array(store)[...]
                numpy.testing.assert_array_equal(values, numpy.load(expected))
                print("read")
        """
        stores = [tmp_path / codec_type.__name__ for codec_type in CODEC_TYPES]
        assert _run(code, tmp_path / "expected.npy", *stores).split() == ["read"] * 2


def _edit(path: Path, zarr_format: int, *, shape=None, chunks=None, settings=None, dtype=None):
    """Change the metadata of an array behind its back."""
    file = path / (".zarray" if zarr_format == 2 else "zarr.json")
    metadata = json.loads(file.read_text())
    if shape:
        metadata["shape"] = shape
    if chunks and zarr_format == 2:
        metadata["chunks"] = chunks
    elif chunks:
        metadata["chunk_grid"]["configuration"]["chunk_shape"] = chunks
    if settings and zarr_format == 2:
        metadata["compressor"] = {"id": "numcodecs_video", **settings}
    elif settings:
        metadata["codecs"][0]["configuration"] = settings
    if dtype:
        metadata["data_type"] = dtype
    file.write_text(json.dumps(metadata))


class TestFormat2:
    def test_filters_before_the_codec(self, counts):
        """A filter of numcodecs flattens the chunk: values come back all the same."""
        import numcodecs

        array = _create({}, counts, VideoCodec(), 2, (2, 18, 22), filters=[numcodecs.Delta("<u2")])
        np.testing.assert_array_equal(array[...], counts)

    @pytest.mark.parametrize("dtype", [">u2", ">f4", ">i8"])
    def test_big_endian_arrays_stay_big_endian(self, dtype, counts):
        """Format 2 metadata name the byte order."""
        array = _create({}, counts.astype(dtype), VideoCodec(), 2, (2, 18, 22))
        assert array.dtype == dtype
        np.testing.assert_array_equal(array[...], counts.astype(dtype))


class TestFormat3:
    def test_chunks_have_the_bytes_of_format_2(self, tmp_path, cube):
        """One payload in both formats: a store converts by renaming its chunks."""
        codec = VideoCodec(max_error=0.02)
        for zarr_format in FORMATS:
            _create(tmp_path / str(zarr_format), cube, codec, zarr_format, (3, 20, 30),
                    fill_value=0)  # fmt: skip
        two, three = ([f.read_bytes() for f in _chunk_files(tmp_path / str(n))] for n in FORMATS)
        assert two == three

    def test_payloads_are_little_endian_whatever_the_array(self, tmp_path, counts):
        """Format 3 metadata have no byte order."""
        for dtype in ("<u2", ">u2"):
            _create(tmp_path / dtype[0], counts.astype(dtype), VideoCodec(), 3, counts.shape)
        little, big = (_chunk_files(tmp_path / order)[0].read_bytes() for order in "<>")
        assert little == big

    def test_shards(self, tmp_path, cube):
        """Many chunks an object, each a payload."""
        array = _create(tmp_path / "a", cube, VideoCodec(gop=1), 3, (2, 10, 15), shards=(4, 20, 30))
        assert len(_chunk_files(tmp_path / "a")) == 2
        np.testing.assert_array_equal(array[...], cube)
        np.testing.assert_array_equal(array[3, 5:7], cube[3, 5:7])

    def test_a_byte_compressor_may_follow(self, counts):
        """A checksum of Zarr's own, say."""
        compressors = [zarr.codecs.Crc32cCodec()]
        array = _create({}, counts, VideoCodec(), 3, (2, 18, 22), compressors=compressors)
        np.testing.assert_array_equal(array[...], counts)

    def test_a_transpose_may_come_before(self, counts):
        """The codec then sees the transposed chunk."""
        filters = [zarr.codecs.TransposeCodec(order=(2, 0, 1))]
        codec = VideoCodec(axes="xty")
        array = _create({}, counts, codec, 3, (2, 18, 22), filters=filters)
        np.testing.assert_array_equal(array[...], counts)

    def test_wrong_dtypes_in_metadata_are_noticed(self, tmp_path, counts):
        """Zarr would cast a chunk of another dtype without a word."""
        _create(tmp_path / "a", counts, VideoCodec(), 3, counts.shape)
        _edit(tmp_path / "a", 3, dtype="int32")
        with pytest.raises(DecodeError, match=r"dtype uint16.*int32"):
            zarr.open_array(tmp_path / "a")[...]

    def test_wrong_shapes_are_named(self, tmp_path, counts):
        """The error has both shapes."""
        _create(tmp_path / "a", counts[:1, :1], VideoCodec(), 3, (1, 1, 22))
        _edit(tmp_path / "a", 3, shape=[1, 18, 22], chunks=[1, 18, 22])
        with pytest.raises(DecodeError, match=r"\(1, 1, 22\).*\(1, 18, 22\)"):
            zarr.open_array(tmp_path / "a")[...]

    @pytest.mark.parametrize(
        "codec",
        [VideoCodec(max_error=0.5, axes="tyx", gop=0), Jpeg2kCodec(psnr=40, htj2k=True)],
        ids=str,
    )
    def test_serializers_survive_json_and_pickle(self, codec):
        """Metadata travel."""
        serializer = codec.serializer()
        stored = json.loads(json.dumps(serializer.to_dict(), allow_nan=False))
        assert type(serializer).from_dict(stored) == serializer
        assert pickle.loads(pickle.dumps(serializer)) == serializer
        assert hash(type(serializer).from_dict(stored)) == hash(serializer)

    def test_serializers_take_the_words_of_the_codec(self):
        """Both are made in the same way."""
        assert (
            VideoSerializer(max_error=0.5, gop=4) == VideoCodec(max_error=0.5, gop=4).serializer()
        )
        with pytest.raises(VideoCodecError, match="max_error"):
            VideoSerializer(max_error=-1)

    @pytest.mark.parametrize("serializer_type", [VideoSerializer, Jpeg2kSerializer])
    def test_objects_without_a_configuration_are_read(self, serializer_type):
        """Metadata may leave out an empty configuration."""
        stored = {"name": serializer_type.codec_name}
        assert serializer_type.from_dict(stored) == serializer_type()

    @given(samples(STORED, least_ndim=2), st.sampled_from([None, 1, 3]))
    def test_any_array_comes_back(self, sample, gop):
        """Whatever shape, dtype, axes and holes."""
        array = sample.array
        if not array.size:
            return
        codec = VideoCodec(axes=sample.axes, gop=gop, effort=1)
        back = _create({}, array, codec, 3, array.shape)[...]
        assert back.shape == array.shape
        assert back.astype(array.dtype).tobytes() == array.tobytes()


class TestProcesses:
    def test_process_pools_encode_and_decode(self, counts):
        """Codecs travel to workers that start from nothing."""
        codec = VideoCodec("hevc", max_error=2)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            encoded = pool.submit(codec.encode, counts).result(120)
            decoded = pool.submit(codec.decode, encoded).result(120)
        assert encoded == codec.encode(counts)
        assert np.abs(decoded.astype(int) - counts).max() <= 2


xr = pytest.importorskip("xarray")


@pytest.fixture
def dataset(cube) -> xr.Dataset:
    """A variable with NaN, attributes and times."""
    times = np.datetime64("2024-01-01", "ns") + np.arange(5) * np.timedelta64(5, "D")
    return xr.Dataset(
        {"t2m": (("time", "y", "x"), cube, {"units": "K", "long_name": "temperature"})},
        {"time": times, "y": np.arange(20.0), "x": np.arange(30.0)},
        {"title": "a test"},
    )


@pytest.mark.filterwarnings("ignore:.*consolidated:RuntimeWarning")
@pytest.mark.parametrize("zarr_format", FORMATS)
class TestXarray:
    def test_datasets_come_back(self, zarr_format, dataset, tmp_path):
        """Values, holes, attributes and coordinates."""
        encoding = {"t2m": VideoCodec().encoding(zarr_format)}
        dataset.to_zarr(tmp_path / "d", encoding=encoding, zarr_format=zarr_format)
        with xr.open_zarr(tmp_path / "d") as back:
            xr.testing.assert_identical(back.load(), dataset)

    def test_the_encoding_is_all_that_compresses(self, zarr_format, dataset, tmp_path):
        """No Zstandard by default on top of it."""
        encoding = {"t2m": VideoCodec(max_error=0.1).encoding(zarr_format)}
        dataset.to_zarr(tmp_path / "d", encoding=encoding, zarr_format=zarr_format)
        array = zarr.open_array(tmp_path / "d" / "t2m")
        found = array.compressors if zarr_format == 2 else (array.serializer, *array.compressors)
        assert found == (encoding["t2m"]["compressors" if zarr_format == 2 else "serializer"],)

    def test_appending_along_time(self, zarr_format, dataset, tmp_path):
        """Later dates join the stored ones."""
        encoding = {"t2m": {**VideoCodec().encoding(zarr_format), "chunks": (2, 20, 30)}}
        first, later = dataset.isel(time=slice(0, 2)), dataset.isel(time=slice(2, None))
        first.to_zarr(tmp_path / "d", encoding=encoding, zarr_format=zarr_format)
        later.to_zarr(tmp_path / "d", append_dim="time")
        with xr.open_zarr(tmp_path / "d") as back:
            np.testing.assert_array_equal(back.t2m, dataset.t2m)

    def test_a_sentinel_is_written_for_nan(self, zarr_format, dataset, tmp_path):
        """_FillValue reaches the codec as a number: nodata keeps it exact."""
        codec = VideoCodec(max_error=0.01, nodata=-9999.0)
        encoding = {"t2m": {**codec.encoding(zarr_format), "_FillValue": -9999.0}}
        dataset.to_zarr(tmp_path / "d", encoding=encoding, zarr_format=zarr_format)
        with xr.open_zarr(tmp_path / "d") as back:
            error = abs(back.t2m.astype("f8") - dataset.t2m)
            assert error.max() <= 0.01
            np.testing.assert_array_equal(back.t2m.isnull(), dataset.t2m.isnull())

    def test_scaled_integers(self, zarr_format, dataset, tmp_path):
        """scale_factor and dtype of CF come before the codec."""
        encoding = {
            "t2m": {
                **VideoCodec().encoding(zarr_format),
                "dtype": "int16", "scale_factor": 0.01, "add_offset": 280.0, "_FillValue": -32768,
            }
        }  # fmt: skip
        dataset.to_zarr(tmp_path / "d", encoding=encoding, zarr_format=zarr_format)
        with xr.open_zarr(tmp_path / "d") as back:
            assert abs(back.t2m - dataset.t2m).max() <= 0.0051
            np.testing.assert_array_equal(back.t2m.isnull(), dataset.t2m.isnull())

    @needs_entry_points
    @pytest.mark.slow
    def test_fresh_processes_read_with_xarray_alone(self, zarr_format, dataset, tmp_path):
        """A reader that never imports this package finds it by its entry points."""
        encoding = {"t2m": VideoCodec().encoding(zarr_format)}
        dataset.to_zarr(tmp_path / "d", encoding=encoding, zarr_format=zarr_format)
        code = """
            import sys, xarray
            print(float(xarray.open_zarr(sys.argv[1]).t2m.sum()))
        """
        assert float(_run(code, tmp_path / "d")) == float(dataset.t2m.sum())
