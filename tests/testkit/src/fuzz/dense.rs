//! Layers without a layout: any length, offset, rate, representation and alignment; the whole, and its two halves.

use arbitrary::Arbitrary;
use dropout_kernels::Backend;

use super::inputs::{Count, Values};
use super::layer::{Case, Layer};
use super::tensor::Tensor;
use crate::subject::OfScaled;
use crate::value::assert_same;

#[derive(Arbitrary, Debug)]
pub struct Input {
    layer: Layer,
    len: Count,
    cut: u16,
    values: Values,
}

pub fn check(Input { layer, len, cut, values }: &Input) {
    let tensor = Tensor::slice(len.get());
    let case = layer.of::<OfScaled<f32>>(&tensor);
    case.check(values);
    case.check_recording(values);
    if case.fits().is_ok() {
        check_halves(&case, usize::from(*cut) % (tensor.len + 1), &values.get(tensor.len));
    }
}

/// Each half at its own offset.
fn check_halves(case: &Case<OfScaled<f32>>, cut: usize, x: &[f32]) {
    let mut whole = x.to_vec();
    case.without_layout(Backend::detect()).apply_in_place(case.window(0, x.len()), &mut whole).unwrap();
    for backend in Backend::all() {
        let library = case.without_layout(backend);
        let mut y = x.to_vec();
        let (first, second) = y.split_at_mut(cut);
        library.apply_in_place(case.window(cut, x.len()), second).unwrap();
        library.apply_in_place(case.window(0, cut), first).unwrap();
        assert_same(&y, &whole);
    }
}
