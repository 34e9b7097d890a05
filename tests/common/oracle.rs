//! The mask contract written down once more, apart from the library and as plainly as can be: one decision at a time, all 36 bits,
//! no early exit. Nothing here is fast, and nothing here may call the crate.
#![expect(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "thresholds, from 0 to 2^32: exact")]

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

/// The four leading bits of the decision at place `i` of a block, from the words of the four planes.
fn nibble(planes: [[u64; 4]; 4], i: usize) -> u64 {
    (0..4).map(|k| ((planes[k][i / 32] >> (i % 32)) & 1) << (3 - k)).sum()
}

/// How many decisions of the block before place `i` have the same nibble.
fn rank(planes: [[u64; 4]; 4], i: usize) -> usize {
    (0..i).filter(|&j| nibble(planes, j) == nibble(planes, i)).count()
}

/// A byte of a call.
fn byte(words: [u64; 4], i: usize) -> u64 {
    (words[i / 4] >> (i % 4 * 8)) & 0xFF
}

/// The 36-bit integer of a decision: its nibble, then the four bytes that are dealt to its rank.
pub fn uniform(seed: u64, layer: u32, step: u32, index: u64) -> u64 {
    let (block, i) = (index >> 7, (index & 127) as usize);
    let planes = [0, 1, 2, 3].map(|k| call(seed, layer, step, block, PLANES, k));
    let rank = rank(planes, i);
    let bytes = [0, 1, 2, 3].map(|level| byte(call(seed, layer, step, block, TIES, 8 * level + rank as u64 / 16), rank % 16));
    nibble(planes, i) << 32 | bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3]
}

/// Those of a whole block, whose calls are made once for all: for the loops, which the above would keep waiting.
pub fn uniforms(seed: u64, layer: u32, step: u32, block: u64) -> Vec<u64> {
    let planes = [0, 1, 2, 3].map(|k| call(seed, layer, step, block, PLANES, k));
    let mut counts = [0; 16];
    let ranked: Vec<(u64, usize)> = (0..128)
        .map(|i| {
            let nibble = nibble(planes, i);
            counts[nibble as usize] += 1;
            (nibble, counts[nibble as usize] - 1)
        })
        .collect();
    let calls = ranked.iter().map(|(_, rank)| rank / 16 + 1).max().unwrap();
    let levels = [0, 1, 2, 3]
        .map(|level| -> Vec<_> { (0..calls as u64).map(|k| call(seed, layer, step, block, TIES, 8 * level + k)).collect() });
    let uniform =
        |(nibble, rank): (u64, usize)| levels.iter().fold(nibble, |u, calls| u << 8 | byte(calls[rank / 16], rank % 16));
    ranked.into_iter().map(uniform).collect()
}

/// The 32-bit integers of a block's noise.
pub fn noise(seed: u64, layer: u32, step: u32, block: u64) -> Vec<u64> {
    (0..32).flat_map(|k| call(seed, layer, step, block, NOISE, k)).collect()
}

/// p * 2^32 is exact, a power of two being exact, so that one rounding is the only one.
pub fn threshold(p: f64) -> u64 {
    (p * RANGE).round_ties_even() as u64
}

pub fn scale(p: f64) -> f64 {
    RANGE / (RANGE - threshold(p) as f64)
}

/// Whether a decision with this uniform integer drops at such a threshold.
pub const fn drops(uniform: u64, threshold: u64) -> bool {
    uniform < 16 * threshold
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
