"""Random arrays encoded in Python, for the JavaScript tests: payloads, stores, what they decode to.

Run it as ``python js/test/make_payloads.py FOLDER [COUNT] [SEED]``.
"""

import pathlib
import sys

import numpy as np
import zarr

from numcodecs_video import Jpeg2kCodec, VideoCodec

NODATA = [0, 7]
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
    longest = {"t": 8, "c": 5, "y": 39, "x": 39}
    shape = tuple(int(rng.integers(1, longest[a] + 1)) for a in axes) or (int(rng.integers(500)),)
    values = field(rng, shape)
    if name[0] == "b":
        data = values > 0
    elif name[0] == "f":
        data = floats(rng, values).astype(name)
    else:
        data = integers(rng, values, name)
    if rng.random() < 0.3:
        data = data.astype(data.dtype.newbyteorder(">"))
    if rng.random() < 0.3:
        data = np.asfortranarray(data)
    return data, axes


def floats(rng, values):
    """Measurements, some on a lattice, some with holes."""
    data = values * 10 ** rng.uniform(-1, 3)
    if rng.random() < 0.3:
        data = np.round(data, 1)
    if rng.random() < 0.4:
        data[rng.random(data.shape) < rng.uniform(0, 0.5)] = np.nan
    if rng.random() < 0.1:
        data[rng.random(data.shape) < 0.05] = -np.inf
    return data


def integers(rng, values, name):
    """Counts, or times; those of 64 bits are far from zero."""
    bits = 8 * int(name[1])
    plain = np.dtype(f"{'u' if name[0] == 'u' else 'i'}{name[1]}")
    scaled = (np.abs(values) if name[0] == "u" else values) * 10 ** rng.uniform(
        1, min(bits / 4, 12)
    )
    largest = 2 ** min(bits - 1, 52) - 1
    data = np.clip(scaled, -largest, largest).astype(plain)
    if bits == 64:
        data += plain.type(rng.integers(0, 2**40))
    if rng.random() < 0.3:
        data[rng.random(data.shape) < rng.uniform(0, 0.5)] = NODATA[0]
    if rng.random() < 0.3 and data.ndim > 2:
        data[-1] = data[0]  # a frame that repeats another
    return data.view(name) if name[0] in "mM" else data


def codec(rng, data, axes):
    """A random codec for an array."""
    is_float = data.dtype.kind == "f" and data.size
    span = float(np.abs(data[np.isfinite(data)]).max(initial=1e-3)) if is_float else 100.0
    promises = [
        ("max_error", span * 10 ** rng.uniform(-4, -1) if is_float else 1 + rng.integers(9)),
        ("max_relative_error", 10 ** rng.uniform(-3, -1)),
        ("psnr", rng.uniform(25, 70)),
        ("rmse", span * 10 ** rng.uniform(-3, -1)),
    ]
    chosen = int(rng.integers(-2, len(promises)))
    words = {"effort": int(rng.integers(1, 10 if data.size < 4000 else 6))}
    if data.dtype.kind in "iu" and rng.random() < 0.4:
        words["nodata"] = NODATA
    if chosen >= 0:
        words[promises[chosen][0]] = float(promises[chosen][1])
    if axes:
        words["axes"] = axes
    if rng.random() < 0.2:
        return Jpeg2kCodec(htj2k=bool(rng.random() < 0.4), **words)
    if rng.random() < 0.7:
        words["gop"] = int(rng.integers(0, 5))
    name = str(rng.choice(["auto"] * 5 + ["hevc", "ffv1", "h264", "vp9", "av1"]))
    if chosen < 0 and name not in ("auto", "ffv1") and rng.random() < 0.4:
        words["qp"] = int(rng.integers(0, 45))
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
    """Zarr stores of both formats, with and without shards, of dtypes that zarrita has."""
    cube = (field(rng, (50, 3, 60, 70)) * 2000 + 3000).astype("i2")
    cases = {
        "i2": (cube, VideoCodec(max_error=3, gop=8)),
        "f4": ((cube[:, 0] / 7).astype("f4"), VideoCodec(max_error=0.5, gop=10)),
        "u1": ((cube[:, 0] // 30).astype("u1"), VideoCodec(psnr=45)),
        "b1": (cube[:, 1] > 3000, VideoCodec()),
        "i8": (cube[:, 1].astype("i8") + 2**60, VideoCodec()),
        "j2k": (cube[:6], Jpeg2kCodec(psnr=50)),
    }
    for name, (data, made) in cases.items():
        chunks = (min(25, len(data)), *data.shape[1:-2], 40, 40)
        store(folder / "v3" / name, data, chunks, **made.encoding(zarr_format=3))
        other = data.astype(data.dtype.newbyteorder(">")) if name == "f4" else data
        order = "F" if name == "u1" else "C"
        two = {"zarr_format": 2, "order": order, **made.encoding(zarr_format=2)}
        store(folder / "v2" / name, other, chunks, **two)
    data, made = cases["i2"]
    shards = {"shards": (50, 3, 80, 80), **made.encoding(zarr_format=3)}
    store(folder / "v3" / "sharded", data, (25, 3, 40, 40), **shards)
    transposed = VideoCodec(axes="yxt").encoding(zarr_format=3)
    transposed["filters"] = [zarr.codecs.TransposeCodec(order=(1, 2, 0))]
    store(folder / "v3" / "transposed", cube[:6, 0], (6, 40, 40), **transposed)


def store(path, data, chunks, **words):
    """Write an array, and beside it what Python reads."""
    stored = zarr.create_array(
        path,
        shape=data.shape,
        dtype=data.dtype,
        chunks=chunks,
        fill_value=0,
        overwrite=True,
        **words,
    )
    stored[...] = data
    np.save(path.parent / f"{path.name}.npy", np.ascontiguousarray(stored[...]))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
