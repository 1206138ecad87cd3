"""Candidates coded on a part of the chunk, and what every search begins from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from numcodecs_video.candidates import Candidate, Direct, Split
from numcodecs_video.chunk import Chunk
from numcodecs_video.coded import Coded
from numcodecs_video.errors import DecodeError, VideoCodecError
from numcodecs_video.streams import jpeg2k
from numcodecs_video.streams.ffmpeg import CODERS
from numcodecs_video.structure import Structure
from numcodecs_video.work import DRAFT_EFFORT, Work

__all__ = [
    "Trials",
    "allows_base",
    "allows_key",
    "attempt",
    "base_coder",
    "direct_candidates",
    "split_candidates",
    "start_trials",
    "usual_structure",
]

#: cells of a trial, for each effort: enough to rank by, few enough to be cheap; at 9 all there are
_TRIAL_CELLS = (2e5, 2e5, 2e5, 2e5, 4e5, 8e5, 16e5, 64e5, math.inf)


def attempt(candidate: Candidate, work: Work) -> Coded | None:
    """Make a candidate; None when its coder fails at it.

    A failure with raw options is the user's to know of, so that one is raised.
    """
    try:
        return candidate(work)
    except VideoCodecError:
        if work.chunk.settings.options:
            raise
    except DecodeError:
        pass
    return None


@dataclass
class Trials:
    """Candidates coded on a part of the chunk, each once.

    Parameters
    ----------
    work : Work
        On the part.
    segments : int
        Of the whole chunk.
    sizes : dict
        Bytes of each candidate tried; infinite when it failed.
    """

    work: Work
    segments: int
    sizes: dict[Candidate, float] = field(default_factory=dict)

    def size(self, candidate: Candidate) -> float:
        """Bytes of a candidate on the part."""
        if candidate not in self.sizes:
            coded = attempt(candidate, self.work)
            self.sizes[candidate] = math.inf if coded is None else self.weigh(coded)
        return self.sizes[candidate]

    def weigh(self, coded: Coded) -> float:
        """Bytes of what was coded on the part, its shared section counted for this part only."""
        shared = sum(map(len, coded.sections[0])) if coded.sections else 0
        return coded.size - shared * (1 - len(self.work.chunk.segments) / self.segments)

    def ranked(self) -> list[Candidate]:
        """The candidates that worked, smallest first."""
        found = [c for c, size in self.sizes.items() if size < math.inf]
        return sorted(found, key=lambda c: self.sizes[c])


def start_trials(work: Work) -> Trials:
    """Trials on a part of the chunk."""
    cells = _TRIAL_CELLS[work.chunk.settings.effort - 1]
    return Trials(work.sample(cells), len(work.chunk.segments))


def base_coder(chunk: Chunk) -> str:
    """The coder of bases: the user's, or HEVC."""
    return "hevc" if chunk.settings.codec == "auto" else chunk.settings.codec


def allows_key(chunk: Chunk) -> bool:
    """Whether a key picture is possible."""
    coder = CODERS.get(base_coder(chunk))
    return coder is not None and coder.nal


def usual_structure(chunk: Chunk) -> Structure:
    """With a key picture where segments could share one."""
    return Structure(key=len(chunk.segments) > 1 and allows_key(chunk))


def allows_base(work: Work) -> bool:
    """Whether the coder is lossy, and decodes to the same bits everywhere where that matters."""
    codec = work.chunk.settings.codec
    return codec != "ffv1" and not (codec in jpeg2k.DEPTHS and work.exact_levels)


def direct_candidates(work: Work) -> list[Candidate]:
    """The coders without a base that the settings allow."""
    codec, effort = work.chunk.settings.codec, work.chunk.settings.effort
    if codec in jpeg2k.DEPTHS:
        return [Direct(codec)]
    if codec != "auto":
        return [Direct(codec), Direct(codec, delta=True)] if effort > 2 else [Direct(codec)]
    found: list[Candidate] = [Direct("jpegxl"), Direct("jpegxl", delta=True)]
    if effort > 3:
        found += [Direct("ffv1"), Direct("ffv1", delta=True)]
        if work.direct is not None and work.direct[1].top < 2**12:
            found.append(Direct("hevc"))
    return found


def split_candidates(work: Work) -> list[Candidate]:
    """Floats without loss in two parts: from the fewest low bits that leave pictures of 16 bits.

    None for other work, where they are no use: at low efforts, and where levels are pictures.
    """
    settings, direct = work.chunk.settings, work.direct
    if work.bound or settings.codec != "auto" or settings.effort < DRAFT_EFFORT:
        return []
    if direct is not None and direct[1].kind != "table" and direct[1].top < 2**16:
        return []
    if not work.is_float or work.ordered is None:
        return []
    least = max(0, work.ordered[1].top.bit_length() - 16)
    return [Split(low, delta) for low in range(least, 17, 3) for delta in (False, True)]
