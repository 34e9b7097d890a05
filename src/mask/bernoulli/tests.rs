//! Decisions whose words are made up, so that what random words hardly ever bring about happens in every block.

extern crate std;

use std::vec::Vec;

use super::*;
use crate::mask::stream::BLOCK;

fn to_u128(words: Words) -> u128 {
    words.iter().rev().fold(0, |bits, word| bits << 32 | u128::from(*word))
}

const fn words_of(bits: u128) -> Words {
    [bits as u32, (bits >> 32) as u32, (bits >> 64) as u32, (bits >> 96) as u32]
}

/// How many decisions of a block tie after the planes: on both sides of every number of calls, and of a word.
const TIES: [usize; 20] = [0, 1, 2, 8, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 96, 112, 127, 128];

/// Words that give every decision of every block a uniform integer of our own. They know the threshold, as it is chance
/// which decisions tie with one that is not known.
#[derive(Clone, Copy)]
pub(crate) struct MadeUp {
    pub(crate) threshold: u64,
    seed: u64,
}

impl MadeUp {
    /// Thresholds with zeros from every bit on, of ones and of other bits before these; and the ends.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let cut = |bits: u64| (0..=32).map(move |zeros| bits >> zeros << zeros);
        let thresholds = [u64::from(u32::MAX), 0x1999_999A, 0xE8F1_00FF].into_iter().flat_map(cut).chain([1, 1 << 32]);
        thresholds.zip(1..).map(|(threshold, seed)| Self { threshold, seed })
    }

    /// The uniform integers of a block: as many as it takes tie after the planes, most of them after byte upon byte
    /// too.
    pub(crate) fn uniforms(&self, block: u64) -> [u64; BLOCK] {
        let mut state = self.seed << 32 ^ block;
        let mut random = |below: u64| {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            (state >> 33) % below
        };
        let threshold = self.threshold << 4;
        let ties = TIES[random(TIES.len() as u64) as usize];
        let mut uniforms = [0; BLOCK];
        for (i, u) in uniforms.iter_mut().enumerate() {
            // The first so many, until the places are shuffled.
            *u = if i < ties { threshold >> 32 & 15 } else { ((threshold >> 32) + 1 + random(15)) & 15 };
            for level in (0..4).rev() {
                let byte = threshold >> (8 * level) & 0xFF;
                let near = [byte, byte, byte, byte, byte + 1, byte + 255, random(256), 0];
                *u = *u << 8 | near[random(8) as usize] & 0xFF;
            }
        }
        for i in (1..BLOCK).rev() {
            uniforms.swap(i, random(i as u64 + 1) as usize);
        }
        uniforms
    }

    /// The words of a call for a block. Bytes are right for the decisions that tie; others need none.
    pub(crate) fn call(&self, uniforms: &[u64; BLOCK], domain: u32, k: u32) -> [u32; 4] {
        let mut words = [0; 4];
        if domain == Domain::Planes as u32 {
            for (i, u) in uniforms.iter().enumerate() {
                words[i / 32] |= ((u >> (35 - k) & 1) as u32) << (i % 32);
            }
        } else {
            assert_eq!(domain, Domain::Ties as u32);
            let ranked = uniforms.iter().filter(|u| *u >> 32 == self.threshold >> 28);
            for (i, u) in ranked.skip(16 * (k % LEVEL) as usize).take(16).enumerate() {
                words[i / 4] |= ((u >> (24 - 8 * (k / LEVEL)) & 0xFF) as u32) << (i % 4 * 8);
            }
        }
        words
    }

    /// The keep bits of a block: below 16 T is dropped.
    pub(crate) fn keep(&self, uniforms: &[u64; BLOCK]) -> u128 {
        uniforms.iter().rev().fold(0, |keep, u| keep << 1 | u128::from(*u >= self.threshold << 4))
    }

    /// Decisions that could be wanted of a block: all; those before, between, around and after its ties; each of a few.
    pub(crate) fn windows(&self, uniforms: &[u64; BLOCK]) -> Vec<u128> {
        let ties = uniforms.map(|u| u >> 32 == self.threshold >> 28);
        let ends = (0..=BLOCK).filter(|&i| i % 32 == 0 || ties[i - 1] != *ties.get(i).unwrap_or(&false)).step_by(3);
        let before = |end: usize| if end < BLOCK { !(u128::MAX << end) } else { u128::MAX };
        let windows = ends.clone().flat_map(|from| ends.clone().map(move |to| before(to) & !before(from)));
        windows.step_by(7).chain([u128::MAX, 1, 1 << 127]).collect()
    }
}

fn start(threshold: u64) -> (Progress, Decisions) {
    let threshold = Threshold::new(threshold);
    (Progress::new(threshold), Decisions::new(threshold))
}

#[test]
fn decisions_compare_with_their_uniform_integers() {
    for made_up in MadeUp::all() {
        for block in 0..40 {
            let uniforms = made_up.uniforms(block);
            for wanted in made_up.windows(&uniforms) {
                let (mut progress, mut decisions) = start(made_up.threshold);
                while let Some((domain, k)) = progress.next() {
                    decisions.compare(&mut progress, made_up.call(&uniforms, domain as u32, k), words_of(wanted));
                }
                let (keep, expected) = (to_u128(decisions.keep()) & wanted, made_up.keep(&uniforms) & wanted);
                assert_eq!(keep, expected, "block {block} at T = {:#x}", made_up.threshold);
            }
        }
    }
}

/// How many planes and calls of bytes a whole block takes, in which all decisions tie for ever.
fn calls(threshold: u64) -> (u32, u32) {
    let (mut progress, mut decisions) = start(threshold);
    let (mut planes, mut bytes) = (0, 0);
    while let Some((domain, k)) = progress.next() {
        if domain == Domain::Planes {
            assert_eq!((k, bytes), (planes, 0));
            decisions.compare(&mut progress, [((threshold >> (31 - k) & 1) as u32).wrapping_neg(); 4], ALL);
            planes += 1;
        } else {
            assert_eq!(k, bytes);
            decisions.compare(&mut progress, [(threshold << 4 >> (24 - k / 8 * 8) & 0xFF) as u32 * 0x0101_0101; 4], ALL);
            bytes += 1;
        }
    }
    assert_eq!(to_u128(decisions.keep()), if threshold > u32::MAX.into() { 0 } else { u128::MAX });
    (planes, bytes)
}

#[test]
fn no_more_calls_are_made_than_the_threshold_has_bits_for() {
    for (threshold, planes, bytes) in [
        (0, 0, 0),
        (1 << 32, 0, 0),
        (1 << 31, 1, 0),  // 1/2
        (3 << 30, 2, 0),  // 3/4
        (7 << 28, 4, 0),  // 7/16
        (1 << 27, 4, 8),  // 1/32
        (11 << 20, 4, 8), // m/4096
        (1 << 19, 4, 16),
        (1 << 12, 4, 16),
        (1 << 11, 4, 24),
        (1 << 4, 4, 24),
        (1 << 3, 4, 32),
        (1, 4, 32),
        (u32::MAX.into(), 4, 32),
    ] {
        assert_eq!(calls(threshold), (planes, bytes), "T = {threshold:#x}");
    }
}

/// Of all 2^16 values, the first m are dropped at the rate m / 2^16. Decision i of block b is given the 16 bits of 128
/// b + i, so that 512 blocks have all that there are.
///
/// `cargo test --release --lib -- --ignored 16_bits`: a minute.
#[test]
#[ignore = "2^32 pairs of a value and a rate"]
fn every_rate_of_16_bits_drops_its_share() {
    for block in 0..512_u32 {
        let value = |i: u32| 128 * block + i;
        let planes = [15, 14, 13, 12].map(|bit| (0..128).fold(0_u128, |plane, i| plane | u128::from(value(i) >> bit & 1) << i));
        for m in 0..=1 << 16 {
            let (mut progress, mut decisions) = start(m << 16);
            while let Some((domain, k)) = progress.next() {
                let words = if domain == Domain::Planes {
                    [0, 32, 64, 96].map(|shift| (planes[k as usize] >> shift) as u32)
                } else {
                    // All have one nibble, and so tie all if any does; of bytes beyond the second there are none.
                    [0, 4, 8, 12].map(|i| {
                        let byte = |i| value(16 * (k % 8) + i) << 4 >> (8 - k / 8 * 8) & 0xFF;
                        byte(i) | byte(i + 1) << 8 | byte(i + 2) << 16 | byte(i + 3) << 24
                    })
                };
                decisions.compare(&mut progress, words, ALL);
            }
            let dropped = (m as u32).saturating_sub(128 * block).min(128);
            assert_eq!(
                !to_u128(decisions.keep()),
                !u128::MAX.checked_shl(dropped).unwrap_or(0),
                "block {block} at the rate {m} / 2^16"
            );
        }
    }
}
