"""Which arrangements of pictures are worth trying, and in which order; not how one is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from numcodecs_video.coders.structure import PLAIN, RATIOS, TRIMS, Structure

__all__ = ["MOST_STRUCTURES", "search_structure"]

#: arrangements that are tried, unless a thorough search finds ever better ones
MOST_STRUCTURES = 16
_RUNS = (4, 8, 16)
#: temporal layers, each but the first with twice the pictures of the one below
_LAYERS = (3, 4, 5)
#: an arrangement that costs so many octaves more is given up
_FAR = 0.15


def search_structure(
    cost: Callable[[Structure], float],
    usual: Structure,
    *,
    key: bool,
    structured: bool,
    frames: int,
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
    quick : bool
        Go from the better choice of a key picture alone, of which only the usual one is tried.
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
    if not structured or frames < 2:
        return min(starts, key=cost_of)
    # With other ratios the other choice of a key picture may win, unless it is far behind.
    nearest, far = min(map(cost_of, starts)), 0.0 if quick else _FAR
    best = min(
        (_search_ratios(cost_of, s) for s in starts if cost_of(s) <= nearest + far), key=cost_of
    )
    for run in _RUNS[1:] if quick else _RUNS:
        if run >= frames or (run == _RUNS[-1] and best.run < _RUNS[-2]):
            break
        best = min(best, replace(best, run=run), key=cost_of)
    found = best if thorough else None
    while found is not None:
        best = found
        others = [other for other in _neighbours(best, frames) if key or not other.key]
        found = next((other for other in others if cost_of(other) < cost_of(best)), None)
    return best


def _search_ratios(cost: Callable[[Structure], float], best: Structure) -> Structure:
    """Walk over the ratios, upwards or else downwards, as long as it pays."""
    for step in (1, -1):
        while 0 <= best.ratios + step < len(RATIOS):
            other = replace(best, ratios=best.ratios + step)
            if cost(other) >= cost(best):
                break
            best = other
        if best.ratios != PLAIN:
            break
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
