/*
 * Monte-Carlo dropout: 20 passes of the layers behind the dropout say how certain a network is. What lies before it runs
 * once. On a host and on a microcontroller the digits are the same, as long as the compiler fuses no multiplication with
 * an addition: -std=c99, or -ffp-contract=off.
 */
#include <stdio.h>

#include "dropout_kernels.h"

enum { SAMPLES = 2, HIDDEN = 64, OUTPUTS = 3, PASSES = 20 };

/* The hidden units of a sample, as layers before would compute them. */
static void trunk(int sample, float *hidden) {
    for (int i = 0; i < HIDDEN; i++) hidden[i] = (float)((i * 7 + sample * 5) % 11) / 8.0f;
}

/* The layer behind the dropout, whose weights lie between -1/2 and 1/2. */
static void head(const float *hidden, float *outputs) {
    for (int o = 0; o < OUTPUTS; o++) {
        outputs[o] = 0.0f;
        for (int i = 0; i < HIDDEN; i++) outputs[o] += hidden[i] * (float)((i * 5 + o * 3) % 17 - 8) / 16.0f;
    }
}

static dk_error predict(dk_rate rate, int sample) {
    static float hidden[HIDDEN], dropped[HIDDEN], outputs[OUTPUTS], mean[OUTPUTS], m2[OUTPUTS], variance[OUTPUTS];
    dk_moments moments;
    dk_error error = dk_moments_new(&moments, mean, m2, OUTPUTS);
    if (error != DK_OK) return error;

    trunk(sample, hidden);
    /* A pass is a step. The offset goes on from sample to sample, or all would have the same masks. */
    dk_mode mode = {.pass = DK_TRAIN, .address = {.seed = 42, .layer = 0, .offset = (uint64_t)sample * HIDDEN}};
    for (uint32_t pass = 0; pass < PASSES; pass++) {
        mode.address.step = pass;
        if ((error = dk_dropout_f32(rate, NULL, &mode, hidden, dropped, HIDDEN)) != DK_OK) return error;
        head(dropped, outputs);
        if ((error = dk_moments_add(&moments, outputs, OUTPUTS)) != DK_OK) return error;
    }
    /* The passes are a sample of all masks: the unbiased estimate of the variance over these divides by 19. That of the
     * passes themselves, `dk_moments_population_variance`, divides by 20. */
    if ((error = dk_moments_sample_variance(&moments, variance, OUTPUTS)) != DK_OK) return error;
    for (int o = 0; o < OUTPUTS; o++) {
        printf("sample %d, output %d: mean %9.6f, variance %8.6f\n", sample, o, (double)mean[o], (double)variance[o]);
    }
    return DK_OK;
}

int main(void) {
    dk_rate rate;
    dk_error error = dk_rate_from_ratio(1, 4, &rate);
    for (int sample = 0; sample < SAMPLES && error == DK_OK; sample++) error = predict(rate, sample);
    if (error != DK_OK) printf("%s\n", dk_error_name(error));
    return error;
}
