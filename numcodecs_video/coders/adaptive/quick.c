// -------- numbers, quickly: two predictions, and decisions by three counters

enum {
  FRACTIONS = 4,          // how far from a whole number a prediction is
  PLACES = 243, GRADES = 7,  // which of five neighbours are below, at or above the guess; bucket / 4
  GUESSES = 512,          // guesses, modulo 256, with their side
  ZERO = 0, SIDE_UP = 1, FURTHER = 2, STEPS = 10, UPPER = FURTHER + STEPS, NODES = 16,  // decisions
  COPIES = 36, PAIRS = BUCKETS / 2,  // plateaus and repeats around; bucket / 2
  WIDE = 12,              // the bucket where errors begin to be large
};
static uint32_t *by_bucket, *by_place, *by_guess, copy_counters[COPIES * PAIRS];
static float *quick_mixer;

static int setup_quick(void) {
  by_bucket = take(BUCKETS * FRACTIONS * NODES * 4);
  by_place = take(PLACES * GRADES * NODES * 4);
  by_guess = take(GUESSES * NODES * 4);
  quick_mixer = take(BUCKETS * NODES * 16);
  return by_bucket && by_place && by_guess && quick_mixer;
}
static void begin_quick(void) {
  for (int i = 0; i < BUCKETS * FRACTIONS * NODES; i++) by_bucket[i] = EVEN;
  for (int i = 0; i < PLACES * GRADES * NODES; i++) by_place[i] = EVEN;
  for (int i = 0; i < GUESSES * NODES; i++) by_guess[i] = EVEN;
  for (int i = 0; i < BUCKETS * NODES * 4; i++) quick_mixer[i] = 0.4f;
  for (int i = 0; i < COPIES * PAIRS; i++) copy_counters[i] = EVEN;
  for (int c = 0; c < C; c++) bands[c].recent[0] = bands[c].recent[1] = 1;
}

// What a row needs of its plane and hands on to the next.
static struct { f4 w0[FEATURES / 4], w1[FEATURES / 4]; float recent0, recent1; } adapted;
typedef struct { uint32_t *bucket, *place, *guess; float *mixer; } Contexts;

INLINE int decide(Coder *r, int bit, const Contexts *k, int node, int decode) {
  uint32_t *a = k->bucket + node, *b = k->place + node, *g = k->guess + node;
  float *w = k->mixer + 4 * node;
  f4 x = {stretch_of(*a), stretch_of(*b), stretch_of(*g), 0.25f}, weights = load4(w);
  float odds = sum4(x * weights);
  odds = odds > -15.9f ? odds < 15.9f ? odds : 15.9f : -15.9f;
  uint32_t p = squash_table[(int32_t)(odds * 128.0f + 2048.0f)];
  bit = code_bit(r, bit, p, decode);
  float miss = ((bit ? 65536.0f : 0.0f) - (float)p) * (0.006f / 65536.0f);
  store4(w, weights + all(miss) * x);
  learn_bit(a, bit, LIMIT);
  learn_bit(b, bit, LIMIT);
  learn_bit(g, bit, LIMIT);
  return bit;
}

// A distance of -down .. up from the guess: whether none, the side, steps of 1 << shift, the rest.
INLINE int32_t code_distance(Coder *r, int32_t d, int32_t down, int32_t up, int shift,
                             const Contexts *k, int decode) {
  if (!decide(r, d != 0, k, ZERO, decode)) return 0;
  int above = !down || (up && decide(r, d > 0, k, SIDE_UP, decode));
  int32_t rest = (d < 0 ? -d : d) - 1, most = (above ? up : down) - 1, i = 0;
  while (i < STEPS && i < most >> shift && decide(r, rest >> shift > i, k, FURTHER + i, decode)) i++;
  int32_t lo = i << shift, hi = i == STEPS ? most : lo + (1 << shift) - 1;
  if (hi > most) hi = most;
  int32_t middle = lo + (1 << shift >> 1);
  if (i < STEPS && shift && middle <= hi) {
    int upper = decide(r, rest >= middle, k, UPPER + (i < 3 ? i : 3), decode);
    if (upper) lo = middle; else hi = middle - 1;
  }
  rest = code_flat(r, rest, lo, hi, decode);
  return above ? rest + 1 : -rest - 1;
}

INLINE void code_row_quickly(int y, const uint8_t *ok, int32_t *s, int same, int decode,
                             int has_frame, int has_band, int has_base) {
  float *v = around.v, *z = around.z;
  const float *prev = around.p, *band = around.b;
  f4 w0[FEATURES / 4], w1[FEATURES / 4];
  for (int i = 0; i < FEATURES / 4; i++) { w0[i] = adapted.w0[i]; w1[i] = adapted.w1[i]; }
  // The share of the adaptive prediction, from the errors of the rows above.
  float recent0 = adapted.recent0 * 0.5f + 0.001f, recent1 = adapted.recent1 * 0.5f + 0.001f;
  float share = recent0 * recent0 / (recent0 * recent0 + recent1 * recent1);
  float whole = 1.0f / (8 + (has_frame ? 1 : 0) + (has_band ? 1.5f : 0));
  Coder r = coder;
  for (int x = 0, i = y * S; x < X; x++, i++) {
    if (same || !ok[x]) {
      float value = same == 2 && ok[x] ? v[i - S] : has_frame ? prev[i] : v[i - 1];
      place_cell(v, y, x, value);
      z[i] = same ? 0 : z[i - 1];
      if (decode) s[x] = ok[x] ? (int32_t)value : 0;
      continue;
    }
    f4 f[FEATURES / 4];
    float m = features(i, has_frame, has_band, has_base, f);
    f4 acc0 = f[0] * w0[0], acc1 = f[0] * w1[0], norm = f[0] * f[0];
    for (int j = 1; j < FEATURES / 4; j++) {
      acc0 += f[j] * w0[j]; acc1 += f[j] * w1[j]; norm += f[j] * f[j];
    }
    float step = 0.004f / (sum4(norm) * (1.0f / FEATURES) + 1);
    float p0 = sum4(acc0) + m, p1 = sum4(acc1) + m, p = p0 + share * (p1 - p0);
    p = p < (float)top ? p : (float)top;
    p = p > 0 ? p : 0;
    float size = 2 * (z[i - 1] + z[i - S]) + z[i - S - 1] + z[i - S + 1] + z[i - 2] + z[i - 2 * S];
    if (has_frame) size += around.zp[i];
    if (has_band) size += 1.5f * around.zb[i];
    size *= whole;
    int bucket = (bits_of(size + 0.03f) >> 22) - (bits_of(0.03f) >> 22);
    if (bucket > BUCKETS - 1) bucket = BUCKETS - 1;
    int32_t guess = (int32_t)(p + 0.5f);
    if (guess > top) guess = top;
    // Everything is mirrored where the prediction lies below the guess.
    float g = (float)guess, beyond = p - g;
    int mirrored = beyond < 0, fraction = (int)(absf(beyond) * 8);
    if (fraction > FRACTIONS - 1) fraction = FRACTIONS - 1;
    float vw = v[i - 1], vn = v[i - S], vc = v[i - S - 1];
    float vp = has_frame ? prev[i] : vc, vb = v[i - S + 1];
    if (has_band) vb = vp + band[i] - (has_frame ? around.b21[i] : band[i - S - 1]);
    f4 near = {vw, vn, vp, vb};
    i4 sides = ((i4)(near < all(g)) - (i4)(near > all(g))) * (i4){81, 27, 9, 3};
    int place = sides[0] + sides[1] + sides[2] + sides[3] + (vc > g) - (vc < g);
    int grade = bucket < 4 * GRADES ? bucket / 4 : GRADES - 1;
    Contexts k = {
        by_bucket + (bucket * FRACTIONS + fraction) * NODES,
        by_place + ((PLACES / 2 + (mirrored ? -place : place)) * GRADES + grade) * NODES,
        by_guess + (guess % (GUESSES / 2) * 2 + mirrored) * NODES,
        quick_mixer + bucket * NODES * 4};
    int32_t value = decode ? 0 : s[x];
    // Where errors are large and levels repeat, first whether this one does.
    int repeats = has_frame ? (vw == prev[i - 1]) + (vn == prev[i - S]) : 0;
    int flat = vw != vn ? 0 : vc != vw ? 1 : 2, copied = 0;
    float copy = repeats == 2 || !flat ? vp : vw;
    uint32_t *n = 0;
    if (bucket >= WIDE && (repeats || flat)) {
      int kind = ((repeats * 3 + flat) * 2 + (copy == vb)) * 2 + (copy == g);
      n = copy_counters + kind * PAIRS + bucket / 2;
      uint32_t chance = *n >> 16;
      if (chance > 65504) chance = 65504;
      if (chance >= 20000) copied = code_bit(&r, (float)value == copy, chance, decode);
    }
    if (copied) {
      value = (int32_t)copy;
    } else {
      int32_t d = value - guess, down = guess, up = top - guess;
      if (mirrored) { d = -d; down = up; up = guess; }
      d = code_distance(&r, d, down, up, bucket > WIDE ? (bucket - WIDE) / 2 : 0, &k, decode);
      value = guess + (mirrored ? -d : d);
    }
    if (decode) s[x] = value;
    float fv = (float)value;
    if (n) learn_bit(n, fv == copy, LIMIT);
    place_cell(v, y, x, fv);
    z[i] = absf(fv - p);
    recent0 += absf(fv - p0);
    recent1 += absf(fv - p1);
    f4 push = all(step * (fv - p1));
    for (int j = 0; j < FEATURES / 4; j++) w1[j] += push * f[j];
    if (y == 0) z[x + 1 - S] = z[x + 1 - 2 * S] = z[x + 2 - S] = z[x];
  }
  coder = r;
  for (int i = 0; i < FEATURES / 4; i++) adapted.w1[i] = w1[i];
  adapted.recent0 = recent0; adapted.recent1 = recent1;
}
#define QUICK_ROW(name, decode, frame, band, base) \
  NOINLINE void name(int y, const uint8_t *ok, int32_t *s, int same) { \
    code_row_quickly(y, ok, s, same, decode, frame, band, base); \
  }
QUICK_ROW(quick_0000, 0, 0, 0, 0)
QUICK_ROW(quick_0001, 0, 0, 0, 1)
QUICK_ROW(quick_0010, 0, 0, 1, 0)
QUICK_ROW(quick_0011, 0, 0, 1, 1)
QUICK_ROW(quick_0100, 0, 1, 0, 0)
QUICK_ROW(quick_0101, 0, 1, 0, 1)
QUICK_ROW(quick_0110, 0, 1, 1, 0)
QUICK_ROW(quick_0111, 0, 1, 1, 1)
QUICK_ROW(quick_1000, 1, 0, 0, 0)
QUICK_ROW(quick_1001, 1, 0, 0, 1)
QUICK_ROW(quick_1010, 1, 0, 1, 0)
QUICK_ROW(quick_1011, 1, 0, 1, 1)
QUICK_ROW(quick_1100, 1, 1, 0, 0)
QUICK_ROW(quick_1101, 1, 1, 0, 1)
QUICK_ROW(quick_1110, 1, 1, 1, 0)
QUICK_ROW(quick_1111, 1, 1, 1, 1)

static int code_quickly(int c) {
  static void (*const rows[16])(int, const uint8_t *, int32_t *, int) = {
      quick_0000, quick_0001, quick_0010, quick_0011, quick_0100, quick_0101,
      quick_0110, quick_0111, quick_1000, quick_1001, quick_1010, quick_1011,
      quick_1100, quick_1101, quick_1110, quick_1111};
  int t = t_now;
  Band *own = &bands[c];
  look_around(t, c);
  float *v = around.v, *z = around.z;
  const float *before = before_of(levels, 3, t, c), *z_before = before_of(sizes, 2, t, c);
  int32_t *s = samples + (int64_t)c * Y * X;
  const uint8_t *ok = valid + (int64_t)c * Y * X;
  pad_top(v, before); pad_top(z, z_before);
  for (int i = 0; i < FEATURES / 4; i++) {
    adapted.w0[i] = load4(own->weights[t > 0] + 4 * i);
    adapted.w1[i] = t < 2 ? adapted.w0[i] : load4(own->direct + 4 * i);
  }
  adapted.recent0 = own->recent[0]; adapted.recent1 = own->recent[1];
  int row_state = 0, kind = (decoding != 0) << 3 | (t > 0) << 2 | (c > 0) << 1 | has_beside;
  for (int y = 0; y < Y; y++) {
    pad_left(v, y, before); pad_left(z, y, z_before);
    if (decoding && coder.at > stream_end + 3) return 0;
    const float *prev = t > 0 ? before + y * S : 0;
    int same = code_row(v + y * S, prev, s + y * X, ok + y * X, y, &row_state);
    rows[kind](y, ok + y * X, s + y * X, same);
    pad_right(v, y); pad_right(z, y);
  }
  pad_bottom(v); pad_bottom(z);
  for (int i = 0; i < FEATURES / 4; i++) store4(own->direct + 4 * i, adapted.w1[i]);
  own->recent[0] = adapted.recent0; own->recent[1] = adapted.recent1;
  return 1;
}
