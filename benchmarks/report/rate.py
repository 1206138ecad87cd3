"""Rate against distortion beside the peers, and the paper's tables.

Bits per pixel per band, PSNR over valid cells with the cube's valid range as the peak, SSIM,
spectral angle and time, each cube as one chunk.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
from cubes import Case
from matplotlib.figure import Figure
from page import BESIDE, SPEEDS, Row, Section, Table, beside, evaluate_whole, medians, overview
from peers import rate_peers

from numcodecs_video import Jpeg2kCodec, VideoCodec
from numcodecs_video.plots import rate_distortion
from numcodecs_video.xarray import Evaluation, SweepPoint

PSNRS = (40.0, 45.0, 50.0, 55.0)
#: PSNR in dB at 0.1 and at 1 bit per pixel per band: Pellicer-Valero et al. (2025),
#: arXiv 2506.19656, abstract
PAPER = {
    "DynamicEarthNet": (55.86, 65.91),
    "DeepExtremeCubes": (40.60, 54.28),
    "ERA5": (46.58, 62.90),
    "SimpleS2": (43.23, 55.04),
}
RATES = (0.1, 1.0)
FAMILIES = ("VideoCodec", "xarrayvideo x265", "xarrayvideo VP9", "JPEG 2000")
FIGURES = {"PSNR": "psnr", "SSIM": "ssim", "angle °": "spectral_angle"}
SHOWN = 80.0  #: dB; above, the figures would show little else
Curve = list[Evaluation]  # by rate


def measure(
    cases: Iterable[Case], *, quick: bool, effort: int, warn: Callable[[str], None]
) -> list[tuple[Case, list[SweepPoint]]]:
    """Evaluate all codecs on all cubes."""
    results = []
    for case in cases:
        warn(f"rate: {case}")
        points = []
        ours = {"VideoCodec": partial(VideoCodec, effort=effort)}
        if not quick:
            ours["Jpeg2kCodec"] = Jpeg2kCodec
        for name, codec in ours.items():
            for target in (35, 45, 55) if quick else range(30, 75, 5):
                found = evaluate_whole(case.data, codec(psnr=target, **case.words), warn)
                points.append(SweepPoint(name, "psnr", target, found))
                if target >= PSNRS[-1] and found.bits_per_pixel_per_band > RATES[-1]:
                    break
        for peer in rate_peers(case.bands, case.span, case.nodata, quick=quick):
            found = evaluate_whole(case.data, peer, warn)
            if found is not None:
                points.append(SweepPoint(peer.name, peer.setting, math.nan, found))
        results.append((case, points))
    return results


def curves_of(points: Sequence[SweepPoint]) -> dict[str, Curve]:
    """The points of each codec by rate, but those that waste bits.

    A point wastes bits where another of its codec is as good with fewer: x265 at quantiser 0, say.
    """
    curves: dict[str, Curve] = defaultdict(list)
    for point in points:
        curves[point.codec].append(point.evaluation)
    return {
        name: sorted(
            (
                e
                for e in curve
                if not any(o.stored_bytes < e.stored_bytes and o.psnr >= e.psnr for o in curve)
            ),
            key=lambda e: e.stored_bytes,
        )
        for name, curve in curves.items()
    }


def bits_at(curve: Curve, psnr: float) -> float | None:
    """Bits at a PSNR, their logarithm interpolated between points that lose something.

    Outside of these those of the least point that is better, which may be one without loss; None
    where there is none.
    """
    better = [e.bits_per_pixel_per_band for e in curve if e.psnr >= psnr]
    reached = sorted((e.psnr, e.bits_per_pixel_per_band) for e in curve if math.isfinite(e.psnr))
    if not reached or not reached[0][0] <= psnr <= reached[-1][0]:
        return min(better, default=None)
    qualities, bits = zip(*reached, strict=True)
    return float(np.exp(np.interp(psnr, qualities, np.log(bits))))


def quality_at(curve: Curve, bits: float, figure: str = "psnr") -> float | None:
    """PSNR or another figure at a rate, interpolated over the logarithm of bits.

    None outside of the curve, and where there is no such figure.
    """
    curve = [e for e in curve if math.isfinite(e.psnr)]
    rates = [e.bits_per_pixel_per_band for e in curve]
    if not rates or not rates[0] <= bits <= rates[-1]:
        return None
    found = float(np.interp(math.log(bits), np.log(rates), [getattr(e, figure) for e in curve]))
    return found if math.isfinite(found) else None


def rate_section(results: Sequence[tuple[Case, list[SweepPoint]]]) -> Section:
    """Bits at equal PSNR, cube by cube."""
    section = Section(
        "rate",
        "Rate and distortion",
        "Bits per pixel per band at the same PSNR (peak: the cube's valid range), interpolated "
        "between the measured points on either side; where there are none, those of the least "
        "point that is better, be it without loss; – where no point is so good. The "
        "last columns are MB/s of the data as stored at the point nearest to 45 dB, in one thread, "
        "but for x265 in xarrayvideo's recipe, which has threads of its own.",
    )
    for case, points in results:
        curves = curves_of(points)
        rows = []
        for name, curve in curves.items():
            near = min(curve, key=lambda e: abs(e.psnr - 45.0))
            rows.append(
                {
                    "codec": name,
                    **{f"{target:g} dB": bits_at(curve, target) for target in PSNRS},
                    "encode MB/s": near.encode_mb_per_s,
                    "decode MB/s": near.decode_mb_per_s,
                }
            )
        section.tables.append(Table(f"{case}. {_winners(rows)}", rows))
        section.figures |= draw(case, points)
        section.points += [{"cube": case.name, **point.to_dict()} for point in points]
    best = [
        Table(t.title, [row for row in t.rows if _is_best(row["codec"])]) for t in section.tables
    ]
    overviews = {
        key: overview(f"Bits at {key}", best, key, least_is_bold=True)
        for key in (f"{target:g} dB" for target in PSNRS)
    }
    speeds = {word: overview("", best, word) for word in SPEEDS}
    section.tables[:0] = [
        beside(f"{BESIDE}, at equal PSNR", overviews),
        medians("Speed near 45 dB, median of the cubes", speeds),
        *overviews.values(),
    ]
    return section


def draw(case: Case, points: Sequence[SweepPoint]) -> dict[str, Figure]:
    """One figure of our codecs and the best of each peer, and one of xarrayvideo's depths."""
    seen = [p for p in points if p.evaluation.psnr <= SHOWN]
    depths = [p for p in seen if p.codec == "VideoCodec" or p.codec.startswith("xarrayvideo")]
    name = f"rate_{case.name.replace(' ', '_')}"
    return {
        name: rate_distortion([p for p in seen if _is_best(p.codec)], title=str(case)),
        f"{name}_depths": rate_distortion(
            depths,
            title=f"{case}, xarrayvideo's coders and depths",
            label=lambda point: point.codec.removeprefix("xarrayvideo "),
        ),
    }


def _is_best(codec: str) -> bool:
    """Tell whether a codec is no lesser depth or way of another one."""
    if codec.startswith("JPEG 2000"):
        return "16 bit" in codec
    if "PCA" in codec:
        return codec.endswith("PCA 3")
    return not any(word in codec for word in (" 8 bit", " 10 bit"))


def _winners(rows: list[Row]) -> str:
    """Say who needs the fewest bits at each PSNR."""
    said = []
    for target in PSNRS:
        key = f"{target:g} dB"
        reached = [row for row in rows if row[key] is not None]
        if reached:
            said.append(f"{key} {min(reached, key=lambda row: row[key])['codec']}")
    return "Fewest bits: " + ", ".join(said) if said else ""


def paper_section(results: Sequence[tuple[Case, list[SweepPoint]]]) -> Section:
    """Quality at the paper's rates, and whether its order of codecs holds here."""
    section = Section(
        "paper",
        "Beside the paper on xarrayvideo",
        "PSNR in dB, SSIM and spectral angle at 0.1 and 1 bit per pixel per band, cube by cube. "
        "The paper's PSNR is of other cubes (its own, up to 1440×721) and relates to the largest "
        "value instead of the range: it tells the order of magnitude, and is no competitor of the "
        "rows below, all measured here.",
    )
    published = [{"cubes of the paper": k, "0.1": a, "1": b} for k, (a, b) in PAPER.items()]
    section.tables.append(Table("PSNR as published", published))
    here = []
    for case, points in results:
        curves = curves_of(points)
        row: Row = {"cube": str(case)}
        for rate in RATES:
            row |= {f"{family}, {rate:g}": best_at(curves, rate, family) for family in FAMILIES}
            section.points += _order(case, curves, rate)
        here.append(row)
    section.tables.append(Table("PSNR here, the best depth and way of each", here))
    section.tables.append(_verdicts(section.points))
    for case, points in results:
        rows = [
            {
                "codec": name,
                **{
                    f"{word} {rate:g}": quality_at(curve, rate, figure)
                    for word, figure in FIGURES.items()
                    for rate in RATES
                },
            }
            for name, curve in curves_of(points).items()
        ]
        section.tables.append(Table(str(case), rows))
    return section


def best_at(curves: dict[str, Curve], rate: float, prefix: str, suffix: str = "") -> float | None:
    """The best PSNR at a rate of the codecs whose names begin, and end, so."""
    found = [
        quality_at(curve, rate)
        for name, curve in curves.items()
        if name.startswith(prefix) and name.endswith(suffix)
    ]
    return max((value for value in found if value is not None), default=None)


def _order(case: Case, curves: dict[str, Curve], rate: float) -> list[Row]:
    """Put the questions about the paper's order of codecs to one cube at one rate."""
    best = partial(best_at, curves, rate)
    # The names of `Recipe`: what is left out or added follows the depth.
    x265, vp9 = "xarrayvideo x265", "xarrayvideo VP9"
    questions = {
        "x265 over VP9, 8 bit": (best(f"{x265} 8 bit"), best(f"{vp9} 8 bit")),
        "x265 over VP9, 12 bit": (best(f"{x265} 12 bit", " bit"), best(f"{vp9} 12 bit")),
        "x265 without its text over VP9, 12 bit": (
            best(f"{x265} 12 bit (info=0)"),
            best(f"{vp9} 12 bit"),
        ),
        "x265 over JPEG 2000, the best depth of each": (
            best(x265, " bit"),
            best("JPEG 2000"),
        ),
        "VP9 over JPEG 2000, the best depth of each": (best(vp9), best("JPEG 2000")),
        "12 over 8 bit, x265": (best(f"{x265} 12 bit", " bit"), best(f"{x265} 8 bit")),
        "12 over 8 bit, VP9": (best(f"{vp9} 12 bit"), best(f"{vp9} 8 bit")),
        "12 over 8 bit, JPEG 2000": (best("JPEG 2000 12 bit"), best("JPEG 2000 8 bit")),
        "PCA (all or three components) over bands, x265 12 bit": (
            best(f"{x265} 12 bit PCA "),
            best(f"{x265} 12 bit", " bit"),
        ),
        "VideoCodec over the best of xarrayvideo": (best("VideoCodec"), best("xarrayvideo")),
    }
    return [
        {"cube": case.name, "bits": rate, "question": question, "first": first, "second": second}
        for question, (first, second) in questions.items()
    ]


def _verdicts(answers: Sequence[Row]) -> Table:
    """On how many cubes each question has a yes, and by how many decibels."""
    rows = []
    for question in dict.fromkeys(answer["question"] for answer in answers):
        row: Row = {"question": question}
        for rate in RATES:
            gains = [
                a["first"] - a["second"]
                for a in answers
                if (a["question"], a["bits"]) == (question, rate)
                and None not in (a["first"], a["second"])
            ]
            wins = sum(gain > 0 for gain in gains)
            row[f"{rate:g} bit"] = f"{wins} of {len(gains)}" if gains else None
            row[f"gain at {rate:g} bit, dB"] = (
                f"{np.median(gains):+.1f} ({min(gains):+.1f} to {max(gains):+.1f})"
                if gains
                else None
            )
        rows.append(row)
    return Table(
        "Does the paper's order hold? On how many of the cubes where both reach the rate, and the "
        "median gain in PSNR (least to most)",
        rows,
    )
