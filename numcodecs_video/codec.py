"""The numcodecs codecs: Zarr format 2, kerchunk references, and plain use on arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numcodecs.abc import Codec
from numcodecs.compat import ensure_bytes, ensure_ndarray, ndarray_copy

from numcodecs_video.config import (
    Jpeg2kParameters,
    Jpeg2kSettings,
    Settings,
    UnreadableSettings,
    VideoParameters,
)
from numcodecs_video.errors import DecodeError, kind_of, noting
from numcodecs_video.sampling import sample_chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from numcodecs_video.zarr3 import ChunkSerializer, Jpeg2kSerializer, VideoSerializer

__all__ = ["ChunkCodec", "Jpeg2kCodec", "VideoCodec"]


class ChunkCodec(Codec):
    """What the codecs share: settings in, one payload a chunk out. Not a codec by itself."""

    settings_type: ClassVar[type[Settings]]

    settings: Settings | UnreadableSettings

    @classmethod
    def from_settings(cls, settings: Settings | UnreadableSettings) -> Self:
        """The codec of settings that were validated, or read from a store."""
        codec = cls.__new__(cls)
        codec.settings = settings
        return codec

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The codec of a stored configuration; never raises, so that every store opens."""
        words = {name: value for name, value in config.items() if name != "id"}
        return cls.from_settings(cls.settings_type.from_json(words))

    def get_config(self) -> dict[str, Any]:
        """The JSON-safe configuration, with the codec's id."""
        return {"id": self.codec_id, **self.settings.to_json()}

    def encode(self, buf: Any) -> bytes:
        """Encode an array or a buffer of plain bytes.

        Parameters
        ----------
        buf : array_like or bytes-like
            Never modified.

        Returns
        -------
        bytes
            A payload as ``docs/format.md`` specifies it.

        Raises
        ------
        TypeError
            When the dtype cannot be encoded, or `buf` is no array.
        VideoCodecError
            When the settings do not fit the array.
        """
        from numcodecs_video.encode.pipeline import encode_chunk

        with noting(f"while encoding with {self!r}"):
            return encode_chunk(_unmasked(buf), self.settings)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Decode a payload.

        Parameters
        ----------
        buf : bytes-like
        out : writeable buffer, optional
            Where to put the values; of the array's size in bytes.

        Returns
        -------
        ndarray
            The chunk, or ``out``.

        Raises
        ------
        TypeError
            When ``out`` holds objects or is no buffer, or `buf` is no bytes.
        ValueError
            When ``out`` is read-only.
        DecodeError
            When the bytes are no payload or are damaged, or ``out`` is of another size.
        """
        from numcodecs_video.decode.chunk import decode_chunk
        from numcodecs_video.format.payload import parse_header

        with noting(f"while decoding with {self.codec_id}"):
            data = _bytes_of(buf)
            if out is None:
                return decode_chunk(data)
            header, target = parse_header(data), _writeable(out)
            if target.nbytes != header.nbytes:
                raise DecodeError(
                    f"the chunk has {header.nbytes} bytes, the output buffer {target.nbytes}"
                )
            decoded = decode_chunk(data, header)
            if target.shape == decoded.shape and target.dtype.itemsize == decoded.dtype.itemsize:
                # By position, whatever the memory orders; numcodecs' own copy goes by memory.
                target.view(decoded.dtype)[...] = decoded
                return out
            return ndarray_copy(decoded, out)

    def tune(self, sample: Any) -> Self:
        """Search once, for chunks like these: the same codec with a plan for all of them.

        Each chunk then makes what the plan names instead of searching by itself, in a fraction of
        the time. The plan is a part of the configuration, and only for encoding: same input, same
        configuration, same bytes.

        Parameters
        ----------
        sample : ndarray, sequence of ndarray, zarr.Array or xarray.DataArray
            A chunk, several, or an array of which a few chunks spread over it are read; values as
            they are stored.

        Returns
        -------
        codec
            Without a plan where a search finds nothing to spare: chunks of one value, or tiny ones.

        Raises
        ------
        TypeError, VideoCodecError
            As of `encode`.

        Examples
        --------
        >>> import numpy as np
        >>> chunks = np.random.default_rng(0).normal(280, 3, (3, 8, 40, 50)).astype("f4")
        >>> tuned = VideoCodec(max_error=0.1).tune(list(chunks))
        >>> "plan" in tuned.get_config()
        True
        """
        from numcodecs_video.encode.pipeline import check_settings
        from numcodecs_video.encode.tune import tune_settings

        with noting(f"while tuning {self!r}"):
            settings = check_settings(self.settings)
            return self.from_settings(tune_settings(sample_chunks(sample), settings))

    def serializer(self) -> ChunkSerializer:
        """The same codec for Zarr format 3."""
        raise NotImplementedError

    def encoding(self, zarr_format: Literal[2, 3] = 3) -> dict[str, Any]:
        """What xarray's ``to_zarr(encoding={"variable": ...})`` wants for one variable.

        Parameters
        ----------
        zarr_format : {2, 3}
            The format of the store to be written.

        Examples
        --------
        >>> VideoCodec(max_error=0.01).encoding(zarr_format=2)
        {'compressors': VideoCodec(codec='auto', max_error=0.01, effort=5), 'filters': None}
        """
        if zarr_format == 2:
            return {"compressors": self, "filters": None}
        if zarr_format == 3:
            return {"serializer": self.serializer(), "compressors": None, "filters": None}
        raise ValueError(f"zarr_format must be 2 or 3, got {zarr_format!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and other.settings == self.settings

    def __hash__(self) -> int:
        return hash((type(self), self.settings))

    def __repr__(self) -> str:
        words = ", ".join(f"{k}={v!r}" for k, v in self.settings.to_json().items())
        return f"{type(self).__name__}({words})"


def _unmasked(buf: Any) -> NDArray[Any]:
    """The array of a buffer.

    Raises
    ------
    TypeError
        When it is no buffer, or a masked array that hides cells: the mask would be lost.
    """
    if isinstance(buf, np.ma.MaskedArray):
        if np.ma.is_masked(buf):
            raise TypeError(
                "a masked array hides cells, and its mask would be lost: encode "
                "array.filled(value) with nodata=value"
            )
        buf = buf.data
    with _naming("encode takes a NumPy array or bytes", buf, ": give numpy.asarray(values)"):
        array: NDArray[Any] = ensure_ndarray(buf)
    return array


@contextmanager
def _naming(wanted: str, value: object, advice: str = "") -> Iterator[None]:
    """Say what was wanted instead of a value, where it is of a type that has no buffer."""
    try:
        yield
    except TypeError as error:
        raise TypeError(f"{wanted}, got {kind_of(value)}{advice}") from error


def _bytes_of(buf: Any) -> bytes:
    """The bytes of a payload.

    Raises
    ------
    TypeError
        When it is no buffer.
    """
    with _naming("decode takes the bytes that encode returned", buf):
        data: bytes = ensure_bytes(buf)
    return data


def _writeable(out: Any) -> NDArray[Any]:
    """The array of an output buffer.

    Raises
    ------
    TypeError
        When it is no buffer, or holds objects.
    ValueError
        When it is read-only.
    """
    with _naming("out must be a writeable array or buffer", out):
        array: NDArray[Any] = ensure_ndarray(out)
    if not array.flags.writeable:
        raise ValueError("out is read-only: give a writeable array or buffer")
    if array.dtype.kind == "O":
        raise TypeError("the output buffer holds objects: give one of the array's dtype")
    return array


class VideoCodec(VideoParameters, ChunkCodec):
    """Encode each chunk of an array as one short scientific video, under a stated fidelity.

    State at most one of `lossless`, `max_error`, `max_relative_error`, `rmse`, `psnr` and `qp`;
    with none, the codec is lossless. NaN, infinities and `nodata` come back exactly under every
    fidelity. Every chunk is decoded and checked before its bytes are returned.

    Parameters
    ----------
    codec : {"auto", "hevc", "vp9", "ffv1", "av1", "h264"}
        The video coder. ``auto`` keeps, per chunk, the smallest candidate under the promise.
    lossless : bool, optional
        Bit for bit.
    max_error : float, optional
        Largest absolute error of any cell, in the data's units.
    max_relative_error : float, optional
        Largest error of any cell, as a fraction of that cell's magnitude; zeros stay zeros, and
        integers lose nothing.
    rmse : float, optional
        Root mean square error of a chunk over valid cells, in the data's units.
    psnr : float, optional
        Peak signal-to-noise ratio of a chunk in dB, relative to its valid range.
    qp : int, optional
        The encoder's own quantiser scale, for experts; no promise.
    axes : str, optional
        One letter a dimension: ``t`` time-like, ``c`` band-like, ``y``, ``x``. By default ``yx``,
        ``tyx`` or ``tcyx``, by the number of dimensions.
    pca : {"auto", False} or int or BandBasis or a fitted scikit-learn PCA
        Transform over the bands: fitted to each chunk where that saves bits (over the bands of
        several frames, too), none, fitted with so many components, or one basis for all chunks
        (see :func:`numcodecs_video.fit_pca`).
    nodata : number or sequence of numbers, optional
        Sentinels of missing cells, in the data's units: all come back exactly, and no other cell
        becomes one of them. NaN and infinities always count.
    bits : {8, 9, 10, 12, 14, 16}, optional
        Sample depth of the coded planes; chosen when None.
    gop : int, optional
        Frames per segment that decodes by itself; 0 is one segment a chunk, None lets the codec
        choose.
    effort : int
        1 (fast) to 9 (smallest).
    options : dict, optional
        Raw encoder options, for experts.
    plan : dict, optional
        What `tune` found, as a part of the configuration; not to be written by hand.

    Raises
    ------
    VideoCodecError
        When a setting is not allowed, or two fidelities are stated.

    See Also
    --------
    Jpeg2kCodec : the same by JPEG 2000, each frame by itself.
    numcodecs_video.zarr3.VideoSerializer : the same for Zarr format 3.

    Examples
    --------
    >>> import numpy as np
    >>> from numcodecs_video import VideoCodec
    >>> codec = VideoCodec(max_error=0.5)
    >>> cube = np.random.default_rng(0).normal(280, 10, (4, 30, 40)).astype("float32")
    >>> decoded = codec.decode(codec.encode(cube))
    >>> bool(abs(decoded - cube).max() <= 0.5)
    True
    """

    codec_id = "numcodecs_video"
    settings_type = Settings

    def serializer(self) -> VideoSerializer:
        """The same codec for Zarr format 3: pass it as ``serializer=``, with ``compressors=None``.

        Examples
        --------
        >>> VideoCodec(max_error=0.01).serializer().to_dict()["name"]
        'numcodecs_video'
        """
        from numcodecs_video.zarr3 import VideoSerializer

        return VideoSerializer.from_settings(self.settings)


class Jpeg2kCodec(Jpeg2kParameters, ChunkCodec):
    """Encode each frame of a chunk as one JPEG 2000 codestream, under a stated fidelity.

    For archives that require the standard. The planes of a time step (bands or components) are the
    components of its codestream, so every date decodes alone.

    State at most one of `lossless`, `max_error`, `max_relative_error`, `rmse` and `psnr`; with
    none, the codec is lossless. NaN, infinities and `nodata` come back exactly under every
    fidelity. Every chunk is decoded and checked before its bytes are returned.

    Parameters
    ----------
    lossless, max_error, max_relative_error, rmse, psnr : optional
        As of :class:`VideoCodec`.
    axes, pca, nodata, effort, plan : optional
        As of :class:`VideoCodec`.
    htj2k : bool
        Code by high-throughput JPEG 2000 (ISO/IEC 15444-15): faster, some per cent larger.

    Raises
    ------
    VideoCodecError
        When a setting is not allowed, or two fidelities are stated.

    See Also
    --------
    VideoCodec : predicts in time as well, for far fewer bits.
    numcodecs_video.zarr3.Jpeg2kSerializer : the same for Zarr format 3.

    Examples
    --------
    >>> import numpy as np
    >>> from numcodecs_video import Jpeg2kCodec
    >>> codec = Jpeg2kCodec(max_error=0.5)
    >>> cube = np.random.default_rng(0).normal(280, 10, (4, 30, 40)).astype("float32")
    >>> decoded = codec.decode(codec.encode(cube))
    >>> bool(abs(decoded - cube).max() <= 0.5)
    True
    """

    codec_id = "numcodecs_video_jpeg2k"
    settings_type = Jpeg2kSettings

    def serializer(self) -> Jpeg2kSerializer:
        """The same codec for Zarr format 3: pass it as ``serializer=``, with ``compressors=None``.

        Examples
        --------
        >>> Jpeg2kCodec(max_error=0.01).serializer().to_dict()["name"]
        'numcodecs_video_jpeg2k'
        """
        from numcodecs_video.zarr3 import Jpeg2kSerializer

        return Jpeg2kSerializer.from_settings(self.settings)
