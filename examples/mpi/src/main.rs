//! Trains the network of the example `train` on several ranks, by rows of the batch or by columns of the hidden layer.
//!
//! `cargo build && mpirun -n 4 target/debug/mpi-example`

mod check;
mod checkpoint;
mod model;
mod ranks;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use common::data::FashionMnist;
use common::training::{BATCH, WIDTH};
use dropout_kernels::philox::Philox;
use mpi::topology::SimpleCommunicator;
use mpi::traits::Communicator;
use rand::SeedableRng;
use rand::seq::SliceRandom;

use crate::check::Check;
use crate::model::{Model, Step};
use crate::ranks::{By, Ranks};

const SEED: u64 = 1;

const HELP: &str = "Trains a network on all ranks.

Options:
  --columns          each rank has some columns of the hidden layer, instead of some rows of the batch
  --steps N          the number of the last step [default: 40]
  --checkpoint FILE  goes on from this file, if there is one, and writes it after the last step
  --check            trains on one rank too, and asserts that the ranks have its masks
  --fail HOW         the last rank fails after its first step, by `panic` or `error`, to see that the job ends";

struct Options {
    by: By,
    steps: u32,
    checkpoint: PathBuf,
    check: bool,
    fail: String,
}

fn main() -> ExitCode {
    common::arguments::main(
        HELP,
        |arguments| {
            Ok(Options {
                by: if arguments.flag("--columns") { By::Columns } else { By::Rows },
                steps: arguments.value("--steps", 40)?,
                checkpoint: arguments.value("--checkpoint", PathBuf::new())?,
                check: arguments.flag("--check"),
                fail: arguments.value("--fail", String::new())?,
            })
        },
        |options| {
            let universe = mpi::initialize().ok_or("MPI is in use")?;
            let world = universe.world();
            // A rank that ends alone leaves the others waiting for it: to end the job, it has to say so.
            let (rank, report) = (world.rank(), std::panic::take_hook());
            std::panic::set_hook(Box::new(move |panic| {
                eprint!("rank {rank}:");
                report(panic);
                SimpleCommunicator::world().abort(1);
            }));
            if let Err(error) = train(&world, options) {
                eprintln!("rank {rank}: {error}");
                world.abort(1);
            }
            Ok(())
        },
    )
}

fn train(world: &SimpleCommunicator, options: &Options) -> Result<(), Box<dyn Error>> {
    let Options { by, steps, checkpoint, .. } = options;
    if world.size() as usize > BATCH {
        return Err(format!("{} ranks: expected at most {BATCH}, the rows of a batch", world.size()).into());
    }
    // All ranks begin with the same network, and shuffle in the same way.
    let (first, network) = if checkpoint.exists() {
        checkpoint::load(checkpoint, WIDTH.get())?
    } else {
        (Step { seed: SEED, number: 0 }, Model::new(WIDTH.get(), &mut Philox::seed_from_u64(SEED)))
    };
    let mut ranks = Ranks::of(&network, *by, world);
    let mut check = options.check.then(|| Check::new(network, world));
    let data = FashionMnist::load()?.train;
    let batches = (data.labels.len() / BATCH) as u32;
    let mut order: Vec<usize> = Vec::new();

    let mut loss = f64::NAN;
    for number in first.number..*steps {
        let step = Step { number, ..first };
        if order.is_empty() || number % batches == 0 {
            order = (0..data.labels.len()).collect();
            order.shuffle(&mut Philox::seed_from_u64(step.seed.wrapping_add(u64::from(number / batches))));
        }
        let batch = &order[(number % batches) as usize * BATCH..][..BATCH];
        // From a disk, a rank would read these rows alone.
        let outcome = ranks.step(step, data.select(&batch[ranks.rows()]))?;
        loss = outcome.loss;
        if let Some(check) = &mut check {
            check.step(step, data.select(batch), &ranks, &outcome)?;
        }
        if world.rank() == world.size() - 1 {
            match &*options.fail {
                "panic" => panic!("as it was told to"),
                "error" => return Err("as it was told to".into()),
                _ => {}
            }
        }
    }

    let network = ranks.gather();
    if world.rank() > 0 {
        return Ok(());
    }
    if !checkpoint.as_os_str().is_empty() {
        checkpoint::save(checkpoint, Step { number: *steps, ..first }, &network)?;
    }
    println!("after step {steps}: loss {loss}");
    if let Some(check) = check {
        check.finish(*by);
    }
    Ok(())
}
