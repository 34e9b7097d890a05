//! What passes of a network say of images, with dropout or without.

use dropout_kernels::monte_carlo::Uncertainty;
use dropout_kernels::{Error, Mode};
use ndarray::{Array2, Axis};

use crate::data::CLASSES;
use crate::network::{Network, Score, elements, log_softmax};

/// What some passes say of some images.
pub struct Prediction {
    /// The mean probability of each class, an image a row.
    pub mean: Array2<f32>,
    pub predictive_entropy: Vec<f32>,
    pub mutual_information: Vec<f32>,
}

impl Prediction {
    /// From a pass through the whole network in each mode.
    pub fn of_whole(network: &Network, images: &Array2<f32>, modes: impl Iterator<Item = Mode<'static>>) -> Result<Self, Error> {
        Self::new(images.nrows(), modes.map(|mode| Ok(network.forward(images.clone(), mode)?.logits)))
    }

    /// The same where there is no dropout on the input: the trunk is then the same in every mode, and run once.
    pub fn of_heads(network: &Network, images: &Array2<f32>, modes: impl Iterator<Item = Mode<'static>>) -> Result<Self, Error> {
        let hidden = network.trunk(images);
        Self::new(images.nrows(), modes.map(|mode| network.head(&mut hidden.clone(), mode)))
    }

    fn new(images: usize, logits_of_passes: impl Iterator<Item = Result<Array2<f32>, Error>>) -> Result<Self, Error> {
        let (mut mean, mut expected_entropy) = (Array2::zeros((images, CLASSES)), vec![0.0; images]);
        let mut uncertainty = Uncertainty::new(CLASSES, elements(&mut mean), &mut expected_entropy)?;
        for logits in logits_of_passes {
            uncertainty.add(elements(&mut log_softmax(logits?).mapv_into(f32::exp)))?;
        }
        let predictive_entropy = uncertainty.predictive_entropy().collect();
        let mutual_information = uncertainty.mutual_information().collect();
        Ok(Self { mean, predictive_entropy, mutual_information })
    }

    pub fn bits(&self) -> Vec<u32> {
        self.mean.iter().chain(&self.predictive_entropy).chain(&self.mutual_information).map(|x| x.to_bits()).collect()
    }

    /// The score on some of the images.
    pub fn score(&self, images: &[usize], labels: &[u8]) -> Score {
        let labels: Vec<u8> = images.iter().map(|&image| labels[image]).collect();
        Score::of(&self.mean.select(Axis(0), images).mapv_into(f32::ln), &labels)
    }
}
