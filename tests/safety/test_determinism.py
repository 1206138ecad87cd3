"""The same input gives the same bytes, whatever the process encoded before."""

from __future__ import annotations

import numpy as np
import pytest

from numcodecs_video.coders import EncodeSpec, Structure, find_coder
from tests.strategies import LOSSY_CODECS, VIDEO_CODECS, codec_of

#: planes (T, P, Y, X) with a side of exactly one coding tree unit, where libx265 goes wrong
SIDES = [
    (16, 24),
    *(
        pytest.param(side, marks=pytest.mark.slow)
        for side in [
            (32, 200), (64, 72), (64, 128), (72, 64), (96, 64), (200, 16), (48, 32), (72, 32),
        ]
    ),
]  # fmt: skip


def _planes(height: int, width: int, top: int, seed: int) -> np.ndarray:
    """A smooth series with noise."""
    rng = np.random.default_rng(seed)
    t, y, x = np.mgrid[:12, :height, :width]
    smooth = 0.5 + 0.4 * np.sin((x + t) / 9) * np.cos(y / 7)
    noisy = np.clip(smooth + rng.normal(0, 0.03, t.shape), 0, 1)
    return (noisy * top).astype("u1" if top < 256 else "u2")[:, None]


@pytest.mark.parametrize("shape", SIDES, ids=str)
@pytest.mark.parametrize(
    "name",
    ["hevc", *(pytest.param(n, marks=pytest.mark.slow) for n in ("h264", "vp9", "av1", "ffv1"))],
)
def test_encoders_forget_what_they_encoded_before(name, shape):
    """Lossy and lossless, with and without a key picture; other pictures come between."""
    coder = find_coder(name)
    bits = max(b for b in coder.available_depths() if b <= 12)
    planes = _planes(*shape, 2**bits - 1, 0)
    quantisers = [8, None] if coder.lossy else [None]
    if name == "av1":
        quantisers = [8]  # SVT-AV1 has no lossless mode at 10 bits in every build
    for quantiser in quantisers:
        spec = EncodeSpec(bits, quantiser, structure=Structure(key=coder.key_picture))
        found = set()
        for seed in range(5):
            encoded = coder.encode(planes, [range(6), range(6, 12)], spec)
            found.add((encoded.shared, *encoded.streams))
            other = _planes(40 + 8 * seed, 136 - 16 * seed, 2**bits - 1, seed + 1)
            coder.encode(other, [range(12)], EncodeSpec(bits, quantisers[0]))
        assert len(found) == 1


@pytest.mark.parametrize(
    "words",
    [{"max_error": 0.05}, pytest.param({"psnr": 45}, marks=pytest.mark.slow), {}],
    ids=str,
)
@pytest.mark.parametrize("codec", [*VIDEO_CODECS, "jpeg2k"])
def test_codecs_forget_what_they_encoded_before(codec, words):
    """Both strategies, on small chunks of many frames that make pictures 16 and 32 tall."""
    if codec not in LOSSY_CODECS and "psnr" in words:
        words = {"rmse": 0.05}
    cubes = [_planes(16, 24, 4000, 0), _planes(32, 48, 4000, 1)]
    encode = codec_of(codec, gop=6, effort=3, **words).encode
    floats = [(cube[:, 0] / 100).astype("f4") for cube in cubes]
    first = [encode(array) for array in floats]
    encode(_planes(50, 70, 900, 2)[:, 0])
    assert [encode(array) for array in reversed(floats)] == first[::-1]
