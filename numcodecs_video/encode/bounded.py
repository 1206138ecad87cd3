"""The strategy of a bound: the smallest of a base with a residual, and of coders without a base.

Trials on a part of the chunk rank the candidates; the best few are made in full.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from numcodecs_video.encode.candidates import (
    MOST_QP,
    Base,
    Candidate,
    Exact,
    allows_base,
    base_coder,
    base_depth,
    direct_candidates,
    encode_candidate,
    finest_step,
    quantiser_for,
    split_candidates,
    usual_structure,
)
from numcodecs_video.encode.chunk import Chunk
from numcodecs_video.encode.encoded import EncodedChunk, Ranked
from numcodecs_video.encode.levels import ChunkLevels
from numcodecs_video.encode.structure import search_structure
from numcodecs_video.encode.trials import Trials, start_trials
from numcodecs_video.metrics import value_range

__all__ = ["descend", "encode_bounded", "encode_quantised", "shortlist"]

#: candidates that a part shows within this factor of each other are too close to tell
_CLOSE = 1.03
#: the first step from the first guess at a base's quantiser
_WIDTH = 4
#: where thorough searches begin, around the first guess
_STARTS = (-4, 0, 4)
#: quantisers tried again with another structure, and without the KLT
_AGAIN, _AGAIN_WITHOUT_KLT = 4, 3
#: a first guess at so fine a quantiser says that a base is no use to effort 1
_LEAST_QUICK = 3


def encode_bounded(chunk: Chunk, bound: float) -> Ranked:
    """Encode under a largest error, or without loss where ``bound`` is 0.

    Parameters
    ----------
    chunk : Chunk
    bound : float
        In the data's units, or a fraction of each value where the fidelity is relative.
    """
    relative = chunk.settings.fidelity.kind == "max_relative_error"
    levels = ChunkLevels(chunk, bound, relative=relative)
    if levels.direct is None and bound:
        return encode_bounded(chunk, 0)  # the bound is below the precision of the dtype
    candidates, keep = _rank(levels)
    return Ranked(_made(candidates, levels), keep)


def encode_quantised(chunk: Chunk, qp: int) -> Ranked:
    """Encode by a constant quantiser: one candidate."""
    coder = base_coder(chunk)
    span = value_range(chunk.cube, chunk.valid)
    levels = ChunkLevels(chunk, span / 2 ** base_depth(coder, chunk.settings.bits) * 8)
    base = Base(coder.name, qp, residual=False, structure=usual_structure(chunk))
    return Ranked(_made([base], levels))


def _made(candidates: Iterable[Candidate], levels: ChunkLevels) -> Iterator[EncodedChunk]:
    for candidate in candidates:
        encoded = encode_candidate(candidate, levels)
        if encoded is not None:
            yield encoded


def _rank(levels: ChunkLevels) -> tuple[list[Candidate], int]:
    """Candidates, the most promising first, and how many of them to choose among."""
    chunk = levels.chunk
    direct = [] if levels.direct is None else direct_candidates(levels)
    if levels.direct is not None and levels.direct.constant:
        return direct[:1], 1
    splits = split_candidates(levels)
    if not direct and not splits:
        return [], 1
    first = _first_quantiser(levels) if allows_base(levels) else None
    lossless = not levels.bound and chunk.settings.codec == "auto"
    exact: list[Candidate] = [Exact()] if lossless else []
    if chunk.tiny:
        return [*direct, *exact], len(direct + exact)
    coder = base_coder(chunk)
    if not chunk.effort.search:
        quick: list[Candidate] = []
        if first is not None and first > _LEAST_QUICK:
            quick = [Base(coder.name, first, structure=usual_structure(chunk))]
        return [*quick, *exact, *direct], 1 + len(exact)
    trials = start_trials(levels, chunk.effort.trial_cells)
    for candidate in direct + exact + splits:
        trials.size(candidate)
    if first is not None and trials.least_rate() <= chunk.effort.base_rate:
        _search_bases(trials, first, levels)
    ranked = trials.ranked()
    return (ranked, chunk.effort.keep) if chunk.effort.keep > 1 else shortlist(trials, ranked)


def shortlist(trials: Trials, ranked: Sequence[Candidate]) -> tuple[list[Candidate], int]:
    """The best candidate, and the next of another kind where a part cannot tell them apart."""
    if not ranked:
        return [], 1
    best, *others = ranked
    others.sort(key=lambda c: _kind(c) == _kind(best))
    close = others and trials.sizes[others[0]] <= _CLOSE * trials.sizes[best]
    return [best, *others], 2 if close else 1


def _kind(candidate: Candidate) -> object:
    """What a part may misjudge: coders without a base, and the structures of bases."""
    return candidate.structure if isinstance(candidate, Base) else candidate


def _search_bases(trials: Trials, first: int, whole: ChunkLevels) -> None:
    """Try quantisers, and from the best of them structures."""
    chunk, effort = trials.levels.chunk, whole.chunk.effort
    coder, usual = base_coder(chunk), usual_structure(chunk)

    def search(base: Callable[[int], Base], starts: Sequence[int], budget: int) -> Base:
        best = descend(
            lambda qp: trials.size(base(qp)),
            starts,
            budget,
            width=2 if len(starts) == 1 and starts[0] != first else _WIDTH,
            least=coder.least_quantiser,
            hopeless=lambda: effort.hopeless * min(trials.sizes.values()),
        )
        return base(best)

    starts = [first + start for start in _STARTS] if effort.thorough else [first]
    best = search(lambda qp: Base(coder.name, qp, structure=usual), starts, effort.quantisers)
    if not effort.structures or trials.size(best) > effort.hopeless * min(trials.sizes.values()):
        return
    found = search_structure(
        lambda structure: math.log2(max(1, trials.size(replace(best, structure=structure)))),
        usual,
        key=coder.key_picture,
        structured=coder.structured,
        frames=len(chunk.segments[0]),
        quick=effort.quick,
        thorough=effort.thorough,
    )
    if found != usual:
        best = search(lambda qp: Base(coder.name, qp, structure=found), [best.qp], _AGAIN)
    mixed = trials.levels.components().weights is not None
    if mixed and chunk.settings.pca == "auto":
        search(lambda qp: replace(best, qp=qp, without_klt=True), [best.qp], _AGAIN_WITHOUT_KLT)


def _first_quantiser(levels: ChunkLevels) -> int | None:
    """Where the search for the base's quantiser begins; None when there can be no base.

    A residual is cheap when the bound is some 1.7 times the base's root mean square error, which
    is at most the quantiser's step over the root of 12.
    """
    if levels.fine is None or levels.fine.constant:
        return None
    coder = base_coder(levels.chunk)
    bits = base_depth(coder, levels.chunk.settings.bits)
    step = 2.06 * max(levels.residual_step / 2, 0.5)
    qp = quantiser_for(step, finest_step(levels, bits), bits)
    return max(coder.least_quantiser, min(MOST_QP - _WIDTH, round(qp)))


def descend(
    size: Callable[[int], float],
    starts: Sequence[int],
    budget: int,
    *,
    least: int,
    hopeless: Callable[[], float] = lambda: math.inf,
    width: int = _WIDTH,
) -> int:
    """Walk over quantisers to the smallest size, with ever smaller steps.

    Parameters
    ----------
    size : callable
        Bytes at a quantiser.
    starts : sequence of int
        Quantisers to try first: sizes are rough, and one start may end on a bump.
    budget : int
        How many quantisers to try at most.
    least : int
        The finest quantiser; ``MOST_QP`` is the coarsest.
    hopeless : callable
        The size beyond which the best start is given up.
    width : int
        The first step from the best start.
    """
    tried = {max(least, min(MOST_QP, qp)) for qp in starts}
    here = min(sorted(tried), key=size)
    if size(here) > hopeless():
        return here
    while len(tried) < budget and width:
        for there in (here + width, here - width):
            if there in tried or not least <= there <= MOST_QP:
                continue
            tried.add(there)
            if size(there) < size(here):
                here = there
            break
        else:
            width //= 2
    return here
