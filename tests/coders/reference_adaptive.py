"""A slow decoder of the adaptive coder's streams in plain Python, written from the specification.

For tests of small segments: some milliseconds a cell. It shares no code with the package.
"""

from __future__ import annotations

from typing import Any

import numpy as np

f = np.float32
Vector = Any  # four numbers of single precision

FEATURES, BUCKETS, STATES, EVENTS = 24, 56, 108, 24
LEFT, ABOVE = 3, 2
EVEN = 1 << 31
WORD = 0xFFFFFFFF


# Bytes.


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def read_sources(stream: bytes) -> tuple[dict[int, int], bytes]:
    count, at = read_varint(stream, 0)
    sources, last = {}, -1
    for _ in range(count):
        gap, at = read_varint(stream, at)
        back, at = read_varint(stream, at)
        last += gap + 1
        sources[last] = last - back - 1
    return sources, stream[at:]


def read_weights(data: bytes, groups: int) -> list[list[int]]:
    bits = "".join(f"{byte:08b}" for byte in data)
    at, found = 0, []
    for _ in range(groups):
        k, at = int(bits[at : at + 4], 2), at + 4
        group = []
        for _ in range(FEATURES):
            z = 0
            while bits[at] == "1":
                z, at = z + 1, at + 1
            at += 1
            for _ in range(k):
                z, at = 2 * z + int(bits[at]), at + 1
            group.append(-(z + 1) // 2 if z % 2 else z // 2)
        found.append(group)
    return found


# Tables.


def make_squash() -> list[int]:
    table = [0] * 4096
    power = 1.0
    for i in range(2048):
        v = min(int(65536.0 * power / (1 + power)), 65520)
        table[2048 + i], table[2047 - i] = v, 65536 - v
        power *= 1.0054299011128027
    return table


def make_stretch() -> list[f]:
    table, j = [], 0
    for i in range(4096):
        while j < 4095 and SQUASH[j] < 16 * i + 8:
            j += 1
        table.append(f(j - 2048) / f(128))
    return table


SQUASH = make_squash()
STRETCH = make_stretch()
RATE = [f(1) / (f(i) + f(1.6)) for i in range(256)]
TRUST = [f(i) / (f(i) + f(0.4)) for i in range(256)]


# Single precision.


def four(*values: Any) -> Vector:
    return np.array(values, f)


def every(value: Any) -> Vector:
    return np.full(4, value, f)


def add_up(v: Vector) -> f:
    return (v[0] + v[2]) + (v[1] + v[3])


def smaller(a: Vector, b: Vector) -> Vector:
    return np.where(a < b, a, b)


def larger(a: Vector, b: Vector) -> Vector:
    return np.where(a > b, a, b)


def cumulative(z: Vector) -> Vector:
    g = z * (f(0.5) + f(0.025) * z * z)
    return f(0.5) + f(0.5) * g / np.sqrt(f(1) + g * g)


def log2(v: Vector) -> Vector:
    bits = v.astype(f).view(np.int32)
    e = ((bits >> 23) - 127).astype(f)
    m = ((bits & 0x7FFFFF) | 0x3F800000).view(f)
    return e + (m * (f(2) - m * f(0.33333334)) - f(1.6666666))


class Decoder:
    """The range decoder, its counters and mixers."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 4
        self.code = int.from_bytes((data + bytes(4))[:4], "big")
        self.range = WORD
        self.rows = [EVEN] * 16

    def refill(self) -> None:
        while self.range < 1 << 24:
            self.range = self.range << 8 & WORD
            byte = self.data[self.at] if self.at < len(self.data) else 0
            self.code = (self.code << 8 | byte) & WORD
            self.at += 1

    def bit(self, p: int) -> int:
        part = (self.range >> 16) * p
        found = int(self.code < part)
        if found:
            self.range = part
        else:
            self.range -= part
            self.code -= part
        self.refill()
        return found

    def flat(self, lo: int, hi: int) -> int:
        while hi - lo >= 65536:
            middle = lo + ((hi - lo + 1) >> 1)
            lo, hi = (middle, hi) if self.bit(32768) else (lo, middle - 1)
        if lo == hi:
            return lo
        n = hi - lo + 1
        share = self.range // n
        i = min(self.code // share, n - 1)
        self.code -= share * i
        self.range = share if i < n - 1 else self.range - share * i
        self.refill()
        return lo + i

    @staticmethod
    def learn(counters: Any, i: int, bit: int, limit: int) -> None:
        n, p = int(counters[i]) & 1023, int(counters[i]) >> 10
        p += int(f((4194303 if bit else 0) - p) * RATE[n])
        counters[i] = p << 10 | (n + 1 if n < limit else n)

    def plain(self, i: int) -> int:
        bit = self.bit(min(max(self.rows[i] >> 16, 32), 65504))
        self.learn(self.rows, i, bit, 60)
        return bit

    def mixed(self, x: list[Vector], a: Any, b: Any, learning: f) -> int:
        """One decision; ``a`` and ``b``: weights, shape (2, 4), which learn."""
        odds = add_up((a[0] + b[0]) * x[0] + (a[1] + b[1]) * x[1])
        odds = f(-15.9) if not odds > f(-15.9) else min(odds, f(15.9))
        p = SQUASH[int(odds * f(128) + f(2048))]
        bit = self.bit(p)
        miss = (f(65536 if bit else 0) - f(p)) * (learning / f(65536))
        for i in range(2):
            step = miss * x[i]
            a[i] += step
            b[i] += step
        return bit


class Ring:
    """Padded planes of the last frames; a cell outside the plane is at negative or large y, x."""

    def __init__(self, depth: int, shape: tuple[int, int, int]) -> None:
        bands, height, width = shape
        self.depth, self.height, self.width = depth, height, width
        self.planes = np.zeros((depth, bands, height + 3, width + 2 * LEFT), f)

    def plane(self, t: int, c: int) -> Any:
        return self.planes[t % self.depth, c]

    def before(self, t: int, c: int) -> Any:
        if t > 0:
            return self.plane(t - 1, c)
        return self.plane(t, c - 1) if c > 0 else None

    def pad_top(self, v: Any, before: Any) -> None:
        v[:ABOVE] = 0 if before is None else before[ABOVE]

    def pad_left(self, v: Any, y: int, before: Any) -> None:
        fill = v[ABOVE + y - 1, LEFT] if y else 0 if before is None else before[ABOVE, LEFT]
        v[ABOVE + y, :LEFT] = fill

    def pad_right(self, v: Any, y: int) -> None:
        v[ABOVE + y, LEFT + self.width :] = v[ABOVE + y, LEFT + self.width - 1]

    def pad_bottom(self, v: Any) -> None:
        v[ABOVE + self.height] = v[ABOVE + self.height - 1]

    def place(self, v: Any, y: int, x: int, value: Any) -> None:
        v[ABOVE + y, LEFT + x] = value
        if y == 0:
            v[1, LEFT + x + 1] = v[0, LEFT + x + 1] = v[1, LEFT + x + 2] = value


def decode(
    shared: bytes,
    stream: bytes,
    shape: tuple[int, int, int, int],
    *,
    top: int,
    valid: Any = None,
    beside: Any = None,
) -> Any:
    """int64 array of ``shape``."""
    classes = shared[0] & 1
    sources, body = read_sources(stream)
    frame_shape = shape[1:]
    found = np.zeros(shape, np.int64)
    model: Numbers | Classes
    if classes:
        model = Classes(body, frame_shape, top)
    else:
        weights = read_weights(shared[1:], 2 * shape[1])
        kind = Express if shared[0] & 128 else Quick if shared[0] & 64 else Numbers
        model = kind(body, frame_shape, top, weights, shared[0])
    with np.errstate(all="ignore"):
        for t in range(shape[0]):
            mask = np.ones(frame_shape, bool) if valid is None else valid[t]
            if t in sources:
                found[t] = np.where(mask, found[sources[t]], 0)
            else:
                model.frame(found[t], mask, None if beside is None else beside[t])
    assert model.coder.at == len(body) + 3
    return found


class Model:
    """What numbers and classes have in common."""

    def __init__(self, body: bytes, shape: tuple[int, int, int], top: int) -> None:
        self.coder = Decoder(body)
        self.shape, self.top, self.t = shape, top, 0
        self.levels = Ring(3, shape)

    def same_row(self, y: int, mask: Any, state: list[int]) -> int:
        if not mask.any() or not (self.t > 0 or y > 0):
            return 0
        same = 0
        if self.t > 0 and self.coder.plain(state[0]):
            same = 1
        if not same and y > 0 and self.coder.plain(8 + state[0]):
            same = 2
        state[0] = same
        return same

    def unsaid(self, v: Any, c: int, y: int, x: int, same: int, known: bool) -> Any:
        if same == 2 and known:
            return v[ABOVE + y - 1, LEFT + x]
        if self.t > 0:
            return self.levels.plane(self.t - 1, c)[ABOVE + y, LEFT + x]
        return v[ABOVE + y, LEFT + x - 1]

    def frame(self, out: Any, mask: Any, beside: Any) -> None:
        for c in range(self.shape[0]):
            self.plane(c, out[c], mask[c], None if beside is None else beside)
        self.t += 1

    def plane(self, c: int, out: Any, mask: Any, beside: Any) -> None:
        raise NotImplementedError


class Numbers(Model):
    """Predictions, mixed distributions, binary decisions."""

    def __init__(
        self, body: bytes, shape: tuple[int, int, int], top: int, weights: Any, flags: int
    ) -> None:
        super().__init__(body, shape, top)
        bands = shape[0]
        self.with_base = flags & 2
        self.errors, self.sizes = Ring(2, shape), Ring(2, shape)
        self.weights = (np.array(weights, f) / f(1 << (flags >> 2 & 15))).reshape(bands, 2, 6, 4)
        self.direct = np.zeros((bands, 6, 4), f)
        self.cascade = np.zeros((bands, 4, 4), f)
        self.recent = np.ones((bands, 4), f)
        self.scale = np.zeros((bands, BUCKETS, 4), f)
        s = f(0.02)
        for k in range(BUCKETS):
            self.scale[:, k] = s
            s *= f(1.3333334) if k % 2 else f(1.5)
        self.seen = np.zeros((bands, BUCKETS), int)
        self.mix = np.full((bands, STATES, 3, 4), 0.1, f)
        self.mix[:, :, 2] = f(0.05)
        self.mixes = np.zeros((bands, STATES), int)
        self.neighbours = np.full((729, EVENTS), EVEN, np.int64)
        self.values = np.full((1024, EVENTS), EVEN, np.int64)
        self.mixer_a = np.zeros((BUCKETS, EVENTS, 2, 4), f)
        self.mixer_a[...] = np.array([[0.1, 0.1, 0.1, 0.2], [0.5, 0, 0, 0]], f)
        self.mixer_b = np.zeros((STATES, EVENTS, 2, 4), f)

    def neighbourhood(self, c: int) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
        """(plane, dy, dx) of the neighbours, of the two means besides, and of the errors."""
        t, r, e = self.t, self.levels, self.errors
        v = r.plane(t, c)
        p = r.plane(t - 1, c) if t > 0 else None
        q = r.plane(t - 2, c) if t > 1 else p
        b = r.plane(t, c - 1) if c > 0 else v
        d = r.plane(t, c - 2) if c > 1 else b
        at = [(v, 0, -1), (v, -1, 0), (v, -1, -1), (v, -1, 1), (v, 0, -2), (v, -2, 0)]
        if t > 0:
            for dy, dx in (
                (0, 0), (0, -1), (-1, 0), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1),
            ):  # fmt: skip
                at.append((p, dy, dx))
            at.append((q, 0, 0))
        else:
            for dy, dx in (
                (-2, 1), (-1, -2), (-1, 2), (-2, -1), (0, -3), (-2, -2), (-2, 2),
                (0, -2), (0, -2), (0, -2),
            ):  # fmt: skip
                at.append((v, dy, dx))
        if c > 0:
            at += [(b, 0, 0), (b, 0, -1), (b, -1, 0), (b, 0, 1), (b, 1, 0)]
            at.append((r.plane(t - 1, c - 1), 0, 0) if t > 0 else (b, -1, 1))
            at += [(d, 0, 0), (d, 0, -1)] if c > 1 else [(b, -1, -1), (b, 1, 1)]
        elif t > 0:
            at += [(v, -2, 1), (v, -1, -2), (q, 0, -1), (q, 0, 1), (q, -1, 0), (q, 1, 0)]
            at += [(p, 0, 2), (v, -1, 2)]
        else:
            at += [(v, 0, -1)] * 8
        around = ((0, -1), (-1, 0), (-1, -1), (-1, 1))
        mean_b = [(b, dy, dx) for dy, dx in around]
        mean_d = [(d, dy, dx) for dy, dx in around]
        own, ep = e.plane(t, c), e.plane(t + 1, c)
        eb = e.plane(t, c - 1) if c > 0 else ep
        errors = [(own, dy, dx) for dy, dx in (*around, (0, -2), (-2, 0), (-1, 2))]
        errors += [(ep, 0, 0), (ep, 0, 1 if c else 2), (ep, 1, 0 if c else 1)]
        errors.append((eb, 0, 0) if c > 0 else (own, -2, 1))
        errors += [(eb, 0, -1), (eb, -1, 0), (eb, 0, 1), (eb, 1, 0)]
        errors.append((e.plane(t, c - 2), 0, 0) if c > 1 else (ep, -1, -1))
        return at, mean_b, mean_d, errors

    def base_plane(self, beside: Any, c: int) -> Any:
        return np.pad(beside[c].astype(f), ((ABOVE, 1), (LEFT, LEFT)), mode="edge")

    def plane(self, c: int, out: Any, mask: Any, beside: Any) -> None:
        t = self.t
        rings = (self.levels, self.errors, self.sizes)
        v, e, z = (ring.plane(t, c) for ring in rings)
        befores = [ring.before(t, c) for ring in rings]
        for ring, plane, before in zip(rings, (v, e, z), befores, strict=True):
            ring.pad_top(plane, before)
        at, mean_b, mean_d, error_at = self.neighbourhood(c)
        prev = self.levels.plane(t - 1, c) if t > 0 else None
        band = self.levels.plane(t, c - 1) if c > 0 else None
        band_prev = self.levels.plane(t - 1, c - 1) if c > 0 and t > 0 else None
        pattern = band if band is not None else prev
        z_prev = self.sizes.plane(t - 1, c) if t > 0 else None
        z_band = self.sizes.plane(t, c - 1) if c > 0 else None
        u, usual = None, f(0)
        if self.with_base:
            u = self.base_plane(beside, c)
            total = 0.0
            for y in range(self.shape[1]):
                for x in range(self.shape[2]):
                    total += float(self.texture(u, y, x))
            usual = f(total / (self.shape[1] * self.shape[2]))
        w0 = self.weights[c, int(t > 0)]
        w1 = w0.copy() if t < 2 else self.direct[c]
        w2, recent = self.cascade[c], self.recent[c]
        state = [0]
        for y in range(self.shape[1]):
            for ring, plane, before in zip(rings, (v, e, z), befores, strict=True):
                ring.pad_left(plane, y, before)
            same = self.same_row(y, mask[y], state)
            for x in range(self.shape[2]):
                i, j = ABOVE + y, LEFT + x
                if same or not mask[y, x]:
                    value = self.unsaid(v, c, y, x, same, bool(mask[y, x]))
                    self.levels.place(v, y, x, value)
                    e[i, j] = 0
                    z[i, j] = 0 if same else z[i, j - 1]
                    out[y, x] = int(value) if mask[y, x] else 0
                    continue
                # Four predictions and their blend.
                m, g = self.features(c, (at, mean_b, mean_d), i, j, u)
                h = np.array([a[i + dy, j + dx] for a, dy, dx in error_at], f).reshape(4, 4)
                p0 = add_up(self.dot(g, w0))
                p1 = p0 + add_up(self.dot(h, w2))
                p2 = add_up(self.dot(g, w1))
                west, north, corner = g[0, 0], g[0, 1], g[0, 2]
                most, least = max(west, north), min(west, north)
                med = west + north - corner
                med = least if corner >= most else most if corner <= least else med
                guesses = larger(smaller(four(p0, p1, p2, med) + m, every(self.top + 1)), every(-1))
                trust = f(1) / (recent * recent + f(0.001))
                blend = add_up(trust * guesses) / add_up(trust)
                # How large errors have been around.
                size = f(2) * (z[i, j - 1] + z[i - 1, j]) + z[i - 1, j - 1] + z[i - 1, j + 1]
                size, total_weight = size + z[i, j - 2] + z[i - 2, j], f(8)
                if z_prev is not None:
                    size, total_weight = size + z_prev[i, j], total_weight + f(1)
                if z_band is not None:
                    size, total_weight = size + f(1.5) * z_band[i, j], total_weight + f(1.5)
                size = size / total_weight
                bucket = (f(size + f(0.03)).view(np.int32) >> 22) - (f(0.03).view(np.int32) >> 22)
                bucket = min(int(bucket), BUCKETS - 1)
                scale = self.scale[c, bucket].copy()
                self.centre = four(guesses[0], guesses[1], guesses[2], blend)
                self.inverse_a = f(1) / (scale * f(0.85) + f(0.02))
                self.inverse_b = f(1) / (scale * f(2) + f(0.1))
                # Plateaus and repeats.
                vw, vn = v[i, j - 1], v[i - 1, j]
                vp = vw if prev is None else prev[i, j]
                vb = v[i - 1, j + 1] if band_prev is None else vp + band[i, j] - band_prev[i, j]
                self.spike = four(vp, vw, vn, vb)
                repeats = flat = other = common = 0
                if prev is not None:
                    repeats = int(vw == prev[i, j - 1]) + int(vn == prev[i - 1, j])
                if vw == vn:
                    flat = 1 if v[i - 1, j - 1] != vw else 2
                if band_prev is not None:
                    other = 1 if band[i, j] == band_prev[i, j] else 2
                if u is not None:
                    k = self.texture(u, y, x)
                    common = int(k >= usual * f(0.5)) + int(k >= usual) + int(k >= usual * f(2))
                elif pattern is not None:
                    common = int(pattern[i, j] == pattern[i, j - 1])
                    common += 2 * int(pattern[i, j] == pattern[i - 1, j])
                place = ((repeats * 3 + flat) * 3 + other) * 4 + common
                mix = self.mix[c, place]
                self.mix_a, self.mix_b, self.mix_s = mix.copy()
                guess = 0 if blend < 0 else min(int(blend + f(0.5)), self.top)
                around = 0
                for k in (vw, vn, vp, v[i - 1, j + 1], v[i - 1, j - 1], vb):
                    around = around * 3 + (0 if k < guess else 2 if k > guess else 1)
                self.counters = (self.neighbours[around], self.values[guess % 1024])
                self.mixers = (self.mixer_a[bucket], self.mixer_b[place])
                value, got = self.number(guess, scale[3])
                out[y, x] = value
                fv = f(value)
                self.levels.place(v, y, x, fv)
                # Learn.
                new = [(part + f(1e-7)) * old for part, old in zip(got, mix, strict=True)]
                n = int(self.mixes[c, place])
                step = RATE[min(n + 2, 255)]
                if step < f(0.02):
                    step = f(0.02)
                else:
                    self.mixes[c, place] = n + 1
                gain = step / add_up(new[0] + new[1] + new[2])
                new = [
                    larger(old + (gain * k - step * old), every(2e-5))
                    for k, old in zip(new, mix, strict=True)
                ]
                mix[:] = np.array(new, f) * (f(1) / add_up(new[0] + new[1] + new[2]))
                n = int(self.seen[c, bucket])
                miss = np.abs(fv - self.centre)
                self.scale[c, bucket] = scale + (miss * f(0.72) - scale) * RATE[n + 1]
                self.seen[c, bucket] = min(n + 1, 200)
                recent = recent + f(0.06) * (np.abs(fv - guesses) - recent)
                e[i, j] = fv - guesses[0]
                z[i, j] = abs(fv - blend)
                power = add_up(self.dot(g, g)) * (f(1) / f(24)) + f(1)
                w1 = w1 + f(0.004) * (fv - (p2 + m)) / power * g
                power = add_up(self.dot(h, h)) * (f(1) / f(16)) + f(0.1)
                w2 = w2 + f(0.004) * (fv - (p1 + m)) / power * h
                if y == 0:
                    e[1, j + 1] = e[0, j + 1] = 0
                    z[1, j + 1] = z[0, j + 1] = z[1, j + 2] = z[i, j]
            for ring, plane in zip(rings, (v, e, z), strict=True):
                ring.pad_right(plane, y)
        for ring, plane in zip(rings, (v, e, z), strict=True):
            ring.pad_bottom(plane)
        self.direct[c], self.cascade[c], self.recent[c] = w1, w2, recent

    @staticmethod
    def features(c: int, places: Any, i: int, j: int, u: Any) -> tuple[f, Any]:
        """The mean of a cell's plane around it, and its neighbours less their planes' means."""
        around, mean_b, mean_d = ([a[i + dy, j + dx] for a, dy, dx in k] for k in places)
        m, mb, md = (
            (k[0] + k[1]) * f(0.375) + (k[2] + k[3]) * f(0.125) for k in (around, mean_b, mean_d)
        )
        if c == 0:
            mb = md = m
        g = np.array(around, f).reshape(6, 4)
        g[:4] -= m
        g[4] -= mb
        g[5] -= four(mb, mb, md, md)
        if u is not None:
            g[5, 2] = f(2) * u[i, j] - u[i, j - 1] - u[i, j + 1]
            g[5, 3] = f(2) * u[i, j] - u[i - 1, j] - u[i + 1, j]
        return m, g

    @staticmethod
    def dot(a: Any, b: Any) -> Vector:
        total = a[0] * b[0]
        for i in range(1, len(a)):
            total = total + a[i] * b[i]
        return total

    @staticmethod
    def texture(u: Any, y: int, x: int) -> f:
        i, j = ABOVE + y, LEFT + x
        here = u[i, j]
        east_west = abs(here - u[i, j - 1]) + abs(here - u[i, j + 1])
        return east_west + abs(here - u[i - 1, j]) + abs(here - u[i + 1, j])

    # A mass is (narrow distributions, wide ones, spikes), four each.

    def below(self, threshold: int) -> Vector:
        z = f(threshold) - f(0.5)
        d = z - self.centre
        spikes = (self.spike < z).astype(f)
        return np.stack([cumulative(d * self.inverse_a), cumulative(d * self.inverse_b), spikes])

    def event(self, event: int, part: Vector, whole: Vector) -> int:
        tiny = f(1e-7)
        pa = self.mix_a * part[0] + self.mix_b * part[1]
        wa = self.mix_a * whole[0] + self.mix_b * whole[1]
        one = add_up(pa + self.mix_s * part[2])
        rest = add_up(wa + self.mix_s * whole[2]) - one
        odds = log2(larger(pa, every(0)) + tiny) - log2(larger(wa - pa, every(0)) + tiny)
        odds = larger(smaller(odds, every(12)), every(-12))
        both = log2(four(max(one, f(0)) + tiny, max(rest, f(0)) + tiny))
        near, value = self.counters
        stretched = [STRETCH[int(k[event]) >> 20] for k in (near, value)]
        other = four(both[0] - both[1], *stretched, 0.25)
        a, b = (k[event] for k in self.mixers)
        bit = self.coder.mixed([odds, other], a, b, f(0.004))
        for k in (near, value):
            self.coder.learn(k, event, bit, 255)
        return bit

    def spikes(self) -> tuple[int, Vector] | None:
        order = sorted(range(3), key=lambda k: -self.mix_s[k])[:2]
        likely = [k for k in order if not self.mix_s[k] < f(0.1)]
        for k in likely:
            i, spike = order.index(k), self.spike[k]
            if i and spike == self.spike[order[0]]:
                continue
            part = self.below(spike + f(1)) - self.below(spike)
            if self.event(22 + i, part, np.ones((3, 4), f)):
                return int(spike), part
            self.mix_s = np.where(self.spike == spike, f(0), self.mix_s)
        return None

    def number(self, guess: int, scale: f) -> tuple[int, Vector]:
        half = int(scale * (f(0.6) if scale < f(3) else f(1.8)))
        fine = 0 if scale < f(3) else int(scale)
        lo, hi = max(guess - half, 0), min(guess + half, self.top)
        none, whole = np.zeros((3, 4), f), np.ones((3, 4), f)
        if half:
            found = self.spikes()
            if found is not None:
                return found
        f_lo = self.below(lo) if lo > 0 else none
        f_hi = self.below(hi + 1) if hi < self.top else whole
        inside = 1
        if lo > 0 or hi < self.top:
            inside = self.event(0, f_hi - f_lo, whole)
        if not inside:
            up = whole - f_hi
            side = lo == 0 or (hi != self.top and self.event(1, up, up + f_lo))
            width = 2 * half if half else 1
            event = 2 if side else 8
            last = event + 5
            if side:
                lo, f_lo, hi, f_hi = hi + 1, f_hi, self.top, whole
                while lo + width <= self.top:
                    k = self.below(lo + width)
                    if not self.event(event, whole - k, whole - f_lo):
                        hi, f_hi = lo + width - 1, k
                        break
                    lo, f_lo, width = lo + width, k, 2 * width
                    event = min(event + 1, last)
            else:
                lo, f_lo, hi, f_hi = 0, none, lo - 1, f_lo
                while hi - width >= 0:
                    k = self.below(hi - width + 1)
                    if not self.event(event, k, f_hi):
                        lo, f_lo = hi - width + 1, k
                        break
                    hi, f_hi, width = hi - width, k, 2 * width
                    event = min(event + 1, last)
        event = 14 if inside else 18
        last = event + 3
        while lo < hi and hi - lo >= fine:
            middle = lo + ((hi - lo + 1) >> 1)
            k = self.below(middle)
            if self.event(event, f_hi - k, f_hi - f_lo):
                lo, f_lo = middle, k
            else:
                hi, f_hi = middle - 1, k
            event = min(event + 1, last)
        return self.coder.flat(lo, hi), f_hi - f_lo


def mingle(h: int, v: int) -> int:
    h = (h ^ v) * 0x9E3779B1 & WORD
    return h ^ h >> 15


def mingle_all(*values: int) -> int:
    h = values[0]
    for value in values[1:]:
        h = mingle(h, value)
    return h


class Quick(Numbers):
    """Two predictions, and binary decisions by three counters."""

    def __init__(
        self, body: bytes, shape: tuple[int, int, int], top: int, weights: Any, flags: int
    ) -> None:
        super().__init__(body, shape, top, weights, flags)
        self.by_bucket = np.full((BUCKETS, 4, 16), EVEN, np.int64)
        self.by_place = np.full((243, 7, 16), EVEN, np.int64)
        self.by_guess = np.full((256, 2, 16), EVEN, np.int64)
        self.copies = np.full((36, 28), EVEN, np.int64)
        self.mixer = np.full((BUCKETS, 16, 4), 0.4, f)

    def plane(self, c: int, out: Any, mask: Any, beside: Any) -> None:
        t = self.t
        v, z = self.levels.plane(t, c), self.sizes.plane(t, c)
        before, z_before = self.levels.before(t, c), self.sizes.before(t, c)
        self.levels.pad_top(v, before)
        self.sizes.pad_top(z, z_before)
        places = self.neighbourhood(c)[:3]
        prev = self.levels.plane(t - 1, c) if t > 0 else None
        band = self.levels.plane(t, c - 1) if c > 0 else None
        then = self.levels.plane(t - 1, c - 1) if c > 0 and t > 0 else None
        u = self.base_plane(beside, c) if self.with_base else None
        w0 = self.weights[c, int(t > 0)]
        w1 = w0.copy() if t < 2 else self.direct[c]
        recent0, recent1 = self.recent[c, :2]
        whole = f(1) / (f(8) + (f(1) if t > 0 else f(0)) + (f(1.5) if c > 0 else f(0)))
        state = [0]
        for y in range(self.shape[1]):
            self.levels.pad_left(v, y, before)
            self.sizes.pad_left(z, y, z_before)
            recent0 = recent0 * f(0.5) + f(0.001)
            recent1 = recent1 * f(0.5) + f(0.001)
            share = recent0 * recent0 / (recent0 * recent0 + recent1 * recent1)
            same = self.same_row(y, mask[y], state)
            for x in range(self.shape[2]):
                i, j = ABOVE + y, LEFT + x
                if same or not mask[y, x]:
                    value = self.unsaid(v, c, y, x, same, bool(mask[y, x]))
                    self.levels.place(v, y, x, value)
                    z[i, j] = 0 if same else z[i, j - 1]
                    out[y, x] = int(value) if mask[y, x] else 0
                    continue
                m, g = self.features(c, places, i, j, u)
                step = f(0.004) / (add_up(self.dot(g, g)) * (f(1) / f(24)) + f(1))
                p0, p1 = add_up(self.dot(g, w0)) + m, add_up(self.dot(g, w1)) + m
                p = p0 + share * (p1 - p0)
                p = min(p, f(self.top)) if p < f(self.top) else f(self.top)
                p = p if p > f(0) else f(0)
                size = f(2) * (z[i, j - 1] + z[i - 1, j]) + z[i - 1, j - 1] + z[i - 1, j + 1]
                size = size + z[i, j - 2] + z[i - 2, j]
                if t > 0:
                    size = size + self.sizes.plane(t - 1, c)[i, j]
                if c > 0:
                    size = size + f(1.5) * self.sizes.plane(t, c - 1)[i, j]
                size = size * whole
                bucket = (f(size + f(0.03)).view(np.int32) >> 22) - (f(0.03).view(np.int32) >> 22)
                bucket = min(int(bucket), BUCKETS - 1)
                guess = min(int(p + f(0.5)), self.top)
                r = p - f(guess)
                mirrored, fraction = bool(r < 0), min(int(abs(r) * f(8)), 3)
                vw, vn, vc = v[i, j - 1], v[i - 1, j], v[i - 1, j - 1]
                vp = vc if prev is None else prev[i, j]
                vb = v[i - 1, j + 1]
                if band is not None:
                    vb = vp + band[i, j] - (band[i - 1, j - 1] if then is None else then[i, j])
                place = 0
                for k in (vw, vn, vp, vb, vc):
                    place = place * 3 + int(k > guess) - int(k < guess)
                self.at = (
                    self.by_bucket[bucket, fraction],
                    self.by_place[121 + (-place if mirrored else place), min(bucket // 4, 6)],
                    self.by_guess[guess % 256, int(mirrored)],
                )
                self.weighed = self.mixer[bucket]
                repeats = flat = 0
                if prev is not None:
                    repeats = int(vw == prev[i, j - 1]) + int(vn == prev[i - 1, j])
                if vw == vn:
                    flat = 1 if vc != vw else 2
                copy = vp if repeats == 2 or not flat else vw
                asked, copied, kind = bucket >= 12 and (repeats or flat), 0, 0
                if asked:
                    kind = ((repeats * 3 + flat) * 2 + int(copy == vb)) * 2 + int(copy == guess)
                    chance = min(int(self.copies[kind, bucket // 2]) >> 16, 65504)
                    copied = self.coder.bit(chance) if chance >= 20000 else 0
                if copied:
                    value = int(copy)
                else:
                    sides = (guess, self.top - guess)
                    shift = (bucket - 12) // 2 if bucket > 12 else 0
                    d = self.distance(*(sides[::-1] if mirrored else sides), shift)
                    value = guess - d if mirrored else guess + d
                out[y, x] = value
                fv = f(value)
                if asked:
                    self.coder.learn(self.copies[kind], bucket // 2, int(fv == copy), 255)
                self.levels.place(v, y, x, fv)
                z[i, j] = abs(fv - p)
                recent0, recent1 = recent0 + abs(fv - p0), recent1 + abs(fv - p1)
                w1 = w1 + step * (fv - p1) * g
                if y == 0:
                    z[1, j + 1] = z[0, j + 1] = z[1, j + 2] = z[i, j]
            self.levels.pad_right(v, y)
            self.sizes.pad_right(z, y)
        self.levels.pad_bottom(v)
        self.sizes.pad_bottom(z)
        self.direct[c], self.recent[c, :2] = w1, (recent0, recent1)

    def decide(self, node: int) -> int:
        x = four(*(STRETCH[int(k[node]) >> 20] for k in self.at), 0.25)
        odds = add_up(x * self.weighed[node])
        odds = f(-15.9) if not odds > f(-15.9) else min(odds, f(15.9))
        p = SQUASH[int(odds * f(128) + f(2048))]
        bit = self.coder.bit(p)
        self.weighed[node] += (f(65536 if bit else 0) - f(p)) * (f(0.006) / f(65536)) * x
        for k in self.at:
            self.coder.learn(k, node, bit, 255)
        return bit

    def distance(self, down: int, up: int, shift: int) -> int:
        if not self.decide(0):
            return 0
        above = not down or (up and self.decide(1))
        most, i = (up if above else down) - 1, 0
        while i < 10 and i < most >> shift and self.decide(2 + i):
            i += 1
        lo = i << shift
        hi = most if i == 10 else min(lo + (1 << shift) - 1, most)
        middle = lo + (1 << shift >> 1)
        if i < 10 and shift and middle <= hi:
            lo, hi = (middle, hi) if self.decide(12 + min(i, 3)) else (lo, middle - 1)
        rest = self.coder.flat(lo, hi)
        return rest + 1 if above else -rest - 1


def whole_number(value: Any) -> int:
    """Of 32 bits with a sign; the nearest such where a number of single precision is beyond."""
    return int(min(max(float(value), -(2.0**31)), 2.0**31 - 1))


def wrap(value: int) -> int:
    """Modulo 2 ** 32, with a sign."""
    return (value + 2**31 & WORD) - 2**31


Place = tuple[str, int, int]


class Express(Numbers):
    """A fixed prediction, and a distribution over sixteen steps a number."""

    SPEEDS = tuple(next((s for s in range(2, 7) if 5 << s > 4 * n + 12), 7) for n in range(78))

    def __init__(
        self, body: bytes, shape: tuple[int, int, int], top: int, weights: Any, flags: int
    ) -> None:
        super().__init__(body, shape, top, weights, flags)
        unit = 12 - (flags >> 2 & 15)
        self.whole = [[w << unit for w in group] for group in weights]
        self.spreads = np.zeros((44, 4, 9, 16), np.int64)
        size = f(0.0375)
        for bucket in range(44):
            for fraction in range(4):
                self.spreads[bucket, fraction] = self.expected(bucket, fraction, size - f(0.03))
            size *= f(1.3333334) if bucket % 2 else f(1.5)
        self.counts = np.full((44, 4, 9), 8)
        self.beyond = np.array([(65536 - (65536 >> j)) << 15 for j in range(16)])
        self.beyond = np.tile(self.beyond, (44, 2, 1))
        self.beyond_counts = np.zeros((44, 2), int)

    @staticmethod
    def expected(bucket: int, fraction: int, size: Any) -> list[int]:
        shift = max(bucket - 11, 0) // 2
        centre, scale = (f(fraction) + f(0.5)) * f(0.125), f(0.6) * size + f(0.1)
        found = [0]
        for i in range(1, 16):
            edge = f(((i - 8) << shift) - (1 << shift >> 1)) - f(0.5)
            z = (edge - centre) / scale
            h = z * (f(0.5) + f(0.025) * z * z)
            p = f(0.5) + f(0.5) * h / np.sqrt(f(1) + h * h)
            found.append(int(p * f(32752)) + i << 16)
        return found

    def recipe(self, c: int, first: bool) -> tuple[dict[Place, int], list[int]]:
        """The weights of places, and those of three places to the west, in units of 1 / 4096."""
        t = self.t
        w = self.whole[2 * c + (t > 0)]
        places: dict[Place, int] = {}
        west = [0, 0, 0]

        def add(name: str, y: int, x: int, weight: int) -> None:
            if name == "v" and (y == 0 or first):
                i = 0 if y < 0 else -x - 1
                west[i] = wrap(west[i] + weight)
            else:
                places[name, y, x] = wrap(places.get((name, y, x), 0) + weight)

        def add_mean(name: str, weight: int) -> None:
            weight = wrap(weight)
            side, corner = wrap(weight * 3) >> 3, weight >> 3
            add(name, 0, -1, side)
            add(name, -1, 0, wrap(weight - side - 2 * corner))
            add(name, -1, -1, corner)
            add(name, -1, 1, corner)

        at = [("v", *k) for k in ((0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0))]
        nine = ((0, 0), (0, -1), (-1, 0), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))
        ten = ((-2, 1), (-1, -2), (-1, 2), (-2, -1), (0, -3), (-2, -2), (-2, 2), *((0, -2),) * 3)
        at += [("p", *k) for k in nine] + [("q", 0, 0)] if t > 0 else [("v", *k) for k in ten]
        if c > 0:
            at += [("b", *k) for k in nine[:5]] + [("pb", 0, 0) if t > 0 else ("b", -1, 1)]
            at += [("d", 0, 0), ("d", 0, -1)] if c > 1 else [("b", -1, -1), ("b", 1, 1)]
        elif t > 0:
            at += [("v", -2, 1), ("v", -1, -2), ("q", 0, -1), ("q", 0, 1), ("q", -1, 0)]
            at += [("q", 1, 0), ("p", 0, 2), ("v", -1, 2)]
        else:
            at += [("v", 0, -1)] * 8
        seen = 22 if self.with_base else 24
        for place, weight in zip(at[:seen], w, strict=False):
            add(*place, weight)
        own = 16 if c else seen
        add_mean("v", 4096 - sum(w[:own]))
        if c:
            add_mean("b", -sum(w[16 : 22 if c > 1 else seen]))
        if c > 1 and not self.with_base:
            add_mean("d", -w[22] - w[23])
        if self.with_base:
            add("u", 0, 0, wrap(2 * (w[22] + w[23])))
            for y, x, i in ((0, -1, 22), (0, 1, 22), (-1, 0, 23), (1, 0, 23)):
                add("u", y, x, -w[i])
        return places, west

    def plane(self, c: int, out: Any, mask: Any, beside: Any) -> None:
        t, ring = self.t, self.levels
        v, z = ring.plane(t, c), self.sizes.plane(t, c)
        before, z_before = ring.before(t, c), self.sizes.before(t, c)
        ring.pad_top(v, before)
        self.sizes.pad_top(z, z_before)
        prev = ring.plane(t - 1, c) if t > 0 else None
        planes = {"v": v, "p": prev, "q": ring.plane(t - 2, c) if t > 1 else prev}
        planes["b"] = ring.plane(t, c - 1)
        planes["pb"], planes["d"] = ring.plane(t - 1, c - 1), ring.plane(t, max(c - 2, 0))
        if self.with_base:
            planes["u"] = self.base_plane(beside, c)
        share = f(5) + (f(1) if t > 0 else f(0)) + (f(1.5) if c > 0 else f(0))
        share = f(0.625) / share
        recipes = [self.recipe(c, first) for first in (False, True)]
        state = [0]
        for y in range(self.shape[1]):
            ring.pad_left(v, y, before)
            self.sizes.pad_left(z, y, z_before)
            same = self.same_row(y, mask[y], state)
            places, west = recipes[y == 0]
            for x in range(self.shape[2]):
                i, j = ABOVE + y, LEFT + x
                if same or not mask[y, x]:
                    value = int(self.unsaid(v, c, y, x, same, bool(mask[y, x])))
                    z[i, j] = 0 if same else z[i, j - 1]
                    out[y, x] = value if mask[y, x] else 0
                else:
                    total = f(0)
                    for (name, dy, dx), weight in places.items():
                        total = total + planes[name][i + dy, j + dx] * f(weight)
                    p = whole_number(total)
                    for k in range(3):
                        p = wrap(p + west[k] * int(v[i, j - 1 - k]))
                    p = max(min(p, self.top << 12), 0)
                    around = z[i - 1, j] * f(2) + z[i - 1, j - 1] + z[i - 1, j + 1] + z[i - 2, j]
                    around = around + (self.sizes.plane(t - 1, c)[i, j] if t > 0 else f(0))
                    if c > 0:
                        around = around + self.sizes.plane(t, c - 1)[i, j] * f(1.5)
                    size = int(around * share) + ((2 * int(z[i, j - 1]) + int(z[i, j - 2])) >> 3)
                    near = v[i - 1, j] if prev is None else prev[i, j]
                    value = self.level(p, size + 2, int(v[i, j - 1]), int(near))
                    z[i, j] = f(abs((value << 12) - p) >> 6)
                    out[y, x] = value
                v[i, j] = f(value)
            ring.pad_right(v, y)
            self.sizes.pad_right(z, y)
            if y == 0:
                ring.pad_top(v, v)
                self.sizes.pad_top(z, z)
        ring.pad_bottom(v)
        self.sizes.pad_bottom(z)

    def level(self, p: int, size: int, west: int, near: int) -> int:
        n = size.bit_length() - 1
        bucket = 2 * n + (size >> (n - 1) & 1) - 2
        guess, eighth = (p + 2048) >> 12, (p + 2048) >> 9 & 7
        mirrored = eighth < 4
        fraction = 3 - eighth if mirrored else eighth - 4
        sides = 3 * (int(west > guess) - int(west < guess)) + int(near > guess) - int(near < guess)
        k = 4 - sides if mirrored else 4 + sides
        down, up = guess, self.top - guess
        if mirrored:
            down, up = up, down
        shift = max(bucket - 11, 0) // 2
        symbol = self.symbol(self.spreads[bucket, fraction, k], self.counts[bucket, fraction], k)
        lo = ((symbol - 8) << shift) - (1 << shift >> 1)
        hi = lo + (1 << shift) - 1
        if symbol == 15:
            d = up if up < lo else lo + self.further(bucket, 1, up - lo)
        elif symbol == 0:
            d = -down if hi < -down else hi - self.further(bucket, 0, down + hi)
        else:
            d = self.coder.flat(lo, hi)
        return max(0, min(guess - d if mirrored else guess + d, self.top))

    def further(self, bucket: int, above: int, most: int) -> int:
        n = self.symbol(self.beyond[bucket, above], self.beyond_counts[bucket], above)
        lo = (1 << n) - 1
        hi = most if n == 15 else min(2 * lo, most)
        return self.coder.flat(lo, hi) if lo < hi else hi

    def symbol(self, below: Any, counts: Any, at: int) -> int:
        coder = self.coder
        part = coder.range >> 16
        chance = min(coder.code // part, 65535)
        chances = [int(b) >> 15 for b in below]
        found = max(i for i in range(16) if chances[i] <= chance)
        lo = part * chances[found]
        coder.code -= lo
        coder.range = part * chances[found + 1] - lo if found < 15 else coder.range - lo
        coder.refill()
        speed = self.SPEEDS[counts[at]]
        for i in range(16):
            target = (i if i <= found else 32768 - (16 - i)) << 16
            below[i] += (target - int(below[i])) >> speed
        counts[at] = min(counts[at] + 1, 77)
        return found


class Classes(Model):
    """Candidates from around, else the number's bits; hashed contexts, mixed."""

    def __init__(self, body: bytes, shape: tuple[int, int, int], top: int) -> None:
        super().__init__(body, shape, top)
        self.slot_bits = 14
        while self.slot_bits < 20 and 1 << self.slot_bits < 16 * int(np.prod(shape)):
            self.slot_bits += 1
        self.slots = np.full(1 << self.slot_bits, EVEN, np.int64)
        self.mixer_a = np.full((28, 2, 4), 0.3, f)
        self.mixer_b = np.zeros((28, 256, 2, 4), f)

    def event(self, event: int, contexts: list[int], node: int, pattern: int) -> int:
        shift = 32 - self.slot_bits
        at = [(mingle(k, node) * 0x85EBCA6B & WORD) >> shift for k in contexts]
        x = []
        for i in at:
            counter = int(self.slots[i])
            x.append(STRETCH[counter >> 20] * TRUST[counter & 1023])
        x.append(f(0.25))
        inputs = [four(*x[:4]), four(*x[4:])]
        mixers = (self.mixer_a[event], self.mixer_b[event, pattern])
        bit = self.coder.mixed(inputs, *mixers, f(0.008))
        for k, i in enumerate(at):
            self.coder.learn(self.slots, i, bit, 255 if k < 2 else 60)
        return bit

    def plane(self, c: int, out: Any, mask: Any, beside: Any) -> None:
        t, ring = self.t, self.levels
        v, before = ring.plane(t, c), ring.before(t, c)
        prev = ring.plane(t - 1, c) if t > 0 else None
        older = ring.plane(t - 2, c) if t > 1 else prev
        band = ring.plane(t, c - 1) if c > 0 else None
        depth = self.top.bit_length()
        ring.pad_top(v, before)
        state = [0]
        for y in range(self.shape[1]):
            ring.pad_left(v, y, before)
            same = self.same_row(y, mask[y], state)
            for x in range(self.shape[2]):
                if same or not mask[y, x]:
                    value = int(self.unsaid(v, c, y, x, same, bool(mask[y, x])))
                    ring.place(v, y, x, value)
                    out[y, x] = value if mask[y, x] else 0
                    continue
                i, j = ABOVE + y, LEFT + x

                def look(plane: Any, dy: int, dx: int, i: int = i, j: int = j) -> int:
                    return int(plane[i + dy, j + dx])

                w, n, nw, ne = (look(v, *k) for k in ((0, -1), (-1, 0), (-1, -1), (-1, 1)))
                ww, nn = look(v, 0, -2), look(v, -2, 0)
                p = w if prev is None else look(prev, 0, 0)
                pe, ps = (0, 0) if prev is None else (look(prev, 0, 1), look(prev, 1, 0))
                o = p if older is None else look(older, 0, 0)
                last = o if band is None else look(band, 0, 0)
                near = [w, n, p, ne, nw, ww if prev is None else pe, nn if prev is None else ps]
                near.append(last)
                match = follow = 0
                if prev is not None:
                    still = (w == look(prev, 0, -1), n == look(prev, -1, 0))
                    match = 1 + still[0] + 2 * still[1]
                    if all(still):
                        near[0], near[2] = p, w
                if band is not None:
                    follow = 1 + (last == look(band, 0, -1)) + 2 * (last == look(band, -1, 0))
                a = 0x10000 if prev is None else p
                k = 0x10000 if band is None else last
                tests = (w == n, w == nw, n == ne, w == ww, n == nn, w == a, n == a)
                pattern = sum(int(test) << bit for bit, test in enumerate(tests))
                pattern |= int(prev is not None and a == pe and a == ps) << 7
                wide = pattern << 8 | match << 3 | follow
                contexts = [
                    mingle_all(1, wide, c),
                    mingle_all(2, w, n, a),
                    mingle_all(3, w, n, nw, ne, a),
                    mingle_all(4, w, n, nw, ne, ww, nn) + mingle(a, k) & WORD,
                    mingle_all(5, a, pe, ps, o, match),
                    mingle_all(6, k, w, n, follow),
                    mingle_all(7, w, n, a, wide),
                ]
                out[y, x] = self.value(near, contexts, pattern, depth)
                ring.place(v, y, x, out[y, x])
            ring.pad_right(v, y)
        ring.pad_bottom(v)

    def value(self, near: list[int], contexts: list[int], pattern: int, depth: int) -> int:
        for tried, candidate in enumerate(list(dict.fromkeys(near))[:4]):
            if self.event(tried, contexts, tried << 24 | candidate << 1 | 1, pattern):
                return candidate
        node = 1
        for i in reversed(range(depth)):
            node = node << 1 | self.event(4 + i, contexts, node << 1 | 1 << 31, 0)
        return node - (1 << depth)
