//! What the ranks do, against one rank: the same masks, and the same network.

use common::data::Dataset;
use common::linear::Parameters;
use dropout_kernels::{Error, Mask, Mode, Rate};
use mpi::Count;
use mpi::collective::SystemOperation;
use mpi::datatype::PartitionMut;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};
use ndarray::{Array2, s};

use crate::model::{Exchange, HIDDEN, INPUT, Model, Outcome, RATES, Step};
use crate::ranks::{By, Ranks};

/// The most by which the loss of all ranks may differ from that of one, relatively, as long as every unit of the hidden
/// layer is on where it is on there: sums in another order.
const BOUND: f64 = 1e-4;

/// A network on this rank alone, beside the one on all.
pub struct Check<'w> {
    world: &'w SimpleCommunicator,
    one: Model,
    /// Over the masks of all layers and steps.
    hash: u64,
    /// The steps so far, and those in which the same units were on.
    steps: u32,
    same: u32,
    largest: f64,
}

/// One rank has nobody to tell.
struct Alone;

impl Exchange for Alone {
    fn sum_logits(&self, _: &mut Array2<f32>) {}
    fn sum_gradients(&self, _: &mut Parameters) {}
}

impl<'w> Check<'w> {
    pub fn new(one: Model, world: &'w SimpleCommunicator) -> Self {
        Self { world, one, hash: 0xCBF2_9CE4_8422_2325, steps: 0, same: 0, largest: 0.0 }
    }

    /// A step of one rank on the whole batch, and what the ranks have done in theirs.
    pub fn step(&mut self, step: Step, batch: Dataset, all: &Ranks, outcome: &Outcome) -> Result<(), Error> {
        for layer in [INPUT, HIDDEN] {
            self.masks(step, layer, all)?;
        }
        let reference =
            self.one.step(step, batch, [&all.whole(INPUT).dropout(INPUT)?, &all.whole(HIDDEN).dropout(HIDDEN)?], &Alone)?;
        let mine = all.shard(HIDDEN, self.world.rank());
        let agree = reference.gates.slice(s![mine.rows, mine.columns]) == outcome.gates;
        let mut everywhere = false;
        self.world.all_reduce_into(&agree, &mut everywhere, SystemOperation::logical_and());
        // Near zero, a sum in another order has another sign: from then on the two are different networks.
        if self.same == self.steps && everywhere {
            self.same += 1;
            let difference = (outcome.loss - reference.loss).abs() / reference.loss;
            assert!(difference <= BOUND, "step {}: loss {}, on one rank {}", step.number, outcome.loss, reference.loss);
            self.largest = self.largest.max(difference);
        }
        self.steps += 1;
        Ok(())
    }

    /// Gathers what the ranks' parts of a tensor really keep, and asserts that it is the mask of the whole.
    fn masks(&mut self, step: Step, layer: u32, all: &Ranks) -> Result<(), Error> {
        let shards: Vec<_> = (0..self.world.size()).map(|rank| all.shard(layer, rank)).collect();
        let mine = &shards[self.world.rank() as usize];
        let mut ones = vec![1.0_f32; mine.rows.len() * mine.columns.len()];
        mine.dropout(layer)?.apply_in_place(Mode::Train(step.address(layer)), &mut ones)?;
        let mine: Vec<u8> = ones.into_iter().map(|x| u8::from(x != 0.0)).collect();
        let counts: Vec<Count> = shards.iter().map(|shard| (shard.rows.len() * shard.columns.len()) as Count).collect();
        let starts: Vec<Count> = counts.iter().scan(0, |end, count| Some(std::mem::replace(end, *end + count))).collect();
        let mut gathered = vec![0_u8; counts.iter().sum::<Count>() as usize];
        self.world.all_gather_varcount_into(&mine[..], &mut PartitionMut::new(&mut gathered[..], &counts[..], &starts[..]));

        let [rows, columns] = shards[0].whole;
        let mut expected = vec![false; rows * columns];
        let rate = Rate::new(RATES[layer as usize])?;
        Mask::new(rate, step.address(layer)).bools(&mut expected)?;
        let (mut kept, mut next) = (vec![u8::MAX; expected.len()], gathered.into_iter());
        for shard in shards {
            for row in shard.rows {
                let range = row * columns + shard.columns.start..row * columns + shard.columns.end;
                kept[range.clone()].iter_mut().zip(&mut next).for_each(|(to, from)| *to = from);
                let agree = kept[range.clone()].iter().zip(&expected[range]).all(|(&kept, &expected)| kept == u8::from(expected));
                assert!(agree, "masks of {:?}, row {row}", step.address(layer));
            }
        }
        assert!(!kept.contains(&u8::MAX), "no rank has some of {:?}", step.address(layer));
        // FNV-1a (Fowler, Noll and Vo).
        self.hash = kept.iter().fold(self.hash, |hash, kept| (hash ^ u64::from(*kept)).wrapping_mul(0x0100_0000_01B3));
        Ok(())
    }

    /// Says what was seen.
    pub fn finish(&self, by: By) {
        let name = if by == By::Rows { "rows (data parallel)" } else { "columns (tensor parallel)" };
        let Self { same, steps, largest, .. } = self;
        println!("{name}, ranks: {}. The same units are on in the first {same} of {steps} steps,", self.world.size());
        println!("    in which the losses differ from those of one rank by at most {largest:.0e}");
        println!("mask hash: {:016x}", self.hash);
    }
}
