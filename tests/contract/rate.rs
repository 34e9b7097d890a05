//! Rates by hand: values to be read off, what is refused, and the scale that is folded into a requantisation. (All rates, and what they say
//! of themselves, are in `tests/oracle`.)

use std::cmp::Ordering;

use dropout_kernels::{Error, Rate};

const RANGE: u64 = 1 << 32;

#[test]
fn rates_to_be_read_off() {
    // 0.1 as an f32 is 13,421,773 / 2^27.
    assert_eq!(Rate::from_f32(0.1).unwrap().threshold(), 13_421_773 << 5);
    for (p, threshold) in [(0.0, 0), (-0.0, 0), (f64::MIN_POSITIVE, 0), (0.5, RANGE / 2), (1.0, RANGE)] {
        assert_eq!(Rate::new(p).unwrap().threshold(), threshold);
    }
    for (numerator, denominator, threshold) in
        [(0, 1, 0), (1, 1, RANGE), (1, 2, RANGE / 2), (1, 3, 1_431_655_765), (2, 3, 2_863_311_531), (u32::MAX, u32::MAX, RANGE)]
    {
        assert_eq!(Rate::from_ratio(numerator, denominator).unwrap().threshold(), threshold);
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

/// As text, any rate is the number of which it is made again, with as many digits as it was written with.
#[test]
fn a_rate_is_shown_as_a_decimal() {
    for text in ["0", "0.1", "0.05", "0.5", "0.333", "0.9375", "0.0000000002", "0.9999999998", "1"] {
        let rate = Rate::new(text.parse().unwrap()).unwrap();
        assert_eq!(rate.to_string(), text);
    }
    assert_eq!(format!("{:>7}|{:.3}", Rate::new(0.1).unwrap(), Rate::new(2.0 / 3.0).unwrap()), "    0.1|0.667");
    for threshold in (0..=RANGE).step_by((1 << 20) - 1) {
        let rate = Rate::from_threshold(threshold).unwrap();
        let text = rate.to_string();
        assert!(text.len() <= "0.".len() + 10 && Rate::new(text.parse().unwrap()) == Ok(rate), "{text}");
    }
}

#[test]
fn floats_are_tried_as_rates() {
    assert_eq!(Rate::try_from(0.1_f64), Rate::new(0.1));
    assert_eq!(Rate::try_from(0.1_f32), Rate::from_f32(0.1));
    assert!(matches!(Rate::try_from(-0.5_f64), Err(Error::Rate { p: -0.5 })));
    assert!(matches!(Rate::try_from(1.5_f32), Err(Error::Rate { p: 1.5 })));
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
