//! A fully connected layer, and parameters that learn.

use ndarray::{Array1, Array2, Axis};
use rand::{Rng, RngExt};

/// A fully connected layer that learns.
pub struct Linear {
    pub trainable: Trainable,
}

/// Parameters, and their velocity in stochastic gradient descent with momentum.
pub struct Trainable {
    pub parameters: Parameters,
    pub velocity: Parameters,
}

pub struct Parameters {
    /// One column an output.
    pub weights: Array2<f32>,
    pub bias: Array1<f32>,
}

impl Linear {
    /// He initialisation, uniform: the variance of the weights is 2 / inputs.
    pub fn new(inputs: usize, outputs: usize, rng: &mut impl Rng) -> Self {
        let bound = (6.0 / inputs as f32).sqrt();
        let weights = Array2::from_shape_simple_fn((inputs, outputs), || rng.random_range(-bound..bound));
        Self { trainable: Trainable::new(weights) }
    }

    pub fn forward(&self, x: &Array2<f32>) -> Array2<f32> {
        let Parameters { weights, bias } = &self.trainable.parameters;
        x.dot(weights) + bias
    }

    /// The gradient with respect to the input, from that with respect to the output.
    pub fn backward(&self, grad_y: &Array2<f32>) -> Array2<f32> {
        grad_y.dot(&self.trainable.parameters.weights.t())
    }

    /// The gradient with respect to the parameters, from the input and the gradient with respect to the output.
    pub fn gradient(x: &Array2<f32>, grad_y: &Array2<f32>) -> Parameters {
        Parameters { weights: x.t().dot(grad_y), bias: grad_y.sum_axis(Axis(0)) }
    }
}

impl Trainable {
    /// These weights, a bias of zero, at rest.
    pub fn new(weights: Array2<f32>) -> Self {
        let at_rest = Parameters { weights: Array2::zeros(weights.raw_dim()), bias: Array1::zeros(weights.ncols()) };
        Self { parameters: Parameters { weights, bias: at_rest.bias.clone() }, velocity: at_rest }
    }

    pub fn step(&mut self, gradient: &Parameters, learning_rate: f32, momentum: f32) {
        let Self { parameters, velocity } = self;
        velocity.weights.zip_mut_with(&gradient.weights, |velocity, grad| *velocity = momentum * *velocity + grad);
        velocity.bias.zip_mut_with(&gradient.bias, |velocity, grad| *velocity = momentum * *velocity + grad);
        parameters.weights.scaled_add(-learning_rate, &velocity.weights);
        parameters.bias.scaled_add(-learning_rate, &velocity.bias);
    }
}
