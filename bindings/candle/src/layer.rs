//! The modules: candle's face of a layer.

use std::fmt;
use std::marker::PhantomData;

use candle_core::{DType, Device, Error, ModuleT, Result, Tensor, bail};
use dropout_kernels::{self as kernels, Address, Rate};

use crate::addresses::Addresses;
use crate::kind::{Alpha, Kind, Scaled, sealed};
use crate::pass::{Direction, Pass, view};

/// Inverted dropout with one decision per element, as `candle_nn::Dropout`, for tensors of any shape.
pub type Dropout = Layer<Scaled<0>>;

/// [`Dropout`] of whole channels of N x C x L tensors.
pub type Dropout1d = Layer<Scaled<1>>;

/// [`Dropout`] of whole feature maps of N x C x H x W tensors.
pub type Dropout2d = Layer<Scaled<2>>;

/// [`Dropout`] of whole feature volumes of N x C x D x H x W tensors.
pub type Dropout3d = Layer<Scaled<3>>;

/// Alpha dropout, for self-normalising networks, with one decision per element. In training at rate p a kept value
/// becomes `a * x + b` and a dropped one `a * s + b`: see [`dropout_kernels::AlphaDropout`].
pub type AlphaDropout = Layer<Alpha>;

/// A dropout module of kind `K`: [`Dropout`] and its siblings.
///
/// Training calls are counted by the [`Addresses`] from which the module has its layer's number; a clone of the module
/// is the same layer.
pub struct Layer<K> {
    /// As given, in decimals.
    drop_p: f64,
    addresses: Addresses,
    number: u32,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Layer<K> {
    /// A module that drops with probability `drop_p`, from 0 to 1, and is the next layer of the source in whose
    /// [scope](Addresses::scope) it is made. Outside of all scopes it has a source of its own with a random seed: like
    /// `candle_nn::Dropout` it then drops differently in each run of the program.
    ///
    /// The rate is the shortest decimal that is this `f32`. So 0.1 is what it is to the library and its other bindings,
    /// which take `f64`, and the masks are the same.
    #[must_use]
    pub fn new(drop_p: f32) -> Self {
        Self::new_in(drop_p, &Addresses::in_scope())
    }

    /// A module that is the next layer of `addresses`.
    #[must_use]
    pub fn new_in(drop_p: f32, addresses: &Addresses) -> Self {
        Self { drop_p: decimal(drop_p), addresses: addresses.clone(), number: addresses.add_layer(), kind: PhantomData }
    }

    /// The number of this layer within its source.
    #[must_use]
    pub fn layer(&self) -> u32 {
        self.number
    }

    /// The source from which the module has its addresses.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Drops by the mask of this layer's next address if `train`; otherwise the result is `xs` itself.
    ///
    /// A tensor that is not contiguous is first copied, as by `Tensor::contiguous`. Decisions are numbered in the
    /// logical order of the elements, so memory order does not matter.
    ///
    /// # Errors
    /// In training, if `drop_p` is not a probability; for another type than `f32`, `f64`, `f16` and `bf16`; for a
    /// number of axes that the module does not take; for a tensor that is not on the CPU. The call is then not counted.
    pub fn forward(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        if !train {
            return Ok(xs.clone());
        }
        let kernel = self.kernel(xs)?;
        Self::pass(kernel, self.addresses.next(self.number)?, xs)
    }

    /// Drops by the mask of a given address, and does not count: for Monte-Carlo dropout between training steps, or to
    /// compute a forward pass again.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_at(&self, xs: &Tensor, address: Address) -> Result<Tensor> {
        Self::pass(self.kernel(xs)?, address, xs)
    }

    /// As [`forward`](Self::forward), in place: for inference with dropout on, and for training by hand. Views with
    /// strides are changed where they are, without a copy, and so are all tensors that share the elements.
    ///
    /// # Errors
    /// As [`forward`](Self::forward); also if candle tracks gradients of `xs`, which have no way through an operation
    /// in place, and if elements of `xs` overlap, as those of a broadcast do. `xs` is then as it was.
    pub fn forward_inplace(&self, xs: &Tensor, train: bool) -> Result<()> {
        if !train {
            return Ok(());
        }
        let kernel = self.kernel(xs)?;
        if xs.track_op() {
            bail!("{} in place of a tensor with gradients: expected one that candle does not track", K::NAME);
        }
        view::<K>(xs.layout())?; // which fails before the call is counted
        let address = self.addresses.next(self.number)?;
        if xs.elem_count() == 0 {
            return Ok(()); // candle takes its strides of zero for an overlap
        }
        xs.inplace_op1(&Pass::<K> { kernel, address, direction: Direction::Forward })
    }

    fn pass(kernel: kernels::Layer<K::Kernel>, address: Address, xs: &Tensor) -> Result<Tensor> {
        xs.apply_op1(Pass::<K> { kernel, address, direction: Direction::Forward })
    }

    /// The kernel, for a tensor that it takes.
    fn kernel(&self, xs: &Tensor) -> Result<kernels::Layer<<K as sealed::Kind>::Kernel>> {
        check_device(K::NAME, xs.device())?;
        if !matches!(xs.dtype(), DType::F32 | DType::F64 | DType::F16 | DType::BF16) {
            return Err(Error::UnsupportedDTypeForOp(xs.dtype(), K::NAME).bt());
        }
        let expected = K::MAP_AXES + 2;
        if K::MAP_AXES > 0 && xs.rank() != expected {
            return Err(Error::UnexpectedNumberOfDims { expected, got: xs.rank(), shape: xs.shape().clone() }.bt());
        }
        Ok(K::kernel(Rate::new(self.drop_p).map_err(Error::wrap)?))
    }
}

/// The shortest decimal that is this `f32`.
fn decimal(x: f32) -> f64 {
    x.to_string().parse().expect("the digits of a float")
}

fn check_device(name: &str, device: &Device) -> Result<()> {
    if !device.is_cpu() {
        bail!("{name} of a tensor on another device: expected one on the CPU, as `to_device(&Device::Cpu)` gives");
    }
    Ok(())
}

impl<K: Kind> ModuleT for Layer<K> {
    fn forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        self.forward(xs, train)
    }
}

impl<K> Clone for Layer<K> {
    fn clone(&self) -> Self {
        Self { addresses: self.addresses.clone(), ..*self }
    }
}

impl<K: Kind> fmt::Debug for Layer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAME).field("drop_p", &self.drop_p).field("layer", &self.number).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::CudaDevice;

    use super::*;

    /// The device's stand-in in builds without CUDA.
    #[test]
    fn refuses_other_devices() {
        let error = check_device("dropout", &Device::Cuda(CudaDevice)).unwrap_err().to_string();
        assert!(error.starts_with("dropout of a tensor on another device: expected one on the CPU"), "{error}");
        check_device("dropout", &Device::Cpu).unwrap();
    }
}
