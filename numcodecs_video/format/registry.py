"""Which coders a payload can name: the number of each, and the module that codes and decodes by it.

The table of ``docs/format.md`` has the same numbers. One line here, one there and the module itself
are all that a new coder takes.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CODERS", "Entry", "coder_of_number"]


class Entry(NamedTuple):
    """One coder.

    Attributes
    ----------
    number : int
        Its number on disk, never given to another.
    module : str
        Where its :class:`~.coders.Coder` is, by ``CODERS[name]``.
    """

    number: int
    module: str


#: by the name that ``info`` shows; 0, 1 and 10 were never written
CODERS: dict[str, Entry] = {
    "zstd": Entry(2, "numcodecs_video.coders.zstd"),
    "pcodec": Entry(3, "numcodecs_video.coders.pcodec"),
    "ffv1": Entry(4, "numcodecs_video.coders.ffmpeg"),
    "hevc": Entry(5, "numcodecs_video.coders.ffmpeg"),
    "vp9": Entry(6, "numcodecs_video.coders.ffmpeg"),
    "av1": Entry(7, "numcodecs_video.coders.ffmpeg"),
    "h264": Entry(8, "numcodecs_video.coders.ffmpeg"),
    "jpegxl": Entry(9, "numcodecs_video.coders.jpegxl"),
    "jpeg2k": Entry(11, "numcodecs_video.coders.jpeg2k"),
    "htj2k": Entry(12, "numcodecs_video.coders.jpeg2k"),
    "adaptive": Entry(13, "numcodecs_video.coders.adaptive.coder"),
}


def coder_of_number(number: int) -> str | None:
    """The name of the coder with a number on disk; None where no coder has it."""
    return next((name for name, entry in CODERS.items() if entry.number == number), None)
