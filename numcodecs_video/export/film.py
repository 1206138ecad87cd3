"""A variable as a film that any browser plays: stretched to 8 bits, with its dates as captions.

For looking at, never for computing with. Needs the ``plots`` extra.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.export.containers import FILM_FORMATS, write_film
from numcodecs_video.export.stretch import stretch_of
from numcodecs_video.metrics import valid_cells

try:
    from matplotlib import colormaps
    from PIL import Image, ImageDraw, ImageFont
except ImportError as error:
    raise ImportError("previews need matplotlib: pip install 'numcodecs-video[plots]'") from error

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from numcodecs_video.metrics import Nodata

__all__ = ["write_preview"]

VALUE_COLOURS = "cividis"  # in order for colour-blind eyes
MISSING = 0.6  # a grey that no stretch of a colour picture has on all its edges
SHORTEST, LONGEST = 480, 1080  # samples of the longer side
CAPTION = 32  # height of the strip that holds it
FONT = 18
SCALE, GAP = 48, 10  # width of the scale of colours, and of what is between its parts


def write_preview(
    cube: NDArray[Any],
    target: str | os.PathLike[str],
    *,
    bands: Sequence[int] | None = None,
    captions: Sequence[str] | None = None,
    nodata: Nodata = None,
    units: str = "",
    percentiles: tuple[float, float] = (2.0, 98.0),
    limits: tuple[float, float] | None = None,
    frame_rate: int = 4,
    advance: Callable[[int], None] | None = None,
) -> tuple[int, int, int]:
    """Render a cube into an 8-bit film: H.264 in ``.mp4``, or VP9 in ``.webm``.

    Three bands are shown as red, green and blue, one band in colours. Each band is stretched
    between its percentiles over all dates, so that what is brighter in the film was brighter in the
    data; clouds in colour pictures count as white. Missing cells are grey.

    Parameters
    ----------
    cube : ndarray, shape (T, C, Y, X)
    target : str or path
        Ends in ``.mp4`` or ``.webm``; replaced once the film is complete.
    bands : sequence of int, optional
        Three, or one; the first three, or the first, unless given.
    captions : sequence of str, optional
        One a time step.
    nodata : float or sequence of float, optional
        Sentinels of missing cells, besides NaN.
    units : str
        Of the values, beside the scale of colours that a film of one band has.
    percentiles : tuple of float
        Of the valid cells of a band, which become dark and bright.
    limits : tuple of float, optional
        Values that become dark and bright in every band instead.
    frame_rate : int
        Time steps a second.
    advance : callable, optional
        Told the bytes of every time step that is rendered.

    Returns
    -------
    frames, height, width : int

    Raises
    ------
    VideoCodecError
        If the target has another ending, or a band does not exist.
    """
    suffix = str(target)[str(target).rfind(".") :]
    if suffix not in FILM_FORMATS:
        raise VideoCodecError(f"{target} must end in {' or '.join(FILM_FORMATS)}")
    count = cube.shape[1]
    chosen = list(bands) if bands is not None else [0, 1, 2] if count >= 3 else [0]
    if len(chosen) not in (1, 3) or not all(0 <= band < count for band in chosen):
        raise VideoCodecError(
            f"bands must be one or three of 0 to {count - 1}, got {','.join(map(str, chosen))}"
        )
    shown = cube[:, chosen]
    step = max(1, -(-max(shown.shape[2:]) // LONGEST))
    shown = shown[:, :, ::step, ::step]
    pictures = _pictures(shown, nodata, units, percentiles, limits, captions)
    first = next(pictures)
    rendered = itertools.chain([first], pictures)
    size = cube[:1].nbytes
    write_film(_counted(rendered, size, advance), target, frame_rate=frame_rate)
    return len(shown), *first.shape[:2]


def _counted(
    pictures: Iterable[NDArray[np.uint8]], size: int, advance: Callable[[int], None] | None
) -> Iterator[NDArray[np.uint8]]:
    """Tell of every picture once it is written."""
    for picture in pictures:
        yield picture
        if advance is not None:
            advance(size)


def _pictures(
    shown: NDArray[Any],
    nodata: Nodata,
    units: str,
    percentiles: tuple[float, float],
    limits: tuple[float, float] | None,
    captions: Sequence[str] | None,
) -> Iterator[NDArray[np.uint8]]:
    """Stretch, colour, enlarge and caption one time step after another."""
    valid = valid_cells(shown, nodata=nodata)
    stretch = stretch_of(shown, valid, percentiles, limits)
    low, high = stretch[:, 0, None, None], stretch[:, 1, None, None]
    span = np.where(high > low, high - low, 1.0)
    enlarge = max(1, SHORTEST // max(shown.shape[2:]))
    colours = colormaps[VALUE_COLOURS]
    scale = None
    if shown.shape[1] == 1:
        low_text, high_text = (f"{limit:.4g}" for limit in stretch[0])
        scale = _scale(low_text, high_text, units)
    for number, (planes, seen) in enumerate(zip(shown, valid, strict=True)):
        levels = np.clip((planes.astype(np.float64) - low) / span, 0.0, 1.0)
        levels = np.where(seen, levels, 0.0)
        picture = levels.transpose(1, 2, 0) if len(levels) == 3 else colours(levels[0])[..., :3]
        picture = np.where(seen.all(axis=0)[..., None], picture, MISSING)
        picture = picture.repeat(enlarge, axis=0).repeat(enlarge, axis=1)
        yield _captioned(
            np.round(picture * 255).astype(np.uint8),
            captions[number] if captions is not None else f"{number + 1} of {len(shown)}",
            scale,
        )


def _captioned(
    picture: NDArray[np.uint8], caption: str, scale: Image.Image | None
) -> NDArray[np.uint8]:
    """Put a strip with the caption, and the scale if it fits, below the picture, of even sides."""
    height, width = picture.shape[:2]
    canvas = Image.new("RGB", (width + width % 2, height + CAPTION + height % 2))
    canvas.paste(Image.fromarray(picture))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(FONT)
    draw.text((GAP, height + 5), caption, fill="white", font=font)
    if scale is not None and 3 * GAP + draw.textlength(caption, font) + scale.width <= width:
        canvas.paste(scale, (width - GAP - scale.width, height))
    return np.asarray(canvas)


def _scale(low: str, high: str, units: str) -> Image.Image:
    """Draw what the colours of one band stand for."""
    font = ImageFont.load_default(FONT)
    high = f"{high} {units}".rstrip()
    before, after = (int(font.getlength(text)) + GAP for text in (low, high))
    strip = Image.new("RGB", (before + SCALE + after, CAPTION))
    draw = ImageDraw.Draw(strip)
    draw.text((0, 5), low, fill="white", font=font)
    draw.text((before + SCALE + GAP, 5), high, fill="white", font=font)
    ramp = colormaps[VALUE_COLOURS](np.linspace(0, 1, SCALE))[None, :, :3].repeat(FONT, axis=0)
    strip.paste(Image.fromarray(np.round(ramp * 255).astype(np.uint8)), (before, 7))
    return strip
