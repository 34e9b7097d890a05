//! All other kinds of dropout and types of element than `layers` has.

use arbitrary::Arbitrary;

use super::inputs::{Values, bf16, f16};
use super::layer::Layer;
use super::tensor::{Shape, Tensor};
use crate::subject::{OfAdditive, OfAlpha, OfGaussian, OfQuantized, OfScaled, Subject};
use crate::value::Value;

#[derive(Arbitrary, Debug)]
pub struct Input {
    kind: u8,
    layer: Layer,
    shape: Shape,
    values: Values,
}

const KINDS: [fn(&Layer, &Tensor, &Values); 18] = [
    check_floats::<OfScaled<f64>>,
    check_floats::<OfScaled<f16>>,
    check_floats::<OfScaled<bf16>>,
    check_floats::<OfAlpha<f32>>,
    check_floats::<OfAlpha<f64>>,
    check_floats::<OfAlpha<f16>>,
    check_floats::<OfAlpha<bf16>>,
    check_floats::<OfGaussian<f32>>,
    check_floats::<OfGaussian<f64>>,
    check_floats::<OfGaussian<f16>>,
    check_floats::<OfGaussian<bf16>>,
    check_floats::<OfAdditive<f32>>,
    check_floats::<OfAdditive<f64>>,
    check_floats::<OfAdditive<f16>>,
    check_floats::<OfAdditive<bf16>>,
    check_integers::<OfQuantized<i8>>,
    check_integers::<OfQuantized<i16>>,
    check_integers::<OfQuantized<u8>>,
];

pub fn check(Input { kind, layer, shape, values }: &Input) {
    if let Some(tensor) = shape.tensor() {
        KINDS[usize::from(*kind) % KINDS.len()](layer, &tensor, values);
    }
}

fn check_integers<S: Subject>(layer: &Layer, tensor: &Tensor, values: &Values) {
    layer.of::<S>(tensor).check(values);
}

fn check_floats<S: Subject<Element: Value>>(layer: &Layer, tensor: &Tensor, values: &Values) {
    let case = layer.of::<S>(tensor);
    case.check(values);
    case.check_sums(values);
}
