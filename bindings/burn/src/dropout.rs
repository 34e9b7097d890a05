//! The module: burn's face of a layer.

use burn::backend::Dispatch;
use burn::config::Config;
use burn::module::{Flag, Module, Param};
use burn::tensor::Tensor;
use dropout_kernels::Rate;

use crate::addresses::Addresses;
use crate::backend::{Direction, DropoutBackend, Pass};
use crate::counter::Counter;

/// What a [`Dropout`] drops, and what becomes of it.
#[derive(Config, Debug, Copy, PartialEq, Eq)]
#[expect(clippy::expl_impl_clone_on_copy, reason = "so does burn's derive")]
pub enum Kind {
    /// Elements, as `burn::nn::Dropout`. They become 0.
    Elements,
    /// Whole channels of N x C x L, N x C x H x W or N x C x D x H x W tensors: PyTorch's `Dropout1d`, `Dropout2d` and
    /// `Dropout3d`. They become 0.
    Channels,
    /// Elements, as [`dropout_kernels::AlphaDropout`]: for self-normalising networks.
    Alpha,
}

/// What a [`Dropout`] is made of.
#[derive(Config, Debug)]
pub struct DropoutConfig {
    /// The probability of dropping, from 0 to 1.
    pub prob: f64,
    /// What is dropped.
    #[config(default = "Kind::Elements")]
    pub kind: Kind,
}

impl DropoutConfig {
    /// A module that is the next layer of the [`Addresses`] in whose scope it is made. Outside of all scopes it has a
    /// random seed: like burn's own it then drops differently in each run of the program.
    ///
    /// # Panics
    /// Unless `prob` is a probability.
    #[must_use]
    pub fn init(&self) -> Dropout {
        rate(self.prob);
        let counter = Counter::new(Addresses::next_layer());
        Dropout { prob: self.prob, kind: self.kind, training: Param::from_bool(true), counter }
    }
}

/// Dropout whose masks are those of addresses, which its record keeps.
///
/// The n-th training call, counted from 0, drops by the mask of the module's seed, its layer and the step n. So a
/// module that is called twice in one training step drops differently each time, and nobody has to say where a step
/// ends. Evaluation is not counted.
#[derive(Module, Debug)]
pub struct Dropout {
    /// The probability of dropping.
    pub prob: f64,
    /// What is dropped.
    #[module(skip)]
    pub kind: Kind,
    /// Whether to drop on devices with autodiff. `freeze` clears it.
    pub training: Param<Flag>,
    /// The address of the next training call.
    pub counter: Counter,
}

impl Dropout {
    /// Drops by the mask of the next address if the module is in training and its device has autodiff, as burn's own
    /// does; otherwise the result is `x` itself.
    ///
    /// # Panics
    /// If `prob` is not a probability; with [`Kind::Channels`] for fewer than three axes; on other backends than Flex.
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if !self.training.is_enabled() || !x.device().is_autodiff() {
            return x;
        }
        assert!(self.kind != Kind::Channels || D > 2, "dropout of the channels of {D} axes: expected N x C x L or more");
        let (rate, address) = (rate(self.prob), self.counter.count());
        let pass = Pass { kind: self.kind, rate, address, direction: Direction::Forward };
        Tensor::from_dispatch(Dispatch::dropout(x.into_dispatch(), pass))
    }
}

fn rate(prob: f64) -> Rate {
    Rate::new(prob).unwrap_or_else(|error| panic!("{error}"))
}
