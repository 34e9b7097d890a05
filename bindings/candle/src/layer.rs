//! The modules: candle's face of a layer.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use candle_core::{DType, Device, Error, ModuleT, Result, Tensor, bail};
use dropout_kernels::{self as kernels, Address, Rate};

use crate::addresses::{Addresses, Number};
use crate::elsewhere;
use crate::kind::{Alpha, Kind, Scaled};
use crate::pass::{Direction, Pass, contiguous, part, view};

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
    number: Arc<Number>,
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
        Self { drop_p: decimal(drop_p), number: Arc::new(addresses.add_layer::<K>(drop_p)), kind: PhantomData }
    }

    /// The number of this layer within its source.
    #[must_use]
    pub fn layer(&self) -> u32 {
        self.number.layer
    }

    /// The source from which the module has its addresses.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.number.addresses
    }

    /// Drops by the mask of this layer's next address if `train`; otherwise the result is `xs` itself.
    ///
    /// A tensor that is not contiguous is first copied, as by `Tensor::contiguous`. Decisions are numbered in the
    /// logical order of the elements, so memory order does not matter.
    ///
    /// On another device than the CPU it is dropout of candle's own kind: the mask is that of the device's generator, and
    /// the call is not counted.
    ///
    /// # Errors
    /// In training, if `drop_p` is not a probability; for another type than `f32`, `f64`, `f16` and `bf16`; for a
    /// number of axes that the module does not take; for a module that was made outside of all scopes, where they are
    /// [required](Addresses::require_scopes). The call is then not counted.
    pub fn forward(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        if !train {
            return Ok(xs.clone());
        }
        check::<K>(xs)?;
        let rate = rate(self.drop_p)?;
        if !xs.device().is_cpu() {
            return elsewhere::dropout::<K>(xs, rate);
        }
        pass::<K>(xs, rate, contiguous::<K>(xs.dims())?, self.count()?)
    }

    /// Drops by the mask of a given address, and does not count: to compute a forward pass again, or where the step is
    /// counted by hand.
    ///
    /// # Errors
    /// As [`forward`](Self::forward); also for a tensor that is not on the CPU.
    pub fn forward_at(&self, xs: &Tensor, address: Address) -> Result<Tensor> {
        check::<K>(xs)?;
        pass::<K>(xs, rate(self.drop_p)?, contiguous::<K>(xs.dims())?, address)
    }

    /// Drops by a part of the mask of a given address, and does not count: `xs` is the box of a tensor of the shape
    /// `whole` that begins at `start`, such as a micro-batch, or what a rank has of a batch. Together all parts are the
    /// whole, bit for bit. All parts of a tensor have one address, from [`count`](Self::count).
    ///
    /// ```
    /// use candle_core::{DType, Device, Tensor};
    /// use dropout_kernels_candle::{Addresses, Dropout};
    ///
    /// let dropout = Dropout::new_in(0.5, &Addresses::new(42));
    /// let address = dropout.count()?;
    /// let x = Tensor::ones((8, 100), DType::F32, &Device::Cpu)?;
    /// let half = |row| dropout.forward_part(&x.narrow(0, row, 4)?, address, &[8, 100], &[row, 0]);
    /// let (halves, whole) = (Tensor::cat(&[half(0)?, half(4)?], 0)?, dropout.forward_at(&x, address)?);
    /// assert_eq!(halves.to_vec2::<f32>()?, whole.to_vec2::<f32>()?);
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`forward_at`](Self::forward_at); also if the box ends outside of the whole, and for more than
    /// [`MAX_RANK`](dropout_kernels::MAX_RANK) axes.
    pub fn forward_part(&self, xs: &Tensor, address: Address, whole: &[usize], start: &[usize]) -> Result<Tensor> {
        check::<K>(xs)?;
        pass::<K>(xs, rate(self.drop_p)?, part::<K>(whole, start, xs.dims())?, address)
    }

    /// Counts a training call, and gives its address: for [`forward_part`](Self::forward_part) and
    /// [`forward_at`](Self::forward_at). In [Monte-Carlo passes](Addresses::monte_carlo), the address of the next pass.
    ///
    /// # Errors
    /// After 2^32 - 1 calls; for a module that was made outside of all scopes, where they are required.
    pub fn count(&self) -> Result<Address> {
        self.number.next()
    }

    /// As [`forward`](Self::forward), in place: for inference with dropout on, and for training by hand. Views with
    /// strides are changed where they are, without a copy, and so are all tensors that share the elements.
    ///
    /// Among those may be what a graph has saved for its backward pass, of which candle says nothing: after
    /// `y = t * w`, the gradient of `w` is made of what `t` is then. So let no tensor be changed between its use by an
    /// operation that is tracked and the backward pass, nor one that shares the elements of a variable, as `detach` and
    /// views do.
    ///
    /// # Errors
    /// As [`forward`](Self::forward); also for a tensor that is not on the CPU; if candle tracks gradients of `xs`, which
    /// have no way through an operation in place; if elements of `xs` overlap, as those of a broadcast do; and for a view
    /// of more than [`MAX_RANK`](dropout_kernels::MAX_RANK) axes, of which those that lie in memory as one count as one.
    /// `xs` is then as it was.
    pub fn forward_inplace(&self, xs: &Tensor, train: bool) -> Result<()> {
        if !train {
            return Ok(());
        }
        check::<K>(xs)?;
        check_device(K::NAME, xs.device())?;
        let (kernel, layout) = (K::kernel(rate(self.drop_p)?), contiguous::<K>(xs.dims())?);
        if xs.track_op() {
            bail!("{} in place of a tensor with gradients: expected one that candle does not track", K::NAME);
        }
        if !xs.is_contiguous() {
            view::<K>(xs.layout())?; // which fails before the call is counted
        }
        let address = self.count()?;
        if xs.elem_count() == 0 {
            return Ok(()); // candle takes its strides of zero for an overlap
        }
        xs.inplace_op1(&Pass::<K> { kernel, layout, address, direction: Direction::Forward })
    }
}

/// Inverted dropout of elements by the mask of a given address, without a module: for the attention or the adapters of a
/// model that has a rate and counts its own steps.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use dropout_kernels_candle::{Address, dropout};
///
/// let scores = Tensor::ones((2, 8, 16, 16), DType::F32, &Device::Cpu)?;
/// let address = Address { seed: 42, layer: 3, step: 1000, offset: 0 };
/// assert_eq!(dropout(&scores, 0.5, address)?.mean_all()?.to_scalar::<f32>()?.round(), 1.0);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// As [`Layer::forward_at`].
pub fn dropout(xs: &Tensor, drop_p: f32, address: Address) -> Result<Tensor> {
    check::<Scaled<0>>(xs)?;
    pass::<Scaled<0>>(xs, rate(decimal(drop_p))?, contiguous::<Scaled<0>>(xs.dims())?, address)
}

fn pass<K: Kind>(xs: &Tensor, rate: Rate, layout: kernels::Layout, address: Address) -> Result<Tensor> {
    check_device(K::NAME, xs.device())?;
    xs.apply_op1(Pass::<K> { kernel: K::kernel(rate), layout, address, direction: Direction::Forward })
}

/// Whether a module takes a tensor, on whatever device.
fn check<K: Kind>(xs: &Tensor) -> Result<()> {
    if !matches!(xs.dtype(), DType::F32 | DType::F64 | DType::F16 | DType::BF16) {
        return Err(Error::UnsupportedDTypeForOp(xs.dtype(), K::NAME).bt());
    }
    let expected = K::MAP_AXES + 2;
    if K::MAP_AXES > 0 && xs.rank() != expected {
        return Err(Error::UnexpectedNumberOfDims { expected, got: xs.rank(), shape: xs.shape().clone() }.bt());
    }
    Ok(())
}

fn check_device(name: &str, device: &Device) -> Result<()> {
    if !device.is_cpu() {
        bail!("{name} by an address, or in place, on another device: expected the CPU, as `to_device(&Device::Cpu)` gives");
    }
    Ok(())
}

fn rate(drop_p: f64) -> Result<Rate> {
    Rate::new(drop_p).map_err(Error::wrap)
}

/// The shortest decimal that is this `f32`.
fn decimal(x: f32) -> f64 {
    x.to_string().parse().expect("the digits of a float")
}

impl<K: Kind> ModuleT for Layer<K> {
    fn forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        self.forward(xs, train)
    }
}

impl<K> Clone for Layer<K> {
    fn clone(&self) -> Self {
        Self { number: Arc::clone(&self.number), ..*self }
    }
}

impl<K: Kind> fmt::Debug for Layer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAME).field("drop_p", &self.drop_p).field("layer", &self.number.layer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::CudaDevice;

    use super::*;

    /// The device's stand-in in builds without CUDA.
    #[test]
    fn refuses_addresses_on_other_devices() {
        let error = check_device("dropout", &Device::Cuda(CudaDevice)).unwrap_err().to_string();
        assert!(error.starts_with("dropout by an address, or in place, on another device: expected the CPU"), "{error}");
        check_device("dropout", &Device::Cpu).unwrap();
    }
}
