"""Candidates encoded on a part of the chunk, to rank them before any is made in full."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from numcodecs_video.encode.candidates import Base, Candidate, encode_candidate, passes_of
from numcodecs_video.encode.encoded import EncodedChunk
from numcodecs_video.encode.levels import ChunkLevels
from numcodecs_video.progress import trying

__all__ = ["Trials", "start_trials"]

#: by how much a part makes pictures of several frames too small, of one band and of more
_DOUBT, _DOUBT_OF_BANDS = 1.04, 1.15


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
    part : float
        The part's share of the cells.
    sizes : dict
        Bytes of each candidate tried; infinite when it failed.
    made : dict, optional
        What was made of each, where the part is all of the chunk.
    """

    levels: ChunkLevels
    segments: int
    estimates: bool = False
    part: float = 1.0
    sizes: dict[Candidate, float] = field(default_factory=dict)
    made: dict[Candidate, EncodedChunk] | None = None

    def at_effort(self, effort: int) -> Trials:
        """Trials of the same part at another effort, or these where it is their own."""
        if effort == self.levels.chunk.effort.number:
            return self
        return replace(self, levels=self.levels.at_effort(effort), sizes={}, made=None)

    def size(self, candidate: Candidate) -> float:
        """Bytes of a candidate on the part, or an estimate of them."""
        if candidate not in self.sizes:
            with trying(self.levels.chunk.cube.size, passes_of(candidate)):
                self.sizes[candidate] = self._measure(candidate)
        return self.sizes[candidate]

    def _measure(self, candidate: Candidate) -> float:
        if isinstance(candidate, Base) and candidate.residual and self.estimates:
            found = encode_candidate(candidate.estimate, self.levels)
            return math.inf if found is None else self.weigh(*found)
        encoded = encode_candidate(candidate, self.levels)
        if encoded is not None and self.made is not None:
            self.made[candidate] = encoded
        return math.inf if encoded is None else self.weigh(encoded)

    def weigh(self, encoded: EncodedChunk, more: float = 0.0, *, doubt: bool = True) -> float:
        """Bytes of what was made of the part and more, what is shared counted for this part only.

        Where pictures are of several frames a part shows too little: components over time suit few
        segments better than many, and full encodes gain more on pictures of one frame.
        """
        shared = sum(map(len, encoded.sections[0])) if encoded.sections else 0
        beyond = shared * (1 - len(self.levels.chunk.segments) / self.segments)
        beyond += encoded.transform_size * (1 - self.part)
        size = encoded.size - beyond + more
        if encoded.transform.frames > 1 and doubt:
            size *= _DOUBT if self.levels.chunk.cube.shape[1] == 1 else _DOUBT_OF_BANDS
        return size

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
    share = part.chunk.cube.size / max(1, chunk.cube.size)
    all_of_it = share == 1 and effort == chunk.effort.number
    made = dict[Candidate, EncodedChunk]() if all_of_it else None
    return Trials(part, len(chunk.segments), chunk.effort.estimates, share, made=made)
