"""The examples of the README, of the documentation's pages and of the notebooks run as written."""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from pathlib import Path

import pytest

import numcodecs_video
import numcodecs_video.xarray
from tests import xarrayvideo_standin
from tests.documents import ROOT, Block, blocks_of, run_python, run_shell

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
JAVASCRIPT = ROOT / "js"
LINKING = [
    *PAGES,
    *(ROOT / name for name in ("CHANGELOG.md", "SECURITY.md", "benchmarks/README.md")),
    *sorted((ROOT / "spec").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
    *sorted([*JAVASCRIPT.glob("*.md"), *JAVASCRIPT.glob("licences/*.md")]),
]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def _name(path: Path) -> str:
    return path.stem


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to run in, and the threads as they were."""
    monkeypatch.chdir(tmp_path)
    threads = numcodecs_video.get_threads()
    yield tmp_path
    numcodecs_video.set_threads(threads)


@pytest.fixture
def small(monkeypatch):
    """A smaller example dataset: what it shows does not depend on its size."""
    make = partial(numcodecs_video.xarray.example_dataset, times=13, size=16)
    monkeypatch.setattr(numcodecs_video.xarray, "example_dataset", make)


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rasterio's own
@pytest.mark.parametrize("page", [p for p in PAGES if blocks_of(p)], ids=_name)
def test_the_examples_of_a_page_run(page, folder, small, monkeypatch):
    """From the top of each page, with nothing but what a reader sees."""
    monkeypatch.setitem(sys.modules, "xarrayvideo", xarrayvideo_standin)
    _run(page)


@pytest.mark.slow
def test_the_examples_of_the_readme_run_as_they_are(folder):
    """In their own size."""
    _run(ROOT / "README.md")


def _run(page: Path) -> None:
    names: dict[str, object] = {"__name__": page.stem}
    for block in blocks_of(page):
        if block.language == "python":
            run_python(block, names)
        else:
            run_shell(block)


@pytest.mark.slow
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


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_no_example_depends_on_what_a_reader_cannot_see(page):
    """A comment of Markdown is no place for code."""
    assert "<!--" not in page.read_text()


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Within the repository, where pages are read as well, and to headings that are there."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        # The source distribution has no JavaScript.
        if "://" in link or (JAVASCRIPT in (target, *target.parents) and not JAVASCRIPT.exists()):
            continue
        assert target.exists(), link
        assert not heading or heading in _headings(target), link


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_tests_that_a_page_names_are_there(page):
    """A fault is guarded as long as its test bears the name."""
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for name in re.findall(r"`(test_\w+)`", page.read_text()):
        assert f"def {name}(" in tests, name


def _headings(page: Path) -> set[str]:
    """The anchors that GitHub gives to headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [p for p in PAGES if blocks_of(p)], ids=_name)
def test_what_examples_use_is_public(page):
    """On the page of the API, or a module whose functions are."""
    api = (ROOT / "docs" / "api.md").read_text()
    for block in blocks_of(page):
        names = re.findall(r"\bncv\.(\w+)", block.text)
        for imported in re.findall(r"^from numcodecs_video\b.* import (.*)$", block.text, re.M):
            names += re.findall(r"\w+", imported)
        names += re.findall(r"\b(?:plots|synthetic|numcodecs_video)\.(\w+)\(", block.text)
        for name in names:
            assert re.search(
                rf"^( {{3}}|.. currentmodule:: numcodecs_video\.){name}$", api, re.M
            ), name


def test_examples_within_lists_and_tables_are_found(tmp_path):
    """Their fences are indented."""
    page = tmp_path / "page.md"
    page.write_text(
        "* - ```python\n    a = 1\n    if a:\n        b = 2\n    ```\n\n```sh\nls\n```\n"
    )
    first, second = blocks_of(page)
    assert first == Block("page.md:1", "python", "a = 1\nif a:\n    b = 2\n")
    assert (second.where, second.language) == ("page.md:7", "sh")


def test_unknown_commands_and_extras_are_noticed():
    """A shell block may say nothing that no test runs."""
    for text in ("rm -rf store", 'python -m pip install ".[alll]"', "numcodecs-video compres a b"):
        with pytest.raises(AssertionError):
            run_shell(Block("page.md:1", "sh", text))
