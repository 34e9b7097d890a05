//! The same network on all ranks: each has some rows of the batch, or some columns of the hidden layer.

use std::ops::Range;

use common::data::PIXELS;
use common::linear::{Linear, Parameters, Trainable};
use common::network::{Score, cross_entropy_gradient, elements, log_softmax};
use common::training::{BATCH, LEARNING_RATE, MOMENTUM};
use dropout_kernels::{Dropout, Error, Rate};
use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};
use ndarray::{Array2, ArrayBase, DataMut, Dimension, s};

use crate::serial::{Batch, HIDDEN, INPUT, Model, Step, gate};
use crate::shard::{MaskHash, Shard, share};

/// Ranks that train together.
pub trait Ranks {
    /// A step on this rank. It adds the masks of all ranks to the hash.
    fn step(&mut self, batch: &Batch, hash: &mut MaskHash) -> Result<Step, Error>;

    /// Whether on every rank the same units are on as on one rank alone.
    fn agree(&self, one: &Array2<bool>, gates: &Array2<bool>) -> bool;
}

/// Data parallel: each rank has some rows of the batch, and a copy of the weights.
pub struct Rows<'w> {
    world: &'w SimpleCommunicator,
    model: Model,
}

impl<'w> Rows<'w> {
    pub fn of(model: &Model, world: &'w SimpleCommunicator) -> Self {
        let [hidden, output] = [&model.hidden, &model.output].map(|linear| copy(linear, s![.., ..]));
        Self { world, model: Model { rates: model.rates, hidden, output } }
    }

    fn rows(&self, rank: usize) -> Range<usize> {
        share(BATCH, rank, self.world.size() as usize)
    }

    fn shard(&self, rank: usize, columns: usize) -> Shard {
        Shard { whole: [BATCH, columns], rows: self.rows(rank), columns: 0..columns }
    }
}

impl Ranks for Rows<'_> {
    fn step(&mut self, batch: &Batch, hash: &mut MaskHash) -> Result<Step, Error> {
        let (world, rank) = (self.world, self.world.rank() as usize);
        let Model { rates, hidden: hidden_layer, output } = &self.model;
        let width = hidden_layer.trainable.parameters.bias.len();
        hash.add(world, |rank| self.shard(rank, PIXELS), rates[0], batch.address(INPUT))?;
        hash.add(world, |rank| self.shard(rank, width), rates[1], batch.address(HIDDEN))?;

        let rows: Vec<usize> = self.rows(rank).collect();
        let share = rows.len() as f32 / BATCH as f32;
        let mine = batch.data.select(&rows);
        let input_dropout = self.shard(rank, PIXELS).dropout(rates[0])?;
        let hidden_dropout = self.shard(rank, width).dropout(rates[1])?;

        let mut input = mine.images;
        input_dropout.apply_in_place(batch.mode(INPUT), elements(&mut input))?;
        let mut hidden = hidden_layer.forward(&input).mapv_into(|x| x.max(0.0));
        let gates = hidden.mapv(|x| x > 0.0);
        hidden_dropout.apply_in_place(batch.mode(HIDDEN), elements(&mut hidden))?;
        let logits = output.forward(&hidden);
        let loss = Score::of(&log_softmax(logits.clone()), &mine.labels).loss * f64::from(share);

        // Of the mean over the whole batch.
        let grad_logits = cross_entropy_gradient(logits, &mine.labels) * share;
        let mut grad_hidden = output.backward(&grad_logits);
        hidden_dropout.backward_in_place(batch.mode(HIDDEN), elements(&mut grad_hidden))?;
        gate(&mut grad_hidden, &gates);
        let mut gradients = [Linear::gradient(&input, &grad_hidden), Linear::gradient(&hidden, &grad_logits)];
        for Parameters { weights, bias } in &mut gradients {
            sum(world, weights);
            sum(world, bias);
        }
        let [hidden, output] = &gradients;
        self.model.learn(hidden, output);
        let mut total = 0.0;
        world.all_reduce_into(&loss, &mut total, SystemOperation::sum());
        Ok(Step { loss: total, gates })
    }

    fn agree(&self, one: &Array2<bool>, gates: &Array2<bool>) -> bool {
        let rows = self.rows(self.world.rank() as usize);
        everywhere(self.world, one.slice(s![rows, ..]) == gates)
    }
}

/// Tensor parallel: each rank has some units of the hidden layer and their weights, and the whole batch.
pub struct Columns<'w> {
    world: &'w SimpleCommunicator,
    rates: [Rate; 2],
    width: usize,
    hidden: Linear,
    /// The weights that read this rank's units. Every rank has the whole bias.
    output: Linear,
}

impl<'w> Columns<'w> {
    pub fn of(model: &Model, world: &'w SimpleCommunicator) -> Self {
        let width = model.hidden.trainable.parameters.bias.len();
        let columns = share(width, world.rank() as usize, world.size() as usize);
        let hidden = copy(&model.hidden, s![.., columns.clone()]);
        let output = copy(&model.output, s![columns, ..]);
        Self { world, rates: model.rates, width, hidden, output }
    }

    fn columns(&self, rank: usize) -> Range<usize> {
        share(self.width, rank, self.world.size() as usize)
    }

    fn shard(&self, rank: usize) -> Shard {
        Shard { whole: [BATCH, self.width], rows: 0..BATCH, columns: self.columns(rank) }
    }
}

impl Ranks for Columns<'_> {
    fn step(&mut self, batch: &Batch, hash: &mut MaskHash) -> Result<Step, Error> {
        let (world, rank) = (self.world, self.world.rank() as usize);
        // Every rank has all of the input, and so all of its mask: rank 0 has it for the hash.
        let input = |rank| Shard { whole: [BATCH, PIXELS], rows: 0..if rank == 0 { BATCH } else { 0 }, columns: 0..PIXELS };
        hash.add(world, input, self.rates[0], batch.address(INPUT))?;
        hash.add(world, |rank| self.shard(rank), self.rates[1], batch.address(HIDDEN))?;

        let input_dropout = Dropout::new(self.rates[0]);
        let hidden_dropout = self.shard(rank).dropout(self.rates[1])?;
        let mut input = batch.data.images.clone();
        input_dropout.apply_in_place(batch.mode(INPUT), elements(&mut input))?;
        let mut hidden = self.hidden.forward(&input).mapv_into(|x| x.max(0.0));
        let gates = hidden.mapv(|x| x > 0.0);
        hidden_dropout.apply_in_place(batch.mode(HIDDEN), elements(&mut hidden))?;
        let Parameters { weights, bias } = &self.output.trainable.parameters;
        let mut logits = hidden.dot(weights);
        sum(world, &mut logits);
        let logits = logits + bias;
        let loss = Score::of(&log_softmax(logits.clone()), &batch.data.labels).loss;

        // The logits and their gradient are the same on all ranks, the units behind them each on its own.
        let grad_logits = cross_entropy_gradient(logits, &batch.data.labels);
        let mut grad_hidden = self.output.backward(&grad_logits);
        hidden_dropout.backward_in_place(batch.mode(HIDDEN), elements(&mut grad_hidden))?;
        gate(&mut grad_hidden, &gates);
        self.hidden.trainable.step(&Linear::gradient(&input, &grad_hidden), LEARNING_RATE, MOMENTUM);
        self.output.trainable.step(&Linear::gradient(&hidden, &grad_logits), LEARNING_RATE, MOMENTUM);
        Ok(Step { loss, gates })
    }

    fn agree(&self, one: &Array2<bool>, gates: &Array2<bool>) -> bool {
        let columns = self.columns(self.world.rank() as usize);
        everywhere(self.world, one.slice(s![.., columns]) == gates)
    }
}

/// A layer with some of another's weights, at rest.
fn copy<I: ndarray::SliceArg<ndarray::Ix2, OutDim = ndarray::Ix2>>(linear: &Linear, some: I) -> Linear {
    Linear { trainable: Trainable::new(linear.trainable.parameters.weights.slice(some).as_standard_layout().into_owned()) }
}

/// Becomes its sum over all ranks.
fn sum<D: Dimension>(world: &SimpleCommunicator, x: &mut ArrayBase<impl DataMut<Elem = f32>, D>) {
    let Some(x) = x.as_slice_memory_order_mut() else { unreachable!("gradients have no gaps") };
    let mine = x.to_vec();
    world.all_reduce_into(&mine[..], x, SystemOperation::sum());
}

/// Whether it is so on every rank.
fn everywhere(world: &SimpleCommunicator, here: bool) -> bool {
    let mut all = false;
    world.all_reduce_into(&here, &mut all, SystemOperation::logical_and());
    all
}
