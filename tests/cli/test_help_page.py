"""``docs/cli.md`` says what ``--help`` says.

To renew the page after a change: ``python -m tests.cli.test_help_page``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")
pytest.importorskip("xarray")

from click.testing import CliRunner

from numcodecs_video.cli.commands import COMMANDS, commands

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
HEAD = """# Command line

What `numcodecs-video COMMAND --help` prints. It comes with the extra `cli`; stores at URLs need
the extra `remote`, too.
"""


def help_page() -> str:
    """The help of the group and of each of its commands, as Markdown."""
    return "\n".join([HEAD, *_sections()])


def _sections() -> Iterator[str]:
    yield _help()
    for name in COMMANDS:
        yield f"## {name}\n\n{_help(name)}"


def _help(*arguments: str) -> str:
    words = {"prog_name": "numcodecs-video", "terminal_width": 80}
    printed = CliRunner().invoke(commands, [*arguments, "--help"], **words).output
    lines = [line.rstrip() for line in printed.rstrip().splitlines()]
    return "\n".join(["```text", *lines, "```", ""])


def test_the_page_is_current():
    """Releases of click break lines as they like."""
    written = PAGE.read_text(encoding="utf-8")
    assert written.split() == help_page().split(), "renew it: python -m tests.cli.test_help_page"


def test_help_loads_nothing_heavy():
    """What it prints of any command needs no array, no coder and no picture."""
    heavy = {"av", "dask", "imagecodecs", "matplotlib", "rich", "wasmtime", "xarray", "zarr"}
    program = (
        "import sys\nfrom numcodecs_video.cli import main\n"
        f"for name in {list(COMMANDS)}:\n"
        "    sys.argv[1:] = [name, '--help']\n"
        "    try:\n        main()\n    except SystemExit:\n"
        f"        print(name, 'loads:', *sorted({heavy!r} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("Usage: numcodecs-video") == len(COMMANDS)
    loaded = [line.strip() for line in done.stdout.splitlines() if " loads:" in line]
    assert loaded == [f"{name} loads:" for name in COMMANDS]


if __name__ == "__main__":
    PAGE.write_text(help_page(), encoding="utf-8")
