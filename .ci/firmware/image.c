/*
 * Images in C of one function each of the header without a library, as bare.rs and host.rs make them in Rust. `measure`
 * defines VALUE, the type of the elements, COUNT, their number, and CALL, what is done to x.
 */
#include "dropout_kernels_lean.h"

static const uint64_t thresholds[] = {429496730, UINT64_C(1) << 31}; /* p = 0.1 and p = 0.5 */
static const dkl_address address = {UINT64_C(0x0123456789ABCDEF), 3, 5, 0};
static VALUE x[COUNT];

__attribute__((noinline)) static void function(uint64_t threshold) {
    (void)threshold, (void)address; /* of which images of nothing make no use */
    (void)(CALL);
}

/* What the stack is painted with, and how much of it. */
enum { PAINT = 0x5A, PAINTED = 1024 };

#if defined(__arm__)
/* The vectors, the FPU if there is one, and main. */
__asm__(".section .vectors, \"a\"\n.word stack_top\n.word start\n.text\n.globl start\n.thumb_func\nstart:\n"
#ifdef __ARM_FP
        "ldr r0, =0xE000ED88\nldr r1, =0x00F00000\nstr r1, [r0]\n"
#endif
        "bl main\n");

static volatile uint8_t *stack_pointer(void) {
    volatile uint8_t *pointer;
    __asm__ volatile("mov %0, sp" : "=r"(pointer));
    return pointer;
}

/* SysTick, which counts down 24 bits. The clock of an MPS2 has 25 MHz, that of a micro:bit 16. */
static volatile uint32_t *const systick = (volatile uint32_t *)0xE000E010;
static uint32_t count(void) {
    systick[1] = 0xFFFFFF;
    systick[2] = 0;
    systick[0] = 5;
    return systick[2];
}
static uint32_t count_since(uint32_t before) {
    const uint32_t ticks = (before - systick[2]) & 0xFFFFFF;
#ifdef __ARM_FP
    return ticks * 40;
#else
    return ticks * 125 / 2;
#endif
}

/* Semihosting. */
static void request(int operation, const void *argument) {
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}
static void put(char character) { request(3, &character); }
static void stop(void) {
    for (;;) request(0x18, (const void *)0x20026);
}

#elif defined(__riscv)
__asm__(".section .vectors, \"ax\"\nstart: .globl start\nla sp, stack_top\ncall main\n.text\n");

static volatile uint8_t *stack_pointer(void) {
    volatile uint8_t *pointer;
    __asm__ volatile("mv %0, sp" : "=r"(pointer));
    return pointer;
}

static uint32_t count(void) {
    uint32_t instructions;
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrr %0, minstret\n.option pop" : "=r"(instructions));
    return instructions;
}
static uint32_t count_since(uint32_t before) { return count() - before; }
/* The serial port and the switch of QEMU's machine `virt`. */
static void put(char character) { *(volatile char *)0x10000000 = character; }
static void stop(void) {
    for (;;) *(volatile uint32_t *)0x100000 = 0x5555;
}

#elif defined(__AVR__)
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

static volatile uint8_t *stack_pointer(void) { return (volatile uint8_t *)SP; }
/* Timer 1, which counts every 64 cycles. */
static uint32_t count(void) {
    TCCR1A = 0;
    TCCR1B = 1 << CS11 | 1 << CS10;
    return TCNT1;
}
static uint32_t count_since(uint32_t before) { return (uint32_t)(uint16_t)(TCNT1 - before) * 64; }
static void put(char character) {
    UCSR0B = 1 << TXEN0;
    UDR0 = (uint8_t)character;
}
static void stop(void) { /* nothing wakes it up, which ends simavr */
    cli();
    sleep_mode();
}

#else
#include <stdio.h>

static void put(char character) { putchar(character); }
static void stop(void) {}
#define HOST
#endif

static void print(uint32_t number) {
    for (int shift = 28; shift >= 0; shift -= 4) put("0123456789abcdef"[number >> shift & 15]);
}

/* Numbers from -50 to 50, none of them zero. */
static void fill(void) {
    int8_t number = 0;
    for (size_t i = 0; i < COUNT; i++) {
        number = number == 50 ? -50 : (int8_t)(number + 1);
        if (number == 0) number = 1;
        x[i] = (VALUE)number;
    }
}

/* FNV-1a, a word at a time. */
static uint32_t checksum(void) {
    uint32_t hash = UINT32_C(0x811C9DC5);
    for (size_t i = 0; i < COUNT; i++) {
        union {
            uint32_t bits;
            VALUE value;
        } word = {0};
        word.value = x[i];
        hash = (hash ^ word.bits) * UINT32_C(0x01000193);
    }
    return hash;
}

/* Prints the checksum of what a call makes, its instructions and its bytes of stack; on a host the first of them. */
__attribute__((noinline)) static void measure(uint64_t threshold) {
#ifdef HOST
    function(threshold);
    print(checksum());
#else
    volatile uint8_t *const top = stack_pointer();
    volatile uint8_t *at;
    for (at = top - PAINTED; at < top; at++) *at = PAINT;
    const uint32_t before = count();
    function(threshold);
    const uint32_t instructions = count_since(before);
    for (at = top - PAINTED; at < top && *at == PAINT; at++) {
    }
    print(checksum());
    put(' ');
    print(instructions);
    put(' ');
    print((uint32_t)(top - at));
#endif
}

int main(void) {
    for (int i = 0; i < 2; i++) {
        fill();
        print((uint32_t)(thresholds[i] >> 32));
        print((uint32_t)thresholds[i]);
        put(' ');
        measure(thresholds[i]);
        put('\n');
    }
    stop();
    return 0;
}
