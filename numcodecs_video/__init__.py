"""Zarr and numcodecs compression of time series of pictures as video.

The package is imported by numcodecs and zarr to find a codec, so this module loads nothing
heavier than itself: PyAV, zarr, xarray and matplotlib are imported by the modules that use them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numcodecs_video.codec import Jpeg2kCodec, VideoCodec
    from numcodecs_video.errors import (
        DecodeError,
        EncoderUnavailableError,
        UnsupportedVersionError,
        VideoCodecError,
    )
    from numcodecs_video.threads import get_threads, set_threads
    from numcodecs_video.transform.klt import fit_pca

__version__ = "0.1.0"

__all__ = [
    "DecodeError",
    "EncoderUnavailableError",
    "Jpeg2kCodec",
    "UnsupportedVersionError",
    "VideoCodec",
    "VideoCodecError",
    "__version__",
    "fit_pca",
    "get_threads",
    "set_threads",
]

_HOMES = {
    "DecodeError": "errors",
    "EncoderUnavailableError": "errors",
    "Jpeg2kCodec": "codec",
    "UnsupportedVersionError": "errors",
    "VideoCodec": "codec",
    "VideoCodecError": "errors",
    "fit_pca": "transform.klt",
    "get_threads": "threads",
    "set_threads": "threads",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
