"""Video coders of FFmpeg through PyAV: HEVC, VP9, FFV1, AV1 and H.264. The only ``import av``.

Frames are grey pictures. Streams are elementary, without a container: a run of units (an HEVC or
H.264 NAL without its start code; a packet of the others), each after its length.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeVar

import av
import av.error
import av.logging
import numpy as np
from numpy.typing import NDArray

from numcodecs_video.errors import DecodeError, EncoderUnavailableError, VideoCodecError
from numcodecs_video.streams.options import encoder_options
from numcodecs_video.streams.units import join_units, split_units
from numcodecs_video.threads import run_each

__all__ = [
    "CODERS",
    "EncodeSpec",
    "VideoCoder",
    "access_units",
    "decode",
    "encode",
    "library_versions",
    "open_decoder",
    "require_depth",
]

_R = TypeVar("_R")
_LOG_LOCK = threading.Lock()
#: parameter sets and a key picture are four
_MOST_SHARED_UNITS = 64


@dataclass(frozen=True)
class VideoCoder:
    """What one coder can do.

    Parameters
    ----------
    encoder, decoder : str
        FFmpeg's names.
    formats : mapping
        Sample depth to the pixel format that carries it.
    nal : bool
        The stream is made of NAL units with start codes.
    longest_side : int
        Largest frame width or height in samples.
    shortest_side : int
        Smallest.
    lossless_only : bool
        The coder has no quantiser.
    """

    encoder: str
    decoder: str
    formats: Mapping[int, str]
    nal: bool = False
    longest_side: int = 8192
    shortest_side: int = 1
    lossless_only: bool = False


CODERS: Mapping[str, VideoCoder] = {
    "hevc": VideoCoder(
        "libx265",
        "hevc",
        {8: "gray", 10: "gray10le", 12: "gray12le"},
        nal=True,
        shortest_side=16,
    ),
    "vp9": VideoCoder(
        "libvpx-vp9", "vp9", {8: "yuv420p", 10: "yuv420p10le", 12: "yuv420p12le"}, shortest_side=16
    ),
    "ffv1": VideoCoder(
        "ffv1",
        "ffv1",
        {
            8: "gray",
            9: "gray9le",
            10: "gray10le",
            12: "gray12le",
            14: "gray14le",
            16: "gray16le",
        },
        longest_side=32767,
        lossless_only=True,
    ),
    "av1": VideoCoder(
        "libsvtav1", "libdav1d", {8: "yuv420p", 10: "yuv420p10le"}, shortest_side=64
    ),
    "h264": VideoCoder(
        "libx264", "h264", {8: "gray", 10: "gray10le"}, nal=True, longest_side=4096,
        shortest_side=16,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class EncodeSpec:
    """One way to encode frames.

    Parameters
    ----------
    coder : str
        Key of ``CODERS``.
    bits : int
        Sample depth, one that the coder has.
    qp : int, optional
        Constant quantiser; None is lossless.
    effort : int
        1 to 9.
    options : tuple of (name, value)
        Raw options, already checked.
    """

    coder: str
    bits: int
    qp: int | None = None
    effort: int = 5
    options: tuple[tuple[str, str], ...] = field(default=())

    @property
    def pixel_format(self) -> str:
        """The pixel format of the frames."""
        return CODERS[self.coder].formats[self.bits]


def library_versions() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The versions of PyAV and of its libavcodec."""
    own = tuple(int(p) for p in av.__version__.split(".")[:3] if p.isdigit())
    return own, tuple(av.library_versions["libavcodec"])


def available_depths(coder: str) -> list[int]:
    """The sample depths at which this PyAV can encode, empty when it lacks the encoder."""
    entry = CODERS[coder]
    try:
        formats = av.Codec(entry.encoder, "w").video_formats
    except av.error.FFmpegError:
        return []
    except ValueError:  # UnknownCodecError
        return []
    names = {f.name for f in formats or ()}
    return [bits for bits, name in entry.formats.items() if name in names]


def require_depth(coder: str, bits: int | None) -> list[int]:
    """The depths of a coder, checked to hold ``bits``.

    Raises
    ------
    EncoderUnavailableError
        When this PyAV cannot encode so; the message names what it can.
    """
    depths = available_depths(coder)
    if depths and bits in (None, *depths):
        return depths
    others = {name: available_depths(name) for name in CODERS}
    listing = "; ".join(
        f"{name} at {', '.join(map(str, found))} bits" for name, found in others.items() if found
    )
    asked = f"{coder} at {bits} bits" if depths else f"the {coder} encoder"
    raise EncoderUnavailableError(f"this PyAV lacks {asked}; it has {listing}")


def _split_nals(packet: bytes) -> list[bytes]:
    """The NAL units of an Annex B packet, without start codes."""
    nals = []
    for part in packet.split(b"\x00\x00\x01"):
        # A start code may have a fourth zero byte, which then ends the part before it.
        nal = part.rstrip(b"\x00") if part else part
        if nal:
            nals.append(nal)
    return nals


def _is_parameter_set(nal: bytes, coder: str) -> bool:
    kind = nal[0] >> 1 & 63 if coder == "hevc" else nal[0] & 31
    return kind in (32, 33, 34) if coder == "hevc" else kind in (7, 8)


def access_units(nals: Iterable[bytes], coder: str) -> Iterator[bytes]:
    """Group NAL units into Annex B packets, one a picture (H.265 7.4.2.4.4, H.264 7.4.1.2.3)."""
    unit, has_picture = bytearray(), False
    for nal in nals:
        if len(nal) < 3:
            raise DecodeError("a video stream holds a unit of less than three bytes")
        if coder == "hevc":
            picture, first = nal[0] >> 1 & 63 < 32, nal[2] & 0x80
        else:
            picture, first = 1 <= nal[0] & 31 <= 5, nal[1] & 0x80
        if has_picture and (first or not picture):
            yield bytes(unit)
            unit, has_picture = bytearray(), False
        unit += b"\x00\x00\x00\x01" + nal
        has_picture = has_picture or picture
    if unit:
        yield bytes(unit)


def _in_own_thread(work: Callable[[threading.Event], _R]) -> _R:
    """Run an encoder in a thread that ends with it.

    libx265 leaves the x87 state of its thread dirty (``np.longdouble(1.5) * 2`` is then nan and
    ``np.linalg.svd`` fails), so it never runs in a caller's thread. A thread a call costs some
    50 microseconds, serialises nothing, and leaves nothing behind for a fork to lose.
    """
    outcome: list[_R] = []
    failure: list[BaseException] = []
    cancelled = threading.Event()

    def run() -> None:
        try:
            outcome.append(work(cancelled))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=run, name="numcodecs_video-encoder", daemon=True)
    thread.start()
    try:
        # A signal that arrives just before an endless join would wait for its end.
        while thread.is_alive():
            thread.join(0.2)
    except BaseException:
        cancelled.set()
        raise
    if failure:
        raise failure[0]
    return outcome[0]


@contextmanager
def _quiet_svt(coder: str) -> Iterator[None]:
    """Keep SVT-AV1 from printing to stderr when it opens: it only listens to the environment."""
    if coder != "av1":
        yield
        return
    with _LOG_LOCK:
        before = os.environ.get("SVT_LOG")
        os.environ["SVT_LOG"] = "0"
        try:
            yield
        finally:
            if before is None:
                del os.environ["SVT_LOG"]
            else:
                os.environ["SVT_LOG"] = before


def _open_encoder(spec: EncodeSpec, frames: NDArray[Any]) -> Any:
    context: Any = av.CodecContext.create(CODERS[spec.coder].encoder, "w")
    context.height, context.width = frames.shape[1:]
    context.pix_fmt = spec.pixel_format
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.thread_count = 1
    context.options = encoder_options(
        spec.coder, spec.qp, spec.effort, dict(spec.options), len(frames)
    )
    with _quiet_svt(spec.coder):
        context.open()
    return context


def _picture(samples: NDArray[Any], pixel_format: str) -> Any:
    """A PyAV frame of grey samples (Y, X); chroma, where the format has it, is constant."""
    height, width = samples.shape
    frame = av.VideoFrame(width, height, pixel_format)
    for number, plane in enumerate(frame.planes):
        rows: NDArray[Any] = np.frombuffer(plane, samples.dtype)  # type: ignore[call-overload]
        rows = rows.reshape(-1, plane.line_size // samples.itemsize)
        if number == 0:
            rows[:height, :width] = samples
        else:
            rows[...] = 128 << (_depth(pixel_format) - 8)
    return frame


def _depth(pixel_format: str) -> int:
    depth = re.search(r"(\d+)le$", pixel_format)
    return int(depth.group(1)) if depth else 8


def _encode_packets(
    frames: NDArray[Any], spec: EncodeSpec, cancelled: threading.Event
) -> list[bytes]:
    try:
        context = _open_encoder(spec, frames)
        packets: list[bytes] = []
        for number, samples in enumerate(frames):
            if cancelled.is_set():
                return packets
            picture = _picture(samples, spec.pixel_format)
            picture.pts = number
            packets += map(bytes, context.encode(picture))
        packets += map(bytes, context.encode(None))
    except av.error.FFmpegError as error:
        raise VideoCodecError(
            f"the {spec.coder} encoder refused frames of {frames.shape[2]}x{frames.shape[1]} "
            f"with options {dict(spec.options)}: {error}"
        ) from error
    return packets


def encode(
    frames: NDArray[Any],
    segments: Sequence[range],
    spec: EncodeSpec,
    key: NDArray[Any] | None = None,
) -> tuple[bytes, list[bytes]]:
    """Encode frames, each segment on its own, in as many threads as one chunk may use.

    Parameters
    ----------
    frames : uint8 array (8 bits) or uint16 array (above), shape (T, Y, X)
        Grey pictures.
    segments : sequence of range
        Frame numbers of each segment.
    spec : EncodeSpec
        Coder and settings.
    key : array, shape (Y, X), optional
        A picture that every segment predicts from; only for coders of NAL units.

    Returns
    -------
    shared : bytes
        Parameter sets common to all segments, and the key picture.
    streams : list of bytes
        One a segment.

    Raises
    ------
    VideoCodecError
        When the encoder refuses, or codes the key picture differently in two segments.
    """

    def work(cancelled: threading.Event) -> list[list[bytes]]:
        def encode_segment(segment: range) -> list[bytes]:
            pictures = frames[segment.start : segment.stop]
            if key is not None:
                pictures = np.concatenate([key[None], pictures])
            return _encode_packets(pictures, spec, cancelled)

        return run_each(encode_segment, segments)

    packets = _in_own_thread(work)
    if not CODERS[spec.coder].nal:
        return b"", [join_units(p) for p in packets]
    streams = [[nal for packet in p for nal in _split_nals(packet)] for p in packets]
    common = _common_head(streams, spec.coder, key is not None)
    if common is None:
        if key is not None:
            raise VideoCodecError(f"{spec.coder} coded the key picture in more than one way")
        return b"", [join_units(s) for s in streams]
    return join_units(streams[0][:common]), [join_units(s[common:]) for s in streams]


def _common_head(streams: Sequence[Sequence[bytes]], coder: str, key: bool) -> int | None:
    """How many units at the head all segments share: parameter sets, and the key picture.

    None when they differ.
    """
    first = streams[0]
    count = next((i for i, n in enumerate(first) if not _is_parameter_set(n, coder)), len(first))
    count += key
    return count if all(s[:count] == first[:count] for s in streams) else None


def decode(
    shared: bytes,
    stream: bytes,
    coder: str,
    bits: int,
    shape: tuple[int, int, int],
    *,
    key: bool = False,
) -> Iterator[NDArray[Any]]:
    """Decode one segment, picture by picture.

    Parameters
    ----------
    shared, stream : bytes
        What :func:`encode` returned for all segments and for this one.
    coder : str
        Key of ``CODERS``.
    bits : int
        Sample depth.
    shape : (int, int, int)
        Frames, height and width that must come out.
    key : bool
        The stream begins with a key picture, which is not one of the frames.

    Yields
    ------
    uint8 or uint16 array, shape (height, width)
        Views of the decoder's own memory, as many as ``shape`` says.

    Raises
    ------
    DecodeError
        When the stream does not hold exactly these frames.
    """
    head = split_units(shared)
    packets = head + split_units(stream)
    if CODERS[coder].nal:
        packets = list(access_units(packets, coder))
    announced, count = shape[0] + key, 0
    # More could only hold what is never shown, and take time for it.
    if len(head) > _MOST_SHARED_UNITS or len(packets) > announced + 1:
        raise DecodeError(f"the {coder} stream holds {len(packets)} packets for {announced} frames")
    try:
        for frame in _decode_packets(packets, coder, bits, shape):
            count += 1
            if count > announced:
                break
            if count > key:
                yield _luma(frame, bits, shape[1:])
    except (av.error.FFmpegError, ValueError) as error:
        raise DecodeError(f"the {coder} stream cannot be decoded: {error}") from error
    if count != announced:
        found = count if count < announced else f"more than {announced}"
        raise DecodeError(f"the {coder} stream holds {found} frames instead of {announced}")


def open_decoder(coder: str, bits: int, shape: tuple[int, int, int]) -> Any:
    """Open a decoder for pictures of (frames, height, width), and of no larger ones."""
    entry = CODERS[coder]
    context: Any = av.CodecContext.create(entry.decoder, "r")
    if coder == "ffv1":
        context.height, context.width = shape[1:]
        context.pix_fmt = entry.formats[bits]
    context.thread_count = 1
    # A damaged stream may announce a picture of any size: refuse before FFmpeg allocates it.
    context.options = {"max_pixels": str((shape[1] + 64) * (shape[2] + 64))}
    return context


def _decode_packets(
    packets: Iterable[bytes], coder: str, bits: int, shape: tuple[int, int, int]
) -> Iterator[Any]:
    """The frames of all packets, in the order of display."""
    context = open_decoder(coder, bits, shape)
    for packet in packets:
        if packet:
            yield from context.decode(av.Packet(packet))
    yield from context.decode(None)


def _luma(frame: Any, bits: int, shape: tuple[int, int]) -> NDArray[Any]:
    """The grey samples of a frame, without a copy."""
    height, width = shape
    if (frame.height, frame.width) != shape or frame.format.components[0].bits != bits:
        raise DecodeError(
            f"a frame has {frame.width}x{frame.height} samples of "
            f"{frame.format.components[0].bits} bits instead of {width}x{height} of {bits}"
        )
    plane, dtype = frame.planes[0], np.dtype(np.uint8 if bits == 8 else np.uint16)
    rows: NDArray[Any] = np.frombuffer(plane, dtype)
    return rows.reshape(-1, plane.line_size // dtype.itemsize)[:height, :width]
