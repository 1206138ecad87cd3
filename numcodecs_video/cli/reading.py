"""Open what is to be copied as it is stored, so that nothing is decoded on the way but video."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

import click
import xarray as xr

from numcodecs_video.xarray.compare import names_zarr

__all__ = ["open_as_stored"]

# All that decode_cf=False stands for, which xarray.open_groups alone ignores (seen in 2026.9); the
# copies of packed data in tests/cli/test_cli.py guard it.
UNDECODED: dict[str, Any] = dict.fromkeys(
    ("mask_and_scale", "decode_times", "decode_timedelta", "decode_coords", "concat_characters"),
    False,
)


def open_as_stored(src: str) -> xr.Dataset:
    """Open without decoding anything: what is not decoded is not changed."""
    path = Path(src)
    if "://" not in src and not path.exists():
        raise click.ClickException(f"{src} does not exist")
    try:
        with warnings.catch_warnings():
            # A store without consolidated metadata opens more slowly, and is as good.
            warnings.filterwarnings("ignore", "Failed to open Zarr store", RuntimeWarning)
            engine: Literal["zarr"] | None = "zarr" if names_zarr(src) else None
            groups = xr.open_groups(src, engine=engine, cache=False, **UNDECODED)
    except ImportError:
        raise
    except Exception as error:  # readers raise what they like on what is not theirs
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise click.ClickException(
            f"cannot read {src} as a Zarr group or a NetCDF file: {reason}"
        ) from error
    filled = [group for group, ds in groups.items() if ds.variables]
    if filled != ["/"]:
        raise click.ClickException(
            f"{src} holds groups, which compress does not copy: {', '.join(filled)}"
            if filled
            else f"{src} holds no variables"
        )
    return groups["/"]
