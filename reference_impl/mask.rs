//! The mask contract in one file, for whoever ports it to another device or language: plain arithmetic, one decision at a time, and no
//! dependency. It is slow. The sections are those of `src/mask/contract.md`.
//!
//! A port is right if it passes the tests at the end of this file: the vectors in `tests/data/mask_vectors.json` have an independent
//! origin, `mask_reference.py` beside them.
#![expect(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "thresholds, from 0 to 2^32: exact")]

/// What selects a decision: the run, the layer within the network, the training step, and the position in the whole tensor.
#[derive(Clone, Copy, Debug)]
struct Address {
    seed: u64,
    layer: u32,
    step: u32,
    index: u64,
}

// Random bits

/// Philox4x32-10 maps a four-word counter and a two-word key to four random words.
fn philox4x32_10([mut a, mut b, mut c, mut d]: [u32; 4], [mut k0, mut k1]: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let (p0, p1) = (u64::from(a) * 0xD251_1F53, u64::from(c) * 0xCD9E_8D57);
        (a, b, c, d) = ((p1 >> 32) as u32 ^ b ^ k0, p1 as u32, (p0 >> 32) as u32 ^ d ^ k1, p0 as u32);
        (k0, k1) = (k0.wrapping_add(0x9E37_79B9), k1.wrapping_add(0xBB67_AE85));
    }
    [a, b, c, d]
}

/// Decisions of a block.
const BLOCK: u64 = 128;

/// What a call's bits are for.
const PLANES: u32 = 0;
const NOISE: u32 = 1;
const TIES: u32 = 2;

/// Call `k` of a domain: 128 random bits for the block of an index.
fn call(Address { seed, layer, step, index }: Address, domain: u32, k: u32) -> [u32; 4] {
    let block = index / BLOCK;
    let counter = [block as u32, (block >> 32) as u32 | domain << 25 | k << 27, layer, step];
    philox4x32_10(counter, [seed as u32, (seed >> 32) as u32])
}

// Decision

/// The threshold of a probability of dropping: `p * 2^32`, ties to even. A power of two is exact, so this rounds once.
fn threshold(p: f64) -> u64 {
    assert!((0.0..=1.0).contains(&p));
    (p * 4_294_967_296.0).round_ties_even() as u64
}

/// The four leading bits of a decision, one from each bit plane.
fn nibble(address: Address) -> u32 {
    let i = address.index % BLOCK;
    let plane = |k| call(address, PLANES, k)[(i / 32) as usize] >> (i % 32) & 1;
    plane(0) << 3 | plane(1) << 2 | plane(2) << 1 | plane(3)
}

/// A byte of a call, each word's least significant first.
fn byte(words: [u32; 4], i: usize) -> u8 {
    words[i / 4].to_le_bytes()[i % 4]
}

/// The uniform integer of a decision, of 36 bits: its nibble, then four bytes, dealt by its rank among the decisions of its block with the
/// same nibble.
fn uniform(address: Address) -> u64 {
    let own = nibble(address);
    let first = address.index - address.index % BLOCK;
    let rank = (first..address.index).filter(|&index| nibble(Address { index, ..address }) == own).count();
    (0..4).fold(u64::from(own), |u, level| u << 8 | u64::from(byte(call(address, TIES, 8 * level + rank as u32 / 16), rank % 16)))
}

/// Whether an element is dropped.
fn drops(address: Address, threshold: u64) -> bool {
    uniform(address) < 16 * threshold
}

// Noise

/// The integer behind a value of Gaussian noise.
fn noise(address: Address) -> u32 {
    call(address, NOISE, (address.index / 4 % 32) as u32)[(address.index % 4) as usize]
}

// Packed masks

/// The keep bits of the decisions from an address on, the least significant first.
fn packed(address: Address, threshold: u64, decisions: usize) -> Vec<u32> {
    let mut words = vec![0; decisions.div_ceil(32)];
    for i in 0..decisions {
        let keeps = !drops(Address { index: address.index + i as u64, ..address }, threshold);
        words[i / 32] |= u32::from(keeps) << (i % 32);
    }
    words
}

// Values

/// Inverted dropout of a tensor that begins at an address.
fn dropout(address: Address, threshold: u64, x: &[f32]) -> Vec<f32> {
    let scale = (4_294_967_296.0 / (4_294_967_296 - threshold) as f64) as f32;
    let value = |(i, x)| if drops(Address { index: address.index + i as u64, ..address }, threshold) { 0.0 } else { x * scale };
    x.iter().enumerate().map(value).collect()
}

#[cfg(test)]
mod tests {
    use dropout_kernels::{Dropout, Mask, Mode, Rate};
    use serde_json::Value;

    use super::*;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../tests/data/mask_vectors.json")).unwrap()
    }

    fn address(vector: &Value) -> Address {
        let number = |name: &str| vector[name].as_u64().unwrap();
        let word = |name| u32::try_from(number(name)).unwrap();
        Address { seed: number("seed"), layer: word("layer"), step: word("step"), index: number("first") }
    }

    #[test]
    fn philox_gives_the_known_answers_of_random123() {
        assert_eq!(philox4x32_10([0; 4], [0; 2]), [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]);
        assert_eq!(philox4x32_10([u32::MAX; 4], [u32::MAX; 2]), [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]);
    }

    #[test]
    fn masks_are_those_of_the_vectors() {
        let vectors = vectors();
        for vector in vectors["masks"].as_array().unwrap() {
            let (address, threshold) = (address(vector), threshold(vector["p"].as_f64().unwrap()));
            assert_eq!(threshold, vector["threshold"].as_u64().unwrap());
            for (i, keep) in vector["keep"].as_str().unwrap().bytes().enumerate() {
                let address = Address { index: address.index + i as u64, ..address };
                assert_eq!(drops(address, threshold), keep == b'0', "{address:?}");
            }
        }
    }

    #[test]
    fn noise_is_that_of_the_vectors() {
        let vectors = vectors();
        for vector in vectors["noise"].as_array().unwrap() {
            let address = address(vector);
            for (i, uniform) in vector["uniforms"].as_array().unwrap().iter().enumerate() {
                assert_eq!(u64::from(noise(Address { index: address.index + i as u64, ..address })), uniform.as_u64().unwrap());
            }
        }
    }

    /// As many decisions as fifteen blocks have, from within one on, at rates that take different numbers of calls.
    #[test]
    fn the_library_gives_the_same_words_and_values() {
        let address = Address { seed: 0xFEDC_BA98_7654_3210, layer: 5, step: 77, index: 100 };
        let same =
            dropout_kernels::Address { seed: address.seed, layer: address.layer, step: address.step, offset: address.index };
        for p in [0.0, 0.1, 0.25, 0.5, 0.9, 1.0] {
            let (threshold, rate) = (threshold(p), Rate::new(p).unwrap());
            let mut words = [0; 60];
            Mask::new(rate, same).words(60 * 32, &mut words).unwrap();
            assert_eq!(words[..], packed(address, threshold, 60 * 32));

            let (x, mut y): (Vec<f32>, _) = ((0..60 * 32_u16).map(f32::from).collect(), [f32::NAN; 60 * 32]);
            Dropout::new(rate).apply(Mode::Train(same), &x, &mut y).unwrap();
            let bits = |y: &[f32]| y.iter().map(|y| y.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&y), bits(&dropout(address, threshold, &x)));
        }
    }
}
