//! The mask contract written down once more, apart from the library and as plainly as can be: one decision at a time, all 32 planes,
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

/// The random words of one plane of a block.
fn plane(seed: u64, layer: u32, step: u32, domain: u64, block: u64, plane: u64) -> [u64; 4] {
    let counter = [block & LOW, (block >> 32) | (domain << 25) | (plane << 27), layer.into(), step.into()];
    philox4x32(counter, [seed & LOW, seed >> 32], 10)
}

/// The bit of a decision in its block's words.
fn bit(words: [u64; 4], index: u64) -> u64 {
    (words[(index >> 5 & 3) as usize] >> (index & 31)) & 1
}

pub fn uniform(seed: u64, layer: u32, step: u32, domain: u64, index: u64) -> u64 {
    (0..32).map(|k| bit(plane(seed, layer, step, domain, index >> 7, k), index) << (31 - k)).sum()
}

/// Those of a whole block, whose planes are evaluated once for all: for the fuzz targets, which the above would keep waiting.
pub fn uniforms(seed: u64, layer: u32, step: u32, domain: u64, block: u64) -> Vec<u64> {
    let planes: Vec<_> = (0..32).map(|k| plane(seed, layer, step, domain, block, k)).collect();
    (0..128).map(|index| (0..).zip(&planes).map(|(k, words)| bit(*words, index) << (31 - k)).sum()).collect()
}

/// p * 2^32 is exact, a power of two being exact, so that one rounding is the only one.
pub fn threshold(p: f64) -> u64 {
    (p * RANGE).round_ties_even() as u64
}

pub fn scale(p: f64) -> f64 {
    RANGE / (RANGE - threshold(p) as f64)
}

pub fn dropped(seed: u64, layer: u32, step: u32, domain: u64, index: u64, p: f64) -> bool {
    uniform(seed, layer, step, domain, index) < threshold(p)
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
