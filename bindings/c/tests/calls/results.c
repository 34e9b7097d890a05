/*
 * What functions compute. Masks are compared with the vectors of tests/data/mask_vectors.json, which share no code with
 * the library; everything else with what the documentation says of kept and dropped elements.
 */
#include <math.h>

#include "passes.h"

static const struct {
    dk_rate rate;
    dk_address address;
    uint32_t words[N / 32];
} vectors[] = {
    {{UINT64_C(2147483648)}, {UINT64_C(0x123456789abcdef), 7, 99, 0},
     {0x01857999, 0xefeb4051, 0xaa4b4b16, 0xfd454edd, 0xf449a73c, 0x3566671d, 0xebcd35b0, 0xf61cd992}},
    {{UINT64_C(429496730)}, {UINT64_C(0x123456789abcdef), 7, 99, 0},
     {0xf5cfffff, 0xfffff7ff, 0xfeffffff, 0xff6fcfff, 0xffffffff, 0x7fffffff, 0xfffffdfa, 0xffffffff}},
    {{UINT64_C(3865470566)}, {UINT64_C(0x123456789abcdef), 7, 99, 0},
     {0x00004000, 0x0c8a0000, 0x00000300, 0x80010004, 0x90002430, 0x21004700, 0x40000000, 0x00180010}},
    {{UINT64_C(429496730)}, {42, 0, 0, UINT64_C(549755813688)},
     {0xbfff7ebf, 0xffb9fadf, 0x7ff7ffd9, 0xfffffffe, 0xfdffdffb, 0xf77cffff, 0xfffeffff, 0xffffffc7}},
    {{UINT64_C(429496730)}, {42, 0, 0, UINT64_C(18446744073709551360)},
     {0xfffffddf, 0xd9fffffb, 0xdffffffe, 0xffbfefff, 0xfff7feff, 0xfdf7ffdf, 0xf3fffff7, 0xffdff7fd}},
    {{UINT64_C(1288490189)}, {UINT64_MAX, UINT32_MAX, UINT32_MAX, 0},
     {0xfffbf7c7, 0xf17dc7d7, 0x7909fbff, 0xb7e3cf99, 0xd777e5fd, 0x57f7a0bf, 0xd2fd421a, 0xb4fdfe79}},
    {{UINT64_C(1288490189)}, {UINT64_C(0x100000000), 1, 0, 0},
     {0x7fff57ff, 0x53dfa6ef, 0x0558eced, 0xef3ffe8d, 0xbcabeebd, 0xc5fefff2, 0xad7d997b, 0x8fdf7f4e}},
};

/* Those of the noise at the address of the first vector. */
static const uint32_t uniforms[16] = {361858864,  3129938271, 611803322,  3075796764, 3027573988, 3961227187,
                                      4252955903, 1861410348, 342224185,  917746421,  2249773885, 3771653008,
                                      1156152187, 960495297,  4203225057, 489315584};

const dk_rate half = {UINT64_C(1) << 31};
dk_mode train = {DK_TRAIN, {UINT64_C(0x123456789abcdef), 7, 99, 0}, {NULL, 0, 0, 0}};
const dk_mode eval = {DK_EVAL, {0, 0, 0, 0}, {NULL, 0, 0, 0}};

bool bit(const uint32_t *words, size_t i) { return words[i / 32] >> i % 32 & 1; }
bool kept(size_t i) { return bit(vectors[0].words, i); }

float margin[MARGIN + N + MARGIN], *const out = margin + MARGIN, x[N];

void begin(void) {
    memset(margin, 0x5A, sizeof margin);
    for (size_t i = 0; i < N; i++) x[i] = (float)i + 0.5f;
    x[1] = NAN, x[2] = INFINITY; /* both dropped */
}

bool untouched(const float *from, const float *to) {
    for (const unsigned char *byte = (const unsigned char *)from; byte < (const unsigned char *)to; byte++)
        if (*byte != 0x5A) return false;
    return true;
}

/* The first `len` outputs are at most `error` from keep ? a * x + b : dropped, and nothing else was written. */
static bool is(size_t len, double a, double b, double dropped, double error) {
    for (size_t i = 0; i < len; i++)
        if (!(fabs(out[i] - (kept(i) ? a * x[i] + b : dropped)) <= error)) return false;
    return untouched(margin, out) && untouched(out + len, margin + LENGTH(margin));
}

static void masks(void) {
    for (size_t v = 0; v < LENGTH(vectors); v++) {
        uint32_t words[1 + N / 32 + 1];
        memset(words, 0x5A, sizeof words);
        CHECK(dk_mask_words(vectors[v].rate, vectors[v].address, N, words + 1, N / 32) == DK_OK);
        CHECK(memcmp(words + 1, vectors[v].words, sizeof vectors[v].words) == 0);
        CHECK(words[0] == 0x5A5A5A5A && words[1 + N / 32] == 0x5A5A5A5A);
        CHECK(dk_mask_words(vectors[v].rate, vectors[v].address, 33, words, 2) == DK_OK);
        CHECK(words[0] == vectors[v].words[0] && words[1] == (vectors[v].words[1] & 1));
        for (size_t i = 0; i < N; i++) {
            bool keeps;
            CHECK(dk_mask_keeps(vectors[v].rate, vectors[v].address, i, &keeps) == DK_OK);
            CHECK(keeps == bit(vectors[v].words, i));
        }
    }
    CHECK(dk_mask_words(half, train.address, 0, NULL, 0) == DK_OK);
}

static bool folds(dk_rate rate, int32_t multiplier, int32_t shift, int32_t new_multiplier, int32_t new_shift) {
    return dk_rate_fold_scale(rate, &multiplier, &shift) == DK_OK && multiplier == new_multiplier && shift == new_shift;
}

static void rates(void) {
    dk_rate rate;
    double scale;
    CHECK(dk_rate_from_double(0.1, &rate) == DK_OK && rate.threshold == 429496730);
    CHECK(dk_rate_from_ratio(1, 10, &rate) == DK_OK && rate.threshold == 429496730);
    CHECK(dk_rate_from_double(1.0, &rate) == DK_OK && rate.threshold == UINT64_C(1) << 32);
    CHECK(dk_rate_scale(rate, &scale) == DK_OK && scale == INFINITY);
    CHECK(dk_rate_from_ratio(3, 3, &rate) == DK_OK && rate.threshold == UINT64_C(1) << 32);
    CHECK(dk_rate_from_ratio(3, 4, &rate) == DK_OK && dk_rate_scale(rate, &scale) == DK_OK && scale == 4.0);
    CHECK(folds(half, 3 << 29, -4, 3 << 29, -3));
    CHECK(folds((dk_rate){UINT64_C(1) << 30}, 3 << 29, 5, 1 << 30, 6)); /* 3/4 times 4/3 */
    CHECK(folds((dk_rate){429496730}, 1 << 30, 0, 1193046471, 0));
    CHECK(folds((dk_rate){429496730}, -2000000000, 0, -1111111111, 1));
    CHECK(folds(half, 0, 7, 0, 7) && folds((dk_rate){UINT64_C(1) << 32}, 1 << 30, 7, 1 << 30, 7));
}

typedef dk_error pass_f32(dk_rate, const dk_layout *, const dk_mode *, const float *, float *, size_t);

/* Out of place and in place, training, stored and evaluation: keep ? a * x + b : dropped. */
static void one_pass(pass_f32 *pass, double a, double b, double dropped) {
    const dk_mode stored = {DK_STORED, train.address, {vectors[0].words, N / 32, 0, N}};
    for (size_t len = 0; len <= N; len += 51) {
        begin();
        CHECK(pass(half, NULL, &train, x, out, len) == DK_OK && is(len, a, b, dropped, 1e-4));
        begin();
        memcpy(out, x, len * sizeof *x);
        CHECK(pass(half, NULL, &train, out, out, len) == DK_OK && is(len, a, b, dropped, 1e-4));
    }
    begin();
    CHECK(pass(half, NULL, &stored, x, out, N) == DK_OK && is(N, a, b, dropped, 1e-4));
    begin();
    CHECK(pass(half, NULL, &eval, x, out, N) == DK_OK && memcmp(out, x, sizeof x) == 0 && untouched(out + N, out + N + MARGIN));
    CHECK(pass(half, NULL, &train, NULL, NULL, 0) == DK_OK);
}

static void one_sum(pass_f32 *pass, double a) {
    begin();
    for (size_t i = 0; i < N; i++) out[i] = 1.0f;
    CHECK(pass(half, NULL, &train, x, out, N) == DK_OK && is(N, a, 1.0, 1.0, 1e-4));
    CHECK(pass(half, NULL, &train, NULL, NULL, 0) == DK_OK);
}

static void dropout_and_alpha(void) {
    one_pass(dk_dropout_f32, 2.0, 0.0, 0.0);
    one_pass(dk_dropout_backward_f32, 2.0, 0.0, 0.0);
    one_sum(dk_dropout_backward_add_f32, 2.0);

    const double q = 0.5, s = -1.7580993408473766, a = 1.0 / sqrt(q + s * s * q * (1.0 - q));
    one_pass(dk_alpha_dropout_f32, a, a * (q - 1.0) * s, a * q * s);
    one_pass(dk_alpha_dropout_backward_f32, a, 0.0, 0.0);
    one_sum(dk_alpha_dropout_backward_add_f32, a);

    begin();
    const dk_rate one = {UINT64_C(1) << 32};
    CHECK(dk_dropout_f32(one, NULL, &train, x, out, N) == DK_OK);
    for (size_t i = 0; i < N; i++) CHECK(out[i] == 0.0f && !signbit(out[i]));
}

/* The z with P(Z < z) = (u + 1/2) / 2^32, by bisection. */
static double quantile(uint32_t u) {
    double low = -10.0, high = 10.0;
    for (int i = 0; i < 100; i++) {
        const double z = (low + high) / 2.0;
        if (erfc(-z / sqrt(2.0)) / 2.0 < (u + 0.5) / 4294967296.0) low = z;
        else high = z;
    }
    return low;
}

static void gaussian(void) {
    enum { U = LENGTH(uniforms) };
    pass_f32 *const passes[] = {dk_gaussian_dropout_f32, dk_gaussian_dropout_backward_f32, dk_gaussian_dropout_backward_add_f32};
    for (size_t p = 0; p < LENGTH(passes); p++) {
        const float before = p == 2 ? 10.0f : 0.0f;
        begin();
        for (size_t i = 0; i < U; i++) x[i] = 3.0f, out[i] = before;
        CHECK(passes[p](half, NULL, &train, x, out, U) == DK_OK);
        for (size_t i = 0; i < U; i++) CHECK(fabs(out[i] - (before + 3.0 * (1.0 + quantile(uniforms[i])))) < 2e-5);
        CHECK(untouched(margin, out) && untouched(out + U, margin + LENGTH(margin)));
        if (p < 2) CHECK(passes[p](half, NULL, &eval, x, out, U) == DK_OK && memcmp(out, x, U * sizeof *x) == 0);
    }
}

#define INTEGERS(type, pass, zero, least, most)                                                                        \
    do {                                                                                                               \
        type in[N], margin[MARGIN + N + MARGIN], *const out = margin + MARGIN;                                         \
        for (int scaled = 0; scaled < 2; scaled++)                                                                     \
            for (int in_place = 0; in_place < 2; in_place++) {                                                         \
                memset(margin, 0x5A, sizeof margin);                                                                   \
                for (int i = 0; i < N; i++) in[i] = (type)((least) + (most) / 128 * i);                                \
                if (in_place) memcpy(out, in, sizeof in);                                                              \
                CHECK(pass(half, zero, scaled, NULL, &train, in_place ? out : in, out, N) == DK_OK);                   \
                for (size_t i = 0; i < N; i++) {                                                                       \
                    const int value = scaled ? (zero) + 2 * (in[i] - (zero)) : in[i];                                  \
                    CHECK(out[i] == (!kept(i) ? (zero) : value < (least) ? (least) : value > (most) ? (most) : value)); \
                }                                                                                                      \
                for (size_t i = 0; i < MARGIN * sizeof *in; i++)                                                       \
                    CHECK(((char *)margin)[i] == 0x5A && ((char *)(out + N))[i] == 0x5A);                              \
            }                                                                                                          \
        CHECK(pass(half, zero, true, NULL, &eval, in, out, N) == DK_OK && memcmp(in, out, sizeof in) == 0);            \
        CHECK(pass(half, zero, true, NULL, &eval, NULL, NULL, 0) == DK_OK);                                            \
    } while (0)

static void integers(void) {
    INTEGERS(int8_t, dk_dropout_i8, -3, -128, 127);
    INTEGERS(uint8_t, dk_dropout_u8, 130, 0, 255);
    INTEGERS(int16_t, dk_dropout_i16, 1000, -32768, 32767);
}

/* Dense passes of vector v from decision `first` on, on a type: a kept value is `kept_value` of its input, a dropped one `zero`. */
#define DENSE(type, zero, kept_value, call)                                                                            \
    for (size_t v = 0; v < LENGTH(vectors); v++)                                                                       \
        for (size_t first = 0; first < 100; first += 33)                                                               \
            for (size_t len = 0; len <= N - first; len = len < 3 ? len + 1 : len + 41) {                               \
                type margin[MARGIN + N + MARGIN], *const values = margin + MARGIN;                                     \
                dk_address address = vectors[v].address;                                                               \
                const dk_rate rate = vectors[v].rate;                                                                  \
                address.offset += first;                                                                               \
                memset(margin, 0x5A, sizeof margin);                                                                   \
                for (size_t i = 0; i < len; i++) values[i] = (type)(i % 97 + 5);                                       \
                CHECK((call) == DK_OK);                                                                                \
                for (size_t i = 0; i < len; i++) {                                                                     \
                    const type input = (type)(i % 97 + 5);                                                             \
                    CHECK(values[i] == (bit(vectors[v].words, first + i) ? (kept_value) : (type)(zero)));              \
                }                                                                                                      \
                for (size_t i = 0; i < MARGIN * sizeof(type); i++)                                                     \
                    CHECK(((char *)margin)[i] == 0x5A && ((char *)(values + len))[i] == 0x5A);                         \
            }

static void dense(void) {
    DENSE(float, 0, input * (float)(4294967296.0 / (4294967296.0 - (double)rate.threshold)),
          dk_dropout_dense_f32(rate, &address, values, len))
    DENSE(float, 0, input * (float)(4294967296.0 / (4294967296.0 - (double)rate.threshold)),
          dk_dropout_dense_backward_f32(rate, &address, values, len))
    DENSE(int8_t, -3, input, dk_dropout_dense_i8(rate, -3, &address, values, len))
    DENSE(uint8_t, 130, input, dk_dropout_dense_u8(rate, 130, &address, values, len))
    DENSE(int16_t, 1000, input, dk_dropout_dense_i16(rate, 1000, &address, values, len))

    /* Bit for bit what the passes of all modes compute, special values included. */
    begin();
    float values[N];
    memcpy(values, x, sizeof x);
    CHECK(dk_dropout_f32(half, NULL, &train, x, out, N) == DK_OK);
    CHECK(dk_dropout_dense_f32(half, &train.address, values, N) == DK_OK && memcmp(values, out, sizeof values) == 0);
    CHECK(dk_dropout_dense_f32(half, &train.address, NULL, 0) == DK_OK);
}

static void layouts(void) {
    dk_size size;

    const size_t nchw[] = {4, 16, 2, 2};
    const dk_layout maps = {4, nchw, 1u << 2 | 1u << 3, NULL, NULL, NULL};
    CHECK(dk_layout_size(&maps, &size) == DK_OK && size.elements == N && size.decisions == 64 && size.words == 2);
    begin();
    x[1] = x[2] = 1.0f;
    CHECK(dk_dropout_f32(half, &maps, &train, x, out, N) == DK_OK);
    for (size_t i = 0; i < N; i++) CHECK(out[i] == (kept(i / 4) ? 2.0f * x[i] : 0.0f));

    const size_t shape[] = {4, 8}, strides[] = {16, 1};
    const dk_layout view = {2, shape, 0, strides, NULL, NULL};
    CHECK(dk_layout_size(&view, &size) == DK_OK && size.elements == 3 * 16 + 8 && size.decisions == 32);
    begin();
    CHECK(dk_dropout_f32(half, &view, &train, x, out, size.elements) == DK_OK);
    for (size_t r = 0; r < 4; r++) {
        for (size_t c = 0; c < 8; c++) CHECK(out[16 * r + c] == (kept(8 * r + c) ? 2.0f * x[16 * r + c] : 0.0f));
        CHECK(untouched(out + 16 * r + 8, out + 16 * r + 16));
    }

    const size_t whole[] = {16, 16}, start[] = {4, 8}, box[] = {8, 8};
    const dk_layout part = {2, box, 0, NULL, whole, start};
    CHECK(dk_layout_size(&part, &size) == DK_OK && size.elements == 64 && size.decisions == N);
    begin();
    x[1] = x[2] = 1.0f;
    CHECK(dk_dropout_f32(half, &part, &train, x, out, 64) == DK_OK);
    for (size_t i = 0; i < 64; i++) CHECK(out[i] == (kept((i / 8 + 4) * 16 + i % 8 + 8) ? 2.0f * x[i] : 0.0f));

    const dk_layout scalar = {0, NULL, 0, NULL, NULL, NULL}, first = {2, box, 0, NULL, whole, NULL};
    CHECK(dk_layout_size(&scalar, &size) == DK_OK && size.elements == 1 && size.decisions == 1 && size.words == 1);
    CHECK(dk_dropout_f32(half, &first, &train, x, out, 64) == DK_OK && out[16] == (kept(32) ? 2.0f * x[16] : 0.0f));

    /* A window of the dense tensor, and a stored mask that begins at bit 40. */
    train.address.offset = 40;
    const dk_mode stored = {DK_STORED, train.address, {vectors[0].words, N / 32, 40, 100}};
    const dk_mode *const modes[] = {&train, &stored};
    for (size_t m = 0; m < LENGTH(modes); m++) {
        begin();
        CHECK(dk_dropout_f32(half, NULL, modes[m], x + 3, out, 100) == DK_OK && untouched(out + 100, out + N));
        for (size_t i = 0; i < 100; i++) CHECK(out[i] == (kept(40 + i) ? 2.0f * x[3 + i] : 0.0f));
    }
    train.address.offset = 0;
}

static void moments(void) {
    static const float passes[3][4] = {{1.0f, -2.0f, 5.0f, 1e6f}, {2.0f, 4.0f, 5.0f, 1e6f + 2.0f}, {6.0f, 4.0f, 5.0f, 1e6f + 4.0f}};
    static const float means[4] = {3.0f, 2.0f, 5.0f, 1e6f + 2.0f}, m2[4] = {14.0f, 24.0f, 0.0f, 8.0f};
    for (int parts = 1; parts <= 2; parts++) {
        float a[2][5], b[2][5], variance[5];
        dk_moments sum, other;
        memset(a, 0x5A, sizeof a), memset(b, 0x5A, sizeof b), memset(variance, 0x5A, sizeof variance);
        CHECK(dk_moments_new(&sum, a[0], a[1], 4) == DK_OK && sum.passes == 0 && sum.len == 4 && a[0][3] == 0.0f);
        CHECK(dk_moments_new(&other, b[0], b[1], 4) == DK_OK && other.mean == b[0] && other.m2 == b[1]);
        for (int i = 0; i < 3; i++) CHECK(dk_moments_add(i < parts ? &sum : &other, passes[i], 4) == DK_OK);
        CHECK(dk_moments_merge(&sum, &other) == DK_OK && sum.passes == 3 && other.passes == (uint32_t)(3 - parts));
        CHECK(dk_moments_population_variance(&sum, variance, 4) == DK_OK);
        for (int i = 0; i < 4; i++) {
            CHECK(fabsf(a[0][i] - means[i]) <= 1e-6f * means[i] && fabsf(a[1][i] - m2[i]) <= 1e-4f);
            CHECK(fabsf(variance[i] - m2[i] / 3.0f) <= 1e-4f);
        }
        CHECK(dk_moments_sample_variance(&sum, variance, 4) == DK_OK);
        for (int i = 0; i < 4; i++) CHECK(fabsf(variance[i] - m2[i] / 2.0f) <= 1e-4f);
        CHECK(untouched(a[0] + 4, a[1]) && untouched(a[1] + 4, a[1] + 5) && untouched(variance + 4, variance + 5));
    }
    dk_moments none;
    CHECK(dk_moments_new(&none, NULL, NULL, 0) == DK_OK && dk_moments_add(&none, NULL, 0) == DK_OK && none.passes == 1);
}

void check_results(void) {
    masks();
    rates();
    dropout_and_alpha();
    gaussian();
    integers();
    dense();
    layouts();
    moments();
}
