"""Which candidates to make in full, and at which quantiser: trials on a part, and a rate model.

Trials code a run of frames from the middle of the chunk, videos by a quick preset. The pipeline
makes the best few in full and keeps the smallest that passes verification.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from numcodecs_video.candidates import (
    DRAFT_EFFORT,
    Base,
    Candidate,
    Direct,
    Exact,
    Work,
    base_depth,
    finest_step,
    least_quantiser,
    quantiser_for,
    quantiser_step,
)
from numcodecs_video.chunk import Chunk
from numcodecs_video.coded import Coded
from numcodecs_video.errors import DecodeError, VideoCodecError
from numcodecs_video.quantise import value_range
from numcodecs_video.realised import mean_square_difference
from numcodecs_video.streams import jpeg2k

__all__ = ["Plan", "attempt", "plan_bounded", "plan_distortion", "plan_quantised"]

#: cells of a trial: enough to rank by, few enough to be cheap
_TRIAL_CELLS = 600_000
#: full encodes to meet a distortion, for each effort
_ENCODES = (2, 3, 3, 4, 4, 5, 6, 7, 8)
_MOST_QP = 51
#: of a target, what may be used where decoders differ by a sample here and there
_DRIFT_MARGIN = 0.999


@dataclass(frozen=True)
class Plan:
    """Candidates, the most promising first.

    Parameters
    ----------
    work : Work
        What they code.
    candidates : sequence of Candidate
    make : int
        How many to make in full.
    """

    work: Work
    candidates: Sequence[Candidate]
    make: int = 1


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
    sizes : dict
        Bytes of each candidate tried; infinite when it failed.
    """

    work: Work
    sizes: dict[Candidate, float] = field(default_factory=dict)

    def size(self, candidate: Candidate) -> float:
        """Bytes of a candidate on the part."""
        if candidate not in self.sizes:
            quick = candidate
            if isinstance(candidate, Base):
                quick = replace(
                    candidate, effort=min(DRAFT_EFFORT, self.work.chunk.settings.effort)
                )
            coded = attempt(quick, self.work)
            self.sizes[candidate] = math.inf if coded is None else coded.size
        return self.sizes[candidate]

    def ranked(self) -> list[Candidate]:
        """The candidates that worked, smallest first."""
        found = [c for c, size in self.sizes.items() if size < math.inf]
        return sorted(found, key=lambda c: self.sizes[c])


def start_trials(work: Work) -> Trials:
    """Trials on a run of frames from the middle of the chunk."""
    frames, *plane = work.chunk.cube.shape
    count = min(frames, max(4, _TRIAL_CELLS // math.prod(plane), frames // 4))
    start = (frames - count) // 2
    return Trials(work.part(range(start, start + count)))


def plan_bounded(chunk: Chunk, bound: float) -> Plan:
    """Candidates for a largest error, or for lossless where ``bound`` is 0."""
    settings = chunk.settings
    work = Work(chunk, bound, relative=settings.fidelity.kind == "max_relative_error")
    if work.direct is None and bound:
        return plan_bounded(chunk, 0)  # the bound is below the precision of the dtype
    if work.direct is None:
        return Plan(work, [])
    direct = _direct_candidates(work)
    if work.direct[1].top == 0:
        return Plan(work, direct[:1])
    first = _first_quantiser(work) if _allows_base(work) else None
    if settings.effort == 1:
        quick = [Base(_base_coder(chunk), first)] if first is not None and first > 3 else []
        return Plan(work, [*quick, *direct])
    trials = start_trials(work)
    others: list[Candidate] = [Exact()] if not bound and settings.codec == "auto" else []
    for candidate in direct + others:
        trials.size(candidate)
    if first is not None:
        coder = _base_coder(chunk)
        _descend(trials, lambda qp: Base(coder, qp), first, budget=settings.effort - 1)
    return Plan(work, trials.ranked(), make=1 if settings.effort < 7 else 3)


def _allows_base(work: Work) -> bool:
    """Whether the coder is lossy, and decodes to the same bits everywhere where that matters."""
    codec = work.chunk.settings.codec
    return codec != "ffv1" and not (codec in jpeg2k.DEPTHS and work.exact_levels)


def _base_coder(chunk: Chunk) -> str:
    return "hevc" if chunk.settings.codec == "auto" else chunk.settings.codec


def _direct_candidates(work: Work) -> list[Candidate]:
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


def _first_quantiser(work: Work) -> int | None:
    """Where the search for the base's quantiser begins; None when there can be no base.

    A residual is sparse when the bound is some 2.7 times the base's root mean square error, which
    is at most the quantiser's step over the root of 12.
    """
    if work.fine is None or work.fine[1].top == 0:
        return None
    coder = _base_coder(work.chunk)
    bits = base_depth(coder, work.chunk.settings.bits)
    step = 1.3 * max(work.residual_step / 2, 0.5)
    qp = quantiser_for(step, finest_step(work, bits), bits)
    return max(least_quantiser(coder), min(_MOST_QP - 8, round(qp)))


def _descend(
    trials: Trials, candidate: Callable[[int], Candidate], first: int, budget: int
) -> None:
    """Walk over at most ``budget`` quantisers to the smallest size, with ever smaller steps."""
    here, width, tried = first, 4, {first}
    least = least_quantiser(_base_coder(trials.work.chunk))
    trials.size(candidate(here))
    while len(tried) < budget and width:
        for there in (here + width, here - width):
            if there in tried or not least <= there <= _MOST_QP:
                continue
            tried.add(there)
            if trials.size(candidate(there)) < trials.size(candidate(here)):
                here = there
            break
        else:
            width //= 2


def plan_quantised(chunk: Chunk, qp: int) -> Plan:
    """The one candidate of a constant quantiser."""
    coder = _base_coder(chunk)
    bits = base_depth(coder, chunk.settings.bits)
    span = value_range(chunk.cube, chunk.valid)
    return Plan(Work(chunk, span / 2**bits * 8), [Base(coder, qp, residual=False)])


def plan_distortion(chunk: Chunk, rmse: float, slack: float) -> Plan:
    """Candidates whose root mean square error over valid cells is at most ``rmse``.

    Parameters
    ----------
    chunk : Chunk
    rmse : float
        In the data's units.
    slack : float
        The mean square error may fall below the target by this factor.
    """
    direct = Work(chunk, _uniform_bound(chunk, rmse))
    candidates = _direct_candidates(direct)
    work, codec, found = Work(chunk, 4 * rmse), chunk.settings.codec, None
    if _allows_base(work) and work.fine is not None and work.fine[1].top:
        if codec in jpeg2k.DEPTHS:
            rmse *= _DRIFT_MARGIN
        found = attempt(lambda base: _meet_distortion(base, rmse, slack), work)
    if found is None and chunk.settings.effort == 1:
        return Plan(direct, candidates)
    trials = start_trials(direct)
    ranked = sorted(candidates, key=trials.size)
    if found is None:
        return Plan(direct, ranked)
    whole = trials.size(ranked[0]) / trials.work.chunk.cube.size * chunk.cube.size
    first = 1 if whole < found.size else 0
    return Plan(direct, [*ranked[:first], _Made(found), *ranked[first:]])


@dataclass(frozen=True)
class _Made:
    """A candidate that has been made already."""

    coded: Coded

    def __call__(self, work: Work) -> Coded:
        return self.coded


def _uniform_bound(chunk: Chunk, rmse: float) -> float:
    """The bound of uniform quantisation whose error has this root mean square.

    A step ``s`` makes ``s**2 / 12``; among integers, errors up to ``b`` make ``b * (b + 1) / 3``.
    """
    if chunk.cube.dtype.kind == "f":
        return math.sqrt(3) * rmse * 0.995
    return math.floor((math.sqrt(1 + 12 * rmse**2) - 1) / 2)


def _meet_distortion(work: Work, rmse: float, slack: float) -> Coded | None:
    """Encode a base at one or a few steps until its error is within the slack below ``rmse``.

    From effort 6 on, where an encode is slow, drafts find the step and decide on the key picture;
    the encode in full then needs one try, or two.
    """
    if work.fine is None:
        return None
    target = (rmse / float(work.fine[1].step)) ** 2
    aim = math.log2(target * (1 + slack) / 2)
    guess = _Approach(None, 0.5 * (math.log2(12) + aim) + 0.1, None)
    tries = _ENCODES[work.chunk.settings.effort - 1]
    if work.chunk.settings.effort > 5:
        guess = _approach(work, guess, target, slack, tries, effort=DRAFT_EFFORT)
    return _approach(work, guess, target, slack, tries + 2).coded


@dataclass(frozen=True)
class _Approach:
    """Where a search for a distortion stands: the best so far, the next step (log2), the key."""

    coded: Coded | None
    step: float
    key: bool | None


def _approach(
    work: Work, start: _Approach, target: float, slack: float, tries: int, effort: int | None = None
) -> _Approach:
    """Encode until the mean square error (in levels) is within the slack below the target."""
    if work.fine is None:
        return start
    coder, settings = _base_coder(work.chunk), work.chunk.settings
    bits = base_depth(coder, settings.bits)
    finest = finest_step(work, bits)
    valid = np.broadcast_to(work.chunk.valid, work.fine[0].shape)
    aim = math.log2(target * (1 + slack) / 2)
    known: list[tuple[float, float]] = []
    least = math.log2(finest * quantiser_step(least_quantiser(coder), bits))
    most = max(least, math.log2(work.fine[1].top + 1))  # one step holds every level
    step, key, best = start.step, start.key, None
    for _ in range(tries):
        if step < least and any(tried <= least for tried, _ in known):
            break  # the finest quantiser was not enough
        step = min(max(step, least), most)
        qp = min(_MOST_QP, math.floor(quantiser_for(2**step, finest, bits) + 1e-9))
        sample_step = 2**step / quantiser_step(qp, bits)
        base = Base(coder, qp, sample_step, residual=False, key=key, effort=effort)
        coded, predicted = base.predict(work, work.fine)
        key = coded.layers[-1].key
        reached = mean_square_difference(predicted, work.fine[0], valid)
        if reached <= target and (best is None or coded.size < best.size):
            best = coded
        if target * slack <= reached <= target:
            break
        if reached <= target and (qp == _MOST_QP or step == most):
            break
        known.append((step, math.log2(max(reached, 1e-9))))
        step = _next_step(known, aim)
    return _Approach(best, step, key)


def _next_step(known: Sequence[tuple[float, float]], aim: float) -> float:
    """The next step (log2) towards an error (log2) of ``aim``.

    Between the nearest steps on either side of the aim, where there are both; else onwards by the
    slope of the last two points, or by 1.7 octaves of error an octave of the step: between the 2 of
    high rates and the 1 of low ones.
    """
    below = max((p for p in known if p[1] <= aim), default=None)
    above = min((p for p in known if p[1] > aim), default=None)
    if below is not None and above is not None:
        part = (aim - below[1]) / (above[1] - below[1])
        return below[0] + min(0.9, max(0.1, part)) * (above[0] - below[0])
    step, error = below or above or (0.0, aim)
    slope = 1.7
    if len(known) > 1 and known[-1][0] != known[-2][0]:
        slope = (known[-1][1] - known[-2][1]) / (known[-1][0] - known[-2][0])
    return step + (aim - error) / min(2.5, max(0.4, slope))
