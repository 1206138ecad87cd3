"""Whether a command may write a picture or film: what exists is replaced on request alone."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["overwrite_option", "refuse_existing"]

overwrite_option = click.option("--overwrite", is_flag=True, help="Replace what exists.")


def refuse_existing(target: str | Path, *, overwrite: bool) -> None:
    """End the command before any work where a file cannot be written, or exists and is kept."""
    path = Path(target)
    if path.suffix and not path.parent.is_dir():
        raise click.ClickException(f"cannot write {target}: there is no directory {path.parent}")
    if overwrite or not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    raise click.ClickException(f"{target} exists: name another, or add --overwrite to replace it")
