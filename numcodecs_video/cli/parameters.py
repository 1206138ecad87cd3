"""What a command line may say where click has no type for it: a reader of text, and its form."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = [
    "AXES",
    "BOUND",
    "CHUNKS",
    "LABELS",
    "NAMES",
    "NUMBERS",
    "PCA",
    "PLACES",
    "QUANTISER",
    "QUANTISERS",
    "STACK",
    "VALUES",
    "Written",
    "collected",
    "flattened",
    "names_of",
]

T = TypeVar("T")
LETTERS = re.compile("[tczyx]{2,}")


class Written(click.ParamType[T]):
    """What a function reads from text; where it raises ``ValueError``, usage is wrong.

    Parameters
    ----------
    parse : callable
        From text to the value.
    form : str
        How the text looks, for the help.
    """

    def __init__(self, parse: Callable[[str], T], form: str) -> None:
        self.parse = parse
        self.name = form

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Show the form."""
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Read text; what has been read stays as it is."""
        if not isinstance(value, str):
            read: T = value
            return read
        try:
            return self.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def parse_bound(text: str) -> tuple[str, float]:
    """Read ``VALUE`` or ``VAR=VALUE``: a number from 0, and whose it is.

    Examples
    --------
    >>> parse_bound("t2m=0.01"), parse_bound("0.01")
    (('t2m', 0.01), ('', 0.01))
    """
    if "," in text and "=" in text:
        raise ValueError(f"{text!r} names several variables: give the option once for each")
    variable, _, number = text.rpartition("=")
    bound = _number(number)
    if text.startswith("=") or not math.isfinite(bound) or bound < 0:
        raise ValueError(f"{text!r} is no positive number, such as 0.01 or t2m=0.01")
    return variable, bound


def parse_quantiser(text: str) -> tuple[str, int]:
    """Read ``VALUE`` or ``VAR=VALUE``, the value being the whole part of a number.

    Examples
    --------
    >>> parse_quantiser("B02=22")
    ('B02', 22)
    """
    variable, bound = parse_bound(text)
    return variable, int(bound)


def collected(
    ctx: click.Context, param: click.Parameter, pairs: Iterable[tuple[str, T]]
) -> dict[str, T] | T | None:
    """Gather what a repeated option says: of variables, or one value for all."""
    found: dict[str, T] = {}
    for variable, value in pairs:
        if variable in found:
            raise click.BadParameter(f"{variable or 'it'} is given twice", ctx, param)
        found[variable] = value
    if "" not in found:
        return found or None
    if len(found) > 1:
        raise click.BadParameter("name a variable for each value, or for none", ctx, param)
    return found[""]


def flattened(
    ctx: click.Context, param: click.Parameter, lists: Iterable[Sequence[str]]
) -> list[str]:
    """Make one list of those that a repeated option gives."""
    return list(dict.fromkeys(name for names in lists for name in names))


def parse_chunks(text: str) -> dict[str, int]:
    """Read ``DIM=N,...``: lengths by dimension, -1 for the whole of it.

    Examples
    --------
    >>> parse_chunks("time=64, y=-1")
    {'time': 64, 'y': -1}
    """
    chunks: dict[str, int] = {}
    for part in text.split(","):
        dimension, _, written = part.strip().rpartition("=")
        length = _number(written)
        if not dimension or not length.is_integer() or (length < 1 and length != -1):
            raise ValueError(
                f"{part!r} is no dimension with a length, such as time=64 or time=-1 for all"
            )
        chunks[dimension] = int(length)
    return chunks


def parse_axes(text: str) -> dict[str, str]:
    """Read ``DIM=LETTER,...``, or letters alone, which name the dimensions themselves.

    A ``z`` among them is a band axis.

    Examples
    --------
    >>> parse_axes("member=t, height=y"), parse_axes("tzyx")
    ({'member': 't', 'height': 'y'}, {'t': 't', 'z': 'c', 'y': 'y', 'x': 'x'})
    """
    if LETTERS.fullmatch(text) and len(set(text)) == len(text):
        return {letter: "c" if letter == "z" else letter for letter in text}
    axes: dict[str, str] = {}
    for part in text.split(","):
        dimension, _, letter = part.strip().rpartition("=")
        if not dimension or letter not in ("t", "c", "y", "x"):
            raise ValueError(
                f"{part!r} is no dimension with a letter, such as member=t; tcyx would name the "
                "dimensions themselves"
            )
        axes[dimension] = letter
    return axes


def parse_numbers(text: str) -> tuple[int, ...]:
    """Read whole numbers from 0, parted by commas, points or slashes.

    Examples
    --------
    >>> parse_numbers("2,1,0"), parse_numbers("0.0.3")
    ((2, 1, 0), (0, 0, 3))
    """
    parts = text.replace(".", ",").replace("/", ",").split(",")
    if not all(part.strip().isdigit() for part in parts):
        raise ValueError(f"{text!r} is no list of numbers, such as 2,1,0")
    return tuple(int(part) for part in parts)


def parse_values(text: str) -> list[float]:
    """Read numbers from 0, parted by commas.

    Examples
    --------
    >>> parse_values("40,44.5")
    [40.0, 44.5]
    """
    values = [_number(part) for part in text.split(",")]
    if not all(math.isfinite(number) and number >= 0 for number in values):
        raise ValueError(f"{text!r} is no list of numbers, such as 40,44,48")
    return values


def parse_quantisers(text: str) -> list[int]:
    """Read the whole parts of numbers from 0, parted by commas.

    Examples
    --------
    >>> parse_quantisers("22,28")
    [22, 28]
    """
    return [int(value) for value in parse_values(text)]


def parse_names(text: str) -> list[str]:
    """Read names or patterns parted by commas.

    Examples
    --------
    >>> parse_names("B02, B8*")
    ['B02', 'B8*']
    """
    names = [part.strip() for part in text.split(",")]
    if not all(names):
        raise ValueError(f"{text!r} is no list of names, such as B02,B03")
    return names


def parse_labels(text: str) -> tuple[str, str]:
    """Read ``DIM=LABEL`` or ``DIM=FROM:TO``; what a label is, the coordinate knows.

    Examples
    --------
    >>> parse_labels("time=2020-01:2020-06")
    ('time', '2020-01:2020-06')
    """
    dim, _, labels = map(str.strip, text.partition("="))
    if not dim or not labels:
        raise ValueError(f"{text!r} is no dimension with labels, such as time=2020-01:2020-06")
    return dim, labels


def parse_places(text: str) -> tuple[str, int | slice | list[int]]:
    """Read ``DIM=N``, ``DIM=N,N``, ``DIM=FROM:TO`` or ``DIM=FROM:TO:STEP``, counted from 0.

    Examples
    --------
    >>> parse_places("time=0:10"), parse_places("band=2,0"), parse_places("level=-1")
    (('time', slice(0, 10, None)), ('band', [2, 0]), ('level', -1))
    """
    dim, _, places = map(str.strip, text.partition("="))
    try:
        if not dim:
            raise ValueError
        if ":" in places:
            ends = [int(end) if end.strip() else None for end in places.split(":")]
            if len(ends) > 3 or (len(ends) == 3 and (ends[2] or 0) < 1):
                raise ValueError
            return dim, slice(*ends)
        numbers = [int(number) for number in places.split(",")]
    except ValueError:
        raise ValueError(
            f"{text!r} is no dimension with places from 0, such as time=0:10, time=0:10:2, band=0,2"
        ) from None
    return dim, numbers if "," in places else numbers[0]


def parse_stack(text: str) -> tuple[str, str, list[str]]:
    """Read ``[NAME:]DIM=VAR,...``: the new variable, its new dimension, and what it is made of.

    Examples
    --------
    >>> parse_stack("band=B02,B03"), parse_stack("s2:band=B*")
    (('bands', 'band', ['B02', 'B03']), ('s2', 'band', ['B*']))
    """
    place, sign, names = text.partition("=")
    name, _, dim = place.rpartition(":")
    if not sign or not dim.strip():
        raise ValueError(f"{text!r} is no dimension with variables, such as band=B02,B03,B04")
    return name.strip() or "bands", dim.strip(), parse_names(names)


def parse_pca(text: str) -> Literal["auto", False] | int:
    """Read ``auto``, ``off`` or a number of components.

    Examples
    --------
    >>> parse_pca("3"), parse_pca("off")
    (3, False)
    """
    if text == "auto":
        return "auto"
    if text == "off":
        return False
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"{text!r} is neither auto, off nor a number")
    return int(text)


def names_of(known: Sequence[str]) -> Written[list[str]]:
    """Make the type of names parted by commas, each of them known.

    Examples
    --------
    >>> names_of(["hevc", "vp9"]).parse("vp9,hevc")
    ['vp9', 'hevc']
    """

    def parse(text: str) -> list[str]:
        names = [part.strip() for part in text.split(",")]
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: the names are {', '.join(known)}")
        return names

    return Written(parse, "NAME,...")


def _number(text: str) -> float:
    """Return NaN for what is no number, which no setting allows."""
    try:
        return float(text)
    except ValueError:
        return math.nan


AXES = Written(parse_axes, "DIM=LETTER,...|LETTERS")
BOUND = Written(parse_bound, "[VAR=]VALUE")
CHUNKS = Written(parse_chunks, "DIM=N,...")
LABELS = Written(parse_labels, "DIM=LABEL[:LABEL]")
NAMES = Written(parse_names, "VAR,...")
NUMBERS = Written(parse_numbers, "N,...")
PCA = Written(parse_pca, "auto|off|N")
PLACES = Written(parse_places, "DIM=N[:N]")
QUANTISER = Written(parse_quantiser, "[VAR=]VALUE")
QUANTISERS = Written(parse_quantisers, "VALUE,...")
STACK = Written(parse_stack, "[NAME:]DIM=VAR,...")
VALUES = Written(parse_values, "VALUE,...")
