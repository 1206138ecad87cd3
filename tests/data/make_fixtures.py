"""Write the encoded fixtures of a format version, which every later version must decode.

Run it once a format version: ``python -m tests.data.make_fixtures tests/data/format_1``. It never
overwrites a fixture, so it adds only what a new coder or dtype needs. Each fixture is a payload
(``.ncv``) and the array that it decodes to (``.npy``).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from numcodecs_video import Jpeg2kCodec, VideoCodec
from numcodecs_video.format.payload import parse_header

SHAPE = (3, 11, 18)
LARGEST = 4096
#: a base whose pictures are of six frames each
_GROUPED = {"version": 1, "rate": 9.0, "base": {"step": 1.0, "klt": True, "group": 6}}


def _field(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """A smooth field with noise, 0 to 1."""
    rng = np.random.default_rng(seed)
    t, y, x = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    return 0.5 + 0.4 * np.sin((x + t) / 5) * np.cos(y / 4) + rng.uniform(-0.05, 0.05, shape)


def _counts(dtype: str, top: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.rint(_field(shape) * top).astype(dtype)


def _kelvin(dtype: str = "<f4") -> np.ndarray:
    return (270 + 20 * _field(SHAPE)).astype(dtype)


def _with_holes(dtype: str = "<f4") -> np.ndarray:
    values = _kelvin(dtype)
    values[1:, 2:6, 3:9] = np.nan
    values[0, 0, :3] = [np.inf, -np.inf, -0.0]
    return values


def _clouds() -> np.ndarray:
    """Round holes that move: their map is coded as pictures."""
    t, y, x = np.mgrid[:2, :56, :64]
    centres = np.random.default_rng(4).uniform(0, 60, (12, 2))
    near = [(y - a) ** 2 + (x - b - 20 * t) ** 2 < 40 for a, b in centres]
    return np.where(np.any(near, axis=0), np.nan, 280 + y / 8).astype("<f2")


def _swell() -> np.ndarray:
    """Smooth floats whose last bits are noise: coded in two parts."""
    t, y, x = np.mgrid[:2, :24, :28]
    return np.exp(np.sin((x + t) / 30) * np.cos(y / 25)).astype("<f4")


def _seasons() -> np.ndarray:
    """A field that rises and falls everywhere together: its frames share components."""
    t, y, x = np.mgrid[:14, :14, :18]
    season = np.sin(t / 2) * (1 + np.sin(x / 6) * np.cos(y / 5)) + 0.5 * np.cos(t / 3 + y / 9)
    return (8 * season + np.random.default_rng(6).normal(0, 0.1, t.shape)).astype("<f4")


def _waves() -> np.ndarray:
    """Moving waves with noise below the bound: a base and a sparse residual."""
    t, y, x = np.mgrid[:4, :32, :40]
    noise = np.random.default_rng(3).normal(0, 0.7, t.shape)
    return (280 + 20 * np.sin((x + 2 * t) / 9) * np.cos((y - t) / 7) + noise).astype("<f4")


def _bands_with_holes() -> np.ndarray:
    """Bands in hundredths, some of them missing."""
    counts = np.rint(100 * _bands()).astype("<i2")
    counts[:, :, 2:5, 3:7] = -999
    return counts


def _classes() -> np.ndarray:
    """Land cover of four classes that hardly changes."""
    t, y, x = np.mgrid[:4, :30, :36]
    return (2 * (np.sin(x / 5) + np.cos(y / 4) > 0.3) + (x + y + t > 40)).astype("u1")


def _still() -> np.ndarray:
    """Six times the same noisy picture: what a key picture is for."""
    picture = np.random.default_rng(2).normal(280, 5, (1, 20, 26))
    return np.repeat(picture, 6, axis=0).astype("<f4")


def _bands() -> np.ndarray:
    """Four correlated bands, axes ``tcyx``."""
    field = _field((3, 9, 10))[:, None]
    mixed = np.concatenate([field * w for w in (1, 0.8, 0.6, -0.5)], 1)
    return (mixed + np.random.default_rng(1).normal(0, 0.01, mixed.shape)).astype("<f4")


def _cases() -> dict[str, tuple[dict[str, Any], np.ndarray]]:
    cases: dict[str, tuple[dict[str, Any], np.ndarray]] = {
        "constant": ({}, np.full(SHAPE, 7, "<i2")),
        "empty": ({}, np.zeros((0, 4, 5), "<f4")),
        "scalar": ({}, np.array(2.5, "<f8")),
        "bytes": ({}, np.frombuffer(b"a run of plain bytes", "u1")),
        "all_missing": ({"max_error": 0.1}, np.full(SHAPE, np.nan, "<f4")),
        "fortran": ({"axes": "xyt"}, np.asfortranarray(_counts("<u2", 900).T)),
        "axes_yxt": ({"axes": "yxt"}, np.ascontiguousarray(np.moveaxis(_counts("u1", 90), 0, 2))),
        "segments": ({"gop": 1, "max_error": 0.1}, _with_holes()),
        "clouds": ({"max_error": 0.5}, _clouds()),
        "nodata": ({"max_error": 2, "nodata": -9999}, np.where(_counts("<i2", 90) > 70, -9999,
                                                               _counts("<i2", 90)).astype("<i2")),
        "bands": ({"max_error": 0.02}, _bands()),
        "bands_qp": ({"codec": "hevc", "qp": 16}, _bands()),
        "bands_psnr": ({"psnr": 45}, _bands()),
        "rmse": ({"rmse": 0.2}, _with_holes()),
        "relative": ({"max_relative_error": 0.02}, _kelvin() - np.float32(280)),
        "split": ({}, _swell()),
        "lattice": ({}, (_counts("<i4", 500) / 100).astype("<f4")),
        "table": ({}, np.sqrt(_counts("<i4", 12)).astype("<f4")),
        "key_picture": ({"codec": "hevc", "qp": 24, "gop": 2}, _still()),
        "residual": ({"codec": "hevc", "max_error": 1.0, "effort": 1}, _kelvin()),
        "adaptive_levels": ({"max_error": 0.05, "gop": 2}, _with_holes()),
        "adaptive_bands": ({}, np.rint(100 * _bands()).astype("<i2")),
        "adaptive_residual": ({"max_error": 1.0, "gop": 2}, _waves()),
        "adaptive_classes": ({}, _classes()),
        "adaptive_clouds": ({"max_error": 0.5, "gop": 1}, _clouds()),
        "adaptive_split": ({}, np.concatenate([_swell(), _swell()[::-1]])),
        "adaptive_repeats": ({}, _counts("<u2", 900, (2, 24, 28))[[0, 1, 0, 0, 1]]),
        "adaptive_quick_levels": ({"max_error": 0.05, "gop": 2, "effort": 2}, _with_holes()),
        "adaptive_quick_bands": ({"effort": 2}, np.rint(100 * _bands()).astype("<i2")),
        "adaptive_quick_repeats": ({"effort": 2}, _counts("<u2", 900, (2, 24, 28))[[0, 1, 0, 1]]),
        "adaptive_express": ({"effort": 1, "gop": 2, "nodata": -999}, _bands_with_holes()),
        "groups_psnr": ({"psnr": 30, "gop": 12}, _seasons()),
        "groups_bound": ({"max_error": 0.8, "gop": 12, "plan": _GROUPED}, _seasons()),
        "spared": ({"max_error": 3, "nodata": [0, 7]}, _counts("<u2", 12, (4, 18, 20))),
        "wide_integers": ({"codec": "ffv1"}, _counts("<u4", 2**20)),
    }  # fmt: skip
    for codec in ("auto", "hevc", "ffv1", "vp9", "av1", "h264"):
        cases[f"{codec}_lossless"] = ({"codec": codec}, _counts("u1", 60))
        cases[f"{codec}_bound"] = ({"codec": codec, "max_error": 0.2}, _with_holes())
        if codec != "ffv1":
            cases[f"{codec}_qp"] = ({"codec": codec, "qp": 20}, _kelvin())
    for dtype in ("?", "i1", "u1", ">i2", "<u2", "<i4", ">u4", "<i8", ">u8"):
        values = _counts("<i8", 200 if np.dtype(dtype).itemsize > 1 else 100, (2, 7, 9))
        values = values > 50 if dtype == "?" else values.astype(dtype)
        cases[f"exact_{np.dtype(dtype).name}"] = ({}, values)
    for dtype in ("<f2", ">f4", "<f8"):
        name = np.dtype(dtype).name
        cases[f"exact_{name}"] = ({}, _with_holes(dtype)[:, :7, :9])
        cases[f"bound_{name}"] = ({"max_error": 0.5}, _with_holes(dtype))
    days = np.datetime64("2024-01-01", "ns") + _counts("<i8", 300, (2, 7, 9)) * np.timedelta64(
        1, "D"
    )
    days[0, 0, 0] = np.datetime64("NaT", "ns")
    cases["exact_datetime64"] = ({}, days)
    return cases


def _jpeg2k_cases() -> dict[str, tuple[dict[str, Any], np.ndarray]]:
    """Those of `Jpeg2kCodec`; the names of lossy 9/7 wavelets, which are not exact, have a 97."""
    return {
        "jpeg2k_lossless": ({}, _counts("<u2", 900)),
        "jpeg2k_bands": ({"axes": "tcyx"}, np.rint(100 * _bands()).astype(">i2")),
        "jpeg2k_parts": ({}, _counts("<u4", 2**20)),
        "jpeg2k_bound": ({"max_error": 0.01}, _with_holes()),
        "jpeg2k_97": ({"psnr": 40}, _with_holes()),
        "jpeg2k_97_bands": ({"psnr": 40, "axes": "tcyx"}, _bands()),
        "jpeg2k_97_residual": ({"max_error": 0.5, "effort": 1}, _kelvin()),
        "htj2k_lossless": ({"htj2k": True}, _counts("u1", 60)),
        "htj2k_97": ({"htj2k": True, "rmse": 0.5}, _with_holes()),
    }


def cases() -> list[tuple[str, VideoCodec | Jpeg2kCodec, np.ndarray]]:
    """A name, a codec and an array for each fixture."""
    video = [(name, VideoCodec(**words), array) for name, (words, array) in _cases().items()]
    pictures = _jpeg2k_cases().items()
    return video + [(name, Jpeg2kCodec(**words), array) for name, (words, array) in pictures]


def write_fixtures(folder: Path) -> list[str]:
    """Write the fixtures that are not there yet, and return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, codec, array in cases():
        path = folder / f"{name}.ncv"
        if path.exists():
            continue
        payload = codec.encode(array)
        if len(payload) > LARGEST:
            raise SystemExit(f"{name} has {len(payload)} bytes: make it smaller")
        path.write_bytes(payload)
        np.save(path.with_suffix(".npy"), codec.decode(payload))
        print(f"{name}: {len(payload)} bytes, {parse_header(payload).candidate}")
        written.append(name)
    return written


if __name__ == "__main__":
    write_fixtures(Path(sys.argv[1]))
