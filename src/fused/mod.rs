//! Bias, activation, dropout and residual in one pass over memory instead of four.

mod activation;
mod backward;
mod columns;
mod forward;

use crate::error::{Error, check_length};
use crate::kernel::{Cut, Effect, Job, On, Slices, Sum};
use crate::kinds::Dropout;
use crate::layer::Mode;
use crate::layout::Walk;
use crate::mask::{Computed, Keep};
pub use activation::Activation;
use activation::{Gelu, Identity, Relu};
use backward::Backward;
use columns::{ColumnMap, check_columns};
use forward::Forward;

/// The element-wise operations between two matrix products of a transformer or perceptron, in one pass over memory:
///
/// ```text
/// y[i] = residual[i] + dropout(activation(x[i] + bias[column of i]))
/// ```
///
/// Tensors are `f32`. Bias and residual are optional. The dropout is a [`Dropout`], of any layout, scaling and mode.
///
/// The column of an element is its position along the last axis of the layout's shape, wherever that lies in memory; of a
/// [part](crate::Part), along the last axis of the part. The bias has one value for each. Without a layout, or in one of a
/// single axis, nothing says where rows end: the bias repeats, and its length divides the number of elements.
/// Each operation is rounded once, in this order, so the result is bit
/// for bit that of separate passes. Dropped values are +0.0, even if `x` was NaN or infinite, and become
/// `residual + 0.0`.
///
/// The backward pass computes `grad_x = dropout(grad_y) * activation'(x + bias)`, again +0.0 where dropped. The
/// gradient of the bias is `grad_x` summed over the rows, in `f32`, in the order of memory. (If decisions lie in memory in
/// another order, the sums follow the decisions. If the layout shares decisions along an outer axis, the order is 256
/// decisions at a time, each with all positions along that axis.) The gradient of the residual is `grad_y` itself.
///
/// ```
/// use dropout_kernels::{Activation, Address, Dropout, Fused, Mode, Rate};
///
/// let train = Mode::Train(Address { seed: 42, layer: 0, step: 7, offset: 0 });
/// let bias = [0.5, -0.5, 0.25];
/// let fused = Fused::new(Dropout::new(Rate::new(0.5)?), Activation::Relu).with_bias(&bias);
///
/// // Two rows of three columns.
/// let (x, residual) = ([1.0; 6], [10.0; 6]);
/// let mut y = [0.0; 6];
/// fused.apply(train, &x, Some(&residual), &mut y)?;
/// assert!(y.iter().zip(bias.iter().cycle()).all(|(&y, b)| y == 10.0 || y == 10.0 + 2.0 * (1.0 + b)));
///
/// // The same into the residual stream itself.
/// let mut stream = residual;
/// fused.add(train, &x, &mut stream)?;
/// assert_eq!(stream, y);
///
/// let (mut grad_x, mut grad_bias) = ([0.0; 6], [0.0; 3]);
/// fused.backward(train, &x, &[1.0; 6], &mut grad_x, Some(&mut grad_bias))?;
/// assert!(grad_x.iter().zip(y).all(|(&g, y)| g == if y == 10.0 { 0.0 } else { 2.0 }));
/// assert_eq!(grad_bias, [grad_x[0] + grad_x[3], grad_x[1] + grad_x[4], grad_x[2] + grad_x[5]]);
/// # Ok::<(), dropout_kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fused<'a> {
    dropout: Dropout,
    activation: Activation,
    bias: Option<&'a [f32]>,
}

impl Fused<'static> {
    /// The activation and then `dropout`, with its rate, scaling, layout and backend, and on all threads if `dropout` is
    /// `in_parallel`. Only a backward pass that sums a gradient of the bias runs on the calling thread, as the order of
    /// its sums is fixed.
    #[must_use]
    pub const fn new(dropout: Dropout, activation: Activation) -> Self {
        Self { dropout, activation, bias: None }
    }
}

// The passes are `#[inline]`, so that their kernels are compiled only in crates that call them, as those of the generic
// layers are.
impl<'a> Fused<'a> {
    /// The same with a bias, one value per column, which is added first. Where a tensor is cut by columns, each part has
    /// its own columns of the bias.
    ///
    /// ```
    /// use dropout_kernels::{Activation, Dropout, Fused, Layout, Mode, Rate};
    ///
    /// // Two rows of two columns, one element apart.
    /// let dropout = Dropout::new(Rate::new(0.5)?).with_layout(Layout::rows(2, 2, 3)?);
    /// let mut x = [0.0, 0.0, 9.0, 0.0, 0.0];
    /// Fused::new(dropout, Activation::Identity).with_bias(&[1.0, 2.0]).apply_in_place(Mode::Eval, &mut x, None)?;
    /// assert_eq!(x, [1.0, 2.0, 9.0, 1.0, 2.0]);
    /// # Ok::<(), dropout_kernels::Error>(())
    /// ```
    #[must_use]
    pub const fn with_bias(self, bias: &'a [f32]) -> Self {
        Self { bias: Some(bias), ..self }
    }

    /// The forward pass, from `x` and `residual` to `y`.
    ///
    /// # Errors
    /// [`Error::Length`] if `x` does not have the layout's length, the bias not as many values as the layout has columns,
    /// another slice not the length of `x`, or a stored mask not the layout's number of decisions; [`Error::Columns`] if
    /// the layout does not say how many columns there are, and the number of elements is not a multiple of the bias's;
    /// [`Error::IndexOverflow`] if a decision's index is 2^64 or more. All slices are then as they were.
    #[inline]
    pub fn apply(&self, mode: Mode<'_>, x: &[f32], residual: Option<&[f32]>, y: &mut [f32]) -> Result<(), Error> {
        let walk = self.walk("x", x.len())?;
        check_length("y", x.len(), y.len())?;
        match residual {
            None => self.forward(mode, &walk, Slices::out_of_place(x, y), None),
            Some(residual) => {
                check_length("residual", x.len(), residual.len())?;
                self.forward(mode, &walk, Slices::out_of_place(residual, y), Some((x, On::Operand)))
            }
        }
    }

    /// The forward pass in place. It overwrites `x`, which the backward pass needs unless the activation is the
    /// identity.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline]
    pub fn apply_in_place(&self, mode: Mode<'_>, x: &mut [f32], residual: Option<&[f32]>) -> Result<(), Error> {
        let walk = self.walk("x", x.len())?;
        if let Some(residual) = residual {
            check_length("residual", x.len(), residual.len())?;
        }
        self.forward(mode, &walk, Slices::in_place(x), residual.map(|residual| (residual, On::Input)))
    }

    /// The forward pass, added to `residual` in place.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline]
    pub fn add(&self, mode: Mode<'_>, x: &[f32], residual: &mut [f32]) -> Result<(), Error> {
        let walk = self.walk("x", x.len())?;
        check_length("residual", x.len(), residual.len())?;
        self.forward(mode, &walk, Slices::in_place(residual), Some((x, On::Operand)))
    }

    /// The backward pass, from `grad_y` to `grad_x`; the gradient of the bias is added to `grad_bias`. Give it the mode
    /// and the `x` of the forward pass. The identity does not depend on `x`: pass any slice of its length, such as
    /// `grad_y`.
    ///
    /// # Errors
    /// As [`apply`](Self::apply); also [`Error::Length`] unless `grad_bias` is as long as the bias. Without a bias, what is
    /// said there of its length is said of `grad_bias`.
    #[inline]
    pub fn backward(
        &self,
        mode: Mode<'_>,
        x: &[f32],
        grad_y: &[f32],
        grad_x: &mut [f32],
        grad_bias: Option<&mut [f32]>,
    ) -> Result<(), Error> {
        let walk = self.walk("x", x.len())?;
        check_length("grad_y", x.len(), grad_y.len())?;
        check_length("grad_x", x.len(), grad_x.len())?;
        self.backwards(mode, &walk, Slices::out_of_place(grad_y, grad_x), x, None, grad_bias)
    }

    /// The backward pass in place: `grad` is `grad_y` before and `grad_x` after.
    ///
    /// # Errors
    /// As [`backward`](Self::backward).
    #[inline]
    pub fn backward_in_place(
        &self,
        mode: Mode<'_>,
        x: &[f32],
        grad: &mut [f32],
        grad_bias: Option<&mut [f32]>,
    ) -> Result<(), Error> {
        let walk = self.walk("x", x.len())?;
        check_length("grad", x.len(), grad.len())?;
        self.backwards(mode, &walk, Slices::in_place(grad), x, None, grad_bias)
    }

    /// The backward pass, added to `grad_x`, for an `x` that also has a gradient from elsewhere.
    ///
    /// # Errors
    /// As [`backward`](Self::backward).
    #[inline]
    pub fn backward_add(
        &self,
        mode: Mode<'_>,
        x: &[f32],
        grad_y: &[f32],
        grad_x: &mut [f32],
        grad_bias: Option<&mut [f32]>,
    ) -> Result<(), Error> {
        let walk = self.walk("x", x.len())?;
        check_length("grad_y", x.len(), grad_y.len())?;
        check_length("grad_x", x.len(), grad_x.len())?;
        self.backwards(mode, &walk, Slices::in_place(grad_x), x, Some(grad_y), grad_bias)
    }

    /// Checks the length of the slice `name` and the bias against the layout, and says how to visit it.
    fn walk(&self, name: &'static str, len: usize) -> Result<Walk<'_>, Error> {
        let walk = self.dropout.walk(name, len)?;
        if let Some(bias) = self.bias {
            check_columns("bias", self.dropout.layout.as_ref(), len - walk.gaps, bias.len())?;
        }
        Ok(walk)
    }

    /// Runs the forward pass, with the slice to take the sum with and whose turn the effect is.
    #[inline]
    fn forward(
        &self,
        mode: Mode<'_>,
        walk: &Walk<'_>,
        slices: Slices<'_, f32>,
        sum_with: Option<(&[f32], On)>,
    ) -> Result<(), Error> {
        let columns = self.bias.map_or(0, <[f32]>::len);
        match self.activation {
            Activation::Identity => self.run(mode, walk, slices, self.effect(mode, Identity, columns), sum_with),
            Activation::Relu => self.run(mode, walk, slices, self.effect(mode, Relu, columns), sum_with),
            Activation::Gelu => self.run(mode, walk, slices, self.effect(mode, Gelu, columns), sum_with),
        }
    }

    #[inline]
    fn backwards(
        &self,
        mode: Mode<'_>,
        walk: &Walk<'_>,
        slices: Slices<'_, f32>,
        x: &[f32],
        grad_y: Option<&[f32]>,
        grad_bias: Option<&mut [f32]>,
    ) -> Result<(), Error> {
        if let Some(grad_bias) = &grad_bias {
            match self.bias {
                Some(bias) => check_length("grad_bias", bias.len(), grad_bias.len())?,
                None => check_columns("grad_bias", self.dropout.layout.as_ref(), x.len() - walk.gaps, grad_bias.len())?,
            }
        }
        let columns = self.bias.or(grad_bias.as_deref()).map_or(0, <[f32]>::len);
        let sum_with = grad_y.map(|grad_y| (grad_y, On::Operand));
        match self.activation {
            Activation::Identity => {
                self.run(mode, walk, slices, Backward { forward: self.effect(mode, Identity, columns), x, grad_bias }, sum_with)
            }
            Activation::Relu => {
                self.run(mode, walk, slices, Backward { forward: self.effect(mode, Relu, columns), x, grad_bias }, sum_with)
            }
            Activation::Gelu => {
                self.run(mode, walk, slices, Backward { forward: self.effect(mode, Gelu, columns), x, grad_bias }, sum_with)
            }
        }
    }

    /// The forward pass in this mode, as an effect, on a tensor of so many columns.
    fn effect<F>(&self, mode: Mode<'_>, function: F, columns: usize) -> Forward<'_, F> {
        let kind = self.dropout.kind;
        let factor = if mode == Mode::Eval { kind.in_evaluation::<f32>() } else { kind.in_training::<f32>() };
        let columns = ColumnMap::new(self.dropout.layout.as_ref(), columns);
        Forward { function, factor, bias: self.bias, columns }
    }

    fn run(
        &self,
        mode: Mode<'_>,
        walk: &Walk<'_>,
        slices: Slices<'_, f32>,
        effect: impl Effect<f32, Tile = Keep> + Cut,
        sum_with: Option<(&[f32], On)>,
    ) -> Result<(), Error> {
        mode.check(walk.all)?;
        match sum_with {
            None => self.dropout.on_threads(mode, walk, slices, effect, |mode, job, effect| self.start(mode, job, effect)),
            Some((operand, effect_on)) => {
                let sum = Sum { effect, operand, effect_on };
                self.dropout.on_threads(mode, walk, slices, sum, |mode, job, sum| self.start(mode, job, sum));
            }
        }
        Ok(())
    }

    fn start(&self, mode: Mode<'_>, job: Job<'_, f32>, effect: impl Effect<f32, Tile = Keep>) {
        match mode {
            Mode::Train(address) => job.apply(Computed::new(self.dropout.rate(), address), effect),
            Mode::Stored(mask) => job.apply(mask, effect),
            Mode::Eval => job.evaluate(effect),
        }
    }
}
