// A coder of levels in (t, c, y, x): prediction, mixing of odds, and a binary range coder.
//
// docs/adaptive_format.md specifies every step. Only integers and IEEE + - * / sqrt in one fixed
// order, which WebAssembly gives the same bits everywhere. No library; memory is one arena.
#include <stdint.h>
#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name))) name
extern uint8_t __heap_base;
#else  // for profiling
#include <stdlib.h>
#include <xmmintrin.h>
#define EXPORT(name) name
#endif

typedef float f4 __attribute__((vector_size(16)));
typedef int32_t i4 __attribute__((vector_size(16)));

static inline f4 all(float v) { return (f4){v, v, v, v}; }
static inline f4 root4(f4 v) {
#ifdef __wasm__
  return __builtin_wasm_sqrt_f32x4(v);
#else
  return (f4)_mm_sqrt_ps((__m128)v);
#endif
}
#ifdef __wasm__  // b where a is no number
static inline f4 min4(f4 a, f4 b) { return __builtin_wasm_pmin_f32x4(b, a); }
static inline f4 max4(f4 a, f4 b) { return __builtin_wasm_pmax_f32x4(b, a); }
#else
static inline f4 min4(f4 a, f4 b) { return (f4)_mm_min_ps((__m128)a, (__m128)b); }
static inline f4 max4(f4 a, f4 b) { return (f4)_mm_max_ps((__m128)a, (__m128)b); }
#endif
static inline f4 select4(i4 mask, f4 a, f4 b) { return (f4)((mask & (i4)a) | (~mask & (i4)b)); }
static inline f4 abs4(f4 a) { return (f4)((i4)a & 0x7fffffff); }
static inline float sum4(f4 v) { return (v[0] + v[2]) + (v[1] + v[3]); }
static inline float absf(float v) { return v < 0 ? -v : v; }
static inline f4 load4(const float *p) { f4 v; __builtin_memcpy(&v, p, 16); return v; }
static inline void store4(float *p, f4 v) { __builtin_memcpy(p, &v, 16); }
static inline int32_t bits_of(float v) { union { float f; int32_t i; } u = {v}; return u.i; }

enum {
  FEATURES = 24,        // neighbours that the linear predictors see
  ERRORS = 16,          // errors of the first predictor that the second one sees
  GROUPS = 2,           // weights of a segment's first frame, and of the others
  BUCKETS = 56,         // classes of the size of the errors around
  STATES = 108,         // classes of plateaus and repeats around
  LANES = 12,           // distributions that are mixed
  EVENTS = 24,          // kinds of decisions about a number
  NEIGHBOURHOODS = 729, // which of six neighbours are below, at or above the guess
  VALUES = 1024,        // guesses, modulo
  INPUTS = 8,           // of a mixer
  MARGIN = 3, ABOVE = 2, // padding of a plane: left and right, top
  CANDIDATES = 4, DEPTH = 24, CLASS_EVENTS = CANDIDATES + DEPTH,  // decisions about a class
  PATTERNS = 256,
};
static const int32_t LIMIT = 255;  // a counter's count stops there

typedef struct {
  float weights[GROUPS][FEATURES];  // from the encoder
  float direct[FEATURES], cascade[ERRORS];  // adaptive
  float recent[4];  // mean errors
  float scale[BUCKETS][4];
  int32_t seen[BUCKETS];
  float mix[STATES][LANES];
  int32_t mixed[STATES];
} Band;

typedef double d2 __attribute__((vector_size(16)));
typedef struct { d2 a[FEATURES][FEATURES / 2], b[FEATURES / 2]; } Normal;  // a: lower triangle

enum { NUMBERS = 0, CLASSES = 1, QUICK = 2 };  // QUICK: numbers by a simpler model

static int32_t mode, C, Y, X, S, top, has_beside, t_now;
static int64_t plane_size;
static Band *bands;
static Normal *normals;
static float *levels, *errors, *sizes;  // rings of 3, 2 and 2 frames of padded planes
static float *base;                     // one frame of padded planes
static int32_t *samples, *beside;       // a frame from or for the caller
static int32_t weights[GROUPS * FEATURES];  // of a band, in units of 1 / 4096
static uint8_t *valid;
static float stretch_table[4096], rate[256], trust_of[256];
static uint16_t squash_table[4096];
static uint32_t *by_neighbours, *by_value, *slots;  // counters
static int32_t slot_bits;
static float *mixer_a, *mixer_b;
static uint32_t row_counters[16];

static int setup_quick(void);
static void begin_quick(void);

// -------- memory

#ifdef __wasm__
static uint64_t arena_at, arena_end;
static void *take(uint64_t bytes) {
  uint64_t at = (arena_at + 63u) & ~63ull;
  if (bytes > 0xf0000000u || at + bytes > 0xf0000000u) return 0;
  arena_at = at + bytes;
  if (arena_at > arena_end) {
    uint64_t pages = (arena_at - arena_end + 65535u) / 65536u;
    if (__builtin_wasm_memory_grow(0, (unsigned long)pages) == (unsigned long)-1) return 0;
    arena_end += pages * 65536u;
  }
  return (void *)(uintptr_t)at;
}
static void reset_arena(void) {
  arena_at = (uintptr_t)&__heap_base;
  arena_end = (uint64_t)__builtin_wasm_memory_size(0) * 65536u;
}
#else
static void *take(uint64_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64); }
static void reset_arena(void) {}
#endif
static void clear(void *p, uint64_t bytes) { __builtin_memset(p, 0, bytes); }

#ifdef __wasm__
void *memset(void *p, int value, unsigned long bytes) {
  uint8_t *q = p;
  for (unsigned long i = 0; i < bytes; i++) q[i] = (uint8_t)value;
  return p;
}
void *memcpy(void *restrict to, const void *restrict from, unsigned long bytes) {
  uint8_t *p = to;
  const uint8_t *q = from;
  for (unsigned long i = 0; i < bytes; i++) p[i] = q[i];
  return to;
}
#endif

// -------- range coder

static uint8_t *stream;  // the last allocation: it grows
static uint32_t stream_at, stream_end;
static uint64_t low;  // the encoder's, with a carry above 32 bits
static uint32_t range, code, held, pending;  // pending: bytes that a carry may still change
static int32_t decoding;

static void put_byte(uint8_t b) {
  if (stream_at == stream_end) {
#ifdef __wasm__
    if (!take(1 << 16)) __builtin_trap();
    stream_end += 1 << 16;
#else
    abort();
#endif
  }
  stream[stream_at++] = b;
}
static inline uint8_t get_byte(void) {
  uint8_t b = stream_at < stream_end ? stream[stream_at] : 0;
  stream_at++;
  return b;
}
static void shift_low(void) {
  if (low < 0xff000000u || low >> 32) {
    uint8_t carry = (uint8_t)(low >> 32);
    if (held < 256) put_byte((uint8_t)(held + carry));
    for (; pending; pending--) put_byte((uint8_t)(255 + carry));
    held = (uint32_t)(low >> 24) & 255;
  } else {
    pending++;
  }
  low = (low << 8) & 0xffffffffu;
}
static void start_coder(void) {
  low = 0; range = 0xffffffffu; code = 0; stream_at = 0; pending = 0;
  held = 256;  // none yet
  if (decoding) for (int i = 0; i < 4; i++) code = code << 8 | get_byte();
}
static void finish_coder(void) {  // one byte is enough: the decoder reads zeros behind it
  low = (low + range - 1) & ~(uint64_t)0xffffff;
  shift_low();
  shift_low();
}
static inline void refill(void) {
  while (range < 1u << 24) {
    range <<= 8;
    if (decoding) code = code << 8 | get_byte(); else shift_low();
  }
}
static inline int code_bit(int bit, uint32_t p) {  // p: chance of a 1, of 65536
  uint32_t part = (range >> 16) * p;
  if (decoding) bit = code < part;
  if (bit) {
    range = part;
  } else {
    range -= part;
    if (decoding) code -= part; else low += part;
  }
  refill();
  return bit;
}
// A value of lo .. hi, all alike.
static int32_t code_flat(int32_t value, int32_t lo, int32_t hi) {
  while (hi - lo >= 65536) {
    int32_t middle = lo + ((hi - lo + 1) >> 1);
    if (code_bit(value >= middle, 32768)) lo = middle; else hi = middle - 1;
  }
  if (lo == hi) return lo;
  uint32_t n = (uint32_t)(hi - lo) + 1, share = range / n, i = (uint32_t)(value - lo);
  if (decoding) {
    i = code / share;
    if (i > n - 1) i = n - 1;
    code -= share * i;
  } else {
    low += (uint64_t)share * i;
  }
  range = i < n - 1 ? share : range - share * i;
  refill();
  return lo + (int32_t)i;
}

// Counters hold 22 bits of chance and 10 of count.
static const uint32_t EVEN = 1u << 31;
static inline void learn_bit(uint32_t *counter, int bit, uint32_t limit) {
  uint32_t n = *counter & 1023;
  int32_t p = (int32_t)(*counter >> 10);
  p += (int32_t)((float)((bit ? 4194303 : 0) - p) * rate[n]);
  *counter = (uint32_t)p << 10 | (n < limit ? n + 1 : n);
}
static inline float stretch_of(uint32_t counter) { return stretch_table[counter >> 20]; }

static int code_plain(int bit, uint32_t *counter) {
  uint32_t p = *counter >> 16;
  if (p < 32) p = 32;
  if (p > 65504) p = 65504;
  bit = code_bit(bit, p);
  learn_bit(counter, bit, 60);
  return bit;
}

// The mixer: odds of INPUTS models, weighed by the sum of two sets of weights.
static inline int mix_bit(int bit, f4 x0, f4 x1, float *a, float *b, float learning) {
  f4 a0 = load4(a), a1 = load4(a + 4), b0 = load4(b), b1 = load4(b + 4);
  float x = sum4((a0 + b0) * x0 + (a1 + b1) * x1);
  x = x > -15.9f ? x < 15.9f ? x : 15.9f : -15.9f;  // in bits; no number is the lowest
  uint32_t p = squash_table[(int32_t)(x * 128.0f + 2048.0f)];
  bit = code_bit(bit, p);
  float miss = ((bit ? 65536.0f : 0.0f) - (float)p) * (learning / 65536.0f);
  f4 e0 = all(miss) * x0, e1 = all(miss) * x1;
  store4(a, a0 + e0); store4(a + 4, a1 + e1);
  store4(b, b0 + e0); store4(b + 4, b1 + e1);
  return bit;
}

static void make_tables(void) {
  double power = 1, factor = 1.0054299011128027;  // 2 ** (1 / 128)
  for (int i = 0; i < 2048; i++) {
    int32_t v = (int32_t)(65536.0 * power / (1 + power));
    if (v > 65520) v = 65520;
    squash_table[2048 + i] = (uint16_t)v;
    squash_table[2047 - i] = (uint16_t)(65536 - v);
    power *= factor;
  }
  int j = 0;
  for (int i = 0; i < 4096; i++) {
    while (j < 4095 && squash_table[j] < i * 16 + 8) j++;
    stretch_table[i] = (float)(j - 2048) / 128.0f;
  }
  for (int i = 0; i < 256; i++) {
    rate[i] = 1.0f / ((float)i + 1.6f);
    trust_of[i] = (float)i / ((float)i + 0.4f);
  }
}

// -------- frames in padded rings

static inline float *plane_of(float *ring, int depth, int t, int c) {
  return ring + ((int64_t)(t % depth) * C + c) * plane_size + ABOVE * S + MARGIN;
}

int32_t EXPORT(setup)(int32_t mode_, int32_t count, int32_t height, int32_t width, int32_t top_,
                      int32_t has_beside_, int32_t decodes, int32_t stream_bytes) {
  make_tables();
  reset_arena();
  mode = mode_; C = count; Y = height; X = width; top = top_;
  has_beside = has_beside_;
  S = X + 2 * MARGIN;
  plane_size = (int64_t)S * (Y + ABOVE + 1) + 16;
  uint64_t cells = (uint64_t)C * Y * X, ring = C * plane_size * 4;
  samples = take(cells * 4);
  valid = take(cells);
  uint64_t band_bytes = mode != CLASSES ? C * sizeof(Band) : 1;
  uint64_t normal_bytes = mode != CLASSES && !decodes ? C * GROUPS * sizeof(Normal) : 1;
  bands = take(band_bytes);
  normals = take(normal_bytes);
  beside = has_beside ? take(cells * 4) : samples;
  base = has_beside ? take(ring) : (float *)samples;
  levels = take(3 * ring);
  errors = mode == NUMBERS ? take(2 * ring) : levels;
  sizes = mode != CLASSES ? take(2 * ring) : levels;
  by_neighbours = take(EVENTS * NEIGHBOURHOODS * 4);
  by_value = take(EVENTS * VALUES * 4);
  slot_bits = 14;
  while (slot_bits < 20 && (1u << slot_bits) < 16 * cells) slot_bits++;
  slots = take(4u << slot_bits);
  mixer_a = take((EVENTS * BUCKETS > CLASS_EVENTS ? EVENTS * BUCKETS : CLASS_EVENTS) * INPUTS * 4);
  int rows = EVENTS * STATES > CLASS_EVENTS * PATTERNS ? EVENTS * STATES : CLASS_EVENTS * PATTERNS;
  mixer_b = take(rows * INPUTS * 4);
  int quick = mode != QUICK || setup_quick();
  stream = take(stream_bytes);
  stream_end = stream_bytes;
  if (!samples || !valid || !bands || !normals || !beside || !base || !levels
      || !errors || !sizes || !by_neighbours || !by_value || !slots || !mixer_a || !mixer_b
      || !quick || !stream) return 0;
  clear(bands, band_bytes);
  clear(normals, normal_bytes);
  return 1;
}
int32_t *EXPORT(samples_at)(void) { return samples; }
int32_t *EXPORT(beside_at)(void) { return beside; }
uint8_t *EXPORT(valid_at)(void) { return valid; }
uint8_t *EXPORT(stream_at_)(void) { return stream; }
int32_t EXPORT(stream_used)(void) { return (int32_t)stream_at; }
// The weights of one band, [group][feature], from and to these numbers.
int32_t *EXPORT(weights_at)(void) { return weights; }
void EXPORT(set_weights)(int32_t c) {
  for (int i = 0; i < GROUPS * FEATURES; i++)
    bands[c].weights[i / FEATURES][i % FEATURES] = (float)weights[i] / 4096.0f;
}

void EXPORT(begin)(int32_t decoding_) {
  decoding = decoding_;
  t_now = 0;
  start_coder();
  clear(levels, 3 * C * plane_size * 4);
  for (int i = 0; i < 16; i++) row_counters[i] = EVEN;
  if (mode == CLASSES) {
    for (int i = 0; i < 1 << slot_bits; i++) slots[i] = EVEN;
    for (int i = 0; i < CLASS_EVENTS * INPUTS; i++) mixer_a[i] = 0.3f;
    clear(mixer_b, CLASS_EVENTS * PATTERNS * INPUTS * 4);
    return;
  }
  clear(sizes, 2 * C * plane_size * 4);
  if (mode == QUICK) {
    begin_quick();
    return;
  }
  clear(errors, 2 * C * plane_size * 4);
  for (int i = 0; i < EVENTS * NEIGHBOURHOODS; i++) by_neighbours[i] = EVEN;
  for (int i = 0; i < EVENTS * VALUES; i++) by_value[i] = EVEN;
  static const float start[INPUTS] = {0.1f, 0.1f, 0.1f, 0.2f, 0.5f, 0, 0, 0};
  for (int i = 0; i < EVENTS * BUCKETS * INPUTS; i++) mixer_a[i] = start[i % INPUTS];
  clear(mixer_b, EVENTS * STATES * INPUTS * 4);
  for (int c = 0; c < C; c++) {
    Band *b = &bands[c];
    for (int i = 0; i < ERRORS; i++) b->cascade[i] = 0;
    for (int i = 0; i < 4; i++) b->recent[i] = 1;
    float s = 0.02f;
    for (int k = 0; k < BUCKETS; k++) {
      for (int i = 0; i < 4; i++) b->scale[k][i] = s;
      b->seen[k] = 0;
      s *= (k & 1) ? 1.3333334f : 1.5f;
    }
    for (int k = 0; k < STATES; k++) {
      for (int i = 0; i < LANES; i++) b->mix[k][i] = i < 8 ? 0.1f : 0.05f;
      b->mixed[k] = 0;
    }
  }
}
void EXPORT(finish)(void) { finish_coder(); }

// What stands in for cells outside a plane: above, its own first row or what was coded before it.
static const float *before_of(float *ring, int depth, int t, int c) {
  return t > 0 ? plane_of(ring, depth, t - 1, c) : c > 0 ? plane_of(ring, depth, t, c - 1) : 0;
}
static void pad_top(float *v, const float *before) {
  for (int x = -MARGIN; x < X + MARGIN; x++) v[x - S] = v[x - 2 * S] = before ? before[x] : 0;
}
static inline void pad_left(float *v, int y, const float *before) {
  float w = y > 0 ? v[(y - 1) * S] : before ? before[0] : 0;
  for (int i = 1; i <= MARGIN; i++) v[y * S - i] = w;
}
static inline void pad_right(float *v, int y) {
  for (int i = 0; i < MARGIN; i++) v[y * S + X + i] = v[y * S + X - 1];
}
static void pad_bottom(float *v) {
  for (int x = -MARGIN; x < X + MARGIN; x++) v[Y * S + x] = v[(Y - 1) * S + x];
}
static inline void place_cell(float *v, int y, int x, float value) {
  v[y * S + x] = value;
  if (y == 0) v[x + 1 - S] = v[x + 1 - 2 * S] = v[x + 2 - S] = value;
}

// -------- what the predictors see

typedef struct {
  int32_t at[FEATURES], mean_b[4], mean_d[4], error[ERRORS];  // offsets from a cell
  int32_t has_b, has_d;
} Layout;

static void lay_out(Layout *l, int t, int c) {
  float *here = plane_of(levels, 3, t, c);
  int32_t p = t > 0 ? (int32_t)(plane_of(levels, 3, t - 1, c) - here) : 0;
  int32_t q = t > 1 ? (int32_t)(plane_of(levels, 3, t - 2, c) - here) : p;
  int32_t b = c > 0 ? (int32_t)(plane_of(levels, 3, t, c - 1) - here) : 0;
  int32_t pb = c > 0 && t > 0 ? (int32_t)(plane_of(levels, 3, t - 1, c - 1) - here) : 0;
  int32_t d = c > 1 ? (int32_t)(plane_of(levels, 3, t, c - 2) - here) : 0;
  const int32_t own[6] = {-1, -S, -S - 1, -S + 1, -2, -2 * S};
  const int32_t around[9] = {0, -1, -S, 1, S, -S - 1, -S + 1, S - 1, S + 1};
  const int32_t more[10] = {-2 * S + 1, -S - 2, -S + 2, -2 * S - 1, -3,
                            -2 * S - 2, -2 * S + 2, -2, -2, -2};
  for (int i = 0; i < 6; i++) l->at[i] = own[i];
  for (int i = 0; i < 9; i++) l->at[6 + i] = t > 0 ? p + around[i] : more[i];
  l->at[15] = t > 0 ? q : more[9];
  l->has_b = c > 0; l->has_d = c > 1;
  int32_t rest[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
  if (c > 0) {
    const int32_t k[8] = {b, b - 1, b - S, b + 1, b + S, t > 0 ? pb : b - S + 1,
                          c > 1 ? d : b - S - 1, c > 1 ? d - 1 : b + S + 1};
    for (int i = 0; i < 8; i++) rest[i] = k[i];
  } else if (t > 0) {
    const int32_t k[8] = {-2 * S + 1, -S - 2, q - 1, q + 1, q - S, q + S, p + 2, -S + 2};
    for (int i = 0; i < 8; i++) rest[i] = k[i];
  }
  for (int i = 0; i < 8; i++) l->at[16 + i] = rest[i];
  const int32_t mean[4] = {-1, -S, -S - 1, -S + 1};
  for (int i = 0; i < 4; i++) {
    l->mean_b[i] = b + mean[i];
    l->mean_d[i] = (c > 1 ? d : b) + mean[i];
  }
  if (mode != NUMBERS) return;
  float *e = plane_of(errors, 2, t, c);
  int32_t ep = (int32_t)(plane_of(errors, 2, t + 1, c) - e);  // zero in the first frame
  int32_t eb = c > 0 ? (int32_t)(plane_of(errors, 2, t, c - 1) - e) : ep;
  int32_t ed = c > 1 ? (int32_t)(plane_of(errors, 2, t, c - 2) - e) : ep;
  const int32_t k[ERRORS] = {
      -1, -S, -S - 1, -S + 1, -2, -2 * S, -S + 2, ep, c > 0 ? ep + 1 : ep + 2,
      c > 0 ? ep + S : ep + S + 1, c > 0 ? eb : -2 * S + 1, eb - 1, eb - S, eb + 1, eb + S,
      c > 1 ? ed : ep - S - 1};
  for (int i = 0; i < ERRORS; i++) l->error[i] = k[i];
}

static inline float mean_at(const float *v, const int32_t *at) {
  return (v[at[0]] + v[at[1]]) * 0.375f + (v[at[2]] + v[at[3]]) * 0.125f;
}
// Neighbours without the mean of their plane's around the cell; returns the cell's own plane's.
static inline float features(const Layout *l, const float *v, const float *u, f4 *f) {
  float raw[FEATURES];
  for (int i = 0; i < FEATURES; i++) raw[i] = v[l->at[i]];
  float m = (raw[0] + raw[1]) * 0.375f + (raw[2] + raw[3]) * 0.125f;
  for (int i = 0; i < 4; i++) f[i] = load4(raw + 4 * i) - all(m);
  float mb = m, md = m;
  if (l->has_b) mb = md = mean_at(v, l->mean_b);
  if (l->has_d) md = mean_at(v, l->mean_d);
  f[4] = load4(raw + 16) - all(mb);
  f[5] = load4(raw + 20) - (f4){mb, mb, md, md};
  if (u) {
    f[5][2] = 2 * u[0] - u[-1] - u[1];
    f[5][3] = 2 * u[0] - u[-S] - u[S];
  }
  return m;
}

// The base's frame, padded by its own edges.
static void place_base(void) {
  for (int c = 0; c < C; c++) {
    float *u = plane_of(base, 1, 0, c);
    for (int y = 0; y < Y; y++) {
      for (int x = 0; x < X; x++) u[y * S + x] = (float)beside[((int64_t)c * Y + y) * X + x];
      for (int i = 1; i <= MARGIN; i++) u[y * S - i] = u[y * S];
      pad_right(u, y);
    }
    pad_top(u, u);
    pad_bottom(u);
  }
}

// -------- the encoder's survey: least squares

void EXPORT(survey)(int32_t every) {
  int t = t_now++;
  if (has_beside) place_base();
  for (int c = 0; c < C; c++) {
    float *v = plane_of(levels, 3, t, c), *u = has_beside ? plane_of(base, 1, 0, c) : 0;
    const int32_t *s = samples + (int64_t)c * Y * X;
    const uint8_t *ok = valid + (int64_t)c * Y * X;
    const float *before = before_of(levels, 3, t, c), *prev = t > 0 ? before : 0;
    Normal *n = &normals[c * GROUPS + (t > 0)];
    Layout l;
    lay_out(&l, t, c);
    pad_top(v, before);
    int phase = (t * 7 + c * 3) % every;
    for (int y = 0; y < Y; y++) {
      pad_left(v, y, before);
      int chosen = y > 0 && (y + phase) % every == 0;
      for (int x = 0; x < X; x++) {
        if (!ok[y * X + x]) {
          place_cell(v, y, x, prev ? prev[y * S + x] : v[y * S + x - 1]);
          continue;
        }
        float value = (float)s[y * X + x];
        if (chosen) {
          f4 f[FEATURES / 4];
          float m = features(&l, v + y * S + x, u ? u + y * S + x : 0, f);
          double target = value - m;
          d2 wide[FEATURES / 2];
          for (int i = 0; i < FEATURES / 2; i++) {
            int j = i / 2, k = i % 2 * 2;
            wide[i] = (d2){f[j][k], f[j][k + 1]};
            n->b[i] += (d2){target, target} * wide[i];
          }
          for (int i = 0; i < FEATURES / 2; i++) {
            d2 even = {wide[i][0], wide[i][0]}, odd = {wide[i][1], wide[i][1]};
            for (int j = 0; j <= i; j++) {
              n->a[2 * i][j] += even * wide[j];
              n->a[2 * i + 1][j] += odd * wide[j];
            }
          }
        }
        place_cell(v, y, x, value);
      }
      pad_right(v, y);
    }
    pad_bottom(v);
  }
}

static void solve_group(int32_t c, int32_t g) {
  Normal *n = &normals[c * GROUPS + g];
  static double l[FEATURES][FEATURES];
  double w[FEATURES], trace = 0;
  for (int i = 0; i < FEATURES; i++) trace += n->a[i][i / 2][i % 2];
  double ridge = 20 + trace * 1e-7;
  for (int i = 0; i < FEATURES; i++)
    for (int j = 0; j <= i; j++) {
      double s = n->a[i][j / 2][j % 2] + (i == j ? ridge : 0);
      for (int k = 0; k < j; k++) s -= l[i][k] * l[j][k];
      l[i][j] = i == j ? __builtin_sqrt(s > 1e-9 ? s : 1e-9) : s / l[j][j];
    }
  for (int i = 0; i < FEATURES; i++) {
    double s = n->b[i / 2][i % 2];
    for (int k = 0; k < i; k++) s -= l[i][k] * w[k];
    w[i] = s / l[i][i];
  }
  for (int i = FEATURES - 1; i >= 0; i--) {
    double s = w[i];
    for (int k = i + 1; k < FEATURES; k++) s -= l[k][i] * w[k];
    w[i] = s / l[i][i];
  }
  for (int i = 0; i < FEATURES; i++) {
    double q = w[i] * 4096;
    q = q > -32000 ? q < 32000 ? q : 32000 : -32000;
    weights[g * FEATURES + i] = (int32_t)(q + (q < 0 ? -0.5 : 0.5));
  }
}

void EXPORT(solve)(int32_t c) { for (int g = 0; g < GROUPS; g++) solve_group(c, g); }

// -------- distributions of a number

static inline f4 cumulative(f4 z) {  // close to 1 / (1 + exp(-z))
  f4 g = z * (0.5f + 0.025f * z * z);
  return 0.5f + 0.5f * g / root4(1.0f + g * g);
}
static inline f4 log2_4(f4 v) {  // nearly
  i4 b = (i4)v;
  f4 e = __builtin_convertvector((b >> 23) - 127, f4);
  f4 m = (f4)((b & 0x7fffff) | 0x3f800000);
  return e + (m * (2.0f - m * 0.33333334f) - 1.6666666f);
}

// Of the narrow and the wide distributions around the four centres, and of the spikes.
typedef struct { f4 a, b, s; } Mass;
typedef struct {
  f4 centre, inverse_a, inverse_b, spike;
  f4 mix_a, mix_b, mix_s;
  float *weights_a, *weights_b;
  uint32_t *neighbours, *value;
} Cell;

static inline Mass below(const Cell *k, float threshold) {
  f4 z = all(threshold - 0.5f), d = z - k->centre;
  return (Mass){cumulative(d * k->inverse_a), cumulative(d * k->inverse_b),
                (f4)((k->spike < z) & (i4)all(1.0f))};
}
static inline Mass minus(Mass p, Mass q) { return (Mass){p.a - q.a, p.b - q.b, p.s - q.s}; }
static inline Mass plus(Mass p, Mass q) { return (Mass){p.a + q.a, p.b + q.b, p.s + q.s}; }

static inline int code_event(Cell *k, int event, int bit, Mass part, Mass whole) {
  const float tiny = 1e-7f;
  f4 pa = k->mix_a * part.a + k->mix_b * part.b, wa = k->mix_a * whole.a + k->mix_b * whole.b;
  f4 ps = k->mix_s * part.s, ws = k->mix_s * whole.s;
  float one = sum4(pa + ps), rest = sum4(wa + ws) - one;
  f4 odds = log2_4(max4(pa, all(0)) + tiny) - log2_4(max4(wa - pa, all(0)) + tiny);
  odds = max4(min4(odds, all(12)), all(-12));
  f4 both = log2_4((f4){(one > 0 ? one : 0) + tiny, (rest > 0 ? rest : 0) + tiny, 1, 1});
  uint32_t *n = k->neighbours + event, *v = k->value + event;
  f4 other = {both[0] - both[1], stretch_of(*n), stretch_of(*v), 0.25f};
  float *a = k->weights_a + event * INPUTS, *b = k->weights_b + event * INPUTS;
  bit = mix_bit(bit, odds, other, a, b, 0.004f);
  learn_bit(n, bit, LIMIT);
  learn_bit(v, bit, LIMIT);
  return bit;
}

enum { INSIDE = 0, SIDE = 1, GALLOP = 2, BISECT = 14, SPIKE = 22 };

// First whether it is one of the likely spikes: widely spread distributions would not find them.
static inline int code_spikes(Cell *k, int32_t *value, Mass *got) {
  const Mass whole = {all(1), all(1), all(1)};
  int order[2] = {0, 1};
  if (k->mix_s[1] > k->mix_s[0]) { order[0] = 1; order[1] = 0; }
  if (k->mix_s[2] > k->mix_s[order[0]]) { order[1] = order[0]; order[0] = 2; }
  else if (k->mix_s[2] > k->mix_s[order[1]]) order[1] = 2;
  for (int i = 0; i < 2; i++) {
    int j = order[i];
    float spike = k->spike[j];
    if (k->mix_s[j] < 0.1f || (i && spike == k->spike[order[0]])) continue;
    Mass part = minus(below(k, spike + 1), below(k, spike));
    if (code_event(k, SPIKE + i, (float)*value == spike, part, whole)) {
      *value = (int32_t)spike;
      *got = part;
      return 1;
    }
    k->mix_s = select4(k->spike == all(spike), all(0), k->mix_s);
  }
  return 0;
}

// Whether the value lies in an interval around the guess, else on which side and in which
// of intervals that double; then bisection, down to what is all but evenly distributed.
static inline int32_t code_number(Cell *k, int32_t value, int32_t guess, float scale, Mass *got) {
  int32_t half = (int32_t)(scale * (scale < 3 ? 0.6f : 1.8f));
  int32_t fine = scale < 3 ? 0 : (int32_t)scale;
  int32_t lo = guess - half, hi = guess + half;
  if (lo < 0) lo = 0;
  if (hi > top) hi = top;
  const Mass none = {all(0), all(0), all(0)}, whole = {all(1), all(1), all(1)};
  if (half && code_spikes(k, &value, got)) return value;
  Mass f_lo = lo > 0 ? below(k, (float)lo) : none;
  Mass f_hi = hi < top ? below(k, (float)(hi + 1)) : whole;
  int inside = 1;
  if (lo > 0 || hi < top)
    inside = code_event(k, INSIDE, value >= lo && value <= hi, minus(f_hi, f_lo), whole);
  if (!inside) {
    Mass up = minus(whole, f_hi);
    int side = lo == 0 || (hi != top && code_event(k, SIDE, value > hi, up, plus(up, f_lo)));
    int32_t width = 2 * half + (half == 0);
    int event = GALLOP + (side ? 0 : 6), last = event + 5;
    if (side) {
      lo = hi + 1; f_lo = f_hi; hi = top; f_hi = whole;
      while (lo + width <= top) {
        Mass f = below(k, (float)(lo + width));
        if (!code_event(k, event, value >= lo + width, minus(whole, f), minus(whole, f_lo))) {
          hi = lo + width - 1; f_hi = f;
          break;
        }
        lo += width; f_lo = f; width *= 2;
        if (event < last) event++;
      }
    } else {
      hi = lo - 1; f_hi = f_lo; lo = 0; f_lo = none;
      while (hi - width >= 0) {
        Mass f = below(k, (float)(hi - width + 1));
        if (!code_event(k, event, value <= hi - width, f, f_hi)) {
          lo = hi - width + 1; f_lo = f;
          break;
        }
        hi -= width; f_hi = f; width *= 2;
        if (event < last) event++;
      }
    }
  }
  int event = BISECT + (inside ? 0 : 4), last = event + 3;
  while (lo < hi && hi - lo >= fine) {
    int32_t middle = lo + ((hi - lo + 1) >> 1);
    Mass f = below(k, (float)middle);
    if (code_event(k, event, value >= middle, minus(f_hi, f), minus(f_hi, f_lo))) {
      lo = middle; f_lo = f;
    } else {
      hi = middle - 1; f_hi = f;
    }
    if (event < last) event++;
  }
  *got = minus(f_hi, f_lo);
  return code_flat(value, lo, hi);
}

static inline int third(float v, float r) { return v < r ? 0 : v > r ? 2 : 1; }

// A row that repeats the previous frame's (1) or the one above (2) is one decision.
static int code_row(const float *v, const float *prev, const int32_t *s, const uint8_t *ok, int y,
                    int *state) {
  int any = 0, as_before = prev != 0, as_above = y > 0, same = 0;
  for (int x = 0; x < X && !any; x++) any = ok[x];
  if (!any || !(as_before || as_above)) return 0;
  if (!decoding)
    for (int x = 0; x < X; x++) {
      if (!ok[x]) continue;
      float value = (float)s[x];
      if (prev && value != prev[x]) as_before = 0;
      if (y > 0 && value != v[x - S]) as_above = 0;
    }
  if (prev && code_plain(as_before, &row_counters[*state])) same = 1;
  if (!same && y > 0 && code_plain(as_above, &row_counters[8 + *state])) same = 2;
  *state = same;
  return same;
}

// -------- numbers

// How the base varies around a cell, against its plane's mean: 0 .. 3.
static inline float texture(const float *u) {
  return absf(u[0] - u[-1]) + absf(u[0] - u[1]) + absf(u[0] - u[-S]) + absf(u[0] - u[S]);
}
static float mean_texture(const float *u) {
  double sum = 0;
  for (int y = 0; y < Y; y++) for (int x = 0; x < X; x++) sum += texture(u + y * S + x);
  return (float)(sum / ((double)Y * X));
}

static inline __attribute__((always_inline)) int code_numbers(int c, int with_base) {
  int t = t_now;
  Band *band = &bands[c];
  float *v = plane_of(levels, 3, t, c), *e = plane_of(errors, 2, t, c);
  float *z = plane_of(sizes, 2, t, c), *u = plane_of(base, 1, 0, c);
  const float *before = before_of(levels, 3, t, c), *prev = t > 0 ? before : 0;
  const float *e_before = before_of(errors, 2, t, c), *z_before = before_of(sizes, 2, t, c);
  const float *z_prev = t > 0 ? z_before : 0;
  const float *z_band = c > 0 ? plane_of(sizes, 2, t, c - 1) : 0;
  const float *band_now = c > 0 ? plane_of(levels, 3, t, c - 1) : 0;
  const float *band_prev = c > 0 && t > 0 ? plane_of(levels, 3, t - 1, c - 1) : 0;
  const float *pattern = band_now ? band_now : prev;  // whose plateaus ours may share
  float usual = with_base ? mean_texture(u) : 0;
  int32_t *s = samples + (int64_t)c * Y * X;
  const uint8_t *ok = valid + (int64_t)c * Y * X;
  Layout l;
  lay_out(&l, t, c);
  pad_top(v, before); pad_top(e, e_before); pad_top(z, z_before);
  f4 w0[6], w1[6], w2[4];
  for (int i = 0; i < 6; i++) {
    w0[i] = load4(band->weights[t > 0] + 4 * i);
    w1[i] = t < 2 ? w0[i] : load4(band->direct + 4 * i);
  }
  for (int i = 0; i < 4; i++) w2[i] = load4(band->cascade + 4 * i);
  f4 recent = load4(band->recent);
  Cell k;
  int row_state = 0;
  for (int y = 0; y < Y; y++) {
    float *vy = v + y * S, *ey = e + y * S, *zy = z + y * S;
    pad_left(v, y, before); pad_left(e, y, e_before); pad_left(z, y, z_before);
    if (decoding && stream_at > stream_end + 3) return 0;
    int same = code_row(vy, prev ? prev + y * S : 0, s + y * X, ok + y * X, y, &row_state);
    for (int x = 0; x < X; x++) {
      if (same || !ok[y * X + x]) {
        float value = same == 2 && ok[y * X + x] ? vy[x - S] : t > 0 ? prev[y * S + x] : vy[x - 1];
        place_cell(v, y, x, value);
        ey[x] = 0;
        zy[x] = same ? 0 : zy[x - 1];
        if (decoding) s[y * X + x] = ok[y * X + x] ? (int32_t)value : 0;
        continue;
      }
      // Four predictions and their blend.
      f4 f[6], g[4];
      const float *uc = u + y * S + x;
      float m = features(&l, vy + x, with_base ? uc : 0, f);
      float raw[ERRORS];
      for (int i = 0; i < ERRORS; i++) raw[i] = ey[x + l.error[i]];
      for (int i = 0; i < 4; i++) g[i] = load4(raw + 4 * i);
      f4 acc0 = f[0] * w0[0], acc1 = f[0] * w1[0], norm = f[0] * f[0];
      for (int i = 1; i < 6; i++) {
        acc0 += f[i] * w0[i]; acc1 += f[i] * w1[i]; norm += f[i] * f[i];
      }
      f4 acc2 = g[0] * w2[0], norm2 = g[0] * g[0];
      for (int i = 1; i < 4; i++) { acc2 += g[i] * w2[i]; norm2 += g[i] * g[i]; }
      float p0 = sum4(acc0), p1 = p0 + sum4(acc2), p2 = sum4(acc1);
      float west = f[0][0], north = f[0][1], corner = f[0][2];
      float most = west > north ? west : north, least = west > north ? north : west;
      float med = corner >= most ? least : corner <= least ? most : west + north - corner;
      f4 guesses = {p0, p1, p2, med};
      guesses = max4(min4(guesses + m, all((float)top + 1)), all(-1));  // in levels from here
      f4 trust = 1.0f / (recent * recent + 0.001f);
      float blend = sum4(trust * guesses) / sum4(trust);
      // How large errors have been around.
      float size = 2 * (zy[x - 1] + zy[x - S]) + zy[x - S - 1] + zy[x - S + 1] + zy[x - 2]
                   + zy[x - 2 * S], total = 8;
      if (z_prev) { size += z_prev[y * S + x]; total += 1; }
      if (z_band) { size += 1.5f * z_band[y * S + x]; total += 1.5f; }
      size /= total;
      int bucket = (bits_of(size + 0.03f) >> 22) - (bits_of(0.03f) >> 22);
      if (bucket > BUCKETS - 1) bucket = BUCKETS - 1;
      f4 scale = load4(band->scale[bucket]);
      k.centre = (f4){guesses[0], guesses[1], guesses[2], blend};
      k.inverse_a = 1.0f / (scale * 0.85f + 0.02f);
      k.inverse_b = 1.0f / (scale * 2.0f + 0.1f);
      // Plateaus and repeats.
      float vw = vy[x - 1], vn = vy[x - S], vp = prev ? prev[y * S + x] : vw;
      float vb = band_prev ? vp + band_now[y * S + x] - band_prev[y * S + x] : vy[x - S + 1];
      k.spike = (f4){vp, vw, vn, vb};
      int repeats = prev ? (vw == prev[y * S + x - 1]) + (vn == prev[(y - 1) * S + x]) : 0;
      int flat = vw != vn ? 0 : vy[x - S - 1] != vw ? 1 : 2;
      int other = band_prev ? band_now[y * S + x] == band_prev[y * S + x] ? 1 : 2 : 0, shared = 0;
      if (with_base) {
        float q = texture(uc);
        shared = q < usual * 0.5f ? 0 : q < usual ? 1 : q < usual * 2 ? 2 : 3;
      } else if (pattern) {
        const float *q = pattern + y * S + x;
        shared = (q[0] == q[-1]) + 2 * (q[0] == q[-S]);
      }
      int state = ((repeats * 3 + flat) * 3 + other) * 4 + shared;
      float *mix = band->mix[state];
      k.mix_a = load4(mix); k.mix_b = load4(mix + 4); k.mix_s = load4(mix + 8);
      int32_t guess = blend < 0 ? 0 : (int32_t)(blend + 0.5f);
      if (guess > top) guess = top;
      float r = (float)guess;
      int around = third(vw, r) * 3 + third(vn, r);
      around = (around * 3 + third(vp, r)) * 3 + third(vy[x - S + 1], r);
      around = (around * 3 + third(vy[x - S - 1], r)) * 3 + third(vb, r);
      k.neighbours = by_neighbours + around * EVENTS;
      k.value = by_value + guess % VALUES * EVENTS;
      k.weights_a = mixer_a + bucket * EVENTS * INPUTS;
      k.weights_b = mixer_b + state * EVENTS * INPUTS;
      Mass got;
      int32_t value = code_number(&k, decoding ? 0 : s[y * X + x], guess, scale[3], &got);
      if (decoding) s[y * X + x] = value;
      float fv = (float)value;
      place_cell(v, y, x, fv);
      // Learn: how the distributions mix, their scales, whom to trust, the weights.
      f4 ga = (got.a + 1e-7f) * k.mix_a, gb = (got.b + 1e-7f) * k.mix_b;
      k.mix_s = load4(mix + 8);
      f4 gs = (got.s + 1e-7f) * k.mix_s;
      int32_t n = band->mixed[state];
      float step = rate[n + 2 > 255 ? 255 : n + 2];
      if (step < 0.02f) step = 0.02f; else band->mixed[state] = n + 1;
      float gain = step / sum4(ga + gb + gs);
      f4 na = max4(k.mix_a + (gain * ga - step * k.mix_a), all(2e-5f));
      f4 nb = max4(k.mix_b + (gain * gb - step * k.mix_b), all(2e-5f));
      f4 ns = max4(k.mix_s + (gain * gs - step * k.mix_s), all(2e-5f));
      float inv = 1.0f / sum4(na + nb + ns);
      store4(mix, na * inv); store4(mix + 4, nb * inv); store4(mix + 8, ns * inv);
      n = band->seen[bucket];
      store4(band->scale[bucket], scale + (abs4(fv - k.centre) * 0.72f - scale) * rate[n + 1]);
      if (n < 200) band->seen[bucket] = n + 1;
      recent += 0.06f * (abs4(fv - guesses) - recent);
      ey[x] = fv - guesses[0];
      zy[x] = absf(fv - blend);
      f4 push = all(0.004f * (fv - (p2 + m)) / (sum4(norm) * (1.0f / FEATURES) + 1));
      for (int i = 0; i < 6; i++) w1[i] += push * f[i];
      push = all(0.004f * (fv - (p1 + m)) / (sum4(norm2) * (1.0f / ERRORS) + 0.1f));
      for (int i = 0; i < 4; i++) w2[i] += push * g[i];
      if (y == 0) {
        ey[x + 1 - S] = ey[x + 1 - 2 * S] = 0;
        zy[x + 1 - S] = zy[x + 1 - 2 * S] = zy[x + 2 - S] = zy[x];
      }
    }
    pad_right(v, y); pad_right(e, y); pad_right(z, y);
  }
  pad_bottom(v); pad_bottom(e); pad_bottom(z);
  for (int i = 0; i < 6; i++) store4(band->direct + 4 * i, w1[i]);
  for (int i = 0; i < 4; i++) store4(band->cascade + 4 * i, w2[i]);
  store4(band->recent, recent);
  return 1;
}

// -------- classes

static inline uint32_t hash(uint32_t h, uint32_t v) {
  h = (h ^ v) * 0x9e3779b1u;
  return h ^ h >> 15;
}
static inline uint32_t *slot_of(uint32_t h, uint32_t event) {
  return slots + (hash(h, event) * 0x85ebca6bu >> (32 - slot_bits));
}
static inline float opinion(uint32_t counter) {
  return stretch_of(counter) * trust_of[counter & 1023];
}
static int code_class_event(int bit, int event, const uint32_t *contexts, uint32_t node,
                            int pattern) {
  uint32_t *n[7];
  float x[INPUTS];
  for (int i = 0; i < 7; i++) {
    n[i] = slot_of(contexts[i], node);
    x[i] = opinion(*n[i]);
  }
  x[7] = 0.25f;
  bit = mix_bit(bit, load4(x), load4(x + 4), mixer_a + event * INPUTS,
                mixer_b + (event * PATTERNS + pattern) * INPUTS, 0.008f);
  for (int i = 0; i < 7; i++) learn_bit(n[i], bit, i < 2 ? LIMIT : 60);
  return bit;
}

static int code_classes(int c) {
  int t = t_now, depth = 0;
  float *v = plane_of(levels, 3, t, c);
  const float *before = before_of(levels, 3, t, c), *prev = t > 0 ? before : 0;
  const float *older = t > 1 ? plane_of(levels, 3, t - 2, c) : prev;
  const float *band_now = c > 0 ? plane_of(levels, 3, t, c - 1) : 0;
  int32_t *s = samples + (int64_t)c * Y * X;
  const uint8_t *ok = valid + (int64_t)c * Y * X;
  pad_top(v, before);
  while (top >> depth) depth++;
  int row_state = 0;
  for (int y = 0; y < Y; y++) {
    float *vy = v + y * S;
    pad_left(v, y, before);
    if (decoding && stream_at > stream_end + 3) return 0;
    int same = code_row(vy, prev ? prev + y * S : 0, s + y * X, ok + y * X, y, &row_state);
    for (int x = 0; x < X; x++) {
      if (same || !ok[y * X + x]) {
        float value = same == 2 && ok[y * X + x] ? vy[x - S] : t > 0 ? prev[y * S + x] : vy[x - 1];
        place_cell(v, y, x, value);
        if (decoding) s[y * X + x] = ok[y * X + x] ? (int32_t)value : 0;
        continue;
      }
      const float *q = vy + x, *p = prev ? prev + y * S + x : q - 1;
      const float *o = older ? older + y * S + x : p, *b = band_now ? band_now + y * S + x : 0;
      float near[8] = {q[-1], q[-S], p[0], q[-S + 1], q[-S - 1], prev ? p[1] : q[-2],
                       prev ? p[S] : q[-2 * S], b ? b[0] : o[0]};
      if (prev && q[-1] == p[-1] && q[-S] == p[-S]) { near[0] = p[0]; near[2] = q[-1]; }
      uint32_t w = (uint32_t)q[-1], n = (uint32_t)q[-S], nw = (uint32_t)q[-S - 1];
      uint32_t ne = (uint32_t)q[-S + 1], a = prev ? (uint32_t)p[0] : 0x10000;
      uint32_t k = b ? (uint32_t)b[0] : 0x10000;
      uint32_t ww = (uint32_t)q[-2], nn = (uint32_t)q[-2 * S];
      uint32_t pe = prev ? (uint32_t)p[1] : 0, ps = prev ? (uint32_t)p[S] : 0;
      uint32_t match = !prev ? 0 : 1 + (q[-1] == p[-1]) + 2 * (q[-S] == p[-S]);
      uint32_t follow = !b ? 0 : 1 + (b[0] == b[-1]) + 2 * (b[0] == b[-S]);
      int pattern = (w == n) | (w == nw) << 1 | (n == ne) << 2 | (w == ww) << 3 | (n == nn) << 4
                    | (w == a) << 5 | (n == a) << 6 | (prev && a == pe && a == ps) << 7;
      uint32_t wide = (uint32_t)pattern << 8 | match << 3 | follow;
      const uint32_t contexts[7] = {
          hash(hash(1, wide), (uint32_t)c),
          hash(hash(hash(2, w), n), a),
          hash(hash(hash(hash(hash(3, w), n), nw), ne), a),
          hash(hash(hash(hash(hash(hash(4, w), n), nw), ne), ww), nn) + hash(a, k),
          hash(hash(hash(hash(hash(5, a), pe), ps), (uint32_t)o[0]), match),
          hash(hash(hash(hash(6, k), w), n), follow),
          hash(hash(hash(hash(7, w), n), a), wide)};
      int found = 0, tried = 0;
      int32_t value = decoding ? 0 : s[y * X + x];
      for (int i = 0; i < 8 && tried < CANDIDATES; i++) {
        int again = 0;
        for (int j = 0; j < i; j++) again |= near[j] == near[i];
        if (again) continue;
        uint32_t node = (uint32_t)tried << 24 | (uint32_t)near[i] << 1 | 1;
        found = code_class_event((float)value == near[i], tried, contexts, node, pattern);
        if (found) { value = (int32_t)near[i]; break; }
        tried++;
      }
      if (!found) {
        uint32_t node = 1;
        for (int i = depth - 1; i >= 0; i--) {
          int bit = code_class_event(value >> i & 1, CANDIDATES + i, contexts,
                                     node << 1 | 1u << 31, 0);
          node = node << 1 | (uint32_t)bit;
        }
        value = (int32_t)(node - (1u << depth));
        if (decoding && value > top) return 0;
      }
      if (decoding) s[y * X + x] = value;
      place_cell(v, y, x, (float)value);
    }
    pad_right(v, y);
  }
  pad_bottom(v);
  return 1;
}

#include "quick.c"

// A function each: what does not change takes no time in the loop over cells.
static int code_alone(int c) { return code_numbers(c, 0); }
static int code_beside(int c) { return code_numbers(c, 1); }
static int code_plane(int c) {
  if (mode == QUICK) return has_beside ? quick_beside(c) : quick_alone(c);
  return mode == CLASSES ? code_classes(c) : has_beside ? code_beside(c) : code_alone(c);
}

// Codes a frame; 0 where the stream ends before it.
int32_t EXPORT(code_frame)(void) {
  if (has_beside) place_base();
  for (int c = 0; c < C; c++)
    if (!code_plane(c)) return 0;
  t_now++;
  return 1;
}
