"""Keywords that a function does not have: say which function, and which it may have meant."""

from __future__ import annotations

import difflib
import functools
import inspect
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["check_keywords", "keywords_of", "with_nearest_keyword"]

#: words of codecs that functions of datasets do not take, and what does
ELSEWHERE = {
    "nodata": "a variable names its missing values by _FillValue, missing_value or nodata, in its "
    "attributes or its encoding",
    "options": "a codec takes it, and to_zarr a codec, as in encoding={'v': codec.encoding(3)}",
    "plan": "tune=True makes one",
}

P = ParamSpec("P")
R = TypeVar("R")


def check_keywords(function: str, given: Iterable[str], allowed: Iterable[str]) -> None:
    """Refuse keywords that are not allowed.

    Raises
    ------
    TypeError
        That names the function, the keyword, and the nearest one that is allowed.

    Examples
    --------
    >>> check_keywords("to_zarr", ["max_eror"], ["max_error", "effort"])
    Traceback (most recent call last):
    TypeError: to_zarr() has no keyword 'max_eror': did you mean 'max_error'?
    """
    known = sorted(allowed)
    for word in sorted(set(given) - set(known)):
        near = difflib.get_close_matches(word, known, 1)
        way = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
        way = ELSEWHERE.get(word, way)
        raise TypeError(f"{function}() has no keyword {word!r}: {way}")


def keywords_of(function: Callable[..., object]) -> list[str]:
    """List the keywords that a function takes by name alone."""
    parameters = inspect.signature(function).parameters.values()
    return [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]


def with_nearest_keyword(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function name the nearest keyword where it is given one that it does not have."""
    names = [*inspect.signature(function).parameters]

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        check_keywords(function.__name__, kwargs, names)
        return function(*args, **kwargs)

    return checked
