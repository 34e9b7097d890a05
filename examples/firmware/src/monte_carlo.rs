//! A network of one hidden layer, and Monte-Carlo dropout: many passes with dropout say how certain it is.

use dropout_kernels::monte_carlo::Uncertainty;
use dropout_kernels::{Address, Error, Mode, QuantizedDropout, Rate};

use crate::dense::{Channel, Dense};

pub const PIXELS: usize = 28 * 28;
pub const HIDDEN: usize = 64;
pub const CLASSES: usize = 10;

pub const RATE: Rate = match Rate::from_ratio(1, 2) {
    Ok(rate) => rate,
    Err(_) => panic!(),
};

pub const PASSES: u32 = 20;

/// The zero point of images, and of hidden units: real values from 0 on take all of the range.
pub const ZERO_POINT: i8 = i8::MIN;

/// A constant: its code is that of its rate alone.
const DROPOUT: QuantizedDropout<i8> = QuantizedDropout::new(RATE, ZERO_POINT);

/// Linear, `ReLU`, dropout, linear.
pub struct Network {
    trunk: Dense<PIXELS, HIDDEN>,
    head: Dense<HIDDEN, CLASSES>,
    /// The channels of the head behind dropout.
    head_behind: [Channel; CLASSES],
    /// The scale of the head's outputs. Their zero point makes no difference to softmax.
    logit_scale: f32,
}

/// What a network says of an image.
pub struct Prediction {
    /// The probability of each class, of a pass without dropout.
    pub single: [f32; CLASSES],
    /// The mean of all passes with dropout.
    pub mean: [f32; CLASSES],
    pub predictive_entropy: f32,
    pub mutual_information: f32,
}

/// A part of the work, whose cost is counted.
#[derive(Clone, Copy)]
pub enum Phase {
    Trunk,
    Dropout,
    Head,
    Uncertainty,
}

/// A count of what phases cost.
pub trait Counter {
    /// What was done since the last call was this phase.
    fn end_of(&mut self, phase: Phase);
}

/// The mode of a pass. An image is a row of the batch that all images would be: wherever it is computed, it has the masks
/// of its row.
pub const fn mode(pass: u32, image: u64) -> Mode<'static> {
    Mode::Train(Address { seed: 1, layer: 1, step: pass, offset: image * HIDDEN as u64 })
}

impl Network {
    pub const fn new(trunk: Dense<PIXELS, HIDDEN>, head: Dense<HIDDEN, CLASSES>, logit_scale: f32) -> Self {
        let head_behind = head.channels_behind(RATE);
        Self { trunk, head, head_behind, logit_scale }
    }

    /// What the network says of the image of this number.
    pub fn predict(&self, number: u64, image: &[i8; PIXELS], counter: &mut impl Counter) -> Result<Prediction, Error> {
        let (mut hidden, mut logits) = ([0; HIDDEN], [0; CLASSES]);
        // Nothing before the dropout changes from pass to pass.
        self.trunk.forward(&self.trunk.channels, image, &mut hidden);
        counter.end_of(Phase::Trunk);
        self.head.forward(&self.head.channels, &hidden, &mut logits);
        counter.end_of(Phase::Head);
        let single = self.softmax(&logits);
        counter.end_of(Phase::Uncertainty);

        let (mut mean, mut expected_entropy) = ([0.0; CLASSES], [0.0]);
        let mut uncertainty = Uncertainty::new(CLASSES, &mut mean, &mut expected_entropy)?;
        for pass in 0..PASSES {
            let mut kept = [0; HIDDEN];
            DROPOUT.apply(mode(pass, number), &hidden, &mut kept)?;
            counter.end_of(Phase::Dropout);
            self.head.forward(&self.head_behind, &kept, &mut logits);
            counter.end_of(Phase::Head);
            uncertainty.add(&self.softmax(&logits))?;
            counter.end_of(Phase::Uncertainty);
        }
        let predictive_entropy = uncertainty.predictive_entropy().sum();
        let mutual_information = uncertainty.mutual_information().sum();
        Ok(Prediction { single, mean, predictive_entropy, mutual_information })
    }

    /// The probability of each class.
    fn softmax(&self, logits: &[i8; CLASSES]) -> [f32; CLASSES] {
        let max = logits.iter().fold(i8::MIN, |max, &logit| max.max(logit));
        let powers = logits.map(|logit| libm::expf(self.logit_scale * f32::from(i16::from(logit) - i16::from(max))));
        let sum: f32 = powers.iter().sum();
        powers.map(|power| power / sum)
    }
}
