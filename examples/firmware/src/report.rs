//! What a network said of many images, in numbers.

use core::fmt;

use crate::monte_carlo::{CLASSES, Prediction};

/// Of images of one kind.
#[derive(Default)]
pub struct Report {
    /// Images whose class was found: by a pass without dropout, and by the mean of those with it.
    pub correct: [u32; 2],
    /// Sums over the images, in nats.
    pub predictive_entropy: f32,
    pub mutual_information: f32,
    /// Of all bits that came out.
    pub checksum: u32,
}

impl Report {
    pub fn add(&mut self, prediction: &Prediction, label: u8) {
        let Prediction { single, mean, predictive_entropy, mutual_information } = prediction;
        for (correct, probabilities) in self.correct.iter_mut().zip([single, mean]) {
            *correct += u32::from(is_likeliest(probabilities, label));
        }
        self.predictive_entropy += predictive_entropy;
        self.mutual_information += mutual_information;
        // By Fowler, Noll and Vo's FNV-1a, but of words and from 0 on.
        for x in single.iter().chain(mean).chain([predictive_entropy, mutual_information]) {
            self.checksum = (self.checksum ^ x.to_bits()).wrapping_mul(0x0100_0193);
        }
    }
}

fn is_likeliest(probabilities: &[f32; CLASSES], label: u8) -> bool {
    let of_label = probabilities[usize::from(label)];
    probabilities.iter().filter(|&&probability| probability >= of_label).count() == 1
}

/// Integers, as printing floats takes more flash than the rest: the sums in units of 2^-10 nats.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [single, mean] = self.correct;
        let [entropy, information] = [self.predictive_entropy, self.mutual_information].map(|sum| (sum * 1024.0) as u32);
        write!(f, "{single} {mean} {entropy} {information} {}", self.checksum)
    }
}
