//! How far results are from exact arithmetic: what the documentation of `Float` states. Exact enough is `f64`, which has 29 bits more than
//! `f32`.

use dropout_kernels::{Address, Backend, Mode, PackedMask, Scaling};
use testkit::every_backend;
use testkit::subject::{OfAlpha, OfGaussian, OfScaled, Settings, Subject};
use testkit::value::{Value, random};

use crate::{apply, backward};

every_backend!(products_and_sums_of_f32);

const RANGE: f64 = 4_294_967_296.0;

/// The usual ones, the smallest, and that of the largest scale.
const RATES: [f64; 10] = [1.0 / RANGE, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.9, 0.999, (RANGE - 1.0) / RANGE];

const F32: Format = Format { mantissa: 23, smallest: -126, largest: f32::MAX as f64 };

struct Format {
    mantissa: i32,
    /// The exponent of the smallest normal number.
    smallest: i32,
    largest: f64,
}

impl Format {
    /// The distance of neighbours at `x`.
    fn unit(&self, x: f64) -> f64 {
        let exponent = (x.to_bits() >> 52 & 0x7FF) as i32 - 1023;
        2_f64.powi(exponent.max(self.smallest) - self.mantissa)
    }
}

/// The largest errors of a type, in units in the last place.
#[derive(Debug, Default)]
struct Errors {
    /// Of a product with a constant.
    product: f64,
    /// Of a product with noise.
    noisy: f64,
    /// Of `a * x + b`, in units of the larger of the product and the sum.
    sum: f64,
}

/// A search: some values at many rates.
fn products_and_sums_of_f32(backend: Backend) {
    let rates: Vec<f64> = (1..300).map(|i| (f64::from(i) / f64::from(300) * RANGE).round() / RANGE).chain(RATES).collect();
    assert_within::<f32>(backend, &F32, &rates, &random(1, 1 << 12), &Errors { product: 1.5, noisy: 0.5, sum: 2.0 });
}

fn assert_within<E: Value + Into<f64>>(backend: Backend, format: &Format, rates: &[f64], x: &[E], bounds: &Errors) {
    let mut errors = Errors::default();
    for &p in rates {
        let inverted = Settings::of(p);
        let classic = Settings { scaling: Scaling::Classic, ..inverted };
        let words = vec![u32::MAX; x.len().div_ceil(32)];
        let keep = Mode::Stored(PackedMask::new(&words, 0, x.len()).unwrap());

        // p is a multiple of 2^-32, or so near to one that it makes no difference.
        let q = 1.0 - (p * RANGE).round_ties_even() / RANGE;
        let s = -1.758_099_340_847_376_6;
        let a = 1.0 / (q + s * s * q * (1.0 - q)).sqrt();
        let b = a * (q - 1.0) * s;

        let alpha = OfAlpha::<E>::layer(&inverted).on(backend);
        for (factor, y) in [
            (1.0 / q, apply(&OfScaled::<E>::layer(&inverted).on(backend), keep, x)),
            (q, apply(&OfScaled::<E>::layer(&classic).on(backend), Mode::Eval, x)),
            (a, backward(&alpha, keep, x)),
        ] {
            errors.product = largest(x, &y, |_, x| x * factor, |exact, _| format.unit(exact), format).max(errors.product);
        }
        // Ones become the noise itself. It is widened here, as QEMU 7.2 widens one factor only of s390x's product of `f32`s as `f64`.
        let train = Mode::Train(Address::default());
        let noise = apply(&OfGaussian::<f32>::layer(&inverted).on(backend), train, &vec![1.0_f32; x.len()]);
        let noise: Vec<f64> = noise.into_iter().map(f64::from).collect();
        let y = apply(&OfGaussian::<E>::layer(&inverted).on(backend), train, x);
        let error = largest(x, &y, |i, x| x * noise[i], |exact, _| format.unit(exact), format);
        errors.noisy = error.max(errors.noisy);
        let y = apply(&alpha, keep, x);
        let error = largest(x, &y, |_, x| x * a + b, |exact, x| format.unit(exact.abs().max((x * a).abs())), format);
        errors.sum = error.max(errors.sum);
    }
    let within = errors.product <= bounds.product && errors.noisy <= bounds.noisy && errors.sum <= bounds.sum;
    assert!(within, "{errors:?}");
}

/// The largest error where the exact result, `f` of an element and its index, is within the format, in units of `unit`.
fn largest<E: Value + Into<f64>>(
    x: &[E],
    y: &[E],
    f: impl Fn(usize, f64) -> f64,
    unit: impl Fn(f64, f64) -> f64,
    format: &Format,
) -> f64 {
    let errors = x.iter().zip(y).enumerate().map(|(i, (x, y))| {
        let (x, y): (f64, f64) = ((*x).into(), (*y).into());
        let exact = f(i, x);
        if exact.abs() <= format.largest && x.is_finite() { (y - exact).abs() / unit(exact, x) } else { 0.0 }
    });
    errors.fold(0.0, f64::max)
}

#[cfg(feature = "half")]
mod halves {
    use std::ops::Range;

    use half::{bf16, f16};

    use super::*;

    every_backend!(products_and_sums_of_f16, products_and_sums_of_bf16, sums_of_f16_are_unbiased, sums_of_bf16_are_unbiased);

    const F16: Format = Format { mantissa: 10, smallest: -14, largest: 65_504.0 };
    const BF16: Format = Format { mantissa: 7, smallest: -126, largest: 3.389_531_389_251_535_5e38 };

    fn every<E: Value>() -> Vec<E> {
        (0..1 << 16).map(E::from_bits).collect()
    }

    fn products_and_sums_of_f16(backend: Backend) {
        assert_within::<f16>(backend, &F16, &RATES, &every(), &Errors { product: 0.501, noisy: 0.501, sum: 0.501 });
    }

    fn products_and_sums_of_bf16(backend: Backend) {
        assert_within::<bf16>(backend, &BF16, &RATES, &every(), &Errors { product: 0.501, noisy: 0.501, sum: 0.501 });
    }

    /// At the documented rates; at any rate half a unit of the numbers next to 1, which is where all products round back.
    fn sums_of_f16_are_unbiased(backend: Backend) {
        let documented = [-1.4e-6, 1.3e-7, 0.0, 3.2e-7, -5.1e-7, 1.3e-7];
        assert_mean_errors::<f16>(backend, 0x3C00..0x4000, documented, 2_f64.powi(-12));
    }

    fn sums_of_bf16_are_unbiased(backend: Backend) {
        let documented = [3.5e-5, -2.0e-5, -3.3e-5, 1.0e-5, -4.1e-6, -3.3e-5];
        assert_mean_errors::<bf16>(backend, 0x3F80..0x4000, documented, 2_f64.powi(-9));
    }

    fn assert_mean_errors<E: Value + Into<f64>>(backend: Backend, from_1_to_2: Range<u64>, documented: [f64; 6], largest: f64) {
        let x: Vec<E> = from_1_to_2.map(E::from_bits).collect();
        for (p, documented) in [0.05, 0.1, 0.2, 0.25, 0.3, 0.4].into_iter().zip(documented) {
            let error = mean_error(backend, p, &x);
            assert!((error - documented).abs() < 0.06 * documented.abs() + 1e-9, "{error:e} at p = {p}");
        }
        for p in (0..1000).map(|i| f64::from(i) / 1000.0) {
            let error = mean_error(backend, p, &x);
            assert!(error.abs() < largest, "{error:e} at p = {p}");
        }
    }

    /// The relative error of the sum of all numbers from 1 to 2, kept and scaled. That of other powers of 2 is the same.
    fn mean_error<E: Value + Into<f64>>(backend: Backend, p: f64, x: &[E]) -> f64 {
        let words = vec![u32::MAX; x.len().div_ceil(32)];
        let keep = Mode::Stored(PackedMask::new(&words, 0, x.len()).unwrap());
        let y = apply(&OfScaled::<E>::layer(&Settings::of(p)).on(backend), keep, x);
        let sum = |x: &[E]| x.iter().map(|x| Into::<f64>::into(*x)).sum::<f64>();
        sum(&y) / (sum(x) / (1.0 - p)) - 1.0
    }
}
