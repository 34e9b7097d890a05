//! Who numbers the layers of a model.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::LocalKey;

use burn::module::{Module, ModuleMapper};
use dropout_kernels::Address;

/// A seed, and the number of the next layer: where the modules of a model get their addresses. A clone goes on with the
/// same numbers, on any thread.
///
/// ```
/// use dropout_kernels_burn::{Addresses, DropoutConfig};
///
/// let [first, second] = Addresses::new(42).scope(|| [0.1, 0.5].map(|p| DropoutConfig::new(p).init()));
/// assert_eq!((first.counter.next().layer, second.counter.next().layer), (0, 1));
/// ```
#[derive(Clone, Debug)]
pub struct Addresses {
    seed: u64,
    layers: Arc<AtomicU32>,
}

thread_local! {
    /// Those of the innermost scope.
    static IN_SCOPE: RefCell<Option<Addresses>> = const { RefCell::new(None) };
    /// Those of the innermost Monte-Carlo passes.
    static PASSES: RefCell<Option<Passes>> = const { RefCell::new(None) };
    /// The seed that counters take from a mapper.
    static SEED: RefCell<Option<u64>> = const { RefCell::new(None) };
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
    /// A source that has given no number yet.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, layers: Arc::default() }
    }

    /// Runs `make`, in which [`DropoutConfig::init`](crate::DropoutConfig::init) takes its addresses from this source.
    /// Scopes end with `make`, hold on its thread only, and can be nested. Where other threads make parts of the model,
    /// each has a scope of a clone.
    pub fn scope<T>(&self, make: impl FnOnce() -> T) -> T {
        within(&IN_SCOPE, self.clone(), make)
    }

    /// From now on, and in the whole program, a seed is never forgotten: [`DropoutConfig::init`] panics outside of all
    /// scopes, instead of taking a random seed, and so does a training call inside of a scope, where a module that is
    /// made in a model's `forward` would be a new layer in each call.
    ///
    /// [`DropoutConfig::init`]: crate::DropoutConfig::init
    pub fn require_scopes() {
        SCOPES_REQUIRED.store(true, Ordering::Relaxed);
    }

    /// Runs passes of Monte-Carlo dropout. In `passes`, on its thread, every module drops, also without autodiff and if it
    /// is frozen or `valid`, and nothing is counted: the n-th call of a layer, counted from 0 in here, drops by the mask
    /// of `seed`, the layer and step n, and training goes on as if it had not been.
    ///
    /// Samples of several batches have masks of their own if all are in one call, or in calls with different seeds.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use dropout_kernels_burn::{Addresses, DropoutConfig};
    ///
    /// let model = Addresses::new(42).scope(|| DropoutConfig::new(0.5).init());
    /// let x = Tensor::<1>::ones([1000], &Device::flex());
    /// let samples = Addresses::monte_carlo(7, || [0; 2].map(|_| model.forward(x.clone()).into_data()));
    /// assert_ne!(samples[0], samples[1]);
    /// assert_eq!(samples, Addresses::monte_carlo(7, || [0; 2].map(|_| model.forward(x.clone()).into_data())));
    /// assert_eq!(model.counter.next().step, 0);
    /// ```
    pub fn monte_carlo<T>(seed: u64, passes: impl FnOnce() -> T) -> T {
        within(&PASSES, Passes { seed, steps: BTreeMap::new() }, passes)
    }

    /// The model with another seed, and counts of its own that go on from the same numbers: for a rank or a member of an
    /// ensemble that has loaded another's record, and would otherwise drop the same. Modules without a record keep theirs.
    ///
    /// ```
    /// use dropout_kernels_burn::{Address, Addresses, DropoutConfig};
    ///
    /// let first = Addresses::new(42).scope(|| DropoutConfig::new(0.5).init());
    /// first.counter.count();
    /// let second = Addresses::reseed(first.clone(), 43);
    /// assert_eq!(second.counter.next(), Address { seed: 43, ..first.counter.next() });
    /// ```
    #[must_use]
    pub fn reseed<M: Module>(model: M, seed: u64) -> M {
        /// Whose methods leave everything as it is.
        struct Identity;

        impl ModuleMapper for Identity {}

        within(&SEED, seed, || model.map(&mut Identity))
    }

    /// The first address of a new layer of the innermost scope, and whether it is for a record. Outside of all scopes it is the first
    /// layer of a source whose seed is the operating system's, and in no record.
    pub(crate) fn next_layer() -> (Address, bool) {
        let Some(source) = IN_SCOPE.with_borrow(Clone::clone) else {
            let required = SCOPES_REQUIRED.load(Ordering::Relaxed);
            assert!(!required, "a dropout made outside of all scopes: expected Addresses::scope around the making of the model");
            return (Address { seed: RandomState::new().hash_one(0), ..Address::default() }, false);
        };
        let layer = source.layers.fetch_add(1, Ordering::Relaxed);
        (Address { seed: source.seed, layer, ..Address::default() }, true)
    }

    /// Panics in a scope, if scopes are required.
    pub(crate) fn check_call() {
        let in_scope = IN_SCOPE.with_borrow(Option::is_some);
        assert!(
            !(in_scope && SCOPES_REQUIRED.load(Ordering::Relaxed)),
            "a training call in a scope: expected the scope around the making of the model alone"
        );
    }

    /// Whether calls are Monte-Carlo passes.
    pub(crate) fn in_passes() -> bool {
        PASSES.with_borrow(Option::is_some)
    }

    /// The address of a layer's next Monte-Carlo pass, unless calls are counted.
    pub(crate) fn next_pass(layer: u32) -> Option<Address> {
        PASSES.with_borrow_mut(|passes| {
            let passes = passes.as_mut()?;
            let next = passes.steps.entry(layer).or_default();
            let step = *next;
            *next = step.checked_add(1).expect("a layer has at most 2^32 - 1 Monte-Carlo passes");
            Some(Address { seed: passes.seed, layer, step, offset: 0 })
        })
    }

    /// The seed that a mapper of [`reseed`](Self::reseed) brings.
    pub(crate) fn new_seed() -> Option<u64> {
        SEED.with_borrow(|seed| *seed)
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
