"""A plan: the few candidates that a search found worth making, for the neighbours of its chunk.

Small and JSON-safe, part of the codec's configuration, and for encoding only. Quantisers are kept
relative to what the promise allows, so that they serve chunks of another range.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from numcodecs_video.coders import Structure, quantiser_step
from numcodecs_video.coders.structure import RATIOS, TRIMS
from numcodecs_video.config import is_integer
from numcodecs_video.encode.candidates import (
    MOST_QP,
    Base,
    Candidate,
    Direct,
    Exact,
    SplitFloats,
    base_coder,
    base_depth,
    finest_step,
    most_grouped,
    quantiser_for,
)
from numcodecs_video.encode.chunk import Chunk
from numcodecs_video.encode.levels import ChunkLevels

__all__ = ["PLAN_VERSION", "BasePlan", "Plan", "base_at", "plan_base", "plan_of"]

PLAN_VERSION = 1


@dataclass(frozen=True)
class BasePlan:
    """A base.

    Parameters
    ----------
    step : float
        The quantiser's step as a logarithm of base 2: of the residual's steps under a bound, of the
        root mean square error that is asked for otherwise.
    structure : Structure
    klt : bool
        Encode components, where there is a basis.
    gain : float, optional
        Octaves of mean square error by which an encode lies below a sketch.
    """

    step: float
    structure: Structure
    klt: bool = True
    gain: float | None = None

    def structure_of(self, chunk: Chunk) -> Structure:
        """The structure for a chunk, whose segments may be shorter and whose bands may be more."""
        return replace(self.structure, group=min(self.structure.group, most_grouped(chunk)))


@dataclass(frozen=True)
class Plan:
    """What to make of each chunk.

    Parameters
    ----------
    rate : float
        The most bits a sample that chunks of the search took: one that takes far more is searched.
    base : BasePlan, optional
    direct : tuple of (coder, delta)
        Coders without a base.
    splits : tuple of int
        Floats in two parts: how many bits are low.
    exact : bool
        The exact path.
    """

    rate: float
    base: BasePlan | None = None
    direct: tuple[tuple[str, bool], ...] = ()
    splits: tuple[int, ...] = ()
    exact: bool = False

    @property
    def groups(self) -> bool:
        """Whether pictures of the base are of several frames."""
        return self.base is not None and self.base.structure.group > 1

    def to_json(self) -> dict[str, Any]:
        """The JSON object that :meth:`from_json` reads back."""
        words: dict[str, Any] = {"version": PLAN_VERSION, "rate": round(self.rate, 4)}
        if self.base is not None:
            words["base"] = {
                "step": round(self.base.step, 3),
                "klt": self.base.klt,
                **asdict(self.base.structure),
            }
            if self.base.gain is not None:
                words["base"]["gain"] = round(self.base.gain, 3)
        if self.direct:
            words["direct"] = [list(entry) for entry in self.direct]
        if self.splits:
            words["splits"] = list(self.splits)
        if self.exact:
            words["exact"] = True
        return words

    @classmethod
    def from_json(cls, words: Mapping[str, Any]) -> Self | None:
        """Read what :meth:`to_json` wrote; None for a plan that this version does not know."""
        try:
            if words["version"] != PLAN_VERSION:
                return None
            base = None
            if "base" in words:
                structure = dict(words["base"])
                step, klt = float(structure.pop("step")), bool(structure.pop("klt"))
                gain = structure.pop("gain", None)
                gain = None if gain is None else float(gain)
                base = BasePlan(step, _parse_structure(structure), klt, gain)
            return cls(
                float(words["rate"]),
                base,
                tuple((str(coder), bool(delta)) for coder, delta in words.get("direct", ())),
                tuple(int(low) for low in words.get("splits", ())),
                bool(words.get("exact", False)),
            )
        except (KeyError, TypeError, ValueError):
            return None

    def candidates(self, levels: ChunkLevels) -> list[Candidate]:
        """The candidates for a chunk under a bound."""
        found: list[Candidate] = [Direct(*entry) for entry in self.direct]
        found += [SplitFloats(low) for low in self.splits]
        if self.exact:
            found.append(Exact())
        if self.base is not None and levels.fine is not None and not levels.fine.constant:
            found.append(base_at(levels, self.base))
        return found


def _parse_structure(words: Mapping[str, Any]) -> Structure:
    """The structure of so many words; ``ValueError`` for one that no search makes."""
    numbers = [words[name] for name in ("ratios", "run", "layers", "group") if name in words]
    if not isinstance(words.get("key", True), bool) or not all(map(is_integer, numbers)):
        raise ValueError(words)
    found = Structure(**words)
    if found.ratios not in range(len(RATIOS)) or found.trim not in TRIMS:
        raise ValueError(words)
    if min(found.run, found.layers, found.group - 1) < 0:
        raise ValueError(words)
    return found


def base_at(levels: ChunkLevels, planned: BasePlan) -> Base:
    """The base of a plan for a chunk under a bound."""
    coder, structure = base_coder(levels.chunk), planned.structure_of(levels.chunk)
    bits = base_depth(coder, levels.chunk.settings.bits)
    finest = finest_step(levels, bits, without_klt=not planned.klt, group=structure.group)
    qp = round(quantiser_for(2**planned.step * levels.residual_step, finest, bits))
    qp = max(coder.least_quantiser, min(MOST_QP, qp))
    return Base(coder.name, qp, structure=structure, without_klt=not planned.klt)


def plan_base(levels: ChunkLevels, base: Base) -> BasePlan:
    """The plan of a base that a search under a bound found: :func:`base_at` undone."""
    bits = base_depth(base_coder(levels.chunk), levels.chunk.settings.bits)
    finest = finest_step(levels, bits, without_klt=base.without_klt, group=base.structure.group)
    step = finest * quantiser_step(base.qp, bits) / levels.residual_step
    return BasePlan(math.log2(step), base.structure, not base.without_klt)


def plan_of(chunk: Chunk) -> Plan | None:
    """The plan in the chunk's settings; None without one that this version knows."""
    plan = chunk.settings.plan
    return Plan.from_json(json.loads(plan)) if plan else None
