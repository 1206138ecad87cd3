"""The exceptions of the package.

.. code-block:: text

    ValueError
     └── VideoCodecError              a setting or an array that cannot be encoded as asked
          └── EncoderUnavailableError    the FFmpeg behind PyAV lacks the encoder or the depth
    RuntimeError
     └── DecodeError                  bytes that are no payload, damaged, or not what was declared
          └── UnsupportedVersionError    a payload of a format version this package does not know

A dtype that no path can carry (complex, structured, string, object) is a plain ``TypeError``.
"""

from __future__ import annotations

__all__ = [
    "DecodeError",
    "EncoderUnavailableError",
    "UnsupportedVersionError",
    "VideoCodecError",
]


class VideoCodecError(ValueError):
    """A setting or an array that cannot be encoded as asked; the message names the way out."""


class EncoderUnavailableError(VideoCodecError):
    """This PyAV has no such encoder, or not at this sample depth."""


class DecodeError(RuntimeError):
    """The bytes are not a payload, are damaged, or do not hold what was declared."""


class UnsupportedVersionError(DecodeError):
    """The payload's format version is newer than this package."""
