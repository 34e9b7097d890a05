//! Trains the network of the example `train` on several ranks, first by rows of the batch, then by columns of the hidden
//! layer, and asserts in every step that all ranks together have the masks of one.
//!
//! `cargo build && mpirun -n 4 target/debug/mpi-example`

mod ranks;
mod serial;
mod shard;

use std::error::Error;

use common::data::FashionMnist;
use common::training::{BATCH, WIDTH};
use dropout_kernels::Rate;
use mpi::traits::Communicator;
use rand::SeedableRng;
use rand::seq::SliceRandom;

use crate::ranks::{Columns, Ranks, Rows};
use crate::serial::{Batch, Model, Step};
use crate::shard::MaskHash;

const STEPS: u32 = 40;
const SEED: u64 = 1;

/// The most by which the loss of all ranks may differ from that of one, relatively, as long as every unit of the hidden
/// layer is on where it is on there: sums in another order.
const BOUND: f64 = 1e-4;

fn main() -> Result<(), Box<dyn Error>> {
    let universe = mpi::initialize().ok_or("MPI is in use")?;
    let world = universe.world();
    let rates = [Rate::new(0.2)?, Rate::new(0.5)?];
    let data = FashionMnist::load()?.train;

    let mut hashes = Vec::new();
    for name in ["rows (data parallel)", "columns (tensor parallel)"] {
        // All ranks begin with the same weights, and shuffle in the same way.
        let mut rng = dropout_kernels::philox::Philox::seed_from_u64(SEED);
        let mut one = Model::new(WIDTH.get(), rates, &mut rng);
        let mut all: Box<dyn Ranks> =
            if hashes.is_empty() { Box::new(Rows::of(&one, &world)) } else { Box::new(Columns::of(&one, &world)) };
        let mut order: Vec<usize> = (0..data.labels.len()).collect();
        order.shuffle(&mut rng);

        let (mut hash, mut same, mut largest) = (MaskHash::new(), 0, 0.0_f64);
        for (step, batch) in (0..STEPS).zip(order.chunks_exact(BATCH)) {
            let batch = Batch { data: data.select(batch), seed: SEED, step };
            let reference = one.step(&batch)?;
            let Step { loss, gates } = all.step(&batch, &mut hash)?;
            // Near zero, a sum in another order has another sign: from then on the two are different networks.
            if same == step && all.agree(&reference.gates, &gates) {
                same += 1;
                let difference = (loss - reference.loss).abs() / reference.loss;
                assert!(difference <= BOUND, "step {step}: loss {loss}, on one rank {}", reference.loss);
                largest = largest.max(difference);
            }
        }
        if world.rank() == 0 {
            println!("{name}, ranks: {}. The same units are on in the first {same} of {STEPS} steps,", world.size());
            println!("    in which the losses differ from those of one rank by at most {largest:.0e}");
        }
        hashes.push(hash.finish());
    }
    assert_eq!(hashes[0], hashes[1], "both have the same masks");
    if world.rank() == 0 {
        println!("mask hash: {:016x}", hashes[0]);
    }
    Ok(())
}
