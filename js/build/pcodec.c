/* A decoder of standalone Pcodec streams (format 3 and 4), written after Pcodec's own description of its
   format. Latents of all sizes are computed in 64 bits and cut to their own. */
#include <emscripten.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 256, MOST_ANS_BITS = 14, MOST_ORDER = 32 };
enum { CLASSIC, INT_MULT, FLOAT_MULT, FLOAT_QUANT, DICT };
enum { PLAIN, CONSECUTIVE, LOOKBACK, CONV };

/* ---- bits, lowest first; past the end they are zeros, and the stream has failed */

static const uint8_t *data;
static uint64_t end, at; /* in bits */
static bool failed;

static uint64_t read_bits(int count)
{
    uint64_t value = 0;

    if (count == 0)
        return 0;
    if (at + count > end) {
        failed = true;
        return 0;
    }
    const uint8_t *from = data + at / 8;
    int shift = at % 8, bytes = (shift + count + 7) / 8;

    if (at + 72 <= end)
        memcpy(&value, from, 8);
    else
        for (int i = 0; i < bytes && i < 8; i++)
            value |= (uint64_t)from[i] << (8 * i);
    value >>= shift;
    if (bytes > 8)
        value |= (uint64_t)from[8] << (64 - shift);
    at += count;
    return count == 64 ? value : value & ((1ull << count) - 1);
}

static void finish_byte(void)
{
    if (read_bits((8 - at % 8) % 8))
        failed = true;
}

/* ---- one latent variable */

typedef struct {
    uint64_t lower;
    uint16_t next;
    uint8_t offset_bits, read;
} Node;

typedef struct {
    int bits; /* of a latent */
    int ans_bits, bins;
    Node nodes[1 << MOST_ANS_BITS];
    int delta, order; /* order: latents of the delta state */
    uint32_t state[4];
    uint64_t *window; /* lookback: the state is at its end */
    uint64_t moments[MOST_ORDER];
    size_t window_size, window_at;
    uint64_t latents[BATCH];
} Variable;

static uint64_t mask_of(int bits) { return bits == 64 ? ~0ull : (1ull << bits) - 1; }

static void read_bins(Variable *v, int bits)
{
    static uint64_t lowers[1 << MOST_ANS_BITS];
    static uint32_t weights[1 << MOST_ANS_BITS], starts[1 << MOST_ANS_BITS];
    static uint8_t offsets[1 << MOST_ANS_BITS];
    static uint16_t symbols[1 << MOST_ANS_BITS];
    int length_bits = bits == 64 ? 7 : bits == 32 ? 6 : bits == 16 ? 5 : 4;

    v->bits = bits;
    v->ans_bits = (int)read_bits(4);
    v->bins = (int)read_bits(15);
    if (v->ans_bits > MOST_ANS_BITS || v->bins > 1 << v->ans_bits || (v->bins == 1 && v->ans_bits)) {
        failed = true;
        return;
    }
    uint32_t size = 1u << v->ans_bits, total = 0;

    for (int i = 0; i < v->bins && !failed; i++) {
        weights[i] = (uint32_t)read_bits(v->ans_bits) + 1;
        lowers[i] = read_bits(bits);
        offsets[i] = (uint8_t)read_bits(length_bits);
        total += weights[i];
        failed |= offsets[i] > bits;
    }
    if (v->bins == 0) {
        weights[0] = total = 1;
        lowers[0] = offsets[0] = 0;
    }
    if (failed || total != size) {
        failed = true;
        return;
    }
    uint32_t stride = 3 * size / 5, step = 0;

    stride += stride % 2 == 0;
    for (int symbol = 0; symbol < (v->bins ? v->bins : 1); symbol++) {
        starts[symbol] = weights[symbol];
        for (uint32_t i = 0; i < weights[symbol]; i++, step++)
            symbols[(stride * step) & (size - 1)] = (uint16_t)symbol;
    }
    for (uint32_t i = 0; i < size; i++) {
        uint32_t start = starts[symbols[i]]++;
        int read = __builtin_clz(start) - __builtin_clz(size);

        v->nodes[i] = (Node){lowers[symbols[i]], (uint16_t)((start << read) - size), offsets[symbols[i]],
                             (uint8_t)read};
    }
}

static void read_state(Variable *v)
{
    uint64_t *state = v->delta == LOOKBACK ? v->window + v->window_at - v->order : v->moments;

    for (int i = 0; i < v->order && !failed; i++)
        state[i] = read_bits(v->bits);
    for (int i = 0; i < 4; i++)
        v->state[i] = (uint32_t)read_bits(v->ans_bits);
}

/* Bins by tANS in four states, then their offsets. */
static void read_batch(Variable *v, size_t count)
{
    uint8_t lengths[BATCH];

    if (count && !v->bins)
        failed = true;
    for (size_t i = 0; i < count; i++) {
        const Node *node = &v->nodes[v->state[i % 4]];

        v->latents[i] = node->lower;
        lengths[i] = node->offset_bits;
        v->state[i % 4] = node->next + (uint32_t)read_bits(node->read);
    }
    for (size_t i = 0; i < count; i++)
        v->latents[i] += read_bits(lengths[i]);
}

/* ---- differences */

static struct {
    int quantization, order;
    int64_t bias, weights[MOST_ORDER];
} conv;

/* A wrapped sum of twice a latent's bits, 64 at most. */
static int64_t wrap(uint64_t value, int bits)
{
    return bits == 8 ? (int16_t)value : bits == 16 ? (int32_t)value : (int64_t)value;
}

static void undo_delta(Variable *v, size_t count, size_t coded, const uint64_t *lookbacks)
{
    uint64_t mask = mask_of(v->bits), middle = 1ull << (v->bits - 1);

    if (v->delta == PLAIN)
        return;
    for (size_t i = 0; i < count; i++)
        v->latents[i] ^= middle;
    if (v->delta == CONSECUTIVE) {
        for (int k = v->order; k-- > 0;) {
            uint64_t moment = v->moments[k];

            for (size_t i = 0; i < count; i++) {
                uint64_t difference = v->latents[i];

                v->latents[i] = moment & mask;
                moment += difference;
            }
            v->moments[k] = moment;
        }
    } else if (v->delta == LOOKBACK) {
        size_t size = v->window_size, order = (size_t)v->order;

        if (v->window_at + count > 2 * (size > BATCH ? size : BATCH)) {
            memmove(v->window, v->window + v->window_at - size, size * sizeof *v->window);
            v->window_at = size;
        }
        for (size_t i = 0; i < count; i++) {
            uint64_t back = i < coded ? lookbacks[i] & 0xffffffff : 1;

            if (back < 1 || back > size) {
                failed = true;
                return;
            }
            uint64_t *to = v->window + v->window_at + i;

            *to = v->latents[i] + to[-(ptrdiff_t)back];
        }
        for (size_t i = 0; i < count; i++)
            v->latents[i] = v->window[v->window_at + i - order] & mask;
        v->window_at += count;
    } else {
        uint64_t all[BATCH + MOST_ORDER];
        int order = v->order;

        memcpy(all, v->moments, order * sizeof *all);
        memcpy(all + order, v->latents, count * sizeof *all);
        for (size_t i = order; i < count + order; i++) {
            int64_t sum = wrap((uint64_t)conv.bias, v->bits);

            for (int k = 0; k < order; k++)
                sum = wrap((uint64_t)sum
                               + (uint64_t)wrap((uint64_t)conv.weights[k] * (all[i - order + k] & mask), v->bits),
                           v->bits);
            all[i] = (all[i] + (uint64_t)((sum > 0 ? sum : 0) >> conv.quantization)) & mask;
        }
        memcpy(v->latents, all, count * sizeof *all);
        memcpy(v->moments, all + count, order * sizeof *all);
    }
}

/* ---- floats */

static float half_to_float(uint16_t half)
{
    int exponent = half >> 10 & 31, fraction = half & 1023;
    float value = exponent == 31 ? (fraction ? __builtin_nanf("") : __builtin_inff())
        : exponent ? (float)(fraction + 1024) * (exponent >= 25 ? (float)(1 << (exponent - 25)) : 1.0f / (float)(1 << (25 - exponent)))
                   : (float)fraction / 16777216.0f;

    return half >> 15 ? -value : value;
}

static uint16_t float_to_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    uint16_t sign = bits >> 16 & 0x8000;

    bits &= 0x7fffffff;
    if (bits > 0x7f800000)
        return sign | 0x7e00;
    if (bits >= 0x477ff000)
        return sign | 0x7c00;
    int exponent = (int)(bits >> 23) - 127;
    uint32_t fraction = (bits & 0x7fffff) | 0x800000;
    int drop = exponent < -14 ? 13 + -14 - exponent : 13;

    if (drop > 25)
        return sign;
    uint32_t kept = fraction >> drop, rest = fraction & ((1u << drop) - 1), half = 1u << (drop - 1);

    kept += rest > half || (rest == half && (kept & 1));
    return exponent < -14 ? (uint16_t)(sign | kept) : (uint16_t)(sign | (((exponent + 14) << 10) + kept));
}

static uint64_t from_ordered(uint64_t latent, int bits)
{
    uint64_t middle = 1ull << (bits - 1);

    return (latent & middle ? latent ^ middle : ~latent) & mask_of(bits);
}

static uint64_t to_ordered(uint64_t pattern, int bits)
{
    uint64_t middle = 1ull << (bits - 1);

    return (pattern & middle ? ~pattern : pattern ^ middle) & mask_of(bits);
}

static double as_double(uint64_t pattern, int bits)
{
    double wide;
    float narrow;
    uint32_t word = (uint32_t)pattern;

    if (bits == 64) {
        memcpy(&wide, &pattern, 8);
        return wide;
    }
    if (bits == 16)
        return half_to_float((uint16_t)pattern);
    memcpy(&narrow, &word, 4);
    return narrow;
}

/* The product of two floats of `bits` bits, as a pattern. A product of floats is exact in doubles, so it is
   rounded once; that of two halves is exact in floats. */
static uint64_t product(uint64_t a, uint64_t b, int bits)
{
    double wide = as_double(a, bits) * as_double(b, bits);
    float narrow = (float)wide;
    uint64_t pattern;
    uint32_t word;

    if (bits == 64) {
        memcpy(&pattern, &wide, 8);
        return pattern;
    }
    if (bits == 16)
        return float_to_half(narrow);
    memcpy(&word, &narrow, 4);
    return word;
}

static uint64_t pattern_of(uint64_t whole, int bits)
{
    double wide = (double)whole;
    float narrow = (float)whole;
    uint64_t pattern;
    uint32_t word;

    if (bits == 64) {
        memcpy(&pattern, &wide, 8);
        return pattern;
    }
    if (bits == 16)
        return float_to_half(narrow);
    memcpy(&word, &narrow, 4);
    return word;
}

/* The whole number that a latent stands for, as a float. */
static uint64_t whole_float(uint64_t latent, int bits)
{
    uint64_t middle = 1ull << (bits - 1), greatest = 1ull << (bits == 64 ? 53 : bits == 32 ? 24 : 11);
    bool negative = latent < middle;
    uint64_t size = negative ? middle - 1 - latent : latent - middle;
    uint64_t pattern = size < greatest ? pattern_of(size, bits) : pattern_of(greatest, bits) + (size - greatest);

    return (negative ? pattern ^ middle : pattern) & mask_of(bits);
}

/* ---- a stream */

static Variable *variables[3]; /* lookbacks, primary, secondary */

static void release(uint64_t *dict)
{
    for (int i = 0; i < 3; i++) {
        if (variables[i])
            free(variables[i]->window);
        free(variables[i]);
        variables[i] = NULL;
    }
    free(dict);
}

static void add_variable(int which, int bits, int delta, int order, int window_bits)
{
    Variable *v = variables[which] = calloc(1, sizeof *v);

    if (!v) {
        failed = true;
        return;
    }
    read_bins(v, bits);
    v->delta = delta;
    v->order = delta == PLAIN ? 0 : order;
    if (delta == LOOKBACK) {
        v->window_size = v->window_at = (size_t)1 << window_bits;
        v->window = calloc(2 * (v->window_size > BATCH ? v->window_size : BATCH), sizeof *v->window);
        failed |= !v->window;
    }
}

static void read_chunk(int type_bits, bool is_float, bool is_signed, size_t count, uint8_t *out)
{
    uint64_t base = 0, *dict = NULL, mask = mask_of(type_bits), middle = 1ull << (type_bits - 1);
    size_t dict_size = 0;
    int mode = (int)read_bits(4), k = 0, order = 0, window_bits = 0;
    bool secondary_delta = false;

    if (mode == INT_MULT || mode == FLOAT_MULT)
        base = read_bits(type_bits);
    if (mode == FLOAT_MULT) {
        base = from_ordered(base, type_bits);
        double value = as_double(base, type_bits);
        failed |= !(value - value == 0) || value == 0;
    }
    if (mode == FLOAT_QUANT) {
        k = (int)read_bits(8);
        failed |= k < 1 || k > (type_bits == 64 ? 52 : type_bits == 32 ? 23 : 10);
    }
    if (mode == DICT) {
        dict_size = (size_t)read_bits(25);
        finish_byte();
        if (at + (uint64_t)dict_size * type_bits > end || !(dict = malloc((dict_size + 1) * sizeof *dict)))
            failed = true;
        for (size_t i = 0; i < dict_size && !failed; i++)
            dict[i] = read_bits(type_bits);
    }
    failed |= mode > DICT || (mode == INT_MULT && is_float) || ((mode == FLOAT_MULT || mode == FLOAT_QUANT) && !is_float);

    int delta = (int)read_bits(4);
    if (delta == CONSECUTIVE) {
        order = (int)read_bits(3);
        secondary_delta = read_bits(1);
        failed |= order == 0;
    } else if (delta == LOOKBACK) {
        window_bits = 1 + (int)read_bits(5);
        int state_bits = (int)read_bits(4);
        secondary_delta = read_bits(1);
        order = 1 << state_bits;
        failed |= state_bits > window_bits || window_bits > 24;
    } else if (delta == CONV) {
        conv.quantization = (int)read_bits(5);
        conv.bias = (int64_t)(read_bits(64) ^ 1ull << 63);
        conv.order = order = 1 + (int)read_bits(5);
        for (int i = 0; i < order; i++)
            conv.weights[i] = (int32_t)((uint32_t)read_bits(32) ^ 0x80000000);
        failed |= type_bits == 64;
    } else
        failed |= delta != PLAIN;

    if (!failed && delta == LOOKBACK)
        add_variable(0, 32, PLAIN, 0, 0);
    if (!failed)
        add_variable(1, mode == DICT ? 32 : type_bits, delta, order, window_bits);
    if (!failed && (mode == INT_MULT || mode == FLOAT_MULT || mode == FLOAT_QUANT))
        add_variable(2, type_bits, secondary_delta ? delta : PLAIN, order, window_bits);
    finish_byte();
    for (int i = 0; i < 3 && !failed; i++)
        if (variables[i])
            read_state(variables[i]);
    finish_byte();

    Variable *lookback = variables[0], *primary = variables[1], *secondary = variables[2];
    int bytes = type_bits / 8;

    for (size_t done = 0; done < count && !failed; done += BATCH) {
        size_t left = count - done, size = left < BATCH ? left : BATCH;
        size_t after = left > (size_t)order ? left - order : 0, coded = after < size ? after : size;

        if (lookback)
            read_batch(lookback, coded);
        for (int i = 1; i < 3 && !failed; i++)
            if (variables[i]) {
                Variable *v = variables[i];

                read_batch(v, v->order ? coded : size);
                if (!failed)
                    undo_delta(v, size, coded, lookback ? lookback->latents : NULL);
            }
        for (size_t i = 0; i < size && !failed; i++) {
            uint64_t latent = primary->latents[i], value;

            if (mode == DICT) {
                latent &= 0xffffffff;
                if (latent >= dict_size) {
                    failed = true;
                    break;
                }
                latent = dict[latent];
            } else if (mode == INT_MULT)
                latent = latent * base + secondary->latents[i];
            else if (mode == FLOAT_QUANT) {
                uint64_t low = secondary->latents[i] & mask;

                latent = ((latent & mask) << k) + ((latent & mask) >= middle >> k ? low : (1ull << k) - 1 - low);
            } else if (mode == FLOAT_MULT) {
                uint64_t whole = whole_float(latent & mask, type_bits);

                latent = (to_ordered(product(whole, base, type_bits), type_bits) + secondary->latents[i]) ^ middle;
            }
            latent &= mask;
            value = is_float ? from_ordered(latent, type_bits) : is_signed ? latent ^ middle : latent;
            memcpy(out + (done + i) * bytes, &value, bytes);
        }
    }
    finish_byte();
    release(dict);
}

/* Decode exactly `count` numbers of a type (Pcodec's byte for it) to out. 0, or the step that failed. */
EMSCRIPTEN_KEEPALIVE int decode(const uint8_t *stream, size_t size, size_t count, int type, uint8_t *out)
{
    static const int BITS[] = {0, 32, 64, 32, 64, 32, 64, 16, 16, 16, 8, 8};
    size_t done = 0;

    if (type < 1 || type > 11)
        return 1;
    int bits = BITS[type];
    bool is_float = type == 5 || type == 6 || type == 9, is_signed = type == 3 || type == 4 || type == 8 || type == 11;

    data = stream;
    end = (uint64_t)size * 8;
    at = 0;
    failed = false;
    if (read_bits(32) != 0x216f6370) /* "pco!" */
        return 2;
    int version = (int)read_bits(8);
    if (version < 2 || version > 3)
        return 3;
    int uniform = version == 3 ? (int)read_bits(8) : 0;
    if (uniform && uniform != type)
        return 4;
    read_bits(1 + (int)read_bits(6));
    finish_byte();
    int major = (int)read_bits(8);
    if (major < 3 || major > 4)
        return 5;
    if (major == 4)
        read_bits(8);
    while (!failed) {
        int chunk_type = (int)read_bits(8);

        if (failed)
            break;
        if (chunk_type == 0)
            return done == count ? 0 : 6;
        if (chunk_type != type)
            return 4;
        size_t chunk = (size_t)read_bits(24) + 1;
        if (chunk > count - done)
            return 6;
        read_chunk(bits, is_float, is_signed, chunk, out + done * (bits / 8));
        done += chunk;
    }
    return 7;
}
