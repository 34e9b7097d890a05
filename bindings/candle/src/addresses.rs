//! Who counts: the source of a model's addresses.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::LocalKey;

use candle_core::{Device, Result, Tensor, bail};
use dropout_kernels::Address;

use crate::kind::{Kind, NAMES};

/// The source of a model's addresses: a seed, and for each layer the number of its training calls so far.
///
/// Layers are numbered in the order in which they are made. The n-th training call of a layer, counted from 0, drops by
/// the mask of the address `{ seed, layer, step: n, offset: 0 }`. So:
///
/// - A module that is called twice in one training step, say by two branches or at each time step, drops differently
///   each time. Nobody has to say where a training step ends.
/// - Evaluation is not counted, and so does not change the training that follows it. Nor are [Monte-Carlo
///   passes](Self::monte_carlo), and calls of [`forward_at`](crate::Layer::forward_at), which takes an address instead.
/// - The backward pass belongs to its forward pass, however many others come in between.
/// - A layer that is gone, with all of its clones, leaves its number and its count to the next that is made. So a module
///   that a model makes anew in each call is one layer, and goes on counting.
///
/// A clone is a handle to the same counts, for any thread. [`state`](Self::state) and [`restore`](Self::restore) put them
/// into a checkpoint and back: a run that is resumed then has the masks of one that was not interrupted.
///
/// Ranks that train on parts of one batch need a seed each, or they all drop the same positions of their parts;
/// [`restore_counts`](Self::restore_counts) keeps it. Or they are [parts](crate::Layer::forward_part) of one mask.
///
/// ```
/// use dropout_kernels_candle::{Addresses, Dropout};
///
/// let addresses = Addresses::new(42);
/// let [first, second] = addresses.scope(|| [Dropout::new(0.1), Dropout::new(0.5)]);
/// assert_eq!((first.layer(), second.layer()), (0, 1));
/// ```
#[derive(Clone, Debug)]
pub struct Addresses {
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug)]
struct Counts {
    seed: u64,
    layers: Vec<Count>,
    /// Made outside of all scopes, where they are required.
    refused: bool,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    /// The next step.
    calls: u32,
    /// `None` if the layer is gone.
    what: Option<What>,
}

/// What a layer is: a checkpoint whose layers are others is not the model's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct What {
    /// The index of its name.
    kind: u32,
    /// The bits of its rate.
    drop_p: u32,
}

thread_local! {
    /// Those of the innermost scope.
    static IN_SCOPE: RefCell<Option<Addresses>> = const { RefCell::new(None) };
    /// Those of the innermost Monte-Carlo passes.
    static PASSES: RefCell<Option<Passes>> = const { RefCell::new(None) };
}

static SCOPES_REQUIRED: AtomicBool = AtomicBool::new(false);

/// Calls that do not count.
#[derive(Debug)]
struct Passes {
    seed: u64,
    /// The next step of each layer.
    steps: BTreeMap<u32, u32>,
}

impl Addresses {
    /// A source without layers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { counts: Arc::new(Mutex::new(Counts { seed, layers: Vec::new(), refused: false })) }
    }

    /// Runs `make`, in which [`Module::new`](crate::Layer::new) takes its addresses from this source: for constructors
    /// of models that have no parameter for it. Scopes end with `make`, hold on its thread only, and can be nested. Where
    /// other threads make parts of the model, each has a scope of a clone.
    pub fn scope<T>(&self, make: impl FnOnce() -> T) -> T {
        within(&IN_SCOPE, self.clone(), make)
    }

    /// From now on, and in the whole program, a seed is never forgotten: a module that is made outside of all scopes, on
    /// another thread or in a model's `forward` too, has no random seed, but errors in training. (Modules of
    /// [`new_in`](crate::Layer::new_in) need no scope.)
    pub fn require_scopes() {
        SCOPES_REQUIRED.store(true, Ordering::Relaxed);
    }

    /// Runs passes of Monte-Carlo dropout: calls with `train` in `passes`, on its thread, count nothing. The n-th call of
    /// a layer, counted from 0 in here, drops by the mask of `seed`, the layer and step n, and training goes on as if it
    /// had not been.
    ///
    /// Samples of several batches have masks of their own if all are in one call, or in calls with different seeds.
    ///
    /// ```
    /// use candle_core::{DType, Device, Tensor};
    /// use dropout_kernels_candle::{Addresses, Dropout};
    ///
    /// let addresses = Addresses::new(42);
    /// let model = Dropout::new_in(0.5, &addresses);
    /// let x = Tensor::ones(1000, DType::F32, &Device::Cpu)?;
    /// let sample = |_| model.forward(&x, true)?.to_vec1::<f32>();
    /// let samples = Addresses::monte_carlo(7, || (0..100).map(sample).collect::<candle_core::Result<Vec<_>>>())?;
    /// assert_ne!(samples[0], samples[1]);
    /// assert_eq!(addresses.state()?.to_vec1::<u32>()?[2], 0); // calls of layer 0
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    pub fn monte_carlo<T>(seed: u64, passes: impl FnOnce() -> T) -> T {
        within(&PASSES, Passes { seed, steps: BTreeMap::new() }, passes)
    }

    /// The source of the innermost scope, or else one whose seed is the operating system's.
    pub(crate) fn in_scope() -> Self {
        IN_SCOPE.with_borrow(Clone::clone).unwrap_or_else(|| {
            let outside = Self::new(RandomState::new().hash_one(0));
            outside.counts().refused = SCOPES_REQUIRED.load(Ordering::Relaxed);
            outside
        })
    }

    /// A new layer.
    pub(crate) fn add_layer<K: Kind>(&self, drop_p: f32) -> Number {
        let what = Some(What { kind: K::INDEX, drop_p: drop_p.to_bits() });
        let mut counts = self.counts();
        let layer = counts.layers.iter().position(|count| count.what.is_none()).unwrap_or_else(|| {
            counts.layers.push(Count { calls: 0, what });
            counts.layers.len() - 1
        });
        counts.layers[layer].what = what;
        drop(counts);
        let layer = u32::try_from(layer).expect("a model has fewer than 2^32 layers");
        Number { addresses: self.clone(), layer }
    }

    /// The seed and all counts, as a tensor for a checkpoint: `u32` of length `2 + 3 * layers`, the seed's low half, its
    /// high half, and for each layer the number of its training calls, its kind, and the bits of its rate.
    ///
    /// ```
    /// use std::collections::HashMap;
    ///
    /// use candle_core::{Device, safetensors};
    /// use dropout_kernels_candle::{Addresses, Dropout};
    ///
    /// # let file = std::env::temp_dir().join(format!("addresses-{}.safetensors", std::process::id()));
    /// let addresses = Addresses::new(42);
    /// let dropout = Dropout::new_in(0.1, &addresses);
    /// // ... train, then write the checkpoint, with the model's variables beside the addresses ...
    /// safetensors::save(&HashMap::from([("dropout", addresses.state()?)]), &file)?;
    ///
    /// // In another process: build the model again, then restore.
    /// let addresses = Addresses::new(0);
    /// let dropout = Dropout::new_in(0.1, &addresses);
    /// addresses.restore(&safetensors::load(&file, &Device::Cpu)?["dropout"])?;
    /// # std::fs::remove_file(file)?;
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    ///
    /// With a `VarMap`, [`save`](Self::save) and [`load`](Self::load) are all it takes.
    ///
    /// # Errors
    /// Those of candle.
    pub fn state(&self) -> Result<Tensor> {
        let counts = self.counts();
        let mut state = vec![counts.seed as u32, (counts.seed >> 32) as u32];
        for &Count { calls, what } in &counts.layers {
            let What { kind, drop_p } = what.unwrap_or(GONE);
            state.extend([calls, kind, drop_p]);
        }
        let len = state.len();
        Tensor::from_vec(state, len, &Device::Cpu)
    }

    /// Takes seed and counts from a [`state`](Self::state). The model must have been built as it was: its layers are
    /// known by their numbers. Of layers that have changed places, those of different kinds or rates are an error; others
    /// cannot be told apart.
    ///
    /// # Errors
    /// If `state` is not a state, or not one of these layers. Seed and counts are then as they were.
    pub fn restore(&self, state: &Tensor) -> Result<()> {
        let (seed, layers) = self.read(state)?;
        let mut counts = self.counts();
        (counts.seed, counts.layers) = (seed, layers);
        Ok(())
    }

    /// As [`restore`](Self::restore), but the seed stays: for a rank or a member of an ensemble that goes on from
    /// another's checkpoint, and would otherwise drop the same.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    pub fn restore_counts(&self, state: &Tensor) -> Result<()> {
        self.counts().layers = self.read(state)?.1;
        Ok(())
    }

    /// The seed and the counts of a state of these layers.
    fn read(&self, state: &Tensor) -> Result<(u64, Vec<Count>)> {
        let state = state.to_vec1::<u32>()?;
        let [low, high, layers @ ..] = &*state else { bail!("a state of addresses begins with its seed, in two numbers") };
        let (layers, rest) = layers.as_chunks();
        if !rest.is_empty() {
            bail!("a state of addresses with {} numbers: expected 2, and 3 for each layer", state.len());
        }
        let count =
            |&[calls, kind, drop_p]: &[u32; 3]| Count { calls, what: Some(What { kind, drop_p }).filter(|&what| what != GONE) };
        let layers: Vec<Count> = layers.iter().map(count).collect();
        let counts = self.counts();
        for layer in 0..layers.len().max(counts.layers.len()) {
            let [was, is] = [&layers, &counts.layers].map(|layers| layers.get(layer).and_then(|count| count.what));
            if was != is {
                let name = |what: Option<What>| what.map_or("none".to_owned(), |what| what.to_string());
                bail!("layer {layer} of the state is {}: expected {}, as the model has", name(was), name(is));
            }
        }
        Ok((u64::from(*high) << 32 | u64::from(*low), layers))
    }

    /// Counts are whole at any time, so they can be used even if a thread panicked while it held them.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a state has for a layer that is gone.
const GONE: What = What { kind: u32::MAX, drop_p: 0 };

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.get(self.kind as usize).unwrap_or(&"of an unknown kind");
        write!(f, "{name} with drop_p = {}", f32::from_bits(self.drop_p))
    }
}

/// The number of a layer, which has it for as long as there is a clone of it.
#[derive(Debug)]
pub(crate) struct Number {
    pub(crate) addresses: Addresses,
    pub(crate) layer: u32,
}

impl Number {
    /// The address of the layer's next training call, which is thereby counted, or of its next Monte-Carlo pass.
    pub(crate) fn next(&self) -> Result<Address> {
        let layer = self.layer;
        let mut counts = self.addresses.counts();
        if counts.refused {
            bail!("a dropout made outside of all scopes: expected `Addresses::scope` around the making of the model");
        }
        let count = |calls: &mut u32| {
            let step = *calls;
            let Some(after) = step.checked_add(1) else { bail!("layer {layer} has had all of its 2^32 - 1 training calls") };
            *calls = after;
            Ok(step)
        };
        PASSES.with_borrow_mut(|passes| {
            let (seed, step) = match passes {
                Some(Passes { seed, steps }) => (*seed, count(steps.entry(layer).or_default())?),
                None => (counts.seed, count(&mut counts.layers[layer as usize].calls)?),
            };
            Ok(Address { seed, layer, step, offset: 0 })
        })
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        self.addresses.counts().layers[self.layer as usize].what = None;
    }
}

/// Runs `f` with a value in its place, and then puts back what was there, also if `f` panics.
fn within<V, T>(place: &'static LocalKey<RefCell<Option<V>>>, value: V, f: impl FnOnce() -> T) -> T {
    struct Outer<V: 'static>(&'static LocalKey<RefCell<Option<V>>>, Option<V>);

    impl<V> Drop for Outer<V> {
        fn drop(&mut self) {
            self.0.set(self.1.take());
        }
    }

    let _outer = Outer(place, place.replace(Some(value)));
    f()
}
