"""A search on a few chunks for the sake of all: the settings with a plan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.config import Settings
from numcodecs_video.encode import bounded, distortion
from numcodecs_video.encode.chunk import Chunk, prepare_chunk
from numcodecs_video.encode.pipeline import check_settings
from numcodecs_video.encode.plan import Plan
from numcodecs_video.encode.target import target_of

__all__ = ["tune_settings"]


def tune_settings(chunks: Sequence[NDArray[Any]], settings: Settings) -> Settings:
    """The same settings with a plan, found by a search of each chunk; without one where none helps.

    Parameters
    ----------
    chunks : sequence of ndarray
        A few, as the codec will be given them; under an RMSE or PSNR, as far as they are needed.
    settings : Settings

    Raises
    ------
    TypeError, VideoCodecError
        As of an encode.
    """
    settings = replace(check_settings(settings), plan="")
    with np.errstate(all="ignore"):
        found = (_plan(prepare_chunk(chunk, settings)) for chunk in chunks)
        plans = list[Plan]()
        for plan in found:
            if plan is not None:
                plans.append(plan)
                # One base serves all, and of a distortion one chunk tells which: unless its frames
                # share components, which others may do without.
                if settings.fidelity.kind in ("rmse", "psnr") and not plan.groups:
                    break
    if not plans:
        return settings
    return replace(settings, plan=json.dumps(_join(plans).to_json(), sort_keys=True))


def _plan(chunk: Chunk) -> Plan | None:
    if not chunk.axes or chunk.settings.fidelity.kind == "qp":
        return None
    target = target_of(chunk)
    if target.rmse:
        return distortion.make_plan(chunk, target.rmse, target.slack)
    return bounded.make_plan(chunk, target.bound)


def _join(plans: Sequence[Plan]) -> Plan:
    """One plan of several: what any of them has, the base of the one that takes most bits."""
    ordered = sorted(plans, key=lambda plan: plan.rate, reverse=True)
    base = next((plan.base for plan in ordered if plan.base is not None), None)
    return Plan(
        ordered[0].rate,
        base,
        tuple(dict.fromkeys(entry for plan in ordered for entry in plan.direct)),
        tuple(dict.fromkeys(entry for plan in ordered for entry in plan.splits)),
        any(plan.exact for plan in ordered),
    )
