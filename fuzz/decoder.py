"""Feed the decoder damaged, spliced, random and forged payloads, and count how each one ends.

What it measures: every case must end, within 5 seconds of processor time and within memory
proportional to the chunk that the payload declares, as an array of the declared shape and dtype or
as ``DecodeError``. Where a mutation leaves the checksums alone, an array is only right when it is
the original one. A read of one frame of the chunk must end in that frame or in ``DecodeError`` as
well. Cases run in worker processes that the kernel ends when they open a file or a socket, so a
crash, a hang and a leak are all noticed, and counted as faults.

How to repeat it: ``python fuzz/decoder.py --cases 200000 --seed 0``. Case ``n`` of a
seed is the same on every run. ``--coder adaptive`` forges payloads that have a layer of that coder,
and leaves out what checksums catch before any coder sees it. The exit status is 1 if there is any
fault; ``--keep FOLDER`` writes the payloads that did it.
"""

from __future__ import annotations

import argparse
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from confinement import (
    DEADLINE,
    FATE,
    bound_memory,
    deadline,
    forbid_files_and_network,
    peak_bytes,
)
from mutations import MUTATIONS, is_blind
from numpy.typing import NDArray
from seeds import load_bombs, load_seeds

from numcodecs_video import DecodeError, VideoCodec
from numcodecs_video.cli.tables import new_table, print_table
from numcodecs_video.decode.partial import PartialRead
from numcodecs_video.format.payload import parse_header

REFUSED, ARRAY, SAME = "DecodeError", "array as declared", "original array"
MEBIBYTE = 2**20
#: address space beyond that of a process which has decoded every seed
MEMORY = 1536 * MEBIBYTE
#: resident bytes that a case may take: so many, and so many a byte of the declared chunk
FIXED, PER_BYTE = 64 * MEBIBYTE, 128
BATCH = 5000
#: glibc asks the kernel for a setting, by a file, when an arena of a thread shrinks
ONE_ARENA = {**os.environ, "MALLOC_ARENA_MAX": "1"}


@dataclass
class Tally:
    """Outcomes by mutation, the slowest case, and the faults with their case numbers."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    slowest: float = 0.0
    watched: bool = True

    def add(self, line: str) -> int:
        """Count one line of a worker, and return the number of its case."""
        number, mutation, outcome, seconds = line.split("\t")
        self.outcomes[mutation, outcome] += 1
        self.slowest = max(self.slowest, float(seconds))
        if outcome not in (REFUSED, ARRAY, SAME):
            self.faults.append((int(number), mutation, outcome))
        return int(number)

    def merge(self, other: Tally) -> None:
        """Add what another batch counted."""
        self.outcomes += other.outcomes
        self.faults += other.faults
        self.slowest = max(self.slowest, other.slowest)
        self.watched &= other.watched


def _coders_of(payload: bytes) -> set[str]:
    return {layer.coder for layer in parse_header(payload).layers}


class Cases:
    """Numbered cases: the seeds in turn, a mutation and damage by the case's own generator."""

    def __init__(
        self, known: list[bytes], bombs: list[bytes], seed: int, coder: str | None
    ) -> None:
        self.known, self.seed = known, seed
        self.seeds = [s for s in known if coder in (None, *_coders_of(s))]
        self.others = self.seeds + 20 * bombs
        self.mutations = [m for m in MUTATIONS if coder is None or not is_blind(m)]

    def make(self, number: int) -> tuple[str, bytes, bytes, bool]:
        """The mutation's name, the payload, the original, and whether its array is demanded."""
        rng = np.random.default_rng([self.seed, number])
        original = self.seeds[int(rng.integers(len(self.seeds)))]
        other = self.others[int(rng.integers(len(self.others)))]
        mutation = self.mutations[number % len(self.mutations)]
        return mutation.__name__, mutation(rng, original, other), original, is_blind(mutation)


def judge(payload: bytes, original: bytes, blind: bool) -> str:
    """How decoding a payload ends; anything but the three constants is a fault."""
    before, declared = peak_bytes(), _declared_bytes(payload)
    try:
        outcome = _judge_whole(payload, original, blind)
        if outcome in (REFUSED, ARRAY, SAME):
            outcome = _judge_part(payload, original, blind) or outcome
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return f"{type(error).__name__}: {error}"[:120].replace("\t", " ").replace("\n", " ")
    return outcome if peak_bytes() - before <= FIXED + PER_BYTE * declared else "memory"


def _judge_whole(payload: bytes, original: bytes, blind: bool) -> str:
    try:
        array = VideoCodec().decode(payload)
    except DecodeError:
        return REFUSED
    header = parse_header(payload)
    if (array.shape, array.dtype) != (header.shape, np.dtype(header.dtype)):
        return "another shape or dtype than declared"
    right = _decoded(original)
    same = array.nbytes == right.nbytes and array.tobytes() == right.tobytes()
    return (
        "wrong array under untouched checksums" if blind and not same else SAME if same else ARRAY
    )


@cache
def _decoded(original: bytes) -> NDArray[Any]:
    return VideoCodec().decode(original)


def _judge_part(payload: bytes, original: bytes, blind: bool) -> str:
    """A fault of reading the middle of a chunk whose metadata are the original's, or nothing."""
    header = parse_header(original)
    if 0 in (header.shape or (0,)):
        return ""
    selection = (header.shape[0] // 2,)
    dtype = np.dtype(header.dtype)
    read = PartialRead(selection, header.shape, dtype, VideoCodec(gop=1).settings)
    try:
        while ranges := read.missing():
            read.add(ranges, [payload[slice(*r)] for r in ranges])
        part = read.decode()
    except DecodeError:
        return ""
    right = _decoded(original)[selection]
    if (part.shape, part.dtype.newbyteorder("=")) != (right.shape, right.dtype.newbyteorder("=")):
        return "a part of another shape or dtype than declared"
    # FFmpeg leaves samples that a forged packet lacks as the memory was: they may differ by call.
    return "wrong part" if blind and part.tobytes() != right.tobytes() else ""


def _declared_bytes(payload: bytes) -> int:
    try:
        return parse_header(payload).nbytes
    except DecodeError:
        return 0


def work(cases: Cases, start: int, stop: int) -> None:
    """Run cases in this process, which may not survive it; print a line for each."""
    for payload in cases.known:  # so that every coder is imported
        judge(payload, payload, True)
    bound_memory(MEMORY)
    print("watched" if forbid_files_and_network() else "not watched", flush=True)
    for number in range(start, stop):
        mutation, payload, original, blind = cases.make(number)
        print(f"{number}\t{mutation}", end="", flush=True)
        began = time.process_time()
        deadline(DEADLINE)
        outcome = judge(payload, original, blind)
        deadline(0)
        print(f"\t{outcome}\t{time.process_time() - began:.4f}", flush=True)


def run_batch(seeds: Path, start: int, stop: int) -> Tally:
    """Run cases in worker processes, a new one whenever one ends before its time."""
    tally = Tally()
    while start < stop:
        # Warnings are errors: nobody could act on them.
        command = [sys.executable, "-W", "error", __file__, "--worker", seeds, start, stop]
        done = subprocess.run(
            [*map(str, command)], env=ONE_ARENA, capture_output=True, text=True, check=False
        )
        head, *lines = done.stdout.splitlines() or [""]
        tally.watched &= head == "watched"
        for line in lines:
            if line.count("\t") == 3:
                start = tally.add(line) + 1
        if done.returncode and (not lines or lines[-1].count("\t") != 1):
            raise SystemExit(f"a worker failed outside of a case:\n{done.stderr}")
        if done.returncode:
            number, mutation = lines[-1].split("\t")
            fate = FATE.get(-done.returncode) or _signal_name(-done.returncode)
            tally.add(f"{number}\t{mutation}\t{fate}\t0")
            start = int(number) + 1
    return tally


def _signal_name(number: int) -> str:
    return f"crash: {signal.Signals(number).name}" if number > 0 else f"exit status {-number}"


def print_tally(tally: Tally, seconds: float) -> None:
    """Print how cases ended, a row for each mutation."""
    table = new_table("", ["mutation"], ["cases", REFUSED, ARRAY, SAME, "faults"])
    for mutation in (m.__name__ for m in MUTATIONS):
        counts = Counter({o: n for (m, o), n in tally.outcomes.items() if m == mutation})
        if not counts:
            continue
        good = [counts.pop(outcome, 0) for outcome in (REFUSED, ARRAY, SAME)]
        faults = counts.total()
        table.add_row(mutation, *map(str, (sum(good) + faults, *good, faults)))
    print_table(table)
    print(
        f"{tally.outcomes.total()} cases, {len(tally.faults)} faults, {seconds:.0f} s; "
        f"the slowest case took {tally.slowest:.2f} s; files and sockets were "
        f"{'forbidden' if tally.watched else 'not watched'}"
    )
    for (fault, mutation), count in Counter((f, m) for _, m, f in tally.faults).most_common():
        first = next(n for n, m, f in tally.faults if (f, m) == (fault, mutation))
        print(f"FAULT: {fault} ({mutation}, {count} times, first in case {first})")


def main() -> int:
    """Run all cases, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--coder", help="forge payloads that have a layer of it, and no others")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the payloads of faults")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("range", type=int, nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(Cases(*pickle.loads(arguments.worker.read_bytes())), *arguments.range)
        return 0
    began = time.perf_counter()
    tally = Tally()
    cases = list(load_seeds().values()), load_bombs(), arguments.seed, arguments.coder
    seeds = Cases(*cases).seeds
    if not seeds:
        parser.error(f"no payload to start from has a layer of {arguments.coder!r}")
    print(f"{len(seeds)} payloads to start from, {len(cases[1])} that expand")
    stop = arguments.first + arguments.cases
    starts = range(arguments.first, stop, BATCH)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.workers) as pool:
        file = Path(folder) / "seeds.pickle"
        file.write_bytes(pickle.dumps(cases))
        for part in pool.map(lambda n: run_batch(file, n, min(n + BATCH, stop)), starts):
            tally.merge(part)
    print_tally(tally, time.perf_counter() - began)
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        for number, mutation, _ in tally.faults:
            path = arguments.keep / f"{mutation}-{number}.ncv"
            path.write_bytes(Cases(*cases).make(number)[1])
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
