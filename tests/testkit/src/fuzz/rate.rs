//! Every way to give a rate, against exact integers.
#![expect(clippy::cast_precision_loss, reason = "at most 2^33: exact")]

use std::cmp::Ordering;

use arbitrary::Arbitrary;
use dropout_kernels::{Error, Rate};

use super::inputs::Integer;
use crate::oracle;

/// 2^32.
const RANGE: u64 = 1 << 32;

#[derive(Arbitrary, Debug)]
pub enum Input {
    /// By representation.
    New(u64),
    F32(u32),
    /// So many steps of an f64 away from a multiple of 2^-33: every other one is a tie of two thresholds.
    NearTie {
        multiple: u64,
        steps: i8,
    },
    Ratio(u32, u32),
    Threshold(Integer),
}

pub fn check(input: &Input) {
    match *input {
        Input::New(bits) => new(f64::from_bits(bits)),
        Input::F32(bits) => {
            let p = f32::from_bits(bits);
            let widened = f64::from(p);
            new(widened);
            assert!(same(&Rate::from_f32(p), &Rate::new(widened)), "{p}");
        }
        Input::NearTie { multiple, steps } => {
            let tie = (multiple % (2 * RANGE + 1)) as f64 / (2 * RANGE) as f64;
            new(f64::from_bits(tie.to_bits().wrapping_add_signed(steps.into())));
        }
        Input::Ratio(numerator, denominator) => ratio(numerator, denominator),
        Input::Threshold(threshold) => from_threshold(threshold.get()),
    }
}

fn new(p: f64) {
    let rate = Rate::new(p);
    if !(0.0..=1.0).contains(&p) {
        return assert!(same(&rate, &Err(Error::Rate { p })), "{rate:?}");
    }
    let threshold = rate.unwrap().threshold();
    assert_eq!(threshold, oracle::threshold(p));
    let (mantissa, shift) = parts(p);
    if shift > 90 {
        assert_eq!(threshold, 0, "{p} * 2^32 is below 2^53 * 2^32 / 2^91");
    } else {
        assert_nearest(threshold, mantissa << 32, 1 << shift);
    }
    from_threshold(threshold);
}

fn ratio(numerator: u32, denominator: u32) {
    let rate = Rate::from_ratio(numerator, denominator);
    if denominator == 0 || numerator > denominator {
        return assert_eq!(rate, Err(Error::Ratio { numerator, denominator }));
    }
    assert_nearest(rate.unwrap().threshold(), u128::from(numerator) << 32, denominator.into());
}

fn from_threshold(threshold: u64) {
    let rate = Rate::from_threshold(threshold);
    if threshold > RANGE {
        return assert_eq!(rate, Err(Error::Threshold { threshold }));
    }
    let rate = rate.unwrap();
    assert_eq!(rate.threshold(), threshold);
    // Multiplying by a power of two is exact.
    for (probability, of_range) in [(rate.realised(), threshold), (rate.keep(), RANGE - threshold)] {
        assert_eq!((probability * RANGE as f64).to_bits(), (of_range as f64).to_bits());
    }
    if threshold == RANGE {
        return assert_eq!(rate.scale().to_bits(), f64::INFINITY.to_bits());
    }
    // The scale is mantissa / 2^shift, and should be RANGE / kept.
    let (mantissa, shift) = parts(rate.scale());
    let kept = u128::from(RANGE - threshold);
    assert_nearest(mantissa as u64, u128::from(RANGE) << shift, kept);
}

/// A float from 0 up as mantissa / 2^shift.
fn parts(x: f64) -> (u128, u64) {
    let (exponent, fraction) = (x.to_bits() >> 52 & 0x7FF, u128::from(x.to_bits() & ((1 << 52) - 1)));
    if exponent == 0 { (fraction, 1074) } else { (fraction | 1 << 52, 1075 - exponent) }
}

/// The integer is the nearest to the quotient; where two are, the even one.
fn assert_nearest(integer: u64, numerator: u128, denominator: u128) {
    let twice_the_error = 2 * numerator.abs_diff(u128::from(integer) * denominator);
    match twice_the_error.cmp(&denominator) {
        Ordering::Less => {}
        Ordering::Equal => assert!(integer.is_multiple_of(2), "{integer} is the odd one of two"),
        Ordering::Greater => panic!("{integer} is not nearest to {numerator} / {denominator}"),
    }
}

/// Equal, with a NaN that is refused equal to itself.
fn same(a: &Result<Rate, Error>, b: &Result<Rate, Error>) -> bool {
    match (a, b) {
        (Err(Error::Rate { p: a }), Err(Error::Rate { p: b })) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}
