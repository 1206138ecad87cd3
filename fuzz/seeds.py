"""The payloads that fuzzing starts from: the stored fixtures, and fresh ones of every layer kind.

A codec joins by one line in ``CODECS``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

import numcodecs_video
from numcodecs_video.coders import EncodeSpec, ffmpeg, pcodec, zstd
from numcodecs_video.format.header import Header, Layer
from numcodecs_video.format.payload import pack
from numcodecs_video.format.varint import join_units

__all__ = ["load_bombs", "load_seeds"]

FIXTURES = Path(__file__).parents[1] / "tests" / "data"
#: every codec, each with the settings that make different payloads of it
CODECS: dict[str, tuple[str, ...]] = {
    "VideoCodec": ("auto", "hevc", "vp9", "ffv1", "av1", "h264"),
    "Jpeg2kCodec": (),
}


def _cubes() -> dict[str, NDArray[Any]]:
    """Small chunks, axes ``tcyx``, that need every kind of layer between them."""
    t, c, y, x = np.meshgrid(*map(np.arange, (4, 2, 18, 22)), indexing="ij")
    rng = np.random.default_rng(20)
    smooth = 280 + 9 * np.sin((x + 2 * t) / 5) * np.cos(y / 4) * (1 + c)
    noisy = smooth + rng.normal(0, 0.3, smooth.shape)
    holes = noisy.astype("f4")
    holes[1:3, :, 2:9, 3:12] = np.nan
    holes[0, 0, 0, :3] = [np.inf, -np.inf, -0.0]
    return {
        "counts": np.rint(noisy * 3).astype("u2"),
        "holes": holes,
        "signed": np.rint((noisy - 280) * 2).astype("i1"),
        "wide": np.rint(noisy * 2e6).astype("i8"),
        "levels": np.sqrt(np.rint(smooth)).astype("f4"),
        "still": np.repeat(noisy[:1], 6, axis=0).astype("f4"),
    }


def _fidelities(cube: NDArray[Any]) -> list[dict[str, Any]]:
    floats = {"max_relative_error": 0.01} if cube.dtype.kind == "f" else {}
    words = [{}, {"max_error": 2}, {"qp": 20}, {"psnr": 40, "gop": 2}]
    return [*words, floats] if floats else words


def load_seeds() -> dict[str, bytes]:
    """Payloads by name, the same in every process."""
    seeds = {
        f"{path.parent.name}/{path.stem}": path.read_bytes()
        for path in sorted(FIXTURES.glob("format_*/*.ncv"))
    }
    for name, coders in CODECS.items():
        make = getattr(numcodecs_video, name, None)
        for coder in coders or ("",):
            for content, cube in _cubes().items() if make else ():
                for words in _fidelities(cube):
                    if "qp" in words and coder in ("", "ffv1"):
                        continue
                    said = {"codec": coder, **words} if coder else {**words}
                    if not coder:
                        said.pop("gop", None)
                    payload = make(axes="tcyx", effort=1, **said).encode(cube)
                    seeds[f"{name}({coder}) {content} {words}"] = payload
    return seeds


def load_bombs() -> list[bytes]:
    """Payloads of few bytes whose streams expand to many: for a header that declares little."""
    side, zeros = 8192, np.zeros((1, 1, 2048, 2048), np.uint8)
    coded = [c.encode(zeros, [range(1)], EncodeSpec(8)) for c in ffmpeg.CODERS.values()]
    layers = [(c.layer, zeros.shape[-1], c.shared, c.streams[0]) for c in coded]
    picture = imagecodecs.jpegxl_encode(np.zeros((side, side), np.uint8), lossless=True, effort=1)
    layers.append((Layer("base", "jpegxl", 8), side, b"", join_units([picture])))
    for name, stream in (
        ("zstd", zstd.compress(bytes(2**27))),
        ("pcodec", pcodec.Pcodec().encode_values(np.zeros(2**24, np.int64))),
    ):
        layers += [(Layer(kind, name, 8), side, b"", stream) for kind in ("exact", "base")]
    return [
        pack(Header("|u1", (side, side), axes="yx", layers=(layer,)), [[shared], [stream]])
        for layer, side, shared, stream in layers
    ]
