//! The noise of Gaussian dropout: each number of its stream, and what it has to do with the mask of the same address.
#![expect(clippy::cast_precision_loss, reason = "counts of at most 20 bits: exact")]

use dropout_kernels::{Address, Backend, GaussianDropout, Mask, Mode, Rate};
use testkit::every_backend;
use testkit::normal::normal;
use testkit::oracle::{self, uniforms};

every_backend!(noise_is_the_quantile_of_the_uniform_integer, noise_has_the_documented_moments, noise_and_mask_are_unrelated);

const SAMPLES: usize = 1 << 17;
const ADDRESS: Address = Address { seed: 41, layer: 42, step: 43, offset: 44 };

/// Of each element one: the noise.
fn noise(backend: Backend, threshold: u64, samples: usize) -> Vec<f32> {
    let mut x = vec![1.0; samples];
    let rate = Rate::from_threshold(threshold).unwrap();
    GaussianDropout::new(rate).on(backend).apply_in_place(Mode::Train(ADDRESS), &mut x).unwrap();
    x
}

/// At the highest rate sigma is 2^16, so that next to it the 1 hides the least of the normal.
fn noise_is_the_quantile_of_the_uniform_integer(backend: Backend) {
    let noise = noise(backend, (1 << 32) - 1, SAMPLES);
    for (i, (noise, u)) in noise.into_iter().zip(uniforms(oracle::noise, ADDRESS, SAMPLES)).enumerate() {
        let deviation = 65536.0 * normal(u as u32);
        assert_eq!(noise.to_bits(), (1.0 + deviation).to_bits(), "noise {i}");
    }
}

/// Mean 1 and variance p / (1 - p), within five standard deviations.
fn noise_has_the_documented_moments(backend: Backend) {
    for p in [0.1, 0.5, 0.9] {
        let threshold = oracle::threshold(p);
        let variance = p / (1.0 - p);
        let noise: Vec<f64> = noise(backend, threshold, SAMPLES).into_iter().map(f64::from).collect();
        let n = SAMPLES as f64;
        let mean = noise.iter().sum::<f64>() / n;
        let square = noise.iter().map(|x| (x - 1.0).powi(2)).sum::<f64>() / n;
        assert!((mean - 1.0).abs() < 5.0 * (variance / n).sqrt(), "mean {mean} at p = {p}");
        assert!((square / variance - 1.0).abs() < 5.0 * (2.0 / n).sqrt(), "variance {square} at p = {p}");
    }
}

/// Noise above its mean and decisions that keep agree half of the time: within five standard deviations.
fn noise_and_mask_are_unrelated(backend: Backend) {
    let half = 1 << 31;
    let mut keep = vec![false; SAMPLES];
    Mask::new(Rate::from_threshold(half).unwrap(), ADDRESS).bools(&mut keep).unwrap();
    let agreed = noise(backend, half, SAMPLES).into_iter().zip(keep).filter(|(noise, keep)| (*noise > 1.0) == *keep).count();
    let n = SAMPLES as f64;
    assert!((agreed as f64 - n / 2.0).abs() < 5.0 * (n / 4.0).sqrt(), "{agreed} of {n} agree");
}
