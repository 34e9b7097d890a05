//! The training of one network in one of the ways that are compared.

use dropout_kernels::philox::Philox;
use dropout_kernels::{Address, Error};
use rand::SeedableRng;
use rand::seq::SliceRandom;

use super::augmentation::augment;
use super::network::Network;
use super::recipe::{Recipe, Strengths, Training};
use common::data::FashionMnist;
use common::network::Score;
use common::training::BATCH;

/// One in so many training images is held out where training stops early.
const HELD_OUT: usize = 5;
/// How many epochs without a lower loss on the images held out end the training.
const PATIENCE: u16 = 10;

/// What a training run ends with.
pub struct Outcome {
    pub train: Score,
    /// The score of each test image.
    pub test: Vec<Score>,
    /// Where there is batch normalisation.
    pub variance_shift: Option<f32>,
}

/// Trains as the main job does, with the same seed from the same weights in the same order.
pub fn train(recipe: &Recipe, strengths: &Strengths, data: &FashionMnist, epochs: u16, seed: u64) -> Result<Outcome, Error> {
    // `seed_from_u64` makes another key of the seed: under the masks' own key, weights and masks would share random bits.
    let mut rng = Philox::seed_from_u64(seed);
    let mut network = (recipe.network)(strengths, &mut rng);
    let mut order: Vec<usize> = (0..data.train.labels.len()).collect();
    let held_out = (recipe.training == Training::EarlyStopping).then(|| {
        order.shuffle(&mut rng);
        let split = order.len() / HELD_OUT;
        data.train.select(&order.split_off(order.len() - split))
    });
    let weight_decay = if recipe.training == Training::WeightDecay { strengths.weight_decay } else { 0.0 };
    let outcome = |network: &mut Network| -> Result<Outcome, Error> {
        let train = Score::mean(&network.evaluate(&data.train)?);
        let test = network.evaluate(&data.test)?;
        Ok(Outcome { train, test, variance_shift: network.variance_shift() })
    };
    let mut best: Option<(f64, u16, Outcome)> = None;
    let mut step = 0;
    for epoch in 0..epochs {
        order.shuffle(&mut rng);
        for batch in order.chunks(BATCH) {
            let mut batch = data.train.select(batch);
            if recipe.training == Training::Augmentation {
                augment(&mut batch.images, &mut rng);
            }
            network.learn(batch, Address { seed, step, ..Address::default() }, weight_decay)?;
            step += 1;
        }
        if let Some(held_out) = &held_out {
            let loss = Score::mean(&network.evaluate(held_out)?).loss;
            match best {
                Some((least, at, _)) if loss >= least && epoch - at == PATIENCE => break,
                Some((least, ..)) if loss >= least => {}
                // Measured now, which saves keeping these parameters.
                _ => best = Some((loss, epoch, outcome(&mut network)?)),
            }
        }
    }
    if recipe.training == Training::Reestimation {
        network.estimate(data.train.images.clone())?;
    }
    best.map_or_else(|| outcome(&mut network), |(.., outcome)| Ok(outcome))
}
