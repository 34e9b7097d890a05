//! What summaries are kept in.

/// The type of a summary: `f32` or `f64`.
///
/// Sealed: the stated precision is that of these types.
#[expect(private_bounds, reason = "this is what seals it")]
pub trait Number: sealed::Number {}

impl<N: sealed::Number> Number for N {}

pub(super) mod sealed {
    use core::ops::{Add, Div, Mul, Sub};

    pub(crate) trait Number:
        Copy + PartialOrd + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
    {
        const ZERO: Self;

        /// The square of differences between numbers whose squares are below it can be summed 2^32 times.
        const MODERATE: Self;

        /// Rounds to nearest. Counts of passes are exact in `f64`; in `f32`, up to 2^24.
        fn nearest(x: f64) -> Self;
        /// The natural logarithm.
        fn ln(self) -> Self;
        fn is_finite(self) -> bool;
        fn is_nan(self) -> bool;
    }

    impl Number for f32 {
        const ZERO: Self = 0.0;
        const MODERATE: Self = Self::from_bits((127 + 92) << 23);

        fn nearest(x: f64) -> Self {
            x as Self
        }

        fn ln(self) -> Self {
            libm::logf(self)
        }

        fn is_finite(self) -> bool {
            self.is_finite()
        }

        fn is_nan(self) -> bool {
            self.is_nan()
        }
    }

    impl Number for f64 {
        const ZERO: Self = 0.0;
        const MODERATE: Self = Self::from_bits((1023 + 988) << 52);

        fn nearest(x: f64) -> Self {
            x
        }

        fn ln(self) -> Self {
            libm::log(self)
        }

        fn is_finite(self) -> bool {
            self.is_finite()
        }

        fn is_nan(self) -> bool {
            self.is_nan()
        }
    }
}
