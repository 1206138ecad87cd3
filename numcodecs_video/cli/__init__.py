"""The command line ``numcodecs-video``.

One module a command, and none of them holds what a Python user would want too.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; the entry point ``numcodecs-video``."""
    try:
        from numcodecs_video.cli.commands import commands
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("numcodecs_video"):
            raise
        # The library works without what only the command line needs.
        package = error.name.partition(".")[0]
        sys.exit(
            f"numcodecs-video: the command line needs {package}: pip install 'numcodecs-video[cli]'"
        )
    commands(prog_name="numcodecs-video")
