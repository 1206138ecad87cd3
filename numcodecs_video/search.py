"""Which candidates to make for a bound or a quantiser: trials on a part of the chunk.

The pipeline makes the best few in full and keeps the smallest that passes verification.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from numcodecs_video.candidates import (
    MOST_QP,
    THOROUGH_EFFORT,
    Base,
    Candidate,
    Exact,
    base_depth,
    finest_step,
    least_quantiser,
    quantiser_for,
)
from numcodecs_video.chunk import Chunk
from numcodecs_video.quantise import value_range
from numcodecs_video.structure import search_structure
from numcodecs_video.trials import (
    Trials,
    allows_base,
    allows_key,
    base_coder,
    direct_candidates,
    split_candidates,
    start_trials,
    usual_structure,
)
from numcodecs_video.work import DRAFT_EFFORT, Work

__all__ = ["Plan", "plan_bounded", "plan_quantised"]

#: candidates that a part shows within this factor of each other are too close to tell
_CLOSE = 1.03
#: a base this much larger than the best of the others is given up
_HOPELESS = 1.3


@dataclass(frozen=True)
class Plan:
    """Candidates, the most promising first.

    Parameters
    ----------
    work : Work
        What they code.
    candidates : sequence of Candidate
    make : int
        How many to make in full.
    """

    work: Work
    candidates: Sequence[Candidate]
    make: int = 1


def plan_bounded(chunk: Chunk, bound: float) -> Plan:
    """Candidates for a largest error, or for lossless where ``bound`` is 0."""
    settings = chunk.settings
    work = Work(chunk, bound, relative=settings.fidelity.kind == "max_relative_error")
    if work.direct is None and bound:
        return plan_bounded(chunk, 0)  # the bound is below the precision of the dtype
    direct = [] if work.direct is None else direct_candidates(work)
    if work.direct is not None and work.direct[1].top == 0:
        return Plan(work, direct[:1])
    splits = split_candidates(work)
    if not direct and not splits:
        return Plan(work, [])
    first = _first_quantiser(work) if allows_base(work) else None
    exact: list[Candidate] = [Exact()] if not bound and settings.codec == "auto" else []
    if settings.effort == 1:
        quick: list[Candidate] = []
        if first is not None and first > 3:
            quick = [Base(base_coder(chunk), first, structure=usual_structure(chunk))]
        return Plan(work, [*quick, *exact, *direct], make=1 + len(exact))
    trials = start_trials(work)
    for candidate in direct + exact + splits:
        trials.size(candidate)
    if first is not None:
        _search_bases(trials, base_coder(chunk), first, settings.effort)
    ranked = trials.ranked()
    return Plan(work, ranked, make=3) if settings.effort > 6 else _shortlist(work, trials, ranked)


def _shortlist(work: Work, trials: Trials, ranked: list[Candidate]) -> Plan:
    """The best candidate, and the next of another kind where a part cannot tell them apart."""
    if not ranked:
        return Plan(work, [])
    best = ranked.pop(0)
    ranked.sort(key=lambda c: _kind(c) == _kind(best))
    close = ranked and trials.sizes[ranked[0]] <= _CLOSE * trials.sizes[best]
    return Plan(work, [best, *ranked], make=2 if close else 1)


def _kind(candidate: Candidate) -> object:
    """What a part may misjudge: coders without a base, and the structures of bases."""
    return candidate.structure if isinstance(candidate, Base) else candidate


def _search_bases(trials: Trials, coder: str, first: int, effort: int) -> None:
    """Try quantisers, and from the best of them structures."""
    usual = usual_structure(trials.work.chunk)
    starts = (first,) if effort < DRAFT_EFFORT else (first - 4, first, first + 4, first + 8)
    best = _descend(
        trials, lambda qp: Base(coder, qp, structure=usual), starts, effort + 3, width=2
    )
    if effort < DRAFT_EFFORT or trials.size(best) > _HOPELESS * min(trials.sizes.values()):
        return
    found = search_structure(
        lambda structure: math.log2(max(1, trials.size(replace(best, structure=structure)))),
        coder,
        usual,
        key=allows_key(trials.work.chunk),
        frames=len(trials.work.chunk.segments[0]),
        thorough=effort >= THOROUGH_EFFORT,
    )
    if found != usual:
        best = _descend(trials, lambda qp: Base(coder, qp, structure=found), [best.qp], 4, width=2)
    if trials.work.projection.weights is not None and trials.work.chunk.settings.pca == "auto":
        _descend(trials, lambda qp: replace(best, qp=qp, plain=True), [best.qp], 3, width=2)


def _first_quantiser(work: Work) -> int | None:
    """Where the search for the base's quantiser begins; None when there can be no base.

    A residual is sparse when the bound is some 2.7 times the base's root mean square error, which
    is at most the quantiser's step over the root of 12.
    """
    if work.fine is None or work.fine[1].top == 0:
        return None
    coder = base_coder(work.chunk)
    bits = base_depth(coder, work.chunk.settings.bits)
    step = 1.3 * max(work.residual_step / 2, 0.5)
    qp = quantiser_for(step, finest_step(work, bits), bits)
    return max(least_quantiser(coder), min(MOST_QP - 8, round(qp)))


def _descend(
    trials: Trials, base: Callable[[int], Base], starts: Sequence[int], budget: int, width: int
) -> Base:
    """Walk over quantisers to the smallest size, with ever smaller steps.

    Parameters
    ----------
    trials : Trials
    base : callable
        The base of a quantiser.
    starts : sequence of int
        Quantisers to try first: sizes are rough, and one start may end on a bump.
    budget : int
        How many quantisers to try at most.
    width : int
        The first step from the best start.
    """
    least = least_quantiser(base_coder(trials.work.chunk))
    tried = {max(least, min(MOST_QP, qp)) for qp in starts}
    here = min(sorted(tried), key=lambda qp: trials.size(base(qp)))
    if trials.size(base(here)) > _HOPELESS * min(trials.sizes.values()):
        return base(here)
    while len(tried) < budget and width:
        for there in (here + width, here - width):
            if there in tried or not least <= there <= MOST_QP:
                continue
            tried.add(there)
            if trials.size(base(there)) < trials.size(base(here)):
                here = there
            break
        else:
            width //= 2
    return base(here)


def plan_quantised(chunk: Chunk, qp: int) -> Plan:
    """The one candidate of a constant quantiser."""
    coder = base_coder(chunk)
    bits = base_depth(coder, chunk.settings.bits)
    span = value_range(chunk.cube, chunk.valid)

    base = Base(coder, qp, residual=False, structure=usual_structure(chunk))
    return Plan(Work(chunk, span / 2**bits * 8), [base])
