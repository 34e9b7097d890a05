/* What the tests of passes share; all of it is in results.c. */
#ifndef PASSES_H
#define PASSES_H

#include "check.h"

enum { N = 256, MARGIN = 16 };

/* The rate and mode of all passes. Their mask is the first vector, which `kept` reads. */
extern const dk_rate half;
extern dk_mode train;
extern const dk_mode eval;
bool bit(const uint32_t *words, size_t i);
bool kept(size_t i);

/* An input, and an output between margins, which nothing may write. */
extern float margin[MARGIN + N + MARGIN], *const out, x[N];
void begin(void);
bool untouched(const float *from, const float *to);

#endif
