//! Generators that firmware has in place of the library's.

use crate::ADDRESS;

/// The seed of Marsaglia's paper. A mask begins with this state, xored with the number of the step.
pub const XORSHIFT_SEED: u32 = 2_463_534_242;

/// The state of xorshift32 (Marsaglia, 2003) after this one, which is also the random number.
pub fn xorshift(mut state: u32) -> u32 {
    state ^= state << 13;
    state ^= state >> 17;
    state ^ state << 5
}

/// The finaliser of MurmurHash3 (Appleby, 2011): a bijection that mixes all bits.
pub fn mix(mut x: u32) -> u32 {
    x = (x ^ x >> 16).wrapping_mul(0x85EB_CA6B);
    x = (x ^ x >> 13).wrapping_mul(0xC2B2_AE35);
    x ^ x >> 16
}

/// The key of a step. Element i of its mask is decided by `mix(key + i)`: a hash of a counter, so that any element can be
/// asked for.
pub fn key(step: u32) -> u32 {
    [ADDRESS.seed as u32, (ADDRESS.seed >> 32) as u32, ADDRESS.layer, step].into_iter().fold(0, |key, word| mix(key ^ word))
}
