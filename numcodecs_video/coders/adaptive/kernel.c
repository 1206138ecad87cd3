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
#include <emmintrin.h>
#define EXPORT(name) name
#endif

typedef float f4 __attribute__((vector_size(16)));
typedef int32_t i4 __attribute__((vector_size(16)));

// What is true of every cell of a plane is a constant of its function: all it calls is part of it.
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))

// Clang reads all that a function needs before it uses any, which registers cannot hold: no read
// moves across a fence. It also takes addresses apart: of an `address` it knows nothing.
#define FENCE __asm__ volatile("" ::: "memory")
static inline const float *address(const float *p) { __asm__("" : "+r"(p)); return p; }

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
static inline i4 trunc4(f4 v) {
#ifdef __wasm__
  return __builtin_wasm_trunc_saturate_s_i32x4_f32x4(v);
#else
  return (i4)_mm_cvttps_epi32((__m128)v);
#endif
}
static inline f4 select4(i4 mask, f4 a, f4 b) { return (f4)((mask & (i4)a) | (~mask & (i4)b)); }
static inline f4 abs4(f4 a) { return (f4)((i4)a & 0x7fffffff); }
static inline float sum4(f4 v) { return (v[0] + v[2]) + (v[1] + v[3]); }
static inline int sign_bits(i4 v) {
#ifdef __wasm__
  return (int)__builtin_wasm_bitmask_i32x4(v);
#else
  return _mm_movemask_ps((__m128)v);
#endif
}
static inline float absf(float v) { return __builtin_fabsf(v); }
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
  PADDING = 64,         // zeros behind a stream
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

enum { NUMBERS = 0, CLASSES = 1, QUICK = 2, EXPRESS = 3 };  // numbers by simpler models: 2, 3

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
static uint16_t plateau_of[16], places_of[256];  // of comparisons with neighbours
static uint32_t *by_neighbours, *by_value, *slots;  // counters
static int32_t slot_bits;
static float *mixer_a, *mixer_b;
static uint32_t row_counters[16];

static int setup_quick(void);
static void begin_quick(void);
static int setup_express(void);
static void begin_express(void);

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
static uint32_t held, pending;  // pending: bytes that a carry may still change
static int32_t decoding;
// What a function over cells keeps of its own, in registers.
typedef struct {
  uint32_t range, code, at;  // at: in the stream that is decoded
  uint64_t low;              // the encoder's, with a carry above 32 bits
} Coder;
static Coder coder;

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
static uint64_t shift_low(uint64_t low) {
  if (low < 0xff000000u || low >> 32) {
    uint8_t carry = (uint8_t)(low >> 32);
    if (held < 256) put_byte((uint8_t)(held + carry));
    for (; pending; pending--) put_byte((uint8_t)(255 + carry));
    held = (uint32_t)(low >> 24) & 255;
  } else {
    pending++;
  }
  return (low << 8) & 0xffffffffu;
}
// The next bytes, the first highest: zeros lie behind the end.
INLINE uint32_t next_bytes(const Coder *r) {
  const uint8_t *p = stream + (r->at < stream_end ? r->at : stream_end);
  return (uint32_t)p[0] << 8 | p[1];
}
static void start_coder(void) {
  coder = (Coder){0xffffffffu, 0, 0, 0};
  stream_at = 0; pending = 0;
  held = 256;  // none yet
  for (; decoding && coder.at < 4; coder.at += 2)
    coder.code = coder.code << 16 | next_bytes(&coder);
}
static void finish_coder(void) {  // one byte is enough: the decoder reads zeros behind it
  uint64_t low = (coder.low + coder.range - 1) & ~(uint64_t)0xffffff;
  shift_low(shift_low(low));
}
INLINE void refill(Coder *r, int decode) {  // at most two bytes
  if (decode) {
    uint32_t shift = (uint32_t)__builtin_clz(r->range) & 24;
    r->code = r->code << shift | next_bytes(r) >> (16 - shift);
    r->range <<= shift;
    r->at += shift >> 3;
  } else if (r->range < 1u << 24) {
    r->low = shift_low(r->low);
    r->range <<= 8;
    if (r->range < 1u << 24) {
      r->low = shift_low(r->low);
      r->range <<= 8;
    }
  }
}
INLINE int code_bit(Coder *r, int bit, uint32_t p, int decode) {  // p: chance of a 1, of 65536
  uint32_t part = (r->range >> 16) * p;
  if (decode) bit = r->code < part;
  if (bit) {
    r->range = part;
  } else {
    r->range -= part;
    if (decode) r->code -= part; else r->low += part;
  }
  refill(r, decode);
  return bit;
}
// A value of lo .. hi, all alike.
INLINE int32_t code_flat(Coder *r, int32_t value, int32_t lo, int32_t hi, int decode) {
  while (hi - lo >= 65536) {
    int32_t middle = lo + ((hi - lo + 1) >> 1);
    if (code_bit(r, value >= middle, 32768, decode)) lo = middle; else hi = middle - 1;
  }
  if (lo == hi) return lo;
  uint32_t n = (uint32_t)(hi - lo) + 1, share = r->range / n, i = (uint32_t)(value - lo);
  if (decode) {
    i = r->code / share;
    if (i > n - 1) i = n - 1;
    r->code -= share * i;
  } else {
    r->low += (uint64_t)share * i;
  }
  r->range = i < n - 1 ? share : r->range - share * i;
  refill(r, decode);
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

INLINE int code_plain(Coder *r, int bit, uint32_t *counter, int decode) {
  uint32_t p = *counter >> 16;
  if (p < 32) p = 32;
  if (p > 65504) p = 65504;
  bit = code_bit(r, bit, p, decode);
  learn_bit(counter, bit, 60);
  return bit;
}

// The mixer: odds of INPUTS models, weighed by the sum of two sets of weights.
INLINE int mix_bit(Coder *r, int bit, f4 x0, f4 x1, float *a, float *b, float learning,
                   int decode) {
  f4 a0 = load4(a), a1 = load4(a + 4), b0 = load4(b), b1 = load4(b + 4);
  float x = sum4((a0 + b0) * x0 + (a1 + b1) * x1);
  x = x > -15.9f ? x < 15.9f ? x : 15.9f : -15.9f;  // in bits; no number is the lowest
  uint32_t p = squash_table[(int32_t)(x * 128.0f + 2048.0f)];
  bit = code_bit(r, bit, p, decode);
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
  for (int i = 0; i < 16; i++) {
    int repeats = (i & 1) + (i >> 1 & 1), flat = i >> 2 & 1 ? 1 + (i >> 3) : 0;
    plateau_of[i] = (uint16_t)((repeats * 3 + flat) * 12);
  }
  static const int32_t places[4] = {243, 81, 3, 9};
  for (int i = 0; i < 256; i++) {
    int32_t sum = 0;  // of places where a neighbour is not below
    for (int j = 0; j < 4; j++) sum += (i >> j & 1 ? 0 : i >> (4 + j) & 1 ? 2 : 1) * places[j];
    places_of[i] = (uint16_t)sum;
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
                      int32_t has_beside_, int32_t decodes, int32_t stream_bytes,
                      int32_t frames) {  // frames: as many as are given at once
  make_tables();
  reset_arena();
  mode = mode_; C = count; Y = height; X = width; top = top_;
  has_beside = has_beside_;
  S = X + 2 * MARGIN;
  plane_size = (int64_t)S * (Y + ABOVE + 1) + 16;
  uint64_t cells = (uint64_t)C * Y * X, given = cells * (uint64_t)frames;
  uint64_t ring = C * plane_size * 4;
  samples = take(given * 4);
  valid = take(given);
  uint64_t band_bytes = mode != CLASSES ? C * sizeof(Band) : 1;
  uint64_t normal_bytes = mode != CLASSES && !decodes ? C * GROUPS * sizeof(Normal) : 1;
  bands = take(band_bytes);
  normals = take(normal_bytes);
  beside = has_beside ? take(given * 4) : samples;
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
  int simpler = mode == QUICK ? setup_quick() : mode != EXPRESS || setup_express();
  stream = take(stream_bytes + PADDING);
  stream_end = stream_bytes;
  if (!samples || !valid || !bands || !normals || !beside || !base || !levels
      || !errors || !sizes || !by_neighbours || !by_value || !slots || !mixer_a || !mixer_b
      || !simpler || !stream) return 0;
  clear(stream + stream_bytes, PADDING);
  clear(bands, band_bytes);
  clear(normals, normal_bytes);
  return 1;
}
int32_t *EXPORT(samples_at)(void) { return samples; }
int32_t *EXPORT(beside_at)(void) { return beside; }
uint8_t *EXPORT(valid_at)(void) { return valid; }
uint8_t *EXPORT(stream_at_)(void) { return stream; }
int32_t EXPORT(stream_used)(void) { return (int32_t)(decoding ? coder.at : stream_at); }
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
  if (mode == QUICK || mode == EXPRESS) {
    if (mode == QUICK) begin_quick(); else begin_express();
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

// Planes around a cell. All are padded alike: what is in the same place has the same index.
typedef struct {
  float *v, *e, *z;                       // the cell's own levels, errors and sizes
  const float *p, *q, *ep, *zp;           // of the frames before, in the first frame nothing
  const float *b, *eb, *zb;               // of the band before, in the first band nothing
  const float *b21, *d22, *d23, *d, *ed;  // by feature, what stands for what is not there
  const float *u;                         // the base
} Planes;
static Planes around;

static void look_around(int t, int c) {
  Planes *a = &around;
  a->v = plane_of(levels, 3, t, c);
  a->p = plane_of(levels, 3, t + 2, c);
  a->q = t > 1 ? plane_of(levels, 3, t - 2, c) : a->p;
  a->u = has_beside ? plane_of(base, 1, 0, c) : 0;
  a->b = c > 0 ? plane_of(levels, 3, t, c - 1) : 0;
  if (c > 0) {
    a->d = c > 1 ? plane_of(levels, 3, t, c - 2) : a->b;
    a->b21 = t > 0 ? plane_of(levels, 3, t - 1, c - 1) : a->b - S + 1;
    a->d22 = c > 1 ? a->d : a->b - S - 1;
    a->d23 = c > 1 ? a->d - 1 : a->b + S + 1;
  }
  if (mode == CLASSES) return;
  a->z = plane_of(sizes, 2, t, c);
  a->zp = plane_of(sizes, 2, t + 1, c);  // zero in the first frame, as errors are
  a->zb = c > 0 ? plane_of(sizes, 2, t, c - 1) : 0;
  if (mode != NUMBERS) return;
  a->e = plane_of(errors, 2, t, c);
  a->ep = plane_of(errors, 2, t + 1, c);
  a->eb = c > 0 ? plane_of(errors, 2, t, c - 1) : a->ep;
  a->ed = c > 1 ? plane_of(errors, 2, t, c - 2) : a->ep - S - 1;
}

// Neighbours without the mean of their plane's around the cell; returns the cell's own plane's.
// Constants: whether there is a frame before, a band before, a base.
INLINE float features(int i, int has_frame, int has_band, int has_base, f4 *f) {
  const Planes *a = &around;
  // Addresses are of the cell three to the left: what is added to them is never negative.
  const float *v = address(a->v + i - 3), *n = address(v - S), *nn = address(n - S);
  f4 own = load4(n + 2);
  f4 raw = {v[2], own[1], own[0], own[2]};
  float m = (raw[0] + raw[1]) * 0.375f + (raw[2] + raw[3]) * 0.125f;
  f4 mean = all(m);
  f[0] = raw - mean;
  FENCE;
  if (has_frame) {
    const float *p = address(a->p + i - 3), *pn = address(p - S), *ps = address(p + S);
    f4 row = load4(p + 2);
    f[1] = (f4){v[1], nn[3], row[1], row[0]} - mean;
    FENCE;
    f4 above = load4(pn + 2);
    f[2] = (f4){above[1], p[4], ps[3], above[0]} - mean;
    FENCE;
    const float *q = address(a->q + i - 3);
    f[3] = (f4){pn[4], ps[2], ps[4], q[3]} - mean;
    FENCE;
    if (!has_band) {
      f[4] = (f4){nn[4], n[1], q[2], q[4]} - mean;
      FENCE;
      f[5] = (f4){address(q - S)[3], address(q + S)[3], p[5], n[5]} - mean;
      FENCE;
    }
  } else {
    f[1] = (f4){v[1], nn[3], nn[4], n[1]} - mean;
    f[2] = (f4){n[5], nn[2], v[0], nn[1]} - mean;
    f[3] = (f4){nn[5], v[1], v[1], v[1]} - mean;
    if (!has_band) f[4] = f[5] = all(v[2]) - mean;
  }
  if (has_band) {
    const float *b = address(a->b + i - 3), *bn = address(b - S), *d = address(a->d + i - 3);
    float of_b = (b[2] + bn[3]) * 0.375f + (bn[2] + bn[4]) * 0.125f;
    f[4] = (f4){b[3], b[2], bn[3], b[4]} - all(of_b);
    FENCE;
    const float *dn = address(d - S);
    float of_d = (d[2] + dn[3]) * 0.375f + (dn[2] + dn[4]) * 0.125f;
    f[5] = (f4){address(b + S)[3], a->b21[i], a->d22[i], a->d23[i]} - (f4){of_b, of_b, of_d, of_d};
    FENCE;
  }
  if (has_base) {
    const float *u = address(a->u + i - 3);
    f[5][2] = 2 * u[3] - u[2] - u[4];
    f[5][3] = 2 * u[3] - address(u - S)[3] - address(u + S)[3];
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

// A function each: what is there is a constant of it.
static float features_00(int i, f4 *f) { return features(i, 0, 0, 0, f); }
static float features_01(int i, f4 *f) { return features(i, 0, 1, 0, f); }
static float features_10(int i, f4 *f) { return features(i, 1, 0, 0, f); }
static float features_11(int i, f4 *f) { return features(i, 1, 1, 0, f); }

// Some cells are added at once, each sum in their order: sums are then read and written less often.
enum { TOGETHER = 4 };
typedef struct { d2 f[FEATURES / 2], target; } Surveyed;
static Surveyed surveyed[TOGETHER];

static void add_cell(Normal *n, const Surveyed *cell) {
  for (int i = 0; i < FEATURES / 2; i++) {
    d2 even = {cell->f[i][0], cell->f[i][0]}, odd = {cell->f[i][1], cell->f[i][1]};
    n->b[i] += cell->target * cell->f[i];
    for (int j = 0; j <= i; j++) {
      n->a[2 * i][j] += even * cell->f[j];
      n->a[2 * i + 1][j] += odd * cell->f[j];
    }
  }
}
static void add_surveyed(Normal *n) {
  for (int i = 0; i < FEATURES / 2; i++) {
    d2 even[TOGETHER], odd[TOGETHER], b = n->b[i];
    for (int k = 0; k < TOGETHER; k++) {
      d2 f = surveyed[k].f[i];
      b += surveyed[k].target * f;
      even[k] = (d2){f[0], f[0]};
      odd[k] = (d2){f[1], f[1]};
    }
    n->b[i] = b;
    d2 *row = n->a[2 * i], *next = n->a[2 * i + 1];
    for (int j = 0; j <= i; j++) {
      d2 a0 = row[j], a1 = next[j];
      for (int k = 0; k < TOGETHER; k++) {
        d2 f = surveyed[k].f[j];
        a0 += even[k] * f;
        a1 += odd[k] * f;
      }
      row[j] = a0;
      next[j] = a1;
    }
  }
}

static void survey(int32_t every) {
  int t = t_now++;
  if (has_beside) place_base();
  for (int c = 0; c < C; c++) {
    const int32_t *s = samples + (int64_t)c * Y * X;
    const uint8_t *ok = valid + (int64_t)c * Y * X;
    const float *before = before_of(levels, 3, t, c), *prev = t > 0 ? before : 0;
    Normal *n = &normals[c * GROUPS + (t > 0)];
    look_around(t, c);
    float *v = around.v;
    const float *u = around.u;
    pad_top(v, before);
    int phase = (t * 7 + c * 3) % every, waiting = 0;
    for (int y = 0; y < Y; y++) {
      pad_left(v, y, before);
      int chosen = y > 0 && (y + phase) % every == 0, all_valid = y > 0 && !chosen;
      for (int x = 0; x < X && all_valid; x++) all_valid = ok[y * X + x];
      if (all_valid) {
        for (int x = 0; x < X; x++) v[y * S + x] = (float)s[y * X + x];
        pad_right(v, y);
        continue;
      }
      for (int x = 0; x < X; x++) {
        if (!ok[y * X + x]) {
          place_cell(v, y, x, prev ? prev[y * S + x] : v[y * S + x - 1]);
          continue;
        }
        float value = (float)s[y * X + x];
        if (chosen) {
          f4 f[FEATURES / 4];
          int i = y * S + x;
          float m = t > 0 ? c > 0 ? features_11(i, f) : features_10(i, f)
                          : c > 0 ? features_01(i, f) : features_00(i, f);
          if (u) {
            f[5][2] = 2 * u[i] - u[i - 1] - u[i + 1];
            f[5][3] = 2 * u[i] - u[i - S] - u[i + S];
          }
          Surveyed *cell = &surveyed[waiting++];
          cell->target = (d2){value - m, value - m};
          for (int k = 0; k < FEATURES / 2; k++)
            cell->f[k] = (d2){f[k / 2][k % 2 * 2], f[k / 2][k % 2 * 2 + 1]};
          if (waiting == TOGETHER) { add_surveyed(n); waiting = 0; }
        }
        place_cell(v, y, x, value);
      }
      pad_right(v, y);
    }
    for (int i = 0; i < waiting; i++) add_cell(n, &surveyed[i]);
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


enum { INSIDE = 0, SIDE = 1, GALLOP = 2, BISECT = 14, SPIKE = 22 };

// Decisions that are ready before it is known which of them will be asked: their odds then wait
// for no other decision, and four are prepared in the time of one.
typedef struct { f4 odds, other; int32_t event; uint32_t p; } Event;
static Event events[4];
static Cell cell;
static Mass parts[4], wholes[4];  // of an event's 1, and of both of its outcomes

static inline f4 clamp4(f4 v, f4 lo, f4 hi) { return max4(min4(v, hi), lo); }
// sum4 of each.
static inline f4 sum4x4(f4 a, f4 b, f4 c, f4 d) {
  f4 ab = __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
  f4 cd = __builtin_shufflevector(c, d, 0, 1, 4, 5) + __builtin_shufflevector(c, d, 2, 3, 6, 7);
  return __builtin_shufflevector(ab, cd, 0, 2, 4, 6) + __builtin_shufflevector(ab, cd, 1, 3, 5, 7);
}
static inline f4 log_odds(f4 part, f4 rest) {
  return log2_4(max4(part, all(0)) + 1e-7f) - log2_4(max4(rest, all(0)) + 1e-7f);
}
NOINLINE void prepare4(int e0, int e1, int e2, int e3) {
  const int32_t id[4] = {e0, e1, e2, e3};
  const Cell *k = &cell;
  f4 odds[4], one[4], both[4];
  for (int i = 0; i < 4; i++) {
    f4 p = k->mix_a * parts[i].a + k->mix_b * parts[i].b;
    f4 w = k->mix_a * wholes[i].a + k->mix_b * wholes[i].b;
    odds[i] = clamp4(log_odds(p, w - p), all(-12), all(12));
    one[i] = p + k->mix_s * parts[i].s;
    both[i] = w + k->mix_s * wholes[i].s;
    FENCE;
  }
  f4 sum = sum4x4(one[0], one[1], one[2], one[3]);
  f4 rest = sum4x4(both[0], both[1], both[2], both[3]) - sum;
  f4 mixed = log_odds(sum, rest);
  const uint32_t *n = k->neighbours, *v = k->value;
  f4 sn = {stretch_of(n[e0]), stretch_of(n[e1]), stretch_of(n[e2]), stretch_of(n[e3])};
  f4 sv = {stretch_of(v[e0]), stretch_of(v[e1]), stretch_of(v[e2]), stretch_of(v[e3])};
  f4 q = all(0.25f);
  f4 m0 = __builtin_shufflevector(mixed, sn, 0, 4, 1, 5);
  f4 m1 = __builtin_shufflevector(mixed, sn, 2, 6, 3, 7);
  f4 n0 = __builtin_shufflevector(sv, q, 0, 4, 1, 5);
  f4 n1 = __builtin_shufflevector(sv, q, 2, 6, 3, 7);
  f4 other[4] = {__builtin_shufflevector(m0, n0, 0, 1, 4, 5),
                 __builtin_shufflevector(m0, n0, 2, 3, 6, 7),
                 __builtin_shufflevector(m1, n1, 0, 1, 4, 5),
                 __builtin_shufflevector(m1, n1, 2, 3, 6, 7)};
  f4 x[4];
  for (int i = 0; i < 4; i++) {
    const float *a = k->weights_a + id[i] * INPUTS, *b = k->weights_b + id[i] * INPUTS;
    x[i] = (load4(a) + load4(b)) * odds[i] + (load4(a + 4) + load4(b + 4)) * other[i];
    events[i].odds = odds[i];
    events[i].other = other[i];
    events[i].event = id[i];
    FENCE;
  }
  f4 z = min4(max4(sum4x4(x[0], x[1], x[2], x[3]), all(-15.9f)), all(15.9f)) * 128.0f + 2048.0f;
  i4 at = trunc4(z);
  events[0].p = squash_table[at[0]];
  events[1].p = squash_table[at[1]];
  events[2].p = squash_table[at[2]];
  events[3].p = squash_table[at[3]];
}
NOINLINE void prepare(int event, f4 part_a, f4 part_b, f4 part_s,
                                              f4 whole_a, f4 whole_b, f4 whole_s) {
  const Cell *k = &cell;
  f4 p = k->mix_a * part_a + k->mix_b * part_b, w = k->mix_a * whole_a + k->mix_b * whole_b;
  f4 odds = clamp4(log_odds(p, w - p), all(-12), all(12));
  float one = sum4(p + k->mix_s * part_s), rest = sum4(w + k->mix_s * whole_s) - one;
  f4 both = log2_4(max4((f4){one, rest, 0, 0}, all(0)) + 1e-7f);
  f4 other = {both[0] - both[1], stretch_of(k->neighbours[event]), stretch_of(k->value[event]),
              0.25f};
  const float *a = k->weights_a + event * INPUTS, *b = k->weights_b + event * INPUTS;
  float x = sum4((load4(a) + load4(b)) * odds + (load4(a + 4) + load4(b + 4)) * other);
  x = x > -15.9f ? x < 15.9f ? x : 15.9f : -15.9f;  // in bits; no number is the lowest
  events[0] = (Event){odds, other, event, squash_table[(int32_t)(x * 128.0f + 2048.0f)]};
}
INLINE void learn_event(int i, int bit) {
  const Event *e = &events[i];
  float *a = cell.weights_a + e->event * INPUTS, *b = cell.weights_b + e->event * INPUTS;
  f4 miss = all((float)((bit << 16) - (int32_t)e->p) * (0.004f / 65536.0f));
  f4 e0 = miss * e->odds, e1 = miss * e->other;
  store4(a, load4(a) + e0); store4(a + 4, load4(a + 4) + e1);
  store4(b, load4(b) + e0); store4(b + 4, load4(b + 4) + e1);
  learn_bit(&cell.neighbours[e->event], bit, LIMIT);
  learn_bit(&cell.value[e->event], bit, LIMIT);
}
INLINE int code_prepared(Coder *r, int i, int bit, int decode) {
  bit = code_bit(r, bit, events[i].p, decode);
  learn_event(i, bit);
  return bit;
}
INLINE int code_event(Coder *r, int event, int bit, Mass part, Mass whole, int decode) {
  prepare(event, part.a, part.b, part.s, whole.a, whole.b, whole.s);
  return code_prepared(r, 0, bit, decode);
}

// First whether it is one of the likely spikes: widely spread distributions would not find them.
INLINE int code_spikes(Coder *r, int32_t *value, Mass *got, int decode) {
  const Mass whole = {all(1), all(1), all(1)};
  Cell *k = &cell;
  if (k->mix_s[0] < 0.1f && k->mix_s[1] < 0.1f && k->mix_s[2] < 0.1f) return 0;
  int order[2] = {0, 1};
  if (k->mix_s[1] > k->mix_s[0]) { order[0] = 1; order[1] = 0; }
  if (k->mix_s[2] > k->mix_s[order[0]]) { order[1] = order[0]; order[0] = 2; }
  else if (k->mix_s[2] > k->mix_s[order[1]]) order[1] = 2;
  for (int i = 0; i < 2; i++) {
    int j = order[i];
    float spike = k->spike[j];
    if (k->mix_s[j] < 0.1f || (i && spike == k->spike[order[0]])) continue;
    Mass part = minus(below(k, spike + 1), below(k, spike));
    if (code_event(r, SPIKE + i, (float)*value == spike, part, whole, decode)) {
      *value = (int32_t)spike;
      *got = part;
      return 1;
    }
    k->mix_s = select4(k->spike == all(spike), all(0), k->mix_s);
  }
  return 0;
}

static inline int32_t middle_of(int32_t lo, int32_t hi) { return lo + ((hi - lo + 1) >> 1); }
static inline int splits(int32_t lo, int32_t hi, int32_t fine) {
  return lo < hi && hi - lo >= fine;
}

// Whether the value lies in an interval around the guess, else on which side and in which
// of intervals that double; then bisection, down to what is all but evenly distributed.
INLINE int32_t code_interval(Coder *r, int32_t value, int32_t guess, float scale, Mass *got,
                             int decode) {
  const Cell *k = &cell;
  int32_t half = (int32_t)(scale * (scale < 3 ? 0.6f : 1.8f));
  int32_t fine = scale < 3 ? 0 : (int32_t)scale;
  int32_t lo = guess - half, hi = guess + half;
  if (lo < 0) lo = 0;
  if (hi > top) hi = top;
  const Mass none = {all(0), all(0), all(0)}, whole = {all(1), all(1), all(1)};
  if (half && code_spikes(r, &value, got, decode)) return value;
  int32_t width = 2 * half + (half == 0), above = hi + 1 + width, under = lo - width;
  Mass f_lo = lo > 0 ? below(k, (float)lo) : none;
  Mass f_hi = hi < top ? below(k, (float)(hi + 1)) : whole;
  Mass f = f_lo, f_left = f_lo, f_right = f_lo, f_above = f_lo, f_under = f_lo;
  int32_t middle = middle_of(lo, hi), left = middle_of(lo, middle - 1);
  int32_t right = middle_of(middle, hi);
  parts[0] = minus(f_hi, f_lo); wholes[0] = whole;
  if (half == 0) {
    f_above = below(k, (float)above);
    FENCE;
    f_under = below(k, (float)under);
    FENCE;
    parts[1] = minus(whole, f_hi); wholes[1] = plus(parts[1], f_lo);
    parts[2] = minus(whole, f_above); wholes[2] = minus(whole, f_hi);
    parts[3] = f_under; wholes[3] = f_lo;
    prepare4(INSIDE, SIDE, GALLOP, GALLOP + 6);
  } else {
    f = below(k, (float)middle);
    FENCE;
    f_left = below(k, (float)left);
    FENCE;
    f_right = below(k, (float)right);
    FENCE;
    parts[1] = minus(f_hi, f); wholes[1] = parts[0];
    parts[2] = minus(f, f_left); wholes[2] = minus(f, f_lo);
    parts[3] = minus(f_hi, f_right); wholes[3] = minus(f_hi, f);
    prepare4(INSIDE, BISECT, BISECT + 1, BISECT + 1);
  }
  int event;
  if ((lo == 0 && hi == top) || code_prepared(r, 0, value >= lo && value <= hi, decode)) {
    event = BISECT;
    if (half && splits(lo, hi, fine)) {
      int i = 2;
      event++;
      if (code_prepared(r, 1, value >= middle, decode)) {
        lo = middle; f_lo = f; middle = right; f = f_right; i = 3;
      } else {
        hi = middle - 1; f_hi = f; middle = left; f = f_left;
      }
      if (splits(lo, hi, fine)) {
        event++;
        if (code_prepared(r, i, value >= middle, decode)) {
          lo = middle; f_lo = f;
        } else {
          hi = middle - 1; f_hi = f;
        }
      }
    }
  } else {
    if (half) {
      f_above = below(k, (float)above); f_under = below(k, (float)under);
      parts[1] = minus(whole, f_hi); wholes[1] = plus(parts[1], f_lo);
      parts[2] = minus(whole, f_above); wholes[2] = minus(whole, f_hi);
      parts[3] = f_under; wholes[3] = f_lo;
      prepare4(INSIDE, SIDE, GALLOP, GALLOP + 6);
    }
    int side = lo == 0 || (hi != top && code_prepared(r, 1, value > hi, decode));
    event = GALLOP + (side ? 0 : 6);
    int last = event + 5, ready = 1;
    if (side) {
      lo = hi + 1; f_lo = f_hi; hi = top; f_hi = whole;
      while (lo + width <= top) {
        f = f_above;
        if (!ready) {
          f = below(k, (float)(lo + width));
          Mass part = minus(whole, f), both = minus(whole, f_lo);
          prepare(event, part.a, part.b, part.s, both.a, both.b, both.s);
        }
        if (!code_prepared(r, ready * 2, value >= lo + width, decode)) {
          hi = lo + width - 1; f_hi = f;
          break;
        }
        ready = 0;
        lo += width; f_lo = f; width *= 2;
        if (event < last) event++;
      }
    } else {
      hi = lo - 1; f_hi = f_lo; lo = 0; f_lo = none;
      while (hi - width >= 0) {
        f = f_under;
        if (!ready) {
          f = below(k, (float)(hi - width + 1));
          prepare(event, f.a, f.b, f.s, f_hi.a, f_hi.b, f_hi.s);
        }
        if (!code_prepared(r, ready * 3, value <= hi - width, decode)) {
          lo = hi - width + 1; f_lo = f;
          break;
        }
        ready = 0;
        hi -= width; f_hi = f; width *= 2;
        if (event < last) event++;
      }
    }
    event = BISECT + 4;
  }
  int last = event < BISECT + 4 ? BISECT + 3 : BISECT + 7;
  while (splits(lo, hi, fine)) {
    middle = middle_of(lo, hi);
    f = below(k, (float)middle);
    if (code_event(r, event, value >= middle, minus(f_hi, f), minus(f_hi, f_lo), decode)) {
      lo = middle; f_lo = f;
    } else {
      hi = middle - 1; f_hi = f;
    }
    if (event < last) event++;
  }
  *got = minus(f_hi, f_lo);
  return code_flat(r, value, lo, hi, decode);
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
      if (!as_before && !as_above) break;
    }
  if (prev && code_plain(&coder, as_before, &row_counters[*state], decoding)) same = 1;
  if (!same && y > 0 && code_plain(&coder, as_above, &row_counters[8 + *state], decoding)) same = 2;
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

// What is known of a cell before its number is, beside `cell`, and after it.
static struct {
  f4 f[FEATURES / 4], g[ERRORS / 4];  // features, errors
  f4 guesses, scale;
  float p1, p2, norm, norm2, blend;   // p1, p2: predicted levels
  int32_t bucket, state, guess;
} seen;
static struct { f4 w0[FEATURES / 4], w1[FEATURES / 4], w2[ERRORS / 4], recent; } linear;
static Band *band;
static Mass got;
static float usual;  // the mean texture of the base

INLINE void predict(int i, int has_frame, int has_band, int has_base) {
  const Planes *a = &around;
  f4 *f = seen.f, *g = seen.g;
  float m = features(i, has_frame, has_band, has_base, f);
  const float *e = address(a->e + i - 3), *en = address(e - S), *enn = address(en - S);
  const float *ep = address(a->ep + i - 3);
  g[0] = (f4){e[2], en[3], en[2], en[4]};
  FENCE;
  g[1] = (f4){e[1], enn[3], en[5], ep[3]};
  FENCE;
  if (has_band) {
    const float *eb = address(a->eb + i - 3);
    g[2] = (f4){ep[4], address(ep + S)[3], eb[3], eb[2]};
    FENCE;
    g[3] = (f4){address(eb - S)[3], eb[4], address(eb + S)[3], a->ed[i]};
  } else {
    const float *es = address(ep + S);
    g[2] = (f4){ep[5], es[4], enn[4], ep[2]};
    FENCE;
    const float *eu = address(ep - S);
    g[3] = (f4){eu[3], ep[4], es[3], eu[2]};
  }
  FENCE;
  // Four predictions and their blend.
  f4 acc0 = f[0] * linear.w0[0], acc1 = f[0] * linear.w1[0], norm = f[0] * f[0];
#pragma clang loop unroll(full)
  for (int j = 1; j < FEATURES / 4; j++) {
    f4 h = f[j];
    acc0 += h * linear.w0[j]; acc1 += h * linear.w1[j]; norm += h * h;
    FENCE;
  }
  f4 acc2 = g[0] * linear.w2[0], norm2 = g[0] * g[0];
#pragma clang loop unroll(full)
  for (int j = 1; j < ERRORS / 4; j++) {
    f4 h = g[j];
    acc2 += h * linear.w2[j]; norm2 += h * h;
    FENCE;
  }
  seen.norm2 = sum4(norm2);
  f4 sums = sum4x4(acc0, acc2, acc1, norm);
  float p0 = sums[0], p1 = p0 + sums[1], p2 = sums[2];
  seen.norm = sums[3];
  f4 west = all(f[0][0]), north = all(f[0][1]), corner = all(f[0][2]);
  f4 most = max4(west, north), least = min4(west, north);
  f4 med = select4(corner <= least, most, west + north - corner);
  med = select4(corner >= most, least, med);
  f4 guesses = (f4){p0, p1, p2, med[0]} + m;  // in levels from here
  seen.p1 = guesses[1]; seen.p2 = guesses[2];
  guesses = max4(min4(guesses, all((float)top + 1)), all(-1));
  f4 trust = 1.0f / (linear.recent * linear.recent + 0.001f);
  float blend = sum4(trust * guesses) / sum4(trust);
  seen.guesses = guesses;
  seen.blend = blend;
  FENCE;
  // How large errors have been around.
  const float *z = a->z + i, *zn = z - S;
  float size = 2 * (z[-1] + zn[0]) + zn[-1] + zn[1] + z[-2] + zn[-S];
  if (has_frame) size += a->zp[i];
  if (has_band) size += 1.5f * a->zb[i];
  size /= 8.0f + (has_frame ? 1.0f : 0.0f) + (has_band ? 1.5f : 0.0f);
  int bucket = (bits_of(size + 0.03f) >> 22) - (bits_of(0.03f) >> 22);
  if (bucket > BUCKETS - 1) bucket = BUCKETS - 1;
  f4 scale = load4(band->scale[bucket]);
  cell.centre = (f4){guesses[0], guesses[1], guesses[2], blend};
  cell.inverse_a = 1.0f / (scale * 0.85f + 0.02f);
  cell.inverse_b = 1.0f / (scale * 2.0f + 0.1f);
  // Plateaus and repeats.
  const float *v = a->v + i, *vn = v - S, *p = a->p + i, *b = a->b + i;
  float vp = has_frame ? p[0] : v[-1];
  float vb = has_frame && has_band ? vp + b[0] - a->b21[i] : vn[1];
  cell.spike = (f4){vp, v[-1], vn[0], vb};
  f4 own = {v[-1], vn[0], vn[-1], vn[1]};
  f4 left = __builtin_shufflevector(own, own, 0, 1, 0, 2);
  f4 right = __builtin_shufflevector(own, own, 1, 0, 1, 0);
  right[0] = has_frame ? p[-1] : 0;
  right[1] = has_frame ? p[-S] : 0;
  int alike = sign_bits(left == right), other = 0, shared = 0;
  if (!has_frame) alike &= 12;
  if (has_frame && has_band) other = b[0] == a->b21[i] ? 1 : 2;
  if (has_base) {
    float q = texture(a->u + i);
    shared = q < usual * 0.5f ? 0 : q < usual ? 1 : q < usual * 2 ? 2 : 3;
  } else if (has_band || has_frame) {  // whose plateaus ours may share
    const float *q = has_band ? b : p;
    shared = (q[0] == q[-1]) + 2 * (q[0] == q[-S]);
  }
  int state = plateau_of[alike] + other * 4 + shared;
  const float *mix = band->mix[state];
  cell.mix_a = load4(mix); cell.mix_b = load4(mix + 4); cell.mix_s = load4(mix + 8);
  int32_t guess = blend < 0 ? 0 : (int32_t)(blend + 0.5f);
  if (guess > top) guess = top;
  float r = (float)guess;
  f4 level = all(r);
  int under = sign_bits(own < level), over = sign_bits(own > level);
  int where = places_of[under | over << 4] + third(vp, r) * 27 + third(vb, r);
  cell.neighbours = by_neighbours + where * EVENTS;
  cell.value = by_value + (guess & (VALUES - 1)) * EVENTS;
  cell.weights_a = mixer_a + bucket * EVENTS * INPUTS;
  cell.weights_b = mixer_b + state * EVENTS * INPUTS;
  seen.scale = scale; seen.bucket = bucket; seen.state = state; seen.guess = guess;
}

// How the distributions mix, their scales, whom to trust, the weights.
NOINLINE void learn_number(int i, float v) {
  float *mix = band->mix[seen.state];
  f4 a = load4(mix), b = load4(mix + 4), s = load4(mix + 8);
  f4 ga = (got.a + 1e-7f) * a, gb = (got.b + 1e-7f) * b, gs = (got.s + 1e-7f) * s;
  int32_t n = band->mixed[seen.state];
  float step = rate[n + 2 > 255 ? 255 : n + 2];
  if (step < 0.02f) step = 0.02f; else band->mixed[seen.state] = n + 1;
  float gain = step / sum4(ga + gb + gs);
  a = max4(a + (gain * ga - step * a), all(2e-5f));
  b = max4(b + (gain * gb - step * b), all(2e-5f));
  s = max4(s + (gain * gs - step * s), all(2e-5f));
  float inv = 1.0f / sum4(a + b + s);
  store4(mix, a * inv); store4(mix + 4, b * inv); store4(mix + 8, s * inv);
  n = band->seen[seen.bucket];
  store4(band->scale[seen.bucket],
         seen.scale + (abs4(v - cell.centre) * 0.72f - seen.scale) * rate[n + 1]);
  if (n < 200) band->seen[seen.bucket] = n + 1;
  linear.recent += 0.06f * (abs4(v - seen.guesses) - linear.recent);
  around.e[i] = v - seen.guesses[0];
  around.z[i] = absf(v - seen.blend);
  f4 push = all(0.004f * (v - seen.p2) / (seen.norm * (1.0f / FEATURES) + 1));
  for (int j = 0; j < FEATURES / 4; j++) linear.w1[j] += push * seen.f[j];
  push = all(0.004f * (v - seen.p1) / (seen.norm2 * (1.0f / ERRORS) + 0.1f));
  for (int j = 0; j < ERRORS / 4; j++) linear.w2[j] += push * seen.g[j];
}

NOINLINE int32_t decode_number(void) {
  Coder r = coder;
  int32_t value = code_interval(&r, 0, seen.guess, seen.scale[3], &got, 1);
  coder = r;
  return value;
}
NOINLINE int32_t encode_number(int32_t value) {
  return code_interval(&coder, value, seen.guess, seen.scale[3], &got, 0);
}

INLINE void code_row_of_numbers(int y, const float *prev, const uint8_t *ok, int32_t *s, int same,
                                int has_frame, int has_band, int has_base) {
  float *v = around.v, *e = around.e, *z = around.z;
  for (int x = 0, i = y * S; x < X; x++, i++) {
    if (same || !ok[x]) {
      float value = same == 2 && ok[x] ? v[i - S] : has_frame ? prev[i] : v[i - 1];
      place_cell(v, y, x, value);
      e[i] = 0;
      z[i] = same ? 0 : z[i - 1];
      if (decoding) s[x] = ok[x] ? (int32_t)value : 0;
      continue;
    }
    predict(i, has_frame, has_band, has_base);
    if (decoding) s[x] = decode_number(); else encode_number(s[x]);
    float value = (float)s[x];
    learn_number(i, value);
    place_cell(v, y, x, value);
    if (y == 0) {
      e[x + 1 - S] = e[x + 1 - 2 * S] = 0;
      z[x + 1 - S] = z[x + 1 - 2 * S] = z[x + 2 - S] = z[x];
    }
  }
}
// A function each: what is there takes no time in the loop over cells.
#define ROW(name, frame, band, base) \
  NOINLINE void name(int y, const float *prev, const uint8_t *ok, int32_t *s, int same) { \
    code_row_of_numbers(y, prev, ok, s, same, frame, band, base); \
  }
ROW(row_000, 0, 0, 0)
ROW(row_001, 0, 0, 1)
ROW(row_010, 0, 1, 0)
ROW(row_011, 0, 1, 1)
ROW(row_100, 1, 0, 0)
ROW(row_101, 1, 0, 1)
ROW(row_110, 1, 1, 0)
ROW(row_111, 1, 1, 1)

static int code_numbers(int c) {
  static void (*const rows[8])(int, const float *, const uint8_t *, int32_t *, int) = {
      row_000, row_001, row_010, row_011, row_100, row_101, row_110, row_111};
  int t = t_now;
  band = &bands[c];
  look_around(t, c);
  float *v = around.v, *e = around.e, *z = around.z;
  const float *before = before_of(levels, 3, t, c), *prev = t > 0 ? before : 0;
  const float *e_before = before_of(errors, 2, t, c), *z_before = before_of(sizes, 2, t, c);
  usual = has_beside ? mean_texture(around.u) : 0;
  int32_t *s = samples + (int64_t)c * Y * X;
  const uint8_t *ok = valid + (int64_t)c * Y * X;
  pad_top(v, before); pad_top(e, e_before); pad_top(z, z_before);
  for (int i = 0; i < FEATURES / 4; i++) {
    linear.w0[i] = load4(band->weights[t > 0] + 4 * i);
    linear.w1[i] = t < 2 ? linear.w0[i] : load4(band->direct + 4 * i);
  }
  for (int i = 0; i < ERRORS / 4; i++) linear.w2[i] = load4(band->cascade + 4 * i);
  linear.recent = load4(band->recent);
  int row_state = 0, kind = (t > 0) << 2 | (c > 0) << 1 | has_beside;
  for (int y = 0; y < Y; y++) {
    pad_left(v, y, before); pad_left(e, y, e_before); pad_left(z, y, z_before);
    if (decoding && coder.at > stream_end + 3) return 0;
    int same = code_row(v + y * S, prev ? prev + y * S : 0, s + y * X, ok + y * X, y, &row_state);
    rows[kind](y, prev, ok + y * X, s + y * X, same);
    pad_right(v, y); pad_right(e, y); pad_right(z, y);
  }
  pad_bottom(v); pad_bottom(e); pad_bottom(z);
  for (int i = 0; i < FEATURES / 4; i++) store4(band->direct + 4 * i, linear.w1[i]);
  for (int i = 0; i < ERRORS / 4; i++) store4(band->cascade + 4 * i, linear.w2[i]);
  store4(band->recent, linear.recent);
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
INLINE int code_class_event(Coder *r, int bit, int event, const uint32_t *contexts, uint32_t node,
                            int pattern, int decode) {
  uint32_t *n[7];
  float x[INPUTS];
  for (int i = 0; i < 7; i++) {
    n[i] = slot_of(contexts[i], node);
    x[i] = opinion(*n[i]);
  }
  x[7] = 0.25f;
  bit = mix_bit(r, bit, load4(x), load4(x + 4), mixer_a + event * INPUTS,
                mixer_b + (event * PATTERNS + pattern) * INPUTS, 0.008f, decode);
  for (int i = 0; i < 7; i++) learn_bit(n[i], bit, i < 2 ? LIMIT : 60);
  return bit;
}

INLINE int code_classes(int c, int decode) {
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
    if (decode && coder.at > stream_end + 3) return 0;
    int same = code_row(vy, prev ? prev + y * S : 0, s + y * X, ok + y * X, y, &row_state);
    Coder r = coder;
    for (int x = 0; x < X; x++) {
      if (same || !ok[y * X + x]) {
        float value = same == 2 && ok[y * X + x] ? vy[x - S] : t > 0 ? prev[y * S + x] : vy[x - 1];
        place_cell(v, y, x, value);
        if (decode) s[y * X + x] = ok[y * X + x] ? (int32_t)value : 0;
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
      int32_t value = decode ? 0 : s[y * X + x];
      for (int i = 0; i < 8 && tried < CANDIDATES; i++) {
        int again = 0;
        for (int j = 0; j < i; j++) again |= near[j] == near[i];
        if (again) continue;
        uint32_t node = (uint32_t)tried << 24 | (uint32_t)near[i] << 1 | 1;
        found = code_class_event(&r, (float)value == near[i], tried, contexts, node, pattern,
                                 decode);
        if (found) { value = (int32_t)near[i]; break; }
        tried++;
      }
      if (!found) {
        uint32_t node = 1;
        for (int i = depth - 1; i >= 0; i--) {
          int bit = code_class_event(&r, value >> i & 1, CANDIDATES + i, contexts,
                                     node << 1 | 1u << 31, 0, decode);
          node = node << 1 | (uint32_t)bit;
        }
        value = (int32_t)(node - (1u << depth));
        if (decode && value > top) return 0;
      }
      if (decode) s[y * X + x] = value;
      place_cell(v, y, x, (float)value);
    }
    coder = r;
    pad_right(v, y);
  }
  pad_bottom(v);
  return 1;
}

#include "quick.c"
#include "express.c"

// A function each: what does not change takes no time in the loop over cells.
static int decode_classes(int c) { return code_classes(c, 1); }
static int encode_classes(int c) { return code_classes(c, 0); }
static int code_plane(int c) {
  if (mode == NUMBERS) return code_numbers(c);
  if (mode == QUICK) return code_quickly(c);
  if (mode == EXPRESS) return code_by_express(c);
  return decoding ? decode_classes(c) : encode_classes(c);
}

// Codes a frame; 0 where the stream ends before it.
int32_t EXPORT(code_frame)(void) {
  if (has_beside) place_base();
  for (int c = 0; c < C; c++)
    if (!code_plane(c)) return 0;
  t_now++;
  return 1;
}
// Codes, or surveys, some frames that lie one behind the other.
static int32_t each_frame(int32_t count, int32_t every) {
  int32_t *first = samples, *first_beside = beside, done = 1;
  uint8_t *first_valid = valid;
  int64_t cells = (int64_t)C * Y * X;
  for (int32_t i = 0; i < count && done; i++) {
    if (every) survey(every); else done = code_frame();
    samples += cells; beside += cells; valid += cells;
  }
  samples = first; beside = first_beside; valid = first_valid;
  return done;
}
int32_t EXPORT(code_frames)(int32_t count) { return each_frame(count, 0); }
void EXPORT(survey_frames)(int32_t count, int32_t every) { each_frame(count, every); }
