//! Who numbers the layers of a model.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dropout_kernels::Address;

/// A seed, and the number of the next layer: where the modules of a model get their addresses. A clone goes on with the
/// same numbers.
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
}

impl Addresses {
    /// A source that has given no number yet.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, layers: Arc::default() }
    }

    /// Runs `make`, in which [`DropoutConfig::init`](crate::DropoutConfig::init) takes its addresses from this source.
    /// Scopes end with `make`, hold on its thread only, and can be nested.
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

    /// The first address of a new layer of the innermost scope. Outside of all scopes it is the first layer of a source
    /// whose seed is the operating system's.
    pub(crate) fn next_layer() -> Address {
        let source = IN_SCOPE.with_borrow(Clone::clone).unwrap_or_else(|| Self::new(RandomState::new().hash_one(0)));
        let layer = source.layers.fetch_add(1, Ordering::Relaxed);
        Address { seed: source.seed, layer, ..Address::default() }
    }
}
