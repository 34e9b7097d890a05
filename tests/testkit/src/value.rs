//! What the tests must know of an element type, evaluated without the library.

use std::fmt::Debug;

use dropout_kernels::{Element, Float, Integer};
#[cfg(feature = "half")]
use half::{bf16, f16};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

/// Any type of element, by its representation.
pub trait Bits: Element + Copy + PartialEq + Debug + 'static {
    /// Values that a kernel could treat differently from others.
    const SPECIAL: &[Self];

    /// Any value at all: the low bits are its representation.
    fn from_bits(bits: u64) -> Self;
    fn bits(self) -> u64;
    fn is_nan(self) -> bool;

    /// The mean with weights, whose sum is 1.
    fn mean(self, weight: f64, other: Self, other_weight: f64) -> Self;

    /// The same bits, but for the payload of a NaN, which the contract leaves open.
    fn same(self, other: Self) -> bool {
        self.bits() == other.bits() || self.is_nan() && other.is_nan()
    }
}

/// A type to compute with. Half precision is computed with in `f32`, each operation rounded to that, and the result to the type.
pub trait Value: Bits + Float {
    /// What a dropped element becomes.
    const DROPPED: Self;

    /// The nearest of this type.
    fn nearest(x: f64) -> Self;
    /// The constant, first rounded to what this type is computed with in.
    fn constant(x: f64) -> Self;
    /// The product with a constant.
    fn times(self, factor: f64) -> Self;
    /// The product with the constant `a`, plus the constant `b`.
    fn affine(self, a: f64, b: f64) -> Self;
    /// The product with noise that was computed in `f32`.
    fn noisy(self, noise: f32) -> Self;
    /// The sum with noise that was computed in `f32`.
    fn plus_noise(self, noise: f32) -> Self;
    /// The sum of two of this type.
    fn plus(self, other: Self) -> Self;
}

/// Implements both for a type with so many bits of mantissa, which is computed with in `$wide`.
macro_rules! value {
    ($type:ty: $bits:ty, $mantissa:expr, $wide:ty, $widen:expr, $nearest:expr) => {
        impl Bits for $type {
            const SPECIAL: &[Self] = &{
                let (sign, unit): ($bits, $bits) = (1 << (<$bits>::BITS - 1), 1 << $mantissa);
                let (infinity, one) = (sign - unit, (sign / 2 - unit));
                [
                    <$type>::from_bits(0),
                    <$type>::from_bits(sign),
                    <$type>::from_bits(one),
                    <$type>::from_bits(infinity),
                    <$type>::from_bits(infinity | sign),
                    <$type>::from_bits(infinity | unit / 2), // NaN
                    <$type>::from_bits(infinity | sign | 1), // a signalling NaN
                    <$type>::from_bits(1),                   // the smallest subnormal
                    <$type>::from_bits(sign | (unit - 1)),   // the largest, negative
                    <$type>::from_bits(unit),                // the smallest normal
                    <$type>::from_bits(infinity - 1),        // the largest, which overflows when scaled
                    <$type>::from_bits((infinity - 1) | sign),
                ]
            };

            fn from_bits(bits: u64) -> Self {
                Self::from_bits(bits as $bits)
            }

            fn bits(self) -> u64 {
                self.to_bits().into()
            }

            fn is_nan(self) -> bool {
                self.is_nan()
            }

            fn mean(self, weight: f64, other: Self, other_weight: f64) -> Self {
                let products = [$widen(self) * weight as $wide, $widen(other) * other_weight as $wide];
                Self::nearest((products[0] + products[1]).into())
            }
        }

        impl Value for $type {
            const DROPPED: Self = Self::SPECIAL[0];

            fn nearest(x: f64) -> Self {
                $nearest(x)
            }

            fn constant(x: f64) -> Self {
                Self::nearest((x as $wide).into())
            }

            fn times(self, factor: f64) -> Self {
                Self::nearest(($widen(self) * factor as $wide).into())
            }

            fn affine(self, a: f64, b: f64) -> Self {
                let product = $widen(self) * a as $wide;
                Self::nearest((product + b as $wide).into())
            }

            fn noisy(self, noise: f32) -> Self {
                Self::nearest(($widen(self) * <$wide>::from(noise)).into())
            }

            fn plus_noise(self, noise: f32) -> Self {
                Self::nearest(($widen(self) + <$wide>::from(noise)).into())
            }

            fn plus(self, other: Self) -> Self {
                Self::nearest(($widen(self) + $widen(other)).into())
            }
        }
    };
}

value!(f32: u32, 23, f32, |x: f32| x, |x| x as f32);
value!(f64: u64, 52, f64, |x: f64| x, |x: f64| x);
#[cfg(feature = "half")]
value!(f16: u16, 10, f32, f16::to_f32, |x| f16::from_f64(round_to(x, 10, -14, f16::MAX.into())));
#[cfg(feature = "half")]
value!(bf16: u16, 7, f32, bf16::to_f32, |x| bf16::from_f64(round_to(x, 7, -126, bf16::MAX.into())));

/// The nearest number of so many bits of mantissa, ties to even, with this smallest exponent of a normal one, and infinity above the largest. The
/// conversion that is left to do is exact.
#[cfg(feature = "half")]
fn round_to(x: f64, mantissa: i32, smallest: i32, largest: f64) -> f64 {
    let exponent = (x.to_bits() >> 52 & 0x7FF) as i32 - 1023;
    // By its bits: what `powi` gives need not be exact.
    let power = exponent.max(smallest) - mantissa;
    let unit = f64::from_bits(u64::from((power + 1023).cast_unsigned()) << 52);
    let rounded = (x / unit).round_ties_even() * unit;
    if rounded.abs() > largest { f64::INFINITY.copysign(x) } else { rounded }
}

/// A quantised type.
pub trait Integral: Bits + Integer + Into<i64> {
    /// The nearest of this type.
    fn nearest(x: i64) -> Self;
}

macro_rules! integral {
    ($type:ty) => {
        impl Bits for $type {
            const SPECIAL: &[Self] = &[0, 1, Self::wrapping_sub(0, 1), Self::MIN, Self::MIN + 1, Self::MAX - 1, Self::MAX];

            fn from_bits(bits: u64) -> Self {
                bits as Self
            }

            fn bits(self) -> u64 {
                i64::from(self).cast_unsigned()
            }

            fn is_nan(self) -> bool {
                false
            }

            /// The first weight is rounded to 15 bits, and the mean to nearest, ties up.
            fn mean(self, weight: f64, other: Self, _: f64) -> Self {
                let ([x, other], m): ([i64; 2], _) = ([self.into(), other.into()], (weight * 32768.0).round() as i64);
                Self::nearest(other + (2 * (x - other) * m + 32768).div_euclid(65536))
            }
        }

        impl Integral for $type {
            fn nearest(x: i64) -> Self {
                Self::from_bits(x.clamp(Self::MIN.into(), Self::MAX.into()).cast_unsigned())
            }
        }
    };
}

integral!(i8);
integral!(u8);
integral!(i16);

/// Values by random bit pattern, every fourth a special one.
pub fn random<E: Bits>(seed: u64, len: usize) -> Vec<E> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut draw = || {
        let bits = rng.next_u64();
        if bits >> 62 == 0 { E::SPECIAL[bits as usize % E::SPECIAL.len()] } else { E::from_bits(bits) }
    };
    (0..len).map(|_| draw()).collect()
}

/// Ones, for tests that look at the mask through the values.
pub fn ones(len: usize) -> Vec<f32> {
    vec![1.0; len]
}

/// Whether all bits are the same, of slices of one length. No branch depends on an element: a fuzzer would trace each.
fn identical<E: Bits>(a: &[E], b: &[E]) -> bool {
    a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a.bits() ^ b.bits())) == 0
}

#[track_caller]
pub fn assert_same<E: Bits>(actual: &[E], expected: &[E]) {
    assert_eq!(actual.len(), expected.len());
    if identical(actual, expected) {
        return;
    }
    for (i, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        assert!(actual.same(*expected), "element {i} is {actual:?} instead of {expected:?}");
    }
}
