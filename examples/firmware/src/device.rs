//! On a Cortex-M that QEMU emulates, where an instruction takes a nanosecond (`-icount shift=0`).

use core::panic::PanicInfo;
use core::ptr;

use cortex_m::Peripherals;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::{STACK_PAINT_VALUE, entry};
use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hprintln;
use firmware::monte_carlo::{Counter, PASSES, Phase};

use crate::{IMAGES, LABELS, NETWORK, run};

/// The instructions of each phase, by the system timer. It counts down, once in 40 ns.
struct Instructions {
    last: u32,
    of_phases: [u64; 4],
}

const NANOSECONDS: u64 = 40;
const TICKS: u32 = 1 << 24;

impl Instructions {
    fn start(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(TICKS - 1);
        timer.clear_current();
        timer.enable_counter();
        Self { last: SYST::get_current(), of_phases: [0; 4] }
    }
}

impl Counter for Instructions {
    fn end_of(&mut self, phase: Phase) {
        let now = SYST::get_current();
        self.of_phases[phase as usize] += u64::from(self.last.wrapping_sub(now) % TICKS) * NANOSECONDS;
        self.last = now;
    }
}

#[entry]
fn main() -> ! {
    let Some(peripherals) = Peripherals::take() else { fail() };
    let mut instructions = Instructions::start(peripherals.SYST);
    let Ok(reports) = run(&mut instructions) else { fail() };
    let stack = stack();
    for report in reports {
        hprintln!("{}", report);
    }
    let [trunk, dropout, head, uncertainty] = instructions.of_phases;
    hprintln!("{} {} {} {}", trunk, dropout, head, uncertainty);
    hprintln!("{} {} {}", stack, size_of_val(&NETWORK), IMAGES.len() + LABELS.len());
    hprintln!("{} {}", LABELS.len(), PASSES);
    debug::exit(EXIT_SUCCESS);
    fail();
}

/// The bytes of stack that were ever used. Before `main`, all of it was painted.
fn stack() -> usize {
    unsafe extern "C" {
        static _stack_start: u32;
    }
    let top = &raw const _stack_start;
    let mut at = cortex_m_rt::heap_start().cast_const();
    // SAFETY: from the end of the statics to the top of the stack there is memory, which belongs to nobody else.
    while at < top && unsafe { ptr::read_volatile(at) } == STACK_PAINT_VALUE {
        at = at.wrapping_add(1);
    }
    top as usize - at as usize
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    fail();
}

fn fail() -> ! {
    loop {
        debug::exit(EXIT_FAILURE);
    }
}
