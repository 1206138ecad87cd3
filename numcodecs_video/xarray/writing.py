"""Write datasets, arrays and trees as video: into a new store, or into one that is there."""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import xarray as xr
import zarr

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.appending import (
    check_dates,
    check_promises,
    units_to_come,
    warn_of_shared_chunks,
)
from numcodecs_video.xarray.encoding import EncodingSettings, choose_encodings
from numcodecs_video.xarray.encoding import encoding as choose_encoding
from numcodecs_video.xarray.filters import doubts_of_filters
from numcodecs_video.xarray.formats import settings_in
from numcodecs_video.xarray.given import (
    ByGroup,
    check_encodings,
    check_order,
    doubt_of_sentinels,
    heeded,
    merged,
)
from numcodecs_video.xarray.keywords import check_keywords, keywords_of
from numcodecs_video.xarray.nodes import ROOT, Data, nodes_of
from numcodecs_video.xarray.promises import PROMISES as WORDS
from numcodecs_video.xarray.recording import (
    consolidate,
    open_group,
    record_loss,
    silent_about_format_3,
)
from numcodecs_video.xarray.sources import refuse_own_source
from numcodecs_video.xarray.writable import check_writable

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping

    from numcodecs_video.xarray.nodes import Node

__all__ = ["to_zarr"]

# What is said of fidelity: without it, what is added is kept as what is there.
PROMISES = frozenset((*WORDS, "lossless"))
ADDS = ("a", "a-", "r+")
# What else xarray takes: consolidated, safe_chunks, align_chunks, write_empty_chunks and so on.
OF_XARRAY = frozenset(inspect.signature(xr.Dataset.to_zarr).parameters) - {"self", "store"}
OF_TREES = frozenset(("write_inherited_coords",))


def to_zarr(
    ds: Data,
    store: Any,
    *,
    mode: Literal["w", "w-", "a", "a-", "r+"] | None = None,
    zarr_format: Literal[2, 3] | None = None,
    group: str | None = None,
    encoding: Mapping[str, Mapping[str, Any]] | None = None,
    append_dim: Hashable | None = None,
    region: Any = None,
    compute: bool = True,
    storage_options: dict[str, Any] | None = None,
    **settings: Any,
) -> Any:
    """Write a dataset, an array or a tree to a Zarr store, its cubes as video.

    The same as ``ds.to_zarr(store, encoding=encoding(ds, tune=True, ...))``, and then
    `record_loss`: every variable that lost something says so in its attributes.

    Parameters
    ----------
    ds : xarray.Dataset, xarray.DataArray or xarray.DataTree
        A tree as a whole: without `group`, `append_dim` or `region`.
    store : str, path, zarr store or mapping
        Path, fsspec URL, or a store that ``Dataset.to_zarr`` takes.
    mode : {"w-", "w", "a", "a-", "r+"}, optional
        As of ``Dataset.to_zarr``: a new store unless said otherwise; ``"w"`` replaces what is
        there.
    zarr_format : {2, 3}, optional
        That of the store which is added to; else 3.
    group : str, optional
        Path of a group in the store.
    encoding : mapping, optional
        Of single variables, to go before what is chosen, such as ``{"t2m": {"dtype": "int16",
        "scale_factor": 0.01}}``; for a tree, by the path of their group. A variable with
        `compressors` of its own does not become video.
    append_dim : hashable, optional
        Append along this dimension. Arrays that are there keep their codecs, and a promise that is
        given has to be theirs.
    region : mapping or "auto", optional
        Write into a part of the arrays that are there.
    compute : bool
        Without, nothing but metadata and what is in memory is written until the Dask object that
        is returned is computed.
    storage_options : dict, optional
        For fsspec, where the store is a URL.
    **settings
        As of `encoding`, such as ``max_error=0.01``; without, nothing is lost. And whatever else
        ``Dataset.to_zarr`` takes, such as ``consolidated`` or ``safe_chunks``.

    Returns
    -------
    None, or dask.delayed.Delayed
        The latter where `compute` is off.

    Raises
    ------
    VideoCodecError
        Before anything is written: as of `encoding`; where a promise differs from that of the array
        to be appended to; where ``mode="w"`` would replace the store that is yet to be read; where
        a name or an attribute is none that a store can keep; where `encoding` names no variable,
        or has a codec of the other Zarr format.
    TypeError
        If `ds` is nothing of xarray, or a keyword is unknown.

    Warns
    -----
    UserWarning
        If a chunk that has lost something is written in part, and so loses once more; if `encoding`
        puts filters before a codec that loses something, or has one that does not know of a
        missing value.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np, xarray as xr
    >>> t2m = xr.DataArray(
    ...     np.random.default_rng(0).normal(280, 1, (5, 30, 40)), dims=("time", "lat", "lon")
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_zarr(t2m.to_dataset(name="t2m"), f"{folder}/a.zarr", max_error=0.5)
    ...     attrs = xr.open_zarr(f"{folder}/a.zarr").t2m.attrs
    >>> attrs["lossy_compression_max_error"], attrs["lossy_compression_realised_max_error"] <= 0.5
    (0.5, True)
    """
    of_xarray = OF_XARRAY | (OF_TREES if isinstance(ds, xr.DataTree) else frozenset())
    allowed = {*keywords_of(to_zarr), *keywords_of(choose_encoding), *of_xarray}
    check_keywords("to_zarr", settings, allowed)
    options = {word: settings.pop(word) for word in of_xarray & settings.keys()}
    place: dict[str, Any] = {"group": group, "storage_options": storage_options}
    nodes = nodes_of(ds)
    if isinstance(ds, xr.DataTree):
        _check_tree(group, append_dim, region)
        _check_groups(encoding or {}, nodes)
    adds = mode in ADDS or append_dim is not None or region is not None
    there = _existing_group(store, place) if adds or mode == "w" else None
    if there is not None and not adds:
        for node in nodes.values():
            refuse_own_source(node.ds, there)
        there = None
    present = None if there is None else _present(nodes, there)
    known = set() if present is None else present.names
    check_writable(nodes, known, groups=mode != "r+" and region is None)
    number = zarr_format or (3 if there is None else there.metadata.zarr_format)
    given = {ROOT: encoding or {}} if not isinstance(ds, xr.DataTree) else encoding or {}
    check_encodings(given, nodes, number)
    encodings, advice = _encodings(ds, present, settings, number, given)
    for line in advice:
        warnings.warn(line, stacklevel=2)
    if there is not None and not isinstance(ds, xr.DataTree):
        check_dates(nodes[ROOT].ds, there, append_dim)
        warn_of_shared_chunks(nodes[ROOT].ds, there, append_dim=append_dim, region=region)
    for path, node in nodes.items() if there is None else ():
        for name, units in units_to_come(node.ds).items():
            encodings.setdefault(path, {}).setdefault(name, {}).update(units)
    for path, own in given.items():
        for doubt in _put_before(encodings.setdefault(path, {}), own, nodes[path].ds):
            warnings.warn(doubt, stacklevel=2)
    parts = {"append_dim": append_dim, "region": region, "mode": mode}
    if isinstance(ds, xr.DataTree):
        later = _write_tree(ds, store, encodings, {**options, **place, **parts}, number)
    else:
        later = _write_metadata(
            nodes[ROOT].ds, store, zarr_format=number, encoding=encodings.get(ROOT, {}),
            **options, **place, **parts,
        )  # fmt: skip
    if compute:
        # Not within the silence: Dask's threads would share it, and what they warn of is for users.
        later.compute()
        record_loss(store, **place)
        return None
    from dask.delayed import delayed

    return delayed(_record_afterwards)(later, store, place)


def _write_metadata(ds: xr.Dataset, store: Any, **options: Any) -> Any:
    """Write metadata and what is in memory; return what computes the rest."""
    with silent_about_format_3():
        return ds.to_zarr(store, compute=False, **options)


def _write_tree(
    tree: xr.DataTree,
    store: Any,
    encodings: Mapping[str, Any],
    options: dict[str, Any],
    zarr_format: Literal[2, 3],
) -> Any:
    """Write the metadata of every group, as `xarray.DataTree.to_zarr` does, whose releases differ.

    That of xarray 2025.6 has no means to compute the rest later.
    """
    inherits = options.pop("write_inherited_coords", False)
    consolidated = options.pop("consolidated", None)
    options["mode"] = options["mode"] or "w-"
    later = []
    for node in tree.subtree:
        ds = node.to_dataset(inherit=inherits or node is tree)
        options["group"] = None if node is tree else node.relative_to(tree)
        given = encodings.get(node.path, {})
        later.append(
            _write_metadata(
                ds, store, encoding=given, zarr_format=zarr_format, consolidated=False, **options
            )
        )
        options["mode"] = "a" if "w" in options["mode"] else options["mode"]
    if consolidated is not False:
        consolidate(open_group(store, mode="r+", storage_options=options["storage_options"]))
    from dask.delayed import delayed

    return delayed(list)(later)


def _check_tree(group: str | None, append_dim: Hashable | None, region: Any) -> None:
    """Refuse what xarray writes for single groups alone."""
    words = {"group": group, "append_dim": append_dim, "region": region}
    given = [word for word, value in words.items() if value is not None]
    if given:
        raise VideoCodecError(
            f"a tree is written as a whole, without {' and '.join(given)}: write one of its groups "
            "as a dataset, to_zarr(tree['/a'].to_dataset(), store, group='a', ...)"
        )


def _check_groups(encoding: Mapping[str, Any], nodes: Mapping[str, Node]) -> None:
    unknown = [path for path in encoding if path not in nodes]
    if unknown:
        raise VideoCodecError(
            f"encoding names the group {unknown[0]!r}; the groups are {', '.join(nodes)}"
        )


def _existing_group(store: Any, place: Mapping[str, Any]) -> zarr.Group | None:
    try:
        return open_group(store, **place)
    except FileNotFoundError:
        return None


def _put_before(
    chosen: dict[str, dict[str, Any]], given: Mapping[str, Mapping[str, Any]], ds: xr.Dataset
) -> Iterator[str]:
    """Let a user's encodings of single variables override what was chosen; say what is doubtful."""
    for name, own in given.items():
        chosen[name] = merged(chosen.get(name, {}), own)
        check_order(ds[name], chosen[name])
        yield from doubts_of_filters(str(name), chosen[name])
        if settings_in(own) is not None:
            doubt = doubt_of_sentinels(heeded(ds[name], own), own)
            yield from () if doubt is None else (doubt,)


class _Present(NamedTuple):
    """What a store has: its Zarr format, groups by their path, and variables by name and path."""

    zarr_format: int
    groups: Mapping[str, zarr.Group]
    names: set[str]


def _encodings(
    data: Data,
    present: _Present | None,
    settings: Mapping[str, Any],
    zarr_format: Any,
    given: ByGroup,
) -> tuple[dict[str, dict[str, dict[str, Any]]], list[str]]:
    """Choose the encodings of what is new in a store; what is there has one already."""
    if present is None:
        return choose_encodings(
            data,
            EncodingSettings(**{"tune": True, **settings, "zarr_format": zarr_format}),
            given=given,
        )
    if zarr_format != present.zarr_format:
        raise VideoCodecError(
            f"the store has format {present.zarr_format}: leave zarr_format out, got {zarr_format}"
        )
    nodes, known = nodes_of(data), present.names
    chosen, advice = choose_encodings(
        data, EncodingSettings(**{**settings, "zarr_format": zarr_format}), there=known, given=given
    )
    for path, group in present.groups.items():
        own = chosen.pop(path, {})
        if PROMISES & settings.keys():
            check_promises(nodes[path].ds, group, own)
        chosen[path] = {
            name: given for name, given in own.items() if f"{path}/{name}".strip("/") not in known
        }
    return chosen, advice


def _present(nodes: Mapping[str, Node], there: zarr.Group) -> _Present:
    """Find what a store has of a dataset or tree."""
    top = next(iter(nodes))
    members = {path: there.get(path.removeprefix(top).strip("/")) for path in nodes}
    members[top] = there
    groups = {path: each for path, each in members.items() if isinstance(each, zarr.Group)}
    names = {f"{path}/{name}".strip("/") for path in groups for name in groups[path].array_keys()}
    return _Present(there.metadata.zarr_format, groups, names)


def _record_afterwards(written: Any, store: Any, place: Mapping[str, Any]) -> Any:
    record_loss(store, **place)
    return written
