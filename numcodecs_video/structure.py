"""How the pictures of a video depend on each other and share the bits between them.

Knows the few arrangements worth trying and in which order; knows nothing of how one is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

__all__ = ["USUAL", "Structure", "search_structure"]

#: quantiser steps of P over I and of B over P pictures: from none to what smooth fields like
_RATIOS = ((1.0, 1.0), (1.4, 1.3), (2.5, 1.5), (4.0, 2.0), (6.0, 2.5))
_PLAIN = 1
_RUNS = (4, 8, 16)
#: temporal layers, each but the first with twice the pictures of the one below
_LAYERS = (3, 4, 5)
#: key pictures: the median, the interquartile mean, the mean
_TRIMS = (0.5, 0.25, 0.0)
#: an arrangement that costs so many octaves more is given up
_FAR = 0.15


@dataclass(frozen=True)
class Structure:
    """One arrangement.

    Parameters
    ----------
    key : bool
        Every segment is predicted from a picture that all share.
    ratios : int
        Entry of the table of quality ratios; for HEVC only, as are ``run`` and ``layers``.
    run : int
        B pictures between two P pictures; 0 lets the encoder choose, at most four.
    layers : int
        Temporal layers of a pyramid of B pictures, in runs of 3, 7 or 15; 0 is none.
    trim : float
        The part of the values that the key picture, a mean over time, leaves out at either end.
    """

    key: bool = False
    ratios: int = _PLAIN
    run: int = 0
    layers: int = 0
    trim: float = _TRIMS[0]

    def options(self, coder: str) -> tuple[tuple[str, str], ...]:
        """The encoder's raw options for it."""
        if coder != "hevc":
            return ()
        found = []
        if self.ratios != _PLAIN:
            intra, inter = _RATIOS[self.ratios]
            found += [("ipratio", f"{intra:g}"), ("pbratio", f"{inter:g}")]
        if self.run:
            found += [("b-adapt", "0"), ("bframes", str(self.run))]
        if self.layers:
            found += [("b-adapt", "0"), ("bframes", str(2 ** (self.layers - 1) - 1))]
            found += [("temporal-layers", str(self.layers))]
        return tuple(found)


#: what the encoder does by itself
USUAL = Structure()


def search_structure(
    cost: Callable[[Structure], float],
    coder: str,
    usual: Structure,
    *,
    key: bool,
    frames: int,
    thorough: bool = False,
) -> Structure:
    """Walk from the usual arrangement to one that costs less, one property after the other.

    Parameters
    ----------
    cost : callable
        What an arrangement costs, as a logarithm of base 2; called once for each.
    coder : str
    usual : Structure
        Where to begin.
    key : bool
        A key picture is possible.
    frames : int
        Frames of a segment.
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
        keyed = [replace(usual, key=True, trim=trim) for trim in _TRIMS]
        starts = [replace(usual, key=False), min(keyed, key=cost_of)]
    if coder != "hevc" or frames < 2:
        return min(starts, key=cost_of)
    # With other ratios the other choice of a key picture may win, unless it is far behind.
    nearest = min(map(cost_of, starts))
    best = min(
        (_search_ratios(cost_of, s) for s in starts if cost_of(s) <= nearest + _FAR), key=cost_of
    )
    for run in _RUNS:
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
        while 0 <= best.ratios + step < len(_RATIOS):
            other = replace(best, ratios=best.ratios + step)
            if cost(other) >= cost(best):
                break
            best = other
        if best.ratios != _PLAIN:
            break
    return best


def _neighbours(structure: Structure, frames: int) -> list[Structure]:
    """Arrangements that differ in one property."""
    runs = [(run, 0) for run in (0, *_RUNS) if run < frames]
    runs += [(0, layers) for layers in _LAYERS if 2 ** (layers - 1) <= frames]
    ratios = [structure.ratios - 1, structure.ratios + 1]
    found = [replace(structure, run=run, layers=layers) for run, layers in runs]
    found += [replace(structure, ratios=n) for n in ratios if 0 <= n < len(_RATIOS)]
    found += [replace(structure, key=not structure.key, trim=_TRIMS[0])]
    found += [replace(structure, trim=trim) for trim in _TRIMS if structure.key]
    return [other for other in found if other != structure]
