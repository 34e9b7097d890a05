/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Dropout in one header of C99, also C++11: masks, and dense dropout of float and int8_t. For microcontrollers, from an
 * 8-bit AVR on: no allocation, no state, no scratch buffer, no double. The masks and values are those of
 * dropout-kernels, bit for bit, on every CPU.
 *
 *     #include "dropout_kernels_lean.h"
 *
 *     // The address selects the mask: count the steps, or the passes of Monte-Carlo dropout, and number the layers.
 *     const dkl_address address = {42, 0, step, 0}; // seed, layer, step, offset
 *     dkl_error error = dkl_dropout_f32(DKL_RATIO(1, 10), &address, x, y, 64);
 *     error = dkl_dropout_f32(DKL_RATIO(1, 10), &address, grad_y, grad_x, 64); // the backward pass is the same call
 *
 * The rules for all functions:
 *
 * - A function returns DKL_OK, or an error, which is positive. After an error it has written nothing.
 * - The rate is the probability p of *dropping*, as the threshold T = p * 2^32, at most 2^32.
 * - x and y may be the same pointer, and do not overlap otherwise.
 * - A pointer points to as many elements as the length says. With a length of 0 it may be NULL.
 * - Inference drops nothing: call nothing, or copy x to y.
 */
#ifndef DROPOUT_KERNELS_LEAN_H
#define DROPOUT_KERNELS_LEAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The threshold of p = numerator / denominator: rounded to nearest, ties to even. A constant, if they are. */
#define DKL_RATIO(numerator, denominator)                                                                              \
    (DKL_SCALED(numerator) / (denominator)                                                                             \
     + (DKL_SCALED(numerator) % (denominator) * 2 + (DKL_SCALED(numerator) / (denominator) & 1) > (denominator)))
#define DKL_SCALED(numerator) ((uint64_t)(numerator) << 32)

/* The values are those of dk_error in dropout_kernels.h. */
typedef enum dkl_error {
    DKL_OK = 0,
    DKL_ERROR_NULL = 1,            /* a pointer that is NULL, though the length is not 0; or no address */
    DKL_ERROR_THRESHOLD = 7,       /* a threshold above 2^32 */
    DKL_ERROR_INDEX_OVERFLOW = 13, /* decisions whose logical indices do not all fit 64 bits */
} dkl_error;

/* The same address and threshold give the same mask, on every CPU. */
typedef struct dkl_address {
    uint64_t seed;   /* the run */
    uint32_t layer;  /* the layer within the network */
    uint32_t step;   /* the training step, or the number of the pass in Monte-Carlo dropout */
    uint64_t offset; /* the logical index of the first decision: 0, or where a window of a larger tensor begins */
} dkl_address;

/* Two places call the generator. Compilers would copy it to both. */
#ifdef __GNUC__
#define DKL_APART __attribute__((noinline))
#else
#define DKL_APART
#endif

/* Philox4x32-10: 128 random bits of a block, by the call with this number in a domain. */
DKL_APART static void dkl_call(const dkl_address *address, uint64_t block, uint32_t domain, uint32_t number,
                               uint32_t words[4]) {
    uint32_t key0 = (uint32_t)address->seed, key1 = (uint32_t)(address->seed >> 32);
    uint32_t x0 = (uint32_t)block, x1 = (uint32_t)(block >> 32) | domain << 25 | number << 27;
    uint32_t x2 = address->layer, x3 = address->step;
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)x0 * UINT32_C(0xD2511F53), p1 = (uint64_t)x2 * UINT32_C(0xCD9E8D57);
        x0 = (uint32_t)(p1 >> 32) ^ x1 ^ key0;
        x1 = (uint32_t)p1;
        x2 = (uint32_t)(p0 >> 32) ^ x3 ^ key1;
        x3 = (uint32_t)p0;
        key0 += UINT32_C(0x9E3779B9);
        key1 += UINT32_C(0xBB67AE85);
    }
    words[0] = x0;
    words[1] = x1;
    words[2] = x2;
    words[3] = x3;
}

/* The keep bits of a block: decision i of it is bit i % 32 of word i / 32. */
static void dkl_decide(const dkl_address *address, uint64_t threshold, uint64_t block, uint32_t keep[4]) {
    uint32_t left = (uint32_t)threshold; /* bits of the threshold that are still to be compared, the highest first */
    uint32_t tied[4], words[4];
    /* All are kept so far, and tie; at p = 1 none, and no bits are left. */
    for (int i = 0; i < 4; i++) keep[i] = tied[i] = (uint32_t)(threshold >> 32) - 1;
    for (uint32_t number = 0; number < 4 && left; number++, left <<= 1) {
        dkl_call(address, block, 0, number, words);
        for (int i = 0; i < 4; i++) {
            if (left >> 31) {
                keep[i] &= ~tied[i] | words[i];
                tied[i] &= words[i];
            } else {
                tied[i] &= ~words[i];
            }
        }
    }
    if (!left) return; /* what still ties is kept */

    /* Those that tie after the planes get bytes, dealt by their rank among them. */
    uint32_t ranked[4];
    for (int i = 0; i < 4; i++) ranked[i] = tied[i];
    for (uint32_t level = 0; level < 4 && left; level++, left <<= 8) {
        uint32_t rank = 0, number = UINT32_MAX;
        for (int i = 0; i < 4; i++) {
            for (uint32_t rest = ranked[i]; rest; rest &= rest - 1, rank++) {
                const uint32_t decision = rest & (0 - rest);
                if (!(tied[i] & decision)) continue;
                if (number != 8 * level + rank / 16) {
                    number = 8 * level + rank / 16;
                    dkl_call(address, block, 2, number, words);
                }
                const uint32_t byte = words[rank / 4 % 4] >> rank % 4 * 8 & 0xFF;
                if (byte < left >> 24) keep[i] &= ~decision;
                if (byte != left >> 24) tied[i] &= ~decision;
            }
        }
    }
}

/* A walk through the decisions, at most 32 at a time. */
typedef struct dkl_walk {
    const dkl_address *address;
    uint64_t threshold;
    size_t len, first, count; /* of all; and of the present ones: the first, and their number */
    uint32_t keep;            /* the present ones, from bit 0 on */
    uint32_t block[4];
} dkl_walk;

static dkl_error dkl_begin(dkl_walk *walk, uint64_t threshold, const dkl_address *address, size_t len, bool present) {
    if (address == NULL || (len && !present)) return DKL_ERROR_NULL;
    if (threshold > UINT64_C(1) << 32) return DKL_ERROR_THRESHOLD;
    if (len && address->offset > UINT64_MAX - (len - 1)) return DKL_ERROR_INDEX_OVERFLOW;
    walk->address = address;
    walk->threshold = threshold;
    walk->len = len;
    walk->first = walk->count = 0;
    return DKL_OK;
}

static bool dkl_next(dkl_walk *walk) {
    walk->first += walk->count;
    const size_t left = walk->len - walk->first;
    if (!left) return false;
    const unsigned place = ((unsigned)walk->address->offset + (unsigned)walk->first) % 128;
    if (!walk->first || !place)
        dkl_decide(walk->address, walk->threshold, (walk->address->offset + walk->first) >> 7, walk->block);
    walk->keep = walk->block[place / 32] >> place % 32;
    walk->count = 32 - place % 32;
    if (walk->count > left) {
        walk->count = left;
        walk->keep &= (UINT32_C(1) << left) - 1;
    }
    return true;
}

/*
 * The scale 1 / (1 - p) of inverted dropout, 2^32 / (2^32 - T) rounded to a double's 53 bits and then to a float's 24,
 * as the contract says; without doubles, which an AVR does not have. At p = 1, where nothing is kept, it is 1.
 */
static inline float dkl_scale(uint64_t threshold) {
    union {
        uint32_t bits;
        float value;
    } scale = {UINT32_C(127) << 23};
    uint32_t divisor = 0 - (uint32_t)threshold;
    if (!divisor) return scale.value;
    for (; !(divisor >> 31); divisor <<= 1) scale.bits += UINT32_C(1) << 23;
    /* Long division: the quotient is above 1, and at most 2. Of its bits after the point, 23 are high and 29 low. */
    uint32_t rest = 0 - divisor, high = 0, low = 0;
    for (int bit = 0; bit < 52; bit++) {
        const bool one = rest >= divisor - rest;
        rest += rest - (one ? divisor : 0);
        if (bit < 23) high = high << 1 | one;
        else low = low << 1 | one;
    }
    low += rest > divisor - rest; /* which are not equal, as powers of two have no odd divisors */
    high += low > UINT32_C(1) << 28 || (low == UINT32_C(1) << 28 && (high & 1));
    scale.bits += high; /* of 24 bits if the quotient is 2 */
    return scale.value;
}

/*
 * The keep bits of the first `decisions` decisions: decision i in bit i % 32, counted from the least significant, of
 * word i / 32. There are (decisions + 31) / 32 words. What is left of the last one is zero.
 */
static inline dkl_error dkl_mask_words(uint64_t threshold, const dkl_address *address, size_t decisions,
                                       uint32_t *words) {
    dkl_walk walk;
    const dkl_error error = dkl_begin(&walk, threshold, address, decisions, words != NULL);
    if (error != DKL_OK) return error;
    while (dkl_next(&walk)) {
        const unsigned bit = walk.first % 32;
        uint32_t *word = words + walk.first / 32;
        *word = (bit ? *word : 0) | walk.keep << bit;
        if (bit + walk.count > 32) word[1] = walk.keep >> (32 - bit);
    }
    return DKL_OK;
}

/* Inverted dropout: dropped elements become +0, whatever they were, and kept ones are multiplied by 1 / (1 - p). */
static inline dkl_error dkl_dropout_f32(uint64_t threshold, const dkl_address *address, const float *x, float *y,
                                        size_t len) {
    dkl_walk walk;
    const dkl_error error = dkl_begin(&walk, threshold, address, len, x != NULL && y != NULL);
    if (error != DKL_OK) return error;
    const float scale = dkl_scale(threshold);
    while (dkl_next(&walk)) {
        const float *from = x + walk.first;
        float *to = y + walk.first, *const end = to + walk.count;
        for (uint32_t keep = walk.keep; to < end; keep >>= 1, from++, to++) *to = keep & 1 ? *from * scale : 0.0f;
    }
    return DKL_OK;
}

/*
 * Dropout of quantised values: dropped elements become the zero point, and kept ones stay as they are. The scale
 * 1 / (1 - p) belongs into the requantisation that follows.
 */
static inline dkl_error dkl_dropout_i8(uint64_t threshold, int8_t zero_point, const dkl_address *address,
                                       const int8_t *x, int8_t *y, size_t len) {
    dkl_walk walk;
    const dkl_error error = dkl_begin(&walk, threshold, address, len, x != NULL && y != NULL);
    if (error != DKL_OK) return error;
    while (dkl_next(&walk)) {
        const int8_t *from = x + walk.first;
        int8_t *to = y + walk.first, *const end = to + walk.count;
        for (uint32_t keep = walk.keep; to < end; keep >>= 1, from++, to++) *to = keep & 1 ? *from : zero_point;
    }
    return DKL_OK;
}

#endif
