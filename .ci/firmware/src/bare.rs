//! Start-up, output, a count of instructions and the depth of the stack, of machines that QEMU emulates.
//!
//! Under `-icount shift=0`, an instruction takes a nanosecond of the machine's time.

use core::arch::{asm, global_asm};
use core::panic::PanicInfo;
use core::ptr::{read_volatile, write_volatile};

use crate::{THRESHOLDS, Value, checksum, fill};

/// What the stack is painted with, and how much of it.
const PAINT: u32 = 0x5AFE_57AC;
const PAINTED: usize = 4096;

/// Prints what a function gives and costs, and stops the machine.
pub fn run<V: Value, const N: usize>(function: fn(u64, &mut [V; N]), x: &mut [V; N]) -> ! {
    for threshold in THRESHOLDS {
        fill(x);
        let (instructions, stack) = measure(|| function(threshold, x));
        for digits in [(threshold >> 32) as u32, threshold as u32] {
            print(digits);
        }
        for number in [checksum(x), instructions, stack as u32] {
            write(b' ');
            print(number);
        }
        write(b'\n');
    }
    stop();
}

/// The instructions and the bytes of stack of a call.
#[inline(never)]
fn measure(call: impl FnOnce()) -> (u32, usize) {
    let top = stack_pointer() / 4 * 4;
    let bottom = top - PAINTED;
    let mut at = bottom;
    while at < top {
        // SAFETY: below the stack pointer is nothing but unused memory, which the linker's script leaves.
        unsafe { write_volatile(at as *mut u32, PAINT) };
        at += 4;
    }
    let before = count();
    call();
    let instructions = count_since(before);
    let mut at = bottom;
    // SAFETY: as above.
    while unsafe { read_volatile(at as *const u32) } == PAINT && at < top {
        at += 4;
    }
    (instructions, top - at)
}

fn print(number: u32) {
    let mut shift = 32;
    while shift > 0 {
        shift -= 4;
        let digit = (number >> shift & 15) as u8;
        write(if digit < 10 { b'0' + digit } else { b'a' - 10 + digit });
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    write(b'!');
    stop();
}

#[cfg(target_arch = "arm")]
mod machine {
    use super::*;

    // The vector table: the stack's top, and where to begin. With an FPU, that is to be switched on first.
    global_asm!(
        ".section .vectors, \"a\"",
        ".word stack_top",
        ".word start",
        ".text",
        ".thumb_func",
        "start:",
        #[cfg(target_abi = "eabihf")]
        "ldr r0, =0xE000ED88",
        #[cfg(target_abi = "eabihf")]
        "ldr r1, =0x00F00000",
        #[cfg(target_abi = "eabihf")]
        "str r1, [r0]",
        "bl main",
    );

    /// SysTick: its control, the value it starts from again, and its value, which counts down.
    const CONTROL: *mut u32 = 0xE000_E010 as *mut u32;
    const RELOAD: *mut u32 = 0xE000_E014 as *mut u32;
    const VALUE: *mut u32 = 0xE000_E018 as *mut u32;

    /// Nanoseconds of a tick: the clock of an MPS2 has 25 MHz, that of a micro:bit 16.
    const TICK: [u32; 2] = if cfg!(target_abi = "eabihf") { [40, 1] } else { [125, 2] };

    pub fn count() -> u32 {
        // SAFETY: registers of every Cortex-M.
        unsafe {
            write_volatile(RELOAD, 0xFF_FFFF);
            write_volatile(VALUE, 0);
            write_volatile(CONTROL, 5);
            read_volatile(VALUE)
        }
    }

    pub fn count_since(before: u32) -> u32 {
        // SAFETY: as above.
        let now = unsafe { read_volatile(VALUE) };
        let ticks = if before < now { before + (1 << 24) - now } else { before - now };
        ticks * TICK[0] / TICK[1]
    }

    pub fn stack_pointer() -> usize {
        let pointer;
        // SAFETY: reads a register.
        unsafe { asm!("mov {}, sp", out(reg) pointer, options(nomem, nostack)) };
        pointer
    }

    /// Semihosting (Arm, "Semihosting for AArch32 and AArch64").
    fn semihosting(operation: usize, argument: usize) {
        // SAFETY: a request to the emulator, which at most reads the argument.
        unsafe { asm!("bkpt 0xAB", inout("r0") operation => _, in("r1") argument, options(nostack)) };
    }

    pub fn write(byte: u8) {
        semihosting(3, &raw const byte as usize); // SYS_WRITEC
    }

    pub fn stop() -> ! {
        loop {
            semihosting(0x18, 0x2_0026); // SYS_EXIT, ADP_Stopped_ApplicationExit
        }
    }
}

#[cfg(target_arch = "riscv32")]
mod machine {
    use super::*;

    global_asm!(".section .vectors, \"ax\"", "la sp, stack_top", "call main");

    pub fn count() -> u32 {
        let count;
        // SAFETY: reads a register.
        unsafe { asm!("csrr {}, minstret", out(reg) count, options(nomem, nostack)) };
        count
    }

    pub fn count_since(before: u32) -> u32 {
        count().wrapping_sub(before)
    }

    pub fn stack_pointer() -> usize {
        let pointer;
        // SAFETY: reads a register.
        unsafe { asm!("mv {}, sp", out(reg) pointer, options(nomem, nostack)) };
        pointer
    }

    pub fn write(byte: u8) {
        // SAFETY: the serial port of QEMU's machine `virt`.
        unsafe { write_volatile(0x1000_0000 as *mut u8, byte) };
    }

    pub fn stop() -> ! {
        loop {
            // SAFETY: the device of the same machine that ends it.
            unsafe { write_volatile(0x10_0000 as *mut u32, 0x5555) };
        }
    }
}

use machine::{count, count_since, stack_pointer, stop, write};
