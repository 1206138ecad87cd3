"""Pieces are spread, do not overlap, lie in one chunk each, and say how sure they are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("xarray")

from numcodecs_video.xarray.pieces import choose_pieces, uncertainty_of

CASES = {
    "one large chunk": ("tyx", (20, 700, 900), (20, 700, 900)),
    "large chunks": ("tyx", (50, 721, 1440), (50, 361, 360)),
    "small chunks": ("tcyx", (40, 6, 640, 640), (20, 2, 64, 64)),
    "time last": ("yxt", (800, 900, 12), (400, 450, 12)),
    "more dimensions": ("tcctyx", (4, 3, 2, 5, 300, 400), (4, 3, 2, 5, 300, 400)),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("count", [None, 1, 5])
def test_pieces(name, count):
    """Of any shape."""
    letters, shape, chunks = CASES[name]
    pieces, whole = choose_pieces(letters, shape, chunks, count)
    assert 1 <= len(pieces) <= (count or 8)
    seen = np.zeros(shape, np.uint8)
    for piece in pieces:
        seen[piece] += 1
        for part, size, chunk, letter in zip(piece, shape, chunks, letters, strict=True):
            assert 0 <= part.start < part.stop <= size
            assert part.start // chunk == (part.stop - 1) // chunk
            if whole or letter in "tc":
                assert part.start % chunk == 0
                assert part.stop in (size, part.start + chunk)
    assert seen.max() == 1


@pytest.mark.parametrize("axis", [1, 2])
def test_pieces_are_from_everywhere(axis):
    """Neither in one row nor in one column of chunks."""
    pieces, _ = choose_pieces("tyx", (8, 2048, 2048), (8, 256, 256))
    starts = sorted(piece[axis].start for piece in pieces)
    assert len(pieces) == 8
    assert starts[0] < 512
    assert starts[-1] >= 1280
    assert max(b - a for a, b in itertools.pairwise(starts)) <= 1024


def test_a_small_array_is_its_own_sample():
    """All chunks of it, unless fewer are wanted."""
    pieces, whole = choose_pieces("tyx", (8, 300, 300), (8, 100, 100))
    assert (len(pieces), whole) == (9, True)
    assert len(choose_pieces("tyx", (8, 300, 300), (8, 100, 100), 2)[0]) == 2


def test_what_differs_more_is_less_certain():
    """As is what was sampled less, and what was cut."""
    alike, apart = [1.0, 1.1, 0.9, 1.0], [1.0, 2.0, 0.2, 0.8]
    assert uncertainty_of(alike, 0.1, whole=True) < uncertainty_of(apart, 0.1, whole=True)
    assert uncertainty_of(apart, 0.9, whole=True) < uncertainty_of(apart, 0.1, whole=True)
    assert uncertainty_of(alike, 0.1, whole=True) < uncertainty_of(alike, 0.1, whole=False)
    assert uncertainty_of([0.5] * 3, 1.0, whole=True) == 0
