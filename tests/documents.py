"""The examples of a page: found as a reader finds them, and run as a reader runs them.

Knows fenced blocks and the few programs that shell blocks may name. It adds nothing to a page but
an empty folder to run in.
"""

from __future__ import annotations

import doctest
import importlib.util
import re
import shlex
import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "Block", "blocks_of", "run_python", "run_shell"]

ROOT = Path(__file__).resolve().parent.parent

#: fences of Python and of a shell, within lists and tables as well
FENCE = re.compile(r"^([ *-]*)```(python|sh)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
#: what other tests run, or sessions of nox
ELSEWHERE = (
    "numcodecs-video demo",
    "pre-commit ",
    "python -m pytest",
    "python -m sphinx",
    "python benchmarks/",
)


@dataclass(frozen=True)
class Block:
    """One fenced example of a page: `language` is ``python`` or ``sh``."""

    where: str
    language: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    """List the examples of a Markdown file from its top."""
    found = []
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        block = textwrap.dedent(match.group(3))
        found.append(Block(f"{page.name}:{line}", match.group(2), block))
    return found


#: what readers of other files have, and no extra of the package installs
READERS = ("rioxarray",)


def run_python(block: Block, names: dict[str, Any]) -> None:
    """Run a block of Python; one with prompts has to print what it says."""
    missing = [name for name in READERS if importlib.util.find_spec(name) is None]
    if any(f"import {name}\n" in block.text for name in missing):
        compile(block.text, block.where, "exec")
        return
    if not block.text.startswith(">>>"):
        exec(compile(block.text, block.where, "exec"), names)
        return
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    example = doctest.DocTestParser().get_doctest(block.text, names, block.where, block.where, 0)
    failed, _ = doctest.DocTestRunner(optionflags=flags).run(example, clear_globs=False)
    assert failed == 0, block.where
    names.update(example.globs)


def run_shell(block: Block) -> None:
    """Run the commands of a shell block: this package's own in this process."""
    lines = block.text.replace("\\\n", " ").splitlines()
    for command in (part.strip() for line in lines for part in line.split("&&")):
        words = shlex.split(command, comments=True)
        if command.startswith(ELSEWHERE) or not words:
            continue
        if words[0] == "numcodecs-video":
            _run_command(words[1:], block.where)
        else:
            assert command.startswith("python -m pip install"), f"{block.where}: {command}"
            _check_extras(words, block.where)


def _run_command(words: list[str], where: str) -> None:
    from click.testing import CliRunner

    from numcodecs_video.cli.commands import commands

    result = CliRunner().invoke(commands, words)
    assert result.exit_code == 0, f"{where}: {' '.join(words)}: {result.output}"


def _check_extras(words: list[str], where: str) -> None:
    """Nothing is installed, but every extra has to be one of the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extras in re.findall(r"\[(.*?)\]", " ".join(words)):
        unknown = set(extras.split(",")) - set(project["optional-dependencies"])
        assert not unknown, f"{where}: no extra {unknown}"
