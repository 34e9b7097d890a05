//! Who counts: the source of a model's addresses.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{Device, Result, Tensor, bail};
use dropout_kernels::Address;

/// The source of a model's addresses: a seed, and for each layer the number of its training calls so far.
///
/// Layers are numbered in the order in which they are made. The n-th training call of a layer, counted from 0, drops by
/// the mask of the address `{ seed, layer, step: n, offset: 0 }`. So:
///
/// - A module that is called twice in one training step, say by two branches or at each time step, drops differently
///   each time. Nobody has to say where a training step ends.
/// - Evaluation is not counted, and so does not change the training that follows it. Passes of Monte-Carlo dropout are
///   training calls and are counted; [`forward_at`](crate::Layer::forward_at) takes an address instead, and counts
///   nothing.
/// - The backward pass belongs to its forward pass, however many others come in between.
///
/// A clone is a handle to the same counts. [`state`](Self::state) and [`restore`](Self::restore) put them into a
/// checkpoint and back: a run that is resumed then has the masks of one that was not interrupted.
///
/// Ranks that train on parts of one batch need a seed each, or they all drop the same positions of their parts.
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
    /// The next step of each layer.
    steps: Vec<u32>,
}

thread_local! {
    /// Those of the innermost scope.
    static IN_SCOPE: RefCell<Option<Addresses>> = const { RefCell::new(None) };
}

impl Addresses {
    /// A source without layers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { counts: Arc::new(Mutex::new(Counts { seed, steps: Vec::new() })) }
    }

    /// Runs `make`, in which [`Module::new`](crate::Layer::new) takes its addresses from this source: for constructors
    /// of models that have no parameter for it. Scopes end with `make`, hold on its thread only, and can be nested.
    pub fn scope<T>(&self, make: impl FnOnce() -> T) -> T {
        /// Ends the scope, also if `make` panics.
        struct Outer(Option<Addresses>);

        impl Drop for Outer {
            fn drop(&mut self) {
                IN_SCOPE.set(self.0.take());
            }
        }

        let _outer = Outer(IN_SCOPE.replace(Some(self.clone())));
        make()
    }

    /// The source of the innermost scope, or else one whose seed is the operating system's.
    pub(crate) fn in_scope() -> Self {
        IN_SCOPE.with_borrow(Clone::clone).unwrap_or_else(|| Self::new(RandomState::new().hash_one(0)))
    }

    /// The number of a new layer.
    pub(crate) fn add_layer(&self) -> u32 {
        let mut counts = self.counts();
        counts.steps.push(0);
        u32::try_from(counts.steps.len() - 1).expect("a model has fewer than 2^32 layers")
    }

    /// The address of a layer's next training call, which is thereby counted.
    pub(crate) fn next(&self, layer: u32) -> Result<Address> {
        let mut counts = self.counts();
        let seed = counts.seed;
        let next = &mut counts.steps[layer as usize];
        let step = *next;
        let Some(after) = step.checked_add(1) else { bail!("layer {layer} has had all of its 2^32 - 1 training calls") };
        *next = after;
        Ok(Address { seed, layer, step, offset: 0 })
    }

    /// The seed and all counts, as a tensor for a checkpoint: `u32` of length `2 + layers`, the seed's low half, its
    /// high half, and the number of training calls of each layer.
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
    /// # Errors
    /// Those of candle.
    pub fn state(&self) -> Result<Tensor> {
        let counts = self.counts();
        let [low, high] = [counts.seed as u32, (counts.seed >> 32) as u32];
        let state: Vec<u32> = [low, high].into_iter().chain(counts.steps.iter().copied()).collect();
        let len = state.len();
        Tensor::from_vec(state, len, &Device::Cpu)
    }

    /// Takes seed and counts from a [`state`](Self::state). The model must have been built as it was: its layers are
    /// known by their numbers.
    ///
    /// # Errors
    /// If `state` is not a state, or not one of as many layers. Seed and counts are then as they were.
    pub fn restore(&self, state: &Tensor) -> Result<()> {
        let state = state.to_vec1::<u32>()?;
        let mut counts = self.counts();
        let [low, high, steps @ ..] = &*state else { bail!("a state of addresses begins with its seed, in two numbers") };
        if steps.len() != counts.steps.len() {
            bail!("a state of {} dropout layers: expected {}, as many as the model has", steps.len(), counts.steps.len());
        }
        counts.seed = u64::from(*high) << 32 | u64::from(*low);
        counts.steps.copy_from_slice(steps);
        Ok(())
    }

    /// Counts are whole at any time, so they can be used even if a thread panicked while it held them.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
