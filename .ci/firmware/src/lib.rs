//! Images of one function each, for microcontrollers under emulation: what does it cost?
//!
//! An image runs its function at each of two rates, and prints the rate's threshold, a checksum of what came out, the
//! number of instructions and the bytes of stack. Built for a host, it prints the first two. `measure` builds and runs
//! them all. An image's flash is its size less that of the image `nothing` of its type.
#![no_std]

#[cfg(target_os = "none")]
mod bare;
#[cfg(target_os = "none")]
pub use bare::run;
#[cfg(not(target_os = "none"))]
mod host;
#[cfg(not(target_os = "none"))]
pub use host::run;

pub mod peers;

use dropout_kernels::{Address, Mode};

/// The elements of every tensor. As `f32` they are half of the memory of the smallest machine.
pub const LEN: usize = 2048;

/// p = 0.1 and p = 0.5.
pub const THRESHOLDS: [u64; 2] = [429_496_730, 1 << 31];

/// The pass of every image.
pub const TRAIN: Mode<'static> = Mode::Train(ADDRESS);

/// Its mask.
pub const ADDRESS: Address = Address { seed: 0x0123_4567_89AB_CDEF, layer: 3, step: 5, offset: 0 };

/// An image's `main`: calls this function of a threshold and an array.
#[macro_export]
macro_rules! image {
    (|$threshold:ident, $x:ident: [$type:ty; $len:expr]| $body:expr) => {
        #[inline(never)]
        fn function($threshold: u64, $x: &mut [$type; $len]) {
            let _ = (|| -> Option<()> { $body })();
        }

        #[cfg_attr(target_os = "none", unsafe(no_mangle))]
        fn main() {
            static mut X: [$type; $len] = [0 as $type; $len];
            // SAFETY: `main` runs once, on one thread.
            let x = unsafe { &mut *core::ptr::addr_of_mut!(X) };
            $crate::run(function, x);
        }
    };
}

/// An element.
pub trait Value: Copy {
    /// A small number, which every type has.
    fn new(number: i8) -> Self;
    fn bits(self) -> u32;
}

impl Value for f32 {
    fn new(number: i8) -> Self {
        f32::from(number)
    }

    fn bits(self) -> u32 {
        self.to_bits()
    }
}

impl Value for i8 {
    fn new(number: i8) -> Self {
        number
    }

    fn bits(self) -> u32 {
        self as u8 as u32
    }
}

impl Value for u32 {
    fn new(number: i8) -> Self {
        number as u32
    }

    fn bits(self) -> u32 {
        self
    }
}

/// Numbers from -50 to 50, none of them zero.
fn fill<V: Value>(x: &mut [V]) {
    let mut number = 0;
    for x in x {
        number = if number == 50 { -50 } else { number + 1 };
        number += (number == 0) as i8;
        *x = V::new(number);
    }
}

/// Fowler, Noll and Vo's hash FNV-1a, a word at a time.
fn checksum<V: Value>(x: &[V]) -> u32 {
    x.iter().fold(0x811C_9DC5, |hash: u32, x| (hash ^ x.bits()).wrapping_mul(0x0100_0193))
}
