//! From the sum of a layer to its output.

use dropout_kernels::Rate;

/// The factor `multiplier * 2^(shift - 31)`, by which a sum in `i32` becomes an output.
///
/// The multiplier of a factor other than 0 is 2^30 or more, so that its 31 bits are used.
#[derive(Clone, Copy, Debug)]
pub struct Requantization {
    pub multiplier: i32,
    pub shift: i32,
}

impl Requantization {
    /// The product, rounded to nearest, ties up: as CMSIS-NN has it with `CMSIS_NN_USE_SINGLE_ROUNDING`, and TensorFlow
    /// Lite with `TFLITE_SINGLE_ROUNDING`. The factor is less than 2^30.
    pub const fn apply(self, sum: i32) -> i32 {
        let halves = (sum as i64 * self.multiplier as i64) >> (30 - self.shift);
        ((halves + 1) >> 1) as i32
    }

    /// The factor times 1/(1-p): kept values that come through dropout of rate p are then scaled at no cost.
    pub const fn fold_scale(self, rate: Rate) -> Self {
        let (multiplier, shift) = rate.fold_scale(self.multiplier, self.shift);
        Self { multiplier, shift }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMS: [i32; 9] = [-2_000_000, -70_001, -3, -1, 0, 1, 2, 90_000, 1_999_999];

    #[test]
    fn products_are_rounded_to_nearest() {
        // 0.75 * 2^-4
        let factor = Requantization { multiplier: 3 << 29, shift: -4 };
        for sum in SUMS {
            assert_eq!(f64::from(factor.apply(sum)), (f64::from(sum) * 0.75 / 16.0 + 0.5).floor(), "{sum}");
        }
    }

    #[test]
    fn the_scale_is_folded() {
        let factor = Requantization { multiplier: 3 << 29, shift: -4 }.fold_scale(Rate::new(0.2).unwrap());
        for sum in SUMS {
            let exact = f64::from(sum) * 0.75 / 16.0 / 0.8;
            assert!((f64::from(factor.apply(sum)) - exact).abs() <= 0.5 + exact.abs() * 1e-9, "{sum}");
        }
    }
}
