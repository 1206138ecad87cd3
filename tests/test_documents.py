"""The examples of the README, of the documentation's pages and of the notebooks run as written."""

from __future__ import annotations

import doctest
import json
import re
from functools import partial
from pathlib import Path

import pytest

import numcodecs_video.xarray

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))

# Fenced blocks, and comments that no reader sees: what an example takes for granted.
BLOCK = re.compile(r"^(?:```python|<!-- setup)\n(.*?)^(?:```|-->)$", re.MULTILINE | re.DOTALL)


def _name(path: Path) -> str:
    return path.stem


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Examples write into the folder they run in, and make do with a smaller dataset."""
    monkeypatch.chdir(tmp_path)
    small = partial(numcodecs_video.xarray.example_dataset, times=13, size=32)
    monkeypatch.setattr(numcodecs_video.xarray, "example_dataset", small)
    return tmp_path


@pytest.mark.parametrize("page", [p for p in PAGES if BLOCK.search(p.read_text())], ids=_name)
def test_the_examples_of_a_page_run(page, folder):
    """Blocks of Python run one after another; those with prompts print what they say."""
    names: dict[str, object] = {"__name__": page.stem}
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for number, block in enumerate(BLOCK.findall(page.read_text())):
        if block.startswith(">>>"):
            example = doctest.DocTestParser().get_doctest(block, names, page.name, str(page), 0)
            assert doctest.DocTestRunner(optionflags=flags).run(example, clear_globs=False)[0] == 0
            names = example.globs
        else:
            exec(compile(block, f"{page.name}[{number}]", "exec"), names)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=_name)
def test_the_cells_of_a_notebook_run(notebook, folder):
    """Its cells run in order, in this process: they use no magic."""
    names: dict[str, object] = {"__name__": notebook.stem}
    for number, cell in enumerate(json.loads(notebook.read_text())["cells"]):
        if cell["cell_type"] == "code":
            assert not cell["outputs"], "commit notebooks without outputs: the build makes them"
            exec(compile("".join(cell["source"]), f"{notebook.name}[{number}]", "exec"), names)


def test_two_notebooks_are_there():
    """Or the test above would pass without any."""
    assert len(NOTEBOOKS) == 2
