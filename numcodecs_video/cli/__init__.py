"""The command line ``numcodecs-video``.

One module a command, and none of them holds what a Python user would want too.
"""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; the entry point ``numcodecs-video``."""
    try:
        from numcodecs_video.cli.commands import INTERRUPTED, commands

        commands(prog_name="numcodecs-video")
    except ModuleNotFoundError as error:
        sys.exit(_missing(error))
    except SystemExit as end:
        if end.code == INTERRUPTED:
            # At once: an interpreter that ends as usual waits for the chunks that threads encode.
            for stream in filter(None, (sys.stdout, sys.stderr)):  # either may be closed
                stream.flush()
            os._exit(INTERRUPTED)
        raise


def _missing(error: ModuleNotFoundError) -> str:
    """Say what to install; the library works without what only the command line needs."""
    if error.name is None or error.name.startswith("numcodecs_video"):
        raise error
    package = error.name.partition(".")[0]
    return f"numcodecs-video: the command line needs {package}: pip install 'numcodecs-video[cli]'"
