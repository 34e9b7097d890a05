/* A training step, its backward pass and inference, and the same with whole feature maps. */
#include <stdio.h>

#include "dropout_kernels.h"

static void print(const char *what, const float *values, size_t len) {
    printf("%-10s", what);
    for (size_t i = 0; i < len; i++) printf(" %4.2f", values[i]);
    printf("\n");
}

static int fail(dk_error error) {
    fprintf(stderr, "%s\n", dk_error_name(error));
    return 1;
}

int main(void) {
    float x[16], y[16], gradient[16];
    for (int i = 0; i < 16; i++) x[i] = gradient[i] = 1.0f;

    dk_rate rate;
    dk_error error = dk_rate_from_ratio(1, 4, &rate);
    if (error != DK_OK) return fail(error);

    /* The address selects the mask: count the steps, number the layers. */
    const dk_mode train = {.pass = DK_TRAIN, .address = {.seed = 42, .layer = 0, .step = 1000}};
    if ((error = dk_dropout_f32(rate, NULL, &train, x, y, 16)) != DK_OK) return fail(error);
    print("train", y, 16);

    /* In place. The same mode gives the same mask. */
    if ((error = dk_dropout_backward_f32(rate, NULL, &train, gradient, gradient, 16)) != DK_OK) return fail(error);
    print("backward", gradient, 16);

    const dk_mode eval = {.pass = DK_EVAL};
    if ((error = dk_dropout_f32(rate, NULL, &eval, x, y, 16)) != DK_OK) return fail(error);
    print("eval", y, 16);

    /* Whole feature maps of a 1 x 4 x 2 x 2 tensor. */
    const size_t shape[] = {1, 4, 2, 2};
    const dk_layout maps = {.rank = 4, .shape = shape, .shared = 1u << 2 | 1u << 3};
    if ((error = dk_dropout_f32(rate, &maps, &train, x, y, 16)) != DK_OK) return fail(error);
    print("maps", y, 16);
    return 0;
}
