//! Trains a network that overfits, once without and once with dropout, and compares the two.
//!
//! `cargo run --release -p dropout-kernels-examples --example train`, and options after `--`: see `--help`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use common::arguments::{self, Arguments};
use common::chart::{self, Curve, Panel};
use common::data::{CLASSES, FashionMnist, PIXELS};
use common::network::{Rates, Score};
use common::training::{EPOCHS, Setup, WIDTH, decimal, progress, train};
use dropout_kernels::Rate;
use indicatif::ProgressBar;

const HELP: &str = "\
Trains a network of one hidden layer on Fashion-MNIST, once without and once with dropout.

  -p, --rate P         rate of the dropout behind the hidden layer [0.5]
      --input-rate P   rate of the dropout on the input [0]
      --hidden N       units in the hidden layer [256]
      --epochs N       passes through the training images [80]
      --seed N         seed of weights, shuffles and masks [1]
  -o, --output FILE    where the picture goes [target/train.svg]
  -h, --help           this text";

/// A run and what it measured.
struct Outcome {
    name: String,
    train: Score,
    test: Score,
    /// The test score after each epoch.
    epochs: Vec<Score>,
}

fn main() -> ExitCode {
    arguments::main(HELP, options, run)
}

fn run(&(setup, ref output): &(Setup, PathBuf)) -> Result<(), Box<dyn Error>> {
    let never = Rate::new(0.0)?;
    let without = Setup { rates: Rates { input: never, hidden: never }, ..setup };
    let data = FashionMnist::load()?;

    let progress = progress("epoch", 2 * u64::from(setup.epochs))?;
    // The runs share nothing that changes, so threads cannot change what comes out.
    let (without, with) = thread::scope(|scope| {
        let without = scope.spawn(|| measure(without, &data, &progress));
        let with = measure(setup, &data, &progress);
        (without.join().expect("a run does not panic"), with)
    });
    progress.finish_and_clear();
    let outcomes = [without?, with?];

    let title = format!("Fashion-MNIST, {PIXELS}-{}-{CLASSES} network, seed {}", setup.width, setup.seed);
    println!("{title}\n");
    println!("{:<32}{:>16}{:>16}{:>16}", "", "train accuracy", "test accuracy", "test loss");
    for Outcome { name, train, test, .. } in &outcomes {
        println!("{name:<32}{:>16.3}{:>16.3}{:>16.3}", train.accuracy, test.accuracy, test.loss);
    }
    draw(&title, &outcomes, output)?;
    println!("\npicture: {}", output.display());
    Ok(())
}

/// The run with dropout, and the file of the picture.
fn options(arguments: &mut Arguments) -> Result<(Setup, PathBuf), Box<dyn Error>> {
    let rates = Rates { input: arguments.rate("--input-rate", 0.0)?, hidden: arguments.rate(["-p", "--rate"], 0.5)? };
    let width = arguments.value("--hidden", WIDTH)?.get();
    let epochs = arguments.value("--epochs", EPOCHS)?.get();
    let seed = arguments.value("--seed", 1)?;
    Ok((Setup { rates, width, epochs, seed }, arguments.output("train.svg")?))
}

fn measure(setup: Setup, data: &FashionMnist, progress: &ProgressBar) -> Result<Outcome, dropout_kernels::Error> {
    let mut epochs = Vec::new();
    let network = train(setup, data, |test| {
        epochs.push(test);
        progress.inc(1);
    })?;
    Ok(Outcome { name: name(setup.rates), train: network.evaluate(&data.train)?, test: network.evaluate(&data.test)?, epochs })
}

fn name(Rates { input, hidden }: Rates) -> String {
    match (decimal(input), decimal(hidden)) {
        (0.0, 0.0) => "no dropout".into(),
        (0.0, hidden) => format!("dropout {hidden}"),
        (input, hidden) => format!("dropout {hidden}, {input} on the input"),
    }
}

fn draw(title: &str, outcomes: &[Outcome], path: &Path) -> Result<(), Box<dyn Error>> {
    let curve = |outcome: &Outcome, of: fn(&Score) -> f64| Curve {
        name: outcome.name.clone(),
        points: (1..).map(|epoch: u16| f64::from(epoch)).zip(outcome.epochs.iter().map(of)).collect(),
    };
    let panel =
        |y_label, of| Panel { x_label: "epoch", y_label, curves: outcomes.iter().map(|outcome| curve(outcome, of)).collect() };
    chart::draw(path, title, &[panel("test loss", |test| test.loss), panel("test accuracy", |test| test.accuracy)])
}
