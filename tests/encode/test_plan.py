"""Plans: what a search found for one chunk serves its neighbours, and travels as JSON."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
import zarr

from numcodecs_video import Jpeg2kCodec, VideoCodec
from numcodecs_video.coders import Structure
from numcodecs_video.coders.ffmpeg import VideoCoder
from numcodecs_video.config import Settings
from numcodecs_video.encode.candidates import Direct
from numcodecs_video.encode.chunk import prepare_chunk
from numcodecs_video.encode.plan import PLAN_VERSION, BasePlan, Plan
from numcodecs_video.encode.tune import tune_settings
from numcodecs_video.format.payload import parse_header
from numcodecs_video.sampling import sample_chunks

PROMISES = [
    {},
    {"max_error": 0.3},
    pytest.param({"max_relative_error": 1e-3}, marks=pytest.mark.slow),
    pytest.param({"rmse": 0.5}, marks=pytest.mark.slow),
    {"psnr": 40},
]


def _chunks(count: int = 3) -> list[np.ndarray]:
    """Neighbours out of one noisy scene that moves."""
    t, y, x = np.mgrid[:12, :40, : 48 * count]
    noise = np.random.default_rng(0).normal(0, 0.2, t.shape)
    scene = (280 + 15 * np.sin((x + 2 * t) / 11) * np.cos((y - t) / 8) + noise).astype("f4")
    scene[3:5, 10:20, 5:15] = np.nan
    return [np.ascontiguousarray(part) for part in np.split(scene, count, axis=2)]


@pytest.fixture(scope="module")
def searched() -> tuple[np.ndarray, bytes]:
    """A chunk, and what a search makes of it."""
    chunk = np.ascontiguousarray(_chunks()[0][:, :24, :32])
    return chunk, VideoCodec(max_error=0.3, effort=2).encode(chunk)


@pytest.mark.parametrize("promise", PROMISES, ids=str)
@pytest.mark.parametrize("make", [VideoCodec, pytest.param(Jpeg2kCodec, marks=pytest.mark.slow)])
def test_tuned_codecs_keep_the_promise_on_every_neighbour(make, promise):
    """And take hardly more bytes than a search in each."""
    chunks = _chunks()
    codec = make(**promise)
    tuned = codec.tune(chunks)
    payloads = [tuned.encode(chunk) for chunk in chunks]
    for chunk, payload in zip(chunks, payloads, strict=True):
        decoded = codec.decode(payload).astype("f8")
        np.testing.assert_array_equal(np.isnan(decoded), np.isnan(chunk))
        worst, rmse = (
            np.nanmax(np.abs(decoded - chunk)),
            np.sqrt(np.nanmean((decoded - chunk) ** 2)),
        )
        span = float(np.nanmax(chunk)) - float(np.nanmin(chunk))
        assert worst <= promise.get("max_error", np.inf if promise else 0)
        assert rmse <= promise.get("rmse", np.inf)
        assert rmse == 0 or 20 * np.log10(span / rmse) >= promise.get("psnr", -np.inf)
    alone = sum(len(codec.encode(chunk)) for chunk in chunks)
    assert sum(map(len, payloads)) <= 1.06 * alone


def test_a_plan_is_a_small_part_of_the_configuration():
    """JSON-safe, hashable, through pickles and repr; the same bytes whoever carries it."""
    chunks = _chunks()
    tuned = VideoCodec(max_error=0.3).tune(chunks)
    config = json.loads(json.dumps(tuned.get_config()))
    assert len(json.dumps(config["plan"])) < 300
    again = VideoCodec.from_config(config)
    assert again == tuned
    assert hash(again) == hash(tuned)
    assert eval(repr(tuned), {"VideoCodec": VideoCodec}) == tuned
    assert pickle.loads(pickle.dumps(tuned)) == tuned
    assert again.encode(chunks[1]) == tuned.encode(chunks[1])
    assert tuned.serializer().to_dict()["configuration"]["plan"] == config["plan"]
    assert tuned.tune(chunks) == tuned


def test_fewer_encodes_than_a_search(monkeypatch):
    """A tuned codec makes one or two videos where a search makes many."""
    chunks, calls = _chunks(), []
    encode = VideoCoder.encode

    def counted(*arguments):
        calls.append(arguments)
        return encode(*arguments)

    monkeypatch.setattr(VideoCoder, "encode", counted)
    codec = VideoCodec("hevc", max_error=3)
    codec.encode(chunks[1])
    searched = len(calls)
    tuned = codec.tune(chunks)
    calls.clear()
    tuned.encode(chunks[1])
    assert searched > 6
    assert len(calls) <= 3


def test_a_chunk_of_another_kind_is_searched():
    """Noise where the plan knew a smooth scene: it costs no more than without a plan."""
    tuned = VideoCodec(max_error=0.3).tune(_chunks())
    noise = np.random.default_rng(1).normal(280, 60, (12, 40, 48)).astype("f4")
    assert len(tuned.encode(noise)) <= 1.03 * len(VideoCodec(max_error=0.3).encode(noise))


def test_what_a_plan_made_is_not_made_again(monkeypatch):
    """A chunk that takes far more than the plan expects, and whose search finds the same."""
    levels = np.cumsum(np.random.default_rng(2).integers(-40, 41, (12, 160, 176)), axis=2)
    chunk, codec = (300 * levels + levels**2 % 97).astype("i4"), VideoCodec(effort=4)
    plan = Plan(0.001, None, (("adaptive", False),)).to_json()
    made = []
    encode = Direct.__call__

    def counted(self, levels):
        made.append(levels.chunk.cube.size)
        return encode(self, levels)

    monkeypatch.setattr(Direct, "__call__", counted)
    tuned = replace(codec.settings, plan=json.dumps(plan))
    payload = VideoCodec.from_settings(tuned).encode(chunk)
    assert made.count(chunk.size) == 1
    assert len(made) > 1  # a part of it was searched
    assert payload == codec.encode(chunk)


@pytest.mark.parametrize(
    "plan",
    [
        {"version": PLAN_VERSION + 1, "rate": 1.0},
        {"version": PLAN_VERSION},
        {"version": PLAN_VERSION, "rate": 1.0, "splits": [[8, True]]},
        {"version": PLAN_VERSION, "rate": 1.0, "base": {"step": 1}},
        {},
        *(
            {"version": 1, "rate": 9.0, "base": {"step": 1.0, "klt": True} | words}
            for words in (
                *({"group": group} for group in (0, -2, 1.5, "all", None)),
                {"ratios": 99},
                {"ratios": -1},
                {"run": "long"},
                {"trim": None},
                {"key": "no"},
                {"layers": -1},
                {"colour": 3},
            )
        ),
    ],
    ids=str,
)
def test_plans_of_other_versions_are_ignored(plan, searched):
    """Never an error: the chunk is searched."""
    chunk, payload = searched
    codec = VideoCodec(max_error=0.3, effort=2, plan=plan)
    assert codec.encode(chunk) == payload
    assert codec.get_config()["plan"] == plan


@pytest.mark.parametrize(
    ("shape", "words", "group"),
    [
        ((14, 1, 14, 18), {}, 14),
        ((14, 4, 14, 18), {}, 8),  # 32 bands of all frames
        ((14, 40, 6, 6), {}, 1),
        ((14, 4, 14, 18), {"gop": 5}, 5),
        ((14, 4, 14, 18), {"pca": False}, 1),
        ((14, 4, 14, 18), {"pca": 2}, 1),
    ],
)
def test_groups_of_a_plan_are_those_that_a_chunk_may_have(shape, words, group):
    """Whatever chunk and settings it was made for."""
    chunk = prepare_chunk(np.zeros(shape, "f4"), Settings.parse(psnr=40, axes="tcyx", **words))
    assert BasePlan(0.0, Structure(group=24)).structure_of(chunk) == Structure(group=group)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(1.5),
        Plan(0.25, BasePlan(-1.5, Structure(True, 3, 8, 0, 0.25), False), (("adaptive", False),)),
        Plan(9.0, None, (), (8,), True),
        Plan(0.1, BasePlan(0.5, Structure(True, group=12))),
        Plan(0.1, BasePlan(0.5, Structure(True), gain=0.25)),
    ],
)
def test_plans_come_back_from_json(plan):
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize(
    "chunk", [np.zeros((3, 40, 50)), np.arange(9.0), np.zeros((0, 9, 9), "f4")]
)
def test_nothing_to_spare_is_no_plan(chunk):
    """One value, a run of values, nothing at all."""
    assert "plan" not in VideoCodec(max_error=1).tune(chunk).get_config()


def test_plans_are_used_from_a_store():
    """Zarr and Dask hand the configuration on: chunks are made by the plan wherever they are."""
    chunks = _chunks()
    tuned = VideoCodec(max_error=0.3).tune(chunks)
    array = zarr.create_array(
        {}, shape=(12, 40, 144), chunks=(12, 40, 48), dtype="f4", **tuned.encoding(3)
    )
    array[...] = np.concatenate(chunks, axis=2)
    found = zarr.open_array(array.store)
    assert found.serializer.settings.plan == tuned.settings.plan
    assert parse_header(tuned.encode(chunks[0])).candidate


class TestSamples:
    """A few chunks from all over an array."""

    def test_lists(self):
        chunks = [np.full((2, 3), i) for i in range(100)]
        assert [int(c[0, 0]) for c in sample_chunks(chunks)] == [16, 50, 83]
        assert len(sample_chunks(chunks[:7])) == 1
        assert sample_chunks([]) == []

    def test_arrays_of_zarr_dask_and_xarray(self):
        """Whole chunks, as they are stored; of the last ones, what is there."""
        values = np.arange(10 * 30 * 30).reshape(10, 30, 30)
        stored = zarr.create_array({}, shape=values.shape, chunks=(5, 16, 16), dtype="i8")
        stored[...] = values
        lazy = xr.DataArray(values, dims=("t", "y", "x")).chunk({"t": 5, "y": 16, "x": 16})
        for array in (stored, lazy, lazy.data):
            found = sample_chunks(array)
            assert len(found) == 2
            assert all(isinstance(chunk, np.ndarray) for chunk in found)
            assert all(np.isin(chunk, values).all() for chunk in found)
            assert all(c.shape[0] == 5 and set(c.shape[1:]) <= {14, 16} for c in found)
        assert [c.shape for c in sample_chunks(values)] == [values.shape]


def test_groups_must_suit_other_chunks_too():
    """Under a PSNR one chunk tells which base, but for one that another may do without."""
    t, y, x = np.mgrid[:24, :64, :72]
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.1, t.shape)
    season = 8 * np.sin(t / 3) * (1 + np.sin(x / 6) * np.cos(y / 5)) + 3 * np.cos(t / 2 + y / 9)
    wide = rng.normal(0, 60, (64, 144))
    for axis in (0, 0, 1, 1):
        wide = (np.roll(wide, 1, axis) + wide + np.roll(wide, -1, axis)) / 3
    moving = np.stack([wide[:, 3 * i : 3 * i + 72] for i in range(24)])
    chunks = [(cube + noise).astype("f4") for cube in (season, moving)]
    settings = VideoCodec(psnr=40, effort=4).settings
    alone, both = (json.loads(tune_settings(some, settings).plan) for some in (chunks[:1], chunks))
    assert alone["base"]["group"] > 1
    assert both["base"]["group"] == 1
