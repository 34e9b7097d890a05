//! A choice between two tensors.

use core::ops::Range;

use crate::element::{Element, Float, sealed};
use crate::error::{Error, check_length};
use crate::kernel::{ChunkFn, Chunks, Effect, Job, Masked, Overwrite, Scale, Slices, Unchanged};
use crate::layer::sealed::AnyLayout;
use crate::layer::{Layer, Mode};
use crate::mask::{Computed, Keep};
use crate::rate::Rate;
use crate::simd::{CHUNK, Lanes, Limb};

/// A choice between two tensors: kept elements come from one, dropped elements from the other. Nothing is scaled.
///
/// Uses are *zoneout* of recurrent states, where a dropped unit keeps its value of the step before (Krueger et al.,
/// "Zoneout: regularizing RNNs by randomly preserving hidden activations", ICLR 2017), tokens replaced by another id,
/// and masked modelling.
///
/// Elements have any type of the library, and are copied bit for bit. Evaluation gives `kept`. After
/// [`with_expectation`](Self::with_expectation) it gives the expectation of training instead, as zoneout needs it:
///
/// ```text
/// kept * (1-p) + dropped * p                                  floats: two products and a sum, each rounded once
/// dropped + round((kept - dropped) * m / 2^15)                integers: m = round((1-p) * 2^15), ties up
/// ```
///
/// At p = 0 that is `kept` and at p = 1 `dropped`, bit for bit.
///
/// ```
/// use dropout_kernels::{Address, Mode, Rate, Select};
///
/// let zoneout = Select::new(Rate::new(0.25)?).with_expectation();
/// let train = Mode::Train(Address { seed: 42, layer: 0, step: 7, offset: 0 });
/// let (state, before) = ([1.0_f32; 64], [-1.0; 64]);
/// let mut next = [0.0; 64];
/// zoneout.select(train, &state, &before, &mut next)?;
/// assert!(next.contains(&1.0) && next.contains(&-1.0));
///
/// let (mut grad_state, mut grad_before) = ([0.0; 64], [0.0; 64]);
/// zoneout.select_backward(train, &[1.0_f32; 64], &mut grad_state, &mut grad_before)?;
/// assert!((0..64).all(|i| [grad_state[i], grad_before[i]] == if next[i] == 1.0 { [1.0, 0.0] } else { [0.0, 1.0] }));
///
/// zoneout.select(Mode::Eval, &state, &before, &mut next)?;
/// assert_eq!(next, [0.5; 64]); // 1 * 0.75 - 1 * 0.25
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
pub type Select = Layer<Choice>;

/// The kind of dropout of [`Select`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    rate: Rate,
    expectation: bool,
}

impl Select {
    /// The choice with one decision per element, for slices of any length. p is the probability of `dropped`.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self::of(Choice { rate, expectation: false }, None)
    }

    /// The same layer, which evaluates to the expectation of both tensors.
    #[must_use]
    pub const fn with_expectation(mut self) -> Self {
        self.kind.expectation = true;
        self
    }

    /// The rate.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.kind.rate
    }

    /// Chooses between `kept` and `dropped`, into `y`.
    ///
    /// # Errors
    /// [`Error::Length`] if `kept` does not have the layout's length, `dropped` or `y` not that of `kept`, or a stored
    /// mask not the layout's number of decisions; [`Error::IndexOverflow`] if a decision's index is 2^64 or more. `y` is
    /// then as it was.
    pub fn select<E: Element>(&self, mode: Mode<'_>, kept: &[E], dropped: &[E], y: &mut [E]) -> Result<(), Error> {
        check_length("y", kept.len(), y.len())?;
        self.choose(mode, Slices::out_of_place(kept, y), dropped)
    }

    /// The same in place: `kept` becomes the result.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn select_in_place<E: Element>(&self, mode: Mode<'_>, kept: &mut [E], dropped: &[E]) -> Result<(), Error> {
        self.choose(mode, Slices::in_place(kept), dropped)
    }

    /// The backward pass, from `grad_y` to the gradients with respect to both tensors. Where one was not chosen its
    /// gradient is +0.0.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn select_backward<E: Float>(
        &self,
        mode: Mode<'_>,
        grad_y: &[E],
        grad_kept: &mut [E],
        grad_dropped: &mut [E],
    ) -> Result<(), Error> {
        let Choice { rate, expectation } = self.kind;
        let walk = self.walk("grad_y", grad_y.len())?;
        check_length("grad_kept", grad_y.len(), grad_kept.len())?;
        check_length("grad_dropped", grad_y.len(), grad_dropped.len())?;
        mode.check(walk.all)?;
        let slices = Slices::out_of_place(grad_y, grad_kept);
        self.on_threads(mode, &walk, slices, Overwrite, |mode, job, _| match mode {
            Mode::Train(address) => job.apply(Computed::new(rate, address), Masked(Unchanged)),
            Mode::Stored(mask) => job.apply(mask, Masked(Unchanged)),
            Mode::Eval if expectation => job.evaluate(Masked(Scale::by(rate.keep()))),
            Mode::Eval => job.copy(),
        });
        let slices = Slices::out_of_place(grad_y, grad_dropped);
        self.on_threads(mode, &walk, slices, Overwrite, |mode, job, _| match mode {
            Mode::Train(address) => job.apply(Computed::new(rate, address), Inverted),
            Mode::Stored(mask) => job.apply(mask, Inverted),
            Mode::Eval if expectation => job.evaluate(Masked(Scale::by(rate.realised()))),
            Mode::Eval => job.evaluate(Inverted),
        });
        Ok(())
    }

    fn choose<E: Element>(&self, mode: Mode<'_>, slices: Slices<'_, E>, dropped: &[E]) -> Result<(), Error> {
        let Choice { rate, expectation } = self.kind;
        let walk = self.walk("kept", slices.len())?;
        check_length("dropped", slices.len(), dropped.len())?;
        mode.check(walk.all)?;
        self.on_threads(mode, &walk, slices, dropped, |mode, job: Job<'_, E>, dropped| match mode {
            Mode::Train(address) => job.apply(Computed::new(rate, address), Either { dropped }),
            Mode::Stored(mask) => job.apply(mask, Either { dropped }),
            Mode::Eval if expectation && rate.realised() > 0.0 => {
                job.evaluate(Mean { weights: (rate.keep() > 0.0).then(|| E::weights(rate.keep())), dropped });
            }
            Mode::Eval => job.copy(),
        });
        Ok(())
    }
}

impl AnyLayout for Choice {}

/// The input where kept, elements of another slice where dropped.
struct Either<'a, E> {
    dropped: &'a [E],
}

impl<E: sealed::Element> Effect<E> for Either<'_, E> {
    type Tile = Keep;
    const READS_PLACES: bool = true;
    type ChunkFn<'a, L: Lanes>
        = EitherFn<'a, L, E>
    where
        Self: 'a;

    #[inline(always)]
    fn chunk_fn<L: Lanes>(&mut self, lanes: L, range: Range<usize>) -> EitherFn<'_, L, E> {
        EitherFn { lanes, dropped: Chunks::of(self.dropped, range) }
    }
}

struct EitherFn<'a, L, E> {
    lanes: L,
    dropped: Chunks<'a, E>,
}

impl<L: Lanes, E: sealed::Element> ChunkFn<E> for EitherFn<'_, L, E> {
    type Limb = Limb;

    #[inline(always)]
    fn map(&mut self, keep: &Limb, chunk: usize, kept: &[E; CHUNK]) -> [E; CHUNK] {
        E::select(self.lanes, (keep >> (CHUNK * chunk)) as u16, *kept, self.dropped.next())
    }
}

/// The expectation of [`Either`]. `None` is that of p = 1: a weight of 0 would make NaN of an infinity.
struct Mean<'a, E: sealed::Element> {
    weights: Option<E::Weights>,
    dropped: &'a [E],
}

impl<E: sealed::Element> Effect<E> for Mean<'_, E> {
    type Tile = Keep;
    const READS_PLACES: bool = true;
    type ChunkFn<'a, L: Lanes>
        = MeanFn<'a, L, E>
    where
        Self: 'a;

    #[inline(always)]
    fn chunk_fn<L: Lanes>(&mut self, lanes: L, range: Range<usize>) -> MeanFn<'_, L, E> {
        MeanFn { lanes, weights: self.weights, dropped: Chunks::of(self.dropped, range) }
    }
}

struct MeanFn<'a, L, E: sealed::Element> {
    lanes: L,
    weights: Option<E::Weights>,
    dropped: Chunks<'a, E>,
}

impl<L: Lanes, E: sealed::Element> ChunkFn<E> for MeanFn<'_, L, E> {
    type Limb = Limb;

    #[inline(always)]
    fn map(&mut self, _: &Limb, _: usize, kept: &[E; CHUNK]) -> [E; CHUNK] {
        let dropped = self.dropped.next();
        self.weights.map_or(dropped, |weights| E::mean(self.lanes, weights, kept, &dropped))
    }
}

/// The input where dropped, zero where kept.
struct Inverted;

impl<E: sealed::Element> Effect<E> for Inverted {
    type Tile = Keep;
    type ChunkFn<'a, L: Lanes> = InvertedFn<L>;

    #[inline(always)]
    fn chunk_fn<L: Lanes>(&mut self, lanes: L, _: Range<usize>) -> InvertedFn<L> {
        InvertedFn(lanes)
    }
}

struct InvertedFn<L>(L);

impl<L: Lanes, E: sealed::Element> ChunkFn<E> for InvertedFn<L> {
    type Limb = Limb;

    #[inline(always)]
    fn map(&mut self, keep: &Limb, chunk: usize, x: &[E; CHUNK]) -> [E; CHUNK] {
        E::select(self.0, !(keep >> (CHUNK * chunk)) as u16, *x, [E::ZERO; CHUNK])
    }
}
