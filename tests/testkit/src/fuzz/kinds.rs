//! All other kinds of dropout and types of element than `layers` has.

use arbitrary::Arbitrary;
#[cfg(feature = "half")]
use half::{bf16, f16};

use super::inputs::Values;
use super::layer::Layer;
use super::tensor::{Shape, Tensor};
use crate::subject::{OfAdditive, OfAlpha, OfGaussian, OfQuantized, OfScaled, Subject};
use crate::value::Value;

#[derive(Arbitrary, Debug)]
pub struct Input {
    kind: Kind,
    layer: Layer,
    shape: Shape,
    values: Values,
}

/// Those of half precision are there without the feature too, so that a corpus means the same.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Kind {
    ScaledF64,
    ScaledF16,
    ScaledBf16,
    AlphaF32,
    AlphaF64,
    AlphaF16,
    AlphaBf16,
    GaussianF32,
    GaussianF64,
    GaussianF16,
    GaussianBf16,
    QuantizedI8,
    QuantizedI16,
    QuantizedU8,
    AdditiveF32,
    AdditiveF64,
    AdditiveF16,
    AdditiveBf16,
}

pub fn check(Input { kind, layer, shape, values }: &Input) {
    let Some(tensor) = shape.tensor() else { return };
    let check = match kind {
        Kind::ScaledF64 => check_floats::<OfScaled<f64>>,
        Kind::AlphaF32 => check_floats::<OfAlpha<f32>>,
        Kind::AlphaF64 => check_floats::<OfAlpha<f64>>,
        Kind::GaussianF32 => check_floats::<OfGaussian<f32>>,
        Kind::GaussianF64 => check_floats::<OfGaussian<f64>>,
        Kind::AdditiveF32 => check_floats::<OfAdditive<f32>>,
        Kind::AdditiveF64 => check_floats::<OfAdditive<f64>>,
        Kind::QuantizedI8 => check_integers::<OfQuantized<i8>>,
        Kind::QuantizedI16 => check_integers::<OfQuantized<i16>>,
        Kind::QuantizedU8 => check_integers::<OfQuantized<u8>>,
        #[cfg(feature = "half")]
        Kind::ScaledF16 => check_floats::<OfScaled<f16>>,
        #[cfg(feature = "half")]
        Kind::ScaledBf16 => check_floats::<OfScaled<bf16>>,
        #[cfg(feature = "half")]
        Kind::AlphaF16 => check_floats::<OfAlpha<f16>>,
        #[cfg(feature = "half")]
        Kind::AlphaBf16 => check_floats::<OfAlpha<bf16>>,
        #[cfg(feature = "half")]
        Kind::GaussianF16 => check_floats::<OfGaussian<f16>>,
        #[cfg(feature = "half")]
        Kind::GaussianBf16 => check_floats::<OfGaussian<bf16>>,
        #[cfg(feature = "half")]
        Kind::AdditiveF16 => check_floats::<OfAdditive<f16>>,
        #[cfg(feature = "half")]
        Kind::AdditiveBf16 => check_floats::<OfAdditive<bf16>>,
        #[cfg(not(feature = "half"))]
        _ => return,
    };
    check(layer, &tensor, values);
}

fn check_integers<S: Subject>(layer: &Layer, tensor: &Tensor, values: &Values) {
    layer.of::<S>(tensor).check(values);
}

fn check_floats<S: Subject<Element: Value>>(layer: &Layer, tensor: &Tensor, values: &Values) {
    let case = layer.of::<S>(tensor);
    case.check(values);
    case.check_sums(values);
}
