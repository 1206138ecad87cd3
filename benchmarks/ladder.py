"""What each effort takes and gains, and the peers beside it: processor time and bytes.

What it measures: synthetic cubes (Sentinel-2-, ERA5-, radar- and microscopy-like), each cut into
four chunks, under a bound of 1 % of the range, without loss, and at 45 dB of each chunk. Rows of
efforts say what chunks take searched one by one, and tuned; rows of peers what the same chunks take
one by one at the same promise (``report/peers.py`` says how each is used, and what favours it).
Encodes count the processor seconds of all threads, for the codec its verification and tuning, too;
MB are of the array. Means over cubes are geometric; bytes are relative to effort 5 with a search in
each chunk. A peer that does not take every cube shows how many, and is relative to effort 5 on
those.

How to repeat it: ``python benchmarks/ladder.py``; ``--efforts``, ``--cubes`` and ``--promises``
choose some. ``--folder FOLDER`` measures real cubes instead, those of ``report/cubes.py`` whose
Zarr stores are there, cut to ``--cells``. Every payload is decoded and its promise checked: what
breaks it is named, and the exit status is 1 if that is the codec itself.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).parent / "report"))

from cubes import Case, make_case, real_cubes
from equal_promise import Figures, Promise, measure

from numcodecs_video import VideoCodec, synthetic
from numcodecs_video.cli.tables import new_table, print_table

SIDES = {"height": 192, "width": 224}
CUBES: dict[str, Callable[[], NDArray[Any]]] = {
    "Sentinel-2": lambda: synthetic.sentinel2_like(times=16, **SIDES),
    "ERA5": lambda: synthetic.era5_like(times=48, **SIDES),
    "radar": lambda: synthetic.radar_like(times=48, **SIDES),
    "microscopy": lambda: synthetic.microscopy_like(times=24, **SIDES),
}
NODATA = {"Sentinel-2": synthetic.NODATA}
PROMISES: dict[str, tuple[str, Callable[[Case], Promise]]] = {
    "bound": ("bound 1 %", lambda case: Promise("max_error", 0.01 * case.span)),
    "lossless": ("lossless", lambda case: Promise("lossless", 0.0)),
    "psnr": ("45 dB", lambda case: Promise("psnr", 45.0)),
}
REFERENCE = "effort 5"

#: what was measured, by codec and cube
Measured = dict[str, dict[str, Figures]]


def main() -> int:
    """Print a table a promise, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--efforts", type=int, nargs="*", default=list(range(1, 10)))
    parser.add_argument("--cubes", nargs="*", default=[""], help="words that their names hold")
    parser.add_argument("--promises", nargs="*", default=list(PROMISES), choices=list(PROMISES))
    parser.add_argument("--folder", type=Path, help="holds real cubes as Zarr stores")
    parser.add_argument("--cells", type=int, default=1_000_000, help="of a real cube, about")
    arguments = parser.parse_args()
    efforts = sorted({5, *arguments.efforts})
    cases = list(cases_of(arguments.folder, arguments.cells, arguments.cubes))
    if not cases:
        where = arguments.folder or "the synthetic cubes"
        parser.error(f"{where} has no cube whose name holds {' or '.join(arguments.cubes)}")
    warm_up()
    broken = False
    for promise in arguments.promises:
        broken |= print_promise(promise, efforts, cases)
    return 1 if broken else 0


def cases_of(folder: Path | None, cells: int, words: Sequence[str]) -> Iterator[Case]:
    """The cubes whose names hold one of the words."""
    if folder:
        yield from real_cubes(folder, cells, words)
        return
    for name, draw in CUBES.items():
        if any(word in name for word in words):
            yield make_case(name, draw(), NODATA.get(name))


def warm_up() -> None:
    """Load what the first use of a coder loads."""
    noise = np.random.default_rng(0).normal(size=(4, 80, 88))
    case = make_case("noise", (1000 + 100 * noise).astype(np.uint16))
    for _, promise_of in PROMISES.values():
        measure_ours(case, promise_of(case), [1], {}, {})
        measure_peers(case, promise_of(case), {})


def print_promise(kind: str, efforts: list[int], cases: Sequence[Case]) -> bool:
    """One table: a row an effort, then a row a peer; tell whether the codec broke the promise."""
    searched: Measured = defaultdict(dict)
    tuned: Measured = defaultdict(dict)
    peers: Measured = defaultdict(dict)
    title, promise_of = PROMISES[kind]
    failed = []
    for case in cases:
        measure_ours(case, promise_of(case), efforts, searched, tuned)
        failed += measure_peers(case, promise_of(case), peers)
    table = new_table(
        f"{title}: {', '.join(case.name for case in cases)}",
        ["codec"],
        ["bytes", "MB/s", "tuned: bytes", "MB/s", "decode MB/s"],
    )
    reference = searched[REFERENCE]
    for name, found in searched.items():
        bytes_and_speed = encodes(found, reference) + encodes(tuned[name], reference)
        table.add_row(name, *bytes_and_speed, decodes(tuned[name]))
    for name, found in peers.items():
        cubes = f" ({len(found)} of {len(cases)} cubes)" if len(found) < len(cases) else ""
        table.add_row(name + cubes, *encodes(found, reference), "–", "–", decodes(found))
    print_table(table)
    for line in [*failed, *breaches(searched), *breaches(tuned), *breaches(peers)]:
        print(f"  {line}")
    return any(breaches(searched)) or any(breaches(tuned))


def measure_ours(
    case: Case, promise: Promise, efforts: Sequence[int], searched: Measured, tuned: Measured
) -> None:
    """Measure every effort on one cube, with a search in each chunk and tuned."""
    chunks = quarters(case.array)
    for effort in efforts:
        codecs = [VideoCodec(effort=effort, **case.words, **promise.words)] * len(chunks)
        for measured, tune in ((searched, False), (tuned, True)):
            found = measure(codecs, chunks, promise, case.nodata, tune=tune)
            measured.setdefault(f"effort {effort}", {})[case.name] = found


def measure_peers(case: Case, promise: Promise, peers: Measured) -> list[str]:
    """Measure every peer on one cube; return a line for each that fails."""
    chunks = quarters(case.array)
    codecs: dict[str, list[Any]] = defaultdict(list)
    for chunk in chunks:
        for peer in promise.peers(chunk, case.nodata):
            codecs[peer.name].append(peer)
    failed = []
    for name, ones in codecs.items():
        try:
            found = measure(ones, chunks, promise, case.nodata)
        except Exception as error:  # noqa: BLE001 - whatever a peer raises must not end the run
            failed.append(f"left out: {name} on {case.name}: {type(error).__name__}: {error}")
        else:
            peers.setdefault(name, {})[case.name] = found
    return failed


def quarters(cube: NDArray[Any]) -> list[NDArray[Any]]:
    """Four chunks of a cube (T, [C,] Y, X)."""
    halves = [(slice(side // 2), slice(side // 2, None)) for side in cube.shape[-2:]]
    return [np.ascontiguousarray(cube[..., y, x]) for y in halves[0] for x in halves[1]]


def encodes(found: dict[str, Figures], reference: dict[str, Figures]) -> tuple[str, str]:
    """Bytes relative to the reference, and MB/s of encoding."""
    ratio = mean([figures.size / reference[cube].size for cube, figures in found.items()])
    return f"{ratio:.3f}", f"{mean([figures.encode for figures in found.values()]):.2f}"


def decodes(found: dict[str, Figures]) -> str:
    """MB/s of decoding."""
    return f"{mean([figures.decode for figures in found.values()]):.0f}"


def breaches(measured: Measured) -> list[str]:
    """A line for each cube on which a codec broke the promise."""
    return [
        f"BROKEN: {name} on {cube}: {figures.broken}"
        for name, found in measured.items()
        for cube, figures in found.items()
        if figures.broken
    ]


def mean(values: Sequence[float]) -> float:
    """Geometric."""
    return math.exp(sum(map(math.log, values)) / len(values))


if __name__ == "__main__":
    sys.exit(main())
