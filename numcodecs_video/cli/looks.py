"""Options of films and pictures: which bands are shown, and what is dark and bright."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from numcodecs_video.cli.parameters import Written

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["look_options"]


def parse_bands(text: str) -> tuple[str, ...]:
    """Read names or positions, parted by commas.

    Examples
    --------
    >>> parse_bands("B04, B03,B02")
    ('B04', 'B03', 'B02')
    """
    bands = tuple(part.strip() for part in text.split(","))
    if len(bands) not in (1, 3) or not all(bands):
        raise ValueError(f"{text!r} are neither three bands, such as B04,B03,B02, nor one")
    return bands


def _ascending(
    ctx: click.Context, param: click.Parameter, pair: tuple[float, float] | None
) -> tuple[float, float] | None:
    """Check the dark and the bright end."""
    if pair is not None and not pair[0] < pair[1]:
        raise click.BadParameter(f"{pair[0]:g} is not below {pair[1]:g}", ctx, param)
    return pair


def look_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what films and pictures have in common: bands, and what is dark and bright."""
    options = [
        click.option(
            "--bands",
            type=Written(parse_bands, "R,G,B"),
            help="Three bands, or one: names of a band coordinate or of variables, or positions "
            "from 0.  [default: those called red, green and blue, else the first]",
        ),
        click.option(
            "--percentiles",
            type=(click.FloatRange(0, 100), click.FloatRange(0, 100)),
            callback=_ascending,
            metavar="LOW HIGH",
            default=(2.0, 98.0),
            show_default=True,
            help="Of the cells of a band: what becomes dark and bright.",
        ),
        click.option(
            "--limits",
            type=(float, float),
            callback=_ascending,
            metavar="LOW HIGH",
            help="Values that become dark and bright instead.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command
