"""What a file is by its first bytes, and which command reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numcodecs_video.format.payload import MAGIC

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["describe_kind", "is_payload", "is_readable"]

READ = "evaluate says what it would take as video, compress makes it a store"
BY_RIOXARRAY = "where rioxarray is installed (pip install rioxarray), compress reads it"
TIFF = f"a TIFF file: {BY_RIOXARRAY}"
KINDS = (
    (MAGIC, "one chunk that this package wrote: info describes it, extract takes out its stream"),
    (b"\x89HDF\r\n\x1a\n", f"an HDF5 file, such as NetCDF 4: {READ}"),
    (b"CDF", f"a NetCDF 3 file: {READ}"),
    (b"GRIB", "a GRIB file: convert it to NetCDF or Zarr first, by cfgrib say"),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"\0\0\0\x0cjP  ", f"a JPEG 2000 file: {BY_RIOXARRAY}"),
    (b"PK\x03\x04", "a ZIP file: name it .zip where it is a zipped store"),
    (b"\x1a\x45\xdf\xa3", "a Matroska file, as extract writes them: any video player reads it"),
    (b"\x28\xb5\x2f\xfd", "a chunk of Zstandard, Zarr's default, which says nothing of itself"),
    (b"\x1f\x8b", "a gzip file or chunk, which says nothing of itself"),
    (
        b"{",
        "JSON, the metadata of a store perhaps: name the folder instead; references that kerchunk "
        "made are read by compress and evaluate, where it is installed",
    ),
)


def is_payload(file: Path) -> bool:
    """Tell whether a file starts as a chunk of this package does."""
    return _head_of(file).startswith(MAGIC)


def is_readable(file: Path, *, pictures: bool = False) -> bool:
    """Tell whether a file is of a kind that evaluate and compress read; of `pictures`, compress."""
    readers = (READ, BY_RIOXARRAY) if pictures else (READ,)
    known = (magic for magic, text in KINDS if any(reader in text for reader in readers))
    return _head_of(file).startswith(tuple(known))


def describe_kind(file: Path) -> str:
    """Say what a file is, and what to do with it, where its first bytes tell."""
    head = _head_of(file).lstrip(b" \r\n\t")
    if not head:
        return "an empty file"
    return next(
        (text for magic, text in KINDS if head.startswith(magic)),
        "neither a Zarr store nor a chunk that this package wrote",
    )


def _head_of(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(8)
