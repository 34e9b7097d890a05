//! Monte-Carlo dropout: a trained network says how unsure it is, of test images and of images like none that it was trained on.
//!
//! `cargo run --release -p dropout-kernels-examples --example mc_dropout`, and options after `--`: see `--help`.
#![expect(clippy::cast_precision_loss, reason = "counts of images are small")]

use std::iter;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use common::arguments::{self, Arguments};
use common::chart::{self, Curve, Panel};
use common::data::{CLASSES, Dataset, FashionMnist, PIXELS, turned};
use common::network::Rates;
use common::prediction::Prediction;
use common::training::{EPOCHS, Setup, WIDTH, progress, train};
use dropout_kernels::philox::Philox;
use dropout_kernels::{Address, Error, Mode, Rate};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};

const HELP: &str = "\
Trains a network on Fashion-MNIST with dropout behind its hidden layer, and leaves the dropout on at inference.

  -p, --rate P         rate of the dropout [0.5]
  -t, --passes N       forward passes with dropout for each image [100]
      --epochs N       passes through the training images [80]
      --seed N         seed of weights, shuffles, masks and noise [1]
  -o, --output FILE    where the picture goes [target/mc_dropout.svg]
  -h, --help           this text";

const PASSES: NonZeroU16 = NonZeroU16::new(100).unwrap();

/// How many points a curve has.
const PARTS: usize = 20;

struct Options {
    setup: Setup,
    passes: u16,
    output: PathBuf,
}

/// Images of one kind, predicted by one pass without dropout and by the mean of many with it.
struct Kind {
    name: &'static str,
    single: Prediction,
    average: Prediction,
}

fn main() -> ExitCode {
    arguments::main(HELP, options, run)
}

fn run(&Options { setup, passes, ref output }: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let data = FashionMnist::load()?;
    let progress = progress("epoch", setup.epochs.into())?;
    let network = train(setup, &data, |_| progress.inc(1))?;
    progress.finish_and_clear();

    // Not the seed of training, which has used the masks of the first steps.
    let seed = !setup.seed;
    let mut rng = Philox::seed_from_u64(seed);
    let Dataset { images, labels } = data.test;
    let noise = Array2::from_shape_simple_fn(images.dim(), || rng.random());
    let modes = || (0..passes.into()).map(|step| Mode::Train(Address { seed, step, ..Address::default() }));
    let kind = |name, images: &Array2<f32>| -> Result<Kind, Error> {
        let single = Prediction::of_heads(&network, images, iter::once(Mode::Eval))?;
        Ok(Kind { name, single, average: Prediction::of_heads(&network, images, modes())? })
    };
    let kinds = [kind("test images", &images)?, kind("turned by 90 degrees", &turned(&images)?)?, kind("uniform noise", &noise)?];

    let title = format!("Fashion-MNIST, {PIXELS}-{}-{CLASSES} network, seed {}, {passes} passes", setup.width, setup.seed);
    println!("{title}\n");
    print_scores(&kinds[0], &labels);
    print_uncertainties(&kinds);
    let (of_whole, whole) = timed(|| Prediction::of_whole(&network, &images, modes()))?;
    let (of_heads, heads) = timed(|| Prediction::of_heads(&network, &images, modes()))?;
    assert!(of_whole.bits() == of_heads.bits(), "what lies before the dropout is the same in every pass");
    println!("{passes} passes through the whole network: {whole:.2} s");
    println!("once through its trunk, {passes} times through its head: {heads:.2} s, and the same bits");

    draw(output, &title, &kinds, &labels)?;
    println!("\npicture: {}", output.display());
    Ok(())
}

fn options(arguments: &mut Arguments) -> Result<Options, Box<dyn std::error::Error>> {
    let rates = Rates { input: Rate::new(0.0)?, hidden: arguments.rate(["-p", "--rate"], 0.5)? };
    let passes = arguments.value(["-t", "--passes"], PASSES)?.get();
    let epochs = arguments.value("--epochs", EPOCHS)?.get();
    let seed = arguments.value("--seed", 1)?;
    let setup = Setup { rates, width: WIDTH.get(), epochs, seed };
    Ok(Options { setup, passes, output: arguments.output("mc_dropout.svg")? })
}

/// The images from the most certain to the least.
fn by_certainty(uncertainty: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..uncertainty.len()).collect();
    order.sort_by(|&a, &b| uncertainty[a].total_cmp(&uncertainty[b]));
    order
}

fn timed<T>(task: impl FnOnce() -> Result<T, Error>) -> Result<(T, f64), Error> {
    let start = Instant::now();
    Ok((task()?, start.elapsed().as_secs_f64()))
}

fn print_scores(Kind { name, single, average }: &Kind, labels: &[u8]) {
    let order = by_certainty(&average.predictive_entropy);
    let (certain, uncertain) = order.split_at(order.len() / 2);
    println!("{name:<28}{:>20}{:>20}", "accuracy", "loss");
    for (name, score) in [
        ("one pass without dropout", single.score(&order, labels)),
        ("mean of the passes", average.score(&order, labels)),
        ("  of the more certain half", average.score(certain, labels)),
        ("  of the less certain half", average.score(uncertain, labels)),
    ] {
        println!("{name:<28}{:>20.3}{:>20.3}", score.accuracy, score.loss);
    }
}

fn print_uncertainties(kinds: &[Kind]) {
    println!("\n{:<28}{:>20}{:>20}{:>20}", "means, in nats", "entropy of one pass", "predictive entropy", "mutual information");
    for Kind { name, single, average } in kinds {
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        let [one, all] = [single, average].map(|prediction| mean(&prediction.predictive_entropy));
        println!("{name:<28}{one:>20.3}{all:>20.3}{:>20.3}", mean(&average.mutual_information));
    }
    println!();
}

fn draw(path: &Path, title: &str, kinds: &[Kind], labels: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    let Kind { single, average, .. } = &kinds[0];
    let accuracy = Panel {
        x_label: "fraction of the test images, the most certain ones",
        y_label: "accuracy",
        curves: vec![
            retained("mean of the passes, by predictive entropy", average, &average.predictive_entropy, labels),
            retained("mean of the passes, by mutual information", average, &average.mutual_information, labels),
            retained("one pass without dropout, by its entropy", single, &single.predictive_entropy, labels),
        ],
    };
    let entropies = Panel {
        x_label: "predictive entropy in nats",
        y_label: "fraction of the images below",
        curves: kinds.iter().map(distribution).collect(),
    };
    chart::draw(path, title, &[accuracy, entropies])
}

/// The accuracy on the most certain images, by how many of them are kept.
fn retained(name: &str, prediction: &Prediction, uncertainty: &[f32], labels: &[u8]) -> Curve {
    let order = by_certainty(uncertainty);
    let accuracy = |part| prediction.score(&order[..order.len() * part / PARTS], labels).accuracy;
    Curve { name: name.into(), points: (1..=PARTS).map(|part| (fraction(part), accuracy(part))).collect() }
}

/// The fraction of the images with no more than some predictive entropy, by this entropy.
fn distribution(Kind { name, average, .. }: &Kind) -> Curve {
    let order = by_certainty(&average.predictive_entropy);
    let entropy = |part| f64::from(average.predictive_entropy[order[order.len() * part / PARTS - 1]]);
    Curve { name: (*name).into(), points: (1..=PARTS).map(|part| (entropy(part), fraction(part))).collect() }
}

fn fraction(part: usize) -> f64 {
    part as f64 / PARTS as f64
}
