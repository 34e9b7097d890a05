/* What all files of the test share. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>

#include "dropout_kernels.h"

extern int failures;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            failures++;                                                                                                \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                                     \
        }                                                                                                              \
    } while (0)

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* Each is the whole of its file. */
void check_results(void);
void check_drop_block(void);

#endif
