"""The recipe of xarrayvideo, through PyAV or, where one is installed, through the ffmpeg program.

What it does, as in its source (https://github.com/IPL-UV/xarrayvideo, ``scripts/run_tests.py`` for
the settings): each band is scaled from its own minimum and maximum to all levels of the sample
depth; three bands become the red, green and blue planes of a video, the last band being repeated
until there are three; FFmpeg turns them into yuv444p, and writes Matroska at 30 frames a second.
Missing cells become level 0. With PCA, components take the place of the bands, all of them or the
first three; videos after the second get a lower quality, and x265 is not tuned for PSNR.

The band order of three or more videos is kept here, which the library's own reader mixes up; its
metadata, which would add about a kilobyte to every video, is left out. Both favour it. x265 does
without ``cutree`` on pictures of at most 48 columns, where it writes beyond its memory and may end
the process (PyAV 18 and 19).
"""

from __future__ import annotations

import io
import math
import shutil
import struct
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

#: the paper's names; the last goes beyond its ladder, so that the curves reach 0.1 bits
QUALITIES = ("Best", "Very high", "High", "Medium", "Low", "Very low", "Very low 2")
#: of each quality, and of the videos after it with PCA
X265_CRFS = (51, 51, 1, 7, 16, 27, 39, 39, 39, 39, 39, 39)
X265_PARAMS = ("lossless=1", "qpmin=0:qpmax=0.01", *[""] * 10)
VP9_CRFS = (0, 0, 5, 12, 20, 30, 45)
VP9_FILTER = {"arnr-strength": "2", "lag-in-frames": "25", "arnr-maxframes": "7"}
VP9_PARAMS = ({"lossless": "1"}, {"qmin": "0", "qmax": "0.01", **VP9_FILTER}, *[VP9_FILTER] * 5)
#: widest picture that x265 must not estimate with cutree
NARROW = 48


def program() -> str | None:
    """The ffmpeg program, where there is one."""
    return shutil.which("ffmpeg")


@dataclass(frozen=True)
class Recipe:
    """One way of xarrayvideo to store a cube; a coder of whole cubes.

    Parameters
    ----------
    coder : str
        ``"libx265"`` or ``"libvpx-vp9"``, which the program also calls ``"vp9"``.
    quality : float
        Index into `QUALITIES`; halves, from the third on, lie between two of them.
    bits : int
        8, 10 or 12.
    pca : int
        Transform the bands into as many components first; 0 keeps the bands.
    through : str
        ``"PyAV"`` or ``"ffmpeg"``.
    info : bool
        x265 writes its settings, 2 kB of text, into every video, as the library lets it. Without
        them small cubes show what the coder itself needs.
    """

    coder: str
    quality: float
    bits: int = 12
    pca: int = 0
    through: str = "PyAV"
    info: bool = True

    @property
    def label(self) -> str:
        """The paper's name of the quality, or of those around it."""
        around = math.floor(self.quality), math.ceil(self.quality)
        return " to ".join(dict.fromkeys(QUALITIES[n] for n in around))

    @property
    def name(self) -> str:
        """The curve that it belongs to."""
        coder = "x265" if self.coder == "libx265" else "VP9"
        by = "" if self.through == "PyAV" else " (ffmpeg)"
        by += "" if self.info else " (info=0)"
        return f"xarrayvideo {coder} {self.bits} bit{f' PCA {self.pca}' if self.pca else ''}{by}"

    def encode(self, cube: NDArray[Any]) -> bytes:
        """A cube (T, C, Y, X), NaN where missing, as videos behind their ranges and the basis."""
        bands = np.moveaxis(cube, 1, -1)  # (T, Y, X, C)
        basis = np.empty((0, bands.shape[-1]), np.float32)
        if self.pca:
            basis, bands = _principal_components(bands, self.pca)
        low, high = np.nanmin(bands, axis=(0, 1, 2)), np.nanmax(bands, axis=(0, 1, 2))
        span = np.where(high > low, high - low, 1)
        top = 2**self.bits - 1
        levels = np.nan_to_num(np.round((bands - low) / span * top).clip(0, top), nan=0.0)
        levels = levels.astype(np.uint8 if self.bits == 8 else np.uint16)
        count = levels.shape[-1]
        levels = levels[..., [min(i, count - 1) for i in range(-(-count // 3) * 3)]]
        videos = [
            self._write(np.moveaxis(levels[..., [i + 1, i + 2, i]], -1, 1), i // 3)
            for i in range(0, levels.shape[-1], 3)
        ]
        ranges = np.stack([low, low + span]).astype(np.float32).tobytes()
        head = struct.pack(f"<{len(videos)}I", *map(len, videos))
        return b"".join([head, ranges, basis.tobytes(), *videos])

    def decode(self, payload: bytes, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """The cube again, of a shape (T, C, Y, X)."""
        count = self.pca or shape[1]
        sizes = struct.unpack_from(f"<{-(-count // 3)}I", payload)
        at = 4 * len(sizes)
        low, high = np.frombuffer(payload, np.float32, 2 * count, at).reshape(2, count)
        at += 8 * count
        basis = None
        if self.pca:
            basis = np.frombuffer(payload, np.float32, (count + 1) * shape[1], at)
            basis, at = basis.reshape(count + 1, shape[1]), at + basis.nbytes
        planes = []
        for size in sizes:
            planes.append(self._read(payload[at : at + size], shape[-2:])[:, [2, 0, 1]])
            at += size
        levels = np.concatenate(planes, axis=1)[:, :count]  # (T, C, Y, X)
        bands = np.moveaxis(levels, 1, -1).astype(np.float32)
        bands = bands / (2**self.bits - 1) * (high - low) + low
        if basis is not None:
            bands = bands @ basis[1:] + basis[0]
        return np.moveaxis(bands, -1, 1)

    def _options(self, video: int, width: int) -> dict[str, str]:
        """FFmpeg's options for the so many-th video, of pictures of a width."""
        if self.coder != "libx265":
            crf = round(np.interp(self.quality, range(len(VP9_CRFS)), VP9_CRFS))
            return {"crf": str(crf), **VP9_PARAMS[math.ceil(self.quality)]}
        number = self.quality + (max(0, video - 1) if self.pca else 0)
        crf = np.interp(number, range(len(X265_CRFS)), X265_CRFS)
        given = {"preset": "medium", "crf": f"{crf:g}"}
        if not self.pca:
            given["tune"] = "psnr"
        narrow = "cutree=0" if width <= NARROW else ""
        words = [X265_PARAMS[math.ceil(number)], "" if self.info else "info=0", narrow]
        if any(words):
            given["x265-params"] = ":".join(filter(None, words))
        return given

    def _write(self, planes: NDArray[Any], video: int) -> bytes:
        """Planes (T, 3, Y, X) as a Matroska file."""
        if self.through == "ffmpeg":
            return self._write_by_program(planes, video)
        # x265 leaves the floating-point state of its thread unfit for numpy.
        with ThreadPoolExecutor(1) as worker:
            return worker.submit(self._write_by_pyav, planes, video).result()

    def _write_by_pyav(self, planes: NDArray[Any], video: int) -> bytes:
        options = self._options(video, planes.shape[-1])
        if self.coder == "libx265":
            options["x265-params"] = f"{options.get('x265-params', '')}:log-level=none".strip(":")
        formats = self._format("gbrp"), self._format("yuv444p")
        return write_matroska(planes, self.coder, options, *formats)

    def _read(self, file: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
        """The planes (T, 3, Y, X) of a Matroska file."""
        if self.through == "ffmpeg":
            return self._read_by_program(file, shape)
        return read_matroska(file, self._format("gbrp"), shape)

    def _format(self, name: str) -> str:
        return name if self.bits == 8 else f"{name}{self.bits}le"

    def _write_by_program(self, planes: NDArray[Any], video: int) -> bytes:
        size = f"{planes.shape[-1]}x{planes.shape[-2]}"
        raw = ["-f", "rawvideo", "-pix_fmt", self._format("gbrp"), "-s", size, "-r", "30"]
        given = self._options(video, planes.shape[-1])
        options = [part for key, value in given.items() for part in (f"-{key}", value)]
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "video.mkv"
            coded = ["-c:v", self.coder, *options, "-pix_fmt", self._format("yuv444p"), target]
            command = [program(), "-v", "quiet", *raw, "-i", "pipe:", *coded]
            subprocess.run(command, input=planes.tobytes(), check=True, capture_output=True)
            return target.read_bytes()

    def _read_by_program(self, file: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
        raw = ["-f", "rawvideo", "-pix_fmt", self._format("gbrp"), "pipe:"]
        with tempfile.NamedTemporaryFile(suffix=".mkv") as source:
            source.write(file)
            source.flush()
            command = [program(), "-v", "quiet", "-i", source.name, *raw]
            data = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        return np.frombuffer(data, np.uint8 if self.bits == 8 else np.uint16).reshape(-1, 3, *shape)


def write_matroska(
    planes: NDArray[Any], coder: str, options: dict[str, str], given: str, stored: str
) -> bytes:
    """Encode planes (T, 3, Y, X) of one pixel format as a video of another.

    The conversion runs in one thread: in several, PyAV 18.1 makes wrong pictures of some widths,
    not every time (101 is one).
    """
    height, width = planes.shape[-2:]
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream: Any = container.add_stream(coder, rate=Fraction(30), options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, stored
        stream.thread_count = 1
        for picture in planes:
            frame = av.VideoFrame(width, height, given)
            for plane, values in zip(frame.planes, picture, strict=True):
                rows = np.frombuffer(plane, planes.dtype).reshape(height, -1)
                rows[:, :width] = values
            container.mux(stream.encode(frame.reformat(format=stored, threads=1)))
        container.mux(stream.encode(None))
    return file.getvalue()


def read_matroska(file: bytes, wanted: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """The planes (T, 3, Y, X) of a video in a pixel format."""
    pictures = []
    dtype = np.uint8 if wanted == "gbrp" else np.uint16
    with av.open(io.BytesIO(file)) as container:
        for frame in container.decode(video=0):
            planes = [
                np.frombuffer(plane, dtype).reshape(shape[0], -1)[:, : shape[1]].copy()
                for plane in frame.reformat(format=wanted, threads=1).planes
            ]
            pictures.append(np.stack(planes))
    return np.stack(pictures)


class ClassVideo:
    """How xarrayvideo stores one variable of classes: three times in an FFV1 video."""

    def encode(self, array: NDArray[np.uint8]) -> bytes:
        """Classes of axes tyx as a Matroska file."""
        self._shape = array.shape[-2:]
        planes = np.repeat(array[:, None], 3, axis=1)
        return write_matroska(planes, "ffv1", {}, "gbrp", "bgr0")

    def decode(self, payload: bytes) -> NDArray[np.uint8]:
        """The classes again."""
        return read_matroska(payload, "gbrp", self._shape)[:, 0]


def _principal_components(
    bands: NDArray[Any], count: int
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """The mean above components, (count + 1, C), and the bands (T, Y, X, C) in their terms."""
    flat = bands.reshape(-1, bands.shape[-1]).astype(np.float64)
    seen = flat[np.isfinite(flat).all(axis=1)]
    mean = seen.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(seen, rowvar=False))
    basis = np.vstack([mean, vectors.T[::-1][:count]]).astype(np.float32)
    turned = (flat - basis[0]) @ basis[1:].T
    return basis, turned.reshape(*bands.shape[:-1], count)
