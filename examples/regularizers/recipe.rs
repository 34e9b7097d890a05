//! What is compared: networks and ways to train them.

use dropout_kernels::philox::Philox;
use dropout_kernels::{Dropout, Rate};

use super::batch_norm::BatchNorm;
use super::convolution::Convolution;
use super::layer::{Dense, Drop, Layer, Relu};
use super::network::Network;
use common::data::{CLASSES, PIXELS, SIDE};
use common::linear::Linear;

const HIDDEN: usize = 256;
/// Feature maps behind the two convolutions.
const MAPS: [usize; 2] = [16, 32];

/// What can be set from outside.
#[derive(Clone, Copy)]
pub struct Strengths {
    /// The rate of dropout behind the hidden layer.
    pub rate: Rate,
    /// The rate of dropout behind both convolutions.
    pub rate_of_maps: Rate,
    pub weight_decay: f32,
}

/// A network and a way to train it.
#[derive(Clone, Copy)]
pub struct Recipe {
    pub name: &'static str,
    /// The name of what it is compared with: the same without dropout, or the plain network.
    pub against: Option<&'static str>,
    pub drops: bool,
    pub network: fn(&Strengths, &mut Philox) -> Network,
    pub training: Training,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Training {
    /// As in the main job.
    Plain,
    WeightDecay,
    Augmentation,
    EarlyStopping,
    /// Plain, and then the statistics for inference from all training images without dropout.
    Reestimation,
}

/// Each after what it is compared with.
pub static RECIPES: [Recipe; 15] = [
    PLAIN,
    PLAIN.and("dropout", dropout),
    WEIGHT_DECAY,
    WEIGHT_DECAY.and("weight decay, dropout", dropout),
    AUGMENTATION,
    AUGMENTATION.and("augmentation, dropout", dropout),
    EARLY_STOPPING,
    EARLY_STOPPING.and("early stopping, dropout", dropout),
    BATCH_NORM,
    BATCH_NORM.and("batch norm, then dropout", batch_norm_dropout),
    DROPOUT_FIRST,
    DROPOUT_FIRST.trained("its statistics re-estimated", Training::Reestimation),
    CONVOLUTIONS,
    CONVOLUTIONS.and("convolutions, dropout", convolutions_dropout),
    CONVOLUTIONS.and("convolutions, spatial dropout", convolutions_spatial),
];

const PLAIN: Recipe = Recipe { name: "plain", against: None, drops: false, network: plain, training: Training::Plain };
const WEIGHT_DECAY: Recipe = PLAIN.trained("weight decay", Training::WeightDecay);
const AUGMENTATION: Recipe = PLAIN.trained("augmentation", Training::Augmentation);
const EARLY_STOPPING: Recipe = PLAIN.trained("early stopping", Training::EarlyStopping);
const BATCH_NORM: Recipe = Recipe { name: "batch norm", against: Some(PLAIN.name), network: batch_norm, ..PLAIN };
const DROPOUT_FIRST: Recipe = BATCH_NORM.and("dropout, then batch norm", dropout_batch_norm);
const CONVOLUTIONS: Recipe = Recipe { name: "convolutions", network: convolutions, ..PLAIN };

impl Recipe {
    const fn trained(self, name: &'static str, training: Training) -> Self {
        Self { name, against: Some(self.name), training, ..self }
    }

    /// The same with dropout.
    const fn and(self, name: &'static str, network: fn(&Strengths, &mut Philox) -> Network) -> Self {
        Self { name, against: Some(self.name), drops: true, network, ..self }
    }
}

fn plain(_: &Strengths, rng: &mut Philox) -> Network {
    dense([relu()], rng)
}

fn dropout(strengths: &Strengths, rng: &mut Philox) -> Network {
    dense([relu(), drop(strengths.rate, 1, None)], rng)
}

fn batch_norm(_: &Strengths, rng: &mut Philox) -> Network {
    dense([norm(), relu()], rng)
}

fn batch_norm_dropout(strengths: &Strengths, rng: &mut Philox) -> Network {
    dense([norm(), relu(), drop(strengths.rate, 1, None)], rng)
}

fn dropout_batch_norm(strengths: &Strengths, rng: &mut Philox) -> Network {
    dense([drop(strengths.rate, 1, None), norm(), relu()], rng)
}

fn convolutions(_: &Strengths, rng: &mut Philox) -> Network {
    convolutional(|_, _| None, rng)
}

fn convolutions_dropout(strengths: &Strengths, rng: &mut Philox) -> Network {
    convolutional(|layer, _| Some(drop(strengths.rate_of_maps, layer, None)), rng)
}

fn convolutions_spatial(strengths: &Strengths, rng: &mut Philox) -> Network {
    convolutional(|layer, maps| Some(drop(strengths.rate_of_maps, layer, Some(maps))), rng)
}

/// The network of the main job, with these layers between its two linear ones.
fn dense<const LAYERS: usize>(between: [Box<dyn Layer>; LAYERS], rng: &mut Philox) -> Network {
    let mut layers = vec![linear(PIXELS, HIDDEN, rng)];
    layers.extend(between);
    layers.push(linear(HIDDEN, CLASSES, rng));
    Network(layers)
}

fn linear(inputs: usize, outputs: usize, rng: &mut Philox) -> Box<dyn Layer> {
    Box::new(Dense::new(Linear::new(inputs, outputs, rng)))
}

/// Two convolutions, each followed by a `ReLU` and dropout, and a linear layer.
fn convolutional(dropout: impl Fn(u32, [usize; 3]) -> Option<Box<dyn Layer>>, rng: &mut Philox) -> Network {
    let (mut layers, mut side, mut channels): (Vec<Box<dyn Layer>>, _, _) = (Vec::new(), SIDE, 1);
    for (layer, maps) in (0..).zip(MAPS) {
        layers.push(Box::new(Convolution::new(side, channels, maps, rng)));
        (side, channels) = (Convolution::out_side(side), maps);
        layers.push(relu());
        layers.extend(dropout(layer, [side, side, channels]));
    }
    layers.push(linear(side * side * channels, CLASSES, rng));
    Network(layers)
}

fn relu() -> Box<dyn Layer> {
    Box::new(Relu::default())
}

fn norm() -> Box<dyn Layer> {
    Box::new(BatchNorm::new(HIDDEN))
}

fn drop(rate: Rate, layer: u32, maps: Option<[usize; 3]>) -> Box<dyn Layer> {
    Box::new(Drop { dropout: Dropout::new(rate), layer, maps })
}
