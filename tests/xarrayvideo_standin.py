"""What ``docs/migrating.md`` uses of xarrayvideo, over PyAV: its layout on disk, and its numbers.

A rule becomes ``<name>_001.mkv``, ``<name>_002.mkv``, ... of three channels each, scaled to whole
numbers of `bits` between the least and the largest value of each band, NaN at the least; the tag
``XARRAY`` of each file holds a dictionary as text, and what is no video lies in ``x.nc``. Without
principal components, images, and whatever the page leaves out.
"""

from __future__ import annotations

import ast
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np
import xarray as xr

__all__ = ["plot_image", "video2xarray", "xarray2video"]


def xarray2video(
    x: xr.Dataset,
    array_id: str,
    conversion_rules: dict[str, tuple[Any, ...]],
    *,
    output_path: str = "./",
    compute_stats: bool = False,
    save_dataset: bool = True,
) -> dict[str, Any]:
    """Write each rule's bands as videos and the rest as NetCDF; return figures by rule."""
    folder = Path(output_path) / array_id
    folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    for name, (bands, dims, n_components, params, bits) in conversion_rules.items():
        assert n_components == 0
        bands = [bands] if isinstance(bands, str) else list(bands)
        attrs = {band: x[band].attrs for band in bands}
        values = np.stack([x[band].transpose(*dims).values for band in bands], axis=-1)
        repeats = -len(bands) % 3
        channels = np.concatenate([values, *[values[..., -1:]] * repeats], axis=-1)
        named = bands + bands[-1:] * repeats
        ends = np.stack([f(channels, axis=(0, 1, 2)) for f in (np.nanmin, np.nanmax)], axis=1)
        normalized = values.dtype.kind == "f"
        samples = _normalize(channels, ends, bits) if normalized else channels
        start = time.perf_counter()
        paths = [folder / f"{name}_{number + 1:03d}.mkv" for number in range(len(named) // 3)]
        depth = "" if bits == 8 else f"{bits}le"
        stored = "bgr0" if params["c:v"] == "ffv1" else f"yuv444p{depth}"
        for number, path in enumerate(paths):
            tags = {
                "VERSION": "0.2",
                "BANDS": str(named),
                "CHANNELS": 3,
                "COORDS_DIMS": str(dims),
                "ATTRS": str(attrs),
                "FRAMES": str(len(values)),
                "RANGE": str(ends.tolist()),
                "OUT_PIX_FMT": f"gbrp{depth}",
                "REQ_PIX_FMT": stored,
                "PLANAR": True,
                "BITS": bits,
                "NORMALIZED": normalized,
                "CHANNEL_ORDER": "gbr",
                "PCA_PARAMS": None,
                "ORDER": number + 1,
            }
            _write(path, samples[..., 3 * number : 3 * number + 3], params, tags)
        results[name] = {"path": paths}
        if compute_stats:
            sizes = [path.stat().st_size / 2**20 for path in paths]
            results[name] |= {"original_size": values.nbytes / 2**20, "compressed_size": sum(sizes)}
            results[name] |= {"time": time.perf_counter() - start}
        x = x.drop_vars(bands)
    if save_dataset:
        results["path"] = folder / "x.nc"
        x.to_netcdf(results["path"])
    return results


def video2xarray(input_path: str, array_id: str) -> xr.Dataset:
    """Read them back: floats as float32, by the tags of the files."""
    folder = Path(input_path) / array_id
    with xr.open_dataset(folder / "x.nc") as opened:
        x = opened.load()
    parts: dict[str, list[tuple[dict[str, Any], np.ndarray]]] = defaultdict(list)
    for path in sorted(folder.glob("*.mkv")):
        tags, samples = _read(path)
        parts[tags["BANDS"]].append((tags, samples))
    for found in parts.values():
        found.sort(key=lambda part: part[0]["ORDER"])
        tags = found[0][0]
        channels = np.concatenate([samples for _, samples in found], axis=-1)
        if tags["NORMALIZED"]:
            ends = np.array(ast.literal_eval(tags["RANGE"]))
            channels = _denormalize(channels, ends, tags["BITS"])
        dims, attrs = (ast.literal_eval(tags[key]) for key in ("COORDS_DIMS", "ATTRS"))
        for index, (band, words) in enumerate(attrs.items()):
            x[band] = xr.DataArray(channels[..., index], dims=dims, attrs=words)
    return x


def plot_image(x: xr.Dataset, bands: list[str]) -> None:
    """Draw nothing: pictures are not what the page is about."""
    assert set(bands) <= set(x.data_vars)


def _normalize(channels: np.ndarray, ends: np.ndarray, bits: int) -> np.ndarray:
    """Scale floats, shape (T, X, Y, C), to whole numbers between the ends (C, 2) of each band."""
    share = (channels - ends[:, 0]) / (ends[:, 1] - ends[:, 0])
    return np.rint(np.nan_to_num(share) * (2**bits - 1)).astype("u1" if bits == 8 else "u2")


def _denormalize(samples: np.ndarray, ends: np.ndarray, bits: int) -> np.ndarray:
    share = samples.astype("f4") / np.float32(2**bits - 1)
    return (share * (ends[:, 1] - ends[:, 0]) + ends[:, 0]).astype("f4")


def _write(path: Path, channels: np.ndarray, params: dict[str, Any], tags: dict[str, Any]) -> None:
    """Encode samples, shape (T, X, Y, 3), as pictures Y high and X wide."""
    params = {key: str(value) for key, value in params.items()}
    encoder, private = params.pop("c:v"), params.get("x265-params")
    if private is not None:
        params["x265-params"] = f"{private}:log-level=none"

    def encode() -> None:
        with av.open(path, "w") as container:
            container.metadata["XARRAY"] = str(tags)
            stream: Any = container.add_stream(encoder, rate=30, options=params)
            stream.width, stream.height = channels.shape[1:3]
            stream.pix_fmt = tags["REQ_PIX_FMT"]
            for picture in channels.transpose(0, 2, 1, 3):
                picture = np.ascontiguousarray(picture)
                frame = av.VideoFrame.from_ndarray(picture, format=tags["OUT_PIX_FMT"])
                container.mux(stream.encode(frame.reformat(format=tags["REQ_PIX_FMT"])))
            container.mux(stream.encode())

    # libx265 leaves the floating-point state of its thread as it likes.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(encode).result()


def _read(path: Path) -> tuple[dict[str, Any], np.ndarray]:
    """Decode a file to its tags and samples, shape (T, X, Y, 3)."""
    with av.open(path) as container:
        tags = ast.literal_eval(container.metadata["XARRAY"])
        pictures = [
            frame.to_ndarray(format=tags["OUT_PIX_FMT"]) for frame in container.decode(video=0)
        ]
    return tags, np.stack(pictures).transpose(0, 2, 1, 3)
