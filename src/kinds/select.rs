//! A choice between a tensor and something else.

use crate::error::{Error, check_length};
use crate::kernel::{Columns, Either, Element, Filler, Float, Job, Mean, Scale, Slices, check_columns};
use crate::layer::{Mode, Options, Shape, where_it_runs};
use crate::layout::Layout;
use crate::rate::Rate;
use crate::simd::CHUNK;

/// A choice: kept elements stay as they are, dropped elements come from a [`Filler`], which is another tensor, a row or a
/// constant. Nothing is scaled.
///
/// Uses are *zoneout* of recurrent states, where a dropped unit keeps its value of the step before (Krueger et al.,
/// "Zoneout: regularizing RNNs by randomly preserving hidden activations", ICLR 2017), tokens replaced by a mask token or
/// a learned vector, scores of attention that become minus infinity, and weights that return to those of another model
/// (Mixout).
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
/// use dropout_kernels::{Address, Filler, Mode, Rate, Select};
///
/// let zoneout = Select::new(Rate::new(0.25)?).with_expectation();
/// let train = Mode::Train(Address { seed: 42, layer: 0, step: 7, offset: 0 });
/// let (state, before) = ([1.0_f32; 64], [-1.0; 64]);
/// let mut next = [0.0; 64];
/// zoneout.apply(train, &state, Filler::Tensor(&before), &mut next)?;
/// assert!(next.contains(&1.0) && next.contains(&-1.0));
///
/// let (mut grad_state, mut grad_before) = ([0.0; 64], [0.0; 64]);
/// zoneout.backward(train, &[1.0_f32; 64], &mut grad_state, Some(&mut grad_before))?;
/// assert!((0..64).all(|i| [grad_state[i], grad_before[i]] == if next[i] == 1.0 { [1.0, 0.0] } else { [0.0, 1.0] }));
///
/// zoneout.apply(Mode::Eval, &state, Filler::Tensor(&before), &mut next)?;
/// assert_eq!(next, [0.5; 64]); // 1 * 0.75 - 1 * 0.25
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
///
/// *Stochastic depth without a scale*, in training as in evaluation, is the choice between what a residual block puts out
/// and what it was given; against zeros, it is that of the branch alone.
///
/// ```
/// use dropout_kernels::{Address, Filler, Layout, Mode, Rate, Select};
///
/// // Eight samples of four values.
/// let depth = Select::new(Rate::new(0.5)?).with_layout(Layout::sample(&[8, 4])?);
/// let (x, branch) = ([1.0_f32; 32], [0.5; 32]);
/// let sum: [f32; 32] = core::array::from_fn(|i| x[i] + branch[i]);
/// let mut y = [0.0; 32];
/// depth.apply(Mode::Train(Address { seed: 42, layer: 0, step: 7, offset: 0 }), &sum, Filler::Tensor(&x), &mut y)?;
/// assert!(y.contains(&1.0) && y.contains(&1.5));
/// assert!(y.chunks(4).all(|sample| sample == [1.0; 4] || sample == [1.5; 4]));
///
/// depth.apply(Mode::Eval, &sum, Filler::Tensor(&x), &mut y)?;
/// assert_eq!(y, sum);
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
///
/// *Tokens replaced*: one decision for each token of a batch, and one learned vector for all that are dropped.
///
/// ```
/// use dropout_kernels::{Address, Filler, Layout, Mode, Rate, Select};
///
/// // Two samples of 32 tokens of four features, which share a decision.
/// let tokens = Select::new(Rate::new(0.15)?).with_layout(Layout::shared(&[2, 32, 4], &[2])?);
/// let (learned, mut x) = ([1.0, 2.0, 3.0, 4.0], [0.0_f32; 2 * 32 * 4]);
/// let train = Mode::Train(Address { seed: 42, layer: 0, step: 7, offset: 0 });
/// tokens.apply_in_place(train, &mut x, Filler::Row(&learned))?;
/// assert!(x.chunks(4).all(|token| token == [0.0; 4] || token == learned));
/// assert!(x.chunks(4).any(|token| token == learned));
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Select<L = ()> {
    rate: Rate,
    expectation: bool,
    options: Options<L>,
}

impl Select {
    /// The choice with one decision per element, for slices of any length. p is the probability of the filler.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self { rate, expectation: false, options: Options::new(()) }
    }

    /// The same layer on tensors of this layout.
    #[must_use]
    pub const fn with_layout(self, layout: Layout) -> Select<Layout> {
        Select { rate: self.rate, expectation: self.expectation, options: self.options.with_layout(layout) }
    }
}

impl<L: Shape> Select<L> {
    /// The same layer, which evaluates to the expectation.
    #[must_use]
    pub const fn with_expectation(mut self) -> Self {
        self.expectation = true;
        self
    }

    where_it_runs!();

    /// The rate.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// Chooses between `kept` and `filler`, into `y`.
    ///
    /// # Errors
    /// [`Error::Length`] if `kept` does not have the layout's length, `y` not the length of `kept`, the filler not the length
    /// that [`Filler`] says, or a stored mask not the layout's number of decisions; [`Error::Columns`] if nothing says how many
    /// columns there are, and the number of elements is not a multiple of the length of a row; [`Error::ShapeOverflow`] for a
    /// stored mask if the decisions are more than `usize` holds; [`Error::IndexOverflow`] if a decision's index is 2^64 or
    /// more. `y` is then as it was.
    pub fn apply<E: Element>(&self, mode: Mode<'_>, kept: &[E], filler: Filler<'_, E>, y: &mut [E]) -> Result<(), Error> {
        check_length("y", kept.len(), y.len())?;
        self.choose(mode, Slices { x: Some(kept), y }, filler)
    }

    /// The same in place: `kept` becomes the result.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_in_place<E: Element>(&self, mode: Mode<'_>, kept: &mut [E], filler: Filler<'_, E>) -> Result<(), Error> {
        self.choose(mode, Slices { x: None, y: kept }, filler)
    }

    /// The backward pass, from `grad_y` to the gradient of `kept`, and to that of the filler if it is wanted: of a tensor of
    /// the same shape. The gradient of a row is the sum of that over the rows, and the gradient of a constant the sum of all.
    /// Where an element was not chosen its gradient is +0.0.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn backward<E: Float>(
        &self,
        mode: Mode<'_>,
        grad_y: &[E],
        grad_kept: &mut [E],
        grad_filler: Option<&mut [E]>,
    ) -> Result<(), Error> {
        self.options.check("grad_y", grad_y.len())?;
        check_length("grad_kept", grad_y.len(), grad_kept.len())?;
        if let Some(grad_filler) = grad_filler.as_deref() {
            check_length("grad_filler", grad_y.len(), grad_filler.len())?;
        }
        let plan = self.options.plan(&mode, Some(self.rate), grad_y.len())?;
        let expects = mode == Mode::Eval && self.expectation;
        let factor = |weight| expects.then(|| E::number(weight));
        E::run(Job { plan: &plan, slices: Slices { x: Some(grad_y), y: grad_kept } }, Scale(factor(self.rate.keep())));
        let Some(grad_filler) = grad_filler else { return Ok(()) };
        let job = Job { plan: &plan, slices: Slices { x: Some(grad_y), y: grad_filler } };
        if expects {
            E::run(job, Scale(factor(self.rate.realised())));
        } else {
            E::invert(job);
        }
        Ok(())
    }

    fn choose<E: Element>(&self, mode: Mode<'_>, slices: Slices<'_, E>, filler: Filler<'_, E>) -> Result<(), Error> {
        let (len, layout) = (slices.y.len(), self.options.layout());
        self.options.check("kept", len)?;
        let mut plan = self.options.plan(&mode, Some(self.rate), len)?;
        let (mut columns, mut constant) = (0, [E::ZERO; CHUNK]);
        match filler {
            Filler::Tensor(tensor) => check_length("filler", len, tensor.len())?,
            Filler::Row(row) => {
                check_columns("filler", layout, len, row.len())?;
                (plan, columns) = (plan.by_columns(), row.len());
            }
            Filler::Constant(value) => constant = [value; CHUNK],
        }
        let either = Either { filler, constant: &constant, columns: Columns::new(layout, columns) };
        let job = Job { plan: &plan, slices };
        if mode == Mode::Eval && self.expectation && self.rate.realised() > 0.0 {
            let keep = self.rate.keep();
            E::expect(job, Mean { weights: (keep > 0.0).then(|| E::weights(keep)), either });
        } else {
            E::choose(job, either);
        }
        Ok(())
    }
}
