/* DropBlock, compared with its definition. */
#include "passes.h"

/* What DropBlock drops, by its definition: all elements of the patches whose first corner is dropped, at gamma. */
static void patches(const dk_drop_block *layer, bool drops[N]) {
    size_t map[3] = {1, 1, 1}, patch[3] = {1, 1, 1}, corners[3] = {1, 1, 1};
    for (uint32_t a = 0; a < layer->axes; a++) {
        map[a] = layer->map[a], patch[a] = layer->block_size[a];
        corners[a] = map[a] - patch[a] + 1;
    }
    const size_t positions = map[0] * map[1] * map[2], places = corners[0] * corners[1] * corners[2];
    const size_t inside = patch[0] * patch[1] * patch[2], channels = layer->channels;
    const bool last = layer->flags & DK_CHANNELS_LAST, shared = layer->flags & DK_SHARED_CHANNELS;
    const size_t masks = shared ? 1 : channels, decisions = layer->samples * masks * places;

    uint32_t words[N / 32];
    dk_rate gamma;
    CHECK(dk_rate_from_double(0.5 * ((double)positions / ((double)inside * (double)places)), &gamma) == DK_OK);
    CHECK(dk_mask_words(gamma, train.address, decisions, words, (decisions + 31) / 32) == DK_OK);
    memset(drops, 0, N * sizeof *drops);
    for (size_t i = 0; i < decisions; i++) {
        if (bit(words, i)) continue;
        const size_t n = i / (masks * places), c = last ? i % masks : i / places % masks;
        const size_t corner = last ? i / masks % places : i % places;
        for (size_t in = 0; in < inside; in++) {
            const size_t z = corner / (corners[1] * corners[2]) + in / (patch[1] * patch[2]);
            const size_t y = corner / corners[2] % corners[1] + in / patch[2] % patch[1];
            const size_t position = (z * map[1] + y) * map[2] + corner % corners[2] + in % patch[2];
            for (size_t channel = shared ? 0 : c; channel < (shared ? channels : c + 1); channel++)
                drops[last ? (n * positions + position) * channels + channel : (n * channels + channel) * positions + position] =
                    true;
        }
    }
}

static void drop_block_of(dk_drop_block layer) {
    bool drops[N];
    dk_size size;
    uint32_t words[N / 32 + 1];
    dk_stored_mask mask = {NULL, 0, 0, 0};
    memset(words, 0x5A, sizeof words);
    CHECK(dk_drop_block_size(&layer, &size) == DK_OK && size.words <= N / 32);
    CHECK(dk_drop_block_draw(&layer, train.address, words, size.words, &mask) == DK_OK);
    CHECK(words[size.words] == 0x5A5A5A5A);
    CHECK(mask.words == words && mask.len == size.words && mask.first == 0);
    CHECK((mask.decisions + 31) / 32 == size.words);

    patches(&layer, drops);
    const size_t len = size.elements;
    size_t keeps = 0;
    for (size_t i = 0; i < len; i++) keeps += !drops[i];
    CHECK(0 < keeps && keeps < len);
    const float scale = layer.scale != 0.0 ? (float)layer.scale : (float)((double)len / (double)keeps);
    for (int pass = 0; pass < 4; pass++) {
        const float before = pass == 3 ? 1.0f : 0.0f;
        begin();
        for (size_t i = 0; i < len; i++) out[i] = x[i] = pass == 3 ? 1.0f : (float)i;
        CHECK((pass == 0   ? dk_drop_block_f32(&layer, &mask, x, out, len)
               : pass == 1 ? dk_drop_block_backward_f32(&layer, &mask, x, out, len)
               : pass == 2 ? dk_drop_block_f32(&layer, &mask, out, out, len)
                           : dk_drop_block_backward_add_f32(&layer, &mask, x, out, len)) == DK_OK);
        for (size_t i = 0; i < len; i++) CHECK(out[i] == before + (drops[i] ? 0.0f : scale * x[i]));
        CHECK(untouched(margin, out) && untouched(out + len, margin + LENGTH(margin)));
    }
    CHECK(dk_drop_block_f32(&layer, NULL, x, out, len) == DK_OK && memcmp(out, x, len * sizeof *x) == 0);
}

void check_drop_block(void) {
    static const dk_drop_block layers[] = {
        {{UINT64_C(1) << 31}, 0, 1, 2, 2, {50, 0, 0}, {5, 0, 0}, 0.0},
        {{UINT64_C(1) << 31}, 0, 2, 2, 2, {8, 8, 0}, {3, 3, 0}, 0.0},
        {{UINT64_C(1) << 31}, 0, 2, 2, 2, {7, 9, 0}, {4, 2, 0}, 3.0},
        {{UINT64_C(1) << 31}, 0, 3, 2, 2, {3, 4, 5}, {2, 1, 3}, 0.0},
    };
    for (size_t i = 0; i < LENGTH(layers); i++)
        for (uint32_t flags = 0; flags <= (DK_CHANNELS_LAST | DK_SHARED_CHANNELS); flags++) {
            dk_drop_block layer = layers[i];
            layer.flags = flags;
            drop_block_of(layer);
        }

    /* Patches of one element are dropout. */
    const dk_drop_block dense = {half, 0, 2, 2, 2, {8, 8, 0}, {1, 1, 0}, 0.0};
    dk_size size;
    uint32_t words[N / 32];
    dk_stored_mask mask;
    CHECK(dk_drop_block_size(&dense, &size) == DK_OK && size.elements == N && size.decisions == N && size.words == N / 32);
    CHECK(dk_drop_block_draw(&dense, train.address, words, N / 32, &mask) == DK_OK && mask.decisions == N);
    for (size_t i = 0; i < N; i++) CHECK(bit(words, i) == kept(i));
}
