//! `f32` and `f64` elements.

use super::sealed::{Element, Float, mean, sum, weights};
use crate::simd::{CHUNK, Lanes, SOFT_FLOAT, VECTORS};

impl Element for f32 {
    const ZERO: Self = 0.0;

    const IN_SOFTWARE: bool = SOFT_FLOAT;

    #[inline(always)]
    fn select<L: Lanes>(lanes: L, keep: u16, kept: [Self; CHUNK], dropped: [Self; CHUNK]) -> [Self; CHUNK] {
        lanes.store_f32(lanes.select_f32(keep, lanes.load_f32(&kept), lanes.load_f32(&dropped)))
    }

    type Weights = [Self; 2];

    fn weights(keep: f64) -> [Self; 2] {
        weights::<Self>(keep)
    }

    #[inline(always)]
    fn sum<L: Lanes>(lanes: L, a: &[Self; CHUNK], b: &[Self; CHUNK]) -> [Self; CHUNK] {
        sum(lanes, a, b)
    }

    #[inline(always)]
    fn mean<L: Lanes>(lanes: L, weights: [Self; 2], kept: &[Self; CHUNK], dropped: &[Self; CHUNK]) -> [Self; CHUNK] {
        mean(lanes, weights, kept, dropped)
    }
}

impl Float for f32 {
    type Number = Self;
    type Vector<L: Lanes> = L::F32s;

    fn number(x: f64) -> Self {
        x as Self
    }

    fn inverse(_: u64, rounded: f32) -> Self {
        rounded
    }

    fn nearest(x: Self) -> Self {
        x
    }

    #[inline(always)]
    fn splat<L: Lanes>(lanes: L, x: Self) -> L::F32s {
        lanes.splat_f32(x)
    }

    #[inline(always)]
    fn load<L: Lanes>(lanes: L, x: &[Self; CHUNK]) -> L::F32s {
        lanes.load_f32(x)
    }

    #[inline(always)]
    fn load_f32<L: Lanes>(lanes: L, x: &[f32; CHUNK]) -> L::F32s {
        lanes.load_f32(x)
    }

    #[inline(always)]
    fn store<L: Lanes>(lanes: L, x: L::F32s) -> [Self; CHUNK] {
        lanes.store_f32(x)
    }
}

impl Element for f64 {
    const ZERO: Self = 0.0;

    #[inline(always)]
    fn select<L: Lanes>(lanes: L, keep: u16, kept: [Self; CHUNK], dropped: [Self; CHUNK]) -> [Self; CHUNK] {
        lanes.store_f64(lanes.select_f64(keep, lanes.load_f64(&kept), lanes.load_f64(&dropped)))
    }

    type Weights = [Self; 2];

    fn weights(keep: f64) -> [Self; 2] {
        weights::<Self>(keep)
    }

    #[inline(always)]
    fn sum<L: Lanes>(lanes: L, a: &[Self; CHUNK], b: &[Self; CHUNK]) -> [Self; CHUNK] {
        sum(lanes, a, b)
    }

    #[inline(always)]
    fn mean<L: Lanes>(lanes: L, weights: [Self; 2], kept: &[Self; CHUNK], dropped: &[Self; CHUNK]) -> [Self; CHUNK] {
        mean(lanes, weights, kept, dropped)
    }
}

impl Float for f64 {
    type Number = Self;
    type Vector<L: Lanes> = L::F64s;

    fn number(x: f64) -> Self {
        x
    }

    fn inverse(divisor: u64, _: f32) -> Self {
        inverse_f64(divisor)
    }

    fn nearest(x: Self) -> Self {
        x
    }

    #[inline(always)]
    fn splat<L: Lanes>(lanes: L, x: Self) -> L::F64s {
        lanes.splat_f64(x)
    }

    #[inline(always)]
    fn load<L: Lanes>(lanes: L, x: &[Self; CHUNK]) -> L::F64s {
        lanes.load_f64(x)
    }

    #[inline(always)]
    fn load_f32<L: Lanes>(lanes: L, x: &[f32; CHUNK]) -> L::F64s {
        lanes.load_f64(&x.map(Self::from))
    }

    #[inline(always)]
    fn store<L: Lanes>(lanes: L, x: L::F64s) -> [Self; CHUNK] {
        lanes.store_f64(x)
    }
}

/// `2^32 / divisor` to the nearest `f64` and then the nearest `f32`.
#[inline(always)]
pub(crate) const fn inverse(divisor: u64) -> f32 {
    // In software, the division takes a kilobyte of flash; with vectors it takes a tenth of the time of the other.
    if VECTORS { inverse_f64(divisor) as f32 } else { bit_by_bit(divisor) }
}

#[expect(clippy::cast_precision_loss, reason = "at most 2^32: exact")]
const fn inverse_f64(divisor: u64) -> f64 {
    4_294_967_296.0 / divisor as f64
}

/// The same with integers.
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
    let (mut quotient, mut rest, mut bit) = (1_u64, divisor.wrapping_neg(), 0);
    while bit < f64::MANTISSA_DIGITS {
        let goes = rest >> 31 == 1 || rest << 1 >= divisor;
        rest = (rest << 1).wrapping_sub(if goes { divisor } else { 0 });
        quotient = quotient << 1 | goes as u64;
        bit += 1;
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
        assert_eq!(bit_by_bit(divisor).to_bits(), (inverse_f64(divisor) as f32).to_bits(), "2^32 / {divisor}");
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
