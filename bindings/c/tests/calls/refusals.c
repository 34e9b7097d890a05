/*
 * Every error of every function, after which nothing may have been written. DK_ERROR_OTHER has no arguments that lead
 * to it.
 */
#include <math.h>

#include "check.h"

int failures;

enum { N = 64 };

/* Everything that functions write. */
static struct outputs {
    float values[3 * N];
    int16_t integers[2 * N];
    uint32_t words[N / 32 + 1];
    float moments[4][N];
    dk_moments sum, other;
    dk_rate rate;
    dk_size size;
    dk_stored_mask mask;
    double scale;
    int32_t fixed[2];
    bool keeps;
} o, before;

static void begin(void) {
    memset(&o, 0x5A, sizeof o);
    o.sum.passes = o.other.passes = 0;
    o.sum.mean = o.moments[0], o.sum.m2 = o.moments[1], o.sum.len = N;
    o.other.mean = o.moments[2], o.other.m2 = o.moments[3], o.other.len = N;
    memcpy(&before, &o, sizeof o);
}

#define REFUSES(error, call)                                                                                           \
    do {                                                                                                               \
        CHECK((call) == (error));                                                                                      \
        CHECK(memcmp(&before, &o, sizeof o) == 0);                                                                     \
    } while (0)

static void *misaligned(void *pointer) { return (char *)pointer + 1; }

static const dk_rate half = {UINT64_C(1) << 31}, above_one = {(UINT64_C(1) << 32) + 1};
static const dk_address address = {42, 0, 7, 0}, last = {42, 0, 7, UINT64_MAX};
static const dk_mode train = {DK_TRAIN, {42, 0, 7, 0}, {NULL, 0, 0, 0}};
static const float x[N] = {0.0f};
static const uint32_t words[N / 32] = {0};

static void errors(void) {
#define NAME(error) CHECK(strcmp(dk_error_name(error), #error) == 0)
    NAME(DK_OK); NAME(DK_ERROR_NULL); NAME(DK_ERROR_ALIGNMENT); NAME(DK_ERROR_OVERLAP); NAME(DK_ERROR_LENGTH);
    NAME(DK_ERROR_RATE); NAME(DK_ERROR_RATIO); NAME(DK_ERROR_THRESHOLD); NAME(DK_ERROR_RANK); NAME(DK_ERROR_AXIS);
    NAME(DK_ERROR_STRIDE); NAME(DK_ERROR_PART); NAME(DK_ERROR_SHAPE_OVERFLOW); NAME(DK_ERROR_INDEX_OVERFLOW);
    NAME(DK_ERROR_PASS); NAME(DK_ERROR_STORED_MASK); NAME(DK_ERROR_BLOCK_SIZE);
    NAME(DK_ERROR_FLAGS); NAME(DK_ERROR_OTHER);
    CHECK(strcmp(dk_error_name(-1), "unknown") == 0 && strcmp(dk_error_name(DK_ERROR_OTHER + 1), "unknown") == 0);
}

static void rates_and_masks(void) {
    begin();
    const double no_rates[] = {NAN, INFINITY, -INFINITY, -0.1, 1.0000000000000002};
    for (size_t i = 0; i < LENGTH(no_rates); i++) REFUSES(DK_ERROR_RATE, dk_rate_from_double(no_rates[i], &o.rate));
    REFUSES(DK_ERROR_NULL, dk_rate_from_double(0.5, NULL));
    REFUSES(DK_ERROR_ALIGNMENT, dk_rate_from_double(0.5, misaligned(&o.rate)));
    REFUSES(DK_ERROR_RATIO, dk_rate_from_ratio(2, 1, &o.rate));
    REFUSES(DK_ERROR_RATIO, dk_rate_from_ratio(0, 0, &o.rate));
    REFUSES(DK_ERROR_NULL, dk_rate_from_ratio(1, 2, NULL));
    REFUSES(DK_ERROR_THRESHOLD, dk_rate_scale(above_one, &o.scale));
    REFUSES(DK_ERROR_NULL, dk_rate_scale(half, NULL));
    REFUSES(DK_ERROR_THRESHOLD, dk_rate_fold_scale(above_one, &o.fixed[0], &o.fixed[1]));
    REFUSES(DK_ERROR_NULL, dk_rate_fold_scale(half, NULL, &o.fixed[1]));
    REFUSES(DK_ERROR_NULL, dk_rate_fold_scale(half, &o.fixed[0], NULL));
    REFUSES(DK_ERROR_ALIGNMENT, dk_rate_fold_scale(half, &o.fixed[0], misaligned(&o.fixed[0])));
    REFUSES(DK_ERROR_OVERLAP, dk_rate_fold_scale(half, &o.fixed[0], &o.fixed[0]));

    REFUSES(DK_ERROR_THRESHOLD, dk_mask_keeps(above_one, address, 0, &o.keeps));
    REFUSES(DK_ERROR_INDEX_OVERFLOW, dk_mask_keeps(half, last, 1, &o.keeps));
    REFUSES(DK_ERROR_NULL, dk_mask_keeps(half, address, 0, NULL));
    REFUSES(DK_ERROR_THRESHOLD, dk_mask_words(above_one, address, N, o.words, N / 32));
    REFUSES(DK_ERROR_INDEX_OVERFLOW, dk_mask_words(half, last, N, o.words, N / 32));
    REFUSES(DK_ERROR_LENGTH, dk_mask_words(half, address, N, o.words, N / 32 + 1));
    REFUSES(DK_ERROR_LENGTH, dk_mask_words(half, address, N, o.words, SIZE_MAX / 4 + 1));
    REFUSES(DK_ERROR_NULL, dk_mask_words(half, address, N, NULL, N / 32));
    REFUSES(DK_ERROR_ALIGNMENT, dk_mask_words(half, address, N, misaligned(o.words), N / 32));
}

static const size_t shape[9] = {8, 8}, whole[2] = {8, 15}, start[2] = {0, 8}, strides[2] = {7, 1}, huge[2] = {SIZE_MAX, 2};
static const struct {
    dk_error error;
    dk_layout layout;
} no_layouts[] = {
    {DK_ERROR_RANK, {9, shape, 0, NULL, NULL, NULL}},
    {DK_ERROR_NULL, {2, NULL, 0, NULL, NULL, NULL}},
    {DK_ERROR_AXIS, {2, shape, 1u << 2, NULL, NULL, NULL}},
    {DK_ERROR_AXIS, {2, shape, UINT32_MAX, NULL, NULL, NULL}},
    {DK_ERROR_STRIDE, {2, shape, 0, strides, NULL, NULL}},
    {DK_ERROR_PART, {2, shape, 0, NULL, whole, start}},
    {DK_ERROR_SHAPE_OVERFLOW, {2, huge, 0, NULL, NULL, NULL}},
};

static void layouts(void) {
    const dk_layout matrix = {2, shape, 0, NULL, NULL, NULL};
    begin();
    for (size_t i = 0; i < LENGTH(no_layouts); i++) REFUSES(no_layouts[i].error, dk_layout_size(&no_layouts[i].layout, &o.size));
    REFUSES(DK_ERROR_NULL, dk_layout_size(NULL, &o.size));
    REFUSES(DK_ERROR_NULL, dk_layout_size(&matrix, NULL));
    const dk_layout odd = {2, misaligned((void *)shape), 0, NULL, NULL, NULL};
    REFUSES(DK_ERROR_ALIGNMENT, dk_layout_size(&odd, &o.size));
}

/* What all passes refuse; `PASS(rate, layout, mode, x, y, len)` calls one, on values of type T. */
#define REFUSES_A_PASS(T, x, y)                                                                                        \
    do {                                                                                                               \
        const dk_mode no_pass = {3, {0, 0, 0, 0}, {NULL, 0, 0, 0}}, too_far = {DK_TRAIN, last, {NULL, 0, 0, 0}};       \
        begin();                                                                                                       \
        REFUSES(DK_ERROR_THRESHOLD, PASS(above_one, NULL, &train, x, y, N));                                           \
        for (size_t i = 0; i < LENGTH(no_layouts); i++)                                                                \
            REFUSES(no_layouts[i].error, PASS(half, &no_layouts[i].layout, &train, x, y, N));                          \
        const dk_layout row = {1, shape, 0, NULL, NULL, NULL};                                                         \
        REFUSES(DK_ERROR_LENGTH, PASS(half, &row, &train, x, y, N));                                                   \
        REFUSES(DK_ERROR_LENGTH, PASS(half, NULL, &train, x, y, SIZE_MAX / 2 + 1));                                    \
        REFUSES(DK_ERROR_NULL, PASS(half, NULL, NULL, x, y, N));                                                       \
        REFUSES(DK_ERROR_NULL, PASS(half, NULL, &train, NULL, y, N));                                                  \
        REFUSES(DK_ERROR_NULL, PASS(half, NULL, &train, x, NULL, N));                                                  \
        REFUSES(DK_ERROR_OVERLAP, PASS(half, NULL, &train, y + 1, y, N));                                              \
        REFUSES(DK_ERROR_OVERLAP, PASS(half, NULL, &train, y, y + N - 1, N));                                          \
        if (sizeof(T) > 1) {                                                                                           \
            REFUSES(DK_ERROR_ALIGNMENT, PASS(half, NULL, &train, misaligned(y + N), y, N));                            \
            REFUSES(DK_ERROR_ALIGNMENT, PASS(half, NULL, &train, x, misaligned(y), N));                                \
        }                                                                                                              \
        REFUSES(DK_ERROR_PASS, PASS(half, NULL, &no_pass, x, y, N));                                                   \
        REFUSES(DK_ERROR_INDEX_OVERFLOW, PASS(half, NULL, &too_far, x, y, N));                                         \
    } while (0)

/* What passes with a mask refuse. */
#define REFUSES_A_MASK(x, y)                                                                                           \
    do {                                                                                                               \
        dk_mode mode = {DK_STORED, {0, 0, 0, 0}, {words, N / 32, 1, N}};                                               \
        begin();                                                                                                       \
        REFUSES(DK_ERROR_LENGTH, PASS(half, NULL, &mode, x, y, N)); /* the words end before the mask */                \
        mode.mask.first = 0, mode.mask.decisions = N - 1;                                                              \
        REFUSES(DK_ERROR_LENGTH, PASS(half, NULL, &mode, x, y, N)); /* the mask ends before the tensor */              \
        mode.mask.words = NULL, mode.mask.decisions = N;                                                               \
        REFUSES(DK_ERROR_NULL, PASS(half, NULL, &mode, x, y, N));                                                      \
        mode.mask.words = (const uint32_t *)(y);                                                                       \
        REFUSES(DK_ERROR_OVERLAP, PASS(half, NULL, &mode, x, y, N));                                                   \
        mode.mask.words = misaligned(o.words);                                                                         \
        REFUSES(DK_ERROR_ALIGNMENT, PASS(half, NULL, &mode, x, y, N));                                                 \
    } while (0)

typedef dk_error pass_f32(dk_rate, const dk_layout *, const dk_mode *, const float *, float *, size_t);

static void passes(void) {
    pass_f32 *const floats[] = {
        dk_dropout_f32,          dk_dropout_backward_f32,          dk_dropout_backward_add_f32,
        dk_alpha_dropout_f32,    dk_alpha_dropout_backward_f32,    dk_alpha_dropout_backward_add_f32,
        dk_gaussian_dropout_f32, dk_gaussian_dropout_backward_f32, dk_gaussian_dropout_backward_add_f32,
    };
    for (size_t i = 0; i < LENGTH(floats); i++) {
        const bool is_gaussian = i >= 6, is_sum = i % 3 == 2;
#define PASS floats[i]
        REFUSES_A_PASS(float, x, o.values);
        if (!is_gaussian) REFUSES_A_MASK(x, o.values);
        const dk_mode stored = {DK_STORED, {0, 0, 0, 0}, {words, N / 32, 0, N}};
        if (is_gaussian) REFUSES(DK_ERROR_STORED_MASK, PASS(half, NULL, &stored, x, o.values, N));
        if (is_sum) REFUSES(DK_ERROR_OVERLAP, PASS(half, NULL, &train, o.values, o.values, N));
#undef PASS
    }
#define PASS(rate, layout, mode, x, y, len) dk_dropout_i8(rate, 0, true, layout, mode, (const int8_t *)(x), (int8_t *)(y), len)
    REFUSES_A_PASS(int8_t, (const int8_t *)x, (int8_t *)o.integers);
    REFUSES_A_MASK((const int8_t *)x, o.integers);
#undef PASS
#define PASS(rate, layout, mode, x, y, len) dk_dropout_u8(rate, 0, true, layout, mode, (const uint8_t *)(x), (uint8_t *)(y), len)
    REFUSES_A_PASS(uint8_t, (const uint8_t *)x, (uint8_t *)o.integers);
    REFUSES_A_MASK((const uint8_t *)x, o.integers);
#undef PASS
#define PASS(rate, layout, mode, x, y, len) dk_dropout_i16(rate, 0, true, layout, mode, (const int16_t *)(x), y, len)
    REFUSES_A_PASS(int16_t, (const int16_t *)x, o.integers);
    REFUSES_A_MASK((const int16_t *)x, o.integers);
#undef PASS
}

/* What the dense passes refuse; `DENSE(rate, address, x, len)` calls one. */
#define REFUSES_DENSE(T, x)                                                                                            \
    do {                                                                                                               \
        begin();                                                                                                       \
        REFUSES(DK_ERROR_THRESHOLD, DENSE(above_one, &address, x, N));                                                 \
        REFUSES(DK_ERROR_NULL, DENSE(half, NULL, x, N));                                                               \
        REFUSES(DK_ERROR_NULL, DENSE(half, &address, NULL, N));                                                        \
        REFUSES(DK_ERROR_LENGTH, DENSE(half, &address, x, SIZE_MAX / 2 + 1));                                          \
        REFUSES(DK_ERROR_ALIGNMENT, DENSE(half, misaligned((void *)&address), x, N));                                  \
        if (sizeof(T) > 1) REFUSES(DK_ERROR_ALIGNMENT, DENSE(half, &address, misaligned(x), N));                       \
        REFUSES(DK_ERROR_INDEX_OVERFLOW, DENSE(half, &last, x, N));                                                    \
    } while (0)

static void dense(void) {
#define DENSE dk_dropout_dense_f32
    REFUSES_DENSE(float, o.values);
#undef DENSE
#define DENSE dk_dropout_dense_backward_f32
    REFUSES_DENSE(float, o.values);
#undef DENSE
#define DENSE(rate, address, x, len) dk_dropout_dense_i8(rate, 0, address, (int8_t *)(x), len)
    REFUSES_DENSE(int8_t, o.integers);
#undef DENSE
#define DENSE(rate, address, x, len) dk_dropout_dense_u8(rate, 0, address, (uint8_t *)(x), len)
    REFUSES_DENSE(uint8_t, o.integers);
#undef DENSE
#define DENSE(rate, address, x, len) dk_dropout_dense_i16(rate, 0, address, x, len)
    REFUSES_DENSE(int16_t, o.integers);
#undef DENSE
}

static const dk_drop_block layer = {{UINT64_C(1) << 31}, 0, 2, 1, 1, {8, 8, 0}, {3, 3, 0}, 0.0};

typedef dk_error block_f32(const dk_drop_block *, const dk_stored_mask *, const float *, float *, size_t);

static void drop_block(void) {
    dk_drop_block no_layers[6] = {layer, layer, layer, layer, layer, layer};
    const dk_error reasons[] = {DK_ERROR_THRESHOLD, DK_ERROR_FLAGS,      DK_ERROR_RANK,
                                DK_ERROR_RANK,      DK_ERROR_BLOCK_SIZE, DK_ERROR_SHAPE_OVERFLOW};
    no_layers[0].rate = above_one;
    no_layers[1].flags = 4;
    no_layers[2].axes = 0;
    no_layers[3].axes = UINT32_MAX;
    no_layers[4].block_size[1] = 0;
    no_layers[5].samples = SIZE_MAX;

    block_f32 *const passes[] = {dk_drop_block_f32, dk_drop_block_backward_f32, dk_drop_block_backward_add_f32};
    begin();
    for (size_t i = 0; i < LENGTH(reasons); i++) {
        REFUSES(reasons[i], dk_drop_block_size(&no_layers[i], &o.size));
        REFUSES(reasons[i], dk_drop_block_draw(&no_layers[i], address, o.words, 2, &o.mask));
        for (size_t p = 0; p < LENGTH(passes); p++) REFUSES(reasons[i], passes[p](&no_layers[i], NULL, x, o.values, N));
    }
    REFUSES(DK_ERROR_NULL, dk_drop_block_size(NULL, &o.size));
    REFUSES(DK_ERROR_NULL, dk_drop_block_size(&layer, NULL));

    REFUSES(DK_ERROR_NULL, dk_drop_block_draw(NULL, address, o.words, 2, &o.mask));
    REFUSES(DK_ERROR_NULL, dk_drop_block_draw(&layer, address, NULL, 2, &o.mask));
    REFUSES(DK_ERROR_NULL, dk_drop_block_draw(&layer, address, o.words, 2, NULL));
    REFUSES(DK_ERROR_ALIGNMENT, dk_drop_block_draw(&layer, address, misaligned(o.words), 2, &o.mask));
    REFUSES(DK_ERROR_LENGTH, dk_drop_block_draw(&layer, address, o.words, 3, &o.mask));
    REFUSES(DK_ERROR_INDEX_OVERFLOW, dk_drop_block_draw(&layer, last, o.words, 2, &o.mask));
    REFUSES(DK_ERROR_OVERLAP, dk_drop_block_draw(&layer, address, (uint32_t *)(void *)&o.mask, 2, &o.mask));

    for (size_t p = 0; p < LENGTH(passes); p++) {
        REFUSES(DK_ERROR_NULL, passes[p](NULL, NULL, x, o.values, N));
        REFUSES(DK_ERROR_NULL, passes[p](&layer, NULL, NULL, o.values, N));
        REFUSES(DK_ERROR_NULL, passes[p](&layer, NULL, x, NULL, N));
        REFUSES(DK_ERROR_OVERLAP, passes[p](&layer, NULL, o.values + 1, o.values, N));
        REFUSES(DK_ERROR_LENGTH, passes[p](&layer, NULL, x, o.values, N - 1));
        REFUSES(DK_ERROR_ALIGNMENT, passes[p](&layer, NULL, x, misaligned(o.values), N));
#define PASS(rate, layout, mode, x, y, len) passes[p](&layer_of_masks, &(mode)->mask, x, y, len)
        const dk_drop_block layer_of_masks = layer;
        REFUSES_A_MASK(x, o.values);
#undef PASS
    }
}

static void moments(void) {
    begin();
    REFUSES(DK_ERROR_NULL, dk_moments_new(NULL, o.moments[0], o.moments[1], N));
    REFUSES(DK_ERROR_NULL, dk_moments_new(&o.sum, NULL, o.moments[1], N));
    REFUSES(DK_ERROR_NULL, dk_moments_new(&o.sum, o.moments[0], NULL, N));
    REFUSES(DK_ERROR_OVERLAP, dk_moments_new(&o.sum, o.moments[0], o.moments[0] + 1, N));
    REFUSES(DK_ERROR_OVERLAP, dk_moments_new(&o.sum, (float *)(void *)&o.sum, o.moments[1], 2));
    REFUSES(DK_ERROR_ALIGNMENT, dk_moments_new(&o.sum, misaligned(o.moments[0]), o.moments[1], N));

    REFUSES(DK_ERROR_NULL, dk_moments_add(NULL, x, N));
    REFUSES(DK_ERROR_NULL, dk_moments_add(&o.sum, NULL, N));
    REFUSES(DK_ERROR_LENGTH, dk_moments_add(&o.sum, x, N - 1));
    REFUSES(DK_ERROR_OVERLAP, dk_moments_add(&o.sum, o.moments[1], N));
    REFUSES(DK_ERROR_ALIGNMENT, dk_moments_add(&o.sum, misaligned(o.values), N));

    REFUSES(DK_ERROR_NULL, dk_moments_merge(NULL, &o.other));
    REFUSES(DK_ERROR_NULL, dk_moments_merge(&o.sum, NULL));
    REFUSES(DK_ERROR_OVERLAP, dk_moments_merge(&o.sum, &o.sum));
    const dk_moments shorter = {1, o.moments[2], o.moments[3], N - 1}, empty = {1, NULL, o.moments[3], N};
    REFUSES(DK_ERROR_LENGTH, dk_moments_merge(&o.sum, &shorter));
    REFUSES(DK_ERROR_NULL, dk_moments_merge(&o.sum, &empty));

    dk_error (*const variances[])(const dk_moments *, float *, size_t) = {dk_moments_population_variance, dk_moments_sample_variance};
    for (size_t i = 0; i < LENGTH(variances); i++) {
        REFUSES(DK_ERROR_NULL, variances[i](NULL, o.values, N));
        REFUSES(DK_ERROR_NULL, variances[i](&o.sum, NULL, N));
        REFUSES(DK_ERROR_LENGTH, variances[i](&o.sum, o.values, N + 1));
        REFUSES(DK_ERROR_OVERLAP, variances[i](&o.sum, o.moments[0], N));
        REFUSES(DK_ERROR_ALIGNMENT, variances[i](&o.sum, misaligned(o.values), N));
    }

    /* Moments that lie in one of their own arrays. */
    o.sum.mean = (float *)(void *)&o.sum, o.sum.len = 2;
    memcpy(&before, &o, sizeof o);
    REFUSES(DK_ERROR_OVERLAP, dk_moments_add(&o.sum, x, 2));
    REFUSES(DK_ERROR_OVERLAP, dk_moments_merge(&o.sum, &(const dk_moments){1, o.values, o.values + 2, 2}));
}

int main(void) {
    check_results();
    check_drop_block();
    errors();
    rates_and_masks();
    layouts();
    passes();
    dense();
    drop_block();
    moments();
    printf("%d failures\n", failures);
    return failures != 0;
}
