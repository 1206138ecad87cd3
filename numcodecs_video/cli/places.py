"""What a command line calls a place to read from or to write to: a path, or the URL of another."""

from __future__ import annotations

import os
from typing import Any
from urllib.request import url2pathname

import click
from click.shell_completion import CompletionItem

__all__ = ["PLACE"]

LOCAL = "file://"


class Place(click.ParamType[str]):
    """A path, with ``~`` for the home folder and whatever ``file://`` names; other URLs as said."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read a path, which may be there or not."""
        text = str(value)
        if text == "-":
            self.fail(
                "- would be standard input or output, which hold no store: name a path (./- for "
                "one that is called so)",
                param,
                ctx,
            )
        if not text.strip():
            self.fail("it is empty: name a path", param, ctx)
        if text.lower().startswith(LOCAL):
            path = text[len(LOCAL) :].removeprefix("localhost")
            # Browsers write a space as %20, and fsspec takes it as it is.
            return path if os.path.exists(path) else url2pathname(path)
        return os.path.expanduser(text)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Let the shell complete paths."""
        return [CompletionItem(incomplete, type="file")]


PLACE = Place()
