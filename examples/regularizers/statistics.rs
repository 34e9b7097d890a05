//! What is left of a difference once chance is allowed for.

use super::training::Outcome;
use common::network::Score;

/// One of the two figures of a score.
pub type Figure = fn(&Score) -> f64;
pub const ACCURACY: Figure = |score| score.accuracy;
pub const LOSS: Figure = |score| score.loss;

/// The mean and the standard deviation of a sample.
#[derive(Clone, Copy)]
pub struct Sample {
    pub mean: f64,
    pub deviation: f64,
    size: f64,
}

/// A mean difference and its standard error.
pub struct Change {
    pub mean: f64,
    pub error: f64,
}

impl Sample {
    pub fn of(values: &[f64]) -> Self {
        let size = values.len() as f64;
        let mean = values.iter().sum::<f64>() / size;
        let squares = values.iter().map(|value| (value - mean).powi(2));
        Self { mean, deviation: (squares.sum::<f64>() / (size - 1.0)).sqrt(), size }
    }

    /// Of a figure on the test images, over the seeds.
    pub fn of_test(figure: Figure, outcomes: &[Outcome]) -> Self {
        Self::of(&by_seed(figure, outcomes))
    }

    /// The squared standard error of the mean.
    fn squared_error(self) -> f64 {
        self.deviation.powi(2) / self.size
    }
}

impl Change {
    /// Of a figure on the test images, seed by seed and image by image: another seed would give other weights, and another test set other
    /// images.
    pub fn between(figure: Figure, before: &[Outcome], after: &[Outcome]) -> Self {
        let difference = |by: fn(Figure, &[Outcome]) -> Vec<f64>| {
            let pairs = by(figure, after).into_iter().zip(by(figure, before));
            Sample::of(&pairs.map(|(after, before)| after - before).collect::<Vec<f64>>())
        };
        let [of_seeds, of_images] = [difference(by_seed), difference(by_image)];
        Self { mean: of_seeds.mean, error: (of_seeds.squared_error() + of_images.squared_error()).sqrt() }
    }

    /// Whether it is more than chance, in a table with many changes.
    pub fn is_clear(&self) -> bool {
        self.mean.abs() > 3.0 * self.error
    }
}

/// The mean over the images, for each seed.
pub fn by_seed(figure: Figure, outcomes: &[Outcome]) -> Vec<f64> {
    outcomes.iter().map(|outcome| figure(&Score::mean(&outcome.test))).collect()
}

/// The mean over the seeds, for each image.
fn by_image(figure: Figure, outcomes: &[Outcome]) -> Vec<f64> {
    let of_image =
        |image: usize| outcomes.iter().map(|outcome| figure(&outcome.test[image])).sum::<f64>() / outcomes.len() as f64;
    (0..outcomes[0].test.len()).map(of_image).collect()
}
