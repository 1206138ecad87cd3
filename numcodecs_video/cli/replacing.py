"""Whether a command may write to a path: what exists is replaced on request alone."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["overwrite_option", "refuse_existing"]

overwrite_option = click.option("--overwrite", is_flag=True, help="Replace what exists.")


def refuse_existing(target: str | Path, *, overwrite: bool) -> None:
    """End the command where a path exists, before any work, unless it may be replaced."""
    path = Path(target)
    if overwrite or not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    raise click.ClickException(f"{target} exists: name another, or add --overwrite to replace it")
