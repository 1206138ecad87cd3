"""Say in the attributes of a store what a lossy codec has taken from each variable.

CF-1.12 (section 8.4, "Lossy Compression via Quantization") describes the rounding of single floats
by four named algorithms, and asks for the number of bits or digits kept. A video codec is none of
these and keeps no fixed number of digits, so its attributes only borrow the words ``algorithm`` and
``implementation`` under names of their own, which no reader of CF can mistake for quantization.
"""

from __future__ import annotations

import math
import os
import threading
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zarr

from numcodecs_video import __version__
from numcodecs_video.errors import VideoCodecError
from numcodecs_video.format.header import FORMAT_VERSION
from numcodecs_video.stored import (
    filters_of,
    holds_payloads,
    read_heads,
    settings_of,
    stored_chunks,
)
from numcodecs_video.xarray.conventions import may_lose, scale_in
from numcodecs_video.xarray.promises import IN_UNITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numcodecs_video.config import Fidelity

__all__ = [
    "EARLIER",
    "PREFIX",
    "consolidate",
    "consolidate_above",
    "describe_loss",
    "may_lose_in",
    "open_group",
    "record_loss",
    "record_of",
    "record_within",
    "silent_about_format_3",
    "worst_realised",
]

PREFIX = "lossy_compression_"
EARLIER = f"{PREFIX}earlier"
FINGERPRINTS = f"{PREFIX}fingerprints"
SAMPLE = 4  # chunks that tell a store from a copy of it that was compressed again


def record_loss(
    store: Any, *, group: str | None = None, storage_options: dict[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """Write into every variable's attributes what its video codec promised and what was realised.

    Needs no decoding: each chunk's header holds its realised error, checked when it was encoded.
    Lossless variables are left as they are. Called again, for what was appended say, it replaces
    what it wrote; what an earlier compression wrote, which a copy brings along, is kept under
    ``lossy_compression_earlier``: errors add up. Metadata that are consolidated, in the group or in
    one above it, are consolidated again.

    Parameters
    ----------
    store : str, path, zarr store or mapping
        What ``xarray.open_zarr`` takes: a Zarr group with all groups in it, such as a tree.
    group : str, optional
        Path of a group within the store, to go no further.
    storage_options : dict, optional
        For fsspec, where the store is a URL.

    Returns
    -------
    dict of str to dict
        The attributes that were written, by variable; with its path, within groups.
    """
    top = open_group(store, group=group, mode="r+", storage_options=storage_options)
    written = record_within(top)
    if written:
        _consolidate(_groups_to(top))
        if isinstance(top.store, zarr.storage.LocalStore):
            consolidate_above(Path(top.store.root))
    return written


def record_within(top: zarr.Group) -> dict[str, dict[str, Any]]:
    """Record as `record_loss` does, and leave the groups above alone."""
    written = {}
    for name, array in _arrays_of(top):
        heads = _heads_of(array) if may_lose_in(array) else []
        attributes = _described(array, heads)
        if attributes:
            record = {key: value for key, value in array.attrs.items() if key.startswith(PREFIX)}
            lossy = [found for n, found in heads if n != 0.0 and not math.isinf(n)]
            earlier = _earlier(record, attributes, lossy)
            # Attributes that stay would be a mixture of two compressions.
            kept = {key: value for key, value in array.attrs.items() if key not in record}
            attributes = {
                **attributes,
                **({FINGERPRINTS: " ".join(lossy[:SAMPLE])} if lossy else {}),
                **({EARLIER: earlier} if earlier else {}),
            }
            array.attrs.put({**kept, **attributes})
            written[name] = attributes
    if written:
        members = [member for _, member in top.members(max_depth=None)]
        _consolidate([*(each for each in members if isinstance(each, zarr.Group)), top])
    return written


def consolidate_above(folder: Path) -> None:
    """Let the groups in whose folders a new store lies know of it, where they are consolidated."""
    _consolidate(_groups_above(folder))


def describe_loss(array: zarr.Array[Any]) -> dict[str, Any]:
    """Give the attributes that say what a video codec lost; empty where it lost nothing.

    Parameters
    ----------
    array : zarr.Array

    Returns
    -------
    dict
        ``lossy_compression_algorithm``, ``..._implementation``, ``..._<promise>`` and
        ``..._realised_<promise>``, numbers being in the units that a reader sees.
    """
    return _described(array, _heads_of(array)) if may_lose_in(array) else {}


def worst_realised(array: zarr.Array[Any], fidelity: Fidelity) -> float | None:
    """Find the worst figure that any chunk's header holds, in stored units; None where none says.

    Parameters
    ----------
    array : zarr.Array
    fidelity : Fidelity
        What was promised for the array; of a PSNR the least is the worst.
    """
    return _worst(_heads_of(array), fidelity)


def open_group(
    store: Any,
    *,
    group: str | None = None,
    mode: Any = "r",
    storage_options: dict[str, Any] | None = None,
) -> zarr.Group:
    """Open what names a store, as it is: consolidated metadata may be of yesterday.

    Raises
    ------
    VideoCodecError
        If it names an array.
    """
    place = os.path.expanduser(store) if isinstance(store, (str, os.PathLike)) else store
    try:
        return zarr.open_group(
            place, path=group, mode=mode, storage_options=storage_options, use_consolidated=False
        )
    except (zarr.errors.ContainsArrayError, zarr.errors.GroupNotFoundError) as error:
        # Of arrays of format 2, releases before zarr 3.2 say that nothing is there.
        if not _is_array(place, group, storage_options):
            raise
        raise VideoCodecError(
            f"{place}{f' has at {group}' if group else ' is'} an array: name the group around it"
        ) from error


def _is_array(place: Any, group: str | None, storage_options: dict[str, Any] | None) -> bool:
    try:
        zarr.open_array(place, path=group or "", mode="r", storage_options=storage_options)
    except (OSError, ValueError):
        return False
    return True


class _Silence:
    """Filters of warnings for as long as anyone needs them.

    `warnings.catch_warnings` puts back what it found, which is another's filter where two threads
    overlap: the first to come sets filters, and the last to go puts them back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._filters = ExitStack()

    def enter(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._filters.enter_context(warnings.catch_warnings())
                warnings.filterwarnings("ignore", "Consolidated metadata", UserWarning)
                warnings.filterwarnings("ignore", "The data type", FutureWarning)

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._filters.close()


_SILENCE = _Silence()


@contextmanager
def silent_about_format_3() -> Iterator[None]:
    """Keep back zarr's warnings of what format 3 does not specify yet.

    They are of consolidated metadata and of text, which xarray chooses and a user cannot change.
    For metadata alone: warnings of chunks that other threads encode meanwhile are their own.
    """
    _SILENCE.enter()
    try:
        yield
    finally:
        _SILENCE.leave()


def consolidate(group: zarr.Group) -> None:
    """Consolidate the metadata of a group, where its store has a place for them."""
    if getattr(group.store, "supports_consolidated_metadata", True):
        with silent_about_format_3():
            zarr.consolidate_metadata(group.store, path=group.path or None)


def _arrays_of(group: zarr.Group) -> list[tuple[str, zarr.Array[Any]]]:
    members = sorted(group.members(max_depth=None), key=lambda member: member[0])
    return [(name, member) for name, member in members if isinstance(member, zarr.Array)]


def may_lose_in(array: zarr.Array[Any]) -> bool:
    """Tell whether the video codec of an array lets its values lose anything."""
    settings = settings_of(array)
    if settings is None or settings.fidelity.kind == "lossless":
        return False
    # Filters may hand the codec another dtype than the array's.
    fidelity = settings.fidelity
    return bool(filters_of(array)) or may_lose(fidelity.kind, fidelity.value, array.dtype)


def _heads_of(array: zarr.Array[Any]) -> list[tuple[float, str]]:
    """Read what each chunk's header says was realised, and the fingerprint of the chunk."""
    if not holds_payloads(array):
        return []
    return [(header.promise.realised, found) for header, found in read_heads(stored_chunks(array))]


def _worst(heads: Sequence[tuple[float, str]], fidelity: Fidelity) -> float | None:
    # A ratio of 0 dB is that of a dtype that can lose nothing.
    found = [n for n, _ in heads if not math.isnan(n) and (fidelity.kind, n) != ("psnr", 0.0)]
    if not found:
        return None
    return min(found) if fidelity.kind == "psnr" else max(found)


def _described(array: zarr.Array[Any], heads: Sequence[tuple[float, str]]) -> dict[str, Any]:
    settings = settings_of(array)
    if settings is None or not may_lose_in(array):
        return {}
    kind, value = settings.fidelity.kind, settings.fidelity.value
    scale = scale_in(dict(array.attrs)) if kind in IN_UNITS else 1.0
    described: dict[str, Any] = {
        f"{PREFIX}algorithm": "video",
        f"{PREFIX}implementation": (
            f"numcodecs-video version {__version__} (payload format {FORMAT_VERSION})"
        ),
        f"{PREFIX}{kind}": value * scale,
    }
    realised = _worst(heads, settings.fidelity)
    if realised is not None and math.isfinite(realised):
        described[f"{PREFIX}realised_{kind}"] = realised * scale
    return described


def record_of(attributes: Mapping[str, Any]) -> str:
    """Write in one line what attributes say was lost; empty where they say nothing of it."""
    return ", ".join(
        f"{key}: {value}"
        for key, value in attributes.items()
        if str(key).startswith(PREFIX) and key != FINGERPRINTS
    )


def _earlier(
    record: Mapping[str, Any], attributes: Mapping[str, Any], lossy: Sequence[str]
) -> str | None:
    """Say what was lost before an array's own compression, from the record that it bears.

    A record is of the array's own where one of the chunks that it was written for is there. A chunk
    that lost something gets another header when it is compressed again: if not for its content,
    then for what it lost then. Where nothing was lost, it is the array's own if it says just that.
    """
    said = {key: value for key, value in record.items() if key != FINGERPRINTS}
    known = set(str(record.get(FINGERPRINTS, "")).split())
    own = not lossy and {key: value for key, value in said.items() if key != EARLIER} == attributes
    if own or set(said) <= {EARLIER} or known & set(lossy):
        return said.get(EARLIER)
    return record_of(said)


def _consolidate(groups: Iterable[zarr.Group]) -> None:
    """Consolidate again what was consolidated."""
    with silent_about_format_3():
        for each in groups:
            stated = zarr.open_group(each.store, path=each.path, mode="r+")
            if stated.metadata.consolidated_metadata is not None:
                zarr.consolidate_metadata(each.store, path=each.path or None)


def _groups_to(group: zarr.Group) -> list[zarr.Group]:
    """List the groups of the store that a group is in, itself left out."""
    paths = _paths_to(group.path)[1:]
    return [zarr.open_group(group.store, path=path, mode="r+") for path in paths]


def _paths_to(path: str) -> list[str]:
    """List a path and all above it, the longest first.

    Examples
    --------
    >>> _paths_to("a/b")
    ['a/b', 'a', '']
    """
    parts = path.split("/") if path else []
    return ["/".join(parts[:length]) for length in reversed(range(len(parts) + 1))]


def _groups_above(folder: Path) -> list[zarr.Group]:
    """Find the groups whose folders hold that of a store."""
    found = []
    for above in folder.resolve().parents:
        try:
            found.append(zarr.open_group(above, mode="r+"))
        except (FileNotFoundError, ValueError, PermissionError):
            break
    return found
