//! The network on all ranks: each has some rows of the batch, or some columns of the hidden layer.

use std::ops::Range;

use common::data::{Dataset, PIXELS};
use common::linear::{Linear, Parameters, Trainable};
use common::training::BATCH;
use dropout_kernels::{Dropout, Error, Layout, Part};
use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};
use ndarray::{Array1, Array2, ArrayBase, Axis, DataMut, Dimension, s};

use crate::model::{Exchange, HIDDEN, Model, Outcome, Step, dropout};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Data parallel: each rank has some rows of the batch, and a copy of the weights.
    Rows,
    /// Tensor parallel: each rank has some units of the hidden layer and their weights, and the whole batch.
    Columns,
}

/// This rank, among those that train together.
pub struct Ranks<'w> {
    world: &'w SimpleCommunicator,
    by: By,
    /// Of the whole hidden layer.
    width: usize,
    /// What this rank has of it.
    model: Model,
}

/// A box of a matrix.
pub struct Shard {
    pub whole: [usize; 2],
    pub rows: Range<usize>,
    pub columns: Range<usize>,
}

impl Shard {
    /// Dropout of this box: it has the box of the whole's mask, and needs no communication for that.
    pub fn dropout(&self, layer: u32) -> Result<Dropout<Layout>, Error> {
        let layout = Layout::part(Part {
            whole: &self.whole,
            start: &[self.rows.start, self.columns.start],
            shape: &[self.rows.len(), self.columns.len()],
            ..Part::default()
        })?;
        Ok(dropout(layer)?.with_layout(layout))
    }
}

impl<'w> Ranks<'w> {
    /// This rank's part of a network.
    pub fn of(model: &Model, by: By, world: &'w SimpleCommunicator) -> Self {
        let width = model.hidden.trainable.parameters.bias.len();
        let units = share(width, world, world.rank(), by == By::Columns);
        let hidden = map(&model.hidden, |Parameters { weights, bias }| Parameters {
            weights: weights.slice(s![.., units.clone()]).as_standard_layout().into_owned(),
            bias: bias.slice(s![units.clone()]).to_owned(),
        });
        // The weights that read these units. Every rank has the whole bias.
        let output = map(&model.output, |Parameters { weights, bias }| Parameters {
            weights: weights.slice(s![units.clone(), ..]).to_owned(),
            bias: bias.clone(),
        });
        Self { world, by, width, model: Model { hidden, output } }
    }

    /// The rows of a batch that this rank reads.
    pub fn rows(&self) -> Range<usize> {
        self.shard(HIDDEN, self.world.rank()).rows
    }

    /// All of the tensor that a dropout layer drops.
    pub fn whole(&self, layer: u32) -> Shard {
        let columns = if layer == HIDDEN { self.width } else { PIXELS };
        Shard { whole: [BATCH, columns], rows: 0..BATCH, columns: 0..columns }
    }

    /// What a rank has of the tensor that a dropout layer drops.
    pub fn shard(&self, layer: u32, rank: i32) -> Shard {
        let whole = self.whole(layer);
        let rows = share(BATCH, self.world, rank, self.by == By::Rows);
        let columns = share(whole.columns.len(), self.world, rank, self.by == By::Columns && layer == HIDDEN);
        Shard { rows, columns, ..whole }
    }

    /// A step on this rank's rows. The loss that it returns is that of the whole batch.
    pub fn step(&mut self, step: Step, rows: Dataset) -> Result<Outcome, Error> {
        let [input, hidden] = [0, HIDDEN].map(|layer| self.shard(layer, self.world.rank()).dropout(layer));
        let sums = Sums { world: self.world, by: self.by };
        let mut outcome = self.model.step(step, rows, [&input?, &hidden?], &sums)?;
        if self.by == By::Rows {
            let mine = outcome.loss;
            self.world.all_reduce_into(&mine, &mut outcome.loss, SystemOperation::sum());
        }
        Ok(outcome)
    }

    /// The whole network, on every rank: for a checkpoint, which any number of ranks can load.
    pub fn gather(&self) -> Model {
        let Self { world, by, width, .. } = *self;
        let units = share(width, world, world.rank(), by == By::Columns);
        // Of what each rank has another part, others have zeros.
        let sum_of_parts = |x: &mut [f32]| {
            if by == By::Columns {
                sum(world, x);
            }
        };
        let hidden = map(&self.model.hidden, |Parameters { weights, bias }| {
            let mut whole = Parameters { weights: Array2::zeros((PIXELS, width)), bias: Array1::zeros(width) };
            whole.weights.slice_mut(s![.., units.clone()]).assign(weights);
            whole.bias.slice_mut(s![units.clone()]).assign(bias);
            sum_of_parts(elements(&mut whole.weights));
            sum_of_parts(elements(&mut whole.bias));
            whole
        });
        let output = map(&self.model.output, |Parameters { weights, bias }| {
            let mut whole = Parameters { weights: Array2::zeros((width, weights.len_of(Axis(1)))), bias: bias.clone() };
            whole.weights.slice_mut(s![units.clone(), ..]).assign(weights);
            sum_of_parts(elements(&mut whole.weights));
            whole
        });
        Model { hidden, output }
    }
}

/// The communication of one way to split a network.
struct Sums<'w> {
    world: &'w SimpleCommunicator,
    by: By,
}

impl Exchange for Sums<'_> {
    /// Each rank has the logits of its own units.
    fn sum_logits(&self, logits: &mut Array2<f32>) {
        if self.by == By::Columns {
            sum(self.world, elements(logits));
        }
    }

    /// Each rank has the gradients of its own rows.
    fn sum_gradients(&self, gradients: &mut Parameters) {
        if self.by == By::Rows {
            sum(self.world, elements(&mut gradients.weights));
            sum(self.world, elements(&mut gradients.bias));
        }
    }
}

/// The part of `len` positions that a rank has, if they are split.
fn share(len: usize, world: &SimpleCommunicator, rank: i32, split: bool) -> Range<usize> {
    let (rank, size) = if split { (rank as usize, world.size() as usize) } else { (0, 1) };
    rank * len / size..(rank + 1) * len / size
}

/// A layer made of another's parameters and their velocity.
fn map(linear: &Linear, part: impl Fn(&Parameters) -> Parameters) -> Linear {
    let Trainable { parameters, velocity } = &linear.trainable;
    Linear { trainable: Trainable { parameters: part(parameters), velocity: part(velocity) } }
}

fn elements<D: Dimension>(x: &mut ArrayBase<impl DataMut<Elem = f32>, D>) -> &mut [f32] {
    x.as_slice_memory_order_mut().expect("an array of its own has no gaps")
}

/// Becomes its sum over all ranks.
fn sum(world: &SimpleCommunicator, x: &mut [f32]) {
    let mine = x.to_vec();
    world.all_reduce_into(&mine[..], x, SystemOperation::sum());
}
