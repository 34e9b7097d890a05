//! Everything from an address to keep bits. [The contract](contract.md) says which.
//!
//! ```text
//! address -> stream: calls of Philox -> bernoulli: keep bits of blocks -> source: tiles of keep bits
//!                                   or wide, eight at a time
//! ```
//!
//! | | |
//! |---|---|
//! | [`stream`] | 128 random bits for a block, a call |
//! | [`bernoulli`] | the decisions of a block, as the contract has them: the reference, and the scalar path |
//! | [`wide`] | the same in vectors: eight calls at once, the decisions of eight blocks |
//! | [`generator`] | which of the two a set of lanes has |
//! | [`tile`], [`source`] | the decisions of a stretch, from the next address on |
//! | [`packed`] | decisions that were stored |
//!
//! Nothing here knows values.

mod bernoulli;
mod generator;
mod packed;
mod source;
mod stream;
mod tile;
#[cfg(any(target_feature = "sse2", all(target_feature = "neon", target_arch = "aarch64"), target_feature = "simd128"))]
mod wide;

use crate::address::Address;
use crate::backend::Backend;
use crate::error::{Error, check_length};
use crate::rate::Rate;
use crate::simd::{VECTORS, with_vectors, without_vectors};
use crate::threads::{GRAIN, Threads};
use bernoulli::Bernoulli;
pub(crate) use generator::Generate;
pub use packed::PackedMask;
pub(crate) use source::{Computed, InOrder, Source, within_block};
pub(crate) use stream::{BLOCK, Stream};
use tile::LIMB_WORDS;
pub(crate) use tile::{BLOCK_LIMBS, Bits, LIMB, TILE, Tile, Writer, first_of};

/// The keep decisions of one address and rate, from the address's offset on.
///
/// A mask holds no bits: it is computed whenever it is asked for, and so costs nothing to keep between the forward and
/// the backward pass. Decision i of a mask is the decision with logical index `offset + i`.
///
/// Masks are *nested*: with the same address, what is dropped at rate p is dropped at every higher rate.
///
/// ```
/// use dropout_kernels::{Address, Mask, Rate};
///
/// let mask = Mask::new(Rate::new(0.3)?, Address { seed: 42, ..Address::default() });
///
/// let mut keep = [false; 100];
/// mask.bools(&mut keep)?;
/// assert_eq!(keep[77], mask.keeps(77)?);
///
/// let mut words = [0; 4];
/// mask.words(100, &mut words)?;
/// assert_eq!(keep[77], words[77 / 32] >> (77 % 32) & 1 == 1);
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
///
#[doc = include_str!("contract.md")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask {
    rate: Rate,
    address: Address,
    backend: Option<Backend>,
    threads: Threads,
}

impl Mask {
    /// The mask of this rate and address.
    #[must_use]
    pub const fn new(rate: Rate, address: Address) -> Self {
        Self { rate, address, backend: None, threads: Threads::One }
    }

    /// The same mask, computed by the given backend rather than by the fastest.
    #[must_use]
    pub const fn on(self, backend: Backend) -> Self {
        Self { backend: Some(backend), ..self }
    }

    /// The same mask, whose [`words`](Self::words) are computed on all threads of rayon's pool if they are many.
    #[cfg(feature = "rayon")]
    #[must_use]
    pub const fn in_parallel(self) -> Self {
        self.with_threads(Threads::All)
    }

    pub(crate) const fn with_threads(self, threads: Threads) -> Self {
        Self { threads, ..self }
    }

    /// Whether decision `index` keeps: the plain evaluation of the mask contract that all others agree with.
    ///
    /// # Errors
    /// [`Error::IndexOverflow`] if `offset + index` is not below 2^64.
    pub const fn keeps(&self, index: u64) -> Result<bool, Error> {
        let offset = self.address.offset;
        let Some(index) = offset.checked_add(index) else {
            return Err(Error::IndexOverflow { offset, decisions: index.saturating_add(1) });
        };
        let (word, bit) = ((index % BLOCK as u64 / 32) as usize, 1 << (index % 32));
        let mut wanted = [0; 4];
        wanted[word] = bit;
        Ok(Bernoulli::new(self.rate, self.address).block(index / BLOCK as u64, wanted)[word] & bit != 0)
    }

    /// The keep bits of the first `decisions` decisions: decision i in bit `i % 32`, counted from the least
    /// significant, of word `i / 32`. What is left of the last word is zero. Written as little-endian bytes this is the
    /// packed layout of ONNX Runtime, `TransformerEngine` and LIBXSMM.
    ///
    /// # Errors
    /// [`Error::Length`] unless `words` has `decisions.div_ceil(32)` words; [`Error::IndexOverflow`].
    pub fn words(&self, decisions: usize, words: &mut [u32]) -> Result<(), Error> {
        check_length("words", decisions.div_ceil(32), words.len())?;
        self.address.check_reach(decisions as u64)?;
        self.threads.run((*self, decisions, words), &halves, &|(mask, decisions, words)| mask.fill(decisions, words));
        Ok(())
    }

    /// [`words`](Self::words) of arguments that were checked, on the calling thread.
    fn fill(&self, decisions: usize, words: &mut [u32]) {
        if !VECTORS {
            return self.write(decisions, words);
        }
        let (mut source, mut tile, mut left) = (self.source(), Tile::NEW, decisions);
        for words in words.chunks_mut(TILE * BLOCK / 32) {
            let count = source.next(self.backend(), left, &mut tile);
            left -= count;
            let mut limbs = tile.bits().iter();
            let (whole, rest) = words.as_chunks_mut::<LIMB_WORDS>();
            for (words, keep) in whole.iter_mut().zip(&mut limbs) {
                *words = tile::to_words(keep);
            }
            for (word, keep) in rest.iter_mut().zip(limbs) {
                *word = keep as u32;
            }
            if let Some(last) = words.last_mut() {
                *last &= u32::MAX >> (count.wrapping_neg() % 32);
            }
        }
    }

    /// The first `keep.len()` decisions, true for keep.
    ///
    /// # Errors
    /// [`Error::IndexOverflow`].
    pub fn bools(&self, keep: &mut [bool]) -> Result<(), Error> {
        self.address.check_reach(keep.len() as u64)?;
        let (mut source, mut tile) = (self.source(), Tile::NEW);
        for bools in keep.chunks_mut(TILE * BLOCK) {
            source.next(self.backend(), bools.len(), &mut tile);
            for (keep, bools) in tile.bits().iter().zip(bools.chunks_mut(LIMB)) {
                for (i, bool) in bools.iter_mut().enumerate() {
                    *bool = keep >> i & 1 == 1;
                }
            }
        }
        Ok(())
    }

    without_vectors! {
        /// The same block by block, whose limbs are words.
        fn write(&self, decisions: usize, words: &mut [u32]) {
            let (mut left, mut blocks, mut writer) = (decisions, InOrder::new(self.rate, self.address), Writer::new(words));
            while left > 0 {
                let (limbs, mut from) = blocks.next();
                while from < BLOCK && left > 0 {
                    let count = left.min(LIMB - from % LIMB);
                    writer.push(first_of(limbs[from / LIMB % limbs.len()] >> (from % LIMB), count), count);
                    (from, left) = (from + count, left - count);
                }
            }
        }
    }

    with_vectors! {
        #[expect(clippy::unused_self, reason = "for targets without vectors")]
        const fn write(&self, _: usize, _: &mut [u32]) {}
    }

    const fn source(&self) -> Source<'static> {
        Source::Computed(Computed::new(self.rate, self.address))
    }

    fn backend(&self) -> Backend {
        self.backend.unwrap_or_else(Backend::detect)
    }
}

/// A mask's decisions and words, cut in two where a block ends, if they are many.
type Filling<'a> = (Mask, usize, &'a mut [u32]);

fn halves((mask, decisions, words): Filling<'_>) -> Result<[Filling<'_>; 2], Filling<'_>> {
    if decisions < 2 * GRAIN {
        return Err((mask, decisions, words));
    }
    let half = decisions / 2 / BLOCK * BLOCK;
    let (words, rest) = words.split_at_mut(words.len().min(half / 32));
    let second = Mask { address: mask.address.advanced(half as u64), ..mask };
    Ok([(mask, half, words), (second, decisions - half, rest)])
}
