//! Dropout against its rivals: weight decay, batch normalisation, data augmentation and early stopping, alone and together with it;
//! and, between convolutions, dropout of single elements against that of whole feature maps.
//!
//! Over the seeds 1 to 5 dropout lowers the loss of the plain network and of the convolutional one beyond chance. It adds little to weight
//! decay and nothing to augmentation, and accuracy gains beyond chance between convolutions alone. Dropout before batch normalisation
//! leaves it, at inference, 0.38 of the variance that it reads in training (Li, Chen, Hu and Yang, "Understanding the disharmony between
//! dropout and batch normalization by variance shift", CVPR 2019). The README has the figures.
//!
//! `cargo run --release -p dropout-kernels-examples --example regularizers`, and options after `--`: see `--help`.
#![allow(clippy::cast_precision_loss, reason = "counts of images and seeds are small")]

mod augmentation;
mod batch_norm;
mod convolution;
mod layer;
mod network;
mod picture;
mod recipe;
mod statistics;
mod table;
#[cfg(test)]
mod tests;
mod training;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use common::arguments::{self, Arguments};
use common::data::{Dataset, FashionMnist};
use common::training::{EPOCHS, decimal, progress};
use recipe::{RECIPES, Recipe, Strengths};
use training::{Outcome, train};

const HELP: &str = "\
Trains networks on Fashion-MNIST with dropout and with other means against overfitting, each with several seeds.

  -p, --rate P           rate of the dropout behind the hidden layer [0.5]
      --rate-of-maps P   rate of the dropout behind the convolutions [0.3]
      --weight-decay X   factor of half the sum of squared weights in the loss [0.003]
      --epochs N         passes through the training images [80]
      --seeds N          how many seeds, at least 2 [5]
      --validate         measure on training images held out, not on the test images: to choose the rates by
  -o, --output FILE      where the picture goes [target/regularizers.svg]
  -h, --help             this text";

struct Options {
    strengths: Strengths,
    epochs: u16,
    seeds: u64,
    validate: bool,
    output: PathBuf,
}

/// A recipe, and what it led to with each seed.
struct Measured {
    recipe: &'static Recipe,
    outcomes: Vec<Outcome>,
}

fn main() -> ExitCode {
    arguments::main(HELP, options, run)
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut data = FashionMnist::load()?;
    if options.validate {
        data = validation(&data.train);
    }
    let measured = measure_all(options, &data)?;

    let Strengths { rate, rate_of_maps, weight_decay } = options.strengths;
    let title = format!(
        "{} epochs, {} seeds: dropout {}, between convolutions {}; weight decay {weight_decay}",
        options.epochs,
        options.seeds,
        decimal(rate),
        decimal(rate_of_maps)
    );
    println!("{title}\n");
    table::print(&measured);
    picture::draw(&options.output, &title, &measured)?;
    println!("\npicture: {}", options.output.display());
    Ok(())
}

fn options(arguments: &mut Arguments) -> Result<Options, Box<dyn Error>> {
    let strengths = Strengths {
        rate: arguments.rate(["-p", "--rate"], 0.5)?,
        rate_of_maps: arguments.rate("--rate-of-maps", 0.3)?,
        weight_decay: arguments.value("--weight-decay", 0.003)?,
    };
    let (epochs, seeds) = (arguments.value("--epochs", EPOCHS)?.get(), arguments.value("--seeds", 5)?);
    if seeds < 2 {
        return Err("--seeds: one alone has no spread".into());
    }
    Ok(Options {
        strengths,
        epochs,
        seeds,
        validate: arguments.flag("--validate"),
        output: arguments.output("regularizers.svg")?,
    })
}

/// The last fifth of the training images in place of the test images.
fn validation(train: &Dataset) -> FashionMnist {
    let images: Vec<usize> = (0..train.labels.len()).collect();
    let (kept, held_out) = images.split_at(images.len() / 5 * 4);
    FashionMnist { train: train.select(kept), test: train.select(held_out) }
}

/// Trains every recipe with every seed, on all CPUs.
fn measure_all(options: &Options, data: &FashionMnist) -> Result<Vec<Measured>, Box<dyn Error>> {
    let runs = || RECIPES.iter().flat_map(|recipe| (1..=options.seeds).map(move |seed| (recipe, seed)));
    let progress = progress("run", runs().count() as u64)?;
    let waiting = Mutex::new(runs().enumerate());
    let work = || -> Result<Vec<(usize, Outcome)>, dropout_kernels::Error> {
        let mut done = Vec::new();
        loop {
            let next = waiting.lock().expect("no run panics").next();
            let Some((run, (recipe, seed))) = next else { return Ok(done) };
            done.push((run, train(recipe, &options.strengths, data, options.epochs, seed)?));
            progress.inc(1);
        }
    };
    // The runs share nothing that changes, so threads cannot change what comes out.
    let done = thread::scope(|scope| -> Result<_, Box<dyn Error>> {
        let workers: Vec<_> = (0..thread::available_parallelism()?.get()).map(|_| scope.spawn(work)).collect();
        let mut done = BTreeMap::new();
        for worker in workers {
            done.extend(worker.join().expect("no run panics")?);
        }
        Ok(done)
    })?;
    progress.finish_and_clear();
    let mut outcomes = done.into_values();
    let seeds = usize::try_from(options.seeds)?;
    Ok(RECIPES.iter().map(|recipe| Measured { recipe, outcomes: outcomes.by_ref().take(seeds).collect() }).collect())
}
