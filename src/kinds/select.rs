//! A choice between two tensors.

use crate::error::{Error, check_length};
use crate::kernel::{Either, Element, Float, Job, Mean, Scale, Slices};
use crate::layer::{Layer, Mode, Shape};
use crate::rate::Rate;

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
///
/// *Stochastic depth without a scale*, in training as in evaluation, is the choice between what a residual block puts out
/// and what it was given; against zeros, it is that of the branch alone.
///
/// ```
/// use dropout_kernels::{Address, Layout, Mode, Rate, Select};
///
/// // Eight samples of four values.
/// let depth = Select::new(Rate::new(0.5)?).with_layout(Layout::sample(&[8, 4])?);
/// let (x, branch) = ([1.0_f32; 32], [0.5; 32]);
/// let sum: [f32; 32] = core::array::from_fn(|i| x[i] + branch[i]);
/// let mut y = [0.0; 32];
/// depth.select(Mode::Train(Address { seed: 42, layer: 0, step: 7, offset: 0 }), &sum, &x, &mut y)?;
/// assert!(y.contains(&1.0) && y.contains(&1.5));
/// assert!(y.chunks(4).all(|sample| sample == [1.0; 4] || sample == [1.5; 4]));
///
/// depth.select(Mode::Eval, &sum, &x, &mut y)?;
/// assert_eq!(y, sum);
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
pub type Select<L = ()> = Layer<Choice, L>;

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
        Self::of(Choice { rate, expectation: false })
    }
}

impl<L: Shape> Select<L> {
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
    /// mask not the layout's number of decisions; [`Error::ShapeOverflow`] for a stored mask if these are more than `usize`
    /// holds; [`Error::IndexOverflow`] if a decision's index is 2^64 or more. `y` is then as it was.
    pub fn select<E: Element>(&self, mode: Mode<'_>, kept: &[E], dropped: &[E], y: &mut [E]) -> Result<(), Error> {
        check_length("y", kept.len(), y.len())?;
        self.choose(mode, Slices { x: Some(kept), y }, dropped)
    }

    /// The same in place: `kept` becomes the result.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn select_in_place<E: Element>(&self, mode: Mode<'_>, kept: &mut [E], dropped: &[E]) -> Result<(), Error> {
        self.choose(mode, Slices { x: None, y: kept }, dropped)
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
        self.options.check("grad_y", grad_y.len())?;
        check_length("grad_kept", grad_y.len(), grad_kept.len())?;
        check_length("grad_dropped", grad_y.len(), grad_dropped.len())?;
        let plan = self.options.plan(mode, Some(rate), grad_y.len())?;
        let expects = mode == Mode::Eval && expectation;
        let factor = |weight| expects.then(|| E::number(weight));
        E::run(Job { plan: &plan, slices: Slices { x: Some(grad_y), y: grad_kept } }, Scale(factor(rate.keep())));
        let slices = Slices { x: Some(grad_y), y: grad_dropped };
        if expects {
            E::run(Job { plan: &plan, slices }, Scale(factor(rate.realised())));
        } else {
            E::invert(Job { plan: &plan, slices });
        }
        Ok(())
    }

    fn choose<E: Element>(&self, mode: Mode<'_>, slices: Slices<'_, E>, dropped: &[E]) -> Result<(), Error> {
        let Choice { rate, expectation } = self.kind;
        self.options.check("kept", slices.y.len())?;
        check_length("dropped", slices.y.len(), dropped.len())?;
        let plan = self.options.plan(mode, Some(rate), slices.y.len())?;
        let (job, either) = (Job { plan: &plan, slices }, Either(dropped));
        if mode == Mode::Eval && expectation && rate.realised() > 0.0 {
            E::expect(job, Mean { weights: (rate.keep() > 0.0).then(|| E::weights(rate.keep())), either });
        } else {
            E::choose(job, either);
        }
        Ok(())
    }
}
