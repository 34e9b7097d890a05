/* What comes before main on a Cortex-M4: the vectors, and the FPU, which is off after reset. */
#include <stdint.h>

extern char stack_top[];
void _start(void); /* newlib's */

static void reset(void) {
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* CPACR: full access to CP10 and CP11 */
    __asm volatile("dsb\n isb");
    _start();
}

static void fault(void) {
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static void *const vectors[] = {stack_top, reset, fault, fault, fault, fault, fault};
