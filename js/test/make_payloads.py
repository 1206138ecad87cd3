"""Random arrays encoded in Python, for the JavaScript tests: payloads, stores, and what they decode to.

    python js/test/make_payloads.py FOLDER [COUNT] [SEED]
"""

import pathlib
import sys

import numpy as np
import zarr

from numcodecs_video import Jpeg2kCodec, VideoCodec

DTYPES = ("b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "M8[ns]", "m8[s]")


def field(rng, shape):
    """A smooth field with some noise, values within -1 ... 1."""
    steps = [np.linspace(0, rng.uniform(1, 6), n) for n in shape]
    grid = np.meshgrid(*steps, indexing="ij")
    values = sum(np.sin(g + rng.uniform(0, 6)) for g in grid) / max(1, len(shape))
    return values + rng.normal(0, 10 ** rng.uniform(-3, -0.5), shape)


def array(rng):
    """An array of random dtype, shape, memory order and byte order, some of its cells missing."""
    name = str(rng.choice(DTYPES))
    axes = str(rng.choice(["tyx", "tcyx", "yxt", "tyxc", "yx", "ttyx", "tccyx", ""]))
    sizes = {"t": rng.integers(1, 9), "c": rng.integers(1, 6), "y": rng.integers(1, 40), "x": rng.integers(1, 40)}
    shape = tuple(int(sizes[a]) for a in axes) or (int(rng.integers(0, 500)),)
    values = field(rng, shape)
    kind = name[0]
    if kind == "b":
        data = values > 0
    elif kind in "iumM":
        bits = 8 * int(name[1])
        scale = 10 ** rng.uniform(1, min(bits * 0.3 - 0.5, 12))
        offset = rng.integers(0, 2**40) if bits == 64 else 0
        data = (np.abs(values) if kind == "u" else values) * scale / 3
        data = np.clip(data, -(2 ** (bits - 1)) if bits < 64 else -(2**52), 2 ** (bits - 1) - 1 if bits < 64 else 2**52)
        data = data.astype(f"{'u' if kind == 'u' else 'i'}{name[1]}") + np.array(offset).astype(f"{'u' if kind == 'u' else 'i'}{name[1]}")
        data = data.view(name) if kind in "mM" else data
    else:
        data = (values * 10 ** rng.uniform(-1, 3)).astype(name)
        if rng.random() < 0.3:
            data = np.round(data, 1).astype(name)
        if rng.random() < 0.4:
            data[rng.random(shape) < rng.uniform(0, 0.5)] = np.nan
        if rng.random() < 0.1:
            data[rng.random(shape) < 0.05] = -np.inf
    if rng.random() < 0.3:
        data = data.astype(data.dtype.newbyteorder(">"))
    if rng.random() < 0.3:
        data = np.asfortranarray(data)
    return data, axes


def codec(rng, data, axes):
    """A random codec for an array."""
    span = float(np.nanmax(np.abs(np.where(np.isfinite(data), data, 0)))) if data.size and data.dtype.kind == "f" else 100.0
    words = {"axes": axes} if len(axes) == data.ndim and axes else {}
    pick = rng.integers(0, 6)
    if pick == 1:
        words["max_error"] = max(1.0, span * 10 ** rng.uniform(-4, -1)) if data.dtype.kind != "f" else (span or 1) * 10 ** rng.uniform(-4, -1)
    elif pick == 2:
        words["max_relative_error"] = 10 ** rng.uniform(-3, -1)
    elif pick == 3:
        words["psnr"] = rng.uniform(25, 70)
    elif pick == 4:
        words["rmse"] = max(span, 1e-3) * 10 ** rng.uniform(-3, -1)
    words["effort"] = int(rng.integers(1, 6))
    if rng.random() < 0.3:
        return Jpeg2kCodec(htj2k=bool(rng.random() < 0.4), **words)
    if rng.random() < 0.7:
        words["gop"] = int(rng.integers(0, 5))
    name = str(rng.choice(["auto", "auto", "hevc", "ffv1", "h264", "vp9", "av1"]))
    if name in ("hevc", "h264", "vp9", "av1") and pick == 0 and rng.random() < 0.4:
        words["qp"] = int(rng.integers(0, 45))
    if name == "ffv1" and pick in (3, 4):
        name = "auto"
    return VideoCodec(name, **words)


def main(folder, count=200, seed=0):
    """Write payloads and stores."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    written = refused = 0
    while written < count:
        data, axes = array(rng)
        try:
            chosen = codec(rng, data, axes)
            payload = chosen.encode(data)
        except (ValueError, TypeError) as error:
            refused += 1
            if refused > 20 * count:
                raise RuntimeError("nearly nothing can be encoded") from error
            continue
        decoded = chosen.decode(payload)
        (folder / f"{written:04}.ncv").write_bytes(payload)
        np.save(folder / f"{written:04}.npy", decoded)
        written += 1
    stores(folder, rng)


def stores(folder, rng):
    """Zarr stores of both formats, with and without shards, and one of each dtype that zarrita has."""
    cube = (field(rng, (50, 3, 60, 70)) * 2000 + 3000).astype("i2")
    for name, data, made in (
        ("i2", cube, VideoCodec(max_error=3, gop=8)),
        ("f4", (cube[:, 0] / 7).astype("f4"), VideoCodec(max_error=0.5, gop=10)),
        ("u1", (cube[:, 0] // 30).astype("u1"), VideoCodec(psnr=45)),
        ("b1", cube[:, 1] > 3000, VideoCodec()),
        ("i8", cube[:, 1].astype("i8") + 2**60, VideoCodec()),
        ("j2k", cube[:6], Jpeg2kCodec(psnr=50)),
    ):
        chunks = (min(25, data.shape[0]), *data.shape[1:-2], 40, 40)
        shards = (2 * chunks[0], *chunks[1:-2], 80, 80) if name == "i2" else None
        v3 = zarr.create_array(
            folder / "v3" / name, shape=data.shape, dtype=data.dtype, chunks=chunks, overwrite=True,
            serializer=made.serializer(), compressors=None, filters=None, fill_value=0,
        )
        v2 = zarr.create_array(
            folder / "v2" / name, shape=data.shape, dtype=data.dtype.newbyteorder(">" if name == "f4" else "="), chunks=chunks,
            overwrite=True, zarr_format=2, compressors=made, filters=None, fill_value=0, order="F" if name == "u1" else "C",
        )
        arrays = [v3, v2]
        if shards:
            arrays.append(
                zarr.create_array(
                    folder / "v3" / "sharded", shape=data.shape, dtype=data.dtype, chunks=chunks, shards=shards,
                    overwrite=True, serializer=made.serializer(), compressors=None, filters=None, fill_value=0,
                )
            )
        for stored in arrays:
            stored[...] = data
            target = pathlib.Path(str(stored.store.root))
            np.save(target.parent / f"{target.name}.npy", np.ascontiguousarray(stored[...]))
    transposed = zarr.create_array(
        folder / "v3" / "transposed", shape=cube[:6, 0].shape, dtype="i2", chunks=(6, 40, 40), overwrite=True,
        serializer=VideoCodec(axes="yxt").serializer(), compressors=None, fill_value=0,
        filters=[zarr.codecs.TransposeCodec(order=(1, 2, 0))],
    )
    transposed[...] = cube[:6, 0]
    np.save(folder / "v3" / "transposed.npy", cube[:6, 0])


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
