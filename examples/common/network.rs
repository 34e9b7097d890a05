//! A network of one hidden layer, with dropout on its input and behind its activation.

use dropout_kernels::{Address, Dropout, Error, Mode, Rate};
use ndarray::{Array2, ArrayView1};
use rand::Rng;

use crate::data::{CLASSES, Dataset, PIXELS};
use crate::linear::{Linear, Parameters};

/// Dropout, linear, `ReLU`, dropout, linear.
pub struct Network {
    input_dropout: Dropout,
    hidden: Linear,
    hidden_dropout: Dropout,
    output: Linear,
}

/// The rates of the network's two dropout layers.
#[derive(Clone, Copy)]
pub struct Rates {
    pub input: Rate,
    pub hidden: Rate,
}

/// What the forward pass leaves for the backward pass. There are no masks here: the backward pass computes them again.
pub struct Activations {
    /// Behind its dropout, as is `hidden`.
    input: Array2<f32>,
    hidden: Array2<f32>,
    pub logits: Array2<f32>,
}

/// The gradient of the loss with respect to each parameter.
pub struct Gradients {
    hidden: Parameters,
    output: Parameters,
}

/// How well a network does on a data set.
#[derive(Clone, Copy)]
pub struct Score {
    /// The mean cross-entropy.
    pub loss: f64,
    /// The fraction of images whose class is found.
    pub accuracy: f64,
}

impl Network {
    /// A network with `width` hidden units and random weights.
    pub fn new(width: usize, rates: Rates, rng: &mut impl Rng) -> Self {
        Self {
            input_dropout: Dropout::new(rates.input),
            hidden: Linear::new(PIXELS, width, rng),
            hidden_dropout: Dropout::new(rates.hidden),
            output: Linear::new(width, CLASSES, rng),
        }
    }

    /// The forward pass of a batch of images, one a row. The layer in the mode's address is set here.
    pub fn forward(&self, mut input: Array2<f32>, mode: Mode) -> Result<Activations, Error> {
        self.input_dropout.apply_in_place(at_layer(0, mode), elements(&mut input))?;
        let mut hidden = self.trunk(&input);
        let logits = self.head(&mut hidden, mode)?;
        Ok(Activations { input, hidden, logits })
    }

    /// The part of the forward pass between the two dropout layers.
    pub fn trunk(&self, input: &Array2<f32>) -> Array2<f32> {
        self.hidden.forward(input).mapv_into(|x| x.max(0.0))
    }

    /// The rest of the forward pass: drops in place what the trunk puts out, and gives the logits.
    pub fn head(&self, hidden: &mut Array2<f32>, mode: Mode) -> Result<Array2<f32>, Error> {
        self.hidden_dropout.apply_in_place(at_layer(1, mode), elements(hidden))?;
        Ok(self.output.forward(hidden))
    }

    /// The backward pass of the mean cross-entropy, in the mode of the forward pass.
    pub fn backward(&self, activations: Activations, labels: &[u8], mode: Mode) -> Result<Gradients, Error> {
        let Activations { input, hidden, logits } = activations;
        let grad_logits = cross_entropy_gradient(logits, labels);
        let mut grad_hidden = self.output.backward(&grad_logits);
        self.hidden_dropout.backward_in_place(at_layer(1, mode), elements(&mut grad_hidden))?;
        // ReLU: where dropout made the 0, the gradient is 0 already.
        grad_hidden.zip_mut_with(&hidden, |grad, &x| *grad = if x > 0.0 { *grad } else { 0.0 });

        // Nothing below the first weights learns, so the input's dropout has no backward pass.
        Ok(Gradients { hidden: Linear::gradient(&input, &grad_hidden), output: Linear::gradient(&hidden, &grad_logits) })
    }

    /// One step of stochastic gradient descent with momentum.
    pub fn step(&mut self, gradients: &Gradients, learning_rate: f32, momentum: f32) {
        self.hidden.trainable.step(&gradients.hidden, learning_rate, momentum);
        self.output.trainable.step(&gradients.output, learning_rate, momentum);
    }

    /// The parameters of the hidden layer, and of the output.
    pub fn parameters(&self) -> [&Parameters; 2] {
        [&self.hidden, &self.output].map(|layer| &layer.trainable.parameters)
    }

    /// The score on a data set, without dropout.
    pub fn evaluate(&self, data: &Dataset) -> Result<Score, Error> {
        let logits = self.forward(data.images.clone(), Mode::Eval)?.logits;
        Ok(Score::of(&log_softmax(logits), &data.labels))
    }
}

impl Score {
    /// The score of predictions, one a row.
    pub fn of(log_probabilities: &Array2<f32>, labels: &[u8]) -> Self {
        Self::mean(&Self::of_each(log_probabilities, labels))
    }

    /// The score of each prediction alone.
    pub fn of_each(log_probabilities: &Array2<f32>, labels: &[u8]) -> Vec<Self> {
        let score = |(row, &label): (ArrayView1<f32>, &u8)| {
            let of_label = row[usize::from(label)];
            let as_likely = row.iter().filter(|&&of_class| of_class >= of_label).count();
            Self { loss: -f64::from(of_label), accuracy: f64::from(u8::from(as_likely == 1)) }
        };
        log_probabilities.rows().into_iter().zip(labels).map(score).collect()
    }

    pub fn mean(scores: &[Self]) -> Self {
        let mean = |of: fn(&Self) -> f64| scores.iter().map(of).sum::<f64>() / scores.len() as f64;
        Self { loss: mean(|score| score.loss), accuracy: mean(|score| score.accuracy) }
    }
}

/// The gradient of the mean cross-entropy with respect to the logits.
pub fn cross_entropy_gradient(logits: Array2<f32>, labels: &[u8]) -> Array2<f32> {
    let mut grad = log_softmax(logits).mapv_into(f32::exp);
    for (mut row, &label) in grad.rows_mut().into_iter().zip(labels) {
        row[usize::from(label)] -= 1.0;
    }
    grad / labels.len() as f32
}

/// The logarithm of each class's probability.
pub fn log_softmax(mut logits: Array2<f32>) -> Array2<f32> {
    for mut row in logits.rows_mut() {
        let max = row.fold(f32::NEG_INFINITY, |max, &x| max.max(x));
        let log_sum = row.fold(0.0, |sum, &x| sum + (x - max).exp()).ln();
        row -= max + log_sum;
    }
    logits
}

/// The same mode for another layer of the network.
pub fn at_layer(layer: u32, mode: Mode<'_>) -> Mode<'_> {
    match mode {
        Mode::Train(address) => Mode::Train(Address { layer, ..address }),
        other => other,
    }
}

/// The elements of a batch, row by row.
pub fn elements(matrix: &mut Array2<f32>) -> &mut [f32] {
    matrix.as_slice_mut().expect("batches are stored row by row")
}
