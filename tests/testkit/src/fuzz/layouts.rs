//! Layers with a layout: every constructor with any arguments, good or bad, against the index map of the oracle.

use arbitrary::Arbitrary;
use dropout_kernels::{Error, Layout, MAX_RANK};

use super::inputs::{Count, Extent, Length, Values};
use super::layer::Layer;
use super::tensor::Tensor;
use crate::oracle;
use crate::subject::OfScaled;

#[derive(Arbitrary, Debug)]
pub struct Input {
    layer: Layer,
    constructor: Constructor,
    x_len: Length,
    values: Values,
}

#[derive(Arbitrary, Debug)]
pub enum Constructor {
    Flat(Extent),
    Dense(Vec<Extent>),
    Sample(Vec<Extent>),
    Locked(Vec<Extent>),
    Shared(Vec<Extent>, Vec<u8>),
    /// With a stride of so many more or, as it must not be, fewer elements than columns.
    Rows {
        rows: Extent,
        columns: Extent,
        gap: Extent,
        fewer: bool,
    },
    Named(Name, [Extent; 5]),
}

#[derive(Arbitrary, Debug)]
pub enum Name {
    Ncl,
    Cl,
    Nchw,
    Chw,
    Ncdhw,
    Cdhw,
    Nlc,
    Lc,
    Nhwc,
    Hwc,
    Ndhwc,
    Dhwc,
}

/// What a layout must be.
struct Model {
    elements: usize,
    decisions: usize,
    shape: Vec<usize>,
    shared: Vec<usize>,
    /// Of each row, the columns that are the tensor's, where there are others.
    columns: Option<usize>,
}

impl Model {
    fn new(shape: Vec<usize>, shared: Vec<usize>) -> Result<Self, Error> {
        let rank = shape.len();
        if rank > MAX_RANK {
            return Err(Error::Rank { rank, most: MAX_RANK });
        }
        if let Some((_, &axis)) = shared.iter().enumerate().find(|&(i, &axis)| axis >= rank || shared[..i].contains(&axis)) {
            return Err(Error::Axis { axis, rank });
        }
        // That of the extents that are not zero must fit, wherever a zero stands.
        let volume = shape.iter().filter(|&&extent| extent > 0).try_fold(1, |n: usize, &extent| n.checked_mul(extent));
        let volume = volume.ok_or(Error::ShapeOverflow)?;
        let elements = if shape.contains(&0) { 0 } else { volume };
        let decisions = (0..rank).filter(|axis| !shared.contains(axis)).map(|axis| shape[axis]).product();
        Ok(Self { elements, decisions, shape, shared, columns: None })
    }

    fn rows(rows: usize, columns: usize, stride: usize) -> Result<Self, Error> {
        if stride < columns {
            return Err(Error::Stride { stride, columns });
        }
        let dense = Self::new(vec![rows, columns], vec![])?;
        if dense.elements == 0 {
            return Ok(dense);
        }
        let elements = (rows as u128 - 1) * stride as u128 + columns as u128;
        let elements = elements.try_into().map_err(|_| Error::ShapeOverflow)?;
        Ok(Self { elements, shape: vec![rows, stride], columns: Some(columns), ..dense })
    }

    /// Which decision an element reads, if it is the tensor's.
    fn reads(&self, element: usize) -> Option<usize> {
        let Some(columns) = self.columns else { return Some(oracle::decision(&self.shape, &self.shared, element)) };
        let (row, column) = (element / self.shape[1], element % self.shape[1]);
        (column < columns).then_some(row * columns + column)
    }
}

impl Constructor {
    /// What the library makes of the arguments, and what it must.
    fn call(&self) -> (Result<Layout, Error>, Result<Model, Error>) {
        let extents = |shape: &[Extent]| -> Vec<usize> { shape.iter().map(|extent| extent.get()).collect() };
        match self {
            Self::Flat(len) => (Ok(Layout::flat(len.get())), Model::new(vec![len.get()], vec![])),
            Self::Dense(shape) => {
                let shape = extents(shape);
                (Layout::dense(&shape), Model::new(shape, vec![]))
            }
            Self::Sample(shape) => {
                let shape = extents(shape);
                let all_others = (1..shape.len()).collect();
                (Layout::sample(&shape), Model::new(shape, all_others))
            }
            Self::Locked(shape) => {
                let shape = extents(shape);
                let first = (0..shape.len().min(1)).collect();
                (Layout::locked(&shape), Model::new(shape, first))
            }
            Self::Shared(shape, axes) => {
                let (shape, axes) = (extents(shape), axes.iter().copied().map(usize::from).collect::<Vec<_>>());
                (Layout::shared(&shape, &axes), Model::new(shape, axes))
            }
            Self::Rows { rows, columns, gap, fewer } => {
                let [rows, columns, gap] = [rows, columns, gap].map(|extent| extent.get());
                let stride = if *fewer { columns.saturating_sub(gap) } else { columns.saturating_add(gap) };
                (Layout::rows(rows, columns, stride), Model::rows(rows, columns, stride))
            }
            Self::Named(name, extents) => {
                let [a, b, c, d, e] = extents.map(Extent::get);
                let (layout, shape, spatial): (_, &[usize], &[usize]) = match name {
                    Name::Ncl => (Layout::ncl([a, b, c]), &[a, b, c], &[2]),
                    Name::Cl => (Layout::cl([a, b]), &[a, b], &[1]),
                    Name::Nchw => (Layout::nchw([a, b, c, d]), &[a, b, c, d], &[2, 3]),
                    Name::Chw => (Layout::chw([a, b, c]), &[a, b, c], &[1, 2]),
                    Name::Ncdhw => (Layout::ncdhw([a, b, c, d, e]), &[a, b, c, d, e], &[2, 3, 4]),
                    Name::Cdhw => (Layout::cdhw([a, b, c, d]), &[a, b, c, d], &[1, 2, 3]),
                    Name::Nlc => (Layout::nlc([a, b, c]), &[a, b, c], &[1]),
                    Name::Lc => (Layout::lc([a, b]), &[a, b], &[0]),
                    Name::Nhwc => (Layout::nhwc([a, b, c, d]), &[a, b, c, d], &[1, 2]),
                    Name::Hwc => (Layout::hwc([a, b, c]), &[a, b, c], &[0, 1]),
                    Name::Ndhwc => (Layout::ndhwc([a, b, c, d, e]), &[a, b, c, d, e], &[1, 2, 3]),
                    Name::Dhwc => (Layout::dhwc([a, b, c, d]), &[a, b, c, d], &[0, 1, 2]),
                };
                (layout, Model::new(shape.to_vec(), spatial.to_vec()))
            }
        }
    }
    /// The layout, which is checked, and a slice that should be of its length.
    pub fn tensor(&self, len: Length) -> Option<Tensor> {
        let (layout, model) = match self.call() {
            (Ok(layout), Ok(model)) => (layout, model),
            (layout, model) => {
                assert_eq!(layout.err(), model.err());
                return None;
            }
        };
        assert_eq!((layout.elements(), layout.decisions()), (model.elements, model.decisions));
        if model.elements > Count::MAX {
            return None;
        }
        let len = len.get(model.elements);
        let reads = (0..if len == model.elements { len } else { 0 }).map(|element| model.reads(element)).collect();
        Some(Tensor { layout: Some(layout), len, elements: model.elements, decisions: model.decisions, reads })
    }
}

pub fn check(Input { layer, constructor, x_len, values }: &Input) {
    if let Some(tensor) = constructor.tensor(*x_len) {
        let case = layer.of::<OfScaled<f32>>(&tensor);
        case.check(values);
        case.check_recording(values);
    }
}
