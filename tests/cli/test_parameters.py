"""What a command line may say."""

from __future__ import annotations

import pytest

click = pytest.importorskip("click")

from numcodecs_video.cli import parameters  # noqa: E402
from numcodecs_video.cli.parameters import Written, collected  # noqa: E402

CONTEXT = click.Context(click.Command("c"))
OPTION = click.Option(["--max-error"])


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("AXES", "member=t, height=y", {"member": "t", "height": "y"}),
        ("AXES", "tczyx", {"t": "t", "c": "c", "z": "c", "y": "y", "x": "x"}),
        ("BOUND", "a=b=2", ("a=b", 2.0)),
        ("BOUND", "0", ("", 0.0)),
        ("CHUNKS", "time=64,y=-1", {"time": 64, "y": -1}),
        ("NUMBERS", "0/1/2", (0, 1, 2)),
        ("PCA", "off", False),
        ("PCA", "12", 12),
        ("QUANTISER", "B02=22", ("B02", 22)),
        ("QUANTISERS", "22,28", [22, 28]),
        ("VALUES", "40,44.5", [40.0, 44.5]),
    ],
)
def test_texts_that_are_read(kind, text, value):
    """Once: what has been read, as a default may be, stays as it is."""
    written = getattr(parameters, kind)
    assert written(text) == value
    assert written(value) is value
    assert type(written(text)) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("AXES", "member"),
        ("AXES", "member=z"),
        ("AXES", "tyy"),
        ("BOUND", "=1"),
        ("BOUND", "t2m="),
        ("BOUND", "t2m=inf"),
        ("BOUND", "-1"),
        ("CHUNKS", "time"),
        ("CHUNKS", "time=0"),
        ("CHUNKS", "time=1.5"),
        ("NUMBERS", "1,-2"),
        ("PCA", "0"),
        ("PCA", "none"),
        ("VALUES", "40,"),
        ("VALUES", "-1"),
    ],
)
def test_texts_that_are_none(kind, text):
    """The message quotes what is wrong, and the option is named by click."""
    with pytest.raises(click.BadParameter) as caught:
        getattr(parameters, kind)(text, OPTION, CONTEXT)
    assert repr(text.rpartition(",")[2]) in str(caught.value) or repr(text) in str(caught.value)
    assert "--max-error" in caught.value.format_message()


def test_every_type_shows_its_form():
    """The help has no TEXT."""
    for name in parameters.__all__:
        written = getattr(parameters, name)
        if isinstance(written, Written):
            option = click.Option(["--option"], type=written)
            assert written.name in option.get_help_record(CONTEXT)[0]


def test_several_variables_in_one_bound_are_told_how_to_be_named():
    with pytest.raises(ValueError, match="once for each"):
        parameters.parse_bound("a=1,b=2")


def test_repeated_options():
    """Values of variables, or one of all, and nothing twice."""
    assert collected(CONTEXT, OPTION, [("a", 1.0), ("b", 2.0)]) == {"a": 1.0, "b": 2.0}
    assert collected(CONTEXT, OPTION, [("", 1.0)]) == 1.0
    assert collected(CONTEXT, OPTION, []) is None
    for pairs in ([("a", 1), ("a", 2)], [("", 1), ("", 2)], [("", 1), ("a", 2)]):
        with pytest.raises(click.BadParameter):
            collected(CONTEXT, OPTION, pairs)
