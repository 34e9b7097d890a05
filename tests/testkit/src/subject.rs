//! The kinds of dropout, each evaluated from its definition and one element at a time, without the library.
//!
//! | | where its formula comes from | what else holds it |
//! |---|---|---|
//! | [`OfScaled`] | `src/mask/contract.md`, "Values" | |
//! | [`OfAlpha`] | Klambauer et al., NeurIPS 2017; the operations that `AlphaDropout` documents, in their order | `tests/kinds/alpha.rs`: what they are for, mean 0 and variance 1 |
//! | [`OfGaussian`] | Srivastava et al., JMLR 15, section 10 | `tests/kinds/gaussian.rs`: the moments |
//! | [`OfAdditive`] | `GaussianNoise`: a deviation times a standard normal | |
//! | [`OfQuantized`] | the nearest of all fractions, by search; `QuantizedDropout` says how results are rounded | `tests/kinds/quantized.rs`: the fraction's error |
#![expect(clippy::cast_precision_loss, reason = "thresholds, of at most 33 bits: exact")]

use std::marker::PhantomData;

use dropout_kernels::{
    Address, AlphaDropout, Dropout, GaussianDropout, GaussianNoise, Kind, Layer, QuantizedDropout, Rate, Scaling,
    kind::{Additive, Alpha, Gaussian, Quantized, Scaled},
};

use crate::normal::normal;
use crate::oracle::{self, drops};
use crate::value::{Bits, Integral, Value};

const RANGE: u64 = 1 << 32;

/// What a layer is made with.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub threshold: u64,
    pub scaling: Scaling,
    /// Its low bits are the zero point of quantised values.
    pub zero_point: u64,
}

impl Settings {
    pub fn of(p: f64) -> Self {
        Self { threshold: oracle::threshold(p), scaling: Scaling::Inverted, zero_point: 0 }
    }

    /// The probability that is realised.
    pub fn p(&self) -> f64 {
        self.threshold as f64 / RANGE as f64
    }

    fn rate(&self) -> Rate {
        Rate::from_threshold(self.threshold).unwrap()
    }
}

/// A kind of dropout on a type of element.
pub trait Subject: Sized {
    type Element: Bits;
    type Kind: Kind<Self::Element>;
    /// Whether its random numbers are noise, rather than decisions.
    const NOISE: bool = false;

    /// The oracle's integers from an address's offset on, one for each decision.
    fn uniforms(address: Address, decisions: usize) -> Vec<u64> {
        oracle::uniforms(if Self::NOISE { oracle::noise } else { oracle::decide }, address, decisions)
    }

    /// The layer to test, without its layout.
    fn layer(settings: &Settings) -> Layer<Self::Kind>;

    fn new(settings: &Settings) -> Self;

    /// The output in training, if the decision's uniform integer is `u`.
    fn forward(&self, u: u64, x: Self::Element) -> Self::Element;

    fn backward(&self, u: u64, gradient: Self::Element) -> Self::Element {
        self.forward(u, gradient)
    }

    /// The output in evaluation, of either pass.
    fn evaluated(&self, x: Self::Element) -> Self::Element {
        x
    }
}

/// [`Dropout`].
pub struct OfScaled<E> {
    threshold: u64,
    scale: f64,
    scale_in_evaluation: Option<f64>,
    element: PhantomData<E>,
}

impl<E: Value> Subject for OfScaled<E> {
    type Element = E;
    type Kind = Scaled;

    fn layer(settings: &Settings) -> Dropout {
        Dropout::new(settings.rate()).with_scaling(settings.scaling)
    }

    fn new(&Settings { threshold, scaling, .. }: &Settings) -> Self {
        let kept = (RANGE - threshold) as f64;
        let (scale, scale_in_evaluation) = match scaling {
            Scaling::Inverted => (RANGE as f64 / kept, None),
            Scaling::Classic => (1.0, Some(kept / RANGE as f64)),
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

    fn layer(settings: &Settings) -> AlphaDropout {
        AlphaDropout::new(settings.rate())
    }

    fn new(&Settings { threshold, .. }: &Settings) -> Self {
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

    fn layer(settings: &Settings) -> GaussianDropout {
        GaussianDropout::new(settings.rate())
    }

    fn new(&Settings { threshold, .. }: &Settings) -> Self {
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

/// [`GaussianNoise`], with the rate as the deviation.
pub struct OfAdditive<E> {
    deviation: f32,
    element: PhantomData<E>,
}

impl<E: Value> Subject for OfAdditive<E> {
    type Element = E;
    type Kind = Additive;
    const NOISE: bool = true;

    fn layer(settings: &Settings) -> GaussianNoise {
        GaussianNoise::new(settings.p() as f32).unwrap()
    }

    fn new(settings: &Settings) -> Self {
        Self { deviation: settings.p() as f32, element: PhantomData }
    }

    fn forward(&self, u: u64, x: E) -> E {
        if self.deviation > 0.0 { x.plus_noise(self.deviation * normal(u as u32)) } else { x }
    }

    fn backward(&self, _: u64, gradient: E) -> E {
        gradient
    }
}

/// [`QuantizedDropout`], with the fixed-point scale if the scaling is inverted.
pub struct OfQuantized<E> {
    threshold: u64,
    zero_point: E,
    /// The multiplier and the shift.
    scale: Option<(i64, u32)>,
}

impl<E: Integral> Subject for OfQuantized<E> {
    type Element = E;
    type Kind = Quantized<E>;

    fn layer(settings: &Settings) -> QuantizedDropout<E> {
        let layer = QuantizedDropout::new(settings.rate(), E::from_bits(settings.zero_point));
        if settings.scaling == Scaling::Inverted { layer.with_fixed_point_scale() } else { layer }
    }

    fn new(&Settings { threshold, scaling, zero_point }: &Settings) -> Self {
        let scale = (scaling == Scaling::Inverted).then(|| fixed_point(threshold));
        Self { threshold, zero_point: E::from_bits(zero_point), scale }
    }

    fn forward(&self, u: u64, x: E) -> E {
        match self.scale {
            _ if drops(u, self.threshold) => self.zero_point,
            Some(scale) => rescale(x, self.zero_point, scale),
            None => x,
        }
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
