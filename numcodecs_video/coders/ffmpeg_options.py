"""What FFmpeg's encoders are told, and which raw options an expert may set.

The encoders parse options in C, where a value out of range can end the process (libx265 with a
negative qp does), so only names listed here pass, each with the values it may take.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from numcodecs_video.coders.structure import PLAIN, RATIOS, Structure
from numcodecs_video.errors import VideoCodecError

__all__ = ["check_options", "encoder_options", "structure_options"]

_X26_PRESETS = "ultrafast|superfast|veryfast|faster|fast|medium|slow|slower|veryslow"
_FLAG = "[01]"
#: pictures that x265 has to look ahead to arrange runs of them: fast presets do by fewer
_LOOKAHEAD = ("rc-lookahead", "20")
#: sides of x265's coding tree units
_UNITS = (64, 32, 16)
_SMALL = r"\d|1[0-6]"
_RATIO = r"\d(\.\d{1,4})?"

#: option name -> pattern of the values it may take, for each coder
ALLOWED: Mapping[str, Mapping[str, str]] = {
    "hevc": {
        "preset": _X26_PRESETS,
        "tune": "psnr|ssim|grain|fastdecode",
        "ctu": "16|32|64",
        "min-cu-size": "8|16|32",
        "max-tu-size": "4|8|16|32",
        "rd": "[1-6]",
        "rdoq-level": "[0-2]",
        "psy-rd": _RATIO,
        "psy-rdoq": _RATIO,
        "ipratio": _RATIO,
        "pbratio": _RATIO,
        "bframes": _SMALL,
        "b-adapt": "[0-2]",
        "b-pyramid": _FLAG,
        "ref": "[1-9]|1[0-6]",
        "me": "dia|hex|umh|star|sea|full",
        "subme": "[0-7]",
        "merange": r"\d{1,3}",
        "max-merge": "[1-5]",
        "rect": _FLAG,
        "amp": _FLAG,
        "sao": _FLAG,
        "deblock": rf"{_FLAG}|-?[0-6](:-?[0-6])?",
        "rc-lookahead": r"\d|[1-4]\d",
        "weightp": _FLAG,
        "weightb": _FLAG,
        "limit-refs": "[0-3]",
        "limit-modes": _FLAG,
        "tskip": _FLAG,
        "strong-intra-smoothing": _FLAG,
        "b-intra": _FLAG,
        "signhide": _FLAG,
        "early-skip": _FLAG,
        "tu-intra-depth": "[1-4]",
        "tu-inter-depth": "[1-4]",
        "temporal-mvp": _FLAG,
        "rdpenalty": "[0-2]",
        "rskip": "[0-2]",
    },
    "h264": {
        "preset": _X26_PRESETS,
        "tune": "film|grain|psnr|ssim|fastdecode",
        "bf": _SMALL,
        "refs": "[1-9]|1[0-6]",
        "trellis": "[0-2]",
        "deblock": r"-?[0-6]:-?[0-6]",
        "psy": _FLAG,
    },
    "vp9": {
        "deadline": "good|best|realtime",
        "cpu-used": "[0-8]",
        "lag-in-frames": r"\d|1\d|2[0-5]",
        "auto-alt-ref": _FLAG,
        "arnr-maxframes": r"\d|1[0-5]",
        "arnr-strength": "[0-6]",
        "aq-mode": "[0-4]",
        "tune-content": "default|screen|film",
        "sharpness": "[0-7]",
        "static-thresh": r"\d{1,4}",
    },
    "av1": {
        "preset": r"\d|1[0-2]",
        "tune": "[0-2]",
        "enable-tf": _FLAG,
        "hierarchical-levels": "[2-5]",
        "scm": "[0-3]",
        "enable-cdef": _FLAG,
        "enable-restoration": _FLAG,
        "aq-mode": "[0-2]",
    },
    "ffv1": {
        "coder": "[012]",
        "context": _FLAG,
    },
}


def check_options(coder: str, options: Mapping[str, str]) -> None:
    """Refuse raw options that this coder does not take, or values that it cannot.

    Raises
    ------
    VideoCodecError
        Naming the option and what is allowed.
    """
    allowed = ALLOWED[coder]
    for name, value in options.items():
        if name not in allowed:
            raise VideoCodecError(
                f"{coder} takes no option {name!r} here; the options are {', '.join(allowed)}"
            )
        if not re.fullmatch(allowed[name], value):
            raise VideoCodecError(
                f"option {name!r} of {coder} must match {allowed[name]!r}, got {value!r}"
            )


def _joined(params: Mapping[str, object]) -> str:
    return ":".join(f"{k}={v}" for k, v in params.items())


def safe_units(height: int, width: int, options: Mapping[str, str]) -> dict[str, str]:
    """Coding tree units of which no side of a picture is exactly one.

    libx265 (PyAV 13 to 19) codes pictures one unit wide wrongly, and pictures one unit tall by what
    the process encoded before them; ``tests/safety`` guards both. Nothing is smaller than 16, so no
    side may be that.
    """
    sides = height, width
    # libx265 takes the largest unit that fits the picture by itself, and refuses to be told more.
    most = min(int(options.get("ctu", "64")), *sides)
    fitting = [n for n in _UNITS if n <= most]
    safe = next((n for n in fitting if n not in sides), _UNITS[-1])
    return {} if fitting[:1] == [safe] else {"ctu": str(safe)}


def structure_options(structure: Structure) -> tuple[tuple[str, str], ...]:
    """The raw options of x265 for an arrangement of pictures."""
    found = []
    if structure.ratios != PLAIN:
        intra, inter = RATIOS[structure.ratios]
        found += [("ipratio", f"{intra:g}"), ("pbratio", f"{inter:g}")]
    if structure.run:
        found += [("b-adapt", "0"), ("bframes", str(structure.run)), _LOOKAHEAD]
    if structure.layers:
        found += [("b-adapt", "0"), ("bframes", str(2 ** (structure.layers - 1) - 1))]
        found += [("temporal-layers", str(structure.layers)), _LOOKAHEAD]
    return tuple(found)


def encoder_options(
    coder: str, quantiser: int | None, options: Mapping[str, str], frames: int
) -> dict[str, str]:
    """The options of one encoder call, in FFmpeg's words.

    Parameters
    ----------
    coder : str
        ``hevc``, ``h264``, ``vp9``, ``av1`` or ``ffv1``.
    quantiser : int, optional
        Constant; None is lossless.
    options : mapping
        Those of an effort, and raw options, checked by :func:`check_options`.
    frames : int
        Frames of the segment: one intra frame, then none.
    """
    return _BUILDERS[coder](quantiser, dict(options), frames)


def _hevc(quantiser: int | None, options: dict[str, str], frames: int) -> dict[str, str]:
    out = {"preset": options.pop("preset", "medium"), "tune": options.pop("tune", "psnr")}
    # pools, frame-threads and wpp change the bytes with the machine: fixed. info=0 leaves out a
    # 2 kB message that names the encoder's settings in every stream.
    params: dict[str, object] = {
        "info": 0, "log-level": "none", "pools": "none", "frame-threads": 1, "wpp": 0,
        "keyint": -1, "scenecut": 0,
    }  # fmt: skip
    params |= {"lossless": 1} if quantiser is None else {"qp": quantiser}
    return {**out, "x265-params": _joined(params | options)}


def _h264(quantiser: int | None, options: dict[str, str], frames: int) -> dict[str, str]:
    out = {"tune": "psnr", "qp": str(quantiser or 0), "g": str(frames), "sc_threshold": "0"}
    return out | {"x264-params": "scenecut=0"} | options


def _vp9(quantiser: int | None, options: dict[str, str], frames: int) -> dict[str, str]:
    out = {"deadline": "good", "row-mt": "0"}
    out |= {"b": "0", "g": str(max(frames, 1)), "frame-parallel": "0"}
    constant = str(quantiser)
    out |= (
        {"lossless": "1"}
        if quantiser is None
        else {"crf": constant, "qmin": constant, "qmax": constant}
    )
    return out | options


def _av1(quantiser: int | None, options: dict[str, str], frames: int) -> dict[str, str]:
    out = {"preset": options.pop("preset", "8")}
    # The temporal filter denoises key frames, which no fidelity allows. lp=1: one thread.
    params: dict[str, object] = {"rc": 0, "lp": 1, "enable-tf": 0, "aq-mode": 0, "keyint": -1}
    params |= {"lossless": 1} if quantiser is None else {"qp": max(quantiser, 1)}
    return {**out, "svtav1-params": _joined(params | options)}


def _ffv1(quantiser: int | None, options: dict[str, str], frames: int) -> dict[str, str]:
    # Level 1 keeps its small header in the key frame and codes a frame in one slice, 1-2 % smaller.
    # Level 3 has 200 bytes of extradata, for which the payload has no place: no option for it.
    return {"level": "1", "context": "0", "g": str(max(frames, 1))} | options


_BUILDERS = {"hevc": _hevc, "h264": _h264, "vp9": _vp9, "av1": _av1, "ffv1": _ffv1}
