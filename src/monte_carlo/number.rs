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

        /// Rounds to nearest. Counts of passes are exact in `f64`; in `f32`, up to 2^24.
        fn nearest(x: f64) -> Self;
        /// The natural logarithm.
        fn ln(self) -> Self;
    }

    impl Number for f32 {
        const ZERO: Self = 0.0;

        fn nearest(x: f64) -> Self {
            x as Self
        }

        fn ln(self) -> Self {
            libm::logf(self)
        }
    }

    impl Number for f64 {
        const ZERO: Self = 0.0;

        fn nearest(x: f64) -> Self {
            x
        }

        fn ln(self) -> Self {
            libm::log(self)
        }
    }
}
