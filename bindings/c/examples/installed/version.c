/* Says whether the library that the program found is that of the header which it was compiled with. */
#include <stdio.h>

#include "dropout_kernels.h"

#if DK_VERSION < 0x000100
#error "dropout_kernels 0.1.0 or later is needed"
#endif

int main(void) {
    const uint32_t version = dk_version();
    printf("dropout_kernels %u.%u.%u\n", (unsigned)(version >> 16), (unsigned)(version >> 8 & 0xFF), (unsigned)(version & 0xFF));
    return version == DK_VERSION ? 0 : 1;
}
