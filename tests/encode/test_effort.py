"""The table of efforts: what a higher one may not do worse, and who may decide by effort."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import numcodecs_video
from numcodecs_video.encode.effort import EFFORTS, Effort

PACKAGE = Path(numcodecs_video.__file__).parent


def test_there_are_nine():
    assert len(EFFORTS) == 9


@pytest.mark.parametrize("name", ["trial_cells", "quantisers", "encodes", "closer", "keep", "zstd"])
def test_more_effort_never_tries_less(name):
    """Every column of amounts rises."""
    column = [getattr(row, name) for row in EFFORTS]
    assert column == sorted(column)


@pytest.mark.parametrize("name", [field.name for field in fields(Effort) if field.type == "bool"])
def test_what_an_effort_tries_higher_ones_try_too(name):
    """A choice that is worth it once stays, and a shortcut that is none is taken no more."""
    column = [getattr(row, name) for row in EFFORTS]
    shortcut = name in ("estimates", "quick", "quick_drafts")
    assert column == sorted(column, reverse=shortcut)


def test_drafts_are_no_dearer_than_the_encode():
    assert all(row.draft <= number for number, row in enumerate(EFFORTS, 1))


def test_coders_without_settings_get_none():
    assert EFFORTS[0].options("toy", lossy=True) == ()


def test_nobody_else_decides_by_the_number():
    """Outside the table (and the words of users) no code compares an effort."""
    compared = re.compile(r"effort\b\s*(<|>|==|<=|>=|[-+])\s*\d|effort - 1\]")
    allowed = {PACKAGE / "encode" / "chunk.py", PACKAGE / "encode" / "effort.py"}
    found = [
        f"{path.name}: {line.strip()}"
        for path in PACKAGE.rglob("*.py")
        if path not in allowed
        for line in path.read_text(encoding="utf-8").splitlines()
        if compared.search(line)
    ]
    assert found == []
