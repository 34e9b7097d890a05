//! The masks are random: with fixed addresses, so that each of these passes always or never. Every bound is five standard deviations,
//! which a random mask exceeds once in 1.7 million times.
#![expect(clippy::cast_precision_loss, reason = "counts of at most 19 bits: exact")]

use dropout_kernels::{Address, Backend, Mask, Rate};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use testkit::every_backend;

every_backend!(
    as_many_are_dropped_as_the_rate_says,
    neighbouring_addresses_are_independent,
    decisions_of_a_mask_are_independent,
    blocks_are_those_of_independent_decisions,
);

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

/// Each with each of the 512 that follow: no word, block or plane repeats another's bits, or those of the three after it.
fn decisions_of_a_mask_are_independent(backend: Backend) {
    const DECISIONS: usize = 1 << 16;
    const LAGS: usize = 512;
    for p in [0.1, 0.5, 0.9, 15.0 / 16.0] {
        for address in addresses(2) {
            let mask = words(backend, p, address, DECISIONS + LAGS + 32);
            for lag in 1..=LAGS {
                let shifted = |i: usize| (u64::from(mask[i]) | u64::from(mask[i + 1]) << 32) >> (lag % 32);
                let later: Vec<u32> = (lag / 32..).map(shifted).map(|pair| pair as u32).take(DECISIONS / 32).collect();
                assert_uncorrelated(&mask[..DECISIONS / 32], &later, p, &format!("lag {lag}"));
            }
        }
    }
}

/// Aligned with blocks: every position drops as often as the rate says, and the number that a block drops varies as much as that of 128
/// independent decisions, of which the mean square of the deviation has the variance (2 s^4 + s^2 (1 - 6 p q)) / n, with s^2 = 128 p q.
fn blocks_are_those_of_independent_decisions(backend: Backend) {
    const BLOCKS: usize = 1 << 12;
    let n = BLOCKS as f64;
    for p in [0.1, 0.5, 0.9, 15.0 / 16.0] {
        let q = 1.0 - p;
        for address in addresses(2) {
            let mask = words(backend, p, Address { offset: address.offset / 128 * 128, ..address }, 128 * BLOCKS);
            let (blocks, _) = mask.as_chunks::<4>();
            for position in 0..128 {
                let kept = ones(blocks.iter().map(|block| block[position / 32] >> (position % 32) & 1));
                assert!((kept - n * q).abs() < SIGMAS * (n * p * q).sqrt(), "{kept} of {n} kept at position {position}, p = {p}");
            }
            let deviation = |block: &[u32; 4]| ones(block.iter().copied()) - 128.0 * q;
            let mean_square = blocks.iter().map(|block| deviation(block).powi(2)).sum::<f64>() / n;
            let variance = 128.0 * p * q;
            let sigma = ((2.0 * variance * variance + variance * (1.0 - 6.0 * p * q)) / n).sqrt();
            assert!((mean_square - variance).abs() < SIGMAS * sigma, "a variance of {mean_square}, not {variance}, at p = {p}");
        }
    }
}
