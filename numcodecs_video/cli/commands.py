"""The group of commands, each loaded when it is called, and how their foreseeable troubles end."""

from __future__ import annotations

import warnings
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from numcodecs_video import __version__
from numcodecs_video.errors import DecodeError, VideoCodecError

__all__ = ["INTERRUPTED", "commands"]

#: the exit status of what Ctrl-C ended, as shells have it
INTERRUPTED = 130

# Where each command lives, and its line in the list of commands: the list is printed, and names are
# completed, without loading what the commands work with.
COMMANDS = {
    "demo": ("demo:demo", "Compare ways to store a synthetic satellite year."),
    "compress": ("compress:compress", "Copy a Zarr store or NetCDF file, its cubes as video."),
    "info": ("info:info", "Describe a store, or one chunk of it."),
    "evaluate": ("evaluate:evaluate", "Say what a codec would make of the cubes, writing nothing."),
    "suggest": ("suggest:suggest", "Try settings on a sample of chunks, and suggest one."),
    "compare": (
        "compare:compare",
        "Say how far one dataset is from another, and whether its promises held.",
    ),
    "sweep": (
        "sweep:sweep_command",
        "Rate and distortion over codecs and promises, as CSV and PNG.",
    ),
    "extract": ("extract:extract", "Render a film, or remux a chunk's stream to .mkv."),
    "plot": ("plot:plot", "Draw dates of a store, or what compressing lost."),
    "doctor": ("doctor:doctor", "Decode every chunk of a store, and name each bad one."),
    "convert": (
        "convert:convert",
        "Move a store to the other Zarr format, or export it to NetCDF.",
    ),
}


#: what the extra ``remote`` installs, by the names that fsspec imports
REMOTE = frozenset(("aiohttp", "requests", "s3fs", "yarl"))
#: who else raises over a network: no connection, no credentials, a store that is not for writing
NETWORK = frozenset(("aiohttp", "botocore"))


class _Group(click.Group):
    """A group that loads its commands late, and ends foreseeable troubles in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands and cmd_name in COMMANDS:
            module, _, name = COMMANDS[cmd_name][0].partition(":")
            command = getattr(import_module(f"numcodecs_video.cli.{module}"), name)
            self.add_command(command, cmd_name)
        return self.commands.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], self.list_commands(ctx), 1)
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        known = [CompletionItem(name, help=COMMANDS[name][1]) for name in names]
        return known + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:
        from numcodecs_video.cli.options import MATRICES

        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", MATRICES)
                return super().invoke(ctx)
        except BrokenPipeError:  # ``| head`` is no trouble; click ends it in silence
            raise
        except KeyboardInterrupt as error:
            click.echo(f"Interrupted: {error}" if str(error) else "Interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except ModuleNotFoundError:  # `main` says what to install
            raise
        except (VideoCodecError, DecodeError, ImportError, OSError) as error:
            if isinstance(error, ImportError) and (error.name or "").startswith("numcodecs_video"):
                raise  # a fault of ours; what others lack says what to install
            raise _in_one_line(error) from error
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in NETWORK:
                raise
            raise _in_one_line(error) from error


def _in_one_line(error: Exception) -> click.ClickException:
    """Say what is wrong, and what to install where a package for URLs is missing."""
    from numcodecs_video.cli.opening import in_one_line

    message = in_one_line(error)
    missing = error.__cause__ if isinstance(error.__cause__, ImportError) else error
    if isinstance(missing, ImportError) and (missing.name or "").partition(".")[0] in REMOTE:
        message += ": pip install 'numcodecs-video[remote]'"
    return click.ClickException(message)


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  numcodecs-video demo
  numcodecs-video compress era5.nc era5.zarr --max-error t2m=0.01
  numcodecs-video compare era5.nc era5.zarr
\b
Exit status:
  0 done, 1 not done or a fault found, 2 wrong usage, 130 interrupted
\b
Tab completion, for bash (or zsh, fish); put the line into ~/.bashrc:
  eval "$(_NUMCODECS_VIDEO_COMPLETE=bash_source numcodecs-video)"
""",
)
@click.version_option(__version__)
def commands() -> None:
    """Store arrays with a time axis as short scientific videos in Zarr."""
