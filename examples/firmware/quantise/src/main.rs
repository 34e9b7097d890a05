//! Trains the network in f32, quantises it after training, and writes what the firmware includes. Prints what the network
//! in f32 says of the same images, with the same masks.

mod quantisation;

use std::array::from_fn;
use std::error::Error;
use std::path::Path;
use std::{fs, iter};

use common::data::{Dataset, FashionMnist, turned};
use common::network::{Network, Rates};
use common::prediction::Prediction;
use common::training::{EPOCHS, Setup, train};
use dropout_kernels::{Mode, Rate};
use firmware::monte_carlo::{self, HIDDEN, PASSES, RATE, mode};
use firmware::report::Report;
use ndarray::{Array2, Axis, concatenate};

/// Images of each kind.
const IMAGES: usize = 500;

/// Not the seed of the firmware's masks, which would else be some of those that the network was trained with.
const TRAINING_SEED: u64 = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let data = FashionMnist::load()?;
    let rates = Rates { input: Rate::new(0.0)?, hidden: RATE };
    let network = train(Setup { rates, width: HIDDEN, epochs: EPOCHS.get(), seed: TRAINING_SEED }, &data, |_| ())?;

    let Dataset { images, labels } = data.test.select(&(0..IMAGES).collect::<Vec<_>>());
    let images = concatenate(Axis(0), &[images.view(), turned(&images)?.view()])?;
    for report in reports(&network, &images, &labels)? {
        println!("{report}");
    }

    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    fs::write(target.join("network.rs"), quantisation::network(&network, &data.train.images)?)?;
    let pixels = images.mapv(|pixel| (pixel * 255.0).round() as u8);
    fs::write(target.join("images.bin"), pixels.into_raw_vec_and_offset().0)?;
    fs::write(target.join("labels.bin"), labels)?;
    Ok(())
}

/// What the network in f32 says of images of each kind.
fn reports(network: &Network, images: &Array2<f32>, labels: &[u8]) -> Result<Vec<Report>, dropout_kernels::Error> {
    let single = Prediction::of_heads(network, images, iter::once(Mode::Eval))?;
    let average = Prediction::of_heads(network, images, (0..PASSES).map(|pass| mode(pass, 0)))?;
    let probabilities = |of: &Prediction, image| from_fn(|class| of.mean[[image, class]]);
    let kinds = (0..images.nrows()).step_by(labels.len());
    let report = |first| {
        let mut report = Report::default();
        for (image, &label) in (first..).zip(labels) {
            let prediction = monte_carlo::Prediction {
                single: probabilities(&single, image),
                mean: probabilities(&average, image),
                predictive_entropy: average.predictive_entropy[image],
                mutual_information: average.mutual_information[image],
            };
            report.add(&prediction, label);
        }
        report
    };
    Ok(kinds.map(report).collect())
}
