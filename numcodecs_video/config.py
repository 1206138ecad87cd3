"""The frozen, validated, JSON-safe settings that both Zarr formats share.

Knows the words a user may say (fidelity, axes, codec names) and how they travel as JSON; knows
nothing of arrays, encoders or payloads.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self, SupportsInt, TypeGuard, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numcodecs_video.errors import VideoCodecError

__all__ = [
    "Axes",
    "BandBasis",
    "Fidelity",
    "Jpeg2kParameters",
    "Jpeg2kSettings",
    "Settings",
    "UnreadableSettings",
    "VideoParameters",
    "default_axes",
    "is_integer",
    "parse_axes",
    "parse_nodata",
]

CodecName = Literal["auto", "hevc", "vp9", "ffv1", "av1", "h264"]
Jpeg2kName = Literal["jpeg2k", "htj2k"]
FidelityKind = Literal["lossless", "max_error", "max_relative_error", "rmse", "psnr", "qp"]
Depth = Literal[8, 9, 10, 12, 14, 16]
Axes = str

CODEC_NAMES: tuple[str, ...] = get_args(CodecName)
FIDELITY_KINDS: tuple[str, ...] = get_args(FidelityKind)
DEPTHS: tuple[int, ...] = get_args(Depth)

#: settings that are no numbers but whole ones
INTEGERS = frozenset(("pca", "qp", "bits", "gop", "effort"))

#: the quantiser scale of each encoder; ffv1 has none, it is lossless
QP_RANGES = {"auto": 51, "hevc": 51, "h264": 51, "vp9": 63, "av1": 63}

_UNITS = {
    "max_error": "in the data's units",
    "max_relative_error": "as a fraction of each value, below 1",
    "rmse": "in the data's units",
    "psnr": "in dB",
}


def is_integer(value: object) -> TypeGuard[SupportsInt]:
    """A Python or numpy integer; booleans are no numbers here."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _parse_number(name: str, value: object, allowed: str) -> float:
    """A finite float out of a Python or numpy real number; booleans are no numbers here."""
    if getattr(value, "shape", None) == ():  # an array of no dimensions: what a reduction returns
        value = np.asarray(value)[()]
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise VideoCodecError(f"{name} must be {allowed}, got {value!r}")
    number = float(value)
    if not math.isfinite(number):
        raise VideoCodecError(f"{name} must be {allowed}, got {value!r}")
    return number


def _parse_integer(name: str, value: object, low: int, high: int) -> int:
    """An int within ``low..high`` out of a Python or numpy integer."""
    if not is_integer(value) or not low <= int(value) <= high:
        raise VideoCodecError(f"{name} must be an integer from {low} to {high}, got {value!r}")
    return int(value)


def _whole(name: str, value: object) -> object:
    """An integer setting out of JSON, which has one type of number: other writers say 5.0 for 5."""
    is_whole = name in INTEGERS and isinstance(value, float) and value.is_integer()
    return int(value) if is_whole else value  # type: ignore[call-overload]  # it is a float


@dataclass(frozen=True)
class Fidelity:
    """The promise: one kind and its value.

    Parameters
    ----------
    kind : {"lossless", "max_error", "max_relative_error", "rmse", "psnr", "qp"}
        What is promised.
    value : float or int
        The bound in the data's units, the relative bound, dB, or the encoder's own scale; 0 for
        ``lossless``.
    """

    kind: FidelityKind = "lossless"
    value: float | int = 0

    @classmethod
    def parse(cls, words: Mapping[str, object]) -> Self:
        """The one fidelity among the keyword settings, ``lossless`` when there is none."""
        lossless = words.get("lossless")
        if lossless not in (None, True, False):
            raise VideoCodecError(f"lossless must be True or left out, got {lossless!r}")
        said = [k for k in FIDELITY_KINDS if k != "lossless" and words.get(k) is not None]
        if lossless:
            said.insert(0, "lossless")
        if len(said) > 1:
            raise VideoCodecError(
                f"state one fidelity, got {' and '.join(said)}; they are alternatives"
            )
        if not said:
            if lossless is False:
                raise VideoCodecError(
                    "lossless=False needs another fidelity: max_error, max_relative_error, rmse, "
                    "psnr or qp"
                )
            return cls()
        kind = said[0]
        if kind == "lossless":
            return cls()
        if kind == "qp":
            return cls("qp", _parse_integer("qp", words["qp"], 0, max(QP_RANGES.values())))
        allowed = f"a positive finite number {_UNITS[kind]}"
        value = _parse_number(kind, words[kind], allowed)
        if value <= 0 or (kind == "max_relative_error" and value >= 1):
            raise VideoCodecError(f"{kind} must be {allowed}, got {words[kind]!r}")
        return cls(kind, value)  # type: ignore[arg-type]  # kind is one of FIDELITY_KINDS

    def __str__(self) -> str:
        return self.kind if self.kind == "lossless" else f"{self.kind}={self.value:g}"


def parse_axes(axes: object) -> Axes | None:
    """Check a string of axis letters: any number of ``t`` and ``c``, one ``y`` and one ``x``."""
    if axes is None:
        return None
    if (
        not isinstance(axes, str)
        or set(axes) - set("tcyx")
        or axes.count("y") != 1
        or axes.count("x") != 1
    ):
        raise VideoCodecError(
            "axes must hold one letter a dimension, 't' or 'c' any number of times and 'y' and 'x' "
            f"once each, such as 'tyx' or 'tcyx'; got {axes!r}"
        )
    return axes


def default_axes(ndim: int) -> Axes:
    """The axes of a chunk whose settings name none: the last two are y and x.

    >>> [default_axes(n) for n in (2, 3, 4, 5)]
    ['yx', 'tyx', 'tcyx', 'ttcyx']
    """
    if ndim < 2:
        return ""
    return {2: "yx", 3: "tyx"}.get(ndim, "t" * (ndim - 3) + "cyx")


@dataclass(frozen=True)
class BandBasis:
    """A fixed orthonormal basis over the bands, as it travels in the codec's JSON.

    Parameters
    ----------
    bands : int
        Number of bands, C.
    components : bytes
        Little-endian float32, shape (P, C), one row per component.
    mean : bytes
        Little-endian float32, shape (C,).
    """

    bands: int
    components: bytes
    mean: bytes

    def __post_init__(self) -> None:
        if self.bands < 1 or len(self.mean) != 4 * self.bands:
            raise VideoCodecError("a band basis needs a mean of one float32 a band")
        if not self.components or len(self.components) % (4 * self.bands):
            raise VideoCodecError("a band basis needs rows of one float32 a band")

    @classmethod
    def from_arrays(cls, components: ArrayLike, mean: ArrayLike) -> Self:
        """A basis of orthonormal rows (P, C) around a mean (C,).

        Raises
        ------
        VideoCodecError
            When the shapes do not match, or the rows are not orthonormal (a whitened PCA).
        """
        rows, centre = np.asarray(components, np.float64), np.asarray(mean, np.float64)
        if rows.ndim != 2 or centre.shape != rows.shape[1:] or len(rows) > rows.shape[1]:
            raise VideoCodecError(
                "a band basis needs components of shape (P, C), P at most C, and a mean of shape "
                f"(C,); got {rows.shape} and {centre.shape}"
            )
        if not np.allclose(rows @ rows.T, np.eye(len(rows)), atol=1e-3):
            raise VideoCodecError(
                "the rows of a band basis must be orthonormal: fit without whiten"
            )
        return cls(len(centre), rows.astype("<f4").tobytes(), centre.astype("<f4").tobytes())

    @property
    def rows(self) -> NDArray[np.float64]:
        """The components, shape (P, C)."""
        return np.frombuffer(self.components, "<f4").reshape(-1, self.bands).astype(np.float64)

    @property
    def centre(self) -> NDArray[np.float64]:
        """The mean, shape (C,)."""
        return np.frombuffer(self.mean, "<f4").astype(np.float64)

    @property
    def digest(self) -> bytes:
        """Eight bytes that tell this basis from others (SHA-256, shortened)."""
        return hashlib.sha256(self.components + self.mean).digest()[:8]

    def to_json(self) -> dict[str, object]:
        """The JSON object that :meth:`from_json` reads back."""
        return {
            "bands": self.bands,
            "components": base64.b64encode(self.components).decode("ascii"),
            "mean": base64.b64encode(self.mean).decode("ascii"),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote."""
        try:
            return cls(
                int(data["bands"]),
                base64.b64decode(data["components"], validate=True),
                base64.b64decode(data["mean"], validate=True),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise VideoCodecError(f"pca holds no band basis: {error!r}") from error


Pca = Literal["auto", False] | int | BandBasis


def _parse_pca(pca: object) -> Pca:
    if isinstance(pca, BandBasis):
        return pca
    if isinstance(pca, Mapping):
        return BandBasis.from_json(pca)
    if hasattr(pca, "components_") and hasattr(pca, "mean_"):
        return BandBasis.from_arrays(pca.components_, pca.mean_)
    if pca is None or pca is False:
        return False
    if pca == "auto":
        return "auto"
    if is_integer(pca) and int(pca) > 0:
        return int(pca)
    raise VideoCodecError(
        "pca must be 'auto', False, a positive number of components, or a fitted basis, "
        f"got {pca!r}"
    )


Nodata = tuple[int | float, ...]


def parse_nodata(nodata: object) -> Nodata:
    """Ints and floats, each once; NaN and infinities are always missing, so they are left out."""
    if nodata is None:
        return ()
    listed = isinstance(nodata, (list, tuple, np.ndarray))
    values = np.ravel(nodata).tolist() if isinstance(nodata, np.ndarray) else nodata
    found: list[int | float] = []
    for value in values if listed else [nodata]:  # type: ignore[attr-defined]  # it is iterable
        if is_integer(value):
            number: int | float = int(value)
        elif isinstance(value, (float, np.floating)):
            number = float(value)
        else:
            raise VideoCodecError(
                f"nodata must be a number of the data's type, or several, got {nodata!r}"
            )
        if math.isfinite(number) and number not in found:
            found.append(number)
    return tuple(found)


def _parse_options(options: object) -> tuple[tuple[str, str], ...]:
    if options is None:
        return ()
    if not isinstance(options, Mapping) or not all(
        isinstance(name, str)
        and isinstance(value, (str, int, float))
        and not isinstance(value, bool)
        for name, value in options.items()
    ):
        raise VideoCodecError(
            "options must map encoder option names to strings or numbers, such as "
            f"{{'preset': 'slower'}}; got {options!r}"
        )
    return tuple(sorted((name, str(value)) for name, value in options.items()))


def _parse_plan(plan: object) -> str:
    """A plan as JSON; what it means is the encoder's to know, and it may be a newer version's."""
    if plan is None:
        return ""
    if not isinstance(plan, Mapping):
        raise VideoCodecError(f"plan must be what tune() found, got {plan!r}")
    return json.dumps(dict(plan), sort_keys=True)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that a `VideoCodec`'s JSON holds, validated."""

    #: the words of the settings, in the order of the JSON
    WORDS: ClassVar[tuple[str, ...]] = (
        "codec", *FIDELITY_KINDS, "pca", "axes", "nodata", "bits", "gop", "effort", "options",
        "plan",
    )  # fmt: skip

    codec: CodecName | Jpeg2kName = "auto"
    fidelity: Fidelity = Fidelity()
    axes: Axes | None = None
    pca: Pca = "auto"
    nodata: Nodata = ()
    bits: int | None = None
    gop: int | None = None
    effort: int = 5
    options: tuple[tuple[str, str], ...] = ()
    #: what `tune` found, as JSON with sorted keys; empty without
    plan: str = ""

    @classmethod
    def parse(cls, **words: object) -> Self:
        """Validate keyword settings.

        Raises
        ------
        VideoCodecError
            When a setting is unknown or its value is not allowed.
        """
        unknown = sorted(set(words) - set(cls.WORDS))
        if unknown:
            raise VideoCodecError(
                f"unknown setting {', '.join(unknown)}; the settings are "
                f"{', '.join(sorted(cls.WORDS))}"
            )
        fidelity = Fidelity.parse(words)
        return cls(
            fidelity=fidelity,
            axes=parse_axes(words.get("axes")),
            pca=_parse_pca(words.get("pca", "auto")),
            nodata=parse_nodata(words.get("nodata")),
            plan=_parse_plan(words.get("plan")),
            effort=_parse_integer("effort", words.get("effort", 5), 1, 9),
            **cls._parse_coder(words, fidelity),
        )

    @classmethod
    def _parse_coder(cls, words: Mapping[str, object], fidelity: Fidelity) -> dict[str, Any]:
        """The fields that say how the coder is to be run."""
        codec = words.get("codec", "auto")
        if codec not in CODEC_NAMES:
            raise VideoCodecError(f"codec must be one of {', '.join(CODEC_NAMES)}, got {codec!r}")
        if fidelity.kind == "qp":
            if codec == "ffv1":
                raise VideoCodecError("ffv1 is lossless and has no qp; choose another codec")
            _parse_integer(f"qp of {codec}", fidelity.value, 0, QP_RANGES[str(codec)])
        bits, gop = words.get("bits"), words.get("gop")
        if bits is not None and (isinstance(bits, bool) or bits not in DEPTHS):
            raise VideoCodecError(
                f"bits must be one of {', '.join(map(str, DEPTHS))} or None, got {bits!r}"
            )
        return {
            "codec": codec,
            "bits": None if bits is None else int(bits),
            "gop": None if gop is None else _parse_integer("gop", gop, 0, 2**31 - 1),
            "options": _parse_options(words.get("options")),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self | UnreadableSettings:
        """Read settings from a store; what cannot be understood is kept and never raises."""
        try:
            return cls.parse(**{name: _whole(name, value) for name, value in data.items()})
        except Exception as error:  # noqa: BLE001 - opening a store must not fail on its settings
            raw = json.dumps(dict(data), sort_keys=True, default=str)
            return UnreadableSettings(str(error), raw)

    def to_json(self) -> dict[str, Any]:
        """The JSON object of these settings: only what differs from the defaults, and fidelity."""
        said = self._said()
        return {name: said[name] for name in self.WORDS if name in said}

    def _said(self) -> dict[str, Any]:
        """The words that are worth saying."""
        lossless = self.fidelity.kind == "lossless"
        words: dict[str, Any] = {"codec": self.codec, "effort": self.effort}
        words[self.fidelity.kind] = True if lossless else self.fidelity.value
        if isinstance(self.pca, BandBasis):
            words["pca"] = self.pca.to_json()
        elif self.pca != "auto":
            words["pca"] = self.pca
        if self.nodata:
            words["nodata"] = self.nodata[0] if len(self.nodata) == 1 else list(self.nodata)
        for name in ("axes", "bits", "gop"):
            if getattr(self, name) is not None:
                words[name] = getattr(self, name)
        if self.options:
            words["options"] = dict(self.options)
        if self.plan:
            words["plan"] = json.loads(self.plan)
        return words


@dataclass(frozen=True)
class UnreadableSettings:
    """Settings in a store that this version cannot read: a newer version's, say.

    The store opens, its chunks decode, and its metadata are kept as they are; only encoding raises.

    Parameters
    ----------
    trouble : str
        What about them is not understood.
    raw : str
        Their JSON.
    """

    trouble: str
    raw: str = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """The JSON object as it was found."""
        found: dict[str, Any] = json.loads(self.raw)
        return found


@dataclass(frozen=True, kw_only=True)
class Jpeg2kSettings(Settings):
    """Everything that a `Jpeg2kCodec`'s JSON holds: every frame is a segment of its own."""

    WORDS: ClassVar[tuple[str, ...]] = (
        *(kind for kind in FIDELITY_KINDS if kind != "qp"),
        "pca", "axes", "nodata", "effort", "htj2k", "plan",
    )  # fmt: skip

    codec: CodecName | Jpeg2kName = "jpeg2k"
    gop: int | None = 1

    @classmethod
    def _parse_coder(cls, words: Mapping[str, object], fidelity: Fidelity) -> dict[str, Any]:
        htj2k = words.get("htj2k", False)
        if not isinstance(htj2k, bool):
            raise VideoCodecError(f"htj2k must be True or False, got {htj2k!r}")
        return {"codec": "htj2k" if htj2k else "jpeg2k"}

    def _said(self) -> dict[str, Any]:
        said = super()._said()
        return {**said, "htj2k": True} if self.codec == "htj2k" else said


class VideoParameters:
    """The keyword parameters of `VideoCodec` and of `VideoSerializer`, in one place."""

    settings: Settings | UnreadableSettings

    def __init__(
        self,
        codec: Literal["auto", "hevc", "vp9", "ffv1", "av1", "h264"] = "auto",
        *,
        lossless: bool | None = None,
        max_error: float | None = None,
        max_relative_error: float | None = None,
        rmse: float | None = None,
        psnr: float | None = None,
        qp: int | None = None,
        axes: str | None = None,
        pca: Literal["auto", False] | int | BandBasis = "auto",
        nodata: float | Sequence[float] | None = None,
        bits: int | None = None,
        gop: int | None = None,
        effort: int = 5,
        options: Mapping[str, str | int | float] | None = None,
        plan: Mapping[str, Any] | None = None,
    ) -> None:
        settings = Settings.parse(
            codec=codec,
            lossless=lossless,
            max_error=max_error,
            max_relative_error=max_relative_error,
            rmse=rmse,
            psnr=psnr,
            qp=qp,
            axes=axes,
            pca=pca,
            nodata=nodata,
            bits=bits,
            gop=gop,
            effort=effort,
            options=options,
            plan=plan,
        )
        object.__setattr__(self, "settings", settings)  # serializers are frozen


class Jpeg2kParameters:
    """The keyword parameters of `Jpeg2kCodec` and of `Jpeg2kSerializer`, in one place."""

    settings: Settings | UnreadableSettings

    def __init__(
        self,
        *,
        lossless: bool | None = None,
        max_error: float | None = None,
        max_relative_error: float | None = None,
        rmse: float | None = None,
        psnr: float | None = None,
        axes: str | None = None,
        pca: Literal["auto", False] | int | BandBasis = "auto",
        nodata: float | Sequence[float] | None = None,
        effort: int = 5,
        htj2k: bool = False,
        plan: Mapping[str, Any] | None = None,
    ) -> None:
        settings = Jpeg2kSettings.parse(
            lossless=lossless,
            max_error=max_error,
            max_relative_error=max_relative_error,
            rmse=rmse,
            psnr=psnr,
            axes=axes,
            pca=pca,
            nodata=nodata,
            effort=effort,
            htj2k=htj2k,
            plan=plan,
        )
        object.__setattr__(self, "settings", settings)  # serializers are frozen
