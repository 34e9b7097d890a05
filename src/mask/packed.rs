//! Masks that were stored: read instead of computed.

use super::tile::{LIMB, LIMB_WORDS};
use crate::error::Error;
use crate::simd::Limb;

/// A stored mask: keep bits in `u32` words, bit `i % 32` of word `i / 32` counted from the least significant, from any
/// bit on.
///
/// This is the layout that [`Mask::words`](crate::Mask::words) writes and, as little-endian bytes, that of ONNX
/// Runtime's `BitmaskDropout`, TransformerEngine and LIBXSMM.
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
    /// The mask of `decisions` decisions from bit `first` of `words` on.
    ///
    /// # Errors
    /// [`Error::Length`] if the words end before the mask; [`Error::ShapeOverflow`] if `first + decisions` does not fit
    /// `usize`.
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
        (index < self.decisions).then(|| self.limb(index) & 1 == 1)
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

    /// A limb of decisions from number `from` on; what lies past the words is zero.
    pub(crate) fn limb(&self, from: usize) -> Limb {
        let bit = self.first + from;
        let words = self.words.get(bit / 32..).unwrap_or_default();
        bits_from(&core::array::from_fn(|i| words.get(i).copied().unwrap_or(0)), bit % 32)
    }

    /// The limbs of `count` decisions from the first one on.
    pub(super) fn read(&self, count: usize, limbs: &mut [Limb]) {
        debug_assert!(count <= self.decisions);
        let words = self.words.get(self.first / 32..).unwrap_or_default();
        let mut windows = words.windows(LIMB_WORDS + 1).step_by(LIMB_WORDS);
        for (i, limb) in limbs.iter_mut().enumerate().take(count.div_ceil(LIMB)) {
            *limb = match windows.next().and_then(|words| words.first_chunk()) {
                Some(words) => bits_from(words, self.first % 32),
                None => self.limb(i * LIMB),
            };
        }
    }

    /// Without the first `decisions` decisions, which there are.
    pub(crate) const fn advanced(self, decisions: usize) -> Self {
        Self { first: self.first + decisions, decisions: self.decisions - decisions, ..self }
    }
}

/// The limb from bit `from` on, which is in the first of the words that it may be in.
#[inline(always)]
fn bits_from(words: &[u32; LIMB_WORDS + 1], from: usize) -> Limb {
    let mut limb = 0;
    for (i, pair) in words.windows(2).enumerate() {
        limb |= Limb::from(pair[0] >> from | pair[1] << 1 << (31 - from)) << (32 * i);
    }
    limb
}
