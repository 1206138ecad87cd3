"""Filters before a codec that loses something: its promise is of what they make of the values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numcodecs_video.xarray.formats import settings_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numcodecs_video.config import Settings

__all__ = ["doubt_of_filters", "doubts_of_filters"]

# These move values about and change none.
HARMLESS = ("transpose",)


def doubts_of_filters(name: str, given: Mapping[str, Any]) -> Iterator[str]:
    """Say what filters in an encoding, as xarray takes it, make of a promise."""
    filters = given.get("filters") or ()
    several = filters if isinstance(filters, (list, tuple)) else [filters]
    doubt = doubt_of_filters(settings_in(given), several)
    if doubt is not None:
        yield f"{name!r}: {doubt}"


def doubt_of_filters(settings: Settings | None, filters: Iterable[Any]) -> str | None:
    """Say that a promise is not of the array's values; None where it is.

    Parameters
    ----------
    settings : Settings or None
        Of the video codec.
    filters : iterable of codecs
        Of either Zarr format, that run before it.
    """
    if settings is None or settings.fidelity.kind == "lossless":
        return None
    names = [name for name in map(_name_of, filters) if name not in HARMLESS]
    if not names:
        return None
    return (
        f"{settings.fidelity.kind} holds for what {', '.join(names)} made of the values, bit "
        "patterns perhaps, and not for the values: leave the filters out, or lose nothing"
    )


def _name_of(codec: Any) -> str:
    """Name a codec: numcodecs' know their id, zarr's what is in their metadata."""
    return str(getattr(codec, "codec_id", None) or codec.to_dict()["name"])
