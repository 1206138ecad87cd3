// -------- numbers, quickly: two predictions, and decisions by three counters

enum {
  FRACTIONS = 4,          // how far from a whole number a prediction is
  PLACES = 243, GRADES = 7,  // which of five neighbours are below, at or above the guess; bucket / 4
  GUESSES = 512,          // guesses, modulo 256, with their side
  ZERO = 0, SIDE_UP = 1, FURTHER = 2, STEPS = 10, UPPER = FURTHER + STEPS, NODES = 16,  // decisions
  COPIES = 36 * 28,       // plateaus and repeats around, bucket / 2
  WIDE = 12,              // the bucket from which copies are asked for
};
static uint32_t *by_bucket, *by_place, *by_guess, copy_counters[COPIES];
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
  for (int i = 0; i < COPIES; i++) copy_counters[i] = EVEN;
  for (int c = 0; c < C; c++) bands[c].recent[0] = bands[c].recent[1] = 1;
}

typedef struct { uint32_t *bucket, *place, *guess; float *mixer; } Contexts;

static inline int decide(int bit, const Contexts *k, int node) {
  uint32_t *a = k->bucket + node, *b = k->place + node, *g = k->guess + node;
  float *w = k->mixer + 4 * node;
  f4 x = {stretch_of(*a), stretch_of(*b), stretch_of(*g), 0.25f}, weights = load4(w);
  float odds = sum4(x * weights);
  odds = odds > -15.9f ? odds < 15.9f ? odds : 15.9f : -15.9f;
  uint32_t p = squash_table[(int32_t)(odds * 128.0f + 2048.0f)];
  bit = code_bit(bit, p);
  float miss = ((bit ? 65536.0f : 0.0f) - (float)p) * (0.006f / 65536.0f);
  store4(w, weights + all(miss) * x);
  learn_bit(a, bit, LIMIT);
  learn_bit(b, bit, LIMIT);
  learn_bit(g, bit, LIMIT);
  return bit;
}

// A distance of -down .. up from the guess: whether none, the side, steps of 1 << shift, the rest.
static inline int32_t code_distance(int32_t d, int32_t down, int32_t up, int shift,
                                    const Contexts *k) {
  if (!decide(d != 0, k, ZERO)) return 0;
  int above = !down || (up && decide(d > 0, k, SIDE_UP));
  int32_t rest = (d < 0 ? -d : d) - 1, most = (above ? up : down) - 1, i = 0;
  while (i < STEPS && i < most >> shift && decide(rest >> shift > i, k, FURTHER + i)) i++;
  int32_t lo = i << shift, hi = i == STEPS ? most : lo + (1 << shift) - 1;
  if (hi > most) hi = most;
  int32_t middle = lo + (1 << shift >> 1);
  if (i < STEPS && shift && middle <= hi) {
    if (decide(rest >= middle, k, UPPER + (i < 3 ? i : 3))) lo = middle; else hi = middle - 1;
  }
  rest = code_flat(rest, lo, hi);
  return above ? rest + 1 : -rest - 1;
}

static inline __attribute__((always_inline)) int code_quickly(int c, int with_base) {
  int t = t_now;
  Band *band = &bands[c];
  float *v = plane_of(levels, 3, t, c), *z = plane_of(sizes, 2, t, c), *u = plane_of(base, 1, 0, c);
  const float *before = before_of(levels, 3, t, c), *prev = t > 0 ? before : 0;
  const float *z_before = before_of(sizes, 2, t, c), *z_prev = t > 0 ? z_before : 0;
  const float *z_band = c > 0 ? plane_of(sizes, 2, t, c - 1) : 0;
  const float *band_now = c > 0 ? plane_of(levels, 3, t, c - 1) : 0;
  const float *band_then = c == 0 ? 0 : t > 0 ? plane_of(levels, 3, t - 1, c - 1) : band_now - S - 1;
  int32_t *s = samples + (int64_t)c * Y * X;
  const uint8_t *ok = valid + (int64_t)c * Y * X;
  Layout l;
  lay_out(&l, t, c);
  pad_top(v, before); pad_top(z, z_before);
  f4 w0[6], w1[6];
  for (int i = 0; i < 6; i++) {
    w0[i] = load4(band->weights[t > 0] + 4 * i);
    w1[i] = t < 2 ? w0[i] : load4(band->direct + 4 * i);
  }
  float recent0 = band->recent[0], recent1 = band->recent[1];
  float whole = 1.0f / (8 + (z_prev ? 1 : 0) + (z_band ? 1.5f : 0));
  int row_state = 0;
  for (int y = 0; y < Y; y++) {
    float *vy = v + y * S, *zy = z + y * S;
    pad_left(v, y, before); pad_left(z, y, z_before);
    if (decoding && stream_at > stream_end + 3) return 0;
    // The share of the adaptive prediction, from the errors of the rows above.
    recent0 = recent0 * 0.5f + 0.001f; recent1 = recent1 * 0.5f + 0.001f;
    float share = recent0 * recent0 / (recent0 * recent0 + recent1 * recent1);
    int same = code_row(vy, prev ? prev + y * S : 0, s + y * X, ok + y * X, y, &row_state);
    for (int x = 0; x < X; x++) {
      if (same || !ok[y * X + x]) {
        float value = same == 2 && ok[y * X + x] ? vy[x - S] : t > 0 ? prev[y * S + x] : vy[x - 1];
        place_cell(v, y, x, value);
        zy[x] = same ? 0 : zy[x - 1];
        if (decoding) s[y * X + x] = ok[y * X + x] ? (int32_t)value : 0;
        continue;
      }
      f4 f[6];
      float m = features(&l, vy + x, with_base ? u + y * S + x : 0, f);
      f4 acc0 = f[0] * w0[0], acc1 = f[0] * w1[0], norm = f[0] * f[0];
      for (int i = 1; i < 6; i++) {
        acc0 += f[i] * w0[i]; acc1 += f[i] * w1[i]; norm += f[i] * f[i];
      }
      float step = 0.004f / (sum4(norm) * (1.0f / FEATURES) + 1);
      float p0 = sum4(acc0) + m, p1 = sum4(acc1) + m, p = p0 + share * (p1 - p0);
      p = p < (float)top ? p : (float)top;
      p = p > 0 ? p : 0;
      float size = 2 * (zy[x - 1] + zy[x - S]) + zy[x - S - 1] + zy[x - S + 1] + zy[x - 2]
                   + zy[x - 2 * S];
      if (z_prev) size += z_prev[y * S + x];
      if (z_band) size += 1.5f * z_band[y * S + x];
      size *= whole;
      int bucket = (bits_of(size + 0.03f) >> 22) - (bits_of(0.03f) >> 22);
      if (bucket > BUCKETS - 1) bucket = BUCKETS - 1;
      int32_t guess = (int32_t)(p + 0.5f);
      if (guess > top) guess = top;
      // Everything is mirrored where the prediction lies below the guess.
      float g = (float)guess, r = p - g;
      int mirrored = r < 0, fraction = (int)(absf(r) * 8);
      if (fraction > FRACTIONS - 1) fraction = FRACTIONS - 1;
      float vw = vy[x - 1], vn = vy[x - S], vc = vy[x - S - 1];
      float vp = prev ? prev[y * S + x] : vc;
      float vb = band_now ? vp + band_now[y * S + x] - band_then[y * S + x] : vy[x - S + 1];
      f4 around = {vw, vn, vp, vb};
      i4 sides = ((i4)(around < all(g)) - (i4)(around > all(g))) * (i4){81, 27, 9, 3};
      int place = sides[0] + sides[1] + sides[2] + sides[3] + (vc > g) - (vc < g);
      Contexts k = {
          by_bucket + (bucket * FRACTIONS + fraction) * NODES,
          by_place + ((PLACES / 2 + (mirrored ? -place : place)) * GRADES
                      + (bucket < 4 * GRADES ? bucket / 4 : GRADES - 1)) * NODES,
          by_guess + (guess % (GUESSES / 2) * 2 + mirrored) * NODES,
          quick_mixer + bucket * NODES * 4};
      int32_t value = decoding ? 0 : s[y * X + x];
      // Where errors are large and levels repeat, first whether this one does.
      int repeats = prev ? (vw == prev[y * S + x - 1]) + (vn == prev[(y - 1) * S + x]) : 0;
      int flat = vw != vn ? 0 : vc != vw ? 1 : 2, copied = 0;
      float copy = repeats == 2 || !flat ? vp : vw;
      uint32_t *n = 0;
      if (bucket >= WIDE && (repeats || flat)) {
        int kind = ((repeats * 3 + flat) * 2 + (copy == vb)) * 2 + (copy == g);
        n = copy_counters + kind * 28 + bucket / 2;
        uint32_t chance = *n >> 16;
        if (chance > 65504) chance = 65504;
        if (chance >= 20000) copied = code_bit((float)value == copy, chance);
      }
      if (copied) {
        value = (int32_t)copy;
      } else {
        int32_t d = value - guess, down = guess, up = top - guess;
        if (mirrored) { d = -d; down = up; up = guess; }
        int shift = bucket > 12 ? (bucket - 12) / 2 : 0;
        d = code_distance(d, down, up, shift, &k);
        value = guess + (mirrored ? -d : d);
      }
      if (decoding) s[y * X + x] = value;
      float fv = (float)value;
      if (n) learn_bit(n, fv == copy, LIMIT);
      place_cell(v, y, x, fv);
      zy[x] = absf(fv - p);
      recent0 += absf(fv - p0);
      recent1 += absf(fv - p1);
      f4 push = all(step * (fv - p1));
      for (int i = 0; i < 6; i++) w1[i] += push * f[i];
      if (y == 0) zy[x + 1 - S] = zy[x + 1 - 2 * S] = zy[x + 2 - S] = zy[x];
    }
    pad_right(v, y); pad_right(z, y);
  }
  pad_bottom(v); pad_bottom(z);
  for (int i = 0; i < 6; i++) store4(band->direct + 4 * i, w1[i]);
  band->recent[0] = recent0; band->recent[1] = recent1;
  return 1;
}
static int quick_alone(int c) { return code_quickly(c, 0); }
static int quick_beside(int c) { return code_quickly(c, 1); }
