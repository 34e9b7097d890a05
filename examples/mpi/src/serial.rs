//! The network on one rank: dropout, linear, `ReLU`, dropout, linear.

use common::data::{CLASSES, Dataset, PIXELS};
use common::linear::{Linear, Parameters};
use common::network::{Score, cross_entropy_gradient, elements, log_softmax};
use common::training::{LEARNING_RATE, MOMENTUM};
use dropout_kernels::{Address, Dropout, Error, Mode, Rate};
use ndarray::Array2;
use rand::Rng;

/// The numbers of the two dropout layers.
pub const INPUT: u32 = 0;
pub const HIDDEN: u32 = 1;

pub struct Batch {
    pub data: Dataset,
    pub seed: u64,
    pub step: u32,
}

impl Batch {
    /// What selects the mask of a layer in this step. No rank is in it.
    pub fn address(&self, layer: u32) -> Address {
        Address { seed: self.seed, layer, step: self.step, offset: 0 }
    }

    pub fn mode(&self, layer: u32) -> Mode<'static> {
        Mode::Train(self.address(layer))
    }
}

pub struct Model {
    pub rates: [Rate; 2],
    pub hidden: Linear,
    pub output: Linear,
}

/// What a step did.
pub struct Step {
    /// The mean cross-entropy of the batch.
    pub loss: f64,
    /// Which units of the hidden layer are on, image by image.
    pub gates: Array2<bool>,
}

impl Model {
    pub fn new(width: usize, rates: [Rate; 2], rng: &mut impl Rng) -> Self {
        Self { rates, hidden: Linear::new(PIXELS, width, rng), output: Linear::new(width, CLASSES, rng) }
    }

    pub fn step(&mut self, batch: &Batch) -> Result<Step, Error> {
        let [input_dropout, hidden_dropout] = self.rates.map(Dropout::new);
        let mut input = batch.data.images.clone();
        input_dropout.apply_in_place(batch.mode(INPUT), elements(&mut input))?;
        let mut hidden = self.hidden.forward(&input).mapv_into(|x| x.max(0.0));
        let gates = hidden.mapv(|x| x > 0.0);
        hidden_dropout.apply_in_place(batch.mode(HIDDEN), elements(&mut hidden))?;
        let logits = self.output.forward(&hidden);
        let loss = Score::of(&log_softmax(logits.clone()), &batch.data.labels).loss;

        let grad_logits = cross_entropy_gradient(logits, &batch.data.labels);
        let mut grad_hidden = self.output.backward(&grad_logits);
        hidden_dropout.backward_in_place(batch.mode(HIDDEN), elements(&mut grad_hidden))?;
        gate(&mut grad_hidden, &gates);
        self.learn(&Linear::gradient(&input, &grad_hidden), &Linear::gradient(&hidden, &grad_logits));
        Ok(Step { loss, gates })
    }

    pub fn learn(&mut self, hidden: &Parameters, output: &Parameters) {
        self.hidden.trainable.step(hidden, LEARNING_RATE, MOMENTUM);
        self.output.trainable.step(output, LEARNING_RATE, MOMENTUM);
    }
}

/// The backward pass of `ReLU`.
pub fn gate(grad: &mut Array2<f32>, gates: &Array2<bool>) {
    grad.zip_mut_with(gates, |grad, &on| *grad = if on { *grad } else { 0.0 });
}
