//! A stack of layers, and how it learns.

use dropout_kernels::{Address, Error, Mode};
use ndarray::Array2;

use super::layer::Layer;
use common::data::Dataset;
use common::network::{Score, cross_entropy_gradient, log_softmax};
use common::training::{LEARNING_RATE, MOMENTUM};

pub struct Network(pub Vec<Box<dyn Layer>>);

impl Network {
    pub fn forward(&mut self, images: Array2<f32>, mode: Mode) -> Result<Array2<f32>, Error> {
        self.0.iter_mut().try_fold(images, |x, layer| layer.forward(x, mode))
    }

    /// One step of stochastic gradient descent on the mean cross-entropy of a batch, plus `weight_decay / 2` times the sum of all
    /// squared weights.
    pub fn learn(&mut self, batch: Dataset, address: Address, weight_decay: f32) -> Result<(), Error> {
        let mode = Mode::Train(address);
        let mut grad = cross_entropy_gradient(self.forward(batch.images, mode)?, &batch.labels);
        for (i, layer) in self.0.iter_mut().enumerate().rev() {
            // Nothing below the first layer learns.
            let grad_x = if i > 0 { layer.backward(&grad, mode)? } else { Array2::default((0, 0)) };
            if let Some((trainable, mut gradient)) = layer.learning(&grad) {
                gradient.weights.scaled_add(weight_decay, &trainable.parameters.weights);
                trainable.step(&gradient, LEARNING_RATE, MOMENTUM);
            }
            grad = grad_x;
        }
        Ok(())
    }

    /// Makes the layers' statistics those of these images without dropout, from the first layer on.
    pub fn estimate(&mut self, mut x: Array2<f32>) -> Result<(), Error> {
        for layer in &mut self.0 {
            layer.estimate(&x);
            x = layer.forward(x, Mode::Eval)?;
        }
        Ok(())
    }

    /// The score of each image, without dropout.
    pub fn evaluate(&mut self, data: &Dataset) -> Result<Vec<Score>, Error> {
        let logits = self.forward(data.images.clone(), Mode::Eval)?;
        Ok(Score::of_each(&log_softmax(logits), &data.labels))
    }

    /// That of the first layer which tells of one, in the evaluation before.
    pub fn variance_shift(&self) -> Option<f32> {
        self.0.iter().find_map(|layer| layer.variance_shift())
    }
}
