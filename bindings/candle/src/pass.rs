//! A pass over the elements, as an operation of candle's.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, Error, InplaceOp1, Layout, Result, Shape, Tensor, WithDType, cpu_backend};
use dropout_kernels::{self as kernels, Address, Element, Layer, Mode, Part};

use crate::kind::sealed::Kind;

/// One pass of one mask. It holds the mask's address, not the mask.
pub(crate) struct Pass<K: Kind> {
    pub(crate) kernel: Layer<K::Kernel>,
    /// Of the contiguous tensor.
    pub(crate) layout: kernels::Layout,
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
        let kernel = self.kernel.with_layout(self.layout);
        let Some((start, end)) = layout.contiguous_offsets() else {
            // The library has one layout for both slices, and candle wants a result without strides.
            let mut y = cpu_backend::unary_map(x, layout, |x| x);
            self.apply_in_place(self.layout, &mut y)?;
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

    fn apply_in_place<E: Element>(&self, layout: kernels::Layout, x: &mut [E]) -> Result<()>
    where
        K::Kernel: kernels::Kind<E>,
    {
        let (kernel, mode) = (self.kernel.with_layout(layout), Mode::Train(self.address));
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
        if let Some((start, end)) = layout.contiguous_offsets() {
            return self.apply_in_place(self.layout, &mut x[start..end]);
        }
        let view = view::<K>(layout)?;
        let start = layout.start_offset();
        self.apply_in_place(view, &mut x[start..start + view.elements()])
    }
}

/// The layout of a contiguous tensor of any number of axes: what shares a decision is one axis, and all others another.
pub(crate) fn contiguous<K: Kind>(shape: &[usize]) -> Result<kernels::Layout> {
    let (decisions, map) = shape.split_at(shape.len() - K::MAP_AXES);
    kernels::Layout::shared(&[decisions.iter().product(), map.iter().product()], &[1]).map_err(Error::wrap)
}

/// The layout of a part of a contiguous tensor.
pub(crate) fn part<K: Kind>(whole: &[usize], start: &[usize], shape: &[usize]) -> Result<kernels::Layout> {
    let shared: Vec<usize> = (shape.len() - K::MAP_AXES..shape.len()).collect();
    kernels::Layout::part(Part { whole, start, shape, shared: &shared, strides: None }).map_err(Error::wrap)
}

/// The layout of a tensor with its strides.
///
/// # Errors
/// If elements overlap; if more than [`MAX_RANK`](kernels::MAX_RANK) axes are left when those that lie in memory as one are
/// taken as one.
pub(crate) fn view<K: Kind>(layout: &Layout) -> Result<kernels::Layout> {
    let deciding = layout.dims().len() - K::MAP_AXES;
    let (mut shape, mut strides, mut shared) = (Vec::new(), Vec::new(), Vec::new());
    for (axis, (&extent, &stride)) in layout.dims().iter().zip(layout.stride()).enumerate() {
        let is_shared = axis >= deciding;
        match (shape.last_mut(), strides.last_mut()) {
            _ if extent == 1 => {}
            (Some(outer), Some(outer_stride)) if *outer_stride == extent * stride && shared.is_empty() != is_shared => {
                *outer *= extent;
                *outer_stride = stride;
            }
            _ => {
                if is_shared {
                    shared.push(shape.len());
                }
                shape.push(extent);
                strides.push(stride);
            }
        }
    }
    let (start, strides) = (vec![0; shape.len()], Some(&*strides));
    let layout = kernels::Layout::part(Part { whole: &shape, start: &start, shape: &shape, shared: &shared, strides });
    layout.map_err(|error| match error {
        kernels::Error::Stride { .. } => {
            let name = K::NAME;
            Error::msg(format!("{name} in place of a view whose elements overlap: expected a copy, as `contiguous` gives"))
        }
        error => Error::wrap(error),
    })
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
