//! The layer DropBlock.

use core::mem::MaybeUninit;

use super::draw::Draw;
use super::grid::{Grid, volume};
use crate::address::Address;
use crate::error::{Error, check_length};
use crate::kernel::{Float, Job, Scale, Slices};
use crate::layer::{Mode, Options, where_it_runs};
use crate::layout::Layout;
use crate::mask::PackedMask;
use crate::rate::Rate;

/// DropBlock: drops patches of feature maps, because between convolutions the neighbours of a single dropped element
/// still carry its information (Ghiasi, Lin and Le, "DropBlock: a regularization method for convolutional networks",
/// NeurIPS 2018).
///
/// | tensor, row-major | constructor |
/// |---|---|
/// | N x C x L, N x C x H x W, N x C x D x H x W | [`ncl`](Self::ncl), [`nchw`](Self::nchw), [`ncdhw`](Self::ncdhw) |
/// | N x L x C, N x H x W x C, N x D x H x W x C: channels last | [`nlc`](Self::nlc), [`nhwc`](Self::nhwc), [`ndhwc`](Self::ndhwc) |
///
/// A map is one channel of one sample, whatever the number of its axes. A patch is a range of a map's positions along
/// each of them: `block_size` has its extents, and where a map is smaller they are cut to it. There is one decision for
/// each position that the first corner of a patch can have inside its map, s - b + 1 of them along an axis of s
/// positions and patches of b. Decisions are numbered in the row-major order of the tensor: by sample, channel and
/// corner, or, channels last, by sample, corner and channel. The rate of patches follows from the realised rate p of
/// elements, as in the paper, in `f64`; in three dimensions, with each product taken from the first axis to the last:
///
/// ```text
/// gamma = p * ((D * H * W) / ((b_D * b_H * b_W) * ((D-b_D+1) * (H-b_H+1) * (W-b_W+1))))
/// ```
///
/// Patches can overlap, so the fraction of dropped elements is somewhat below p. p = 1 drops everything, whatever the
/// patches. With patches of one element the mask is that of [`Dropout`](crate::Dropout) per element, and with patches
/// as large as the maps that per feature map, in either order of the axes. An empty tensor has no decisions.
///
/// [`with_shared_channels`](Self::with_shared_channels) gives all channels of a sample the same mask.
///
/// Draw the mask once per step, into memory of the caller's, and pass it to both passes: the scale depends on the whole
/// mask. Kept values are multiplied by the mask's number of elements divided by its number of kept ones, rounded once;
/// dropped values become +0.0. Evaluation, which has no mask, is the identity, and so is a mask that drops nothing.
///
/// torchvision's `drop_block2d` and `drop_block3d` drop the same patches, with the same gamma and a scale of the whole
/// batch too. They differ in this: one `block_size`, cut to the smallest extent of a map, holds for all axes; an even
/// one is an error; 1e-6 is added to the number of kept elements; p = 1 drops at gamma like every other rate; and a
/// dropped NaN or infinity becomes NaN.
///
/// ```
/// use dropout_kernels::{Address, DropBlock, Rate};
///
/// let drop_block = DropBlock::nchw(Rate::new(0.2)?, [3, 3], [2, 8, 14, 14])?;
/// assert!((drop_block.patch_rate().realised() - 0.2 * 196.0 / (9.0 * 144.0)).abs() < 1e-9); // gamma
///
/// let mut words = vec![0; drop_block.mask_words()];
/// let mask = drop_block.draw(Address { seed: 42, layer: 0, step: 7, offset: 0 }, &mut words)?;
///
/// let x = [1.0_f32; 2 * 8 * 14 * 14];
/// let mut y = x;
/// drop_block.apply(Some(mask), &x, &mut y)?;
/// assert!((y.iter().sum::<f32>() - x.iter().sum::<f32>()).abs() < 0.1); // the scale makes up for what was dropped
///
/// let mut gradient = x;
/// drop_block.backward_in_place(Some(mask), &mut gradient)?;
/// assert_eq!(gradient, y);
///
/// drop_block.apply(None, &x, &mut y)?; // evaluation
/// assert_eq!(y, x);
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DropBlock {
    /// Of patches, not of elements: gamma.
    rate: Rate,
    samples: usize,
    channels: usize,
    order: Order,
    /// Of the mask, which has one map per sample if channels share it.
    grid: Grid,
    /// `None` to count each mask.
    scale: Option<f64>,
    options: Options<Layout>,
}

/// Where a tensor has its channels.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    ChannelsFirst,
    ChannelsLast,
}

/// The usual tensors of networks, each under the letters of its axes.
macro_rules! constructors {
    ($($name:ident, $spatial:literal, $order:ident, $shape:pat => $samples:expr, $channels:expr, $map:expr, $doc:literal;)*) => {
        impl DropBlock {
            $(
                #[doc = concat!("DropBlock that drops elements at `rate`, in patches of `block_size`, for tensors of shape ", $doc)]
                ///
                /// # Errors
                /// [`Error::BlockSize`] if a size is 0; [`Error::ShapeOverflow`] if the number of elements does not fit
                /// `usize`.
                pub const fn $name(rate: Rate, block_size: [usize; $spatial], shape: [usize; $spatial + 2]) -> Result<Self, Error> {
                    let $shape = shape;
                    let layout = Layout::dense(&shape);
                    Self::of_maps(rate, block_size, Order::$order, [$samples, $channels], $map, layout)
                }
            )*
        }
    };
}

constructors! {
    ncl, 1, ChannelsFirst, [n, c, l] => n, c, [l], "N x C x L.";
    nchw, 2, ChannelsFirst, [n, c, h, w] => n, c, [h, w], "N x C x H x W.";
    ncdhw, 3, ChannelsFirst, [n, c, d, h, w] => n, c, [d, h, w], "N x C x D x H x W.";
    nlc, 1, ChannelsLast, [n, l, c] => n, c, [l], "N x L x C, channels last.";
    nhwc, 2, ChannelsLast, [n, h, w, c] => n, c, [h, w], "N x H x W x C, channels last.";
    ndhwc, 3, ChannelsLast, [n, d, h, w, c] => n, c, [d, h, w], "N x D x H x W x C, channels last.";
}

/// The last of three extents, after as many of 1 as are missing.
const fn in_three_axes<const AXES: usize>(extents: [usize; AXES]) -> [usize; 3] {
    let (mut three, mut i) = ([1; 3], 0);
    while i < AXES {
        three[3 - AXES + i] = extents[i];
        i += 1;
    }
    three
}

impl DropBlock {
    /// What all constructors come to.
    const fn of_maps<const AXES: usize>(
        rate: Rate,
        block_size: [usize; AXES],
        order: Order,
        [samples, channels]: [usize; 2],
        map: [usize; AXES],
        layout: Result<Layout, Error>,
    ) -> Result<Self, Error> {
        let (mut patch, mut axis) = (in_three_axes(block_size), 0);
        while axis < 3 {
            if patch[axis] == 0 {
                return Err(Error::BlockSize { axis: axis + AXES - 3 });
            }
            axis += 1;
        }
        let layout = match layout {
            Ok(layout) => layout,
            Err(error) => return Err(error),
        };
        let is_empty = layout.elements() == 0;
        let [samples, channels] = if is_empty { [0; 2] } else { [samples, channels] };
        let map = if is_empty { [0; 3] } else { in_three_axes(map) };
        while axis > 0 {
            axis -= 1;
            if patch[axis] > map[axis] {
                patch[axis] = map[axis];
            }
        }
        let (groups, interleaved) = match order {
            Order::ChannelsFirst => (samples * channels, 1),
            Order::ChannelsLast => (samples, channels),
        };
        let grid = Grid { groups, interleaved, map, patch };
        let rate = if is_empty || rate.keep() == 0.0 {
            rate
        } else {
            match Rate::new(rate.realised() * grid.gamma_at_one()) {
                Ok(rate) => rate,
                Err(error) => return Err(error),
            }
        };
        Ok(Self { rate, samples, channels, order, grid, scale: None, options: Options::new(layout) })
    }

    /// The same layer with one map of decisions per sample, which all its channels share: what is dropped of one is
    /// dropped of all. Decisions are numbered by sample and corner, and a mask has one bit per sample and position. The
    /// rate of patches is the same, and the scale is counted from the mask like any other's.
    ///
    /// ```
    /// use dropout_kernels::{Address, DropBlock, Rate};
    ///
    /// // Four samples of 10 x 10 pixels of three channels.
    /// let drop_block = DropBlock::nhwc(Rate::new(0.3)?, [2, 3], [4, 10, 10, 3])?.with_shared_channels();
    /// assert_eq!(drop_block.patches(), 4 * 9 * 8);
    /// assert_eq!(drop_block.mask_words(), (4 * 10 * 10_usize).div_ceil(32));
    ///
    /// let mut words = vec![0; drop_block.mask_words()];
    /// let mask = drop_block.draw(Address { seed: 42, layer: 0, step: 7, offset: 0 }, &mut words)?;
    /// let mut x = [1.0_f32; 4 * 10 * 10 * 3];
    /// drop_block.apply_in_place(Some(mask), &mut x)?;
    /// assert!(x.as_chunks().0.iter().all(|&[r, g, b]| r == g && g == b));
    /// # Ok::<(), dropout_kernels::Error>(())
    /// ```
    #[must_use]
    pub const fn with_shared_channels(mut self) -> Self {
        let Self { samples, channels, order, grid, .. } = self;
        let layout = match order {
            Order::ChannelsFirst => Layout::shared(&[samples, channels, volume(grid.map)], &[1]),
            Order::ChannelsLast => Layout::shared(&[samples, volume(grid.map), channels], &[2]),
        };
        debug_assert!(layout.is_ok(), "there are as many elements as before");
        if let Ok(layout) = layout {
            self.options.layout = layout;
            self.grid = Grid { groups: samples, interleaved: 1, ..grid };
        }
        self
    }

    /// The same layer with a given scale instead of one counted from the mask. For part of a batch, pass the scale of
    /// the whole batch: the sum of [`PackedMask::decisions`] over the masks of all parts divided by that of
    /// [`PackedMask::count_kept`].
    #[must_use]
    pub const fn with_scale(mut self, scale: f64) -> Self {
        self.scale = Some(scale);
        self
    }

    /// The rate at which patches are dropped, gamma.
    #[must_use]
    pub const fn patch_rate(&self) -> Rate {
        self.rate
    }

    /// The number of positions that patches can have, each of which has a decision. It is the distance from the offset of
    /// one part of a batch to the offset of the next.
    #[must_use]
    pub const fn patches(&self) -> usize {
        self.grid.decisions()
    }

    /// The number of words of a mask, which has one bit per element, in the row-major order of the tensor; with shared
    /// channels, one bit per sample and position.
    #[must_use]
    pub const fn mask_words(&self) -> usize {
        self.grid.bits().div_ceil(32)
    }

    /// Draws the mask of an address into `words`. Keep it for the backward pass, or draw it again from the same
    /// address.
    ///
    /// With the feature `rayon`, a layer `in_parallel` draws large masks on all threads. It cuts them where a word ends
    /// together with a map or, channels last, a sample; a mask that has no such place, such as that of one sample with
    /// channels last, is drawn by the calling thread.
    ///
    /// # Errors
    /// [`Error::Length`] unless `words` has [`mask_words`](Self::mask_words) words; [`Error::IndexOverflow`] if a decision's
    /// index is 2^64 or more. `words` is then as it was.
    pub fn draw<'a>(&self, address: Address, words: &'a mut [u32]) -> Result<PackedMask<'a>, Error> {
        check_length("words", self.mask_words(), words.len())?;
        address.check_reach(self.patches() as u64)?;
        let Self { rate, grid, .. } = *self;
        let backend = self.options.backend();
        let draw = Draw { grid, rate, address, words: &mut *words };
        self.options.threads.run(draw, &Draw::halves, &|part| part.run(backend));
        let mask = PackedMask::new(words, 0, grid.bits());
        debug_assert!(mask.is_ok());
        mask
    }

    where_it_runs!();

    /// The forward pass, from `x` to `y`: by the mask in training, and in evaluation by `None`.
    ///
    /// # Errors
    /// [`Error::Length`] if `x` does not have the tensor's number of elements, `y` not the length of `x`, or the mask not one
    /// bit for each element, or for each position if channels are shared. `y` is then as it was.
    pub fn apply<E: Float>(&self, mask: Option<PackedMask<'_>>, x: &[E], y: &mut [E]) -> Result<(), Error> {
        self.run(["x", "y"], mask, Slices { x: Some(x), y }, E::run)
    }

    /// The forward pass in place.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_in_place<E: Float>(&self, mask: Option<PackedMask<'_>>, x: &mut [E]) -> Result<(), Error> {
        self.run(["x", "x"], mask, Slices { x: None, y: x }, E::run)
    }

    /// The forward pass, to memory that need not be initialised: see [`Layer::apply_uninit`](crate::Layer::apply_uninit).
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_uninit<E: Float>(&self, mask: Option<PackedMask<'_>>, x: &[E], y: &mut [MaybeUninit<E>]) -> Result<(), Error> {
        self.run(["x", "y"], mask, Slices { x: Some(x), y }, E::run_to_memory)
    }

    /// The backward pass, from `grad_y` to `grad_x`, by the mask of the forward pass.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn backward<E: Float>(&self, mask: Option<PackedMask<'_>>, grad_y: &[E], grad_x: &mut [E]) -> Result<(), Error> {
        self.run(["grad_y", "grad_x"], mask, Slices { x: Some(grad_y), y: grad_x }, E::run)
    }

    /// The backward pass in place.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn backward_in_place<E: Float>(&self, mask: Option<PackedMask<'_>>, grad: &mut [E]) -> Result<(), Error> {
        self.run(["grad", "grad"], mask, Slices { x: None, y: grad }, E::run)
    }

    /// The backward pass, to memory that need not be initialised.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn backward_uninit<E: Float>(
        &self,
        mask: Option<PackedMask<'_>>,
        grad_y: &[E],
        grad_x: &mut [MaybeUninit<E>],
    ) -> Result<(), Error> {
        self.run(["grad_y", "grad_x"], mask, Slices { x: Some(grad_y), y: grad_x }, E::run_to_memory)
    }

    /// The backward pass, added to `grad_x`: see [`Layer::backward_add`](crate::Layer::backward_add).
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn backward_add<E: Float>(&self, mask: Option<PackedMask<'_>>, grad_y: &[E], grad_x: &mut [E]) -> Result<(), Error> {
        self.options.check("grad_y", grad_y.len())?;
        check_length("grad_x", grad_y.len(), grad_x.len())?;
        self.run(["grad_x", "grad_x"], mask, Slices { x: None, y: grad_x }, |job, scale| E::add(job, grad_y, scale))
    }

    /// Runs a pass over slices of these names.
    fn run<E: Float, P>(
        &self,
        [x, y]: [&'static str; 2],
        mask: Option<PackedMask<'_>>,
        slices: Slices<'_, E, P>,
        pass: impl FnOnce(Job<'_, E, P>, Scale<E>),
    ) -> Result<(), Error> {
        let len = slices.x.map_or(slices.y.len(), <[E]>::len);
        self.options.check(x, len)?;
        check_length(y, len, slices.y.len())?;
        let mode = mask.map_or(Mode::Eval, Mode::Stored);
        let plan = self.options.plan(&mode, Some(self.rate), len)?;
        pass(Job { plan: &plan, slices }, mask.map_or(Scale(None), |mask| Scale::by(self.scale_of(mask))));
        Ok(())
    }

    /// Counts the whole mask, unless the scale is given. If it keeps nothing, the scale is infinite and not used.
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    fn scale_of(&self, mask: PackedMask<'_>) -> f64 {
        self.scale.unwrap_or_else(|| mask.decisions() as f64 / mask.count_kept() as f64)
    }
}
