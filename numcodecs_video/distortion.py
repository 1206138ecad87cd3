"""A distortion met: candidates for a root mean square error, by a rate model and a few encodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from numcodecs_video.candidates import (
    MOST_QP,
    THOROUGH_EFFORT,
    Base,
    base_depth,
    finest_step,
    least_quantiser,
    quantiser_for,
    quantiser_step,
)
from numcodecs_video.chunk import Chunk
from numcodecs_video.coded import Coded
from numcodecs_video.realised import mean_square_difference
from numcodecs_video.search import Plan
from numcodecs_video.streams import jpeg2k
from numcodecs_video.structure import Structure, search_structure
from numcodecs_video.trials import (
    Trials,
    allows_base,
    allows_key,
    attempt,
    base_coder,
    direct_candidates,
    start_trials,
    usual_structure,
)
from numcodecs_video.work import DRAFT_EFFORT, Work

__all__ = ["plan_distortion"]

#: full encodes to meet a distortion, for each effort
_ENCODES = (4, 5, 5, 6, 6, 7, 8, 9, 10)
#: encodes of a part, to learn where the full ones begin
_DRAFTS = 4
#: octaves of bits that natural cubes spend on an octave less of mean square error
_SLOPE = 0.76
#: octaves of error between two encodes that tell a slope in spite of the bumps
_FAR_APART = 0.5
#: octaves of error between two encodes that no line describes
_JUMP = 3.0
#: a coder without a base that needs so many times the bytes has no better sister
_FAR = 2.0
#: of a target mean square error, what the highest efforts go on for: 0.1 dB
_CLOSE = 0.977
#: of a target, what may be used where decoders differ by a sample here and there
_DRIFT_MARGIN = 0.999


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
    candidates = direct_candidates(direct)
    work, codec, found = Work(chunk, 4 * rmse), chunk.settings.codec, None
    if allows_base(work) and work.fine is not None and work.fine[1].top:
        if codec in jpeg2k.DEPTHS:
            rmse *= _DRIFT_MARGIN
        found = attempt(lambda base: _meet_distortion(base, rmse, slack), work)
    made = [] if found is None else [_Made(found)]
    if chunk.settings.effort == 1:
        return Plan(direct, [*made, *candidates])
    trials = start_trials(direct)
    scale = chunk.cube.size / trials.work.chunk.cube.size
    if found is not None and trials.size(candidates[0]) * scale > _FAR * found.size:
        return Plan(direct, [*made, *candidates])
    ranked = sorted(candidates, key=trials.size)
    first = 1 if found is not None and trials.size(ranked[0]) * scale < found.size else 0
    return Plan(direct, [*ranked[:first], *made, *ranked[first:]], make=1 + first)


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


@dataclass(frozen=True)
class _Goal:
    """A mean square error in levels, and the least that is close enough to it."""

    most: float
    least: float

    @property
    def aim(self) -> float:
        """The middle, as a logarithm of base 2."""
        return math.log2((self.most + self.least) / 2)

    def met(self, point: _Point) -> bool:
        """Whether an encode is close enough."""
        return self.least <= 2**point.error <= self.most


@dataclass(frozen=True)
class _Point:
    """One encode: its step, bytes and mean square error, as logarithms of base 2."""

    coded: Coded
    step: float
    size: float
    error: float


def _meet_distortion(work: Work, rmse: float, slack: float) -> Coded | None:
    """Encode a base at one or a few steps until its error is within the slack below ``rmse``.

    Drafts on a part of the chunk choose the structure and tell where to begin.
    """
    if work.fine is None:
        return None
    target = (rmse / float(work.fine[1].step)) ** 2
    goal = _Goal(target, target * slack)
    start = 0.5 * (math.log2(12) + goal.aim) + 0.1
    structure, effort = usual_structure(work.chunk), work.chunk.settings.effort
    if effort >= DRAFT_EFFORT:
        thorough = effort >= THOROUGH_EFFORT
        start, structure = _draft(start_trials(work), goal, start, structure, thorough)
    points = _approach(work, goal, start, structure, _ENCODES[effort - 1])
    usual = usual_structure(work.chunk)
    if structure != usual and not any(goal.met(p) for p in points):
        structure = usual
        points += _approach(work, goal, points[-1].step, usual, _ENCODES[effort - 1])
    close = replace(goal, least=_CLOSE * goal.most)
    for _ in range(effort - 6 if goal.met(points[-1]) else 0):
        if any(close.met(point) for point in points):
            break
        step = _next_step([(p.step, p.error) for p in points], close.aim)
        points.append(_encode_at(work, step, structure))
    kept = [p for p in points if p.error <= math.log2(target)]
    return min(kept, key=lambda p: p.size).coded if kept else None


def _draft(
    trials: Trials, goal: _Goal, start: float, structure: Structure, thorough: bool
) -> tuple[float, Structure]:
    """The step (log2) to begin with and the structure, found on a part of the chunk."""
    work = trials.work
    if work.fine is None or not work.fine[1].top or not work.chunk.valid.any():
        return start, structure
    drafts = _approach(work, goal, start, structure, _DRAFTS)
    first, *others = sorted(drafts, key=lambda point: abs(point.error - goal.aim))
    others = [point for point in others if abs(point.error - first.error) > _FAR_APART]
    other = others[0] if others else _encode_at(work, first.step + _FAR_APART, structure)
    slope = _SLOPE
    if other.error != first.error:
        slope = (first.size - other.size) / (other.error - first.error)
    slope = min(2.0, max(0.2, slope))
    points = {structure: first}

    def cost(structure: Structure) -> float:
        if structure not in points:
            points[structure] = _encode_at(work, first.step, structure)
        point = points[structure]
        return math.log2(trials.weigh(point.coded)) + slope * point.error

    found = search_structure(
        cost,
        base_coder(work.chunk),
        structure,
        key=allows_key(work.chunk),
        frames=len(work.chunk.segments[0]),
        thorough=thorough,
    )
    return _next_step([(first.step, points[found].error)], goal.aim), found


def _approach(
    work: Work,
    goal: _Goal,
    step: float,
    structure: Structure,
    tries: int,
) -> list[_Point]:
    """Encode at ever better steps, the first given, until the error is close enough."""
    least, most = _step_range(work)
    points: list[_Point] = []
    for _ in range(tries):
        if step < least and any(p.step <= least for p in points):
            break  # the finest quantiser was not enough
        points.append(_encode_at(work, min(max(step, least), most), structure))
        if goal.met(points[-1]) or (points[-1].step == most and 2 ** points[-1].error < goal.most):
            break
        step = _next_step([(p.step, p.error) for p in points], goal.aim)
    return points


def _step_range(work: Work) -> tuple[float, float]:
    """The least and the largest step (log2) of a base: the coder's finest, and all levels."""
    coder = base_coder(work.chunk)
    bits = base_depth(coder, work.chunk.settings.bits)
    least = math.log2(finest_step(work, bits) * quantiser_step(least_quantiser(coder), bits))
    top = 0 if work.fine is None else work.fine[1].top
    return least, max(least, math.log2(top + 1))


def _encode_at(work: Work, step: float, structure: Structure) -> _Point:
    """Encode with a quantiser step (log2, in levels).

    The quantiser moves in steps of 1 dB; the step of the samples, which is continuous, makes up.
    """
    if work.fine is None:
        raise ValueError("there are no levels to encode")
    coder = base_coder(work.chunk)
    bits = base_depth(coder, work.chunk.settings.bits)
    qp = math.floor(quantiser_for(2**step, finest_step(work, bits), bits) + 1e-9)
    qp = max(least_quantiser(coder), min(MOST_QP, qp))
    sample_step = 2**step / quantiser_step(qp, bits)
    base = Base(coder, qp, sample_step, residual=False, structure=structure)
    coded, predicted = base.predict(work, work.fine)
    valid = np.broadcast_to(work.chunk.valid, predicted.shape)
    reached = max(mean_square_difference(predicted, work.fine[0], valid), 1e-9)
    return _Point(coded, step, math.log2(coded.size), math.log2(reached))


def _next_step(known: Sequence[tuple[float, float]], aim: float) -> float:
    """The next step (log2) towards an error (log2) of ``aim``.

    Between the nearest steps on either side of the aim, where there are both; else onwards by the
    slope of the last two points, or by 1.7 octaves of error an octave of the step: between the 2 of
    high rates and the 1 of low ones.
    """
    below = max((p for p in known if p[1] <= aim), default=None)
    above = min((p for p in known if p[1] > aim), default=None)
    if below is not None and above is not None:
        gap = above[1] - below[1]
        part = (aim - below[1]) / gap if gap < _JUMP else 0.5
        return below[0] + min(0.9, max(0.1, part)) * (above[0] - below[0])
    step, error = below or above or (0.0, aim)
    slope = 1.7
    if len(known) > 1 and known[-1][0] != known[-2][0]:
        slope = (known[-1][1] - known[-2][1]) / (known[-1][0] - known[-2][0])
    return step + (aim - error) / min(2.5, max(0.4, slope))
