//! The network: dropout, linear, `ReLU`, dropout, linear.

use common::data::{CLASSES, Dataset, PIXELS};
use common::linear::{Linear, Parameters};
use common::network::{Score, cross_entropy_gradient, elements, log_softmax};
use common::training::{BATCH, LEARNING_RATE, MOMENTUM};
use dropout_kernels::{Address, Dropout, Error, Layout, Mode, Rate};
use ndarray::Array2;
use rand::Rng;

/// The numbers of the two dropout layers, and their rates.
pub const INPUT: u32 = 0;
pub const HIDDEN: u32 = 1;
pub const RATES: [f64; 2] = [0.2, 0.5];

/// A step of training.
#[derive(Clone, Copy)]
pub struct Step {
    pub seed: u64,
    pub number: u32,
}

impl Step {
    /// What selects the mask of a layer in this step. No rank is in it.
    pub fn address(self, layer: u32) -> Address {
        Address { seed: self.seed, layer, step: self.number, offset: 0 }
    }
}

/// A dropout layer of the network.
pub fn dropout(layer: u32) -> Result<Dropout, Error> {
    Ok(Dropout::new(Rate::new(RATES[layer as usize])?))
}

/// A network, or a rank's part of one.
pub struct Model {
    pub hidden: Linear,
    pub output: Linear,
}

/// What a step did.
pub struct Outcome {
    /// The share of these rows in the mean cross-entropy of the batch.
    pub loss: f64,
    /// Which units of the hidden layer are on, image by image.
    pub gates: Array2<bool>,
}

/// What the parts of a network have to tell each other: sums over all ranks. Nothing of it is for dropout.
pub trait Exchange {
    fn sum_logits(&self, logits: &mut Array2<f32>);
    fn sum_gradients(&self, gradients: &mut Parameters);
}

impl Model {
    pub fn new(width: usize, rng: &mut impl Rng) -> Self {
        Self { hidden: Linear::new(PIXELS, width, rng), output: Linear::new(width, CLASSES, rng) }
    }

    /// A step on rows of a batch.
    pub fn step(
        &mut self,
        step: Step,
        rows: Dataset,
        dropouts: [&Dropout<Layout>; 2],
        others: &impl Exchange,
    ) -> Result<Outcome, Error> {
        let [input_dropout, hidden_dropout] = dropouts;
        let mode = |layer| Mode::Train(step.address(layer));
        let share = rows.labels.len() as f32 / BATCH as f32;
        let Parameters { weights, bias } = &self.output.trainable.parameters;

        let mut input = rows.images;
        input_dropout.apply_in_place(mode(INPUT), elements(&mut input))?;
        let mut hidden = self.hidden.forward(&input).mapv_into(|x| x.max(0.0));
        let gates = hidden.mapv(|x| x > 0.0);
        hidden_dropout.apply_in_place(mode(HIDDEN), elements(&mut hidden))?;
        let mut logits = hidden.dot(weights);
        others.sum_logits(&mut logits);
        let logits = logits + bias;
        let loss = Score::of(&log_softmax(logits.clone()), &rows.labels).loss * f64::from(share);

        // Of the mean over the whole batch.
        let grad_logits = cross_entropy_gradient(logits, &rows.labels) * share;
        let mut grad_hidden = self.output.backward(&grad_logits);
        hidden_dropout.backward_in_place(mode(HIDDEN), elements(&mut grad_hidden))?;
        grad_hidden.zip_mut_with(&gates, |grad, &on| *grad = if on { *grad } else { 0.0 });
        for (layer, input, grad) in [(&mut self.hidden, &input, &grad_hidden), (&mut self.output, &hidden, &grad_logits)] {
            let mut gradients = Linear::gradient(input, grad);
            others.sum_gradients(&mut gradients);
            layer.trainable.step(&gradients, LEARNING_RATE, MOMENTUM);
        }
        Ok(Outcome { loss, gates })
    }
}
