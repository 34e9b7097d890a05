//! Alpha dropout leaves a standard normal's mean and variance as they are, which is what its constants are for.
#![expect(clippy::cast_precision_loss, reason = "counts of at most 20 bits: exact")]

use std::f64::consts::TAU;
use testkit::every_backend;

use dropout_kernels::{Address, AlphaDropout, Backend, Mode, Rate};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

every_backend!(mean_and_variance_stay, what_is_dropped_is_selus_saturation);

const SAMPLES: usize = 1 << 18;
const ADDRESS: Address = Address { seed: 31, layer: 32, step: 33, offset: 34 };

/// Box and Muller's.
fn normals(len: usize) -> Vec<f64> {
    let mut rng = Pcg64::seed_from_u64(4);
    let mut uniform = || (f64::from(rng.next_u32()) + 0.5) / 2.0_f64.powi(32);
    (0..len).map(|_| (-2.0 * uniform().ln()).sqrt() * (TAU * uniform()).cos()).collect()
}

fn mean(x: impl Iterator<Item = f64>) -> f64 {
    x.sum::<f64>() / SAMPLES as f64
}

/// Within five standard deviations of the mean and of the mean square, these estimated from the sample.
fn mean_and_variance_stay(backend: Backend) {
    let x = normals(SAMPLES);
    for p in [0.05, 0.1, 0.3, 0.5, 0.9] {
        let mut y = x.clone();
        AlphaDropout::new(Rate::new(p).unwrap()).on(backend).apply_in_place(Mode::Train(ADDRESS), &mut y).unwrap();
        for (power, expected) in [(1, 0.0), (2, 1.0)] {
            let moment = mean(y.iter().map(|y| y.powi(power)));
            let deviation = (mean(y.iter().map(|y| (y.powi(power) - moment).powi(2))) / SAMPLES as f64).sqrt();
            assert!((moment - expected).abs() < 5.0 * deviation, "moment {power} at p = {p} is {moment}");
        }
    }
}

/// The map takes `x` = -lambda * alpha to the same value as the drop.
fn what_is_dropped_is_selus_saturation(backend: Backend) {
    let (lambda, alpha) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);
    for p in [1e-9, 0.1, 0.5, 0.9, 0.999_999] {
        let rate = Rate::new(p).unwrap();
        let mut y = [-lambda * alpha; 1000];
        AlphaDropout::new(rate).on(backend).apply_in_place(Mode::Train(ADDRESS), &mut y).unwrap();
        let q = 1.0 - rate.realised();
        let value = -lambda * alpha * q / (q + (lambda * alpha).powi(2) * q * (1.0 - q)).sqrt();
        // What is kept is a sum that nearly cancels, of terms that grow with 1 / sqrt(q).
        let rounding = 8.0 * f64::EPSILON / q.sqrt();
        assert!(y.iter().all(|y| (y - value).abs() <= rounding), "at p = {p}");
    }
}
