"""The group of commands, and how their foreseeable troubles end."""

from __future__ import annotations

from typing import Any

import click

from numcodecs_video import __version__
from numcodecs_video.cli.compare import compare
from numcodecs_video.cli.compress import compress
from numcodecs_video.cli.convert import convert
from numcodecs_video.cli.demo import demo
from numcodecs_video.cli.doctor import doctor
from numcodecs_video.cli.evaluate import evaluate
from numcodecs_video.cli.extract import extract
from numcodecs_video.cli.info import info
from numcodecs_video.cli.opening import in_one_line
from numcodecs_video.cli.suggest import suggest
from numcodecs_video.cli.sweep import sweep_command
from numcodecs_video.errors import DecodeError, VideoCodecError

__all__ = ["commands"]


class _Group(click.Group):
    """A group that ends foreseeable troubles in one line and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # ``| head`` is no trouble; click ends it in silence
            raise
        except (VideoCodecError, DecodeError, ImportError, OSError) as error:
            if isinstance(error, ImportError) and (error.name or "").startswith("numcodecs_video"):
                raise  # a fault of ours; what others lack says what to install
            raise click.ClickException(in_one_line(error)) from error


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  numcodecs-video demo
  numcodecs-video compress era5.nc era5.zarr --max-error t2m=0.01
  numcodecs-video compare era5.nc era5.zarr
\b
Tab completion, for bash (or zsh, fish); put the line into ~/.bashrc:
  eval "$(_NUMCODECS_VIDEO_COMPLETE=bash_source numcodecs-video)"
""",
)
@click.version_option(__version__)
def commands() -> None:
    """Store arrays with a time axis as short scientific videos in Zarr."""


COMMANDS = (
    demo, compress, info, evaluate, suggest, compare, sweep_command, extract, doctor, convert,
)  # fmt: skip

for command in COMMANDS:
    commands.add_command(command)
