//! Masks that were stored: read instead of computed, and recorded on the way.

use crate::Error;
use crate::lanes::Lanes;
use crate::philox::{high, low};
use crate::stream::BLOCK;
use crate::tiles::{Keep, Source, Tiles, WORD, Work};

/// A stored mask: keep bits in `u32` words, bit `i % 32` of word `i / 32` counted from the least significant, from any bit on.
///
/// This is the layout that [`Mask::words`](crate::Mask::words) writes and, as little-endian bytes, that of ONNX Runtime's `BitmaskDropout`,
/// TransformerEngine and LIBXSMM.
///
/// ```
/// use dropout_kernels::{Dropout, Mode, PackedMask, Rate};
///
/// // Two masks of a set that was chosen beforehand, one behind the other: each keeps half of eight units.
/// static MASKS: [u32; 1] = [0b_1010_1010_0000_1111];
/// let mask = PackedMask::new(&MASKS, 8, 8)?;
/// assert_eq!(mask.count_kept(), 4);
///
/// let mut x = [1.0_f32; 8];
/// Dropout::new(Rate::from_ratio(1, 2)?).apply_in_place(Mode::Stored(mask), &mut x)?;
/// assert_eq!(x, [0.0, 2.0, 0.0, 2.0, 0.0, 2.0, 0.0, 2.0]);
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PackedMask<'a> {
    words: &'a [u32],
    first: usize,
    decisions: usize,
}

impl<'a> PackedMask<'a> {
    /// The mask of so many decisions from bit `first` of `words` on.
    ///
    /// # Errors
    /// [`Error::Length`] if the words end before the mask; [`Error::ShapeOverflow`] if `first + decisions` does not fit `usize`, as a
    /// shape of so many does not.
    pub const fn new(words: &'a [u32], first: usize, decisions: usize) -> Result<Self, Error> {
        let Some(end) = first.checked_add(decisions) else { return Err(Error::ShapeOverflow) };
        let expected = end.div_ceil(32);
        if words.len() < expected {
            return Err(Error::Length { name: "words", expected, actual: words.len() });
        }
        Ok(Self { words, first, decisions })
    }

    /// The number of decisions.
    #[must_use]
    pub const fn decisions(&self) -> usize {
        self.decisions
    }

    /// Whether decision `index` keeps; `None` from [`decisions`](Self::decisions) on.
    #[must_use]
    pub fn keeps(&self, index: usize) -> Option<bool> {
        (index < self.decisions).then(|| self.word(index) & 1 == 1)
    }

    /// How many of the decisions keep.
    #[must_use]
    pub fn count_kept(&self) -> usize {
        let end = self.first + self.decisions;
        let words = self.words.get(self.first / 32..end.div_ceil(32)).unwrap_or_default();
        let before = words.first().map_or(0, |word| word & !(u32::MAX << (self.first % 32)));
        let after = words.last().map_or(0, |word| u64::from(*word) >> (end.wrapping_sub(1) % 32 + 1));
        // Of whole words, which the compiler counts in vectors.
        let kept: usize = words.iter().map(|word| word.count_ones() as usize).sum();
        kept - (before.count_ones() + after.count_ones()) as usize
    }

    /// The decisions from number `from` on, 64 of them; what lies past the words is zero.
    fn word(&self, from: usize) -> u64 {
        let bit = self.first + from;
        let words = self.words.get(bit / 32..).unwrap_or_default();
        let word = |i: usize| words.get(i).copied().unwrap_or(0);
        bits_from([word(0), word(1), word(2)], bit % 32)
    }

    /// Without the first so many decisions, of which there are as many.
    #[cfg(feature = "rayon")]
    pub(crate) const fn advanced(self, decisions: u64) -> Self {
        let decisions = decisions as usize;
        Self { first: self.first + decisions, decisions: self.decisions - decisions, ..self }
    }
}

/// The 64 bits of three words from bit `from` on, which is in the first.
#[inline(always)]
fn bits_from(words: [u32; 3], from: usize) -> u64 {
    let [a, b, c] = words.map(u64::from);
    (a | b << 32) >> from | c << 32 << (32 - from)
}

impl<'m> Source for PackedMask<'m> {
    type Tile = Keep;
    type Tiles<'a, L: Lanes>
        = PackedTiles<'a>
    where
        'm: 'a;

    #[inline(always)]
    fn tiles<L: Lanes>(&mut self, _: L, decisions: usize, blocks: usize) -> PackedTiles<'_> {
        PackedTiles { mask: *self, next: 0, end: decisions, blocks }
    }
}

pub(crate) struct PackedTiles<'a> {
    mask: PackedMask<'a>,
    next: usize,
    end: usize,
    /// In a whole tile.
    blocks: usize,
}

impl Tiles<Keep> for PackedTiles<'_> {
    #[inline(always)]
    fn next(&mut self, keep: &mut Keep, _: &mut impl Work) -> Option<usize> {
        let decisions = (self.end - self.next).min(self.blocks * BLOCK);
        let bit = self.mask.first + self.next;
        let mut words = self.mask.words.get(bit / 32..).unwrap_or_default().windows(3).step_by(2);
        for (i, keep) in keep.iter_mut().enumerate().take(decisions.div_ceil(WORD)) {
            *keep = match words.next() {
                Some(&[a, b, c]) => bits_from([a, b, c], bit % 32),
                _ => self.mask.word(self.next + i * WORD),
            };
        }
        self.next += decisions;
        (decisions > 0).then_some(decisions)
    }
}

/// A source whose decisions are written down as they are made.
pub(crate) struct Record<'m, S> {
    pub(crate) source: S,
    /// A word for every 32 decisions begun.
    pub(crate) mask: &'m mut [u32],
}

impl<'m, S: Source<Tile = Keep>> Source for Record<'m, S> {
    type Tile = Keep;
    type Tiles<'a, L: Lanes>
        = RecordTiles<'a, S::Tiles<'a, L>>
    where
        'm: 'a,
        S: 'a;

    #[inline(always)]
    fn tiles<L: Lanes>(&mut self, lanes: L, decisions: usize, blocks: usize) -> RecordTiles<'_, S::Tiles<'_, L>> {
        RecordTiles { tiles: self.source.tiles(lanes, decisions, blocks), rest: self.mask }
    }
}

pub(crate) struct RecordTiles<'a, T> {
    tiles: T,
    /// The words that are still to be written. No tile but the last ends inside one.
    rest: &'a mut [u32],
}

impl<T: Tiles<Keep>> Tiles<Keep> for RecordTiles<'_, T> {
    #[inline(always)]
    fn next(&mut self, keep: &mut Keep, work: &mut impl Work) -> Option<usize> {
        let decisions = self.tiles.next(keep, work)?;
        let words = self.rest.split_off_mut(..decisions.div_ceil(32))?;
        let (pairs, rest) = words.as_chunks_mut();
        for (pair, &keep) in pairs.iter_mut().zip(keep.iter()) {
            *pair = [low(keep), high(keep)];
        }
        for (word, &keep) in rest.iter_mut().zip(keep.iter().skip(pairs.len())) {
            *word = low(keep);
        }
        if let Some(last) = words.last_mut() {
            *last &= u32::MAX >> (decisions.wrapping_neg() % 32);
        }
        Some(decisions)
    }
}
