"""A distortion met: candidates for a root mean square error, by a rate model and a few encodes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.coders import Structure, quantiser_step
from numcodecs_video.encode.candidates import (
    MOST_QP,
    Base,
    Candidate,
    Direct,
    allows_base,
    base_coder,
    base_depth,
    direct_candidates,
    encode_candidate,
    finest_step,
    least_step,
    make_each,
    possible_groups,
    quantiser_for,
    usual_structure,
)
from numcodecs_video.encode.chunk import Chunk
from numcodecs_video.encode.effort import Effort
from numcodecs_video.encode.encoded import EncodedChunk, Ranked
from numcodecs_video.encode.levels import ChunkLevels
from numcodecs_video.encode.plan import BasePlan, Plan, plan_of
from numcodecs_video.encode.structure import MOST_STRUCTURES, search_structure
from numcodecs_video.encode.trials import Trials, start_trials
from numcodecs_video.encode.uniform import uniform_levels
from numcodecs_video.errors import VideoCodecError
from numcodecs_video.progress import DECODING, ENCODING, allot, trying
from numcodecs_video.transform.levels import PART_CELLS

__all__ = ["encode_to_distortion", "mean_square_difference", "next_step"]

#: octaves of bits that natural cubes spend on an octave less of mean square error
_SLOPE = 0.76
#: octaves of error between two encodes that tell a slope in spite of the bumps
_FAR_APART = 0.5
#: octaves between two steps that tell what a step is worth
_APART = 0.05
#: octaves of error between two encodes that no line describes
_JUMP = 3.0
#: octaves by which the step may be coarser for the same error where frames share components
_COARSER = 1.0
#: octaves of error by which components of a whole chunk are worse than those of a part of it
_GROUPED_WORSE = 0.05
#: such steps begin so many octaves above the least
_FROM_LEAST = 0.5
#: a coder without a base that needs so many times the bytes has no better sister
_FAR = 2.0
#: a base is given up that takes so many times the bytes of its rival without one, of a sketch of a
#: part as well; and the octaves of bytes that at least, at high rates, an octave of error makes
_BEATEN, _BEATEN_SKETCH, _LEAST_SLOPE = 1.2, 3.0, 0.2
#: a coder without a base is made as well where a part shows it up to so many times larger: of a
#: part, what it has yet to learn counts too much
_CLOSE = 1.25
#: a coder without a base that much larger than a base has no place in a plan
_NEAR = 1.1
#: of the way through what is close enough to a target, where a second encode aims
_NEARER = 0.65
#: of a target mean square error, what the highest efforts go on for: 0.1 dB
_CLOSER = 0.977
#: octaves of error that an octave of the step is worth: 2 at high rates, 1 at low ones
_SLOPE_OF_STEP = 1.7
#: cells that tell what a sketch's error is at a step; those that tell by how much an encode's is
#: less, of chunks that have so many times as many
_SKETCHED, _COMPARED, _LARGER = 1e6, 5e4, 2.5
#: sketches that a first step is corrected by, and drafts that tell whether frames are grouped
_SKETCHES, _DRAFTS = 3, 2
#: encodes that low efforts add to their drafts: another step, and one size of groups
_LOW_STRUCTURES = 2
#: of a target, what may be used where decoders differ by a sample here and there
_DRIFT_MARGIN = 0.999


def encode_to_distortion(chunk: Chunk, rmse: float, slack: float) -> Ranked:
    """Encode so that the root mean square error over valid cells is at most ``rmse``.

    Parameters
    ----------
    chunk : Chunk
    rmse : float
        In the data's units.
    slack : float
        The mean square error may fall below the target by this factor.
    """
    plan = None if chunk.tiny else plan_of(chunk)
    allot(_most_work(chunk, plan))
    direct = _direct_levels(chunk, rmse, slack)
    candidates, first, rival = direct_candidates(direct), 0, None
    trials = start_trials(direct, chunk.effort.draft_cells, chunk.effort.draft)
    if not chunk.tiny and (plan is None or plan.direct):
        candidates[0] = rival = _Rival(candidates[0], direct, trials)
    met = None
    if plan is None or plan.base is not None:
        met = _meet_distortion(_base_levels(chunk, rmse), rmse, slack, rival)
    allot((ENCODING + DECODING) * chunk.cube.size)
    base = None if met is None else met.encoded
    if base is None and not chunk.tiny:
        candidates = sorted(candidates, key=trials.size)
    elif base is not None and rival is not None and rival.estimate <= _FAR * base.size:
        candidates = sorted(candidates, key=trials.size)
        first = int(trials.size(candidates[0]) / trials.part < _CLOSE * base.size)
    return Ranked(_made(candidates, first, base, direct), 1 + first)


def _most_work(chunk: Chunk, plan: Plan | None) -> float:
    """Drafts of a part, sketches, encodes of the whole, and one more without a base."""
    effort = chunk.effort
    structures = MOST_STRUCTURES + _DRAFTS if effort.structures else _LOW_STRUCTURES
    drafts = effort.drafts + structures if plan is None else 0
    part = min(effort.draft_cells, chunk.cube.size)
    sketches = _SKETCHES if effort.sketch_gain else 0
    whole = (effort.encodes + effort.closer + 1) * ENCODING + DECODING
    tried = drafts * part + sketches * min(_SKETCHED, chunk.cube.size)
    return ENCODING * tried + whole * chunk.cube.size


def make_plan(chunk: Chunk, rmse: float, slack: float) -> Plan | None:
    """Search a chunk, and say what is worth making of its neighbours; None where nothing is."""
    if chunk.tiny:
        return None
    direct = _direct_levels(chunk, rmse, slack)
    trials = start_trials(direct, chunk.effort.draft_cells, chunk.effort.draft)
    best = min(direct_candidates(direct), key=trials.size)
    size = trials.size(best) / trials.part
    levels = _base_levels(chunk, rmse)
    met = _meet_distortion(levels, rmse, slack, _Rival(best, direct, trials))
    planned = None
    if met is not None:
        step = met.step - 0.5 * met.error
        planned = BasePlan(step, met.structure, gain=_gain_of(levels, met))
    near = met is None or size <= _NEAR * met.encoded.size
    entries = ((best.coder, best.delta),) if near and isinstance(best, Direct) else ()
    smallest = size if met is None else min(size, met.encoded.size)
    return Plan(8 * smallest / chunk.cube.size, planned, entries)


def _direct_levels(chunk: Chunk, rmse: float, slack: float) -> ChunkLevels:
    """Levels for coders without a base: uniform ones, or the values' own where these take less."""
    uniform = uniform_levels(chunk, rmse, slack)
    exact = uniform.without_loss()
    if exact is None:
        return uniform

    def size(levels: ChunkLevels) -> float:
        trials = start_trials(levels, chunk.effort.trial_cells, chunk.effort.draft)
        return trials.size(direct_candidates(levels)[0])

    return min(uniform, exact, key=size)


def _base_levels(chunk: Chunk, rmse: float) -> ChunkLevels:
    """Levels for a base: so fine that their own error does not count."""
    return ChunkLevels(chunk, 4 * rmse)


def _gain_of(levels: ChunkLevels, met: _Point) -> float | None:
    """Octaves of error by which an encode lies below a sketch at the same step."""
    effort = levels.chunk.effort
    if not effort.sketch_gain:
        return None
    sketches = levels.sample(_SKETCHED, effort.sketch)
    if not _tells(sketches):
        return None
    return _encode_at(sketches, met.step, met.structure).error - met.error


def _made(
    candidates: Sequence[Candidate], first: int, base: EncodedChunk | None, levels: ChunkLevels
) -> Iterator[EncodedChunk]:
    """The candidates as they are made, the base after the first few of them."""
    made = make_each(candidates, levels)
    yield from islice(made, first)
    if base is not None:
        yield base
    yield from made


@dataclass(frozen=True)
class _Goal:
    """A mean square error in levels, the least that is close enough to it, and the rival.

    Of a part, with its share of the cells.
    """

    most: float
    least: float
    rival: _Rival | None = None
    part: float | None = None

    @property
    def aim(self) -> float:
        """The middle, as a logarithm of base 2."""
        return math.log2((self.most + self.least) / 2)

    @property
    def near(self) -> float:
        """Closer to what is asked for: where to go from an encode that is known."""
        return math.log2(_NEARER * self.most + (1 - _NEARER) * self.least)

    def met(self, point: _Point) -> bool:
        """Whether an encode is close enough."""
        return self.least <= 2**point.error <= self.most

    def hopeless(self, point: _Point) -> bool:
        """Whether an encode tells that those that are close enough are far too large."""
        if self.rival is None:
            return False
        slope = _SLOPE if point.error < self.aim else _LEAST_SLOPE
        size = 2 ** (point.size + slope * (point.error - self.aim))
        if self.part is None:
            return self.rival.beats(size, _BEATEN)
        return self.rival.beats(size / self.part, _BEATEN_SKETCH)


@dataclass(frozen=True)
class _Point:
    """One encode: its step, bytes and mean square error, as logarithms of base 2."""

    encoded: EncodedChunk
    structure: Structure
    step: float
    size: float
    error: float


class _Rival:
    """The most promising coder without a base, made once: what a base competes with.

    Parameters
    ----------
    candidate : Candidate
    levels : ChunkLevels
        Of the whole chunk.
    trials : Trials
        On the part that drafts of a base are of: sizes on one part compare.
    """

    def __init__(self, candidate: Candidate, levels: ChunkLevels, trials: Trials) -> None:
        self._candidate, self._levels, self._trials = candidate, levels, trials

    def __call__(self, levels: ChunkLevels) -> EncodedChunk | None:
        """Encode: a candidate like any other."""
        return self._encoded if levels is self._levels else self._candidate(levels)

    @cached_property
    def _encoded(self) -> EncodedChunk | None:
        return encode_candidate(self._candidate, self._levels)

    @property
    def estimate(self) -> float:
        """Bytes of the chunk, from those of the part."""
        return self._trials.size(self) / self._trials.part

    def beats(self, size: float, times: float) -> bool:
        """Whether so many bytes are so many times its own, on the part and (it may be dry) made."""
        if size <= times * self.estimate:
            return False
        return self._encoded is not None and size > times * self._encoded.size


def _meet_distortion(
    levels: ChunkLevels, rmse: float, slack: float, rival: _Rival | None
) -> _Point | None:
    """Encode a base at one or a few steps until its error is within the slack below ``rmse``.

    A plan, or drafts on a part of the chunk, choose the structure and tell where to begin. None
    where no base can be, or none meets it, or it is far larger than the rival.
    """
    if not allows_base(levels) or levels.fine is None or levels.fine.constant:
        return None
    aim = rmse if base_coder(levels.chunk).exact_decoder else rmse * _DRIFT_MARGIN
    target = (aim / float(levels.fine.values.step)) ** 2
    goal = _Goal(target, target * slack, rival)
    return encode_candidate(lambda levels: _search(levels, goal), levels)


def _search(levels: ChunkLevels, goal: _Goal) -> _Point | None:
    usual, effort, plan = usual_structure(levels.chunk), levels.chunk.effort, plan_of(levels.chunk)
    start, structure = 0.5 * (math.log2(12) + goal.aim) + 0.1, usual
    starts = iter([(start, usual, _SLOPE_OF_STEP)])
    if plan is not None and plan.base is not None:
        start, structure = 0.5 * goal.aim + plan.base.step, plan.base.structure_of(levels.chunk)
        starts = iter([(start, structure, _SLOPE_OF_STEP)])
    elif effort.structures or (levels.chunk.cube.shape[1] == 1 and possible_groups(levels)):
        trials = start_trials(levels, effort.draft_cells, effort.sketch)
        starts = _draft(trials, replace(goal, part=trials.part), start, usual, effort)
    points = list[_Point]()
    planned = None if plan is None else plan.base
    for start, structure, slope in starts:
        start, slope = _foreseen(levels, goal, start, structure, slope, planned)
        points += _approach(levels, goal, start, structure, effort.encodes, slope)
        if any(goal.met(p) or goal.hopeless(p) for p in points):
            break
    else:
        if structure.group > 1 or not any(p.error <= math.log2(goal.most) for p in points):
            structure = usual
            start = points[-1].step if points else start
            points += _approach(levels, goal, start, usual, effort.encodes)
    if not points:
        return None
    close = replace(goal, least=_CLOSER * goal.most)
    for _ in range(effort.closer if goal.met(points[-1]) else 0):
        if any(close.met(point) for point in points):
            break
        step = next_step([(p.step, p.error) for p in points], close.aim)
        further = _approach(levels, close, step, structure, 1)
        if not further:
            break
        points += further
    kept = [p for p in points if p.error <= math.log2(goal.most)]
    return min(kept, key=lambda p: p.size) if kept else None


def _draft(
    trials: Trials, goal: _Goal, start: float, structure: Structure, effort: Effort
) -> Iterator[tuple[float, Structure, float]]:
    """The step (log2) to begin with, the structure and what a step is worth, found on a part.

    Where frames are grouped, then those without, should the first not do. Nothing where it is
    hopeless.
    """
    levels = trials.levels
    if not _tells(levels):
        yield start, structure, _SLOPE_OF_STEP
        return
    drafts = _approach(levels, goal, start, structure, effort.drafts)
    if any(map(goal.hopeless, drafts)):
        return
    first, *others = sorted(drafts, key=lambda point: abs(point.error - goal.aim))
    others = [point for point in others if abs(point.error - first.error) > _FAR_APART]
    other = others[0] if others else _encode_at(levels, first.step + _FAR_APART, structure)
    slope = _SLOPE
    if other.error != first.error:
        slope = (first.size - other.size) / (other.error - first.error)
    slope = min(2.0, max(0.2, slope))
    worth = (_SLOPE_OF_STEP + (first.error - other.error) / (first.step - other.step)) / 2
    points = {structure: first}

    def cost(structure: Structure) -> float:
        if structure not in points:
            step = first.step + (_COARSER if structure.group > 1 else 0)
            if structure.group > 1 and step < _step_range(levels, structure)[0] + _FROM_LEAST:
                return math.inf
            found = _approach(levels, goal, step, structure, 1)
            if not found:
                return math.inf
            points[structure] = found[0]
        point = points[structure]
        return math.log2(trials.weigh(point.encoded)) + slope * point.error

    better, known = trials.at_effort(effort.draft), dict[Structure, _Point]()

    def start_of(structure: Structure) -> float:
        point, gain = known.get(structure), -_GROUPED_WORSE
        if point is None:
            point, gain = points[structure], effort.sketch_gain
        return next_step([(point.step, point.error - gain)], goal.aim, worth)

    def cost_of_draft(structure: Structure) -> float:
        step = max(start_of(structure), _step_range(levels, structure)[0])
        known[structure] = point = _encode_at(better.levels, step, structure)
        return math.log2(better.weigh(point.encoded, doubt=False)) + slope * point.error

    def search(groups: Sequence[int]) -> Structure:
        return search_structure(
            cost,
            structure,
            key=coder.key_picture and effort.structures,
            structured=coder.structured and effort.structures,
            frames=len(levels.chunk.segments[0]),
            groups=groups,
            quick=effort.quick_drafts,
            thorough=effort.thorough,
        )

    coder, most = base_coder(levels.chunk), None if effort.structures else 1
    found = search(possible_groups(levels)[:most])
    if found.group > 1:
        # Sketches make less of pictures that predict each other than encodes do.
        crude = effort.structures and better is not trials
        doubtful = crude and cost_of_draft(search(())) < cost_of_draft(found)
        start = start_of(found)
        if not doubtful and start >= _step_range(levels, found)[0] + _FROM_LEAST:
            yield start, found, worth
        found = search(())
    yield start_of(found), found, worth


def _tells(part: ChunkLevels) -> bool:
    """Whether there is something to encode in a part of a chunk."""
    return part.fine is not None and not part.fine.constant and bool(part.chunk.valid.any())


def _foreseen(
    levels: ChunkLevels,
    goal: _Goal,
    step: float,
    structure: Structure,
    slope: float,
    plan: BasePlan | None,
) -> tuple[float, float]:
    """The step (log2) at which an encode should meet the goal, and what a step is worth around it.

    Sketches of the chunk tell which error is where; by how much an encode's is less, a small part
    tells, or the plan. As given where neither does.
    """
    effort = levels.chunk.effort
    gain = effort.sketch_gain if plan is None or plan.gain is None else plan.gain
    if not gain:
        return step, slope
    part = levels.sample(_COMPARED, effort.sketch)
    compared = part.chunk.cube.size * _LARGER <= levels.chunk.cube.size and _tells(part)
    if not (compared or plan):
        return step, slope
    sketches = levels.sample(_SKETCHED, effort.sketch)
    if not _tells(sketches):
        return step, slope
    share = sketches.chunk.cube.size / levels.chunk.cube.size
    rough = _Goal(goal.most * 2**gain, goal.least * 2**gain, goal.rival, share)
    points = _approach(sketches, rough, step, structure, _SKETCHES, slope)
    if not points:
        return step, slope
    at = points[-1].step
    if abs(at - points[0].step) > _APART:
        slope = (points[-1].error - points[0].error) / (at - points[0].step)
    if compared:
        better = _encode_at(part.at_effort(effort.number), at, structure).error
        gain = _encode_at(part, at, structure).error - better
        gain -= _GROUPED_WORSE if structure.group > 1 else 0.0
    return next_step([(p.step, p.error - gain) for p in points], goal.aim, slope), slope


def _approach(
    levels: ChunkLevels,
    goal: _Goal,
    step: float,
    structure: Structure,
    tries: int,
    slope: float = _SLOPE_OF_STEP,
) -> list[_Point]:
    """Encode at ever better steps, the first given, until the error is close enough.

    Fewer, or none, where pictures of several frames are too large for the coder.
    """
    least, most = _step_range(levels, structure)
    points: list[_Point] = []
    for _ in range(tries):
        if step < least and any(p.step <= least for p in points):
            break  # the finest quantiser was not enough
        try:
            points.append(_encode_at(levels, min(max(step, least), most), structure))
        except VideoCodecError:
            if structure.group == 1:
                raise
            break
        if goal.met(points[-1]) or goal.hopeless(points[-1]):
            break
        if points[-1].step == most and 2 ** points[-1].error < goal.most:
            break
        step = next_step([(p.step, p.error) for p in points], goal.near, slope)
    return points


def _step_range(levels: ChunkLevels, structure: Structure) -> tuple[float, float]:
    """The least and the largest step (log2) of a base: the coder's finest, and all levels."""
    coder = base_coder(levels.chunk)
    bits = base_depth(coder, levels.chunk.settings.bits)
    finest = finest_step(levels, bits, group=structure.group)
    least = math.log2(least_step(finest, structure.group))
    least += math.log2(quantiser_step(coder.least_quantiser, bits))
    top = 0 if levels.fine is None else levels.fine.top
    return least, max(least, math.log2(top + 1) + math.log2(structure.group) / 2)


def _encode_at(levels: ChunkLevels, step: float, structure: Structure) -> _Point:
    """Encode with a quantiser step (log2, in levels).

    The quantiser moves in steps of 1 dB; the step of the samples, which is continuous, makes up.
    """
    if levels.fine is None:
        raise ValueError("there are no levels to encode")
    coder = base_coder(levels.chunk)
    bits = base_depth(coder, levels.chunk.settings.bits)
    finest = finest_step(levels, bits, group=structure.group)
    qp = math.floor(quantiser_for(2**step, finest, bits) + 1e-9)
    qp = max(coder.least_quantiser, min(MOST_QP, qp))
    sample_step = 2**step / quantiser_step(qp, bits)
    base = Base(coder.name, qp, sample_step, residual=False, structure=structure)
    with trying(levels.chunk.cube.size):
        encoded, predicted = base.predict(levels, levels.fine)
    error = mean_square_difference(predicted, levels.fine.array, levels.chunk.valid)
    return _Point(encoded, structure, step, math.log2(encoded.size), math.log2(max(error, 1e-9)))


def mean_square_difference(
    a: NDArray[Any], b: NDArray[Any], valid: NDArray[np.bool_] | bool
) -> float:
    """Mean square difference of two cubes of levels over valid cells."""
    total, count = 0.0, 0
    where = np.broadcast_to(valid, a.shape)
    frames = max(1, PART_CELLS * len(a) // max(1, a.size))
    for part in (slice(start, start + frames) for start in range(0, len(a), frames)):
        error = np.subtract(a[part], b[part], dtype=np.float64)
        total += float(np.sum(error * error, where=where[part]))
        count += int(np.count_nonzero(where[part]))
    return total / max(1, count)


def next_step(
    known: Sequence[tuple[float, float]], aim: float, slope: float = _SLOPE_OF_STEP
) -> float:
    """The next step (log2) towards an error (log2) of ``aim``.

    Between the nearest steps on either side of the aim, where there are both; else onwards by the
    slope of the last two points, or by that given, in octaves of error an octave of the step.
    """
    below = max((p for p in known if p[1] <= aim), default=None)
    above = min((p for p in known if p[1] > aim), default=None)
    if below is not None and above is not None:
        gap = above[1] - below[1]
        part = (aim - below[1]) / gap if gap < _JUMP else 0.5
        return below[0] + min(0.9, max(0.1, part)) * (above[0] - below[0])
    step, error = below or above or (0.0, aim)
    if len(known) > 1 and known[-1][0] != known[-2][0]:
        slope = (known[-1][1] - known[-2][1]) / (known[-1][0] - known[-2][0])
    return step + (aim - error) / min(2.5, max(0.4, slope))
