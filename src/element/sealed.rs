//! What kernels ask of each element type. The public traits of the same names are sealed by these.

use core::ops::{Add, Mul};

use crate::simd::{CHUNK, Lanes};

/// An element, as a mask sees it: a number that stays or goes.
pub(crate) trait Element: Copy + Send + Sync + 'static {
    /// Pads the last chunk of a slice. It is also what [`Scale`](crate::kernel::Scale) drops to.
    const ZERO: Self;

    /// Whether the target has no instructions for arithmetic with it.
    const IN_SOFTWARE: bool = false;

    /// A chunk of one value. `[x; CHUNK]` would be a loop over it wherever the compiler optimises for size.
    fn repeat<L: Lanes>(lanes: L, x: Self) -> [Self; CHUNK];

    /// Element i is that of `kept` if bit i of `keep` is set, of `dropped` otherwise.
    fn select<L: Lanes>(lanes: L, keep: u16, kept: [Self; CHUNK], dropped: [Self; CHUNK]) -> [Self; CHUNK];

    /// The probabilities of two values, as [`mean`](Self::mean) uses them.
    type Weights: Copy + Send + Sync;

    /// `keep` for the first, the rest of 1 for the second.
    fn weights(keep: f64) -> Self::Weights;

    /// The sum of two values. That of integers is the nearest that the type has.
    fn sum<L: Lanes>(lanes: L, a: &[Self; CHUNK], b: &[Self; CHUNK]) -> [Self; CHUNK];

    /// The mean of two values.
    fn mean<L: Lanes>(lanes: L, weights: Self::Weights, kept: &[Self; CHUNK], dropped: &[Self; CHUNK]) -> [Self; CHUNK];
}

/// Floating-point elements, which kinds multiply and add.
pub(crate) trait Float: Element {
    /// What arithmetic is done in, and constants are rounded to: `f32` for half precision, the type itself otherwise.
    type Number: Copy + Send + Sync;

    /// A chunk of these in registers, on any instruction set.
    type Vector<L: Lanes>: Copy + Add<Output = Self::Vector<L>> + Mul<Output = Self::Vector<L>>;

    /// Rounds to nearest: constants are computed in `f64`.
    fn number(x: f64) -> Self::Number;
    /// A constant whose nearest `f32` is known: firmware has no other conversion of it.
    fn constant(nearest: f32, exact: impl FnOnce() -> f64) -> Self::Number;
    /// Rounds to nearest.
    fn nearest(x: Self::Number) -> Self;

    fn splat<L: Lanes>(lanes: L, x: Self::Number) -> Self::Vector<L>;
    fn load<L: Lanes>(lanes: L, x: &[Self; CHUNK]) -> Self::Vector<L>;
    /// A chunk of noise, as factors for elements.
    fn load_f32<L: Lanes>(lanes: L, x: &[f32; CHUNK]) -> Self::Vector<L>;
    /// Rounds to nearest.
    fn store<L: Lanes>(lanes: L, x: Self::Vector<L>) -> [Self; CHUNK];
}

/// [`Element::sum`] of floating-point elements.
#[inline(always)]
pub(super) fn sum<L: Lanes, E: Float>(lanes: L, a: &[E; CHUNK], b: &[E; CHUNK]) -> [E; CHUNK] {
    E::store(lanes, E::load(lanes, a) + E::load(lanes, b))
}

/// [`Element::weights`] of floating-point elements.
pub(super) fn weights<E: Float>(keep: f64) -> [E::Number; 2] {
    [E::number(keep), E::number(1.0 - keep)]
}

/// [`Element::mean`] of floating-point elements.
#[inline(always)]
pub(super) fn mean<L: Lanes, E: Float>(lanes: L, weights: [E::Number; 2], kept: &[E; CHUNK], dropped: &[E; CHUNK]) -> [E; CHUNK] {
    let [keep, drop] = weights;
    E::store(lanes, E::load(lanes, kept) * E::splat(lanes, keep) + E::load(lanes, dropped) * E::splat(lanes, drop))
}

/// Quantised elements, which kinds rescale in fixed point.
pub(crate) trait Integer: Element {
    /// `(x - zero_point) * multiplier / 2^shift + zero_point`, the quotient rounded to nearest, ties up, and the result
    /// saturated. With a multiplier below 2^15, no operation overflows 32 bits.
    fn rescale<L: Lanes>(lanes: L, x: &[Self; CHUNK], zero_point: Self, multiplier: i32, shift: u32) -> [Self; CHUNK];
}
