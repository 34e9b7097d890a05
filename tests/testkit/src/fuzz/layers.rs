//! Dropout of `f32`, with any layout or without one.

use arbitrary::Arbitrary;

use super::inputs::Values;
use super::layer::Layer;
use super::tensor::Shape;
use crate::subject::OfScaled;

#[derive(Arbitrary, Debug)]
pub struct Input {
    layer: Layer,
    shape: Shape,
    values: Values,
}

pub fn check(Input { layer, shape, values }: &Input) {
    if let Some(tensor) = shape.tensor() {
        let case = layer.of::<OfScaled<f32>>(&tensor);
        case.check(values);
        case.check_sums(values);
    }
}
