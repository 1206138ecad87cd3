"""Which arrangements of pictures are worth trying, and in which order; not how one is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from numcodecs_video.coders.structure import PLAIN, RATIOS, TRIMS, Structure

__all__ = ["MOST_STRUCTURES", "finalists", "search_structure"]

#: arrangements that are tried, unless a thorough search finds ever better ones
MOST_STRUCTURES = 24
_RUNS = (4, 8, 16)
#: temporal layers, each but the first with twice the pictures of the one below
_LAYERS = (3, 4, 5)
#: an arrangement that costs so many octaves more is given up, and where the search is quick
_FAR, _NEARLY = 0.15, 0.04
#: pictures of one frame gain so many octaves by other ratios and runs, those of several less
_FAR_ALONE, _FAR_GROUPED = 0.4, 0.05
#: arrangements that sketches cannot tell apart: at most so many, within so many octaves; and one
#: that groups frames, which gains more when encoded well
_FINALISTS, _NEAR, _NEAR_GROUPED = 3, 0.14, 0.2


def finalists(costs: Mapping[Structure, float]) -> list[Structure]:
    """The few of the arrangements that crude encodes leave to better ones, the cheapest first."""
    ranked = sorted(costs, key=lambda structure: costs[structure])
    least = costs[ranked[0]]
    found = [each for each in ranked[:_FINALISTS] if costs[each] <= least + _NEAR]
    grouped = next((each for each in ranked if each.group > 1), None)
    if grouped is not None and costs[grouped] <= least + _NEAR_GROUPED:
        found.append(grouped)
    return list(dict.fromkeys(found))


def search_structure(
    cost: Callable[[Structure], float],
    usual: Structure,
    *,
    key: bool,
    structured: bool,
    frames: int,
    groups: Sequence[int] = (),
    quick: bool = False,
    thorough: bool = False,
) -> Structure:
    """Walk from the usual arrangement to one that costs less, one property after the other.

    Parameters
    ----------
    cost : callable
        What an arrangement costs, as a logarithm of base 2; called once for each.
    usual : Structure
        Where to begin.
    key : bool
        A key picture is possible.
    structured : bool
        The coder does as the arrangement says in all else, too.
    frames : int
        Frames of a segment.
    groups : sequence of int
        How many frames may be one picture; the first is tried first.
    quick : bool
        Go from the better choice of a key picture, or from both where they cost nearly the same,
        and try only the usual one.
    thorough : bool
        Go on over temporal layers and other key pictures, from the best to all its neighbours,
        until none is better.
    """
    known: dict[Structure, float] = {}

    def cost_of(structure: Structure) -> float:
        if structure not in known:
            known[structure] = cost(structure)
        return known[structure]

    starts = [usual]
    if key:
        trims = TRIMS[:1] if quick else TRIMS
        keyed = [replace(usual, key=True, trim=trim) for trim in trims]
        starts = [replace(usual, key=False), min(keyed, key=cost_of)]
    alone = min(starts, key=cost_of)
    grouped = _search_groups(cost_of, usual, groups, cost_of(alone) + _FAR)
    if not structured or frames < 2:
        return min(alone, grouped, key=cost_of)
    # With other ratios the other choice of a key picture may win, unless it is far behind.
    far = _NEARLY if quick else _FAR
    starts = [s for s in starts if cost_of(s) <= cost_of(alone) + far]
    if grouped.group > 1:
        if cost_of(alone) > cost_of(grouped) + _FAR_ALONE:
            starts = []
        if cost_of(grouped) <= cost_of(alone) + _FAR_GROUPED:
            starts.append(grouped)
    ends = [_search_ratios(cost_of, start, frames) for start in starts]
    kinds = [[end for end in ends if (end.group > 1) == several] for several in (False, True)]
    runs = _RUNS[1:] if quick else _RUNS
    firsts = [min(kind, key=cost_of) for kind in kinds if kind]
    best = min((_search_runs(cost_of, first, frames, runs) for first in firsts), key=cost_of)
    frames = -(-frames // best.group)
    found = best if thorough else None
    while found is not None:
        best = found
        others = [other for other in _neighbours(best, frames) if key or not other.key]
        found = next((other for other in others if cost_of(other) < cost_of(best)), None)
    return best


def _search_groups(
    cost: Callable[[Structure], float], alone: Structure, groups: Sequence[int], most: float
) -> Structure:
    """The best size of groups: the first or, if that costs no more than ``most``, of all.

    Larger ones, or else smaller ones, as long as each is better than the last.
    """
    if not groups:
        return alone
    best = replace(alone, group=groups[0])
    if cost(best) > most:
        return best
    larger = sorted(group for group in groups if group > best.group)
    smaller = sorted((group for group in groups if group < best.group), reverse=True)
    for others in (larger, smaller):
        start = best
        for group in others:
            other = replace(alone, group=group)
            if cost(other) >= cost(best):
                break
            best = other
        if best != start:
            break
    return best


def _search_ratios(cost: Callable[[Structure], float], best: Structure, frames: int) -> Structure:
    """Walk over the ratios, upwards or else downwards, as long as it pays."""
    for step in (1, -1) if frames > best.group else ():
        while 0 <= best.ratios + step < len(RATIOS):
            other = replace(best, ratios=best.ratios + step)
            if cost(other) >= cost(best):
                break
            best = other
        if best.ratios != PLAIN:
            break
    return best


def _search_runs(
    cost: Callable[[Structure], float], best: Structure, frames: int, runs: Sequence[int]
) -> Structure:
    """Walk over the runs of B pictures, ever longer, the longest only after the one before it."""
    for run in runs:
        if run >= -(-frames // best.group) or (run == _RUNS[-1] and best.run < _RUNS[-2]):
            break
        best = min(best, replace(best, run=run), key=cost)
    return best


def _neighbours(structure: Structure, frames: int) -> list[Structure]:
    """Arrangements that differ in one property."""
    runs = [(run, 0) for run in (0, *_RUNS) if run < frames]
    runs += [(0, layers) for layers in _LAYERS if 2 ** (layers - 1) <= frames]
    ratios = [structure.ratios - 1, structure.ratios + 1]
    found = [replace(structure, run=run, layers=layers) for run, layers in runs]
    found += [replace(structure, ratios=n) for n in ratios if 0 <= n < len(RATIOS)]
    found += [replace(structure, key=not structure.key, trim=TRIMS[0])]
    found += [replace(structure, trim=trim) for trim in TRIMS if structure.key]
    return [other for other in found if other != structure]
