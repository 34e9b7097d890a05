//! What the tests must know of an element type, evaluated without the library.

use std::fmt::Debug;

use dropout_kernels::Float;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

pub trait Value: Float + Copy + Debug + 'static {
    /// Values that a kernel could treat differently from others.
    const SPECIAL: &[Self];
    /// What a dropped element becomes.
    const DROPPED: Self;

    /// Any value at all: the low bits are its representation.
    fn from_bits(bits: u64) -> Self;
    fn bits(self) -> u64;
    fn is_nan(self) -> bool;
    /// The product with a factor that is first rounded to this type.
    fn times(self, factor: f64) -> Self;

    /// The same bits, but for the payload of a NaN, which the contract leaves open.
    fn same(self, other: Self) -> bool {
        self.bits() == other.bits() || self.is_nan() && other.is_nan()
    }
}

impl Value for f32 {
    const SPECIAL: &[Self] = &[
        0.0,
        -0.0,
        1.0,
        Self::INFINITY,
        Self::NEG_INFINITY,
        Self::NAN,
        Self::from_bits(0xFFA0_0001), // a signalling NaN
        Self::from_bits(1),           // the smallest subnormal
        Self::from_bits(0x807F_FFFF), // the largest, negative
        Self::MIN_POSITIVE,
        Self::MAX, // overflows when scaled
        Self::MIN,
    ];
    const DROPPED: Self = 0.0;

    fn from_bits(bits: u64) -> Self {
        Self::from_bits(bits as u32)
    }

    fn bits(self) -> u64 {
        self.to_bits().into()
    }

    fn is_nan(self) -> bool {
        self.is_nan()
    }

    fn times(self, factor: f64) -> Self {
        self * factor as Self
    }
}

/// Values by random bit pattern, every fourth a special one.
pub fn random<E: Value>(seed: u64, len: usize) -> Vec<E> {
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

#[track_caller]
pub fn assert_same<E: Value>(actual: &[E], expected: &[E]) {
    assert_eq!(actual.len(), expected.len());
    for (i, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        assert!(actual.same(*expected), "element {i} is {actual:?} instead of {expected:?}");
    }
}
