//! The training loop.

use std::num::{NonZeroU16, NonZeroUsize};

use dropout_kernels::philox::Philox;
use dropout_kernels::{Address, Error, Mode, Rate};
use indicatif::style::TemplateError;
use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand::seq::SliceRandom;

use crate::data::{Dataset, FashionMnist};
use crate::network::{Network, Rates, Score};

/// What the examples train unless asked for something else: hidden units, and passes through the training images.
pub const WIDTH: NonZeroUsize = NonZeroUsize::new(256).unwrap();
pub const EPOCHS: NonZeroU16 = NonZeroU16::new(80).unwrap();

pub const BATCH: usize = 64;
pub const LEARNING_RATE: f32 = 0.02;
pub const MOMENTUM: f32 = 0.9;

/// What a run is started with.
#[derive(Clone, Copy)]
pub struct Setup {
    pub rates: Rates,
    /// The number of hidden units.
    pub width: usize,
    pub epochs: u16,
    pub seed: u64,
}

/// A bar that says how many epochs or the like there are still to go.
pub fn progress(unit: &'static str, len: u64) -> Result<ProgressBar, TemplateError> {
    let style = ProgressStyle::with_template("{wide_bar} {msg} {pos} of {len}, {eta} to go")?;
    Ok(ProgressBar::new(len).with_style(style).with_message(unit))
}

/// The rate as it was typed, 0.1 say: as a multiple of 2^-32 it is not quite that.
#[expect(clippy::cast_possible_truncation, reason = "this is what hides the difference")]
pub fn decimal(rate: Rate) -> f32 {
    rate.realised() as f32
}

/// Trains a new network. Calls `after_epoch` with the test score after each pass through the training images.
pub fn train(setup: Setup, data: &FashionMnist, mut after_epoch: impl FnMut(Score)) -> Result<Network, Error> {
    let Setup { rates, width, epochs, seed } = setup;
    // `seed_from_u64` makes another key of the seed: under the masks' own key, weights and masks would share random bits.
    let mut rng = Philox::seed_from_u64(seed);
    let mut network = Network::new(width, rates, &mut rng);
    let mut order: Vec<usize> = (0..data.train.labels.len()).collect();
    let mut step = 0;
    for _ in 0..epochs {
        order.shuffle(&mut rng);
        for batch in order.chunks(BATCH) {
            let Dataset { images, labels } = data.train.select(batch);
            let mode = Mode::Train(Address { seed, step, ..Address::default() });
            let activations = network.forward(images, mode)?;
            let gradients = network.backward(activations, &labels, mode)?;
            network.step(&gradients, LEARNING_RATE, MOMENTUM);
            step += 1;
        }
        after_epoch(network.evaluate(&data.test)?);
    }
    Ok(network)
}
