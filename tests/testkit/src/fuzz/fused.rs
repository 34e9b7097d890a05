//! Bias, activation, dropout and residual, forward and backward, against the operations one element at a time.
#![expect(clippy::cast_precision_loss, reason = "small counts: exact")]

use arbitrary::Arbitrary;
use dropout_kernels::{Activation, Backend, Error, Fused, Layout};

use super::calls::canary;
use super::inputs::{Count, Length, Rarely, Values, check_length};
use super::layer::{Case, Layer};
use super::tensor::{Shape, Tensor};
use crate::activation::{gradient, near_bends, value};
use crate::oracle::drops;
use crate::subject::{OfScaled, Subject};
use crate::value::assert_same;

#[derive(Arbitrary, Debug)]
pub struct Input {
    layer: Layer,
    shape: Shape,
    activation: u8,
    columns: Columns,
    biased: bool,
    residual: bool,
    /// Of the residual, and of the gradient that is passed in.
    other_len: Length,
    /// Next to the columns.
    grad_bias: Option<Length>,
    values: Values,
}

/// As many as the layout says, or else the divisor of the number of elements that has this number.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Columns {
    divisor: u8,
    any: Rarely<Count>,
}

impl Columns {
    fn get(self, tensor: &Tensor) -> usize {
        let whole = || {
            let len = tensor.reads.iter().flatten().count();
            let divisors: Vec<usize> = (1..=len.max(1)).filter(|columns| len.is_multiple_of(*columns)).collect();
            divisors[usize::from(self.divisor) % divisors.len()]
        };
        self.any.0.map(Count::get).or(tensor.columns).unwrap_or_else(whole)
    }
}

/// What the passes read, and what they write over.
struct Operands {
    x: Vec<f32>,
    bias: Option<Vec<f32>>,
    /// The column of each element, of a tensor that has as many as the bias or its gradient has.
    columns: Vec<usize>,
    /// The residual; in the backward pass the gradient of the output.
    other: Vec<f32>,
    /// Of as many elements as the layer should be given to write to.
    before: Vec<f32>,
    grad_bias: Option<Vec<f32>>,
}

pub fn check(input: &Input) {
    let Some(tensor) = input.shape.tensor() else { return };
    let columns = input.columns.get(&tensor);
    let other_len = input.other_len.get(tensor.len);
    let y_len = input.layer.slices.y_len.get(tensor.len);
    let bias_len = if input.biased { columns } else { 0 };
    let grad_bias_len = input.grad_bias.map_or(0, |len| len.get(columns));
    // Of one row of values, so that they differ. Of small integers sums have little to round, in whatever order.
    let value = |x: f32| if input.has_small_integers() { f32::from(x.to_bits() as i8) } else { near_bends(x) };
    let mut all = input.values.get::<f32>(tensor.len + other_len + y_len + bias_len + grad_bias_len).into_iter().map(value);
    let mut next = |len| all.by_ref().take(len).collect::<Vec<_>>();
    let operands = Operands {
        x: next(tensor.len),
        bias: input.biased.then(|| next(bias_len)),
        columns: columns_of(&tensor, if input.biased { bias_len } else { grad_bias_len }),
        other: next(other_len),
        before: next(y_len),
        grad_bias: input.grad_bias.map(|_| next(grad_bias_len)),
    };
    let case = input.layer.of(&tensor);
    check_forward(input, &case, &tensor, &operands);
    check_backward(input, &case, &tensor, &operands);
}

impl Operands {
    /// Errs where every pass must, before it looks at its other operands.
    fn check_x(&self, tensor: &Tensor) -> Result<(), Error> {
        check_length("x", tensor.elements, self.x.len())?;
        self.bias.as_ref().map_or(Ok(()), |bias| check_columns("bias", tensor, bias.len()))
    }

    fn biased(&self, i: usize) -> f32 {
        self.bias.as_ref().map_or(self.x[i], |bias| self.x[i] + bias[self.columns[i]])
    }
}

/// The column of each element: where it is along the last axis or, if nothing says where rows end, counting over and over.
pub(super) fn columns_of(tensor: &Tensor, columns: usize) -> Vec<usize> {
    let repeated: Vec<usize> = if tensor.columns.is_some() {
        (0..tensor.elements).collect()
    } else {
        (0..columns).cycle().take(tensor.elements).collect()
    };
    tensor.positions.iter().map(|position| repeated.get(*position).copied().unwrap_or(0)).collect()
}

impl Input {
    fn activation(&self) -> Activation {
        [Activation::Identity, Activation::Relu, Activation::Gelu][usize::from(self.activation % 3)]
    }

    const fn has_small_integers(&self) -> bool {
        self.activation / 3 % 2 == 1
    }

    fn fused<'a>(&self, backend: Backend, case: &Case<OfScaled<f32>>, bias: Option<&'a [f32]>) -> Fused<'a, Layout> {
        let fused = Fused::new(case.library(backend), self.activation());
        bias.map_or(fused, |bias| fused.with_bias(bias))
    }
}

fn check_forward(input: &Input, case: &Case<OfScaled<f32>>, tensor: &Tensor, operands: &Operands) {
    let (slices, activation, mode) = (input.layer.slices, input.activation(), case.mode());
    let (fits, x_fits) = (case.fits(), operands.check_x(tensor));
    let Operands { x, bias, other, before, .. } = operands;
    let (bias, residual) = (bias.as_deref(), input.residual.then_some(&**other));
    let residual_fits = residual.map_or(Ok(()), |residual| check_length("residual", x.len(), residual.len()));

    let subject = &case.subject;
    let output = |residual: Option<&[f32]>| {
        // Only where everything fits is there a row and a residual for every element.
        let all_fit = x_fits.is_ok() && residual.is_none_or(|residual| residual.len() == x.len());
        let output = |i, u: Option<u64>| {
            let x = value(activation, operands.biased(i));
            let y = u.map_or_else(|| subject.evaluated(x), |u| subject.forward(u, x));
            residual.map_or(y, |residual| y + residual[i])
        };
        if all_fit { case.outputs(output) } else { vec![] }
    };
    let (expected, added) = (output(residual), output(Some(before)));
    for backend in Backend::all() {
        let fused = input.fused(backend, case, bias);
        let unwritten = vec![canary(); before.len()];
        let result = x_fits.and(check_length("y", x.len(), before.len())).and(residual_fits).and(fits);
        slices.read(x, |x| slices.write(&unwritten, result, &expected, |y| fused.apply(mode, x, residual, y)));

        let result = x_fits.and(residual_fits).and(fits);
        slices.write(x, result, &expected, |x| fused.apply_in_place(mode, x, residual));

        let result = x_fits.and(check_length("residual", x.len(), before.len())).and(fits);
        slices.write(before, result, &added, |y| fused.add(mode, x, y));
    }
}

fn check_backward(input: &Input, case: &Case<OfScaled<f32>>, tensor: &Tensor, operands: &Operands) {
    let (slices, activation, mode) = (input.layer.slices, input.activation(), case.mode());
    let x_fits = operands.check_x(tensor);
    let Operands { x, bias, other, before, grad_bias, .. } = operands;
    let grad_y_fits = check_length("grad_y", x.len(), other.len());
    let grad_bias_fits = grad_bias.as_ref().map_or(Ok(()), |grad_bias| {
        let columns = bias.as_ref().map(|bias| check_length("grad_bias", bias.len(), grad_bias.len()));
        columns.unwrap_or_else(|| check_columns("grad_bias", tensor, grad_bias.len()))
    });
    let fits = grad_bias_fits.and(case.fits());

    let subject = &case.subject;
    let output = |grad_y: &[f32]| {
        let output = |i, u: Option<u64>| match u {
            Some(u) if drops(u, case.decided.threshold) => 0.0,
            Some(u) => gradient(activation, operands.biased(i), subject.backward(u, grad_y[i])),
            None => gradient(activation, operands.biased(i), subject.evaluated(grad_y[i])),
        };
        if x_fits.is_ok() && grad_y.len() == x.len() { case.outputs(output) } else { vec![] }
    };
    let (expected, in_place) = (output(other), output(before));
    let added: Vec<_> = expected.iter().zip(before).map(|(g, before)| g.map(|g| before + g)).collect();
    for backend in Backend::all() {
        let fused = input.fused(backend, case, bias.as_deref());
        let unwritten = vec![canary(); before.len()];
        let result = x_fits.and(grad_y_fits).and(check_length("grad_x", x.len(), before.len())).and(fits);
        slices.read(x, |x| {
            with_grad_bias(operands, result, tensor, &expected, |grad_bias| {
                slices.write(&unwritten, result, &expected, |grad_x| fused.backward(mode, x, other, grad_x, grad_bias));
            });
            with_grad_bias(operands, result, tensor, &expected, |grad_bias| {
                slices.write(before, result, &added, |grad_x| fused.backward_add(mode, x, other, grad_x, grad_bias));
            });
            let result = x_fits.and(check_length("grad", x.len(), before.len())).and(fits);
            with_grad_bias(operands, result, tensor, &in_place, |grad_bias| {
                slices.write(before, result, &in_place, |grad| fused.backward_in_place(mode, x, grad, grad_bias));
            });
        });
    }
}

/// Asserts that a call adds each column of the gradient to what there was, or leaves it where it errs.
fn with_grad_bias(
    operands: &Operands,
    result: Result<(), Error>,
    tensor: &Tensor,
    gradient: &[Option<f32>],
    call: impl FnOnce(Option<&mut [f32]>),
) {
    let Some(before) = &operands.grad_bias else { return call(None) };
    let mut grad_bias = before.clone();
    call(Some(&mut grad_bias));
    if result.is_err() {
        return assert_same(&grad_bias, before);
    }
    let mut columns: Vec<Vec<f32>> = before.iter().map(|sum| vec![*sum]).collect();
    for (column, g) in operands.columns.iter().zip(gradient) {
        if let Some(g) = g {
            columns[*column].push(*g);
        }
    }
    // Sums follow the decisions: the order is that of memory if decisions lie there in theirs, with their elements next to each other.
    let has_gaps = tensor.reads.contains(&None);
    if tensor.reads.iter().flatten().is_sorted_by(|a, b| a < b || a == b && !has_gaps) {
        let in_order: Vec<f32> = columns.iter().map(|terms| terms.iter().copied().reduce(|sum, g| sum + g).unwrap()).collect();
        return assert_same(&grad_bias, &in_order);
    }
    for (sum, terms) in grad_bias.into_iter().zip(columns) {
        assert_sum(sum, &terms);
    }
}

/// The sum of some numbers in whatever order: each addition rounds by at most half a unit of what no partial sum exceeds.
fn assert_sum(actual: f32, terms: &[f32]) {
    let terms = terms.iter().copied().map(f64::from);
    let (exact, largest): (f64, f64) = (terms.clone().sum(), terms.clone().map(f64::abs).sum());
    if largest < f32::MAX.into() {
        // The factor of 2 is for what the partial sums themselves are off, and f64.
        let bound = 2.0 * terms.len() as f64 * largest * f64::from(f32::EPSILON) / 2.0;
        assert!((f64::from(actual) - exact).abs() <= bound, "a sum is {actual} instead of {exact}");
    }
}

/// Errs where the library must, of a row: as long as the layout says or, if nothing says where rows end, any divisor.
pub(super) fn check_columns(name: &'static str, tensor: &Tensor, columns: usize) -> Result<(), Error> {
    if let Some(expected) = tensor.columns {
        return check_length(name, expected, columns);
    }
    let elements = tensor.reads.iter().flatten().count();
    let whole = elements == 0 || columns > 0 && elements.is_multiple_of(columns);
    if whole { Ok(()) } else { Err(Error::Columns { elements, columns }) }
}
