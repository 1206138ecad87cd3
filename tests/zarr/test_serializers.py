"""The serializers of format 3: what they refuse at creation, and what filters may do."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import zarr
import zarr.codecs.numcodecs as filters

from numcodecs_video import Jpeg2kCodec, VideoCodec, VideoCodecError
from numcodecs_video.config import BandBasis
from numcodecs_video.zarr3 import Jpeg2kSerializer, VideoSerializer

pytestmark = pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3")
CODECS = (VideoCodec, Jpeg2kCodec)
SHAPE = (4, 18, 22)


def _create(codec, dtype="f4", shape=SHAPE, store=None, **words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zarr on codecs and dtypes without a specification
        return zarr.create_array(
            {} if store is None else store,
            shape=shape,
            chunks=shape,
            dtype=dtype,
            **{**codec.encoding(3), **words},
        )


@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("make", CODECS)
class TestCreation:
    """Refused before there is an array, which would hold nothing."""

    @pytest.mark.parametrize("dtype", ["complex64", "complex128", "S4", "U5"])
    def test_dtypes_that_nothing_carries(self, make, dtype, sharded):
        with pytest.raises(TypeError, match="cannot encode dtype"):
            _create(make(), dtype, shards=SHAPE if sharded else None)

    def test_axes_of_another_number_than_the_dimensions(self, make, sharded):
        with pytest.raises(VideoCodecError, match="axes 'tcyx' has 4 letters"):
            _create(make(axes="tcyx"), shards=SHAPE if sharded else None)

    def test_a_basis_of_other_bands(self, make, sharded):
        """Which the chunk says, not the array; some zarr ask of shards only when one is written."""
        basis = BandBasis.from_arrays(np.eye(3), np.zeros(3))
        shape = (2, 5, 18, 22)
        if sharded:
            with pytest.raises(VideoCodecError, match=r"basis of 3 bands.*has 5"):
                _create(make(pca=basis), shape=shape, shards=shape)[...] = 1.5
            return
        with pytest.raises(VideoCodecError, match=r"basis of 3 bands.*has 5"):
            _create(make(pca=basis), shape=shape)

    def test_what_fits_is_created(self, make, sharded):
        """A fixed basis of as many bands as a chunk has, whatever the array's."""
        basis = BandBasis.from_arrays(np.eye(3), np.zeros(3))
        words = make(pca=basis).encoding(3)
        shards = {"shards": (2, 6, 18, 22)} if sharded else {}
        array = zarr.create_array(
            {}, shape=(2, 6, 18, 22), chunks=(2, 3, 18, 22), dtype="f4", **words, **shards
        )
        values = np.random.default_rng(0).normal(size=array.shape).astype("f4")
        array[...] = values
        np.testing.assert_array_equal(array[...], values)


def test_settings_that_are_not_read_do_not_keep_an_array_from_opening():
    """A newer version may allow what this one refuses."""
    store = {}
    array = _create(VideoCodec(), store=store)
    values = np.random.default_rng(0).normal(size=SHAPE).astype("f4")
    array[...] = values
    text = store["zarr.json"].to_bytes().replace(b'"codec": "auto"', b'"codec": "from the future"')
    store["zarr.json"] = zarr.core.buffer.cpu.Buffer.from_bytes(text)
    again = zarr.open_array(store)
    np.testing.assert_array_equal(again[...], values)
    np.testing.assert_array_equal(again[1], values[1])
    with pytest.raises(VideoCodecError, match="stored settings"):
        again[...] = values + 1


@pytest.mark.parametrize("serializer", [VideoSerializer, Jpeg2kSerializer])
def test_serializers_take_the_words_of_their_codec_and_no_others(serializer):
    """And say them as briefly."""
    with pytest.raises(TypeError, match="nonsense"):
        serializer(nonsense=1)
    assert "settings" not in repr(serializer())
    found = serializer(max_error=0.5, nodata=[1, 2])
    assert eval(repr(found), {serializer.__name__: serializer}) == found
    assert len(repr(serializer())) < 70


@pytest.mark.parametrize("make", CODECS)
@pytest.mark.parametrize("promise", [{}, {"max_error": 0.01}], ids=["lossless", "bound"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize(
    "filter_of",
    [
        lambda dtype: filters.BitRound(keepbits=3),
        lambda dtype: filters.Quantize(digits=2, dtype=dtype),
        lambda dtype: filters.FixedScaleOffset(offset=0, scale=1, dtype=dtype),
        lambda dtype: filters.FixedScaleOffset(offset=0, scale=100, dtype=dtype, astype="i4"),
        lambda dtype: filters.AsType(encode_dtype="f8", decode_dtype=dtype),
        lambda dtype: filters.AsType(encode_dtype="f4", decode_dtype=dtype),
        lambda dtype: filters.Delta(dtype=dtype),
        lambda dtype: filters.Shuffle(elementsize=4),
    ],
    ids=["BitRound", "Quantize", "same", "packed", "f8", "f4", "Delta", "Shuffle"],
)
def test_filters_before_the_serializer_never_write_what_does_not_read(
    make, promise, dtype, filter_of
):
    """Either refused when written (or created), or read back as the filter alone would give it."""
    values = np.random.default_rng(0).normal(5, 2, SHAPE).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            plain = zarr.create_array(
                {}, shape=SHAPE, chunks=SHAPE, dtype=dtype, filters=[filter_of(dtype)],
                compressors=None,
            )  # fmt: skip
            plain[...] = values
            expected = plain[...]
        except Exception:  # noqa: BLE001 - what zarr itself cannot do is not asked of us
            expected = None
        try:
            array = _create(make(**promise), dtype, filters=[filter_of(dtype)])
            array[...] = values
        except (VideoCodecError, TypeError, ValueError):
            return
        found = array[...]
    if expected is not None and not promise:
        np.testing.assert_array_equal(found, expected)
    assert found.shape == SHAPE


def test_bit_round_is_kept_as_the_floats_it_rounded():
    """Its integers are the bits of floats: under a bound they are floats, NaN included."""
    values = np.random.default_rng(0).normal(280, 5, SHAPE).astype("f4")
    values[1, 2:5] = np.nan
    array = _create(VideoCodec(max_error=0.5), filters=[filters.BitRound(keepbits=12)])
    array[...] = values
    np.testing.assert_array_equal(np.isnan(array[...]), np.isnan(values))
    assert np.nanmax(np.abs(array[...] - values)) < 0.5 + 280 * 2**-12


def test_the_memory_order_of_the_input_is_not_in_the_bytes():
    """A format 3 chunk has one order: the same values, the same bytes."""
    values = np.random.default_rng(0).normal(size=SHAPE).astype("f4")
    stores = []
    for array in (
        values,
        np.asfortranarray(values),
        np.moveaxis(np.moveaxis(values, 0, 2).copy(), 2, 0),
    ):
        store = {}
        _create(VideoCodec(max_error=0.01), store=store)[...] = array
        stores.append({key: value.to_bytes() for key, value in store.items()})
    assert stores[0] == stores[1] == stores[2]
