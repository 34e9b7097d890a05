//! What an instruction set must be able to do.

use core::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Sub};

use super::vectors::VECTORS;

/// Elements in a chunk, which kernels handle at once: as many as vectors pay for, or one.
pub(crate) const CHUNK: usize = if VECTORS { 16 } else { 1 };

/// A computation on one instruction set.
///
/// A trait rather than a closure: a closure is a function of its own, compiled without the instruction set until it is
/// inlined, and nothing can order that.
pub(crate) trait Task<L> {
    fn run(self, lanes: L);
}

/// One instruction set, as kernels see it: a chunk of elements at a time.
///
/// A value of the implementing type is the proof that the CPU has the instructions. Integers wrap.
pub(crate) trait Lanes: Copy {
    /// Runs a task in a function of its own, compiled for the instruction set.
    #[allow(dead_code, reason = "where there are no vectors, nothing is detected")]
    fn call(self, task: impl Task<Self>);

    type F32s: Copy + Add<Output = Self::F32s> + Sub<Output = Self::F32s> + Mul<Output = Self::F32s> + Div<Output = Self::F32s>;
    type F64s: Copy + Add<Output = Self::F64s> + Mul<Output = Self::F64s>;
    type I32s: Copy
        + Add<Output = Self::I32s>
        + Sub<Output = Self::I32s>
        + Mul<Output = Self::I32s>
        + BitXor<Output = Self::I32s>
        + BitAnd<Output = Self::I32s>
        + BitOr<Output = Self::I32s>;

    fn splat_f32(self, x: f32) -> Self::F32s;
    fn load_f32(self, x: &[f32; CHUNK]) -> Self::F32s;
    fn store_f32(self, x: Self::F32s) -> [f32; CHUNK];
    /// Lane i is that of `kept` if bit i of `keep` is set, of `dropped` otherwise.
    fn select_f32(self, keep: u16, kept: Self::F32s, dropped: Self::F32s) -> Self::F32s;

    fn splat_f64(self, x: f64) -> Self::F64s;
    fn load_f64(self, x: &[f64; CHUNK]) -> Self::F64s;
    fn store_f64(self, x: Self::F64s) -> [f64; CHUNK];
    fn select_f64(self, keep: u16, kept: Self::F64s, dropped: Self::F64s) -> Self::F64s;

    fn select_u8(self, keep: u16, kept: [u8; CHUNK], dropped: [u8; CHUNK]) -> [u8; CHUNK];
    fn select_u16(self, keep: u16, kept: [u16; CHUNK], dropped: [u16; CHUNK]) -> [u16; CHUNK];

    fn splat_i32(self, x: i32) -> Self::I32s;
    fn load_i8(self, x: &[i8; CHUNK]) -> Self::I32s;
    /// To the nearest `i8`.
    fn store_i8(self, x: Self::I32s) -> [i8; CHUNK];
    fn load_u8(self, x: &[u8; CHUNK]) -> Self::I32s;
    /// To the nearest `u8`.
    fn store_u8(self, x: Self::I32s) -> [u8; CHUNK];
    fn load_i16(self, x: &[i16; CHUNK]) -> Self::I32s;
    /// To the nearest `i16`.
    fn store_i16(self, x: Self::I32s) -> [i16; CHUNK];
    #[cfg(feature = "half")]
    fn load_u16(self, x: &[u16; CHUNK]) -> Self::I32s;
    /// Of lanes from 0 to `u16::MAX`.
    #[cfg(feature = "half")]
    fn store_u16(self, x: Self::I32s) -> [u16; CHUNK];
    /// `f16` by their bits; stores round to nearest. `bf16` likewise.
    #[cfg(feature = "half")]
    fn load_f16(self, x: &[u16; CHUNK]) -> Self::F32s;
    #[cfg(feature = "half")]
    fn store_f16(self, x: Self::F32s) -> [u16; CHUNK];
    #[cfg(feature = "half")]
    fn load_bf16(self, x: &[u16; CHUNK]) -> Self::F32s;
    #[cfg(feature = "half")]
    fn store_bf16(self, x: Self::F32s) -> [u16; CHUNK];
    fn shl<const N: u32>(self, x: Self::I32s) -> Self::I32s;
    /// With zeros from above.
    fn shr<const N: u32>(self, x: Self::I32s) -> Self::I32s;
    /// With the sign from above; by less than 32.
    fn sar(self, x: Self::I32s, by: u32) -> Self::I32s;

    /// The nearest float of each integer.
    fn to_f32(self, x: Self::I32s) -> Self::F32s;
    /// The bits of each float, and back.
    fn cast_i32(self, x: Self::F32s) -> Self::I32s;
    fn cast_f32(self, x: Self::I32s) -> Self::F32s;

    /// The polynomial in `x` with these coefficients, constant term first, by Horner's rule.
    #[inline(always)]
    fn polynomial<const N: usize>(self, coefficients: &[f32; N], x: Self::F32s) -> Self::F32s {
        let mut highest_first = coefficients.iter().rev();
        let mut sum = self.splat_f32(highest_first.next().copied().unwrap_or(0.0));
        for c in highest_first {
            sum = sum * x + self.splat_f32(*c);
        }
        sum
    }
}

/// Runs a task with the instructions of the build's target. Never inlined, as those of the detected instruction sets
/// cannot be: a caller compiles the checks of its arguments and no kernel.
#[inline(never)]
pub(crate) fn run<L>(lanes: L, task: impl Task<L>) {
    task.run(lanes);
}
