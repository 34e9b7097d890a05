//! A choice between two tensors, its expectation and both gradients, against the choice written down.
#![expect(clippy::cast_precision_loss, reason = "thresholds have at most 33 bits: exact")]

use arbitrary::Arbitrary;
use dropout_kernels::{Backend, Error, Filler, Layout, Select};

use super::calls::canary;
use super::fused::{check_columns, columns_of};
use super::inputs::{Count, Length, Values, bf16, check_length, f16};
use super::layer::{Case, Layer};
use super::tensor::{Shape, Tensor};
use crate::oracle::drops;
use crate::subject::OfScaled;
use crate::value::{Bits, Value};

#[derive(Arbitrary, Debug)]
pub struct Input {
    element: u8,
    expectation: bool,
    layer: Layer,
    shape: Shape,
    /// Of the tensor or row that dropped elements come from, and of their gradient.
    dropped_len: Length,
    kept: Values,
    dropped: Values,
    filler: Dropped,
    /// Where nothing says where rows end.
    row_len: Count,
}

/// Where dropped elements come from.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Dropped {
    Tensor,
    Row,
    Constant,
}

pub fn check(input: &Input) {
    const TYPES: [fn(&Choice<'_>); 7] = [
        |choice| choice.check_floats::<f32>(),
        |choice| choice.check_floats::<f64>(),
        |choice| choice.check_floats::<f16>(),
        |choice| choice.check_floats::<bf16>(),
        |choice| choice.check_choice::<i8>(),
        |choice| choice.check_choice::<u8>(),
        |choice| choice.check_choice::<i16>(),
    ];
    let Some(tensor) = input.shape.tensor() else { return };
    // The kind says no more than which decisions there are.
    let case = input.layer.of::<OfScaled<f32>>(&tensor);
    TYPES[usize::from(input.element) % TYPES.len()](&Choice { input, tensor: &tensor, case: &case });
}

struct Choice<'a> {
    input: &'a Input,
    tensor: &'a Tensor,
    case: &'a Case<'a, OfScaled<f32>>,
}

impl Choice<'_> {
    fn layer(&self, backend: Backend) -> Select<Layout> {
        let layer = Select::new(self.case.decided.rate()).on(backend);
        let layer = if self.input.expectation { layer.with_expectation() } else { layer };
        layer.with_layout(self.tensor.layout.unwrap_or(Layout::flat(self.tensor.elements)))
    }

    /// Of the kept tensor and of the other, in evaluation.
    fn weights(&self) -> [f64; 2] {
        let threshold = if self.input.expectation { self.case.decided.threshold } else { 0 };
        [(1 << 32) - threshold, threshold].map(|weight| weight as f64 / 4_294_967_296.0)
    }

    fn check_floats<E: Value>(&self) {
        self.check_choice::<E>();
        self.check_gradients::<E>();
    }

    fn check_choice<E: Bits>(&self) {
        let (slices, threshold, mode) = (self.input.layer.slices, self.case.decided.threshold, self.case.mode());
        let kept: Vec<E> = self.input.kept.get(self.tensor.len);
        let columns = self.tensor.columns.unwrap_or(self.input.row_len.get());
        let filler_len = match self.input.filler {
            Dropped::Tensor => self.input.dropped_len.get(kept.len()),
            Dropped::Row => self.input.dropped_len.get(columns),
            Dropped::Constant => 1,
        };
        let dropped: Vec<E> = self.input.dropped.get(filler_len);
        let filler_fits = match self.input.filler {
            Dropped::Tensor => check_length("filler", kept.len(), filler_len),
            Dropped::Row => check_columns("filler", self.tensor, filler_len),
            Dropped::Constant => Ok(()),
        };
        let y_len = slices.y_len.get(kept.len());
        let fits = check_length("kept", self.tensor.elements, kept.len()).and(self.case.fits()).and(filler_fits);
        let columns = columns_of(self.tensor, filler_len);
        let dropped_at = |i: usize| match self.input.filler {
            Dropped::Tensor => dropped[i],
            Dropped::Row => dropped[columns[i]],
            Dropped::Constant => dropped[0],
        };
        let result = check_length("y", kept.len(), y_len).and(fits);
        let expected = if fits.is_ok() {
            self.case.outputs(|i, u| match (u, self.weights()) {
                (Some(u), _) if drops(u, threshold) => dropped_at(i),
                (Some(_), _) | (None, [_, 0.0]) => kept[i],
                (None, [0.0, _]) => dropped_at(i),
                (None, [keep, drop]) => kept[i].mean(keep, dropped_at(i), drop),
            })
        } else {
            vec![]
        };
        for backend in Backend::all() {
            let layer = self.layer(backend);
            slices.read(&dropped, |dropped| {
                let filler = match self.input.filler {
                    Dropped::Tensor => Filler::Tensor(dropped),
                    Dropped::Row => Filler::Row(dropped),
                    Dropped::Constant => Filler::Constant(dropped[0]),
                };
                slices.read(&kept, |kept| {
                    slices.write(&vec![canary(); y_len], result, &expected, |y| layer.apply(mode, kept, filler, y));
                });
                slices.write(&kept, fits, &expected, |y| layer.apply_in_place(mode, y, filler));
            });
        }
    }

    fn check_gradients<E: Value>(&self) {
        let (slices, threshold, mode) = (self.input.layer.slices, self.case.decided.threshold, self.case.mode());
        let grad_y: Vec<E> = self.input.kept.get(self.tensor.len);
        let [kept_len, dropped_len] = [slices.y_len, self.input.dropped_len].map(|len| len.get(grad_y.len()));
        let result: Result<(), Error> = check_length("grad_y", self.tensor.elements, grad_y.len())
            .and(check_length("grad_kept", grad_y.len(), kept_len))
            .and(check_length("grad_filler", grad_y.len(), dropped_len))
            .and(self.case.fits());
        let [expected_kept, expected_dropped] = [0, 1].map(|of_dropped| {
            self.case.outputs(|i, u| match u {
                Some(u) if drops(u, threshold) == (of_dropped == 1) => grad_y[i],
                Some(_) => E::DROPPED,
                None if self.input.expectation => grad_y[i].times(self.weights()[of_dropped]),
                None => [grad_y[i], E::DROPPED][of_dropped],
            })
        });
        for backend in Backend::all() {
            let layer = self.layer(backend);
            slices.read(&grad_y, |grad_y| {
                slices.write(&vec![canary(); kept_len], result, &expected_kept, |grad_kept| {
                    slices.write(&vec![canary(); dropped_len], result, &expected_dropped, |grad_dropped| {
                        layer.backward(mode, grad_y, grad_kept, Some(grad_dropped))
                    });
                    result
                });
            });
        }
    }
}
