//! Gaussian dropout: multiplies by noise instead of a mask.

mod normal;

use core::borrow::Borrow;
use core::cell::Cell;
use core::ops::Range;

use crate::element::Float;
use crate::error::Error;
use crate::kernel::{ChunkFn, Effect, Job, Pair, Scale};
use crate::layer::sealed::{AnyLayout, Kind, by_mask};
use crate::layer::{Direction, Layer, Mode};
use crate::layout::{Stretch, Stretches};
use crate::mask::{BLOCK, Generate, LIMB, Source, Stream, Tile};
use crate::rate::Rate;
use crate::simd::{CHUNK, Lanes};
use normal::normal;

/// Gaussian dropout: multiplies each element by noise of mean 1 and variance p/(1-p), the moments of inverted dropout's
/// factors (Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014,
/// section 10).
///
/// The noise is `1 + sigma * z`, in `f32`, the product and the sum each rounded. `sigma = sqrt(p/(1-p))` is computed
/// from the realised rate in `f64`, with libm's square root, and rounded once. The product of element and noise is
/// rounded as [`Float`](crate::Float) says.
///
/// `z` is the standard normal quantile at `(U + 1/2) / 2^32`. U is a uniform 32-bit integer. Each call of the generator
/// gives four of these, in a domain of its own, so noise is unrelated to the masks of the same address. The quantile is
/// an approximation:
///
/// | over all 2^32 values of U | |
/// |---|---|
/// | absolute error of z | at most 2.0e-6, or 6.5 units in the last place |
/// | mean, skewness of z | 0 exactly |
/// | variance, kurtosis | 1 + 1.7e-8, 3 - 1.3e-7 |
/// | Kolmogorov distance from the normal | 7.0e-8 |
/// | with \|z\| > 5 | 2462 values (2462.3 expected) |
/// | largest z | 6.337957 |
///
/// The backward pass is the same map. Evaluation is the identity, and so is training at p = 0. At p = 1 the variance
/// would be infinite, and everything is dropped to +0.0, as by all other kinds. Below p = 1 a NaN stays NaN and an
/// infinity stays infinite, unless its noise is exactly 0, which makes it NaN (at p = 0.1, for 55 of the 2^32 values of
/// U).
///
/// ```
/// use dropout_kernels::{Address, GaussianDropout, Mode, Rate};
///
/// let dropout = GaussianDropout::new(Rate::new(0.2)?);
/// let mut x = [1.0_f32; 1000];
/// dropout.apply_in_place(Mode::Train(Address { seed: 42, layer: 0, step: 7, offset: 0 }), &mut x)?;
/// let mean = x.iter().sum::<f32>() / 1000.0;
/// let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 1000.0;
/// assert!((mean - 1.0).abs() < 0.05 && (variance - 0.25).abs() < 0.05);
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
pub type GaussianDropout = Layer<Gaussian>;

/// The kind of dropout of [`GaussianDropout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gaussian {
    rate: Rate,
}

impl GaussianDropout {
    /// Gaussian dropout with one noise value per element, for slices of any length.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self::of(Gaussian { rate }, None)
    }

    /// The rate.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.kind.rate
    }
}

impl<E: Float> Kind<E> for Gaussian {
    fn rate(&self) -> Rate {
        self.rate
    }

    /// Used only at p = 1, where everything is dropped: other rates go through [`Noise`].
    #[inline(always)]
    fn forward(&self) -> impl Pair<E> {
        Scale::by(1.0)
    }

    fn evaluation(&self) -> Option<impl Pair<E>> {
        None::<Scale<E>>
    }

    /// There is no mask that could have been stored. Why that is an error at run time: see [`Mode`].
    fn in_mode(&self, mode: Mode<'_>) -> Result<Self, Error> {
        if matches!(mode, Mode::Stored(_)) { Err(Error::StoredMask) } else { Ok(*self) }
    }

    #[inline(always)]
    fn run(&self, direction: Direction, mode: Mode<'_>, job: Job<'_, E>) {
        let (keep, drop) = (self.rate.keep(), self.rate.realised());
        match mode {
            Mode::Train(_) if drop == 0.0 => job.copy(),
            Mode::Train(address) if keep > 0.0 => {
                let deviation = libm::sqrt(drop / keep) as f32;
                job.apply(Noise { stream: Stream::new(address), deviation, next: address.offset }, Multiply);
            }
            _ => by_mask(self, direction, mode, job),
        }
    }
}

impl AnyLayout for Gaussian {}

/// The factors `1 + deviation * z` from logical index `next` on.
struct Noise {
    stream: Stream,
    deviation: f32,
    next: u64,
}

/// The noise of one block. Its first `skip` values come before the tensor and are not used. One limb more than a block,
/// because the values after those have to fill whole limbs.
struct NoiseTile {
    noise: [[f32; CHUNK]; (BLOCK + LIMB) / CHUNK],
    skip: usize,
}

impl Tile for NoiseTile {
    type Limb = [f32; LIMB];

    const CAPACITY: usize = BLOCK + LIMB;

    const NEW: Self = Self { noise: [[0.0; CHUNK]; (BLOCK + LIMB) / CHUNK], skip: 0 };

    #[inline(always)]
    fn limbs(&self, from: usize) -> impl Iterator<Item: Borrow<[f32; LIMB]>> {
        self.values().get(from..).unwrap_or_default().as_chunks().0.iter()
    }

    #[inline(always)]
    fn all_like(limb: &[f32; LIMB], i: usize) -> [f32; LIMB] {
        debug_assert!(i < LIMB);
        [limb.get(i).copied().unwrap_or_default(); LIMB]
    }

    fn cycle(&mut self, tile: &Self, from: usize, period: usize, skip: usize, len: usize) {
        debug_assert!(period > 0 && from + period <= tile.values().len());
        let row = tile.values().get(from..from + period).unwrap_or_default();
        self.fill(row.iter().cycle().skip(skip % period.max(1)).copied().take(len));
    }

    fn spread(&mut self, tile: &Self, from: usize, times: usize, skip: usize, len: usize) {
        debug_assert!(times > 0);
        let from = from + skip / times.max(1);
        debug_assert!(from < tile.values().len());
        let values = tile.values().get(from..).unwrap_or_default();
        self.fill(values.iter().flat_map(|x| core::iter::repeat_n(*x, times)).skip(skip % times.max(1)).take(len));
    }
}

impl NoiseTile {
    fn values(&self) -> &[f32] {
        debug_assert!(self.skip < BLOCK);
        self.noise.as_flattened().get(self.skip..).unwrap_or_default()
    }

    /// Moves `len` values from one place of the block to an earlier one.
    fn move_up(&mut self, from: usize, to: usize, len: usize) {
        debug_assert!(len == 0 || to <= from && from + len <= BLOCK);
        let values = Cell::from_mut(self.noise.as_flattened_mut()).as_slice_of_cells();
        let (to, from) = (values.get(to..).unwrap_or_default(), values.get(from..).unwrap_or_default());
        to.iter().zip(from).take(len).for_each(|(to, from)| to.set(from.get()));
    }

    fn fill(&mut self, values: impl Iterator<Item = f32>) {
        self.skip = 0;
        self.noise.as_flattened_mut().iter_mut().zip(values).for_each(|(to, from)| *to = from);
    }
}

impl Source for Noise {
    type Tile = NoiseTile;

    #[inline(always)]
    fn next<L: Generate>(&mut self, lanes: L, limit: usize, tile: &mut NoiseTile) -> usize {
        if limit == 0 {
            return 0;
        }
        let decisions = self.block(lanes, self.next, limit, tile);
        self.next = self.next.wrapping_add(decisions as u64);
        decisions
    }

    /// Those of one block.
    #[inline(always)]
    fn gather<L: Generate>(&mut self, lanes: L, numbers: &mut Stretches<'_>, limit: usize, tile: &mut NoiseTile) -> usize {
        let Some(Stretch { start, len }) = numbers.next(limit) else { return 0 };
        let first = self.next.wrapping_add(start as u64);
        let mut decisions = self.block(lanes, first, len, tile);
        numbers.take_back(len - decisions);
        // The others that are in the same block move up to the first ones.
        while decisions < limit
            && let Some(Stretch { start, len }) = numbers.next(limit - decisions)
        {
            let index = self.next.wrapping_add(start as u64);
            let place = (index % BLOCK as u64) as usize;
            let taken = if index / BLOCK as u64 == first / BLOCK as u64 { len.min(BLOCK - place) } else { 0 };
            tile.move_up(place, tile.skip + decisions, taken);
            decisions += taken;
            if taken < len {
                numbers.take_back(len - taken);
                break;
            }
        }
        decisions
    }
}

impl Noise {
    /// Fills a tile with the noise from a logical index on, of at most `limit` values and no further than its block,
    /// and returns their number.
    #[inline(always)]
    fn block<L: Generate>(&self, lanes: L, first: u64, limit: usize, tile: &mut NoiseTile) -> usize {
        tile.skip = (first % BLOCK as u64) as usize;
        let (one, deviation) = (lanes.splat_f32(1.0), lanes.splat_f32(self.deviation));
        let uniforms = lanes.noise(&self.stream, first / BLOCK as u64);
        for (to, u) in tile.noise.iter_mut().zip(uniforms) {
            *to = lanes.store_f32(one + deviation * normal(lanes, u));
        }
        limit.min(BLOCK - tile.skip)
    }
}

/// Elements times noise.
struct Multiply;

impl<E: Float> Effect<E> for Multiply {
    type Tile = NoiseTile;
    type ChunkFn<'a, L: Lanes> = Multiplied<L>;

    #[inline(always)]
    fn chunk_fn<L: Lanes>(&mut self, lanes: L, _: Range<usize>) -> Multiplied<L> {
        Multiplied(lanes)
    }
}

struct Multiplied<L>(L);

impl<L: Lanes, E: Float> ChunkFn<E> for Multiplied<L> {
    type Limb = [f32; LIMB];

    #[inline(always)]
    fn map(&mut self, noise: &[f32; LIMB], chunk: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        debug_assert!(chunk < LIMB / CHUNK);
        let noise = noise.as_chunks().0.get(chunk).unwrap_or(&[0.0; CHUNK]);
        E::store(self.0, E::load(self.0, x) * E::load_f32(self.0, noise))
    }
}
