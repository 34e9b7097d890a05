/* A program of two static libraries of Rust. */
#include "dropout_kernels.h"

uint64_t other_sum(uint32_t n);

int main(void) {
    dk_rate rate;
    float x[100], y[100];
    const dk_mode eval = {.pass = DK_EVAL};
    for (int i = 0; i < 100; i++) x[i] = (float)i;
    if (dk_rate_from_ratio(1, 4, &rate) != DK_OK || dk_dropout_f32(rate, NULL, &eval, x, y, 100) != DK_OK) return 1;
    return other_sum(10) == 45 && y[99] == 99.0f ? 0 : 1;
}
