//! The address of a module's next training call: state that burn keeps in its records.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use burn::module::{Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{DType, Device, Int, Shape, Tensor, TensorData};
use dropout_kernels::Address;

use crate::addresses::Addresses;

/// Counts the training calls of a layer.
///
/// In a record it is a tensor of four integers: the low and the high half of the seed, the layer and the step, each a
/// `u32` whose bits are seen as `i32`. Clones of a module, and what an optimizer, `valid`, `train` and `fork` make of it,
/// count together: they are one layer, and never drop by the same mask. A record that is loaded gives the module a count
/// of its own.
///
/// The counter of a module that was made outside of all [scopes](Addresses::scope), with a random seed, is in no record.
#[derive(Debug)]
pub struct Counter {
    id: ParamId,
    shared: Arc<Mutex<Shared>>,
    recorded: bool,
}

/// What clones have in common.
#[derive(Debug)]
struct Shared {
    next: Address,
    /// What a load has made of one of the clones: others in the same model become the same, or they would drop by the same
    /// masks. Forgotten when there is a clone that may belong to another model.
    heir: Weak<Mutex<Self>>,
}

impl Counter {
    /// Counts on from an address.
    #[must_use]
    pub fn new(next: Address) -> Self {
        Self { id: ParamId::new(), shared: Shared::new(next), recorded: true }
    }

    /// That of a new layer.
    pub(crate) fn of_next_layer() -> Self {
        let (next, recorded) = Addresses::next_layer();
        Self { recorded, ..Self::new(next) }
    }

    /// The address of the next training call.
    #[must_use]
    pub fn next(&self) -> Address {
        lock(&self.shared).next
    }

    /// The same, and counts the call. In [Monte-Carlo passes](Addresses::monte_carlo), the address of the next pass.
    ///
    /// # Panics
    /// After 2^32 - 1 calls.
    #[must_use]
    pub fn count(&self) -> Address {
        let mut shared = lock(&self.shared);
        let address = shared.next;
        Addresses::next_pass(address.layer).unwrap_or_else(|| {
            shared.next.step = address.step.checked_add(1).expect("a dropout layer has at most 2^32 - 1 training calls");
            address
        })
    }

    /// Lazy: mappers and visitors that leave integers alone cost nothing. Of a type that all devices have, whatever the
    /// type of their integers, and never on burn's default device, which may be none that the program uses.
    fn param(&self) -> Param<Tensor<1, Int>> {
        let Address { seed, layer, step, .. } = self.next();
        let words = [seed as u32, (seed >> 32) as u32, layer, step].map(u32::cast_signed);
        let init = move |device: &Device, _| Tensor::from_data(TensorData::from(words), (device, DType::I32));
        Param::uninitialized(self.id, init, Device::flex(), false, Shape::new([words.len()]))
    }

    /// A counter that goes on from `next` by itself.
    fn become_one_at(self, next: Address) -> Self {
        let mut shared = lock(&self.shared);
        let heir = shared.heir.upgrade().filter(|heir| lock(heir).next == next).unwrap_or_else(|| Shared::new(next));
        shared.heir = Arc::downgrade(&heir);
        drop(shared);
        Self { shared: heir, ..self }
    }
}

impl Shared {
    fn new(next: Address) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self { next, heir: Weak::new() }))
    }
}

/// What is shared is whole at any time, so it can be used even if a thread panicked while it held it.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Clone for Counter {
    fn clone(&self) -> Self {
        lock(&self.shared).heir = Weak::new();
        Self { shared: Arc::clone(&self.shared), ..*self }
    }
}

impl Module for Counter {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        if self.recorded {
            visitor.visit_int(&self.param());
        }
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        if !self.recorded {
            return self;
        }
        let before = self.next();
        if let Some(seed) = Addresses::new_seed() {
            return self.become_one_at(Address { seed, ..before });
        }
        let loaded = Arc::new(AtomicBool::new(false));
        let on_load = Arc::clone(&loaded);
        let param = self.param().load_mapper(move |state| {
            on_load.store(true, Ordering::Relaxed);
            state
        });
        let param = mapper.map_int(param);
        if !param.is_initialized() {
            return self; // as most mappers leave it: it goes on counting with its clones
        }
        let (id, state, _) = param.consume();
        let words: Vec<u32> = state.into_data().iter::<i64>().map(|word| word.cast_unsigned() as u32).collect();
        let [low, high, layer, step] = words[..] else { panic!("a dropout counter of {} numbers: expected 4", words.len()) };
        let next = Address { seed: u64::from(high) << 32 | u64::from(low), layer, step, offset: 0 };
        if next == before && !loaded.load(Ordering::Relaxed) {
            return self;
        }
        Self { id, ..self.become_one_at(next) }
    }

    fn to_device(self, _device: &Device) -> Self {
        self
    }

    fn fork(self, _device: &Device) -> Self {
        self
    }

    fn collect_devices(&self, devices: Devices) -> Devices {
        devices
    }

    fn materialize(self) -> Self {
        self
    }

    fn valid(&self) -> Self {
        self.clone()
    }

    fn train(self) -> Self {
        self
    }
}

impl ModuleDisplayDefault for Counter {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&format!("{:?}", self.next())).optional()
    }
}

impl ModuleDisplay for Counter {}
