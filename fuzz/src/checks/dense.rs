//! Layers without a layout: any length, offset, rate, representation and alignment; the whole, and its two halves.

use arbitrary::Arbitrary;
use dropout_kernels::Backend;

use super::inputs::{Count, Values};
use super::layer::Layer;
use super::tensor::Tensor;
use crate::common::kind::OfScaled;
use crate::common::value::assert_same;

#[derive(Arbitrary, Debug)]
pub struct Input {
    layer: Layer,
    len: Count,
    cut: u16,
    values: Values,
}

pub fn check(Input { layer, len, cut, values }: &Input) {
    let len = len.get();
    let tensor = Tensor::slice(len);
    layer.check::<OfScaled<f32>>(&tensor, values);
    layer.check_recording::<OfScaled<f32>>(&tensor, values);
    if layer.check_mode(len).is_ok() {
        check_halves(layer, &tensor, usize::from(*cut) % (len + 1), values);
    }
}

/// Each half at its own offset.
fn check_halves(layer: &Layer, tensor: &Tensor, cut: usize, values: &Values) {
    let x = values.get::<f32>(tensor.len);
    let words = layer.words(tensor.len);
    let library = layer.library::<OfScaled<f32>>(tensor);
    let mut whole = x.clone();
    library.apply_in_place(layer.mode(&words, 0, tensor.len), &mut whole).unwrap();
    for backend in Backend::all() {
        let library = library.on(backend);
        let mut y = x.clone();
        let (first, second) = y.split_at_mut(cut);
        library.apply_in_place(layer.mode(&words, cut, tensor.len), second).unwrap();
        library.apply_in_place(layer.mode(&words, 0, cut), first).unwrap();
        assert_same(&y, &whole);
    }
}
