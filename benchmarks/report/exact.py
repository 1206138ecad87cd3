"""Under a largest error, and without loss: bits beside the peers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from cubes import Case
from page import BESIDE, SPEEDS, Section, Table, beside, evaluate_whole, medians, overview
from peers import bounded_peers, lossless_peers

from numcodecs_video import Jpeg2kCodec, VideoCodec

PARTS = (0.01, 0.001)  #: of the range
#: bits per pixel of xarrayvideo's README, on its own cube of 495×128×128
PAPER = {"SCL": 0.1001, "cloud mask": 0.3403}


def bounded_section(
    cases: Iterable[Case], *, quick: bool, effort: int, warn: Callable[[str], None]
) -> Section:
    """Bits per pixel per band under an error that holds for every cell."""
    section = Section(
        "bounded",
        "Under a largest error",
        "Bits per pixel per band with every valid cell within the bound, which is a part of the "
        "cube's range (whole counts for integers); `largest` is the largest error found, in units "
        "of the bound. A codec that breaks the bound is marked.",
    )
    parts = PARTS[:1] if quick else PARTS
    for case in cases:
        warn(f"bounded: {case}")
        for part in parts:
            bound = part * case.span
            if case.array.dtype.kind in "iu":
                bound = float(max(1, math.floor(bound)))
            named = {"VideoCodec": VideoCodec(max_error=bound, effort=effort, **case.words)}
            if not quick:
                named["Jpeg2kCodec"] = Jpeg2kCodec(max_error=bound, **case.words)
            for peer in bounded_peers(bound, case.array, case.nodata):
                named[peer.name] = peer
            rows = []
            for name, codec in named.items():
                found = evaluate_whole(case.data, codec, warn)
                if found is None:
                    continue
                kept = found.largest_error <= bound
                rows.append(
                    {
                        "codec": name,
                        "bits": found.bits_per_pixel_per_band,
                        "largest": found.largest_error / bound,
                        "kept": "yes" if kept else "NO",
                        "encode MB/s": found.encode_mb_per_s,
                        "decode MB/s": found.decode_mb_per_s,
                    }
                )
                section.points.append(
                    {
                        **found.to_dict(),
                        "cube": case.name,
                        "bound": bound,
                        "codec": name,
                        "settings": found.codec,
                    }
                )
            kept_rows = [row for row in rows if row["kept"] == "yes"]
            best = min(kept_rows, key=lambda row: row["bits"])["codec"]
            section.tables.append(
                Table(f"{case}, {100 * part:g} %: ±{bound:.4g}. Fewest bits: {best}", rows)
            )
    return with_overviews(
        section, "kept", {f"within {100 * p:g} %": f", {100 * p:g} %: " for p in parts}
    )


def lossless_section(
    cases: Iterable[Case],
    classes: Iterable[Case],
    *,
    effort: int,
    warn: Callable[[str], None],
) -> Section:
    """Bits per pixel per band with nothing lost."""
    published = ", ".join(f"{name} {bits}" for name, bits in PAPER.items())
    section = Section(
        "lossless",
        "Without loss",
        "Bits per pixel per band, every value compared. Zarr's default is Zstandard at its default "
        "level on the whole chunk. For masks and classes, the paper's library reports (on its own "
        f"cube of 495×128×128, by FFV1): {published} bits per pixel.",
    )
    for case in (*cases, *classes):
        warn(f"lossless: {case}")
        named = {"VideoCodec": VideoCodec(effort=effort, **case.words)}
        named |= {peer.name: peer for peer in lossless_peers(case.array)}
        rows = []
        for name, codec in named.items():
            found = evaluate_whole(case.data, codec, warn)
            if found is None:
                continue
            same = found.rmse == 0.0 and found.missing_changed == 0
            rows.append(
                {
                    "codec": name,
                    "bits": found.bits_per_pixel_per_band,
                    "ratio": found.ratio,
                    "exact": "yes" if same else "NO",
                    "encode MB/s": found.encode_mb_per_s,
                    "decode MB/s": found.decode_mb_per_s,
                }
            )
            section.points.append(
                {**found.to_dict(), "cube": case.name, "codec": name, "settings": found.codec}
            )
        best = min((r for r in rows if r["exact"] == "yes"), key=lambda row: row["bits"])
        section.tables.append(Table(f"{case}. Fewest bits: {best['codec']}", rows))
    return with_overviews(section, "exact", {"without loss": ""})


def with_overviews(section: Section, held: str, groups: Mapping[str, str]) -> Section:
    """Put bits and speeds of all cubes first, of the codecs that held to the promise.

    ``groups`` names the columns of the comparison by a part of the titles that belong there.
    """
    tables = [
        Table(table.title, [row for row in table.rows if row[held] == "yes"])
        for table in section.tables
    ]
    bits = {
        name: overview("", [table for table in tables if word in table.title], "bits")
        for name, word in groups.items()
    }
    speeds = {word: overview("", tables, word) for word in SPEEDS}
    section.tables[:0] = [
        beside(BESIDE, bits),
        medians("Speed, median of the cubes", speeds),
        overview("Bits, all cubes", tables, "bits", least_is_bold=True),
    ]
    return section
