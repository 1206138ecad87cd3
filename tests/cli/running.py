"""Commands, run in the process of a test."""

from __future__ import annotations

from click.testing import CliRunner, Result

from numcodecs_video.cli.commands import commands

__all__ = ["compress", "invoke", "run"]


def invoke(*arguments: object) -> Result:
    """Run a command, whatever becomes of it."""
    return CliRunner().invoke(commands, [str(argument) for argument in arguments])


def run(*arguments: object, exit_code: int = 0) -> str:
    """Run a command that ends with an exit status, and return what it printed."""
    done = invoke(*arguments)
    assert done.exit_code == exit_code, done.output
    return done.output


def compress(*arguments: object, exit_code: int = 0) -> str:
    """Run compress at the lowest effort, and return what it printed."""
    return run("compress", *arguments, "--effort", 1, exit_code=exit_code)
