"""Options that several commands share: the promise, the codec, the chunks."""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from numcodecs_video.cli.parameters import (
    AXES,
    BOUND,
    CHUNKS,
    NAMES,
    PCA,
    QUANTISER,
    collected,
    flattened,
)
from numcodecs_video.config import CodecName, Jpeg2kName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "CODEC_NAMES",
    "MATRICES",
    "PROMISES",
    "PROMISE_WORDS",
    "announced",
    "encoding_options",
    "encoding_settings",
    "in_options",
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
#: the same as keywords
PROMISE_WORDS = tuple(option[2:].replace("-", "_") for option in PROMISES)

variable_option = click.option(
    "--var",
    "names",
    type=NAMES,
    callback=flattened,
    multiple=True,
    help="These variables, or patterns such as 'B*', with what they refer to, and no other.  "
    "[repeatable]",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for another program."
)


def encoding_options(command: CommandT) -> CommandT:
    """Add what `numcodecs_video.xarray.encoding` may be told."""
    options = [
        click.option(
            name,
            type=QUANTISER if name == "--qp" else BOUND,
            callback=collected,
            multiple=True,
            help=f"{text}  [repeatable]",
        )
        for name, text in PROMISES.items()
    ]
    options += [
        click.option("--lossless", is_flag=True, help="Keep every bit: the default, said aloud."),
        click.option("--codec", type=click.Choice(CODEC_NAMES), default="auto", show_default=True),
        click.option(
            "--chunks",
            type=CHUNKS,
            help="Such as time=64,y=256,x=256; -1 is the whole dimension.",
        ),
        click.option(
            "--axes",
            type=AXES,
            help="t, c, y or x for dimensions whose names do not tell; or letters alone, such as "
            "tcyx, for the dimensions of arrays without names.",
        ),
        click.option(
            "--pca",
            type=PCA,
            default="auto",
            show_default=True,
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
    # 0 is said, though it equals False: all frames in a segment, the finest quantiser.
    settings = {word: value for word, value in said.items() if value is not None}
    if not said["lossless"]:
        settings.pop("lossless")
    settings.pop("pca", None)
    if said["lossless"] and settings.keys() & set(PROMISE_WORDS):
        raise click.UsageError("--lossless and a promise exclude each other")
    return {**settings, "pca": said["pca"]}


#: xarray's warning of matrices over one dimension, which are copied as they are
MATRICES = "Duplicate dimension names"


@contextmanager
def announced() -> Iterator[None]:
    """Print the advice that the library gives as warnings in one line each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        warnings.filterwarnings("ignore", MATRICES)
        yield
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        click.echo(f"Note: {in_options(message)}", err=True)


def in_options(text: str) -> str:
    """Write settings in a message as the options that say the same.

    Examples
    --------
    >>> in_options("max_error names 'v'; leave it out, or name axes={'dimension': 'letter'}")
    "--max-error names 'v'; leave it out, or name --axes dimension=letter"
    >>> in_options("state less, such as rmse={'v': 2}, or"), in_options("or take zarr_format=3")
    ('state less, such as --rmse v=2, or', 'or take --zarr-format 3')
    """
    text = re.sub(r"pass chunks=({.*})", _as_option, text)
    text = re.sub(r"as in (\w+)={'([^']*)': ([^,}]*).*", _as_promise, text)
    text = re.sub(r"\bzarr_format=(\d)", r"--zarr-format \1", text)
    text = re.sub(rf"such as ({'|'.join(PROMISE_WORDS)})={{'([^']*)': ([^,}}]*)}}", _as_less, text)
    text = re.sub(r"\baxes={'(\w+)': '(\w+)'}", r"--axes \1=\2", text)
    return re.sub(rf"^({'|'.join(PROMISE_WORDS)}|axes|chunks|shards)(?= names|=)", _as_word, text)


def _as_word(match: re.Match[str]) -> str:
    return f"--{match[1].replace('_', '-')}"


def _as_option(match: re.Match[str]) -> str:
    """Write a mapping of chunk lengths as the option that says the same."""
    return "add --chunks " + re.sub(r"[{} ']", "", match[1]).replace(":", "=")


def _as_less(match: re.Match[str]) -> str:
    return f"such as --{match[1].replace('_', '-')} {match[2]}={match[3]}"


def _as_promise(match: re.Match[str]) -> str:
    """Write a promise for one variable as the option that says the same."""
    return f"as in --{match[1].replace('_', '-')} {match[2]}={match[3]}"
