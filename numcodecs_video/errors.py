"""The exceptions of the package.

.. code-block:: text

    ValueError
     └── VideoCodecError              a setting or an array that cannot be encoded as asked
          └── EncoderUnavailableError    the FFmpeg behind PyAV lacks the encoder or the depth
    RuntimeError
     └── DecodeError                  bytes that are no payload, damaged, or not what was declared
          └── UnsupportedVersionError    a payload of a format version this package does not know

A dtype that no path can carry (complex, structured, string, object) is a plain ``TypeError``.

Errors that pass through a codec carry a note (PEP 678) with the codec's name, and with the key of
the chunk in its store where Zarr tells it: when a chunk of format 3 is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "DecodeError",
    "EncoderUnavailableError",
    "UnsupportedVersionError",
    "VideoCodecError",
    "kind_of",
    "noting",
]


class VideoCodecError(ValueError):
    """A setting or an array that cannot be encoded as asked; the message names the way out."""


class EncoderUnavailableError(VideoCodecError):
    """This PyAV has no such encoder, or not at this sample depth."""


class DecodeError(RuntimeError):
    """The bytes are not a payload, are damaged, or do not hold what was declared."""


class UnsupportedVersionError(DecodeError):
    """The payload's format version is newer than this package."""


def kind_of(value: object) -> str:
    """Name the type of an object as one imports it, for messages.

    >>> import datetime
    >>> kind_of(1), kind_of(datetime.date.min)
    ('int', 'datetime.date')
    """
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


@contextmanager
def noting(note: str) -> Iterator[None]:
    """Add a note to every error that passes: Zarr raises it as it is, far from where it arose."""
    try:
        yield
    except Exception as error:
        error.add_note(note)
        raise
