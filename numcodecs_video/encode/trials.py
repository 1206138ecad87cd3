"""Candidates encoded on a part of the chunk, to rank them before any is made in full."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from numcodecs_video.encode.candidates import Candidate, encode_candidate
from numcodecs_video.encode.encoded import EncodedChunk
from numcodecs_video.encode.levels import ChunkLevels

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
    sizes : dict
        Bytes of each candidate tried; infinite when it failed.
    """

    levels: ChunkLevels
    segments: int
    sizes: dict[Candidate, float] = field(default_factory=dict)

    def size(self, candidate: Candidate) -> float:
        """Bytes of a candidate on the part."""
        if candidate not in self.sizes:
            encoded = encode_candidate(candidate, self.levels)
            self.sizes[candidate] = math.inf if encoded is None else self.weigh(encoded)
        return self.sizes[candidate]

    def weigh(self, encoded: EncodedChunk) -> float:
        """Bytes of what was made of the part, its shared section counted for this part only."""
        shared = sum(map(len, encoded.sections[0])) if encoded.sections else 0
        return encoded.size - shared * (1 - len(self.levels.chunk.segments) / self.segments)

    def ranked(self) -> list[Candidate]:
        """The candidates that worked, smallest first."""
        found = [c for c, size in self.sizes.items() if size < math.inf]
        return sorted(found, key=lambda c: self.sizes[c])


def start_trials(levels: ChunkLevels) -> Trials:
    """Trials on a part of the chunk."""
    chunk = levels.chunk
    return Trials(levels.sample(chunk.effort.trial_cells), len(chunk.segments))
