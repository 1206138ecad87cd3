"""Of what the pictures of a video are, how they depend on each other, and share the bits."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PLAIN", "RATIOS", "TRIMS", "USUAL", "Structure"]

#: quantiser steps of P over I and of B over P pictures: from none to what smooth fields like
RATIOS = ((1.0, 1.0), (1.4, 1.3), (2.5, 1.5), (4.0, 2.0), (6.0, 2.5))
#: the entry that encoders use by themselves
PLAIN = 1
#: key pictures: the interquartile mean, the median, the mean
TRIMS = (0.25, 0.5, 0.0)


@dataclass(frozen=True)
class Structure:
    """One arrangement.

    Parameters
    ----------
    key : bool
        Every segment is predicted from a picture that all share.
    ratios : int
        Entry of ``RATIOS``; for coders that are `structured`, as are ``run`` and ``layers``.
    run : int
        B pictures between two P pictures; 0 lets the encoder choose, at most four.
    layers : int
        Temporal layers of a pyramid of B pictures, in runs of 3, 7 or 15; 0 is none.
    trim : float
        The part of the values that the key picture, a mean over time, leaves out at either end.
    group : int
        Frames that are one picture: their bands are mixed as those of one frame are.
    """

    key: bool = False
    ratios: int = PLAIN
    run: int = 0
    layers: int = 0
    trim: float = TRIMS[0]
    group: int = 1


#: what the encoder does by itself
USUAL = Structure()
