/*
 * Prints a checksum of what each function writes, the same on every CPU. checksums.rs prints the same from the library
 * itself, and tests/run compares them.
 */
#include <stdio.h>
#include <string.h>

#include "dropout_kernels.h"

enum { N = 300, WORDS = (N + 31) / 32 };

/* FNV-1a of bytes in memory, of little-endian machines. */
static void print(const char *name, const void *values, size_t bytes) {
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < bytes; i++) sum = (sum ^ ((const unsigned char *)values)[i]) * UINT64_C(0x100000001b3);
    printf("%-36s %08lx%08lx\n", name, (unsigned long)(sum >> 32), (unsigned long)(sum & 0xffffffff));
}

static void must(dk_error error) {
    if (error != DK_OK) printf("%s\n", dk_error_name(error));
}

static const size_t shape[] = {3, 20, 5}, whole[] = {4, 20, 9}, start[] = {1, 0, 2};
static const dk_layout maps = {3, shape, 1u << 2, NULL, NULL, NULL}, part = {3, shape, 0, NULL, whole, start};
static const dk_address address = {UINT64_C(0x123456789abcdef), 7, 99, 5};
static dk_rate rate;
static float x[N];

typedef dk_error pass_f32(dk_rate, const dk_layout *, const dk_mode *, const float *, float *, size_t);

/* A pass by a computed mask, out of place and in place, of elements, maps and a part, and in evaluation. */
static void floats(const char *name, pass_f32 *pass, bool is_sum) {
    static float y[5][N];
    const dk_mode train = {DK_TRAIN, address, {NULL, 0, 0, 0}}, eval = {DK_EVAL, address, {NULL, 0, 0, 0}};
    for (int i = 0; i < 5; i++) memcpy(y[i], x, sizeof x);
    must(pass(rate, NULL, &train, x, y[0], N));
    must(pass(rate, &maps, &train, x, y[1], N));
    must(pass(rate, &part, &train, x, y[2], N));
    must(pass(rate, NULL, &eval, x, y[3], N));
    must(pass(rate, NULL, &train, is_sum ? x : y[4], y[4], N));
    print(name, y, sizeof y);
}

#define INTEGERS(type, pass, zero_point)                                                                               \
    do {                                                                                                               \
        static type x[N], y[3][N];                                                                                     \
        for (int i = 0; i < N; i++) x[i] = (type)(i * 37);                                                             \
        const dk_mode train = {DK_TRAIN, address, {NULL, 0, 0, 0}};                                                    \
        memcpy(y[2], x, sizeof x);                                                                                     \
        must(pass(rate, zero_point, false, NULL, &train, x, y[0], N));                                                 \
        must(pass(rate, zero_point, true, &maps, &train, x, y[1], N));                                                 \
        must(pass(rate, zero_point, true, NULL, &train, y[2], y[2], N));                                               \
        print(#pass, y, sizeof y);                                                                                     \
    } while (0)

static void rates_and_masks(void) {
    dk_rate rates[2];
    double scale;
    must(dk_rate_from_double(0.3, &rate));
    must(dk_rate_from_double(0.1, &rates[0]));
    must(dk_rate_from_ratio(1, 3, &rates[1]));
    must(dk_rate_scale(rate, &scale));
    print("dk_rate_from_double", &rates[0], sizeof rates[0]);
    print("dk_rate_from_ratio", &rates[1], sizeof rates[1]);
    print("dk_rate_scale", &scale, sizeof scale);
    int32_t pair[2] = {1518500250, -3};
    must(dk_rate_fold_scale(rate, &pair[0], &pair[1]));
    print("dk_rate_fold_scale", pair, sizeof pair);

    uint32_t words[WORDS];
    bool keeps[N];
    must(dk_mask_words(rate, address, N, words, WORDS));
    for (int i = 0; i < N; i++) must(dk_mask_keeps(rate, address, (uint64_t)i, &keeps[i]));
    print("dk_mask_words", words, sizeof words);
    print("dk_mask_keeps", keeps, sizeof keeps);

    dk_size size;
    must(dk_layout_size(&part, &size));
    const uint64_t sizes[] = {size.elements, size.decisions, size.words};
    print("dk_layout_size", sizes, sizeof sizes);
    print("dk_error_name", dk_error_name(DK_ERROR_RATE), strlen(dk_error_name(DK_ERROR_RATE)));
}

/* In windows of a tensor, one behind the other. */
#define DENSE(type, name, ...)                                                                                           \
    do {                                                                                                               \
        static type values[N];                                                                                         \
        for (int i = 0; i < N; i++) values[i] = (type)(i * 37);                                                        \
        for (size_t first = 0; first < N; first += 75) {                                                               \
            dk_address window = address;                                                                               \
            window.offset += first;                                                                                    \
            type *const part = values + first;                                                                         \
            must(name(rate, __VA_ARGS__, part, 75));                                                                   \
        }                                                                                                              \
        print(#name, values, sizeof values);                                                                           \
    } while (0)

static void dense(void) {
    DENSE(float, dk_dropout_dense_f32, &window);
    DENSE(float, dk_dropout_dense_backward_f32, &window);
    DENSE(int8_t, dk_dropout_dense_i8, -3, &window);
    DENSE(uint8_t, dk_dropout_dense_u8, 130, &window);
    DENSE(int16_t, dk_dropout_dense_i16, 1000, &window);
}

static void stored(void) {
    static float y[N];
    uint32_t words[WORDS];
    must(dk_mask_words(rate, address, N, words, WORDS));
    const dk_mode mode = {DK_STORED, address, {words, WORDS, 20, N - 20}};
    must(dk_dropout_f32(rate, NULL, &mode, x, y, N - 20));
    print("DK_STORED", y, sizeof y);
}

static void drop_block(void) {
    const dk_drop_block layer = {rate, DK_CHANNELS_LAST, 2, 3, 4, {5, 5, 0}, {2, 3, 0}, 0.0};
    dk_size size;
    must(dk_drop_block_size(&layer, &size));
    const uint64_t sizes[] = {size.elements, size.decisions, size.words};
    print("dk_drop_block_size", sizes, sizeof sizes);

    static float y[N];
    uint32_t words[WORDS];
    dk_stored_mask mask;
    must(dk_drop_block_draw(&layer, address, words, WORDS, &mask));
    print("dk_drop_block_draw", words, sizeof words);
    must(dk_drop_block_f32(&layer, &mask, x, y, N));
    print("dk_drop_block_f32", y, sizeof y);
    must(dk_drop_block_backward_f32(&layer, &mask, y, y, N));
    print("dk_drop_block_backward_f32", y, sizeof y);
    must(dk_drop_block_backward_add_f32(&layer, &mask, x, y, N));
    print("dk_drop_block_backward_add_f32", y, sizeof y);
}

static void moments(void) {
    static float sums[2][2][N], y[N];
    dk_moments first, second;
    dk_mode train = {DK_TRAIN, address, {NULL, 0, 0, 0}};
    must(dk_moments_new(&first, sums[0][0], sums[0][1], N));
    must(dk_moments_new(&second, sums[1][0], sums[1][1], N));
    for (uint32_t pass = 0; pass < 7; pass++) {
        train.address.step = pass;
        must(dk_dropout_f32(rate, NULL, &train, x, y, N));
        must(dk_moments_add(pass < 4 ? &first : &second, y, N));
    }
    print("dk_moments_add", sums, sizeof sums);
    must(dk_moments_merge(&first, &second));
    print("dk_moments_merge", sums[0], sizeof sums[0]);
    must(dk_moments_population_variance(&first, y, N));
    print("dk_moments_population_variance", y, sizeof y);
    must(dk_moments_sample_variance(&first, y, N));
    print("dk_moments_sample_variance", y, sizeof y);
    must(dk_moments_new(&first, sums[0][0], sums[0][1], N));
    print("dk_moments_new", sums[0], sizeof sums[0]);
}

int main(void) {
    for (int i = 0; i < N; i++) x[i] = (float)(i * 37 % 101 - 50) / 8.0f;
    rates_and_masks();
    floats("dk_dropout_f32", dk_dropout_f32, false);
    floats("dk_dropout_backward_f32", dk_dropout_backward_f32, false);
    floats("dk_dropout_backward_add_f32", dk_dropout_backward_add_f32, true);
    floats("dk_alpha_dropout_f32", dk_alpha_dropout_f32, false);
    floats("dk_alpha_dropout_backward_f32", dk_alpha_dropout_backward_f32, false);
    floats("dk_alpha_dropout_backward_add_f32", dk_alpha_dropout_backward_add_f32, true);
    floats("dk_gaussian_dropout_f32", dk_gaussian_dropout_f32, false);
    floats("dk_gaussian_dropout_backward_f32", dk_gaussian_dropout_backward_f32, false);
    floats("dk_gaussian_dropout_backward_add_f32", dk_gaussian_dropout_backward_add_f32, true);
    INTEGERS(int8_t, dk_dropout_i8, -3);
    INTEGERS(uint8_t, dk_dropout_u8, 130);
    INTEGERS(int16_t, dk_dropout_i16, 1000);
    dense();
    stored();
    drop_block();
    moments();
    return 0;
}
