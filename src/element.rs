//! The types that tensors are made of.

#[cfg(feature = "half")]
pub(crate) mod half;
mod integer;

use core::ops::{Add, Mul};

use crate::kernel::CHUNK;
use crate::lanes::Lanes;

/// A type of element: a [`Float`] or an [`Integer`].
///
/// Sealed: the kernels for a type are part of the library.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait Element: Sealed {}

impl<E: Sealed> Element for E {}

/// A type of element to compute with: `f32`, `f64`, and with the feature `half` that crate's `f16` and `bf16`, which are computed
/// with in `f32` and rounded once.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait Float: Element + Arithmetic {}

impl<E: Arithmetic> Float for E {}

/// A quantised type of element: `i8` and `i16`.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait Integer: Element + integer::FixedPoint {}

impl<E: integer::FixedPoint> Integer for E {}

pub(crate) use integer::FixedPoint;

/// How the kernels handle sixteen elements at once.
pub(crate) trait Sealed: Copy + Send + Sync {
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

pub(crate) trait Arithmetic: Sealed {
    /// The nearest value: constants are computed in `f64` and rounded once.
    fn from_f64(x: f64) -> Self;

    fn load_f32<L: Lanes>(lanes: L, x: &[f32; CHUNK]) -> Self::Vector<L>;
}

impl Sealed for f32 {
    const ZERO: Self = 0.0;

    type Vector<L: Lanes> = L::F32x16;

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
}

impl Arithmetic for f32 {
    fn from_f64(x: f64) -> Self {
        x as Self
    }

    #[inline(always)]
    fn load_f32<L: Lanes>(lanes: L, x: &[f32; CHUNK]) -> L::F32x16 {
        lanes.load_f32(x)
    }
}

impl Sealed for f64 {
    const ZERO: Self = 0.0;

    type Vector<L: Lanes> = L::F64x16;

    #[inline(always)]
    fn splat<L: Lanes>(lanes: L, x: Self) -> L::F64x16 {
        lanes.splat_f64(x)
    }

    #[inline(always)]
    fn load<L: Lanes>(lanes: L, x: &[Self; CHUNK]) -> L::F64x16 {
        lanes.load_f64(x)
    }

    #[inline(always)]
    fn store<L: Lanes>(lanes: L, x: L::F64x16) -> [Self; CHUNK] {
        lanes.store_f64(x)
    }

    #[inline(always)]
    fn select<L: Lanes>(lanes: L, keep: u16, kept: L::F64x16, dropped: L::F64x16) -> L::F64x16 {
        lanes.select_f64(keep, kept, dropped)
    }
}

impl Arithmetic for f64 {
    fn from_f64(x: f64) -> Self {
        x
    }

    #[inline(always)]
    fn load_f32<L: Lanes>(lanes: L, x: &[f32; CHUNK]) -> L::F64x16 {
        lanes.load_f64(&x.map(Self::from))
    }
}
