"""Bands stacked into one array and taken apart again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numcodecs_video.errors import VideoCodecError

xr = pytest.importorskip("xarray")

from numcodecs_video.xarray import encoding, stack_bands, unstack_bands  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

DIMS = ("time", "y", "x")


def band(dtype: str = "u2", seed: int = 0, **attrs) -> xr.DataArray:
    """A small cube of counts."""
    values = np.random.default_rng(seed).integers(0, 100, (3, 8, 9)).astype(dtype)
    return xr.DataArray(values, dims=DIMS, attrs=attrs)


@pytest.fixture
def ds() -> xr.Dataset:
    """Three bands of two dtypes, a mask, and coordinates, one of them text."""
    return xr.Dataset(
        {
            "B02": band("u2", 1, units="1", wavelength=np.float32(490.0)),
            "B03": band("u1", 2, units="1", wavelength=np.float32(560.0), valid=np.array([0, 99])),
            "B04": band("u2", 3, units="1", note="red"),
            "mask": band("u1", 4, flag_values=[0, 1]),
        },
        coords={"time": np.arange(3), "station": ("y", list("abcdefgh"))},
        attrs={"title": "a test"},
    )


def test_unstacking_restores_everything(ds):
    """Values, dtypes, attributes with their types, coordinates and the rest of the dataset."""
    back = unstack_bands(stack_bands(ds, ["B02", "B03", "B04"], "s2"))
    xr.testing.assert_identical(back, ds)
    assert {name: v.dtype for name, v in back.items()} == {n: v.dtype for n, v in ds.items()}
    assert back.B03.attrs["valid"].dtype == ds.B03.attrs["valid"].dtype


@settings(max_examples=25)
@given(
    dtypes=st.lists(st.sampled_from(["u1", "i1", "u2", "i2", "f4"]), min_size=1, max_size=5),
    axis=st.permutations(DIMS),
)
def test_any_dtypes_and_order_of_dimensions_come_back(dtypes, axis):
    """Whatever dtypes have one that holds them all, in any order of the dimensions."""
    ds = xr.Dataset({f"b{i}": band(t, i).transpose(*axis) for i, t in enumerate(dtypes)})
    back = unstack_bands(stack_bands(ds, list(ds)))
    xr.testing.assert_identical(back, ds)
    assert [v.dtype for v in back.values()] == [v.dtype for v in ds.values()]


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_a_store_keeps_what_unstacking_needs(tmp_path, ds, zarr_format):
    """Stacked, stored as video, read back in another order of bands, and taken apart."""
    stacked = stack_bands(ds, ["B02", "B03", "B04"], "s2")
    stacked.to_zarr(
        tmp_path / "a.zarr",
        zarr_format=zarr_format,
        encoding=encoding(stacked, zarr_format=zarr_format),
    )
    with xr.open_zarr(tmp_path / "a.zarr") as read:
        back = unstack_bands(read.isel(band=[2, 1])).load()
    for name in ("B03", "B04"):
        np.testing.assert_array_equal(back[name], ds[name])
        assert back[name].dtype == ds[name].dtype
        assert back[name].attrs.keys() == ds[name].attrs.keys()
        assert back[name].encoding.get("dtype", back[name].dtype) == ds[name].dtype
    assert "B02" not in back


def test_lossy_values_stay_within_a_bands_dtype(ds):
    """A value that a lossy codec moved beyond 255 is no small one in uint8."""
    stacked = stack_bands(ds, ["B02", "B03"], "s2")
    stacked.s2[0, 1, 0, 0] = 300
    assert unstack_bands(stacked).B03[0, 0, 0] == 255


def test_packed_bands_stay_packed(ds):
    """Bands decoded from one packing share it in the stack, and have it again afterwards."""
    for name in ("B02", "B04"):
        ds[name] = (ds[name] * 0.1).astype("f4")
        ds[name].encoding = {"dtype": "int16", "scale_factor": 0.1, "_FillValue": -1}
    stacked = stack_bands(ds, ["B02", "B04"], "s2")
    assert stacked.s2.encoding["scale_factor"] == 0.1
    assert unstack_bands(stacked).B04.encoding == ds.B04.encoding
    assert unstack_bands(stacked).B04.dtype == "f4"


def test_dask_stays_lazy(ds):
    """Stacking reads nothing, and puts all bands of a chunk together."""
    pytest.importorskip("dask")
    stacked = stack_bands(ds.chunk(time=1), ["B02", "B03"], "s2")
    assert stacked.s2.chunks == ((1, 1, 1), (2,), (8,), (9,))
    xr.testing.assert_equal(unstack_bands(stacked).load(), ds)


@pytest.mark.parametrize(
    ("names", "said", "message"),
    [
        ([], {}, "must list the variables"),
        ("B02", {}, "must list the variables"),
        (["B02", "B02"], {}, "twice"),
        (["B02", "B99"], {}, "no variable B99: there are B02"),
        (["B02", "flat"], {}, "has dimensions"),
        (["B02", "B03"], {"dim": "time"}, "name another dim"),
        (["B02", "B03"], {"name": "mask"}, "another name"),
        (["B02", "wide"], {}, "does not hold exactly"),
        (["B02", "packed"], {}, "mask_and_scale=False"),
    ],
)
def test_what_cannot_be_stacked_is_refused(ds, names, said, message):
    """Each with the way out."""
    ds["flat"] = ds.B02[0]
    ds["wide"] = ds.B02.astype("f4")
    ds["B02"] = ds.B02.astype("i8") if "wide" in names else ds.B02
    ds["packed"] = ds.B02.copy()
    ds["packed"].encoding = {"scale_factor": 0.1}
    with pytest.raises(VideoCodecError, match=message):
        stack_bands(ds, names, **{"name": "s2", **said})


def test_unstacking_needs_a_stack_with_names(ds):
    """A dataset without one, and a stack that lost its coordinate, say so."""
    with pytest.raises(VideoCodecError, match="made by stack_bands"):
        unstack_bands(ds)
    stacked = stack_bands(ds, ["B02", "B03"], "s2")
    with pytest.raises(VideoCodecError, match="lost the coordinate"):
        unstack_bands(stacked.drop_vars("band"))
    with pytest.raises(VideoCodecError, match="already a variable"):
        unstack_bands(stacked.assign(B02=ds.B02))
