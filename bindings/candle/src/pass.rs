//! A pass over the elements, as an operation of candle's.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, Error, InplaceOp1, Layout, Result, Shape, Tensor, WithDType, cpu_backend};
use dropout_kernels::{self as kernels, Address, Element, Layer, Mode, Part};

use crate::kind::sealed::Kind;

/// One pass of one mask. It holds the mask's address, not the mask.
pub(crate) struct Pass<K: Kind> {
    pub(crate) kernel: Layer<K::Kernel>,
    pub(crate) address: Address,
    pub(crate) direction: Direction,
}

#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Forward,
    Backward,
}

impl<K: Kind> Pass<K> {
    /// From a tensor to a new one, which is contiguous.
    fn apply<E: Element + WithDType>(&self, x: &[E], layout: &Layout) -> Result<Vec<E>>
    where
        K::Kernel: kernels::Kind<E>,
    {
        let kernel = self.kernel.with_layout(contiguous::<K>(layout)?);
        let Some((start, end)) = layout.contiguous_offsets() else {
            // The library has one layout for both slices, and candle wants a result without strides.
            let mut y = cpu_backend::unary_map(x, layout, |x| x);
            self.apply_in_place(kernel, &mut y)?;
            return Ok(y);
        };
        let mode = Mode::Train(self.address);
        let mut result = Ok(());
        // As candle's own operations do: without zeroing a new tensor first, which takes as long as the kernel.
        let y = cpu_backend::unary_map_vec(
            &x[start..end],
            &Layout::contiguous(end - start),
            |x| x,
            |x, y| {
                result = match self.direction {
                    Direction::Forward => kernel.apply(mode, x, y),
                    Direction::Backward => kernel.backward(mode, x, y),
                }
            },
        );
        result.map_err(Error::wrap)?;
        Ok(y)
    }

    fn apply_in_place<E: Element>(&self, kernel: Layer<K::Kernel>, x: &mut [E]) -> Result<()>
    where
        K::Kernel: kernels::Kind<E>,
    {
        let mode = Mode::Train(self.address);
        match self.direction {
            Direction::Forward => kernel.apply_in_place(mode, x),
            Direction::Backward => kernel.backward_in_place(mode, x),
        }
        .map_err(Error::wrap)
    }

    /// In place of a tensor with any strides.
    fn apply_to_view<E: Element>(&self, x: &mut [E], layout: &Layout) -> Result<()>
    where
        K::Kernel: kernels::Kind<E>,
    {
        let view = view::<K>(layout)?;
        let start = layout.start_offset();
        self.apply_in_place(self.kernel.with_layout(view), &mut x[start..start + view.elements()])
    }
}

/// The layout of a contiguous tensor of any number of axes: what shares a decision is one axis, and all others another.
fn contiguous<K: Kind>(layout: &Layout) -> Result<kernels::Layout> {
    let (decisions, map) = layout.dims().split_at(layout.dims().len() - K::MAP_AXES);
    kernels::Layout::shared(&[decisions.iter().product(), map.iter().product()], &[1]).map_err(Error::wrap)
}

/// The layout of a tensor with its strides.
///
/// # Errors
/// If elements overlap.
pub(crate) fn view<K: Kind>(layout: &Layout) -> Result<kernels::Layout> {
    let (shape, rank) = (layout.dims(), layout.dims().len());
    let axes: Vec<usize> = (0..rank).collect();
    let (start, shared) = (vec![0; rank], &axes[rank - K::MAP_AXES..]);
    kernels::Layout::part(Part { whole: shape, start: &start, shape, shared, strides: Some(layout.stride()) })
        .map_err(Error::wrap)
}

impl<K: Kind> CustomOp1 for Pass<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let storage = match storage {
            CpuStorage::F32(x) => CpuStorage::F32(self.apply(x, layout)?),
            CpuStorage::F64(x) => CpuStorage::F64(self.apply(x, layout)?),
            CpuStorage::F16(x) => CpuStorage::F16(self.apply(x, layout)?),
            CpuStorage::BF16(x) => CpuStorage::BF16(self.apply(x, layout)?),
            _ => return Err(Error::UnsupportedDTypeForOp(storage.dtype(), K::NAME).bt()),
        };
        Ok((storage, layout.shape().clone()))
    }

    /// A linear map of the gradient, and so its own derivative.
    fn bwd(&self, _arg: &Tensor, _res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        grad_res.apply_op1(Self { direction: Direction::Backward, ..*self }).map(Some)
    }
}

impl<K: Kind> InplaceOp1 for Pass<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        match storage {
            CpuStorage::F32(x) => self.apply_to_view(x, layout),
            CpuStorage::F64(x) => self.apply_to_view(x, layout),
            CpuStorage::F16(x) => self.apply_to_view(x, layout),
            CpuStorage::BF16(x) => self.apply_to_view(x, layout),
            _ => Err(Error::UnsupportedDTypeForOp(storage.dtype(), K::NAME).bt()),
        }
    }
}
