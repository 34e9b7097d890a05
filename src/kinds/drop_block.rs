//! DropBlock: dropout of squares of feature maps.

use core::num::NonZero;

use crate::address::Address;
use crate::element::Float;
use crate::error::{Error, check_length};
use crate::kernel::{Job, Pair, Scale, Update};
use crate::layer::{Direction, Layer, Mode, sealed};
use crate::layout::Layout;
use crate::mask::{BLOCK, Computed, Generate, Keep, LIMB, PackedMask, Source, TILE, Tile, first_of};
use crate::rate::Rate;
use crate::simd::Task;

/// DropBlock: drops squares of feature maps, because between convolutions the neighbours of a single dropped element
/// still carry its information (Ghiasi, Lin and Le, "DropBlock: a regularization method for convolutional networks",
/// NeurIPS 2018).
///
/// Tensors are N x C x H x W, row-major. Squares have a side of `b = block_size` elements; where a map is smaller, they
/// and the b below are cut to its height and width. There is one decision for the top left corner of each square that
/// lies inside its map: (H-b+1) x (W-b+1) decisions per map, in row-major order, map after map. The rate of squares
/// follows from the realised rate p of elements, as in the paper, in `f64`:
///
/// ```text
/// gamma = p * ((H * W) / ((b * b) * ((H-b+1) * (W-b+1))))
/// ```
///
/// Squares can overlap, so the fraction of dropped elements is somewhat below p. p = 1 drops everything, whatever the
/// squares. With `block_size` 1 the mask is that of [`Dropout`](crate::Dropout) per element, and with squares as large
/// as the maps, per feature map.
///
/// Draw the mask once per step, into memory of the caller's, and pass it as [`Mode::Stored`] to both passes;
/// [`Mode::Train`] is an error. Kept values are multiplied by the mask's number of elements divided by its number of
/// kept ones, rounded once; dropped values become +0.0. Evaluation is the identity, and so is a mask that drops
/// nothing.
///
/// ```
/// use dropout_kernels::{Address, DropBlock, Mode, Rate};
///
/// let drop_block = DropBlock::new(Rate::new(0.2)?, 3, [2, 8, 14, 14])?;
/// assert!((drop_block.square_rate().realised() - 0.2 * 196.0 / (9.0 * 144.0)).abs() < 1e-9); // gamma
///
/// let mut words = vec![0; drop_block.words()];
/// let mask = Mode::Stored(drop_block.draw(Address { seed: 42, layer: 0, step: 7, offset: 0 }, &mut words)?);
///
/// let x = [1.0_f32; 2 * 8 * 14 * 14];
/// let mut y = x;
/// drop_block.apply(mask, &x, &mut y)?;
/// assert!((y.iter().sum::<f32>() - x.iter().sum::<f32>()).abs() < 0.1); // the scale makes up for what was dropped
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
    /// Of squares, not of elements: gamma.
    rate: Rate,
    /// The number of feature maps, N * C.
    maps: usize,
    /// Rows and columns of a map.
    map_size: [usize; 2],
    /// Rows and columns of a square.
    square_size: [usize; 2],
    /// `None` to count each mask.
    scale: Option<f64>,
}

impl DropBlock {
    /// DropBlock that drops elements at `rate`, in squares of `block_size` x `block_size`, for tensors of shape
    /// `[N, C, H, W]`.
    ///
    /// # Errors
    /// [`Error::BlockSize`] if `block_size` is 0; [`Error::ShapeOverflow`] if the number of elements does not fit
    /// `usize`.
    pub fn new(rate: Rate, block_size: usize, shape: [usize; 4]) -> Result<Self, Error> {
        if block_size == 0 {
            return Err(Error::BlockSize);
        }
        let layout = Layout::dense(&shape)?;
        let [n, c, h, w] = if layout.elements() == 0 { [0; 4] } else { shape };
        let square_size = [h, w].map(|extent| block_size.min(extent));
        let mut squares = Squares { rate, maps: n * c, map_size: [h, w], square_size, scale: None };
        if squares.maps > 0 && rate.keep() > 0.0 {
            debug_assert!(squares.gamma_at_one() <= 1.0);
            squares.rate = Rate::new(rate.realised() * squares.gamma_at_one())?;
        }
        Ok(Self::of(squares, Some(layout)))
    }

    /// The same layer with a given scale instead of one counted from the mask. For part of a batch, pass the scale of
    /// the whole batch: its number of elements divided by the sum of [`PackedMask::count_kept`] over the masks of all
    /// parts.
    #[must_use]
    pub const fn with_scale(mut self, scale: f64) -> Self {
        self.kind.scale = Some(scale);
        self
    }

    /// The rate at which squares are dropped, gamma.
    #[must_use]
    pub const fn square_rate(&self) -> Rate {
        self.kind.rate
    }

    /// The number of decisions, one for each position of a square. It is the distance from the offset of one part of a
    /// batch to that of the next.
    #[must_use]
    pub const fn decisions(&self) -> usize {
        self.kind.decisions()
    }

    /// The number of words of a mask, which has one bit per element.
    #[must_use]
    pub const fn words(&self) -> usize {
        self.kind.elements().div_ceil(32)
    }

    /// Draws the mask of an address into `words`. Keep it for the backward pass, or draw it again from the same
    /// address.
    ///
    /// # Errors
    /// [`Error::Length`] unless `words` has [`words`](Self::words) words; [`Error::IndexOverflow`] if a decision's
    /// index is 2^64 or more. `words` is then as it was.
    pub fn draw<'a>(&self, address: Address, words: &'a mut [u32]) -> Result<PackedMask<'a>, Error> {
        check_length("words", self.words(), words.len())?;
        address.check_reach(self.decisions() as u64)?;
        let source = Computed::new(self.kind.rate, address);
        self.backend().run(Draw { squares: self.kind, source, words });
        let mask = PackedMask::new(words, 0, self.kind.elements());
        debug_assert!(mask.is_ok());
        mask
    }
}

impl Squares {
    const fn elements(&self) -> usize {
        self.maps * self.map_size[0] * self.map_size[1]
    }

    /// Rows and columns of the positions that a square's top left corner can have in a map.
    const fn corners(&self) -> [usize; 2] {
        let ([h, w], [square_h, square_w]) = (self.map_size, self.square_size);
        [h - square_h + 1, w - square_w + 1]
    }

    const fn decisions(&self) -> usize {
        let [rows, columns] = self.corners();
        self.maps * rows * columns
    }

    /// The paper's gamma, divided by p.
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53, and rounded in one order everywhere")]
    const fn gamma_at_one(&self) -> f64 {
        const fn area([h, w]: [usize; 2]) -> f64 {
            h as f64 * w as f64
        }
        area(self.map_size) / (area(self.square_size) * area(self.corners()))
    }
}

impl<E: Float> sealed::Kind<E> for Squares {
    /// Counts the whole mask, unless the scale is given. If it keeps nothing, the scale is infinite and not used.
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

    #[inline(always)]
    fn run(&self, direction: Direction, mode: Mode<'_>, job: Job<'_, E>, update: impl Update<E>) {
        sealed::by_mask(self, direction, mode, job, update);
    }
}

impl<E: Float> sealed::ByMask<E> for Squares {
    fn rate(&self) -> Rate {
        self.rate
    }

    #[inline(always)]
    fn forward(&self) -> impl Pair<E> {
        debug_assert!(self.scale.is_some(), "in_mode sets it");
        Scale::by(self.scale.unwrap_or(1.0))
    }

    fn evaluation(&self) -> Option<impl Pair<E>> {
        None::<Scale<E>>
    }
}

/// Draws a mask: clears the squares of the corners that are dropped.
struct Draw<'a> {
    squares: Squares,
    source: Computed,
    words: &'a mut [u32],
}

impl<L: Generate> Task<L> for Draw<'_> {
    /// Square by square. About a fraction p of the elements is cleared, so this takes less time than to shift and
    /// combine the bits of whole maps.
    #[inline(always)]
    fn run(self, lanes: L) {
        let Self { squares, mut source, words } = self;
        words.fill(u32::MAX);
        if let Some(last) = words.last_mut() {
            *last >>= squares.elements().wrapping_neg() % 32;
        }
        let [h, w] = squares.map_size;
        let [square_h, square_w] = squares.square_size;
        let [rows, columns] = squares.corners();
        // Every square has a position. `NonZero` spares the divisions below their check for zero.
        debug_assert!(rows > 0 && columns > 0);
        let (Some(columns), Some(corners)) = (NonZero::new(columns), NonZero::new(rows * columns)) else { return };

        let mut keep = Keep::NEW;
        let mut next = 0;
        loop {
            let count = source.next(lanes, (squares.decisions() - next).min(TILE * BLOCK), &mut keep);
            if count == 0 {
                return;
            }
            for (i, keep) in keep.keep_bits(0).enumerate().take(count.div_ceil(LIMB)) {
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

/// Clears the bits `from..to` of `words`.
#[inline(always)]
fn clear(words: &mut [u32], mut from: usize, to: usize) {
    while from < to {
        let bit = from % 32;
        let count = (32 - bit).min(to - from);
        debug_assert!(from / 32 < words.len());
        if let Some(word) = words.get_mut(from / 32) {
            *word &= !(u32::MAX >> (32 - count) << bit);
        }
        from += count;
    }
}
