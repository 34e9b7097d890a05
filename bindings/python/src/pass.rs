//! One pass of a layer over the memory of a call.

use pyo3::prelude::*;

use dropout_kernels::{Address, Element, Error, Kind, Layer, Layout, Mode, Shape};

use crate::memory::{self, Memory};
use crate::threads;

/// A pass in training: what all kinds of dropout have in common.
pub struct Pass<'py> {
    pub py: Python<'py>,
    pub address: Address,
    /// The address of the input, or of the gradient of the output.
    pub x: usize,
    /// That of the result, which may be the same.
    pub y: usize,
    /// The number of elements at each.
    pub len: usize,
    /// `None` for one decision per element.
    pub layout: Option<Layout>,
    pub threads: usize,
}

/// The element type of that number, as `E` in a call.
macro_rules! with_float {
    ($element:expr, $E:ident => $call:expr) => {
        match $element {
            0 => {
                type $E = f32;
                $call
            }
            1 => {
                type $E = f64;
                $call
            }
            2 => {
                type $E = half::f16;
                $call
            }
            3 => {
                type $E = half::bf16;
                $call
            }
            _ => Err(pyo3::exceptions::PyTypeError::new_err("unknown element type")),
        }
    };
}
pub(crate) use with_float;

impl Pass<'_> {
    /// The forward pass of a layer. Of most kinds the backward pass is the same map.
    pub fn forward<E: Element, K: Kind<E> + Copy>(&self, layer: Layer<K>) -> PyResult<()> {
        match self.layout {
            Some(layout) => self.forward_of::<E, K, _>(layer.with_layout(layout)),
            None => self.forward_of::<E, K, _>(layer),
        }
    }

    /// The backward pass of a layer.
    pub fn backward<E: Element, K: Kind<E> + Copy>(&self, layer: Layer<K>) -> PyResult<()> {
        match self.layout {
            Some(layout) => self.backward_of::<E, K, _>(layer.with_layout(layout)),
            None => self.backward_of::<E, K, _>(layer),
        }
    }

    fn forward_of<E: Element, K: Kind<E> + Copy, L: Shape>(&self, layer: Layer<K, L>) -> PyResult<()> {
        let mode = Mode::Train(self.address);
        self.run::<E, K, L>(layer, |layer, memory| match memory {
            Memory::InPlace(x) => layer.apply_in_place(mode, x),
            Memory::OutOfPlace(x, y) => layer.apply(mode, x, y),
        })
    }

    fn backward_of<E: Element, K: Kind<E> + Copy, L: Shape>(&self, layer: Layer<K, L>) -> PyResult<()> {
        let mode = Mode::Train(self.address);
        self.run::<E, K, L>(layer, |layer, memory| match memory {
            Memory::InPlace(grad) => layer.backward_in_place(mode, grad),
            Memory::OutOfPlace(grad_y, grad_x) => layer.backward(mode, grad_y, grad_x),
        })
    }

    fn run<E: Element, K: Kind<E> + Copy, L: Shape>(
        &self,
        layer: Layer<K, L>,
        pass: impl FnOnce(&Layer<K, L>, Memory<'_, E>) -> Result<(), Error> + Send,
    ) -> PyResult<()> {
        let layer = &if self.threads > 1 { layer.in_parallel() } else { layer };
        self.over(|memory| pass(layer, memory))
    }

    /// Any pass over the memory.
    pub fn over<E: Element>(&self, pass: impl FnOnce(Memory<'_, E>) -> Result<(), Error> + Send) -> PyResult<()> {
        let Self { x, y, len, .. } = *self;
        threads::run(self.py, len, self.threads, || {
            // SAFETY: the Python module that calls holds the arrays or tensors that `x` and `y` are the addresses of
            // until this returns. It has checked that they have elements of type E, `len` from the first to the last,
            // and that it may write to `y`. Other Python threads that write to them meanwhile are a race in the caller's
            // program, as they are for NumPy and PyTorch. Any bits make a value of each element type.
            unsafe { memory::over::<E>(x, y, len, pass) }
        })?
    }
}
