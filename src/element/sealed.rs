//! What kernels ask of each element type. The public traits of the same names are sealed by these.

use core::ops::{Add, Mul};

use crate::simd::{CHUNK, Lanes};

/// Sixteen elements at once, on any instruction set.
pub(crate) trait Element: Copy + Send + Sync {
    /// Pads the last chunk of a slice. It is also what [`Scale`](crate::kernel::Scale) drops to.
    const ZERO: Self;

    /// Sixteen elements in registers.
    type Vector<L: Lanes>: Copy + Add<Output = Self::Vector<L>> + Mul<Output = Self::Vector<L>>;

    fn splat<L: Lanes>(lanes: L, x: Self) -> Self::Vector<L>;
    fn load<L: Lanes>(lanes: L, x: &[Self; CHUNK]) -> Self::Vector<L>;
    /// Rounds to nearest if the type is narrower than the vector's lanes; integers saturate.
    fn store<L: Lanes>(lanes: L, x: Self::Vector<L>) -> [Self; CHUNK];
    /// Element i comes from `kept` if bit i of `keep` is set, from `dropped` otherwise.
    fn select<L: Lanes>(lanes: L, keep: u16, kept: Self::Vector<L>, dropped: Self::Vector<L>) -> Self::Vector<L>;
}

/// Floating-point elements, which kinds multiply and add.
pub(crate) trait Float: Element {
    /// Rounds to nearest, once: constants are computed in `f64`.
    fn from_f64(x: f64) -> Self;

    /// Sixteen values of noise, as factors for elements.
    fn load_f32<L: Lanes>(lanes: L, x: &[f32; CHUNK]) -> Self::Vector<L>;
}

/// Quantised elements, which kinds rescale in fixed point.
pub(crate) trait Integer: Element {
    /// `(x - zero_point) * multiplier / 2^shift + zero_point`, the quotient rounded to nearest, ties up. With a
    /// multiplier below 2^15, no operation overflows 32 bits.
    fn rescale<L: Lanes>(lanes: L, x: Self::Vector<L>, zero_point: Self, multiplier: i32, shift: u32) -> Self::Vector<L>;
}
