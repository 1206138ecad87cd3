// -------- numbers, by express: a prediction fixed for the segment, a decision a number
//
// All that is known before a row is summed up for the whole row first: what is left to a cell is
// short, since every cell waits for the one before.

enum {
  TAPS = 32,                 // places that a prediction looks at
  SYMBOLS = 16, MIDDLE = 8,  // steps from the guess; the first and the last are of all beyond
  SIZES = 44,                // buckets
  FLAT = 11,                 // the bucket where steps begin to be wide
  SIDES = 9,                 // whether W and frame t - 1 are below, at or above the guess
  SPREADS = SIZES * FRACTIONS * SIDES,
  FULL = 77,                 // a count stops there
  KNOWN = 8,                 // what the distributions at the beginning count
};
enum { OWN, BEFORE, OLDER, BAND, BAND_BEFORE, SECOND, BASE, PLANES };  // of taps
typedef struct { int32_t plane, at, weight; } Tap;
// own: weights of W, (0, -2), (0, -3); first: of row 0, to which W stands for all places above
typedef struct { Tap taps[TAPS]; int32_t count, own[3], first; } Recipe;
typedef struct { int32_t below[SYMBOLS]; } Spread;  // chances that a symbol is below, of 2^31
static Recipe *recipes;
static Spread *spreads, *usual_spreads, beyond[2 * SIZES], targets[SYMBOLS];
static uint8_t *counts, beyond_counts[2 * SIZES], speeds[FULL + 1];
static int32_t *ahead, *ahead_size;

static int shift_of(int bucket) { return bucket > FLAT ? (bucket - FLAT) / 2 : 0; }

// What is expected of a bucket and a fraction before any number is known.
static void expect(Spread *spread, int bucket, int fraction, float size) {
  int shift = shift_of(bucket);
  float centre = ((float)fraction + 0.5f) * 0.125f, scale = 0.6f * size + 0.1f;
  for (int i = 1; i < SYMBOLS; i++) {
    float edge = (float)(((i - MIDDLE) << shift) - (1 << shift >> 1)) - 0.5f;
    float z = (edge - centre) / scale, h = z * (0.5f + 0.025f * z * z);
    float p = 0.5f + 0.5f * h / root4(all(1.0f + h * h))[0];
    spread->below[i] = ((int32_t)(p * 32752.0f) + i) << 16;
  }
}
static int setup_express(void) {
  recipes = take(2 * C * GROUPS * sizeof(Recipe));
  spreads = take(SPREADS * sizeof(Spread));
  usual_spreads = take(SIZES * FRACTIONS * sizeof(Spread));
  counts = take(SPREADS);
  ahead = take((X + 32) * 4);
  ahead_size = take((X + 32) * 4);
  if (!recipes || !spreads || !usual_spreads || !counts || !ahead || !ahead_size) return 0;
  float size = 0.0375f;
  for (int i = 0; i < SIZES; i++) {
    for (int j = 0; j < FRACTIONS; j++) {
      usual_spreads[i * FRACTIONS + j].below[0] = 0;
      expect(&usual_spreads[i * FRACTIONS + j], i, j, size - 0.03f);
    }
    size *= (i & 1) ? 1.3333334f : 1.5f;
  }
  for (int i = 0; i < SYMBOLS; i++)
    for (int j = 0; j < SYMBOLS; j++)
      targets[i].below[j] = (j <= i ? j : 32768 - (SYMBOLS - j)) << 16;
  for (int n = 0; n <= FULL; n++) {
    speeds[n] = 2;
    while (speeds[n] < 7 && (5 << speeds[n]) <= 4 * n + 12) speeds[n]++;
  }
  return 1;
}

static void add_tap(Recipe *r, int plane, int y, int x, int32_t weight) {
  if (plane == OWN && (y == 0 || r->first)) { r->own[y < 0 ? 0 : -x - 1] += weight; return; }
  int i = 0, at = y * S + x;
  while (i < r->count && (r->taps[i].plane != plane || r->taps[i].at != at)) i++;
  if (i == r->count) r->taps[r->count++] = (Tap){plane, at, 0};
  r->taps[i].weight += weight;
}
static void add_mean(Recipe *r, int plane, int32_t weight) {
  int32_t side = weight * 3 >> 3, corner = weight >> 3;
  add_tap(r, plane, 0, -1, side);
  add_tap(r, plane, -1, 0, weight - side - 2 * corner);
  add_tap(r, plane, -1, -1, corner);
  add_tap(r, plane, -1, 1, corner);
}
typedef struct { int8_t plane, y, x; } Place;
static const Place nearest[6] = {
    {OWN, 0, -1}, {OWN, -1, 0}, {OWN, -1, -1}, {OWN, -1, 1}, {OWN, 0, -2}, {OWN, -2, 0}};
static const Place in_time[2][10] = {
    {{OWN, -2, 1}, {OWN, -1, -2}, {OWN, -1, 2}, {OWN, -2, -1}, {OWN, 0, -3},
     {OWN, -2, -2}, {OWN, -2, 2}, {OWN, 0, -2}, {OWN, 0, -2}, {OWN, 0, -2}},
    {{BEFORE, 0, 0}, {BEFORE, 0, -1}, {BEFORE, -1, 0}, {BEFORE, 0, 1}, {BEFORE, 1, 0},
     {BEFORE, -1, -1}, {BEFORE, -1, 1}, {BEFORE, 1, -1}, {BEFORE, 1, 1}, {OLDER, 0, 0}}};
static const Place further[2][8] = {  // of the first band
    {{OWN, 0, -1}, {OWN, 0, -1}, {OWN, 0, -1}, {OWN, 0, -1},
     {OWN, 0, -1}, {OWN, 0, -1}, {OWN, 0, -1}, {OWN, 0, -1}},
    {{OWN, -2, 1}, {OWN, -1, -2}, {OLDER, 0, -1}, {OLDER, 0, 1},
     {OLDER, -1, 0}, {OLDER, 1, 0}, {BEFORE, 0, 2}, {OWN, -1, 2}}};
static const Place in_bands[8] = {
    {BAND, 0, 0}, {BAND, 0, -1}, {BAND, -1, 0}, {BAND, 0, 1}, {BAND, 1, 0},
    {BAND_BEFORE, 0, 0}, {SECOND, 0, 0}, {SECOND, 0, -1}};

static void make_recipe(Recipe *r, int c, int later, const float *weight) {
  int32_t w[FEATURES], own = 4096, band = 0;
  for (int i = 0; i < FEATURES; i++) w[i] = (int32_t)(weight[i] * 4096);
  for (int i = 0; i < FEATURES; i++) {
    Place p = i < 6 ? nearest[i] : i < 16 ? in_time[later][i - 6]
              : c ? in_bands[i - 16] : further[later][i - 16];
    if (p.plane == BAND_BEFORE && !later) p = (Place){BAND, -1, 1};
    if (p.plane == SECOND && c == 1) p = i == 22 ? (Place){BAND, -1, -1} : (Place){BAND, 1, 1};
    if (i >= 22 && has_beside) continue;
    add_tap(r, p.plane, p.y, p.x, w[i]);
    if (i < 16 || !c) own -= w[i]; else if (i < 22 || c == 1) band -= w[i];
  }
  add_mean(r, OWN, own);
  if (c) add_mean(r, BAND, band);
  if (c > 1 && !has_beside) add_mean(r, SECOND, -w[22] - w[23]);
  if (!has_beside) return;
  add_tap(r, BASE, 0, 0, 2 * (w[22] + w[23]));
  add_tap(r, BASE, 0, -1, -w[22]); add_tap(r, BASE, 0, 1, -w[22]);
  add_tap(r, BASE, -1, 0, -w[23]); add_tap(r, BASE, 1, 0, -w[23]);
}
static void begin_express(void) {
  for (int i = 0; i < SPREADS; i++) spreads[i] = usual_spreads[i / SIDES];
  for (int i = 0; i < SPREADS; i++) counts[i] = KNOWN;
  for (int i = 0; i < 2 * SIZES; i++)
    for (int j = 0; j < SYMBOLS; j++) beyond[i].below[j] = (65536 - (65536 >> j)) << 15;
  clear(beyond_counts, 2 * SIZES);
  clear(recipes, 2 * C * GROUPS * sizeof(Recipe));
  for (int i = 0; i < 2 * C * GROUPS; i++) {
    int c = i / (2 * GROUPS), later = i / 2 % GROUPS;
    recipes[i].first = i % 2;
    make_recipe(&recipes[i], c, later, bands[c].weights[later]);
  }
}

static inline i4 load_whole(const int32_t *p) { i4 v; __builtin_memcpy(&v, p, 16); return v; }
static inline void store_whole(int32_t *p, i4 v) { __builtin_memcpy(p, &v, 16); }

// The part of predictions and sizes that does not depend on the row itself.
static struct { const Recipe *recipe; const float *planes[PLANES]; float share; } outlook;
static void look_ahead(int y) {
  const Recipe *r = outlook.recipe;
  for (int x = 0; x < X; x += 16) {
    f4 a = all(0), b = a, c = a, d = a;
    for (int i = 0; i < r->count; i++) {
      const float *v = outlook.planes[r->taps[i].plane] + r->taps[i].at + y * S + x;
      f4 w = all((float)r->taps[i].weight);
      a += load4(v) * w; b += load4(v + 4) * w; c += load4(v + 8) * w; d += load4(v + 12) * w;
    }
    store_whole(ahead + x, trunc4(a)); store_whole(ahead + x + 4, trunc4(b));
    store_whole(ahead + x + 8, trunc4(c)); store_whole(ahead + x + 12, trunc4(d));
  }
  for (int x = 0; x < X; x += 4) {
    int i = y * S + x;
    const float *n = around.z + i - S;
    f4 size = load4(n) * 2.0f + load4(n - 1) + load4(n + 1) + load4(n - S) + load4(around.zp + i);
    if (around.zb) size += load4(around.zb + i) * 1.5f;
    store_whole(ahead_size + x, trunc4(size * outlook.share));
  }
}

INLINE int code_symbol(Coder *r, int symbol, Spread *spread, uint8_t *count, int decode) {
  uint32_t part = r->range >> 16;
  int32_t *p = spread->below;
  i4 a = load_whole(p), b = load_whole(p + 4), c = load_whole(p + 8), d = load_whole(p + 12);
  if (decode) {
    uint32_t at = r->code / part;
    int32_t most = (int32_t)((at < 65535 ? at : 65535) << 15 | 32767);
    i4 limit = {most, most, most, most};
    i4 above = (a > limit) + (b > limit) + (c > limit) + (d > limit);
    symbol = SYMBOLS - 1 + (above[0] + above[1] + above[2] + above[3]);
  }
  uint32_t lo = part * (uint32_t)(p[symbol] >> 15);
  if (decode) r->code -= lo; else r->low += lo;
  r->range = symbol < SYMBOLS - 1 ? part * (uint32_t)(p[symbol + 1] >> 15) - lo : r->range - lo;
  refill(r, decode);
  int n = *count, speed = speeds[n];
  const int32_t *t = targets[symbol].below;
  store_whole(p, a + ((load_whole(t) - a) >> speed));
  store_whole(p + 4, b + ((load_whole(t + 4) - b) >> speed));
  store_whole(p + 8, c + ((load_whole(t + 8) - c) >> speed));
  store_whole(p + 12, d + ((load_whole(t + 12) - d) >> speed));
  *count = (uint8_t)(n + (n < FULL));
  return symbol;
}

// What is left of a distance that is beyond all steps: how many bits it has, and these.
NOINLINE int32_t code_beyond(Coder *r, int32_t rest, int32_t most, int which, int decode) {
  int n = decode ? 0 : 31 - __builtin_clz((uint32_t)rest + 1);
  n = code_symbol(r, n, &beyond[which], &beyond_counts[which], decode);
  int32_t lo = (1 << n) - 1, hi = 2 * lo;
  if (hi > most || n == SYMBOLS - 1) hi = most;
  return lo < hi ? code_flat(r, rest, lo, hi, decode) : hi;
}

// A distance of -down .. up from the guess; a forged stream may find one that is not.
INLINE int32_t code_steps(Coder *r, int32_t d, int32_t down, int32_t up, int bucket, int which,
                          int decode) {
  int shift = shift_of(bucket), symbol = 0;
  int32_t half = 1 << shift >> 1;
  if (!decode) {
    symbol = ((d + half) >> shift) + MIDDLE;
    symbol = symbol > 0 ? symbol < SYMBOLS - 1 ? symbol : SYMBOLS - 1 : 0;
  }
  symbol = code_symbol(r, symbol, &spreads[which], &counts[which], decode);
  int32_t lo = ((symbol - MIDDLE) << shift) - half;
  if (symbol == SYMBOLS - 1)
    return up < lo ? up : lo + code_beyond(r, d - lo, up - lo, 2 * bucket + 1, decode);
  if (symbol == 0) {
    int32_t hi = lo + (1 << shift) - 1;
    return hi < -down ? -down : hi - code_beyond(r, hi - d, down + hi, 2 * bucket, decode);
  }
  if (!shift) return lo;
  uint32_t share = r->range >> shift, last = (1u << shift) - 1, i = (uint32_t)(d - lo);
  if (decode) {
    i = r->code / share;
    if (i > last) i = last;
    r->code -= share * i;
  } else {
    r->low += (uint64_t)share * i;
  }
  r->range = i < last ? share : r->range - share * last;
  refill(r, decode);
  return lo + (int32_t)i;
}

INLINE void code_row_by_express(int y, const float *prev, const uint8_t *ok, int32_t *s, int same,
                                int decode) {
  float *v = around.v + y * S, *z = around.z + y * S;
  const float *other = prev ? prev : v - S;
  const int32_t *own = outlook.recipe->own;
  int32_t w1 = own[0], w2 = own[1], w3 = own[2], last = top << 12;
  int32_t v1 = (int32_t)v[-1], v2 = (int32_t)v[-2], v3 = (int32_t)v[-3];
  int32_t z1 = (int32_t)z[-1], z2 = (int32_t)z[-2];
  Coder r = coder;
  if (!same) look_ahead(y);
  for (int x = 0; x < X; x++) {
    int32_t value;
    if (same || !ok[x]) {
      float copy = same == 2 && ok[x] ? v[x - S] : prev ? prev[x] : v[x - 1];
      value = (int32_t)copy;
      z2 = z1; z1 = same ? 0 : z1;
      if (decode) s[x] = ok[x] ? value : 0;
    } else {
      int32_t p = ahead[x] + w3 * v3 + w2 * v2 + w1 * v1;
      p = p < last ? p : last;
      p = p > 0 ? p : 0;
      int32_t size = ahead_size[x] + ((2 * z1 + z2) >> 3) + 2;
      int n = 31 - __builtin_clz((uint32_t)size), bucket = 2 * n + (size >> (n - 1) & 1) - 2;
      // Everything is mirrored where the prediction lies below the guess.
      int32_t guess = (p + 2048) >> 12, eighth = (p + 2048) >> 9 & 7;
      int mirrored = eighth < 4, fraction = mirrored ? 3 - eighth : eighth - 4;
      int32_t near = (int32_t)other[x];
      int sides = 3 * ((v1 > guess) - (v1 < guess)) + (near > guess) - (near < guess);
      int which = (bucket * FRACTIONS + fraction) * SIDES + SIDES / 2 + (mirrored ? -sides : sides);
      value = decode ? 0 : s[x];
      int32_t d = value - guess, down = guess, up = top - guess;
      if (mirrored) { d = -d; down = up; up = guess; }
      d = code_steps(&r, d, down, up, bucket, which, decode);
      value = guess + (mirrored ? -d : d);
      if (decode) {
        if ((uint32_t)value > (uint32_t)top) value = value < 0 ? 0 : top;
        s[x] = value;
      }
      int32_t miss = (value << 12) - p;
      z2 = z1; z1 = (miss < 0 ? -miss : miss) >> 6;
    }
    v3 = v2; v2 = v1; v1 = value;
    v[x] = (float)value;
    z[x] = (float)z1;
  }
  coder = r;
}
NOINLINE void encode_row_by_express(int y, const float *prev, const uint8_t *ok, int32_t *s,
                                    int same) {
  code_row_by_express(y, prev, ok, s, same, 0);
}
NOINLINE void decode_row_by_express(int y, const float *prev, const uint8_t *ok, int32_t *s,
                                    int same) {
  code_row_by_express(y, prev, ok, s, same, 1);
}

static int code_by_express(int c) {
  int t = t_now;
  const Planes *a = &around;
  look_around(t, c);
  const float *planes[PLANES] = {a->v, a->p, a->q, a->b, a->b21, a->d, a->u};
  __builtin_memcpy(outlook.planes, planes, sizeof planes);
  outlook.share = 0.625f / (5.0f + (t > 0 ? 1.0f : 0.0f) + (c > 0 ? 1.5f : 0.0f));
  float *v = around.v, *z = around.z;
  const float *before = before_of(levels, 3, t, c), *z_before = before_of(sizes, 2, t, c);
  int32_t *s = samples + (int64_t)c * Y * X;
  const uint8_t *ok = valid + (int64_t)c * Y * X;
  pad_top(v, before); pad_top(z, z_before);
  int row_state = 0;
  for (int y = 0; y < Y; y++) {
    pad_left(v, y, before); pad_left(z, y, z_before);
    if (decoding && coder.at > stream_end + 3) return 0;
    const float *prev = t > 0 ? before + y * S : 0;
    outlook.recipe = &recipes[(c * GROUPS + (t > 0)) * 2 + (y == 0)];
    int same = code_row(v + y * S, prev, s + y * X, ok + y * X, y, &row_state);
    if (decoding) decode_row_by_express(y, prev, ok + y * X, s + y * X, same);
    else encode_row_by_express(y, prev, ok + y * X, s + y * X, same);
    pad_right(v, y); pad_right(z, y);
    if (y == 0) { pad_top(v, v); pad_top(z, z); }
  }
  pad_bottom(v); pad_bottom(z);
  return 1;
}
