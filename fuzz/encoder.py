"""Feed the encoder adversarial arrays, and hold every result to its promise in exact arithmetic.

What it measures: each case is an array of one awkward content, dtype and shape under one codec and
one promise. It must come back within the promise, with its missing cells exact, or be refused by a
``VideoCodecError`` or ``TypeError`` that says why, within five minutes. Anything else is a fault.

How to repeat it: ``python fuzz/encoder.py --cases 3000 --seed 0``. Case ``n`` of a seed
is the same on every run. The exit status is 1 if there is any fault.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from confinement import deadline
from numpy.typing import NDArray

import numcodecs_video
from numcodecs_video import VideoCodec, VideoCodecError
from numcodecs_video.cli.tables import new_table, print_table

DEADLINE = 300.0
KEPT, REFUSED = "promise kept", "refused"
SHAPES = (
    (1, 1), (1, 5000), (5000, 1), (1, 1, 1), (5000, 2, 2), (3, 1, 64), (2, 64, 1), (7, 16, 16),
    (4, 17, 33), (2, 3, 18, 20), (1, 9, 5, 7), (40, 8, 8), (3, 72, 72), (1, 1, 129),
)  # fmt: skip
DTYPES = ("i1", "u1", "<i2", ">u2", "<i4", "<u4", "<i8", ">u8", "<f2", "<f4", ">f4", "<f8", "?",
          "<M8[s]")  # fmt: skip
CODERS = ("auto", "auto", "hevc", "vp9", "ffv1", "av1", "h264", "jpeg2k")
Rng = np.random.Generator
Unit = NDArray[np.float64]


def _alternating(shape: tuple[int, ...], rng: Rng) -> Unit:
    return np.broadcast_to((np.arange(shape[0]) % 2 * 2.0 - 1)[(..., *[None] * (len(shape) - 1))],
                           shape).copy()  # fmt: skip


def _impulse(shape: tuple[int, ...], rng: Rng) -> Unit:
    values = np.zeros(shape)
    values.reshape(-1)[rng.integers(values.size)] = 1
    return values


#: each gives values of -1 to 1
CONTENTS: dict[str, Callable[[tuple[int, ...], Rng], Unit]] = {
    "constant": lambda shape, rng: np.full(shape, rng.uniform(-1, 1)),
    "impulse": _impulse,
    "checkerboard": lambda shape, rng: np.indices(shape).sum(0) % 2 * 2.0 - 1,
    "alternating frames": _alternating,
    "both ends": lambda shape, rng: rng.choice([-1.0, 1.0], shape),
    "noise": lambda shape, rng: rng.uniform(-1, 1, shape),
    "heavy tails": lambda shape, rng: np.clip(rng.standard_cauchy(shape) * 1e-4, -1, 1),
    "every magnitude": lambda shape, rng: (
        rng.choice([-1, 1], shape) * 10.0 ** rng.uniform(-300, 0, shape)
    ),
}
HOLES = ("none", "none", "mixed", "one valid cell", "all")


def make_array(rng: Rng) -> tuple[str, NDArray[Any]]:
    """An awkward array, and the name of its content."""
    shape, dtype = _pick(rng, SHAPES), np.dtype(_pick(rng, DTYPES))
    content = _pick(rng, list(CONTENTS))
    unit = CONTENTS[content](shape, rng)
    if dtype.kind == "b":
        return content, unit > 0
    if dtype.kind != "f":
        info = np.iinfo(f"i{dtype.itemsize}" if dtype.kind in "mM" else dtype)
        ends = (unit + 1) / 2 * (info.max - info.min) + info.min
        whole = [min(max(int(v), info.min), info.max) for v in ends.reshape(-1)]
        plain = np.array(whole, f"{'u' if info.min == 0 else 'i'}{dtype.itemsize}")
        return content, plain.reshape(shape).astype(plain.dtype.newbyteorder(dtype.byteorder)).view(
            dtype
        )
    limits = np.finfo(dtype)
    scale = float(_pick(rng, (1, 300, 1e-3, limits.max, limits.tiny, limits.smallest_subnormal)))
    offset = float(_pick(rng, (0, 0, 280, -0.5 * float(limits.max))))
    with np.errstate(over="ignore", under="ignore"):
        values = np.clip(unit * scale + offset, limits.min, limits.max).astype(dtype)
    return content, _punch(values, _pick(rng, HOLES), rng)


def _punch(values: NDArray[Any], holes: str, rng: Rng) -> NDArray[Any]:
    where = {
        "none": np.zeros(values.shape, bool),
        "mixed": rng.random(values.shape) < 0.3,
        "one valid cell": np.arange(values.size).reshape(values.shape) != rng.integers(values.size),
        "all": np.ones(values.shape, bool),
    }[holes]
    values[where] = rng.choice([np.nan, np.inf, -np.inf, np.nan], int(where.sum()))
    return values


def make_codec(rng: Rng, array: NDArray[Any]) -> tuple[Any, str, float]:
    """A codec, the promise that it makes, and the promise's value."""
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array.reshape(-1)
    number = array.dtype.kind in "iuf" and finite.size
    span = float(finite.max()) - float(finite.min()) if number else 1.0
    span = span if 0 < span < np.inf else 1.0
    kind = _pick(rng, ("lossless", "max_error", "max_error", "max_relative_error", "rmse", "psnr"))
    value: float = {
        "lossless": True,
        "max_error": _positive(span * float(_pick(rng, (2, 0.3, 0.01, 1e-5, 1e-12)))),
        "max_relative_error": float(_pick(rng, (0.5, 0.01, 1e-6))),
        "rmse": _positive(span * float(_pick(rng, (0.1, 1e-3, 1e-9)))),
        "psnr": float(_pick(rng, (10, 40, 90, 200))),
    }[kind]
    coder, effort = _pick(rng, CODERS), int(_pick(rng, (1, 1, 5)))
    words = {kind: value, "axes": _axes(rng, array.ndim), "effort": effort}
    if coder == "jpeg2k" and hasattr(numcodecs_video, "Jpeg2kCodec"):
        return numcodecs_video.Jpeg2kCodec(**words), kind, value
    name = "auto" if coder == "jpeg2k" else coder
    # A segment a frame of thousands is slow because that many encoders are opened.
    gop = _pick(rng, (None, 0, 1, 5) if max(array.shape) < 1000 else (None, 0))
    return VideoCodec(name, gop=gop, **words), kind, value


def _positive(bound: float) -> float:
    """The nearest number that a bound may be: twice the widest span is none, nor is nothing."""
    return min(max(bound, 5e-324), sys.float_info.max)


def _axes(rng: Rng, ndim: int) -> str:
    letters = list("tctc"[: ndim - 2] + "yx")
    rng.shuffle(letters)
    return "".join(letters)


def judge(codec: Any, kind: str, value: float, array: NDArray[Any]) -> str:
    """How an encode and a decode end; anything but the two constants is a fault."""
    before = array.tobytes()
    try:
        decoded = codec.decode(codec.encode(array))
    except (VideoCodecError, TypeError) as error:
        return REFUSED if str(error) else "refused without a word"
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return f"{type(error).__name__}: {error}"
    if array.tobytes() != before:
        return "changed its input"
    if (decoded.shape, decoded.dtype) != (array.shape, array.dtype):
        return "another shape or dtype"
    if kind == "lossless" or array.dtype.kind in "bM":
        return KEPT if decoded.tobytes() == before else "not lossless"
    valid = np.isfinite(array) if array.dtype.kind == "f" else np.ones(array.shape, bool)
    if decoded[~valid].tobytes() != array[~valid].tobytes():
        return "missing cells changed"
    return KEPT if _within(array[valid], decoded[valid], kind, value) else f"{kind} broken"


def _within(array: NDArray[Any], decoded: NDArray[Any], kind: str, value: float) -> bool:
    if not np.isfinite(decoded.astype("f8")).all():
        return False
    pairs = {
        (a, b) for a, b in zip(array.tolist(), decoded.tolist(), strict=True) if a != b
    }  # most cells repeat, or are equal
    if kind == "max_error":
        return all(abs(Fraction(a) - Fraction(b)) <= Fraction(value) for a, b in pairs)
    if kind == "max_relative_error":
        return all(
            abs(Fraction(a) - Fraction(b)) <= Fraction(value) * abs(Fraction(a)) for a, b in pairs
        )
    errors = [abs(float(Fraction(a) - Fraction(b))) for a, b in zip(
        array.tolist(), decoded.tolist(), strict=True)]  # fmt: skip
    largest = max(errors, default=0.0)
    if not largest:
        return True
    rmse = largest * float(np.sqrt(np.mean((np.array(errors) / largest) ** 2)))
    if kind == "psnr":
        span = float(Fraction(array.max().item()) - Fraction(array.min().item()))
        value = span * 10 ** (-value / 20)
    return rmse <= value * (1 + 1e-9)


def _pick(rng: Rng, items: Any) -> Any:
    return items[int(rng.integers(len(items)))]


def main() -> int:
    """Run all cases, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    counts: Counter[tuple[str, str]] = Counter()
    slowest, began = 0.0, time.perf_counter()
    for number in range(arguments.first, arguments.first + arguments.cases):
        rng = np.random.default_rng([arguments.seed, number])
        content, array = make_array(rng)
        codec, kind, value = make_codec(rng, array)
        started = time.perf_counter()
        deadline(DEADLINE)
        outcome = judge(codec, kind, value, array)
        deadline(0)
        slowest = max(slowest, time.perf_counter() - started)
        counts[content, outcome if outcome in (KEPT, REFUSED) else "faults"] += 1
        if outcome not in (KEPT, REFUSED):
            print(f"FAULT: case {number}: {outcome}: {codec!r}, {array.dtype.str} {array.shape}")
    table = new_table("", ["content"], ["cases", KEPT, REFUSED, "faults"])
    for content in CONTENTS:
        row = [counts[content, outcome] for outcome in (KEPT, REFUSED, "faults")]
        table.add_row(content, *map(str, (sum(row), *row)))
    print_table(table)
    faults = sum(n for (_, outcome), n in counts.items() if outcome == "faults")
    print(f"{counts.total()} cases, {faults} faults, {time.perf_counter() - began:.0f} s; "
          f"the slowest case took {slowest:.2f} s")  # fmt: skip
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
