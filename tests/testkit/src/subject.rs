//! The kinds of dropout, each evaluated from its definition and one element at a time, without the library.
#![expect(clippy::cast_precision_loss, reason = "thresholds, of at most 33 bits: exact")]

use std::marker::PhantomData;

use dropout_kernels::{
    Address, AlphaDropout, Dropout, GaussianDropout, GaussianNoise, Kind, Layer, QuantizedDropout, Rate, Scaling,
    kind::{Additive, Alpha, Gaussian, Quantized, Scaled},
};

use crate::case::{TensorCase, uniforms};
use crate::normal::normal;
use crate::oracle::{self, drops};
use crate::value::{Bits, Integral, Value};

const RANGE: u64 = 1 << 32;

/// A kind of dropout on a type of element, with the settings of a case.
pub trait Subject: Sized {
    type Element: Bits;
    type Kind: Kind<Self::Element>;
    /// Whether its random numbers are noise, rather than decisions.
    const NOISE: bool = false;
    /// Whether nothing is left at p = 1.
    const DROPS: bool = true;

    /// The oracle's integers from an address's offset on, one for each decision.
    fn uniforms(address: Address, decisions: usize) -> Vec<u64> {
        uniforms(if Self::NOISE { oracle::noise } else { oracle::decide }, address, decisions)
    }

    /// The layer to test, without its layout.
    fn layer(case: &TensorCase) -> Layer<Self::Kind>;

    fn new(case: &TensorCase) -> Self;

    /// The output in training, if the decision's uniform integer is `u`.
    fn forward(&self, u: u64, x: Self::Element) -> Self::Element;

    fn backward(&self, u: u64, gradient: Self::Element) -> Self::Element {
        self.forward(u, gradient)
    }

    /// The output in evaluation, of either pass.
    fn evaluated(&self, x: Self::Element) -> Self::Element {
        x
    }

    /// What everything becomes at p = 1.
    fn nothing(&self) -> Self::Element {
        Self::Element::from_bits(0)
    }
}

fn rate(case: &TensorCase) -> Rate {
    Rate::new(case.p).unwrap()
}

/// [`Dropout`], with the case's scaling.
pub struct OfScaled<E> {
    threshold: u64,
    scale: f64,
    scale_in_evaluation: Option<f64>,
    element: PhantomData<E>,
}

impl<E: Value> Subject for OfScaled<E> {
    type Element = E;
    type Kind = Scaled;

    fn layer(case: &TensorCase) -> Dropout {
        Dropout::new(rate(case)).with_scaling(case.scaling)
    }

    fn new(case: &TensorCase) -> Self {
        let threshold = oracle::threshold(case.p);
        let (scale, scale_in_evaluation) = match case.scaling {
            Scaling::Inverted => (oracle::scale(case.p), None),
            Scaling::Classic => (1.0, Some((RANGE - threshold) as f64 / RANGE as f64)),
            other => panic!("{other:?} has no definition here"),
        };
        Self { threshold, scale, scale_in_evaluation, element: PhantomData }
    }

    fn forward(&self, u: u64, x: E) -> E {
        if drops(u, self.threshold) { E::DROPPED } else { x.times(self.scale) }
    }

    fn evaluated(&self, x: E) -> E {
        self.scale_in_evaluation.map_or(x, |scale| x.times(scale))
    }
}

/// [`AlphaDropout`].
pub struct OfAlpha<E> {
    threshold: u64,
    a: f64,
    b: f64,
    dropped: f64,
    element: PhantomData<E>,
}

impl<E: Value> Subject for OfAlpha<E> {
    type Element = E;
    type Kind = Alpha;

    fn layer(case: &TensorCase) -> AlphaDropout {
        AlphaDropout::new(rate(case))
    }

    fn new(case: &TensorCase) -> Self {
        let threshold = oracle::threshold(case.p);
        let s = -1.758_099_340_847_376_6;
        let q = (RANGE - threshold) as f64 / RANGE as f64;
        let a = 1.0 / (q + s * s * q * (1.0 - q)).sqrt();
        Self { threshold, a, b: a * (q - 1.0) * s, dropped: a * q * s, element: PhantomData }
    }

    fn forward(&self, u: u64, x: E) -> E {
        match self.threshold {
            0 => x,
            RANGE => E::DROPPED,
            threshold if drops(u, threshold) => E::constant(self.dropped),
            _ => x.affine(self.a, self.b),
        }
    }

    fn backward(&self, u: u64, gradient: E) -> E {
        if drops(u, self.threshold) { E::DROPPED } else { gradient.times(self.a) }
    }
}

/// [`GaussianDropout`].
pub struct OfGaussian<E> {
    threshold: u64,
    deviation: f32,
    element: PhantomData<E>,
}

impl<E: Value> Subject for OfGaussian<E> {
    type Element = E;
    type Kind = Gaussian;
    const NOISE: bool = true;

    fn layer(case: &TensorCase) -> GaussianDropout {
        GaussianDropout::new(rate(case))
    }

    fn new(case: &TensorCase) -> Self {
        let threshold = oracle::threshold(case.p);
        let deviation = (threshold as f64 / (RANGE - threshold) as f64).sqrt() as f32;
        Self { threshold, deviation, element: PhantomData }
    }

    fn forward(&self, u: u64, x: E) -> E {
        match self.threshold {
            0 => x,
            RANGE => E::DROPPED,
            _ => {
                let deviation = self.deviation * normal(u as u32);
                x.noisy(1.0 + deviation)
            }
        }
    }
}

/// [`GaussianNoise`], with the case's rate as the deviation.
pub struct OfAdditive<E> {
    deviation: f32,
    element: PhantomData<E>,
}

impl<E: Value> Subject for OfAdditive<E> {
    type Element = E;
    type Kind = Additive;
    const NOISE: bool = true;
    const DROPS: bool = false;

    fn layer(case: &TensorCase) -> GaussianNoise {
        GaussianNoise::new(case.p as f32).unwrap()
    }

    fn new(case: &TensorCase) -> Self {
        Self { deviation: case.p as f32, element: PhantomData }
    }

    fn forward(&self, u: u64, x: E) -> E {
        if self.deviation > 0.0 { x.plus_noise(self.deviation * normal(u as u32)) } else { x }
    }

    fn backward(&self, _: u64, gradient: E) -> E {
        gradient
    }
}

/// [`QuantizedDropout`]: with the fixed-point scale if the case's scaling is inverted, the zero point from the case's values.
pub struct OfQuantized<E> {
    threshold: u64,
    zero_point: E,
    /// The multiplier and the shift.
    scale: Option<(i64, u32)>,
}

impl<E: Integral> Subject for OfQuantized<E> {
    type Element = E;
    type Kind = Quantized<E>;

    fn layer(case: &TensorCase) -> QuantizedDropout<E> {
        let layer = QuantizedDropout::new(rate(case), E::from_bits(case.values));
        if case.scaling == Scaling::Inverted { layer.with_fixed_point_scale() } else { layer }
    }

    fn new(case: &TensorCase) -> Self {
        let threshold = oracle::threshold(case.p);
        let scale = (case.scaling == Scaling::Inverted).then(|| fixed_point(threshold));
        Self { threshold, zero_point: E::from_bits(case.values), scale }
    }

    fn forward(&self, u: u64, x: E) -> E {
        match self.scale {
            _ if drops(u, self.threshold) => self.zero_point,
            Some(scale) => rescale(x, self.zero_point, scale),
            None => x,
        }
    }

    fn nothing(&self) -> E {
        self.zero_point
    }
}

/// The m and s of the fraction m / 2^s nearest to the scale, from 2^14 to below 2^15 and from 0 to 14.
pub fn fixed_point(threshold: u64) -> (i64, u32) {
    let keep = i128::from(RANGE - threshold).max(1); // at p = 1 no scale is used
    let scale = |s: u32| (i128::from(RANGE) << s) / keep;
    let neighbours = (0..=14).flat_map(|s| [scale(s), scale(s) + 1].map(|m: i128| (m.clamp(1 << 14, (1 << 15) - 1), s)));
    // Both times keep * 2^14, so that they are integers.
    let distance = |&(m, s): &(i128, u32)| ((m * keep) << (14 - s)).abs_diff(i128::from(RANGE) << 14);
    let (m, s) = neighbours.min_by_key(distance).unwrap();
    (m as i64, s)
}

/// Rounded to nearest, ties up, and saturated.
pub fn rescale<E: Integral>(x: E, zero_point: E, (m, s): (i64, u32)) -> E {
    let [x, zero_point] = [x, zero_point].map(Into::<i64>::into);
    E::nearest(zero_point + (2 * (x - zero_point) * m + (1 << s)).div_euclid(2 << s))
}
