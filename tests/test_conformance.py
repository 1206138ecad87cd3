"""What numcodecs and Zarr ask of every codec, for each codec of the package.

The checks of numcodecs' own ``tests/common.py``, and Zarr's own property tests, with arrays that
the strategies of ``zarr.testing`` make.
"""

from __future__ import annotations

import array as stdlib_array
import copy
import json
import pickle
from typing import Any

import numcodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import numcodecs_video
from tests.strategies import DTYPES, same_bits

zarr = pytest.importorskip("zarr")

from zarr.testing.strategies import (  # noqa: E402 - needs zarr
    basic_indices,
    chunk_shapes,
    numpy_arrays,
    orthogonal_indices,
    shard_shapes,
)

#: every codec, with the settings that make different codecs of it; all of them lossless
CODECS = {
    "VideoCodec": [{}, {"codec": "hevc", "gop": 1}, {"codec": "ffv1"}, {"pca": False, "effort": 1}],
    "Jpeg2kCodec": [{}, {"effort": 1}],
}
#: and each with a bound
BOUNDED = {"VideoCodec": {"max_error": 0.5}, "Jpeg2kCodec": {"max_error": 0.5}}

NAMES = [name for name in CODECS if hasattr(numcodecs_video, name)]


def _make(name: str, **words: Any) -> Any:
    return getattr(numcodecs_video, name)(**words)


every_codec = pytest.mark.parametrize(
    "codec",
    [pytest.param(_make(n, **words), id=f"{n}{words}") for n in NAMES for words in CODECS[n]],
)

# The arrays of numcodecs' tests: lengths and shapes that are awkward, and every kind of dtype.
ARRAYS = [
    np.arange(1000, dtype="<i4"),
    np.linspace(1000, 1001, 1000, dtype="<f8"),
    np.random.default_rng(0).normal(1000, 1, (100, 10)),
    np.random.default_rng(1).integers(0, 2, 1000, dtype="u1").astype(bool),
    np.random.default_rng(2).integers(0, 255, 1000, dtype="u1").reshape(100, 10),
    np.random.default_rng(3).normal(0, 1, (10, 10, 10)).astype("<f4", order="F"),
    np.random.default_rng(4).integers(0, 2**60, 1000, dtype="u8").view("M8[ns]"),
    np.random.default_rng(5).integers(0, 2**60, (100, 10), dtype="i8").view("m8[m]"),
    np.random.default_rng(6).integers(-9, 9, (4, 3, 17, 8), dtype="i2"),
    np.arange(60, dtype=">u2").reshape(3, 4, 5)[::-1, :, ::2],
    np.zeros((0, 5, 6), "f4"),
    np.array(3.5),
]
arrays = pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype.str}{a.shape}")


@every_codec
class TestNumcodecs:
    @arrays
    def test_arrays_come_back(self, codec, array):
        """Any array, in shape, dtype and value."""
        assert same_bits(codec.decode(codec.encode(array)), array)

    @arrays
    def test_payloads_come_in_every_buffer(self, codec, array):
        """Stores give bytes, bytearrays, views of memory and arrays."""
        payload = codec.encode(array)
        for buffer in (
            bytes(payload),
            bytearray(payload),
            memoryview(payload),
            stdlib_array.array("b", payload),
            np.frombuffer(payload, "u1"),
        ):
            assert same_bits(codec.decode(buffer), array)

    @arrays
    def test_every_buffer_is_encoded(self, codec, array):
        """The bytes of an array, in any buffer, come back as bytes."""
        data = array.tobytes()
        for buffer in (data, bytearray(data), stdlib_array.array("b", data)):
            assert np.asarray(codec.decode(codec.encode(buffer))).tobytes() == data

    @arrays
    def test_output_is_put_where_wanted(self, codec, array):
        """Arrays of the right size, in any shape and order, and plain buffers."""
        payload = codec.encode(array)
        out = np.empty_like(array, order="F" if np.isfortran(array) else "C")
        codec.decode(payload, out=out)
        assert out.tobytes() == array.tobytes()
        plain = bytearray(array.nbytes)
        codec.decode(payload, out=plain)
        assert bytes(plain) == array.tobytes("A")

    def test_configuration_survives_json_and_the_registry(self, codec):
        """A codec is what its JSON says, and the registry finds it."""
        config = json.loads(json.dumps(codec.get_config(), allow_nan=False))
        assert numcodecs.get_codec(config) == codec == type(codec).from_config(config)
        assert config["id"] == type(codec).codec_id

    def test_repr_evaluates(self, codec):
        """What is printed can be typed."""
        assert eval(repr(codec), vars(numcodecs_video)) == codec

    def test_copies_are_equal(self, codec):
        """Dask pickles codecs, and Zarr copies them."""
        for twin in (pickle.loads(pickle.dumps(codec)), copy.copy(codec), copy.deepcopy(codec)):
            assert (twin, hash(twin)) == (codec, hash(codec))

    @pytest.mark.parametrize(
        "array",
        [np.array(["foo", "bar"], object), np.array([[1, "x"]], object), np.array([b"a", b"b"])],
        ids=repr,
    )
    def test_objects_are_refused(self, codec, array):
        """Pointers are no values."""
        with pytest.raises(TypeError):
            codec.encode(array)

    def test_garbage_is_refused(self, codec):
        """Bytes that no encoder wrote."""
        for garbage in (b"", b"garbage", bytes(100), np.arange(99)):
            with pytest.raises(numcodecs_video.DecodeError):
                codec.decode(garbage)

    def test_wrong_output_is_refused(self, codec):
        """Neither too small nor too large."""
        payload = codec.encode(np.arange(12, dtype="i2").reshape(3, 4))
        for size in (0, 23, 25):
            with pytest.raises((numcodecs_video.DecodeError, ValueError)):
                codec.decode(payload, out=bytearray(size))


def _pipelines() -> list[str]:
    """The codec pipelines that this zarr has."""
    from zarr.core import codec_pipeline

    names = ("BatchedCodecPipeline", "FusedCodecPipeline")
    return [f"zarr.core.codec_pipeline.{n}" for n in names if hasattr(codec_pipeline, n)]


@pytest.fixture(params=_pipelines(), ids=lambda name: name.rsplit(".", 1)[-1])
def pipeline(request) -> Any:
    """Each way in which Zarr calls codecs."""
    with zarr.config.set({"codec_pipeline.path": request.param}):
        yield


# Each example is an array with many chunks.
fewer = settings(max_examples=settings.default.max_examples // 5)
dtypes = st.sampled_from([np.dtype(d) for d in DTYPES if np.dtype(d).kind not in "mM"])
shapes = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=9)


@st.composite
def stored_arrays(draw: Any, name: str, zarr_format: int, **words: Any) -> tuple[Any, np.ndarray]:
    """A Zarr array in memory, compressed by a codec, and the values that it holds."""
    values = draw(dtypes.flatmap(lambda dtype: numpy_arrays(shapes=shapes, dtype=dtype)))
    chunks = draw(chunk_shapes(shape=values.shape))
    shards = None
    if zarr_format == 3:
        shards = draw(st.none() | shard_shapes(shape=values.shape, chunk_shape=chunks))
    array = zarr.create_array(
        {},
        shape=values.shape,
        dtype=values.dtype,
        chunks=chunks,
        shards=shards,
        zarr_format=zarr_format,
        fill_value=draw(st.sampled_from([0, 1])),
        order=draw(st.sampled_from("CF")) if zarr_format == 2 else None,
        **_make(name, effort=1, **words).encoding(zarr_format),
    )
    array[...] = values
    return array, values


@pytest.mark.usefixtures("pipeline")
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("name", NAMES)
class TestZarr:
    @fewer
    @given(data=st.data())
    def test_basic_indexing(self, data, name, zarr_format):
        """Slices and integers read and write what they do in NumPy."""
        array, values = data.draw(stored_arrays(name, zarr_format))
        np.testing.assert_array_equal(array[...], values)
        selection = data.draw(basic_indices(shape=values.shape))
        np.testing.assert_array_equal(array[selection], values[selection])
        values = values.copy()
        values[selection] = data.draw(hnp.from_dtype(values.dtype))
        array[selection] = values[selection]
        np.testing.assert_array_equal(array[...], values)

    @fewer
    @given(data=st.data())
    def test_orthogonal_indexing(self, data, name, zarr_format):
        """Integer arrays a dimension read what they do in NumPy."""
        array, values = data.draw(stored_arrays(name, zarr_format))
        ours, theirs = data.draw(orthogonal_indices(shape=values.shape))
        np.testing.assert_array_equal(array.oindex[ours], values[theirs])

    @fewer
    @given(data=st.data())
    def test_coordinates_and_masks(self, data, name, zarr_format):
        """Single cells, wherever they are."""
        array, values = data.draw(stored_arrays(name, zarr_format))
        mask = data.draw(hnp.arrays(bool, values.shape))
        np.testing.assert_array_equal(array.vindex[mask], values[mask])

    @fewer
    @given(data=st.data())
    def test_block_indexing(self, data, name, zarr_format):
        """Whole chunks, or shards, by their number."""
        array, values = data.draw(stored_arrays(name, zarr_format))
        blocks = array.shards or array.chunks
        number = tuple(
            data.draw(st.integers(0, -(-length // block) - 1))
            for length, block in zip(values.shape, blocks, strict=True)
        )
        where = tuple(slice(n * b, (n + 1) * b) for n, b in zip(number, blocks, strict=True))
        np.testing.assert_array_equal(array.blocks[number], values[where])

    @fewer
    @given(data=st.data())
    def test_bounds_hold_in_every_chunk(self, data, name, zarr_format):
        """Whatever the chunks, no finite cell is further off than the bound."""
        array, values = data.draw(stored_arrays(name, zarr_format, **BOUNDED[name]))
        if values.dtype.kind not in "iuf":
            return
        decoded = array[...]
        finite = np.isfinite(values)
        np.testing.assert_array_equal(decoded[~finite], values[~finite])
        errors = zip(decoded[finite].tolist(), values[finite].tolist(), strict=True)
        assert all(a == b or abs(a - b) <= 0.5 for a, b in errors)

    def test_filters_before(self, name, zarr_format):
        """Arrays are transformed before they reach the codec."""
        values = np.cumsum(np.arange(4 * 18 * 22)).reshape(4, 18, 22).astype("i4") % 999
        codec = _make(name)
        filters = [numcodecs.Delta("<i4")] if zarr_format == 2 else [_transpose()]
        array = zarr.create_array(
            {},
            shape=values.shape,
            dtype="i4",
            chunks=(3, 9, 22),
            zarr_format=zarr_format,
            **{**codec.encoding(zarr_format), "filters": filters},
        )
        array[...] = values
        np.testing.assert_array_equal(array[...], values)
        np.testing.assert_array_equal(array[1:3, 4], values[1:3, 4])


def _transpose() -> Any:
    return zarr.codecs.TransposeCodec(order=(2, 0, 1))


@pytest.mark.usefixtures("pipeline")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "compressors",
    [[zarr.codecs.Crc32cCodec()], [zarr.codecs.ZstdCodec(level=1)], [zarr.codecs.GzipCodec()]],
    ids=["crc32c", "zstd", "gzip"],
)
def test_compressors_after(name, compressors):
    """Bytes are bytes to what follows."""
    values = np.random.default_rng(0).integers(0, 900, (4, 18, 22)).astype("u2")
    array = zarr.create_array(
        {},
        shape=values.shape,
        dtype="u2",
        chunks=(2, 18, 22),
        shards=(4, 18, 22),
        **{**_make(name).encoding(3), "compressors": compressors},
    )
    array[...] = values
    np.testing.assert_array_equal(array[...], values)
    np.testing.assert_array_equal(array[3, 5], values[3, 5])


@pytest.mark.parametrize("name", NAMES)
def test_safeguards_wrap_the_codec(name):
    """Another project's checks of every bound, around this one's codec, agree with it."""
    safeguards = pytest.importorskip("numcodecs_safeguards")
    rng = np.random.default_rng(0)
    values = (280 + rng.normal(0, 2, (4, 18, 22))).astype("f4")
    values[1, 3:5] = np.nan
    for words in ({}, {"max_error": 0.25}, {"psnr": 30}):
        codec = _make(name, **words)
        guarded = safeguards.SafeguardedCodec(
            codec=codec, safeguards=[{"kind": "eb", "type": "abs", "eb": 0.25}]
        )
        decoded = guarded.decode(guarded.encode(values))
        np.testing.assert_array_equal(np.isnan(decoded), np.isnan(values))
        assert np.nanmax(np.abs(decoded.astype("f8") - values)) <= 0.25
