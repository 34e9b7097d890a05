//! The address of a module's next training call: state that burn keeps in its records.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::module::{Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Int, Tensor, TensorData};
use dropout_kernels::Address;

/// Counts the training calls of a layer.
///
/// In a record it is a tensor of four integers: the low and the high half of the seed, the layer and the step, each a
/// `u32` whose bits are seen as `i32`. Clones of a module, and what `valid`, `train` and `fork` make of it, count
/// together: they are one layer, and never drop by the same mask.
#[derive(Clone, Debug)]
pub struct Counter {
    id: ParamId,
    next: Arc<Mutex<Address>>,
}

impl Counter {
    /// Counts on from an address.
    #[must_use]
    pub fn new(next: Address) -> Self {
        Self { id: ParamId::new(), next: Arc::new(Mutex::new(next)) }
    }

    /// The address of the next training call.
    #[must_use]
    pub fn next(&self) -> Address {
        *self.lock()
    }

    /// The same, and counts the call.
    ///
    /// # Panics
    /// After 2^32 - 1 calls.
    #[must_use]
    pub fn count(&self) -> Address {
        let mut next = self.lock();
        let address = *next;
        next.step = address.step.checked_add(1).expect("a dropout layer has at most 2^32 - 1 training calls");
        address
    }

    /// An address is whole at any time, so it can be used even if a thread panicked while it held it.
    fn lock(&self) -> MutexGuard<'_, Address> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn param(&self) -> Param<Tensor<1, Int>> {
        let Address { seed, layer, step, .. } = self.next();
        let words = [seed as u32, (seed >> 32) as u32, layer, step].map(u32::cast_signed);
        Param::initialized(self.id, Tensor::from_data(TensorData::from(words), &Device::default()))
    }

    fn set(&self, state: &TensorData) {
        let words: Vec<u32> = state.iter::<i32>().map(i32::cast_unsigned).collect();
        let [low, high, layer, step] = words[..] else { panic!("a dropout counter of {} numbers: expected 4", words.len()) };
        *self.lock() = Address { seed: u64::from(high) << 32 | u64::from(low), layer, step, offset: 0 };
    }
}

impl Module for Counter {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        visitor.visit_int(&self.param());
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let param = self.param();
        let before = param.val().into_data();
        let (id, state, _) = mapper.map_int(param).consume();
        let state = state.into_data();
        // Most mappers leave it alone, and then a call that another thread has counted meanwhile must stay counted.
        if state != before {
            self.set(&state);
        }
        Self { id, ..self }
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
