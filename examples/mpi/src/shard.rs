//! A rank's part of a matrix, and the masks of all parts put together again.

use std::ops::Range;

use dropout_kernels::{Address, Dropout, Error, Layout, Mask, Mode, Part, Rate};
use mpi::Count;
use mpi::datatype::PartitionMut;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};

/// The part of `len` positions that rank `rank` of `size` has.
pub fn share(len: usize, rank: usize, size: usize) -> Range<usize> {
    rank * len / size..(rank + 1) * len / size
}

/// A box of a matrix.
#[derive(Clone)]
pub struct Shard {
    pub whole: [usize; 2],
    pub rows: Range<usize>,
    pub columns: Range<usize>,
}

impl Shard {
    /// Dropout of this box: it has the box of the whole's mask, and needs no communication for that.
    pub fn dropout(&self, rate: Rate) -> Result<Dropout, Error> {
        let layout = Layout::part(Part {
            whole: &self.whole,
            start: &[self.rows.start, self.columns.start],
            shape: &[self.rows.len(), self.columns.len()],
            ..Part::default()
        })?;
        Ok(Dropout::new(rate).with_layout(layout))
    }

    /// What it keeps, row by row.
    fn kept(&self, rate: Rate, address: Address) -> Result<Vec<u8>, Error> {
        let mut ones = vec![1.0_f32; self.rows.len() * self.columns.len()];
        self.dropout(rate)?.apply_in_place(Mode::Train(address), &mut ones)?;
        Ok(ones.into_iter().map(|x| u8::from(x != 0.0)).collect())
    }
}

/// A hash over the masks of all layers and steps.
pub struct MaskHash(u64);

impl MaskHash {
    pub fn new() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }

    /// Gathers the masks that the ranks' parts of a matrix really have, and asserts that they are that of the whole.
    pub fn add(
        &mut self,
        world: &SimpleCommunicator,
        parts: impl Fn(usize) -> Shard,
        rate: Rate,
        address: Address,
    ) -> Result<(), Error> {
        let shards: Vec<Shard> = (0..world.size() as usize).map(parts).collect();
        let mine = shards[world.rank() as usize].kept(rate, address)?;
        let counts: Vec<Count> = shards.iter().map(|shard| (shard.rows.len() * shard.columns.len()) as Count).collect();
        let starts: Vec<Count> = counts.iter().scan(0, |end, count| Some(std::mem::replace(end, *end + count))).collect();
        let mut gathered = vec![0_u8; counts.iter().sum::<Count>() as usize];
        world.all_gather_varcount_into(&mine[..], &mut PartitionMut::new(&mut gathered[..], &counts[..], &starts[..]));

        let [rows, columns] = shards[0].whole;
        let mut kept = vec![u8::MAX; rows * columns];
        let mut next = gathered.into_iter();
        for shard in shards {
            for row in shard.rows {
                for (to, from) in kept[row * columns..][shard.columns.clone()].iter_mut().zip(&mut next) {
                    *to = from;
                }
            }
        }
        let mut expected = vec![false; kept.len()];
        Mask::new(rate, address).bools(&mut expected)?;
        assert!(kept.iter().zip(&expected).all(|(kept, expected)| *kept == u8::from(*expected)), "masks of {address:?}");
        // FNV-1a (Fowler, Noll and Vo).
        self.0 = kept.iter().fold(self.0, |hash, kept| (hash ^ u64::from(*kept)).wrapping_mul(0x0100_0000_01B3));
        Ok(())
    }

    pub fn finish(self) -> u64 {
        self.0
    }
}
