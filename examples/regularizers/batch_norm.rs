//! Batch normalisation (Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
//! shift", ICML 2015).

use dropout_kernels::{Error, Mode};
use ndarray::{Array1, Array2, Axis};

use super::layer::Layer;
use common::linear::{Parameters, Trainable};

const EPSILON: f32 = 1e-5;
/// How much a batch weighs in the running statistics.
const UPDATE: f32 = 0.01;

/// Gives each unit the mean and the variance that it learns: in training from those of the batch, at inference from their running means.
pub struct BatchNorm {
    /// The scale is one row of weights, the shift is the bias.
    trainable: Trainable,
    running_mean: Array1<f32>,
    running_variance: Array1<f32>,
    /// Known after inference.
    variance_shift: Option<f32>,
    normalised: Array2<f32>,
    inverse_deviation: Array1<f32>,
}

impl BatchNorm {
    pub fn new(units: usize) -> Self {
        Self {
            trainable: Trainable::new(Array2::ones((1, units))),
            running_mean: Array1::zeros(units),
            running_variance: Array1::ones(units),
            variance_shift: None,
            normalised: Array2::default((0, 0)),
            inverse_deviation: Array1::default(0),
        }
    }

    /// The mean and the variance to normalise with.
    fn statistics(&mut self, x: &Array2<f32>, mode: Mode) -> (Array1<f32>, Array1<f32>) {
        let variance = x.var_axis(Axis(0), 0.0);
        if mode == Mode::Eval {
            self.variance_shift = Some(variance.sum() / self.running_variance.sum());
            return (self.running_mean.clone(), self.running_variance.clone());
        }
        let mean = mean(x);
        let images = x.nrows() as f32;
        // That of a batch is biased: it is taken about the batch's own mean.
        let unbiased = &variance * (images / (images - 1.0));
        for (running, of_batch) in [(&mut self.running_mean, &mean), (&mut self.running_variance, &unbiased)] {
            running.zip_mut_with(of_batch, |running, of_batch| *running += UPDATE * (of_batch - *running));
        }
        (mean, variance)
    }
}

impl Layer for BatchNorm {
    fn forward(&mut self, x: Array2<f32>, mode: Mode) -> Result<Array2<f32>, Error> {
        let (mean, variance) = self.statistics(&x, mode);
        self.inverse_deviation = variance.mapv_into(|variance| 1.0 / (variance + EPSILON).sqrt());
        self.normalised = (x - &mean) * &self.inverse_deviation;
        let Parameters { weights, bias } = &self.trainable.parameters;
        Ok(&self.normalised * weights + bias)
    }

    /// The mean and the variance are functions of the input too: whatever would shift or scale the whole batch has no effect, and so no
    /// gradient.
    fn backward(&self, grad_y: &Array2<f32>, _: Mode) -> Result<Array2<f32>, Error> {
        let grad = grad_y * &self.trainable.parameters.weights;
        let along = mean(&(&grad * &self.normalised));
        Ok((&grad - &mean(&grad) - &self.normalised * &along) * &self.inverse_deviation)
    }

    fn learning(&mut self, grad_y: &Array2<f32>) -> Option<(&mut Trainable, Parameters)> {
        let scale = (grad_y * &self.normalised).sum_axis(Axis(0)).insert_axis(Axis(0));
        Some((&mut self.trainable, Parameters { weights: scale, bias: grad_y.sum_axis(Axis(0)) }))
    }

    fn estimate(&mut self, x: &Array2<f32>) {
        self.running_mean = mean(x);
        self.running_variance = x.var_axis(Axis(0), 1.0);
    }

    fn variance_shift(&self) -> Option<f32> {
        self.variance_shift
    }
}

/// The mean of each unit over a batch.
fn mean(x: &Array2<f32>) -> Array1<f32> {
    x.sum_axis(Axis(0)) / x.nrows() as f32
}
