//! What kernels ask of each type of element.

use core::ops::{Add, Mul};

use crate::simd::{CHUNK, Lanes};

/// How kernels handle sixteen elements at once.
pub(crate) trait Element: Copy + Send + Sync {
    /// What pads the last elements to sixteen.
    const ZERO: Self;

    /// Sixteen elements in registers.
    type Vector<L: Lanes>: Copy + Add<Output = Self::Vector<L>> + Mul<Output = Self::Vector<L>>;

    fn splat<L: Lanes>(lanes: L, x: Self) -> Self::Vector<L>;
    fn load<L: Lanes>(lanes: L, x: &[Self; CHUNK]) -> Self::Vector<L>;
    /// The nearest of this type.
    fn store<L: Lanes>(lanes: L, x: Self::Vector<L>) -> [Self; CHUNK];
    /// Element i is that of `kept` if bit i of `keep` is set, of `dropped` otherwise.
    fn select<L: Lanes>(lanes: L, keep: u16, kept: Self::Vector<L>, dropped: Self::Vector<L>) -> Self::Vector<L>;
}

pub(crate) trait Float: Element {
    /// The nearest value: constants are computed in `f64` and rounded once.
    fn from_f64(x: f64) -> Self;

    fn load_f32<L: Lanes>(lanes: L, x: &[f32; CHUNK]) -> Self::Vector<L>;
}

pub(crate) trait Integer: Element {
    /// `(x - zero_point) * multiplier / 2^shift + zero_point`, the quotient rounded to nearest, ties up. The multiplier is below 2^15, so that
    /// no operation overflows.
    fn rescale<L: Lanes>(lanes: L, x: Self::Vector<L>, zero_point: Self, multiplier: i32, shift: u32) -> Self::Vector<L>;
}
