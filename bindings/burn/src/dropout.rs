//! The module: burn's face of a layer.

use std::fmt;

use burn::backend::Dispatch;
use burn::config::{Config, config_to_json};
use burn::module::{Content, DisplaySettings, Flag, Module, ModuleDisplay, Param};
use burn::serde::{Deserialize, Serialize};
use burn::tensor::{Device, Tensor};
use dropout_kernels::{Address, Layout, Part, Rate};

use crate::addresses::Addresses;
use crate::backend::{Direction, DropoutBackend, Pass};
use crate::counter::Counter;
use crate::elsewhere;
use crate::kind::Kind;

/// What a [`Dropout`] is made of. Files of burn's own configuration are files of this one too, and the other way round.
// By hand, as burn's derive has no default for a field that a file lacks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub struct DropoutConfig {
    /// The probability of dropping, from 0 to 1.
    pub prob: f64,
    /// What is dropped: elements, unless a file says otherwise.
    #[serde(default)]
    pub kind: Kind,
}

impl Config for DropoutConfig {}

impl fmt::Display for DropoutConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&config_to_json(self))
    }
}

impl DropoutConfig {
    /// Dropout of elements with the probability `prob`.
    #[must_use]
    pub fn new(prob: f64) -> Self {
        Self { prob, kind: Kind::default() }
    }

    /// The same of another kind.
    #[must_use]
    pub fn with_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// A module that is the next layer of the [`Addresses`] in whose scope it is made. Outside of all scopes it has a
    /// random seed: like burn's own it then drops differently in each run of the program, and has no state in records.
    ///
    /// # Panics
    /// Unless `prob` is a probability; outside of all scopes after [`Addresses::require_scopes`].
    #[must_use]
    pub fn init(&self) -> Dropout {
        rate(self.prob);
        Dropout { prob: self.prob, kind: self.kind, training: Param::from_bool(true), counter: Counter::of_next_layer() }
    }
}

/// Dropout whose masks are those of addresses, which its record keeps.
///
/// The n-th training call, counted from 0, drops by the mask of the module's seed, its layer and the step n. So a
/// module that is called twice in one training step drops differently each time, and nobody has to say where a step
/// ends. Evaluation is not counted.
#[derive(Module, Debug)]
#[module(custom_display)]
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
    /// does, and in [Monte-Carlo passes](Addresses::monte_carlo); otherwise the result is `x` itself.
    ///
    /// On devices of other backends than Flex the mask is that of the device's own generator, and the call is not counted.
    ///
    /// # Panics
    /// If `prob` is not a probability; with [`Kind::Channels`] for fewer than three axes; in a scope after
    /// [`Addresses::require_scopes`].
    #[must_use]
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if !Addresses::in_passes() {
            if !self.training.is_enabled() || !x.device().is_autodiff() {
                return x;
            }
            Addresses::check_call();
        }
        let (rate, layout) = (rate(self.prob), self.whole(x.dims()));
        if x.device() != Device::flex() {
            return elsewhere::dropout(x, self.kind, rate);
        }
        self.pass(x, rate, layout, self.counter.count())
    }

    /// Drops by the mask of a given address, on any device of the backend Flex, and whether or not the module is in
    /// training. The call is not counted. For Monte-Carlo dropout of one module, or to compute a forward pass again.
    ///
    /// # Panics
    /// As [`forward`](Self::forward), and on other backends than Flex, whose masks have no address.
    #[must_use]
    pub fn forward_at<const D: usize>(&self, x: Tensor<D>, address: Address) -> Tensor<D> {
        let layout = self.whole(x.dims());
        self.pass(x, rate(self.prob), layout, address)
    }

    /// Drops by a part of the mask of a given address: `x` is the box of a tensor of the shape `whole` that begins at
    /// `start`, such as a micro-batch, or what a rank has of a batch. Together all parts are the whole, bit for bit. The
    /// call is not counted: have one address for all parts of a tensor, from
    /// [`counter.count()`](Counter::count).
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use dropout_kernels_burn::{Address, DropoutConfig};
    ///
    /// let dropout = DropoutConfig::new(0.5).init();
    /// let address = Address { seed: 42, layer: 0, step: 7, offset: 0 };
    /// let x = Tensor::<2>::ones([8, 100], &Device::flex());
    /// let halves = [0, 4].map(|row| dropout.forward_part(x.clone().narrow(0, row, 4), address, [8, 100], [row, 0]));
    /// assert_eq!(Tensor::cat(halves.to_vec(), 0).into_data(), dropout.forward_at(x, address).into_data());
    /// ```
    ///
    /// # Panics
    /// As [`forward_at`](Self::forward_at); also if the box ends outside of the whole, and for more than
    /// [`MAX_RANK`](dropout_kernels::MAX_RANK) axes.
    #[must_use]
    pub fn forward_part<const D: usize>(
        &self,
        x: Tensor<D>,
        address: Address,
        whole: [usize; D],
        start: [usize; D],
    ) -> Tensor<D> {
        let (shape, axes) = (x.dims(), std::array::from_fn::<_, D, _>(|axis| axis));
        let part = Part { whole: &whole, start: &start, shape: &shape, shared: &axes[self.deciding_axes(D)..], strides: None };
        let layout = Layout::part(part).unwrap_or_else(|error| panic!("{error}"));
        self.pass(x, rate(self.prob), layout, address)
    }

    fn pass<const D: usize>(&self, x: Tensor<D>, rate: Rate, layout: Layout, address: Address) -> Tensor<D> {
        assert!(x.device() == Device::flex(), "dropout by an address on {:?}: expected the backend Flex", x.device());
        let pass = Pass { kind: self.kind, rate, layout, address, direction: Direction::Forward };
        Tensor::from_dispatch(Dispatch::dropout(x.into_dispatch(), pass))
    }

    /// The number of leading axes whose positions have decisions. The others share them.
    fn deciding_axes(&self, rank: usize) -> usize {
        if self.kind != Kind::Channels {
            return rank;
        }
        assert!(rank > 2, "dropout of the channels of {rank} axes: expected N x C x L or more");
        2
    }

    /// The layout of a tensor of any number of axes: what shares a decision is one axis, and all others another.
    fn whole<const D: usize>(&self, shape: [usize; D]) -> Layout {
        let (decisions, map) = shape.split_at(self.deciding_axes(D));
        Layout::shared(&[decisions.iter().product(), map.iter().product()], &[1]).expect("a tensor that exists")
    }
}

impl ModuleDisplay for Dropout {
    fn custom_settings(&self) -> Option<DisplaySettings> {
        DisplaySettings::new().with_new_line_after_attribute(false).optional()
    }

    /// What differs from burn's own module is shown only where it does.
    fn custom_content(&self, content: Content) -> Option<Content> {
        let mut content = content.add("prob", &self.prob);
        if self.kind != Kind::Elements {
            content = content.add_debug_attribute("kind", &self.kind);
        }
        if !self.training.is_enabled() {
            content = content.add("training", &self.training);
        }
        content.optional()
    }
}

fn rate(prob: f64) -> Rate {
    Rate::new(prob).unwrap_or_else(|error| panic!("{error}"))
}
