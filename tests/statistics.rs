//! The masks are random: with fixed addresses, so that each of these passes always or never. Every bound is five standard deviations,
//! which a random mask exceeds once in 1.7 million times.
#![expect(clippy::cast_precision_loss, reason = "counts of at most 19 bits: exact")]

use dropout_kernels::{Address, Backend, Mask, Rate};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use testkit::every_backend;

every_backend!(as_many_are_dropped_as_the_rate_says, neighbouring_addresses_are_independent, decisions_of_a_mask_are_independent);

const SIGMAS: f64 = 5.0;

fn addresses(count: usize) -> impl Iterator<Item = Address> {
    let mut rng = Pcg64::seed_from_u64(0x5EED);
    let address =
        move || Address { seed: rng.next_u64(), layer: rng.next_u32(), step: rng.next_u32(), offset: rng.next_u64() >> 1 };
    std::iter::repeat_with(address).take(count)
}

fn words(backend: Backend, p: f64, address: Address, decisions: usize) -> Vec<u32> {
    let mut words = vec![0; decisions / 32];
    Mask::new(Rate::new(p).unwrap(), address).on(backend).words(decisions, &mut words).unwrap();
    words
}

fn ones(words: impl Iterator<Item = u32>) -> f64 {
    words.map(u32::count_ones).sum::<u32>().into()
}

fn as_many_are_dropped_as_the_rate_says(backend: Backend) {
    const DECISIONS: usize = 1 << 18;
    let n = DECISIONS as f64;
    for p in [0.001, 0.1, 0.25, 0.3, 0.5, 0.75, 0.9, 0.999] {
        for address in addresses(4) {
            let kept = ones(words(backend, p, address, DECISIONS).into_iter());
            let sigma = (n * p * (1.0 - p)).sqrt();
            assert!((kept - n * (1.0 - p)).abs() < SIGMAS * sigma, "{kept} of {n} kept at p = {p}, {address:?}");
        }
    }
}

/// The correlation coefficient of n pairs of independent decisions has the standard deviation 1 / sqrt(n).
fn assert_uncorrelated(a: &[u32], b: &[u32], p: f64, what: &str) {
    let (n, keep) = (32.0 * a.len() as f64, 1.0 - p);
    let [kept_a, kept_b] = [a, b].map(|words| ones(words.iter().copied()));
    let kept_both = ones(a.iter().zip(b).map(|(a, b)| a & b));
    let covariance = kept_both / n - keep * (kept_a + kept_b) / n + keep * keep;
    let correlation = covariance / (p * keep);
    assert!(correlation.abs() < SIGMAS / n.sqrt(), "{what}: a correlation of {correlation} at p = {p}");
}

fn neighbouring_addresses_are_independent(backend: Backend) {
    const DECISIONS: usize = 1 << 16;
    for p in [0.1, 0.5, 0.9] {
        for address in addresses(4) {
            let Address { seed, layer, step, offset } = address;
            let mask = words(backend, p, address, DECISIONS);
            for (what, neighbour) in [
                ("seed + 1", Address { seed: seed.wrapping_add(1), ..address }),
                ("seed + 2^32", Address { seed: seed.wrapping_add(1 << 32), ..address }),
                ("layer + 1", Address { layer: layer.wrapping_add(1), ..address }),
                ("step + 1", Address { step: step.wrapping_add(1), ..address }),
                ("layer and step exchanged", Address { layer: step, step: layer, ..address }),
                ("halves of the seed exchanged", Address { seed: seed.rotate_left(32), ..address }),
                ("the next decisions", Address { offset: offset + DECISIONS as u64, ..address }),
                ("2^39 decisions on", Address { offset: offset + (1 << 39), ..address }),
            ] {
                assert_uncorrelated(&mask, &words(backend, p, neighbour, DECISIONS), p, what);
            }
        }
    }
}

/// Each with each of the 128 that follow: no word, block or plane repeats another's bits.
fn decisions_of_a_mask_are_independent(backend: Backend) {
    const DECISIONS: usize = 1 << 16;
    for p in [0.1, 0.5, 0.9] {
        for address in addresses(2) {
            let mask = words(backend, p, address, DECISIONS);
            for lag in 1..=128 {
                let later = Address { offset: address.offset + lag, ..address };
                assert_uncorrelated(&mask, &words(backend, p, later, DECISIONS), p, &format!("lag {lag}"));
            }
        }
    }
}
