//! Calls of the library's methods, with slices anywhere in their allocations.

use arbitrary::Arbitrary;
use dropout_kernels::Error;

use super::inputs::{Length, Window, check_length};
use crate::value::{Bits, assert_same};

/// Where the slices lie, and how long those are whose length another argument prescribes.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Slices {
    pub y_len: Length,
    pub mask_len: Length,
    x: Window,
    y: Window,
}

/// A method that writes to another slice than it reads.
pub type Apart<'a, E> = &'a dyn Fn(&[E], &mut [E]) -> Result<(), Error>;

impl Slices {
    /// A slice to read.
    pub fn read<E: Bits>(self, x: &[E], f: impl FnOnce(&[E])) {
        self.x.guard(canary(), x.len(), E::same, |window| {
            window.copy_from_slice(x);
            f(window);
        });
    }

    /// Asserts the result of a call that writes to a slice, and what it leaves there: what was there before where it must not write,
    /// which is everywhere if it errs.
    pub fn write<E: Bits>(
        self,
        before: &[E],
        result: Result<(), Error>,
        expected: &[Option<E>],
        call: impl FnOnce(&mut [E]) -> Result<(), Error>,
    ) {
        self.y.guard(canary(), before.len(), E::same, |y| {
            y.copy_from_slice(before);
            assert_eq!(call(y), result);
            match result {
                Ok(()) => {
                    let written = expected.iter().zip(before).map(|(expected, before)| expected.unwrap_or(*before));
                    assert_same(y, &written.collect::<Vec<_>>());
                }
                Err(_) => assert_same(y, before),
            }
        });
    }

    /// Words of a mask to write.
    pub fn words<R>(self, len: usize, f: impl FnOnce(&mut [u32]) -> R) -> R {
        self.x.guard(WORD_CANARY, len, |a, b| a == b, f)
    }

    /// Asserts what the methods of a pass, which asks for so many elements, make of `x`: those that write to another slice than they read,
    /// and the one that does not. Their slices have these names.
    pub fn check_pass<E: Bits>(
        self,
        [x_name, y_name, in_place_name]: [&'static str; 3],
        elements: usize,
        x: &[E],
        (expected, fits): (&[Option<E>], Result<(), Error>),
        apart: &[Apart<'_, E>],
        in_place: &dyn Fn(&mut [E]) -> Result<(), Error>,
    ) {
        let y_len = self.y_len.get(x.len());
        let result = check_length(x_name, elements, x.len()).and(check_length(y_name, x.len(), y_len)).and(fits);
        self.read(x, |x| {
            for method in apart {
                self.write(&vec![canary(); y_len], result, expected, |y| method(x, y));
            }
        });
        self.write(x, check_length(in_place_name, elements, x.len()).and(fits), expected, in_place);
    }
}

/// The names of the slices of the two passes: what is read, what is written, and what is both.
pub const FORWARD: [&str; 3] = ["x", "y", "x"];
pub const BACKWARD: [&str; 3] = ["grad_y", "grad_x", "grad"];

/// Neither all kept nor all dropped.
pub const WORD_CANARY: u32 = 0xA5A5_A5A5;

/// What an output holds at first.
pub fn canary<E: Bits>() -> E {
    E::from_bits(0xA5A5_A5A5_A5A5_A5A5)
}
