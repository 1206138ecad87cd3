"""The strategy of a bound: the smallest of a base with a residual, and of coders without a base.

Trials on a part of the chunk rank the candidates; the best few are made in full.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import NamedTuple

from numcodecs_video.coders import Structure
from numcodecs_video.encode.candidates import (
    MOST_QP,
    Base,
    Candidate,
    Direct,
    Exact,
    SplitFloats,
    allows_base,
    base_coder,
    base_depth,
    direct_candidates,
    finest_step,
    make_each,
    passes_of,
    possible_groups,
    quantiser_for,
    split_candidates,
    usual_structure,
)
from numcodecs_video.encode.chunk import Chunk
from numcodecs_video.encode.effort import Effort
from numcodecs_video.encode.encoded import EncodedChunk, Ranked
from numcodecs_video.encode.innovation import innovation
from numcodecs_video.encode.levels import ChunkLevels
from numcodecs_video.encode.plan import Plan, plan_base, plan_of
from numcodecs_video.encode.structure import MOST_STRUCTURES, finalists, search_structure
from numcodecs_video.encode.trials import Trials, start_trials
from numcodecs_video.metrics import value_range
from numcodecs_video.progress import DECODING, ENCODING, allot

__all__ = ["descend", "encode_bounded", "encode_quantised", "make_plan", "rank", "shortlist"]

#: candidates that a part shows within this factor of each other are too close to tell; with a base
#: of which the residual was only priced, those that are cheap to make within this one
_CLOSE, _CLOSE_CHEAP = 1.01, 1.12
#: the first step from the first guess at a base's quantiser
_WIDTH = 4
#: where thorough searches begin, around the first guess
_STARTS = (-4, 0, 4)
#: quantisers tried again with another structure, and without the KLT
_AGAIN, _AGAIN_WITHOUT_KLT = 4, 3
#: a candidate this much larger than the best is not worth a place in a plan
_NEAR = 1.1
#: pictures of several frames begin so many quantisers above the least: below, they cost much time
_FROM_LEAST = 3
#: a base up to so many times larger than the best may be smaller when pictures are of many frames,
#: floats in two parts by another number of low bits
_PERHAPS = 1.5
#: low bits of floats that are tried first, and how many are in all
_LOWS, _SPLITS = (6, 12), 6
#: bits a sample of the best without a base, over the innovation, from which a base is worth trying
_FAR_BEHIND = 4.5
#: quantisers drafted of the base whose arrangement sketches and drafts chose
_DRAFTS = 4
#: a chunk that takes so many times the bits of those that a plan was made of, and some bytes, is
#: searched
_OUT_OF_RANGE, _FEW_BYTES = 3.0, 500


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
    plan, exact = plan_of(chunk), levels.without_loss()
    if plan is not None and not chunk.tiny:
        ranked = Ranked(_planned(levels, plan))
    else:
        ranking = rank(levels)
        made = ranking.candidates[: ranking.keep]
        allot(sum(passes_of(each) + DECODING for each in made) * chunk.cube.size)
        encoded = make_each(ranking.candidates, levels, ranking.made)
        ranked = Ranked(encoded, ranking.keep)
    if exact is None:
        return ranked
    allot((1 + DECODING) * chunk.cube.size)
    first = islice(make_each(direct_candidates(exact), exact), 1)
    return Ranked(chain(first, ranked.encoded), ranked.keep + 1)


def _planned(levels: ChunkLevels, plan: Plan) -> Iterator[EncodedChunk]:
    """What a plan says, the smallest on a part first; what a search says where that is far off."""
    candidates, trials = plan.candidates(levels), None
    if _asks(levels.chunk) and any(isinstance(each, Base) for each in candidates):
        trials = _trials(levels)
        if not _may_pay(trials, levels):
            candidates = direct_candidates(levels)[:1]
    if len(candidates) > 1:
        trials = trials or _trials(levels)
        passes = [passes_of(each) for each in candidates]
        whole = (max(passes) + DECODING) * levels.chunk.cube.size
        allot(sum(passes) * trials.levels.chunk.cube.size + whole)
        candidates = sorted(candidates, key=trials.size)
    known = None if trials is None else trials.made
    most = _OUT_OF_RANGE * plan.rate * levels.chunk.cube.size / 8
    first, made = None, None
    for first in candidates:
        made = next(make_each([first], levels, known), None)
        if made is not None:
            break
    if made is not None and made.size <= most + _FEW_BYTES:
        yield made
        made = None
    ranking = rank(levels)
    others = [each for each in ranking.candidates if each != first]
    found = make_each(others, levels, ranking.made)
    if made is not None:
        rival = islice(found, 0 if ranking.candidates[:1] == [first] else 1)
        yield from sorted((made, *rival), key=lambda encoded: encoded.size)
    yield from found


def _asks(chunk: Chunk) -> bool:
    """Whether the effort asks what a base may gain before it tries one."""
    return chunk.settings.codec == "auto" and chunk.effort.innovation < math.inf


def _may_pay(trials: Trials, levels: ChunkLevels) -> bool:
    """Whether a base may be worth its time, at efforts that ask."""
    if levels.direct is None:
        return True
    novel = innovation(trials.levels)
    if novel > levels.chunk.effort.innovation:
        return False
    trials.size(direct_candidates(levels)[0])
    return trials.least_rate() >= _FAR_BEHIND * novel


def make_plan(chunk: Chunk, bound: float) -> Plan | None:
    """Search a chunk, and say what is worth making of its neighbours; None where nothing is.

    The smallest base and the smallest candidate without one, as far as either comes close.
    """
    relative = chunk.settings.fidelity.kind == "max_relative_error"
    levels = ChunkLevels(chunk, bound, relative=relative)
    if levels.direct is None and bound:
        return make_plan(chunk, 0)
    if chunk.tiny or (levels.direct is not None and levels.direct.constant):
        return None
    ranking = _search(levels, measured=True)
    if ranking.sizes is None:
        return None
    sizes = ranking.sizes
    near = [c for c in ranking.candidates if sizes[c] <= _NEAR * sizes[ranking.candidates[0]]]
    bases = [c for c in near if isinstance(c, Base)]
    others = [c for c in near if not isinstance(c, Base)][:1]
    return Plan(
        ranking.rate,
        plan_base(levels, bases[0]) if bases else None,
        tuple((c.coder, c.delta) for c in others if isinstance(c, Direct)),
        tuple(c.low for c in others if isinstance(c, SplitFloats)),
        any(isinstance(c, Exact) for c in others),
    )


def encode_quantised(chunk: Chunk, qp: int) -> Ranked:
    """Encode by a constant quantiser: one candidate."""
    coder = base_coder(chunk)
    span = value_range(chunk.cube, chunk.valid)
    levels = ChunkLevels(chunk, span / 2 ** base_depth(coder, chunk.settings.bits) * 8)
    base = Base(coder.name, qp, residual=False, structure=usual_structure(chunk))
    allot((ENCODING + DECODING) * chunk.cube.size)
    return Ranked(make_each([base], levels))


class Ranking(NamedTuple):
    """What a search found.

    Attributes
    ----------
    candidates : list of Candidate
        The most promising first.
    keep : int
        How many of them to choose among.
    sizes : dict, optional
        Bytes of each on the part that they were tried on; None where nothing was tried.
    rate : float
        Bits a sample of the best one there.
    made : dict, optional
        Those that are made already, since that part is all of the chunk.
    """

    candidates: list[Candidate]
    keep: int = 1
    sizes: dict[Candidate, float] | None = None
    rate: float = math.inf
    made: dict[Candidate, EncodedChunk] | None = None


def rank(levels: ChunkLevels) -> Ranking:
    """Search for the best candidates; where that is said to pay, as a lower effort would, too.

    Searches are rough, and one that sees more does not always find more.
    """
    found, lower = _search(levels), levels.chunk.effort.lower
    if not lower or found.sizes is None:
        return found
    other = _search(levels.sample(math.inf, lower))
    first = [c for c in other.candidates[:1] if c not in found.candidates[: found.keep]]
    others = [c for c in found.candidates if c not in first]
    return found._replace(candidates=first + others, keep=found.keep + len(first))


def _search(levels: ChunkLevels, *, measured: bool = False) -> Ranking:
    """The candidates that are worth it; ``measured`` even where there is but one."""
    chunk = levels.chunk
    direct = [] if levels.direct is None else direct_candidates(levels)
    if levels.direct is not None and levels.direct.constant:
        return Ranking(direct[:1])
    splits = split_candidates(levels)
    if not direct and not splits:
        return Ranking([])
    based, novel = allows_base(levels), 0.0
    lossless = not levels.bound and chunk.settings.codec == "auto"
    exact: list[Candidate] = [Exact()] if lossless else []
    if chunk.tiny:
        return Ranking([*direct, *exact], len(direct + exact))
    trials = _trials(levels)
    # What the adaptive coder takes tells whether a base can win; what a lossless video does not.
    named = chunk.settings.codec != "auto" and levels.bound > 0
    most_bits = math.inf if named else chunk.effort.base_rate
    if based and _asks(chunk):
        novel = innovation(trials.levels)
        based = novel <= chunk.effort.innovation
    if not (based or exact or splits or measured):
        return Ranking(list(direct))
    bases = _most_bases(chunk.effort) if based else 0
    tried = len(direct + exact + splits[:_SPLITS]) + bases * ENCODING
    searches = 2 if chunk.effort.lower else 1
    whole = chunk.effort.keep * ((ENCODING if bases else 1) + DECODING) * chunk.cube.size
    allot(searches * tried * trials.levels.chunk.cube.size + whole)
    for candidate in direct + exact:
        trials.size(candidate)
    _search_splits(trials, splits)
    if based and _FAR_BEHIND * novel <= trials.least_rate() <= most_bits:
        first = _first_quantiser(levels)
        if first is not None:
            _search_bases(trials, first, levels)
    ranked, keep = trials.ranked(), chunk.effort.keep
    if keep == 1:
        ranked, keep = shortlist(trials, ranked)
    return Ranking(ranked, keep, trials.sizes, trials.least_rate(), trials.made)


def _search_splits(trials: Trials, splits: Sequence[SplitFloats]) -> None:
    """Try how many bits of floats are low, unless other ways show that none does."""
    if not splits:
        return
    by_low = {split.low: split for split in splits}
    descend(
        lambda low: trials.size(by_low[low]),
        _LOWS,
        _SPLITS,
        least=min(by_low),
        most=max(by_low),
        hopeless=lambda: _PERHAPS * min(trials.sizes.values()),
        width=2,
    )


def _most_bases(effort: Effort) -> int:
    """How many bases a search tries at most."""
    if not effort.structures:
        return effort.quantisers + effort.groups
    structures = MOST_STRUCTURES * (4 if effort.thorough else 1)
    return effort.quantisers + structures + _AGAIN + _AGAIN_WITHOUT_KLT


def _trials(levels: ChunkLevels) -> Trials:
    effort = levels.chunk.effort
    return start_trials(levels, effort.trial_cells, effort.draft)


def shortlist(trials: Trials, ranked: Sequence[Candidate]) -> tuple[list[Candidate], int]:
    """The best candidate, and the next of another kind where a part cannot tell them apart.

    Of these, one without a base goes first where the best has one, and one with a base where it has
    none: what a part tells of them errs alike.
    """
    if not ranked:
        return [], 1
    best, *others = ranked

    def close(candidate: Candidate) -> bool:
        cheap = isinstance(best, Base) and not isinstance(candidate, Base)
        factor = _CLOSE_CHEAP if cheap else _CLOSE
        return trials.sizes[candidate] <= factor * trials.sizes[best]

    def doubt(candidate: Candidate) -> tuple[bool, bool]:
        alike = isinstance(candidate, Base) == isinstance(best, Base)
        return _kind(candidate) == _kind(best), alike or not close(candidate)

    others.sort(key=doubt)
    return [best, *others], 2 if others and close(others[0]) else 1


def _kind(candidate: Candidate) -> object:
    """What a part may misjudge: coders without a base, and the structures of bases."""
    return candidate.structure if isinstance(candidate, Base) else candidate


def _search_bases(trials: Trials, first: int, whole: ChunkLevels) -> None:
    """Try quantisers, and from the best of them structures; sketches, where they are crude, first.

    Sketches rank structures at the first guess at a quantiser, drafts find the quantisers of the
    best few: coarser ones than those of sketches, the more the better bases are encoded.
    """
    chunk, effort = trials.levels.chunk, whole.chunk.effort
    coder, usual = base_coder(chunk), usual_structure(chunk)
    sketches = trials.at_effort(effort.sketch) if effort.structures else trials
    crude = sketches is not trials

    def search(base: Base, starts: Sequence[int], budget: int) -> Base:
        narrow = base.structure != usual or base.without_klt or starts[0] != first
        best = descend(
            lambda qp: trials.size(replace(base, qp=qp)),
            starts,
            budget,
            width=2 if narrow and len(starts) == 1 else _WIDTH,
            least=coder.least_quantiser,
            hopeless=lambda: effort.hopeless * min(trials.sizes.values()),
        )
        return replace(base, qp=best)

    best = Base(coder.name, first, structure=usual)
    starts = [first + start for start in _STARTS] if effort.thorough else [first]
    best = search(best, starts, 1 if crude else effort.quantisers)
    least, groups = min(trials.sizes.values()), possible_groups(trials.levels)
    if trials.size(best) > _PERHAPS * least:
        return
    if not effort.structures:
        single = best
        for group in groups[: effort.groups] if chunk.cube.shape[1] == 1 else ():
            other = _arranged(single, replace(usual, group=group), whole)
            if trials.size(other) >= trials.size(best):
                del trials.sizes[other]  # it shall not be the second choice in place of the best
                break
            best = other
        return
    if trials.size(best) > effort.hopeless * least:
        grouped = [_arranged(best, replace(usual, group=n), whole) for n in groups[:1]]
        if all(trials.size(base) > effort.hopeless * least for base in grouped):
            return

    costs = dict[Structure, float]()

    def cost(structure: Structure) -> float:
        base = _arranged(best, structure, whole)
        if structure.group > 1 and base.qp < coder.least_quantiser + _FROM_LEAST:
            return math.inf
        costs[structure] = math.log2(max(1, sketches.size(base)))
        return costs[structure]

    found = search_structure(
        cost,
        usual,
        key=coder.key_picture,
        structured=coder.structured,
        frames=len(chunk.segments[0]),
        groups=groups,
        quick=effort.quick,
        thorough=effort.thorough,
    )
    if crude:
        best = min((_arranged(best, each, whole) for each in finalists(costs)), key=trials.size)
        best = search(best, [best.qp], _DRAFTS)
    elif found != usual:
        start = _arranged(best, found, whole)
        best = search(start, [start.qp], _AGAIN)
    mixed = best.structure.group == 1 and trials.levels.components().weights is not None
    if mixed and chunk.settings.pca == "auto":
        other = replace(best, without_klt=True)
        if not crude or trials.size(other) < trials.size(best):
            search(other, [best.qp], _AGAIN_WITHOUT_KLT)


def _arranged(base: Base, structure: Structure, levels: ChunkLevels) -> Base:
    """The same base with its pictures arranged otherwise, at the same step in levels."""
    coder = base_coder(levels.chunk)
    bits = base_depth(coder, levels.chunk.settings.bits)
    before, after = (finest_step(levels, bits, group=s.group) for s in (base.structure, structure))
    qp = round(base.qp + 6 * math.log2(before / after))
    return replace(base, qp=max(coder.least_quantiser, min(MOST_QP, qp)), structure=structure)


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
    most: int = MOST_QP,
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
    least, most : int
        The finest and the coarsest quantiser.
    hopeless : callable
        The size beyond which the best start is given up.
    width : int
        The first step from the best start.
    """
    tried = {max(least, min(most, qp)) for qp in starts}
    here = min(sorted(tried), key=size)
    if size(here) > hopeless():
        return here
    while len(tried) < budget and width:
        for there in (here + width, here - width):
            if there in tried or not least <= there <= most:
                continue
            tried.add(there)
            if size(there) < size(here):
                here = there
            break
        else:
            width //= 2
    return here
