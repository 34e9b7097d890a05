//! DropBlock: squares of feature maps.

use core::num::NonZero;

use crate::address::Address;
use crate::element::Float;
use crate::error::{Error, check_length};
use crate::kernel::{Pair, Scale};
use crate::layer::{Layer, Mode, sealed};
use crate::layout::Layout;
use crate::mask::{BLOCK, Computed, Generate, Keep, LIMB, PackedMask, Source, TILE, Tile, first_of};
use crate::rate::Rate;
use crate::simd::Task;

/// DropBlock: what is dropped of a feature map are squares of neighbours, which between convolutions tell the same
/// (Ghiasi, Lin and Le, "DropBlock: a regularization method for convolutional networks", NeurIPS 2018).
///
/// Elements are N x C x H x W. A block is dropped with its top left corner: one decision for each corner whose block lies inside the map, so that
/// there are (H-b+1) x (W-b+1) of them, numbered in row-major order, map after map. A block is as high and as wide as the map
/// where that is smaller. As in the paper the corners' rate is computed from that of the elements, in `f64` from the realised rate p,
///
/// ```text
/// gamma = p * ((H * W) / ((b * b) * ((H-b+1) * (W-b+1))))
/// ```
///
/// and so the part that is dropped is below p by as much as blocks overlap. At p = 1 everything is dropped: gamma is 1. Blocks of one
/// element are dropped as [`Dropout`](crate::Dropout) drops elements, and blocks as large as the map as it drops maps.
///
/// The mask is drawn once, into memory of the caller's, and used as [`Mode::Stored`] in both passes; [`Mode::Train`] is an error. Kept values are
/// multiplied by the number of elements over that of kept ones, of the whole mask and rounded once; dropped ones are +0.0. Evaluation is the
/// identity, and so is a mask that drops nothing.
///
/// ```
/// use dropout_kernels::{Address, DropBlock, Mode, Rate};
///
/// let drop_block = DropBlock::new(Rate::new(0.2)?, 3, [2, 8, 14, 14])?;
/// let mut words = vec![0; drop_block.words()];
/// let mask = Mode::Stored(drop_block.draw(Address { seed: 42, layer: 0, step: 7, offset: 0 }, &mut words)?);
///
/// let x = [1.0_f32; 2 * 8 * 14 * 14];
/// let mut y = x;
/// drop_block.apply(mask, &x, &mut y)?;
/// assert!((y.iter().sum::<f32>() - x.iter().sum::<f32>()).abs() < 0.1); // what is kept makes up for what is dropped
///
/// let mut gradient = x;
/// drop_block.backward_in_place(mask, &mut gradient)?;
/// assert_eq!(gradient, y);
///
/// drop_block.apply(Mode::Eval, &x, &mut y)?;
/// assert_eq!(y, x);
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
pub type DropBlock = Layer<Squares>;

/// The kind of dropout of [`DropBlock`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Squares {
    /// Of the corners.
    rate: Rate,
    maps: usize,
    /// Of a map, rows and columns.
    extents: [usize; 2],
    /// Of a block, in a map that has any.
    sizes: [usize; 2],
    /// `None` if it is counted from each mask.
    scale: Option<f64>,
}

impl DropBlock {
    /// DropBlock at this rate, with blocks of so many rows and columns, of tensors N x C x H x W.
    ///
    /// # Errors
    /// [`Error::BlockSize`] if the size is 0; [`Error::ShapeOverflow`].
    pub fn new(rate: Rate, block_size: usize, shape: [usize; 4]) -> Result<Self, Error> {
        if block_size == 0 {
            return Err(Error::BlockSize);
        }
        let layout = Layout::dense(&shape)?;
        let [n, c, h, w] = if layout.elements() == 0 { [0; 4] } else { shape };
        let sizes = [h, w].map(|extent| block_size.min(extent));
        let mut squares = Squares { rate, maps: n * c, extents: [h, w], sizes, scale: None };
        if squares.maps > 0 && rate.keep() > 0.0 {
            squares.rate = Rate::new(rate.realised() * squares.corners_per_elements())?;
        }
        Ok(Self::of(squares, Some(layout)))
    }

    /// The same layer with this scale rather than one that is counted: for a part of a batch, that of the whole, the elements of all parts over
    /// what [`PackedMask::count_kept`] finds in the masks of all.
    #[must_use]
    pub const fn with_scale(mut self, scale: f64) -> Self {
        self.kind.scale = Some(scale);
        self
    }

    /// The rate at which blocks are dropped, gamma.
    #[must_use]
    pub const fn block_rate(&self) -> Rate {
        self.kind.rate
    }

    /// The number of decisions, one for each block that can be dropped: how far ahead the offset of the next part of a batch is.
    #[must_use]
    pub const fn decisions(&self) -> usize {
        self.kind.decisions()
    }

    /// The number of words that a mask takes, a bit for each element.
    #[must_use]
    pub const fn words(&self) -> usize {
        self.kind.elements().div_ceil(32)
    }

    /// Draws the mask at an address into `words`, which it then borrows. It can be kept for the backward pass, or drawn again.
    ///
    /// # Errors
    /// [`Error::Length`] unless there are as many words as [`words`](Self::words) says; [`Error::IndexOverflow`] if the decisions reach past 2^64.
    /// The words are then as they were.
    pub fn draw<'a>(&self, address: Address, words: &'a mut [u32]) -> Result<PackedMask<'a>, Error> {
        check_length("words", self.words(), words.len())?;
        address.check_reach(self.decisions() as u64)?;
        let source = Computed::new(self.kind.rate, address);
        self.backend().run(Draw { squares: self.kind, source, words });
        PackedMask::new(words, 0, self.kind.elements())
    }
}

impl Squares {
    const fn elements(&self) -> usize {
        self.maps * self.extents[0] * self.extents[1]
    }

    /// Of a map, rows and columns in which a block can begin.
    const fn corners(&self) -> [usize; 2] {
        let ([h, w], [square_h, square_w]) = (self.extents, self.sizes);
        [h - square_h + 1, w - square_w + 1]
    }

    const fn decisions(&self) -> usize {
        let [rows, columns] = self.corners();
        self.maps * rows * columns
    }

    /// The paper's formula for p = 1.
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53, and rounded in one order everywhere")]
    const fn corners_per_elements(&self) -> f64 {
        const fn area([h, w]: [usize; 2]) -> f64 {
            h as f64 * w as f64
        }
        area(self.extents) / (area(self.sizes) * area(self.corners()))
    }
}

impl<E: Float> sealed::Kind<E> for Squares {
    fn rate(&self) -> Rate {
        self.rate
    }

    #[inline(always)]
    fn forward(&self) -> impl Pair<E> {
        Scale::by(self.scale.unwrap_or(1.0))
    }

    fn evaluation(&self) -> Option<impl Pair<E>> {
        None::<Scale<E>>
    }

    /// Counts the whole mask, if there is nothing else to scale by. Where it keeps nothing, the scale is not used.
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    fn in_mode(&self, mode: Mode<'_>) -> Result<Self, Error> {
        match mode {
            Mode::Train(_) => Err(Error::ComputedMask),
            Mode::Stored(mask) if self.scale.is_none() => {
                Ok(Self { scale: Some(mask.decisions() as f64 / mask.count_kept() as f64), ..*self })
            }
            Mode::Stored(_) | Mode::Eval => Ok(*self),
        }
    }
}

/// Draws a mask.
struct Draw<'a> {
    squares: Squares,
    source: Computed,
    words: &'a mut [u32],
}

impl<L: Generate> Task<L> for Draw<'_> {
    /// Squares are few, so that each by itself takes less time than the shifts of whole maps: an element is reached by p squares.
    #[inline(always)]
    fn run(self, lanes: L) {
        let Self { squares, mut source, words } = self;
        words.fill(u32::MAX);
        if let Some(last) = words.last_mut() {
            *last >>= squares.elements().wrapping_neg() % 32;
        }
        let [h, w] = squares.extents;
        let [square_h, square_w] = squares.sizes;
        let [rows, columns] = squares.corners();
        let (Some(columns), Some(corners)) = (NonZero::new(columns), NonZero::new(rows * columns)) else { return };

        let mut keep = Keep::NEW;
        let mut next = 0;
        loop {
            let count = source.next(lanes, (squares.decisions() - next).min(TILE * BLOCK), &mut keep);
            if count == 0 {
                return;
            }
            for (i, keep) in keep.keep_bits().enumerate().take(count.div_ceil(LIMB)) {
                let mut drop = first_of(!keep, count - i * LIMB);
                while drop != 0 {
                    let corner = next + i * LIMB + drop.trailing_zeros() as usize;
                    drop &= drop - 1;
                    let (map, corner) = (corner / corners, corner % corners);
                    let first = (map * h + corner / columns) * w + corner % columns;
                    for row in 0..square_h {
                        clear(words, first + row * w, first + row * w + square_w);
                    }
                }
            }
            next += count;
        }
    }
}

/// Clears the bits from number `from` to before number `to`.
#[inline(always)]
fn clear(words: &mut [u32], mut from: usize, to: usize) {
    while from < to {
        let bit = from % 32;
        let count = (32 - bit).min(to - from);
        if let Some(word) = words.get_mut(from / 32) {
            *word &= !(u32::MAX >> (32 - count) << bit);
        }
        from += count;
    }
}
