"""What is promised for which variable, and what in it does not do what it seems to.

Knows words, names and units; nothing of chunks, codecs or cells.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.conventions import (
    hides_unsigned,
    is_flag,
    is_measurement,
    may_lose,
    packing,
    seems_category,
    stored_dtype,
    units_of,
)
from numcodecs_video.xarray.internals import is_in_memory
from numcodecs_video.xarray.nodes import means

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

    from numcodecs_video.xarray.nodes import Node

__all__ = [
    "IN_UNITS",
    "PROMISES",
    "Bounds",
    "Cube",
    "check_names",
    "doubts_of_numbers",
    "doubts_without_cubes",
    "name_promises",
    "promise_of",
    "said_for",
    "without_arrays",
]

IN_UNITS = frozenset(("max_error", "rmse"))
FEW_VALUES = 32  # more than most legends have classes
CELLS = 2**18  # that are looked at for them
PROMISES = ("max_error", "max_relative_error", "rmse", "psnr", "qp")

Bounds = float | Mapping[str, float] | None
T = TypeVar("T")


@dataclass(frozen=True)
class Cube:
    """A variable that becomes video.

    Attributes
    ----------
    path : str
        Of its group.
    name : str
    variable : xarray.DataArray
    letters : str
        Its axes.
    """

    path: str
    name: str
    variable: xr.DataArray
    letters: str

    @property
    def key(self) -> str:
        """Its name with the path of its group, as zarr writes it."""
        return f"{self.path}/{self.name}".strip("/")


def promise_of(cube: Cube, words: Mapping[str, Bounds]) -> tuple[dict[str, Any], str | None]:
    """Find the promise for one variable, in the units in which it is stored; and what is odd of it.

    Integers that would lose nothing under it are promised nothing.

    Raises
    ------
    VideoCodecError
        If it is promised two things, or what cannot hold.
    """
    variable, name = cube.variable, cube.name
    said = _said_in_units(cube, words)
    if len(said) > 1:
        raise VideoCodecError(f"{name!r} is promised both {' and '.join(said)}; keep one")
    for word, bound in said.items():
        _check_bound(word, bound, variable, name)
    if not said or stored_dtype(variable).kind == "b":
        return {}, None  # what is true or false can lose nothing
    if hides_unsigned(variable) and "_Unsigned" not in variable.encoding:
        raise VideoCodecError(
            f"{' and '.join(said)} cannot hold for {name!r} as stored: its signed integers stand "
            "for unsigned ones (_Unsigned), whose order they do not have; open the dataset decoded "
            "(mask_and_scale=True), and numcodecs_video.xarray.to_zarr stores unsigned ones"
        )
    scale, offset = (packing(variable, key) for key in ("scale_factor", "add_offset"))
    if "max_relative_error" in said and offset:
        raise VideoCodecError(
            f"max_relative_error cannot hold for {name!r}, which is stored with an add_offset; "
            "state max_error for it"
        )
    promise = {
        word: bound / abs(scale or 1.0) if word in IN_UNITS else bound
        for word, bound in said.items()
    }
    for word, bound in promise.items():
        if not may_lose(word, bound, stored_dtype(variable)):
            why = (
                f"is less than one step of {abs(scale or 1.0):g}"
                if word in IN_UNITS
                else "would be nothing for small counts"
            )
            return {}, (
                f"{word}={said[word]:g} {why} in the integers that {name!r} is stored as: nothing "
                "of it is lost"
            )
    if said and is_flag(variable):
        return promise, (
            f"{name!r} holds classes or flags (flag_values, flag_masks or flag_meanings), which "
            f"{' and '.join(said)} lets come back as others: leave it out, and nothing is lost"
        )
    return promise, None


def said_for(said: Mapping[str, T], cube: Cube) -> T | None:
    """Find what a mapping says of a variable: by its path, its name, or the first pattern.

    A pattern (``"B*"``, ``"a/*"``) passes over classes, flags and times.
    """
    for key in (cube.key, cube.name):
        if key in said:
            return said[key]
    if seems_category(cube.variable):
        return None
    return next((value for pattern, value in said.items() if means(pattern, cube.key)), None)


def without_arrays(bounds: Bounds) -> Bounds:
    """Take numbers out of arrays without dimensions, which ``0.01 * ds.t2m.std()`` is."""
    if isinstance(bounds, Mapping):
        return {str(name): _number_in(bound) for name, bound in bounds.items()}
    return _number_in(bounds)


def _number_in(bound: T) -> T:
    number: T = np.asarray(bound).item() if getattr(bound, "shape", None) == () else bound
    return number


def name_promises(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Turn promises given as one number into promises for one variable, whatever its dtype."""
    said = {
        word: without_arrays(value) if word in PROMISES else value
        for word, value in settings.items()
    }
    return {
        word: {name: value} if word in PROMISES and isinstance(value, numbers.Real) else value
        for word, value in said.items()
    }


def check_names(
    nodes: Mapping[str, Node], cubes: Sequence[Cube], word: str, said: Mapping[str, object]
) -> None:
    """A promise for a variable that cannot keep it must not pass in silence.

    Raises
    ------
    VideoCodecError
        If a name or pattern is that of no variable, or of none that becomes video.
    """
    variables = {
        f"{path}/{name}".strip("/"): node.ds.variables[name]
        for path, node in nodes.items()
        for name in node.own
    }
    for name in said:
        found = [key for key in variables if means(name, key)]
        if not found:
            listed = [
                f"{path}/{data}".strip("/") for path, n in nodes.items() for data in n.ds.data_vars
            ]
            raise VideoCodecError(
                f"{word} names {name!r}; the variables are {', '.join(listed) or 'none'}"
            )
        named = [cube for cube in cubes if cube.key in found]
        if named and all(said_for({name: True}, cube) is None for cube in named):
            raise VideoCodecError(
                f"{word} names {name!r}, which passes over {', '.join(cube.key for cube in named)}:"
                " patterns are not for classes, flags and times; name one itself to let it lose "
                "something"
            )
        if not named:
            variable = variables[found[0]]
            dims = ", ".join(map(str, variable.dims)) or "no dimensions"
            reason = f"has no time, y and x axes ({dims})"
            way_out = ", or name its axes with axes={'dimension': 'letter'}"
            if variable.dtype.kind == "c":
                reason = "holds complex numbers"
                way_out = ", or store real and imaginary parts as two variables"
            raise VideoCodecError(
                f"{word} names {name!r}, which {reason} and so stays without loss; leave it out"
                f"{way_out}"
            )


def doubts_of_numbers(words: Mapping[str, Bounds], cubes: Sequence[Cube]) -> Iterator[str]:
    """Say where a promise given as one number does not do what it seems to."""
    said = {
        word: bound
        for word, bound in words.items()
        if bound is not None and not isinstance(bound, Mapping)
    }
    if not said or not cubes:
        return
    measured = [cube for cube in cubes if is_measurement(cube.variable)]
    for word, bound in said.items():
        if not measured:
            yield _doubt_of_counts(word, bound, cubes)
        units = {
            cube.key: str(cube.variable.attrs["units"])
            for cube in measured
            if "units" in cube.variable.attrs
        }
        if word in IN_UNITS and len(set(units.values())) > 1:
            listed = ", ".join(f"{name} ({unit})" for name, unit in units.items())
            yield (
                f"{word}={bound:g} is one number for different units, {listed}: name each, as in "
                f"{word}={{{next(iter(units))!r}: {bound:g}, ...}}"
            )


def doubts_without_cubes(words: Mapping[str, Bounds]) -> Iterator[str]:
    """Say of promises given as one number that they hold for nothing, where nothing is a cube."""
    for word, bound in words.items():
        if bound is not None and not isinstance(bound, Mapping):
            yield (
                f"{word}={bound:g} holds for no variable, since none has numbers along time, y and "
                "x: name axes with axes={'dimension': 'letter'}, or leave it out"
            )


def _doubt_of_counts(word: str, bound: float, cubes: Sequence[Cube]) -> str:
    counts = [cube.name for cube in cubes if not seems_category(cube.variable)]
    advised = [cube.name for cube in cubes if cube.name in counts and _has_many_values(cube)]
    stay = (
        f"{word}={bound:g} holds for measurements (floats, or packed by a scale_factor); "
        f"{', '.join(cube.name for cube in cubes)} are "
        f"{'integers' if len(counts) == len(cubes) else 'integers, flags or times'} and stay "
        "without loss"
    )
    if not advised:
        return stay  # a bound would make one class another
    return f"{stay}: name those that may lose something, as in {word}={{{advised[0]!r}: {bound:g}}}"


def _has_many_values(cube: Cube) -> bool:
    """Tell counts from classes that nothing else tells, by a slice of values that are at hand."""
    if not is_in_memory(cube.variable.variable):
        return True
    step = max(1, cube.variable.size // CELLS)
    return np.unique(cube.variable.values.reshape(-1)[::step]).size > FEW_VALUES


def _said_in_units(cube: Cube, words: Mapping[str, Bounds]) -> dict[str, float]:
    said: dict[str, float] = {}
    for word, bounds in words.items():
        if isinstance(bounds, Mapping):
            bound = said_for(bounds, cube)
            if bound is not None:
                said[word] = bound
        elif bounds is not None and is_measurement(cube.variable):
            said[word] = bounds
    return said


def _check_bound(word: str, bound: Any, variable: xr.DataArray, name: str) -> None:
    """Refuse what the codec would, before it is scaled: in the user's own number and units."""
    number = float(bound) if isinstance(bound, numbers.Real) else math.nan
    if word not in IN_UNITS or (0 < number < math.inf and not isinstance(bound, (bool, np.bool))):
        return
    units = units_of(variable)
    raise VideoCodecError(
        f"{word} of {name!r} must be a positive finite number in the data's units"
        f"{f' ({units})' if units else ''}, got {bound!r}"
    )
