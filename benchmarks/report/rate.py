"""Rate against distortion beside the peers, and the paper's tables.

Bits per pixel per band, PSNR over valid cells with the cube's valid range as the peak, SSIM,
spectral angle and time, each cube as one chunk.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from cubes import Case
from matplotlib.figure import Figure
from page import Row, Section, Table, evaluate_whole
from peers import rate_peers

from numcodecs_video import Jpeg2kCodec, VideoCodec
from numcodecs_video.plots import rate_distortion
from numcodecs_video.xarray import SweepPoint

PSNRS = (40.0, 45.0, 50.0, 55.0)
OURS = ("VideoCodec", "Jpeg2kCodec")
#: PSNR in dB at 0.1 and at 1 bit per pixel per band: Pellicer-Valero et al. (2025),
#: arXiv 2506.19656, abstract
PAPER = {
    "DynamicEarthNet": (55.86, 65.91),
    "DeepExtremeCubes": (40.60, 54.28),
    "ERA5": (46.58, 62.90),
    "SimpleS2": (43.23, 55.04),
}
RATES = (0.1, 1.0)
Curve = list[tuple[float, float]]  # bits, PSNR


def measure(
    cases: Iterable[Case], *, quick: bool, effort: int, warn: Callable[[str], None]
) -> list[tuple[Case, list[SweepPoint]]]:
    """Evaluate all codecs on all cubes."""
    results = []
    for case in cases:
        warn(f"rate: {case}")
        points = []
        targets = (35, 45, 55) if quick else (30, 35, 40, 45, 50, 55, 60)
        for target in targets:
            codecs = {"VideoCodec": VideoCodec(psnr=target, effort=effort, **case.words)}
            if not quick:
                codecs["Jpeg2kCodec"] = Jpeg2kCodec(psnr=target, **case.words)
            for name, codec in codecs.items():
                found = evaluate_whole(case.data, codec, warn)
                points.append(SweepPoint(name, "psnr", target, found))
        for peer in rate_peers(case.bands, case.span, case.nodata, quick=quick):
            found = evaluate_whole(case.data, peer, warn)
            if found is not None:
                points.append(SweepPoint(peer.name, peer.setting, math.nan, found))
        results.append((case, points))
    return results


def curves_of(points: Sequence[SweepPoint]) -> dict[str, Curve]:
    """The points of each codec that lose something, by rate, but those that waste bits.

    A point wastes bits where another of its codec is as good with fewer: x265 at quantiser 0, say.
    """
    curves: dict[str, Curve] = defaultdict(list)
    for point in points:
        found = point.evaluation
        if math.isfinite(found.psnr):
            curves[point.codec].append((found.bits_per_pixel_per_band, found.psnr))
    return {
        name: sorted(
            (bits, quality)
            for bits, quality in curve
            if not any(b < bits and q >= quality for b, q in curve)
        )
        for name, curve in curves.items()
    }


def bits_at(curve: Curve, psnr: float) -> float | None:
    """Bits at a PSNR, their logarithm interpolated; None outside of the curve."""
    reached = sorted((quality, bits) for bits, quality in curve)
    if not reached or not reached[0][0] <= psnr <= reached[-1][0]:
        return None
    qualities, bits = zip(*reached, strict=True)
    return float(np.exp(np.interp(psnr, qualities, np.log(bits))))


def psnr_at(curve: Curve, bits: float) -> float | None:
    """PSNR at a rate, interpolated over the logarithm of bits; None outside of the curve."""
    if not curve or not curve[0][0] <= bits <= curve[-1][0]:
        return None
    rates, qualities = zip(*curve, strict=True)
    return float(np.interp(math.log(bits), np.log(rates), qualities))


def rate_section(results: Sequence[tuple[Case, list[SweepPoint]]]) -> Section:
    """Bits at equal PSNR, cube by cube."""
    section = Section(
        "rate",
        "Rate and distortion",
        "Bits per pixel per band at the same PSNR (peak: the cube's valid range), interpolated "
        "between the measured points on either side; – where a codec's points do not reach. The "
        "last columns are MB/s of the data as stored, one thread, at the point nearest to 45 dB.",
    )
    for case, points in results:
        curves = curves_of(points)
        rows = []
        for name in curves:
            near = min(
                (p.evaluation for p in points if p.codec == name),
                key=lambda e: abs(e.psnr - 45.0),
            )
            rows.append(
                {
                    "codec": name,
                    **{f"{target:g} dB": bits_at(curves[name], target) for target in PSNRS},
                    "encode MB/s": near.encode_mb_per_s,
                    "decode MB/s": near.decode_mb_per_s,
                }
            )
        section.tables.append(Table(f"{case}. {_winners(rows)}", rows))
        section.figures |= draw(case, points)
        section.points += [{"cube": case.name, **point.to_dict()} for point in points]
    return section


def draw(case: Case, points: Sequence[SweepPoint]) -> dict[str, Figure]:
    """One figure of our codecs and the best of each peer, and one of xarrayvideo's depths."""
    lossy = [p for p in points if math.isfinite(p.evaluation.psnr)]
    main = [
        p for p in lossy if not any(w in p.codec for w in (" 10 bit", " 8 bit", "x265 12 bit ("))
    ]
    depths = [p for p in lossy if p.codec == "VideoCodec" or p.codec.startswith("xarrayvideo")]
    name = f"rate_{case.name.replace(' ', '_')}"
    return {
        name: rate_distortion(main, title=str(case)),
        f"{name}_depths": rate_distortion(
            depths,
            title=f"{case}, xarrayvideo's coders and depths",
            label=lambda point: point.codec.removeprefix("xarrayvideo "),
        ),
    }


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
    """PSNR at the paper's rates, and whether its order of codecs holds here."""
    section = Section(
        "paper",
        "Beside the paper on xarrayvideo",
        "PSNR in dB at 0.1 and 1 bit per pixel per band. The paper's figures are of other cubes "
        "(its own, up to 1440×721) and relate to the largest value instead of the range: they tell "
        "the order of magnitude, and are no competitors of the rows below, all measured here.",
    )
    published = [{"cubes of the paper": k, "0.1": a, "1": b} for k, (a, b) in PAPER.items()]
    section.tables.append(Table("As published", published))
    checks: list[Row] = []
    for case, points in results:
        curves = curves_of(points)
        rows = [
            {"codec": name, **{f"{rate:g}": psnr_at(curve, rate) for rate in RATES}}
            for name, curve in curves.items()
        ]
        section.tables.append(Table(str(case), rows))
        checks += [_order(case, curves, rate) for rate in RATES]
    section.tables.append(
        Table("Does the paper's order hold? (– where a curve does not reach the rate)", checks)
    )
    return section


def _order(case: Case, curves: dict[str, Curve], rate: float) -> Row:
    """Compare the best of each family at a rate."""

    def best(*words: str) -> float | None:
        found = [
            psnr_at(curve, rate)
            for name, curve in curves.items()
            if all(word in name for word in words)
            and name not in OURS
            and ("info=0" in name) == ("info=0" in words)
        ]
        return max((value for value in found if value is not None), default=None)

    def above(a: float | None, b: float | None) -> str | None:
        return None if a is None or b is None else f"{'yes' if a > b else 'no'} ({a:.1f}, {b:.1f})"

    x265, vp9, jpeg = best("x265", "8 bit"), best("VP9", "8 bit"), best("JPEG 2000")
    bare = best("info=0")
    deep, deep_vp9 = best("x265 12 bit"), best("VP9 12 bit")
    return {
        "cube": case.name,
        "bits": rate,
        "x265 > VP9 (8 bit)": above(x265, vp9),
        "x265 > VP9 (12 bit)": above(deep, deep_vp9),
        "x265 info=0 > VP9 (12 bit)": above(bare, deep_vp9),
        "VP9 > JPEG 2000": above(best("VP9"), jpeg),
        "x265 > JPEG 2000": above(best("x265"), jpeg),
        "12 bit > 8 bit (x265)": above(deep, x265),
        "12 bit > 8 bit (VP9)": above(deep_vp9, vp9),
        "PCA > bands (x265)": above(
            best("PCA"), psnr_at(curves.get("xarrayvideo x265 12 bit", []), rate)
        ),
        "ours > all of xarrayvideo": above(
            psnr_at(curves.get("VideoCodec", []), rate), best("xarrayvideo")
        ),
    }
