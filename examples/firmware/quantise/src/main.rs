//! Trains the network in f32, quantises it after training, and writes what the firmware includes. Prints what the network
//! in f32 says of the same images, with the same masks.

mod quantisation;

use std::error::Error;
use std::fs;
use std::path::Path;

use common::data::{Dataset, FashionMnist, turned};
use common::network::{Network, Rates, elements, log_softmax};
use common::training::{EPOCHS, Setup, train};
use dropout_kernels::monte_carlo::Uncertainty;
use dropout_kernels::{Mode, Rate};
use firmware::monte_carlo::{CLASSES, HIDDEN, PASSES, Prediction, RATE, mode};
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
    let hidden = network.trunk(images);
    let probabilities = |mode| Ok(log_softmax(network.head(&mut hidden.clone(), mode)?).mapv_into(f32::exp));
    let single = probabilities(Mode::Eval)?;
    let (mut mean, mut expected_entropy) = (Array2::zeros(single.dim()), vec![0.0; images.nrows()]);
    let mut uncertainty = Uncertainty::new(CLASSES, elements(&mut mean), &mut expected_entropy)?;
    for pass in 0..PASSES {
        uncertainty.add(elements(&mut probabilities(mode(pass, 0))?))?;
    }
    let predictive_entropy: Vec<f32> = uncertainty.predictive_entropy().collect();
    let mutual_information: Vec<f32> = uncertainty.mutual_information().collect();

    let array =
        |rows: &Array2<f32>, image| <[f32; CLASSES]>::try_from(rows.row(image).to_vec()).expect("a row is of all classes");
    let mut reports = vec![];
    for first in (0..images.nrows()).step_by(labels.len()) {
        let mut report = Report::default();
        for (image, &label) in (first..).zip(labels) {
            let prediction = Prediction {
                single: array(&single, image),
                mean: array(&mean, image),
                predictive_entropy: predictive_entropy[image],
                mutual_information: mutual_information[image],
            };
            report.add(&prediction, label);
        }
        reports.push(report);
    }
    Ok(reports)
}
