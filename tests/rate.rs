//! Rates: what threshold a probability becomes, and what the threshold says of the mask.
#![expect(clippy::cast_precision_loss, reason = "thresholds have at most 33 bits: exact")]

use std::cmp::Ordering;

use dropout_kernels::{Error, Rate};
use testkit::oracle;

const RANGE: u64 = 1 << 32;
const UNIT: f64 = 1.0 / RANGE as f64;

fn threshold(p: f64) -> u64 {
    Rate::new(p).unwrap().threshold()
}

#[test]
fn exact_rates() {
    for t in [0, 1, 2, 3, 1 << 30, RANGE / 2, RANGE - 2, RANGE - 1, RANGE] {
        assert_eq!(threshold(t as f64 * UNIT), t);
    }
}

/// (2k + 1) / 2^33 lies half-way between two thresholds.
#[test]
fn ties_go_to_the_even_threshold() {
    for k in [0, 1, 2, 3, 4, 429_496_729, RANGE / 2 - 1, RANGE / 2, RANGE - 2, RANGE - 1] {
        let tie = (2 * k + 1) as f64 * UNIT / 2.0;
        let even = k + k % 2;
        assert_eq!(threshold(tie), even, "({k} + 1/2) / 2^32");
        assert_eq!(threshold(tie.next_down()), k, "just below ({k} + 1/2) / 2^32");
        assert_eq!(threshold(tie.next_up()), k + 1, "just above ({k} + 1/2) / 2^32");
    }
}

#[test]
fn rates_too_small_to_drop_anything() {
    for p in [0.0, -0.0, f64::from_bits(1), f64::MIN_POSITIVE.next_down(), f64::MIN_POSITIVE, UNIT / 4.0] {
        assert_eq!(threshold(p), 0, "p = {p}");
    }
}

#[test]
fn any_probability_is_rounded_once() {
    fn law(bits: u64) -> bool {
        let any_exponent = f64::from_bits(bits % (1.0_f64.to_bits() + 1));
        let uniform = (bits >> 11) as f64 / (1_u64 << 53) as f64;
        [any_exponent, uniform].iter().all(|&p| threshold(p) == oracle::threshold(p))
    }
    testkit::check(law as fn(u64) -> bool);
}

#[test]
fn an_f32_is_widened() {
    // 0.1 as an f32 is 13,421,773 / 2^27.
    assert_eq!(Rate::from_f32(0.1).unwrap().threshold(), 13_421_773 << 5);
    for p in [0.0, f32::from_bits(1), 0.3, 1.0_f32.next_down(), 1.0] {
        assert_eq!(Rate::from_f32(p), Rate::new(p.into()));
    }
}

/// The nearest threshold. There are no ties: twice `numerator * 2^32` is an odd multiple of no denominator below 2^33.
#[test]
fn a_ratio_is_rounded_to_the_nearest() {
    fn law(a: u32, b: u32) -> bool {
        let (numerator, denominator) = (a.min(b), a.max(b).max(1));
        let threshold = Rate::from_ratio(numerator, denominator).unwrap().threshold();
        let exact = u128::from(numerator) << 32;
        2 * exact.abs_diff(u128::from(threshold) * u128::from(denominator)) < u128::from(denominator)
    }
    testkit::check(law as fn(u32, u32) -> bool);
    for (numerator, denominator, threshold) in
        [(0, 1, 0), (1, 1, RANGE), (1, 2, RANGE / 2), (1, 3, 1_431_655_765), (2, 3, 2_863_311_531)]
    {
        assert_eq!(Rate::from_ratio(numerator, denominator).unwrap().threshold(), threshold);
    }
    assert_eq!(Rate::from_ratio(u32::MAX, u32::MAX).unwrap().threshold(), RANGE);
}

/// As text, any rate is the number of which it is made again, with as many digits as it was written with.
#[test]
fn a_rate_is_shown_as_a_decimal() {
    for text in ["0", "0.1", "0.05", "0.5", "0.333", "0.9375", "0.0000000002", "0.9999999998", "1"] {
        let rate = Rate::new(text.parse().unwrap()).unwrap();
        assert_eq!(rate.to_string(), text);
    }
    assert_eq!(format!("{:>7}|{:.3}", Rate::new(0.1).unwrap(), Rate::new(2.0 / 3.0).unwrap()), "    0.1|0.667");
    fn law(threshold: u64) -> bool {
        let rate = Rate::from_threshold(threshold % (RANGE + 1)).unwrap();
        let text = rate.to_string();
        text.len() <= "0.".len() + 10 && Rate::new(text.parse().unwrap()) == Ok(rate)
    }
    testkit::check(law as fn(u64) -> bool);
}

#[test]
fn floats_are_tried_as_rates() {
    assert_eq!(Rate::try_from(0.1_f64), Rate::new(0.1));
    assert_eq!(Rate::try_from(0.1_f32), Rate::from_f32(0.1));
    assert!(matches!(Rate::try_from(-0.5_f64), Err(Error::Rate { p: -0.5 })));
    assert!(matches!(Rate::try_from(1.5_f32), Err(Error::Rate { p: 1.5 })));
}

#[test]
fn a_threshold_is_taken_as_it_is() {
    for threshold in [0, 1, 429_496_730, RANGE - 1, RANGE] {
        assert_eq!(Rate::from_threshold(threshold).unwrap().threshold(), threshold);
    }
}

#[test]
fn what_a_rate_says_of_its_mask() {
    for t in [0, 1, 3, 429_496_730, RANGE / 2, RANGE / 4 * 3, RANGE - 1, RANGE] {
        let rate = Rate::from_threshold(t).unwrap();
        assert_eq!((rate.realised() * RANGE as f64).to_bits(), (t as f64).to_bits());
        assert_eq!((rate.keep() * RANGE as f64).to_bits(), ((RANGE - t) as f64).to_bits());
        assert_eq!(rate.scale().to_bits(), oracle::scale(rate.realised()).to_bits());
    }
    let scale = |p| Rate::new(p).unwrap().scale();
    assert_eq!([0.0, 0.5, 0.75, 1.0].map(|p| scale(p).to_bits()), [1.0, 2.0, 4.0, f64::INFINITY].map(f64::to_bits));
}

/// Against fractions of 128 bits: of all shifts, the one with which the nearest multiplier has 31 bits.
#[test]
fn the_scale_is_folded_into_a_requantisation() {
    let thresholds = [0, 1, 1 << 16, 429_496_730, 1 << 31, (1 << 31) + 1, 3_006_477_107, RANGE - 3, RANGE - 2, RANGE - 1];
    let multipliers =
        [1, 2, 3, 1 << 30, (1 << 30) + 1, 1_518_500_250, 0x5555_5555, i32::MAX - 1, i32::MAX, i32::MIN, -1_234_567_890];
    for (t, multiplier) in thresholds.into_iter().flat_map(|t| multipliers.map(|multiplier| (t, multiplier))) {
        let keep = u128::from(RANGE - t);
        let expected = (0..96).find_map(|more| {
            let (scaled, divisor) = (u128::from(multiplier.unsigned_abs()) << 64, keep << more);
            let nearest = (2 * scaled + divisor) / (2 * divisor);
            (1 << 30..1 << 31).contains(&nearest).then(|| (nearest as i64 * i64::from(multiplier.signum()), more - 32))
        });
        let (folded, shift) = Rate::from_threshold(t).unwrap().fold_scale(multiplier, -7);
        assert_eq!(Some((i64::from(folded), shift + 7)), expected, "{multiplier} at T = {t}");
    }
    for (t, multiplier) in [(0, 0), (1 << 31, 0), (RANGE, 0), (RANGE, 77)] {
        assert_eq!(Rate::from_threshold(t).unwrap().fold_scale(multiplier, 5), (multiplier, 5), "nothing to scale");
    }
    assert_eq!(Rate::from_threshold(1 << 31).unwrap().fold_scale(1 << 30, i32::MAX).1, i32::MAX, "no shift is higher");
}

#[test]
fn rates_are_ordered() {
    let [low, high] = [0.1, 0.2].map(|p| Rate::new(p).unwrap());
    assert_eq!(low.cmp(&high), Ordering::Less);
    assert_eq!(high, Rate::from_ratio(1, 5).unwrap());
}

#[test]
fn rates_are_for_constants_too() {
    const RATES: [Result<Rate, Error>; 4] =
        [Rate::new(0.5), Rate::from_f32(0.5), Rate::from_ratio(1, 2), Rate::from_threshold(1 << 31)];
    const SAYS: [f64; 3] = match RATES[0] {
        Ok(rate) => [rate.scale(), rate.keep(), rate.realised()],
        Err(_) => [f64::NAN; 3],
    };
    assert!(RATES.iter().all(|&rate| rate == RATES[0]));
    assert_eq!(SAYS.map(f64::to_bits), [2.0, 0.5, 0.5].map(f64::to_bits));
}

#[test]
fn what_is_no_probability_is_refused_by_value() {
    for p in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -f64::from_bits(1), -1.0, 1.0_f64.next_up(), 2.0, f64::MAX] {
        let error = Rate::new(p).unwrap_err();
        assert!(matches!(error, Error::Rate { p: given } if given.to_bits() == p.to_bits()), "{error:?}");
        assert_eq!(error.to_string(), format!("rate p = {p}: expected a probability from 0 to 1"));
    }
    for p in [f32::NAN, f32::INFINITY, -f32::from_bits(1), 1.0_f32.next_up()] {
        let error = Rate::from_f32(p).unwrap_err();
        assert!(matches!(error, Error::Rate { p: given } if given.to_bits() == f64::from(p).to_bits()), "{error:?}");
    }
    for (numerator, denominator) in [(0, 0), (1, 0), (2, 1), (u32::MAX, u32::MAX - 1)] {
        let error = Rate::from_ratio(numerator, denominator).unwrap_err();
        assert_eq!(error, Error::Ratio { numerator, denominator });
        assert!(error.to_string().starts_with(&format!("rate {numerator}/{denominator}: expected ")), "{error}");
    }
    for threshold in [RANGE + 1, u64::MAX] {
        let error = Rate::from_threshold(threshold).unwrap_err();
        assert_eq!(error, Error::Threshold { threshold });
        assert_eq!(error.to_string(), format!("threshold {threshold}: expected at most 2^32"));
    }
}
