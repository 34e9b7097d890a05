//! The scale of inverted dropout as an `f32`, for CPUs without division too.

use super::{RANGE, Rate};
use crate::simd::{VECTORS, rolled};

impl Rate {
    /// The [scale](Self::scale), to the nearest `f32`.
    #[inline(always)]
    pub(crate) const fn scale_f32(self) -> f32 {
        // In software, the division takes a kilobyte of flash; with vectors it takes a tenth of the time of the other.
        if VECTORS { self.scale() as f32 } else { bit_by_bit(self.keep_threshold()) }
    }

    /// The probability of [keeping](Self::keep), to the nearest `f32`, by a conversion of 32 bits, which an FPU has.
    #[expect(clippy::cast_precision_loss, reason = "rounds to nearest")]
    pub(crate) const fn keep_f32(self) -> f32 {
        let keep = self.keep_threshold();
        if keep == RANGE { 1.0 } else { keep as u32 as f32 / RANGE as f32 }
    }
}

/// `2^32 / divisor` to the nearest `f64` and then the nearest `f32`, with integers.
#[inline(always)]
const fn bit_by_bit(divisor: u64) -> f32 {
    if divisor == 0 {
        return f32::INFINITY;
    }
    if divisor >> 32 > 0 {
        return 1.0;
    }
    // 2^32 / divisor = 2^exponent * quotient, where the quotient is above 1, and 2 at most.
    let divisor = divisor as u32;
    let exponent = divisor.leading_zeros();
    let divisor = divisor << exponent;
    let (mut quotient, mut rest) = (1_u64, divisor.wrapping_neg());
    while quotient >> f64::MANTISSA_DIGITS == 0 {
        let goes = rest >> 31 == 1 || rest << 1 >= divisor;
        rest = (rest << 1).wrapping_sub(if goes { divisor } else { 0 });
        quotient = quotient << 1 | goes as u64;
        rolled();
    }
    // The quotient has one bit more than an f64, and is no tie, as its factors other than 2 are the divisor's.
    let nearest = quotient.div_ceil(2);
    // An f64 has 29 bits more than an f32, and can be a tie: to even.
    let nearest = (nearest + (1 << 28) - 1 + (nearest >> 29 & 1)) >> 29;
    // Rounding up carries into the exponent where it should.
    f32::from_bits(((126 + exponent) << 23) + nearest as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds_twice(divisor: u64) {
        let rate = Rate::from_threshold((1 << 32) - divisor).unwrap();
        assert_eq!(bit_by_bit(divisor).to_bits(), (rate.scale() as f32).to_bits(), "2^32 / {divisor}");
    }

    /// All divisors whose quotient another rounding would change, and others.
    #[test]
    fn inverse_rounds_to_f64_and_then_to_f32() {
        let ties = [
            846_731_599,
            939_524_103,
            943_201_287,
            1_614_112_203,
            1_693_463_198,
            1_745_032_969,
            1_879_048_206,
            1_886_402_574,
            2_004_436_223,
            3_228_224_406,
            3_386_926_396,
            3_394_919_015,
            3_490_065_938,
            3_758_096_412,
            3_772_805_148,
            4_008_872_446,
            4_026_531_855,
        ];
        let powers = (0..=32).flat_map(|i| (1_u64 << i).saturating_sub(3)..=1 << i);
        ties.into_iter().chain(0..=64).chain(powers).chain((0..1 << 32).step_by(1_000_003)).for_each(rounds_twice);
    }

    /// `cargo test --release --lib -- --ignored inverse`: some minutes.
    #[test]
    #[ignore = "2^32 divisors"]
    fn inverse_rounds_to_f64_and_then_to_f32_everywhere() {
        (0..=1 << 32).for_each(rounds_twice);
    }
}
