"""The registry of coders: numbers that never change, and what a new coder takes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from numcodecs_video import DecodeError
from numcodecs_video.coders import find_coder, find_value_coder
from numcodecs_video.config import Settings
from numcodecs_video.decode.chunk import decode_chunk
from numcodecs_video.encode.candidates import Base, Direct
from numcodecs_video.encode.chunk import prepare_chunk
from numcodecs_video.encode.levels import ChunkLevels
from numcodecs_video.encode.verify import verified_payload
from numcodecs_video.format.payload import parse_header
from numcodecs_video.format.registry import CODERS, Entry, coder_of_number

FORMAT = Path(__file__).parents[2] / "docs" / "format.md"


def test_numbers_are_those_of_the_format():
    """The page that others write readers by has the same table."""
    table = FORMAT.read_text(encoding="utf-8").split("| number | layer | coder |")[1]
    rows = re.findall(r"^\| (\d+) \| [^|]*\| ([a-z0-9]+) ", table.split("\n\n")[0], re.MULTILINE)
    numbers = {name: int(number) for number, name in rows}
    assert {name: entry.number for name, entry in CODERS.items()} == numbers
    assert len(set(numbers.values())) == len(numbers)


@pytest.mark.parametrize("name", CODERS)
def test_every_entry_leads_to_a_coder(name):
    """Of planes, of values, or both; each knows its own name."""
    found = []
    for find in (find_coder, find_value_coder):
        try:
            found.append(find(name))
        except DecodeError:
            continue
    assert found
    assert all(coder.name == name for coder in found)
    assert coder_of_number(CODERS[name].number) == name


@pytest.mark.parametrize("name", ["", "os", "toy", "numcodecs_video.coders.zstd"])
def test_other_names_lead_nowhere(name):
    """Whatever a payload says, only what is registered is ever imported."""
    with pytest.raises(DecodeError, match="cannot hold"):
        find_coder(name)


@pytest.mark.parametrize("words", [{}, {"max_error": 3}])
@pytest.mark.parametrize("candidate", [Direct("toy"), Direct("toy", delta=True), Base("toy", 20)])
def test_a_coder_takes_its_file_and_one_line(words, candidate, monkeypatch):
    """Registered, it serves as base, as a coder without one, and behind every promise."""
    monkeypatch.setitem(CODERS, "toy", Entry(200, "tests.coders.toy"))
    array = np.random.default_rng(0).integers(0, 900, (5, 20, 24)).astype("u2")
    chunk = prepare_chunk(array, Settings.parse(**words))
    encoded = candidate(ChunkLevels(chunk, words.get("max_error", 0)))
    payload = verified_payload(chunk, encoded)
    assert payload is not None
    assert "toy" in [layer.coder for layer in parse_header(payload).layers]
    worst = np.abs(decode_chunk(payload).astype(int) - array).max()
    assert worst <= words.get("max_error", 0)
