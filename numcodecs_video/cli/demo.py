"""``demo``: one synthetic satellite year, stored three ways and read back by another process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from numcodecs_video.cli.replacing import check_replaceable, overwrite_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from numcodecs_video.codec import VideoCodec

__all__ = ["demo"]

VARIABLE = "reflectance"
BOUND = 20  # counts: 0.002 of reflectance, a quarter of the noise of a bright field
TIMES, SIDE = 24, 256
CHUNK_SIDE = 128
TRUE_COLOURS = (0.0, 2500.0)  # counts from black to white; clouds saturate

# What any user of the stores would run: it imports xarray alone, and Zarr finds the codec.
READER = f"""
import json, sys, time
import numpy as np
import xarray as xr

for line in sys.stdin:
    store, copy = json.loads(line)
    start = time.perf_counter()
    values = xr.open_zarr(store, mask_and_scale=False)["{VARIABLE}"].values
    seconds = time.perf_counter() - start
    np.save(copy, values)
    print(json.dumps(seconds), flush=True)
"""


@dataclass(frozen=True)
class Outcome:
    """What one way of storing the cube came to."""

    name: str
    decoded: NDArray[np.uint16]
    stored_bytes: int
    write_seconds: float
    read_seconds: float


@click.command(
    short_help="Compare ways to store a synthetic satellite year.",
    epilog="""\b
Examples:
  numcodecs-video demo --out demo
""",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("numcodecs-video-demo"),
    show_default=True,
    help="Directory for the stores and the picture.",
)
@click.option("--seed", default=0, show_default=True, help="Of the synthetic cube.")
@overwrite_option
def demo(out: Path, *, seed: int, overwrite: bool) -> None:
    """Store a synthetic Sentinel-2 year as Zarr's default and as video, and compare.

    A second process, which imports xarray alone, reads the stores back.
    """
    from numcodecs_video.cli.tables import console
    from numcodecs_video.codec import VideoCodec
    from numcodecs_video.synthetic import NODATA, sentinel2_like

    check_replaceable(out, overwrite=overwrite)
    out.mkdir(parents=True, exist_ok=True)
    ways = {
        "Zarr's default": ("default", None),
        "video, lossless": ("lossless", VideoCodec(axes="tcyx", nodata=NODATA)),
        f"video, max_error={BOUND}": (
            "bounded",
            VideoCodec(axes="tcyx", nodata=NODATA, max_error=BOUND),
        ),
    }
    outcomes = []
    with _reader() as read:
        cube = sentinel2_like(seed, times=TIMES, height=SIDE, width=SIDE)
        for name, (stem, codec) in ways.items():
            with console().status(name):
                store = out / f"{stem}.zarr"
                outcomes.append(_store_and_read(name, cube, store, codec, read))
    _print_outcomes(cube, outcomes)
    _save_picture(cube, outcomes[-1], out / "side_by_side.png")


def _store_and_read(
    name: str,
    cube: NDArray[np.uint16],
    store: Path,
    codec: VideoCodec | None,
    read: Callable[[Path], tuple[NDArray[np.uint16], float]],
) -> Outcome:
    """Write the cube in this process, by a codec tuned on one chunk, and read it in another."""
    import xarray as xr

    from numcodecs_video.synthetic import BANDS, NODATA
    from numcodecs_video.xarray.recording import silent_about_format_3

    attrs = {"units": "reflectance × 10,000", "_FillValue": NODATA}
    ds = xr.Dataset(
        {VARIABLE: (("time", "band", "y", "x"), cube, attrs)}, coords={"band": list(BANDS)}
    )
    encoding: dict[str, Any] = {"chunks": (*cube.shape[:2], CHUNK_SIDE, CHUNK_SIDE)}
    start = time.perf_counter()
    if codec is not None:
        tuned = codec.tune(cube[..., :CHUNK_SIDE, :CHUNK_SIDE])
        encoding |= {**tuned.encoding(zarr_format=3), "fill_value": NODATA}
    with silent_about_format_3():
        ds.to_zarr(store, mode="w", zarr_format=3, encoding={VARIABLE: encoding})
    write_seconds = time.perf_counter() - start
    decoded, read_seconds = read(store)
    stored_bytes = sum(
        file.stat().st_size for file in (store / VARIABLE).rglob("*") if file.is_file()
    )
    return Outcome(name, decoded, stored_bytes, write_seconds, read_seconds)


@contextmanager
def _reader() -> Iterator[Callable[[Path], tuple[NDArray[np.uint16], float]]]:
    """Start a fresh process, which imports what it needs meanwhile, and reads stores on demand.

    Yields
    ------
    callable
        Reads a store; returns its values and the seconds that took.
    """
    import numpy as np

    with (
        tempfile.TemporaryDirectory() as folder,
        Path(folder, "errors").open("w+") as errors,
        subprocess.Popen(
            [sys.executable, "-c", READER],
            bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        ) as process,
    ):  # fmt: skip
        pipes: Any = process
        copy = Path(folder, "copy.npy")

        def read(store: Path) -> tuple[NDArray[np.uint16], float]:
            question = json.dumps([str(store), str(copy)]) + "\n"
            with suppress(BrokenPipeError):  # it has ended already
                pipes.stdin.write(question.encode())
            answer = pipes.stdout.readline()
            if answer:
                return np.load(copy), float(json.loads(answer))
            status = process.wait()
            errors.seek(0)
            last = (errors.read().strip().splitlines() or [f"exit status {status}"])[-1]
            raise click.ClickException(
                f"a second process could not read {store}: {last} "
                "(is numcodecs-video installed, so that Zarr finds its entry points?)"
            )

        try:
            yield read
        except BaseException:
            process.kill()
            raise


def _print_outcomes(cube: NDArray[np.uint16], outcomes: list[Outcome]) -> None:
    """Print one row for each way of storing the cube."""
    from numcodecs_video.cli.tables import format_number, format_size, new_table, print_table
    from numcodecs_video.metrics import compression_ratio, largest_error, psnr, valid_cells
    from numcodecs_video.synthetic import BANDS, NODATA

    valid = valid_cells(cube, nodata=NODATA)
    title = f"A synthetic Sentinel-2 year: {TIMES} dates, {len(BANDS)} bands, {SIDE}×{SIDE} uint16"
    table = new_table(
        f"{title}, {format_size(cube.nbytes)}",
        ["stored as"],
        ["size", "ratio", "vs default", "largest error", "PSNR dB", "encode s", "decode s"],
    )
    for outcome in outcomes:
        table.add_row(
            outcome.name,
            format_size(outcome.stored_bytes),
            f"{compression_ratio(cube.nbytes, outcome.stored_bytes):.2f}",
            f"{compression_ratio(outcomes[0].stored_bytes, outcome.stored_bytes):.2f}",
            format_number(largest_error(cube, outcome.decoded, valid=valid)),
            format_number(psnr(cube, outcome.decoded, valid=valid)),
            f"{outcome.write_seconds:.2f}",
            f"{outcome.read_seconds:.2f}",
        )
    print_table(table)
    click.echo("Decoded by a second process that imports xarray alone; errors are in counts.")


def _save_picture(cube: NDArray[np.uint16], outcome: Outcome, file: Path) -> None:
    """Save one date before and after, where matplotlib is installed."""
    from numcodecs_video.metrics import compression_ratio
    from numcodecs_video.synthetic import NODATA

    try:
        from numcodecs_video.plots import side_by_side
    except ImportError as error:
        click.echo(f"No picture: {error}")
        return
    ratio = compression_ratio(cube.nbytes, outcome.stored_bytes)
    date = _partly_cloudy_date(cube)
    figure = side_by_side(
        cube[date],
        outcome.decoded[date],
        bands=(2, 1, 0),
        nodata=NODATA,
        bound=BOUND,
        limits=TRUE_COLOURS,
        units="reflectance × 10,000",
        title=f"{outcome.name}: {ratio:.1f} times smaller than raw",
    )
    figure.savefig(file, dpi=110)
    click.echo(f"Picture: {file}")


def _partly_cloudy_date(cube: NDArray[np.uint16]) -> int:
    """Choose the date that shows most: clouds over about a tenth, and the edge of a swath."""
    import numpy as np

    from numcodecs_video.synthetic import NODATA

    cloudy = np.mean(cube[:, 0] > TRUE_COLOURS[1], axis=(1, 2))
    cut = np.any(cube[:, 0] == NODATA, axis=(1, 2))
    return int(np.argmin(np.abs(cloudy - 0.1) + np.where(cut, 0.0, 1.0)))
