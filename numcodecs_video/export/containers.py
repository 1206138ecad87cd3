"""Elementary streams in a container, and pictures as a film: what FFmpeg's tools and browsers open.

Nothing here takes part in encoding or decoding a chunk.
"""

from __future__ import annotations

import io
import struct
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import av.error

from numcodecs_video.coders.ffmpeg import CODERS, access_units, open_decoder
from numcodecs_video.errors import DecodeError, VideoCodecError
from numcodecs_video.export.complete import complete_file
from numcodecs_video.format.varint import split_units

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from numcodecs_video.format.header import Layer

__all__ = ["FILM_FORMATS", "remux", "write_film"]

FRAME_RATE = 25  # which the parameter sets of our encoders say
MILLISECOND = Fraction(1, 1000)
# For each kind of film: container, encoder, pixel format and options that any browser plays.
FILM_FORMATS: dict[str, tuple[str, str, dict[str, str]]] = {
    ".mp4": ("mp4", "libx264", {"crf": "17", "preset": "medium"}),
    ".webm": ("webm", "libvpx-vp9", {"crf": "24", "b:v": "0", "row-mt": "1"}),
}


def remux(
    layer: Layer,
    shared: bytes,
    segments: Sequence[bytes],
    target: str | os.PathLike[str],
    *,
    title: str = "",
) -> tuple[int, int]:
    """Put the elementary streams of a layer into one Matroska file, bit for bit, at 25 frames/s.

    A key picture is decoded once for every segment, since a player has nowhere to keep it; it is
    given the millisecond before the segment's first frame, in which no screen shows it.

    Parameters
    ----------
    layer : Layer
        Of a video coder.
    shared : bytes
        Its part of the shared section.
    segments : sequence of bytes
        Its part of every segment.
    target : str or path
    title : str
        For the file's metadata.

    Returns
    -------
    frames, key_pictures : int

    Raises
    ------
    DecodeError
        If a stream cannot be decoded, which finding the order of display takes.
    """
    packets: list[bytes] = []
    times: list[int] = []  # milliseconds, of each packet
    starts: set[int] = set()
    frames = 0
    for segment in segments:
        starts.add(len(packets))
        units = split_units(shared) + split_units(segment)
        own = list(access_units(units, layer.coder)) if CODERS[layer.coder].key_picture else units
        for data, order in zip(own, _display_order(layer, own), strict=True):
            shown = frames + order - layer.key
            start = max(shown, frames) * 1000 // FRAME_RATE
            times.append(start if shown < frames else start + layer.key)
            packets.append(data)
        frames += len(own) - layer.key
    with (
        _complete_film(target) as file,
        av.open(file, "w", format="matroska", options={"avoid_negative_ts": "disabled"}) as out,
    ):
        out.metadata["title"] = title
        stream = _add_stream(out, layer, packets)
        out.start_encoding()
        ahead = max(
            (want - time for want, time in zip(sorted(times), times, strict=True)), default=0
        )
        for number, (data, time, decoded) in enumerate(
            zip(packets, times, sorted(times), strict=True)
        ):
            packet: Any = av.Packet(data)
            packet.stream = stream
            packet.time_base = MILLISECOND
            packet.pts, packet.dts = time, decoded - ahead
            packet.is_keyframe = number in starts
            out.mux_one(packet)
    return frames, layer.key * len(segments)


def write_film(
    pictures: Iterable[NDArray[np.uint8]], target: str | os.PathLike[str], *, frame_rate: int
) -> None:
    """Encode pictures for people: 8 bits, 4:2:0, BT.709.

    Parameters
    ----------
    pictures : iterable of uint8 array, shape (Y, X, 3)
        Red, green and blue; of even sides.
    target : str or path
        Ends in one of ``FILM_FORMATS``.
    frame_rate : int
        Pictures a second.
    """
    container, encoder, options = FILM_FORMATS[str(target)[str(target).rindex(".") :]]
    stream: Any = None
    settings = {"movflags": "+faststart"} if container == "mp4" else {}
    with (
        _complete_film(target) as file,
        av.open(file, "w", format=container, options=settings) as out,
    ):
        for picture in pictures:
            if stream is None:
                stream = out.add_stream(encoder, rate=frame_rate, options=options)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            out.mux(stream.encode(frame))
        if stream is not None:
            out.mux(stream.encode(None))


@contextmanager
def _complete_film(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file that is complete or not there, and name it where FFmpeg fails."""
    with complete_file(target) as file:
        try:
            yield file
        except (av.error.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise VideoCodecError(f"cannot write {target}: {reason}") from error


def _display_order(layer: Layer, packets: Sequence[bytes]) -> list[int]:
    """Find when each packet's picture is shown, by decoding: coders store them in another order."""
    context = open_decoder(layer)
    order: dict[int, int] = {}
    try:
        for number, data in enumerate([*packets, None]):
            packet = None
            if data is not None:
                packet = av.Packet(data)
                packet.pts = packet.dts = number
            for frame in context.decode(packet):
                order[frame.pts] = len(order)
    except av.error.FFmpegError as error:
        raise DecodeError(f"the {layer.coder} stream cannot be decoded: {error}") from error
    if sorted(order) != list(range(len(packets))):
        raise DecodeError(f"the {layer.coder} stream holds {len(order)} of {len(packets)} frames")
    return [order[number] for number in range(len(packets))]


def _add_stream(out: Any, layer: Layer, packets: Sequence[bytes]) -> Any:
    """Add a stream that needs no encoder: parameters come from FFmpeg's reader of raw streams."""
    assert layer.mosaic is not None
    height, width = layer.mosaic.frame_height, layer.mosaic.frame_width
    if layer.coder == "ffv1":  # of level 1, which has no extradata
        return out.add_mux_stream("ffv1", rate=FRAME_RATE, width=width, height=height)
    if CODERS[layer.coder].key_picture:
        kind, raw = str(layer.coder), b"".join(packets)
    else:
        kind, raw = "ivf", _ivf(packets, layer.coder, height, width)
    with av.open(io.BytesIO(raw), format=kind) as source:
        return out.add_stream_from_template(source.streams.video[0], opaque=True)


def _ivf(packets: Sequence[bytes], coder: str, height: int, width: int) -> bytes:
    """Lay packets out as an IVF file, the raw container of VP9 and AV1."""
    name = {"vp9": b"VP90", "av1": b"AV01"}[coder]
    head = struct.pack(
        "<4sHH4sHHIIII", b"DKIF", 0, 32, name, width, height, FRAME_RATE, 1, len(packets), 0
    )
    return head + b"".join(
        struct.pack("<IQ", len(data), number) + data for number, data in enumerate(packets)
    )
