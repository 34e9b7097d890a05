//! The types that tensors are made of.

use crate::kernel::CHUNK;
use crate::lanes::Lanes;

/// A type of element: `f32`.
///
/// Sealed: the kernels for a type are part of the library.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait Element: Sealed {}

impl<E: Sealed> Element for E {}

/// How the kernels handle sixteen elements at once.
pub(crate) trait Sealed: Copy + Send + Sync {
    const ZERO: Self;

    /// Sixteen elements in registers.
    type Vector<L: Lanes>: Copy;

    /// The nearest value, as a scale is rounded once from its exact quotient.
    fn from_f64(x: f64) -> Self;

    fn splat<L: Lanes>(lanes: L, x: Self) -> Self::Vector<L>;
    fn load<L: Lanes>(lanes: L, x: &[Self; CHUNK]) -> Self::Vector<L>;
    fn store<L: Lanes>(lanes: L, x: Self::Vector<L>) -> [Self; CHUNK];
    /// Element i is that of `kept` if bit i of `keep` is set, of `dropped` otherwise.
    fn select<L: Lanes>(lanes: L, keep: u16, kept: Self::Vector<L>, dropped: Self::Vector<L>) -> Self::Vector<L>;
    fn scale<L: Lanes>(lanes: L, x: Self::Vector<L>, factor: Self) -> Self::Vector<L>;
}

impl Sealed for f32 {
    const ZERO: Self = 0.0;

    type Vector<L: Lanes> = L::F32x16;

    #[expect(clippy::cast_possible_truncation, reason = "rounds to nearest")]
    fn from_f64(x: f64) -> Self {
        x as Self
    }

    #[inline(always)]
    fn splat<L: Lanes>(lanes: L, x: Self) -> L::F32x16 {
        lanes.splat_f32(x)
    }

    #[inline(always)]
    fn load<L: Lanes>(lanes: L, x: &[Self; CHUNK]) -> L::F32x16 {
        lanes.load_f32(x)
    }

    #[inline(always)]
    fn store<L: Lanes>(lanes: L, x: L::F32x16) -> [Self; CHUNK] {
        lanes.store_f32(x)
    }

    #[inline(always)]
    fn select<L: Lanes>(lanes: L, keep: u16, kept: L::F32x16, dropped: L::F32x16) -> L::F32x16 {
        lanes.select_f32(keep, kept, dropped)
    }

    #[inline(always)]
    fn scale<L: Lanes>(lanes: L, x: L::F32x16, factor: Self) -> L::F32x16 {
        x * lanes.splat_f32(factor)
    }
}
