//! Philox4x32, the counter-based generator behind all masks and noise.
//!
//! Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11. The names are the paper's.

use core::convert::Infallible;

use rand_core::{SeedableRng, TryRng, utils};

// The paper's multipliers M, and the Weyl constants W that are added to the key after each round.
pub(crate) const M0: u32 = 0xD251_1F53;
pub(crate) const M1: u32 = 0xCD9E_8D57;
pub(crate) const W0: u32 = 0x9E37_79B9;
pub(crate) const W1: u32 = 0xBB67_AE85;

/// The number of rounds of the mask contract. It is also the default of Random123 and that of C++26's
/// `std::philox4x32`.
pub const ROUNDS: u32 = 10;

/// One call of Philox4x32: four random words from a counter and a key. Word 0 of each comes first.
///
/// ```
/// use dropout_kernels::philox::{ROUNDS, philox4x32};
///
/// assert_eq!(philox4x32([0; 4], [0; 2], ROUNDS), [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]);
/// ```
#[inline(always)]
#[must_use]
pub const fn philox4x32(counter: [u32; 4], key: [u32; 2], rounds: u32) -> [u32; 4] {
    let (mut words, mut key, mut i) = (counter, key, 0);
    while i < rounds {
        words = round(words, key);
        key = add(key, [W0, W1]);
        i += 1;
    }
    words
}

/// One round.
#[inline(always)]
pub(crate) const fn round([a, b, c, d]: [u32; 4], [k0, k1]: [u32; 2]) -> [u32; 4] {
    let (p0, p1) = (product(a, M0), product(c, M1));
    [high(p1) ^ b ^ k0, low(p1), high(p0) ^ d ^ k1, low(p0)]
}

/// The product of two words, all 64 bits of it.
#[inline(always)]
const fn product(x: u32, y: u32) -> u64 {
    // A Cortex-M0 gives the low half only, and calls a function for the rest that takes twice as long as this. What stable
    // Rust sees of it is that it has no atomic operations.
    if cfg!(all(target_arch = "arm", not(target_has_atomic = "32"))) {
        let [x0, x1, y0, y1] = [x & 0xFFFF, x >> 16, y & 0xFFFF, y >> 16];
        let middle = x1 * y0 + ((x0 * y0) >> 16);
        let rest = x0 * y1 + (middle & 0xFFFF);
        let high = x1 * y1 + (middle >> 16) + (rest >> 16);
        return (high as u64) << 32 | x.wrapping_mul(y) as u64;
    }
    x as u64 * y as u64
}

/// Two keys added.
#[inline(always)]
pub(crate) const fn add([a, b]: [u32; 2], [c, d]: [u32; 2]) -> [u32; 2] {
    [a.wrapping_add(c), b.wrapping_add(d)]
}

/// The low 32 bits.
pub(crate) const fn low(x: u64) -> u32 {
    x as u32
}

/// The high 32 bits.
pub(crate) const fn high(x: u64) -> u32 {
    (x >> 32) as u32
}

/// Philox4x32-10 as an ordinary sequential generator, for weights, shuffles and whatever else is not a mask.
///
/// Word n of the stream is word `n % 4` of the call with counter `n / 4`, the order of C++26's `std::philox4x32`.
/// [`set_position`](Self::set_position) jumps to any of the first 2^128 words in constant time; position 2^128 wraps to
/// 0.
///
/// Masks use the same function: with a mask's seed as the key, the stream begins with that mask's random bits for layer
/// 0 and step 0. To be independent of masks, use `seed_from_u64`, which hashes, or a key that is not the seed of any
/// mask.
///
/// ```
/// use dropout_kernels::philox::Philox;
/// use rand_core::Rng;
///
/// let mut rng = Philox::new([20_111_115, 0]);
/// rng.set_position(9_999);
/// assert_eq!(rng.next_u32(), 1_955_073_260); // the check value of the C++26 standard: its 10,000th word
/// assert_eq!(rng.position(), 10_000);
/// ```
#[derive(Clone, Debug)]
pub struct Philox {
    key: [u32; 2],
    /// In words from the start of the stream.
    position: u128,
    /// The output of the call that has word `position`. Out of date when `position` is a multiple of 4: the next draw
    /// makes the call.
    words: [u32; 4],
}

impl Philox {
    /// The generator with this key, at the start of its stream.
    #[must_use]
    pub const fn new(key: [u32; 2]) -> Self {
        Self { key, position: 0, words: [0; 4] }
    }

    /// The position in the stream of the next word.
    #[must_use]
    pub const fn position(&self) -> u128 {
        self.position
    }

    /// Jumps: the next word is word `position` of the stream.
    pub const fn set_position(&mut self, position: u128) {
        self.position = position;
        self.words = self.words_at(position);
    }

    /// The output of the call that has word `position`.
    const fn words_at(&self, position: u128) -> [u32; 4] {
        let counter = position / 4;
        let [low64, high64] = [counter as u64, (counter >> 64) as u64];
        philox4x32([low(low64), high(low64), low(high64), high(high64)], self.key, ROUNDS)
    }
}

impl TryRng for Philox {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let word = (self.position % 4) as usize;
        if word == 0 {
            self.words = self.words_at(self.position);
        }
        self.position = self.position.wrapping_add(1);
        Ok(self.words[word])
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_u64_via_u32(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        utils::fill_bytes_via_next_word(bytes, || self.try_next_u32())
    }
}

impl SeedableRng for Philox {
    /// The key: two little-endian words.
    type Seed = [u8; 8];

    fn from_seed(seed: Self::Seed) -> Self {
        Self::new(utils::read_words(&seed))
    }
}
