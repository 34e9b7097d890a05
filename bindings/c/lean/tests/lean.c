/* The header against the vectors of the mask contract, and against the library on random addresses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dropout_kernels.h"
#include "dropout_kernels_lean.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                                     \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { MOST = 512, WORDS = MOST / 32 };

static const struct {
    uint64_t threshold;
    dkl_address address;
    size_t count;
    const char *keep;
} vectors[] = {
#include "vectors.inc"
};
enum { VECTORS = sizeof vectors / sizeof vectors[0] };

static void check_vectors(void) {
    CHECK(VECTORS == 34);
    for (int v = 0; v < VECTORS; v++) {
        const size_t len = vectors[v].count;
        uint32_t words[WORDS];
        float x[MOST], y[MOST];
        int8_t bytes[MOST];
        CHECK(len <= MOST && strlen(vectors[v].keep) == len);
        for (size_t i = 0; i < len; i++) x[i] = 1.0f, bytes[i] = 1;
        CHECK(dkl_mask_words(vectors[v].threshold, &vectors[v].address, len, words) == DKL_OK);
        CHECK(dkl_dropout_f32(vectors[v].threshold, &vectors[v].address, x, y, len) == DKL_OK);
        CHECK(dkl_dropout_i8(vectors[v].threshold, 7, &vectors[v].address, bytes, bytes, len) == DKL_OK);
        for (size_t i = 0; i < len; i++) {
            const bool keep = vectors[v].keep[i] == '1';
            CHECK((words[i / 32] >> i % 32 & 1) == keep && (y[i] != 0.0f) == keep && bytes[i] == (keep ? 1 : 7));
        }
    }
}

/* The scale that the contract names, in doubles; with thresholds of which a single rounding gives another one. */
static void check_scale(uint64_t threshold) {
    const float expected = (float)(4294967296.0 / (double)((UINT64_C(1) << 32) - threshold));
    CHECK(dkl_scale(threshold) == expected);
}

/* SplitMix64. */
static uint64_t random_bits(void) {
    static uint64_t state;
    uint64_t z = state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static void check_scales(void) {
    const uint64_t twice_rounded[] = {1066742890, 268435441, 900048281, 286094850};
    for (int i = 0; i < 4; i++) check_scale(twice_rounded[i]);
    for (uint64_t i = 0; i < 100; i++) check_scale(i), check_scale((UINT64_C(1) << 32) - 1 - i);
    for (int i = 0; i < 100000; i++) check_scale(random_bits() >> 32 >> random_bits() % 32);
}

static void check_ratio(uint32_t numerator, uint32_t denominator) {
    dk_rate rate;
    CHECK(dk_rate_from_ratio(numerator, denominator, &rate) == DK_OK);
    CHECK(DKL_RATIO(numerator, denominator) == rate.threshold);
}

static void check_ratios(void) {
    static const uint64_t constant = DKL_RATIO(1, 10); /* 10 % as 429496729.6 */
    CHECK(constant == 429496730);
    check_ratio(1, UINT32_C(1) << 31), check_ratio(0, 1), check_ratio(1, 1), check_ratio(UINT32_MAX, UINT32_MAX);
    for (int i = 0; i < 100000; i++) {
        const uint32_t denominator = (uint32_t)(random_bits() >> 33 >> random_bits() % 31) | 1;
        check_ratio((uint32_t)(random_bits() % denominator), denominator << random_bits() % 2);
    }
}

/* Thresholds of every kind: few bits, many, nothing and everything. */
static uint64_t random_threshold(void) {
    switch (random_bits() % 4) {
    case 0: return random_bits() % 17 << 28;
    case 1: return random_bits() % 4097 << 20;
    case 2: return random_bits() >> 32 >> random_bits() % 32;
    default: return random_bits() >> 32;
    }
}

/* Offsets near those where something carries, and anywhere. */
static uint64_t random_offset(size_t len) {
    const uint64_t carries[] = {0, 128, UINT64_C(1) << 32, UINT64_C(1) << 39, UINT64_C(1) << 63, 0 - (uint64_t)len};
    const uint64_t pick = random_bits() % 8, near = random_bits() % 256;
    if (pick >= 6) return random_bits() >> random_bits() % 64 >> 1;
    return pick == 5 ? carries[5] - near : carries[pick] + (pick ? near - 128 : near);
}

static dk_address same(dkl_address address) {
    return (dk_address){address.seed, address.layer, address.step, address.offset};
}

static void check_random(void) {
    const size_t len = random_bits() % (MOST + 1), words_len = (len + 31) / 32;
    const uint64_t threshold = random_threshold();
    const dkl_address address = {random_bits(), (uint32_t)random_bits(), (uint32_t)random_bits(), random_offset(len)};
    const dk_rate rate = {threshold};
    const dk_mode train = {DK_TRAIN, same(address), {NULL, 0, 0, 0}};

    uint32_t words[2][WORDS + 1];
    memset(words, 0x5A, sizeof words);
    CHECK(dkl_mask_words(threshold, &address, len, words[0]) == DKL_OK);
    CHECK(dk_mask_words(rate, train.address, len, words[1], words_len) == DK_OK);
    CHECK(memcmp(words[0], words[1], sizeof words[0]) == 0);

    float x[MOST], y[3][MOST];
    int8_t bytes[2][MOST];
    for (size_t i = 0; i < MOST; i++) x[i] = ((float)i - 250.5f) / 3.0f, bytes[0][i] = (int8_t)i;
    memcpy(bytes[1], bytes[0], sizeof bytes[0]);
    for (int i = 0; i < 3; i++) memcpy(y[i], x, sizeof x);
    CHECK(dk_dropout_f32(rate, NULL, &train, x, y[0], len) == DK_OK);
    CHECK(dkl_dropout_f32(threshold, &address, x, y[1], len) == DKL_OK);
    CHECK(dkl_dropout_f32(threshold, &address, y[2], y[2], len) == DKL_OK);
    CHECK(memcmp(y[0], y[1], sizeof x) == 0 && memcmp(y[0], y[2], sizeof x) == 0);
    CHECK(dk_dropout_backward_f32(rate, NULL, &train, x, y[2], len) == DK_OK);
    CHECK(memcmp(y[1], y[2], sizeof x) == 0);
    CHECK(dk_dropout_i8(rate, -3, false, NULL, &train, bytes[0], bytes[0], len) == DK_OK);
    CHECK(dkl_dropout_i8(threshold, -3, &address, bytes[1], bytes[1], len) == DKL_OK);
    CHECK(memcmp(bytes[0], bytes[1], sizeof bytes[0]) == 0);
}

/* Thresholds with which a decision ties in more and more bits, at last in all: bisection between p = 0 and p = 1. */
static void check_ties(void) {
    const dkl_address address = {random_bits(), (uint32_t)random_bits(), (uint32_t)random_bits(), random_bits() >> 8};
    const uint32_t decision = random_bits() % 128;
    uint64_t kept = 0, dropped = UINT64_C(1) << 32;
    while (dropped - kept > 1) {
        const dk_rate rate = {(kept + dropped) / 2};
        uint32_t words[2][4];
        CHECK(dkl_mask_words(rate.threshold, &address, 128, words[0]) == DKL_OK);
        CHECK(dk_mask_words(rate, same(address), 128, words[1], 4) == DK_OK);
        CHECK(memcmp(words[0], words[1], sizeof words[0]) == 0);
        *(words[0][decision / 32] >> decision % 32 & 1 ? &kept : &dropped) = rate.threshold;
    }
}

/* Every error, with which nothing may be written. */
static void check_errors(void) {
    const dkl_address address = {1, 2, 3, UINT64_MAX};
    const uint64_t above = (UINT64_C(1) << 32) + 1;
    float x[2] = {1, 2};
    int8_t bytes[2] = {1, 2};
    uint32_t words[1] = {5};
    CHECK(dkl_dropout_f32(0, NULL, x, x, 2) == DKL_ERROR_NULL);
    CHECK(dkl_dropout_f32(0, &address, NULL, x, 2) == DKL_ERROR_NULL);
    CHECK(dkl_dropout_f32(0, &address, x, NULL, 2) == DKL_ERROR_NULL);
    CHECK(dkl_dropout_i8(0, 0, &address, NULL, bytes, 2) == DKL_ERROR_NULL);
    CHECK(dkl_dropout_i8(0, 0, &address, bytes, NULL, 2) == DKL_ERROR_NULL);
    CHECK(dkl_mask_words(0, &address, 1, NULL) == DKL_ERROR_NULL);
    CHECK(dkl_dropout_f32(above, &address, x, x, 1) == DKL_ERROR_THRESHOLD);
    CHECK(dkl_dropout_i8(above, 0, &address, bytes, bytes, 1) == DKL_ERROR_THRESHOLD);
    CHECK(dkl_mask_words(above, &address, 1, words) == DKL_ERROR_THRESHOLD);
    CHECK(dkl_dropout_f32(1u << 31, &address, x, x, 2) == DKL_ERROR_INDEX_OVERFLOW);
    CHECK(dkl_dropout_i8(1u << 31, 0, &address, bytes, bytes, 2) == DKL_ERROR_INDEX_OVERFLOW);
    CHECK(dkl_mask_words(1u << 31, &address, 2, words) == DKL_ERROR_INDEX_OVERFLOW);
    CHECK(x[0] == 1 && x[1] == 2 && bytes[0] == 1 && bytes[1] == 2 && words[0] == 5);
    CHECK(dkl_dropout_f32(0, &address, NULL, NULL, 0) == DKL_OK && dkl_mask_words(0, &address, 0, NULL) == DKL_OK);
    CHECK((int)DKL_ERROR_NULL == DK_ERROR_NULL && (int)DKL_ERROR_THRESHOLD == DK_ERROR_THRESHOLD);
    CHECK((int)DKL_ERROR_INDEX_OVERFLOW == DK_ERROR_INDEX_OVERFLOW);
}

/* What is dropped becomes +0, also NaN, infinities and -0; what is kept stays NaN. */
static void check_values(void) {
    const dkl_address address = {1, 2, 3, 4};
    const float zero = 0.0f, infinity = 1.0f / zero, special[4] = {infinity - infinity, infinity, -infinity, -zero};
    float x[128];
    uint32_t words[4];
    CHECK(dkl_mask_words(DKL_RATIO(1, 2), &address, 128, words) == DKL_OK);
    for (int i = 0; i < 128; i++) x[i] = special[i % 4];
    CHECK(dkl_dropout_f32(DKL_RATIO(1, 2), &address, x, x, 128) == DKL_OK);
    for (int i = 0; i < 128; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, 4);
        if (!(words[i / 32] >> i % 32 & 1)) CHECK(bits == 0);
        else CHECK(i % 4 == 0 ? x[i] != x[i] : x[i] == special[i % 4]);
    }
}

int main(void) {
    check_vectors();
    check_scales();
    check_ratios();
    check_errors();
    check_values();
    const int cases = 20000;
    for (int i = 0; i < cases; i++) check_random();
    for (int i = 0; i < 1000; i++) check_ties();
    printf("lean: %d vectors, %d random addresses\n", VECTORS, cases);
    return 0;
}
