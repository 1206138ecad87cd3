"""Video coders of FFmpeg through PyAV: HEVC, VP9, FFV1, AV1 and H.264.

Frames are grey pictures, in which the planes of a time step are tiled. Streams are elementary,
without a container: a run of units (an HEVC or H.264 NAL without its start code; a packet of the
others), each after its length.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from numcodecs_video.coders import NOTHING, Coder, EncodedPlanes, EncodeSpec, Known, sample_dtype
from numcodecs_video.coders.ffmpeg_options import (
    check_options,
    encoder_options,
    safe_units,
    structure_options,
)
from numcodecs_video.coders.mosaic import cut_mosaic, plan_mosaic, tile_mosaic
from numcodecs_video.errors import DecodeError, EncoderUnavailableError, VideoCodecError
from numcodecs_video.format.header import Layer
from numcodecs_video.format.varint import join_units, split_units
from numcodecs_video.progress import VIDEO, tick
from numcodecs_video.threads import run_each

__all__ = [
    "CODERS",
    "VideoCoder",
    "access_units",
    "key_picture",
    "library_versions",
    "open_decoder",
]

_R = TypeVar("_R")
#: parameter sets and a key picture are four
_MOST_SHARED_UNITS = 64
#: frames that a key picture is made of, at most
_MOST_KEY_FRAMES = 64

# SVT-AV1 prints to stderr when it opens, and listens to the environment alone. Once, when encoders
# are first needed: a change beside running encoders would be read halfway.
os.environ.setdefault("SVT_LOG", "0")


@dataclass(frozen=True)
class VideoCoder:
    """One of the coders: what FFmpeg's can do, and how they are called there.

    Parameters
    ----------
    name : str
    encoder, decoder : str
        FFmpeg's names.
    formats : mapping
        Sample depth to the pixel format that carries it.
    lossy : bool
    key_picture : bool
        The stream is made of NAL units, of which the first ones may be shared.
    structured : bool
    longest_side : int
        Largest frame width or height in samples.
    shortest_side : int
        Smallest.
    unsafe_side : int
        One that frames are padded to avoid.
    """

    name: str
    encoder: str
    decoder: str
    formats: Mapping[int, str]
    lossy: bool = True
    key_picture: bool = False
    structured: bool = False
    contextual: bool = False
    longest_side: int = 8192
    shortest_side: int = 1
    unsafe_side: int = 0
    predicts_in_time: bool = True
    exact_decoder: bool = True
    least_quantiser: int = 0

    @property
    def depths(self) -> Sequence[int]:
        """Sample depths of its bitstreams."""
        return list(self.formats)

    def available_depths(self) -> list[int]:
        """The sample depths at which this PyAV can encode, empty when it lacks the encoder."""
        try:
            formats = av.Codec(self.encoder, "w").video_formats
        except av.error.FFmpegError:
            return []
        except ValueError:  # UnknownCodecError
            return []
        names = {f.name for f in formats or ()}
        return [bits for bits, name in self.formats.items() if name in names]

    def require(self, bits: int | None, options: Sequence[tuple[str, str]]) -> None:
        """Check that this PyAV encodes at a depth, and that the raw options may be set."""
        check_options(self.name, dict(options))
        depths = self.available_depths()
        if depths and bits in (None, *depths):
            return
        others = {name: coder.available_depths() for name, coder in CODERS.items()}
        listing = "; ".join(
            f"{name} at {', '.join(map(str, found))} bits"
            for name, found in others.items()
            if found
        )
        asked = f"{self.name} at {bits} bits" if depths else f"the {self.name} encoder"
        raise EncoderUnavailableError(f"this PyAV lacks {asked}; it has {listing}")

    def encode(
        self,
        planes: NDArray[Any],
        segments: Sequence[range],
        spec: EncodeSpec,
        known: Known = NOTHING,
    ) -> EncodedPlanes:
        """Encode planes as one video, all planes of a time step in one frame.

        Raises
        ------
        VideoCodecError
            When the frame is too large, the encoder refuses it, or codes the key picture
            differently in two segments.
        """
        count, height, width = planes.shape[1:]
        mosaic = plan_mosaic(count, height, width, self.shortest_side, self.unsafe_side)
        if max(mosaic.frame_height, mosaic.frame_width) > self.longest_side:
            raise VideoCodecError(
                f"{self.name} codes frames up to {self.longest_side} samples a side, this chunk "
                f"needs {mosaic.frame_width}x{mosaic.frame_height}: use smaller chunks in y and x"
            )
        frames = tile_mosaic(planes, mosaic)
        key = key_picture(frames, spec.structure.trim) if spec.structure.key else None
        shared, streams = _encode(self, frames, segments, spec, key)
        layer = Layer(
            "base",
            self.name,
            spec.bits,
            self.formats[spec.bits],
            key=spec.structure.key,
            mosaic=mosaic,
        )
        return EncodedPlanes(layer, shared, streams)

    def decode(
        self,
        layer: Layer,
        shared: bytes,
        data: bytes,
        shape: tuple[int, int, int, int],
        known: Known = NOTHING,
    ) -> NDArray[Any]:
        """Decode the planes of one segment."""
        mosaic = layer.mosaic
        if layer.bits not in self.formats:
            raise DecodeError(f"{self.name} has no sample depth of {layer.bits} bits")
        if mosaic is None or mosaic.planes != shape[1]:
            raise DecodeError("the payload's planes do not match its bands")
        samples = np.empty(shape, sample_dtype(layer.bits))
        for number, picture in enumerate(_decode(self, layer, shared, data, shape[0])):
            cut_mosaic(picture[None], mosaic, samples[number : number + 1])
        return samples


_GREY = {
    8: "gray", 9: "gray9le", 10: "gray10le", 12: "gray12le", 14: "gray14le", 16: "gray16le",
}  # fmt: skip
_COLOUR = {8: "yuv420p", 10: "yuv420p10le", 12: "yuv420p12le"}


def _some(formats: Mapping[int, str], *depths: int) -> Mapping[int, str]:
    return {bits: formats[bits] for bits in depths}


_VIDEO_CODERS = {
    coder.name: coder
    for coder in (
        VideoCoder(
            "hevc", "libx265", "hevc", _some(_GREY, 8, 10, 12),
            key_picture=True, structured=True, shortest_side=16, unsafe_side=16,
        ),
        VideoCoder("vp9", "libvpx-vp9", "vp9", _COLOUR, shortest_side=16),
        VideoCoder("ffv1", "ffv1", "ffv1", _GREY, lossy=False, longest_side=32767),
        VideoCoder("av1", "libsvtav1", "libdav1d", _some(_COLOUR, 8, 10), shortest_side=64),
        VideoCoder(
            "h264", "libx264", "h264", _some(_GREY, 8, 10),
            key_picture=True, longest_side=4096, shortest_side=16,
        ),
    )
}  # fmt: skip
CODERS: Mapping[str, Coder] = _VIDEO_CODERS


def library_versions() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The versions of PyAV and of its libavcodec."""
    own = tuple(int(p) for p in av.__version__.split(".")[:3] if p.isdigit())
    return own, tuple(av.library_versions["libavcodec"])


def key_picture(frames: NDArray[Any], trim: float) -> NDArray[Any]:
    """The picture that all segments predict from: a trimmed mean over time.

    Clouds stay out of the median; the mean of smooth fields is smoother than that.

    Parameters
    ----------
    frames : uint8 or uint16 array, shape (T, Y, X)
        Of which 64 at most are used.
    trim : float
        The part of the values left out at either end: 0 gives the mean, 0.5 the median.
    """
    chosen = frames[:: -(-len(frames) // _MOST_KEY_FRAMES)]
    first = min(int(trim * len(chosen)), (len(chosen) - 1) // 2)
    count = len(chosen) - 2 * first
    picture = np.empty(frames.shape[1:], frames.dtype)
    for y in range(picture.shape[0]):
        columns = np.sort(chosen[:, y].T, axis=1)  # along the memory: twice as fast as along time
        middle = columns[:, first : first + count]
        picture[y] = (middle.sum(axis=1, dtype=np.uint32) + count // 2) // count
    return picture


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

    # Whoever watches the encode is part of the context.
    thread = threading.Thread(
        target=copy_context().run, args=(run,), name="numcodecs_video-encoder", daemon=True
    )
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


def _open_encoder(coder: VideoCoder, spec: EncodeSpec, frames: NDArray[Any]) -> Any:
    context: Any = av.CodecContext.create(coder.encoder, "w")
    context.height, context.width = frames.shape[1:]
    context.pix_fmt = coder.formats[spec.bits]
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.thread_count = 1
    structure = structure_options(spec.structure) if coder.structured else ()
    options = dict(spec.options + structure + spec.raw_options)
    if coder.name == "hevc":
        options |= safe_units(frames.shape[1], frames.shape[2], options)
    context.options = encoder_options(coder.name, spec.quantiser, options, len(frames))
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
    coder: VideoCoder, frames: NDArray[Any], spec: EncodeSpec, cancelled: threading.Event
) -> list[bytes]:
    pixel_format = coder.formats[spec.bits]
    try:
        context = _open_encoder(coder, spec, frames)
        packets: list[bytes] = []
        for number, samples in enumerate(frames):
            if cancelled.is_set():
                return packets
            picture = _picture(samples, pixel_format)
            picture.pts = number
            packets += _packets(context.encode_lazy(picture), samples.size)
        packets += _packets(context.encode_lazy(None), frames[0].size)
    except av.error.FFmpegError as error:
        raise VideoCodecError(
            f"the {coder.name} encoder refused frames of {frames.shape[2]}x{frames.shape[1]} "
            f"with options {dict(spec.raw_options)}: {error}"
        ) from error
    return packets


def _packets(found: Iterable[Any], cells: int) -> Iterator[bytes]:
    """The bytes of packets, of a frame each, as the encoder gives them: it holds some back."""
    for packet in found:
        yield bytes(packet)
        tick(VIDEO * cells)


def _encode(
    coder: VideoCoder,
    frames: NDArray[Any],
    segments: Sequence[range],
    spec: EncodeSpec,
    key: NDArray[Any] | None = None,
) -> tuple[bytes, list[bytes]]:
    """Encode frames (T, Y, X), each segment on its own, in as many threads as one chunk may use.

    Returns
    -------
    shared : bytes
        Parameter sets common to all segments, and the key picture.
    streams : list of bytes
        One a segment.
    """

    def encode_segments(cancelled: threading.Event) -> list[list[bytes]]:
        def encode_segment(segment: range) -> list[bytes]:
            pictures = frames[segment.start : segment.stop]
            if key is not None:
                pictures = np.concatenate([key[None], pictures])
            return _encode_packets(coder, pictures, spec, cancelled)

        return run_each(encode_segment, segments)

    packets = _in_own_thread(encode_segments)
    if not coder.key_picture:
        return b"", [join_units(p) for p in packets]
    streams = [[nal for packet in p for nal in _split_nals(packet)] for p in packets]
    common = _common_head(streams, coder.name, key is not None)
    if common is None:
        if key is not None:
            raise VideoCodecError(f"{coder.name} coded the key picture in more than one way")
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


def _decode(
    coder: VideoCoder, layer: Layer, shared: bytes, data: bytes, frames: int
) -> Iterator[NDArray[Any]]:
    """Decode the pictures of one segment, in the decoder's own memory, one after the other.

    Raises
    ------
    DecodeError
        When the stream does not hold exactly these frames, and the key picture if there is one.
    """
    name, head = coder.name, split_units(shared)
    packets = head + split_units(data)
    if coder.key_picture:
        packets = list(access_units(packets, name))
    announced, count = frames + layer.key, 0
    # More could only hold what is never shown, and take time for it.
    if len(head) > _MOST_SHARED_UNITS or len(packets) > announced + 1:
        raise DecodeError(f"the {name} stream holds {len(packets)} packets for {announced} frames")
    try:
        for frame in _decode_packets(packets, layer):
            count += 1
            if count > announced:
                break
            if count > layer.key:
                yield _luma(frame, layer)
    except (av.error.FFmpegError, ValueError) as error:
        raise DecodeError(f"the {name} stream cannot be decoded: {error}") from error
    if count != announced:
        found = count if count < announced else f"more than {announced}"
        raise DecodeError(f"the {name} stream holds {found} frames instead of {announced}")


def open_decoder(layer: Layer) -> Any:
    """Open a decoder for the pictures of a layer, and for no larger ones.

    Raises
    ------
    DecodeError
        When the layer is not of a video coder.
    """
    coder, mosaic = _VIDEO_CODERS.get(layer.coder), layer.mosaic
    if coder is None or mosaic is None:
        raise DecodeError(f"a layer by {layer.coder} is no video")
    context: Any = av.CodecContext.create(coder.decoder, "r")
    if layer.coder == "ffv1":
        context.height, context.width = mosaic.frame_height, mosaic.frame_width
        context.pix_fmt = coder.formats[layer.bits]
    context.thread_count = 1
    # A damaged stream may announce a picture of any size: refuse before FFmpeg allocates it.
    pixels = (mosaic.frame_height + 64) * (mosaic.frame_width + 64)
    context.options = {"max_pixels": str(pixels)}
    return context


def _decode_packets(packets: Iterable[bytes], layer: Layer) -> Iterator[Any]:
    """The frames of all packets, in the order of display."""
    context = open_decoder(layer)
    for packet in packets:
        if packet:
            yield from context.decode(av.Packet(packet))
    yield from context.decode(None)


def _luma(frame: Any, layer: Layer) -> NDArray[Any]:
    """The grey samples of a frame, without a copy."""
    assert layer.mosaic is not None
    bits, height, width = layer.bits, layer.mosaic.frame_height, layer.mosaic.frame_width
    found = frame.format.components[0].bits
    if (frame.height, frame.width) != (height, width) or found != bits:
        raise DecodeError(
            f"a frame has {frame.width}x{frame.height} samples of {found} bits instead of "
            f"{width}x{height} of {bits}"
        )
    plane, dtype = frame.planes[0], sample_dtype(bits)
    rows: NDArray[Any] = np.frombuffer(plane, dtype)
    return rows.reshape(-1, plane.line_size // dtype.itemsize)[:height, :width]
