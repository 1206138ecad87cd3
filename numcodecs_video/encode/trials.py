"""Candidates encoded on a part of the chunk, to rank them before any is made in full."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from numcodecs_video.encode.candidates import Base, Candidate, encode_candidate, passes_of
from numcodecs_video.encode.encoded import EncodedChunk
from numcodecs_video.encode.levels import ChunkLevels
from numcodecs_video.progress import trying

__all__ = ["Trials", "start_trials"]


@dataclass
class Trials:
    """Candidates encoded on a part of the chunk, each once.

    Parameters
    ----------
    levels : ChunkLevels
        On the part.
    segments : int
        Of the whole chunk.
    estimates : bool
        Price residuals instead of encoding them.
    sizes : dict
        Bytes of each candidate tried; infinite when it failed.
    """

    levels: ChunkLevels
    segments: int
    estimates: bool = False
    sizes: dict[Candidate, float] = field(default_factory=dict)

    def size(self, candidate: Candidate) -> float:
        """Bytes of a candidate on the part, or an estimate of them."""
        if candidate not in self.sizes:
            with trying(self.levels.chunk.cube.size, passes_of(candidate)):
                self.sizes[candidate] = self._measure(candidate)
        return self.sizes[candidate]

    def _measure(self, candidate: Candidate) -> float:
        if isinstance(candidate, Base) and candidate.residual and self.estimates:
            found = encode_candidate(candidate.estimate, self.levels)
            return math.inf if found is None else self.weigh(found[0]) + found[1]
        encoded = encode_candidate(candidate, self.levels)
        return math.inf if encoded is None else self.weigh(encoded)

    def weigh(self, encoded: EncodedChunk) -> float:
        """Bytes of what was made of the part, its shared section counted for this part only."""
        shared = sum(map(len, encoded.sections[0])) if encoded.sections else 0
        return encoded.size - shared * (1 - len(self.levels.chunk.segments) / self.segments)

    def least_rate(self) -> float:
        """Bits a sample of the smallest so far; infinite when there is none."""
        return 8 * min(self.sizes.values(), default=math.inf) / max(1, self.levels.chunk.cube.size)

    def ranked(self) -> list[Candidate]:
        """The candidates that worked, smallest first."""
        found = [c for c, size in self.sizes.items() if size < math.inf]
        return sorted(found, key=lambda c: self.sizes[c])


def start_trials(levels: ChunkLevels, cells: float, effort: int) -> Trials:
    """Trials on a part of the chunk of about so many cells, at an effort of their own."""
    chunk = levels.chunk
    part = levels.sample(cells, effort)
    return Trials(part, len(chunk.segments), chunk.effort.estimates)
