//! Bias, activation, dropout and residual in one pass over memory instead of four.

mod activation;
mod backward;
mod forward;

use core::cell::Cell;

use crate::error::{Error, check_length};
use crate::kernel::{Columns, Job, Plan, Slices, Sum, check_columns};
use crate::kinds::Dropout;
use crate::layer::{Mode, Shape};
pub use activation::Activation;
use backward::Backward;
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
///
/// Each operation is rounded once, in this order, so the result is bit for bit that of separate passes. Dropped values are
/// +0.0, even if `x` was NaN or infinite, and become `residual + 0.0`.
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
pub struct Fused<'a, L = ()> {
    dropout: Dropout<L>,
    activation: Activation,
    bias: Option<&'a [f32]>,
}

impl<L: Shape> Fused<'static, L> {
    /// The activation and then `dropout`, with its rate, scaling, layout and backend, and on all threads if `dropout` is
    /// `in_parallel`. Only a backward pass that sums a gradient of the bias runs on the calling thread, as the order of
    /// its sums is fixed.
    #[must_use]
    pub const fn new(dropout: Dropout<L>, activation: Activation) -> Self {
        Self { dropout, activation, bias: None }
    }
}

impl<'a, L: Shape> Fused<'a, L> {
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
    /// [`Error::IndexOverflow`] if a decision's index is 2^64 or more; [`Error::ShapeOverflow`] for a stored mask if the
    /// layout's decisions are more than `usize` holds. All slices are then as they were.
    #[inline]
    pub fn apply(&self, mode: Mode<'_>, x: &[f32], residual: Option<&[f32]>, y: &mut [f32]) -> Result<(), Error> {
        self.check("x", x.len())?;
        check_length("y", x.len(), y.len())?;
        check_residual(x, residual)?;
        self.forward(mode, Slices { x: Some(x), y }, residual)
    }

    /// The forward pass in place. It overwrites `x`, which the backward pass needs unless the activation is the
    /// identity.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline]
    pub fn apply_in_place(&self, mode: Mode<'_>, x: &mut [f32], residual: Option<&[f32]>) -> Result<(), Error> {
        self.check("x", x.len())?;
        check_residual(x, residual)?;
        self.forward(mode, Slices { x: None, y: x }, residual)
    }

    /// The forward pass, added to `residual` in place.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    #[inline]
    pub fn add(&self, mode: Mode<'_>, x: &[f32], residual: &mut [f32]) -> Result<(), Error> {
        self.check("x", x.len())?;
        check_length("residual", x.len(), residual.len())?;
        let plan = self.plan(&mode, x.len())?;
        let effect = Sum { effect: self.effect(mode, None, self.bias), operand: x };
        Job { plan: &plan, slices: Slices { x: None, y: residual } }.run(effect);
        Ok(())
    }

    /// The backward pass, from `grad_y` to `grad_x`; the gradient of the bias is added to `grad_bias`. Give it the mode
    /// and the `x` of the forward pass. The identity does not depend on `x`: pass any slice of its length, such as
    /// `grad_y`.
    ///
    /// # Errors
    /// As [`apply`](Self::apply); also [`Error::Length`] unless `grad_bias` is as long as the bias. Without a bias,
    /// `grad_bias` must have the length that a bias must have.
    #[inline]
    pub fn backward(
        &self,
        mode: Mode<'_>,
        x: &[f32],
        grad_y: &[f32],
        grad_x: &mut [f32],
        grad_bias: Option<&mut [f32]>,
    ) -> Result<(), Error> {
        self.check("x", x.len())?;
        check_length("grad_y", x.len(), grad_y.len())?;
        check_length("grad_x", x.len(), grad_x.len())?;
        self.backwards(mode, Slices { x: Some(grad_y), y: grad_x }, x, None, grad_bias)
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
        self.check("x", x.len())?;
        check_length("grad", x.len(), grad.len())?;
        self.backwards(mode, Slices { x: None, y: grad }, x, None, grad_bias)
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
        self.check("x", x.len())?;
        check_length("grad_y", x.len(), grad_y.len())?;
        check_length("grad_x", x.len(), grad_x.len())?;
        self.backwards(mode, Slices { x: None, y: grad_x }, x, Some(grad_y), grad_bias)
    }

    /// Checks the length of the slice `name` and the bias against the layout.
    fn check(&self, name: &'static str, len: usize) -> Result<(), Error> {
        self.dropout.options.check(name, len)?;
        self.bias.map_or(Ok(()), |bias| self.check_row("bias", len, bias))
    }

    /// Checks that a row has a value for each column of a slice of `len` elements.
    fn check_row(&self, name: &'static str, len: usize, row: &[f32]) -> Result<(), Error> {
        check_columns(name, self.dropout.options.layout(), len, row.len())
    }

    /// What is decided of a slice of `len` elements.
    fn plan<'b>(&'b self, mode: &'b Mode<'b>, len: usize) -> Result<Plan<'b>, Error> {
        Ok(self.dropout.options.plan(mode, Some(self.dropout.rate()), len)?.by_columns())
    }

    /// The forward pass in this mode, with one of the rows that say how many columns there are.
    fn effect<'b>(&'b self, mode: Mode<'_>, residual: Option<&'b [f32]>, row: Option<&[f32]>) -> Forward<'b>
    where
        'a: 'b,
    {
        let factor = self.dropout.kind.factor::<f32>(&mode).unwrap_or(1.0);
        let columns = Columns::new(self.dropout.options.layout(), row.map_or(0, <[f32]>::len));
        Forward { activation: self.activation, factor, bias: self.bias, columns, residual }
    }

    fn forward(&self, mode: Mode<'_>, slices: Slices<'_, f32>, residual: Option<&[f32]>) -> Result<(), Error> {
        let plan = self.plan(&mode, slices.y.len())?;
        Job { plan: &plan, slices }.run(self.effect(mode, residual, self.bias));
        Ok(())
    }

    /// Runs the backward pass, or adds that of `grad_y` to what is there.
    fn backwards(
        &self,
        mode: Mode<'_>,
        slices: Slices<'_, f32>,
        x: &[f32],
        grad_y: Option<&[f32]>,
        grad_bias: Option<&mut [f32]>,
    ) -> Result<(), Error> {
        if let Some(grad_bias) = grad_bias.as_deref() {
            match self.bias {
                Some(bias) => check_length("grad_bias", bias.len(), grad_bias.len())?,
                None => self.check_row("grad_bias", x.len(), grad_bias)?,
            }
        }
        let plan = self.plan(&mode, x.len())?;
        let plan = if grad_bias.is_some() { plan.in_order() } else { plan };
        let forward = self.effect(mode, None, self.bias.or(grad_bias.as_deref()));
        let mut job = Job { plan: &plan, slices };
        let past_caches = job.past_caches();
        let run = |job: &mut Job<'_, f32>, base, grad_bias| {
            let effect = Backward { forward, x, grad_bias };
            match grad_y {
                None => job.run_here(base, effect, past_caches),
                Some(operand) => job.run_here(base, Sum { effect, operand }, past_caches),
            }
        };
        if let Some(grad_bias) = grad_bias {
            // The sums of a column have one order.
            run(&mut job, 0, Some(Cell::from_mut(grad_bias).as_slice_of_cells()));
        } else {
            job.in_parts(&|job, base| run(job, base, None));
        }
        Ok(())
    }
}

fn check_residual(x: &[f32], residual: Option<&[f32]>) -> Result<(), Error> {
    residual.map_or(Ok(()), |residual| check_length("residual", x.len(), residual.len()))
}
