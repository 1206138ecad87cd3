"""Options that several commands share: the promise, the codec, the chunks."""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from numcodecs_video.cli.parameters import parse_axes, parse_bounds, parse_chunks, parse_pca
from numcodecs_video.config import CodecName, Jpeg2kName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "CODEC_NAMES",
    "PROMISES",
    "announced",
    "as_shell",
    "encoding_options",
    "encoding_settings",
    "json_option",
    "variable_option",
]

CommandT = TypeVar("CommandT", bound="Callable[..., Any]")

CODEC_NAMES = (*get_args(CodecName), *get_args(Jpeg2kName))
PROMISES = {
    "--max-error": "Largest error of any cell, in the data's units.",
    "--max-relative-error": "Largest error of any cell, as a fraction of its magnitude.",
    "--rmse": "Root mean square error of each chunk, in the data's units.",
    "--psnr": "Peak signal-to-noise ratio of each chunk, in dB.",
    "--qp": "The encoder's own quantiser scale, for experts; no promise.",
}

variable_option = click.option(
    "--var",
    "names",
    multiple=True,
    metavar="VAR",
    help="This variable, with what it refers to, and no other.  [repeatable]",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for another program."
)


def encoding_options(command: CommandT) -> CommandT:
    """Add what `numcodecs_video.xarray.encoding` may be told."""
    options = [
        click.option(
            name,
            callback=parse_bounds,
            multiple=True,
            metavar="[VAR=]VALUE",
            help=f"{text}  [repeatable]",
        )
        for name, text in PROMISES.items()
    ]
    options += [
        click.option("--lossless", is_flag=True, help="Keep every bit: the default, said aloud."),
        click.option("--codec", type=click.Choice(CODEC_NAMES), default="auto", show_default=True),
        click.option(
            "--chunks",
            callback=parse_chunks,
            metavar="DIM=N,...",
            help="Such as time=64,y=256,x=256; -1 is the whole dimension.",
        ),
        click.option(
            "--axes",
            callback=parse_axes,
            metavar="DIM=LETTER,...",
            help="t, c, y or x for dimensions whose names do not tell.",
        ),
        click.option(
            "--pca",
            callback=parse_pca,
            default="auto",
            show_default=True,
            metavar="auto|off|N",
            help="Transform over the bands, with N components.",
        ),
        click.option("--bits", type=int, help="Sample depth of the video.  [default: chosen]"),
        click.option("--gop", type=int, help="Frames a segment, 0 for all.  [default: chosen]"),
        click.option(
            "--effort",
            type=click.IntRange(1, 9),
            default=5,
            show_default=True,
            help="1 fast, 9 small.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def encoding_settings(said: dict[str, Any]) -> dict[str, Any]:
    """Make what the options hold the keywords of `numcodecs_video.xarray.encoding`."""
    settings = {word: value for word, value in said.items() if value not in (None, {}, False)}
    settings.pop("pca", None)
    if said["lossless"] and any(said[option[2:].replace("-", "_")] for option in PROMISES):
        raise click.UsageError("--lossless and a promise exclude each other")
    return {**settings, "pca": said["pca"]}


@contextmanager
def announced() -> Iterator[None]:
    """Print the advice that the library gives as warnings in one line each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        click.echo(f"Note: {as_shell(message)}", err=True)


def as_shell(text: str) -> str:
    """Write the keywords that the library advises as the options that say the same.

    Examples
    --------
    >>> as_shell("pass chunks={'time': 40, 'y': 90}"), as_shell("as in rmse={'t2m': 0.1, ...}")
    ('add --chunks time=40,y=90', 'as in --rmse t2m=0.1')
    >>> as_shell("name its axes with axes={'dimension': 'letter'}")
    'name its axes with --axes DIM=LETTER'
    """
    text = re.sub(r"pass chunks=({.*})", _as_option, text)
    text = re.sub(r"as in (\w+)={'([^']*)': ([^,}]*).*", _as_promise, text)
    return text.replace("axes={'dimension': 'letter'}", "--axes DIM=LETTER")


def _as_option(match: re.Match[str]) -> str:
    """Write a mapping of chunk lengths as the option that says the same."""
    return "add --chunks " + re.sub(r"[{} ']", "", match[1]).replace(":", "=")


def _as_promise(match: re.Match[str]) -> str:
    """Write a promise for one variable as the option that says the same."""
    return f"as in --{match[1].replace('_', '-')} {match[2]}={match[3]}"
