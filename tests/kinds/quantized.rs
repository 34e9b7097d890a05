//! Every quantised value in exact integers, and the fraction that stands for the scale.
#![expect(clippy::cast_precision_loss, reason = "thresholds, of at most 33 bits: exact")]

use dropout_kernels::{Backend, Mode, PackedMask, QuantizedDropout, Rate};
use testkit::every_backend;
use testkit::oracle;
use testkit::subject::{fixed_point, rescale};
use testkit::value::{Integral, assert_same};

every_backend!(every_i8, every_u8, every_i16);

const RANGE: u64 = 1 << 32;

/// The ends, usual rates, and rates with scales around 2^15 and far above.
const THRESHOLDS: [u64; 10] =
    [0, 1, RANGE / 10, RANGE / 3, RANGE / 2, RANGE - RANGE / 1000, RANGE - (1 << 17) - 1, RANGE - (1 << 17), RANGE - 1, RANGE];

fn every_i8(backend: Backend) {
    every_byte(backend, [i8::MIN, -1, 0, 1, i8::MAX]);
}

fn every_u8(backend: Backend) {
    every_byte(backend, [u8::MIN, 1, 127, 128, u8::MAX]);
}

/// All values with all zero points; and with some, the values so often that each comes to every lane.
fn every_byte<E: Integral>(backend: Backend, zero_points: [E; 5]) {
    let all: Vec<E> = (0..256).map(E::from_bits).collect();
    every_value(backend, &all, &all);
    let values = (0..257).cycle().take(257 * 16).map(E::from_bits);
    every_value(backend, &values.collect::<Vec<_>>(), &zero_points);
}

fn every_i16(backend: Backend) {
    every_value(backend, &(i16::MIN..=i16::MAX).collect::<Vec<_>>(), &[i16::MIN, -1, 0, 1, i16::MAX]);
}

#[test]
fn the_scale_is_what_is_left_to_multiply_by() {
    for threshold in THRESHOLDS {
        let rate = Rate::from_threshold(threshold).unwrap();
        let layer = QuantizedDropout::new(rate, -3_i8);
        assert_eq!(layer.scale().to_bits(), oracle::scale(rate.realised()).to_bits());
        assert_eq!(layer.with_fixed_point_scale().scale().to_bits(), 1.0_f64.to_bits());
    }
}

fn every_value<E: Integral>(backend: Backend, x: &[E], zero_points: &[E]) {
    let mut y = x.to_vec();
    for threshold in THRESHOLDS {
        for &zero_point in zero_points {
            let layer = QuantizedDropout::new(Rate::from_threshold(threshold).unwrap(), zero_point).on(backend);
            for keep in [u32::MAX, 0x5555_5555, 0xAAAA_AAAA] {
                let words = vec![keep; x.len().div_ceil(32)];
                let mode = Mode::Stored(PackedMask::new(&words, 0, x.len()).unwrap());
                let expected = |kept: &dyn Fn(E) -> E| {
                    let output = |(i, &x)| if keep >> (i % 32) & 1 == 1 { kept(x) } else { zero_point };
                    x.iter().enumerate().map(output).collect::<Vec<_>>()
                };
                layer.apply(mode, x, &mut y).unwrap();
                assert_same(&y, &expected(&|x| x));
                layer.with_fixed_point_scale().apply(mode, x, &mut y).unwrap();
                let scale = fixed_point(threshold);
                assert_same(&y, &expected(&|x| rescale(x, zero_point, scale)));
            }
        }
    }
}

/// What is documented of the fraction, of that which the tests above hold the library to.
#[test]
fn the_fraction_is_within_2_to_the_minus_15() {
    for threshold in (0..RANGE).step_by((1 << 20) - 1).chain(THRESHOLDS) {
        let scale = RANGE as f64 / (RANGE - threshold) as f64;
        let (m, s) = fixed_point(threshold);
        assert!((1 << 14..1 << 15).contains(&m));
        let fraction = m as f64 / f64::from(1 << s);
        if scale < 32767.0 {
            assert!((fraction / scale - 1.0).abs() <= 2.0_f64.powi(-15), "{m} / 2^{s} for {scale}");
        }
    }
}
