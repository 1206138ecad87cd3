"""What each effort buys: every constant that depends on it, nine rows in one table.

The figures behind the rows are in ``docs/decisions.md``; ``benchmarks/encoder_settings.py``
measures those of the encoders again, ``benchmarks/report`` the ladder as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["EFFORTS", "Effort"]


@dataclass(frozen=True)
class Effort:
    """One row: how encoders are run, and how much is tried.

    Parameters
    ----------
    number : int
        1 to 9.
    x26 : str
        Preset of x265 and x264.
    x265, x265_light : tuple of (str, str)
        Other options of x265 for lossy streams, and those that replace some of them where a stream
        is not worth so much time.
    vp9 : int
        libvpx's ``cpu-used``.
    av1 : int
        SVT-AV1's preset.
    jpegxl : int
        libjxl's effort, where ``direct_others`` or a draft of such an effort tries it.
    zstd, pcodec : int
        Levels.
    trial_cells : float
        Cells of the part that candidates are tried on: enough to rank by, few enough to be cheap.
    draft : int
        The effort of encodes that decide under a bound whether a base is made, and which.
    sketch : int
        That of encodes which only rank quantisers and arrangements: they may be crude.
    sketch_gain : float
        Octaves of mean square error by which encodes lie below such sketches, in the mean.
    model : str
        The adaptive coder's model of numbers. "quick" is 2 to 10 % larger than "whole" in the mean
        and about twice as fast, "express" another 6 % larger and three to four times as fast.
    contexts : bool
        Maps of missing cells by the adaptive coder, where they are large.
    deltas : bool
        Differences in time by the coder that the user named.
    direct_others : bool
        JPEG XL, FFV1 and HEVC without loss beside the adaptive coder.
    splits : bool
        Floats without loss in two parts.
    structures : bool
        Search how pictures depend on each other, from several quantisers. Where not, ``sketch``,
        ``sketch_gain``, ``drafts`` and ``draft_cells`` tell whether frames of one band are grouped,
        and ``quick`` and ``quick_drafts`` mean nothing.
    groups : int
        Where not, how many numbers of frames are tried, as long as each is better than the last.
    thorough : bool
        Go on over temporal layers and other key pictures.
    quantisers : int
        Quantisers tried of a base.
    drafts : int
        Encodes of a part to learn where those that meet a distortion begin.
    estimates : bool
        Price residuals of trials by their entropy in context, instead of encoding them: on a part
        of the chunk, what the coder has yet to learn counts too much.
    draft_cells : float
        As ``trial_cells``, where a distortion is to be met.
    quick, quick_drafts : bool
        Fewer arrangements of pictures, under a bound and for a distortion.
    base_rate : float
        Bits a sample of the best coder without a base beyond which no base is tried: it would
        only add noise.
    innovation : float
        Innovation in the bound's steps beyond which no base is tried; where it is infinite,
        nothing is known of it.
    hopeless : float
        A base so many times larger than the best of the others is given up.
    residual_ffv1 : bool
        FFV1 for residuals.
    lower : int
        The effort whose own choice is made in full as well; 0 is none.
    keep : int
        Full encodes to choose among; with 1, a close second is made as well.
    encodes : int
        Full encodes to meet a distortion.
    closer : int
        More of them to come within 0.1 dB.
    reorder : bool
        Try similar frames next to each other.
    """

    number: int
    x26: str
    x265: tuple[tuple[str, str], ...]
    x265_light: tuple[tuple[str, str], ...]
    vp9: int
    av1: int
    jpegxl: int
    zstd: int
    pcodec: int
    trial_cells: float
    draft: int
    sketch: int
    sketch_gain: float
    model: str
    contexts: bool
    deltas: bool
    direct_others: bool
    splits: bool
    structures: bool
    groups: int
    thorough: bool
    quantisers: int
    drafts: int
    estimates: bool
    draft_cells: float
    quick: bool
    quick_drafts: bool
    base_rate: float
    innovation: float
    hopeless: float
    residual_ffv1: bool
    lower: int
    keep: int
    encodes: int
    closer: int
    reorder: bool

    def options(
        self, coder: str, *, lossy: bool, light: bool = False
    ) -> tuple[tuple[str, str], ...]:
        """The settings of a coder at this effort, in its own words; none for one without.

        Parameters
        ----------
        coder : str
        lossy : bool
        light : bool
            Whether the stream is not worth so much time.
        """
        words = _OPTIONS.get(coder)
        return () if words is None else words(self, lossy, light)


_Words = tuple[tuple[str, str], ...]


def _hevc(effort: Effort, lossy: bool, light: bool) -> _Words:
    options = effort.x265 + (effort.x265_light if light else ())
    return ("preset", effort.x26), *(options if lossy else ())


_OPTIONS: dict[str, Callable[[Effort, bool, bool], _Words]] = {
    "hevc": _hevc,
    "h264": lambda effort, *_: (("preset", effort.x26),),
    "vp9": lambda effort, *_: (("cpu-used", str(effort.vp9)),),
    "av1": lambda effort, *_: (("preset", str(effort.av1)),),
    "jpegxl": lambda effort, *_: (("effort", str(effort.jpegxl)),),
    "zstd": lambda effort, *_: (("level", str(effort.zstd)),),
    "pcodec": lambda effort, *_: (("level", str(effort.pcodec)),),
    "adaptive": lambda effort, *_: (
        ("effort", str(effort.number)),
        ("model", effort.model),
    ),
}

# What suits noise and smooth fields better than x265's presets, which are for films.
_X265: _Words = (
    ("bframes", "3"),
    ("deblock", "-2"),
    ("max-merge", "5"),
    ("rdpenalty", "1"),
    ("strong-intra-smoothing", "0"),
    ("temporal-mvp", "0"),
)
_X265_FAST: _Words = (*_X265, ("sao", "0"))
_X265_RDOQ: _Words = (*_X265, ("rdoq-level", "2"), ("subme", "3"))
_X265_FULL: _Words = (*_X265_RDOQ, ("tu-inter-depth", "2"), ("rd", "6"))

# fmt: off
_COLUMNS: dict[str, tuple[object, ...]] = {
    # effort          1      2      3      4      5      6      7      8      9
    "x26": (
        "ultrafast", "veryfast", "fast", "medium", "medium", "medium", "medium", "medium", "medium",
    ),
    "number":        (1,     2,     3,     4,     5,     6,     7,     8,     9),
    "x265": (
        (), _X265_FAST, (*_X265_FAST, ("rdoq-level", "2")), _X265_RDOQ, *5 * (_X265_FULL,),
    ),
    "x265_light":    (*4 * ((),), (("rd", "4"), ("rskip", "0")), *4 * ((),)),
    "vp9":           (8,     6,     5,     4,     3,     2,     1,     1,     0),
    "av1":           (12,    11,    10,    8,     6,     5,     4,     3,     2),
    "jpegxl":        (7,     7,     7,     7,     7,     7,     9,     9,     9),
    "zstd":          (1,     3,     3,     6,     9,     12,    15,    19,    22),
    "pcodec":        (6,     8,     8,     10,    12,    12,    12,    12,    12),
    "trial_cells":   (5e4,   5e4,   5e4,   1e5,   1e5,   1e5,   8e5,   32e5,  math.inf),
    "draft":         (1,     2,     3,     4,     4,     4,     4,     4,     4),
    "sketch":        (1,     1,     1,     1,     1,     1,     4,     4,     4),
    "sketch_gain":   (0.0,   0.0,   0.0,   0.4,   0.6,   0.6,   0.15,  0.15,  0.15),
    "model": (
        "express", "quick", "whole", "whole", "whole", "whole", "whole", "whole", "whole",
    ),
    "contexts":      (False, True,  True,  True,  True,  True,  True,  True,  True),
    "deltas":        (False, False, True,  True,  True,  True,  True,  True,  True),
    "direct_others": (False, False, False, False, False, False, True,  True,  True),
    "splits":        (False, False, False, True,  True,  True,  True,  True,  True),
    "structures":    (False, False, False, True,  True,  True,  True,  True,  True),
    "groups":        (2,     1,     1,     0,     0,     0,     0,     0,     0),
    "thorough":      (False, False, False, False, False, False, False, True,  True),
    "quantisers":    (1,     2,     2,     3,     5,     5,     8,     11,    12),
    "drafts":        (2,     2,     2,     2,     2,     2,     4,     4,     4),
    "draft_cells":   (1e5,   1e5,   1e5,   1e5,   3e5,   3e5,   16e5,  64e5,  math.inf),
    "quick_drafts":  (True,  True,  True,  True,  True,  True,  False, False, False),
    "estimates":     (True,  True,  True,  True,  True,  True,  True,  True,  False),
    "quick":         (True,  True,  True,  True,  True,  True,  False, False, False),
    "base_rate":     (2,     2,     2,     2,     2,     2,     9,     99,    99),
    "innovation":    (0.26,  *8 * (math.inf,)),
    "hopeless":      (1.1,   1.1,   1.1,   1.15,  1.15,  1.15,  1.3,   1.3,   1.3),
    "residual_ffv1": (False, False, False, False, False, False, True,  True,  True),
    "lower":         (0,     0,     0,     0,     0,     0,     6,     6,     6),
    "keep":          (1,     1,     1,     1,     1,     3,     3,     3,     3),
    "encodes":       (4,     5,     5,     6,     6,     7,     8,     9,     10),
    "closer":        (0,     0,     0,     0,     0,     1,     1,     2,     3),
    "reorder":       (False, False, False, False, False, False, False, False, True),
}
# fmt: on

#: the row of effort ``n`` at ``n - 1``
EFFORTS: tuple[Effort, ...] = tuple(
    Effort(**{name: column[row] for name, column in _COLUMNS.items()})  # type: ignore[arg-type]
    for row in range(9)
)
