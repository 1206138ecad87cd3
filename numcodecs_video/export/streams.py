"""The streams within a chunk as files that other programs open, bit for bit.

Reads payloads; decodes nothing but what finding the order of display takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.export.complete import complete_directory
from numcodecs_video.format.header import Header, Layer
from numcodecs_video.format.payload import parse_header, split_section

if TYPE_CHECKING:
    import os

__all__ = ["Extracted", "extract_stream"]

VIDEO = frozenset(("hevc", "h264", "vp9", "av1", "ffv1"))
PICTURES = {"jpeg2k": ".jp2", "htj2k": ".jph", "jpegxl": ".jxl"}


@dataclass(frozen=True)
class Extracted:
    """What was extracted from a chunk.

    Attributes
    ----------
    layer : str
        ``"base"``, or ``"residual"`` where the chunk was coded without a base.
    coder : str
    frames : int
        Pictures in the files: of one time step each, or of several that share components.
    key_pictures : int
        Pictures beside the frames: the chunk's key picture, once a segment.
    files : tuple of Path
    """

    layer: str
    coder: str
    frames: int
    key_pictures: int
    files: tuple[Path, ...]


def extract_stream(payload: bytes, target: str | os.PathLike[str]) -> Extracted:
    """Write the coded pictures of a chunk into files of their own format.

    A video stream becomes one Matroska file, whose packets are those of the chunk (of AV1 without
    the temporal delimiters, which Matroska forbids); JPEG 2000 and
    JPEG XL become one file a codestream, in a directory. Frames are mosaics of planes, which are
    bands or their principal components: see ``docs/format.md``.

    Parameters
    ----------
    payload : bytes
        A whole chunk.
    target : str or path
        A file ending in ``.mkv`` for video; a directory, made if need be, for pictures. Files of
        the same names are replaced, once the new ones are complete.

    Returns
    -------
    Extracted

    Raises
    ------
    DecodeError
        If the bytes are no payload, or are damaged.
    VideoCodecError
        If the chunk holds no pictures, or `target` does not suit those that it holds.
    """
    header = parse_header(payload)
    index = _picture_layer(header)
    layer = header.layers[index]
    sections = [
        split_section(header, number, payload[slice(*header.section_range(number))])[index]
        for number in range(len(header.sections))
    ]
    path = Path(target)
    if layer.coder in VIDEO:
        return _extract_video(header, layer, sections, path)
    return _extract_pictures(header, layer, sections, path)


def _picture_layer(header: Header) -> int:
    """Choose the base, or the residual where that is all there is."""
    for kind in ("base", "residual"):
        index = header.layer_index(kind)
        if index is not None and header.layers[index].coder in VIDEO | set(PICTURES):
            return index
    coders = ", ".join(f"{layer.kind} by {layer.coder}" for layer in header.layers)
    raise VideoCodecError(
        f"this chunk holds no pictures, only {coders or 'one value'}: render its values as a film, "
        "to a file that ends in .mp4 or .webm"
    )


def _extract_video(header: Header, layer: Layer, sections: list[bytes], path: Path) -> Extracted:
    from numcodecs_video.export.containers import remux

    if path.suffix != ".mkv":
        raise VideoCodecError(f"this chunk is {layer.coder} video: name a file that ends in .mkv")
    title = f"{header.dtype} {'x'.join(map(str, header.shape))} ({header.axes}), {layer.kind}"
    frames, keys = remux(layer, sections[0], sections[1:], path, title=title)
    return Extracted(layer.kind, layer.coder, frames, keys, (path,))


def _extract_pictures(header: Header, layer: Layer, sections: list[bytes], path: Path) -> Extracted:
    from numcodecs_video.coders import jpeg2k
    from numcodecs_video.format.varint import split_units

    if path.suffix or path.is_file():
        raise VideoCodecError(
            f"this chunk is a run of {layer.coder} pictures: name a directory for them"
        )
    names = []
    with complete_directory(path) as folder:
        for segment, data in enumerate(sections[1:]):
            xl = layer.coder == "jpegxl"
            units = split_units(data) if xl else jpeg2k.files(sections[0], data)
            for number, unit in enumerate(units):
                frame = header.frames_of(segment).start + number
                stem = f"picture-{segment:03}-{number:03}" if xl else f"{frame:05}"
                names.append(stem + PICTURES[layer.coder])
                (folder / names[-1]).write_bytes(unit)
    files = tuple(path / name for name in names)
    return Extracted(layer.kind, layer.coder, header.cube_shape[0], 0, files)
