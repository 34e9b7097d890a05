//! The mask contract written down once more, as plainly as can be: all 36 bits of a decision, no early exit. The formulas are those of
//! `src/mask/contract.md` and, for Philox, of its paper (Salmon et al., SC'11). `tests/contract/vectors.rs` holds them to Random123's
//! known answers and to an evaluation in Python. Nothing here calls the crate.
#![expect(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "thresholds, from 0 to 2^32: exact")]

use dropout_kernels::Address;

const LOW: u64 = 0xFFFF_FFFF;
const RANGE: f64 = 4_294_967_296.0;

pub fn philox4x32(mut counter: [u64; 4], mut key: [u64; 2], rounds: u32) -> [u64; 4] {
    for _ in 0..rounds {
        let [a, b, c, d] = counter;
        let (p0, p1) = (a * 0xD251_1F53, c * 0xCD9E_8D57);
        counter = [(p1 >> 32) ^ b ^ key[0], p1 & LOW, (p0 >> 32) ^ d ^ key[1], p0 & LOW];
        key = [(key[0] + 0x9E37_79B9) & LOW, (key[1] + 0xBB67_AE85) & LOW];
    }
    counter
}

/// What a call's bits are for.
const PLANES: u64 = 0;
const NOISE: u64 = 1;
const TIES: u64 = 2;

/// The words of one call for a block.
fn call(seed: u64, layer: u32, step: u32, block: u64, domain: u64, k: u64) -> [u64; 4] {
    let counter = [block & LOW, (block >> 32) | (domain << 25) | (k << 27), layer.into(), step.into()];
    philox4x32(counter, [seed & LOW, seed >> 32], 10)
}

/// The uniform integers of a block, given its seed, layer, step and number.
pub type Block = fn(u64, u32, u32, u64) -> [u64; 128];

/// The uniform integers that decide, of all 128 decisions of a block: a nibble from four planes, and then the four bytes that are dealt to the
/// decision's rank among those of its nibble.
pub fn decide(seed: u64, layer: u32, step: u32, block: u64) -> [u64; 128] {
    let planes = [0, 1, 2, 3].map(|k| call(seed, layer, step, block, PLANES, k));
    let bytes: Vec<_> = (0..32).map(|k| call(seed, layer, step, block, TIES, k)).collect();
    let mut ranks = [0; 16];
    std::array::from_fn(|i| {
        let nibble: u64 = (0..4).map(|k| ((planes[k][i / 32] >> (i % 32)) & 1) << (3 - k)).sum();
        let rank = ranks[nibble as usize];
        ranks[nibble as usize] += 1;
        let byte = |level: usize| (bytes[8 * level + rank / 16][rank % 16 / 4] >> (rank % 4 * 8)) & 0xFF;
        (0..4).fold(nibble, |u, level| u << 8 | byte(level))
    })
}

/// The integers behind a block's 128 values of Gaussian noise.
pub fn noise(seed: u64, layer: u32, step: u32, block: u64) -> [u64; 128] {
    std::array::from_fn(|i| call(seed, layer, step, block, NOISE, i as u64 / 4)[i % 4])
}

/// Whether a decision drops.
pub const fn drops(uniform: u64, threshold: u64) -> bool {
    uniform < 16 * threshold
}

/// The highest threshold at which a decision is kept.
pub const fn highest_that_keeps(uniform: u64) -> u64 {
    uniform / 16
}

/// p * 2^32 is exact, a power of two being exact, so that one rounding is the only one.
pub fn threshold(p: f64) -> u64 {
    (p * RANGE).round_ties_even() as u64
}

pub fn scale(p: f64) -> f64 {
    RANGE / (RANGE - threshold(p) as f64)
}

/// The uniform integers from an address's offset on, given the function for those of a block.
pub fn uniforms(block: Block, Address { seed, layer, step, offset }: Address, decisions: usize) -> Vec<u64> {
    let skipped = (offset % 128) as usize;
    let blocks = (offset / 128..).take((skipped + decisions).div_ceil(128));
    blocks.flat_map(|number| block(seed, layer, step, number)).skip(skipped).take(decisions).collect()
}

/// Which decisions drop, from an address's offset on.
pub fn dropped(p: f64, address: Address, decisions: usize) -> Vec<bool> {
    let threshold = threshold(p);
    uniforms(decide, address, decisions).into_iter().map(|u| drops(u, threshold)).collect()
}

/// Keep bits as words have them, after so many bits that are no part of the mask.
pub fn pack(before: usize, drops: &[bool]) -> Vec<u32> {
    let mut words = vec![0; (before + drops.len()).div_ceil(32)];
    for (i, &drop) in (before..).zip(drops) {
        words[i / 32] |= u32::from(!drop) << (i % 32);
    }
    words
}

/// Which decision an element of a row-major shape reads: its position among the axes that are not shared.
pub fn decision(shape: &[usize], shared: &[usize], mut element: usize) -> usize {
    let (mut decision, mut stride) = (0, 1);
    for (axis, &extent) in shape.iter().enumerate().rev() {
        if !shared.contains(&axis) {
            decision += element % extent * stride;
            stride *= extent;
        }
        element /= extent;
    }
    decision
}

/// The output for `x` whose decision d drops if `drops[d]` is true.
pub fn apply<E: Copy>(shape: &[usize], shared: &[usize], drops: &[bool], x: &[E], kept: impl Fn(E) -> E, dropped: E) -> Vec<E> {
    let output = |(i, &x)| if drops[decision(shape, shared, i)] { dropped } else { kept(x) };
    x.iter().enumerate().map(output).collect()
}
