"""Whatever store, group, part or mode `Dataset.to_zarr` takes, and nothing lost on the way."""

from __future__ import annotations

import os
import uuid
import warnings

import numpy as np
import pytest

pytest.importorskip("dask")
xr = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")

import numcodecs_video.xarray as ncv  # noqa: E402
from numcodecs_video import VideoCodecError  # noqa: E402
from numcodecs_video.xarray.recording import silent_about_format_3  # noqa: E402
from tests.formats import FORMATS  # noqa: E402

T = ("time", "y", "x")
SHAPE = (8, 20, 24)
VALUES = np.random.default_rng(0).normal(280, 3, SHAPE).astype("f4")
REALISED = "lossy_compression_realised_max_error"
BOTH = pytest.mark.parametrize("zarr_format", FORMATS)
SAID = {"max_error": 0.1, "effort": 1, "chunks": {"time": 4}}


@pytest.fixture
def ds() -> xr.Dataset:
    """A cube with dates."""
    return xr.Dataset({"v": (T, VALUES)}, coords={"time": np.arange(SHAPE[0])})


def assert_within(store, before: xr.Dataset, bound: float = 0.1, **options) -> xr.Dataset:
    """The store holds the cube within the bound, and says so."""
    with xr.open_zarr(store, **options) as after:
        error = np.abs(after.v.values - before.v.values).max()
        assert 0 < error <= bound
        assert 0 < after.v.attrs[REALISED] <= bound
        return after


def memory_store():
    return zarr.storage.MemoryStore()


def obstore_store():
    obstore = pytest.importorskip("obstore")
    return zarr.storage.ObjectStore(obstore.store.MemoryStore())


def fsspec_store():
    fsspec = pytest.importorskip("fsspec")
    wrapper = pytest.importorskip("fsspec.implementations.asyn_wrapper")
    fs = wrapper.AsyncFileSystemWrapper(fsspec.filesystem("memory"), asynchronous=True)
    return zarr.storage.FsspecStore(fs, path=f"/{uuid.uuid4()}")


STORES = {
    "memory": lambda _: memory_store(),
    "a dict": lambda _: {},
    "local": lambda folder: zarr.storage.LocalStore(folder / "a"),
    "a path": lambda folder: folder / "a",
    "text": lambda folder: str(folder / "a"),
    "fsspec": lambda _: fsspec_store(),
    "obstore": lambda _: obstore_store(),
}


@pytest.mark.parametrize("zarr_format", [pytest.param(2, marks=pytest.mark.slow), 3])
@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("group", [None, "a/b"])
def test_stores_of_every_kind(tmp_path, ds, name, zarr_format, group):
    """With what was lost in the attributes."""
    store = STORES[name](tmp_path)
    ncv.to_zarr(ds, store, zarr_format=zarr_format, group=group, **SAID)
    assert_within(store, ds, group=group)
    # Again, over it.
    ncv.to_zarr(ds, store, mode="w", zarr_format=zarr_format, group=group, **SAID)
    assert_within(store, ds, group=group)


def test_icechunk_sessions(ds):
    """Nothing is committed but by the user."""
    icechunk = pytest.importorskip("icechunk")
    repository = icechunk.Repository.create(icechunk.in_memory_storage())
    session = repository.writable_session("main")
    ncv.to_zarr(ds, session.store, consolidated=False, **SAID)
    session.commit("first")
    assert_within(repository.readonly_session("main").store, ds, consolidated=False)
    session = repository.writable_session("main")
    more = ds.assign_coords(time=ds.time + 8)
    ncv.to_zarr(more, session.store, append_dim="time", consolidated=False, **SAID)
    session.commit("second")
    both = xr.concat([ds, more], "time")
    assert_within(repository.readonly_session("main").store, both, consolidated=False)


@BOTH
def test_urls_with_options(ds, zarr_format):
    """They reach fsspec from all steps."""
    fsspec = pytest.importorskip("fsspec")
    memory = pytest.importorskip("fsspec.implementations.memory")

    class Guarded(memory.MemoryFileSystem):
        protocol = "guarded"

        def __init__(self, token: str | None = None, **options):
            if token != "secret":
                raise PermissionError("no token")
            super().__init__(**options)

        @classmethod
        def _strip_protocol(cls, path):
            return super()._strip_protocol(path.replace("guarded://", "memory://"))

    fsspec.register_implementation("guarded", Guarded, clobber=True)
    url, options = f"guarded://{uuid.uuid4()}", {"storage_options": {"token": "secret"}}
    for said in ({}, {"mode": "w"}, {"append_dim": "time"}):
        ncv.to_zarr(ds, url, zarr_format=zarr_format, **options, **said, **SAID)
    assert_within(url, xr.concat([ds, ds], "time"), **options)


@BOTH
@pytest.mark.parametrize("consolidated", [True, False])
def test_options_of_xarray_are_no_variables(tmp_path, ds, zarr_format, consolidated):
    """They go where they belong."""
    ncv.to_zarr(
        ds.chunk(time=4), tmp_path / "a", zarr_format=zarr_format, consolidated=consolidated,
        safe_chunks=False, write_empty_chunks=True, encoding={"time": {"dtype": "int16"}}, **SAID,
    )  # fmt: skip
    after = assert_within(tmp_path / "a", ds, consolidated=consolidated)
    assert after.time.encoding["dtype"] == "int16"


UNWRITABLE = {
    "a slash": (lambda ds: ds.rename(v="a/b"), "'a/b'.*rename.*'a_b'"),
    "a slash in a coordinate": (lambda ds: ds.assign_coords({"p/q": 1}), "'p/q' has a slash"),
    "a name of a file": (lambda ds: ds.rename(v="zarr.json"), "'zarr.json' is no name"),
    "a name of a folder": (lambda ds: ds.rename(v=".."), "'..' is no name"),
    "a number of an attribute": (
        lambda ds: ds.assign_attrs({5: "x"}),
        "attribute 5 of the dataset",
    ),
    "a number of a dimension": (lambda ds: ds.rename(y=0), "dimension 0 of 'v'"),
    "a date": (lambda ds: set_attribute(ds.v, np.datetime64("2020-01-01")), "'said' of 'v'.*date"),
    "bytes": (lambda ds: set_attribute(ds.time, b"text"), "'said' of 'time'.*bytes"),
    "a set": (lambda ds: set_attribute(ds, {1}), "'said' of the dataset.*set"),
    "within": (lambda ds: set_attribute(ds, {"deep": [1j]}), "'said' of the dataset.*complex"),
}


def set_attribute(of, value) -> None:
    """One that says something."""
    of.attrs["said"] = value


@BOTH
@pytest.mark.parametrize("case", UNWRITABLE)
def test_what_no_store_can_keep_is_named_before_the_first_byte(tmp_path, ds, zarr_format, case):
    """Where xarray stops halfway without a name, or writes what it does not find again."""
    change, message = UNWRITABLE[case]
    changed = change(ds)
    with pytest.raises(VideoCodecError, match=message):
        ncv.to_zarr(changed or ds, tmp_path / "a", zarr_format=zarr_format, **SAID)
    assert not (tmp_path / "a").exists()


def test_attributes_of_what_is_there_are_not_written(tmp_path, ds):
    """So that none of them keeps dates from being appended, or a part from being written."""
    ncv.to_zarr(ds, tmp_path / "a", **SAID)
    set_attribute(ds.v, {1})
    ncv.to_zarr(ds, tmp_path / "a", append_dim="time", **SAID)
    with xr.open_zarr(tmp_path / "a") as after:
        assert after.sizes["time"] == 2 * SHAPE[0]
    several = ds.copy()
    set_attribute(several, {1})
    ncv.to_zarr(several, tmp_path / "a", region={"time": slice(8, 16)})
    with pytest.raises(VideoCodecError, match="'said' of 'w'"):
        ncv.to_zarr(ds.rename(v="w"), tmp_path / "a", mode="a", **SAID)


@BOTH
def test_attributes_that_json_has_are_kept(tmp_path, ds, zarr_format):
    """Numbers of NumPy among them, and NaN, which Python's JSON has."""
    ds.v.attrs.update(
        number=np.float32(1.5),
        vector=np.arange(3),
        flag=np.bool_(True),
        nothing=None,
        missing=np.nan,
    )
    ncv.to_zarr(ds, tmp_path / "a", zarr_format=zarr_format, **SAID)
    after = xr.open_zarr(tmp_path / "a").v.attrs
    assert [after[key] for key in ("number", "vector", "flag", "nothing")] == [
        1.5,
        [0, 1, 2],
        True,
        None,
    ]


def test_a_tilde_is_the_home_folder(tmp_path, ds, monkeypatch):
    """To all that opens what was written, as to xarray."""
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    ncv.to_zarr(ds, "~/a", **SAID)
    ncv.to_zarr(ds, "~/a", append_dim="time", **SAID)
    assert_within(tmp_path / "a", xr.concat([ds, ds], "time"))
    ncv.convert("~/a", "~/b")
    assert ncv.compare("~/a", "~/b")["v"].identical
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize(
    "bounds", [lambda ds: 0.01 * ds.v.std(), lambda ds: 0.01 * ds.chunk().std()], ids=["v", "all"]
)
def test_bounds_may_be_what_a_reduction_returns(ds, bounds):
    """An array without dimensions, or a dataset of these."""
    (given,) = ncv.encoding(ds, max_error=bounds(ds)).values()
    said = given["serializer"].settings.fidelity.value
    assert said == pytest.approx(0.01 * VALUES.std(), rel=1e-5)
    assert ncv.evaluate(ds.v, max_error=0.01 * ds.v.std(), effort=1).largest_error <= said


def test_a_wrong_word_is_an_error_before_the_first_byte(tmp_path, ds):
    """As of `encoding`."""
    with pytest.raises(TypeError, match="groups"):
        ncv.to_zarr(ds, tmp_path / "a", groups="b")
    assert not (tmp_path / "a").exists()


def test_what_is_put_off_is_recorded_once_it_is_done(tmp_path, ds):
    """By the object that Dask computes."""
    later = ncv.to_zarr(ds.chunk(time=4), tmp_path / "a", compute=False, **SAID)
    with xr.open_zarr(tmp_path / "a") as before:
        assert REALISED not in before.v.attrs
    later.compute()
    assert_within(tmp_path / "a", ds)


@BOTH
def test_appending_keeps_the_codecs_of_the_store(tmp_path, ds, zarr_format):
    """In whole chunks, with the promise repeated or left out, in the units of a reader."""
    packed = {
        "v": {"dtype": "int16", "scale_factor": 0.05, "add_offset": 280.0, "_FillValue": -32768}
    }
    first, second, third = (ds.assign_coords(time=ds.time + 8 * n) for n in range(3))
    for name, encoding in (("plain", {}), ("packed", packed)):
        store = tmp_path / name
        first.v.encoding = encoding
        ncv.to_zarr(first, store, zarr_format=zarr_format, **SAID)
        ncv.to_zarr(second, store, append_dim="time", **SAID)
        ncv.to_zarr(third, store, append_dim="time", effort=1)
        both = xr.concat([first, second, third], "time")
        # Half a step of packing is no loss of the codec's.
        after = assert_within(store, both, 0.1 if not encoding else 0.125)
        assert after.v.encoding["chunks"] == (4, 20, 24)
        assert after.v.attrs["lossy_compression_max_error"] == pytest.approx(0.1)
        assert "lossy_compression_earlier" not in after.v.attrs


@pytest.mark.parametrize("said", [{"max_error": 0.2}, {"psnr": 40}, {"lossless": True}])
def test_appending_under_another_promise_is_refused(tmp_path, ds, said):
    """Before anything is written."""
    ncv.to_zarr(ds, tmp_path / "a", **SAID)
    with pytest.raises(VideoCodecError, match=r"'v' is stored with max_error=0\.1, and .* is"):
        ncv.to_zarr(ds, tmp_path / "a", append_dim="time", **said)
    with pytest.raises(VideoCodecError, match="has format 3"):
        ncv.to_zarr(ds, tmp_path / "a", append_dim="time", zarr_format=2)
    assert_within(tmp_path / "a", ds)
    xr.Dataset({"v": (T, VALUES)}).to_zarr(tmp_path / "b")
    with pytest.raises(VideoCodecError, match="'v' is in the store already, not as video"):
        ncv.to_zarr(ds.drop_vars("time"), tmp_path / "b", append_dim="time", **SAID)


@pytest.mark.filterwarnings("ignore:.*will not decode timedelta:FutureWarning")  # xarray's own word
def test_dates_that_the_units_of_the_store_are_too_coarse_for_are_refused(tmp_path):
    """Counted in others they would be read as some thousand years from now."""
    frames = xr.Dataset(
        {"v": (("time", "y", "x"), np.ones((8, 16, 20), "f4"))},
        {"time": np.datetime64("2020-01-01", "ns") + np.arange(8) * np.timedelta64(5, "m")},
    )
    lead = frames.assign_coords(time=frames.time - frames.time[0])
    for name, data, finer in (
        ("dates", frames, "seconds since 1970-01-01"),
        ("leads", lead, "seconds"),
    ):
        coarse = finer.replace("seconds", "hours")
        for units in (coarse, finer):
            ncv.to_zarr(
                data[{"time": [0]}], tmp_path / name, mode="w", effort=1,
                encoding={"time": {"units": units, "dtype": "int64"}},
            )  # fmt: skip
            if units == finer:
                ncv.to_zarr(data[{"time": slice(1, 3)}], tmp_path / name, append_dim="time")
                with xr.open_zarr(tmp_path / name, decode_timedelta=True) as after:
                    np.testing.assert_array_equal(after.time, data.time[:3])
                continue
            with pytest.raises(VideoCodecError, match=f"too coarse.*'units': '{finer}'"):
                ncv.to_zarr(data[{"time": slice(1, 3)}], tmp_path / name, append_dim="time")
            assert zarr.open_group(tmp_path / name, mode="r")["v"].shape[0] == 1


@BOTH
def test_appending_within_a_chunk_says_what_it_costs(tmp_path, ds, zarr_format):
    """Unless nothing is lost."""
    said = {**SAID, "chunks": {"time": 5}}
    ncv.to_zarr(ds, tmp_path / "a", zarr_format=zarr_format, **said)
    with pytest.warns(UserWarning, match=r"'v' .* from cell 8 of 'time' in chunks of 5.*0\.1"):
        ncv.to_zarr(ds, tmp_path / "a", append_dim="time", **said)
    ncv.to_zarr(ds, tmp_path / "b", zarr_format=zarr_format, chunks={"time": 5}, effort=1)
    ncv.to_zarr(ds, tmp_path / "b", append_dim="time")


@BOTH
@pytest.mark.parametrize("region", ["auto", {"time": "auto"}, {"time": slice(4, 8)}])
def test_regions(tmp_path, ds, zarr_format, region):
    """Whole chunks in silence, parts with a warning."""
    ncv.to_zarr(ds, tmp_path / "a", zarr_format=zarr_format, **SAID)
    other = ds.copy(data={"v": VALUES[::-1]})
    ncv.to_zarr(other.isel(time=slice(4, 8)), tmp_path / "a", region=region)
    assert_within(
        tmp_path / "a", xr.concat([ds.isel(time=slice(4)), other.isel(time=slice(4, 8))], "time")
    )
    part = (
        {"time": slice(3, 6)}
        if isinstance(region, dict) and "auto" not in region.values()
        else region
    )
    with pytest.warns(UserWarning, match="written from cell 3 of 'time' in chunks of 4"):
        ncv.to_zarr(other.isel(time=slice(3, 6)), tmp_path / "a", region=part)


@pytest.mark.parametrize("region", [{"tim": slice(4, 8)}, {"time": slice(0, 9)}], ids=str)
def test_regions_that_are_none_are_refused(tmp_path, ds, region):
    """By xarray, which names them."""
    ncv.to_zarr(ds, tmp_path / "a", **SAID)
    with pytest.raises(ValueError, match=r"region|dimension"):
        ncv.to_zarr(ds.isel(time=slice(4, 8)), tmp_path / "a", region=region)


@BOTH
def test_new_variables_join_a_store(tmp_path, ds, zarr_format):
    """With the encoding that is chosen for them alone."""
    ncv.to_zarr(ds, tmp_path / "a", zarr_format=zarr_format, **SAID)
    ncv.to_zarr(ds.rename(v="w"), tmp_path / "a", mode="a", max_error=0.5, effort=1)
    with xr.open_zarr(tmp_path / "a") as after:
        assert after.w.attrs["lossy_compression_max_error"] == 0.5
        assert after.v.attrs["lossy_compression_max_error"] == 0.1


LAZY = {
    "lazily": lambda ds: ds,
    "a part": lambda ds: ds.isel(time=slice(2, 4)),
    "computed": lambda ds: ds.chunk() + 1,
    "one of two": lambda ds: ds.assign(w=(T, VALUES)),
    "renamed": lambda ds: ds.rename(v="other"),
}


@pytest.mark.parametrize("zarr_format", [pytest.param(2, marks=pytest.mark.slow), 3])
@pytest.mark.parametrize("name", LAZY)
@pytest.mark.parametrize("chunks", [None, {}], ids=["xarray", "dask"])
def test_a_store_is_not_replaced_by_what_is_read_from_it(tmp_path, ds, name, chunks, zarr_format):
    """The error comes before anything is deleted, however the store is named."""
    ncv.to_zarr(ds, tmp_path / "a", zarr_format=zarr_format, **SAID)
    with xr.open_dataset(tmp_path / "a", engine="zarr", chunks=chunks) as read:
        lazy = LAZY[name](read)
        for store in (
            tmp_path / "a",
            os.path.relpath(tmp_path / "a"),
            zarr.storage.LocalStore(tmp_path / "a"),
        ):
            with pytest.raises(VideoCodecError, match="yet to be read from the store"):
                ncv.to_zarr(lazy, store, mode="w", zarr_format=zarr_format, **SAID)
        assert_within(tmp_path / "a", ds)
        ncv.to_zarr(lazy.load(), tmp_path / "a", mode="w", zarr_format=zarr_format, **SAID)


@BOTH
@pytest.mark.parametrize("name", ["memory", "fsspec", "obstore"])
def test_nor_are_stores_that_are_no_folders(tmp_path, ds, name, zarr_format):
    """Wherever they are."""
    store = STORES[name](tmp_path)
    ncv.to_zarr(ds, store, zarr_format=zarr_format, **SAID)
    with xr.open_zarr(store) as lazy, pytest.raises(VideoCodecError, match="yet to be read"):
        ncv.to_zarr(lazy, store, mode="w", zarr_format=zarr_format, **SAID)
    assert_within(store, ds)


def test_groups_are_kept_as_well(tmp_path, ds):
    """A store replaces what is in its groups; a group, nothing beside it."""
    ncv.to_zarr(ds, tmp_path / "a", group="inner", **SAID)
    with xr.open_zarr(tmp_path / "a" / "inner", consolidated=False) as lazy:
        for options in ({}, {"group": "inner"}):
            with pytest.raises(VideoCodecError, match="yet to be read"):
                ncv.to_zarr(lazy, tmp_path / "a", mode="w", **options, **SAID)
        # Under the same bound or less, the levels of what was read are found: nothing is lost.
        said = {**SAID, "max_error": 0.12}
        ncv.to_zarr(lazy, tmp_path / "a", mode="w", group="beside", **said)
    assert_within(tmp_path / "a" / "beside", ds, 0.22, consolidated=False)
    assert_within(tmp_path / "a" / "inner", ds, consolidated=False)


def test_warnings_of_others_are_theirs_while_dask_writes(tmp_path):
    """What is kept back of metadata is not kept back of the threads that compute values."""
    dask_array = pytest.importorskip("dask.array")

    def compute(block):
        warnings.warn("The data type of this block is odd", FutureWarning, stacklevel=1)
        return block

    values = dask_array.from_array(VALUES, chunks=(4, 20, 24)).map_blocks(compute, dtype="f4")
    names = ("time", np.array(list("abcdefgh")))
    ds = xr.Dataset({"v": (T, values)}, coords={"name": names})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ncv.to_zarr(ds, tmp_path / "a", **SAID)
        filters = list(warnings.filters)
    said = {str(warning.message) for warning in caught}
    assert said == {"The data type of this block is odd"}
    assert filters[0][0] == "always"
    assert "v" in zarr.open_group(tmp_path / "a", mode="r").metadata.consolidated_metadata.metadata


def test_silences_that_overlap_leave_no_filter():
    """The last to go puts back what the first to come found."""
    before = list(warnings.filters)
    one, other = silent_about_format_3(), silent_about_format_3()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert list(warnings.filters) != before
    other.__exit__(None, None, None)
    assert list(warnings.filters) == before
